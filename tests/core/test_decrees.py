"""The yearly decree as a list: checked whole, named by line, and the calendar that everybody counts with."""

from __future__ import annotations

import csv
import threading

import pytest
import sqlalchemy as sa

from civic import paths
from civic.core import decrees, freshness
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.decrees import HOLIDAYS, calendar
from civic.core.load.kinds import Batch, Change, Row
from civic.core.viewer import Actor

JOB = Actor(None, job="test")


def rows_of(year: int) -> list[Row]:
    with (paths.DATA / "workdays" / f"{year}.csv").open(encoding="utf-8-sig") as file:
        return [Row(f"{year}.csv", line, dict(values)) for line, values in enumerate(csv.DictReader(file), 2)]


def faults(rows: list[Row]) -> list[tuple[int, str]]:
    batch = Batch("holidays", rows)
    HOLIDAYS.check(batch)
    return [(r.line, str(r.why)) for r in batch.rejected]


def load(rows: list[Row]) -> None:
    HOLIDAYS.apply(JOB, [Change(row, is_new=True, changed=frozenset(row.values)) for row in rows])


@pytest.fixture
def english(site):
    with site.test_request_context("/", headers={"Accept-Language": "en"}):
        yield


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_shipped_decrees_are_without_fault(english, year):
    assert faults(rows_of(year)) == []


def test_a_gap_in_a_holiday_is_named_with_its_days(english):
    rows = [row for row in rows_of(2026) if row.text("day") != "2026-10-04"]
    found = faults(rows)
    assert len(found) == 1
    assert "2026-10-04" in found[0][1]
    assert "1 day(s) missing" in found[0][1]


def test_a_day_twice_is_named_with_the_first_line(english):
    rows = rows_of(2026)
    again = Row("2026.csv", 99, rows[0].values)
    assert any(line == 99 and "line 2" in why for line, why in faults([*rows, again]))


def test_a_decree_cut_in_half_is_refused(english):
    assert any("does not name" in why for _, why in faults(rows_of(2026)[:5]))


def test_two_decrees_in_one_load_are_checked_each_for_its_year(english):
    assert faults([*rows_of(2025), *rows_of(2026)]) == []


def test_the_calendar_follows_what_is_loaded(site):
    before = calendar()
    assert before.published_years == frozenset()
    assert calendar() is before
    load(rows_of(2026))
    assert calendar().published_years == {2026}
    assert calendar() is calendar()


def test_a_correction_of_a_day_replaces_it(site):
    rows = rows_of(2026)
    load(rows)
    load([Row("2026.csv", 2, {**rows[0].values, "name_en": "Another name"})])
    assert freshness.version_of(decrees.TOPIC) == 2
    day = rows[0].day("day")
    assert day is not None
    assert calendar().name_of(day)[1] == "Another name"


def test_a_calendar_read_in_an_older_snapshot_is_not_kept_as_the_newest(live_app):
    """A request that began to read before the decree came must not leave its calendar behind for the others."""

    def bring() -> None:
        with live_app.app_context():
            load(rows_of(2026))

    with live_app.app_context():
        db.session.execute(sa.text("SELECT count(*) FROM decreed_day")).all()  # SQLite: the snapshot begins here
        thread = threading.Thread(target=bring)
        thread.start()
        thread.join()
        freshness.forget()
        calendar()
    with live_app.app_context():
        assert calendar().published_years == {2026}


def test_a_calendar_of_rows_that_were_undone_is_not_kept(site):
    with pytest.raises(ZeroDivisionError), atomic():
        load(rows_of(2026))
        assert calendar().published_years == {2026}
        raise ZeroDivisionError
    assert calendar().published_years == frozenset()
