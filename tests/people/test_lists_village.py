"""The village that comes with the program, through `civic load`; the synthetic district; both proved by the module's checks."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest
import sqlalchemy as sa

from civic import paths
from civic.core.db import db
from civic.core.i18n import speaking
from civic.core.load import runs
from civic.core.load.engine import plan_load
from civic.people import records
from civic.people.checks import CHECKS
from civic.people.district import district, shares
from civic.people.invented import PEOPLE as VILLAGERS
from civic.people.invented import people_rows, write_lists
from civic.people.loaders import PEOPLE
from civic.people.models import Contact, Document, DocumentKind, Household, NameKey, Person
from civic.territory.models import Building, Home, TerritoryKind
from tests.people.test_lists import registered

VILLAGE = paths.DATA / "village"
AS_OF = date(2026, 11, 25)


@pytest.fixture
def civic(site, monkeypatch):
    """`civic("load", …)` on a site that knows the list of people and holds the frame of the demonstration district."""
    monkeypatch.setattr(runs, "PAUSE", 0)
    with registered(site, PEOPLE), speaking("en"):
        runner = site.test_cli_runner()
        frame = [paths.DATA / "panyu" / f"{name}.csv" for name in ("territories", "buildings")]
        assert runner.invoke(args=["load", *map(str, frame)]).exit_code == 0
        yield lambda *words: runner.invoke(args=[*map(str, words)])


def proved() -> None:
    found = [str(violation) for check in CHECKS for violation in check.run()]
    assert found == []


def number_of(model) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def part(tmp_path, count: int):
    """The first rows of the village's people, in households that are whole."""
    with (VILLAGE / "people.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    last = rows[count]["household"]
    target = io.StringIO()
    writer = csv.DictWriter(target, list(rows[0]))
    writer.writeheader()
    writer.writerows(row for row in rows[:count] if row["household"] != last)
    (tmp_path / "people.csv").write_text(target.getvalue(), encoding="utf-8")
    return tmp_path / "people.csv"


def test_the_lists_are_what_the_generator_writes(tmp_path):
    write_lists(tmp_path)
    for name in ("buildings.csv", "people.csv"):
        assert (tmp_path / name).read_bytes() == (VILLAGE / name).read_bytes()
        assert len((tmp_path / name).read_bytes()) <= 600_000


def test_the_village_has_everybody_that_makes_lists_hard():
    with (VILLAGE / "people.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["name"] for row in rows]
    phones = [row["phone"] for row in rows if row["phone"]]
    households: dict[str, set[str]] = {}
    for row in rows:
        households.setdefault(row["household"], set()).add(row["relation"])
    assert len(rows) == VILLAGERS
    assert max(names.count(name) for name in set(names)) >= 5
    assert len(set(phones)) < len(phones)
    assert {row["document"] for row in rows} == {"resident_card", "passport", "home_return_permit", "hmt_permit", ""}
    assert len({row["country"] for row in rows}) > 5
    assert max(map(len, names)) == 60
    assert sum(bool(row["registered_elsewhere"]) for row in rows) > 50
    assert sum({"parent", "head", "child"} <= relations for relations in households.values()) > 100
    assert [bool(row["died_on"]) for row in rows].count(True) == 2


def test_a_part_of_the_village_is_loaded_and_proved_and_a_second_time_nothing_changes(civic, tmp_path):
    people = part(tmp_path, 400)
    for added in (True, False):
        done = civic("load", VILLAGE / "buildings.csv", people, "--json")
        assert done.exit_code == 0, done.output
        count = json.loads(done.stdout)["kinds"]["people"]
        assert (count["added"] > 390, count["changed"], count["unchanged"] > 390) == (added, 0, not added)
    proved()
    assert number_of(Person) == count["unchanged"]


@pytest.mark.long
def test_the_whole_village_is_loaded_and_proved(civic):
    done = civic("load", VILLAGE, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["kinds"]["people"]["added"] == VILLAGERS
    proved()
    assert db.session.scalar(sa.select(sa.func.count()).where(Person.died_on.is_not(None))) == 2
    shared = sa.select(Contact.hash).group_by(Contact.hash).having(sa.func.count() > 1)
    assert len(db.session.execute(shared).all()) > 100
    assert db.session.scalar(sa.select(sa.func.count()).where(Document.kind == DocumentKind.passport)) > 10
    chen = db.session.scalars(sa.select(NameKey.person_id).where(NameKey.hash == records.prefix_hash("陈婷"))).all()
    assert len(chen) >= 5


def test_an_invented_list_of_any_length_is_taken(civic, tmp_path):
    plan = plan_load([("b.csv", (VILLAGE / "buildings.csv").read_bytes()), ("p.csv", _csv(people_rows(300, seed=7, prefix="Z")))])
    assert [str(r.why) for r in plan.rejected if r.file == "p.csv" and "no such home" not in str(r.why)] == []


def _csv(rows) -> bytes:
    found = list(rows)
    target = io.StringIO()
    writer = csv.DictWriter(target, list(found[0]))
    writer.writeheader()
    writer.writerows(found)
    return target.getvalue().encode()


# ---- the district -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def homes(site, make_territory, make_community):
    """Two communities with three and one homes."""
    for number, rooms in enumerate((("101", "102", "201"), ("1",)), 1):
        grid = make_territory(TerritoryKind.grid, make_community())
        building = Building(code=f"S-{number}", grid_id=grid.id, street_zh="街", street_en="Street", number="1")
        db.session.add(building)
        db.session.flush()
        db.session.add_all(Home(building_id=building.id, room=room) for room in rooms)
        db.session.commit()


def seed(count: int, number: int = 1) -> list[str]:
    told: list[str] = []
    assert district(scale=1, rows={"people": count}, seed=number, as_of=AS_OF, progress=told.append) == {"people": count}
    return told


def people() -> list[tuple]:
    rows = db.session.scalars(sa.select(Person).order_by(Person.id))
    return [(p.uid, p.number, records.unseal(p.sealed), p.birth_year) for p in rows]


def test_the_district_gets_exactly_its_people_and_a_second_run_adds_none(homes):
    told = seed(400)
    assert "people: 400 in" in told[-1]
    assert number_of(Person) == 400
    proved()
    seed(400)
    assert number_of(Person) == 400
    by_place = dict(db.session.execute(sa.select(Person.place_id, sa.func.count()).group_by(Person.place_id)).all())
    assert sorted(by_place.values()) == [100, 300]
    assert all(p.sealed.startswith("g1.") for p in db.session.scalars(sa.select(Person).limit(20)))


def test_the_same_seed_gives_the_same_people_and_another_one_others(homes):
    found = []
    for number in (1, 1, 2):
        db.session.remove()
        undo = db.session.session_factory.kw["bind"].begin_nested()
        seed(120, number)
        found.append(people())
        db.session.remove()
        undo.rollback()
    assert len(found[0]) == 120
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_shares_add_up():
    assert shares(10, [1, 1, 1]) == [3, 3, 4]
    assert sum(shares(260_000, [3, 0, 7, 1])) == 260_000
    assert shares(5, []) == []


def test_households_of_the_district_are_open(homes):
    seed(50)
    assert db.session.scalar(sa.select(sa.func.count()).where(Household.ended_on.is_not(None))) == 0
