"""Timed jobs: one runner at a time, every run recorded, failures too."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from civic.core import clock, jobs
from civic.core.db import db
from civic.core.jobs import ItemsFailed, JobLease, JobRun, run_each, run_job
from civic.core.registry import Job


def runs() -> list[JobRun]:
    return list(db.session.scalars(sa.select(JobRun).order_by(JobRun.id)))


def test_a_run_is_recorded(site):
    assert run_job(Job("sweep", lambda: None, minutes=1))
    (run,) = runs()
    assert (run.name, run.outcome, run.started_at, run.ended_at) == ("sweep", "done", clock.now(), clock.now())
    assert db.session.scalars(sa.select(JobLease)).all() == []


def test_a_failure_is_recorded_without_its_text_and_raised(site, caplog):
    def fail() -> None:
        raise KeyError("13800138000")

    with pytest.raises(KeyError):
        run_job(Job("sweep", fail, minutes=1))
    assert runs()[0].outcome == "failed: KeyError"
    assert run_job(Job("sweep", lambda: None, minutes=1))


def test_an_interrupted_run_does_not_say_done(site):
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(Job("sweep", stop, minutes=1))
    assert runs()[0].outcome == "interrupted"


def test_a_lease_that_ended_may_be_taken(site):
    assert jobs._take("sweep", "first")
    assert not jobs._take("sweep", "second")
    db.session.execute(sa.update(JobLease).values(until=jobs._database_now(db.session.connection()) - timedelta(seconds=1)))
    db.session.commit()
    assert jobs._take("sweep", "second")


def test_the_latest_run_of_each_job_and_the_age_of_the_scheduler(site):
    assert jobs.scheduler_age() is None
    for name in ("a", "b", "a"):
        run_job(Job(name, lambda: None, minutes=1))
    assert {name: run.id for name, run in jobs.last_runs().items()} == {"a": runs()[2].id, "b": runs()[1].id}
    with clock.frozen(clock.now() + timedelta(seconds=90)):
        assert jobs.scheduler_age() == 90


def test_old_records_are_dropped(site):
    run_job(Job("a", lambda: None, minutes=1))
    with clock.frozen(clock.now() + timedelta(days=91)):
        jobs.forget_old()
    assert runs() == []


def test_two_runners_run_it_once(live_app):
    inside, over, outcomes = threading.Event(), threading.Event(), []

    def slow() -> None:
        inside.set()
        over.wait(20)

    def runner(job: Job) -> None:
        with live_app.app_context():
            outcomes.append(run_job(job))

    first = threading.Thread(target=runner, args=(Job("sweep", slow, minutes=1),))
    first.start()
    assert inside.wait(20)
    runner(Job("sweep", lambda: outcomes.append("ran twice"), minutes=1))
    over.set()
    first.join()
    assert outcomes == [False, True]
    with live_app.app_context():
        assert [run.outcome for run in runs()] == ["done"]


def test_every_job_of_the_site_runs_on_an_empty_database_twice(site):
    for job in site.extensions["civic"].registry.all_of("jobs"):
        assert run_job(job), job.name
        assert run_job(job), job.name


def test_every_job_says_when_it_runs(site):
    found = site.extensions["civic"].registry.all_of("jobs")
    assert len({job.name for job in found}) == len(found)
    for job in found:
        assert bool(job.minutes) != bool(job.at), job.name


def conflict() -> OperationalError:
    return OperationalError("update", {}, Exception("database is locked"))


def test_an_item_that_fails_does_not_stop_the_rest(site, caplog):
    tried = []

    def act(item: int) -> int:
        tried.append(item)
        if item == 2:
            raise KeyError("13800138000")
        return item * 10

    with pytest.raises(ItemsFailed):
        run_job(Job("sweep", lambda: run_each("sweep", [1, 2, 3], act), minutes=1))
    assert tried == [1, 2, 3]
    assert runs()[0].outcome == "failed: ItemsFailed"
    assert "job sweep failed for 2" in caplog.text
    assert run_each("sweep", [1, 3], act) == [10, 30]


def test_where_two_writers_met_it_is_tried_three_times_in_all(site):
    tries = []

    def act(item: str) -> str:
        tries.append(item)
        if item == "never" or tries.count(item) < 3:
            raise conflict()
        return item

    assert run_each("sweep", ["late"], act) == ["late"]
    with pytest.raises(ItemsFailed):
        run_each("sweep", ["never", "late"], act)
    assert tries == ["late"] * 3 + ["never"] * 3 + ["late"]
