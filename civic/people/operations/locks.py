"""Locks and look-ups that the operations share: households first, then persons, each by ascending id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import sqlalchemy as sa

from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import signals
from civic.people.errors import DayToCome, NoSuchHome, NotLiving
from civic.people.models import Household, Membership, Person, PersonHome, Verification, VerificationEnd
from civic.territory.models import Building, Home, Territory


def lock_people(ids: Iterable[int]) -> list[Person]:
    """These rows under lock, read afresh, in the order of their ids.  Raises NotLiving when one is closed."""
    found = lock_rows(ids)
    if not all(person.is_alive for person in found):
        raise NotLiving
    return found


def lock_rows(ids: Iterable[int]) -> list[Person]:
    """The same for rows that may be closed: undoing a death, emptying.  Raises ValueError for an unknown id."""
    wanted = sorted(set(ids))
    query = sa.select(Person).where(Person.id.in_(wanted)).order_by(Person.id).with_for_update(key_share=True)
    found = list(db.session.scalars(query.execution_options(populate_existing=True)))
    if len(found) != len(wanted):
        raise ValueError("unknown person")
    return found


def lock_households(ids: Iterable[int]) -> dict[int, Household]:
    query = sa.select(Household).where(Household.id.in_(sorted(set(ids)))).order_by(Household.id).with_for_update(key_share=True)
    return {h.id: h for h in db.session.scalars(query.execution_options(populate_existing=True))}


def open_memberships(person_ids: Iterable[int]) -> dict[int, Membership]:
    """The open membership of each person."""
    query = sa.select(Membership).where(Membership.person_id.in_(list(person_ids)), Membership.ended_on.is_(None))
    return {m.person_id: m for m in db.session.scalars(query.execution_options(populate_existing=True))}


def lock_with_households(ids: Iterable[int], more: Iterable[int] = ()) -> tuple[list[Person], dict[int, Household]]:
    """People and all the households concerned, in the fixed order; memberships read before are read again by the caller."""
    wanted = sorted(set(ids))
    households = lock_households([*(m.household_id for m in open_memberships(wanted).values()), *more])
    return lock_people(wanted), households


def has_happened(on: date) -> date:
    """Raises DayToCome for a day that has not come."""
    if on > clock.today():
        raise DayToCome(day=on)
    return on


def place_of_home(home_id: int) -> int:
    """The community or village in which a home stands now: home → building → grid → its parent.  Raises NoSuchHome."""
    query = (
        sa.select(Territory.parent_id, Home.valid_to)
        .join(Building, Building.grid_id == Territory.id)
        .join(Home, Home.building_id == Building.id)
        .where(Home.id == home_id)
    )
    row = db.session.execute(query).one_or_none()
    if row is None or row.parent_id is None or (row.valid_to is not None and row.valid_to < clock.today()):
        raise NoSuchHome
    return int(row.parent_id)


def end_empty_households(actor: Actor, households: Sequence[Household], on: date) -> None:
    """Close households without an open membership; the others tell that they changed."""
    db.session.flush()
    ids = [h.id for h in households]
    living = set(
        db.session.scalars(sa.select(Membership.household_id).where(Membership.household_id.in_(ids), Membership.ended_on.is_(None)))
    )
    for household in households:
        if household.id not in living:
            household.ended_on = on
        household.lock_version += 1
        signals.household_changed.send(household, actor=actor, on=on)


def end_verifications(actor: Actor, person: Person, why: VerificationEnd, keep_place: int | None = None) -> None:
    """End her open verifications, but for one community."""
    query = sa.select(Verification).where(Verification.person_id == person.id, Verification.ended_at.is_(None))
    for row in db.session.scalars(query):
        if row.place_id != keep_place:
            row.ended_at, row.end = clock.now(), why
            signals.verification_ended.send(person, actor=actor, place_id=row.place_id)


def open_homes(person_id: int) -> list[PersonHome]:
    return list(db.session.scalars(sa.select(PersonHome).where(PersonHome.person_id == person_id, PersonHome.ended_on.is_(None))))
