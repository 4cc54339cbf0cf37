"""Daily closes: every row in one close, a chain that anybody recomputes, and a fault for each thing that was touched afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from civic import paths
from civic.commands.closing import close_days
from civic.core import appendonly, clock, closes, closes_check, progress
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.closes import Book, Close, CloseBlocked, CloseItem, NothingHappened, close_day, close_yesterday
from civic.core.db import db
from civic.core.registry import Module, Violation

_E = AuditEvent.__table__
DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # of DAY, in Shanghai
COLUMNS = ("id", "at", "account_id", "job", "verb", "subject_id", "context")


def counted(number: int, before: dict | None) -> dict:
    """Totals of the toy book: sum of subject ids, of the day and since the beginning."""
    rows = sa.select(sa.func.sum(_E.c.subject_id)).join(CloseItem, CloseItem.row_id == _E.c.id)
    day = int(db.session.scalar(rows.where(CloseItem.book == "toy", CloseItem.number == number)) or 0)
    return {"day_sum": day, "since": day + (before["since"] if before else 0)}


TOY = Book("toy", _E, COLUMNS, counted)


def write(*moments: datetime, ids: tuple[int, ...] = (), subject: int = 1) -> None:
    """Rows of the toy book, one for each moment."""
    values = {
        "account_id": 5,
        "job": "",
        "channel": "web",
        "request_id": "",
        "verb": "toy",
        "subject_kind": "toy",
        "context": '{"wort": "街道"}',
    }
    with atomic():
        for at, moment in enumerate(moments):
            more = {"id": ids[at]} if ids else {}
            db.session.execute(sa.insert(_E).values(at=moment, subject_id=subject, **values, **more))


def days(*numbers: int) -> list[datetime]:
    return [NOON + timedelta(days=n) for n in numbers]


def found() -> list[tuple[str, str]]:
    return [(v.table, v.what) for v in closes_check.check(TOY)]


def chain() -> list[Close]:
    return list(db.session.scalars(sa.select(Close).where(Close.book == "toy").order_by(Close.number)))


@pytest.fixture
def open_tables(site):
    """Somebody with the rights of the database's owner has dropped the triggers."""
    dialect = db.session.get_bind().dialect.name
    with atomic():
        for table in ("audit_event", "day_close", "day_close_item"):
            for name in appendonly.declared(dialect):
                if name.startswith(f"{table}_no_"):
                    db.session.execute(sa.text(f"DROP TRIGGER {name}" + ("" if dialect == "sqlite" else f" ON {table}")))
    return site


def test_every_day_gets_its_own_rows_and_an_empty_day_its_close_too(site):
    write(*days(0, 0, 2))
    made = close_day(TOY, DAY + timedelta(days=3))
    assert [(c.number, c.day.day, c.row_count) for c in made] == [(1, 20, 2), (2, 21, 0), (3, 22, 1), (4, 23, 0)]
    assert [json.loads(c.totals)["since"] for c in made] == [2, 2, 3, 3]
    assert found() == []


def test_the_hashes_are_what_the_page_says_and_equal_on_both_databases(site):
    """Written out by hand: whoever knows the rows computes the same, whatever the database keeps them in."""
    write(NOON + timedelta(microseconds=999_999), NOON, ids=(900_002, 900_001))
    (made,) = close_day(TOY, DAY)
    micro = 1_795_147_200_000_000
    assert micro == round(NOON.timestamp() * 1_000_000)
    row = '{{"account_id":5,"at":{at},"context":"{{\\"wort\\": \\"街道\\"}}","id":{id},"job":"","subject_id":1,"verb":"toy"}}'
    items = [hashlib.sha256(row.format(at=at, id=i).encode()).hexdigest() for i, at in ((900_001, micro), (900_002, micro + 999_999))]
    rows_hash = hashlib.sha256("".join(items).encode()).hexdigest()
    totals = '{"book":"toy","day":"2026-11-20","day_sum":2,"number":1,"row_count":2,"since":2}'
    assert (made.rows_hash, made.totals) == (rows_hash, totals)
    assert made.hash == "s1." + hashlib.sha256(f"\n{rows_hash}\n{totals}".encode()).hexdigest()
    write(*days(1))
    (then,) = close_day(TOY, DAY + timedelta(days=1))
    assert then.previous_hash == made.hash.removeprefix("s1.")


