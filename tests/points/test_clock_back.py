"""The clock is set back, by a day or by an hour over midnight: nothing is made or lost, nobody is paid twice, and no check finds a fault."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.closes import Close, CloseItem, close_yesterday
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.viewer import Actor
from civic.exchange import checks as exchange_checks
from civic.exchange import operations as exchange
from civic.exchange.errors import TooEarly, WrongMoment
from civic.exchange.models import ExchangeState
from civic.people import queries as people
from civic.points import checks, operations, queries
from civic.points.errors import AlreadyDecided, HoldEnded, NotEnoughPoints, NotReversible, SecondPersonNeeded, SourceHeld, WalletFrozen
from civic.points.models import Hold, HoldState, Reason, Transfer, TransferKind, Vintage, WalletKind
from civic.points.operations import expiry, proposals
from tests.support.exchange import HELPER, REQUESTER, Two, make_listing, two
from tests.support.people import phone
from tests.support.points import RULER, adopt, balance, free, summed

__all__ = ["make_listing", "two"]  # fixtures of exchanges
ASKER, DECIDER = Actor(21), Actor(22)
WHY = "家访过，情况属实"


class Scene(NamedTuple):
    """Two readings of the clock, the later one first."""

    ahead: datetime
    back: datetime

    @property
    def between(self) -> datetime:
        return self.back + (self.ahead - self.back) / 2


def local(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """A moment by the site's clock."""
    return datetime(year, month, day, hour, minute, tzinfo=clock.zone()).astimezone(UTC)


SCENES = {
    "a day": Scene(local(2026, 11, 26, 10), local(2026, 11, 25, 10)),
    "an hour over midnight": Scene(local(2026, 11, 26, 0, 30), local(2026, 11, 25, 23, 30)),
    "an hour over new year": Scene(local(2027, 1, 1, 0, 30), local(2026, 12, 31, 23, 30)),
}


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest) -> Scene:
    return SCENES[request.param]


@pytest.fixture(params=["a day", "an hour over midnight"])
def near(request: pytest.FixtureRequest) -> Scene:
    """While the listing of `two` is open."""
    return SCENES[request.param]


at = clock.frozen


def no_fault() -> None:
    every = (*checks.CHECKS, *exchange_checks.CHECKS)
    assert [(v.table, v.row, v.what) for each in every for v in each.run()] == []
    assert db.session.scalar(sa.select(sa.func.min(Vintage.balance - Vintage.held))) >= 0


def proved(scene: Scene) -> None:
    """No fault by either clock, and none when the days were closed, by the clock that was set back and went on."""
    db.session.expire_all()
    for moment in (scene.ahead, scene.back):
        with at(moment):
            no_fault()
    with at(scene.ahead + timedelta(days=2)):
        close_yesterday(checks.BOOK)
        no_fault()
        listed = db.session.scalar(sa.select(sa.func.count()).select_from(CloseItem).where(CloseItem.book == "points"))
        assert listed == db.session.scalar(sa.select(sa.func.count(Transfer.id)))


def held_at(moment: datetime, wallet: int, amount: int = 5_00, until: datetime | None = None) -> int:
    with at(moment):
        return operations.hold(RULER, wallet, amount, source="order:1", until=until or moment + timedelta(days=3)).id


def shown_free(wallet: int) -> int:
    """What her page says is free."""
    (view,) = queries.views(queries.by_id(wallet))
    return view.free


def state_of(hold_id: int) -> HoldState:
    return db.session.get_one(Hold, hold_id, populate_existing=True).state


# ---- holds ------------------------------------------------------------------------------------------------------------------
ENDS: dict[str, tuple[Callable[[int], Any], int]] = {
    "spent": (lambda id_: operations.settle(RULER, id_), 3_00),
    "spent in part": (lambda id_: operations.settle(RULER, id_, 2_00), 6_00),
    "given back": (lambda id_: operations.void(RULER, id_), 8_00),
}


