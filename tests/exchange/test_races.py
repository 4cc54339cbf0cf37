"""Two people at once, with real threads and real commits on both databases: of two acts that exclude each other one counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.exchange import operations
from civic.exchange.checks import CHECKS
from civic.exchange.models import Dispute, Exchange, ExchangeState, ListingKind, Rating
from civic.exchange.operations import Proposal
from civic.people import operations as people
from civic.people.models import Membership, PersonSource
from civic.people.records import Record
from civic.points import checks as points_checks
from civic.points import operations as points
from civic.points.models import Hold, HoldState
from civic.points.operations.wallets import programme_of_person
from civic.territory.models import Territory, TerritoryKind
from tests.conftest import NOW
from tests.support.exchange import HELPER, REQUESTER, WORKER, listing_text
from tests.support.people import CLERK, COLLEAGUE
from tests.support.points import RULER, adopt, balance, free

ROUNDS = 4
YESTERDAY = NOW.date() - timedelta(days=1)  # eight hours count a day: those of today are left for the exchanges


class Street:
    """Two neighbours with 8 points each, on a database of its own."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            with atomic():
                district = Territory(code="440113", kind=TerritoryKind.district, name_zh="区", name_en="District", path="/440113/")
                place = Territory(code="440113901", kind=TerritoryKind.community, name_zh="社区", name_en="C", path="/440113/440113901/")
                db.session.add_all([district, place])
            programme = points.open_programme(RULER, district.id, "PY", "番禺", "Panyu")
            adopt(programme.id)
            made = [people.create_person(CLERK, place.id, Record(name), source=PersonSource.desk) for name in ("王芳", "李秀英")]
            self.wang, self.li = (person.id for person in made)
            self.place, self.wallets = place.id, {}
            for person in (self.wang, self.li):
                points.earn(RULER, f"given:{person}", 1, person, 480, YESTERDAY, "other", "system")
                with atomic():
                    self.wallets[person] = points.wallet_of_person(programme.id, person)
            db.session.remove()

    def offer(self, person: int) -> int:
        with self.app.app_context():
            return operations.write_listing(HELPER, person, self.place, listing_text(kind=ListingKind.offer)).id

    def exchange(self, stage: str, helper: int | None = None, minutes: int = 60) -> int:
        """An exchange that has come so far; Li helps unless somebody else does."""
        helper = helper or self.li
        other = self.wang if helper == self.li else self.li
        with self.app.app_context():
            row = operations.respond(REQUESTER, self.offer(helper), other, Proposal(minutes, clock.now() + timedelta(hours=2)))
            if stage != "proposed":
                operations.accept(HELPER, row.id, helper)
            if stage == "delivered":
                operations.deliver(HELPER, row.id, helper, minutes)
            db.session.remove()
            return row.id

    def at_once(self, *acts: Callable[[], Any]) -> list[str]:
        """Run them in threads that begin together; the code of each refusal, or ''."""
        gate = Barrier(len(acts))

        def run(act: Callable[[], Any]) -> str:
            with self.app.app_context():
                gate.wait(20)
                try:
                    act()
                except DomainError as refusal:
                    return refusal.code
                finally:
                    db.session.remove()
                return ""

        with ThreadPoolExecutor(len(acts)) as pool:
            return list(pool.map(run, acts))

    def seen(self, exchange_id: int) -> tuple[ExchangeState, int, int]:
        """State, what Wang has free, what Li has; the checks find nothing."""
        with self.app.app_context():
            assert [(v.table, v.row, v.what) for check in CHECKS for v in check.run()] == []
            state = db.session.get_one(Exchange, exchange_id).state
            numbers = free(self.wallets[self.wang]), balance(self.wallets[self.li])
            db.session.remove()
        return state, *numbers


@pytest.fixture
def street(live_app: Flask) -> Iterator[Street]:
    with clock.frozen(NOW):
        yield Street(live_app)


def test_agreed_twice_at_once_is_held_once(street):
    row = street.exchange("proposed")
    answers = street.at_once(*[lambda: operations.accept(HELPER, row, street.li)] * 4)
    assert sorted(answers) == ["", *["wrong_moment"] * 3]
    assert street.seen(row) == (ExchangeState.agreed, 7_00, 8_00)
    with street.app.app_context():
        assert db.session.scalars(sa.select(Hold.state)).all() == [HoldState.open]
        db.session.remove()


