"""The page of the person beside you, households, representation, cards: masked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

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


def person_view(person: Person) -> PersonView:
    """The page of one person; a fixed number of statements."""
    ids = [person.id] + ([person.merged_into_id] if person.merged_into_id else [])
    rows = {row.id: row for row in rows_of(ids)}
    return PersonView(
        row=rows[person.id],
        person=person,
        record=records.unseal(person.sealed),
        documents=documents_of(person.id),
        contacts=contacts_of(person.id),
        homes=homes_of(person.id),
        household=household_of(person.id),
        representations=representations_of(person.id),
        verifications=verifications_of(person.id),
        has_card=open_card(person.id) is not None,
        survivor=rows.get(person.merged_into_id or 0),
    )


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
    query = sa.select(Membership.household_id).where(Membership.person_id == person_id, Membership.ended_on.is_(None))
    household_id = db.session.scalar(query)
    return household_view(household_id) if household_id is not None else None


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
    either = sa.or_(Representation.represented_id == person_id, Representation.representative_id == person_id)
    found = list(db.session.scalars(sa.select(Representation).where(either, Representation.ended_on.is_(None)).order_by(Representation.id)))
    other = {r.id: r.representative_id if r.represented_id == person_id else r.represented_id for r in found}
    rows = {row.id: row for row in rows_of(sorted(set(other.values())))}
    return [RepresentationView(r.id, r.kind, rows[other[r.id]], r.represented_id == person_id, r.from_on, r.until_on) for r in found]


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
