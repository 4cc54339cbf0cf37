"""Words searched in vain: counted by word and month, never with a person, and in clear only when they are nobody's own.

What looks like a number of somebody is not kept at all.  Other words may be the name of a neighbour: of them a keyed hash is kept for
each day, until the same words came on three days of a month; then the hashes go and the words stand in clear with their count.

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

from civic.core import clock, crypto
from civic.core.atomic import own_connection
from civic.core.db import Model, db, intpk, upsert
from civic.core.search import LONGEST_QUERY, normal

WRITE_EVERY = 1.0  # seconds
DAYS = 3  # of a month on which the same words must come before they are kept: whoever looks for one neighbour gives up sooner
PURPOSE = "search-miss"
HASHED = "h1."  # begins what stands for words that are not known yet
HASH_LENGTH = 48  # `h1.` + key id + `.` + 36 of the 64 digits: 144 bits, as with the keys of names
#: digits also across spaces and dashes (`138 0013 8000`), and written in Chinese signs (一三八零零…); addresses of mail
PERSONAL = re.compile(r"\d(?:[^\w]*\d){4}|[零〇一二三四五六七八九]{6}|@")


class SearchMiss(Model):
    """A word searched in vain: how often in a month.  Or its hash: how often on one day that only the hash knows."""

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


def in_clear() -> sa.ColumnElement[bool]:
    """Rows that hold words, for the list that editors read."""
    return SearchMiss.words.not_like(f"{HASHED}%")


def count_miss(text: str, lang: str) -> None:
    """Remember that somebody searched in vain; numbers of five digits or more and addresses of mail are never kept."""
    words = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in normal(text))
    words = re.sub(r" +", " ", words).strip()[:LONGEST_QUERY].strip()
    if len(words) < 2 or PERSONAL.search(words) or words.startswith(HASHED):
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
    with own_connection() as connection:
        for key, count in sorted(counts.items()):
            if _is_known(connection, key):
                _add(connection, key, count)
            else:
                _note_day(connection, key, count)


def _is_known(connection: sa.Connection, key: _Key) -> bool:
    """Do these words stand in clear, this month or in an earlier one?"""
    _month, lang, words = key
    query = sa.select(sa.exists().where(SearchMiss.lang == lang, SearchMiss.words == words))
    return bool(connection.execute(query).scalar())


def _note_day(connection: sa.Connection, key: _Key, count: int) -> None:
    """Count the hash of words and day; on the third day of the month the words themselves, with all that was counted."""
    month, lang, words = key
    today, table = clock.today(), SearchMiss.__table__
    days = [month + timedelta(days=each) for each in range((today - month).days)]
    hashes = [hashed[:HASH_LENGTH] for day in days for hashed in crypto.keyed_hashes(_value(words, lang, day), PURPOSE)]
    mine = sa.and_(table.c.month == month, table.c.lang == lang)
    earlier = connection.execute(sa.select(table.c.words, table.c.count).where(mine, table.c.words.in_(hashes))).all()
    if len(earlier) < DAYS - 1:
        _add(connection, (month, lang, crypto.keyed_hash(_value(words, lang, today), PURPOSE)[:HASH_LENGTH]), count)
        return
    hashes += [hashed[:HASH_LENGTH] for hashed in crypto.keyed_hashes(_value(words, lang, today), PURPOSE)]
    gone = connection.execute(sa.delete(table).where(mine, table.c.words.in_(hashes)).returning(table.c.count)).scalars().all()
    _add(connection, key, count + sum(gone))


def _value(words: str, lang: str, day: date) -> str:
    """What is hashed.  The day is part of it, so that the rows of one word cannot be seen to belong together."""
    return f"{day.isoformat()}|{lang}|{words}"


def _add(connection: sa.Connection, key: _Key, count: int) -> None:
    table = SearchMiss.__table__
    statement = upsert(table).values(month=key[0], lang=key[1], words=key[2], count=count)
    connection.execute(statement.on_conflict_do_update(index_elements=["month", "lang", "words"], set_={"count": table.c.count + count}))


def forget_old() -> None:
    """Drop words searched in vain more than two years ago, hashes of earlier months, words that an earlier program kept too soon."""
    this_month = clock.today().replace(day=1)
    old = SearchMiss.month < this_month - timedelta(days=730)
    hashed = sa.and_(sa.not_(in_clear()), SearchMiss.month < this_month)
    other = sa.orm.aliased(SearchMiss)
    is_known = sa.exists().where(other.lang == SearchMiss.lang, other.words == SearchMiss.words, other.count >= DAYS)
    too_soon = sa.and_(in_clear(), SearchMiss.count < DAYS, ~is_known)
    with own_connection() as connection:
        connection.execute(sa.delete(SearchMiss).where(sa.or_(old, hashed, too_soon)))
