"""Loading on a database with real commits: a killed process, and two loads at the same time."""

from __future__ import annotations

import subprocess
import sys
import threading

import sqlalchemy as sa

from civic import paths
from civic.core.db import db
from civic.core.jobs import JobLease
from civic.core.load import runs
from civic.core.load.engine import plan_load
from civic.core.load.models import LoadRow, LoadRun, LoadRunRow, LoadState
from civic.core.load.runs import resume_open, run_load
from civic.core.site import SiteMark
from civic.core.viewer import Actor
from tests.support.lists import csv, place, toy_lists

ROWS = [place(f"A{n:03}") for n in range(60)]
KILLED = """
import os, sys
from pathlib import Path
from civic.app import create_app
from civic.config import Settings
from civic.core.load.engine import plan_load
from civic.core.load.runs import loaders as runs_loaders, run_load
from civic.core.viewer import Actor
from tests.support.lists import toy_lists

app = create_app(Settings(database_url=sys.argv[1], data_dir=Path(sys.argv[2]), secret_key="s" * 40, data_keys=("d" * 40,), testing=True))
with app.app_context(), toy_lists(app) as lists:
    write = lists._apply
    def dying(actor, changes):
        write(actor, changes)
        if any(change.row.text("code") == "A030" for change in changes):
            os._exit(9)
    object.__setattr__(next(loader for loader in runs_loaders() if loader.kind == "toy_places"), "apply", dying)
    run_load(Actor(None, job="test"), plan_load([("p.csv", Path(sys.argv[3]).read_bytes())]))
"""


def count(table) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_a_killed_process_leaves_a_load_that_is_finished_without_the_file(live_app, tmp_path):
    (tmp_path / "p.csv").write_bytes(csv(*ROWS))
    settings = live_app.extensions["civic"].settings
    words = [sys.executable, "-c", KILLED, settings.database_url, str(tmp_path), str(tmp_path / "p.csv")]
    ended = subprocess.run(words, cwd=paths.ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 9, ended.stderr
    (tmp_path / "p.csv").unlink()
    with live_app.app_context(), toy_lists(live_app) as lists:
        run = db.session.scalars(sa.select(LoadRun)).one()
        assert (run.state, run.total) == (LoadState.applying, 60)
        assert 0 < run.done == count(SiteMark) == count(LoadRow) <= 30
        resume_open()  # the dead process still holds its lease
        assert count(SiteMark) == run.done
        db.session.execute(sa.delete(JobLease))
        db.session.commit()
        resume_open()
        db.session.refresh(run)
        assert (run.state, run.done, count(SiteMark), count(LoadRow), count(LoadRunRow)) == (LoadState.done, 60, 60, 60, 0)
        assert "A000" not in {code for part in lists.slices for code in part}


def test_two_loads_at_the_same_time_follow_each_other(live_app, monkeypatch):
    monkeypatch.setattr(runs, "PAUSE", 0.001)
    errors: list[BaseException] = []
    reports = []

    def load(rows: list[str]) -> None:
        try:
            with live_app.app_context():
                reports.append(run_load(Actor(None, job="test"), plan_load([("p.csv", csv(*rows))]), patience=60))
        except BaseException as error:
            errors.append(error)

    with toy_lists(live_app):
        threads = [threading.Thread(target=load, args=(rows,)) for rows in (ROWS, list(reversed(ROWS)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert sorted(report.total for report in reports) == [0, 60]
        with live_app.app_context():
            assert (count(SiteMark), count(LoadRow), count(LoadRun)) == (60, 60, 1)
