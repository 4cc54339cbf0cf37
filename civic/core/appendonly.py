"""Tables that only gain rows.

Triggers refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE; on SQLite also an INSERT of an id or another unique value that
exists, because `REPLACE INTO` goes past a DELETE trigger.

A model declares itself with `__table_args__ = (..., APPEND_ONLY)`; its migration calls `create_triggers(op, table)`.
Alembic's batch mode drops triggers silently, so a guard compares `declared()` with `live(connection)` after every up and down.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from civic.core.db import metadata

APPEND_ONLY = {"info": {"append_only": True}}
_SQLITE = {
    "no_update": "CREATE TRIGGER {t}_no_update BEFORE UPDATE ON {t} BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
    "no_delete": "CREATE TRIGGER {t}_no_delete BEFORE DELETE ON {t} BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
    "no_replace": (
        "CREATE TRIGGER {t}_no_replace BEFORE INSERT ON {t} WHEN EXISTS (SELECT 1 FROM {t} WHERE {same_key}) "
        "BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END"
    ),
}
_POSTGRES = {
    "no_update": "CREATE TRIGGER {t}_no_update BEFORE UPDATE OR DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION civic_append_only()",
    "no_truncate": "CREATE TRIGGER {t}_no_truncate BEFORE TRUNCATE ON {t} FOR EACH STATEMENT EXECUTE FUNCTION civic_append_only()",
}
_FUNCTION = """CREATE OR REPLACE FUNCTION civic_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""


def create_triggers(bind: Any, table: str, *key: str) -> None:
    """Guard one table; called by the migration that creates it (or re-creates it in batch mode).  key: its primary key, if not `id`."""
    if bind.dialect.name == "sqlite":
        same_key = " OR ".join(
            f"({' AND '.join(f'{name} = NEW.{name}' for name in names)})" for names in [key or ("id",), *_unique(bind, table)]
        )
        for statement in _SQLITE.values():
            bind.execute(sa.text(statement.format(t=table, same_key=same_key)))
        return
    bind.execute(sa.text(_FUNCTION))
    for statement in _POSTGRES.values():
        bind.execute(sa.text(statement.format(t=table)))


def _unique(bind: Any, table: str) -> list[tuple[str, ...]]:
    """The columns of each unique constraint of a table on SQLite: by any of them REPLACE would delete the row that has it."""
    indexes = bind.execute(sa.text(f"PRAGMA index_list('{table}')")).all()
    whole = [row.name for row in indexes if row.unique and not row.partial and row.origin != "pk"]
    return [tuple(row.name for row in bind.execute(sa.text(f"PRAGMA index_info('{name}')"))) for name in whole]


def declared(dialect: str) -> set[str]:
    """Names of the triggers that the models ask for: those of append-only tables, and a table's own (info "triggers", by dialect)."""
    kinds = _SQLITE if dialect == "sqlite" else _POSTGRES
    own = {name for t in metadata.tables.values() for name in t.info.get("triggers", {}).get(dialect, ())}
    return own | {f"{t.name}_{kind}" for t in metadata.tables.values() if t.info.get("append_only") for kind in kinds}


def live(connection: sa.Connection) -> set[str]:
    """Names of the triggers that the database has."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    else:
        rows = connection.execute(
            sa.text(
                "SELECT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace"
            )
        )
    return {name for (name,) in rows if not name.startswith("search_")}
