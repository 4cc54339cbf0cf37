"""A forgotten password, the code on the phone, who of those who share it; nobody learns whether an address is known."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from civic.accounts import operations, queries
from civic.accounts.models import IdentityKind, TicketKind, UserSession
from civic.accounts.own_errors import SeveralAccounts
from civic.core.db import db
from civic.core.messages.models import Message
from civic.people import records
from civic.people.models import Person
from tests.support.accounts import PASSWORD, last_code, last_words
from tests.support.client import hidden_fields

EN = {"Accept-Language": "en"}
NEW = "seven slow herons"
MAIL, PHONE = "xiuying@example.org", "+8613800138000"


def send_code(client, door="/account/forgotten/phone", field="p-phone", page="/account/forgotten", phone=PHONE) -> str:
    return client.submit(door, {field: phone}, page=page, status=303).location


def test_by_mail_every_session_ends_and_she_is_told(client, make_resident_account, sign_in):
    account = make_resident_account(mail=MAIL)
    sign_in(client, account)
    with client.session_transaction() as cookie:
        cookie.clear()
    client.submit("/account/forgotten/mail", {"m-mail": MAIL}, page="/account/forgotten", status=303)
    link = last_words()["href"]
    client.submit(link, {"new_password": NEW, "again_password": NEW}, status=303)
    assert all(row.ended_at for row in db.session.scalars(sa.select(UserSession)))
    assert "/account/" in last_words("security")["href"]
    client.get(link, status=410)
    client.submit("/account/sign-in", {"login": account.login, "password": PASSWORD}, status=401)
    client.submit("/account/sign-in", {"login": MAIL, "password": NEW}, status=303)


def test_by_phone_the_verified_show_a_second_fact(client, make_resident_account):
    account = make_resident_account(phone=PHONE, document="E12345678", verified=True)
    form = client.submit(send_code(client), {"code": last_code()}, status=303).location
    words = {"new_password": NEW, "again_password": NEW}
    page = client.submit(form, {**words, "fact": "9999"}, status=401, headers=EN).get_data(as_text=True)
    assert "does not fit what is on record" in page
    client.submit(form, {**words, "fact": "5678"}, status=303)
    number = db.session.get_one(Person, account.person_id).number
    db.session.rollback()
    form = client.submit(send_code(client), {"code": last_code()}, status=303).location
    client.submit(form, {**words, "fact": number}, status=303)


def test_a_second_fact_bears_five_tries_an_hour(client, make_resident_account):
    make_resident_account(phone=PHONE, document="E12345678", verified=True)
    form = client.submit(send_code(client), {"code": last_code()}, status=303).location
    words = {"new_password": NEW, "again_password": NEW}
    for _ in range(5):
        client.submit(form, {**words, "fact": "0000"}, status=401)
    client.submit(form, {**words, "fact": "5678"}, status=429)


def test_the_new_owner_of_a_number_does_not_get_in(client, make_resident_account):
    """A phone that belongs to somebody else now: the code alone opens nothing of a verified resident."""
    make_resident_account(phone=PHONE, document="E12345678", verified=True)
    asked = send_code(client, "/account/sign-in/phone", "phone", "/account/sign-in/phone")
    page = client.submit(asked, {"code": last_code()}, status=303).location
    client.submit(page, {"fact": "1111"}, status=401)
    assert client.get("/account/").status_code == 303
    client.submit(page, {"fact": "E345678"}, status=401)
    client.submit(page, {"fact": "5678"}, status=303)
    client.get("/account/", status=200)


def test_a_shared_phone_asks_who(client, make_resident_account):
    mother = make_resident_account(phone=PHONE, name="李秀英")
    daughter = make_resident_account(phone=PHONE, name="陈小芳")
    asked = send_code(client, "/account/sign-in/phone", "phone", "/account/sign-in/phone")
    page = client.submit(asked, {"code": last_code()}, status=303).location
    shown = client.get(page, status=200).get_data(as_text=True)
    assert "李*英" in shown
    assert "陈*芳" in shown
    assert "李秀英" not in shown
    client.submit(page, {}, status=422)
    client.submit(page, {"who": daughter.uid}, status=303)
    assert "陈小芳" in client.get("/account/", status=200).get_data(as_text=True)
    assert mother.uid != daughter.uid


def test_a_shared_address_with_one_password_asks_who_and_programs_are_told(client, make_resident_account):
    make_resident_account(mail=MAIL, name="李秀英")
    daughter = make_resident_account(mail=MAIL, name="陈小芳")
    asked = client.submit("/account/sign-in", {"login": MAIL, "password": PASSWORD}, status=303)
    client.submit(asked.location, {"who": "nobody"}, page=asked.location, status=422)
    client.submit(asked.location, {"who": daughter.uid}, page=asked.location, status=303)
    assert "陈小芳" in client.get("/account/", status=200).get_data(as_text=True)
    with pytest.raises(SeveralAccounts):
        operations.prove_password(MAIL, PASSWORD, "127.0.0.1")


def test_two_hundred_requests_for_one_address_send_three_messages_and_look_alike(client, make_resident_account):
    make_resident_account(mail=MAIL)
    answers = set()
    for address in (MAIL, "nobody@example.org"):
        for _ in range(100):
            answer = client.submit("/account/forgotten/mail", {"m-mail": address}, page="/account/forgotten", status=303)
            answers.add(answer.location)
    assert len(answers) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Message)) == 6


JOURNEYS = [
    ("/account/forgotten/mail", "m-mail", "/account/forgotten", MAIL, "nobody@example.org"),
    ("/account/register/mail", "m-mail", "/account/register", MAIL, "nobody@example.org"),
    ("/account/forgotten/phone", "p-phone", "/account/forgotten", PHONE, "+8613900139000"),
    ("/account/register/phone", "p-phone", "/account/register", PHONE, "+8613900139000"),
    ("/account/sign-in/phone", "phone", "/account/sign-in/phone", PHONE, "+8613900139000"),
]


@pytest.mark.usefixtures("notice")
@pytest.mark.parametrize(("door", "field", "page", "known", "unknown"), JOURNEYS)
def test_known_and_unknown_addresses_get_the_same_answer_for_the_same_work(
    client, make_resident_account, count_queries, monkeypatch, door, field, page, known, unknown
):
    make_resident_account(mail=MAIL, phone=PHONE)
    hashed = []
    for name in ("hash", "verify"):
        real = getattr(PasswordHasher, name)
        monkeypatch.setattr(PasswordHasher, name, lambda self, *a, real=real, name=name: (hashed.append(name), real(self, *a))[1])
    client.submit(door, {field: "warm@example.org" if "mail" in field else "+8613700137000"}, page=page, status=303)  # caches are warm
    seen = []
    for address in (known, unknown):
        shown = client.get(page)
        hidden = hidden_fields(shown.get_data(as_text=True), door)
        hashed.clear()
        with count_queries() as statements:
            answer = client.post(door, data={**hidden, field: address})
        after = client.get(answer.location).get_data(as_text=True)
        seen.append((answer.status_code, re.sub(r"/[\w-]{22}\b", "/*", answer.location), shape(statements), list(hashed), plain(after)))
    assert seen[0] == seen[1]


def shape(statements: list[str]) -> list[str]:
    return [re.sub(r"\s+", " ", each) for each in statements]


def plain(page: str) -> str:
    """The page without what differs each time it is shown: tokens, keys, the code page's own address."""
    return re.sub(r"[\w-]{22}", "*", re.sub(r'(value|action)="[^"]*"', "", page))


