"""Daily closes of a book (points, later stock): insert-only proof of what was there, chained and public.

A close lists every row of its day that no earlier close lists, so a late commit falls into the next open day and no day is ever opened
again.  item hash = SHA-256 of the row in canonical form (sorted JSON, integers, UTC microseconds: equal on both databases); rows_hash =
SHA-256 of the item hashes in the order of ids; hash = SHA-256 of previous hash, rows_hash and totals, each on a line of its own; the
totals repeat book, day, number and count, so that nothing of a close can be changed alone.  Public are day, count, totals and hashes, never
a row: a quarterly grant row would name a care household.  `verify/closes.py` recomputes the chain with nothing of ours.

Numbers follow days without a gap: a day without rows gets its close too, and days that were missed are closed later, each with its own
rows.  A row dated after the moment of closing (a clock that ran ahead) is taken at once, or nobody would guard it until then.

A day can never be opened again, so a clock that stands years ahead would close the future for good.  Hence nothing is closed beyond GAP days
in which there is neither a row of the book nor a line of the audit: either the clock is wrong or the site slept, and a person knows which.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Mapped, mapped_column

from civic.core import clock
from civic.core.appendonly import APPEND_ONLY
from civic.core.atomic import atomic, open_connection
from civic.core.audit import AuditEvent
from civic.core.db import Model, UtcDateTime, db, intpk, is_sqlite, timestamp
from civic.core.errors import DomainError
from civic.core.registry import Violation
from civic.core.snapshot import one_moment

log = logging.getLogger(__name__)
PAUSE = 0.005  # seconds between two slices, so that others get their turn
LOCK = 0.05  # seconds for which a slice should hold SQLite's only write lock, so that one on a busy disk stays below 0.2
FIRST, FEWEST, MOST = 200, 50, 5000  # rows of a slice
GROWTH = 1.5  # most by which a slice exceeds the one before: one quick commit says little about the next
GAP = timedelta(days=60)  # longest time without any trace of life that is closed without asking
LATEST = 10_000  # ids below the newest closed one that may still be committed
ALGORITHM = "s1"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Close(Model):
    """One closed day of a book: written last, when all its items are there."""

    __tablename__ = "day_close"
    __table_args__ = (
        sa.UniqueConstraint("book", "number"),
        sa.UniqueConstraint("book", "day"),
        sa.UniqueConstraint("book", "previous_hash"),  # a chain has no fork, whoever runs at the same time
        APPEND_ONLY,
    )
    id: Mapped[intpk]
    book: Mapped[str] = mapped_column(sa.String(20))
    number: Mapped[int] = mapped_column(comment="1, 2, … within the book")
    day: Mapped[date] = mapped_column(comment="local day that it closes")
    row_count: Mapped[int]
    totals: Mapped[str] = mapped_column(sa.Text, comment="sorted JSON: sums of the day and since the beginning")
    rows_hash: Mapped[str] = mapped_column(sa.String(64))
    previous_hash: Mapped[str] = mapped_column(sa.String(64), comment="empty in the first")
    hash: Mapped[str] = mapped_column(sa.String(80), comment="s1.<hex>: algorithm and value")
    created_at: Mapped[timestamp]


class CloseItem(Model):
    """A row of the book, in the close of this number; inserted in slices before the close itself."""

    __tablename__ = "day_close_item"
    __table_args__ = (sa.Index("ix_day_close_item_number", "book", "number"), APPEND_ONLY)
    book: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    row_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(sa.String(64))


_C, _I = Close.__table__, CloseItem.__table__


class CloseBlocked(DomainError):
    """Counters differ from their rows: nothing is sealed before somebody has looked.  context: table, row, what."""

    code, status = "close_blocked", 409
    sentence = _l("The day stays open, because a counter differs from its rows: %(table)s %(row)s, %(what)s.")


class NothingHappened(CloseBlocked):
    """A time without any trace of life before the day: the clock may stand ahead.  context: since, until (local days)."""

    code = "close_gap"
    sentence = _l(
        "The day stays open: from %(since)s to %(until)s nothing at all was written. "
        "If the clock is right, close it with: civic close-days %(book)s --after-a-gap"
    )


class _OvertakenError(Exception):
    """Another process closed the day meanwhile: nothing is left to do."""


def _no_faults() -> Iterable[Violation]:
    return ()


@dataclass(frozen=True)
class Book:
    """A table whose days are closed.

    columns: what the canonical form of a row holds; once a day is closed the list stays as it is, or no hash would fit any more.
    totals: (number of the close, totals of the close before or None) → sums from the rows of that number, never from a counter.
    faults: counters that differ from the rows; any blocks the close.  at: column with the moment of a row.
    """

    name: str
    table: sa.Table
    columns: tuple[str, ...]
    totals: Callable[[int, dict[str, Any] | None], dict[str, Any]]
    faults: Callable[[], Iterable[Violation]] = field(default=_no_faults)
    at: str = "at"

    @property
    def topic(self) -> str:
        """What pages that show its closes depend on."""
        return f"closes:{self.name}"

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.columns))

    def values(self) -> list[sa.ColumnElement[Any]]:
        """The columns of the canonical form as the database gives them: integers, text, nothing."""
        return [_plain(self.table.c[name]).label(f"v_{name}") for name in self.names]

    def hashes(self, rows: Iterable[Sequence[Any]]) -> list[str]:
        """Item hashes of rows that hold `values()`, in their order."""
        names, sha256 = self.names, hashlib.sha256
        return [sha256(_encode(dict(zip(names, row, strict=True))).encode()).hexdigest() for row in rows]


def _plain(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column as integer or text without a detour over Python's types, which would cost more than the hash."""
    sqlite, kind = is_sqlite(), column.type
    if isinstance(kind, UtcDateTime):
        return _microseconds(column)
    if isinstance(kind, sa.Date):
        return sa.type_coerce(column, sa.String) if sqlite else sa.cast(column, sa.String)
    if isinstance(kind, sa.Boolean):
        return sa.type_coerce(column, sa.Integer) if sqlite else sa.cast(column, sa.Integer)
    return sa.type_coerce(column, sa.String) if isinstance(kind, sa.Enum) else column


