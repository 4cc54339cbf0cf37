"""Grants, reversals and openings: one asks, another decides, nobody for her own household; a reversal never makes a wallet negative."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock, notes
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.registry import Module
from civic.core.viewer import Actor
from civic.people import queries as people
from civic.points import checks, operations
from civic.points.errors import (
    AboveRow,
    AlreadyDecided,
    NotEnoughPoints,
    NotReversible,
    NotYours,
    OtherGrant,
    OwnHousehold,
    SecondPersonNeeded,
    WalletClosed,
    WalletFull,
    WrongAmount,
)
from civic.points.models import Proposal, ProposalKind, ProposalState, Reason, Transfer, TransferKind, Wallet, WalletKind, WalletState
from civic.points.operations import desk, proposals
from tests.support.points import adopt, balance, free, summed

ASKER, DECIDER = Actor(21), Actor(22)
WHY = "她照顾母亲，纸上的卡片已核对"


def due(wallet_id: int) -> int:
    return int(db.session.scalar(sa.select(Wallet.due).where(Wallet.id == wallet_id)) or 0)


def pool_of(programme) -> int:
    return db.session.scalars(sa.select(Wallet.id).where(Wallet.programme_id == programme.id, Wallet.kind == WalletKind.care_pool)).one()


def last_row(**where) -> Transfer:
    return db.session.scalars(sa.select(Transfer).filter_by(**where).order_by(Transfer.id.desc())).first()


def spend(wallet: int, amount: int) -> None:
    held = operations.hold(ASKER, wallet, amount, source=f"order:{wallet}-{amount}", until=clock.now() + timedelta(days=3))
    operations.settle(ASKER, held.id)


def state_of(row: Proposal) -> ProposalState:
    return db.session.get_one(Proposal, row.id, populate_existing=True).state


@pytest.fixture
def granted(make_wallet):
    """`granted(amount)`: (wallet, id of the row that gave it newly issued points)."""

    def make(amount: int) -> tuple[int, int]:
        wallet = make_wallet()
        (row,) = proposals.grant(ASKER, wallet, amount, source=f"care_grant:{wallet}", from_pool=False)
        return wallet, row

    return make


@pytest.fixture
def pool(programme, granted):
    """50 points in the care pool."""
    operations.donate(ASKER, granted(50_00)[0], 50_00)
    return pool_of(programme)


@pytest.fixture
def household_of(make_resident_account, place):
    """`household_of(person_id)`: an account whose person lives in this person's household."""

    def make(person_id: int):
        from civic.people.models import Membership

        account = make_resident_account(community=place)
        with atomic():
            mine = db.session.scalars(sa.select(Membership).where(Membership.person_id == account.person_id)).one()
            mine.household_id = people.household_of(person_id).id
        return account

    return make


# ---- grants -----------------------------------------------------------------------------------------------------------------
def test_a_grant_comes_from_the_pool_when_another_person_agrees(programme, pool, make_wallet, place):
    wallet = make_wallet()
    row = proposals.propose_grant(ASKER, wallet, 30_00, WHY)
    assert (row.kind, row.state, row.from_pool, row.territory_id) == (ProposalKind.grant, ProposalState.waiting, True, place.id)
    assert balance(wallet) == 0
    proposals.decide(DECIDER, row.id, True)
    assert (balance(wallet), balance(pool), state_of(row)) == (30_00, 20_00, ProposalState.done)
    line = last_row(source=f"proposal:{row.id}")
    assert (line.reason, line.kind, line.account_id) == (Reason.granted, TransferKind.single, 22)


def test_the_reason_and_the_answer_are_sealed(make_wallet):
    row = proposals.propose_grant(ASKER, make_wallet(), 5_00, WHY, from_pool=False)
    assert proposals.told(row) == [WHY]
    stored = db.session.get_one(notes.SealedNote, row.note_id)
    assert WHY not in stored.sealed
    proposals.decide(DECIDER, row.id, False, "先补交材料")
    row = db.session.get_one(Proposal, row.id)
    assert (proposals.told(row), row.state) == ([WHY, "先补交材料"], ProposalState.refused)
    assert db.session.get_one(notes.SealedNote, stored.id, populate_existing=True).sealed == ""


def test_a_proposal_without_a_reason_is_a_mistake_of_the_code(make_wallet):
    with pytest.raises(ValueError, match="reason"):
        proposals.propose_grant(ASKER, make_wallet(), 5_00, "  ")


