"""Ways to sign in beside the login, who shares an address, whose record an account belongs to."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from civic.accounts.models import Account, Grant, Identity, IdentityKind
from civic.accounts.queries.signing import normal_login, valid_on
from civic.core import clock, crypto
from civic.core.db import db
from civic.people import queries as people
from civic.people import records
from civic.people.models import Document, Person
from civic.territory.models import Territory

OWN = (IdentityKind.mail, IdentityKind.phone, IdentityKind.oidc)
#: a mail address alone signs nobody in: it resets a password
WAYS_IN = (IdentityKind.password, IdentityKind.phone, IdentityKind.oidc)
SHARED = 3  # accounts of one address that can sign in with it and a password
FACT_SIGNS = 4


def identity_value(kind: IdentityKind, value: str) -> str:
    """What is hashed of a mail address, phone or outside sign-in."""
    return f"{kind.value}|{value}"


def digits(text: str) -> str:
    """What people type for a code, without spaces and in half-width digits."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _hashes(kind: IdentityKind, value: str) -> list[str]:
    return crypto.keyed_hashes(identity_value(kind, value), "identity")


def _holding(kind: IdentityKind, value: str) -> sa.ColumnElement[bool]:
    """Open accounts that have this address."""
    held = sa.select(Identity.account_id).where(Identity.kind == kind, Identity.hash.in_(_hashes(kind, value)))
    return sa.and_(Account.closed_at.is_(None), Account.id.in_(held))


def accounts_with(kind: IdentityKind, value: str) -> list[Account]:
    """The open accounts that have proven this address; mother and daughter may share one."""
    return list(db.session.scalars(sa.select(Account).where(_holding(kind, value)).order_by(Account.id)))


def count_with(kind: IdentityKind, value: str) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Account).where(_holding(kind, value))) or 0


def own_identity(account_id: int, kind: IdentityKind, value: str) -> Identity | None:
    query = sa.select(Identity).where(Identity.account_id == account_id, Identity.kind == kind, Identity.hash.in_(_hashes(kind, value)))
    return db.session.scalars(query).first()


@dataclass(frozen=True)
class Way:
    """A mail address, phone or outside sign-in of one's own account, in clear: it is shown to nobody else."""

    id: int
    kind: IdentityKind
    value: str
    row: Identity


def ways_of(account_id: int) -> list[Way]:
    """Mail addresses, phones and outside sign-ins of an account."""
    query = sa.select(Identity).where(Identity.account_id == account_id, Identity.kind.in_(OWN)).order_by(Identity.id)
    return [Way(row.id, row.kind, crypto.decrypt(row.secret, "identity"), row) for row in db.session.scalars(query)]


def password_candidates(text: str) -> tuple[list[tuple[int, int, str]], int]:
    """(account, identity, hash) of those whom login, member number, mail or phone may mean, and how many hashes are tried at least.

    One statement each way.  An address is always tried against three hashes: the time does not tell how many people share it.
    """
    query = (
        sa.select(Account.id, Identity.id, Identity.secret)
        .join(Identity, sa.and_(Identity.account_id == Account.id, Identity.kind == IdentityKind.password))
        .where(Account.closed_at.is_(None))
        .order_by(Account.id)
        .limit(SHARED)
    )
    least, number, phone = 1, records.normal_number(text), records.normal_phone(text)
    if "@" in text:
        query, least = query.where(_holding(IdentityKind.mail, records.normal_mail(text))), SHARED
    elif records.is_number(number):
        survivor = sa.select(sa.func.coalesce(Person.merged_into_id, Person.id)).where(Person.number == number).scalar_subquery()
        rows = sa.select(Person.id).where(sa.or_(Person.id == survivor, Person.merged_into_id == survivor))
        query = query.where(Account.person_id.in_(rows))
    elif phone and not normal_login(text)[:1].isalpha():
        query, least = query.where(_holding(IdentityKind.phone, phone)), SHARED
    else:
        query = query.where(Account.login == normal_login(text))
    return [(account, identity, secret) for account, identity, secret in db.session.execute(query)], least


def accounts_of_person(person_id: int) -> list[Account]:
    """The open accounts of a human, whichever of her rows they name."""
    survivor = people.survivor_of(person_id)
    rows = people.all_rows_of(survivor) if survivor is not None else []
    return list(db.session.scalars(sa.select(Account).where(Account.person_id.in_(rows), Account.closed_at.is_(None)).order_by(Account.id)))


def person_of(account_id: int) -> int | None:
    """The living row of the person whose login this is."""
    return people.survivor_of(db.session.scalar(sa.select(Account.person_id).where(Account.id == account_id)))


def is_verified(person_id: int | None) -> bool:
    survivor = people.survivor_of(person_id)
    return bool(people.verified_in(survivor))


def is_fact(person_id: int, fact: str) -> bool:
    """Is this her member number, or the last four signs of an open document?"""
    given = records.normal_number(fact)
    rows = people.all_rows_of(people.survivor_of(person_id) or person_id)
    numbers = set(db.session.scalars(sa.select(Person.number).where(Person.id.in_(rows))))
    sealed = db.session.scalars(sa.select(Document.sealed).where(Document.person_id.in_(rows), Document.ended_at.is_(None)))
    ends = {records.unseal_document(each)[0][-FACT_SIGNS:] for each in sealed}
    return given in numbers or (len(given) == FACT_SIGNS and given in ends)


def names_of(account_ids: Iterable[int]) -> dict[int, str]:
    """What colleagues call these accounts."""
    return dict(db.session.execute(sa.select(Account.id, Account.name).where(Account.id.in_(sorted(set(account_ids))))).all())


def colleagues(grant: Grant) -> list[Account]:
    """Who could take over the work of a right: open accounts that hold the same role today for its territory and organisation."""
    path = db.session.scalar(sa.select(Territory.path).where(Territory.id == grant.territory_id)) or ""
    same: list[Any] = [
        Grant.account_id == Account.id,
        Grant.role == grant.role,
        valid_on(clock.today()),
        Territory.id == Grant.territory_id,
    ]
    if grant.organisation_id is None:
        same.append(Grant.organisation_id.is_(None))
    else:
        same.append(sa.or_(Grant.organisation_id.is_(None), Grant.organisation_id == grant.organisation_id))
    above = sa.literal(path).startswith(Territory.path)
    query = sa.select(Account).where(Account.closed_at.is_(None), Account.id != grant.account_id, sa.exists().where(*same, above))
    return list(db.session.scalars(query.order_by(Account.name, Account.id)))
