"""Builders of `territory` for the tests: fixtures that return a function which commits what it makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import count
from typing import Any

import pytest
from flask import Flask

from civic.core.atomic import atomic
from civic.core.db import db
from civic.territory.hours import parse_hours
from civic.territory.models import Organisation, OrganisationKind, Station, Territory, TerritoryKind
from civic.territory.operations import write_week
from civic.territory.queries import TOPIC, station_topic

OFFICE_HOURS = "1-5 08:30-12:00 14:00-17:30"
ABOVE = {
    TerritoryKind.town: TerritoryKind.district,
    TerritoryKind.street: TerritoryKind.district,
    TerritoryKind.community: TerritoryKind.street,
    TerritoryKind.village: TerritoryKind.town,
    TerritoryKind.grid: TerritoryKind.community,
}


@pytest.fixture
def make_territory(site: Flask) -> Callable[..., Territory]:
    """`make_territory(kind, parent=…, code=…)`; parents that are not given are made, one of each kind."""
    numbers = count(1)
    made: dict[TerritoryKind, Territory] = {}

    def make(kind: TerritoryKind | str = TerritoryKind.community, parent: Territory | None = None, **values: Any) -> Territory:
        kind = TerritoryKind(kind)
        if parent is None and kind in ABOVE:
            above = ABOVE[kind]
            parent = made.get(above) or make(above)
        number = next(numbers)
        values = {"code": f"T{number:03d}", "name_zh": f"第{number}区域", "name_en": f"Area {number}", **values}
        with atomic() as tx:
            path = f"{parent.path if parent else '/'}{values['code']}/"
            territory = Territory(kind=kind, parent_id=parent.id if parent else None, path=path, **values)
            db.session.add(territory)
            tx.touch(TOPIC)
        made.setdefault(kind, territory)
        return territory

    return make


@pytest.fixture
def make_community(make_territory: Callable[..., Territory]) -> Callable[..., Territory]:
    """A community below a street below a district; the demonstration's 榕树社区 unless named otherwise."""
    numbers = count(1)

    def make(parent: Territory | None = None, **values: Any) -> Territory:
        number = next(numbers)
        own = {
            "code": f"44011301090{number}",
            "name_zh": "榕树社区" if number == 1 else f"榕树社区{number}",
            "name_en": f"Rongshu Community {number}",
        }
        return make_territory(TerritoryKind.community, parent, **{**own, **values})

    return make


@pytest.fixture
def make_organisation(site: Flask) -> Callable[..., Organisation]:
    """`make_organisation(kind=…, parent=…, territory=…, role=…, successor=…)`"""
    numbers = count(1)

    def make(
        kind: OrganisationKind | str = OrganisationKind.department,
        parent: Organisation | None = None,
        territory: Territory | None = None,
        role: Organisation | None = None,
        successor: Organisation | None = None,
        **values: Any,
    ) -> Organisation:
        number = next(numbers)
        links = {"parent_id": parent, "territory_id": territory, "role_id": role, "successor_id": successor}
        values = {"code": f"O-{number}", "name_zh": f"第{number}单位", "name_en": f"Organisation {number}", **values}
        values |= {field: row.id for field, row in links.items() if row is not None}
        with atomic() as tx:
            organisation = Organisation(kind=OrganisationKind(kind), **values)
            db.session.add(organisation)
            tx.touch(TOPIC)
        return organisation

    return make


@pytest.fixture
def make_station(site: Flask, make_community: Callable[..., Territory]) -> Callable[..., Station]:
    """`make_station(territory=…, hours="1-5 08:30-12:00 14:00-17:30")`; without a territory it makes a community."""
    numbers = count(1)

    def make(
        territory: Territory | None = None, hours: str = OFFICE_HOURS, organisation: Organisation | None = None, **values: Any
    ) -> Station:
        number = next(numbers)
        own = {
            "code": f"ST-{number}",
            "name_zh": f"榕树社区服务站{number}",
            "name_en": f"Rongshu Station {number}",
            "address_zh": "榕荫里 18 号一楼",
            "address_en": "18 Rongyin Lane, ground floor",
            "phone": "020-0000 0112",
        }
        home = territory or make_community()
        with atomic() as tx:
            station = Station(territory_id=home.id, organisation_id=organisation.id if organisation else None, **{**own, **values})
            db.session.add(station)
            db.session.flush()
            write_week(station.id, parse_hours(hours))
            tx.touch(TOPIC, station_topic(station.code))
        return station

    return make


@pytest.fixture
def holidays(site: Flask) -> Callable[..., None]:
    """`holidays({"2026-10-01": "holiday", "2026-10-10": "workday"})` puts days into the working-day calendar."""
    from civic.core.decrees import TOPIC as WORKDAYS
    from civic.core.decrees import DecreedDay
    from civic.core.workdays import DayKind

    def put(days: dict[str, str]) -> None:
        with atomic() as tx:
            for day, kind in days.items():
                names = {"name_zh": "国庆节", "name_en": "National Day", "document": "国办发明电"}
                db.session.add(DecreedDay(day=date.fromisoformat(day), kind=DayKind(kind), **names))
            tx.touch(WORKDAYS)

    return put
