"""Holds, earnings and gifts on the ledger, and what the database refuses whoever asks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.points import operations
from civic.points.amounts import parse
from civic.points.errors import (
    AboveHold,
    HoldEnded,
    NoGift,
    NotEnoughPoints,
    NotOpenYet,
    OtherEarning,
    SameWallet,
    WalletFrozen,
    WrongAmount,
)
from civic.points.models import Earning, Hold, HoldState, Reason, Transfer, TransferKind, Vintage, Wallet, WalletKind
from civic.points.operations import earning
from tests.support.points import adopt, balance, free, summed

WANG = Actor(7)


def soon(days: int = 14):
    return clock.now() + timedelta(days=days)


def earn(person, minutes, source="hours:1", revision=1, on=date(2026, 11, 24), **more):
    values = {"service_type": "first_aid", "hour_class": "system", **more}
    return operations.earn(WANG, source, revision, person.id, minutes, on, **values)


def test_two_hours_earn_two_points_and_the_row_says_why(programme, make_person, make_wallet):
    person = make_person()
    row = earn(person, 140)
    wallet = make_wallet(person=person)
    assert (row.minutes, row.counted, row.rate, row.amount) == (140, 120, 100, 2_00)
    line = db.session.scalars(sa.select(Transfer).where(Transfer.earning_id == row.id)).one()
    assert (line.kind, line.reason, line.amount, line.source, line.policy_id) == (
        TransferKind.single,
        Reason.earned,
        2_00,
        "hours:1",
        row.policy_id,
    )
    assert '"counted": 120' in line.detail
    assert balance(wallet) == 2_00
    assert summed(programme.id, WalletKind.issuance) == -2_00


def test_the_same_revision_changes_nothing_and_other_contents_are_refused(programme, make_person, make_wallet):
    person = make_person()
    assert earn(person, 120).id == earn(person, 120).id
    with pytest.raises(OtherEarning):
        earn(person, 150)
    assert balance(make_wallet(person=person)) == 2_00


def test_a_correction_books_the_difference_and_what_is_spent_becomes_due(programme, make_person, make_wallet):
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 180)
    held = operations.hold(WANG, wallet, 2_00, source="order:1", until=soon())
    operations.settle(WANG, held.id)
    earn(person, 60, revision=2)
    assert balance(wallet) == 0  # of the two points to take one was left
    assert db.session.scalar(sa.select(Wallet.due).where(Wallet.id == wallet)) == 1_00
    earn(person, 120, source="hours:2")
    assert balance(wallet) == 1_00
    assert db.session.scalar(sa.select(Wallet.due).where(Wallet.id == wallet)) == 0
    assert summed(programme.id, WalletKind.correction) == 2_00


def test_above_the_cap_the_rest_goes_to_the_pool_and_a_correction_takes_it_from_there_first(programme, make_person, make_wallet):
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=5_00)
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 240)
    earn(person, 180, source="hours:2", on=date(2026, 11, 23))
    pool = db.session.scalars(sa.select(Vintage).join(Wallet).where(Wallet.kind == WalletKind.care_pool)).one()
    db.session.refresh(pool)
    assert (balance(wallet), pool.balance) == (5_00, 2_00)
    earn(person, 30, source="hours:2", revision=2, on=date(2026, 11, 23))
    db.session.refresh(pool)
    assert (balance(wallet), pool.balance) == (4_50, 0)


def test_the_day_counts_eight_hours_in_all_and_hours_stay_whole(programme, make_person):
    person = make_person()
    assert earn(person, 300).counted == 300
    second = earn(person, 300, source="hours:2")
    assert (second.minutes, second.counted) == (300, 180)
    assert earning.counted_on(person.id, date(2026, 11, 24), "none") == 480


def test_before_the_programme_began_nothing_is_earned(programme, make_person):
    assert earn(make_person(), 60, on=date(2025, 12, 31)) is None


def test_given_hours_go_to_the_pool(programme, make_person, make_wallet):
    person = make_person()
    earn(person, 60, donate_only=True)
    assert balance(make_wallet(person=person)) == 0
    assert db.session.scalar(sa.select(Vintage.balance).join(Wallet).where(Wallet.kind == WalletKind.care_pool)) == 1_00


def test_a_hold_takes_what_is_free_and_no_more(make_wallet):
    wallet = make_wallet(5_00)
    held = operations.hold(WANG, wallet, 3_00, source="order:1", until=soon())
    assert (balance(wallet), free(wallet)) == (5_00, 2_00)
    with pytest.raises(NotEnoughPoints) as refusal:
        operations.hold(WANG, wallet, 2_01, source="order:2", until=soon())
    assert {"cost": 2_01, "available": 2_00}.items() <= refusal.value.context.items()
    operations.settle(WANG, held.id, 1_00)
    assert (balance(wallet), free(wallet)) == (4_00, 4_00)
    for again in (operations.settle, operations.void):
        with pytest.raises(HoldEnded):
            again(WANG, held.id)


def test_a_hold_gives_back_and_is_renewed_only_whole(programme, make_wallet):
    wallet = make_wallet(5_00)
    held = operations.hold(WANG, wallet, 3_00, source="order:1", until=soon(1))
    renewed = operations.renew(WANG, held.id, soon(30))
    assert (renewed.sequence, renewed.amount, free(wallet)) == (2, 3_00, 2_00)
    with pytest.raises(AboveHold):
        operations.settle(WANG, renewed.id, 3_01)
    operations.void(WANG, renewed.id)
    assert free(wallet) == 5_00
    assert summed(programme.id, WalletKind.redemption) == 0


def test_after_its_time_a_hold_is_over_whether_or_not_a_job_ran(make_wallet):
    wallet = make_wallet(5_00)
    held = operations.hold(WANG, wallet, 5_00, source="order:1", until=soon(1))
    later = soon(2)
    with clock.frozen(later):
        with pytest.raises(HoldEnded):
            operations.settle(WANG, held.id)
        second = operations.hold(WANG, wallet, 4_00, source="order:2", until=later + timedelta(days=1))
        assert db.session.get(Hold, held.id).state is HoldState.expired
        assert (second.state, free(wallet)) == (HoldState.open, 1_00)
        assert not operations.expire(WANG, held.id)


def test_the_oldest_years_go_first_and_a_part_comes_back_to_the_newest(programme, make_person, make_wallet):
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 120)
    with clock.frozen(clock.now() + timedelta(days=60)):
        earn(person, 180, source="hours:2")
        held = operations.hold(WANG, wallet, 4_00, source="order:1", until=soon())
        rows = db.session.execute(sa.select(Transfer.amount).where(Transfer.hold_id == held.id).order_by(Transfer.id)).scalars().all()
        assert rows == [2_00, 2_00]
        operations.settle(WANG, held.id, 1_00)
        left = db.session.execute(
            sa.select(Vintage.year, Vintage.balance, Vintage.held).where(Vintage.wallet_id == wallet).order_by(Vintage.year)
        )
        assert left.all() == [(2026, 1_00, 0), (2027, 3_00, 0)]


def test_a_frozen_wallet_earns_and_gives_back_but_gives_nothing(make_person, make_wallet):
    person = make_person()
    wallet = make_wallet(5_00, person)
    held = operations.hold(WANG, wallet, 1_00, source="order:1", until=soon())
    operations.freeze(WANG, wallet, "suspicion")
    for refused in (
        lambda: operations.hold(WANG, wallet, 1, source="order:2", until=soon()),
        lambda: operations.settle(WANG, held.id),
        lambda: operations.donate(WANG, wallet, 1),
    ):
        with pytest.raises(WalletFrozen):
            refused()
    operations.void(WANG, held.id)
    earn(person, 60)
    assert free(wallet) == 6_00
    operations.unfreeze(WANG, wallet)
    assert operations.donate(WANG, wallet, 1)


def test_a_closed_wallet_leaves_its_points_to_its_heir_and_what_a_hold_gives_back_too(make_person, make_wallet):
    wallet, heir = make_wallet(5_00), make_wallet(1_00)
    held = operations.hold(WANG, wallet, 2_00, source="order:1", until=soon())
    assert operations.close(WANG, wallet, "merge", heir, with_holds=True) == 3_00
    assert (balance(wallet), balance(heir)) == (2_00, 4_00)
    operations.void(WANG, held.id)
    assert (balance(wallet), balance(heir)) == (0, 6_00)


def test_gifts_go_to_the_pool_or_a_household_alone(programme, make_wallet):
    wallet, other = make_wallet(5_00), make_wallet()
    with pytest.raises(SameWallet):
        operations.donate(WANG, wallet, 1_00, wallet)
    with pytest.raises(NoGift):
        operations.donate(WANG, wallet, 1_00, other)
    operations.donate(WANG, wallet, 1_00)
    assert balance(wallet) == 4_00


def test_spending_opens_after_the_hours_of_the_threshold(programme, make_person, make_wallet):
    adopt(programme.id, "2026-2", date(2026, 2, 1), threshold=180)
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 150)
    with pytest.raises(NotOpenYet):
        operations.hold(WANG, wallet, 1_00, source="order:1", until=soon())
    earn(person, 60, source="hours:2")
    assert operations.hold(WANG, wallet, 1_00, source="order:1", until=soon()).amount == 1_00


@pytest.mark.parametrize("wrong", ["0", "-1", "1e18", "NaN", "", "1.234", "1,5", "99999999999999", "+3", "٣"])
def test_amounts_that_are_none(wrong):
    with pytest.raises(WrongAmount):
        parse(wrong)


def test_full_width_digits_are_digits():
    assert parse("１０") == 10_00
    assert parse(" １２．５ ") == 12_50


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE points_transfer SET amount = amount + 1",
        "DELETE FROM points_transfer",
        "UPDATE points_earning SET minutes = 0",
        "UPDATE points_vintage SET balance = -1 WHERE is_counted",
        "UPDATE points_vintage SET held = balance + 1 WHERE is_counted",
        "UPDATE points_vintage SET balance = 1 WHERE NOT is_counted",
        "UPDATE points_policy SET cap = 1",
        "UPDATE points_rate SET rate = 1",
        "DELETE FROM points_rate",
        "INSERT INTO points_transfer SELECT max(id) + 1, programme_id, 'single', reason, credit_id, debit_id, 100000000, NULL, NULL, NULL, NULL, policy_id, source, detail, account_id, job, channel, at FROM points_transfer GROUP BY 2, 4, 5, 6, 12, 13, 14, 15, 16, 17, 18",
    ],
)
def test_the_database_itself_refuses(make_wallet, statement):
    make_wallet(5_00)
    with pytest.raises(sa.exc.DBAPIError), atomic():
        db.session.execute(sa.text(statement))


def test_the_database_refuses_an_end_or_a_reversal_that_does_not_match(programme, make_wallet):
    wallet = make_wallet(5_00)
    held = operations.hold(WANG, wallet, 2_00, source="order:1", until=soon())
    hold_row = db.session.scalars(sa.select(Transfer).where(Transfer.hold_id == held.id)).one()
    earned = db.session.scalars(sa.select(Transfer).where(Transfer.reason == Reason.earned)).one()
    wrong = [
        {"kind": TransferKind.post, "ends_id": hold_row.id, "hold_id": held.id, "amount": 2_01},
        {"kind": TransferKind.void, "ends_id": hold_row.id, "hold_id": held.id, "amount": 1_00},
        {"kind": TransferKind.expire, "ends_id": hold_row.id, "hold_id": held.id, "amount": 2_00},  # its time is not over
        {"kind": TransferKind.post, "ends_id": earned.id, "hold_id": held.id, "amount": 2_00},
        {"kind": TransferKind.reversal, "reverses_id": earned.id, "amount": 5_01, "debit_id": earned.credit_id, "credit_id": earned.debit_id},
        {"kind": TransferKind.reversal, "reverses_id": hold_row.id, "amount": 1, "debit_id": hold_row.credit_id, "credit_id": hold_row.debit_id},
    ]  # fmt: skip
    base = {
        "programme_id": programme.id, "reason": Reason.spent, "debit_id": hold_row.debit_id, "credit_id": hold_row.credit_id,
        "policy_id": hold_row.policy_id, "source": "test", "channel": "web", "at": clock.now(), "account_id": 1,
    }  # fmt: skip
    for values in wrong:
        with pytest.raises(sa.exc.DBAPIError), atomic():
            db.session.execute(
                sa.insert(Transfer).values(**base, **values)
                if "debit_id" not in values
                else sa.insert(Transfer).values(**{**base, **values})
            )
    with pytest.raises(ValueError, match="atomic"):
        from_ledger_without_transaction()
    assert db.session.scalar(sa.select(sa.func.count(Earning.id))) == 1


def from_ledger_without_transaction():
    from civic.points.operations import ledger

    ledger.write(WANG, None, "x", [])
