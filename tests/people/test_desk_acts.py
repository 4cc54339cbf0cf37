"""Life events are shown with what follows before they happen; verification, card, corrections, merges, the privacy notice."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.viewer import Role
from civic.people import operations, queries, seeds
from civic.people.models import Correction, DocumentKind, Membership, Merge, MergeState, Person, Representation
from civic.territory.models import Building, Home, TerritoryKind
from tests.support.people import CLERK, phone, resident_card

LANGS = ("zh", "en")


@pytest.fixture
def clerk(client, sign_in, make_account, place):
    account = make_account(role=Role.clerk, territory=place)
    sign_in(client, account)
    return account


def speak(client, lang):
    client.set_cookie("civic_lang", lang)


def again(person):
    """The row as it stands; the read ends at once, or the next rollback here would undo what the browser wrote since."""
    found = db.session.get(Person, person.id, populate_existing=True)
    db.session.commit()
    return found


def twice(client, at, typed, status=303):
    """The form, then what follows, then the act: as a clerk goes through it."""
    page = client.submit(at, typed, status=200).get_data(as_text=True)
    assert 'value="do"' in page
    key = page.split('name="request_key" value="')[1].split('"')[0]
    token = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    return page, client.post(at, data={**typed, "request_key": key, "csrf_token": token, "step": "do"}, status=status)


@pytest.mark.parametrize("lang", LANGS)
def test_a_death_shows_what_follows_before_it_happens_and_can_be_undone(client, clerk, make_person, make_home, place, answering, lang):
    speak(client, lang)
    asked = answering(sentence="They pass to the heir.")
    person = make_person(home=make_home(place), documents=[resident_card()])
    operations.verify_person(CLERK, person.id, queries.documents_of(person.id)[0].id)
    at = f"/desk/people/{person.uid}/death"
    client.submit(at, {"on": "2027-01-01", "evidence": ""}, status=422)
    client.submit(at, {"on": "", "evidence": ""}, status=422)
    page, _answer = twice(client, at, {"on": "2026-11-20", "evidence": "死亡证明"})
    assert "They pass to the heir." in page
    assert asked
    assert again(person).died_on == date(2026, 11, 20)
    assert "undo-death" in client.get(f"/desk/people/{person.uid}", status=200).get_data(as_text=True)
    client.get(at, status=200)
    twice(client, at, {"on": "2026-11-20", "evidence": ""}, status=422)
    twice(client, f"/desk/people/{person.uid}/undo-death", {"evidence": "录错了人"})
    assert again(person).died_on is None


def test_a_death_is_only_shown_until_it_is_confirmed(client, clerk, make_person):
    person = make_person()
    at = f"/desk/people/{person.uid}/death"
    client.submit(at, {"on": "2026-11-20", "evidence": ""}, status=200)
    client.submit(at, {"on": "2026-11-20", "evidence": "", "step": "back"}, status=200)
    assert again(person).died_on is None


def test_acts_are_marked_at_the_desk(client, clerk, make_person):
    person = make_person()
    client.submit(f"/desk/people/{person.uid}/contact", {"phone": "13800138000", "mail": ""}, status=303)
    query = sa.select(AuditEvent.channel).where(AuditEvent.account_id == clerk.id, AuditEvent.verb == "people.contact.add")
    assert db.session.scalars(query).all() == ["desk"]


@pytest.mark.parametrize("lang", LANGS)
def test_moving_joining_splitting_and_leaving(client, clerk, make_person, make_home, place, make_community, lang):
    speak(client, lang)
    make_home(place, "301")
    one, two = make_person("甲一", home=make_home(place, "302")), make_person("乙二")
    at = f"/desk/people/{one.uid}"
    client.submit(f"{at}/move", {"who": one.uid, "home_words": "榕荫里", "on": "2026-11-01"}, status=422)
    client.submit(f"{at}/move", {"who": one.uid, "home_words": "", "on": "2026-11-01"}, status=422)
    client.submit(f"{at}/move", {"who": two.uid, "home_words": "榕荫里 301", "on": "2026-11-25"}, status=422)
    client.submit(f"{at}/move", {"who": one.uid, "home_words": "榕荫里", "on": "2026-11-25", "step": "homes"}, status=200)
    twice(client, f"{at}/move", {"who": one.uid, "home_words": "榕荫里 301", "on": "2026-11-25", "evidence": ""})
    number = queries.household_of(two.id).number
    client.submit(f"{at}/join", {"who": one.uid, "household": "123", "relation": "child", "on": "2026-11-25"}, status=422)
    twice(client, f"{at}/join", {"who": one.uid, "household": number, "relation": "child", "on": "2026-11-25", "evidence": ""})
    twice(client, f"{at}/join", {"who": one.uid, "household": number, "relation": "child", "on": "2026-11-25", "evidence": ""}, status=422)
    assert len(queries.household_of(two.id).members) == 2
    twice(client, f"{at}/split", {"who": one.uid, "on": "2026-11-25", "evidence": ""})
    assert len(queries.household_of(two.id).members) == 1
    twice(client, f"{at}/split", {"who": one.uid, "on": "2026-11-25", "evidence": ""}, status=422)
    page, _answer = twice(client, f"{at}/move-out", {"who": one.uid, "elsewhere": "广西南宁", "on": "2026-11-25", "evidence": ""})
    assert "广西南宁" in page
    assert "广西南宁" not in client.get(at, status=200).get_data(as_text=True)


def test_somebody_who_moves_out_of_reach_leads_back_to_the_search(client, clerk, make_person, make_home, place, make_community):
    far = make_community()
    make_home(far, "909")
    person = make_person(home=make_home(place))
    _page, answer = twice(
        client, f"/desk/people/{person.uid}/move", {"who": person.uid, "home_words": "909", "on": "2026-11-25", "evidence": ""}
    )
    assert answer.location == "/desk/people/"
    assert again(person).place_id == far.id


@pytest.mark.parametrize("lang", LANGS)
def test_birth_and_who_speaks_for_whom(client, clerk, make_person, lang):
    speak(client, lang)
    mother, uncle = make_person("母亲", "1990-01-01"), make_person("舅舅", "1985-01-01")
    at = f"/desk/people/{mother.uid}"
    base = {"document_kind": "resident_card", "document_number": "", "sex": "female", "evidence": ""}
    client.submit(f"{at}/birth", {**base, "name": "小宝", "birth_on": "2026"}, status=422)
    client.submit(f"{at}/birth", {**base, "name": "", "birth_on": "20261103"}, status=422)
    twice(client, f"{at}/birth", {**base, "name": "小宝", "birth_on": "20261103"})
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Membership).where(Membership.ended_on.is_(None))) == 3
    proxy = {"kind": "proxy", "on": "2026-11-01", "until_on": "", "evidence": ""}
    client.submit(f"{at}/representation", {**proxy, "other": "123456789"}, status=422)
    client.submit(f"{at}/representation", {**proxy, "other": uncle.number, "until_on": "2026-10-01"}, status=422)
    twice(client, f"{at}/representation", {**proxy, "other": uncle.number})
    twice(client, f"{at}/representation", {**proxy, "other": uncle.number}, status=422)
    row = db.session.scalars(sa.select(Representation).where(Representation.representative_id == uncle.id)).one()
    client.submit(f"{at}/representation/{row.id}/end", {"on": "2025-11-01"}, status=422)
    client.submit(f"{at}/representation/{row.id}/end", {"on": "2026-11-20"}, status=303)
    client.get(f"{at}/representation/{row.id}/end", status=404)


@pytest.mark.parametrize("lang", LANGS)
def test_verifying_asks_for_the_document_in_the_hand(client, clerk, make_person, make_home, place, lang):
    speak(client, lang)
    bare = make_person("无证")
    client.get(f"/desk/people/{bare.uid}/verify", status=200)
    person = make_person(home=make_home(place), documents=[resident_card()])
    at = f"/desk/people/{person.uid}/verify"
    document = str(queries.documents_of(person.id)[0].id)
    client.submit(at, {"document": document}, status=422)
    client.submit(at, {"document": "999999", "seen": "y", "home_right": "y"}, status=422)
    client.submit(at, {"document": document, "seen": "y", "home_right": "y", "evidence": ""}, status=303)
    client.submit(at, {"document": document, "seen": "y", "home_right": "y", "evidence": ""}, status=422)
    twice(client, f"/desk/people/{person.uid}/end-verification", {"evidence": "看错证件"})
    assert not queries.verified_in(person.id)


@pytest.mark.parametrize("lang", LANGS)
def test_the_card_says_nothing_to_strangers_and_leads_a_clerk_to_the_page(client, site, clerk, make_person, lang):
    speak(client, lang)
    person = make_person("梁玉珍")
    at = f"/desk/people/{person.uid}/card"
    client.get(at, status=200)
    client.submit(at, {}, status=303)
    page = client.get(at, status=200).get_data(as_text=True)
    token = queries.card_token(person.id)
    db.session.expire_all()
    db.session.commit()
    assert token in page
    assert "data:image/svg+xml" in page
    client.submit(f"{at}/code", {"code": "1111", "again": "1111"}, page=at, status=422)
    client.submit(f"{at}/code", {"code": "2580", "again": "2581"}, page=at, status=422)
    client.submit(f"{at}/code", {"code": "2580", "again": "2580"}, page=at, status=303)
    assert operations.prove_card(person.number, "2580") == person.id
    assert client.get(f"/card/{token}", status=303).location.endswith(person.uid)
    stranger = site.test_client()
    speak(stranger, lang)
    shown = stranger.get(f"/card/{token}", status=200)
    assert "梁玉珍" not in shown.get_data(as_text=True)
    assert person.number not in shown.get_data(as_text=True)
    client.submit(at, {}, status=303)
    stranger.get(f"/card/{token}", status=404)
    stranger.get("/card/unknown", status=404)


@pytest.mark.parametrize("lang", LANGS)
def test_a_wish_waits_in_the_queue_until_it_is_answered(client, clerk, make_person, lang):
    speak(client, lang)
    person = make_person()
    client.submit(f"/desk/people/{person.uid}/wish", {"topic": "name", "wish": ""}, status=422)
    client.submit(f"/desk/people/{person.uid}/wish", {"topic": "name", "wish": "名字少一点"}, status=303)
    with atomic():
        row = db.session.scalars(sa.select(Correction)).one()
        row.due_on = date(2026, 11, 1)
    assert "/desk/people/corrections/" in client.get("/desk/", status=200).get_data(as_text=True)
    assert "tag-bad" in client.get("/desk/people/corrections/", status=200).get_data(as_text=True)
    at = f"/desk/people/corrections/{row.uid}"
    client.submit(at, {"answer": "已改"}, status=422)
    client.submit(at, {"state": "done", "answer": "已改"}, status=303)
    client.get(at, status=200)
    client.get("/desk/people/corrections/", status=200)
    assert "已改" in client.get(f"/desk/people/{person.uid}", status=200).get_data(as_text=True)


@pytest.mark.parametrize("lang", LANGS)
def test_two_people_merge_and_two_people_undo(client, clerk, sign_in, make_account, make_person, place, lang):
    speak(client, lang)
    one, two = make_person("王芳", "1986-08-16"), make_person("王芳", "1986-08-16", contacts=[phone()])
    client.submit(f"/desk/people/{one.uid}/merge", {"other": "1"}, status=422)
    client.submit(f"/desk/people/{one.uid}/merge", {"other": one.number}, status=422)
    at = client.submit(f"/desk/people/{one.uid}/merge", {"other": two.number}, status=303).location
    assert "13800138000" not in client.get(at, status=200).get_data(as_text=True)
    client.submit(at, {"reason": "同一人"}, status=422)
    _page, answer = twice(client, at, {"survivor": two.uid, "reason": "同一张身份证，两次登记"})
    merge = db.session.scalars(sa.select(Merge)).one()
    assert merge.loser_id == one.id
    db.session.commit()
    page = client.get(answer.location, status=200).get_data(as_text=True)
    assert "/approve" not in page
    at = f"/desk/people/merges/{merge.uid}"
    colleague = make_account(role=Role.manager, territory=place)
    sign_in(client, colleague)
    assert "/desk/people/merges/" in client.get("/desk/", status=200).get_data(as_text=True)
    client.get("/desk/people/merges/", status=200)
    client.submit(f"{at}/approve", {}, page=at, status=303)
    assert again(one).merged_into_id == two.id
    assert two.uid in client.get(f"/desk/people/{one.uid}", status=200).get_data(as_text=True)
    client.submit(f"{at}/ask-undo", {"reason": ""}, page=at, status=422)
    client.submit(f"{at}/ask-undo", {"reason": "不是同一人"}, page=at, status=303)
    assert '/undo"' not in client.get(at, status=200).get_data(as_text=True)
    sign_in(client, clerk)
    client.submit(f"{at}/undo", {}, page=at, status=303)
    assert again(one).merged_into_id is None
    client.get("/desk/people/merges/", status=200)


def test_the_asker_cannot_decide_by_sending_the_form_herself(client, clerk, make_person):
    one, two = make_person("王芳"), make_person("王芳", "1986-08-16")
    merge = operations.ask_merge(CLERK, one.id, two.id, "同一人")
    with atomic():
        db.session.get_one(Merge, merge.id).asked_by_id = clerk.id
    at = f"/desk/people/merges/{merge.uid}"
    other = f"/desk/people/{one.uid}/contact"
    client.submit(f"{at}/approve", {}, page=other, status=403)
    assert again(one).merged_into_id is None


def test_a_merge_that_a_module_objects_to_is_decided_above(
    client, sign_in, make_account, make_person, make_community, make_territory, answering
):
    street = make_territory(TerritoryKind.street)
    place = make_community(parent=street)
    answering(objects=True, sentence="Hours overlap.")
    make_account()  # the asker: CLERK is the first account
    one, two = make_person("王芳", place=place), make_person("王芳", "1986-08-16", place=place)
    merge = operations.ask_merge(CLERK, one.id, two.id, "同一人")
    assert merge.state is MergeState.review
    at = f"/desk/people/merges/{merge.uid}"
    sign_in(client, make_account(role=Role.clerk, territory=place))
    page = client.get(at, status=200).get_data(as_text=True)
    assert "Hours overlap." in page
    assert "/approve" not in page
    client.submit(f"{at}/approve", {}, page=at, status=403)
    sign_in(client, make_account(role=Role.town, territory=street))
    client.submit(f"{at}/approve", {}, page=at, status=303)
    assert again(one).merged_into_id == two.id
    sign_in(client, make_account(role=Role.clerk, territory=make_community()))
    client.get(at, status=404)


@pytest.mark.parametrize("lang", LANGS)
def test_a_version_of_the_privacy_notice(client, sign_in, make_account, place, lang):
    speak(client, lang)
    client.get("/people/privacy-notice", status=200)
    sign_in(client, make_account(role=Role.administrator, territory=place))
    client.get("/desk/people/privacy-notice", status=403)
    sign_in(client, make_account(role=Role.administrator))
    at = "/desk/people/privacy-notice"
    client.submit(at, {"from_on": "2026-01-01", "text_zh": "甲", "text_en": "a"}, status=422)
    client.submit(at, {"from_on": "2026-11-25", "text_zh": "", "text_en": "a"}, status=422)
    client.submit(at, {"from_on": "2026-11-25", "text_zh": "第一段\n\n第二段", "text_en": "One\n\ntwo"}, status=303)
    client.submit(at, {"from_on": "2026-12-25", "text_zh": "新版", "text_en": "new"}, status=303)
    page = client.get("/people/privacy-notice", status=200).get_data(as_text=True)
    assert ("第一段" if lang == "zh" else "<p>One</p>") in page
    client.get("/people/privacy-notice?version=2", status=200)
    client.get("/people/privacy-notice?version=9", status=404)


def test_the_demonstration_has_its_people(site, make_community, make_territory):
    for code in ("440113010901", "440113010902", "440113118901"):
        community = make_community(code=code)
        for number in sorted({int(f.building.split("-B")[1]) for f in seeds.FAMILIES if f.building.startswith(code)}):
            grid = make_territory(TerritoryKind.grid, community, code=f"{code}{number:02d}")
            with atomic():
                building = Building(code=f"{code}-B{number:03d}", grid_id=grid.id, street_zh="榕荫里", street_en="Lane", number=str(number))
                db.session.add(building)
                db.session.flush()
                db.session.add(Home(building_id=building.id, room="101"))
    seeds.demo()
    seeds.demo()
    people = list(db.session.scalars(sa.select(Person)))
    assert 55 <= len(people) <= 70
    assert sum(p.died_on is not None for p in people) == 1
    kinds = {d.kind for p in people for d in queries.documents_of(p.id)}
    assert {DocumentKind.passport, DocumentKind.hmt_permit, DocumentKind.resident_card} <= kinds
    assert not [
        fault for check in site.extensions["civic"].registry.all_of("checks") for fault in check.run() if check.name.startswith("people")
    ]
