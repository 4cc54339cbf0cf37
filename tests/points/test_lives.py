"""Deaths, merges, households that end, accounts that close: where the points go, and what comes back when it was a mistake."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people import queries
from civic.people.errors import StillNeeded
from civic.people.models import HouseholdRelation
from civic.points import operations, signals
from civic.points.models import Hold, HoldState, Reason, Transfer, TransferKind, Vintage, Wallet, WalletKind, WalletState
from civic.points.operations import earning, left
from tests.support.people import CLERK, COLLEAGUE
from tests.support.points import balance, free

DESK = Actor(7)
TODAY = date(2026, 11, 25)


def soon(days: int = 14):
    return clock.now() + timedelta(days=days)


def pool() -> int:
    return db.session.scalar(sa.select(Vintage.balance).join(Wallet).where(Wallet.kind == WalletKind.care_pool))


def outstanding() -> int:
    """Everything that stands in wallets and the pool; hundredths."""
    return int(db.session.scalar(sa.select(sa.func.sum(Vintage.balance))) or 0)


def wallet(wallet_id: int) -> Wallet:
    return db.session.get_one(Wallet, wallet_id, populate_existing=True)


def home_of(programme, person) -> int:
    """The wallet of the household she lives in."""
    with atomic():
        return operations.wallet_of_household(programme.id, queries.household_of(person.id).id)


def together(*members) -> int:
    """They live in the household of the first."""
    household = queries.household_of(members[0].id)
    people.join_household(CLERK, [m.id for m in members[1:]], household.id, HouseholdRelation.other, TODAY)
    return household.id


def merge(loser, survivor):
    asked = people.ask_merge(CLERK, loser.id, survivor.id, "同一人")
    return people.decide_merge(COLLEAGUE, asked.id, True, from_above=True)


def unmerge(done) -> None:
    people.ask_undo(CLERK, done.id, "是两姐妹")
    people.undo_merge(COLLEAGUE, done.id)


def spend(wallet_id: int, amount: int, source: str = "order:9") -> None:
    held = operations.hold(DESK, wallet_id, amount, source=source, until=soon())
    operations.settle(DESK, held.id)


@pytest.fixture
def heard():
    """Holds that a death or the end of a household gave back, as the storing module hears it."""
    found = []

    def hear(hold, actor):
        found.append((hold.source, hold.state))

    signals.hold_ended_by_life.connect(hear)
    yield found
    signals.hold_ended_by_life.disconnect(hear)


# ---- death ----------------------------------------------------------------------------------------------------------------
def test_a_death_leaves_the_points_to_the_household_in_which_somebody_lives(programme, make_person, make_wallet):
    wang, li = make_person(), make_person("李强")
    household = together(li, wang)
    mine = make_wallet(5_00, wang)
    people.record_death(CLERK, wang.id, TODAY)
    assert (balance(mine), balance(home_of(programme, li)), pool()) == (0, 5_00, 0)
    left = wallet(mine)
    assert (left.state, left.state_why, wallet(left.heir_id).household_id) == (WalletState.closed, "death", household)
    row = db.session.scalars(sa.select(Transfer).where(Transfer.reason == Reason.moved)).one()
    assert (row.kind, row.amount, row.source, row.account_id) == (TransferKind.single, 5_00, f"wallet:{mine}", CLERK.account_id)


def test_the_last_of_a_household_leaves_hers_and_the_households_points_to_the_care_pool(programme, make_person, make_wallet):
    wang = make_person()
    mine, ours = make_wallet(5_00, wang), home_of(programme, wang)
    operations.donate(DESK, mine, 2_00, ours)
    people.record_death(CLERK, wang.id, TODAY)
    assert (balance(mine), balance(ours), pool()) == (0, 0, 5_00)
    assert [wallet(w).state_why for w in (mine, ours)] == ["death", "ended"]


def test_holds_of_the_dead_are_given_back_and_the_module_that_stores_them_is_told(make_person, make_wallet, heard):
    wang = make_person()
    mine = make_wallet(5_00, wang)
    one = operations.hold(DESK, mine, 2_00, source="order:1", until=soon())
    two = operations.hold(DESK, mine, 1_00, source="exchange:4", until=soon())
    late = operations.hold(DESK, mine, 50, source="order:2", until=soon(1))
    with clock.frozen(soon(2)):
        people.record_death(CLERK, wang.id, TODAY)
    assert heard == [("order:1", HoldState.voided), ("exchange:4", HoldState.voided)]
    assert [db.session.get(Hold, h.id).state for h in (one, two, late)] == [HoldState.voided, HoldState.voided, HoldState.expired]
    assert (balance(mine), pool()) == (0, 5_00)


def test_a_listener_that_fails_leaves_the_dead_alive_and_the_points_where_they_were(make_person, make_wallet):
    wang = make_person()
    mine = make_wallet(5_00, wang)
    operations.hold(DESK, mine, 2_00, source="order:1", until=soon())

    def fails(_hold, actor):
        raise RuntimeError(str(actor.account_id))

    signals.hold_ended_by_life.connect(fails)
    with pytest.raises(RuntimeError):
        people.record_death(CLERK, wang.id, TODAY)
    signals.hold_ended_by_life.disconnect(fails)
    db.session.expire_all()
    assert (free(mine), wallet(mine).state) == (3_00, WalletState.open)


def test_what_she_owed_is_paid_from_hers_and_then_asked_from_nobody(programme, make_person, make_wallet):
    wang, li = make_person(), make_person("李强")
    together(li, wang)
    mine = make_wallet(5_00, wang)
    held = operations.hold(DESK, mine, 4_00, source="order:1", until=soon())
    with atomic():
        db.session.execute(sa.update(Wallet).where(Wallet.id == mine).values(due=6_00))
    people.record_death(CLERK, wang.id, TODAY)
    assert held.state is HoldState.voided
    assert (balance(mine), wallet(mine).due) == (0, 1_00)
    assert (balance(home_of(programme, li)), wallet(home_of(programme, li)).due, pool()) == (0, 0, 0)
    people.undo_death(CLERK, wang.id)
    assert (wallet(mine).state, wallet(mine).due) == (WalletState.open, 1_00)


def test_a_death_that_was_a_mistake_brings_everything_back_by_reversals(programme, make_person, make_wallet):
    wang, li = make_person(), make_person("李强")
    together(li, wang)
    mine = make_wallet(5_00, wang)
    before = outstanding()
    people.record_death(CLERK, wang.id, TODAY)
    people.undo_death(CLERK, wang.id)
    assert (free(mine), balance(home_of(programme, li)), outstanding()) == (5_00, 0, before)
    assert (wallet(mine).state, wallet(mine).state_why, wallet(mine).heir_id) == (WalletState.open, "", None)
    moved, back = db.session.scalars(sa.select(Transfer).where(Transfer.reason.in_([Reason.moved, Reason.reversed])).order_by(Transfer.id))
    assert (back.kind, back.reverses_id, back.amount) == (TransferKind.reversal, moved.id, 5_00)
    spend(mine, 5_00)


def test_what_the_household_spent_meanwhile_is_gone_and_nobody_owes_it(programme, make_person, make_wallet):
    wang, li = make_person(), make_person("李强")
    together(li, wang)
    mine = make_wallet(5_00, wang)
    people.record_death(CLERK, wang.id, TODAY)
    ours = home_of(programme, li)
    spend(ours, 4_00)
    people.undo_death(CLERK, wang.id)
    assert (free(mine), balance(ours), wallet(ours).due) == (1_00, 0, 0)


def test_a_second_death_and_its_undoing_take_nothing_twice(programme, make_person, make_wallet):
    wang, li = make_person(), make_person("李强")
    together(li, wang)
    mine = make_wallet(5_00, wang)
    people.record_death(CLERK, wang.id, TODAY)
    ours = home_of(programme, li)
    spend(ours, 5_00)
    people.undo_death(CLERK, wang.id)  # nothing was left to come back
    operations.earn(DESK, "hours:li", 1, li.id, 300, TODAY, "other", "system")
    operations.donate(DESK, make_wallet(person=li), 5_00, ours)
    together(li, wang)
    people.record_death(CLERK, wang.id, TODAY)
    people.undo_death(CLERK, wang.id)
    assert (free(mine), free(ours)) == (0, 5_00)  # what the household has since is not what she left


def test_alone_in_her_household_she_gets_back_hers_and_the_new_household_the_old_ones(programme, make_person, make_wallet):
    wang = make_person()
    mine, old = make_wallet(5_00, wang), home_of(programme, wang)
    operations.donate(DESK, mine, 2_00, old)
    people.record_death(CLERK, wang.id, TODAY)
    people.undo_death(CLERK, wang.id)
    new = home_of(programme, wang)
    assert new != old
    assert (free(mine), balance(old), free(new), pool()) == (3_00, 0, 2_00, 0)
    assert (wallet(old).state, wallet(old).heir_id) == (WalletState.closed, new)


def test_a_frozen_wallet_waits_for_the_office_and_then_the_night_follows(programme, make_person, make_wallet, heard):
    wang, li = make_person(), make_person("李强")
    together(li, wang)
    mine = make_wallet(5_00, wang)
    operations.hold(DESK, mine, 2_00, source="order:1", until=soon())
    operations.freeze(DESK, mine, "suspicion")
    people.record_death(CLERK, wang.id, TODAY)
    assert (free(mine), wallet(mine).state, heard) == (5_00, WalletState.frozen, [("order:1", HoldState.voided)])
    assert left.settle_left() == 0
    operations.unfreeze(DESK, mine)
    assert left.settle_left() == 1
    assert (free(mine), balance(home_of(programme, li)), wallet(mine).state_why) == (0, 5_00, "death")
    assert left.settle_left() == 0


def test_hours_approved_after_a_death_go_to_the_care_pool(make_person, make_wallet):
    wang = make_person()
    make_wallet(5_00, wang)
    people.record_death(CLERK, wang.id, TODAY)
    operations.earn(DESK, "hours:7", 1, wang.id, 120, date(2026, 11, 24), "other", "system")
    assert pool() == 7_00


# ---- merges ---------------------------------------------------------------------------------------------------------------
def test_a_merge_moves_what_is_free_year_by_year_and_keeps_what_is_held(make_person, make_wallet):
    loser, survivor = make_person(), make_person("王方")
    theirs = make_wallet(3_00, loser)
    with clock.frozen(clock.now() + timedelta(days=60)):
        operations.earn(DESK, "hours:8", 1, loser.id, 240, clock.today(), "other", "system")
        hers = make_wallet(1_00, survivor)
        held = operations.hold(DESK, theirs, 2_00, source="order:1", until=soon())
        merge(loser, survivor)
        years = sa.select(Vintage.year, Vintage.balance).where(Vintage.wallet_id == hers).order_by(Vintage.year)
        assert db.session.execute(years).all() == [(2026, 1_00), (2027, 5_00)]
        assert (balance(theirs), free(theirs), wallet(theirs).heir_id) == (2_00, 0, hers)
        operations.settle(DESK, held.id, 1_50)
        assert (balance(theirs), free(hers)) == (0, 6_50)


def test_a_merged_rows_hold_that_lapses_gives_its_points_to_the_row_that_stays(make_person, make_wallet):
    loser, survivor = make_person(), make_person("王方")
    theirs = make_wallet(3_00, loser)
    held = operations.hold(DESK, theirs, 2_00, source="order:1", until=soon(1))
    merge(loser, survivor)
    with clock.frozen(soon(2)):
        assert operations.expire(DESK, held.id)
    assert free(make_wallet(person=survivor)) == 3_00


def test_a_debt_is_not_merged_away(make_person, make_wallet):
    loser, survivor = make_person(), make_person("王方")
    theirs, hers = make_wallet(0, loser), make_wallet(1_00, survivor)
    with atomic():
        db.session.execute(sa.update(Wallet).where(Wallet.id == theirs).values(due=3_00))
    done = merge(loser, survivor)
    assert (wallet(theirs).due, wallet(hers).due, free(hers)) == (0, 2_00, 0)
    unmerge(done)
    assert (wallet(theirs).due, wallet(hers).due) == (2_00, 0)  # one point was paid, by whichever of the two


def test_a_merge_that_was_wrong_sets_both_free_again(programme, make_person, make_wallet):
    loser, survivor = make_person(), make_person("王方")
    theirs, hers = make_wallet(5_00, loser), make_wallet(2_00, survivor)
    old, other = home_of(programme, loser), home_of(programme, survivor)
    operations.donate(DESK, theirs, 1_00, old)
    held = operations.hold(DESK, theirs, 1_00, source="order:1", until=soon())
    before = outstanding()
    done = merge(loser, survivor)
    assert (balance(theirs), free(hers), balance(old), balance(other)) == (1_00, 5_00, 0, 1_00)
    unmerge(done)
    assert (free(theirs), free(hers), balance(other)) == (3_00, 2_00, 0)
    assert free(home_of(programme, loser)) == 1_00
    assert (wallet(theirs).state, db.session.get(Hold, held.id).state) == (WalletState.open, HoldState.open)
    operations.void(DESK, held.id)
    assert (free(theirs), outstanding()) == (4_00, before)


def test_after_a_wrong_merge_the_rest_of_what_both_had_goes_to_whom_it_belonged(make_person, make_wallet):
    """Of 1.00 and 5.00 the two spent 3.00 as one: the five come back as far as there is something, whichever year it is of."""
    loser, survivor = make_person(), make_person("王方")
    theirs = make_wallet(5_00, loser)
    with clock.frozen(clock.now() + timedelta(days=60)):
        hers = make_wallet(1_00, survivor)
        done = merge(loser, survivor)
        spend(hers, 3_00)
        unmerge(done)
        assert (free(theirs), free(hers)) == (3_00, 0)
        kinds = sa.select(Transfer.kind).where(Transfer.reason == Reason.reversed).order_by(Transfer.id)
        assert list(db.session.scalars(kinds)) == [TransferKind.reversal, TransferKind.single]


def test_the_merged_row_goes_on_counting_for_the_threshold_and_for_the_day(programme, make_person, make_wallet):
    loser, survivor = make_person(), make_person("王方")
    operations.earn(DESK, "hours:1", 1, loser.id, 300, TODAY, "other", "system")
    merge(loser, survivor)
    assert operations.earn(DESK, "hours:2", 1, survivor.id, 300, TODAY, "other", "system").counted == 180
    assert earning.counted_on(survivor.id, TODAY, "none") == 480


def test_a_death_of_the_row_that_stays_ends_the_merged_rows_holds_too(make_person, make_wallet, heard):
    loser, survivor = make_person(), make_person("王方")
    theirs = make_wallet(3_00, loser)
    operations.hold(DESK, theirs, 2_00, source="order:1", until=soon())
    merge(loser, survivor)
    people.record_death(CLERK, survivor.id, TODAY)
    assert heard == [("order:1", HoldState.voided)]
    assert (balance(theirs), pool()) == (0, 3_00)


def test_a_wallet_that_was_frozen_while_rows_were_merged_is_open_again_when_the_merge_is_undone(make_person, make_wallet):
    """The office frees it after the death of the row that stays: it counts as merged, not as the wallet of somebody dead."""
    survivor, loser = make_person("王方"), make_person()  # the night comes to the lower id first
    theirs, hers = make_wallet(3_00, loser), make_wallet(1_00, survivor)
    operations.freeze(DESK, theirs, "suspicion")
    done = merge(loser, survivor)
    operations.freeze(DESK, hers, "suspicion")
    people.record_death(CLERK, survivor.id, TODAY)
    operations.unfreeze(DESK, theirs)
    operations.unfreeze(DESK, hers)
    before = outstanding()
    left.settle_left()
    assert [(wallet(each).state, wallet(each).state_why) for each in (theirs, hers)] == [
        (WalletState.closed, "merge"), (WalletState.closed, "death"),
    ]  # fmt: skip
    unmerge(done)
    assert (wallet(theirs).state, wallet(hers).state, outstanding()) == (WalletState.open, WalletState.closed, before)
    assert left.settle_left() == 0


def test_a_wallet_that_was_frozen_while_rows_were_merged_is_open_again_also_when_the_row_that_stays_was_emptied(make_person, make_wallet):
    survivor, loser = make_person("王方"), make_person()
    theirs, hers = make_wallet(3_00, loser), make_wallet(1_00, survivor)
    operations.freeze(DESK, theirs, "suspicion")
    done, before = merge(loser, survivor), outstanding()
    operations.unfreeze(DESK, theirs)
    people.restrict_person(CLERK, survivor.id)
    people.empty_person(CLERK, survivor.id)
    assert [(wallet(each).state, wallet(each).state_why) for each in (theirs, hers)] == [
        (WalletState.closed, "merge"), (WalletState.closed, "ended"),
    ]  # fmt: skip
    unmerge(done)
    assert (wallet(theirs).state, wallet(hers).state, outstanding()) == (WalletState.open, WalletState.closed, before)


# ---- households -----------------------------------------------------------------------------------------------------------
def test_a_household_that_joins_another_takes_its_points_and_holds_along(programme, make_person, make_wallet, heard):
    wang, li = make_person(), make_person("李强")
    mine, old, new = make_wallet(5_00, wang), home_of(programme, wang), home_of(programme, li)
    operations.donate(DESK, mine, 4_00, old)
    held = operations.hold(DESK, old, 1_00, source="order:1", until=soon())
    together(li, wang)
    assert (free(mine), balance(old), free(new), heard) == (1_00, 1_00, 3_00, [])
    operations.void(DESK, held.id)
    assert (balance(old), free(new)) == (0, 4_00)


def test_who_leaves_a_household_takes_nothing_along(programme, make_person, make_wallet):
    wang, li = make_person(), make_person("李强")
    together(li, wang)
    ours, mine = home_of(programme, li), make_wallet(5_00, wang)
    operations.donate(DESK, mine, 2_00, ours)
    people.split_household(CLERK, [wang.id], TODAY)
    assert (free(ours), free(mine), free(home_of(programme, wang))) == (2_00, 3_00, 0)


# ---- accounts that close --------------------------------------------------------------------------------------------------
def test_closing_an_account_leaves_the_points_and_emptying_the_row_passes_them_on(programme, make_person, make_wallet):
    wang, li = make_person(), make_person("李强")
    together(li, wang)
    mine = make_wallet(5_00, wang)
    held = operations.hold(DESK, mine, 2_00, source="order:1", until=soon())
    people.restrict_person(CLERK, wang.id)
    assert (balance(mine), wallet(mine).state) == (5_00, WalletState.open)
    with pytest.raises(StillNeeded):
        people.empty_person(CLERK, wang.id)
    operations.void(DESK, held.id)
    people.empty_person(CLERK, wang.id)
    assert (balance(mine), free(home_of(programme, li)), wallet(mine).state_why) == (0, 5_00, "ended")


def test_without_rules_no_event_is_refused(make_person, programme, make_wallet):
    wang = make_person()
    mine = make_wallet(person=wang)
    with clock.frozen(clock.now() - timedelta(days=400)):
        people.record_death(CLERK, wang.id, clock.today())
    assert wallet(mine).state is WalletState.open
    assert left.settle_left() == 1
    assert wallet(mine).state is WalletState.closed
