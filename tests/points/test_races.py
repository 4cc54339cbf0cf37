"""Many at once for the same points, with real threads and real commits on both databases."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from civic.core import clock, idempotency
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.idempotency import KeyReused, Replayed
from civic.people import operations as people
from civic.people.models import Membership, Person, PersonSource
from civic.people.records import Record
from civic.points import operations
from civic.points.models import Earning, Hold, HoldState, Reason, Transfer, TransferKind, Vintage, Wallet, WalletKind
from civic.points.operations.books import open_book
from civic.points.operations.ledger import Line, write
from civic.territory.models import Territory, TerritoryKind
from tests.support.people import CLERK
from tests.support.points import RULER, adopt, balance, free, summed

LONG = os.environ.get("CIVIC_TEST_LONG") == "1"
CLIENTS = 8


def at_once(app: Any, act: Any, many: list[Any]) -> list[Any]:
    """What each call gave, or the code of its refusal."""

    def one(argument: Any) -> Any:
        with app.app_context():
            try:
                return act(argument)
            except DomainError as refusal:
                return refusal.code
            finally:
                db.session.remove()

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(one, many))


@pytest.fixture
def ledger(live_app: Any) -> Any:
    """A programme with two people; `(programme, their ids, their wallets, a household's wallet)`."""
    with live_app.app_context():
        with atomic():
            district = Territory(code="440113", kind=TerritoryKind.district, name_zh="区", name_en="District", path="/440113/")
            place = Territory(code="440113901", kind=TerritoryKind.community, name_zh="社区", name_en="C", path="/440113/440113901/")
            db.session.add_all([district, place])
            db.session.flush()
            ids = district.id, place.id
        programme = operations.open_programme(RULER, ids[0], "PY", "积分", "Points")
        adopt(programme.id)
        made = [people.create_person(CLERK, ids[1], Record(name), source=PersonSource.desk) for name in ("王芳", "李明")]
        persons, households = [p.id for p in made], [m for p in made for m in people_households(p.id)]
        with atomic():
            wallets = [operations.wallet_of_person(programme.id, id_) for id_ in persons]
            common = operations.wallet_of_household(programme.id, households[0])
        found = programme.id, persons, wallets, common
        db.session.remove()
    return found


def people_households(person_id: int) -> list[int]:
    return list(db.session.scalars(sa.select(Membership.household_id).where(Membership.person_id == person_id)))


def earn(person_id: int, minutes: int, source: str = "hours:1", revision: int = 1) -> Earning | None:
    return operations.earn(RULER, source, revision, person_id, minutes, clock.today(), "other", "system")


def test_exactly_the_affordable_holds_succeed(live_app, ledger):
    _programme, persons, wallets, _common = ledger
    with live_app.app_context():
        earn(persons[0], 300)
        db.session.remove()
    until, tries = clock.now() + timedelta(days=1), 10_000 if LONG else 320
    done = at_once(live_app, lambda n: operations.hold(RULER, wallets[0], 10, source=f"order:{n}", until=until).id, list(range(tries)))
    with live_app.app_context():
        assert (sum(isinstance(d, int) for d in done), done.count("not_enough_points")) == (50, tries - 50)
        assert (free(wallets[0]), balance(wallets[0])) == (0, 5_00)
        db.session.remove()


def test_a_hold_ends_once_whoever_ends_it(live_app, ledger):
    programme, persons, wallets, _common = ledger
    with live_app.app_context():
        earn(persons[0], 300)
        held = [operations.hold(RULER, wallets[0], 10, source=f"order:{n}", until=clock.now() + timedelta(days=1)).id for n in range(20)]
        db.session.remove()
    acts = [operations.settle, operations.void]
    done = at_once(live_app, lambda pair: acts[pair[1] % 2](RULER, pair[0]).id, [(id_, n) for id_ in held for n in range(4)])
    with live_app.app_context():
        assert sorted(d for d in done if isinstance(d, int)) == held
        assert done.count("hold_ended") == 60
        posted = db.session.scalar(sa.select(sa.func.count()).where(Hold.state == HoldState.posted))
        assert balance(wallets[0]) == 5_00 - 10 * posted
        assert free(wallets[0]) == balance(wallets[0])
        assert summed(programme, WalletKind.redemption) == 10 * posted
        db.session.remove()


def test_one_revision_earns_once_and_first_wallets_are_opened_once(live_app, ledger):
    programme, persons, wallets, _common = ledger
    done = at_once(live_app, lambda n: earn(persons[n % 2], 60, f"hours:{n % 4}").id, list(range(40)))
    with live_app.app_context():
        assert len(set(done)) == 4
        assert [balance(w) for w in wallets] == [2_00, 2_00]
        assert db.session.scalar(sa.select(sa.func.count(Vintage.id)).where(Vintage.is_counted, Vintage.year > 0)) == 2
        assert summed(programme, WalletKind.issuance) == -4_00
        db.session.remove()


def test_crossing_gifts_earnings_and_closings_wait_for_each_other_and_lose_nothing(live_app, ledger):
    """Wallets in both orders, the pool after them: on PostgreSQL an order the other way round ends in deadlocks."""
    programme, persons, wallets, common = ledger
    with live_app.app_context():
        for n, person_id in enumerate(persons):
            earn(person_id, 480, f"first:{n}")
        db.session.remove()
    numbers = count()
    acts = (
        lambda: operations.donate(RULER, wallets[0], 1, common),
        lambda: operations.donate(RULER, common, 1),
        lambda: operations.donate(RULER, wallets[1], 1, common),
        lambda: operations.donate(RULER, wallets[1], 1),
        lambda: earn(persons[0], 30, f"more:{next(numbers)}"),
        lambda: operations.freeze(RULER, wallets[1], "suspicion"),
        lambda: operations.unfreeze(RULER, wallets[1]),
    )
    done = at_once(live_app, lambda n: acts[n % len(acts)]() and "done", list(range(210)))
    assert {d for d in done if d} <= {"done", "wallet_frozen", "not_enough_points"}
    with live_app.app_context():
        counted = db.session.scalar(sa.select(sa.func.sum(Vintage.balance)).where(Vintage.is_counted))
        assert counted == -summed(programme, WalletKind.issuance)
        for pot in db.session.scalars(sa.select(Vintage).where(Vintage.is_counted)):
            came = db.session.scalar(sa.select(sa.func.sum(Transfer.amount)).where(Transfer.credit_id == pot.id)) or 0
            went = db.session.scalar(sa.select(sa.func.sum(Transfer.amount)).where(Transfer.debit_id == pot.id)) or 0
            assert pot.balance == came - went
        db.session.remove()


def test_the_same_key_at_once_moves_points_once_and_another_amount_is_refused(live_app, ledger):
    _programme, persons, wallets, _common = ledger
    with live_app.app_context():
        earn(persons[0], 300)
        db.session.remove()

    def give(amount: int) -> Any:
        try:
            with idempotency.keyed(1, "points.donate", "one-key", {"amount": amount}, lambda rows: {"rows": rows}):
                return ("first", operations.donate(RULER, wallets[0], amount))
        except Replayed as again:
            return ("again", again.answer["rows"])
        except KeyReused as refusal:
            return (refusal.code, None)

    done = at_once(live_app, give, [1_00] * 20)
    assert sorted({kind for kind, _rows in done}) == ["again", "first"]
    assert len({tuple(rows) for _kind, rows in done}) == 1
    assert at_once(live_app, give, [2_00]) == [("key_reused", None)]
    with live_app.app_context():
        assert balance(wallets[0]) == 4_00
        assert db.session.scalar(sa.select(Wallet.state).where(Wallet.id == wallets[0])).value == "open"
        db.session.remove()


def while_held(app: Any, first: Any, then: Any) -> Any:
    """`then` begins while the transaction of `first` has its locks and is not committed; what it gave."""
    inside, begun = threading.Event(), threading.Event()

    def holder(_n: int) -> None:
        with atomic():
            first()
            db.session.flush()
            inside.set()
            begun.wait(10)
            time.sleep(0.5)  # the other one waits for the lock by now

    def waiter(_n: int) -> Any:
        inside.wait(10)
        begun.set()
        return then()

    acts = {0: holder, 1: waiter}
    return at_once(app, lambda n: acts[n](n), [0, 1])[1]


def test_points_of_another_year_that_came_while_one_waited_are_seen(live_app, ledger):
    _programme, persons, wallets, _common = ledger
    with live_app.app_context():
        earn(persons[0], 120)
        db.session.remove()

    def older_points() -> None:
        book = open_book([wallets[0]])
        pot = book.pot_of_year(book.wallets[wallets[0]], 2024)
        write(RULER, book, "test:1", [Line(TransferKind.single, Reason.opening, book.system[WalletKind.opening], pot.id, 3_00)])

    until = clock.now() + timedelta(days=1)
    held = while_held(live_app, older_points, lambda: operations.hold(RULER, wallets[0], 5_00, source="order:1", until=until).amount)
    assert held == 5_00
    with live_app.app_context():
        assert free(wallets[0]) == 0
        db.session.remove()


def test_who_was_merged_while_her_hours_waited_earns_as_the_one_who_stays(live_app, ledger):
    _programme, persons, wallets, _common = ledger

    def merge() -> None:
        db.session.execute(sa.update(Person).where(Person.id == persons[0]).values(merged_into_id=persons[1]))
        operations.close(RULER, wallets[0], "merge", wallets[1], with_holds=True)

    while_held(live_app, merge, lambda: earn(persons[0], 120).id)
    with live_app.app_context():
        assert [balance(w) for w in wallets] == [0, 2_00]
        db.session.remove()
