"""What every request asks of people, and people in lists: found, told apart, never chosen by an equal name alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from civic.core import crypto
from civic.core.db import Bilingual, db
from civic.core.viewer import Viewer
from civic.people import policies, records
from civic.people.models import (
    Contact,
    ContactKind,
    Document,
    DocumentKind,
    HomeRelation,
    MemberCard,
    NameKey,
    Person,
    PersonHome,
    Verification,
)
from civic.territory.models import PLACES, Building, Home, Territory

TOPIC = "people"
MOST_FOUND = 30  # rows of a look-up; more means that the question was too short
CARD_LINK = re.compile(r"/card/([A-Za-z0-9_-]{22})")


def survivor_of(person_id: int | None) -> int | None:
    """The row that counts for a human: of a merged row its survivor (a survivor is never itself merged)."""
    if person_id is None:
        return None
    return db.session.scalar(sa.select(sa.func.coalesce(Person.merged_into_id, Person.id)).where(Person.id == person_id))


def all_rows_of(person_id: int) -> list[int]:
    """The ids that count as this human: herself and the rows merged into her; sums and "once per person" read all of them."""
    query = sa.select(Person.id).where(sa.or_(Person.id == person_id, Person.merged_into_id == person_id))
    return list(db.session.scalars(query.order_by(Person.id)))


def verified_in(person_id: int | None) -> frozenset[str]:
    """Paths of the communities in which somebody is verified; one statement for her and the rows merged into her."""
    if person_id is None:
        return frozenset()
    query = (
        sa.select(Territory.path)
        .join(Verification, Verification.place_id == Territory.id)
        .join(Person, Person.id == Verification.person_id)
        .where(sa.or_(Person.id == person_id, Person.merged_into_id == person_id), Verification.ended_at.is_(None))
    )
    return frozenset(db.session.scalars(query))


@dataclass(frozen=True)
class Row:
    """A person in a list: enough to tell homonyms apart, no value in clear but the name."""

    id: int
    uid: str
    number: str
    name: str
    second_name: str
    birth_year: int | None
    place: Bilingual
    path: str
    grid: Bilingual | None
    masked_phone: str
    died_on: date | None
    merged: bool


def masked(row: Row) -> Row:
    """The same for somebody whom another community keeps: enough to know that it is she who stands here, not who she is or where she lives."""
    return replace(row, name=records.masked_name(row.name), second_name="", grid=None)


@dataclass(frozen=True)
class Found:
    """What a look-up gave, and how the words were understood: name, phone, mail, number, card or document."""

    asked: str
    rows: list[Row] = field(default_factory=list)
    is_cut: bool = False


def find(viewer: Viewer, words: str) -> Found:
    """People by name prefix (the viewer's communities only), or by phone, member number, card or document (district-wide).

    An equal name alone never selects: the caller shows all rows.  Whoever calls logs the look at every row that is shown.
    """
    words = words.strip()
    if not words or not policies.can_find(viewer):
        return Found("name")
    asked, query = _understood(viewer, words)
    ids = list(db.session.scalars(query.order_by(sa.text("1")).limit(MOST_FOUND + 1)))
    rows = rows_of(ids[:MOST_FOUND])
    return Found(asked, sorted(rows, key=lambda r: (r.name, r.birth_year or 0, r.id)), len(ids) > MOST_FOUND)


def _understood(viewer: Viewer, words: str) -> tuple[str, sa.Select[Any]]:
    link = CARD_LINK.search(words)
    if link:
        return "card", sa.select(MemberCard.person_id).where(
            MemberCard.token_hash == crypto.token_hash(link.group(1)), MemberCard.ended_at.is_(None)
        )
    if "@" in words:
        mails = crypto.keyed_hashes(records.contact_value(ContactKind.mail, records.normal_mail(words)), records.CONTACT)
        return "mail", sa.select(Contact.person_id).distinct().where(Contact.hash.in_(mails), Contact.ended_at.is_(None))
    number = records.normal_number(words)
    if records.is_number(number):
        return "number", sa.select(Person.id).where(Person.number == number)
    if sum(ch.isdigit() for ch in number) >= 7:
        countries = _countries()
        values = [v for kind in DocumentKind for v in _document_values(kind, number, countries)]
        hashes = [h for value in values for h in crypto.keyed_hashes(value, records.DOCUMENT)]
        if len(number) < 15:
            phone = records.normal_phone(words)
            phones = crypto.keyed_hashes(records.contact_value(ContactKind.phone, phone), records.CONTACT) if phone else []
            by_phone = sa.select(Contact.person_id.label("id")).where(Contact.hash.in_(phones), Contact.ended_at.is_(None))
            by_document = sa.select(Document.person_id.label("id")).where(Document.hash.in_(hashes), Document.ended_at.is_(None))
            return "phone", sa.select(sa.union(by_phone, by_document).subquery().c.id)
        return "document", sa.select(Document.person_id).where(Document.hash.in_(hashes), Document.ended_at.is_(None))
    places = places_of(viewer)
    key = records.name_key(words)
    hashes = [h for prefix in {key, key[: records.MOST_PREFIXES]} - {""} for h in records.prefix_hashes(prefix)]
    query = sa.select(NameKey.person_id).distinct().where(NameKey.hash.in_(hashes))
    return "name", query if places is None else query.where(NameKey.place_id.in_(places))


def _document_values(kind: DocumentKind, number: str, others: Sequence[str]) -> list[str]:
    countries = ["CHN"] if kind in {DocumentKind.resident_card, DocumentKind.hmt_permit} else ["CHN", *others]
    return [records.document_value(kind, country, number) for country in countries]


def _countries() -> list[str]:
    """Countries that issued a document here; a number alone does not tell which.

    Steps through the index from country to country: DISTINCT read all 260,000 documents, 60 ms a question.
    """
    country = sa.select(sa.func.min(Document.country).label("country")).cte("countries", recursive=True)
    later = sa.select(sa.func.min(Document.country)).where(Document.country > country.c.country).scalar_subquery()
    country = country.union_all(sa.select(later).where(country.c.country.is_not(None)))
    return [found for found in db.session.scalars(sa.select(country.c.country)) if found not in {None, "CHN"}]


def places_of(viewer: Viewer) -> list[int] | None:
    """Ids of the communities in which the viewer may look people up; None: the whole district, no filter needed."""
    paths = viewer.territories(*policies.FINDERS)
    if any(len(path.strip("/").split("/")) == 1 for path in paths):
        return None
    query = sa.select(Territory.id).where(
        Territory.kind.in_(PLACES), sa.or_(sa.false(), *(Territory.path.startswith(p, autoescape=True) for p in paths))
    )
    return list(db.session.scalars(query))


def rows_of(ids: Sequence[int]) -> list[Row]:
    """Rows of a list by id: three statements, whatever their number."""
    if not ids:
        return []
    place = aliased(Territory)
    people = db.session.execute(
        sa.select(
            Person.id, Person.uid, Person.number, Person.sealed, Person.birth_year, Person.died_on, Person.merged_into_id,
            place.name_zh, place.name_en, place.path,
        ).join(place, place.id == Person.place_id).where(Person.id.in_(ids))
    ).all()  # fmt: skip
    grids = _grids(ids)
    phones = _phones(ids)
    found = []
    for p in people:
        record = records.unseal(p.sealed)
        found.append(
            Row(
                p.id, p.uid, p.number, record.name, record.second_name, p.birth_year, Bilingual(p.name_zh, p.name_en), p.path,
                grids.get(p.id), phones.get(p.id, ""), p.died_on, p.merged_into_id is not None,
            )
        )  # fmt: skip
    return found


def _grids(ids: Sequence[int]) -> dict[int, Bilingual]:
    query = (
        sa.select(PersonHome.person_id, Territory.name_zh, Territory.name_en)
        .join(Home, Home.id == PersonHome.home_id)
        .join(Building, Building.id == Home.building_id)
        .join(Territory, Territory.id == Building.grid_id)
        .where(
            PersonHome.person_id.in_(ids),
            PersonHome.ended_on.is_(None),
            PersonHome.relation.in_([HomeRelation.lives_in, HomeRelation.collective]),
        )
    )
    return {person_id: Bilingual(zh, en) for person_id, zh, en in db.session.execute(query)}


def _phones(ids: Sequence[int]) -> dict[int, str]:
    query = sa.select(Contact.person_id, Contact.sealed).where(
        Contact.person_id.in_(ids), Contact.kind == ContactKind.phone, Contact.ended_at.is_(None)
    )
    found: dict[int, str] = {}
    for person_id, sealed in db.session.execute(query.order_by(Contact.id)):
        found.setdefault(person_id, records.masked_phone(crypto.decrypt(sealed, records.CONTACT)))
    return found


def similar(record: records.Record, place_ids: Sequence[int]) -> list[Row]:
    """Living rows of these communities with the same name and year of birth: looked at before a second row is made."""
    hashes = records.prefix_hashes(records.name_key(record.name))
    query = (
        sa.select(NameKey.person_id)
        .join(Person, Person.id == NameKey.person_id)
        .where(
            NameKey.hash.in_(hashes),
            NameKey.place_id.in_(place_ids),
            Person.merged_into_id.is_(None),
            Person.birth_year == record.birth_year,
        )
    )
    key = records.name_key(record.name)
    return [row for row in rows_of(list(db.session.scalars(query.limit(MOST_FOUND)))) if records.name_key(row.name) == key]
