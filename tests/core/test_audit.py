"""The audit: lines nobody can change, seals that tell when somebody did all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from civic.core import appendonly, audit, clock
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent, AuditSeal, AuditSealItem
from civic.core.db import db
from civic.core.viewer import Actor, Channel

CLERK = Actor(5, channel=Channel.desk, request_id="r1")


def write(count: int = 3) -> None:
    with atomic():
        for number in range(1, count + 1):
            audit.record(CLERK, "edit_item", "service_item", number, version=number)


def run(statement: str) -> None:
    db.session.execute(sa.text(statement))


@pytest.fixture
def open_tables(site):
    """Somebody with the rights of the database's owner has dropped the triggers."""
    dialect = db.session.get_bind().dialect.name
    with atomic():
        for table in ("audit_event", "audit_seal", "audit_seal_item"):
            for name in appendonly.declared(dialect):
                if name.startswith(f"{table}_no_"):
                    run(f"DROP TRIGGER {name}" + ("" if dialect == "sqlite" else f" ON {table}"))
    return site


def test_a_line_says_who_did_what_to_which_row(site):
    write(1)
    line = db.session.scalars(sa.select(AuditEvent)).one()
    assert (line.account_id, line.channel, line.verb, line.subject_kind, line.subject_id) == (5, "desk", "edit_item", "service_item", 1)
    assert (line.context, line.request_id, line.at) == ('{"version": 1}', "r1", clock.now())


def test_a_line_outside_the_transaction_is_a_mistake_of_the_code(site):
    with pytest.raises(ValueError, match="belongs inside atomic"):
        audit.record(CLERK, "edit_item", "service_item", 1)


def test_an_actor_is_an_account_or_a_job():
    with pytest.raises(ValueError, match="account or a named job"):
        Actor(None)


@pytest.mark.parametrize("table", ["audit_event", "audit_seal", "audit_seal_item"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {t} SET id = id", "DELETE FROM {t}", "TRUNCATE {t} CASCADE", "REPLACE INTO {t} SELECT * FROM {t}"]
)
def test_the_tables_refuse_every_change(site, table, statement):
    dialect = db.session.get_bind().dialect.name
    write()
    audit.seal()
    if not statement.startswith(("UPDATE", "DELETE", "TRUNCATE" if dialect == "postgresql" else "REPLACE")):
        with pytest.raises(DBAPIError, match="syntax"), atomic():  # the other database has no such statement
            run(statement.format(t=table))
        return
    with pytest.raises(DBAPIError, match="append-only"), atomic():
        run(statement.format(t=table))
    assert list(audit.check()) == []


def test_seals_form_a_chain_over_all_lines(site):
    write(3)
    assert audit.unsealed_tail() == (3, clock.now())
    assert audit.seal() == 3
    write(2)
    assert audit.seal() == 2
    assert audit.seal() == 0
    first, second = db.session.scalars(sa.select(AuditSeal).order_by(AuditSeal.id))
    assert (first.previous_hash, second.previous_hash, first.count, second.count) == ("", first.hash, 3, 2)
    assert list(audit.check()) == []
    assert audit.unsealed_tail() == (0, None)


def test_more_lines_than_a_slice_are_sealed_in_several_links(site, monkeypatch):
    monkeypatch.setattr(audit, "SLICE", 4)
    write(9)
    assert audit.seal() == 9
    assert db.session.scalars(sa.select(AuditSeal.count).order_by(AuditSeal.id)).all() == [4, 4, 1]
    assert list(audit.check()) == []


def test_a_changed_line_is_named(open_tables):
    write()
    audit.seal()
    run("UPDATE audit_event SET subject_id = 99 WHERE subject_id = 2")
    assert list(audit.check()) == [("audit_event", line_of(99), "line was changed after it was sealed")]


def test_a_line_moved_by_a_microsecond_is_named(open_tables):
    write()
    audit.seal()
    db.session.execute(sa.update(AuditEvent).where(AuditEvent.subject_id == 2).values(at=clock.now() + timedelta(microseconds=1)))
    assert [found[1] for found in audit.check()] == [line_of(2)]


def test_a_missing_line_is_named(open_tables):
    write()
    audit.seal()
    gone = line_of(2)
    run("DELETE FROM audit_event WHERE subject_id = 2")
    assert list(audit.check()) == [("audit_event", gone, "sealed line is missing")]


def test_a_line_taken_out_with_its_seal_item_breaks_the_seal(open_tables):
    write()
    audit.seal()
    gone = line_of(2)
    run(f"DELETE FROM audit_seal_item WHERE id = {gone}")
    run(f"DELETE FROM audit_event WHERE id = {gone}")
    assert [(table, what) for table, _, what in audit.check()] == [
        ("audit_seal", "seal does not follow from its lines and its predecessor")
    ]


def test_a_changed_line_with_a_matching_item_breaks_the_seal(open_tables):
    write()
    audit.seal()
    run("UPDATE audit_event SET subject_id = 99 WHERE subject_id = 2")
    row = db.session.execute(sa.select(AuditEvent.__table__).where(AuditEvent.subject_id == 99)).one()
    db.session.execute(sa.update(AuditSealItem).where(AuditSealItem.id == row.id).values(hash=audit._line_hash(row)))
    assert [table for table, _, _ in audit.check()] == ["audit_seal"]


def test_a_seal_in_the_middle_cannot_be_taken_out(open_tables):
    for _ in range(3):
        write(1)
        audit.seal()
    middle = db.session.scalars(sa.select(AuditSeal.id).order_by(AuditSeal.id)).all()[1]
    run(f"DELETE FROM audit_event WHERE id IN (SELECT id FROM audit_seal_item WHERE seal_id = {middle})")
    run(f"DELETE FROM audit_seal_item WHERE seal_id = {middle}")
    run(f"DELETE FROM audit_seal WHERE id = {middle}")
    assert [table for table, _, _ in audit.check()] == ["audit_seal"]


def test_the_check_of_the_site_runs_it(open_tables):
    write()
    audit.seal()
    run("UPDATE audit_event SET verb = 'x' WHERE subject_id = 2")
    check = next(c for c in open_tables.extensions["civic"].registry.all_of("checks") if c.name == "audit chain")
    assert [(v.table, v.row) for v in check.run()] == [("audit_event", line_of(2))]


def line_of(subject: int) -> int:
    return db.session.scalars(sa.select(AuditEvent.id).where(AuditEvent.subject_id == subject)).one()