@pytest.mark.parametrize("way", ENDS)
def test_what_was_held_by_the_later_clock_ends_once_by_the_earlier_one(scene, programme, make_wallet, way):
    wallet, (end, left) = make_wallet(8_00), ENDS[way]
    hold_id = held_at(scene.ahead, wallet)
    with at(scene.back):
        end(hold_id)
        assert (balance(wallet), free(wallet), summed(programme.id, WalletKind.redemption)) == (left, left, 8_00 - left)
        for again, _left in ENDS.values():
            with pytest.raises(HoldEnded):
                again(hold_id)
        assert balance(wallet) == left
    with at(scene.ahead), pytest.raises(HoldEnded):
        operations.settle(RULER, hold_id)
    proved(scene)


def test_the_moment_of_an_end_is_never_before_the_hold(scene, make_wallet):
    """Rows of a hold do not run backwards, whatever the clock says: the end gets the moment at which it was made."""
    hold_id = held_at(scene.ahead, make_wallet(8_00))
    with at(scene.back):
        operations.settle(RULER, hold_id, 1_00)
    header = db.session.get_one(Hold, hold_id, populate_existing=True)
    assert (header.created_at, header.ended_at) == (scene.ahead, scene.ahead)
    assert set(db.session.scalars(sa.select(Transfer.at).where(Transfer.hold_id == hold_id))) == {scene.ahead}


def test_a_hold_is_renewed_and_spent_by_the_earlier_clock(scene, make_wallet):
    wallet = make_wallet(8_00)
    first = held_at(scene.ahead, wallet)
    with at(scene.back):
        with pytest.raises(HoldEnded):
            operations.renew(RULER, first, scene.between)  # over before it was made
        second = operations.renew(RULER, first, scene.ahead + timedelta(days=9)).id
        assert (state_of(first), free(wallet), balance(wallet)) == (HoldState.voided, 3_00, 8_00)
        no_fault()
        third = operations.renew(RULER, second, scene.ahead + timedelta(days=12)).id
        operations.settle(RULER, third)
        for ended in (first, second, third):
            with pytest.raises(HoldEnded):
                operations.settle(RULER, ended)
    assert (balance(wallet), free(wallet)) == (3_00, 3_00)
    proved(scene)


def test_a_hold_whose_end_was_not_written_is_alive_again_and_spent_once(scene, programme, make_wallet):
    """By the later clock it is refused and its points count as free; by the earlier one it holds them, and the shop's act succeeds once."""
    wallet = make_wallet(8_00)
    hold_id = held_at(clock.now(), wallet, until=scene.between)
    with at(scene.ahead):
        with pytest.raises(HoldEnded):
            operations.settle(RULER, hold_id)
        assert shown_free(wallet) == 8_00
        assert state_of(hold_id) is HoldState.open  # the refusal left nothing behind
    with at(scene.back):
        assert shown_free(wallet) == 3_00
        with pytest.raises(NotEnoughPoints):
            operations.donate(RULER, wallet, 3_01)
        operations.settle(RULER, hold_id)
    with at(scene.ahead), pytest.raises(HoldEnded):
        operations.settle(RULER, hold_id)
    assert (balance(wallet), summed(programme.id, WalletKind.redemption)) == (3_00, 5_00)
    proved(scene)


@pytest.mark.parametrize("touched_by", ["its owner", "the job"])
def test_a_hold_whose_end_was_written_stays_ended(scene, programme, make_wallet, touched_by):
    """What came back was given away: by the earlier clock the hold gives nothing a second time."""
    wallet = make_wallet(8_00)
    hold_id = held_at(clock.now(), wallet, until=scene.between)
    with at(scene.ahead):
        if touched_by == "the job":
            assert expiry.end_due_holds() == 1
        operations.donate(RULER, wallet, 8_00)
    with at(scene.back):
        assert state_of(hold_id) is HoldState.expired
        for again, _left in ENDS.values():
            with pytest.raises(HoldEnded):
                again(hold_id)
        with pytest.raises(HoldEnded):
            operations.renew(RULER, hold_id, scene.ahead + timedelta(days=1))
        with pytest.raises(SourceHeld):
            operations.hold(RULER, wallet, 1, source="order:1", until=scene.ahead + timedelta(days=1))
        with pytest.raises(NotEnoughPoints):
            operations.hold(RULER, wallet, 1, source="order:2", until=scene.ahead + timedelta(days=1))
        assert expiry.end_due_holds() == 0
    assert (balance(wallet), summed(programme.id, WalletKind.care_pool), summed(programme.id, WalletKind.redemption)) == (0, 8_00, 0)
    proved(scene)