def test_newly_issued_points_are_the_issuances(programme, make_wallet):
    wallet = make_wallet()
    proposals.decide(DECIDER, proposals.propose_grant(ASKER, wallet, 7_50, WHY, from_pool=False).id, True)
    assert (balance(wallet), summed(programme.id, WalletKind.issuance)) == (7_50, -7_50)


def test_an_opening_comes_from_the_opening_account(programme, make_wallet):
    wallet = make_wallet()
    proposals.decide(DECIDER, proposals.propose_opening(ASKER, wallet, 120_00, WHY).id, True)
    assert (balance(wallet), summed(programme.id, WalletKind.opening), summed(programme.id, WalletKind.issuance)) == (120_00, -120_00, 0)
    assert last_row(reason=Reason.opening).amount == 120_00


def test_an_empty_pool_refuses_with_its_numbers_and_the_proposal_still_waits(pool, make_wallet):
    row = proposals.propose_grant(ASKER, make_wallet(), 50_01, WHY)
    with pytest.raises(NotEnoughPoints) as refusal:
        proposals.decide(DECIDER, row.id, True)
    assert (refusal.value.context["cost"], refusal.value.context["available"]) == (50_01, 50_00)
    assert (state_of(row), balance(pool)) == (ProposalState.waiting, 50_00)


def test_what_does_not_fit_under_the_cap_stays_in_the_pool_or_goes_there(programme, pool, make_wallet):
    adopt(programme.id, "2026-2", clock.today(), cap=10_00)
    wallet = make_wallet(4_00)
    proposals.decide(DECIDER, proposals.propose_grant(ASKER, wallet, 9_00, WHY).id, True)
    assert (balance(wallet), balance(pool)) == (10_00, 44_00)
    with pytest.raises(WalletFull) as refusal:
        proposals.decide(DECIDER, proposals.propose_grant(ASKER, wallet, 1_00, WHY).id, True)
    assert refusal.value.context["cap_text"] == "10"
    other = make_wallet(4_00)
    proposals.decide(DECIDER, proposals.propose_opening(ASKER, other, 9_00, WHY).id, True)
    assert (balance(other), balance(pool)) == (10_00, 47_00)
    assert summed(programme.id, WalletKind.opening) == -9_00


def test_a_grant_pays_what_is_due_first(pool, make_wallet, make_person):
    person = make_person()
    wallet = make_wallet(person=person)
    operations.earn(ASKER, "hours:1", 1, person.id, 180, clock.today(), "other", "system")
    spend(wallet, 3_00)
    operations.earn(ASKER, "hours:1", 2, person.id, 60, clock.today(), "other", "system")
    assert due(wallet) == 2_00
    proposals.decide(DECIDER, proposals.propose_grant(ASKER, wallet, 5_00, WHY).id, True)
    assert (balance(wallet), due(wallet)) == (3_00, 0)


@pytest.mark.parametrize("amount", [0, -1, 10**18, True, 1.5])
def test_amounts_that_are_none(make_wallet, amount):
    with pytest.raises(WrongAmount):
        proposals.propose_grant(ASKER, make_wallet(), amount, WHY)


def test_a_closed_wallet_gets_nothing_also_when_it_is_closed_meanwhile(pool, make_wallet):
    wallet = make_wallet()
    row = proposals.propose_grant(ASKER, wallet, 5_00, WHY)
    operations.close(ASKER, wallet, "own_wish")
    with pytest.raises(WalletClosed):
        proposals.decide(DECIDER, row.id, True)
    with pytest.raises(WalletClosed):
        proposals.propose_grant(ASKER, wallet, 5_00, WHY)


def test_a_wallet_of_the_programme_gets_no_grant(pool):
    with pytest.raises(ValueError, match="somebody"):
        proposals.propose_grant(ASKER, pool, 5_00, WHY)


# ---- two people -------------------------------------------------------------------------------------------------------------
def test_the_one_who_asked_does_not_decide_nor_does_her_other_login(make_wallet, make_resident_account, make_account):
    first, second = make_resident_account(), make_account()
    with atomic():
        db.session.merge(second).person_id = first.person_id
    row = proposals.propose_grant(Actor(first.id), make_wallet(), 5_00, WHY, from_pool=False)
    for account in (first, second):
        for approve in (True, False):
            with pytest.raises(SecondPersonNeeded):
                proposals.decide(Actor(account.id), row.id, approve)
    assert state_of(row) is ProposalState.waiting


