"""The lists that come with the program: Panyu twice (the second time unchanged), an invented second district from files alone."""

from __future__ import annotations

import sqlalchemy as sa

from civic import paths
from civic.core.db import db
from civic.core.load.engine import Report, plan_load
from civic.core.load.runs import run_load
from civic.core.viewer import Actor
from civic.territory import queries
from civic.territory.checks import CHECKS
from civic.territory.desk import week_of
from civic.territory.models import Building, Home, Organisation, Station, Territory

JOB = Actor(None, job="load")


def load(*names: str) -> Report:
    files = [(name, (paths.DATA / name).read_bytes()) for name in names]
    return run_load(JOB, plan_load(files))


def lists_of(folder: str) -> list[str]:
    return ["catalogue/bodies.csv", *sorted(f"{folder}/{path.name}" for path in (paths.DATA / folder).glob("*.csv"))]


def counts(report: Report) -> dict[str, tuple[int, int, int]]:
    assert [str(r.why) for r in report.rejected] == []
    return {kind: (c.added, c.changed, c.unchanged) for kind, c in report.kinds.items()}


def how_many(model) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def test_panyu_is_loaded_once_and_then_unchanged_and_corrections_stay(site):
    first = counts(load(*lists_of("panyu")))
    assert first == {
        "territories": (34, 0, 0),
        "bodies": (69, 0, 0),
        "organisations": (66, 0, 0),
        "buildings": (60, 0, 0),
        "stations": (3, 0, 0),
    }
    assert [v for check in CHECKS for v in check.run()] == []
    db.session.execute(sa.update(Station).where(Station.code == "ST-RS").values(phone="020-1111 1111"))
    db.session.commit()
    second = counts(load(*lists_of("panyu")))
    assert second == {kind: (0, 0, added) for kind, (added, _, _) in first.items()}
    assert db.session.scalar(sa.select(Station.phone).where(Station.code == "ST-RS")) == "020-1111 1111"
    assert queries.place("440113010901").parent_name == "桥南街"
    role = db.session.scalars(sa.select(Organisation).where(Organisation.code == "B-T-WJB")).one()
    path = queries.path_of("440113010901")
    from datetime import date

    assert queries.resolve_role(role, path, date(2014, 6, 1)).code == "O-QN-JSB"
    assert queries.resolve_role(role, path, date(2026, 6, 1)).code == "O-QN-WJB"


def test_a_second_district_comes_from_files_alone(site):
    load(*lists_of("panyu"))
    assert counts(load(*lists_of("second")))["territories"] == (9, 0, 0)
    assert how_many(Territory) == 43
    assert (how_many(Building), how_many(Station)) == (66, 5)
    assert how_many(Home) > 300
    station = db.session.scalars(sa.select(Station).where(Station.code == "ST-ZP")).one()
    assert sorted(week_of(station.id)) == [1, 2, 3, 4, 5, 6]
    assert queries.district().zh == "番禺区"
    assert [v for check in CHECKS for v in check.run()] == []


def test_a_list_alone_is_told_what_it_needs(site):
    files = [(name, (paths.DATA / name).read_bytes()) for name in ("panyu/stations.csv", "panyu/buildings.csv")]
    plan = plan_load(files)
    assert len({(r.file, r.line) for r in plan.rejected}) == 63
    assert all("440113" in str(r.why) or "O-" in str(r.why) for r in plan.rejected)
