"""What a row of the list says: a person, the home she lives in, where she is registered.  Pure but for the look-up of homes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from civic.core.db import db
from civic.core.load.kinds import Row
from civic.people.models import ContactKind, DocumentKind, HomeRelation, HouseholdRelation
from civic.people.operations.typed import NewContact, NewDocument, NewHome, NewPerson, checked_person
from civic.people.records import Record
from civic.territory.models import Building, Home, Territory

KIND, PERSON, HOUSEHOLD = "people", "people.person", "people.household"
ASKED = 500  # buildings asked for at once
FOREIGN = frozenset({DocumentKind.passport, DocumentKind.permanent_card})


@dataclass(frozen=True)
class KnownHome:
    """A home, its community and how long it stands."""

    id: int
    place_id: int
    path: str
    valid_to: date | None


@dataclass(frozen=True)
class Homes:
    """Homes by building and room."""

    known: dict[tuple[str, str], KnownHome]

    def lives_in(self, row: Row) -> KnownHome | None:
        return self.known.get((row.text("building"), row.text("room")))

    def registered(self, row: Row) -> KnownHome | None:
        return self.known.get((row.text("registered_building"), row.text("registered_room")))

    def ties(self, row: Row) -> list[NewHome]:
        """What the row says of homes: where she lives, where she is registered."""
        found = []
        lives, registered = self.lives_in(row), self.registered(row)
        if lives is not None:
            found.append(NewHome(HomeRelation.lives_in, lives.id))
        if registered is not None:
            found.append(NewHome(HomeRelation.registered_at, registered.id))
        elif row.text("registered_elsewhere"):
            found.append(NewHome(HomeRelation.registered_at, None, row.text("registered_elsewhere")))
        return found


def homes_wanted(rows: Iterable[Row]) -> set[str]:
    return {row.text(name) for row in rows for name in ("building", "registered_building")} - {""}


def homes_of(buildings: set[str]) -> Homes:
    """All homes of these buildings."""
    found: dict[tuple[str, str], KnownHome] = {}
    wanted = sorted(buildings)
    place, grid = sa.orm.aliased(Territory), sa.orm.aliased(Territory)
    for at in range(0, len(wanted), ASKED):
        query = (
            sa.select(Building.code, Home.room, Home.id, place.id, place.path, Home.valid_to)
            .join(Building, Building.id == Home.building_id)
            .join(grid, grid.id == Building.grid_id)
            .join(place, place.id == grid.parent_id)
            .where(Building.code.in_(wanted[at : at + ASKED]))
        )
        found.update(((row[0], row[1]), KnownHome(row[2], row[3], row[4], row[5])) for row in db.session.execute(query))
    return Homes(found)


def with_coming(homes: Homes, buildings: Iterable[Row]) -> Homes:
    """The homes as they will be when the buildings of the same load are written; those that come have no id yet."""
    coming = {row.text("code"): row for row in buildings}
    known = {at: home for at, home in homes.known.items() if at[0] not in coming}
    grids = _places_of_grids({row.text("grid_code") for row in coming.values()})
    for code, row in coming.items():
        place_id, path = grids.get(row.text("grid_code"), (0, ""))
        known.update(((code, room), KnownHome(0, place_id, path, row.day("valid_to"))) for room in row.parts("homes"))
    return Homes(known)


def _places_of_grids(codes: set[str]) -> dict[str, tuple[int, str]]:
    place, grid = sa.orm.aliased(Territory), sa.orm.aliased(Territory)
    wanted, found = sorted(codes), {}
    for at in range(0, len(wanted), ASKED):
        query = sa.select(grid.code, place.id, place.path).join(place, place.id == grid.parent_id)
        for code, place_id, path in db.session.execute(query.where(grid.code.in_(wanted[at : at + ASKED]))):
            found[code] = (place_id, path)
    return found


def place_of(row: Row, homes: Homes) -> int:
    """The community that keeps her row: where she lives, else where she is registered."""
    home = homes.lives_in(row) or homes.registered(row)
    if home is None:
        raise ValueError("the check let a row without a home pass")
    return home.place_id


def relation_of(row: Row) -> HouseholdRelation:
    """Alone she is the head; in a household that the row names, `other` when nothing is said."""
    if row.text("relation"):
        return HouseholdRelation(row.text("relation"))
    return HouseholdRelation.other if row.text("household") else HouseholdRelation.head


def document_of(row: Row) -> NewDocument | None:
    """A number without a kind is a resident card."""
    if not row.text("number"):
        return None
    kind = DocumentKind(row.text("document") or "resident_card")
    return NewDocument(kind, row.text("number"), row.text("country") or "CHN", valid_to=row.day("valid_to"))


def record_of(row: Row) -> Record:
    document = document_of(row)
    nationality = (row.text("country") or "CHN").upper() if document is not None and document.kind in FOREIGN else "CHN"
    return Record(row.text("name"), row.text("second_name"), row.text("birth"), row.text("sex"), nationality)


def contacts_of(row: Row) -> tuple[NewContact, ...]:
    return tuple(NewContact(kind, row.text(kind.value)) for kind in ContactKind if row.text(kind.value))


def person_of(row: Row) -> NewPerson:
    """The person as she is written.  Raises what `typed.checked_person` raises."""
    document = document_of(row)
    new = NewPerson(record_of(row), relation_of(row), (document,) if document else (), contacts_of(row), row.text("lang"))
    return checked_person(new)
