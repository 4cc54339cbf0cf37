"""`civic load`: exit codes, JSON as the contract fixes it, dry run, folders, words in the site's language."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from civic.core.db import db
from civic.core.load.command import padded, width
from civic.core.load.lease import lease
from civic.core.load.runs import LoadRun
from civic.core.site import SiteMark
from tests.support.lists import csv, place, toy_lists


@pytest.fixture
def lists(site):
    with toy_lists(site) as found:
        yield found


@pytest.fixture
def civic(site):
    runner = site.test_cli_runner()
    return lambda *words: runner.invoke(args=["load", *map(str, words)])


def marks() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(SiteMark)) or 0


def test_a_load_reports_in_json_and_the_second_changes_nothing(lists, civic, tmp_path):
    (tmp_path / "p.csv").write_bytes(csv(place("A1"), place("A2")))
    for added, unchanged in ((2, 0), (0, 2)):
        done = civic(tmp_path / "p.csv", "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout) == {"kinds": {"toy_places": {"added": added, "changed": 0, "unchanged": unchanged, "rejected": []}}}
    assert marks() == 2


def test_a_dry_run_writes_nothing(lists, civic, tmp_path):
    (tmp_path / "p.csv").write_bytes(csv(place("A1")))
    done = civic(tmp_path / "p.csv", "--dry-run")
    assert (done.exit_code, marks()) == (0, 0)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(LoadRun)) == 0


def test_rejected_rows_are_exit_code_1_with_file_and_line(lists, civic, tmp_path):
    (tmp_path / "p.csv").write_bytes(csv(place("A1"), "A2,,,,,"))
    done = civic(tmp_path / "p.csv")
    assert (done.exit_code, marks()) == (1, 0)
    assert "p.csv:3: " in done.stdout


def test_a_folder_gives_its_lists_and_equal_names_keep_their_folders(lists, civic, tmp_path):
    for folder, code in (("one", "A1"), ("two", "A2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "places.csv").write_bytes(csv(place(code)))
        (tmp_path / folder / "README.md").write_text("words")
    done = civic(tmp_path / "one", tmp_path / "two", tmp_path / "one" / "places.csv")
    assert (done.exit_code, marks()) == (0, 2)
    (tmp_path / "two" / "places.csv").write_bytes(csv("A3,,,,,"))
    assert f"{tmp_path / 'two' / 'places.csv'}:2: " in civic(tmp_path / "one", tmp_path / "two").stdout


def test_wrong_usage_is_exit_code_2(lists, civic, tmp_path):
    (tmp_path / "empty").mkdir()
    assert civic(tmp_path / "missing.csv").exit_code == 2
    assert civic().exit_code == 2
    assert civic(tmp_path / "empty").exit_code == 2


def test_a_load_that_stops_is_exit_code_1_with_one_sentence(lists, civic, tmp_path):
    (tmp_path / "p.csv").write_bytes(csv(place("A1")))
    lists.fail_at = "A1"
    done = civic(tmp_path / "p.csv")
    assert done.exit_code == 1
    assert "p.csv:2, RuntimeError" in done.stderr


def test_another_load_is_waited_for_and_then_told(lists, civic, tmp_path, monkeypatch):
    monkeypatch.setattr("civic.core.load.command.PATIENCE", 0)
    (tmp_path / "p.csv").write_bytes(csv(place("A1")))
    with lease():
        done = civic(tmp_path / "p.csv")
    assert (done.exit_code, marks()) == (1, 0)


def test_progress_is_told_on_standard_error(lists, civic, tmp_path):
    (tmp_path / "p.csv").write_bytes(csv(*(place(f"A{n}") for n in range(30))))
    done = civic(tmp_path / "p.csv", "--json")
    assert json.loads(done.stdout)["kinds"]["toy_places"]["added"] == 30
    assert "30" in done.stderr


def test_chinese_takes_two_columns_of_a_terminal():
    assert (width("甲a"), padded("甲a", 5)) == (3, "甲a  ")
