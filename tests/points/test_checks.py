"""`civic check` on points: nothing on an honest ledger, and the table, row and fault of everything that was touched behind its back."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from civic.commands.checking import check
from civic.core import appendonly, audit, clock, closes
from civic.core.atomic import atomic
from civic.core.db import db, new_public_id
from civic.core.registry import Module
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people.models import Membership, Person
from civic.points import checks, operations
from civic.points.checks import holds
from civic.points.district import district
from civic.points.models import Earning, Hold, HoldState, Policy, Reason, Transfer, TransferKind, Vintage, Wallet, WalletKind
from civic.points.operations import donations, expiry, lives, proposals
from tests.points.test_lives_races import begin
from tests.support.closes import CLERK, closed, earned, noon_of, spent
from tests.support.people import CLERK as PEOPLE_CLERK
from tests.support.people import COLLEAGUE, phone
from tests.support.points import adopt, free

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
    """Every trigger of points, of closes and of the audit dropped, as the database's owner can."""
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
            if table.startswith(("points_", "day_close", "audit_event")):
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
    ("UPDATE points_wallet SET state_why = '' WHERE state = 'closed'", "points_wallet", "is closed or frozen and does not say why"),
    ("UPDATE points_wallet SET due = 5 WHERE state = 'open' AND person_id IS NOT NULL", "points_wallet", "owes points and has some that nothing holds"),
    ("UPDATE points_wallet SET due = 5 WHERE state = 'open' AND person_id IS NOT NULL", "points_wallet", "owes 5; what became due less what was paid is 0"),
    ("UPDATE points_wallet SET vintage_count = 7 WHERE person_id IS NOT NULL", "points_wallet", "counts other vintages than it has"),
    ("UPDATE points_vintage SET year = 2027 WHERE year = 2026", "points_vintage", "is of 2027, its first points came at 2026-10-05"),
    ("UPDATE points_vintage SET year = 0 WHERE year = 2026", "points_vintage", "has a year in a wallet without years, or none in an owner's"),
    ("UPDATE points_hold SET expires_at = ended_at WHERE state = 'posted'", "points_hold", "was spent after its time"),
    ("UPDATE points_hold SET ended_at = created_at WHERE state = 'expired'", "points_hold", "ran out before its time"),
    ("UPDATE points_hold SET ended_at = NULL WHERE state = 'voided'", "points_hold", "is open and has an end, or ended without one"),
    (f"UPDATE points_hold SET expires_at = (SELECT min(expires_at) FROM points_hold) WHERE id = {OPEN}", "points_hold", "lasts until 2026-10-06T"),
    ("UPDATE points_hold SET expires_at = (SELECT max(expires_at) FROM points_hold) WHERE state = 'voided'", "points_hold", "lasts until 2027-01-08T"),
    (f"UPDATE points_hold SET expires_at = created_at WHERE id = {OPEN}", "points_hold", "its time was over when it was made"),
    (f"UPDATE points_hold SET created_at = (SELECT min(at) FROM points_transfer) WHERE id = {OPEN}", "points_hold", "was made at another moment than its rows"),
    (f"UPDATE points_hold SET created_at = (SELECT min(at) FROM points_transfer) WHERE id = {OPEN}", "points_hold", "renews a hold that was not given back for it"),
    (f"UPDATE points_hold SET sequence = 3 WHERE id = {OPEN}", "points_hold", "renews a hold that was not given back for it"),
    ("UPDATE points_hold SET ended_at = (SELECT min(at) FROM points_transfer) WHERE state = 'posted'", "points_hold", "ended before it was made"),
    ("UPDATE points_hold SET ended_at = expires_at WHERE state = 'voided'", "points_hold", "ended at another moment than its rows"),
    ("UPDATE points_earning SET \"offset\" = 1 WHERE revision = 1", "points_earning", "differs by "),
    ("UPDATE points_earning SET source = 'hours:9' WHERE source = 'hours:3'", "points_transfer", "names an earning of another source"),
    ("UPDATE points_earning SET person_id = (SELECT min(person_id) FROM points_earning WHERE source = 'hours:2') WHERE source = 'hours:1' AND revision = 2",
     "points_earning", "its source earned for two people"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "table", "what"), TOUCHED)
