"""Law of exchanges: whatever three neighbours, a social worker, a frozen wallet and the clock do in whichever order, states, held points and
what everybody has are what a plain model says, and nobody's points come from nowhere.

The model is a dictionary a person and a few fields an exchange; it knows no rows, locks or ledger.  An act that is refused changes nothing.
"""

from __future__ import annotations

import contextlib
import copy
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.viewer import Actor
from civic.exchange import operations
from civic.exchange.checks import CHECKS
from civic.exchange.models import Exchange, ListingKind
from civic.exchange.operations import Proposal
from civic.points import operations as points
from civic.points.models import Hold, HoldState, Vintage
from tests.conftest import NOW
from tests.support.exchange import HELPER, WORKER, listing_text
from tests.support.points import RULER, adopt

LONG = os.environ.get("CIVIC_TEST_LONG") == "1"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UNTIL = NOW.date() + 180 * DAY
KEPT, MARGIN = 90 * DAY, 30 * DAY
OTHER = {"requester": "helper", "helper": "requester"}
LIVE, FINISHED = ("proposed", "agreed", "delivered", "disputed"), ("confirmed", "settled")
picks = st.integers(0, 1000)
sides = st.sampled_from(["requester", "helper"])
lengths = st.sampled_from([20, 30, 60, 110, 240])


class Refused(Exception):
    """The code of the refusal that is expected."""


@dataclass
class Deal:
    """What the model knows of an exchange."""

    listing: int
    responder: int
    who: dict[str, int]  # side → person
    minutes: int
    meet_at: datetime
    proposed_by: str
    state: str = "proposed"
    due_at: datetime | None = None
    held: int = 0
    held_until: datetime = NOW
    delivered: int = 0
    said_by: set[str] = field(default_factory=set)
    objected: str = ""
    is_answered: bool = False
    rated_by: set[str] = field(default_factory=set)

    def is_due(self, now: datetime) -> bool:
        if self.state == "delivered" and len(self.said_by) == 2:
            return True
        return self.state in ("proposed", "agreed", "delivered") and self.due_at is not None and self.due_at <= now


def of(person: int) -> Actor:
    """Each of the three acts with an account of her own."""
    return Actor(1_000_100 + person)


def worth(minutes: int) -> int:
    return minutes // 30 * 50


def some_in(*states: str) -> Any:
    """Only when an exchange is in one of these states: acts at the wrong moment are tried one time of ten anyway."""
    return precondition(lambda self: any(deal.state in states for deal in self.world.deals.values()))


@dataclass
class World:
    """Balances and deals: the whole model."""

    has: dict[int, int]
    frozen: set[int] = field(default_factory=set)
    deals: dict[int, Deal] = field(default_factory=dict)

    def held(self, person: int, now: datetime) -> int:
        return sum(d.held for d in self.deals.values() if d.who["requester"] == person and d.held_until > now)

    def free(self, person: int, now: datetime) -> int:
        return self.has[person] - self.held(person, now)

    # ---- time
    def touch(self, deal: Deal, now: datetime) -> None:
        if not deal.is_due(now):
            if deal.state in ("delivered", "disputed"):
                self.keep(deal, now, now + MARGIN)
        elif deal.state == "delivered":
            self.finish(deal, now)
        else:
            self.end(deal, "lapsed")

    def keep(self, deal: Deal, now: datetime, until: datetime) -> None:
        if now < deal.held_until < until:
            deal.held_until = until + KEPT

    def end(self, deal: Deal, state: str) -> None:
        deal.state, deal.held, deal.due_at = state, 0, None

    # ---- points
    def finish(self, deal: Deal, now: datetime) -> None:
        if now >= deal.held_until:
            self.end(deal, "lapsed")
        elif deal.who["requester"] in self.frozen and worth(deal.delivered):
            self.keep(deal, now, now + MARGIN)
        else:
            self.pay(deal, deal.delivered)
            self.end(deal, "confirmed")

    def pay(self, deal: Deal, minutes: int) -> None:
        self.has[deal.who["requester"]] -= worth(minutes)
        self.has[deal.who["helper"]] += worth(minutes)

    def load(self, deal: Deal, now: datetime, *states: str) -> None:
        self.touch(deal, now)
        if deal.state not in states or deal.is_due(now):
            raise Refused("wrong_moment")