def test_answered_twice_at_once_is_one_exchange(street):
    offer = street.offer(street.li)
    proposal = Proposal(60, clock.now() + timedelta(days=1))
    answers = street.at_once(*[lambda: operations.respond(REQUESTER, offer, street.wang, proposal)] * 4)
    assert sorted(answers) == ["", *["already_proposed"] * 3]


def test_confirmed_twice_at_once_is_paid_once(street):
    row = street.exchange("delivered")
    answers = street.at_once(*[lambda: operations.confirm(REQUESTER, row, street.wang)] * 4)
    assert sorted(answers) == ["", *["wrong_moment"] * 3]
    assert street.seen(row) == (ExchangeState.confirmed, 7_00, 9_00)


def test_confirmed_while_disputed_has_one_outcome(street):
    outcomes = {("", "wrong_moment"): (ExchangeState.confirmed, True), ("wrong_moment", ""): (ExchangeState.disputed, False)}
    paid = 0
    for n in range(1, ROUNDS + 1):
        row = street.exchange("delivered")
        answers = street.at_once(
            lambda row=row: operations.confirm(REQUESTER, row, street.wang),
            lambda row=row: operations.open_dispute(HELPER, row, street.li, "不对。"),
        )
        state, is_paid = outcomes[tuple(answers)]
        paid += is_paid
        assert street.seen(row) == (state, 8_00 - n * 1_00, 8_00 + paid * 1_00)
    with street.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Dispute)) == ROUNDS - paid
        db.session.remove()


def test_cancelled_while_delivered_has_one_outcome(street):
    for _round in range(ROUNDS):
        row = street.exchange("agreed")
        before = street.seen(row)[1]
        answers = street.at_once(
            lambda row=row: operations.cancel(REQUESTER, row, street.wang),
            lambda row=row: operations.deliver(HELPER, row, street.li, 60),
        )
        state, now, _li = street.seen(row)
        assert (state, now - before) == ((ExchangeState.cancelled, 1_00) if answers[0] == "" else (ExchangeState.delivered, 0))
        assert sorted(answers) == ["", "wrong_moment"]


def test_stopped_while_confirmed_has_one_outcome(street):
    for _round in range(ROUNDS):
        row = street.exchange("delivered")
        free_before, earned_before = street.seen(row)[1:]
        answers = street.at_once(
            lambda row=row: operations.confirm(REQUESTER, row, street.wang), lambda row=row: operations.stop(WORKER, row, "停。")
        )
        state, now, earned = street.seen(row)
        assert sorted(answers) == ["", "wrong_moment"]
        assert (state, now - free_before, earned - earned_before) == (
            (ExchangeState.confirmed, 0, 1_00) if answers[0] == "" else (ExchangeState.cancelled, 1_00, 0)
        )


def test_the_job_and_the_reader_settle_what_is_due_once(street):
    row = street.exchange("delivered")
    with clock.frozen(NOW + timedelta(days=8)):
        street.at_once(*[lambda: operations.touch(row), operations.settle_all_due] * 2)
        assert street.seen(row) == (ExchangeState.confirmed, 7_00, 9_00)


def test_two_who_help_each_other_do_not_wait_in_a_circle(street):
    rows = [(street.exchange("delivered", helper), helper) for helper in (street.wang, street.li) * 3]
    others = {street.wang: street.li, street.li: street.wang}
    answers = street.at_once(*[lambda r=r, h=h: operations.confirm(REQUESTER, r, others[h]) for r, h in rows])
    assert answers == [""] * 6
    assert street.seen(rows[0][0]) == (ExchangeState.confirmed, 8_00, 8_00)


def test_many_agreements_race_for_the_same_points(street):
    rows = [street.exchange("proposed", minutes=240) for _n in range(5)]
    answers = street.at_once(*[lambda row=row: operations.accept(HELPER, row, street.li) for row in rows])
    assert sorted(answers) == ["", "", "not_enough_points", "not_enough_points", "not_enough_points"]
    assert street.seen(rows[0])[1:] == (0, 8_00)


def test_rated_twice_at_once_counts_once(street):
    row = street.exchange("delivered")
    with street.app.app_context():
        operations.confirm(REQUESTER, row, street.wang)
        db.session.remove()
    answers = street.at_once(*[lambda: operations.rate(REQUESTER, row, street.wang, 5, "好")] * 3)
    assert sorted(answers) == ["", "already_rated", "already_rated"]
    with street.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Rating)) == 1
        db.session.remove()


