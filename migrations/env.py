"""How migrations run: on the application's engine, foreign keys off while SQLite rebuilds tables, checked before the commit.

Alembic's batch mode re-creates a table; with `foreign_keys=ON` that would silently delete the children of rows with ON DELETE.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context
from flask import current_app

from civic.core.db import UtcDateTime, metadata


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write our own column types as what the database sees."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, sa.BigInteger) and "sqlite" in item._variant_mapping:
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """FTS5's table and its shadows are made by hand (core/search.py), PostgreSQL's expression index too."""
    return not (name or "").startswith(("search_index", "ix_search_row_vector"))


def run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    is_sqlite = engine.dialect.name == "sqlite"
    given = context.config.attributes.get("connection")
    connection = given if given is not None else engine.connect()
    try:
        if is_sqlite and given is None:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.rollback()
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=render_item,
            include_object=include_object,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
            if is_sqlite:
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if broken:
                    raise RuntimeError(f"the migration leaves rows without their parents: {broken[:5]}")
    finally:
        if given is None:
            if is_sqlite:
                connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=ON")
            connection.close()


run()