def test_a_frozen_wallet_stays_frozen(scene, make_wallet):
    wallet = make_wallet(8_00)
    hold_id = held_at(scene.ahead, wallet)
    with at(scene.ahead):
        operations.freeze(RULER, wallet, "suspicion")
    with at(scene.back):
        for act in (lambda: operations.settle(RULER, hold_id), lambda: operations.donate(RULER, wallet, 1_00)):
            with pytest.raises(WalletFrozen):
                act()
        operations.void(RULER, hold_id)
    assert (balance(wallet), free(wallet)) == (8_00, 8_00)
    proved(scene)


# ---- earning ----------------------------------------------------------------------------------------------------------------
def served(revision: int, person: int, minutes: int, on: date, source: str = "hours:1") -> Any:
    return operations.earn(RULER, source, revision, person, minutes, on, "other", "system")


@pytest.mark.parametrize(("minutes", "amount"), [(60, 1_00), (120, 2_00), (240, 4_00), (0, 0)])
def test_hours_of_the_later_clock_are_corrected_by_the_earlier_one(scene, programme, make_person, make_wallet, minutes, amount):
    person = make_person()
    wallet, day = make_wallet(0, person), clock.local(scene.ahead).date()
    with at(scene.ahead):
        first = served(1, person.id, 120, day)
    with at(scene.back):
        assert served(1, person.id, 120, day).id == first.id  # the same again
        served(2, person.id, minutes, day)
        served(2, person.id, minutes, day)
        assert balance(wallet) == amount
        assert summed(programme.id, WalletKind.issuance) + summed(programme.id, WalletKind.correction) == -amount
    proved(scene)


def test_what_was_spent_before_the_correction_becomes_due(scene, programme, make_person, make_wallet):
    person = make_person()
    wallet, day = make_wallet(0, person), clock.local(scene.ahead).date()
    with at(scene.ahead):
        served(1, person.id, 180, day)
        operations.donate(RULER, wallet, 2_00)
    with at(scene.back):
        served(2, person.id, 60, day)
        assert (balance(wallet), free(wallet)) == (0, 0)
        served(1, person.id, 120, day, "hours:2")  # 2.00 come, 1.00 of them is due
    assert balance(wallet) == 1_00
    proved(scene)


def test_a_day_s_maximum_is_the_day_s_whatever_the_clock_says(scene, make_person, make_wallet):
    person = make_person()
    wallet, day = make_wallet(0, person), clock.local(scene.ahead).date()
    with at(scene.ahead):
        served(1, person.id, 480, day)
    with at(scene.back):
        served(1, person.id, 60, day, "hours:2")
        assert balance(wallet) == 8_00
    proved(scene)


def test_each_row_names_the_rules_of_its_own_clock_and_hours_those_of_their_day(scene, programme, make_person, make_wallet):
    """A version of 2.00 an hour counts from the later clock's day on."""
    person = make_person()
    wallet, day = make_wallet(0, person), clock.local(scene.ahead).date()
    new = adopt(programme.id, "2026-9", day, {("*", "*"): 200}).id
    with at(scene.ahead):
        served(1, person.id, 60, day)
        later = operations.donate(RULER, wallet, 10)
    with at(scene.back):
        served(1, person.id, 60, day - timedelta(days=1), "hours:2")
        served(2, person.id, 120, day)
        earlier = operations.donate(RULER, wallet, 10)
    rules = dict(db.session.execute(sa.select(Transfer.id, Transfer.policy_id)).all())
    assert {rules[id_] for id_ in later} == {new}
    assert new not in {rules[id_] for id_ in earlier}
    assert balance(wallet) == 4_00 + 1_00 - 20
    proved(scene)


