"""What `civic check` asks of the closes of a book: every row, every item and every link is computed again, and each fault is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from civic.core import clock, progress
from civic.core.closes import Book, CloseItem, as_text, bare, chain, chained, last, open_rows, rows_of
from civic.core.db import db
from civic.core.registry import Check, Violation

SLICE = 5000  # rows read at a time
IN_FLIGHT = timedelta(hours=1)  # longer than any transaction: a row that is older than its close by more was not late
_I = CloseItem.__table__


def check_of(book: Book) -> Check:
    """The check of one book, for a manifest."""
    return Check(f"closes of {book.name}", lambda: check(book))


def check(book: Book) -> Iterator[Violation]:
    """Rows changed or missing since they were closed, rows slipped in, closes that do not follow from their rows and predecessors."""
    yield from _rows(book)
    yield from _slipped_in(book)
    yield from _links(book)


def _rows(book: Book) -> Iterator[Violation]:
    t, table = book.table, book.table.name
    total = db.session.scalar(sa.select(sa.func.count()).where(_I.c.book == book.name)) or 0
    query = (
        sa.select(_I.c.row_id, _I.c.hash, t.c.id, *book.values())
        .outerjoin(t, t.c.id == _I.c.row_id)
        .where(_I.c.book == book.name, _I.c.row_id > sa.bindparam("after"))
        .order_by(_I.c.row_id)
        .limit(SLICE)
    )
    after, done = -1, 0
    while rows := db.session.execute(query, {"after": after}).all():
        plain = [tuple(row) for row in rows]
        for row, hash_ in zip(plain, book.hashes(row[3:] for row in plain), strict=True):
            if row[1] != hash_:
                yield Violation(table, row[0], "is in a close and missing" if row[2] is None else "was changed after its day was closed")
        after, done = plain[-1][0], done + len(plain)
        progress.tell(f"rows of {book.name}", done, total)


def _slipped_in(book: Book) -> Iterator[Violation]:
    """Open rows below the newest closed id that are much older than the last close: neither late nor new."""
    newest = last(book.name)
    if newest is None:
        return
    t = book.table
    highest = db.session.scalar(sa.select(sa.func.max(_I.c.row_id)).where(_I.c.book == book.name)) or 0
    before = min(newest.created_at - IN_FLIGHT, clock.day_bounds(newest.day)[1])  # a late close says nothing of the day that goes on
    query = open_rows(book, 0).where(t.c.id < highest, t.c[book.at] < before).with_only_columns(t.c.id)
    for row_id in db.session.scalars(query):
        yield Violation(t.name, row_id, "is dated on a closed day and in no close: it was added afterwards")


def _links(book: Book) -> Iterator[Violation]:
    previous: Any = None
    total = db.session.scalar(sa.select(sa.func.max(_I.c.number)).where(_I.c.book == book.name)) or 0
    for link in chain(book.name):
        yield from (Violation("day_close", link.id, what) for what in _faults(book, link, previous))
        previous = link
        progress.tell(f"closes of {book.name}", link.number, max(total, link.number))


def _faults(book: Book, link: Any, previous: Any) -> Iterator[str]:
    """What is wrong with one close."""
    number, day = (previous.number + 1, previous.day + timedelta(days=1)) if previous is not None else (1, link.day)
    if (link.number, link.day) != (number, day):
        yield f"number {link.number} of {link.day} does not follow: number {number} of {day} is missing"
    if link.previous_hash != (bare(previous.hash) if previous is not None else ""):
        yield "does not name the close before it"
    if chained(link.previous_hash, link.rows_hash, link.totals) != link.hash:
        yield "its hash does not follow from what it says"
    if (link.row_count, link.rows_hash) != rows_of(book.name, link.number):
        yield "does not fit the rows that are listed for it"
    try:
        told, before = json.loads(link.totals), json.loads(previous.totals) if previous is not None else None
        sums = book.totals(link.number, before)
    except (ValueError, KeyError, TypeError):
        yield "its totals, or those before it, cannot be read"
        return
    said = {"book": link.book, "day": link.day.isoformat(), "number": link.number, "row_count": link.row_count}
    if as_text(told) != as_text({**sums, **said}):
        yield "its totals are not the sums of its rows"
