"""Planning a load: kinds by header, what is refused and where, what counts as changed.  Nothing is written."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from civic.core.db import db
from civic.core.i18n import speaking
from civic.core.load.engine import Report, plan_load
from civic.core.load.kinds import Column, Loader
from civic.core.load.models import LoadRun
from civic.core.load.recognise import Recogniser
from civic.core.load.runs import run_load
from civic.core.site import SiteMark
from civic.core.viewer import Actor
from tests.support.lists import HEAD, csv, place, toy_lists, xlsx

COMMAND = Actor(None, job="test")
VISITS = "place_code,visitor"


@pytest.fixture
def lists(site):
    with toy_lists(site) as found, speaking("en"):
        yield found


def refused(*files: tuple[str, bytes]) -> list[tuple[str, str, int]]:
    report = plan_load(list(files)).report
    assert db.session.scalar(sa.select(sa.func.count()).select_from(LoadRun)) == 0
    return [(kind, r.file, r.line) for kind, count in report.kinds.items() for r in count.rejected]


def why(*files: tuple[str, bytes]) -> str:
    return " ".join(str(r.why) for r in plan_load(list(files)).rejected)


def test_files_come_in_any_order_and_see_each_other(lists):
    visits, places = ("v.csv", csv("A1,Wang", head=VISITS)), ("p.csv", csv(place("A1"), place("A2")))
    plan = plan_load([visits, places])
    assert plan.report.as_json() == {
        "kinds": {
            "toy_places": {"added": 2, "changed": 0, "unchanged": 0, "rejected": []},
            "toy_visits": {"added": 1, "changed": 0, "unchanged": 0, "rejected": []},
        }
    }
    assert refused(visits) == [("toy_visits", "v.csv", 2)]


def test_a_wrong_column_is_named_with_the_list_it_looks_like(lists):
    file = ("p.csv", csv(place("A1"), head=HEAD.replace("homes", "houses")))
    assert refused(file) == [("unknown", "p.csv", 1)]
    assert "missing: homes" in why(file)
    assert "not known: houses" in why(file)


def test_a_missing_column_and_a_further_one_are_named(lists):
    assert "missing: is_open." in why(("p.csv", csv("A1,a,b,1,", head=HEAD.removesuffix(",is_open"))))
    assert "not known: colour." in why(("p.csv", csv(place("A1") + ",red", head=HEAD + ",colour")))
    assert "column 7 without a name" in why(
        ("p.xlsx", xlsx([[*HEAD.split(","), None, "near"], ["A1", "a", "b", 1, None, True, "stray", "x"]]))
    )


def test_a_further_column_without_contents_does_no_harm(lists):
    assert refused(("p.csv", csv(place("A1") + ",", head=HEAD + ",colour"))) == []


def test_a_file_of_no_known_list_is_refused(lists):
    assert "belong to no list" in why(("x.csv", b"apples,pears\n1,2\n"))


def test_a_column_that_stands_twice_is_refused(lists):
    assert "homes stands more than once" in why(("p.csv", csv(place("A1") + ",5", head=HEAD + ",homes")))


def test_columns_that_fit_two_lists_are_refused():
    def loader(kind: str) -> Loader:
        return Loader(kind, kind, (Column("code"), Column("name")), ("code",), 1, lambda _actor, _changes: None)

    from civic.core.load.frames import Table

    found = Recogniser([loader("one"), loader("two")]).kind_of(Table("x", ["code", "name"], 1, [], "utf-8"))
    assert "one" in found
    assert "two" in found


def test_a_key_that_stands_twice_names_both_lines_over_files_too(lists):
    first, second = ("a.csv", csv(place("A1"), place("A2"), place("A1", 7))), ("b.csv", csv(place("A2")))
    assert refused(first, second) == [("toy_places", "a.csv", 4), ("toy_places", "b.csv", 2)]
    assert "“A1” stands twice: first in a.csv, line 2." in why(first, second)


def test_every_faulty_cell_of_a_row_is_told_at_once(lists):
    file = ("p.csv", csv("A1,,Banyan,many,2026-13-01,maybe"))
    assert refused(file) == [("toy_places", "p.csv", 2)]
    assert all(name in why(file) for name in ("label_zh", "homes", "opened_on", "is_open"))


def test_a_row_that_refers_to_a_refused_one_is_not_blamed_for_it(lists):
    assert refused(("p.csv", csv(place("A1").replace("2026-10-01", "never"))), ("v.csv", csv("A1,Wang", head=VISITS))) == [
        ("toy_places", "p.csv", 2)
    ]


def test_an_empty_or_endless_key_is_refused(lists):
    assert refused(("v.csv", csv("A1," + "x" * 500, head=VISITS)), ("p.csv", csv(place("A1")))) == [("toy_visits", "v.csv", 2)]


def test_ten_thousand_characters_are_refused_with_the_number(lists):
    assert "10000 characters; at most 40" in why(("p.csv", csv("A1," + "长" * 10_000 + ",b,1,,")))


def test_rejected_lines_of_the_reader_stand_under_their_kind(lists):
    data = csv(place("A1"), place("A2")).replace("榕树A2".encode(), b"\xe6\xa6")
    assert refused(("p.csv", data)) == [("toy_places", "p.csv", 3)]


def test_a_decree_with_a_gap_is_refused(site):
    head = "day,kind,name_zh,name_en,document"
    rows = [f"2026-10-0{d},holiday,国庆节,National Day,国办发明电〔2025〕7号" for d in (1, 2, 3, 5, 6, 7)]
    with speaking("en"):
        assert "gap" in why(("2026.csv", csv(*rows, head=head)))
    assert {(k, f) for k, f, _ in refused(("2026.csv", csv(*rows, head=head)))} == {("holidays", "2026.csv")}


def test_a_workbook_gives_the_same_rows_as_csv(lists):
    text = ("p.csv", csv("A1,榕树,Banyan,12,2026-10-01,true"))
    book = ("p.xlsx", xlsx([["places"], HEAD.split(","), ["A1", "榕树", "Banyan", 12, 46296, True]], merged=("A1:F1",)))
    assert plan_load([text]).changes["toy_places"][0].row.values == plan_load([book]).changes["toy_places"][0].row.values
    assert refused(("p.xlsx", xlsx([HEAD.split(","), [440113199001011234, "榕", "B", 1, None, None]]))) == [("toy_places", "p.xlsx", 2)]


def test_a_second_load_is_unchanged_and_a_change_names_its_columns(lists):
    run_load(COMMAND, plan_load([("p.csv", csv(place("A1"), place("A2")))]))
    plan = plan_load([("p.csv", csv(place("A1"), place("A2", 5), place("A3")))])
    count = plan.report.kinds["toy_places"]
    assert (count.added, count.changed, count.unchanged) == (1, 1, 1)
    assert [(c.row.text("code"), c.is_new, c.changed) for c in plan.changes["toy_places"]] == [
        ("A2", False, frozenset({"homes"})),
        ("A3", True, frozenset({*HEAD.split(","), "near"})),
    ]


def test_a_column_that_a_file_leaves_out_keeps_its_last_imported_value(lists):
    run_load(COMMAND, plan_load([("p.csv", csv(place("A1") + ",B1;B2", head=HEAD + ",near"))]))
    assert plan_load([("p.csv", csv(place("A1")))]).total == 0
    change = plan_load([("p.csv", csv(place("A1", 9)))]).changes["toy_places"][0]
    assert change.changed == {"homes"}
    assert change.row.text("near") == "B1;B2"


def test_nothing_is_written_when_a_row_is_refused(lists):
    report = run_load(COMMAND, plan_load([("p.csv", csv(place("A1"), "A2,,,,,"))]))
    assert len(report.rejected) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SiteMark)) == 0
    assert db.session.scalar(sa.select(sa.func.count()).select_from(LoadRun)) == 0


def test_a_report_survives_its_way_through_json(lists):
    report = plan_load([("p.csv", csv(place("A1"), "A2,,,,,")), ("x.exe", b"MZ\0")]).report
    again = Report.from_json(json.dumps(report.as_json()))
    assert again.as_json() == report.as_json()
    assert report.as_json()["kinds"]["unknown"]["rejected"][0]["line"] == 0
