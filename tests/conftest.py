"""Applications and databases for the tests: every database test runs on SQLite and on PostgreSQL.

Each test lives in an outer transaction that is undone; what the code commits are savepoints inside it.  Tests that need real
threads or real commits take `live_app` instead, a site on a database of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from flask import Flask
from hypothesis import settings
from sqlalchemy import make_url

from civic import paths
from civic.app import create_app
from civic.config import Settings
from civic.core import clock, freshness
from civic.core.db import db
from tests.support import features, postgres
from tests.support.client import CheckingClient

pytest_plugins = [
    "tests.support.territory",
    "tests.support.accounts",
    "tests.support.catalogue",
    "tests.support.people",
    "tests.support.messages",
    "tests.support.smtp",
    "tests.support.gateway",
    "tests.support.bulletin",
    "tests.support.points",
]
ENGINES = ("sqlite", "postgresql")
settings.register_profile("deep", max_examples=1000, deadline=None)  # the laws of tests/properties under `dev.py test --long`
if os.environ.get("CIVIC_TEST_LONG") == "1":
    settings.load_profile("deep")
LONGEST_PROPERTY = 3 * 3600  # seconds; a thousand examples of a hundred steps took 25 minutes on a busy machine
#: a Wednesday, two days after the design pages were drawn
NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


#: a test that takes one of these asks pages or the API
BROWSERS = {"client", "sign_in", "enter", "web"}


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and asks_pages_again(item):
            item.add_marker(pytest.mark.again)
        if os.environ.get("CIVIC_TEST_LONG") == "1" and item.path.parent.name == "properties":
            item.add_marker(pytest.mark.timeout(LONGEST_PROPERTY))  # the limit is for what hangs; these are long by intent


def asks_pages_again(item: pytest.Function) -> bool:
    """A test of a module's pages or API on the second database.

    Operations, properties and races run on both, and so does what the core does for every request; `guards/test_doors.py` opens every door
    once there, so that each statement of a view meets PostgreSQL.
    """
    on = getattr(item, "callspec", None)
    is_second = on is not None and on.params.get("app") == ENGINES[-1]
    return is_second and item.path.parent.name not in {"core", "guards"} and not BROWSERS.isdisjoint(item.fixturenames)


def settings_for(url: str, folder: Path, **more: Any) -> Settings:
    return Settings(database_url=url, data_dir=folder, secret_key="s" * 40, data_keys=("d" * 40,), testing=True, **more)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    with postgres.running() as server:
        yield server


def database_name(request: pytest.FixtureRequest, name: str) -> str:
    """What a database of this worker is called on a server that other workers use too."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    return f"civic_{worker}_{name}"


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """engine name → address of a new, empty database of this worker."""

    def make(engine: str, name: str) -> str:
        if engine == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp(name) / 'civic.db'}"
        server: Any = request.getfixturevalue("postgres_server")
        address: str = server.create_database(database_name(request, name))
        return address

    return make


def upgrade(app: Flask, revision: str = "head") -> None:
    """Build the schema as production does: by the migrations."""
    config = Config(str(paths.MIGRATIONS / "alembic.ini"))
    config.set_main_option("script_location", str(paths.MIGRATIONS))
    with app.app_context():
        command.upgrade(config, revision)


@pytest.fixture(scope="session")
def built_url(request: pytest.FixtureRequest, database_url: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """engine name → address of a new database with the whole schema and no rows.

    The migrations run once for each engine and worker; after that a database is a copy, which takes a tenth of the time.
    """
    first: dict[str, str] = {}

    def make(engine: str, name: str) -> str:
        if engine not in first:
            url = database_url(engine, "built")
            built = create_app(settings_for(url, tmp_path_factory.mktemp("built")), extra=features.modules())
            upgrade(built)
            with built.app_context():
                db.engine.dispose()  # a database with a connection is copied by neither engine
            first[engine] = url
        if engine == "sqlite":
            url = str(database_url(engine, name))
            shutil.copyfile(first[engine].removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
            return url
        server: Any = request.getfixturevalue("postgres_server")
        address: str = server.create_database(database_name(request, name), template=make_url(first[engine]).database)
        return address

    return make


@pytest.fixture(scope="session", params=ENGINES)
def app(request: pytest.FixtureRequest, built_url: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The site, once for each database engine."""
    made = create_app(settings_for(built_url(request.param, "shared"), tmp_path_factory.mktemp("data")), extra=features.modules())
    made.test_client_class = CheckingClient
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def site(app: Flask) -> Iterator[Flask]:
    """The site inside a transaction that is undone, with the clock at NOW."""
    with app.app_context():
        connection = db.engine.connect()
    outer = connection.begin()
    before = dict(db.session.session_factory.kw)
    db.session.session_factory.configure(bind=connection, join_transaction_mode="create_savepoint")
    try:
        with clock.frozen(NOW), app.app_context():
            yield app
            db.session.remove()
    finally:
        db.session.session_factory.kw.clear()
        db.session.session_factory.kw.update(before)
        outer.rollback()
        connection.close()


@pytest.fixture
def client(site: Flask) -> CheckingClient:
    """A visitor's browser that checks every page it fetches."""
    made = site.test_client()
    assert isinstance(made, CheckingClient)
    return made


@pytest.fixture(params=ENGINES)
def live_app(request: pytest.FixtureRequest, built_url: Any, tmp_path: Path) -> Iterator[Flask]:
    """A site on a database of its own, with real commits: for threads, for other connections, for the page cache."""
    name = f"live_{abs(hash(request.node.nodeid)):x}"
    made = create_app(settings_for(built_url(request.param, name), tmp_path), extra=features.modules())
    made.test_client_class = CheckingClient
    freshness.forget()
    yield made
    freshness.forget()
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def count_queries(site: Flask) -> Any:
    """`with count_queries() as statements:` lists the SQL that ran, savepoints left out."""
    import contextlib

    @contextlib.contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                seen.append(statement)

        sa.event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            sa.event.remove(db.engine, "before_cursor_execute", note)

    return counting
