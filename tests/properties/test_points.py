"""Law of the ledger: whatever is asked in whichever order, wallets, pool and sinks are what a plain model says, and nothing is made or lost.

The model knows totals alone: no years, no rows, no triggers.  After every step the database is compared with it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from civic.core import clock
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.viewer import Actor
from civic.points import operations
from civic.points.models import Hold, HoldState, Vintage, Wallet, WalletKind
from tests.conftest import NOW
from tests.support.points import adopt, summed

LONG = os.environ.get("CIVIC_TEST_LONG") == "1"
WANG = Actor(7)
CAP, DAILY = 20_00, 480
DAYS = [date(2026, 11, 20), date(2026, 11, 21)]
picks = st.integers(0, 10_000)
amounts = st.sampled_from([1, 50, 1_00, 2_50, 7_00, 19_99, 40_00])


@dataclass
class Purse:
    """What the model knows of a wallet: hundredths, and what is held by which hold."""

    balance: int = 0
    due: int = 0
    state: str = "open"
    heir: int | None = None
    holds: dict[int, tuple[int, datetime]] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.balance - sum(amount for amount, _until in self.holds.values())


@dataclass
class Service:
    """The newest revision of a source, and what of it lies in the pool."""

    purse: int
    day: date
    revision: int
    counted: int
    amount: int
    pooled: int = 0


class Ledger(RuleBasedStateMachine):
    """Five wallets, two days of service, a clock that goes on."""

    programme: Any = None
    people: Any = ()
    wallets: Any = ()

    def __init__(self) -> None:
        super().__init__()
        self.undo = db.session.get_bind().begin_nested()
        self.purses = [Purse() for _ in self.wallets]
        self.pool, self.pool_due = 0, 0
        self.services: dict[str, Service] = {}
        self.spent = self.corrected = self.issued = self.orders = 0
        self.now = NOW

    def teardown(self) -> None:
        db.session.remove()
        self.undo.rollback()

    def tried(self, act: Any) -> Any:
        """What came back, or the code of the refusal."""
        with clock.frozen(self.now):
            try:
                return act()
            except DomainError as refusal:
                return refusal.code

    def hold_of(self, pick: int) -> tuple[int, int] | None:
        every = [(at, id_) for at, purse in enumerate(self.purses) for id_ in purse.holds]
        return every[pick % len(every)] if every else None

    # ---- what happens in the model

    def give_pool(self, amount: int, *, recovers: bool = True) -> None:
        self.pool += amount
        if recovers:
            paid = min(self.pool, self.pool_due)
            self.pool, self.pool_due, self.corrected = self.pool - paid, self.pool_due - paid, self.corrected + paid

    def recover(self, purse: Purse) -> None:
        paid = min(purse.due, purse.free)
        purse.balance, purse.due, self.corrected = purse.balance - paid, purse.due - paid, self.corrected + paid

    def touch(self, purse: Purse) -> None:
        for id_ in [id_ for id_, (_amount, until) in purse.holds.items() if until <= self.now]:
            del purse.holds[id_]
            self.recover(purse)

    def refused(self, purse: Purse, amount: int) -> bool:
        """Is it more than would be free?  A refusal leaves everything as it was, holds whose time is over too."""
        free = purse.balance - sum(held for held, until in purse.holds.values() if until > self.now)
        return amount > free - min(purse.due, max(0, free))

    def forward(self, purse: Purse) -> None:
        """What is free in a closed wallet goes to its open heir, else to the pool."""
        if purse.state != "closed":
            return
        moved, purse.balance = purse.free, purse.balance - purse.free
        heir, seen = purse, []
        while heir.heir is not None and heir.heir not in seen and heir.state == "closed":
            seen.append(heir.heir)
            heir = self.purses[heir.heir]
        kept = 0 if heir.state == "closed" else max(0, min(moved, CAP - heir.balance))
        heir.balance += kept
        self.give_pool(moved - kept, recovers=False)

    # ---- what is asked

    @rule(at=picks, source=st.integers(0, 5), minutes=st.integers(0, 600), given=st.booleans())
    def serve(self, at: int, source: int, minutes: int, given: bool) -> None:
        name = f"hours:{source}"
        known = self.services.get(name)
        at = known.purse if known else at % len(self.purses)
        day, revision = (known.day, known.revision + 1) if known else (DAYS[source % 2], 1)
        others = sum(s.counted for n, s in self.services.items() if n != name and s.purse == at and s.day == day)
        counted = min(minutes // 30 * 30, max(0, DAILY - others) // 30 * 30)
        amount, before = counted * 100 // 60, known.amount if known else 0
        act = lambda: operations.earn(WANG, name, revision, self.people[at], minutes, day, "other", "system", given)  # noqa: E731
        row = self.tried(act)
        assert (row.counted, row.amount) == (counted, amount)
        assert self.tried(act).id == row.id  # the same revision again changes nothing
        purse, service = self.purses[at], known or Service(at, day, 1, 0, 0)
        self.touch(purse)
        service.revision, service.counted, service.amount = revision, counted, amount
        self.services[name] = service
        if amount > before:
            self.credit(purse, service, amount - before, given=given)
        elif amount < before:
            self.take_back(purse, service, before - amount)

    def credit(self, purse: Purse, service: Service, amount: int, *, given: bool) -> None:
        self.issued += amount
        kept = 0 if given or purse.state == "closed" else max(0, min(amount, CAP - purse.balance))
        purse.balance += kept
        if amount > kept:
            service.pooled += amount - kept
            self.give_pool(amount - kept)
        if kept:
            self.recover(purse)

    def take_back(self, purse: Purse, service: Service, amount: int) -> None:
        from_pool = min(amount, service.pooled)
        taken = min(from_pool, self.pool)
        self.pool -= taken
        service.pooled -= taken
        self.pool_due += from_pool - taken
        rest = amount - from_pool
        part = min(rest, purse.free)
        purse.balance -= part
        purse.due += rest - part
        self.corrected += taken + part

    @rule(at=picks, amount=amounts, hours=st.sampled_from([1, 30, 400]))
    def set_aside(self, at: int, amount: int, hours: int) -> None:
        at %= len(self.purses)
        purse, until = self.purses[at], self.now + timedelta(hours=hours)
        self.orders += 1
        source = f"order:{self.orders}"  # a source holds once, also when its hold has ended
        done = self.tried(lambda: operations.hold(WANG, self.wallets[at], amount, source=source, until=until))
        if purse.state != "open":
            assert done == f"wallet_{purse.state}"
            return
        if self.refused(purse, amount):
            assert done == "not_enough_points"
            return
        self.touch(purse)
        purse.holds[done.id] = (amount, until)

    @rule(pick=picks, part=st.none() | amounts)
    def spend(self, pick: int, part: int | None) -> None:
        chosen = self.hold_of(pick)
        if chosen is None:
            return
        at, hold_id = chosen
        purse = self.purses[at]
        amount, until = purse.holds[hold_id]
        done = self.tried(lambda: operations.settle(WANG, hold_id, part))
        asked = amount if part is None else part
        if asked > amount:
            assert done == "above_hold"
        elif until <= self.now:
            assert done == "hold_ended"
        elif purse.state == "frozen":
            assert done == "wallet_frozen"
        else:
            del purse.holds[hold_id]
            purse.balance -= asked
            self.spent += asked
            self.recover(purse)
            self.forward(purse)
            assert self.tried(lambda: operations.settle(WANG, hold_id)) == "hold_ended"

    @rule(pick=picks)
    def give_back(self, pick: int) -> None:
        chosen = self.hold_of(pick)
        if chosen is not None:
            purse = self.purses[chosen[0]]
            self.tried(lambda: operations.void(WANG, chosen[1]))
            del purse.holds[chosen[1]]
            self.recover(purse)
            self.forward(purse)

    @rule(pick=picks)
    def prolong(self, pick: int) -> None:
        chosen = self.hold_of(pick)
        if chosen is None:
            return
        purse, until = self.purses[chosen[0]], self.now + timedelta(days=9)
        done = self.tried(lambda: operations.renew(WANG, chosen[1], until))
        if purse.holds[chosen[1]][1] <= self.now:
            assert done == "hold_ended"
        else:
            amount, _until = purse.holds.pop(chosen[1])
            purse.holds[done.id] = (amount, until)

    @rule(pick=picks)
    def let_the_job_run(self, pick: int) -> None:
        chosen = self.hold_of(pick)
        if chosen is not None and self.tried(lambda: operations.expire(WANG, chosen[1])):
            purse = self.purses[chosen[0]]
            assert purse.holds.pop(chosen[1])[1] <= self.now
            self.recover(purse)
            self.forward(purse)

    @rule(at=picks, amount=amounts)
    def donate(self, at: int, amount: int) -> None:
        at %= len(self.purses)
        purse = self.purses[at]
        done = self.tried(lambda: operations.donate(WANG, self.wallets[at], amount))
        if purse.state != "open":
            assert done == f"wallet_{purse.state}"
            return
        if self.refused(purse, amount):
            assert done == "not_enough_points"
            return
        self.touch(purse)
        purse.balance -= amount
        self.give_pool(amount)

    @rule(at=picks)
    def freeze_or_thaw(self, at: int) -> None:
        at %= len(self.purses)
        purse = self.purses[at]
        act = operations.unfreeze if purse.state == "frozen" else lambda actor, id_: operations.freeze(actor, id_, "suspicion")
        done = self.tried(lambda: act(WANG, self.wallets[at]))
        if purse.state == "closed":
            assert done == "wallet_closed"
        else:
            purse.state = "open" if purse.state == "frozen" else "frozen"

    @precondition(lambda self: sum(p.state == "closed" for p in self.purses) < 2)
    @rule(at=picks, to=st.none() | picks)
    def close(self, at: int, to: int | None) -> None:
        at %= len(self.purses)
        heir = None if to is None or to % len(self.purses) == at else to % len(self.purses)
        purse = self.purses[at]
        done = self.tried(
            lambda: operations.close(WANG, self.wallets[at], "merge", None if heir is None else self.wallets[heir], with_holds=True)
        )
        if purse.state != "open":
            assert done == f"wallet_{purse.state}"
            return
        self.touch(purse)
        purse.state, purse.heir = "closed", heir
        self.forward(purse)

    @rule(hours=st.sampled_from([1, 24, 24 * 15]))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    # ---- what must be so after every step

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        totals = (Wallet.id, Wallet.state, Wallet.due, sa.func.sum(Vintage.balance), sa.func.sum(Vintage.held))
        query = sa.select(*totals).outerjoin(Vintage, Vintage.wallet_id == Wallet.id).group_by(Wallet.id, Wallet.state, Wallet.due)
        rows = {row[0]: row for row in db.session.execute(query.where(Wallet.kind.in_([WalletKind.member, WalletKind.care_pool])))}
        for id_, purse in zip(self.wallets, self.purses, strict=True):
            _id, state, due, balance, held = rows.pop(id_)
            assert (state.value, due, balance or 0, held or 0) == (purse.state, purse.due, purse.balance, purse.balance - purse.free)
        ((_id, _state, due, balance, held),) = rows.values()
        assert (due, balance, held) == (self.pool_due, self.pool, 0)

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        sinks = {kind: summed(self.programme.id, kind) for kind in (WalletKind.issuance, WalletKind.redemption, WalletKind.correction)}
        assert sinks == {WalletKind.issuance: -self.issued, WalletKind.redemption: self.spent, WalletKind.correction: self.corrected}
        assert sum(purse.balance for purse in self.purses) + self.pool == self.issued - self.spent - self.corrected

    @invariant()
    def holds_are_what_the_model_says(self) -> None:
        found = dict(db.session.execute(sa.select(Hold.id, Hold.amount).where(Hold.state == HoldState.open)).all())
        assert found == {id_: amount for purse in self.purses for id_, (amount, _until) in purse.holds.items()}


def test_the_ledger_against_a_plain_model(programme, make_person, make_wallet):
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=CAP, daily=DAILY)
    people = [make_person() for _ in range(5)]
    Ledger.programme, Ledger.people = programme, [person.id for person in people]
    Ledger.wallets = [make_wallet(person=person) for person in people]
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=1000 if LONG else 25,
            stateful_step_count=100 if LONG else 40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
