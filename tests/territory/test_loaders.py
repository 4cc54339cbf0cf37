"""What each list refuses, in whole sentences, and what it writes: only the columns that changed."""

from __future__ import annotations

from datetime import date, time

import pytest
import sqlalchemy as sa

from civic.core.db import db
from civic.core.load.kinds import Batch, Change, Loader, Row
from civic.core.viewer import Actor
from civic.territory.checks import CHECKS
from civic.territory.desk import week_of
from civic.territory.loaders.buildings import BUILDINGS
from civic.territory.loaders.organisations import BODIES, ORGANISATIONS
from civic.territory.loaders.stations import STATIONS
from civic.territory.loaders.territories import TERRITORIES, polygon_fault
from civic.territory.models import Building, Home, Organisation, OrganisationKind, PendingReference, Station, Territory

JOB = Actor(None, job="load")


def rows_of(loader: Loader, *texts: str) -> list[Row]:
    """Rows written as `code=X kind=grid …`; columns that are left out are empty, names are filled in."""
    found = []
    for line, text in enumerate(texts, 2):
        values = {column.name: "" for column in loader.columns}
        values |= {name: "名" if name.endswith("_zh") else "Name" for name in values if name.startswith(("name_", "street_", "address_"))}
        values |= dict(part.split("=", 1) for part in text.split(" ") if part)
        found.append(Row("list.csv", line, {name: value.replace("_", " ") for name, value in values.items()}))
    return found


def refused(loader: Loader, *texts: str, **coming: set[str]) -> list[tuple[int, str]]:
    batch = Batch(loader.kind, rows_of(loader, *texts), keys=dict(coming))
    loader.check(batch)
    return [(r.line, str(r.why)) for r in batch.rejected]


def load(loader: Loader, *texts: str, changed: set[str] | None = None, slices: int = 100) -> None:
    rows = rows_of(loader, *texts)
    for start in range(0, len(rows), slices):
        part = rows[start : start + slices]
        loader.apply(JOB, [Change(row, changed is None, frozenset(changed or row.values)) for row in part])
    if loader.finish:
        loader.finish(JOB)
    db.session.expire_all()


def named(found: list[tuple[int, str]], line: int, *words: str) -> bool:
    """One refusal, in this line, a whole sentence with these words."""
    return len(found) == 1 and found[0][0] == line and all(word in found[0][1] for word in words) and found[0][1][-1] in ".。"


DISTRICT = "code=D kind=district"
TREE = (DISTRICT, "code=S kind=street parent_code=D", "code=C kind=community parent_code=S", "code=G kind=grid parent_code=C")


def paths() -> dict[str, str]:
    return dict(db.session.execute(sa.select(Territory.code, Territory.path)).all())


def violations() -> list[str]:
    return [v.what for check in CHECKS for v in check.run()]


def test_a_tree_is_loaded_in_any_order_and_in_any_slices(site):
    assert refused(TERRITORIES, *TREE) == []
    load(TERRITORIES, *reversed(TREE), slices=1)
    assert paths() == {"D": "/D/", "S": "/D/S/", "C": "/D/S/C/", "G": "/D/S/C/G/"}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PendingReference)) == 0
    assert violations() == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("code=x-1 kind=district", ["x-1"]),
        ("code=S1 kind=street", ["parent_code"]),
        ("code=S1 kind=street parent_code=NO", ["parent_code", "NO"]),
        ("code=S1 kind=street parent_code=C", ["C"]),
        ("code=D1 kind=district parent_code=D", ["D"]),
        ("code=D1 kind=district successor_code=NO", ["successor_code", "NO"]),
        ("code=D1 kind=district parent_code=D1", ["parent_code", "D1"]),
        ("code=D1 kind=district successor_code=D1", ["successor_code", "D1"]),
        ("code=D1 kind=district valid_from=2026-01-02 valid_to=2026-01-01", ["2026-01-02", "2026-01-01"]),
        ("code=D1 kind=district polygon={}", ["GeoJSON"]),
        ("code=S kind=town parent_code=D", []),
        ("code=C kind=grid parent_code=S", []),
    ],
)
def test_a_territory_that_cannot_be_taken_is_told_why(site, row, words):
    load(TERRITORIES, *TREE)
    found = refused(TERRITORIES, row)
    if row.startswith("code=S kind=town"):  # a street that becomes a town keeps its communities
        assert found == []
    elif row.startswith("code=C kind=grid"):  # refused for its own place and for what stands below it
        assert len(found) == 2
    else:
        assert named(found, 2, *words), found