def test_a_new_year_s_points_go_along_when_they_are_given_in_the_old_one(programme, make_person, make_wallet):
    """Earned on 1 January 2027, the clock goes back to 2026: in the household they are still points of 2027."""
    scene, person = SCENES["an hour over new year"], make_person()
    wallet, day = make_wallet(0, person), clock.local(scene.ahead).date()
    household = people.household_of(person.id)
    with atomic():
        common = operations.wallet_of_household(programme.id, household.id)
    with at(scene.ahead):
        served(1, person.id, 240, day)
    with at(scene.back):
        operations.donate(RULER, wallet, 1_00, common)
        served(1, person.id, 60, day, "hours:2")  # of 2026 by this clock
        hold_id = operations.hold(RULER, wallet, 2_00, source="order:1", until=scene.ahead + timedelta(days=2)).id
        operations.settle(RULER, hold_id)
    years = {(v.wallet_id, v.year): v.balance for v in db.session.scalars(sa.select(Vintage).where(Vintage.year > 0))}
    assert years == {(wallet, 2026): 0, (wallet, 2027): 2_00, (common, 2027): 1_00}
    proved(scene)


# ---- two people -------------------------------------------------------------------------------------------------------------
def test_what_was_asked_for_by_the_later_clock_is_decided_once_by_another(scene, programme, make_wallet):
    wallet = make_wallet(2_00)
    with at(scene.ahead):
        row = proposals.propose_grant(ASKER, wallet, 3_00, WHY, from_pool=False)
    with at(scene.back):
        with pytest.raises(SecondPersonNeeded):
            proposals.decide(ASKER, row.id, True)
        proposals.decide(DECIDER, row.id, True)
    for moment in scene:
        with at(moment), pytest.raises(AlreadyDecided):
            proposals.decide(DECIDER, row.id, True)
    assert (balance(wallet), summed(programme.id, WalletKind.issuance)) == (5_00, -5_00)
    proved(scene)


def test_a_row_of_the_later_clock_is_reversed_once_by_the_earlier_one(scene, programme, make_wallet):
    wallet = make_wallet(8_00)
    with at(scene.ahead):
        given = operations.donate(RULER, wallet, 5_00)[0]
        row = proposals.propose_reversal(ASKER, given, WHY)
    with at(scene.back):
        proposals.decide(DECIDER, row.id, True)
        with pytest.raises(AlreadyDecided):
            proposals.decide(DECIDER, row.id, True)
        with pytest.raises(NotReversible):
            proposals.propose_reversal(ASKER, given, WHY)
    assert (balance(wallet), summed(programme.id, WalletKind.care_pool)) == (8_00, 0)
    proved(scene)


def test_a_reversal_into_a_year_that_has_not_begun_again(programme, make_person, make_wallet):
    """Points of 2027, spent in 2027; the clock goes back, and the reversal puts them where they were."""
    scene, person = SCENES["an hour over new year"], make_person()
    wallet = make_wallet(0, person)
    with at(scene.ahead):
        served(1, person.id, 240, clock.today())
        given = operations.donate(RULER, wallet, 3_00)[0]
    with at(scene.back):
        proposals.decide(DECIDER, proposals.propose_reversal(ASKER, given, WHY).id, True)
    assert balance(wallet) == 4_00
    proved(scene)


# ---- exchanges --------------------------------------------------------------------------------------------------------------
def agreed(pair: Two, scene: Scene) -> Any:
    """Proposed before, agreed by the later clock, to meet an hour after it."""
    with at(scene.back - timedelta(hours=1)):
        row = pair.propose(120, meet_at=scene.ahead + timedelta(hours=1))
    with at(scene.ahead):
        return exchange.accept(HELPER, row.id, pair.li.id)


def test_what_was_agreed_by_the_later_clock_is_called_off_by_the_earlier_one(near, two):
    row = agreed(two, near)
    assert two.numbers == (8_00, 6_00, 0)
    with at(near.back):
        with pytest.raises(TooEarly):
            exchange.deliver(HELPER, row.id, two.li.id, 120)
        exchange.cancel(REQUESTER, row.id, two.wang.id)
        with pytest.raises(WrongMoment):
            exchange.cancel(REQUESTER, row.id, two.wang.id)
    assert two.numbers == (8_00, 8_00, 0)
    proved(near)


