"""Reads that belong together, as of one moment: what two statements say can be compared, however busy the site is.

PostgreSQL shows each statement what was committed before it began, so of two statements the second knows more than the first; for a check
that would be a fault that is none.  SQLite shows a transaction one moment anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from civic.core.atomic import in_transaction
from civic.core.db import db
from civic.core.registry import Check, Violation

_OPEN = "civic_one_moment"


@contextmanager
def one_moment() -> Iterator[None]:
    """Everything read inside is as of its first statement; nothing can be written (PostgreSQL).

    Inside `atomic()`, another `one_moment()` or a transaction that somebody else opened for the session it reads as that one does.
    """
    session, bind = db.session(), db.session.get_bind()
    if in_transaction() or session.info.get(_OPEN) or isinstance(bind, sa.Connection):
        yield
        return
    session.rollback()  # ends the plain reads, which are of an earlier moment
    session.info[_OPEN] = True
    try:
        if bind.dialect.name != "sqlite":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        yield
    finally:
        session.info.pop(_OPEN, None)
        session.rollback()


def check_of_one_moment(name: str, *parts: Callable[[], Iterator[Violation]]) -> Check:
    """A check whose statements are compared with each other."""

    def run() -> Iterator[Violation]:
        with one_moment():
            for part in parts:
                yield from part()

    return Check(name, run)
