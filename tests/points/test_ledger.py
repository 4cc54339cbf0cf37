"""Holds, earnings and gifts on the ledger, and what the database refuses whoever asks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people.models import Membership
from civic.points import checks, operations
from civic.points.amounts import parse
from civic.points.errors import (
    AboveHold,
    HoldEnded,
    NoGift,
    NotEnoughPoints,
    NotOpenYet,
    OtherEarning,
    ReceiverFrozen,
    SameWallet,
    SourceHeld,
    WalletFrozen,
    WalletFull,
    WrongAmount,
)
from civic.points.models import Earning, Hold, HoldState, Policy, Reason, Transfer, TransferKind, Vintage, Wallet, WalletKind
from civic.points.operations import earning, proposals
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
    assert pool_balance() == 1_00


def pool_balance() -> int:
    return db.session.scalar(sa.select(Vintage.balance).join(Wallet).where(Wallet.kind == WalletKind.care_pool)) or 0


@pytest.mark.parametrize("was_given", [False, True], ids=["hers, then a group's", "a group's, then hers"])
@pytest.mark.parametrize("minutes", [120, 60, 180], ids=["as many hours", "fewer", "more"])
def test_a_revision_that_says_whose_the_hours_are_moves_all_of_them(programme, make_person, make_wallet, was_given, minutes):
    """Group volunteers donate only: 2.00 earned as her own go back, and what the revision is worth goes to the pool; or the other way."""
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 120, donate_only=was_given)
    assert (balance(wallet), pool_balance()) == ((0, 2_00) if was_given else (2_00, 0))
    earn(person, minutes, revision=2, donate_only=not was_given)
    now = minutes * 100 // 60
    assert (balance(wallet), pool_balance()) == ((now, 0) if was_given else (0, now))
    assert [str(found) for check in checks.CHECKS for found in check.run()] == []


@pytest.mark.parametrize("was_given", [False, True], ids=["hers, then a group's", "a group's, then hers"])
def test_hours_of_a_closed_wallet_do_not_turn(programme, make_person, make_wallet, was_given):
    """Its 2.00 went on to the pool; turned, 2.00 would come a second time and be due from a wallet that nobody pays for."""
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 120, donate_only=was_given)
    operations.close(WANG, wallet, "moved away")
    assert pool_balance() == 2_00
    earn(person, 180, revision=2, donate_only=not was_given)
    earn(person, 180, revision=2, donate_only=not was_given)
    assert (pool_balance(), db.session.get_one(Wallet, wallet, populate_existing=True).due) == (3_00, 0)
    assert [str(found) for check in checks.CHECKS for found in check.run()] == []


def test_hours_of_a_group_that_were_spent_before_it_was_known_become_due(programme, make_person, make_wallet):
    """2.00 earned, 1.50 spent, then they are the group's: 0.50 go back, 1.50 are due, 2.00 lie in the pool; 1.00 earned later pays of it."""
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 120)
    operations.settle(WANG, operations.hold(WANG, wallet, 1_50, source="order:1", until=soon()).id, 1_50)
    earn(person, 120, revision=2, donate_only=True)
    assert (balance(wallet), pool_balance(), db.session.get_one(Wallet, wallet, populate_existing=True).due) == (0, 2_00, 1_50)
    earn(person, 60, source="hours:2")
    assert (balance(wallet), db.session.get_one(Wallet, wallet, populate_existing=True).due) == (0, 50)
    assert [str(found) for check in checks.CHECKS for found in check.run()] == []


def test_hours_of_a_group_are_the_volunteers_own_where_the_rules_of_the_day_say_so(programme, make_person, make_wallet):
    adopt(programme.id, "2026-2", date(2026, 11, 24), group_donates=False)
    person = make_person()
    wallet = make_wallet(person=person)
    assert not earn(person, 60, donate_only=True).is_donated
    assert balance(wallet) == 1_00
    assert earn(person, 60, source="hours:2", on=date(2026, 11, 23), donate_only=True).is_donated
    assert balance(wallet) == 1_00
    assert not earn(person, 60, donate_only=True).is_donated  # the same once more


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