def test_who_dies_while_it_is_agreed_or_confirmed_leaves_nothing_held(street):
    rows = [street.exchange("proposed"), street.exchange("delivered")]
    answers = street.at_once(  # nobody runs again: no two of them wait for each other
        lambda: people.record_death(CLERK, street.wang, clock.today()),
        lambda: operations.accept(HELPER, rows[0], street.li),
        lambda: operations.confirm(REQUESTER, rows[1], street.wang),
    )
    assert answers[0] == ""
    assert answers[1] in {"", "not_living", "wrong_moment"}
    assert answers[2] in {"", "wrong_moment"}
    for row in rows:
        assert street.seen(row)[0] in {ExchangeState.cancelled, ExchangeState.confirmed}
    with street.app.app_context():
        assert HoldState.open not in db.session.scalars(sa.select(Hold.state)).all()
        db.session.remove()


def _twins(street: Street, *, turned: bool = False) -> tuple[int, int, dict[int, int], int]:
    """Two rows of one human who helped herself: (merge that was asked for, delivered exchange, wallets with their households', requester)."""
    with street.app.app_context():
        pair = [people.create_person(CLERK, street.place, Record("周一"), source=PersonSource.desk).id for _each in range(2)]
        homes = {}
        for person in pair:
            points.earn(RULER, f"more:{person}", 1, person, 240, YESTERDAY, "other", "system")
            household = db.session.scalars(sa.select(Membership.household_id).where(Membership.person_id == person)).one()
            with atomic():
                programme = programme_of_person(person)
                homes[points.wallet_of_person(programme, person)] = points.wallet_of_household(programme, household)
        for wallet, home in homes.items():
            points.donate(CLERK, wallet, 50, home)
        helper, requester = pair[::-1] if turned else pair
        row = operations.respond(REQUESTER, street.offer(helper), requester, Proposal(60, clock.now() + timedelta(hours=2))).id
        operations.accept(HELPER, row, helper)
        operations.deliver(HELPER, row, helper, 60)
        merge = people.ask_merge(CLERK, pair[0], pair[1], "同一人").id
        db.session.remove()
    return merge, row, homes, requester


def _no_fault(street: Street) -> None:
    with street.app.app_context():
        assert HoldState.open not in db.session.scalars(sa.select(Hold.state)).all()
        assert [(v.table, v.row, v.what) for check in points_checks.CHECKS for v in check.run()] == []
        db.session.remove()


@pytest.mark.parametrize("turned", [False, True])
def test_two_rows_are_merged_while_they_exchange_and_give(street, turned):
    """Listing, exchange, then all wallets by id, whoever begins; nobody runs again."""
    merge, row, homes, requester = _twins(street, turned=turned)

    def give() -> None:
        for wallet, home in homes.items():
            points.donate(CLERK, wallet, 10, home)

    answers = street.at_once(
        lambda: people.decide_merge(COLLEAGUE, merge, True, from_above=True), lambda: operations.confirm(REQUESTER, row, requester), give
    )
    assert answers[0] == ""
    assert answers[1] in {"", "wrong_moment"}
    assert street.seen(row)[0] is (ExchangeState.confirmed if answers[1] == "" else ExchangeState.cancelled)
    _no_fault(street)


@pytest.mark.parametrize("turned", [False, True])
def test_a_merge_waits_for_the_exchange_before_it_locks_a_wallet(street, turned):
    """Confirming holds the exchange and wants the wallets: a merge that held them and wanted the exchange would wait in a circle."""
    merge, row, _homes, requester = _twins(street, turned=turned)
    has_it = Event()

    def confirm() -> None:
        with atomic():
            operations.settling.lock_exchange(row)
            has_it.set()
            if db.engine.dialect.name == "postgresql":  # SQLite lets one write at a time: there the merge has not begun
                _until_somebody_waits()
            operations.confirm(REQUESTER, row, requester)

    def fold() -> None:
        assert has_it.wait(20)
        people.decide_merge(COLLEAGUE, merge, True, from_above=True)

    assert street.at_once(confirm, fold) == ["", ""]
    assert street.seen(row)[0] is ExchangeState.confirmed
    _no_fault(street)


def _until_somebody_waits() -> None:
    """Another connection asks, and looks until the merge waits for a lock."""
    query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    for _look in range(400):
        with db.engine.connect() as other:
            if other.scalar(query):
                return
        Event().wait(0.05)
    raise AssertionError("nobody waits")
