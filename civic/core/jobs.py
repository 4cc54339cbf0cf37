"""Timed jobs: each takes its own lease row by database time, so two schedulers do no harm, and every run is recorded.

A job that did not run is noticed by the age of its last run, not only one that failed.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from civic.core import clock
from civic.core.atomic import own_connection
from civic.core.db import Model, UtcDateTime, db, intpk, moment, upsert
from civic.core.registry import Job
from civic.core.web.retries import MOST_RUNS, is_conflict

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=10)  # a run that is longer renews nothing and may be repeated: jobs are idempotent


class JobLease(Model):
    """Who runs a job now, and until when nobody else may."""

    __tablename__ = "job_lease"
    name: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    holder: Mapped[str] = mapped_column(sa.String(32))
    until: Mapped[moment]


class JobRun(Model):
    """One run of a job: when, and what came of it."""

    __tablename__ = "job_run"
    __table_args__ = (sa.Index("ix_job_run_name", "name", "started_at"),)
    id: Mapped[intpk]
    name: Mapped[str] = mapped_column(sa.String(60))
    started_at: Mapped[moment]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(sa.String(200), default="", comment="done, or the kind of error; never personal values")


def run_job(job: Job) -> bool:
    """Run a job now under its lease; returns False when somebody else holds it.  Errors are recorded and raised again."""
    holder = secrets.token_hex(8)
    if not _take(job.name, holder):
        return False
    run_id = _begin(job.name)
    outcome = "interrupted"
    try:
        job.run()
        outcome = "done"
    except Exception as error:
        db.session.rollback()
        outcome = f"failed: {type(error).__name__}"
        log.exception("job %s failed", job.name)
        raise
    finally:
        with own_connection() as connection:
            connection.execute(sa.update(JobRun.__table__).where(JobRun.id == run_id).values(ended_at=clock.now(), outcome=outcome))
            connection.execute(sa.delete(JobLease.__table__).where(JobLease.name == job.name, JobLease.holder == holder))
    return True


Item = TypeVar("Item", int, str)
Result = TypeVar("Result")


class ItemsFailed(Exception):
    """Some items of a list failed; the others were done."""


def run_each(name: str, items: Sequence[Item], act: Callable[[Item], Result]) -> list[Result]:
    """Do something with each item of a list, each in its own transaction; returns what came of those that went well.

    Where two writers met it is tried again, three times in all; an item that fails is logged and the next one follows.  Raises ItemsFailed
    after the last one, so that the run is not recorded as done.
    """
    done, failed = [], 0
    for item in items:
        try:
            done.append(_with_retries(act, item))
        except Exception:
            db.session.rollback()
            failed += 1
            log.exception("job %s failed for %s", name, item)
    if failed:
        raise ItemsFailed(f"{failed} of {len(items)}")
    return done


def _with_retries(act: Callable[[Item], Result], item: Item) -> Result:
    for run in range(1, MOST_RUNS + 1):
        try:
            return act(item)
        except OperationalError as error:
            if run == MOST_RUNS or not is_conflict(error):
                raise
            db.session.rollback()
            time.sleep(random.uniform(0.01, 0.05) * run)  # noqa: S311 - so that the two do not meet again
    raise AssertionError("unreachable")


def _take(name: str, holder: str) -> bool:
    table = JobLease.__table__
    with own_connection() as connection:
        now = _database_now(connection)
        statement = upsert(table).values(name=name, holder=holder, until=now + LEASE)
        statement = statement.on_conflict_do_update(
            index_elements=["name"], set_={"holder": holder, "until": now + LEASE}, where=table.c.until < now
        ).returning(table.c.holder)
        return connection.execute(statement).scalar() == holder


def _database_now(connection: sa.Connection) -> datetime:
    """The database's clock where it has one of its own; two nodes' clocks may differ."""
    if connection.dialect.name == "sqlite":
        return clock.now()
    found: datetime = connection.execute(sa.select(sa.cast(sa.func.clock_timestamp(), UtcDateTime()))).scalar_one()
    return found


def _begin(name: str) -> int:
    with own_connection() as connection:
        statement = sa.insert(JobRun.__table__).values(name=name, started_at=clock.now(), outcome="").returning(JobRun.id)
        return int(connection.execute(statement).scalar_one())


def last_runs() -> dict[str, JobRun]:
    """The latest run of each job, by name."""
    latest = sa.select(sa.func.max(JobRun.id)).group_by(JobRun.name)
    return {run.name: run for run in db.session.scalars(sa.select(JobRun).where(JobRun.id.in_(latest)))}


def scheduler_age() -> float | None:
    """Seconds since any job began, None when none ever did."""
    last = db.session.scalar(sa.select(sa.func.max(JobRun.started_at)))
    return (clock.now() - last).total_seconds() if last else None


def forget_old() -> None:
    """Drop run records older than 90 days."""
    with own_connection() as connection:
        connection.execute(sa.delete(JobRun.__table__).where(JobRun.started_at < clock.now() - timedelta(days=90)))