def test_a_frozen_household_takes_no_gifts(make_person, make_wallet, household_wallet):
    person = make_person()
    wallet, household = make_wallet(5_00, person=person), household_wallet(person)
    operations.freeze(WANG, household, "Looked at by two people.")
    with pytest.raises(ReceiverFrozen):
        operations.donate(WANG, wallet, 1_00, household)
    assert (balance(wallet), balance(household)) == (5_00, 0)


def test_spending_opens_after_the_hours_of_the_threshold(programme, make_person, make_wallet, household_wallet):
    adopt(programme.id, "2026-2", date(2026, 2, 1), threshold=180)
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 150)
    with pytest.raises(NotOpenYet):
        operations.hold(WANG, wallet, 1_00, source="order:1", until=soon())
    with pytest.raises(NotOpenYet):  # a household spends without a threshold: points do not get around it
        operations.donate(WANG, wallet, 1_00, household_wallet(person))
    operations.donate(WANG, wallet, 50)  # to the pool always
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
        "UPDATE points_transfer SET reason = 'earned', earning_id = NULL",
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


# ---- what a critical reader found ---------------------------------------------------------------------------------------------


def due_of(wallet: int) -> int:
    return db.session.scalar(sa.select(Wallet.due).where(Wallet.id == wallet))


def test_a_source_whose_person_was_wrong_is_not_corrected_on_somebody_elses_wallet(programme, make_person, make_wallet):
    wrong, right = make_person("王芳"), make_person("王方")
    earn(wrong, 480)
    with pytest.raises(OtherEarning):
        earn(right, 60, revision=2)
    earn(wrong, 0, revision=2)
    earn(right, 60, source="hours:2")
    assert [balance(make_wallet(person=p)) for p in (wrong, right)] == [0, 1_00]


def test_a_source_stays_in_the_programme_in_which_it_began(programme, make_person, make_wallet, make_territory):
    person = make_person()
    earn(person, 480)
    other = make_territory("district", code="440114")
    elsewhere = make_territory("village", make_territory("town", other))
    with atomic():
        person.place_id = elsewhere.id
    earn(person, 60, revision=2)
    assert balance(make_wallet(person=person)) == 1_00


def test_what_a_reversal_took_a_later_correction_does_not_take_again(programme, make_person, make_wallet):
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 480)
    row = db.session.scalars(sa.select(Transfer.id).where(Transfer.reason == Reason.earned)).one()
    asked = proposals.propose_reversal(Actor(901), row, "typed twice", 5_00)
    proposals.decide(Actor(902), asked.id, approve=True)
    assert balance(wallet) == 3_00
    earn(person, 0, revision=2)
    assert (balance(wallet), due_of(wallet)) == (0, 0)


def test_what_a_hold_gives_back_pays_what_is_due_first(programme, make_person, make_wallet):
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 480)
    held = operations.hold(WANG, wallet, 8_00, source="order:1", until=soon())
    earn(person, 0, revision=2)
    assert (free(wallet), due_of(wallet)) == (0, 8_00)
    operations.void(WANG, held.id)
    assert (balance(wallet), due_of(wallet)) == (0, 0)


def test_a_hold_whose_time_is_over_does_not_count_as_spent_for_a_correction_or_a_closing(programme, make_person, make_wallet):
    first, second = make_person(), make_person("李明")
    wallets = [make_wallet(person=p) for p in (first, second)]
    earn(first, 480)
    earn(second, 480, source="hours:2")
    for number, wallet in enumerate(wallets):
        operations.hold(WANG, wallet, 8_00, source=f"order:{number}", until=soon(1))
    with clock.frozen(soon(2)):
        earn(first, 0, revision=2)
        assert (balance(wallets[0]), due_of(wallets[0])) == (0, 0)
        assert operations.close(WANG, wallets[1], "own_wish") == 8_00


def test_a_cause_holds_once(make_wallet):
    wallet = make_wallet(5_00)
    operations.void(WANG, operations.hold(WANG, wallet, 1_00, source="order:1", until=soon()).id)
    with pytest.raises(SourceHeld):
        operations.hold(WANG, wallet, 1_00, source="order:1", until=soon())


