"""Processes that live for months leave nothing open: an idle site's write-ahead log can be emptied."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request

import pytest

from civic import paths
from civic.commands.serving import _same_key
from civic.core.db import db, is_sqlite
from tests.browser.server import free_port


def until_true(what, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def idle(live_app, tmp_path):
    """The site's own processes, scheduler included, after some pages were asked for; the path of the database, or None on PostgreSQL."""
    settings = live_app.extensions["civic"].settings
    with live_app.app_context():
        if not is_sqlite():
            yield None
            return
        _same_key()  # as at every start but the first one, which ends its reading by writing
        db.session.remove()
    path, port = settings.database_url.removeprefix("sqlite:///"), free_port()
    env = {
        **os.environ, "CIVIC_DATABASE_URL": settings.database_url, "CIVIC_DATA_DIR": str(settings.data_dir), "CIVIC_BASE_URL": "http://127.0.0.1",
        "CIVIC_SECRET_KEY": settings.secret_key, "CIVIC_DATA_KEY": ",".join(settings.data_keys),
    }  # fmt: skip
    server = subprocess.Popen(
        [sys.executable, "-m", "civic.cli", "serve", "--port", str(port)], env=env, cwd=paths.ROOT, start_new_session=True
    )

    def answers() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    try:
        assert until_true(answers)
        for page in ("/", "/services/", "/bulletin/", "/api/v1/services"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=20).close()
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute("INSERT INTO site_mark (name, value) VALUES ('later', '1')")
        yield path
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def test_no_process_of_an_idle_site_keeps_a_reading_open(idle):
    """A reading that was begun at the start and never ended let the log grow by everything that was ever written."""
    if idle is None:
        return  # PostgreSQL keeps versions of rows instead, and its monitor names a transaction left idle

    def emptied() -> bool:
        with contextlib.closing(sqlite3.connect(idle, timeout=0.5)) as database:
            return bool(database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)

    assert until_true(emptied, 20)
