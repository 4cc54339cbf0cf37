"""`civic check` on points: nothing on an honest ledger, and the table, row and fault of everything that was touched behind its back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from civic.commands.checking import check
from civic.core import appendonly, clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.points import checks, operations
from civic.points.models import Earning, Hold, Transfer
from tests.support.closes import CLERK, closed, earned, noon_of, spent

DAY = date(2026, 10, 5)
OWN = [each for each in checks.CHECKS if each.name.startswith("points")]


@pytest.fixture
def ledger(programme, make_person):
    """Everything that happens to points, once: earned, corrected, given at once, held, posted in part, void, run out, given away, closed."""
    one, other = make_person(), make_person("李强", "1985-01-01")
    wallet = earned(programme, one, DAY, 480, "hours:1")
    earned(programme, other, DAY, 60, "hours:2")
    spent(wallet, DAY + timedelta(days=1), 1_50, "order:1")
    with noon_of(DAY + timedelta(days=2)):
        until = clock.now() + timedelta(days=3)
        part = operations.hold(CLERK, wallet, 1_00, source="order:2", until=until)
        operations.settle(CLERK, part.id, 40)
        operations.void(CLERK, operations.hold(CLERK, wallet, 30, source="order:3", until=until).id)
        operations.hold(CLERK, wallet, 20, source="order:4", until=until)
        operations.renew(CLERK, operations.hold(CLERK, wallet, 25, source="order:5", until=until).id, until + timedelta(days=90))
        operations.donate(CLERK, wallet, 50)
        operations.earn(CLERK, "hours:1", 2, one.id, 420, DAY, "other", "system")
        operations.earn(CLERK, "hours:3", 1, one.id, 120, DAY + timedelta(days=1), "other", "system", donate_only=True)
    with noon_of(DAY + timedelta(days=9)):
        assert operations.expire(CLERK, db.session.scalar(sa.select(Hold.id).where(Hold.source == "order:4")))
    with noon_of(DAY + timedelta(days=10)):
        operations.earn(CLERK, "hours:2", 2, other.id, 30, DAY, "other", "system")
        with atomic():
            others = operations.wallet_of_person(programme.id, other.id)
        operations.close(CLERK, others, "own_wish")
    return programme


@pytest.fixture
def open_tables(ledger):
    """Every trigger of points and of closes dropped, as the database's owner can."""
    connection = db.session.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    with atomic():
        if sqlite:
            rows = db.session.execute(sa.text("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")).all()
        else:
            rows = db.session.execute(
                sa.text("SELECT tgname, relname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal")
            ).all()
        for name, table in rows:
            if table.startswith(("points_", "day_close")):
                db.session.execute(sa.text(f"DROP TRIGGER {name}" + ("" if sqlite else f" ON {table}")))
    return ledger


def found() -> set[tuple[str, int | str, str]]:
    return {(v.table, v.row, v.what) for each in OWN for v in each.run()}


def run(statement: str) -> None:
    with atomic():
        db.session.execute(sa.text(statement))


def test_an_honest_ledger_has_no_fault(ledger):
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Transfer)) > 15
    assert found() == set()
    closed(date(2026, 11, 24))
    assert [list(each.run()) for each in checks.CHECKS] == [[]] * len(checks.CHECKS)


def test_a_row_altered_with_the_triggers_off_is_found_and_named(open_tables):
    """Dropped, altered, made anew: the triggers stand again as if nothing had been, and the check still names the row."""
    closed(DAY + timedelta(days=20))
    row = db.session.scalars(sa.select(Transfer).order_by(Transfer.id)).first()
    run(f"UPDATE points_transfer SET source = 'hours:99' WHERE id = {row.id}")
    with atomic():
        appendonly.create_triggers(db.session.connection(), "points_transfer")
    assert {(v.table, v.row, v.what) for v in checks.CHECKS[-1].run()} == {
        ("points_transfer", row.id, "was changed after its day was closed")
    }


def test_an_amount_altered_before_its_day_is_closed_is_found_by_the_counters(open_tables):
    row = db.session.scalars(sa.select(Transfer).where(Transfer.source == "hours:1").order_by(Transfer.id)).first()
    run(f"UPDATE points_transfer SET amount = amount + 7 WHERE id = {row.id}")
    told = found()
    assert ("points_vintage", row.credit_id) in {(table, id_) for table, id_, _what in told}
    assert any(what.startswith("differs by 800 from the revision before; its rows gave 807") for _t, _r, what in told)


