"""Writing a load: slices, a crash in the middle, two at once, errors that leave the run resumable."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from civic.core import audit, clock, files
from civic.core.db import db
from civic.core.i18n import speaking
from civic.core.jobs import JobLease
from civic.core.load import runs
from civic.core.load.engine import plan_load
from civic.core.load.errors import LeaseLost, LoadBusy, LoadStopped
from civic.core.load.lease import lease, renew
from civic.core.load.models import LoadRow, LoadRun, LoadRunRow, LoadState
from civic.core.load.runs import next_size, queue_load, resume_open, run_load, work
from civic.core.site import SiteMark
from civic.core.viewer import Actor, Channel
from tests.support.lists import csv, place, toy_lists

COMMAND = Actor(None, job="test", channel=Channel.command)
DESK = Actor(7, channel=Channel.web)
MANY = [("p.csv", csv(*(place(f"A{n:03}") for n in range(60))))]


@pytest.fixture
def lists(site, monkeypatch):
    monkeypatch.setattr(runs, "PAUSE", 0)
    with toy_lists(site) as found, speaking("en"):
        yield found


def count(table) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def the_run() -> LoadRun:
    return db.session.scalars(sa.select(LoadRun).order_by(LoadRun.id.desc()).execution_options(populate_existing=True)).first()


def kept(data: bytes, name: str = "p.csv") -> str:
    return files.store(data, name, account_id=7, accept=files.LISTS).sha256


def test_all_rows_are_written_in_slices_in_the_order_of_their_keys(lists):
    report = run_load(COMMAND, plan_load(MANY))
    assert (report.total, report.rejected) == (60, [])
    assert [code for part in lists.slices for code in part] == [f"A{n:03}" for n in range(60)]
    assert len(lists.slices[0]) == runs.FIRST
    assert (count(SiteMark), count(LoadRow), count(LoadRunRow)) == (60, 60, 0)
    assert lists.finished == ["toy_places"]
    run = the_run()
    assert (run.state, run.done, run.total, run.problem) == (LoadState.done, 60, 60, "")
    verbs = db.session.scalars(sa.select(audit.AuditEvent.verb).order_by(audit.AuditEvent.id)).all()
    assert verbs == ["load_begun", "load_done"]


def test_a_load_without_changes_leaves_no_run(lists):
    run_load(COMMAND, plan_load(MANY))
    before = count(LoadRun)
    run_load(COMMAND, plan_load(MANY))
    assert count(LoadRun) == before


def test_a_slice_grows_and_shrinks_with_the_time_it_held_the_lock():
    assert next_size(8, 0.001) == 16
    assert next_size(100, 0.12) == 50
    assert next_size(1, 5.0) == 1
    assert next_size(400, 0.01) == 500


class Killed(BaseException):
    """The process ends."""


def test_a_crash_in_the_middle_is_finished_by_the_next_load(lists):
    lists.fail_at, lists.error = "A030", Killed()
    with pytest.raises(Killed):
        run_load(COMMAND, plan_load(MANY))
    done = the_run().done
    assert 0 < done == count(SiteMark) == count(LoadRow) < 60
    lists.fail_at = ""
    plan = plan_load([("q.csv", csv(place("B001")))])
    assert run_load(COMMAND, plan).total == 1
    assert (count(SiteMark), count(LoadRow), count(LoadRunRow)) == (61, 61, 0)
    assert db.session.scalars(sa.select(LoadRun.state)).all() == [LoadState.done] * 2
    written = [code for part in lists.slices for code in part]
    assert written.count("A001") == 1


def test_a_crash_before_the_first_row_leaves_none(lists, monkeypatch):
    monkeypatch.setattr(runs, "LISTED", 10)
    insert, calls = sa.insert, []

    def dying(table):
        if table is LoadRunRow:
            calls.append(1)
            if len(calls) == 3:
                raise Killed
        return insert(table)

    monkeypatch.setattr(runs.sa, "insert", dying)
    with pytest.raises(Killed):
        run_load(COMMAND, plan_load(MANY))
    assert (the_run().state, count(LoadRunRow)) == (LoadState.preparing, 20)
    monkeypatch.setattr(runs.sa, "insert", insert)
    resume_open()
    assert (the_run().state, count(LoadRunRow), count(SiteMark)) == (LoadState.dropped, 0, 0)


def test_a_crash_while_listing_kept_files_begins_again_from_the_files(lists, monkeypatch):
    sha = kept(MANY[0][1])
    run = queue_load(DESK, [sha])
    monkeypatch.setattr(runs, "_apply", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        work(run)
    monkeypatch.undo()
    db.session.execute(sa.update(LoadRun).values(state=LoadState.preparing))
    db.session.commit()
    resume_open()
    assert (the_run().state, count(SiteMark), count(LoadRunRow)) == (LoadState.done, 60, 0)


def test_a_plan_that_became_old_while_another_load_ran_is_made_again(lists):
    old = plan_load([("p.csv", csv(place("A000", 5), place("A001")))])
    assert old.total == 2
    run_load(COMMAND, plan_load(MANY))
    report = run_load(COMMAND, old)
    counts = report.kinds["toy_places"]
    assert (counts.added, counts.changed, counts.unchanged) == (0, 1, 1)


def test_an_error_names_the_row_and_leaves_the_run_open(lists):
    lists.fail_at = "A030"
    with pytest.raises(LoadStopped) as stopped:
        run_load(COMMAND, plan_load(MANY))
    assert stopped.value.context["problem"] == "p.csv:32, RuntimeError"
    assert "30 of 60" in stopped.value.message
    assert (the_run().state, the_run().done, the_run().problem) == (LoadState.applying, 30, "p.csv:32, RuntimeError")
    with pytest.raises(LoadStopped):
        run_load(COMMAND, plan_load([("q.csv", csv(place("B001")))]))
    assert count(SiteMark) == 30
    lists.fail_at = ""
    resume_open()
    assert (the_run().state, the_run().problem, count(SiteMark)) == (LoadState.done, "", 60)


def test_a_database_that_breaks_leaves_the_run_resumable(lists):
    lists.fail_at, lists.error = "A005", OperationalError("INSERT", {}, Exception("disk I/O error"))
    with pytest.raises(LoadStopped):
        run_load(COMMAND, plan_load(MANY))
    lists.fail_at = ""
    resume_open()
    assert count(SiteMark) == 60


def test_two_writers_that_met_try_again(lists):
    lists.fail_at, lists.error = "A005", OperationalError("INSERT", {}, Exception("database is locked"))
    apply, calls = lists._apply, []

    def met(actor, changes):
        calls.append(1)
        if len(calls) > 1:
            lists.fail_at = ""
        apply(actor, changes)

    object.__setattr__(next(found for found in runs.loaders() if found.kind == "toy_places"), "apply", met)
    run_load(COMMAND, plan_load(MANY))
    assert count(SiteMark) == 60


def test_a_failing_last_step_is_repeated_when_resumed(lists):
    place_loader = next(found for found in runs.loaders() if found.kind == "toy_places")
    finish = place_loader.finish

    def failing(actor):
        raise RuntimeError

    object.__setattr__(place_loader, "finish", failing)
    with pytest.raises(LoadStopped):
        run_load(COMMAND, plan_load(MANY))
    object.__setattr__(place_loader, "finish", finish)
    resume_open()
    assert (lists.finished, the_run().state) == (["toy_places"], LoadState.done)


def test_while_another_process_loads_one_is_told_who(lists):
    with lease(), pytest.raises(LoadBusy) as busy:
        run_load(COMMAND, plan_load(MANY))
    assert busy.value.status == 409
    lists.fail_at, lists.error = "A030", Killed()
    with pytest.raises(Killed):
        run_load(DESK, plan_load(MANY))
    with lease(), pytest.raises(LoadBusy) as busy:
        run_load(COMMAND, plan_load(MANY))
    assert "account 7" in busy.value.message
    with lease():
        resume_open()  # somebody is at it: no fault
    assert the_run().is_open


def test_a_lease_left_by_a_dead_process_ends_by_itself(lists):
    with lease():
        db.session.execute(sa.update(JobLease).values(until=clock.now() - timedelta(days=1)))
        db.session.commit()
        assert run_load(COMMAND, plan_load(MANY)).total == 60


def test_a_process_that_lost_its_lease_writes_nothing_more(lists):
    with lease() as mine:
        db.session.execute(sa.update(JobLease).values(holder="another"))
        db.session.commit()

        def write() -> None:
            with runs.atomic():
                db.session.add(LoadRun(state=LoadState.applying, job="test", channel="command"))
                db.session.flush()
                renew(mine)

        with pytest.raises(LeaseLost):
            write()
    assert count(LoadRun) == 0


def test_kept_files_wait_in_line_and_are_let_go_afterwards(lists):
    run = queue_load(DESK, [kept(MANY[0][1])])
    assert run.state == LoadState.queued
    assert work(run) is True
    assert (the_run().state, count(SiteMark), count(files.StoredFile)) == (LoadState.done, 60, 0)
    assert work(run) is True  # nothing left to do


def test_a_load_with_a_time_limit_stops_between_slices_and_goes_on(lists):
    run = queue_load(DESK, [kept(MANY[0][1])])
    assert work(run, seconds=0) is False
    assert 0 < the_run().done < 60
    assert work(run) is True
    assert count(SiteMark) == 60


def test_kept_files_with_a_refused_row_end_as_refused(lists):
    run = queue_load(DESK, [kept(csv(place("A1"), "A2,,,,,"))])
    assert work(run) is True
    assert (the_run().state, count(SiteMark)) == (LoadState.refused, 0)
    assert '"line": 3' in the_run().report


def test_only_the_person_who_handed_a_file_in_can_load_it(lists):
    with pytest.raises(files.FileGone):
        queue_load(Actor(8), [kept(MANY[0][1])])
    assert count(LoadRun) == 0


def test_a_kind_that_the_site_no_longer_knows_leaves_the_run_open(lists):
    lists.fail_at, lists.error = "A030", Killed()
    with pytest.raises(Killed):
        run_load(COMMAND, plan_load(MANY))
    db.session.execute(sa.update(LoadRunRow).values(kind="gone"))
    db.session.commit()
    with pytest.raises(LoadStopped, match="load_stopped"):
        work(the_run())
    assert the_run().is_open
