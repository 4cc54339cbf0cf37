"""The two people of an exchange: merged rows resolved, with the name by which they know each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from civic.accounts import queries as accounts
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.exchange.models import Exchange, ExchangeEvent, ExchangeState, Rating, Verb
from civic.people import records
from civic.people.models import Membership, Person
from civic.people.queries import all_rows_of
from civic.territory.models import Station, Territory

FINISHED = (ExchangeState.confirmed, ExchangeState.settled)


@dataclass(frozen=True)
class Party:
    """A person as an exchange or listing names her.  row_id: the row that is named; id: the one that counts for her now."""

    row_id: int
    id: int
    name: str
    path: str  # of the community that keeps her row
    is_alive: bool


def parties(row_ids: Iterable[int]) -> dict[int, Party]:
    """People by the rows that are named; one statement."""
    wanted = sorted(set(row_ids))
    named, kept = aliased(Person), aliased(Person)
    query = (
        sa.select(named.id, kept, Territory.path)
        .join(kept, kept.id == sa.func.coalesce(named.merged_into_id, named.id))
        .join(Territory, Territory.id == kept.place_id)
        .where(named.id.in_(wanted))
    )
    found = db.session.execute(query).all() if wanted else ()
    return {row_id: Party(row_id, who.id, records.unseal(who.sealed).name, path, who.is_alive) for row_id, who, path in found}


def survivors(row_ids: Iterable[int]) -> dict[int, int]:
    """Of each row the one that counts for her now; one statement."""
    query = sa.select(Person.id, sa.func.coalesce(Person.merged_into_id, Person.id)).where(Person.id.in_(sorted(set(row_ids))))
    return dict(db.session.execute(query).all())


def households_of(person_ids: Iterable[int]) -> dict[int, int]:
    """Of each person the household she is in now."""
    query = sa.select(Membership.person_id, Membership.household_id)
    query = query.where(Membership.person_id.in_(sorted(set(person_ids))), Membership.ended_on.is_(None))
    return dict(db.session.execute(query).all())


def share_household(one: int, other: int) -> bool:
    """Do two people live in one household now, or are they one?"""
    found = households_of([one, other])
    return one == other or (one in found and found.get(one) == found.get(other))


def is_own_cause(actor: Actor, person_ids: Iterable[int]) -> bool:
    """Is the actor one of these people, or of their households?  An account without a person is nobody of them."""
    worker = accounts.person_of(actor.account_id) if actor.account_id is not None else None
    return worker is not None and any(share_household(worker, person_id) for person_id in person_ids)


def is_anothers_business(actor: Actor, person_id: int, others: Iterable[int] = ()) -> bool:
    """May this account not act for her?  At the desk nobody acts for herself, for the other side, or for somebody of either household.

    person_id, others: survivors of merged rows.
    """
    worker = accounts.person_of(actor.account_id) if actor.account_id is not None else None
    if worker is None or (worker == person_id and actor.channel is not Channel.desk):
        return False
    return any(share_household(worker, each) for each in (person_id, *others))


def spoken_for_one() -> sa.ColumnElement[bool]:
    """Events in which an account said something for one of the two.

    Stopping and deciding name neither of them; a rating comes after everything is decided.
    """
    e = ExchangeEvent
    return sa.and_(e.person_id.is_not(None), e.account_id.is_not(None), e.verb != Verb.rated.value)


def spoke_for_one(actor: Actor, exchange_id: int) -> bool:
    """Has the actor spoken for one of the two in this exchange, under this login or another of hers?"""
    if actor.account_id is None:
        return False
    said = sa.select(ExchangeEvent.account_id).where(ExchangeEvent.exchange_id == exchange_id, spoken_for_one()).distinct()
    speakers = set(db.session.scalars(said))
    if actor.account_id in speakers:
        return True
    worker = accounts.person_of(actor.account_id)
    return worker is not None and any(accounts.person_of(each) == worker for each in speakers if each is not None)


def are_strangers(one: int, other: int) -> bool:
    """No finished exchange between the two so far, and not one household."""
    ones, others = all_rows_of(one), all_rows_of(other)
    e = Exchange
    between = sa.or_(sa.and_(e.requester_id.in_(ones), e.helper_id.in_(others)), sa.and_(e.requester_id.in_(others), e.helper_id.in_(ones)))
    met = db.session.scalar(sa.select(e.id).where(between, e.state.in_(FINISHED)).limit(1))
    return met is None and not share_household(one, other)


def station_of(territory_id: int) -> Station | None:
    """The community's first station."""
    return db.session.scalars(sa.select(Station).where(Station.territory_id == territory_id).order_by(Station.code).limit(1)).first()


def suggested_station(one: int, other: int, territory_id: int) -> Station | None:
    """Where two strangers should meet first: the community's station; None when they have helped each other before, or it has none."""
    return station_of(territory_id) if are_strangers(one, other) else None


@dataclass(frozen=True)
class Stars:
    """How somebody was rated: how often, and the average of 1 to 5."""

    count: int = 0
    average: float = 0.0


def stars_of(person_ids: Iterable[int]) -> dict[int, Stars]:
    """Ratings about these people, the rows merged into them included; those without any are missing.  One statement."""
    wanted = sorted(set(person_ids))
    whose = sa.func.coalesce(Person.merged_into_id, Person.id)
    query = (
        sa.select(whose, sa.func.count(), sa.func.sum(Rating.stars))
        .join(Rating, Rating.about_person_id == Person.id)
        .where(sa.or_(Person.id.in_(wanted), Person.merged_into_id.in_(wanted)))
        .group_by(whose)
    )
    found = db.session.execute(query).all() if wanted else ()
    return {person_id: Stars(count, round(int(total) / count, 1)) for person_id, count, total in found}