def test_a_circle_through_several_rows_is_refused_in_each(site):
    found = refused(TERRITORIES, "code=A kind=street parent_code=B", "code=B kind=street parent_code=C", "code=C kind=street parent_code=A")
    assert [line for line, _ in found] == [2, 3, 4]
    assert refused(TERRITORIES, "code=A kind=district successor_code=B", "code=B kind=district successor_code=A") != []


def test_a_kind_may_not_change_above_children_that_need_it(site):
    load(TERRITORIES, *TREE)
    assert named(refused(TERRITORIES, "code=S kind=district"), 2, "S", "C")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"type":"Polygon","coordinates":[[[1,2],[3,2],[3,4],[1,2]]]}', ""),
        ("no", "JSON"),
        ("[]", "type"),
        ('{"type":"Point","coordinates":[1,2]}', "type"),
        ('{"type":"Polygon","coordinates":[]}', "coordinates"),
        ('{"type":"Polygon","coordinates":[[[1,2],[3,2],[1,2]]]}', "ring"),
        ('{"type":"Polygon","coordinates":[[[1,2],[3,2],[3,4],[1,3]]]}', "ring"),
        ('{"type":"Polygon","coordinates":[[[1,2],[300,2],[3,4],[1,2]]]}', "longitude, latitude"),
        ('{"type":"Polygon","coordinates":[[[1,2],[3,"2"],[3,4],[1,2]]]}', "longitude, latitude"),
        ('{"type":"Polygon","coordinates":[[[1,2],[3,2,0],[3,4],[1,2]]]}', "longitude, latitude"),
    ],
)
def test_polygons(text, fault):
    assert polygon_fault(text) == fault


def test_a_parent_that_changes_moves_everything_below_it(site):
    load(TERRITORIES, *TREE, "code=T kind=town parent_code=D")
    load(TERRITORIES, "code=C kind=community parent_code=T", changed={"parent_code"})
    assert paths()["G"] == "/D/T/C/G/"
    assert violations() == []


def test_only_changed_columns_are_written_so_a_correction_on_the_site_stays(site):
    load(TERRITORIES, DISTRICT)
    db.session.execute(sa.update(Territory).values(name_en="Corrected"))
    db.session.commit()
    load(TERRITORIES, "code=D kind=district name_zh=新名 name_en=Old valid_from=2020-01-01", changed={"name_zh", "valid_from"})
    district = db.session.scalars(sa.select(Territory)).one()
    assert (district.name_zh, district.name_en, district.valid_from) == ("新名", "Corrected", date(2020, 1, 1))


BODY_ROWS = (
    "code=B-DEPT-LG parent_code=B-LSB level=district",
    "code=B-LSB level=district",
    "code=B-T-LSZ parent_code=B-LSB level=town",
    "code=B-O-X level=other",
)


def test_bodies_become_departments_lines_and_roles(site):
    assert refused(BODIES, *BODY_ROWS) == []
    load(BODIES, *BODY_ROWS, slices=1)
    kinds = dict(db.session.execute(sa.select(Organisation.code, Organisation.kind)).all())
    assert kinds == {
        "B-LSB": OrganisationKind.department,
        "B-DEPT-LG": OrganisationKind.line,
        "B-T-LSZ": OrganisationKind.role,
        "B-O-X": OrganisationKind.role,
    }
    line = db.session.scalars(sa.select(Organisation).where(Organisation.code == "B-DEPT-LG")).one()
    assert line.parent.code == "B-LSB"
    assert named(refused(BODIES, "code=B-1 parent_code=B-NO level=town"), 2, "B-NO")
    assert named(refused(BODIES, "code=b1 level=town"), 2, "b1")
    assert len(refused(BODIES, "code=B-1 parent_code=B-2 level=town", "code=B-2 parent_code=B-1 level=town")) == 2


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("code=o1 kind=company", ["o1"]),
        ("code=O-1 kind=company parent_code=NO", ["parent_code", "NO"]),
        ("code=O-1 kind=company parent_code=O-1", ["parent_code", "O-1"]),
        ("code=O-1 kind=company territory_code=NO", ["territory_code", "NO"]),
        ("code=O-1 kind=company role_code=NO", ["role_code", "NO"]),
        ("code=O-1 kind=company role_code=B-LSB", ["role_code", "B-LSB"]),
        ("code=O-1 kind=company successor_code=NO", ["successor_code", "NO"]),
        ("code=O-1 kind=company successor_code=O-1", ["successor_code", "O-1"]),
        ("code=O-1 kind=company valid_from=2026-01-02 valid_to=2026-01-01", ["2026-01-02"]),
    ],
)
def test_an_organisation_that_cannot_be_taken_is_told_why(site, row, words):
    load(BODIES, *BODY_ROWS)
    assert named(refused(ORGANISATIONS, row), 2, *words)


