"""What a process keeps of the database while its content stands: the calendar, the catalogue's cards, places and stations.

The versions are read in the transaction that reads the rows: a request whose snapshot is older than the newest version would
otherwise keep yesterday's rows under today's number.  The entry is replaced as a whole, so threads need no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from civic.core import freshness
from civic.core.atomic import ContentVersion, in_transaction
from civic.core.db import db

T = TypeVar("T")


class Kept(Generic[T]):
    """One thing built from rows, good while the versions of its topics and its key (a day, say) stay what they were."""

    def __init__(self, topics: tuple[str, ...], build: Callable[..., T]) -> None:
        self._topics, self._build = topics, build
        self._entry: tuple[Any, tuple[int, ...], tuple[Any, ...], T] | None = None

    def get(self, *key: Any) -> T:
        """The thing for this key; `build(*key)` runs only when something changed."""
        entry, bind = self._entry, db.session().bind or db.engine
        if entry is not None and entry[0] is bind and entry[2] == key and entry[1] == self._versions():
            return entry[3]
        rows = db.session.execute(sa.select(ContentVersion.topic, ContentVersion.version).where(ContentVersion.topic.in_(self._topics)))
        seen = dict(rows.all())
        made = self._build(*key)
        if not in_transaction():  # built of rows that may still be undone, it would outlive them under the old version
            self._entry = (bind, tuple(seen.get(topic, 0) for topic in self._topics), key, made)
        return made

    def _versions(self) -> tuple[int, ...]:
        versions = freshness.snapshot().versions
        return tuple(versions.get(topic, 0) for topic in self._topics)