def test_what_was_touched_is_named_by_table_and_fault(open_tables, statement, table, what):
    run(statement)
    assert any(named == table and told.startswith(what) for named, _row, told in found()), found()


def test_an_open_hold_whose_time_is_long_over_is_no_fault_until_it_is_touched(ledger, make_wallet):
    """L8: nobody waits for a job, so nothing is wrong when none ran for a year."""
    wallet = make_wallet(2_00)
    held = operations.hold(CLERK, wallet, 1_00, source="order:9", until=clock.now() + timedelta(days=1))
    with clock.frozen(clock.now() + timedelta(days=365)):
        assert found() == set()
        assert operations.expire(CLERK, held.id)
        assert found() == set()


def test_lines_of_the_audit_from_before_say_nothing_about_until_when(open_tables):
    """A release before this one wrote the amount alone."""
    amount = "(SELECT amount FROM points_hold WHERE id = subject_id)"
    run(f"UPDATE audit_event SET context = '{{\"amount\": ' || {amount} || '}}' WHERE verb = 'points.held'")
    assert found() == set()


def test_the_newest_revision_and_its_rows_are_compared_downwards_too(open_tables):
    second = db.session.scalars(sa.select(Earning).where(Earning.source == "hours:1", Earning.revision == 2)).one()
    run(f"UPDATE points_transfer SET earning_id = NULL WHERE earning_id = {second.id}")
    assert ("points_programme", open_tables.id, "corrections and reversals fell short by 100, 0 became due") in found()
    run(f"UPDATE points_transfer SET earning_id = {second.id} WHERE id = (SELECT min(id) FROM points_transfer WHERE source = 'hours:2')")
    assert ("points_earning", second.id) in {(table, row) for table, row, _what in found()}


def test_a_source_in_two_programmes_is_named_whoever_earned_it(open_tables):
    """One person, and no two: each is asked by itself."""
    other = operations.open_programme(CLERK, db.session.scalar(sa.text("SELECT id FROM territory WHERE kind = 'street'")), "PX", "甲", "X")
    run(f"UPDATE points_earning SET programme_id = {other.id} WHERE source = 'hours:1' AND revision = 2")
    assert "its source earned in two programmes" in {what for _t, _r, what in found()}
    assert "its source earned for two people" not in {what for _t, _r, what in found()}


def test_rows_of_people_that_were_merged_are_one_person(ledger, make_person):
    one, other = make_person("周一", "1970-01-01"), make_person("周一", "1970-01-02")
    operations.earn(CLERK, "hours:77", 1, one.id, 60, DAY, "other", "system")
    asked = people.ask_merge(PEOPLE_CLERK, one.id, other.id, "同一人")
    people.decide_merge(COLLEAGUE, asked.id, True, from_above=True)
    operations.earn(CLERK, "hours:77", 2, other.id, 90, DAY, "other", "system")
    assert len(set(db.session.scalars(sa.select(Earning.person_id).where(Earning.source == "hours:77")))) == 2
    assert found() == set()


# ---- causes -----------------------------------------------------------------------------------------------------------------


def mint(programme_id: int, reason: Reason, source: str, giver: int, taker: int, amount: int = 1_00, **more: Any) -> int:
    """A row as somebody with the database's password would insert it; every trigger stands."""
    with atomic() as tx:
        values = {
            "programme_id": programme_id, "kind": TransferKind.single, "reason": reason, "debit_id": giver, "credit_id": taker, "amount": amount,
            "policy_id": db.session.scalar(sa.text("SELECT min(id) FROM points_policy")), "source": source, "detail": "{}", "job": "x", "channel": "web",
            "at": clock.now(),
        }  # fmt: skip
        tx.result = id_ = db.session.execute(sa.insert(Transfer).values(**{**values, **more}).returning(Transfer.id)).scalar_one()
    return id_


def pots(programme_id: int) -> dict[WalletKind, int]:
    """A vintage of each kind of wallet, of owners the one that has the most."""
    query = sa.select(Wallet.kind, Vintage.id).join(Vintage, Vintage.wallet_id == Wallet.id).where(Wallet.programme_id == programme_id)
    return {row.kind: row.id for row in db.session.execute(query.order_by(Vintage.balance))}


