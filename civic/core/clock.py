"""The one place that asks what time it is: UTC inside, the site's zone for local days.

Tests freeze it with `frozen`; nothing else in the project calls `datetime.now`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_zone = ZoneInfo("Asia/Shanghai")
_frozen: datetime | None = None


def set_zone(name: str) -> None:
    """Take the site's time zone; called once by `create_app`."""
    global _zone
    _zone = ZoneInfo(name)


def zone() -> ZoneInfo:
    return _zone


def now() -> datetime:
    """The present moment, aware, UTC."""
    return _frozen or datetime.now(UTC)


def local(moment: datetime) -> datetime:
    return moment.astimezone(_zone)


def today() -> date:
    """The local day."""
    return local(now()).date()


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """A local day as a half-open UTC range [start, end)."""
    start = datetime.combine(day, time(), _zone)
    return start.astimezone(UTC), datetime.combine(day + timedelta(days=1), time(), _zone).astimezone(UTC)


@contextlib.contextmanager
def frozen(moment: datetime) -> Iterator[None]:
    """Stop the clock at an aware moment (tests and seeds)."""
    global _frozen
    if moment.tzinfo is None:
        raise ValueError("a frozen clock needs an aware moment")
    before, _frozen = _frozen, moment.astimezone(UTC)
    try:
        yield
    finally:
        _frozen = before
