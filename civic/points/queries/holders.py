"""Whose wallets they are: what policies ask about, and the name that a page shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from flask_babel import pgettext

from civic.core.db import db
from civic.people import queries as people
from civic.people.models import Household, Membership, Person
from civic.points import labels, queries
from civic.points.models import Programme, Wallet, WalletKind
from civic.points.policies import Holder
from civic.territory.models import Territory


@dataclass(frozen=True)
class Owner:
    """Who is named as a wallet's owner.  uid: of the person or household, '' for a wallet of the programme."""

    kind: WalletKind
    name: str
    uid: str


def holder_of(wallet: Wallet) -> Holder:
    """What policies ask about a wallet: its place, who may use it, who lives with them."""
    if wallet.person_id is not None:
        return holder_of_person(people.survivor_of(wallet.person_id) or wallet.person_id, people.path_of(wallet.person_id))
    if wallet.household_id is not None:
        path = db.session.scalars(
            sa.select(Territory.path).join(Household, Household.place_id == Territory.id).where(Household.id == wallet.household_id)
        ).one()
        members = _members(wallet.household_id)
        return Holder(path, frozenset(_adults(members)), frozenset(members))
    return Holder(
        db.session.scalars(
            sa.select(Territory.path).join(Programme, Programme.territory_id == Territory.id).where(Programme.id == wallet.programme_id)
        ).one()
    )


def holder_of_person(person_id: int, path: str) -> Holder:
    """The same of somebody who may have no wallet yet."""
    return Holder(path, frozenset({person_id}), frozenset(_beside(person_id)))


def _beside(person_id: int) -> list[int]:
    """Everybody in her household, herself included."""
    mine = sa.select(Membership.household_id).where(Membership.person_id == person_id, Membership.ended_on.is_(None))
    query = sa.select(Membership.person_id).where(Membership.household_id.in_(mine), Membership.ended_on.is_(None))
    return list(db.session.scalars(query))


def _members(household_id: int) -> list[int]:
    return list(
        db.session.scalars(sa.select(Membership.person_id).where(Membership.household_id == household_id, Membership.ended_on.is_(None)))
    )


def _adults(person_ids: Iterable[int]) -> list[int]:
    """Those who are known to be of age today."""
    query = sa.select(Person.id, Person.birth_year, Person.sealed).where(Person.id.in_(sorted(person_ids)))
    return [row.id for row in db.session.execute(query) if queries.is_grown_up(row.birth_year, row.sealed)]


def people_of(wallets: Iterable[Wallet]) -> list[int]:
    """Everybody whose they are: the person, or each member of the household today.  One statement whatever their number, none without a household."""
    known = list(wallets)
    found = {wallet.person_id for wallet in known if wallet.person_id is not None}
    households = sorted({wallet.household_id for wallet in known if wallet.household_id is not None})
    if households:
        query = sa.select(Membership.person_id).where(Membership.household_id.in_(households), Membership.ended_on.is_(None))
        found.update(db.session.scalars(query))
    return sorted(found)


def owners_of(wallets: Iterable[Wallet]) -> dict[int, Owner]:
    """Names for a list of wallets, in four statements whatever their number."""
    known = list(wallets)
    person_ids = sorted({wallet.person_id for wallet in known if wallet.person_id is not None})
    rows = {row.id: row for row in people.rows_of(person_ids)}
    household_ids = sorted({wallet.household_id for wallet in known if wallet.household_id is not None})
    households = {
        row.id: row
        for row in db.session.execute(sa.select(Household.id, Household.uid, Household.number).where(Household.id.in_(household_ids)))
    }
    found = {}
    for wallet in known:
        if wallet.person_id is not None:
            person = rows[wallet.person_id]
            found[wallet.id] = Owner(wallet.kind, person.name or person.number, person.uid)
        elif wallet.household_id is not None:
            household = households[wallet.household_id]
            found[wallet.id] = Owner(wallet.kind, household.number, household.uid)
        else:
            found[wallet.id] = Owner(wallet.kind, "", "")
    return found


def title_of(owner: Owner) -> str:
    """A wallet by its owner, as headings and lists say it."""
    if owner.kind is WalletKind.household:
        return pgettext("people", "Household %(number)s") % {"number": owner.name}
    return owner.name or str(labels.WALLETS[owner.kind])