@pytest.mark.parametrize(
    ("reason", "giver", "source", "what"),
    [
        (Reason.granted, "issuance", "proposal:999999", "no proposal 999999 that a second person approved asks for it"),
        (Reason.granted, "care_pool", "proposal:999999", "no proposal 999999 that a second person approved asks for it"),
        (Reason.granted, "issuance", "proposal:x", "no proposal x that a second person approved asks for it"),
        (Reason.opening, "opening", "proposal:999999", "no proposal 999999 that a second person approved asks for it"),
        (Reason.granted, "issuance", "care_grant:5", "nothing that can decide it vouches for care_grant:5"),
        (Reason.opening, "opening", "care_grant:5", "nothing that can decide it vouches for care_grant:5"),
        (Reason.donated, "issuance", "wallet:1", "moves points as nothing does: donated, single, issuance to member (1 row(s))"),
        (Reason.spent, "redemption", "order:1", "moves points as nothing does: spent, single, redemption to member (1 row(s))"),
        (Reason.overflow, "issuance", "hours:1", "moves points as nothing does: overflow, single, issuance to member (1 row(s))"),
        (Reason.reversed, "care_pool", "proposal:999999", "no proposal 999999 that a second person approved asks for it"),
    ],
)
def test_points_that_come_from_nowhere_are_named(ledger, reason, giver, source, what):
    by_kind = pots(ledger.id)
    id_ = mint(ledger.id, reason, source, by_kind[WalletKind(giver)], by_kind[WalletKind.member], 10)
    assert ("points_transfer", id_, what) in found()


def test_what_was_decided_is_what_was_booked(ledger):
    """A decision gives once: a second row in its name is named, as is one to another wallet."""
    by_kind = pots(ledger.id)
    taker = by_kind[WalletKind.member]
    wallet_id = db.session.scalar(sa.select(Vintage.wallet_id).where(Vintage.id == taker))
    made = proposals.propose_grant(CLERK, wallet_id, 5_00, "why", from_pool=False)
    proposals.decide(Actor(902), made.id, True)
    assert found() == set()
    mint(ledger.id, Reason.granted, f"proposal:{made.id}", by_kind[WalletKind.issuance], taker, 3_00)
    assert {what for _t, _r, what in found()} == {f"proposal {made.id} gave 800, decided was 500"}


def test_a_module_vouches_for_its_own_decisions(ledger, site):
    taker = pots(ledger.id)[WalletKind.member]
    wallet_id = db.session.scalar(sa.select(Vintage.wallet_id).where(Vintage.id == taker))
    proposals.grant(CLERK, wallet_id, 2_00, source="meal_grant:5", from_pool=False)
    assert {what for _t, _r, what in found()} == {"nothing that can decide it vouches for meal_grant:5"}
    registry = site.extensions["civic"].registry
    decided = {"5": 2_00}
    registry.add(Module(name="meals", title="", causes={"meal_grant": lambda ids: {id_: decided[id_] for id_ in ids}}))
    try:
        assert found() == set()
        decided["5"] = 1_99
        assert {what for _t, _r, what in found()} == {"meal_grant:5 gave 200, decided was 199"}
    finally:
        registry.modules.pop()


def test_what_leaves_or_returns_to_a_wallet_has_an_event(ledger):
    by_kind = pots(ledger.id)
    giver, pool = by_kind[WalletKind.member], by_kind[WalletKind.care_pool]
    wallet_id = db.session.scalar(sa.select(Vintage.wallet_id).where(Vintage.id == giver))
    row = mint(ledger.id, Reason.moved, f"wallet:{wallet_id}", giver, pool, 20)
    assert found() == {("points_transfer", row, f"leaves wallet {wallet_id}, which was never closed")}
    mint(ledger.id, Reason.reversed, f"wallet:{wallet_id}", pool, giver, 20, kind=TransferKind.reversal, reverses_id=row)
    assert f"20 came back to wallet {wallet_id}, undone was 0" in {what for _t, _r, what in found()}


# ---- what left: gifts, years, holds -----------------------------------------------------------------------------------------


