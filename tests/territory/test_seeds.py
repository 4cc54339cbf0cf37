"""The synthetic district: exact totals, the same for the same seed, proved by `civic check`."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest
import sqlalchemy as sa

from civic.core.db import db
from civic.territory import queries
from civic.territory.checks import CHECKS
from civic.territory.models import Building, Home, Organisation, Station, Territory, TerritoryKind
from civic.territory.seeds import district, plan_district, rooms, share, sizes

DAY = date(2026, 11, 25)


def how_many(model, *where) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*where))


def test_shares_are_whole_and_add_up():
    chance = Random(1)
    for total in (0, 1, 7, 1000):
        found = share(total, [chance.random() for _ in range(13)], chance)
        assert sum(found) == total
        assert min(found) >= 0
    assert share(0, [], chance) == []


def test_rooms_have_door_numbers():
    assert list(rooms(1)) == ["1"]
    assert list(rooms(0)) == []
    assert list(rooms(4)) == ["101", "102", "201", "202"]
    assert list(rooms(9)) == ["101", "102", "103", "104", "201", "202", "203", "204", "301"]


def test_the_whole_district_is_planned_exactly():
    plans = plan_district(1, 43_805, 278_917)
    kinds = [plan.kind for plan in plans]
    assert (kinds.count(TerritoryKind.community), kinds.count(TerritoryKind.village)) == (74, 100)
    assert sum(len(plan.rooms) for plan in plans) == 3_108
    assert sum(len(grid) for plan in plans for grid in plan.rooms) == 43_805
    assert sum(sum(grid) for plan in plans for grid in plan.rooms) == 278_917
    assert len({plan.name_zh for plan in plans}) == len({plan.code for plan in plans}) == 174
    assert plan_district(1, 100, 300) == plan_district(1, 100, 300)
    assert plan_district(1, 100, 300) != plan_district(2, 100, 300)


def test_a_small_district_is_written_and_a_second_run_changes_nothing(site, monkeypatch):
    monkeypatch.setattr("civic.territory.seeds.PAUSE", 0)
    told: list[str] = []
    counts = district(scale=0.005, rows={}, seed=1, as_of=DAY, progress=told.append)
    assert counts == {"communities": 174, "grids": 3_108, "buildings": 219, "homes": 1_395}
    assert told[-1].endswith(" s")
    for _ in range(2):
        assert how_many(Territory, Territory.kind == TerritoryKind.grid) == 3_108
        assert (how_many(Building), how_many(Home), how_many(Station)) == (219, 1_395, 174)
        assert how_many(Organisation, Organisation.code.startswith("O-")) == 16 + 2 * 174
        assert [v for check in CHECKS for v in check.run()] == []
        district(scale=0.005, rows={}, seed=1, as_of=DAY, progress=told.append)
    role = db.session.scalars(sa.select(Organisation).where(Organisation.code == "B-V-FWZ")).one()
    for view in queries.stations()[::40]:
        assert queries.resolve_role(role, view.path, DAY).code == f"O-{view.place_code}-S"


@pytest.mark.parametrize(
    ("scale", "rows", "expected"),
    [(1, {}, (43_805, 278_917)), (0.001, {}, (44, 279)), (0.001, {"catalogue": 3}, (44, 279)), (0.001, {"territory": 500}, (79, 500))],
)
def test_the_size_follows_the_scale_or_the_number_asked_for(scale, rows, expected):
    assert sizes(scale, rows) == expected
