"""A process killed between two statements, as the database sees it: what was begun is undone, and somebody tries again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from civic.core.db import db


class Killed(Exception):
    """The process is gone.  No BaseException: SQLAlchemy would give up the connection, and with it the outer transaction of the test."""


@contextlib.contextmanager
def killed_before(number: int) -> Iterator[None]:
    """Raise Killed before the statement of this number, savepoints and their releases included; the later ones undo what was begun."""
    left = number

    def die(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    sa.event.listen(db.engine, "before_cursor_execute", die)
    try:
        yield
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", die)


@contextlib.contextmanager
def undone() -> Iterator[None]:
    """What is committed inside is undone at the end; for a test in the outer transaction of `site`."""
    connection = db.session.get_bind()
    if not isinstance(connection, sa.Connection):
        raise ValueError("this needs the connection of `site`")
    db.session.remove()
    inside = connection.begin_nested()
    try:
        yield
    finally:
        db.session.remove()
        inside.rollback()