def wallet_of_home(programme_id: int, person: Person) -> int:
    home = db.session.scalars(
        sa.select(Membership.household_id).where(Membership.person_id == person.id, Membership.ended_on.is_(None))
    ).one()
    with atomic() as tx:
        tx.result = id_ = operations.wallet_of_household(programme_id, home)
    return id_


def pot_of(wallet_id: int) -> int:
    return db.session.scalars(sa.select(Vintage.id).where(Vintage.wallet_id == wallet_id)).one()


def test_a_gift_that_nobody_gave_is_named(programme, make_wallet, make_person):
    """8.00 of somebody's go to the household of another, whose own honest gift of 1.00 made the vintage there."""
    thief = make_person("李强", "1985-01-01")
    victim, home = make_wallet(8_00), wallet_of_home(programme.id, thief)
    hers = make_wallet(2_00, thief)
    operations.donate(CLERK, hers, 1_00, home)
    assert found() == set()
    row = mint(programme.id, Reason.donated, f"wallet:{victim}", pot_of(victim), pot_of(home), 8_00)
    assert found() == {
        ("points_transfer", row, f"wallet {victim} gave 800 to wallet {home}, the audit says 0"),
        ("points_transfer", row, "was given to a household in which the giver never lived"),
    }


def test_a_gift_is_compared_by_receiver_and_by_its_sum(programme, make_wallet, make_person):
    """The household's own member gave once; a second row of the same two wallets, and one to the pool, are more than that."""
    person = make_person()
    wallet, home = make_wallet(8_00, person), wallet_of_home(programme.id, person)
    operations.donate(CLERK, wallet, 1_00, home)
    pool = pots(programme.id)[WalletKind.care_pool]
    again = mint(programme.id, Reason.donated, f"wallet:{wallet}", pot_of(wallet), pot_of(home), 2_00)
    assert found() == {("points_transfer", again, f"wallet {wallet} gave 300 to wallet {home}, the audit says 100")}
    to_pool = mint(programme.id, Reason.donated, f"wallet:{wallet}", pot_of(wallet), pool, 50)
    assert f"wallet {wallet} gave 50 to wallet " in next(what for _t, row, what in found() if row == to_pool)


def test_a_line_of_a_gift_without_its_rows_is_named(ledger, make_wallet):
    wallet = make_wallet(1_00)
    with atomic():
        audit.record(CLERK, "points.donated", "points_wallet", wallet, amount=30, to=4)
    assert found() == {("points_wallet", wallet, f"wallet {wallet} gave 0 to wallet 4, the audit says 30")}


def test_a_gift_to_somebody_elses_household_is_named_though_the_audit_knows_it(programme, make_wallet, make_person):
    """L17: the operation does not ask whose household it is, the pages do; one that a member left remains hers."""
    wallet, person = make_wallet(8_00), make_person("李强", "1985-01-01")
    row = operations.donate(CLERK, wallet, 1_00, wallet_of_home(programme.id, person))[0]
    assert found() == {("points_transfer", row, "was given to a household in which the giver never lived")}


def test_gifts_at_home_and_to_the_pool_are_no_fault_whatever_becomes_of_her(programme, make_wallet, make_person):
    """By herself and at the desk; then she counts as another, that is undone, she dies, her wallet leaves its points to the household."""
    person, other = make_person("周一", "1970-01-01"), make_person("周一", "1970-01-02")
    wallet = make_wallet(9_00, person)
    donations.give(CLERK, person.id, donations.Way.household, 1_00)
    donations.give_beside(CLERK, person.id, donations.Way.pool, 50)
    donations.give(CLERK, person.id, donations.Way.household_pool, 30)
    old = wallet_of_home(programme.id, person)
    asked = people.ask_merge(PEOPLE_CLERK, person.id, other.id, "同一人")
    people.decide_merge(COLLEAGUE, asked.id, True, from_above=True)
    assert found() == set()
    donations.give(CLERK, other.id, donations.Way.household, 20)
    people.ask_undo(PEOPLE_CLERK, asked.id, "不是一人")
    people.undo_merge(COLLEAGUE, asked.id)
    assert wallet_of_home(programme.id, person) != old
    donations.give(CLERK, person.id, donations.Way.household, 10)
    assert found() == set()
    people.record_death(PEOPLE_CLERK, person.id, clock.today())
    assert free(wallet) == 0
    assert found() == set()


