"""Migrations go up, down and up again with rows in every table, on both engines, and give what the models say."""

from __future__ import annotations

import datetime as dt
import enum
import re
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from civic import paths
from civic.app import create_app
from civic.core import appendonly
from civic.core.db import UtcDateTime, db, metadata
from tests.conftest import ENGINES, settings_for

MOMENT = dt.datetime(2026, 11, 25, 2, 0, tzinfo=dt.UTC)


def config() -> Config:
    found = Config(str(paths.MIGRATIONS / "alembic.ini"))
    found.set_main_option("script_location", str(paths.MIGRATIONS))
    return found


def revisions() -> list[str]:
    """All revisions from the first to the last."""
    return [script.revision for script in reversed(list(ScriptDirectory.from_config(config()).walk_revisions()))]


@pytest.fixture(params=ENGINES)
def empty(request, database_url, tmp_path):
    """A site on a database of its own without any table."""
    app = create_app(settings_for(database_url(request.param, f"migrate_{request.param}"), tmp_path))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(params=ENGINES)
def full(request, built_url, tmp_path):
    """The same with the whole schema, as the steps upwards made it."""
    app = create_app(settings_for(built_url(request.param, f"full_{request.param}"), tmp_path))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def go(up: bool, revision: str) -> None:
    (command.upgrade if up else command.downgrade)(config(), revision)


# ---- one row for every table -----------------------------------------------------------------------------------------------
def value_for(column: sa.Column[Any], number: int) -> Any:
    """Something that fits the column: small, allowed by its CHECKs, different for each number where it is unique."""
    kind = column.type
    if isinstance(kind, sa.Enum):
        members = kind.enum_class
        return list(members)[-1] if members is not None and issubclass(members, enum.Enum) else kind.enums[-1]
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, UtcDateTime | sa.DateTime):
        return MOMENT
    if isinstance(kind, sa.Date):
        return dt.date(2026, 11, 25)
    if isinstance(kind, sa.Time):
        return dt.time(17) if column.name.startswith("close") else dt.time(9)
    if isinstance(kind, sa.Integer):
        return number
    if isinstance(kind, sa.String):
        return f"{column.name[:8]}{number}"[: kind.length or 20]
    raise AssertionError(f"{column}: this guard knows no value of type {kind!r}")


def fill(connection: sa.Connection) -> dict[str, int]:
    """One row in every table, parents first; nullable columns too, so that nothing is left out of a rebuild."""
    for number, table in enumerate(metadata.sorted_tables, 1):
        row = {}
        for column in table.columns:
            keys = [k for k in column.foreign_keys if k.column.table is not table]
            if keys:
                row[column.name] = connection.execute(sa.select(keys[0].column)).scalars().first()
            elif column.foreign_keys:
                row[column.name] = None
            else:
                row[column.name] = value_for(column, 1 if column.primary_key or isinstance(column.type, sa.Integer) else number)
        connection.execute(table.insert().values(**{**row, **EXTRA.get(table.name, {})}))
        if table.name in SECOND:
            connection.execute(table.insert().values(**{**row, **SECOND[table.name]}))
    return count(connection)


#: what a CHECK over two columns asks for; None is allowed there
EXTRA: dict[str, dict[str, Any]] = {
    "connection_opening": {"released_by_id": None, "released_at": None},
    "identity": {"kind": "password"},  # the step below knows no other kind and lets them go
    "announcement": {"until_at": MOMENT + dt.timedelta(days=1)},
    "posting_run": {"until_on": dt.date(2026, 12, 2)},
    "person_home": {"elsewhere": ""},
    "representation": {"representative_id": 2},
    "person_merge": {"survivor_id": 2, "decided_by_id": 2, "undone_by_id": 2},
    "points_policy": {"checker_id": 2},
    "points_wallet": {"kind": "member", "household_id": None},
    "points_vintage": {
        "balance": 0,
        "held": 0,
    },  # a vintage begins empty: the row of the ledger goes from an uncounted one to a counted one
    "points_hold": {"posted": 0},
    "points_transfer": {"kind": "single", "credit_id": 2, "hold_id": None, "ends_id": None, "reverses_id": None},
    "points_proposal": {"kind": "grant", "transfer_id": None, "checker_id": 2},
    "exchange": {"state": "proposed", "helper_id": 2, "hold_id": None, "policy_id": None},
    "exchange_rating": {"about_person_id": 2},
}
#: tables of which another one needs two rows
SECOND: dict[str, dict[str, Any]] = {
    "person": {"id": 2, "uid": "uid-2", "number": "number-2"},
    "points_vintage": {"id": 2, "year": 2, "is_counted": True, "balance": 0, "held": 0},
}


def count(connection: sa.Connection) -> dict[str, int]:
    return {table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in metadata.sorted_tables}


def tables(connection: sa.Connection) -> set[str]:
    return {name for name in sa.inspect(connection).get_table_names() if not name.startswith("search_index")} - {"alembic_version"}