def test_what_was_reported_by_the_later_clock_is_confirmed_once_by_the_earlier_one(near, two):
    row = agreed(two, near)
    with at(near.ahead):
        exchange.deliver(HELPER, row.id, two.li.id, 120)
    with at(near.back):
        exchange.confirm(REQUESTER, row.id, two.wang.id)
        with pytest.raises(WrongMoment):
            exchange.confirm(REQUESTER, row.id, two.wang.id)
    with at(near.ahead + timedelta(days=30)):
        assert exchange.settle_all_due() == 0
    assert (row.state, two.numbers) == (ExchangeState.confirmed, (6_00, 6_00, 2_00))
    proved(near)


def test_silence_confirms_once_and_its_days_are_not_taken_back(two):
    scene = SCENES["a day"]
    row = agreed(two, scene)
    with at(scene.ahead):
        exchange.deliver(HELPER, row.id, two.li.id, 90)
    over = scene.ahead + timedelta(hours=1, days=7)
    with at(over):
        assert exchange.touch(row.id)
    for moment in (over - timedelta(days=1), over - timedelta(hours=1), over + timedelta(days=1)):
        with at(moment):
            assert not exchange.touch(row.id)
            assert exchange.settle_all_due() == 0
            with pytest.raises(WrongMoment):
                exchange.open_dispute(REQUESTER, row.id, two.wang.id, "没来。")
            no_fault()
    assert (row.state, two.numbers) == (ExchangeState.confirmed, (6_50, 6_50, 1_50))
    proved(scene)


def test_silence_that_was_not_written_down_has_not_confirmed_yet(two):
    """By the earlier clock the other may still object: nothing was told and no points have moved."""
    scene = SCENES["a day"]
    row = agreed(two, scene)
    with at(scene.ahead):
        exchange.deliver(HELPER, row.id, two.li.id, 120)
    with at(scene.ahead + timedelta(days=6)):
        exchange.open_dispute(REQUESTER, row.id, two.wang.id, "没来。")
        no_fault()
    assert (row.state, two.numbers) == (ExchangeState.disputed, (8_00, 6_00, 0))
    proved(scene)


@pytest.mark.parametrize("then", ["looked at", "reported", "called off"])
def test_an_agreement_whose_hold_was_written_as_lapsed_has_lapsed(two, then):
    """Her wallet was touched after the agreement's last moment, and the clock goes back before it: the points are hers again, nobody earns."""
    scene = SCENES["a day"]
    row = agreed(two, scene)
    last = row.due_at
    with at(last + timedelta(hours=2)):
        operations.donate(RULER, two.wallet, 8_00)
    with at(last - timedelta(hours=22)):
        db.session.expire_all()
        assert row.state is ExchangeState.agreed  # nobody has looked yet
        no_fault()
        if then == "looked at":
            assert exchange.touch(row.id)
        with pytest.raises(WrongMoment) as refusal:
            if then == "reported":
                exchange.deliver(HELPER, row.id, two.li.id, 120)
            else:
                exchange.cancel(REQUESTER, row.id, two.wang.id)
        assert refusal.value.context == {"state": "lapsed"}
        no_fault()
        exchange.settle_all_due()
        assert row.state is ExchangeState.lapsed
        no_fault()
    assert two.numbers == (0, 0, 0)
    proved(scene)


def test_an_agreement_whose_hold_nobody_wrote_as_lapsed_runs_again(two):
    """By the earlier clock its last moment has not come: it is reported, confirmed and paid, once."""
    scene = SCENES["a day"]
    row = agreed(two, scene)
    last = row.due_at
    with at(last + timedelta(hours=2)), pytest.raises(WrongMoment):
        exchange.deliver(HELPER, row.id, two.li.id, 120)
    with at(last - timedelta(hours=22)):
        db.session.expire_all()
        exchange.deliver(HELPER, row.id, two.li.id, 120)
        exchange.confirm(REQUESTER, row.id, two.wang.id)
    with at(last + timedelta(hours=2)):
        assert exchange.settle_all_due() == 0
    assert (row.state, two.numbers) == (ExchangeState.confirmed, (6_00, 6_00, 2_00))
    proved(scene)


