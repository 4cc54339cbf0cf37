"""Moving, joining and splitting: what ties people to homes and households."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

import sqlalchemy as sa

from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import queries, signals
from civic.people.errors import BeforeBirth, HouseholdEnded, SameHousehold, WholeHousehold
from civic.people.models import (
    HomeRelation,
    Household,
    HouseholdRelation,
    LifeEventKind,
    Membership,
    NameKey,
    Person,
    PersonHome,
    VerificationEnd,
)
from civic.people.operations.locks import (
    end_empty_households,
    end_verifications,
    has_happened,
    lock_people,
    lock_rows,
    lock_with_households,
    open_homes,
    open_memberships,
)
from civic.people.operations.rows import LIVING, add_home, new_household, note_event
from civic.people.operations.typed import NewHome


def end_relation(row: PersonHome, on: date) -> None:
    """Raises BeforeBirth when it began later."""
    if on < row.from_on:
        raise BeforeBirth(day=on)
    row.ended_on = on


def move_people(actor: Actor, person_ids: Sequence[int], to: NewHome, on: date, evidence: str = "") -> list[Person]:
    """They live in another home of this district from `on`; verification ends where the community is another.

    Raises DayToCome, BeforeBirth (she came to her present home later), NoSuchHome, NotLiving.  Sends `person_moved`, `verification_ended`.
    """
    has_happened(on)
    with atomic() as tx:
        people, households = lock_with_households(person_ids)
        for person in people:
            kind = LifeEventKind.move if _lived_here(person.id) else LifeEventKind.move_in
            _leave_homes(person, on)
            add_home(person, replace(to, relation=HomeRelation.lives_in, from_on=on))
            _follow_place(person)
            end_verifications(actor, person, VerificationEnd.moved, keep_place=person.place_id)
            note_event(actor, kind, person.id, on, evidence=evidence)
            signals.person_moved.send(person, actor=actor, on=on, out=False)
        _take_households_along(households.values())
        tx.touch(queries.TOPIC)
        tx.result = people
    return people


def move_out(actor: Actor, person_ids: Sequence[int], elsewhere: str, on: date, evidence: str = "") -> list[Person]:
    """They left the district: the row stays with the community that kept it, verification ends everywhere."""
    has_happened(on)
    with atomic() as tx:
        people, _households = lock_with_households(person_ids)
        for person in people:
            _leave_homes(person, on)
            if elsewhere:
                add_home(person, NewHome(HomeRelation.lives_in, None, elsewhere, on))
            end_verifications(actor, person, VerificationEnd.moved)
            note_event(actor, LifeEventKind.move_out, person.id, on, evidence=evidence)
            signals.person_moved.send(person, actor=actor, on=on, out=True)
        tx.touch(queries.TOPIC)
        tx.result = people
    return people


def _lived_here(person_id: int) -> bool:
    """Has she an open home in this district?  If not, the move is a moving in."""
    return any(row.relation in LIVING and row.home_id is not None for row in open_homes(person_id))


def _take_households_along(households: Iterable[Household]) -> None:
    """A household is kept by the community in which all of its members are; while they are apart it stays where it was."""
    db.session.flush()
    for household in households:
        query = sa.select(Person.place_id).join(Membership, Membership.person_id == Person.id).distinct()
        places = set(db.session.scalars(query.where(Membership.household_id == household.id, Membership.ended_on.is_(None))))
        if len(places) == 1:
            household.place_id = places.pop()


def _leave_homes(person: Person, on: date) -> None:
    for row in open_homes(person.id):
        if row.relation in {*LIVING, HomeRelation.rents}:
            end_relation(row, on)
    db.session.flush()


def _follow_place(person: Person) -> None:
    """The keys of her name stand beside the community of record."""
    person.lock_version += 1
    db.session.flush()
    db.session.execute(sa.update(NameKey).where(NameKey.person_id == person.id).values(place_id=person.place_id))


def set_home(actor: Actor, person_id: int, home: NewHome) -> PersonHome:
    """Record another tie to a home: registered at, owns, rents.  An open one of the kind that can be only once ends."""
    with atomic() as tx:
        (person,) = lock_people([person_id])
        day = home.from_on or clock.today()
        for row in open_homes(person_id):
            both_live = row.relation in LIVING and home.relation in LIVING
            if both_live or (row.relation is home.relation and home.relation is HomeRelation.registered_at):
                end_relation(row, day)
        db.session.flush()
        made = add_home(person, home)
        _follow_place(person)
        if home.relation in LIVING:
            end_verifications(actor, person, VerificationEnd.moved, keep_place=person.place_id)
        audit.record(actor, "people.home.add", "person", person_id, home=made.home_id)
        tx.touch(queries.TOPIC)
        tx.result = made
    return made


def end_home(actor: Actor, person_home_id: int, on: date) -> None:
    """A tie to a home no longer holds; of the home she lived in, her verification ends with it."""
    has_happened(on)
    with atomic() as tx:
        (person,) = lock_rows([db.session.get_one(PersonHome, person_home_id).person_id])
        row = db.session.get_one(PersonHome, person_home_id, populate_existing=True)
        if row.ended_on is None:
            end_relation(row, on)
            if row.relation in LIVING:
                end_verifications(actor, person, VerificationEnd.moved)
            audit.record(actor, "people.home.end", "person", row.person_id, home=row.home_id)
        tx.touch(queries.TOPIC)


def join_household(
    actor: Actor, person_ids: Sequence[int], household_id: int, relation: HouseholdRelation, on: date, evidence: str = ""
) -> Household:
    """They belong to this household from `on`; a household that they leave empty ends.

    Raises HouseholdEnded, SameHousehold, DayToCome, NotLiving.  Sends `household_changed` for each one concerned.
    """
    has_happened(on)
    with atomic() as tx:
        people, households = lock_with_households(person_ids, [household_id])
        target = households.get(household_id)
        if target is None or target.ended_on is not None:
            raise HouseholdEnded
        now = open_memberships(person_ids)
        if any(m.household_id == household_id for m in now.values()):
            raise SameHousehold
        _change(actor, people, now, target, relation, on, LifeEventKind.joined, evidence)
        end_empty_households(actor, list(households.values()), on)
        tx.touch(queries.TOPIC)
        tx.result = target
    return target


def split_household(actor: Actor, person_ids: Sequence[int], on: date, evidence: str = "") -> Household:
    """They leave as a household of their own; the first of them is its head.  Raises WholeHousehold when nobody would stay."""
    has_happened(on)
    with atomic() as tx:
        people, households = lock_with_households(person_ids)
        now = open_memberships(person_ids)
        if len({m.household_id for m in now.values()}) != 1 or len(now) != len(people):
            raise WholeHousehold
        (old,) = {m.household_id for m in now.values()}
        members = sa.select(sa.func.count()).where(Membership.household_id == old, Membership.ended_on.is_(None))
        if (db.session.scalar(members) or 0) <= len(people):
            raise WholeHousehold
        made = new_household(people[0].place_id)
        by_id = {person.id: person for person in people}
        ordered = [by_id[i] for i in dict.fromkeys(person_ids)]
        _change(actor, ordered[:1], now, made, HouseholdRelation.head, on, LifeEventKind.split_off, evidence)
        _change(actor, ordered[1:], now, made, HouseholdRelation.other, on, LifeEventKind.split_off, evidence)
        end_empty_households(actor, [*households.values(), made], on)
        tx.touch(queries.TOPIC)
        tx.result = made
    return made


def _change(
    actor: Actor,
    people: Sequence[Person],
    now: dict[int, Membership],
    target: Household,
    relation: HouseholdRelation,
    on: date,
    kind: LifeEventKind,
    evidence: str,
) -> None:
    for person in people:
        membership = now.get(person.id)
        if membership is not None:
            if on < membership.from_on:
                raise BeforeBirth(day=on)
            membership.ended_on = on
    db.session.flush()  # the partial unique index allows one open row a person
    for person in people:
        db.session.add(Membership(household_id=target.id, person_id=person.id, relation=relation, from_on=on))
        note_event(actor, kind, person.id, on, household_id=target.id, evidence=evidence)
    db.session.flush()
