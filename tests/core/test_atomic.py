"""`atomic()`: all or nothing, refusals that leave no trace, content versions, effects after the commit."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import sqlalchemy as sa

from civic.core import clock, idempotency
from civic.core.atomic import ContentVersion, Turn, atomic, in_transaction, on_commit, open_connection, own_connection
from civic.core.db import db, is_sqlite
from civic.core.errors import DomainError
from civic.core.kept import Kept
from civic.core.site import SiteMark


def marks() -> list[str]:
    return sorted(db.session.scalars(sa.select(SiteMark.name)))


def test_an_error_undoes_everything(site):
    with pytest.raises(ZeroDivisionError), atomic():
        db.session.add(SiteMark(name="a", value="1"))
        db.session.flush()
        raise ZeroDivisionError
    assert marks() == []


def test_a_caught_refusal_inside_leaves_the_outer_work(site):
    with atomic():
        db.session.add(SiteMark(name="outer", value="1"))
        with pytest.raises(DomainError), atomic():
            db.session.add(SiteMark(name="inner", value="1"))
            db.session.flush()
            raise DomainError
    assert marks() == ["outer"]


@pytest.mark.parametrize("with_key", [False, True])
def test_a_refusal_undoes_what_ran_on_the_open_connection_alone(live_app, with_key):
    """SQLAlchemy sets a savepoint when the session first needs it: a statement on the connection itself came before it and stayed."""
    insert = sa.insert(SiteMark.__table__)

    def refused() -> None:
        with atomic():
            open_connection().execute(insert, {"name": "inner", "value": "1"})
            raise DomainError

    with live_app.app_context():
        if with_key:
            with pytest.raises(DomainError), idempotency.keyed(1, "test", "key", {}, lambda _outcome: {}):
                refused()
        else:
            with atomic():
                open_connection().execute(insert, {"name": "outer", "value": "1"})
                with pytest.raises(DomainError):
                    refused()
        assert marks() == ([] if with_key else ["outer"])
        db.session.remove()


def test_effects_run_after_the_commit_and_those_of_an_undone_level_never(site):
    ran = []
    with atomic():
        on_commit(lambda: ran.append("outer"))
        with pytest.raises(DomainError), atomic():
            on_commit(lambda: ran.append("inner"))
            raise DomainError
        assert ran == []
    assert ran == ["outer"]


def test_touched_topics_are_bumped_once_and_only_when_the_work_stays(site):
    for _ in range(2):
        with atomic() as tx:
            tx.touch("catalogue", "catalogue")
    with pytest.raises(DomainError), atomic() as tx:
        tx.touch("catalogue")
        raise DomainError
    assert db.session.execute(sa.select(ContentVersion.topic, ContentVersion.version)).all() == [("catalogue", 2)]


def test_changes_made_outside_are_a_mistake_of_the_code(site):
    db.session.add(SiteMark(name="stray", value="1"))
    with pytest.raises(ValueError, match="outside"), atomic():
        pass
    db.session.rollback()


def test_a_count_of_its_own_refuses_to_run_inside(site):
    with atomic(), pytest.raises(ValueError, match="before atomic"), own_connection():
        pass


def test_a_moment_without_zone_is_refused(site):
    with pytest.raises(sa.exc.StatementError, match="time zone"), atomic():
        db.session.execute(sa.text("SELECT 1"))
        db.session.execute(sa.select(sa.literal(clock.now().replace(tzinfo=None), db.metadata.tables["audit_event"].c.at.type)))


def test_racing_writers_all_succeed_and_none_is_lost(live_app):
    """8 threads x 25 increments of one row, read and written under the write turn: 200, whatever the engine."""
    with live_app.app_context(), atomic():
        db.session.add(SiteMark(name="count", value="0"))
    errors = []

    def work() -> None:
        for _ in range(25):
            try:
                with live_app.app_context(), atomic():
                    query = (
                        sa.select(SiteMark)
                        .where(SiteMark.name == "count")
                        .with_for_update(key_share=True)
                        .execution_options(populate_existing=True)
                    )
                    row = db.session.scalars(query).one()
                    row.value = str(int(row.value) + 1)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == []
    with live_app.app_context():
        assert db.session.scalar(sa.select(SiteMark.value)) == "200"


def test_a_writer_gives_up_when_another_hangs_and_the_next_one_writes(live_app, monkeypatch):
    monkeypatch.setattr("civic.core.atomic.LONGEST_WAIT", 0.05)
    with live_app.app_context():
        if not is_sqlite():
            return  # PostgreSQL has its own lock_timeout
        hanging = Turn(db.engine)
        with pytest.raises(sa.exc.OperationalError, match="held the turn"), atomic():
            db.session.add(SiteMark(name="late", value="1"))
        with pytest.raises(sa.exc.OperationalError, match="held the turn"), own_connection():
            pass
        hanging.release()
        with atomic():
            db.session.add(SiteMark(name="next", value="1"))
        assert marks() == ["next"]


def test_a_count_of_its_own_survives_a_refusal(site):
    with pytest.raises(DomainError):
        _count_then_refuse()
    assert marks() == ["counted"]


def _count_then_refuse() -> None:
    with own_connection() as connection:
        connection.execute(sa.insert(SiteMark.__table__).values(name="counted", value="1"))
    with atomic():
        db.session.add(SiteMark(name="work", value="1"))
        db.session.flush()
        raise DomainError


def test_a_count_of_its_own_does_not_drop_what_somebody_forgot_to_write(site):
    db.session.add(SiteMark(name="stray", value="1"))
    with pytest.raises(ValueError, match="outside"), own_connection():
        pass
    db.session.rollback()


def test_topics_of_an_undone_level_are_dropped_and_those_of_its_siblings_stay(site):
    with atomic():
        with atomic() as kept:
            kept.touch("kept")
            with pytest.raises(DomainError), atomic() as deepest:
                deepest.touch("dropped")
                raise DomainError
        with pytest.raises(ZeroDivisionError), atomic() as broken:
            broken.touch("broken")
            raise ZeroDivisionError
    assert db.session.scalars(sa.select(ContentVersion.topic)).all() == ["kept"]


def test_an_effect_may_write_and_a_failing_one_hides_no_other(site, caplog):
    def write() -> None:
        with atomic():
            db.session.add(SiteMark(name="effect", value="1"))

    with atomic():
        on_commit(lambda: 1 / 0)
        on_commit(write)
        db.session.add(SiteMark(name="work", value="1"))
    assert marks() == ["effect", "work"]
    assert "an effect after the commit failed" in caplog.text


def test_an_effect_needs_an_open_block(site):
    with pytest.raises(ValueError, match="on_commit"):
        on_commit(lambda: None)


def test_a_refused_block_leaves_the_session_usable(site):
    with pytest.raises(DomainError), atomic():
        raise DomainError
    assert not in_transaction()
    with atomic():
        db.session.add(SiteMark(name="after", value="1"))
    assert marks() == ["after"]


def test_the_block_sees_what_is_true_now_and_not_what_was_read_before(live_app):
    with live_app.app_context():
        with atomic():
            db.session.add(SiteMark(name="now", value="old"))
        db.session.remove()
        row = db.session.scalars(sa.select(SiteMark)).one()  # begins a read of its own
        in_thread(live_app, _set_new)
        with atomic():
            fresh = db.session.scalars(sa.select(SiteMark).with_for_update().execution_options(populate_existing=True)).one()
            assert (fresh is row, fresh.value) == (True, "new")


def _set_new() -> None:
    with atomic():
        db.session.execute(sa.update(SiteMark).values(value="new"))


def in_thread(app, work) -> None:
    """Run and wait, in an application context of its own; raises what it raised."""
    errors = []

    def run() -> None:
        try:
            with app.app_context():
                work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


KILLED = """
import os, sys
from pathlib import Path
import sqlalchemy as sa
from civic.app import create_app
from civic.config import Settings
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.site import SiteMark
url, folder, where = sys.argv[1:]
app = create_app(Settings(database_url=url, data_dir=Path(folder), secret_key="s" * 40, data_keys=("d" * 40,), testing=True))
with app.app_context(), atomic() as tx:
    db.session.add(SiteMark(name="first", value="1"))
    db.session.flush()
    if where == "between":
        os._exit(9)
    db.session.add(SiteMark(name="second", value="1"))
    tx.touch("killed")
    sa.event.listen(db.engine, "commit", lambda connection: os._exit(9))
