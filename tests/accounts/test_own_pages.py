"""Addresses, what is stored, corrections, card, closing: the pages of one's own account."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from civic.accounts import operations, queries
from civic.accounts.models import Account, Identity, IdentityKind, TicketKind, UserSession
from civic.accounts.own_errors import AddressThere, LastWayIn, LinkOver, RightsHeld
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor, Role
from civic.people import operations as people
from civic.people.models import Contact, Correction, LookKind, MemberCard, Person, PersonSource, RepresentationKind
from civic.people.records import Record
from tests.support.accounts import PASSWORD, SEED, last_code, last_words

EN = {"Accept-Language": "en"}


@pytest.fixture
def me(client, make_resident_account, sign_in):
    """A signed-in resident who has just shown her password."""
    account = make_resident_account(login="xiuying")
    sign_in(client, account)
    client.submit("/account/confirm", {"current_password": PASSWORD}, status=303)
    return account


def test_weighty_pages_ask_once_more_who_it_is(client, make_resident_account, sign_in):
    sign_in(client, make_resident_account())
    for page in ("/account/data", "/account/data.json", "/account/contacts", "/account/close"):
        assert client.get(page, status=303).location.startswith("/account/confirm?next=")
    client.submit("/account/confirm", {"current_password": "wrong one here"}, status=422)
    client.submit(
        "/account/confirm?next=/account/data", {"current_password": PASSWORD}, page="/account/confirm?next=/account/data", status=303
    )
    client.get("/account/data", status=200)


def test_a_code_on_the_phone_is_as_good_as_the_password(client, make_resident_account, sign_in):
    account = make_resident_account(phone="+8613800138000")
    sign_in(client, account)
    sent = client.submit("/account/confirm/send", page="/account/confirm", status=303).location
    uid = sent.rpartition("sent=")[2]
    client.submit(f"/account/confirm/code/{uid}", {"c-code": last_code()}, page=sent, status=303)
    client.get("/account/contacts", status=200)
    with pytest.raises(LinkOver):  # her code is no sign-in code of somebody else's journey, and it is used
        operations.open_link(uid, TicketKind.sign_in_phone)


def test_a_phone_is_added_by_its_code_and_noted_on_the_record(client, me):
    asked = client.submit("/account/contacts/phone", {"p-phone": "138 0013 8000"}, page="/account/contacts", status=303).location
    client.submit(asked, {"code": last_code()}, status=303)
    page = client.get("/account/contacts", status=200).get_data(as_text=True)
    assert "+8613800138000" in page
    contact = db.session.scalars(sa.select(Contact).where(Contact.person_id == me.person_id)).one()
    assert contact.confirmed_at is not None
    db.session.rollback()
    (way,) = queries.ways_of(me.id)
    client.submit(f"/account/contacts/{way.id}/remove", page="/account/contacts", status=303)
    assert queries.ways_of(me.id) == []
    assert db.session.scalars(sa.select(Contact.ended_at).where(Contact.person_id == me.person_id)).one() is not None


def test_a_mail_address_is_added_by_a_button_behind_its_link(client, me, make_resident_account, sign_in):
    client.submit("/account/contacts/mail", {"m-mail": "a@example.org"}, page="/account/contacts", status=303)
    link = last_words()["href"]
    client.get(link, status=200)
    assert queries.ways_of(me.id) == []  # a mail program that looks ahead changes nothing
    client.submit(link, status=303)
    assert [way.value for way in queries.ways_of(me.id)] == ["a@example.org"]
    client.submit("/account/contacts/mail", {"m-mail": "b@example.org"}, page="/account/contacts", status=303)
    other = client.application.test_client()
    sign_in(other, make_resident_account())
    other.get(last_words()["href"], status=410)


def test_the_only_way_in_stays(site, make_resident_account, as_actor):
    account = make_resident_account(phone="+8613800138000")
    with atomic():
        db.session.execute(sa.delete(Identity).where(Identity.account_id == account.id, Identity.kind == IdentityKind.password))
    (way,) = queries.ways_of(account.id)
    with pytest.raises(LastWayIn):
        operations.remove_identity(as_actor(account), account.id, way.id)
    token = operations.carry_on(TicketKind.add_phone, [("phone", "+8613800138000")], account_id=account.id)
    with pytest.raises(AddressThere):
        operations.confirm_address(as_actor(account), account.id, operations.open_link(token, TicketKind.add_phone))


def test_nobody_removes_what_belongs_to_another_account(site, make_resident_account, as_actor):
    mine, hers = make_resident_account(), make_resident_account(phone="+8613800138000")
    (way,) = queries.ways_of(hers.id)
    operations.remove_identity(as_actor(mine), mine.id, way.id)
    assert len(queries.ways_of(hers.id)) == 1


def test_she_reads_what_is_stored_and_who_looked(client, me, make_account):
    clerk = make_account(role=Role.clerk, name="窗口 阿玲")
    people.note_look(Actor(clerk.id), [me.person_id], LookKind.page, purpose="visit", reason="家访前核对")
    page = client.get("/account/data", status=200, headers=EN).get_data(as_text=True)
    assert "xiuying" in page
    assert "Window clerk" in page
    assert "家访前核对" in page
    assert "阿玲" not in page  # a role, never a name
    read = json.loads(client.get("/account/data.json", status=200).get_data(as_text=True))
    assert "xiuying" in json.dumps(read["parts"])
    assert read["looks"][0]["reason"] == "家访前核对"
    assert len({part["name"] for part in read["parts"]}) == len(read["parts"])


def test_she_asks_for_a_correction_also_for_her_child(client, me):
    client.submit("/account/corrections", {"topic": "name", "wish": "英 not 瑛"}, status=303)
    row = db.session.scalars(sa.select(Correction)).one()
    assert (row.person_id, row.topic) == (me.person_id, "name")
    assert "瑛" not in row.wish
    place_id = db.session.get_one(Person, me.person_id).place_id
    child = people.create_person(SEED, place_id, Record("李小明", birth_on="2016-02-29"), source=PersonSource.self)
    people.add_representation(SEED, child.id, me.person_id, RepresentationKind.parent, clock.today())
    client.submit("/account/corrections", {"topic": "birth", "wish": "2016", "whom": child.uid}, status=303)
    assert db.session.scalars(sa.select(Correction.person_id).order_by(Correction.id.desc())).first() == child.id
    client.submit("/account/corrections", {"topic": "birth", "wish": "2016", "whom": "nobody"}, status=422)


def test_the_card_shows_number_and_picture(client, me):
    number = db.session.get_one(Person, me.person_id).number
    assert number in client.get("/account/card", status=200).get_data(as_text=True)
    client.submit("/account/card", status=303)
    client.submit("/account/card", page="/account/", status=303)  # a second press makes no second card
    assert 'src="data:image/svg' in client.get("/account/card", status=200).get_data(as_text=True)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(MemberCard)) == 1


def test_closing_ends_the_login_and_restricts_the_person(client, me):
    page = client.get("/account/close", status=200, headers=EN).get_data(as_text=True)
    assert "190 days" in page
    client.submit("/account/close", status=303)
    client.get("/account/closed", status=200)
    assert client.get("/account/").status_code == 303
    person = db.session.get_one(Person, me.person_id, populate_existing=True)
    assert person.restricted_at is not None
    assert all(row.ended_at for row in db.session.scalars(sa.select(UserSession)))
    client.submit("/account/sign-in", {"login": "xiuying", "password": PASSWORD}, status=401)


def test_with_another_account_the_person_stays(site, make_resident_account, make_account, as_actor):
    first, second = make_resident_account(), make_account()
    operations.bind_person(as_actor(first), second.id, first.person_id)
    operations.leave(as_actor(first), first.id)
    assert db.session.get_one(Person, first.person_id).restricted_at is None
    operations.leave(as_actor(second), second.id)
    assert db.session.get_one(Person, first.person_id, populate_existing=True).restricted_at is not None


def test_an_account_with_rights_is_closed_at_the_desk(site, make_account, as_actor):
    clerk = make_account(role=Role.clerk)
    with pytest.raises(RightsHeld):
        operations.leave(as_actor(clerk), clerk.id)
    assert db.session.get_one(Account, clerk.id).is_open


def test_the_second_step_is_for_everybody_who_wants_it(client, me):
    page = client.get("/account/second-step/set-up", status=200).get_data(as_text=True)
    assert "current_password" not in page  # shown within ten minutes
