"""Law of the ledger: whatever is asked in whichever order, purses, years, pool, rows and refusals are what a plain model says.

The model (points_model.py) knows no tables, locks or triggers; it foretells each row of the ledger or the code of the refusal.  After every step
the database is compared with it, and at the end of every example, now and then before, `civic check` finds nothing about points.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from civic.core import clock, closes
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError, KeyReused
from civic.core.idempotency import Replayed, keyed
from civic.core.viewer import Actor
from civic.people import queries as people
from civic.people.models import HouseholdRelation, Membership
from civic.points import checks, operations
from civic.points.models import Hold, HoldState, Transfer, TransferKind, Vintage, Wallet, WalletKind
from civic.points.operations import expiry, proposals
from tests.conftest import NOW
from tests.properties.points_model import CAP, DAILY, POOL, Asked, Held, Purse, Refused, Row, Service, World, Written
from tests.support.people import phone
from tests.support.points import adopt

LONG = os.environ.get("CIVIC_TEST_LONG") == "1"
WANG = Actor(7)
OFFICE = (Actor(21), Actor(22))
ENDS = (WalletKind.issuance, WalletKind.redemption, WalletKind.expiry, WalletKind.correction, WalletKind.opening)
DAYS = [date(2026, 11, 20), date(2026, 11, 21)]
DAYS_AT_ONCE = 20  # days that one step closes; after a year that went by the chain lags behind, as after a standstill
picks = st.integers(0, 10_000)
amounts = st.sampled_from([1, 50, 1_00, 1_00, 2_50, 7_00, 19_99, 40_00])
#: sent once without a key; twice with the same key; with the same key again and other contents
sent = st.sampled_from([*["once"] * 6, "twice", "changed"])
_T, _V = Transfer.__table__, Vintage.__table__
_MOVES = (TransferKind.single, TransferKind.post, TransferKind.reversal)


def said(outcome: Any) -> dict[str, Any]:
    """An outcome as the answer that is kept with the key."""
    if isinstance(outcome, DomainError):
        return {"refused": outcome.code}
    return {"said": getattr(outcome, "id", outcome)}


class Ledger(RuleBasedStateMachine):
    """Three people, one of whom nobody can tell anything, the household of the first, two in the office, a clock that goes on.

    So few that what was closed, held or spent is soon met again.
    """

    programme: Any = None
    people: Any = ()
    wallets: Any = ()  # of the people, then of the household
    begin: Any = None  # the world in which every example begins

    def __init__(self) -> None:
        super().__init__()
        db.session.remove()  # reads that are open would undo more than their own when they end
        self.undo = db.session.get_bind().begin_nested()
        self.world: World = self.begin.copy()
        self.orders = self.keys = self.versions = self.years = 0
        self.last_row = db.session.scalar(sa.select(sa.func.max(_T.c.id))) or 0
        self.answered: list[tuple[Callable[[], Any], dict[str, Any]]] = []
        self.closed_until: date | None = None

    def teardown(self) -> None:
        try:
            self.nothing_is_found()
        finally:
            db.session.remove()
            self.undo.rollback()

    def purse(self, pick: int) -> int:
        return int(self.wallets[pick % len(self.wallets)])

    def hold_of(self, pick: int) -> tuple[int, int]:
        every = self.world.holds()
        return every[pick % len(every)]

    # ---- to ask both

    def ask(self, name: str, act: Callable[..., Any], foretold: Callable[[], Any], how: str = "once", **body: Any) -> tuple[Any, Any]:
        """What the database did, and what the model says of it: both or neither refuse, with the same code.  (None, None) after a refusal."""
        before = self.world.copy()
        try:
            expected, refusal = foretold(), None
        except Refused as refused:
            self.world, expected, refusal = before, None, refused.code
        outcome = self.send(name, act, how, body)
        assert (outcome.code if isinstance(outcome, DomainError) else None) == refusal
        self.compare_rows()
        return (None, None) if refusal else (outcome, expected)

    def send(self, name: str, act: Callable[..., Any], how: str, body: dict[str, Any]) -> Any:
        self.keys += 1
        key = f"k{self.keys}"

        def once(**more: Any) -> Any:
            asked = {**body, **{part: value for part, value in more.items() if part in body}}
            with clock.frozen(self.world.now), keyed(WANG.account_id, name, key, body | more, said):
                return act(**asked)

        try:
            if how == "once":
                with clock.frozen(self.world.now):
                    outcome = act(**body)
            else:
                outcome = once()
        except DomainError as refused:
            outcome = refused
        if how != "once":
            self.answered.append((once, said(outcome)))
            self.say_it_again(-1)
        if how == "changed":
            with pytest.raises(KeyReused):
                once(amount=(body.get("amount") or 0) + 1)
        return outcome

    def say_it_again(self, at: int) -> None:
        """The first answer, also a refusal (L5, L6)."""
        once, answer = self.answered[at]
        with pytest.raises(Replayed) as again:
            once()
        assert again.value.answer == answer

    def compare_rows(self) -> None:
        """The rows that were written are those that were foretold, year by year; from now on the model knows their ids."""
        debit, credit = _V.alias("d"), _V.alias("c")
        columns = (_T.c.id, _T.c.kind, _T.c.reason, debit.c.wallet_id, debit.c.year, credit.c.wallet_id, credit.c.year, _T.c.amount)
        joined = sa.select(*columns).join(debit, debit.c.id == _T.c.debit_id).join(credit, credit.c.id == _T.c.credit_id)
        found = [
            (Row(kind.value, reason.value, (giver, of), (taker, to), amount), id_)
            for id_, kind, reason, giver, of, taker, to, amount in db.session.execute(joined.where(_T.c.id > self.last_row))
        ]
        foretold = sorted(self.world.new)
        assert sorted(row for row, _id in found) == [row for row, _source in foretold]
        for (row, id_), (_row, source) in zip(sorted(found), foretold, strict=True):
            self.world.rows.append(Written(id_, row, source))
            self.last_row = max(self.last_row, id_)
        self.world.new.clear()

    @initialize(given=st.lists(st.sampled_from([7_00, 12_00, 19_99]), min_size=3, max_size=3))
    def three_begin_with_points(self, given: list[int]) -> None:
        for at, amount in enumerate(given):
            self.ask_for_points(at=at, amount=amount, origin="issuance", maker=0, how="once")
            self.decide(pick=1, who=1, approve=True, how="once")

    # ---- hours

    @rule(at=picks, source=st.integers(0, 3), minutes=st.integers(0, 600), given=st.booleans(), how=sent)
    def serve(self, at: int, source: int, minutes: int, given: bool, how: str) -> None:
        name = f"hours:{source}"
        known = self.world.services.get(name) or Service(self.purse(at % len(self.people)), DAYS[source % 2])
        person, revision = self.people[self.wallets.index(known.purse)], known.revision + 1

        def act(amount: int) -> Any:  # of minutes
            return operations.earn(WANG, name, revision, person, amount, known.day, "other", "system", given)

        def foretold() -> tuple[int, int]:
            self.world.services.setdefault(name, known)
            return self.world.earn(name, minutes, given=given)

        row, expected = self.ask("earn", act, foretold, how, amount=minutes)
        assert (row.counted, row.amount) == expected
        with clock.frozen(self.world.now):
            assert act(minutes).id == row.id  # the same revision again changes nothing

    # ---- holds

    @rule(at=picks, amount=amounts, hours=st.sampled_from([1, 1, 30, 24 * 500]), collect=st.booleans(), how=sent)
    def set_aside(self, at: int, amount: int, hours: int, collect: bool, how: str) -> None:
        name, until = self.purse(at), self.world.now + timedelta(hours=hours)
        self.orders += 1
        source = f"order:{self.orders}"  # a source holds once, also when its hold has ended

        def act(amount: int) -> Any:
            return operations.hold(WANG, name, amount, source=source, until=until)

        row, parts = self.ask("hold", act, lambda: self.world.hold(name, amount), how, amount=amount)
        if row is not None:
            self.world.purses[name].holds[row.id] = Held(parts, until)
            if collect:
                self.spend(self.world.holds().index((name, row.id)), None, "once")

    @rule(at=picks, amount=amounts)
    def set_aside_for_an_hour(self, at: int, amount: int) -> None:
        self.set_aside(at, amount, 1, collect=False, how="once")

    @precondition(lambda self: self.world.holds())
    @rule(pick=picks, part=st.none() | amounts, how=sent)
    def spend(self, pick: int, part: int | None, how: str) -> None:
        name, id_ = self.hold_of(pick)

        def act(amount: int | None) -> Any:
            return operations.settle(WANG, id_, amount)

        self.ask("settle", act, lambda: self.world.settle(name, id_, part), how, amount=part)
        if id_ not in self.world.purses[name].holds:
            self.ask("settle", act, lambda: self.world.settle(name, id_, None), amount=None)  # a hold ends once

    @precondition(lambda self: self.world.holds())
    @rule(pick=picks, how=sent)
    def give_back(self, pick: int, how: str) -> None:
        name, id_ = self.hold_of(pick)
        self.ask("void", lambda: operations.void(WANG, id_), lambda: self.world.void(name, id_), how)

    @precondition(lambda self: self.world.holds())
    @rule(pick=picks, how=sent)
    def prolong(self, pick: int, how: str) -> None:
        name, id_ = self.hold_of(pick)
        until = self.world.now + timedelta(days=9)
        row, held = self.ask("renew", lambda: operations.renew(WANG, id_, until), lambda: self.world.renew(name, id_), how)
        if row is not None:
            self.world.purses[name].holds[row.id] = held._replace(until=until)

    @precondition(lambda self: self.world.holds())
    @rule(pick=picks)
    def let_the_job_run(self, pick: int) -> None:
        name, id_ = self.hold_of(pick)
        ended, expected = self.ask("expire", lambda: operations.expire(WANG, id_), lambda: self.world.expire(name, id_))
        assert ended is expected

    # ---- gifts and states

    @rule(at=picks, amount=amounts, to=st.sampled_from(["pool", "home", "home", "somebody"]), other=picks, how=sent)
    def give(self, at: int, amount: int, to: str, other: int, how: str) -> None:
        name = self.purse(at)
        taker = {"pool": None, "home": self.wallets[-1], "somebody": self.purse(other)}[to]

        def act(amount: int) -> Any:
            return operations.donate(WANG, name, amount, taker)

        how = "once" if taker == name else how  # refused for what it says, whenever it comes: no key is kept for that
        self.ask("donate", act, lambda: self.world.give(name, amount, taker), how, amount=amount)

    @rule(at=picks, how=sent)
    def freeze_or_thaw(self, at: int, how: str) -> None:
        """One at a time, or soon nobody could give anything."""
        frozen = [name for name, purse in self.world.purses.items() if purse.state == "frozen"]
        name = frozen[0] if frozen else self.purse(at)
        if frozen:
            self.ask("thaw", lambda: operations.unfreeze(WANG, name), lambda: self.world.freeze(name, "open"), how)
        else:
            self.ask("freeze", lambda: operations.freeze(WANG, name, "suspicion"), lambda: self.world.freeze(name, "frozen"), how)

    @precondition(lambda self: sum(purse.state == "closed" for purse in self.world.purses.values()) < 2)
    @rule(at=picks, to=st.none() | picks, how=sent)
    def close(self, at: int, to: int | None, how: str) -> None:
        name = self.purse(at)
        heir = None if to is None or self.purse(to) == name else self.purse(to)
        self.ask("close", lambda: operations.close(WANG, name, "merge", heir, with_holds=True), lambda: self.world.close(name, heir), how)

    # ---- what needs two people

    @rule(at=picks, amount=amounts, origin=st.sampled_from([POOL, "issuance", "opening"]), maker=st.integers(0, 1), how=sent)
    def ask_for_points(self, at: int, amount: int, origin: str, maker: int, how: str) -> None:
        name = self.purse(at)

        def act(amount: int) -> Any:
            if origin == "opening":
                return proposals.propose_opening(OFFICE[maker], name, amount, "纸上的卡片")
            return proposals.propose_grant(OFFICE[maker], name, amount, "照顾母亲", from_pool=origin == POOL)

        asked = Asked("opening" if origin == "opening" else "grant", name, amount, origin, 0, maker)
        row, expected = self.ask("propose", act, lambda: self.world.ask(asked), how, amount=amount)
        if row is not None:
            self.world.asked[row.id] = expected

    @precondition(lambda self: self.world.rows)
    @rule(pick=picks, amount=st.none() | amounts, maker=st.integers(0, 1), how=sent)
    def ask_for_a_row_back(self, pick: int, amount: int | None, maker: int, how: str) -> None:
        """Of the rows that moved points three times of four; a hold's row or a reversal is refused."""
        moved = [each for each in self.world.rows if each.row.kind in ("single", "post")]
        rows = moved if moved and pick % 4 else self.world.rows
        row_id = rows[pick % len(rows)].id

        def act(amount: int | None) -> Any:
            return proposals.propose_reversal(OFFICE[maker], row_id, "弄错了", amount)

        asked = Asked("reversal", 0, amount or 0, "", row_id, maker)
        row, expected = self.ask("propose", act, lambda: self.world.ask(asked), how, amount=amount)
        if row is not None:
            assert row.amount == expected.amount
            self.world.asked[row.id] = expected

    @precondition(lambda self: self.world.asked)
    @rule(pick=picks, who=st.integers(0, 1), approve=st.sampled_from([True, True, True, True, False, None]), how=sent)
    def decide(self, pick: int, who: int, approve: bool | None, how: str) -> None:
        """What waits three times of four; None: taken back."""
        waiting = [id_ for id_, asked in self.world.asked.items() if asked.state == "waiting"]
        ids = waiting if waiting and pick % 4 else list(self.world.asked)
        id_, actor = ids[pick % len(ids)], OFFICE[who]
        if approve is None:
            self.ask("withdraw", lambda: proposals.withdraw(actor, id_), lambda: self.world.withdraw(id_, who), how)
        else:
            self.ask("decide", lambda: proposals.decide(actor, id_, approve), lambda: self.world.decide(id_, who, approve=approve), how)

    # ---- time

    @rule(hours=st.sampled_from([1, 24, 24 * 15, 24 * 40]), night=st.booleans())
    def wait(self, hours: int, night: bool) -> None:
        self.world.now += timedelta(hours=hours)
        if night:
            self.night()

    @rule(years=st.sampled_from([0, 1, 1, 2]))
    def other_rules(self, years: int) -> None:
        """From tomorrow points run out after so many years, or never."""
        self.versions += 1
        from_on = self.world.today + timedelta(days=1)
        adopt(self.programme.id, f"v{self.versions}", from_on, cap=CAP, daily=DAILY, expiry_years=years)
        self.world.rules.append((from_on, years))

    @precondition(lambda self: self.years < 2)
    @rule(missed=st.sampled_from([None, None, None, 0, 1]))
    def a_year_goes_by(self, missed: int | None) -> None:
        """The next year up to the night after its end; the job may have stood still on the day of one notice."""
        self.years += 1
        year = self.world.today.year + 1
        for at, day in enumerate((date(year, 12, 1), date(year, 12, 24), date(year + 1, 1, 1))):
            self.world.now = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
            if at != missed:
                self.night()

    def night(self) -> None:
        self.ask("night", expiry.run, self.world.night)

    # ---- what proves it

    @precondition(lambda self: self.answered)
    @rule(pick=picks)
    def an_old_request_comes_again(self, pick: int) -> None:
        self.say_it_again(pick % len(self.answered))
        self.compare_rows()

    @precondition(lambda self: self.world.rows and self.closed_until != self.world.today - timedelta(days=1))
    @rule()
    def days_are_closed(self) -> None:
        """Each day up to yesterday that has no close yet, with the rows of that day (L20)."""
        ids = [each.id for each in self.world.rows]
        of_day = dict(db.session.execute(sa.select(_T.c.id, _T.c.at).where(_T.c.id.in_(ids))).all())
        days = [(at + timedelta(hours=8)).date() for at in of_day.values()]
        first = min(days) if self.closed_until is None else self.closed_until + timedelta(days=1)
        until = min(self.world.today - timedelta(days=1), first + timedelta(days=DAYS_AT_ONCE - 1))
        if first > until:
            return
        with clock.frozen(self.world.now):
            made = closes.close_day(checks.BOOK, until)
        wanted = [first + timedelta(days=n) for n in range((until - first).days + 1)]
        assert [(close.day, close.row_count) for close in made] == [(day, days.count(day)) for day in wanted]
        self.closed_until = until

    @rule()
    def nothing_is_found(self) -> None:
        """Whatever `civic check` recomputes about points, the chain of closes with it (L21)."""
        self.nothing_is_made_or_lost()
        with clock.frozen(self.world.now):
            assert [(check.name, v.table, v.row, v.what) for check in checks.CHECKS for v in check.run()] == []

    # ---- what must be so after every step

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        rows = db.session.execute(sa.select(Wallet.id, Wallet.state, Wallet.due).where(Wallet.id.in_(self.world.purses)))
        assert {id_: (state.value, due) for id_, state, due in rows} == {
            name: (purse.state, purse.due) for name, purse in self.world.purses.items()
        }
        pots = sa.select(_V.c.wallet_id, _V.c.year, _V.c.balance, _V.c.held, _V.c.noticed).where(_V.c.wallet_id.in_(self.world.purses))
        assert {(row[0], row[1]): tuple(row[2:]) for row in db.session.execute(pots) if any(row[2:])} == self.world.pots()

    def nothing_is_made_or_lost(self) -> None:
        """What stands in the programme's own books, from all rows, and with all purses together nothing; asked with the checks."""
        ended = self.world.ended()
        sums = dict.fromkeys(ended, 0)
        for column, sign in ((_T.c.debit_id, -1), (_T.c.credit_id, 1)):
            query = sa.select(_V.c.wallet_id, sa.func.sum(_T.c.amount)).join(_V, _V.c.id == column)
            for name, amount in db.session.execute(query.where(_T.c.kind.in_(_MOVES), _V.c.wallet_id.in_(ended)).group_by(_V.c.wallet_id)):
                sums[name] += sign * int(amount)
        assert sums == ended
        assert sum(purse.balance for purse in self.world.purses.values()) + sum(sums.values()) == 0

    @invariant()
    def holds_are_what_the_model_says(self) -> None:
        found = dict(db.session.execute(sa.select(Hold.id, Hold.amount).where(Hold.state == HoldState.open)).all())
        assert found == {id_: held.amount for purse in self.world.purses.values() for id_, held in purse.holds.items()}


