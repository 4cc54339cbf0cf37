"""The page of the person beside you, households, representation, cards: masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased, joinedload

from civic.core import crypto
from civic.core.db import Bilingual, db
from civic.people import records
from civic.people.models import (
    Contact,
    ContactKind,
    Document,
    DocumentKind,
    HomeRelation,
    Household,
    HouseholdRelation,
    MemberCard,
    Membership,
    Person,
    PersonHome,
    Representation,
    RepresentationKind,
    Verification,
)
from civic.people.queries.history import EventView, events_of, others_in, timeline_with
from civic.people.queries.rows import Row, rows_of
from civic.territory.models import Building, Home, Territory


@dataclass(frozen=True)
class DocumentView:
    """An open document, its number masked."""

    id: int
    kind: DocumentKind
    country: str
    masked: str
    valid_to: date | None
    checked_at: datetime | None


@dataclass(frozen=True)
class ContactView:
    """An open contact, masked."""

    id: int
    kind: ContactKind
    masked: str
    confirmed: bool


@dataclass(frozen=True)
class HomeView:
    """A tie to a home; `elsewhere` says only that there is one outside the district."""

    id: int
    relation: HomeRelation
    street: Bilingual | None
    building: str
    room: str
    grid: Bilingual | None
    place: Bilingual | None
    elsewhere: bool
    from_on: date
    ended_on: date | None

    @property
    def address(self) -> Bilingual:
        """Street, number and room in one line; empty for a place elsewhere."""
        if self.street is None:
            return Bilingual("", "")
        return Bilingual(f"{self.street.zh}{self.building}号 {self.room}", f"{self.room}, {self.building} {self.street.en}")


@dataclass(frozen=True)
class MemberView:
    """A member of a household."""

    person: Row
    relation: HouseholdRelation
    from_on: date


@dataclass(frozen=True)
class HouseholdView:
    """A household with its members."""

    id: int
    uid: str
    number: str
    path: str
    ended_on: date | None
    members: list[MemberView]


@dataclass(frozen=True)
class RepresentationView:
    """Who speaks for whom."""

    id: int
    kind: RepresentationKind
    other: Row
    is_represented: bool  # the person of the page is the one spoken for
    from_on: date
    until_on: date | None


@dataclass(frozen=True)
class PersonView:
    """Everything the desk's page shows, masked."""

    row: Row
    person: Person
    record: records.Record
    documents: list[DocumentView]
    contacts: list[ContactView]
    homes: list[HomeView]
    household: HouseholdView | None
    representations: list[RepresentationView]
    verifications: list[tuple[Verification, Bilingual]]
    has_card: bool
    survivor: Row | None


def person_by_uid(uid: str) -> Person | None:
    return db.session.scalars(sa.select(Person).where(Person.uid == uid)).one_or_none()


def path_of(person_id: int) -> str:
    """The path of the community that keeps the row."""
    found = db.session.scalar(sa.select(Territory.path).join(Person, Person.place_id == Territory.id).where(Person.id == person_id))
    return found or ""


def person_and_path(uid: str) -> tuple[Person, str] | None:
    """A person and the path of the community that keeps her row, in one statement."""
    found = db.session.scalars(sa.select(Person).options(joinedload(Person.place)).where(Person.uid == uid)).one_or_none()
    return (found, found.place.path) if found is not None else None


def uid_and_path(person_id: int) -> tuple[str, str]:
    """What a link to her page and the question who may follow it need; no statement where her page has been loaded already."""
    person = db.session.get_one(Person, person_id, options=[joinedload(Person.place)])
    return person.uid, person.place.path


def person_view(person: Person) -> PersonView:
    """One person with all that belongs to her; twelve statements, however many people are named."""
    return _view(person, ())[0]


def person_page(person: Person) -> tuple[PersonView, list[EventView]]:
    """The same with what was recorded of her; two statements more, the rows of everybody named are read at once."""
    events = events_of(person.id)
    view, rows = _view(person, others_in(events))
    return view, timeline_with(events, rows)


def _view(person: Person, others: Iterable[int]) -> tuple[PersonView, dict[int, Row]]:
    """The view, and the rows of everybody in it and of these others by id."""
    lines, ties = _household_lines(person.id), _open_ties(person.id)
    ids = {person.id, *others, *(line.person_id for line in lines), *(_other_in(tie, person.id) for tie in ties)}
    rows = {row.id: row for row in rows_of(sorted(ids | ({person.merged_into_id} if person.merged_into_id else set())))}
    view = PersonView(
        row=rows[person.id],
        person=person,
        record=records.unseal(person.sealed),
        documents=documents_of(person.id),
        contacts=contacts_of(person.id),
        homes=homes_of(person.id),
        household=_household_with(lines, rows),
        representations=_representations_with(ties, person.id, rows),
        verifications=verifications_of(person.id),
        has_card=open_card(person.id) is not None,
        survivor=rows.get(person.merged_into_id or 0),
    )
    return view, rows


def documents_of(person_id: int) -> list[DocumentView]:
    query = sa.select(Document).where(Document.person_id == person_id, Document.ended_at.is_(None)).order_by(Document.id)
    return [
        DocumentView(d.id, d.kind, d.country, records.masked_number(records.unseal_document(d.sealed)[0]), d.valid_to, d.checked_at)
        for d in db.session.scalars(query)
    ]


def contacts_of(person_id: int) -> list[ContactView]:
    query = sa.select(Contact).where(Contact.person_id == person_id, Contact.ended_at.is_(None)).order_by(Contact.id)
    masks = {ContactKind.phone: records.masked_phone, ContactKind.mail: records.masked_mail}
    return [
        ContactView(c.id, c.kind, masks[c.kind](crypto.decrypt(c.sealed, records.CONTACT)), c.confirmed_at is not None)
        for c in db.session.scalars(query)
    ]


