"""Many people in few statements: for lists and the synthetic district.  The same rows as operations.create_person makes, written in slices.

Everything was checked before (`typed.checked_person`, the list's own check); what is asked of the database here is only that member
numbers are free: among 260,000 people drawn from 90 million numbers about 375 pairs would be equal.
"""

from __future__ import annotations

import base64
import random
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa
from stdnum.iso7064 import mod_11_10

from civic.core import clock, crypto
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import records
from civic.people.models import (
    Contact,
    Document,
    Household,
    HouseholdKind,
    LifeEvent,
    LifeEventKind,
    Membership,
    NameKey,
    Person,
    PersonHome,
    PersonSource,
)
from civic.people.operations.typed import NewHome, NewPerson

ASKED = 500  # numbers asked for at once


@dataclass(frozen=True)
class Line:
    """A person ready to be written.  from_on: since when she counts to household and homes; died_on closes both."""

    new: NewPerson
    place_id: int
    household_id: int
    homes: tuple[NewHome, ...]
    from_on: date
    died_on: date | None = None


@dataclass
class Draw:
    """Where numbers and addresses come from: the machine's randomness, or a seeded chance for invented data."""

    chance: random.Random = field(default_factory=secrets.SystemRandom)

    def uid(self) -> str:
        return base64.urlsafe_b64encode(self.chance.getrandbits(128).to_bytes(16, "big")).decode().rstrip("=")

    def number(self) -> str:
        digits = f"{self.chance.randrange(10_000_000, 100_000_000)}"
        return digits + str(mod_11_10.calc_check_digit(digits))

    def numbers(self, model: type[Person] | type[Household], count: int) -> list[str]:
        """Numbers that no row has."""
        found: dict[str, None] = {}
        while len(found) < count:
            asked = list({self.number(): None for _ in range(min(ASKED, count - len(found)))})
            taken = set(db.session.scalars(sa.select(model.number).where(model.number.in_(asked))))
            found.update((number, None) for number in asked if number not in taken)
        return list(found)


def write_households(place_ids: Sequence[int], draw: Draw, kind: HouseholdKind = HouseholdKind.family) -> list[int]:
    """New households, one for each place; their ids in that order."""
    numbers, now = draw.numbers(Household, len(place_ids)), clock.now()
    rows = [
        {"uid": draw.uid(), "number": number, "kind": kind, "place_id": place, "created_at": now, "lock_version": 1}
        for number, place in zip(numbers, place_ids, strict=True)
    ]
    return _ids(Household, rows)


def write_people(actor: Actor, lines: Sequence[Line], source: PersonSource, draw: Draw) -> list[int]:
    """All rows of these people, inside the open transaction; their ids in the order of the lines."""
    ids = _write_persons(lines, source, draw)
    both = list(zip(ids, lines, strict=True))
    _insert(NameKey, _name_keys(both))
    _insert(Document, [row for id_, line in both for row in _documents(id_, line)])
    _insert(Contact, [row for id_, line in both for row in _contacts(id_, line)])
    _insert(PersonHome, [row for id_, line in both for row in _homes(id_, line)])
    _insert(Membership, [_membership(id_, line) for id_, line in both])
    _insert(LifeEvent, [row for id_, line in both for row in _events(id_, line, actor)])
    return ids


def _write_persons(lines: Sequence[Line], source: PersonSource, draw: Draw) -> list[int]:
    numbers, now = draw.numbers(Person, len(lines)), clock.now()
    rows = [
        {
            "uid": draw.uid(),
            "number": number,
            "sealed": records.seal(line.new.record),
            "birth_year": line.new.record.birth_year,
            "place_id": line.place_id,
            "lang": line.new.lang,
            "source": source,
            "created_at": now,
            "died_on": line.died_on,
            "lock_version": 1,
        }
        for number, line in zip(numbers, lines, strict=True)
    ]
    return _ids(Person, rows)


def _ids(model: Any, rows: list[dict[str, Any]]) -> list[int]:
    """Insert and return the new ids in the order of the rows."""
    if not rows:
        return []
    table = model.__table__
    statement = sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(db.session.execute(statement, rows).scalars())


def _insert(model: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(sa.insert(model.__table__), rows)


def _name_keys(both: Iterable[tuple[int, Line]]) -> list[dict[str, Any]]:
    hashes: dict[str, str] = {}
    rows = []
    for id_, line in both:
        for prefix in sorted(records.prefixes(line.new.record.name, line.new.record.second_name)):
            if prefix not in hashes:
                hashes[prefix] = records.prefix_hash(prefix)
            rows.append({"hash": hashes[prefix], "place_id": line.place_id, "person_id": id_})
    return rows


def _documents(id_: int, line: Line) -> list[dict[str, Any]]:
    now = clock.now()
    return [
        {
            "person_id": id_,
            "kind": new.kind,
            "country": new.country,
            "sealed": records.seal_document(new.number, new.name),
            "hash": crypto.keyed_hash(records.document_value(new.kind, new.country, new.number), records.DOCUMENT),
            "valid_to": new.valid_to,
            "created_at": now,
        }
        for new in line.new.documents
    ]


def _contacts(id_: int, line: Line) -> list[dict[str, Any]]:
    now = clock.now()
    return [
        {
            "person_id": id_,
            "kind": new.kind,
            "sealed": crypto.encrypt(new.address, records.CONTACT),
            "hash": crypto.keyed_hash(records.contact_value(new.kind, new.address), records.CONTACT),
            "created_at": now,
        }
        for new in line.new.contacts
    ]


def _homes(id_: int, line: Line) -> list[dict[str, Any]]:
    now = clock.now()
    return [
        {
            "person_id": id_,
            "relation": home.relation,
            "home_id": home.home_id,
            "elsewhere": "" if home.home_id is not None else crypto.encrypt(home.elsewhere, records.ELSEWHERE),
            "from_on": home.from_on or line.from_on,
            "ended_on": line.died_on,
            "created_at": now,
        }
        for home in line.homes
    ]


def _membership(id_: int, line: Line) -> dict[str, Any]:
    return {
        "household_id": line.household_id,
        "person_id": id_,
        "relation": line.new.relation,
        "from_on": line.from_on,
        "ended_on": line.died_on,
    }


def _events(id_: int, line: Line, actor: Actor) -> list[dict[str, Any]]:
    common = {"person_id": id_, "household_id": line.household_id, "at": clock.now(), "account_id": actor.account_id}
    found = [{"kind": LifeEventKind.created, "on_day": line.from_on, **common}]
    if line.died_on is not None:
        found.append({"kind": LifeEventKind.death, "on_day": line.died_on, **common})
    return found