class Neighbours(RuleBasedStateMachine):
    """Three neighbours, each with an offer or a need, and eight points."""

    people: Any = ()
    listings: Any = ()  # (id, owner, side of the owner)
    wallets: Any = {}

    def __init__(self) -> None:
        super().__init__()
        self.clock = contextlib.ExitStack()
        self.now = NOW
        self.clock.enter_context(clock.frozen(NOW))
        self.undo = db.session.get_bind().begin_nested()
        self.world = World(dict.fromkeys(self.people, 800))
        self.job_at = NOW

    def teardown(self) -> None:
        try:
            assert [(v.table, v.row, v.what) for check in CHECKS for v in check.run()] == []
        finally:
            db.session.remove()
            self.undo.rollback()
            self.clock.close()

    def some(self, pick: int, *states: str) -> int:
        """An exchange; nine times of ten one in these states, if there is any."""
        fitting = [i for i, deal in self.world.deals.items() if deal.state in states] if pick % 10 else []
        ids = fitting or list(self.world.deals)
        return ids[pick % len(ids)]

    def both(self, act: Any, model: Any) -> Any:
        """The act and the model say the same: done, or refused with the same code; a refusal leaves the model as it was."""
        before, wanted, result, code = copy.deepcopy(self.world), "", None, ""
        try:
            model()
        except Refused as refusal:
            self.world, wanted = before, str(refusal)
        try:
            result = act()
        except DomainError as refusal:
            code = refusal.code
        assert code == wanted
        return result

    def on(self, pick: int, side: str, *states: str) -> tuple[int, Deal, int]:
        exchange_id = self.some(pick, *states)
        deal = self.world.deals[exchange_id]
        return exchange_id, deal, deal.who[side]

    # ---- before the agreement
    @initialize(listing=picks, who=picks, stage=st.sampled_from(["proposed", "agreed", "delivered", "disputed"]))
    def begin(self, listing: int, who: int, stage: str) -> None:
        """Every life begins with an exchange that has come somewhere, so that all of its states are visited often."""
        self.propose(listing, who if (who - listing) % 3 else who + 1, 60, 0)
        for _step in range(["proposed", "agreed", "delivered"].index("delivered" if stage == "disputed" else stage)):
            self.go_on(1)
        if stage == "disputed":
            self.dispute(1, "requester")

    @rule(pick=picks, who=picks, minutes=lengths, days=st.integers(0, 10))
    def propose(self, pick: int, who: int, minutes: int, days: int) -> None:
        listing, owner, side = self.listings[pick % len(self.listings)]
        responder = self.people[who % len(self.people)]
        other = OTHER[side]
        deal = Deal(listing, responder, {side: owner, other: responder}, minutes, self.now + (days * DAY or HOUR), other)
        deal.due_at = deal.meet_at

        def model() -> None:
            if owner == responder:
                raise Refused("own_listing")
            if clock.today() > UNTIL:
                raise Refused("listing_closed")
            for known in self.world.deals.values():
                if (known.listing, known.responder) == (listing, responder) and known.state in LIVE:
                    self.world.touch(known, self.now)
                    if known.state in LIVE:
                        raise Refused("already_proposed")
            if minutes < 30:
                raise Refused("too_little")

        made = self.both(lambda: operations.respond(of(responder), listing, responder, Proposal(minutes, deal.meet_at)), model)
        if made is not None:
            self.world.deals[made.id] = deal

    @some_in("proposed")
    @rule(pick=picks, side=sides, days=st.integers(1, 10))
    def retime(self, pick: int, side: str, days: int) -> None:
        if pick % 3:
            return self.go_on(pick)
        exchange_id, deal, who = self.on(pick // 3, side, "proposed")

        def model() -> None:
            self.world.load(deal, self.now, "proposed")
            deal.meet_at = deal.due_at = self.now + days * DAY
            deal.proposed_by = side

        self.both(lambda: operations.retime(of(who), exchange_id, who, self.now + days * DAY), model)
        return None

    @some_in("proposed")
    @rule(pick=picks, is_own=st.booleans())
    def accept(self, pick: int, is_own: bool) -> None:
        deal = self.world.deals[self.some(pick, "proposed")]
        side = deal.proposed_by if is_own else OTHER[deal.proposed_by]
        exchange_id, deal, who = self.on(pick, side, "proposed")

        def model() -> None:
            self.world.load(deal, self.now, "proposed")
            if deal.proposed_by == side:
                raise Refused("not_your_turn")
            requester = deal.who["requester"]
            if requester in self.world.frozen:
                raise Refused("wallet_frozen")
            if self.world.free(requester, self.now) < worth(deal.minutes):
                raise Refused("not_enough_points")
            deal.state, deal.held = "agreed", worth(deal.minutes)
            deal.due_at = deal.held_until = deal.meet_at + 14 * DAY

        self.both(lambda: operations.accept(of(who), exchange_id, who), model)

    @precondition(lambda self: self.world.deals)
    @rule(pick=picks, side=sides, is_decline=st.booleans())
    def call_off(self, pick: int, side: str, is_decline: bool) -> None:
        if pick % 4:  # most of what is begun goes on
            return self.go_on(pick)
        exchange_id, deal, who = self.on(pick // 4, side, "proposed", "agreed")

        def model() -> None:
            self.world.load(deal, self.now, *(["proposed"] if is_decline else ["proposed", "agreed"]))
            if is_decline and deal.proposed_by == side:
                raise Refused("not_your_turn")
            self.world.end(deal, "declined" if is_decline else "cancelled")

        act = operations.decline if is_decline else operations.cancel
        self.both(lambda: act(of(who), exchange_id, who), model)
        return None

    # ---- after it
    @some_in("agreed", "delivered")
    @rule(pick=picks, side=sides, minutes=lengths)
    def deliver(self, pick: int, side: str, minutes: int) -> None:
        exchange_id, deal, who = self.on(pick, side, "agreed", "delivered")
        other = OTHER[side]

        def model() -> None:
            self.world.load(deal, self.now, "agreed", "delivered")
            if other in deal.said_by:
                raise Refused("wrong_moment")
            if minutes > deal.minutes:
                raise Refused("more_than_agreed")
            if clock.today() < clock.local(deal.meet_at).date():
                raise Refused("too_early")
            deal.state, deal.delivered, deal.due_at = "delivered", minutes, max(self.now, deal.meet_at) + 7 * DAY
            deal.said_by.add(side)
            self.world.keep(deal, self.now, deal.due_at + MARGIN)

        self.both(lambda: operations.deliver(of(who), exchange_id, who, minutes), model)

    @some_in("delivered")
    @rule(pick=picks, side=sides)
    def confirm(self, pick: int, side: str) -> None:
        exchange_id, deal, who = self.on(pick, side, "delivered")

        def model() -> None:
            self.world.load(deal, self.now, "delivered")
            if side in deal.said_by:
                raise Refused("already_confirmed")
            deal.said_by.add(side)
            self.world.finish(deal, self.now)

        self.both(lambda: operations.confirm(of(who), exchange_id, who), model)

    @some_in("delivered")
    @rule(pick=picks, side=sides)
    def dispute(self, pick: int, side: str) -> None:
        exchange_id, deal, who = self.on(pick, side, "delivered")

        def model() -> None:
            self.world.load(deal, self.now, "delivered")
            deal.state, deal.due_at, deal.objected = "disputed", None, side

        dispute = self.both(lambda: operations.open_dispute(of(who), exchange_id, who, "不对。"), model)
        if dispute is not None:
            self.world.keep(deal, self.now, clock.day_bounds(dispute.answer_by_on)[1] + MARGIN)

    @some_in("disputed")
    @rule(pick=picks, side=sides)
    def answer(self, pick: int, side: str) -> None:
        exchange_id, deal, who = self.on(pick, side, "disputed")

        def model() -> None:
            self.world.load(deal, self.now, "disputed")
            if deal.objected == side:
                raise Refused("wrong_moment")
            if deal.is_answered:
                raise Refused("already_answered")
            deal.is_answered = True

        self.both(lambda: operations.answer_dispute(of(who), exchange_id, who, "是这样。"), model)

    @some_in("disputed")
    @rule(pick=picks, minutes=st.sampled_from([0, 20, 60, 240]), by=st.sampled_from([None, None, None, 0, 1, 2]))
    def decide(self, pick: int, minutes: int, by: int | None = None) -> None:
        """by: by the login of one of the three, which never decides what it spoke in."""
        exchange_id, deal, _who = self.on(pick, "requester", "disputed")
        decider = WORKER if by is None else of(self.people[by])

        def model() -> None:
            self.world.load(deal, self.now, "disputed")
            if by is not None and self.people[by] in deal.who.values():
                raise Refused("spoke_for_one")
            if minutes > deal.minutes:
                raise Refused("out_of_range")
            if worth(minutes) and deal.who["requester"] in self.world.frozen:
                raise Refused("wallet_frozen")
            self.world.pay(deal, minutes)
            self.world.end(deal, "settled")

        self.both(lambda: operations.decide_dispute(decider, exchange_id, minutes, "听了两边。"), model)

    @some_in(*FINISHED)
    @rule(pick=picks, side=sides, stars=st.integers(1, 5))
    def rate(self, pick: int, side: str, stars: int) -> None:
        exchange_id, deal, who = self.on(pick, side, "confirmed", "settled")

        def model() -> None:
            self.world.load(deal, self.now, *FINISHED)
            if side in deal.rated_by:
                raise Refused("already_rated")
            deal.rated_by.add(side)

        self.both(lambda: operations.rate(of(who), exchange_id, who, stars), model)

    @precondition(lambda self: self.world.deals)
    @rule(pick=picks)
    def stop(self, pick: int) -> None:
        if pick % 4:
            return self.go_on(pick)
        exchange_id, deal, _who = self.on(pick // 4, "requester", "agreed", "delivered", "disputed")

        def model() -> None:
            self.world.touch(deal, self.now)
            if deal.state not in LIVE:
                raise Refused("wrong_moment")
            self.world.end(deal, "cancelled")

        self.both(lambda: operations.stop(WORKER, exchange_id, "停。"), model)
        return None

    @precondition(lambda self: self.world.deals)
    @rule(pick=picks)
    def go_on(self, pick: int) -> None:
        """The next step that people usually take: without it most exchanges would never come far."""
        exchange_id = self.some(pick, *LIVE)
        deal = self.world.deals[exchange_id]
        chosen = next(n for n in range(10_000) if n % 10 and self.some(n, deal.state) == exchange_id)
        if deal.state == "proposed":
            self.accept(chosen, False)
        elif deal.state == "agreed":
            self.deliver(chosen, "helper", deal.minutes)
        elif deal.state == "delivered":
            self.confirm(chosen, "requester" if "helper" in deal.said_by else "helper")
        elif deal.state == "disputed":
            self.decide(chosen, min(60, deal.minutes))

    @precondition(lambda self: self.world.deals)
    @rule(pick=picks)
    def and_on(self, pick: int) -> None:
        self.go_on(pick)

    # ---- the world around
    @rule(hours=st.sampled_from([1, 24, 72, 24 * 8, 24 * 15]))
    def wait(self, hours: int) -> None:
        """Time passes; the job may be weeks late, not months."""
        self.now += timedelta(hours=hours)
        self.clock.enter_context(clock.frozen(self.now))
        if self.now - self.job_at > 25 * DAY:
            self.job()

    def job(self) -> None:
        operations.settle_all_due()
        for deal in self.world.deals.values():
            self.world.touch(deal, self.now)
        self.job_at = self.now

    @precondition(lambda self: self.world.deals)
    @rule(pick=picks)
    def look(self, pick: int) -> None:
        """Somebody opens a page, or the job runs."""
        if pick % 4 == 0:
            self.job()
            return
        exchange_id = self.some(pick)
        operations.touch(exchange_id)
        self.world.touch(self.world.deals[exchange_id], self.now)

    @rule(pick=picks)
    def freeze(self, pick: int) -> None:
        """One wallet at most is frozen at a time, or soon nobody could agree to anything."""
        if self.world.frozen:
            points.unfreeze(RULER, self.wallets[self.world.frozen.pop()])
            return
        person = self.people[pick % len(self.people)]
        points.freeze(RULER, self.wallets[person], "suspicion")
        self.world.frozen.add(person)

    # ---- what must be so after every step
    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        wallets = {wallet: person for person, wallet in self.wallets.items()}
        sums = sa.select(Vintage.wallet_id, sa.func.sum(Vintage.balance)).where(Vintage.wallet_id.in_(wallets)).group_by(Vintage.wallet_id)
        assert {wallets[w]: int(total) for w, total in db.session.execute(sums)} == self.world.has
        living = sa.select(Hold.wallet_id, sa.func.sum(Hold.amount)).where(Hold.state == HoldState.open, Hold.expires_at > self.now)
        held = {wallets[w]: int(total) for w, total in db.session.execute(living.group_by(Hold.wallet_id))}
        assert {p: held.get(p, 0) for p in self.people} == {p: self.world.held(p, self.now) for p in self.people}
        rows = db.session.execute(sa.select(Exchange.id, Exchange.state, Exchange.due_at)).all()
        assert {r.id: (r.state.value, r.due_at) for r in rows} == {i: (d.state, d.due_at) for i, d in self.world.deals.items()}
        assert all(has >= self.world.held(p, self.now) >= 0 for p, has in self.world.has.items())


def test_exchanges_against_a_plain_model(site, programme, place, make_person):
    yesterday = NOW.date() - DAY
    adopt(programme.id, "2026-2", yesterday, daily=30_000)  # how much of a day counts is the law of points
    people = [make_person(name) for name in ("王芳", "李秀英", "陈静")]
    Neighbours.people = [person.id for person in people]
    kinds = (ListingKind.offer, ListingKind.need, ListingKind.offer)
    made = [
        operations.write_listing(HELPER, p.id, place.id, listing_text(kind=k, until_on=UNTIL)) for p, k in zip(people, kinds, strict=True)
    ]
    Neighbours.listings = [(row.id, row.person_id, "helper" if row.kind is ListingKind.offer else "requester") for row in made]
    for person in people:
        points.earn(RULER, f"given:{person.id}", 1, person.id, 480, yesterday, "other", "system")
    with atomic():
        Neighbours.wallets = {person.id: points.wallet_of_person(programme.id, person.id) for person in people}
    run_state_machine_as_test(
        Neighbours,
        settings=settings(
            max_examples=1000 if LONG else 25,
            stateful_step_count=100 if LONG else 40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
