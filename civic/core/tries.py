"""Wrong tries at sign-in and at codes: counted in the database, in a committed transaction before the operation begins.

Counted inside the operation, a refusal would erase its own count.  A window of 15 minutes from the first wrong try; when
`limit` is reached the subject is locked until the window ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from civic.core import clock
from civic.core.atomic import own_connection
from civic.core.db import Model, intpk, moment, upsert
from civic.core.errors import TooManyTries

WINDOW = timedelta(minutes=15)


class TryCount(Model):
    """Tries of one kind at one subject (a keyed hash of a login or address, never the value)."""

    __tablename__ = "try_count"
    __table_args__ = (sa.UniqueConstraint("kind", "subject"),)
    id: Mapped[intpk]
    kind: Mapped[str] = mapped_column(sa.String(24))
    subject: Mapped[str] = mapped_column(sa.String(100))
    count: Mapped[int]
    since: Mapped[moment]


def count_try(kind: str, subject: str, limit: int, window: timedelta = WINDOW) -> None:
    """Count one try before it is made.  Raises TooManyTries when more than `limit` fall into the window."""
    now = clock.now()
    table = TryCount.__table__
    with own_connection() as connection:
        stale = table.c.since < now - window
        row = connection.execute(
            upsert(table)
            .values(kind=kind, subject=subject, count=1, since=now)
            .on_conflict_do_update(
                index_elements=["kind", "subject"],
                set_={"count": sa.case((stale, 1), else_=table.c.count + 1), "since": sa.case((stale, now), else_=table.c.since)},
            )
            .returning(table.c.count, table.c.since)
        ).one()
    count, since = row
    if count > limit:
        raise TooManyTries(minutes=_minutes_left(since, now, window))


def forget(kind: str, subject: str) -> None:
    """A right try clears the count."""
    with own_connection() as connection:
        connection.execute(sa.delete(TryCount.__table__).where(TryCount.kind == kind, TryCount.subject == subject))


def forget_old() -> None:
    """Drop counts whose window ended a day ago."""
    with own_connection() as connection:
        connection.execute(sa.delete(TryCount.__table__).where(TryCount.since < clock.now() - timedelta(days=1)))


def _minutes_left(since: datetime, now: datetime, window: timedelta) -> int:
    return max(1, -(-int((since + window - now).total_seconds()) // 60))