def test_a_gift_through_the_wallet_of_a_row_that_became_another_is_of_one_person(programme, make_wallet, make_person):
    """Her new row was never in the household of the old one, and is one person with it."""
    person, other = make_person("周一", "1970-01-01"), make_person("周一", "1970-01-02")
    home, wallet = wallet_of_home(programme.id, person), make_wallet(3_00, other)
    row = operations.donate(CLERK, wallet, 1_00, home)[0]
    assert found() == {("points_transfer", row, "was given to a household in which the giver never lived")}
    asked = people.ask_merge(PEOPLE_CLERK, person.id, other.id, "同一人")
    people.decide_merge(COLLEAGUE, asked.id, True, from_above=True)
    assert found() == set()


@pytest.fixture
def years(programme, make_wallet, make_person):
    """5.00 of 2026 under rules by which they run out after 2027, in the wallet of somebody who can be told."""
    adopt(programme.id, "2026-2", date(2026, 2, 1), expiry_years=1)
    wallet = make_wallet(5_00, make_person(contacts=[phone(confirmed=True)]))
    operations.hold(CLERK, wallet, 40, source="order:1", until=clock.now() + timedelta(days=900))
    return wallet


def nights(*days: tuple[int, int, int]) -> None:
    for day in days:
        with noon_of(date(*day)):
            expiry.run()


def test_a_year_that_ran_out_after_its_notices_is_no_fault(years):
    nights((2027, 12, 1), (2027, 12, 24), (2028, 1, 1))
    assert (free(years), found()) == (0, set())


def test_points_that_ran_out_without_rules_are_named(programme, make_wallet):
    wallet = make_wallet(8_00)
    by_kind, pot = pots(programme.id), pot_of(wallet)
    row = mint(programme.id, Reason.expired, f"vintage:{pot}", pot, by_kind[WalletKind.expiry], 8_00)
    assert found() == {
        ("points_transfer", row, f"800 ran out of wallet {wallet}, the audit says 0"),
        ("points_transfer", row, "ran out under rules by which points do not run out"),
    }


def test_points_that_ran_out_without_notices_are_named_though_the_audit_knows_it(programme, years):
    """The rules let them run out; one notice of two was sent."""
    nights((2027, 12, 1))
    pot, rules = pot_of(years), db.session.scalar(sa.select(sa.func.max(Policy.id)))
    row = mint(programme.id, Reason.expired, f"vintage:{pot}", pot, pots(programme.id)[WalletKind.expiry], 60, policy_id=rules)
    with atomic():
        audit.record(CLERK, "points.years_expired", "points_wallet", years, amount=60)
    assert found() == {("points_transfer", row, "ran out without its two notices")}


def test_more_than_the_job_let_run_out_is_named(programme, years):
    nights((2027, 12, 1), (2027, 12, 24), (2028, 1, 1))
    with noon_of(date(2028, 1, 2)):
        operations.void(CLERK, db.session.scalar(sa.select(Hold.id)))
    pot, rules = pot_of(years), db.session.scalar(sa.select(sa.func.max(Policy.id)))
    row = mint(programme.id, Reason.expired, f"vintage:{pot}", pot, pots(programme.id)[WalletKind.expiry], 40, policy_id=rules)
    assert found() == {("points_transfer", row, f"500 ran out of wallet {years}, the audit says 460")}


def forged_hold(programme_id: int, wallet_id: int, source: str, amount: int, **values: Any) -> tuple[int, int]:
    """A header with its row, as somebody with the database's password would insert them; their ids."""
    header = {
        "uid": new_public_id(), "programme_id": programme_id, "wallet_id": wallet_id, "source": source, "sequence": 1, "reason": Reason.spent,
        "amount": amount, "posted": 0, "state": HoldState.open, "expires_at": clock.now() + timedelta(days=1), "created_at": clock.now(),
    }  # fmt: skip
    with atomic() as tx:
        tx.result = id_ = db.session.execute(sa.insert(Hold).values(**{**header, **values}).returning(Hold.id)).scalar_one()
    sink = pots(programme_id)[WalletKind.redemption]
    return id_, mint(programme_id, Reason.spent, source, pot_of(wallet_id), sink, amount, kind=TransferKind.hold, hold_id=id_)


