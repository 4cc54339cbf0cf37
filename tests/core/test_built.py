"""Statements made once: they convert, refuse and are heard as SQLAlchemy's own; a connection that lay idle is asked whether it lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core import db as database
from civic.core.atomic import atomic, insert_last, open_connection
from civic.core.audit import AuditEvent
from civic.core.built import Built
from civic.core.db import db, is_sqlite
from civic.core.errors import DomainError
from civic.core.messages.models import Message
from civic.core.site import SiteMark
from civic.points.models import Policy, PolicyState

_S, _P = SiteMark.__table__, Policy.__table__
INSERT = Built(sa.insert(_S).values(name=sa.bindparam("name"), value=sa.bindparam("value")))
READ = Built(sa.select(_S.c.name, _S.c.value).where(_S.c.name == sa.bindparam("name")))


def put(name: str, value: str = "1") -> None:
    INSERT.run(open_connection(), {"name": name, "value": value})


def test_rows_come_by_name_and_one_value_by_itself(site):
    with atomic():
        put("a", "甲")
        (row,) = READ.rows(open_connection(), {"name": "a"})
        assert (row.name, row.value) == ("a", "甲")
        assert READ.scalar(open_connection(), {"name": "a"}) == "a"
        assert READ.scalar(open_connection(), {"name": "nobody"}) is None


def test_moments_days_and_states_are_what_they_are_in_the_model(site, programme):
    e = AuditEvent.__table__
    insert = Built(sa.insert(e).values({c.name: sa.bindparam(c.name) for c in e.c if c.name != "id"}).returning(e.c.id, e.c.at))
    east = datetime(2026, 11, 25, 10, 0, tzinfo=timezone(timedelta(hours=8)))
    values = {"account_id": None, "job": "t", "channel": "job", "acting_for": None, "request_id": "", "verb": "v", "subject_kind": "s"}
    with atomic():
        (row,) = insert.rows(open_connection(), {**values, "at": east, "subject_id": 1, "context": "{}"})
        assert (row.at, row.at.tzinfo) == (datetime(2026, 11, 25, 2, 0, tzinfo=UTC), UTC)
        states = Built(sa.select(_P.c.state, _P.c.from_on).where(_P.c.state == PolicyState.adopted, _P.c.from_on <= sa.bindparam("day")))
        found = states.rows(open_connection(), {"day": clock.today()})
        assert found
        assert found == [tuple(each) for each in db.session.execute(sa.select(_P.c.state, _P.c.from_on).where(_P.c.state == "adopted"))]
        assert found[0].state is PolicyState.adopted


def test_what_cannot_be_built_says_so(site):
    many = Built(sa.select(_S.c.name).where(_S.c.name.in_(sa.bindparam("names", expanding=True))))
    left_out = Built(sa.insert(Message.__table__).values(id=sa.bindparam("id")))
    with atomic():
        with pytest.raises(ValueError, match="expanding"):
            many.rows(open_connection(), {"names": ["a"]})
        with pytest.raises(ValueError, match="default"):
            left_out.run(open_connection(), {"id": 1})


def test_an_error_is_sqlalchemys_and_repeats_no_value(live_app):
    with live_app.app_context():
        with atomic():
            put("王芳")
        with pytest.raises(sa.exc.IntegrityError) as refused, atomic():
            put("王芳")
        assert "site_mark" in str(refused.value)
        assert "王芳" not in str(refused.value) + str(refused.value.orig)
        db.session.remove()


def test_listeners_hear_it(site, count_queries):
    with atomic(), count_queries() as seen:
        put("a")
    assert [statement.split(" (")[0] for statement in seen] == ["INSERT INTO site_mark"]


def test_many_rows_go_in_order_and_none_is_nothing(site):
    with atomic():
        INSERT.run_each(open_connection(), [])
        INSERT.run_each(open_connection(), [{"name": name, "value": "1"} for name in "cab"])
    assert set(db.session.scalars(sa.select(_S.c.name))) == {"a", "b", "c"}


def test_rows_kept_for_the_end_go_in_with_the_block_and_not_with_one_undone(site):
    statement = INSERT.statement
    with atomic():
        insert_last(statement, {"name": "outer", "value": "1"})
        with atomic():
            insert_last(statement, {"name": "inner", "value": "1"})
        with pytest.raises(DomainError), atomic():
            insert_last(statement, {"name": "undone", "value": "1"})
            raise DomainError
        assert READ.rows(open_connection(), {"name": "outer"}) == []
    assert set(db.session.scalars(sa.select(_S.c.name))) == {"outer", "inner"}
    with pytest.raises(ValueError, match="inside"):
        insert_last(statement, {"name": "a", "value": "1"})


@pytest.mark.parametrize("unasked", [0.0, 1000.0])
def test_a_connection_that_broke_while_idle_is_found_by_asking(live_app, monkeypatch, unasked):
    """The server ends our connection while it lies in the pool, as a restart does."""
    monkeypatch.setattr(database, "UNASKED", unasked)
    with live_app.app_context():
        if is_sqlite():
            return  # nothing in between that could break
        own = db.session.scalar(sa.text("SELECT pg_backend_pid()"))
        db.session.remove()
        other = sa.create_engine(db.engine.url)
        with other.connect() as connection:
            assert connection.scalar(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": own})
        other.dispose()
        if unasked:
            with pytest.raises(sa.exc.OperationalError), atomic():
                put("lost")
            db.session.remove()
        with atomic():
            put("next")
        assert list(db.session.scalars(sa.select(_S.c.name))) == ["next"]
        db.session.remove()
