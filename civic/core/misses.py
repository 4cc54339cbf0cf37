"""Words searched in vain: counted by word and month, never with a person; what looks like a number of somebody is not kept.

A count is not worth a write transaction of its own (3.5 ms with full durability, while the others wait): a process gathers
them and writes once a second.  A process that is killed loses at most its last second of counts, and nothing else.
"""

from __future__ import annotations

import atexit
import re
import threading
import unicodedata
from collections import Counter
from datetime import date, timedelta

import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.orm import Mapped, mapped_column

from civic.core import clock
from civic.core.atomic import own_connection
from civic.core.db import Model, db, intpk, upsert
from civic.core.search import LONGEST_QUERY, normal

WRITE_EVERY = 1.0  # seconds


class SearchMiss(Model):
    """A word searched in vain: how often in a month."""

    __tablename__ = "search_miss"
    __table_args__ = (sa.UniqueConstraint("month", "lang", "words"),)
    id: Mapped[intpk]
    month: Mapped[date] = mapped_column(comment="its first day")
    lang: Mapped[str] = mapped_column(sa.String(2))
    words: Mapped[str] = mapped_column(sa.String(60))
    count: Mapped[int]


_Key = tuple[date, str, str]
_gathered: Counter[_Key] = Counter()
_lock = threading.Lock()
_timer: threading.Timer | None = None


def count_miss(text: str, lang: str) -> None:
    """Remember that somebody searched in vain; numbers of five digits or more and addresses of mail are never kept.

    Digits are counted across spaces and dashes: `138 0013 8000` is a phone number too.
    """
    words = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in normal(text))
    words = re.sub(r" +", " ", words).strip()[:LONGEST_QUERY].strip()
    if len(words) < 2 or re.search(r"\d(?:[^\w]*\d){4}|@", words):
        return
    key = (clock.today().replace(day=1), lang, words)
    if isinstance(db.session().bind, sa.Connection):  # a test's own transaction
        _write(Counter([key]))
        return
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    global _timer
    with _lock:
        _gathered[key] += 1
        if _timer is None:
            _timer = threading.Timer(WRITE_EVERY, write_gathered, (app,))
            _timer.daemon = True
            _timer.start()
            atexit.register(write_gathered, app)


def write_gathered(app: Flask) -> None:
    """Write what was counted since the last time."""
    global _timer
    atexit.unregister(write_gathered)
    with _lock:
        counts, _timer = Counter(_gathered), None
        _gathered.clear()
    if counts:
        with app.app_context():
            _write(counts)


def _write(counts: Counter[_Key]) -> None:
    table = SearchMiss.__table__
    with own_connection() as connection:
        for (month, lang, words), count in sorted(counts.items()):
            statement = upsert(table).values(month=month, lang=lang, words=words, count=count)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["month", "lang", "words"], set_={"count": table.c.count + count})
            )


def forget_old() -> None:
    """Drop words searched in vain more than two years ago."""
    with own_connection() as connection:
        connection.execute(sa.delete(SearchMiss.__table__).where(SearchMiss.month < clock.today().replace(day=1) - timedelta(days=730)))
