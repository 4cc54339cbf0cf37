"""The people of the synthetic district, in bulk: households in the homes that `territory` seeded, 260,000 people at scale 1.

The same seed, scale and day give the same people; only the nonces of the encryption differ.  Written in slices of a few hundred
people of one community, with a pause between; a community that has seeded people is passed over, so a run that was broken off can be
begun again (the community it was broken in stays short).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.people import queries
from civic.people.invented import DISTRICT_ORDERS, Invented, Village
from civic.people.loaders.bulk import Draw, Line, write_households, write_people
from civic.people.models import ContactKind, DocumentKind, HomeRelation, HouseholdRelation, Person, PersonSource
from civic.people.operations.typed import NewContact, NewDocument, NewHome, NewPerson
from civic.people.records import Record
from civic.territory.models import PLACES, Building, Home, Territory

PEOPLE = 260_000  # the whole district at scale 1
SLICE = 300  # people written in one transaction: about 0.15 s of the write lock
PAUSE = 0.005  # seconds between slices, so that other writers get their turn
YEARS = 15  # they moved in within so many years
SEEDER = Actor(None, job="seed-people", channel=Channel.command)
Household = list[Invented]


def district(*, scale: float, rows: Mapping[str, int], seed: int, as_of: date, progress: Callable[[str], Any]) -> dict[str, int]:
    """Write the people and say how many seconds it took.  rows: `people` sets their number.  Returns how many there are."""
    began = time.monotonic()
    wanted = rows.get("people", round(PEOPLE * scale))
    places = _places()
    invention = Village(random.Random(f"people:{seed}"), as_of, DISTRICT_ORDERS)
    draw = Draw(random.Random(f"people-numbers:{seed}"))
    households = invention.households()
    written = told = 0
    for (place_id, homes), count in zip(places, shares(wanted, [len(homes) for _, homes in places]), strict=True):
        members = list(_take(households, count))
        is_new = not _has_people(place_id)
        for slice_of in _slices(members):
            if is_new:
                _write(place_id, slice_of, homes, draw, invention.chance, as_of)
            written += sum(len(household) for household in slice_of)
        if written - told >= 20_000:
            told = written
            progress(f"people: {written} of {wanted}")
    with atomic() as tx:
        tx.touch(queries.TOPIC)
    progress(f"people: {written} in {time.monotonic() - began:.1f} s")
    return {"people": written}


def _places() -> list[tuple[int, list[int]]]:
    """Communities and villages with the ids of their standing homes, in the order of their codes."""
    place, grid = sa.orm.aliased(Territory), sa.orm.aliased(Territory)
    query = (
        sa.select(place.id, Home.id)
        .join(grid, grid.parent_id == place.id)
        .join(Building, Building.grid_id == grid.id)
        .join(Home, Home.building_id == Building.id)
        .where(place.kind.in_(PLACES), Home.valid_to.is_(None))
        .order_by(place.code, Home.id)
    )
    found: dict[int, list[int]] = {}
    for place_id, home_id in db.session.execute(query):
        found.setdefault(place_id, []).append(home_id)
    return list(found.items())


def _has_people(place_id: int) -> bool:
    query = sa.select(Person.id).where(Person.place_id == place_id, Person.source == PersonSource.seed)
    return db.session.scalar(query.limit(1)) is not None


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to the weights that add up to the total."""
    found, given, seen = [], 0, 0
    for weight in weights:
        seen += weight
        upto = total * seen // max(1, sum(weights))
        found.append(upto - given)
        given = upto
    return found


def _take(households: Iterator[Household], count: int) -> Iterator[Household]:
    """Households with exactly so many people together; the last one is cut."""
    while count > 0:
        members = next(households)[:count]
        count -= len(members)
        yield members


def _slices(members: list[Household]) -> Iterator[list[Household]]:
    part: list[Household] = []
    size = 0
    for household in members:
        part.append(household)
        size += len(household)
        if size >= SLICE:
            yield part
            part, size = [], 0
    if part:
        yield part


def _write(place_id: int, part: list[Household], homes: list[int], draw: Draw, chance: random.Random, as_of: date) -> None:
    """Some households of one community, in one transaction."""
    with atomic():
        ids = write_households([place_id] * len(part), draw)
        lines = []
        for household_id, members in zip(ids, part, strict=True):
            home_id = chance.choice(homes)
            since = as_of - timedelta(days=chance.randrange(YEARS * 365))
            lines += [_line(each, place_id, household_id, home_id, max(since, each.birth)) for each in members]
        write_people(SEEDER, lines, PersonSource.seed, draw)
    time.sleep(PAUSE)


def _line(each: Invented, place_id: int, household_id: int, home_id: int, since: date) -> Line:
    registered = NewHome(HomeRelation.registered_at, None, each.elsewhere) if each.elsewhere else None
    if registered is None and each.document == "resident_card":
        registered = NewHome(HomeRelation.registered_at, home_id)
    homes = (NewHome(HomeRelation.lives_in, home_id), *((registered,) if registered else ()))
    return Line(person_of(each), place_id, household_id, homes, since)


def person_of(each: Invented) -> NewPerson:
    """The invented person as she is written; nothing is left to check."""
    documents = (NewDocument(DocumentKind(each.document), each.number, each.country),) if each.document else ()
    contacts = (NewContact(ContactKind.phone, f"+86{each.phone}"),) if each.phone else ()
    record = Record(each.name, each.second_name, each.birth.isoformat(), each.sex, each.country)
    return NewPerson(record, HouseholdRelation(each.relation), documents, contacts, each.lang)