@pytest.mark.parametrize("source", ["order:77", "goods-seed:77", "goods:77"])
def test_a_spending_that_nobody_asked_for_is_named(programme, make_wallet, source):
    """Whatever it says it is for, the seeds' own words too."""
    wallet = make_wallet(8_00)
    ended = {"posted": 8_00, "state": HoldState.posted, "ended_at": clock.now()}
    id_, row = forged_hold(programme.id, wallet, source, 8_00, **ended)
    sink = pots(programme.id)[WalletKind.redemption]
    mint(programme.id, Reason.spent, source, pot_of(wallet), sink, 8_00, kind=TransferKind.post, hold_id=id_, ends_id=row)
    assert found() == {
        ("points_hold", id_, "sets aside 800, the audit says 0"),
        ("points_hold", id_, "is posted with 800 of 800, the audit says nothing"),
    }


def test_points_that_are_held_for_nothing_are_named(programme, make_wallet):
    id_, _row = forged_hold(programme.id, make_wallet(8_00), "order:77", 8_00)
    assert found() == {("points_hold", id_, "sets aside 800, the audit says 0")}


@pytest.mark.parametrize(("state", "kind"), [(HoldState.posted, TransferKind.post), (HoldState.voided, TransferKind.void)])
def test_an_honest_hold_that_a_stranger_ended_is_named(programme, make_wallet, state, kind):
    """Set aside for an order that was never handed over, or spent and given back behind its back."""
    wallet = make_wallet(8_00)
    held = operations.hold(CLERK, wallet, 8_00, source="order:1", until=clock.now() + timedelta(days=1))
    row = db.session.scalars(sa.select(Transfer.id).where(Transfer.hold_id == held.id)).one()
    sink, posted = pots(programme.id)[WalletKind.redemption], 8_00 if kind is TransferKind.post else 0
    reason = Reason.spent if posted else Reason.returned
    mint(programme.id, reason, "order:1", pot_of(wallet), sink, 8_00, kind=kind, hold_id=held.id, ends_id=row)
    with atomic():
        db.session.execute(sa.update(Hold).values(state=state, posted=posted, ended_at=clock.now()))
    assert found() == {("points_hold", held.id, f"is {state.value} with {posted} of 800, the audit says nothing")}


def test_holds_in_slices_are_each_compared_once(ledger, monkeypatch):
    """Two ids at a time: what a slice ends with is not lost, nor looked at by the next."""
    monkeypatch.setattr(holds, "SLICE", 2)
    assert found() == set()
    with atomic():
        for id_ in db.session.scalars(sa.select(Hold.id)).all():
            audit.record(CLERK, "points.held", "points_hold", id_, amount=1)
    told = [(v.row, v.what) for v in holds.moments() if v.what.startswith("sets aside")]
    assert [row for row, _what in told] == list(db.session.scalars(sa.select(Hold.id).order_by(Hold.id)))


def test_the_district_that_is_seeded_in_bulk_has_no_fault(programme, make_person):
    """It writes the lines of the audit that the operations would have written."""
    for _ in range(3):
        make_person()
    adopt(programme.id, "2025-1", date(2025, 1, 1))
    district(scale=0, rows={"points": 300}, seed=1, as_of=date(2026, 11, 20), progress=lambda _words: None)
    reasons = set(db.session.scalars(sa.select(Transfer.reason)))
    assert {Reason.donated, Reason.spent, Reason.returned} <= reasons
    assert found() == set()


# ---- dues -------------------------------------------------------------------------------------------------------------------


def test_a_due_that_was_wiped_out_is_named(programme, make_person):
    person = make_person()
    wallet = earned(programme, person, DAY, 180, "hours:1")
    spent(wallet, DAY, 2_50, "order:1")
    operations.earn(CLERK, "hours:1", 2, person.id, 60, DAY, "other", "system")
    assert db.session.scalar(sa.select(Wallet.due).where(Wallet.id == wallet)) == 1_50
    assert found() == set()
    run(f"UPDATE points_wallet SET due = 0 WHERE id = {wallet}")
    assert found() == {("points_wallet", wallet, "owes 0; what became due less what was paid is 150")}