def test_nobody_asks_or_decides_for_her_own_household(make_wallet, make_person, household_of, make_resident_account):
    person = make_person()
    wallet = make_wallet(person=person)
    daughter = Actor(household_of(person.id).id)
    with pytest.raises(OwnHousehold):
        proposals.propose_grant(daughter, wallet, 5_00, WHY)
    row = proposals.propose_grant(ASKER, wallet, 5_00, WHY, from_pool=False)
    with pytest.raises(OwnHousehold):
        proposals.decide(daughter, row.id, True)
    with pytest.raises(OwnHousehold):
        proposals.decide(daughter, row.id, False)
    assert state_of(row) is ProposalState.waiting


def test_the_households_wallet_is_her_own_too(programme, make_wallet, make_person, household_of):
    person = make_person()
    with atomic():
        wallet = operations.wallet_of_household(programme.id, people.household_of(person.id).id)
    daughter = Actor(household_of(person.id).id)
    for act in (
        lambda: proposals.propose_opening(daughter, wallet, 5_00, WHY),
        lambda: desk.freeze_wallet(daughter, wallet, "suspicion"),
        lambda: desk.close_wallet(daughter, wallet, "own_wish", to_household=False),
    ):
        with pytest.raises(OwnHousehold):
            act()


def test_a_reversal_concerns_both_sides(programme, make_wallet, make_person, household_of):
    """A row from the mother's wallet to the pool: her daughter does not ask for its way back."""
    person = make_person()
    wallet = make_wallet(5_00, person=person)
    (given,) = operations.donate(ASKER, wallet, 5_00)
    with pytest.raises(OwnHousehold):
        proposals.propose_reversal(Actor(household_of(person.id).id), given, WHY)


def test_decided_once(make_wallet):
    wallet = make_wallet()
    row = proposals.propose_grant(ASKER, wallet, 5_00, WHY, from_pool=False)
    proposals.decide(DECIDER, row.id, True)
    for again in (
        lambda: proposals.decide(Actor(23), row.id, True),
        lambda: proposals.decide(Actor(23), row.id, False),
        lambda: proposals.withdraw(ASKER, row.id),
    ):
        with pytest.raises(AlreadyDecided):
            again()
    assert balance(wallet) == 5_00


def test_withdrawn_by_the_one_who_asked_alone(make_wallet):
    row = proposals.propose_grant(ASKER, make_wallet(), 5_00, WHY, from_pool=False)
    with pytest.raises(NotYours):
        proposals.withdraw(DECIDER, row.id)
    assert proposals.withdraw(ASKER, row.id).state is ProposalState.withdrawn
    with pytest.raises(AlreadyDecided):
        proposals.decide(DECIDER, row.id, True)


def test_a_job_decides_nothing(make_wallet):
    row = proposals.propose_grant(ASKER, make_wallet(), 5_00, WHY, from_pool=False)
    with pytest.raises(ValueError, match="a person"):
        proposals.decide(Actor(None, job="x"), row.id, True)


# ---- the verb for care ------------------------------------------------------------------------------------------------------
def test_the_verb_grants_once_per_source(pool, make_wallet):
    wallet, other = make_wallet(), make_wallet()
    first = proposals.grant(ASKER, wallet, 12_00, source="care_grant:1")
    assert proposals.grant(ASKER, wallet, 12_00, source="care_grant:1") == first
    assert (balance(wallet), balance(pool)) == (12_00, 38_00)
    with pytest.raises(OtherGrant):
        proposals.grant(ASKER, wallet, 13_00, source="care_grant:1")
    with pytest.raises(OtherGrant):
        proposals.grant(ASKER, other, 12_00, source="care_grant:1")
    proposals.grant(ASKER, other, 12_00, source="care_grant:2")
    assert (balance(other), balance(pool)) == (12_00, 26_00)


def test_the_same_again_after_the_cap_cut_it_is_still_the_same(programme, pool, make_wallet):
    adopt(programme.id, "2026-2", clock.today(), cap=10_00)
    wallet = make_wallet(4_00)
    first = proposals.grant(ASKER, wallet, 12_00, source="care_grant:1")
    assert proposals.grant(ASKER, wallet, 12_00, source="care_grant:1") == first
    assert (balance(wallet), balance(pool)) == (10_00, 44_00)


# ---- reversals --------------------------------------------------------------------------------------------------------------
def reversed_(transfer_id: int, amount: int | None = None) -> Proposal:
    row = proposals.propose_reversal(ASKER, transfer_id, WHY, amount)
    return proposals.decide(DECIDER, row.id, True)


def test_a_reversal_is_one_counter_row(programme, granted):
    wallet, row = granted(8_00)
    done = reversed_(row)
    counter = last_row(kind=TransferKind.reversal)
    original = db.session.get_one(Transfer, row)
    assert (counter.reverses_id, counter.amount, counter.debit_id, counter.credit_id) == (row, 8_00, original.credit_id, original.debit_id)
    assert (done.wallet_id, done.transfer_id, balance(wallet), summed(programme.id, WalletKind.issuance)) == (wallet, row, 0, 0)