# ---- years that run out, and the closes -------------------------------------------------------------------------------------
def test_a_year_runs_out_once(programme, make_person, make_wallet):
    adopt(programme.id, "2026-2", date(2026, 2, 1), expiry_years=1)
    person = make_person(contacts=[phone(confirmed=True)])
    wallet = make_wallet(5_00, person)
    for day in (1, 24):
        with at(local(2027, 12, day, 2, 40)):
            assert expiry.run() == 1
    scene = Scene(local(2028, 1, 1, 2, 40), local(2027, 12, 31, 23, 40))
    with at(scene.ahead):
        assert expiry.run() == 1
    with at(scene.back):
        assert (expiry.run(), balance(wallet)) == (0, 0)
        served(1, person.id, 60, clock.today(), "hours:9")
        assert expiry.run() == 0
    with at(scene.ahead):
        assert (expiry.run(), balance(wallet)) == (0, 1_00)
    assert summed(programme.id, WalletKind.expiry) == 5_00
    with at(scene.ahead):
        no_fault()


def test_what_is_written_after_the_clock_went_back_falls_into_the_next_close(programme, make_wallet):
    """26 November closes the 25th; by the clock set back the 25th goes on, and its rows stand in the close of the 26th."""
    scene, wallet = SCENES["a day"], make_wallet(8_00)
    with at(scene.ahead):
        operations.donate(RULER, wallet, 1_00)
        first = close_yesterday(checks.BOOK)
        hashes = [close.hash for close in first]
        assert first[-1].day == date(2026, 11, 25)
    with at(scene.back):
        operations.donate(RULER, wallet, 2_00)
        assert close_yesterday(checks.BOOK) == []  # the 24th, and the 25th, are closed already
        no_fault()
    with at(scene.ahead + timedelta(hours=1)):
        assert close_yesterday(checks.BOOK) == []
    with at(scene.ahead + timedelta(days=1)):
        (made,) = close_yesterday(checks.BOOK)
        assert (made.day, made.row_count) == (date(2026, 11, 26), 2)
        no_fault()
    assert [c.hash for c in db.session.scalars(sa.select(Close).where(Close.book == "points").order_by(Close.number))] == [
        *hashes,
        made.hash,
    ]


def test_a_hold_of_the_later_clock_that_ends_by_the_earlier_one_is_closed_at_once(make_wallet):
    """Its end bears the later moment; the next close lists it, so that nothing guards it only in time to come."""
    scene, wallet = SCENES["a day"], make_wallet(8_00)
    hold_id = held_at(scene.ahead, wallet)
    with at(scene.back):
        operations.settle(RULER, hold_id)
        close_yesterday(checks.BOOK)
    with at(scene.back + timedelta(hours=14, minutes=30)):  # half past midnight of the 26th: the moment has not come yet
        (made,) = close_yesterday(checks.BOOK)
        assert made.row_count == db.session.scalar(sa.select(sa.func.count(Transfer.id)))
    proved(scene)


def test_a_close_that_comes_late_says_nothing_of_the_day_that_goes_on(make_wallet):
    """A row of this morning, one by a clock that ran ahead, and the close of yesterday at noon, which lists the second alone."""
    wallet = make_wallet(8_00)
    for moment in (local(2026, 11, 26, 9), local(2026, 11, 27, 9)):
        with at(moment):
            operations.donate(RULER, wallet, 1_00)
    with at(local(2026, 11, 26, 12)):
        (made,) = close_yesterday(checks.BOOK)
        assert made.row_count == 2  # of yesterday what she earned, and the row from tomorrow
        no_fault()
    with at(local(2026, 11, 28, 0, 20)):
        assert [close.row_count for close in close_yesterday(checks.BOOK)] == [1, 0]
        no_fault()