"""


@pytest.mark.parametrize("where", ["between", "before-commit"])
def test_a_killed_writer_leaves_nothing_and_the_turn_is_free(live_app, tmp_path, where):
    settings = live_app.extensions["civic"].settings
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, settings.database_url, tmp_path, where], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 9, ran.stderr
    began = time.monotonic()
    with live_app.app_context(), atomic() as tx:
        assert marks() == []
        assert db.session.scalars(sa.select(ContentVersion.topic)).all() == []
        db.session.add(SiteMark(name="first", value="2"))
        tx.touch("killed")
    assert time.monotonic() - began < 5
    with live_app.app_context():
        assert marks() == ["first"]


class _CommitLostError(Exception):
    pass


def test_after_a_commit_that_failed_the_session_believes_nothing_of_it(live_app):
    """The disk is full or the connection gone at COMMIT: whoever lives on with the session reads what the database has."""

    def lose(_connection):
        raise _CommitLostError

    with live_app.app_context():
        with atomic():
            db.session.add(SiteMark(name="old", value="1"))
        row = db.session.get_one(SiteMark, "old")
        sa.event.listen(db.engine, "commit", lose)
        try:
            with pytest.raises(_CommitLostError), atomic():
                db.session.get_one(SiteMark, "old").value = "2"
                db.session.add(SiteMark(name="new", value="1"))
        finally:
            sa.event.remove(db.engine, "commit", lose)
        assert row.value == "1"
        assert db.session.scalar(sa.select(SiteMark.value).where(SiteMark.name == "new")) is None
        db.session.rollback()
        with atomic():  # neither connection nor turn is held
            db.session.get_one(SiteMark, "old").value = "3"
        assert db.engine.pool.checkedout() == 0
        db.session.remove()


def test_a_block_that_was_rolled_back_inside_commits_none_of_it(live_app):
    with live_app.app_context():
        with pytest.raises(ValueError, match="rolled back inside"), atomic():
            db.session.add(SiteMark(name="a", value="1"))
            db.session.flush()
            db.session.rollback()
            db.session.add(SiteMark(name="b", value="1"))
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SiteMark).where(SiteMark.name.in_(["a", "b"]))) == 0
        db.session.remove()


def test_what_a_process_keeps_is_not_built_anew_inside_a_block(live_app):
    built: list[int] = []
    kept: Kept[None] = Kept(("loft",), lambda: built.append(1))
    with live_app.app_context():
        kept.get()
        with atomic():
            kept.get()
        kept.get()
        assert len(built) == 1
        db.session.remove()