def test_a_frozen_wallet_is_not_emptied_by_closing_it(make_wallet):
    wallet, heir = make_wallet(5_00), make_wallet()
    operations.freeze(WANG, wallet, "suspicion")
    with pytest.raises(WalletFrozen):
        operations.close(WANG, wallet, "own_wish", heir)


def test_gifts_and_inheritances_stop_at_the_cap(programme, make_person, make_wallet, household_wallet):
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=5_00)
    person, other = make_person(), make_person("李明")
    giver, heir = make_wallet(5_00, person), make_wallet(3_00, other)
    home = household_wallet(person)
    operations.donate(WANG, giver, 3_00, home)
    with pytest.raises(WalletFull):
        operations.donate(WANG, heir, 2_01, home)
    operations.donate(WANG, heir, 2_00, home)
    earn(other, 180, source="hours:9", on=date(2026, 11, 20))
    assert operations.close(WANG, giver, "merge", heir, with_holds=True) == 2_00
    assert (balance(home), balance(heir), balance(giver)) == (5_00, 5_00, 0)
    assert db.session.scalar(sa.select(Vintage.balance).join(Wallet).where(Wallet.kind == WalletKind.care_pool)) == 1_00


@pytest.fixture
def household_wallet(programme):
    def make(person):
        household = db.session.scalars(sa.select(Membership.household_id).where(Membership.person_id == person.id)).one()
        with atomic():
            return operations.wallet_of_household(programme.id, household)

    return make


def test_nothing_is_replaced_by_another_of_its_unique_values(site, programme, make_wallet):
    """On SQLite REPLACE deletes the row that has the value, past every trigger on DELETE."""
    wallet = make_wallet(5_00)
    held = operations.hold(WANG, wallet, 2_00, source="order:1", until=soon())
    operations.void(WANG, held.id)
    columns = [c.name for c in Transfer.__table__.columns]
    values = ", ".join({"id": "1000", "amount": "1"}.get(c, c) for c in columns)
    insert = "INSERT OR REPLACE" if db.session.get_bind().dialect.name == "sqlite" else "INSERT"
    with pytest.raises(sa.exc.DBAPIError), atomic():
        db.session.execute(
            sa.text(f"{insert} INTO points_transfer ({', '.join(columns)}) SELECT {values} FROM points_transfer WHERE ends_id IS NOT NULL")
        )
    rules = [c.name for c in Policy.__table__.columns]
    values = ", ".join({"id": "1000", "cap": "1"}.get(c, c) for c in rules)
    with pytest.raises(sa.exc.DBAPIError), atomic():
        db.session.execute(sa.text(f"{insert} INTO points_policy ({', '.join(rules)}) SELECT {values} FROM points_policy"))


def test_points_are_not_made_by_a_row_without_a_cause_or_without_somebody(programme, make_wallet):
    make_wallet(5_00)
    row = db.session.execute(sa.select(Transfer.__table__).where(Transfer.reason == Reason.earned)).one()._asdict()
    del row["id"]
    for wrong in ({"earning_id": None}, {"account_id": None, "job": ""}):
        with pytest.raises(sa.exc.IntegrityError), atomic():
            db.session.execute(sa.insert(Transfer.__table__).values(**{**row, **wrong}))


def test_a_correction_asks_the_pool_for_all_that_flowed_there_though_the_pool_owed_some(programme, make_person, make_wallet):
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=1_00)
    person = make_person()
    wallet = make_wallet(person=person)
    pool = db.session.scalars(sa.select(Wallet.id).where(Wallet.kind == WalletKind.care_pool)).one()
    with atomic():
        db.session.execute(sa.update(Wallet).where(Wallet.id == pool).values(due=3_00))
    earn(person, 360)  # 1.00 stays, 5.00 flow over, of which the pool pays 3.00
    assert (balance(wallet), balance(pool), due_of(pool)) == (1_00, 2_00, 0)
    earn(person, 0, revision=2)
    assert (balance(wallet), due_of(wallet), balance(pool), due_of(pool)) == (0, 0, 0, 3_00)


def test_an_id_that_no_database_holds_is_an_address_that_does_not_exist(client):
    """Ten to the 23rd was an error of the database."""
    assert client.get(f"/desk/points/rows/{10**23}/reverse").status_code == 404