def test_an_organisation_may_refer_to_what_comes_in_the_same_load(site):
    row = "code=O-1 kind=agency parent_code=O-2 territory_code=C role_code=B-T-X"
    coming = {"territories": {"C"}, "bodies": {"B-T-X"}}
    assert refused(ORGANISATIONS, row, "code=O-2 kind=agency", **coming) == []
    assert named(refused(ORGANISATIONS, row, "code=O-2 kind=agency", **coming, **{"bodies: no role": {"B-T-X"}}), 2, "B-T-X")


def test_organisations_hold_roles_have_successors_and_count_their_changes(site):
    load(TERRITORIES, *TREE)
    load(BODIES, *BODY_ROWS)
    rows = (
        "code=O-1 kind=agency parent_code=O-2 territory_code=S role_code=B-T-LSZ valid_to=2014-12-31 successor_code=O-2",
        "code=O-2 kind=town_office",
    )
    load(ORGANISATIONS, *[row.replace("town_office", "agency") for row in rows], slices=1)
    first, second = db.session.scalars(sa.select(Organisation).where(Organisation.code.startswith("O-")).order_by(Organisation.code)).all()
    assert (first.parent_id, first.successor_id, first.territory.code, first.role.code) == (second.id, second.id, "S", "B-T-LSZ")
    load(ORGANISATIONS, "code=O-1 kind=agency name_zh=新", changed={"name_zh", "parent_code", "territory_code"})
    assert (first.name_zh, first.parent_id, first.territory_id, first.successor_id, first.lock_version) == ("新", None, None, second.id, 2)
    assert violations() == []


def test_a_reference_that_never_comes_is_kept_and_named(site):
    load(ORGANISATIONS, "code=O-1 kind=agency parent_code=O-2")
    assert violations() == ["parent_id waits for O-2, which never came"]
    load(ORGANISATIONS, "code=O-2 kind=agency")
    assert violations() == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("code=b grid_code=G", ["b"]),
        ("code=B-1 grid_code=NO", ["grid_code", "NO"]),
        ("code=B-1 grid_code=C", ["C"]),
        ("code=B-1 grid_code=OLD", ["OLD", "2026-11-25"]),
        ("code=B-1 grid_code=OLD valid_to=2025-01-01", ["OLD", "2025-01-01"]),
        ("code=B-1 grid_code=G homes=101;101", ["101"]),
        ("code=B-1 grid_code=G homes=" + "1" * 21, ["21"]),
        ("code=B-1 grid_code=G valid_from=2026-01-02 valid_to=2026-01-01", ["2026-01-02"]),
    ],
)
def test_a_building_that_cannot_be_taken_is_told_why(site, row, words):
    load(TERRITORIES, *TREE, "code=OLD kind=grid parent_code=C valid_to=2024-12-31")
    assert named(refused(BUILDINGS, row), 2, *words)


def test_a_building_that_is_gone_may_stand_in_a_grid_that_was_valid_then(site):
    load(TERRITORIES, *TREE, "code=OLD kind=grid parent_code=C valid_to=2024-12-31")
    assert refused(BUILDINGS, "code=B-1 grid_code=OLD valid_to=2024-06-30", "code=B-2 grid_code=G homes=101;102") == []


