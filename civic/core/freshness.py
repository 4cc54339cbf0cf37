"""What a process may remember for a second: versions of content, switched-off features, marks of the site.

Every transaction bumps the versions of the topics it touched; a process reads them at most once a second, so a cached page is
at most one second older than the database, and a request for a cached page asks the database nothing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import sqlalchemy as sa
from flask import g, has_request_context

from civic.core import clock
from civic.core.atomic import ContentVersion
from civic.core.db import db
from civic.core.site import FeatureSwitch, SiteMark

READ_EVERY = 1.0  # seconds


@dataclass
class Snapshot:
    """One reading: versions by topic, off-paths by feature, marks by name."""

    versions: dict[str, int] = field(default_factory=dict)
    off: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def frame(self) -> tuple[dict[str, list[str]], dict[str, str]]:
        """What every page depends on beside its topics: features that are off, marks of the site."""
        return self.off, self.marks


_last = Snapshot()
_read_at = 0.0
_lock = threading.Lock()


def snapshot() -> Snapshot:
    """The last reading, at most one second old, and one and the same during a request, so that a page does not contradict itself."""
    if not has_request_context():
        return _newest()
    if "civic_snapshot" not in g:
        g.civic_snapshot = _newest()
    found: Snapshot = g.civic_snapshot
    return found


def _newest() -> Snapshot:
    global _last, _read_at
    bind = db.session().bind
    if isinstance(bind, sa.Connection):  # a test's own transaction
        return _read(bind)
    if age() > READ_EVERY and _lock.acquire(blocking=not _read_at):
        try:
            if age() > READ_EVERY:  # those who waited for the first reading do not repeat it
                with db.engine.connect() as connection:
                    _last = _read(connection)
                _read_at = time.monotonic()
        finally:
            _lock.release()
    return _last


def forget() -> None:
    """Read again at the next question (another database, tests)."""
    global _read_at
    _read_at = 0.0


def age() -> float:
    return time.monotonic() - _read_at


def _read(connection: sa.Connection) -> Snapshot:
    versions = dict(connection.execute(sa.select(ContentVersion.topic, ContentVersion.version)).all())
    marks = dict(connection.execute(sa.select(SiteMark.name, SiteMark.value)).all())
    state: dict[tuple[str, str], bool] = {}
    query = sa.select(FeatureSwitch.feature, FeatureSwitch.territory, FeatureSwitch.is_off).where(FeatureSwitch.from_on <= clock.today())
    for feature, territory, is_off in connection.execute(query.order_by(FeatureSwitch.from_on, FeatureSwitch.id)):
        state[feature, territory] = is_off
    off: dict[str, list[str]] = {}
    for (feature, territory), is_off in state.items():
        if is_off:
            off.setdefault(feature, []).append(territory)
    return Snapshot(versions, off, marks)


def switched_off() -> dict[str, list[str]]:
    """Feature → paths where it is off today ('' = everywhere)."""
    return snapshot().off


def is_demo() -> bool:
    return snapshot().marks.get("demo") == "yes"


def version_of(topic: str) -> int:
    return snapshot().versions.get(topic, 0)


def last() -> Snapshot:
    """The last reading, however old; for callers that have just seen to its age."""
    return _last