def homes_of(person_id: int) -> list[HomeView]:
    """Ties to homes, open ones first."""
    grid, place = aliased(Territory), aliased(Territory)
    query = (
        sa.select(
            PersonHome,
            Home.room,
            Building.number,
            Building.street_zh,
            Building.street_en,
            grid.name_zh,
            grid.name_en,
            place.name_zh,
            place.name_en,
        )
        .outerjoin(Home, Home.id == PersonHome.home_id)
        .outerjoin(Building, Building.id == Home.building_id)
        .outerjoin(grid, grid.id == Building.grid_id)
        .outerjoin(place, place.id == grid.parent_id)
        .where(PersonHome.person_id == person_id)
        .order_by(PersonHome.ended_on.is_not(None), PersonHome.id)
    )
    found = []
    for tie, room, number, street_zh, street_en, grid_zh, grid_en, place_zh, place_en in db.session.execute(query):
        here = tie.home_id is not None
        found.append(
            HomeView(
                tie.id, tie.relation, Bilingual(street_zh, street_en) if here else None, number or "", room or "",
                Bilingual(grid_zh, grid_en) if here else None, Bilingual(place_zh, place_en) if here else None, not here, tie.from_on, tie.ended_on,
            )
        )  # fmt: skip
    return found


def household_of(person_id: int) -> HouseholdView | None:
    """The household she is in now."""
    lines = _household_lines(person_id)
    return _household_with(lines, {row.id: row for row in rows_of(sorted(line.person_id for line in lines))})


def _household_lines(person_id: int) -> Sequence[Any]:
    """(household, path, person, relation, since) of everybody in her household, the longest there first."""
    own, member = aliased(Membership), aliased(Membership)
    query = (
        sa.select(Household, Territory.path, member.person_id, member.relation, member.from_on)
        .join(own, own.household_id == Household.id)
        .join(member, sa.and_(member.household_id == Household.id, member.ended_on.is_(None)))
        .join(Territory, Territory.id == Household.place_id)
        .where(own.person_id == person_id, own.ended_on.is_(None))
    )
    return db.session.execute(query.order_by(member.id)).all()


def _household_with(lines: Sequence[Any], rows: Mapping[int, Row]) -> HouseholdView | None:
    if not lines:
        return None
    household, path = lines[0][:2]
    views = [MemberView(rows[line.person_id], line.relation, line.from_on) for line in lines]
    return HouseholdView(household.id, household.uid, household.number, path, household.ended_on, views)


def household_view(household_id: int) -> HouseholdView:
    """A household with its present members."""
    household, path = db.session.execute(
        sa.select(Household, Territory.path).join(Territory, Territory.id == Household.place_id).where(Household.id == household_id)
    ).one()
    members = db.session.execute(
        sa.select(Membership.person_id, Membership.relation, Membership.from_on)
        .where(Membership.household_id == household_id, Membership.ended_on.is_(None))
        .order_by(Membership.id)
    ).all()
    rows = {row.id: row for row in rows_of([m.person_id for m in members])}
    views = [MemberView(rows[m.person_id], m.relation, m.from_on) for m in members]
    return HouseholdView(household.id, household.uid, household.number, path, household.ended_on, views)


def household_by_uid(uid: str) -> Household | None:
    return db.session.scalars(sa.select(Household).where(Household.uid == uid)).one_or_none()


def household_by_number(number: str) -> Household | None:
    wanted = records.normal_number(number)
    return db.session.scalars(sa.select(Household).where(Household.number == wanted)).one_or_none()


def representations_of(person_id: int) -> list[RepresentationView]:
    """Open relations in which she speaks or is spoken for."""
    ties = _open_ties(person_id)
    return _representations_with(ties, person_id, {row.id: row for row in rows_of(sorted({_other_in(tie, person_id) for tie in ties}))})


def _open_ties(person_id: int) -> list[Representation]:
    either = sa.or_(Representation.represented_id == person_id, Representation.representative_id == person_id)
    return list(db.session.scalars(sa.select(Representation).where(either, Representation.ended_on.is_(None)).order_by(Representation.id)))


def _other_in(tie: Representation, person_id: int) -> int:
    return tie.representative_id if tie.represented_id == person_id else tie.represented_id


def _representations_with(ties: Sequence[Representation], person_id: int, rows: Mapping[int, Row]) -> list[RepresentationView]:
    return [
        RepresentationView(t.id, t.kind, rows[_other_in(t, person_id)], t.represented_id == person_id, t.from_on, t.until_on) for t in ties
    ]


def verifications_of(person_id: int) -> list[tuple[Verification, Bilingual]]:
    query = (
        sa.select(Verification, Territory.name_zh, Territory.name_en)
        .join(Territory, Territory.id == Verification.place_id)
        .where(Verification.person_id == person_id)
        .order_by(Verification.ended_at.is_not(None), Verification.id.desc())
    )
    return [(row, Bilingual(zh, en)) for row, zh, en in db.session.execute(query)]


def open_card(person_id: int) -> MemberCard | None:
    return db.session.scalars(sa.select(MemberCard).where(MemberCard.person_id == person_id, MemberCard.ended_at.is_(None))).one_or_none()


def card_token(person_id: int) -> str:
    """The token of her card's QR, '' without a card."""
    card = open_card(person_id)
    return crypto.decrypt(card.sealed, records.CARD) if card is not None and card.sealed else ""


def card_of(token: str) -> MemberCard | None:
    """The living card of a QR."""
    return db.session.scalars(
        sa.select(MemberCard).where(MemberCard.token_hash == crypto.token_hash(token), MemberCard.ended_at.is_(None))
    ).one_or_none()
