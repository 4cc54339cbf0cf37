"""What the checks of points share: rows some hundred at a time, a violation for each id, a grouping that keeps SQLite off an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from civic.core.db import BigId, db
from civic.core.registry import Violation

SHOWN = 500  # rows fetched at a time


def stream(query: Any) -> Iterator[Any]:
    """Rows a few hundred at a time; whoever needs only the first leaves no cursor open."""
    with db.session.execute(query.execution_options(yield_per=SHOWN)) as found:
        yield from found


def named(table: str, query: Any, what: str) -> Iterator[Violation]:
    """A violation for each id of a select."""
    return (Violation(table, row[0], what) for row in stream(query))


def whole(value: Any) -> Any:
    return sa.cast(value, BigId)