# ---- all of it, in whatever order -------------------------------------------------------------------------------------------
@dataclass
class Walk:
    """Acts drawn by chance on two people's wallets and their household's; each may be refused."""

    chance: random.Random
    persons: list[int]
    wallets: list[int]
    held: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def act(self) -> None:
        acts = [
            self.hold,
            self.hold,
            self.end,
            self.end,
            self.end,
            self.serve,
            self.serve,
            self.give,
            self.ask,
            self.decide,
            self.decide,
            self.close,
        ]
        self.chance.choice(acts)()

    def _soon(self, *hours: int) -> datetime:
        return clock.now() + timedelta(hours=self.chance.choice(hours))

    def hold(self) -> None:
        wallet, amount = self.chance.choice(self.wallets), self.chance.choice([50, 1_00, 3_00])
        self.held.append(operations.hold(RULER, wallet, amount, source=f"order:{next(self.numbers)}", until=self._soon(1, 5, 30, 200)).id)

    def end(self) -> None:
        id_, way = self.chance.choice(self.held or [0]), self.chance.randrange(4)
        if way == 3 or not id_:
            expiry.end_due_holds()
        elif way == 2:
            self.held.append(operations.renew(RULER, id_, self._soon(2, 40)).id)
        elif way == 1:
            operations.void(RULER, id_)
        else:
            operations.settle(RULER, id_, self.chance.choice([50, None]))

    def serve(self) -> None:
        number = self.chance.randrange(4)
        minutes = self.chance.choice([0, 60, 140, 480])
        served(next(self.numbers), self.persons[number % 2], minutes, date(2026, 12, 22), f"hours:{number}")

    def give(self) -> None:
        operations.donate(RULER, self.wallets[0], self.chance.choice([10, 1_00]), self.chance.choice([None, self.wallets[-1]]))

    def ask(self) -> None:
        if self.chance.random() < 0.5:
            row = proposals.propose_grant(ASKER, self.chance.choice(self.wallets), 2_00, WHY, from_pool=self.chance.random() < 0.5)
        else:
            rows = sa.select(Transfer.id).where(Transfer.kind.in_([TransferKind.single, TransferKind.post])).order_by(Transfer.id)
            row = proposals.propose_reversal(ASKER, self.chance.choice(db.session.scalars(rows).all()), WHY)
        self.asked.append(row.id)

    def decide(self) -> None:
        if self.asked:
            proposals.decide(DECIDER, self.chance.choice(self.asked), self.chance.random() < 0.8)

    def close(self) -> None:
        close_yesterday(checks.BOOK)


LONG = os.environ.get("CIVIC_TEST_LONG") == "1"
JUMPS = [timedelta(hours=3), timedelta(hours=9), timedelta(days=1), timedelta(hours=-1), timedelta(days=-1)]


@pytest.mark.parametrize("number", range(4 if LONG else 2))
def test_a_clock_that_jumps_for_weeks_makes_and_loses_nothing(programme, make_person, make_wallet, number):
    """A hundred acts while the clock goes on and back, over new year and a change of the rules; the whole ledger stays without fault."""
    chance, moment, done = random.Random(f"clock:{number}"), local(2026, 12, 20, 12), 0
    latest = moment
    people_ = [make_person("王芳"), make_person("李秀英", "1963-05-06")]
    own = [make_wallet(8_00, person) for person in people_]
    with atomic():
        common = operations.wallet_of_household(programme.id, people.household_of(people_[0].id).id)
    adopt(programme.id, "2026-7", date(2026, 12, 24), {("*", "*"): 150})
    walk = Walk(chance, [person.id for person in people_], [*own, common])
    for _ in range(100):
        moment += chance.choice(JUMPS)
        latest = max(latest, moment)
        with at(moment), suppress(DomainError):
            walk.act()
            done += 1
    assert done > 40
    proved(Scene(latest, moment))
    with at(latest + timedelta(days=400)):
        expiry.end_due_holds()
        no_fault()
        assert [free(wallet) for wallet in walk.wallets] == [balance(wallet) for wallet in walk.wallets]
    assert db.session.scalar(sa.select(sa.func.count()).where(Transfer.reason == Reason.spent)) > 0
