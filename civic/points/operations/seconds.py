"""The second person, and nobody on her own household (L19): accounts are compared, and the persons whose logins they are."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from civic.accounts import queries as accounts
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import queries as people
from civic.people.models import Membership, Person
from civic.points.errors import OwnHousehold, SecondPersonNeeded
from civic.points.models import Wallet


def by_account(actor: Actor) -> int:
    """The account that answers for an act of office.  Raises ValueError for a job: nobody could be asked about it."""
    if actor.account_id is None:
        raise ValueError("a person answers for this")
    return actor.account_id


def second_person(actor: Actor, maker_id: int) -> None:
    """Raises SecondPersonNeeded for the one who asked, whichever of her logins she uses."""
    account_id = by_account(actor)
    if account_id == maker_id:
        raise SecondPersonNeeded
    person_id = accounts.person_of(account_id)
    if person_id is not None and person_id == accounts.person_of(maker_id):
        raise SecondPersonNeeded


def not_own(actor: Actor, wallet_ids: Iterable[int]) -> None:
    """Raises OwnHousehold when one of the wallets is hers, her household's, or of somebody she lives with."""
    person_id = accounts.person_of(by_account(actor))
    if person_id is None:
        return
    mine = sa.select(Membership.household_id).where(Membership.person_id.in_(people.all_rows_of(person_id)), Membership.ended_on.is_(None))
    beside = sa.select(Membership.person_id).where(Membership.household_id.in_(mine), Membership.ended_on.is_(None))
    survivor = sa.func.coalesce(Person.merged_into_id, Person.id)
    query = (
        sa.select(Wallet.id)
        .outerjoin(Person, Person.id == Wallet.person_id)
        .where(Wallet.id.in_(sorted(set(wallet_ids))), sa.or_(Wallet.household_id.in_(mine), survivor == person_id, survivor.in_(beside)))
    )
    if db.session.scalar(query.limit(1)) is not None:
        raise OwnHousehold
