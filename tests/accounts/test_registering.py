"""Registering by phone, mail and slip: proof, consent, person, sign-in; and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.accounts import operations, queries
from civic.accounts.models import Account, IdentityKind, Ticket, TicketKind
from civic.accounts.operations import VISITOR
from civic.accounts.own_errors import LinkOver
from civic.core import clock, crypto
from civic.core.db import db
from civic.core.messages.models import Delivery, Message
from civic.core.viewer import Role
from civic.people import operations as people
from civic.people import records
from civic.people.models import Consent, Contact, Person, PersonSource
from civic.people.records import Record
from tests.conftest import NOW
from tests.support.accounts import PASSWORD, SEED, last_code, last_words

EN = {"Accept-Language": "en"}
PHONE, MAIL = "138 0013 8000", "Xiuying@example.org"
pytestmark = pytest.mark.usefixtures("notice")


def about(community, **changed) -> dict[str, str]:
    """What somebody types into the form."""
    return {
        "name": "李秀英",
        "birth_on": "1953-08-21",
        "place": community.code,
        "display": "秀英",
        "login": "",
        "new_password": "",
        "again_password": "",
        "agree": "y",
        **changed,
    }


def prove_phone(client, phone=PHONE) -> str:
    """The address of the form, after code and all."""
    asked = client.submit("/account/register/phone", {"p-phone": phone}, page="/account/register", status=303)
    return client.submit(asked.location, {"code": last_code()}, status=303).location


def test_by_phone_without_a_password(client, make_community):
    community = make_community()
    form = prove_phone(client)
    answer = client.submit(form, about(community), status=303)
    assert answer.location == "/account/"
    account = db.session.scalars(sa.select(Account)).one()
    person = db.session.get_one(Person, account.person_id)
    assert (records.unseal(person.sealed).name, person.source, person.place_id) == ("李秀英", PersonSource.self, community.id)
    assert queries.is_verified(person.id) is False
    consent = db.session.scalars(sa.select(Consent)).one()
    assert (consent.person_id, consent.version, consent.given_by_id) == (person.id, 1, person.id)
    contact = db.session.scalars(sa.select(Contact)).one()
    assert contact.confirmed_at == NOW
    assert [i.kind for i in account.identities] == [IdentityKind.phone]
    assert account.login.isalnum()
    assert "秀英" in client.get("/account/", status=200).get_data(as_text=True)
    client.get(form, status=410)  # the proof works once


def test_by_mail_with_a_login_of_ones_own(client, make_community):
    community = make_community()
    client.submit("/account/register/mail", {"m-mail": MAIL}, page="/account/register", status=303)
    link = last_words()["href"]
    refused = client.submit(link, about(community, login="Xiuying"), status=422, headers=EN).get_data(as_text=True)
    assert "Choose a password" in refused
    words = {"login": "Xiuying", "new_password": PASSWORD, "again_password": PASSWORD}
    client.submit(link, about(community, **words), status=303)
    assert queries.account_by_login("xiuying") is not None
    client.submit("/account/sign-out", page="/account/", status=303)
    for door in ("xiuying", " xiuying@EXAMPLE.org", db.session.scalar(sa.select(Person.number))):
        client.submit("/account/sign-in", {"login": door, "password": PASSWORD}, status=303)
        client.submit("/account/sign-out", page="/account/", status=303)


def test_a_mail_link_ends_after_a_day(client):
    client.submit("/account/register/mail", {"m-mail": MAIL}, page="/account/register", status=303)
    link = last_words()["href"]
    with clock.frozen(NOW + timedelta(hours=23, minutes=59)):
        client.get(link, status=200)
    with clock.frozen(NOW + timedelta(hours=24, seconds=1)):
        client.get(link, status=410)


def test_a_code_bears_five_tries_and_ten_minutes(client):
    asked = client.submit("/account/register/phone", {"p-phone": PHONE}, page="/account/register", status=303).location
    right = last_code()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _ in range(5):
        client.submit(asked, {"code": wrong}, status=401)
    client.submit(asked, {"code": right}, status=401)
    asked = client.submit("/account/register/phone", {"p-phone": PHONE}, page="/account/register", status=303).location
    with clock.frozen(NOW + timedelta(minutes=10, seconds=1)):
        client.submit(asked, {"code": last_code()}, status=401)


def test_a_known_address_gets_a_message_instead_of_a_refusal(client, make_resident_account):
    make_resident_account(mail="xiuying@example.org", phone="+8613800138000")
    pages = [
        client.submit("/account/register/mail", {"m-mail": address}, page="/account/register", status=303, headers=EN)
        for address in (MAIL, "nobody@example.org")
    ]
    assert pages[0].location == pages[1].location
    subjects = [last["subject"] for last in map(_opened, db.session.scalars(sa.select(Message).order_by(Message.id)))]
    assert subjects == ["This mail address has an account already", "Confirm your mail address"]


def _opened(row) -> dict[str, str]:
    return json.loads(crypto.decrypt(row.sealed, "message"))


def test_under_fourteen_a_guardian_registers_the_child(client, make_community, make_resident_account, sign_in):
    community = make_community()
    page = client.submit(prove_phone(client), about(community, birth_on="2013-01-01"), status=422, headers=EN).get_data(as_text=True)
    assert "a parent or guardian has to agree" in page
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 0
    mother = make_resident_account()
    sign_in(client, mother)
    words = {"name": "李小明", "birth_on": "2016-02-29", "relation": "parent", "agree": "y"}
    client.submit("/account/children", words, status=303)
    assert "李小明" in client.get("/account/children", status=200).get_data(as_text=True)
    consent = db.session.scalars(sa.select(Consent)).one()
    assert consent.given_by_id == mother.person_id
    grown = client.submit("/account/children", {**words, "birth_on": "2000-01-01"}, status=422, headers=EN).get_data(as_text=True)
    assert "under 18" in grown


def test_nothing_is_stored_without_consent_or_to_an_old_notice(client, make_community):
    community = make_community()
    form = prove_phone(client)
    client.submit(form, about(community, agree=""), status=422)
    people.publish_notice(SEED, "新版", "New version", clock.today())
    page = client.submit(form, about(community, notice="1"), status=422, headers=EN).get_data(as_text=True)
    assert "version 2" in page
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Account)) == 0
    client.submit(form, about(community), status=303)


def test_a_taken_login_and_a_weak_password_keep_what_was_typed(client, make_community, make_account):
    make_account(login="aling")
    community, form = make_community(), prove_phone(client)
    page = client.submit(form, about(community, login="aling"), status=409).get_data(as_text=True)
    assert "李秀英" in page
    client.submit(form, about(community, new_password="1234567890", again_password="1234567890"), status=422)
    client.submit(form, about(community, name="x" * 101), status=422)
    client.submit(form, about(community, name="Maria-Theresia Alexandra Wilhelmina von Hohenlohe-Langenburg"), status=303)


def test_a_slip_opens_the_account_of_its_person(client, make_resident_account, make_account, make_community, sign_in):
    community = make_community()
    person = people.create_person(SEED, community.id, Record("王芳", birth_on="1950"), source=PersonSource.desk)
    clerk = make_account(role=Role.clerk, territory=community)
    sign_in(client, clerk)
    address = f"/desk/account-slips/new?person={person.uid}"
    page = client.submit(address, {}, status=200).get_data(as_text=True)
    typed = page.split("<code>")[1].split("</code>")[0]
    assert len(typed.replace("-", "")) == 28
    client.submit("/account/sign-out", page="/account/", status=303)
    found = client.submit("/account/register/slip", {"s-slip": f" {typed.upper()} "}, page="/account/register", status=303)
    words = {"display": "王阿姨", "login": "wangayi", "new_password": PASSWORD, "again_password": PASSWORD, "agree": "y"}
    client.submit(found.location, words, status=303)
    account = queries.account_by_login("wangayi")
    assert account is not None
    assert account.person_id == person.id
    client.get(found.location, status=410)


def test_a_clerk_of_another_community_prints_no_slip(client, make_resident_account, make_account, make_community, sign_in):
    account = make_resident_account()
    uid = db.session.get_one(Person, account.person_id).uid
    sign_in(client, make_account(role=Role.clerk, territory=make_community()))
    client.get(f"/desk/account-slips/new?person={uid}", status=404)


def test_a_slip_is_dead_after_a_fortnight_and_when_a_newer_one_is_printed(site, make_resident_account, as_actor):
    account = make_resident_account()
    first = operations.print_slip(as_actor(account), account.person_id)
    second = operations.print_slip(as_actor(account), account.person_id)
    with pytest.raises(LinkOver):
        operations.open_link(first, TicketKind.slip)
    operations.open_link(second, TicketKind.slip)
    with clock.frozen(NOW + timedelta(days=14, seconds=1)), pytest.raises(LinkOver):
        operations.open_link(second, TicketKind.slip)


def test_tickets_are_forgotten_thirty_days_after_their_end(site):
    operations.send_code(VISITOR, TicketKind.register_phone, "+8613800138000", "accounts/register_code")
    for days, left in ((29, 1), (31, 0)):
        with clock.frozen(NOW + timedelta(days=days)):
            operations.forget_tickets()
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == left


def test_no_address_stands_in_clear(client, make_community):
    client.submit("/account/register/mail", {"m-mail": "hidden@example.org"}, page="/account/register", status=303)
    for table in (Ticket, Message, Delivery):
        for row in db.session.execute(sa.select(table.__table__)).mappings():
            assert not any("hidden@example.org" in str(value) for value in row.values())