def test_a_merge_and_its_undoing_leave_dues_that_can_be_followed(programme, make_person):
    one, other = make_person("周一", "1970-01-01"), make_person("周一", "1970-01-02")
    wallet = earned(programme, one, DAY, 180, "hours:1")
    spent(wallet, DAY, 2_50, "order:1")
    operations.earn(CLERK, "hours:1", 2, one.id, 60, DAY, "other", "system")
    asked = people.ask_merge(PEOPLE_CLERK, one.id, other.id, "同一人")
    people.decide_merge(COLLEAGUE, asked.id, True, from_above=True)
    assert found() == set()
    with atomic():
        lives.after_merge_undone(CLERK, one.id)
    assert db.session.scalar(sa.select(Wallet.due).where(Wallet.id == wallet)) == 1_50
    assert found() == set()


def test_what_a_hold_gives_back_through_a_closed_wallet_pays_what_the_heir_owes(programme, make_wallet):
    closed_one, heir = make_wallet(2_00), make_wallet()
    held = operations.hold(CLERK, closed_one, 2_00, source="order:1", until=clock.now() + timedelta(days=3))
    with atomic():
        operations.close(CLERK, closed_one, "merge", heir, with_holds=True)
        db.session.execute(sa.update(Wallet).where(Wallet.id == heir).values(due=50))
        audit.record(CLERK, "points.due", "points_wallet", heir, amount=50)
    operations.void(CLERK, held.id)
    assert (free(heir), db.session.scalar(sa.select(Wallet.due).where(Wallet.id == heir))) == (1_50, 0)


# ---- one moment -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["check", "close"])
def test_what_is_written_between_two_statements_is_no_fault(live_app, act):
    """Somebody sets points aside after what is held was read, and before the holds were."""
    wrote = []
    with clock.frozen(clock.now()), live_app.app_context():
        programme, ids, _homes = begin(live_app)
        with clock.frozen(clock.now() - timedelta(days=1)), atomic() as tx:
            tx.result = operations.wallet_of_person(programme, ids[0])
        wallet = tx.result

        def write() -> None:
            with live_app.app_context():
                wrote.append(operations.hold(CLERK, wallet, 50, source="order:1", until=clock.now() + timedelta(days=1)).id)
                db.session.remove()

        def between(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if not wrote and "held_by_rows" in statement:
                wrote.append(0)
                thread = threading.Thread(target=write)
                thread.start()
                thread.join()

        sa.event.listen(db.engine, "after_cursor_execute", between)
        try:
            if act == "check":
                assert found() == set()
            else:
                with clock.frozen(clock.now() + timedelta(days=1)):
                    assert len(closes.close_yesterday(checks.BOOK)) >= 1
        finally:
            sa.event.remove(db.engine, "after_cursor_execute", between)
        assert len(wrote) == 2
        assert db.session.scalar(sa.select(sa.func.sum(Vintage.held))) == 50
        assert found() == set()


@pytest.mark.parametrize("column", ["balance", "held"])
def test_a_vintage_begins_empty(ledger, column):
    """Nobody makes points by inserting a vintage that has some."""
    values = {"wallet_id": db.session.scalar(sa.text("SELECT max(wallet_id) FROM points_vintage")), "programme_id": ledger.id, "year": 1999}
    with pytest.raises(DBAPIError, match="points_vintage: begins empty"), atomic():
        db.session.execute(sa.insert(Vintage).values(**values, is_counted=True, **{"balance": 5, "held": 0, column: 5}))


def test_the_command_prints_what_no_close_lists_yet(ledger, site):
    runner = site.test_cli_runner()
    told = runner.invoke(check, [])
    assert told.exit_code == 0, told.output
    assert "ok    points: balances" in told.output
    assert "Rows of points in no close yet: " in told.output
    assert '"unclosed": {"points": {"count": ' in runner.invoke(check, ["--json"]).output
