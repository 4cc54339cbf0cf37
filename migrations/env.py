"""How migrations run: on the application's engine, foreign keys off while SQLite rebuilds tables, checked before the commit.

Alembic's batch mode re-creates a table; with `foreign_keys=ON` that would silently delete the children of rows with ON DELETE.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context
from flask import current_app

from civic.core.db import UtcDateTime, metadata


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Write our own column types as what the database sees."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, sa.BigInteger) and "sqlite" in item._variant_mapping:
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False


def include_object(_item: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    """FTS5's table and its shadows are made by hand (core/search.py), PostgreSQL's vector column and its index too."""
    return not (name or "").startswith(("search_index", "ix_search_row_vector")) and not (kind == "column" and name == "vector")


def set_foreign_keys(connection: sa.Connection, state: str) -> None:
    """SQLite ignores this pragma inside a transaction, so any that is open ends first."""
    connection.rollback()
    connection.connection.dbapi_connection.execute(f"PRAGMA foreign_keys={state}").close()


def refuse_orphans(ctx: Any, **_: Any) -> None:
    """Called in the transaction of each step, before its commit.  Raises RuntimeError, and the step is undone."""
    broken = ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(f"the migration leaves rows without their parents: {broken[:5]}")


def run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    is_sqlite = engine.dialect.name == "sqlite"
    given = context.config.attributes.get("connection")
    connection = given if given is not None else engine.connect()
    try:
        if is_sqlite and given is None:
            set_foreign_keys(connection, "OFF")
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=render_item,
            include_object=include_object,
            transaction_per_migration=True,
            on_version_apply=refuse_orphans if is_sqlite else (),
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        if given is None:
            if is_sqlite:  # the connection goes back to the pool: without this the site would go on without foreign keys
                set_foreign_keys(connection, "ON")
            connection.close()


run()