def test_the_ledger_against_a_plain_model(programme, make_person, make_wallet):
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=CAP, daily=DAILY, expiry_years=1)
    persons = [make_person(contacts=[phone(f"1380013800{at}", confirmed=True)] if at < 2 else []) for at in range(3)]
    home = people.household_of(persons[0].id)
    wallets = [make_wallet(person=person) for person in persons]
    with atomic():
        wallets.append(operations.wallet_of_household(programme.id, home.id))
        for person in persons[1:]:  # they moved out of it today: whoever gives to it here once lived in it, as `civic check` asks
            today = clock.today()
            db.session.add(
                Membership(household_id=home.id, person_id=person.id, relation=HouseholdRelation.other, from_on=today, ended_on=today)
            )
    own = dict(
        db.session.execute(sa.select(Wallet.kind, Wallet.id).where(Wallet.programme_id == programme.id, Wallet.id.not_in(wallets))).all()
    )
    pool = own[WalletKind.care_pool]
    purses = {name: Purse() for name in wallets[:-1]} | {wallets[-1]: Purse("household"), pool: Purse(POOL, {0: 0})}
    Ledger.programme, Ledger.people, Ledger.wallets = programme, [person.id for person in persons], wallets
    Ledger.begin = World(
        NOW, purses, pool, {kind.value: own[kind] for kind in ENDS}, {*wallets[:2], wallets[-1]}, [(date(2026, 2, 1), 1)]
    )  # fmt: skip
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=1000 if LONG else 25,
            stateful_step_count=100 if LONG else 40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
