"""A clerk finds people, records them, and sees values in clear only with a reason that is noted."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from civic.accounts.models import Account
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Role
from civic.people import operations, queries
from civic.people.models import Household, Look, LookKind, Person, RepresentationKind
from tests.support.people import CLERK, phone, resident_card, resident_number

LANGS = ("zh", "en")
TODAY = date(2026, 11, 25)


@pytest.fixture
def clerk(client, sign_in, make_account, place):
    account = make_account(role=Role.clerk, territory=place)
    sign_in(client, account)
    return account


def speak(client, lang):
    client.set_cookie("civic_lang", lang)


def search(client, words):
    """What a browser does: send the form, then fetch where it is led, each as a request of its own."""
    return client.get(client.submit("/desk/people/", {"words": words}, status=303).location, status=200)


def people() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Person))


def looks(person, kind=None):
    query = sa.select(Look).where(Look.person_id == person.id)
    return list(db.session.scalars(query.where(Look.kind == kind) if kind else query))


@pytest.mark.parametrize("lang", LANGS)
def test_homonyms_are_told_apart_and_none_is_chosen(client, clerk, make_person, make_home, place, lang):
    speak(client, lang)
    home = make_home(place)
    one = make_person("李秀英", "1970-03-28", home=home, contacts=[phone()])
    two = make_person("李秀英", "1952-07-14")
    page = search(client, "李秀英")
    text = page.get_data(as_text=True)
    assert "1970" in text
    assert "1952" in text
    assert "138****8000" in text
    assert "13800138000" not in text
    assert page.headers["Cache-Control"] == "no-store"
    for person in (one, two):
        assert f"/desk/people/{person.uid}" in text
        assert looks(person, LookKind.found)


def test_what_was_asked_never_stands_in_an_address(client, clerk, make_person):
    make_person(contacts=[phone()])
    answer = client.submit("/desk/people/", {"words": "13800138000"}, status=303)
    assert "13800138000" not in answer.location


def test_an_address_of_somebody_elses_look_up_shows_nothing(client, clerk, make_person, make_account, sign_in, place):
    make_person("李秀英", contacts=[phone()])
    address = client.submit("/desk/people/", {"words": "李秀英"}, status=303).location
    sign_in(client, make_account(role=Role.clerk, territory=place))
    assert "李秀英" not in client.get(address, status=200).get_data(as_text=True)
    client.get("/desk/people/?asked=made-up", status=200)


@pytest.mark.parametrize("lang", LANGS)
def test_nobody_found_offers_to_record(client, clerk, lang):
    speak(client, lang)
    page = search(client, "无此人")
    assert "/desk/people/new" in page.get_data(as_text=True)
    client.submit("/desk/people/", {"words": ""}, status=422)


def test_a_phone_finds_in_the_whole_district_but_opens_nothing_elsewhere(client, clerk, make_person, make_community):
    far = make_person("赵远山", place=make_community(), contacts=[phone()])
    text = search(client, "138 0013 8000").get_data(as_text=True)
    assert "赵远山" not in text
    assert "赵*山" in text
    assert f"/desk/people/{far.uid}" not in text
    assert looks(far, LookKind.found)
    assert "赵*山" not in search(client, "赵远").get_data(as_text=True)
    client.get(f"/desk/people/{far.uid}", status=404)
    client.get(f"/desk/people/{far.uid}/death", status=404)
    client.get(f"/desk/people/{far.uid}/show/phone", status=404)


def test_roles_without_the_right_are_refused(client, sign_in, make_account, make_person, place):
    person = make_person()
    for role, status in ((Role.handler, 403), (Role.auditor, 403), (Role.social_worker, 200)):
        sign_in(client, make_account(role=role, territory=place))
        client.get("/desk/people/", status=status)
        client.get(f"/desk/people/{person.uid}", status=status)
        client.get(f"/desk/people/{person.uid}/death", status=403)
        client.get("/desk/people/new", status=403)


@pytest.mark.parametrize("lang", LANGS)
def test_a_value_in_clear_needs_a_reason(client, clerk, make_person, lang):
    speak(client, lang)
    person = make_person(contacts=[phone()], documents=[resident_card()])
    address = f"/desk/people/{person.uid}/show/phone"
    assert "13800138000" not in client.get(f"/desk/people/{person.uid}", status=200).get_data(as_text=True)
    client.submit(address, {"purpose": "", "reason": ""}, status=403)
    client.submit(address, {"purpose": "call", "reason": "?"}, status=403)
    assert len(looks(person, LookKind.refused)) == 2
    page = client.submit(address, {"purpose": "call", "reason": "约定回访时间"}, status=200)
    assert "+8613800138000" in page.get_data(as_text=True)
    assert page.headers["Cache-Control"] == "no-store"
    assert [look.purpose for look in looks(person, LookKind.phone)] == ["call"]
    for kind, value in (("document", resident_number()), ("birth", "1958-03-04")):
        page = client.submit(f"/desk/people/{person.uid}/show/{kind}", {"purpose": "check", "reason": "核对证件"}, status=200)
        assert value in page.get_data(as_text=True)
    client.get(f"/desk/people/{person.uid}/show/name", status=404)


@pytest.mark.parametrize("lang", LANGS)
def test_a_new_person_by_keyboard(client, clerk, make_home, place, lang):
    speak(client, lang)
    make_home(place, "301")
    make_home(place, "302")
    choice = client.submit("/desk/people/new", {"name": "周丽华", "home_words": "榕荫里", "step": "homes"}, status=200)
    assert choice.get_data(as_text=True).count('name="home"') == 2
    filled = {
        "name": "周丽华",
        "document_kind": "resident_card",
        "document_number": resident_number("1949-05-06", 222),
        "phone": "138 0013 8000",
        "home_words": "榕荫里 301",
        "relation_home": "lives_in",
        "relation": "head",
        "place": str(place.id),
        "sex": "",
    }
    client.submit("/desk/people/new", {**filled, "home_words": "无此路"}, status=422)
    answer = client.submit("/desk/people/new", filled, status=303)
    page = client.get(answer.location, status=200).get_data(as_text=True)
    assert "1949" in page
    assert "301" in page
    again = client.submit("/desk/people/new", {**filled, "name": "周丽花"}, status=409).get_data(as_text=True)
    assert "周丽华" in again
    assert people() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "长" * 101},
        {"document_number": "440113195803042710"},
        {"document_number": "440113195803040000"},
        {"document_number": "440113195803040000X"},
        {"birth_on": "1958-02-30"},
        {"birth_on": "2027"},
        {"phone": "12"},
        {"mail": "nobody"},
        {"nationality": "China"},
        {"household": "123456789"},
        {"document_kind": "library_card"},
    ],
)
def test_wrong_input_is_said_at_its_field(client, clerk, place, wrong):
    filled = {
        "name": "周丽华",
        "document_kind": "resident_card",
        "relation_home": "lives_in",
        "relation": "head",
        "place": str(place.id),
        "sex": "",
    }
    page = client.submit("/desk/people/new", {**filled, **wrong}, status=422).get_data(as_text=True)
    name = next(iter(wrong))
    assert f'id="{name}-error"' in page
    assert people() == 0


def test_an_equal_name_and_year_must_be_confirmed(client, clerk, make_person, place):
    make_person("王芳", "1986-08-16")
    filled = {
        "name": "王芳",
        "birth_on": "1986",
        "document_kind": "resident_card",
        "relation_home": "lives_in",
        "relation": "head",
        "place": str(place.id),
        "sex": "",
    }
    page = client.submit("/desk/people/new", filled, status=422).get_data(as_text=True)
    assert 'name="sure"' in page
    client.submit("/desk/people/new", {**filled, "sure": "y"}, status=303)
    assert people() == 2


def rows(*lines):
    found = {}
    for n in range(1, 9):
        found |= {f"p{n}_relation": "head" if n == 1 else "child", f"p{n}_document_kind": "resident_card"}
    for n, line in lines:
        found |= {f"p{n}_{name}": value for name, value in line.items()}
    return found


@pytest.mark.parametrize("lang", LANGS)
def test_a_household_in_one_go(client, clerk, make_home, place, lang):
    speak(client, lang)
    make_home(place)
    base = {"home_words": "榕荫里", "place": str(place.id)}
    client.submit("/desk/people/household/new", {**base, **rows()}, status=422)
    wrong = rows((1, {"name": "陈伟强", "birth_on": "1968"}), (3, {"name": "陈子轩", "document_number": "123"}))
    page = client.submit("/desk/people/household/new", {**base, **wrong}, status=422).get_data(as_text=True)
    assert 'id="p3_document_number-error"' in page
    assert people() == 0
    right = rows((1, {"name": "陈伟强", "birth_on": "1968", "phone": "13800138000"}), (3, {"name": "陈子轩", "birth_on": "20110830"}))
    answer = client.submit("/desk/people/household/new", {**base, **right}, status=303)
    text = client.get(answer.location, status=200).get_data(as_text=True)
    assert "陈伟强" in text
    assert "陈子轩" in text
    assert people() == 2
    uid = db.session.scalars(sa.select(Household.uid)).one()
    assert "/desk/people/new?household=" in text
    client.get(f"/desk/people/new?household={uid}", status=200)


@pytest.mark.parametrize("lang", LANGS)
def test_records_contacts_documents_and_homes_are_put_right(client, clerk, make_person, make_home, place, lang):
    speak(client, lang)
    make_home(place)
    person = make_person("周丽华", "1949-05-06")
    at = f"/desk/people/{person.uid}"
    client.submit(f"{at}/edit", {"name": "", "sex": ""}, status=422)
    client.submit(f"{at}/edit", {"name": "周丽花", "sex": "female"}, status=303)
    client.submit(f"{at}/edit", {"name": "周丽", "sex": "", "base": "1"}, status=409)
    client.submit(f"{at}/contact", {"phone": "", "mail": ""}, status=422)
    client.submit(f"{at}/contact", {"phone": "1", "mail": ""}, status=422)
    client.submit(f"{at}/contact", {"phone": "13800138000", "mail": ""}, status=303)
    client.submit(f"{at}/document", {"document_kind": "resident_card", "document_number": ""}, status=422)
    client.submit(f"{at}/document", {"document_kind": "resident_card", "document_number": resident_number("1949-05-06", 222)}, status=303)
    client.submit(f"{at}/home", {"relation": "registered_at"}, status=422)
    client.submit(f"{at}/home", {"relation": "registered_at", "elsewhere": "湖南省衡阳市", "on": "2020-01-01"}, status=303)
    client.submit(f"{at}/home", {"relation": "owns", "home_words": "榕荫里", "on": "2020-01-01"}, status=303)
    page = client.get(at, status=200).get_data(as_text=True)
    assert "周丽花" in page
    assert "湖南" not in page
    contact = next(part for part in page.split('action="') if "/contact/" in part).split('"')[0]
    client.submit(contact, {}, page=at, status=303)
    document = next(part for part in page.split('action="') if "/document/" in part).split('"')[0]
    client.submit(document, {}, page=at, status=303)
    assert "138****8000" not in client.get(at).get_data(as_text=True)
    tie = next(part for part in page.split('href="') if "/home/" in part).split('"')[0]
    client.submit(tie, {"on": "2021-01-01"}, status=303)


def test_the_page_of_a_person_takes_twenty_five_statements_whoever_is_named_on_it(
    client, clerk, make_person, make_home, place, count_queries
):
    home = make_home(place)
    person = make_person(home=home, contacts=[phone()], documents=[resident_card()], evidence="户口簿")
    with atomic():
        db.session.get_one(Account, clerk.id).person_id = make_person("周店").id  # whose person is one of those who are asked for
    for number in range(3):
        other = make_person(f"王{number}", household_id=queries.household_of(person.id).id, contacts=[phone(f"1380013801{number}")])
        operations.add_representation(CLERK, other.id, person.id, RepresentationKind.proxy, TODAY)
    twin = make_person("王二")
    operations.ask_merge(CLERK, twin.id, person.id, "同一个人")
    operations.ask_correction(CLERK, person.id, "name", "名字写错了")
    client.get(f"/desk/people/{person.uid}")
    with count_queries() as statements:
        page = client.get(f"/desk/people/{person.uid}", status=200).get_data(as_text=True)
    assert "王2" in page
    assert "户口簿" in page
    assert len(statements) <= 25, "\n".join(statements)


def test_care_is_read_by_social_workers_alone_and_with_a_reason(client, clerk, make_person, make_account, sign_in, place):
    person = make_person()
    at = f"/desk/people/{person.uid}/care"
    client.get(at, status=403)
    sign_in(client, make_account(role=Role.social_worker, territory=place))
    operations.set_care(CLERK, person.id, "low_income", person.created_at.date(), "")
    for lang in LANGS:
        speak(client, lang)
        client.submit(at, {"purpose": "care", "reason": ""}, status=403)
        page = client.submit(at, {"purpose": "care", "reason": "上门慰问前了解"}, status=200).get_data(as_text=True)
        assert "/care/end" in page
    assert len(looks(person, LookKind.care)) == 2
    assert len(looks(person, LookKind.refused)) == 2
    tokens = {"csrf_token": page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]}
    client.post(f"{at}/begin", data={**tokens, "kind": "alone", "since": "2027-01-01"}, status=422)
    client.post(f"{at}/begin", data={**tokens, "kind": "alone", "since": "2026-01-01"}, status=303)
    client.post(f"{at}/end", data={**tokens, "end-kind": "alone", "end-to": "2026-10-01"}, status=303)