@pytest.mark.parametrize("kind", ["login", "mail", "phone", "number"])
def test_signing_in_takes_the_same_work_for_an_unknown_one(client, make_resident_account, count_queries, monkeypatch, kind):
    account = make_resident_account(mail=MAIL, phone=PHONE, login="xiuying")
    number = db.session.get_one(Person, account.person_id).number
    known = {"login": "xiuying", "mail": MAIL, "phone": PHONE, "number": number}[kind]
    unknown = {"login": "nobodyx", "mail": "nobody@example.org", "phone": "+8613900139000", "number": records.new_number()}[kind]
    calls = []
    real = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda self, *a: (calls.append(1), real(self, *a))[1])
    client.submit("/account/sign-in", {"login": "warm", "password": "no such password"}, status=401)
    seen = []
    for login in (known, unknown):
        calls.clear()
        with count_queries() as statements:
            page = client.submit("/account/sign-in", {"login": login, "password": "no such password"}, status=401)
        seen.append((len(calls), len(statements), plain(page.get_data(as_text=True))))
    assert seen[0] == seen[1]


def test_a_slip_for_somebody_with_an_account_sets_a_new_password(client, make_resident_account, as_actor):
    account = make_resident_account(login="xiuying")
    token = operations.print_slip(as_actor(account), account.person_id)
    moved = client.get(f"/account/register/{token}", status=303).location
    assert "xiuying" in client.get(moved, status=200).get_data(as_text=True)
    client.submit(moved, {"new_password": NEW, "again_password": NEW}, status=303)
    client.submit("/account/sign-in", {"login": "xiuying", "password": NEW}, status=303)


def test_a_reset_link_of_an_unknown_address_is_worth_nothing(client):
    client.submit("/account/forgotten/mail", {"m-mail": MAIL}, page="/account/forgotten", status=303)
    assert last_words()["href"] == ""
    token = operations.carry_on(TicketKind.sign_in_phone, [("phone", PHONE)])
    client.get(f"/account/forgotten/{token}", status=410)
    assert queries.count_with(IdentityKind.phone, PHONE) == 0
