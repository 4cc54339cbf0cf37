"""Law of points and lives: whoever dies, merges, joins, leaves or comes back, no point is made and none is lost.

The model is two numbers: what was earned minus what was spent and corrected stands in all wallets and the care pool together.  At the end of every life
the checks of `civic check` find nothing: counters are what rows make of them, nothing free lies in a closed wallet.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.people import operations as people
from civic.people.models import HouseholdRelation, Membership, Merge, MergeState, Person, PersonSource
from civic.people.records import Record
from civic.points import checks, operations
from civic.points.models import Hold, HoldState, Vintage, Wallet, WalletKind, WalletState
from civic.points.operations import left
from tests.support.people import CLERK, COLLEAGUE
from tests.support.points import summed

LONG = os.environ.get("CIVIC_TEST_LONG") == "1"
TODAY = date(2026, 11, 25)
picks = st.integers(0, 10_000)


class Wallets(RuleBasedStateMachine):
    """People with points, some in one household; every act may be refused, none may lose a point."""

    place_id = programme_id = 0

    def __init__(self) -> None:
        super().__init__()
        db.session.remove()  # reads that are open would undo more than their own when they end
        self.undo = db.session.get_bind().begin_nested()
        self.ids = [people.create_person(CLERK, self.place_id, Record("王"), source=PersonSource.desk).id for _ in range(4)]
        self.issued = self.spent = self.number = 0
        self.earned: list[tuple[str, int, date]] = []

    def teardown(self) -> None:
        try:
            assert [(v.table, v.row, v.what) for check in checks.CHECKS for v in check.run()] == []
        finally:
            db.session.remove()
            self.undo.rollback()

    def some(self, pick: int) -> int:
        return self.ids[pick % len(self.ids)]

    def person(self, pick: int) -> Person:
        return db.session.get_one(Person, self.some(pick), populate_existing=True)

    def household(self, person_id: int) -> int | None:
        query = sa.select(Membership.household_id).where(Membership.person_id == person_id, Membership.ended_on.is_(None))
        return db.session.scalar(query)

    def tried(self, act: Callable[[], Any]) -> bool:
        try:
            act()
        except DomainError:
            return False
        return True

    # ---- points

    @rule(pick=picks, minutes=st.integers(1, 16))
    def earn(self, pick: int, minutes: int) -> None:
        self.number += 1
        day = TODAY - timedelta(days=self.number % 200)
        row = operations.earn(CLERK, f"hours:{self.number}", 1, self.some(pick), minutes * 30, day, "other", "system")
        self.issued += row.amount if row is not None else 0
        self.earned.append((row.source, row.person_id, day))

    @rule(pick=picks, to_household=st.booleans(), amount=st.integers(1, 300))
    def donate(self, pick: int, to_household: bool, amount: int) -> None:
        wallet = self.wallet(pick)
        home = self.household(self.some(pick))
        with atomic():
            to = operations.wallet_of_household(self.programme_id, home) if to_household and home is not None else None
        self.tried(lambda: operations.donate(CLERK, wallet, amount, to))

    def wallet(self, pick: int) -> int:
        with atomic():
            return operations.wallet_of_person(self.programme_id, self.some(pick))

    @rule(pick=picks, amount=st.integers(1, 300), of_household=st.booleans())
    def hold(self, pick: int, amount: int, of_household: bool) -> None:
        self.number += 1
        home, wallet = self.household(self.some(pick)), self.wallet(pick)
        if of_household and home is not None:
            with atomic():
                wallet = operations.wallet_of_household(self.programme_id, home)
        self.tried(lambda: operations.hold(CLERK, wallet, amount, source=f"order:{self.number}", until=clock.now() + timedelta(days=9)))

    @rule(pick=picks, how=st.sampled_from(["settle", "void", "half"]))
    def end_hold(self, pick: int, how: str) -> None:
        ids = db.session.scalars(sa.select(Hold.id).where(Hold.state == HoldState.open).order_by(Hold.id)).all()
        if not ids:
            return
        held = db.session.get_one(Hold, ids[pick % len(ids)], populate_existing=True)
        part = held.amount if how == "settle" else max(1, held.amount // 2)
        if how == "void":
            operations.void(CLERK, held.id)
        elif self.tried(lambda: operations.settle(CLERK, held.id, part)):
            self.spent += part

    @rule(pick=picks, on=st.booleans())
    def freeze(self, pick: int, on: bool) -> None:
        wallet = self.wallet(pick)
        self.tried(lambda: operations.freeze(CLERK, wallet, "suspicion") if on else operations.unfreeze(CLERK, wallet))

    @precondition(lambda self: bool(self.earned))
    @rule(pick=picks)
    def correct(self, pick: int) -> None:
        """The hours turn out to be none: what is still there is taken, what is spent becomes due and is paid by what comes later."""
        source, who, day = self.earned.pop(pick % len(self.earned))
        operations.earn(CLERK, source, 2, who, 0, day, "other", "system")

    # ---- lives

    @rule(pick=picks)
    def die(self, pick: int) -> None:
        self.tried(lambda: people.record_death(CLERK, self.some(pick), TODAY))

    @rule(pick=picks)
    def live_again(self, pick: int) -> None:
        self.tried(lambda: people.undo_death(CLERK, self.some(pick)))

    @rule(pick=picks, other=picks)
    def join(self, pick: int, other: int) -> None:
        home = self.household(self.some(other))
        if home is not None:
            self.tried(lambda: people.join_household(CLERK, [self.some(pick)], home, HouseholdRelation.other, TODAY))

    @rule(pick=picks)
    def split(self, pick: int) -> None:
        if self.household(self.some(pick)) is not None:
            self.tried(lambda: people.split_household(CLERK, [self.some(pick)], TODAY))

    @rule(pick=picks, other=picks)
    def merge(self, pick: int, other: int) -> None:
        def both() -> None:
            asked = people.ask_merge(CLERK, self.some(pick), self.some(other), "同一人")
            people.decide_merge(COLLEAGUE, asked.id, True, from_above=True)

        self.tried(both)

    @rule(pick=picks)
    def unmerge(self, pick: int) -> None:
        ids = db.session.scalars(sa.select(Merge.id).where(Merge.state == MergeState.done).order_by(Merge.id)).all()
        if ids:
            people.ask_undo(CLERK, ids[pick % len(ids)], "两姐妹")
            people.undo_merge(COLLEAGUE, ids[pick % len(ids)])

    @rule(pick=picks)
    def empty(self, pick: int) -> None:
        person = self.person(pick)
        if person.is_alive and len(self.ids) > 2:
            people.restrict_person(CLERK, person.id)
            if self.tried(lambda: people.empty_person(CLERK, person.id)):
                self.ids.remove(person.id)

    @rule()
    def night(self) -> None:
        left.settle_left()

    # ---- what must be so after every step

    @invariant()
    def points_and_people_agree(self) -> None:
        self.nothing_is_lost()
        self.the_living_have_no_closed_wallet()

    def nothing_is_lost(self) -> None:
        """What corrections and recovered dues took stands in the correction account, to the last hundredth."""
        corrected = summed(self.programme_id, WalletKind.correction)
        stands = db.session.scalar(sa.select(sa.func.sum(Vintage.balance))) or 0
        assert stands == self.issued - self.spent - corrected
        assert summed(self.programme_id, WalletKind.issuance) == -self.issued

    def the_living_have_no_closed_wallet(self) -> None:
        gone = sa.or_(Person.died_on.is_not(None), Person.merged_into_id.is_not(None), Person.emptied_at.is_not(None))
        query = sa.select(Wallet.id).join(Person, Person.id == Wallet.person_id).where(Wallet.state == WalletState.closed, sa.not_(gone))
        assert list(db.session.scalars(query)) == []


def test_no_life_event_makes_or_loses_a_point(site, programme, place):
    Wallets.place_id, Wallets.programme_id = place.id, programme.id
    run_state_machine_as_test(
        Wallets,
        settings=settings(
            max_examples=100 if LONG else 10,
            stateful_step_count=60 if LONG else 30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
