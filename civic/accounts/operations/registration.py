"""Registering: a login and a person (or the person of a printed slip), with consent to the privacy notice, in one transaction."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from civic.accounts import passwords
from civic.accounts.errors import BadLogin, LoginTaken
from civic.accounts.models import Account, Identity, IdentityKind
from civic.accounts.operations.accounts import LOGIN, add_account
from civic.accounts.operations.identities import CONTACTS, add_identity, claim_oidc, note_contacts
from civic.accounts.operations.tickets import VISITOR, Opened, use_ticket
from civic.accounts.own_errors import ChildNeedsGuardian, NotAChild, PasswordMissing
from civic.accounts.passwords import CLEAR
from civic.accounts.queries import normal_login
from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people import records
from civic.people.models import Person, PersonSource, RepresentationKind
from civic.people.operations import NewContact
from civic.people.records import Record

CHILD_UNDER, GROWN_UP = 14, 18  # years; PIPL art. 31, Civil Code art. 17
LETTERS = CLEAR[: CLEAR.index("z") + 1]


@dataclass(frozen=True)
class NewLogin:
    """What somebody chose for her login.  login: '' lets the site choose one; password: '' where a phone is proven."""

    name: str
    login: str = ""
    password: str = ""
    lang: str = ""


@dataclass(frozen=True)
class NewSelf:
    """What somebody says about herself; a slip knows it already."""

    record: Record
    place_id: int


def generated_login() -> str:
    """A letter and seven letters or digits that nobody mistakes: 37 bits, so two alike are tried again, not feared."""
    return secrets.choice(LETTERS) + "".join(secrets.choice(CLEAR) for _ in range(7))


def age_of(record: Record) -> int | None:
    """Whole years today; None where nobody knows the birth."""
    today, born = clock.today(), record.birthday
    if born is not None:
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return today.year - record.birth_year if record.birth_year is not None else None


def _is_child(record: Record) -> bool:
    age = age_of(record)
    return age is not None and age < CHILD_UNDER


def register(opened: Opened, login: NewLogin, who: NewSelf | None, version: int) -> Account:
    """Open an account with what the ticket proves.  who: None when the ticket is a slip that names the person.

    Raises LinkOver, BadLogin, LoginTaken, PasswordMissing, OidcTaken and the refusals of passwords, ChildNeedsGuardian, OldNotice, and what
    people.create_person raises.
    """
    wanted = normal_login(login.login)
    if wanted and not LOGIN.fullmatch(wanted):
        raise BadLogin(field="login")
    has_other = any(kind in {IdentityKind.phone, IdentityKind.oidc} for kind, _value in opened.proven)
    if not login.password and not has_other:
        raise PasswordMissing(field="new_password")
    if who is not None and _is_child(who.record):
        raise ChildNeedsGuardian(field="birth_on")
    hashed = ""
    if login.password:
        passwords.check_new(wanted, login.password)
        hashed = passwords.hash_password(login.password)
    with atomic() as tx:
        use_ticket(opened)
        person_id = _person(opened, who, login.lang)
        account_id = _account(wanted, login, person_id)
        if hashed:
            db.session.add(Identity(account_id=account_id, kind=IdentityKind.password, secret=hashed, confirmed_at=clock.now()))
        for kind, value in opened.proven:
            if kind == IdentityKind.oidc:
                claim_oidc(value)
            add_identity(account_id, IdentityKind(kind), value)
        actor = Actor(account_id)
        people.give_consent(actor, person_id, version, person_id)
        audit.record(actor, "accounts.account.register", "account", account_id, person=person_id)
        account = db.session.get_one(Account, account_id)
        tx.result = account
    return account


def _person(opened: Opened, who: NewSelf | None, lang: str) -> int:
    if who is None:
        person = db.session.get_one(Person, opened.person_id)
        person_id = person.merged_into_id or person.id
        if _is_child(records.unseal(db.session.get_one(Person, person_id).sealed)):
            raise ChildNeedsGuardian
        note_contacts(VISITOR, person_id, opened.proven)
        return person_id
    found = [(CONTACTS.get(IdentityKind(kind)), value) for kind, value in opened.proven]
    contacts = [NewContact(kind, value, confirmed=True) for kind, value in found if kind is not None]
    made = people.create_person(VISITOR, who.place_id, who.record, source=PersonSource.self, contacts=contacts, lang=lang)
    return made.id


def _account(wanted: str, login: NewLogin, person_id: int) -> int:
    """The login she chose, or the first free one of eight generated ones."""
    for each in [wanted] if wanted else [generated_login() for _ in range(8)]:
        account_id = add_account(each, login.name, must_change=False, lang=login.lang, person_id=person_id)
        if account_id is not None:
            return account_id
    raise LoginTaken(login=wanted, field="login")


def register_child(actor: Actor, guardian_id: int, record: Record, place_id: int, kind: RepresentationKind, version: int) -> Person:
    """A guardian records her child and agrees for it (PIPL art. 31); a clerk checks the relation before it counts for anything more.

    The child stands alone in a household of its own until a clerk joins it: a household that anybody could enlarge would have larger
    quotas.  Raises NotAChild, OldNotice and what people.create_person raises.
    """
    age = age_of(record)
    if age is None or age >= GROWN_UP:
        raise NotAChild(field="birth_on")
    with atomic() as tx:
        child = people.create_person(actor, place_id, replace(record), source=PersonSource.self)
        people.add_representation(actor, child.id, guardian_id, kind, clock.today())
        people.give_consent(actor, child.id, version, guardian_id)
        tx.result = child
    return child