def test_a_late_commit_falls_into_the_next_close_and_no_day_is_opened_again(site):
    write(NOON, ids=(900_010,))
    (first,) = close_day(TOY, DAY)
    before = first.hash
    write(NOON, ids=(900_003,))  # an id given before the close, committed after it
    assert close_day(TOY, DAY) == []
    (second,) = close_day(TOY, DAY + timedelta(days=1))
    assert (second.row_count, chain()[0].hash) == (1, before)
    assert found() == []


def test_a_row_dated_in_the_future_is_closed_at_once(site):
    write(NOON, clock.now() + timedelta(days=400))
    (made,) = close_day(TOY, DAY)
    assert made.row_count == 2
    assert closes.open_tail(TOY) == (0, None)


def test_rows_of_days_that_go_on_wait_for_their_own_close(site):
    write(NOON, clock.now())
    (made,) = close_day(TOY, DAY)
    assert made.row_count == 1
    assert closes.open_tail(TOY) == (1, clock.now())
    with pytest.raises(ValueError, match="when it is over"):
        close_day(TOY, clock.today())


def test_without_rows_there_is_no_chain(site):
    assert close_day(TOY, DAY) == []
    assert closes.last("toy") is None


def test_a_counter_that_differs_blocks_the_close(site):
    write(NOON)
    blocked = Book("toy", _E, COLUMNS, counted, lambda: [Violation("vintage", 7, "balance is 3, its rows make 4")])
    with pytest.raises(CloseBlocked) as refusal:
        close_day(blocked, DAY)
    assert refusal.value.context == {"book": "toy", "table": "vintage", "row": 7, "what": "balance is 3, its rows make 4"}
    assert (chain(), closes.open_tail(TOY)[0]) == ([], 1)


def test_a_clock_that_stands_years_ahead_does_not_close_the_future(site):
    """Sixty days without a row and without a line of the audit: somebody has to look first."""
    write(NOON)
    with clock.frozen(NOON + timedelta(days=1500)):
        with pytest.raises(NothingHappened) as refusal:
            close_yesterday(TOY)
        assert refusal.value.context == {"book": "toy", "since": "2026-11-20", "until": "2030-12-28"}
    assert chain() == []
    assert [c.day for c in close_day(TOY, DAY)] == [DAY]


def test_closes_that_were_missed_for_long_follow_while_the_site_lived(site):
    write(*days(-150, -100, -45, 0))
    assert len(close_day(TOY, DAY)) == 151


def test_after_a_long_rest_a_person_closes_by_hand(site, monkeypatch):
    write(NOON)
    registry = site.extensions["civic"].registry
    registry.add(Module(name="toys", title="", books=(TOY,)))
    try:
        with clock.frozen(NOON + timedelta(days=100)):
            runner = site.test_cli_runner()
            told = runner.invoke(close_days, ["toy"])
            assert (told.exit_code, "--after-a-gap" in told.output) == (1, True), told.output
            told = runner.invoke(close_days, ["toy", "--after-a-gap"])
            assert (told.exit_code, "100" in told.output) == (0, True), told.output
            assert runner.invoke(close_days, ["other"]).exit_code == 2
    finally:
        registry.modules.pop()
    assert len(chain()) == 100


