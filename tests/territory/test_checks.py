"""`civic check` names each broken invariant of the tree by table and row."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from civic.core.atomic import atomic
from civic.core.db import db
from civic.territory.checks import CHECKS
from civic.territory.models import Building, Organisation, PendingReference, Station, Territory


def found() -> list[tuple[str, int]]:
    return [(v.table, v.row) for check in CHECKS for v in check.run()]


def break_(model, row, **values):
    with atomic():
        db.session.execute(sa.update(model).where(model.id == row.id).values(**values))


@pytest.fixture
def whole(make_territory, make_community, make_station, make_organisation):
    """A tree without a fault."""
    place = make_community()
    grid = make_territory("grid", place)
    station = make_station(place, organisation=make_organisation("station", territory=place, role=make_organisation("role")))
    with atomic():
        building = Building(code="B-1", grid_id=grid.id, street_zh="街", street_en="Street", number="1")
        db.session.add(building)
    assert found() == []
    return place, grid, station, building


def test_a_path_that_does_not_follow_from_the_parent(whole):
    place, *_ = whole
    break_(Territory, place, path="/elsewhere/")
    assert ("territory", place.id) in found()


def test_a_kind_that_may_not_stand_there(whole):
    place, *_ = whole
    break_(Territory, place, kind="street")
    assert ("territory", place.id) in found()


def test_a_building_outside_a_grid_and_a_station_outside_a_community(whole):
    place, grid, station, building = whole
    break_(Building, building, grid_id=place.id)
    break_(Station, station, territory_id=grid.id)
    assert found() == [("building", building.id), ("station", station.id)]


@pytest.mark.parametrize("field", ["parent_id", "successor_id"])
def test_circles(whole, make_organisation, field):
    one, two = make_organisation(), make_organisation()
    break_(Organisation, one, **{field: two.id})
    break_(Organisation, two, **{field: one.id})
    assert found() == [("organisation", one.id), ("organisation", two.id)]


def test_circles_of_territories(whole):
    place, grid, *_ = whole
    break_(Territory, place, successor_id=grid.id)
    break_(Territory, grid, successor_id=place.id)
    assert found() == [("territory", place.id), ("territory", grid.id)]


def test_a_role_that_is_none_and_a_reference_that_waits(whole, make_organisation):
    holder = make_organisation(role=make_organisation("department"))
    with atomic():
        db.session.add(PendingReference(subject="organisation", row_id=holder.id, field="parent_id", code="O-LATE"))
    assert found() == [("organisation", holder.id), ("organisation", holder.id)]
