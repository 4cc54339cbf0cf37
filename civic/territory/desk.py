"""Reads of the desk: the stations one looks after, their closures and hours as they stand, the organisations of a territory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from civic.core import clock
from civic.core.db import Bilingual, db
from civic.core.viewer import Viewer
from civic.territory import policies
from civic.territory.hours import Stretch
from civic.territory.models import Organisation, OrganisationKind, StationClosure, StationHours, Territory, TerritoryKind
from civic.territory.queries import StationView, overview


def managed(viewer: Viewer) -> list[StationView]:
    """The stations that a community manager or administrator looks after."""
    return [v for v in overview().stations.values() if policies.can_manage_station(viewer, v.path, v.organisation_id)]


def organisations(paths: Sequence[str], *, kind: str = "", words: str = "", ended: bool = False, on: date | None = None) -> sa.Select[Any]:
    """The organisations of the territories below these paths (districts: with those of no territory), for the desk's list."""
    day = on or clock.today()
    query: Any = sa.select(Organisation, Territory).outerjoin(Territory, Territory.id == Organisation.territory_id)
    query = query.where(sa.or_(sa.false(), *(_in_path(path) for path in paths)))
    over = sa.and_(Organisation.valid_to.is_not(None), Organisation.valid_to < day)
    query = query.where(over if ended else sa.not_(over))
    if kind:
        query = query.where(Organisation.kind == kind)
    for word in words.split()[:4]:
        like = f"%{word.replace('%', '').replace('_', '')}%"
        query = query.where(sa.or_(*(column.ilike(like) for column in (Organisation.code, Organisation.name_zh, Organisation.name_en))))
    return query.order_by(Territory.path.is_not(None), Territory.path, Organisation.code)


def _in_path(path: str) -> Any:
    inside = Territory.path.startswith(path, autoescape=True)
    return sa.or_(inside, Organisation.territory_id.is_(None)) if is_district(path) else inside


def is_district(path: str) -> bool:
    """Does a path name a whole district?"""
    return len(path.strip("/").split("/")) == 1 and path.strip("/") != ""


def closures_of(station_id: int, *, limit: int = 50) -> Sequence[StationClosure]:
    """The closures of a station, newest first, those withdrawn or over too."""
    query = sa.select(StationClosure).where(StationClosure.station_id == station_id)
    return db.session.scalars(query.order_by(StationClosure.from_on.desc(), StationClosure.id.desc()).limit(limit)).all()


def week_of(station_id: int) -> dict[int, tuple[Stretch, ...]]:
    """The hours of a station as they stand in the database."""
    week: dict[int, tuple[Stretch, ...]] = {}
    h = StationHours
    for weekday, opens, closes in db.session.execute(
        sa.select(h.weekday, h.opens, h.closes).where(h.station_id == station_id).order_by(h.weekday, h.opens)
    ):
        week[weekday] = (*week.get(weekday, ()), (opens, closes))
    return week


def counts_by_kind(query: sa.Select[Any]) -> dict[OrganisationKind, int]:
    """How many organisations of each kind a list has."""
    kinds = (
        query.with_only_columns(Organisation.kind, sa.func.count(), maintain_column_froms=True).order_by(None).group_by(Organisation.kind)
    )
    return dict(db.session.execute(kinds).all())


def roles() -> Sequence[Organisation]:
    """All roles, by code."""
    return db.session.scalars(sa.select(Organisation).where(Organisation.kind == OrganisationKind.role).order_by(Organisation.code)).all()


def territories_within(paths: Sequence[str]) -> list[tuple[str, Bilingual]]:
    """(code, name) of the territories below these paths that may have organisations: all but grids."""
    inside = sa.or_(sa.false(), *(Territory.path.startswith(path, autoescape=True) for path in paths))
    query = sa.select(Territory.code, Territory.name_zh, Territory.name_en).where(inside, Territory.kind != TerritoryKind.grid)
    return [(code, Bilingual(zh, en)) for code, zh, en in db.session.execute(query.order_by(Territory.path))]


def parents_within(paths: Sequence[str], *, most: int = 200) -> list[tuple[str, Bilingual]]:
    """(code, name) of departments and offices that others may stand below."""
    query = organisations(paths).with_only_columns(
        Organisation.code, Organisation.name_zh, Organisation.name_en, maintain_column_froms=True
    )
    wanted = query.where(Organisation.kind.in_([OrganisationKind.department, OrganisationKind.town_office])).limit(most)
    return [(code, Bilingual(zh, en)) for code, zh, en in db.session.execute(wanted)]
