"""What is refused in a list of people before anything is written.  No sentence here holds a value of a cell, only columns and lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core import clock, crypto
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.load import sealed
from civic.core.load.kinds import Batch, Row
from civic.core.viewer import Role
from civic.people import records
from civic.people.loaders.rows import PERSON, Homes, homes_of, homes_wanted, person_of, with_coming
from civic.people.models import Document, HouseholdRelation, NameKey, Person
from civic.people.operations.typed import NewPerson
from civic.territory.models import Territory

ROLES = (Role.administrator, Role.manager)
ASKED = 200  # values of one statement; each stands once for every key held
WRONG = "%(column)s: %(reason)s"
NO_HOME = _l("The row names no home. Give building and room, or where the person is registered in this district.")
UNKNOWN_HOME = _l("%(column)s: there is no such home on the site. Load the building with its rooms first, or compare code and room.")
CLOSED_HOME = _l("%(column)s: this home is closed.")
OUT_OF_REACH = _l("The home lies outside the territory that you look after.")
SAME_DOCUMENT = _l("The document of this row stands twice: first in %(file)s, line %(line)s.")
KNOWN_DOCUMENT = _l("A person with the document of this row is recorded already, under another number or from the desk.")
SAME_NAME = _l(
    "Name and birth day equal those of %(file)s, line %(line)s, and there is no document to tell them apart. "
    "Ask at the desk: it may be the same person."
)
KNOWN_NAME = _l(
    "Somebody with this name and birth day is recorded, and there is no document to tell them apart. "
    "Ask at the desk: it may be the same person."
)
TWO_HEADS = _l("This household has a head already: %(file)s, line %(line)s.")
DEATH_TO_COME = _l("died_on: this day has not come yet.")
DEATH_BEFORE_BIRTH = _l("died_on: this day is before the birth.")
COLUMN_OF = {"birth_on": "birth", "document_number": "number", "document_name": "name"}


def check(batch: Batch) -> None:
    """Refuse every row that cannot be taken, each once."""
    homes = with_coming(homes_of(homes_wanted(batch.rows)), batch.coming_rows("buildings"))
    good: list[tuple[Row, NewPerson]] = []
    for row in batch.rows:
        try:
            new = person_of(row)
        except DomainError as refusal:
            batch.reject(row, WRONG, column=COLUMN_OF.get(refusal.field or "", refusal.field or "name"), reason=refusal.message)
            continue
        if _home_is_good(batch, row, homes) and _death_is_good(batch, row, new):
            good.append((row, new))
    known = sealed.recall(PERSON, (row.text("ref") for row, _ in good))
    good = _in_reach(batch, good, known)
    good = _one_head(batch, good)
    good = _documents(batch, good, known)
    _names(batch, good, known, homes)


def _home_is_good(batch: Batch, row: Row, homes: Homes) -> bool:
    found = []
    for prefix, home in (("", homes.lives_in(row)), ("registered_", homes.registered(row))):
        if not row.text(f"{prefix}building") and not row.text(f"{prefix}room"):
            continue
        column = f"{prefix}building, {prefix}room"
        if home is None:
            batch.reject(row, UNKNOWN_HOME, column=column)
            return False
        if home.valid_to is not None and home.valid_to < clock.today():
            batch.reject(row, CLOSED_HOME, column=column)
            return False
        found.append(home)
    if not found:
        batch.reject(row, NO_HOME)
    elif not _reaches(batch, found[0].path):
        batch.reject(row, OUT_OF_REACH)
    else:
        return True
    return False


def _reaches(batch: Batch, path: str) -> bool:
    return batch.scopes is None or any(scope.role in ROLES and path.startswith(scope.territory) for scope in batch.scopes)


def _death_is_good(batch: Batch, row: Row, new: NewPerson) -> bool:
    died_on, born_on = row.day("died_on"), new.record.birthday
    if died_on is not None and died_on > clock.today():
        batch.reject(row, DEATH_TO_COME)
        return False
    if died_on is not None and born_on is not None and died_on < born_on:
        batch.reject(row, DEATH_BEFORE_BIRTH)
        return False
    return True


def _in_reach(batch: Batch, good: list[tuple[Row, NewPerson]], known: dict[str, int]) -> list[tuple[Row, NewPerson]]:
    """A row may not take over somebody whom a community elsewhere keeps."""
    if batch.scopes is None or not known:
        return good
    paths: dict[int, str] = {}
    for part in _parts(sorted(known.values())):
        query = sa.select(Person.id, Territory.path).join(Territory, Territory.id == Person.place_id).where(Person.id.in_(part))
        paths.update((row[0], row[1]) for row in db.session.execute(query))
    kept = []
    for row, new in good:
        path = paths.get(known.get(row.text("ref"), 0))
        if path is None or _reaches(batch, path):
            kept.append((row, new))
        else:
            batch.reject(row, OUT_OF_REACH)
    return kept


def _one_head(batch: Batch, good: list[tuple[Row, NewPerson]]) -> list[tuple[Row, NewPerson]]:
    heads: dict[str, Row] = {}
    kept = []
    for row, new in good:
        is_head = new.relation is HouseholdRelation.head and row.text("household") and not row.text("died_on")
        first = heads.setdefault(row.text("household"), row) if is_head else row
        if first is row:
            kept.append((row, new))
        else:
            batch.reject(row, TWO_HEADS, file=first.file, line=first.line)
    return kept


# ---- the same person twice --------------------------------------------------------------------------------------------------


def _documents(batch: Batch, good: list[tuple[Row, NewPerson]], known: dict[str, int]) -> list[tuple[Row, NewPerson]]:
    """A document stands on one open row, whoever loads it."""
    first: dict[str, Row] = {}
    kept: list[tuple[Row, NewPerson]] = []
    for row, new in good:
        values = [records.document_value(d.kind, d.country, d.number) for d in new.documents]
        earlier = next((first[value] for value in values if value in first), None)
        if earlier is not None:
            batch.reject(row, SAME_DOCUMENT, file=earlier.file, line=earlier.line)
            continue
        first.update((value, row) for value in values)
        kept.append((row, new))
    owners = _owners(first)
    taken = {id(row) for value, row in first.items() if value in owners and owners[value] != known.get(row.text("ref"))}
    for row, _ in kept:
        if id(row) in taken:
            batch.reject(row, KNOWN_DOCUMENT)
    return [(row, new) for row, new in kept if id(row) not in taken]


def _owners(values: Iterable[str]) -> dict[str, int]:
    """Document → the person whose open row has it."""
    found: dict[str, int] = {}
    for part in _parts(sorted(values)):
        hashes = {hashed: value for value in part for hashed in crypto.keyed_hashes(value, records.DOCUMENT)}
        query = sa.select(Document.hash, Document.person_id).where(Document.hash.in_(hashes), Document.ended_at.is_(None))
        found.update((hashes[hashed], person_id) for hashed, person_id in db.session.execute(query))
    return found


def _names(batch: Batch, good: list[tuple[Row, NewPerson]], known: dict[str, int], homes: Homes) -> None:
    """Equal name and birth day, and one of the two has no document: an equal name alone never makes or joins a person."""
    new_ones = [(row, new) for row, new in good if row.text("ref") not in known]
    groups: dict[tuple[str, str], list[tuple[Row, NewPerson]]] = defaultdict(list)
    for row, new in new_ones:
        groups[_who(new)].append((row, new))
    refused = set()
    for group in groups.values():
        for at, (row, new) in enumerate(group):
            other = next((o for o, n in group[:at] if not new.documents or not n.documents), None)
            if other is not None:
                batch.reject(row, SAME_NAME, file=other.file, line=other.line)
                refused.add(id(row))
    asked = [(row, new) for row, new in new_ones if id(row) not in refused]
    for row in _named_like_known(asked, set(known.values()), homes):
        batch.reject(row, KNOWN_NAME)


def _who(new: NewPerson) -> tuple[str, str]:
    return records.name_key(new.record.name), new.record.birth_on


def _named_like_known(asked: list[tuple[Row, NewPerson]], own: set[int], homes: Homes) -> Iterator[Row]:
    """Rows whose name and birth day a living row of the same community has, where one of the two has no document."""
    for part in _parts(asked):
        hashes: dict[str, list[tuple[Row, NewPerson]]] = defaultdict(list)
        for row, new in part:
            for hashed in records.prefix_hashes(records.name_key(new.record.name)):
                hashes[hashed].append((row, new))
        has_document = sa.exists().where(Document.person_id == Person.id, Document.ended_at.is_(None))
        query = (
            sa.select(NameKey.hash, NameKey.place_id, Person.id, Person.birth_year, Person.sealed, has_document)
            .join(Person, Person.id == NameKey.person_id)
            .where(NameKey.hash.in_(hashes), Person.merged_into_id.is_(None), Person.emptied_at.is_(None))
        )
        yield from _equal(db.session.execute(query).all(), hashes, own, homes)


def _equal(found: Sequence[Any], hashes: dict[str, list[tuple[Row, NewPerson]]], own: set[int], homes: Homes) -> Iterator[Row]:
    told = set()
    for hashed, place_id, person_id, year, text, has_document in found:
        for row, new in hashes[hashed]:
            home = homes.lives_in(row) or homes.registered(row)
            if id(row) in told or person_id in own or year != new.record.birth_year or home is None or home.place_id != place_id:
                continue
            record = records.unseal(text)
            is_same = (records.name_key(record.name), record.birth_on) == _who(new)
            if is_same and not (has_document and new.documents):
                told.add(id(row))
                yield row


def _parts(values: Sequence[Any]) -> Iterator[Any]:
    return (values[at : at + ASKED] for at in range(0, len(values), ASKED))
