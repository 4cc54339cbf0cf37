"""What every request asks of people, and people in lists: found, told apart, never chosen by an equal name alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from civic.core import crypto
from civic.core.db import Bilingual, db
from civic.core.prepared import ask
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


_P, _T, _C, _D = Person.__table__, Territory.__table__, Contact.__table__, Document.__table__
_V, _N, _M = Verification.__table__, NameKey.__table__, MemberCard.__table__
_L, _H, _B = PersonHome.__table__, Home.__table__, Building.__table__
_SURVIVOR = sa.select(sa.func.coalesce(_P.c.merged_into_id, _P.c.id)).where(_P.c.id == sa.bindparam("person"))
_VERIFIED_IN = (
    sa.select(_T.c.path)
    .join_from(_V, _T, _T.c.id == _V.c.place_id)
    .join(_P, _P.c.id == _V.c.person_id)
    .where(sa.or_(_P.c.id == sa.bindparam("person"), _P.c.merged_into_id == sa.bindparam("person")), _V.c.ended_at.is_(None))
)


def survivor_of(person_id: int | None) -> int | None:
    """The row that counts for a human: of a merged row its survivor (a survivor is never itself merged)."""
    if person_id is None:
        return None
    found: int | None = ask(_SURVIVOR, person=person_id).scalar()
    return found


def all_rows_of(person_id: int) -> list[int]:
    """The ids that count as this human: herself and the rows merged into her; sums and "once per person" read all of them."""
    query = sa.select(Person.id).where(sa.or_(Person.id == person_id, Person.merged_into_id == person_id))
    return list(db.session.scalars(query.order_by(Person.id)))


def verified_in(person_id: int | None) -> frozenset[str]:
    """Paths of the communities in which somebody is verified; one statement for her and the rows merged into her."""
    if person_id is None:
        return frozenset()
    return frozenset(ask(_VERIFIED_IN, person=person_id).scalars())


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
    asked, statement, values = _understood(viewer, words)
    ids = list(ask(statement, **values).scalars())
    rows = rows_of(ids[:MOST_FOUND])
    return Found(asked, sorted(rows, key=lambda r: (r.name, r.birth_year or 0, r.id)), len(ids) > MOST_FOUND)


def _first(query: sa.Select[Any]) -> sa.Select[Any]:
    """The lowest ids, one more than a page shows."""
    return query.order_by(sa.text("1")).limit(sa.literal_column(str(MOST_FOUND + 1)))


def _any_of(column: Any, name: str) -> Any:
    return column.in_(sa.bindparam(name, expanding=True))


_BY_CARD = _first(sa.select(_M.c.person_id).where(_M.c.token_hash == sa.bindparam("hashed"), _M.c.ended_at.is_(None)))
_BY_MAIL = _first(sa.select(_C.c.person_id).distinct().where(_any_of(_C.c.hash, "hashes"), _C.c.ended_at.is_(None)))
_BY_NUMBER = _first(sa.select(_P.c.id).where(_P.c.number == sa.bindparam("number")))
_BY_PHONE = _first(
    sa.select(
        sa.union(
            sa.select(_C.c.person_id.label("id")).where(_any_of(_C.c.hash, "phones"), _C.c.ended_at.is_(None)),
            sa.select(_D.c.person_id.label("id")).where(_any_of(_D.c.hash, "hashes"), _D.c.ended_at.is_(None)),
        )
        .subquery()
        .c.id
    )
)
_BY_DOCUMENT = _first(sa.select(_D.c.person_id).where(_any_of(_D.c.hash, "hashes"), _D.c.ended_at.is_(None)))
_BY_NAME = sa.select(_N.c.person_id).distinct().where(_any_of(_N.c.hash, "hashes"))
_BY_NAME_HERE = _first(_BY_NAME.where(_any_of(_N.c.place_id, "places")))
_BY_NAME = _first(_BY_NAME)


def _understood(viewer: Viewer, words: str) -> tuple[str, sa.Select[Any], dict[str, Any]]:
    """How the words are understood, the statement that looks for them, its values."""
    link = CARD_LINK.search(words)
    if link:
        return "card", _BY_CARD, {"hashed": crypto.token_hash(link.group(1))}
    if "@" in words:
        mails = crypto.keyed_hashes(records.contact_value(ContactKind.mail, records.normal_mail(words)), records.CONTACT)
        return "mail", _BY_MAIL, {"hashes": mails}
    number = records.normal_number(words)
    if records.is_number(number):
        return "number", _BY_NUMBER, {"number": number}
    if sum(ch.isdigit() for ch in number) >= 7:
        countries = _countries()
        values = [v for kind in DocumentKind for v in _document_values(kind, number, countries)]
        hashes = [h for value in values for h in crypto.keyed_hashes(value, records.DOCUMENT)]
        if len(number) < 15:
            phone = records.normal_phone(words)
            phones = crypto.keyed_hashes(records.contact_value(ContactKind.phone, phone), records.CONTACT) if phone else []
            return "phone", _BY_PHONE, {"phones": phones, "hashes": hashes}
        return "document", _BY_DOCUMENT, {"hashes": hashes}
    places = places_of(viewer)
    key = records.name_key(words)
    hashes = [h for prefix in {key, key[: records.MOST_PREFIXES]} - {""} for h in records.prefix_hashes(prefix)]
    return ("name", _BY_NAME, {"hashes": hashes}) if places is None else ("name", _BY_NAME_HERE, {"hashes": hashes, "places": places})


def _document_values(kind: DocumentKind, number: str, others: Sequence[str]) -> list[str]:
    countries = ["CHN"] if kind in {DocumentKind.resident_card, DocumentKind.hmt_permit} else ["CHN", *others]
    return [records.document_value(kind, country, number) for country in countries]


_COUNTRY = sa.select(sa.func.min(_D.c.country).label("country")).cte("countries", recursive=True)
_COUNTRY = _COUNTRY.union_all(
    sa.select(sa.select(sa.func.min(_D.c.country)).where(_D.c.country > _COUNTRY.c.country).scalar_subquery()).where(
        _COUNTRY.c.country.is_not(None)
    )
)
_COUNTRIES = sa.select(_COUNTRY.c.country)


def _countries() -> list[str]:
    """Countries that issued a document here; a number alone does not tell which.

    Steps through the index from country to country: DISTINCT read all 260,000 documents, 60 ms a question.
    """
    return [found for found in ask(_COUNTRIES).scalars() if found not in {None, "CHN"}]


def places_of(viewer: Viewer) -> list[int] | None:
    """Ids of the communities in which the viewer may look people up; None: the whole district, no filter needed."""
    paths = viewer.territories(*policies.FINDERS)
    if any(len(path.strip("/").split("/")) == 1 for path in paths):
        return None
    query = sa.select(Territory.id).where(
        Territory.kind.in_(PLACES), sa.or_(sa.false(), *(Territory.path.startswith(p, autoescape=True) for p in paths))
    )
    return list(db.session.scalars(query))


#: of several homes the newest, of several phones the first that was recorded
_GRID = (
    sa.select(_B.c.grid_id)
    .join_from(_L, _H, _H.c.id == _L.c.home_id)
    .join(_B, _B.c.id == _H.c.building_id)
    .where(
        _L.c.person_id == _P.c.id, _L.c.ended_on.is_(None), _L.c.relation.in_([HomeRelation.lives_in, HomeRelation.collective])
    )
    .order_by(_L.c.id.desc())
    .limit(1)
    .correlate(_P)
    .scalar_subquery()
)  # fmt: skip
_PHONE = (
    sa.select(_C.c.sealed)
    .where(_C.c.person_id == _P.c.id, _C.c.kind == ContactKind.phone, _C.c.ended_at.is_(None))
    .order_by(_C.c.id)
    .limit(1)
    .correlate(_P)
    .scalar_subquery()
)
_AT = _T.alias("grid")
_ROWS = (
    sa.select(
        _P.c.id, _P.c.uid, _P.c.number, _P.c.sealed, _P.c.birth_year, _P.c.died_on, _P.c.merged_into_id, _T.c.name_zh, _T.c.name_en,
        _T.c.path, _AT.c.name_zh.label("grid_zh"), _AT.c.name_en.label("grid_en"), _PHONE.label("phone"),
    )
    .join_from(_P, _T, _T.c.id == _P.c.place_id)
    .outerjoin(_AT, _AT.c.id == _GRID)
    .where(_P.c.id.in_(sa.bindparam("ids", expanding=True)))
)  # fmt: skip


def rows_of(ids: Sequence[int]) -> list[Row]:
    """Rows of a list by id: one statement, whatever their number."""
    if not ids:
        return []
    found = []
    for id_, uid, number, sealed, born, died_on, merged_into, zh, en, path, grid_zh, grid_en, phone in ask(_ROWS, ids=list(ids)):
        record = records.unseal(sealed)
        found.append(
            Row(
                id_, uid, number, record.name, record.second_name, born, Bilingual(zh, en), path,
                Bilingual(grid_zh, grid_en) if grid_zh is not None else None,
                records.masked_phone(crypto.decrypt(phone, records.CONTACT)) if phone else "", died_on, merged_into is not None,
            )
        )  # fmt: skip
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