def test_up_down_up_with_rows_in_every_table(full):
    with db.engine.begin() as connection:
        filled = fill(connection)
    assert filled == {name: 2 if name in SECOND else 1 for name in filled}
    for revision in reversed(["base", *revisions()[:-1]]):
        go(False, revision)
    with db.engine.connect() as connection:
        assert tables(connection) == set()
        assert appendonly.live(connection) == set()
    for revision in revisions():
        go(True, revision)
    with db.engine.begin() as connection:
        assert tables(connection) == set(metadata.tables)
        assert fill(connection) == filled


def test_each_step_down_and_up_keeps_the_rows_of_the_steps_below(full):
    """One step back and forward from the head: rows in tables that the step does not drop are still there."""
    with db.engine.begin() as connection:
        filled = fill(connection)
    below = [*revisions()[:-1], "base"][-2 if len(revisions()) > 1 else -1]
    go(False, below)
    with db.engine.connect() as connection:
        kept = tables(connection)
        left = {name: connection.execute(sa.text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in kept}
    assert left == {name: count for name, count in filled.items() if name in kept}
    assert kept == ({*left} if below != "base" else set())


def test_the_triggers_are_those_that_the_models_ask_for_after_every_step(empty):
    dialect = db.engine.dialect.name
    for _ in range(2):
        go(True, "head")
        with db.engine.connect() as connection:
            assert appendonly.live(connection) == appendonly.declared(dialect)
        go(False, "base")
        with db.engine.connect() as connection:
            assert appendonly.live(connection) == set()


def test_the_guarded_tables_are_the_ones_we_know():
    """Ledgers of what happened: to take one off this list is a decision."""
    guarded = {t.name for t in metadata.tables.values() if t.info.get("append_only")}
    assert guarded >= {"audit_event", "audit_seal", "audit_seal_item", "connection_look"}


def test_the_models_say_nothing_that_no_migration_makes(full):
    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": made_by_hand, "target_metadata": metadata}
        )
        assert compare_metadata(context, metadata) == []


def made_by_hand(_item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    """What core/search.py makes for each engine: FTS5's tables here, a generated column and its index there."""
    return not (name or "").startswith(("search_index", "ix_search_row_vector")) and (kind, name) != ("column", "vector")


def test_both_engines_get_the_same_columns(built_url, tmp_path):
    found = {}
    for engine in ENGINES:
        app = create_app(settings_for(built_url(engine, f"columns_{engine}"), tmp_path / engine))
        with app.app_context():
            with db.engine.connect() as connection:
                look = sa.inspect(connection)
                found[engine] = {
                    t: {c["name"]: c["nullable"] for c in look.get_columns(t) if c["name"] != "vector"} for t in tables(connection)
                }
                found[f"{engine} foreign keys"] = {
                    (t, tuple(k["constrained_columns"]), k["referred_table"]) for t in tables(connection) for k in look.get_foreign_keys(t)
                }
                found[f"{engine} uniques"] = {
                    (t, tuple(u["column_names"])) for t in tables(connection) for u in look.get_unique_constraints(t)
                }
            db.session.remove()
            db.engine.dispose()
    for part in ("", " foreign keys", " uniques"):
        assert found[f"sqlite{part}"] == found[f"postgresql{part}"], part


def test_foreign_keys_are_on_again_after_migrating(empty):
    go(True, "head")
    if db.engine.dialect.name == "sqlite":
        with db.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with pytest.raises(sa.exc.IntegrityError), db.engine.begin() as connection:
        connection.execute(metadata.tables["home"].insert().values(building_id=99, room="1"))


def test_there_is_one_head_and_the_file_names_it():
    script = ScriptDirectory.from_config(config())
    (head,) = script.get_heads()
    named = (paths.MIGRATIONS / "HEAD").read_text().strip()
    assert script.get_revision(head).path.endswith(f"{named}.py")
    assert named.startswith(head)


def test_migrations_are_numbered_without_a_gap():
    names = sorted(path.name for path in (paths.MIGRATIONS / "versions").glob("*.py"))
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", name) for name in names)
    assert revisions() == [name[:4] for name in names]


def test_a_step_that_leaves_orphans_is_refused_before_its_commit(full, tmp_path):
    """On SQLite, where foreign keys are off while tables are rebuilt; PostgreSQL refuses such a step by itself."""
    versions = tmp_path / "versions"
    versions.mkdir()
    head = revisions()[-1]
    body = f'"""Leave a home without its building."""\nfrom alembic import op\nrevision = "9999"\ndown_revision = "{head}"\n'
    body += "def upgrade():\n    op.execute(\"INSERT INTO home (building_id, room) VALUES (99, '1')\")\ndef downgrade():\n    pass\n"
    (versions / "9999_orphans.py").write_text(body)
    found = config()
    found.set_main_option("path_separator", "os")
    found.set_main_option("version_locations", f"{paths.MIGRATIONS / 'versions'}:{versions}")
    with pytest.raises((RuntimeError, sa.exc.IntegrityError)):
        command.upgrade(found, "9999")
    with db.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM home")).scalar_one() == 0
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one() == head