def test_what_the_same_load_says_of_a_grid_counts(site):
    row, coming = "code=B-1 grid_code=N", {"territories": {"N"}}
    assert refused(BUILDINGS, row, **coming) == []
    assert named(refused(BUILDINGS, row, **coming, **{"territories: no grid": {"N"}}), 2, "N")
    assert named(refused(BUILDINGS, row, **coming, **{"territories: not valid today": {"N"}}), 2, "N")
    assert refused(BUILDINGS, row + " valid_to=2020-01-01", **coming, **{"territories: not valid today": {"N"}}) == []


def homes() -> dict[str, date | None]:
    return dict(db.session.execute(sa.select(Home.room, Home.valid_to).order_by(Home.id)).all())


def test_a_home_that_a_later_list_leaves_out_is_closed_and_may_come_back(site):
    load(TERRITORIES, *TREE)
    load(BUILDINGS, "code=B-1 grid_code=G number=7 homes=101;102;201")
    assert homes() == {"101": None, "102": None, "201": None}
    load(BUILDINGS, "code=B-1 grid_code=G number=9 homes=101;301", changed={"homes"})
    yesterday = date(2026, 11, 24)
    assert homes() == {"101": None, "102": yesterday, "201": yesterday, "301": None}
    assert db.session.scalar(sa.select(Building.number)) == "7"  # its column did not change
    load(BUILDINGS, "code=B-1 grid_code=G homes=101;102", changed={"homes"})
    assert homes() == {"101": None, "102": None, "201": yesterday, "301": yesterday}
    load(BUILDINGS, "code=B-1 grid_code=G number=9", changed={"number"})
    assert homes()["101"] is None
    assert db.session.scalar(sa.select(Building.number)) == "9"


def test_redrawn_grids_move_buildings(site):
    load(TERRITORIES, *TREE, "code=G2 kind=grid parent_code=C")
    load(BUILDINGS, "code=B-1 grid_code=G homes=101 valid_from=2012-01-01")
    load(BUILDINGS, "code=B-1 grid_code=G2", changed={"grid_code"})
    building = db.session.scalars(sa.select(Building)).one()
    assert (building.grid.code, building.valid_from, len(building.homes)) == ("G2", date(2012, 1, 1), 1)


GOOD = "code=ST-1 territory_code=C phone=020-0000_0112 hours=1-5_08:30-12:00"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (GOOD.replace("ST-1", "st"), ["st"]),
        (GOOD.replace("=C", "=NO"), ["territory_code", "NO"]),
        (GOOD.replace("=C", "=S"), ["territory_code", "S"]),
        (GOOD + " organisation_code=NO", ["organisation_code", "NO"]),
        (GOOD.replace("020-0000_0112", "none"), ["none"]),
        (GOOD.replace("1-5_08:30-12:00", "always"), ["always"]),
        (GOOD.replace("12:00", "08:00"), ["08:00"]),
    ],
)
def test_a_station_that_cannot_be_taken_is_told_why(site, row, words):
    load(TERRITORIES, *TREE)
    assert named(refused(STATIONS, row), 2, *words)


def test_a_station_keeps_the_hours_of_the_site_until_the_list_changes_them(site):
    load(TERRITORIES, *TREE)
    assert refused(STATIONS, GOOD) == []
    assert refused(STATIONS, GOOD.replace("=C", "=N"), territories={"N"}) == []
    assert named(refused(STATIONS, GOOD.replace("=C", "=N"), territories={"N"}, **{"territories: no place": {"N"}}), 2, "N")
    load(STATIONS, GOOD)
    station = db.session.scalars(sa.select(Station)).one()
    assert week_of(station.id) == {day: ((time(8, 30), time(12)),) for day in range(1, 6)}
    load(STATIONS, GOOD.replace("1-5_08:30", "6_10:00").replace("0112", "0999"), changed={"phone"})
    assert (station.phone, station.lock_version, len(week_of(station.id))) == ("020-0000 0999", 2, 5)
    load(STATIONS, GOOD.replace("1-5_08:30", "6_10:00"), changed={"hours", "territory_code", "organisation_code"})
    assert week_of(station.id) == {6: ((time(10), time(12)),)}
    assert violations() == []