def test_slices_follow_the_time_for_which_the_lock_was_held_and_not_the_waiting(site, monkeypatch):
    """Slow commits make slices smaller, quick ones larger by half at most; waiting for the turn counts for nothing."""
    write(*[NOON] * 400)
    ticks = {"now": 0.0, "held": 0.4}
    sizes: list[int] = []

    class Watch:
        """A clock that stands still but for what the test says."""

        @staticmethod
        def monotonic() -> float:
            return ticks["now"]

        @staticmethod
        def sleep(_seconds: float) -> None:
            ticks["now"] += 100.0  # between two slices: as long as somebody else had the turn

    real = closes._insert

    def insert(book: Book, items: list) -> None:
        real(book, items)
        sizes.append(len(items))
        ticks["now"] += ticks["held"] if len(sizes) < 2 else 0.001

    monkeypatch.setattr(closes, "time", Watch)
    monkeypatch.setattr(closes, "_insert", insert)
    close_day(TOY, DAY)
    assert (sizes[:4], sum(sizes)) == ([200, 50, 75, 75], 400)


@pytest.mark.parametrize("table", ["day_close", "day_close_item"])
@pytest.mark.parametrize("verb", ["UPDATE {t} SET book = book", "DELETE FROM {t}", "REPLACE"])
def test_closes_refuse_every_change(site, table, verb):
    write(NOON)
    close_day(TOY, DAY)
    if verb == "REPLACE":
        sqlite = db.session.get_bind().dialect.name == "sqlite"
        verb = "REPLACE INTO {t} SELECT * FROM {t}" if sqlite else "TRUNCATE {t} CASCADE"
    with pytest.raises(DBAPIError, match="append-only"), atomic():
        db.session.execute(sa.text(verb.format(t=table)))
    assert found() == []


def test_a_row_changed_with_the_triggers_off_is_named(open_tables):
    write(*days(0, 0, 1))
    close_day(TOY, DAY + timedelta(days=1))
    ids = list(db.session.scalars(sa.select(AuditEvent.id).order_by(AuditEvent.id)))
    with atomic():
        db.session.execute(sa.update(_E).where(_E.c.id == ids[1]).values(verb="other"))
        db.session.execute(sa.delete(_E).where(_E.c.id == ids[2]))
    named = {(v.table, v.row, v.what) for v in closes_check.check(TOY)}
    assert ("audit_event", ids[1], "was changed after its day was closed") in named
    assert ("audit_event", ids[2], "is in a close and missing") in named
    assert {v[1] for v in named if v[0] == "audit_event"} == {ids[1], ids[2]}


def test_a_row_slipped_in_between_is_named(open_tables):
    write(*days(0, 0), ids=(900_001, 900_005))
    close_day(TOY, DAY)
    write(NOON, ids=(900_003,))
    assert [(v.table, v.row) for v in closes_check.check(TOY)] == [("audit_event", 900_003)]


TOUCHED = {
    "its hash does not follow from what it says": sa.update(Close).where(Close.number == 2).values(rows_hash="0" * 64),
    "does not name the close before it": sa.update(Close).where(Close.number == 2).values(previous_hash="0" * 64),
    "does not fit the rows that are listed for it": sa.update(CloseItem).where(CloseItem.number == 2).values(number=3),
    "its totals are not the sums of its rows": sa.update(Close).where(Close.number == 2).values(totals='{"since":3}'),
    "its totals, or those before it, cannot be read": sa.update(Close).where(Close.number == 2).values(totals="gone"),
    "number 3 of 2026-11-22 does not follow: number 2 of 2026-11-21 is missing": sa.delete(Close).where(Close.number == 2),
}


@pytest.mark.parametrize("what", TOUCHED)
def test_a_close_that_was_touched_is_named(open_tables, what):
    write(*days(0, 1, 2))
    close_day(TOY, DAY + timedelta(days=2))
    assert found() == []
    with atomic():
        db.session.execute(TOUCHED[what], execution_options={"synchronize_session": False})
    assert ("day_close", what) in found()


def test_a_check_says_how_far_it_has_come(site):
    write(*days(0, 1))
    close_day(TOY, DAY + timedelta(days=1))
    told = []
    with progress.heard_by(lambda *words: told.append(words)):
        assert found() == []
    assert told == [("rows of toy", 2, 2), ("closes of toy", 1, 2), ("closes of toy", 2, 2)]


class Killed(Exception):
    """The process ends here."""