def test_what_went_from_the_pool_to_the_correction_comes_back_to_it(programme, make_person):
    """Neither side is anybody's: hours given to the pool turned out none, and that was the mistake."""
    person_id = make_person().id
    for revision, minutes in ((1, 240), (2, 0)):
        operations.earn(ASKER, "hours:1", revision, person_id, minutes, clock.today(), "other", "system", donate_only=True)
    row, pool = last_row(reason=Reason.corrected), pool_of(programme)
    assert (row.amount, balance(pool)) == (4_00, 0)
    done = reversed_(row.id)
    counter = last_row(kind=TransferKind.reversal)
    assert (done.state, done.wallet_id, counter.reverses_id, counter.amount, balance(pool)) == (
        ProposalState.done,
        pool,
        row.id,
        4_00,
        4_00,
    )
    assert db.session.scalar(sa.select(sa.func.sum(Wallet.due))) == 0
    assert [v for check in checks.CHECKS for v in check.run()] == []


def test_a_part_may_be_reversed_once(granted):
    wallet, row = granted(8_00)
    reversed_(row, 3_00)
    assert balance(wallet) == 5_00
    with pytest.raises(NotReversible):
        proposals.propose_reversal(ASKER, row, WHY)


def test_a_reversed_spending_gives_back_all_also_above_the_cap_and_nothing_new_fits_then(programme, granted):
    """She is as before the mistake, though the wallet filled up meanwhile; what is earned goes to the pool until there is room again."""
    adopt(programme.id, "2026-2", clock.today(), cap=10_00)
    wallet, _row = granted(8_00)
    spend(wallet, 6_00)
    paid = last_row(kind=TransferKind.post).id
    proposals.grant(ASKER, wallet, 8_00, source="care_grant:again", from_pool=False)
    reversed_(paid)
    assert balance(wallet) == 16_00
    person_id = db.session.scalar(sa.select(Wallet.person_id).where(Wallet.id == wallet))
    operations.earn(ASKER, "hours:9", 1, person_id, 60, clock.today(), "other", "system")
    assert (balance(wallet), balance(pool_of(programme))) == (16_00, 1_00)


def test_more_than_the_row_moved_is_refused(granted):
    _wallet, row = granted(8_00)
    with pytest.raises(AboveRow):
        proposals.propose_reversal(ASKER, row, WHY, 8_01)


def test_what_is_spent_becomes_due_and_is_paid_by_later_points(granted, make_person):
    wallet, row = granted(8_00)
    spend(wallet, 6_00)
    reversed_(row)
    assert (balance(wallet), due(wallet)) == (0, 6_00)
    assert last_row(kind=TransferKind.reversal).amount == 2_00
    person_id = db.session.scalar(sa.select(Wallet.person_id).where(Wallet.id == wallet))
    operations.earn(ASKER, "hours:9", 1, person_id, 480, clock.today(), "other", "system")
    assert (balance(wallet), due(wallet)) == (2_00, 0)


def test_where_everything_is_spent_there_is_no_row_but_the_due_and_no_second_reversal(granted):
    wallet, row = granted(8_00)
    spend(wallet, 8_00)
    reversed_(row)
    assert (balance(wallet), due(wallet), last_row(kind=TransferKind.reversal)) == (0, 8_00, None)
    with pytest.raises(NotReversible):
        proposals.propose_reversal(ASKER, row, WHY)


def test_held_points_are_not_taken(granted):
    wallet, row = granted(8_00)
    held = operations.hold(ASKER, wallet, 5_00, source="order:1", until=clock.now() + timedelta(days=3))
    reversed_(row)
    assert (balance(wallet), free(wallet), due(wallet)) == (5_00, 0, 5_00)
    operations.settle(ASKER, held.id)
    assert (balance(wallet), due(wallet)) == (0, 5_00)


def test_points_of_another_year_pay_what_the_vintage_has_no_more(make_wallet, make_person, programme):
    person = make_person()
    wallet = make_wallet(person=person)
    (row,) = proposals.grant(ASKER, wallet, 8_00, source="care_grant:1", from_pool=False)
    spend(wallet, 8_00)
    with clock.frozen(clock.now() + timedelta(days=60)):
        operations.earn(ASKER, "hours:1", 1, person.id, 300, clock.today(), "other", "system")
        reversed_(row)
        assert (balance(wallet), due(wallet)) == (0, 3_00)


