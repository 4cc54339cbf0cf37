"""Statements that are built once, when their module is loaded, and asked with values.

A statement made anew costs as much as its execution, and one of mapped attributes twice as much as one of a table's columns: 89 µs for
three columns by a number, 44 µs built once, 21 µs built once of columns.  A page that asks ten questions feels it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from civic.core.db import db


def ask(statement: sa.Executable, **values: Any) -> Any:
    """Run a prepared statement with values for its `bindparam`s; gives its `sa.Result`.

    What a block has added and not yet sent goes first: of a statement of columns the session does not know that it reads those rows.
    """
    session = db.session()
    if session.new or session.dirty or session.deleted:
        session.flush()
    return session.execute(statement, values)