def test_killed_before_any_statement_the_next_run_goes_on(site, monkeypatch):
    """Statement by statement: whatever was committed stays, every row is in one close in the end."""
    monkeypatch.setattr(closes, "FIRST", 2)
    monkeypatch.setattr(closes, "FEWEST", 2)
    monkeypatch.setattr(closes, "MOST", 2)
    monkeypatch.setattr(closes, "PAUSE", 0)
    left = 0

    def die(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    day, kills = DAY - timedelta(days=200), 0
    sa.event.listen(db.engine, "before_cursor_execute", die)
    try:
        for number in range(1, 200):
            day += timedelta(days=1)
            left = 0
            write(*[clock.day_bounds(day)[0] + timedelta(hours=n) for n in range(5)])
            left = number
            try:
                close_day(TOY, day)
            except Killed:
                kills += 1
                db.session.remove()
            else:
                break
            left = 0
            (made,) = close_day(TOY, day) or chain()[-1:]
            assert (made.day, made.row_count) == (day, 5)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", die)
    assert kills > 15
    assert found() == []
    assert sum(c.row_count for c in chain()) == 5 * (kills + 1) == db.session.scalar(sa.select(sa.func.count()).select_from(CloseItem))


KILLED = """
import os, sys
from datetime import date
from pathlib import Path
from civic.app import create_app
from civic.config import Settings
from civic.core import closes
from tests.core.test_closes import TOY, DAY

app = create_app(Settings(database_url=sys.argv[1], data_dir=Path(sys.argv[2]), secret_key="s" * 40, data_keys=("d" * 40,), testing=True))
closes.FIRST = closes.FEWEST = closes.MOST = 10
slices = []
def pause(_seconds):
    slices.append(1)
    if len(slices) == 3:
        os._exit(9)
closes.time.sleep = pause
with app.app_context():
    closes.close_day(TOY, DAY)
"""


def test_a_killed_process_leaves_items_that_the_next_one_continues(live_app, tmp_path):
    with live_app.app_context(), clock.frozen(NOON + timedelta(days=3)):
        write(*[NOON] * 55)
    words = [sys.executable, "-c", KILLED, live_app.extensions["civic"].settings.database_url, str(tmp_path)]
    ended = subprocess.run(
        words, cwd=paths.ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(paths.ROOT)}
    )
    assert ended.returncode == 9, ended.stderr
    with live_app.app_context(), clock.frozen(NOON + timedelta(days=3)):
        assert (db.session.scalar(sa.select(sa.func.count()).select_from(CloseItem)), chain()) == (30, [])
        (made,) = close_day(TOY, DAY)
        assert (made.number, made.row_count) == (1, 55)
        assert found() == []


def test_days_closed_by_another_process_since_this_one_asked_stay_as_they_are(live_app, monkeypatch):
    """Both find the same days open; the other lists and closes them all before this one has listed anything."""
    lists = closes._list_rows

    def slow(*arguments) -> None:
        monkeypatch.setattr(closes, "_list_rows", lists)
        close_day(TOY, DAY + timedelta(days=1))
        lists(*arguments)

    with live_app.app_context(), clock.frozen(NOON + timedelta(days=3)):
        write(NOON, *days(1))
        monkeypatch.setattr(closes, "_list_rows", slow)
        assert close_day(TOY, DAY + timedelta(days=1)) == []
        assert [c.row_count for c in chain()] == [1, 1]
        assert found() == []


def test_two_processes_make_one_chain(live_app, monkeypatch):
    monkeypatch.setattr(closes, "FIRST", 5)
    monkeypatch.setattr(closes, "FEWEST", 5)
    monkeypatch.setattr(closes, "MOST", 5)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with live_app.app_context():
                close_day(TOY, DAY + timedelta(days=1))
        except BaseException as error:
            errors.append(error)

    with clock.frozen(NOON + timedelta(days=3)):
        with live_app.app_context():
            write(*[NOON] * 40, *days(1))
        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with live_app.app_context():
            close_day(TOY, DAY + timedelta(days=1))
            assert errors == []
            assert [c.row_count for c in chain()] == [40, 1]
            assert found() == []
