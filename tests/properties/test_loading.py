"""Law of loading: however rows are split over files and in whichever order these come, the database is the same; again changes nothing."""

from __future__ import annotations

import os

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from civic.core.db import db
from civic.core.load import runs
from civic.core.load.engine import plan_load
from civic.core.load.models import LoadRow
from civic.core.load.runs import run_load
from civic.core.site import SiteMark
from civic.core.viewer import Actor
from tests.support.lists import csv, place, toy_lists

COMMAND = Actor(None, job="test")
codes = st.lists(st.text("AB01", min_size=1, max_size=4), unique=True, min_size=1, max_size=24)
LONG = os.environ.get("CIVIC_TEST_LONG") == "1"


def state() -> list[tuple[str, str]]:
    marks = db.session.execute(sa.select(SiteMark.name, SiteMark.value).order_by(SiteMark.name)).all()
    rows = db.session.execute(sa.select(LoadRow.key, LoadRow.hash).order_by(LoadRow.key)).all()
    return [tuple(row) for row in [*marks, *rows]]


def empty() -> None:
    db.session.execute(sa.delete(LoadRow))
    db.session.execute(sa.delete(SiteMark))
    db.session.commit()


@pytest.fixture
def lists(site, monkeypatch):
    monkeypatch.setattr(runs, "PAUSE", 0)
    with toy_lists(site) as found:
        yield found


@settings(max_examples=60 if LONG else 25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), keys=codes)
def test_any_order_and_any_split_give_the_same_database(lists, data, keys):
    rows = [place(key, len(key)) for key in keys]
    visits = [f"{key},visitor" for key in keys]
    empty()
    run_load(COMMAND, plan_load([("p.csv", csv(*rows)), ("v.csv", csv(*visits, head="place_code,visitor"))]))
    wanted = state()
    mixed = data.draw(st.permutations(rows))
    at = data.draw(st.integers(0, len(rows)))
    parts = [
        ("a.csv", csv(*mixed[:at])),
        ("b.csv", csv(*mixed[at:])),
        ("v.csv", csv(*data.draw(st.permutations(visits)), head="place_code,visitor")),
    ]
    empty()
    plan = plan_load(data.draw(st.permutations(parts)))
    assert run_load(COMMAND, plan).total == 2 * len(keys)
    assert state() == wanted
    again = run_load(COMMAND, plan_load(data.draw(st.permutations(parts))))
    assert (again.total, again.rejected, state()) == (0, [], wanted)