HOLD = "(SELECT min(id) FROM points_hold WHERE source = 'order:2')"
OPEN = "(SELECT max(id) FROM points_hold WHERE state = 'open')"
FIRST = "(SELECT min(id) FROM points_transfer WHERE kind = 'hold')"
POST = "(SELECT min(id) FROM points_transfer WHERE kind = 'post')"
EARNING = "(SELECT min(id) FROM points_earning)"
SINGLE = "(SELECT min(id) FROM points_transfer WHERE kind = 'single')"
TOUCHED = [
    ("UPDATE points_vintage SET balance = balance + 1 WHERE id = (SELECT max(id) FROM points_vintage WHERE balance > 0)", "points_vintage", "balance is "),
    ("UPDATE points_vintage SET balance = balance + 1 WHERE id = (SELECT max(id) FROM points_vintage WHERE balance > 0)", "points_programme", "all balances together are 1 instead of 0"),
    ("UPDATE points_vintage SET held = held - 25 WHERE held = 25", "points_vintage", "held is 0, its open holds make 25"),
    ("UPDATE points_vintage SET held = held - 25 WHERE held = 25", "points_programme", "0 is held in wallets, open holds make 25"),
    (f"UPDATE points_hold SET amount = 101 WHERE id = {HOLD}", "points_hold", "amount is 101, its rows make 100"),
    (f"UPDATE points_hold SET posted = 41 WHERE id = {HOLD}", "points_hold", "posted is 41, its rows make 40"),
    (f"UPDATE points_hold SET state = 'expired', posted = 0 WHERE id = {HOLD}", "points_hold", "is expired; of its 1 rows ended: 1 post"),
    (f"UPDATE points_hold SET state = 'voided' WHERE id = {OPEN}", "points_hold", "is voided; of its 1 rows ended: none"),
    (f"UPDATE points_transfer SET hold_id = {OPEN} WHERE id = {FIRST}", "points_transfer", "ends a hold that it does not match"),
    (f"UPDATE points_hold SET expires_at = created_at WHERE id = {HOLD}", "points_transfer", "ends a hold that it does not match"),
    (f"UPDATE points_transfer SET amount = 999 WHERE id = {POST}", "points_transfer", "ends a hold that it does not match"),
    (f"UPDATE points_transfer SET kind = 'reversal', reverses_id = {POST} WHERE id = {SINGLE}", "points_transfer", "reverses a row that it does not match"),
    (f"UPDATE points_earning SET amount = amount + 1 WHERE id = {EARNING}", "points_earning", "its amount is not counted minutes times rate"),
    (f"UPDATE points_earning SET counted = 481 WHERE id = {EARNING}", "points_earning", "counts other minutes than its policy allows"),
    ("UPDATE points_earning SET \"on\" = '2026-10-05' WHERE source = 'hours:3'", "points_earning", "with the person's others of its day"),
    (f"UPDATE points_earning SET rate = 200 WHERE id = {EARNING}", "points_earning", "rate 200 for other, system is not its policy's"),
    ("UPDATE points_policy SET state = 'withdrawn'", "points_transfer", "names rules that are not adopted, or another programme's"),
    ("UPDATE points_policy SET from_on = '2026-11-01'", "points_earning", "its rules began after the day of the service"),
    ("UPDATE points_wallet SET state = 'closed' WHERE person_id IS NOT NULL", "points_wallet", "is closed and has points that nothing holds"),
    ("UPDATE points_wallet SET heir_id = id WHERE state = 'closed'", "points_wallet", "is its own heir"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "table", "what"), TOUCHED)
def test_what_was_touched_is_named_by_table_and_fault(open_tables, statement, table, what):
    run(statement)
    assert any(named == table and told.startswith(what) for named, _row, told in found()), found()


def test_the_newest_revision_and_its_rows_are_compared_downwards_too(open_tables):
    second = db.session.scalars(sa.select(Earning).where(Earning.source == "hours:1", Earning.revision == 2)).one()
    run(f"UPDATE points_transfer SET earning_id = NULL WHERE earning_id = {second.id}")
    assert found() == set()  # what was spent became due: fewer rows than the difference may be honest
    run(f"UPDATE points_transfer SET earning_id = {second.id} WHERE id = (SELECT min(id) FROM points_transfer WHERE source = 'hours:2')")
    assert ("points_earning", second.id) in {(table, row) for table, row, _what in found()}


def test_the_command_prints_what_no_close_lists_yet(ledger, site):
    runner = site.test_cli_runner()
    told = runner.invoke(check, [])
    assert told.exit_code == 0, told.output
    assert "ok    points: balances" in told.output
    assert "Rows of points in no close yet: " in told.output
    assert '"unclosed": {"points": {"count": ' in runner.invoke(check, ["--json"]).output
