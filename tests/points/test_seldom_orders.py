"""Orders of events that seldom meet, in which the ledger once differed from the plain model of tests/properties: closed, run out, reversed."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.points import checks, operations
from civic.points.models import Reason, Transfer, Wallet, WalletKind
from civic.points.operations import proposals
from tests.conftest import NOW
from tests.support.points import adopt, balance, free

ASKER, DECIDER = Actor(21), Actor(22)
DAY = date(2026, 11, 20)


def pool_of(programme) -> int:
    return db.session.scalars(sa.select(Wallet.id).where(Wallet.programme_id == programme.id, Wallet.kind == WalletKind.care_pool)).one()


def earn(person, minutes: int, revision: int = 1, source: str = "hours:1") -> None:
    operations.earn(ASKER, source, revision, person.id, minutes, DAY, "other", "system")


def reverse(reason: Reason, amount: int | None = None) -> None:
    """The newest row of this reason, by two people."""
    row = db.session.scalars(sa.select(Transfer.id).where(Transfer.reason == reason).order_by(Transfer.id.desc())).first()
    proposals.decide(DECIDER, proposals.propose_reversal(ASKER, row, "弄错了", amount).id, True)


def nothing_is_found() -> None:
    assert [(check.name, v.table, v.row, v.what) for check in checks.CHECKS for v in check.run()] == []


def closed_with_a_hold(person, wallet: int, heir: int) -> None:
    """5.00 earned, 2.00 of them held for an hour, the wallet closed; two hours later."""
    earn(person, 300)
    operations.hold(ASKER, wallet, 2_00, source="order:1", until=NOW + timedelta(hours=1))
    operations.close(ASKER, wallet, "merge", heir, with_holds=True)


def test_hours_of_a_closed_wallet_whose_hold_has_run_out_leave_nothing_free_in_it(make_person, make_wallet):
    person = make_person()
    wallet, heir = make_wallet(person=person), make_wallet()
    closed_with_a_hold(person, wallet, heir)
    with clock.frozen(NOW + timedelta(hours=2)):
        earn(person, 360, revision=2)
        assert (balance(wallet), balance(heir)) == (0, 5_00)
        nothing_is_found()


def test_a_reversal_of_what_a_closed_wallet_was_given_leaves_nothing_free_in_it(make_person, make_wallet):
    person = make_person()
    wallet, heir = make_wallet(person=person), make_wallet()
    closed_with_a_hold(person, wallet, heir)
    with clock.frozen(NOW + timedelta(hours=2)):
        reverse(Reason.earned, 50)
        assert (balance(wallet), balance(heir)) == (0, 4_50)
        nothing_is_found()


def test_a_correction_that_was_reversed_is_nothing_that_a_later_decrease_has_taken(make_person, make_wallet):
    """8.00 earned, corrected to 5.00, the correction reversed (3.00 came back), hours set to 0: 5.00 are taken, 3.00 stay as was decided."""
    person = make_person()
    wallet = make_wallet(person=person)
    earn(person, 480)
    earn(person, 300, revision=2)
    reverse(Reason.corrected)
    assert balance(wallet) == 8_00
    earn(person, 0, revision=3)
    assert balance(wallet) == 3_00
    nothing_is_found()


def test_what_flowed_over_and_was_reversed_is_not_taken_from_the_pool_again(programme, make_person, make_wallet):
    """3.00 earned over a cap of 1.00: 1.00 stays, 2.00 flow over and are reversed; hours set to 0: the 1.00 goes, the pool keeps what is others'."""
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=1_00)
    person, other = make_person(), make_person()
    wallet, pool = make_wallet(person=person), pool_of(programme)
    make_wallet(person=other)
    earn(other, 480, source="hours:2")
    earn(person, 180)
    reverse(Reason.overflow)
    assert (free(wallet), balance(pool)) == (1_00, 7_00)
    earn(person, 0, revision=2)
    assert (free(wallet), balance(pool)) == (0, 7_00)
    nothing_is_found()


def test_what_an_heir_cannot_keep_pays_what_the_pool_owes(programme, make_person, make_wallet):
    """The pool owes 2.00; a closed wallet leaves 3.00 to an heir whose wallet is full."""
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=3_00)
    first, second, giver = make_person(), make_person(), make_person()
    wallet, heir, pool = make_wallet(person=first), make_wallet(person=second), pool_of(programme)
    receiver = make_wallet()
    operations.earn(ASKER, "hours:9", 1, giver.id, 120, DAY, "other", "system")
    operations.donate(ASKER, make_wallet(person=giver), 2_00)
    donated = db.session.scalars(sa.select(Transfer.id).where(Transfer.reason == Reason.donated)).one()
    proposals.decide(DECIDER, proposals.propose_grant(ASKER, receiver, 2_00, "照顾母亲").id, True)
    proposals.decide(DECIDER, proposals.propose_reversal(ASKER, donated, "弄错了").id, True)
    earn(first, 180)
    earn(second, 180, source="hours:2")
    operations.close(ASKER, wallet, "merge", heir, with_holds=True)
    assert (balance(wallet), balance(heir), balance(pool)) == (0, 3_00, 1_00)
    with atomic():
        assert db.session.get_one(Wallet, pool, populate_existing=True).due == 0
    nothing_is_found()