def _microseconds(column: Any) -> sa.ColumnElement[int]:
    """UTC microseconds.  SQLite keeps text; its strftime would round the fraction up into the next second, so the parts are read apart."""
    if is_sqlite():
        text = sa.type_coerce(column, sa.String)
        seconds = sa.cast(sa.func.strftime("%s", sa.func.substr(text, 1, 19)), sa.Integer)
        return seconds * 1_000_000 + sa.cast(sa.func.substr(text, 21, 6), sa.Integer)
    return sa.cast(sa.extract("epoch", column) * 1_000_000, sa.BigInteger)


def in_microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def as_text(totals: dict[str, Any]) -> str:
    """Totals as they are hashed."""
    return json.dumps(totals, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def chained(previous: str, rows_hash: str, totals: str) -> str:
    """The hash of a close: `s1.` and SHA-256 over three lines."""
    lines = f"{previous}\n{rows_hash}\n{totals}"
    return f"{ALGORITHM}.{hashlib.sha256(lines.encode()).hexdigest()}"


def bare(hash_: str) -> str:
    """The value without its algorithm: what the next close names as its predecessor."""
    return hash_.rpartition(".")[2]


# ---- closing ----------------------------------------------------------------------------------------------------------------


def close_day(book: Book, day: date, *, after_a_gap: bool = False) -> list[Close]:
    """Close a local day and each missed day before it; what is closed already stays as it is.  Returns the new closes.

    May be killed anywhere: items without a close are continued by the next run.  after_a_gap: somebody has looked at the clock.
    Raises CloseBlocked, NothingHappened, ValueError for a day that is not over.
    """
    if day >= clock.today():
        raise ValueError("a day is closed when it is over")
    days = _days(book, day)
    if not days:
        return []
    if not after_a_gap:
        _refuse_gap(book, days)
    with one_moment():
        fault = next(iter(book.faults()), None)
    if fault is not None:
        log.error("close of %s blocked: %s %s: %s", book.name, fault.table, fault.row, fault.what)
        raise CloseBlocked(book=book.name, table=fault.table, row=fault.row, what=fault.what)
    made: list[Close] = []
    try:
        _list_rows(book, days)
        made.extend(_seal(book, each) for each in days)
    except _OvertakenError:
        log.info("another process closes %s", book.name)
    return made


def close_yesterday(book: Book) -> list[Close]:
    """The nightly job: everything up to the day before today."""
    return close_day(book, clock.today() - timedelta(days=1))


def last(book: str) -> Close | None:
    """The newest close of a book."""
    query = sa.select(Close).where(Close.book == book).order_by(Close.number.desc()).limit(1)
    return db.session.scalars(query.execution_options(populate_existing=True)).first()


def _days(book: Book, until: date) -> list[date]:
    """Days to close, in order.  The first close of a book is that of its oldest row; without rows there is nothing to prove."""
    newest = last(book.name)
    if newest is not None:
        first = newest.day + timedelta(days=1)
    else:
        oldest = db.session.scalar(sa.select(sa.func.min(book.table.c[book.at])))
        if oldest is None:
            return []
        first = clock.local(oldest).date()
    return [first + timedelta(days=each) for each in range((until - first).days + 1)]


def _refuse_gap(book: Book, days: list[date]) -> None:
    """Raises NothingHappened.  Only a long time is looked at, step by step, because each step reads whole tables."""
    now, until, at = clock.day_bounds(days[0])[0], clock.day_bounds(days[-1])[1], book.table.c[book.at]
    moments: tuple[Any, ...] = (at, AuditEvent.__table__.c.at)
    while until - now > GAP:
        found = [db.session.scalar(sa.select(sa.func.max(each)).where(each > now, each <= now + GAP)) for each in moments]
        seen = [moment for moment in found if moment is not None]
        if not seen:
            log.error("close of %s blocked: nothing was written for %s days after %s", book.name, GAP.days, now)
            raise NothingHappened(book=book.name, since=clock.local(now).date().isoformat(), until=days[-1].isoformat())
        now = max(seen)


def _list_rows(book: Book, days: list[date]) -> None:
    """Write the items of all rows of these days, in slices; from the smallest id, because late commits have small ones."""
    first = _next_number(book)
    starts = [in_microseconds(clock.day_bounds(day)[0]) for day in days]
    now, at = in_microseconds(clock.now()), book.names.index(book.at)
    after, size = 0, FIRST
    while True:
        found = db.session.execute(open_rows(book, after, before=clock.day_bounds(days[-1])[1]).limit(size)).all()
        if not found:
            return
        rows = [tuple(row) for row in found]
        hashes = book.hashes(row[1:] for row in rows)
        numbers = [first + (0 if row[at + 1] > now else max(0, bisect_right(starts, row[at + 1]) - 1)) for row in rows]
        items = [(book.name, row[0], n, h) for row, n, h in zip(rows, numbers, hashes, strict=True)]
        with atomic():
            began = time.monotonic()  # the turn is ours: waiting for it says nothing about how long others wait for us
            _alone(book, first)
            _insert(book, items)
        held = max(time.monotonic() - began, 0.001)
        size = min(MOST, max(FEWEST, round(size * min(GROWTH, LOCK / held))))
        after = rows[-1][0]
        time.sleep(PAUSE)


def open_rows(book: Book, after: int, before: datetime | None = None) -> sa.Select[Any]:
    """Rows above an id that no close lists: id, then the values of the canonical form.  before: of these days, or dated in the future."""
    t, at = book.table, book.table.c[book.at]
    listed = sa.and_(_I.c.book == book.name, _I.c.row_id == t.c.id, _I.c.row_id > after)
    query = sa.select(t.c.id, *book.values()).outerjoin(_I, listed).where(_I.c.row_id.is_(None), t.c.id > after).order_by(t.c.id)
    return query if before is None else query.where(sa.or_(at < before, at > clock.now()))


def _next_number(book: Book) -> int:
    return 1 + (db.session.scalar(sa.select(sa.func.max(_C.c.number)).where(_C.c.book == book.name)) or 0)


def _alone(book: Book, number: int) -> None:
    """Inside the transaction: nobody else closes this book now, and the number is still the next one."""
    if not is_sqlite():
        key = int.from_bytes(hashlib.sha256(book.topic.encode()).digest()[:8], signed=True)
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
    if _next_number(book) != number:
        raise _OvertakenError


_INSERT_MANY = sa.text(
    "INSERT INTO day_close_item (book, row_id, number, hash) SELECT :book, row_id, number, hash FROM "
    "unnest(CAST(:row_id AS bigint[]), CAST(:number AS bigint[]), CAST(:hash AS varchar[])) AS item (row_id, number, hash) "
    "ON CONFLICT DO NOTHING"
)


_INSERT_ONE = "INSERT INTO day_close_item (book, row_id, number, hash) VALUES (?, ?, ?, ?)"  # as the driver takes it: no detour a row
_TAKEN = sa.select(_I.c.row_id).where(_I.c.book == sa.bindparam("book"), _I.c.row_id.between(sa.bindparam("first"), sa.bindparam("last")))


def _insert(book: Book, items: list[tuple[str, int, int, str]]) -> None:
    """Insert the items that another run has not listed meanwhile; they are in the order of ids."""
    connection = open_connection()
    if not is_sqlite():  # all in one statement: one for each row takes five times as long
        _books, row_ids, numbers, hashes = zip(*items, strict=True)
        connection.execute(_INSERT_MANY, {"book": book.name, "row_id": list(row_ids), "number": list(numbers), "hash": list(hashes)})
        return
    taken = set(connection.scalars(_TAKEN, {"book": book.name, "first": items[0][1], "last": items[-1][1]}))
    values = [item for item in items if item[1] not in taken]
    if values:
        connection.exec_driver_sql(_INSERT_ONE, values)


def _seal(book: Book, day: date) -> Close:
    """Write the close of one day, last of all."""
    before = last(book.name)
    if before is not None and before.day >= day:  # by another process since this one asked which days are open
        raise _OvertakenError
    number = before.number + 1 if before is not None else 1
    previous = bare(before.hash) if before is not None else ""
    while True:  # once, unless another process lists a late row of this day at the same time
        count, rows_hash = rows_of(book.name, number)
        sums = book.totals(number, json.loads(before.totals) if before is not None else None)
        totals = as_text({**sums, "book": book.name, "day": day.isoformat(), "number": number, "row_count": count})
        made = Close(
            book=book.name, number=number, day=day, row_count=count, totals=totals, rows_hash=rows_hash, previous_hash=previous,
            hash=chained(previous, rows_hash, totals),
        )  # fmt: skip
        with atomic() as tx:
            _alone(book, number)
            if db.session.scalar(sa.select(sa.func.count()).where(_I.c.book == book.name, _I.c.number == number)) == count:
                db.session.add(made)
                tx.touch(book.topic)
                return made


def rows_of(book: str, number: int) -> tuple[int, str]:
    """How many items a close has, and the hash over theirs in the order of ids."""
    query = sa.select(_I.c.hash).where(_I.c.book == book, _I.c.number == number).order_by(_I.c.row_id)
    count, digest = 0, hashlib.sha256()
    for hash_ in db.session.scalars(query.execution_options(yield_per=5000)):
        count += 1
        digest.update(hash_.encode())
    return count, digest.hexdigest()


# ---- reading ----------------------------------------------------------------------------------------------------------------


def chain(book: str, *, after: int = 0) -> Iterator[Any]:
    """All closes of a book from the oldest, some hundred at a time."""
    while rows := db.session.execute(sa.select(_C).where(_C.c.book == book, _C.c.number > after).order_by(_C.c.number).limit(500)).all():
        yield from rows
        after = rows[-1].number


def open_tail(book: Book) -> tuple[int, datetime | None]:
    """How many rows no close lists yet, and since when."""
    since = (db.session.scalar(sa.select(sa.func.max(_I.c.row_id)).where(_I.c.book == book.name)) or 0) - LATEST
    rows = open_rows(book, since).order_by(None).with_only_columns(sa.func.count(book.table.c.id), sa.func.min(book.table.c[book.at]))
    count, oldest = db.session.execute(rows).one()
    return count, oldest
