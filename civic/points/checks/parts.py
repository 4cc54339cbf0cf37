"""What the checks of points share: rows some hundred at a time, a violation for each id, a grouping that keeps SQLite off an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from civic.core.db import BigId, db
from civic.core.registry import Violation
from civic.points.models import Earning

_E = Earning.__table__
SHOWN = 500  # rows fetched at a time


def stream(query: Any) -> Iterator[Any]:
    """Rows a few hundred at a time; whoever needs only the first leaves no cursor open."""
    with db.session.execute(query.execution_options(yield_per=SHOWN)) as found:
        yield from found


def named(table: str, query: Any, what: str) -> Iterator[Violation]:
    """A violation for each id of a select."""
    return (Violation(table, row[0], what) for row in stream(query))


def before(column: Any, first: Any = 0) -> Any:
    """This column in the revision before of the same source, over the whole table of earnings."""
    return sa.func.lag(column, 1, first).over(partition_by=_E.c.source, order_by=_E.c.revision)


def less() -> Any:
    """Hundredths of the revision before that went back: what is less now; all of it when they belong to somebody else now."""
    was = before(_E.c.amount)
    fell = sa.case((_E.c.amount < was, was - _E.c.amount), else_=0)
    return sa.case((before(_E.c.is_donated, None) != _E.c.is_donated, was), else_=fell)


def whole(value: Any) -> Any:
    return sa.cast(value, BigId)
