"""A first password that was printed at the desk opens no person's own data until she has shown that it is she."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from civic.accounts import operations, policies, queries
from civic.accounts.models import Account, Identity, IdentityKind, TicketKind
from civic.accounts.own_errors import ProofNeeded
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.messages.models import Message
from civic.core.viewer import Actor, Role, Viewer
from civic.people import operations as people
from civic.people.errors import WrongCard
from civic.people.models import Person
from tests.support.accounts import SEED, last_words
from tests.support.people import phone

NEW = "eleven tall kapoks"
ENGLISH = {"Accept-Language": "en"}
OWN_PAGES = ("/account/data", "/account/data.json", "/account/card", "/account/children", "/account/corrections", "/account/contacts")
pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def colleague(make_resident_account) -> Account:
    """A login bound to a person whose card has the digits 2580, with a first password from the administrator."""
    account = make_resident_account(login="aling", phone="+8613800138000")
    people.choose_code(SEED, account.person_id, "2580")
    return account


def number_of(account: Account) -> str:
    return db.session.scalar(sa.select(Person.number).where(Person.id == account.person_id))


def issued(account: Account) -> str:
    return operations.issue_password(SEED, account.id, forget_app=False)


def enter(client, account: Account, first: str) -> None:
    """Sign in with the first password and choose another one, as whoever holds the slip can."""
    client.submit("/account/sign-in", {"login": account.login, "password": first}, status=303)
    client.submit("/account/first-password", {"new_password": NEW, "again_password": NEW}, status=303)


def test_own_pages_open_again_with_her_card(client, colleague, make_resident_account):
    stranger = make_resident_account(login="bohai")
    people.choose_code(SEED, stranger.person_id, "2580")
    mine, hers = number_of(colleague), number_of(stranger)
    enter(client, colleague, issued(colleague))
    assert "Show that this login is yours" in client.get("/account/", status=200, headers=ENGLISH).get_data(as_text=True)
    for path in OWN_PAGES:
        assert client.get(path, status=303).location == f"/account/prove?next={path}"
    door = "/account/prove"
    client.submit(door, {"current_password": "not this one", "number": mine, "code": "2580"}, page=door, status=422)
    client.submit(door, {"current_password": NEW, "number": mine, "code": "1357"}, page=door, status=403)
    client.submit(door, {"current_password": NEW, "number": hers, "code": "2580"}, page=door, status=403)
    client.submit(door, {"current_password": "", "number": "", "code": ""}, page=door, status=422)
    assert client.get("/account/data", status=303).location.startswith(door)
    page = f"{door}?next=/account/data"
    answer = client.submit(door, {"current_password": NEW, "number": mine, "code": "2580"}, page=page, status=303)
    assert answer.location == "/account/data"
    assert "李秀英" in client.get("/account/data", status=200).get_data(as_text=True)
    client.get("/account/card", status=200)
    assert client.get(page, status=303).location == "/account/data"
    assert db.session.scalar(sa.select(sa.func.count()).where(AuditEvent.verb == "accounts.account.prove")) == 1


def test_a_password_that_she_chose_herself_asks_for_nothing(client, colleague, sign_in):
    sign_in(client, colleague)
    client.get("/account/card", status=200)
    operations.set_own_password(SEED, colleague.id, NEW, session_id=None)
    assert not queries.waits_for_proof(colleague.id)


def test_every_session_ends_and_she_is_told(client, colleague, sign_in):
    sign_in(client, colleague)
    _token, secret = operations.begin_token(SEED, colleague.id, label="x", two_step=False)
    issued(colleague)
    assert client.get("/account/card", status=303).location.startswith("/account/sign-in")
    client.get("/api/v1/account", status=401, headers={"Authorization": f"Bearer {secret}"})
    assert any(words in last_words("security")["subject"] for words in ("初始密码", "new first password"))
    assert db.session.execute(sa.select(Message.receiver_kind, Message.receiver_id)).all() == [("account", colleague.id)]


def test_a_login_without_addresses_is_told_on_the_record_of_its_person(make_resident_account):
    account = make_resident_account()
    people.add_contact(SEED, account.person_id, phone(confirmed=True))
    issued(account)
    told = db.session.execute(sa.select(Message.receiver_kind, Message.receiver_id).order_by(Message.id)).all()
    assert told == [("account", account.id), ("person", account.person_id)]


def test_programs_do_not_get_past_it(client, colleague):
    enter(client, colleague, issued(colleague))
    _token, secret = operations.begin_token(SEED, colleague.id, label="x", two_step=False)
    bearer = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/account/data", status=403, headers=bearer).json["code"] == "proof_needed"
    client.get("/api/v1/account", status=200, headers=bearer)


def test_nothing_of_her_is_changed_before(colleague):
    first = issued(colleague)
    operations.set_own_password(SEED, colleague.id, NEW, session_id=None)
    assert first != NEW
    way = queries.ways_of(colleague.id)[0]
    token = operations.carry_on(TicketKind.add_phone, [("phone", "+8613900139000")], account_id=colleague.id)
    opened = operations.open_link(token, TicketKind.add_phone)
    for act in (
        lambda: operations.confirm_address(SEED, colleague.id, opened),
        lambda: operations.link_oidc(SEED, colleague.id, "https://issuer.example.org|7"),
        lambda: operations.remove_identity(SEED, colleague.id, way.id),
        lambda: operations.leave(SEED, colleague.id),
    ):
        with pytest.raises(ProofNeeded):
            act()
    assert [each.value for each in queries.ways_of(colleague.id)] == ["+8613800138000"]


def test_rules_that_want_a_second_person_know_her_meanwhile(make_account, colleague):
    first, second = make_account(role=Role.auditor), make_account(role=Role.auditor)
    for account in (first, second):
        operations.bind_person(SEED, account.id, colleague.person_id)
    opening = operations.ask_opening(actor_of(first), "公函 7 号", "调查", clock.today(), clock.today(), "")
    issued(second)
    db.session.rollback()
    waiting = viewer_with(second)
    assert (waiting.person_id, waiting.bound_to) == (None, colleague.person_id)
    assert waiting.has_role(Role.auditor)
    assert not policies.can_release(waiting, opening.asked_by_id, queries.person_of(first.id))
    assert queries.waiting_openings(waiting) == 0
    assert waiting.verified_in == frozenset()
    assert viewer_with(first).person_id == colleague.person_id


def actor_of(account: Account) -> Actor:
    return Actor(account.id)


def viewer_with(account: Account) -> Viewer:
    """The viewer of a real session, both steps shown."""
    _row, token = operations.begin_session(actor_of(account), account.id, device="", two_step=True)
    who = queries.session_of(token)
    if who is None:
        raise ValueError("the session did not begin")
    return queries.viewer_of(who)


@pytest.mark.parametrize(("kind", "is_listed", "waits"), [("phone", False, False), ("mail", False, False), ("mail", True, True)])
def test_a_reset_with_an_address_of_hers_is_a_proof_and_one_from_a_list_is_not(make_resident_account, kind, is_listed, waits):
    values = {"phone": "+8613800138000", "mail": "aling@example.org"}
    account = make_resident_account(**{kind: values[kind]})
    if is_listed:
        with atomic():
            db.session.execute(sa.update(Identity).where(Identity.kind == kind).values(confirmed_at=None))
    issued(account)
    reset = TicketKind.reset_phone if kind == "phone" else TicketKind.reset_mail
    opened = operations.open_link(operations.carry_on(reset, [(kind, values[kind])]), reset)
    operations.reset_password(opened, "", "", NEW)
    assert queries.waits_for_proof(account.id) is waits


def test_a_slip_from_a_clerk_who_saw_her_is_a_proof(colleague):
    issued(colleague)
    opened = operations.open_link(operations.print_slip(SEED, colleague.person_id), TicketKind.slip)
    operations.reset_password(opened, "", "", NEW)
    assert not queries.waits_for_proof(colleague.id)


def test_what_was_added_before_she_proved_herself_goes(make_account, make_resident_account):
    """Whoever made the login could have signed in first and added a phone of her own."""
    person_id = make_resident_account().person_id
    people.choose_code(SEED, person_id, "2580")
    account = operations.create_account(SEED, "aling", "窗口 阿玲", NEW, must_change=True)
    token = operations.carry_on(TicketKind.add_phone, [("phone", "+8613900139000")], account_id=account.id)
    operations.confirm_address(SEED, account.id, operations.open_link(token, TicketKind.add_phone))
    operations.bind_person(SEED, account.id, person_id)
    assert queries.waits_for_proof(account.id)
    opened = operations.open_link(operations.carry_on(TicketKind.reset_phone, [("phone", "+8613900139000")]), TicketKind.reset_phone)
    operations.reset_password(opened, "", "", NEW)
    assert queries.waits_for_proof(account.id)
    number = db.session.scalar(sa.select(Person.number).where(Person.id == person_id))
    with pytest.raises(WrongCard):
        operations.prove_person(SEED, account.id, NEW, number, "1357")
    operations.prove_person(SEED, account.id, NEW, number, "2580")
    assert not queries.waits_for_proof(account.id)
    assert queries.ways_of(account.id) == []
    assert queries.identity_of(account.id, IdentityKind.password).confirmed_at is not None


def test_the_language_chosen_for_the_login_is_the_one_she_is_written_to_in_once_it_is_proved(colleague):
    """Messages follow the person's row.  "As the device says" leaves it, because a letter has no device."""

    def languages() -> tuple[str, str]:
        (row,) = db.session.execute(sa.select(Account.lang, Person.lang).join(Person).where(Account.id == colleague.id))
        return tuple(row)

    own = Actor(colleague.id)
    operations.change_account(own, colleague.id, lang="en")
    assert languages() == ("en", "en")
    operations.change_account(own, colleague.id, lang="")
    assert languages() == ("", "en")
    issued(colleague)
    assert queries.waits_for_proof(colleague.id)
    operations.change_account(own, colleague.id, lang="zh")
    assert languages() == ("zh", "en")