def test_a_spending_comes_back_whole(programme, make_wallet):
    wallet = make_wallet(5_00)
    spend(wallet, 4_00)
    posted = last_row(kind=TransferKind.post)
    done = reversed_(posted.id)
    assert (balance(wallet), done.wallet_id, summed(programme.id, WalletKind.redemption)) == (5_00, wallet, 0)


def test_a_donation_comes_back_from_the_pool_as_far_as_it_reaches(programme, pool, make_wallet, granted):
    wallet, _row = granted(20_00)
    (given,) = operations.donate(ASKER, wallet, 20_00)
    proposals.grant(ASKER, make_wallet(), 60_00, source="pool:1")  # ten are left
    reversed_(given)
    assert (balance(wallet), balance(pool), due(pool)) == (10_00, 0, 10_00)
    operations.donate(ASKER, granted(15_00)[0], 15_00)
    assert (balance(pool), due(pool)) == (5_00, 0)


def test_a_closed_wallets_heir_answers_for_what_it_inherited(programme, make_wallet, make_person):
    """Points of a closed wallet went to the household's: the reversal takes them there."""
    person = make_person()
    wallet = make_wallet(person=person)
    (row,) = proposals.grant(ASKER, wallet, 8_00, source="care_grant:1", from_pool=False)
    assert desk.close_wallet(ASKER, wallet, "own_wish", to_household=True) == 8_00
    heir = db.session.scalars(sa.select(Wallet.heir_id).where(Wallet.id == wallet)).one()
    assert balance(heir) == 8_00
    reversed_(row)
    assert (balance(heir), due(heir), due(wallet)) == (0, 0, 0)


@pytest.mark.parametrize("which", ["hold", "reversal", "unknown"])
def test_some_rows_are_not_reversible(granted, which):
    wallet, row = granted(8_00)
    if which == "hold":
        operations.hold(ASKER, wallet, 1_00, source="order:1", until=clock.now() + timedelta(days=3))
        row = last_row(kind=TransferKind.hold).id
    elif which == "reversal":
        reversed_(row)
        row = last_row(kind=TransferKind.reversal).id
    else:
        row = 10**9
    with pytest.raises(NotReversible):
        proposals.propose_reversal(ASKER, row, WHY)


def test_two_do_not_ask_for_the_same_row(granted):
    _wallet, row = granted(8_00)
    first = proposals.propose_reversal(ASKER, row, WHY)
    with pytest.raises(NotReversible):
        proposals.propose_reversal(DECIDER, row, WHY)
    proposals.decide(DECIDER, first.id, False)
    assert proposals.propose_reversal(DECIDER, row, WHY).state is ProposalState.waiting


# ---- the desk ---------------------------------------------------------------------------------------------------------------
def test_frozen_and_open_again(make_wallet):
    wallet = make_wallet(5_00)
    desk.freeze_wallet(ASKER, wallet, "suspicion")
    row = db.session.get_one(Wallet, wallet)
    assert (row.state, row.state_why) == (WalletState.frozen, "suspicion")
    desk.unfreeze_wallet(DECIDER, wallet)
    assert db.session.get_one(Wallet, wallet, populate_existing=True).state is WalletState.open
    with pytest.raises(ValueError, match="reason"):
        desk.freeze_wallet(ASKER, wallet, "because")


def test_closed_to_the_pool(programme, make_wallet):
    wallet = make_wallet(5_00)
    assert desk.close_wallet(ASKER, wallet, "moved_away", to_household=False) == 5_00
    assert (balance(wallet), balance(pool_of(programme))) == (0, 5_00)


@pytest.fixture
def vouching(site):
    """A module above that says what it decided, as the market will."""
    registry = site.extensions["civic"].registry
    registry.add(Module(name="care", title="", causes={"care_grant": lambda ids: dict.fromkeys(ids, 50_00)}))
    yield
    registry.modules.pop()


def test_the_checks_find_nothing_after_all_of_it(programme, pool, granted, make_wallet, vouching):
    wallet, row = granted(8_00)
    spend(wallet, 6_00)
    reversed_(row)
    proposals.decide(DECIDER, proposals.propose_grant(ASKER, wallet, 9_00, WHY).id, True)
    proposals.decide(DECIDER, proposals.propose_opening(ASKER, make_wallet(), 9_00, WHY).id, True)
    other, given = granted(5_00)
    reversed_(given, 2_00)
    desk.close_wallet(ASKER, other, "own_wish", to_household=True)
    assert [(v.table, v.what) for check in checks.CHECKS for v in check.run()] == []
