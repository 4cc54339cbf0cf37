"""Only one load writes at a time: a lease row by database time, renewed in the transaction of every slice.

A process that died leaves a lease that ends by itself; one that was merely slow finds at its next slice that it lost it, and
that slice is undone.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import pgettext
from sqlalchemy.exc import SQLAlchemyError

from civic.core import clock
from civic.core.atomic import own_connection
from civic.core.db import UtcDateTime, db, upsert
from civic.core.i18n import format_moment
from civic.core.jobs import JobLease
from civic.core.load.errors import LeaseLost, LoadBusy
from civic.core.load.models import OPEN, LoadRun

NAME = "load"
LASTS = timedelta(seconds=60)
FINISHING = timedelta(minutes=10)  # a kind's last step may rebuild an index in one go


@contextlib.contextmanager
def lease(patience: float = 0) -> Iterator[str]:
    """Hold the lease.  patience: seconds to wait for it.  Raises LoadBusy."""
    holder, began = secrets.token_hex(8), time.monotonic()
    while not _take(holder):
        if time.monotonic() - began >= patience:
            raise _busy()
        time.sleep(0.5)
    try:
        yield holder
    finally:
        with contextlib.suppress(SQLAlchemyError):  # it ends by itself
            _give_back(holder)


def renew(holder: str, lasts: timedelta = LASTS) -> None:
    """Inside `atomic()`: go on holding it.  Raises LeaseLost, which undoes the transaction."""
    now = _now(db.session.connection())
    mine = (JobLease.name == NAME) & (JobLease.holder == holder)
    kept = db.session.execute(sa.update(JobLease).where(mine).values(until=now + lasts).returning(JobLease.name)).scalar()
    if kept is None:
        raise LeaseLost


def _take(holder: str) -> bool:
    table = JobLease.__table__
    with own_connection() as connection:
        now = _now(connection)
        values = {"holder": holder, "until": now + LASTS}
        statement = upsert(table).values(name=NAME, **values)
        statement = statement.on_conflict_do_update(index_elements=["name"], set_=values, where=table.c.until < now)
        return connection.execute(statement.returning(table.c.holder)).scalar() == holder


def _give_back(holder: str) -> None:
    with own_connection() as connection:
        connection.execute(sa.delete(JobLease.__table__).where(JobLease.name == NAME, JobLease.holder == holder))


def _now(connection: sa.Connection) -> datetime:
    """The database's clock where it has one of its own: the clocks of two nodes may differ."""
    if connection.dialect.name == "sqlite":
        return clock.now()
    found: datetime = connection.execute(sa.select(sa.cast(sa.func.clock_timestamp(), UtcDateTime()))).scalar_one()
    return found


def _busy() -> LoadBusy:
    run = db.session.scalars(sa.select(LoadRun).where(LoadRun.state.in_(OPEN)).order_by(LoadRun.id).limit(1)).first()
    if run is None:
        return LoadBusy(by=pgettext("who", "somebody"), since=format_moment(clock.now()))
    return LoadBusy(by=who_of(run), since=format_moment(run.created_at), run=run.uid)


def who_of(run: LoadRun) -> str:
    """Who began a load, in words: an account by its number, else the command or job."""
    return _("account %(number)s", number=run.account_id) if run.account_id else run.job
