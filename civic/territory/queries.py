"""Reads of `territory`: places and stations as every page shows them, who holds a role where, the lists of the desk.

Places and stations of the whole site are read once per content version and local day, with one query per relation, and kept in
the process: some two hundred rows, asked for by the header of every page.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from civic.core import clock, decrees
from civic.core.db import Bilingual, db
from civic.core.i18n import lang, plain
from civic.core.kept import Kept
from civic.territory.hours import Closed, Opening, Stretch, hours_lines, next_change_at, opening_at
from civic.territory.models import (
    PLACES,
    Organisation,
    OrganisationKind,
    Station,
    StationClosure,
    StationHours,
    Territory,
    TerritoryKind,
)

TOPIC = "territory"
NEARBY_MOST = 8  # communities offered in the header; more belong on the page that lists all


def station_topic(code: str) -> str:
    return f"station:{code}"


@dataclass(frozen=True)
class StationView:
    """A station as pages and API show it.  Words come out in the language of the reader; open or closed is asked at that moment."""

    id: int
    code: str
    names: Bilingual
    addresses: Bilingual
    kiosks: Bilingual
    phone: str
    week: dict[int, tuple[Stretch, ...]]
    closures: tuple[Closed, ...]  # those not over, in order
    organisation_id: int | None
    place_code: str
    place_names: Bilingual
    town_names: Bilingual
    path: str

    @property
    def name(self) -> str:
        return plain(self.names)

    @property
    def address(self) -> str:
        return plain(self.addresses)

    @property
    def kiosk(self) -> str:
        return plain(self.kiosks)

    @property
    def tel(self) -> str:
        """The number as a telephone takes it."""
        return re.sub(r"[^0-9+]", "", self.phone)

    @property
    def hours_lines(self) -> list[tuple[str, str]]:
        return hours_lines(self.week)

    @property
    def hours(self) -> str:
        """All hours in one line."""
        return ("；" if lang() == "zh" else "; ").join(f"{days} {times}" for days, times in self.hours_lines)

    @property
    def open_now(self) -> bool:
        return opening(self).open_now

    @property
    def open_until(self) -> str:
        until = opening(self).until
        return f"{until:%H:%M}" if until else ""


@dataclass(frozen=True)
class Place:
    """A community or village as the header shows it."""

    code: str
    kind: TerritoryKind
    names: Bilingual
    parent_code: str
    parent_names: Bilingual
    path: str
    station: StationView | None

    @property
    def name(self) -> str:
        return plain(self.names)

    @property
    def parent_name(self) -> str:
        return plain(self.parent_names)


@dataclass(frozen=True)
class TownGroup:
    """A town or street with its communities and villages."""

    code: str
    names: Bilingual
    places: tuple[Place, ...]

    @property
    def name(self) -> str:
        return plain(self.names)


@dataclass(frozen=True)
class Overview:
    """Everything the site knows of places and stations on a day."""

    places: dict[str, Place] = field(default_factory=dict)
    towns: tuple[TownGroup, ...] = ()
    stations: dict[str, StationView] = field(default_factory=dict)
    district: Bilingual | None = None
    moved: dict[str, str] = field(default_factory=dict)  # code of a place that ended → the one that followed


def overview() -> Overview:
    """The overview of today; read again only when a territory or station changed."""
    return _OVERVIEW.get(clock.today())


def _read(day: date) -> Overview:
    columns = (Territory.id, Territory.code, Territory.kind, Territory.name_zh, Territory.name_en, Territory.parent_id, Territory.path)
    query = sa.select(*columns, Territory.valid_from, Territory.valid_to, Territory.successor_id).where(
        Territory.kind != TerritoryKind.grid
    )
    rows = db.session.execute(query.order_by(Territory.code)).all()
    by_id = {row.id: row for row in rows}
    stations = _stations(day, by_id)
    first_of: dict[str, StationView] = {}
    for view in stations.values():
        first_of.setdefault(view.place_code, view)
    places = {}
    groups: dict[int | None, list[Place]] = defaultdict(list)
    for row in rows:
        if row.kind in PLACES and _is_valid(row, day):
            town = by_id.get(row.parent_id)
            names = Bilingual(row.name_zh, row.name_en)
            of_town = Bilingual(town.name_zh, town.name_en) if town else Bilingual("", "")
            place_ = Place(row.code, row.kind, names, town.code if town else "", of_town, row.path, first_of.get(row.code))
            places[row.code] = place_
            groups[row.parent_id].append(place_)
    towns = tuple(TownGroup(t.code, Bilingual(t.name_zh, t.name_en), tuple(groups[t.id])) for t in rows if t.id in groups)
    moved = {
        row.code: after.code for row in rows if row.kind in PLACES and (after := _follow(row, by_id)) is not None and row.code not in places
    }
    district = next((Bilingual(t.name_zh, t.name_en) for t in rows if t.kind is TerritoryKind.district and _is_valid(t, day)), None)
    return Overview(places, towns, stations, district, moved)


def _is_valid(row: Any, day: date) -> bool:
    return (row.valid_from is None or row.valid_from <= day) and (row.valid_to is None or day <= row.valid_to)


def _follow(row: Any, by_id: dict[int, Any]) -> Any | None:
    """The last of the chain of successors, None without one; a chain that runs in a circle is left where it began again."""
    seen = {row.id}
    after = by_id.get(row.successor_id)
    last = None
    while after is not None and after.id not in seen:
        seen.add(after.id)
        last, after = after, by_id.get(after.successor_id)
    return last


def _stations(day: date, by_id: dict[int, Any]) -> dict[str, StationView]:
    weeks: dict[int, dict[int, tuple[Stretch, ...]]] = defaultdict(dict)
    h, c, s = StationHours, StationClosure, Station
    for station_id, weekday, opens, closes in db.session.execute(
        sa.select(h.station_id, h.weekday, h.opens, h.closes).order_by(h.station_id, h.weekday, h.opens)
    ):
        weeks[station_id][weekday] = (*weeks[station_id].get(weekday, ()), (opens, closes))
    closures: dict[int, list[Closed]] = defaultdict(list)
    coming = sa.select(c.station_id, c.id, c.from_on, c.to_on, c.reason_zh, c.reason_en).where(c.withdrawn_at.is_(None), c.to_on >= day)
    for station_id, id_, from_on, to_on, zh, en in db.session.execute(coming.order_by(c.from_on, c.id)):
        closures[station_id].append(Closed(id_, from_on, to_on, Bilingual(zh, en)))
    query = sa.select(
        s.id, s.code, s.territory_id, s.organisation_id, s.name_zh, s.name_en, s.address_zh, s.address_en, s.kiosk_zh, s.kiosk_en, s.phone
    )
    found = []
    for row in db.session.execute(query):
        place_ = by_id[row.territory_id]
        town = by_id.get(place_.parent_id, place_)
        view = StationView(
            row.id,
            row.code,
            Bilingual(row.name_zh, row.name_en),
            Bilingual(row.address_zh, row.address_en),
            Bilingual(row.kiosk_zh, row.kiosk_en),
            row.phone,
            dict(weeks.get(row.id, {})),
            tuple(closures.get(row.id, ())),
            row.organisation_id,
            place_.code,
            Bilingual(place_.name_zh, place_.name_en),
            Bilingual(town.name_zh, town.name_en),
            place_.path,
        )
        found.append((place_.path, row.code, view))
    return {code: view for _, code, view in sorted(found, key=lambda each: each[:2])}


_OVERVIEW: Kept[Overview] = Kept((TOPIC,), _read)


def place(code: str) -> Place | None:
    """The community or village of this code that stands today; of one that was merged, the one that followed."""
    known = overview()
    return known.places.get(known.moved.get(code, code))


def path_of(code: str) -> str:
    """The path of a community or village, '' for everything else."""
    found = place(code)
    return found.path if found else ""


def nearby(chosen: str = "") -> list[Place]:
    """The few communities offered in the header: the neighbours of the chosen one, or all where there are few."""
    known = overview()
    if len(known.places) <= NEARBY_MOST:
        return list(known.places.values())
    here = place(chosen) if chosen else None
    if here is None:
        return []
    beside = [p for p in known.places.values() if p.parent_code == here.parent_code and p.code != here.code]
    return [here, *beside[: NEARBY_MOST - 1]]


def any_path(code: str) -> str | None:
    """The path of any territory, a grid or town too; None when there is no such code."""
    return db.session.scalar(sa.select(Territory.path).where(Territory.code == code))


def district() -> Bilingual | None:
    """The name of the district (of several, the one with the lowest code); None before one is loaded."""
    return overview().district


def communities() -> tuple[TownGroup, ...]:
    """All communities and villages by town, for the page on which one chooses."""
    return overview().towns


def stations(within: str = "") -> list[StationView]:
    """Stations in order of town and community.  within: the code of a territory, '' for all."""
    return [view for view in overview().stations.values() if not within or f"/{within}/" in view.path]


def station(code: str) -> StationView | None:
    return overview().stations.get(code)


def opening(view: StationView, at: datetime | None = None) -> Opening:
    """Is it open at a moment (now), until when, when does it open next, and why is it closed on that day."""
    return opening_at(view.week, view.closures, decrees.calendar(), clock.local(at or clock.now()))


def next_change(views: Iterable[StationView], at: datetime | None = None) -> datetime | None:
    """The next moment at which one of these stations opens or closes: until then a page that says so is true."""
    local, calendar = clock.local(at or clock.now()), decrees.calendar()
    moments = [next_change_at(v.week, v.closures, calendar, local, clock.zone()) for v in views]
    return min((m for m in moments if m is not None), default=None)


# ---- organisations ----------------------------------------------------------------------------------------------------------


def ancestors(path: str) -> list[str]:
    """`/a/b/c/` → itself, then `/a/b/`, `/a/`: the nearest first."""
    parts = path.strip("/").split("/")
    return [f"/{'/'.join(parts[:n])}/" for n in range(len(parts), 0, -1)] if path else []


def resolve_role(role: Organisation, path: str, on: date) -> Organisation | None:
    """Who holds a role in a territory on a day: the nearest territory first, then those above it.

    One that has ended hands over to its successors.  What is not a role (a department) stands for itself, or its successor.
    Of several holders in one territory the one that began last counts, then the lowest code.
    """
    if role.kind is not OrganisationKind.role:
        return _valid_heir(role, on)
    query = (
        sa.select(Organisation, Territory.path)
        .join(Territory, Territory.id == Organisation.territory_id)
        .where(Organisation.role_id == role.id, Territory.path.in_(ancestors(path)))
    )
    holders = sorted(
        db.session.execute(query).all(),
        key=lambda row: (-len(row[1]), not row[0].is_valid(on), -(row[0].valid_from or date.min).toordinal(), row[0].code),
    )
    return next((heir for holder, _ in holders if (heir := _valid_heir(holder, on)) is not None), None)


def _valid_heir(organisation: Organisation, on: date) -> Organisation | None:
    seen: set[int] = set()
    each: Organisation | None = organisation
    while each is not None and each.id not in seen:
        if each.is_valid(on):
            return each
        seen.add(each.id)
        each = db.session.get(Organisation, each.successor_id) if each.successor_id else None
    return None


def lines_of(organisation_id: int) -> frozenset[int]:
    """An organisation with its lines, and their lines: a grant for a department covers them."""
    found, ring = {organisation_id}, {organisation_id}
    while ring:
        below = sa.select(Organisation.id).where(Organisation.parent_id.in_(ring), Organisation.kind == OrganisationKind.line)
        ring = set(db.session.scalars(below)) - found
        found |= ring
    return frozenset(found)
