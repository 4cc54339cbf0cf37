"""A process killed before any statement of any act on points: nothing of it is there or all of it, and the repeat under its key counts once."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from civic.core import clock, idempotency
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.idempotency import IdempotencyKey, Replayed
from civic.core.messages.models import Message
from civic.core.viewer import Actor
from civic.exchange import checks as exchange_checks
from civic.exchange import operations as exchange
from civic.exchange.models import Exchange, ExchangeEvent, ExchangeState
from civic.exchange.operations import Proposal as Wish
from civic.people import operations as people
from civic.people import queries
from civic.people.models import Person
from civic.points import checks, operations
from civic.points.models import Earning, Hold, Proposal, Reason, Transfer, Vintage, Wallet
from civic.points.operations import proposals
from tests.support.exchange import HELPER, REQUESTER, WORKER, make_listing, two
from tests.support.kills import Killed, killed_before, undone
from tests.support.people import CLERK, COLLEAGUE
from tests.support.points import RULER, adopt, balance

__all__ = ["make_listing", "two"]  # fixtures of exchanges
ASKER, DECIDER = Actor(21), Actor(22)
LONG = os.environ.get("CIVIC_TEST_LONG") == "1"
STRIDE = 1 if LONG else 5
WHY = "家访过，情况属实"
Act = Callable[[], Any]
Build = Callable[[Any], Act]
TABLES = (
    "points_",
    "exchange",
    "listing",
    "audit_event",
    "idempotency_key",
    "message",
    "sealed_note",
    "person",
    "household",
    "content_version",
)


def stored() -> list[tuple[str, list[Any]]]:
    """Every row of every table that an act here could touch."""
    tables = [table for table in db.metadata.sorted_tables if table.name.startswith(TABLES)]
    found = [(table.name, db.session.execute(sa.select(table).order_by(*table.primary_key)).all()) for table in tables]
    db.session.rollback()
    return [(name, [tuple(row) for row in rows]) for name, rows in found]


def counted(*columns: Any) -> list[tuple[Any, ...]]:
    rows = db.session.execute(sa.select(*columns, sa.func.count()).group_by(*columns)).all()
    return sorted((tuple(row) for row in rows), key=repr)


def outcome() -> dict[str, Any]:
    """What was done, without numbers that a sequence gives out."""
    of_owner = sa.select(Wallet.kind, Wallet.state, Wallet.due, Vintage.year, Vintage.balance, Vintage.held)
    return {
        "pots": sorted((tuple(row) for row in db.session.execute(of_owner.outerjoin(Vintage, Vintage.wallet_id == Wallet.id))), key=repr),
        "rows": counted(Transfer.kind, Transfer.reason, Transfer.amount),
        "holds": counted(Hold.state, Hold.amount, Hold.posted, Hold.sequence),
        "earnings": counted(Earning.revision, Earning.amount),
        "proposals": counted(Proposal.kind, Proposal.state),
        "exchanges": counted(Exchange.state, Exchange.amount, Exchange.delivered_minutes),
        "steps": counted(ExchangeEvent.verb),
        "letters": counted(Message.topic),
        "audit": counted(AuditEvent.verb),
        "people": counted(Person.merged_into_id.is_not(None), Person.died_on),
        "keys": counted(IdempotencyKey.route),
    }


def faults() -> list[tuple[str, Any, str]]:
    return [(v.table, v.row, v.what) for each in (*checks.CHECKS, *exchange_checks.CHECKS) for v in each.run()]


def keyed(act: Act) -> None:
    """As the web layer does it: the same key and body each time."""
    with idempotency.keyed(1, "test.act", "one-key", {"body": 1}, lambda _result: {"answer": "done"}):
        act()


def killed(act: Act, number: int) -> bool:
    """Was it killed before its statement of this number, or did it have fewer?"""
    try:
        with killed_before(number):
            keyed(act)
    except Killed:
        return True
    finally:
        db.session.remove()
    return False


def prove(act: Act) -> int:
    """Kill it before its first, sixth, eleventh … statement, in the long form before every one, each time from the same state.

    After each kill either every row is as before or all of the act is there.  It is tried again, with all checks, after every second kill
    and in the long form after each: from rows that are the same, the same follows.  Returns before how many statements there was a try.
    """
    before = stored()
    assert faults() == []
    with undone():
        keyed(act)
        wanted, after = outcome(), stored()
        assert faults() == []
    assert after != before
    for number in count(1, STRIDE):
        with undone():
            if not killed(act, number):
                assert outcome() == wanted
                return number - 1
            is_there = stored() != before  # else row for row what the checks have seen
            if is_there:
                assert outcome() == wanted, f"killed before statement {number}"
            if is_there or LONG or number % (2 * STRIDE) == 1:
                _tried_again(act, wanted, is_there=is_there)
    raise AssertionError


def _tried_again(act: Act, wanted: dict[str, Any], *, is_there: bool) -> None:
    """Somebody sends it again, and once more: it was done once."""
    if not is_there:
        keyed(act)
    assert outcome() == wanted
    with pytest.raises(Replayed) as again:
        keyed(act)
    assert again.value.answer == {"answer": "done"}
    assert outcome() == wanted
    assert faults() == []


# ---- acts on the ledger -----------------------------------------------------------------------------------------------------
class Ledger:
    """A person with 8 points, of which 5 are held, her household and a second person."""

    def __init__(self, programme: Any, make_person: Any, make_wallet: Any) -> None:
        self.programme, self.make_person = programme, make_person
        self.person, self.other = make_person("王芳"), make_person("李秀英", "1963-05-06")
        self.wallet, self.other_wallet = make_wallet(8_00, self.person), make_wallet(2_00, self.other)
        with atomic():
            self.common = operations.wallet_of_household(programme.id, queries.household_of(self.person.id).id)
        self.until = clock.now() + timedelta(days=3)
        self.hold_id = operations.hold(RULER, self.wallet, 5_00, source="order:1", until=self.until).id
        self.person_id, self.other_id = self.person.id, self.other.id
        self.wallets = (self.wallet, self.other_wallet, self.common)

    def earn(self, revision: int, minutes: int, source: str = "hours:1") -> Any:
        return operations.earn(RULER, source, revision, self.person_id, minutes, date(2026, 11, 24), "other", "system")


@pytest.fixture
def ledger(programme, make_person, make_wallet) -> Ledger:
    return Ledger(programme, make_person, make_wallet)


def overflowing(ledger: Ledger) -> Act:
    """8.00 in the wallet, 4.00 come, the cap is 10.00."""
    adopt(ledger.programme.id, "2026-2", date(2026, 2, 1), cap=10_00)
    return lambda: ledger.earn(1, 240)


def corrected(ledger: Ledger) -> Act:
    """2.00 flowed over and 3.00 were given away: of 4.00 less the pool gives two, the wallet what is free, the rest is due."""
    overflowing(ledger)()
    operations.donate(RULER, ledger.wallet, 4_00)
    return lambda: ledger.earn(2, 0)


def reversing(ledger: Ledger) -> Act:
    row = operations.donate(RULER, ledger.other_wallet, 1_50)[0]
    id_ = proposals.propose_reversal(ASKER, row, WHY).id
    return lambda: proposals.decide(DECIDER, id_, True, "核对过")


def granting(ledger: Ledger) -> Act:
    id_ = proposals.propose_grant(ASKER, ledger.other_wallet, 3_00, WHY, from_pool=False).id
    return lambda: proposals.decide(DECIDER, id_, True)


def lapsing(ledger: Ledger) -> Act:
    """A hold whose time is over is ended by whoever touches the wallet."""
    late = clock.now() + timedelta(days=4)

    def act() -> None:
        with clock.frozen(late):
            operations.donate(RULER, ledger.wallet, 7_00)

    return act


def merging(ledger: Ledger) -> Act:
    """The one with the open hold is given up for the other."""
    id_ = people.ask_merge(CLERK, ledger.person_id, ledger.other_id, "同一人").id
    return lambda: people.decide_merge(COLLEAGUE, id_, True, from_above=False)


def dying(ledger: Ledger) -> Act:
    return lambda: people.record_death(CLERK, ledger.person_id, clock.today())


ACTS: dict[str, Build] = {
    "hold": lambda it: lambda: operations.hold(RULER, it.wallet, 2_00, source="order:2", until=it.until),
    "post": lambda it: lambda: operations.settle(RULER, it.hold_id),
    "post a part": lambda it: lambda: operations.settle(RULER, it.hold_id, 2_00),
    "void": lambda it: lambda: operations.void(RULER, it.hold_id),
    "renew": lambda it: lambda: operations.renew(RULER, it.hold_id, it.until + timedelta(days=9)),
    "touch what lapsed": lapsing,
    "earn": lambda it: lambda: it.earn(1, 120),
    "earn over the cap": overflowing,
    "correct": corrected,
    "give to the pool": lambda it: lambda: operations.donate(RULER, it.wallet, 1_00),
    "give to the household": lambda it: lambda: operations.donate(RULER, it.wallet, 1_00, it.common),
    "decide a reversal": reversing,
    "decide a grant": granting,
    "merge": merging,
    "die": dying,
}


@pytest.mark.parametrize("name", ACTS)
def test_an_act_on_the_ledger_killed_before_any_statement(ledger, name):
    act = ACTS[name](ledger)
    assert prove(act) > 5


def test_the_proof_notices_an_act_of_two_halves(ledger):
    """Two transactions, of which a kill leaves the first."""

    def act() -> None:
        if balance(ledger.wallet) == 8_00:
            with idempotency.cleared():
                operations.donate(RULER, ledger.wallet, 50)
        operations.donate(RULER, ledger.wallet, 50)

    with pytest.raises(AssertionError, match="killed before statement"):
        prove(act)


def test_what_is_proved_is_what_the_names_say(ledger):
    """A correction that meets a spent wallet makes a debt; what flows over flows to the pool."""
    corrected(ledger)()
    rows = {reason for (reason,) in db.session.execute(sa.select(Transfer.reason))}
    assert {Reason.overflow, Reason.corrected} <= rows
    assert db.session.scalar(sa.select(Wallet.due).where(Wallet.id == ledger.wallet)) > 0


# ---- acts of an exchange ----------------------------------------------------------------------------------------------------
def delivered(pair: Any) -> tuple[int, int, int]:
    return pair.deliver(90).id, pair.wang.id, pair.li.id


def responding(pair: Any) -> Act:
    listing_id, person_id, wish = pair.listing.id, pair.wang.id, Wish(120, pair.meet_at)
    return lambda: exchange.respond(REQUESTER, listing_id, person_id, wish)


def accepting(pair: Any) -> Act:
    id_, person_id = pair.propose().id, pair.li.id
    return lambda: exchange.accept(HELPER, id_, person_id)


def delivering(pair: Any) -> Act:
    id_, person_id = pair.agree().id, pair.li.id
    return lambda: exchange.deliver(HELPER, id_, person_id, 90)


def confirming(pair: Any) -> Act:
    id_, wang, _li = delivered(pair)
    return lambda: exchange.confirm(REQUESTER, id_, wang)


def deciding(pair: Any) -> Act:
    id_, wang, _li = delivered(pair)
    exchange.open_dispute(REQUESTER, id_, wang, "只来了半小时。")
    return lambda: exchange.decide_dispute(WORKER, id_, 60, "一小时。")


def cancelling(pair: Any) -> Act:
    id_, person_id = pair.agree().id, pair.wang.id
    return lambda: exchange.cancel(REQUESTER, id_, person_id)


def merging_a_requester(pair: Any) -> Act:
    """Who agreed to pay is another row of somebody; her hold stays and the exchange goes on."""
    pair.agree()
    survivor = pair.make_person("王芳")
    id_ = people.ask_merge(CLERK, pair.wang.id, survivor.id, "同一人").id
    return lambda: people.decide_merge(COLLEAGUE, id_, True, from_above=False)


def a_requester_dies(pair: Any) -> Act:
    pair.agree()
    person_id = pair.wang.id
    return lambda: people.record_death(CLERK, person_id, clock.today())


EXCHANGES: dict[str, tuple[Build, ExchangeState]] = {
    "respond": (responding, ExchangeState.proposed),
    "accept": (accepting, ExchangeState.agreed),
    "deliver": (delivering, ExchangeState.delivered),
    "confirm": (confirming, ExchangeState.confirmed),
    "decide a dispute": (deciding, ExchangeState.settled),
    "cancel": (cancelling, ExchangeState.cancelled),
    "merge the requester": (merging_a_requester, ExchangeState.agreed),
    "the requester dies": (a_requester_dies, ExchangeState.cancelled),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_an_act_of_an_exchange_killed_before_any_statement(two, make_person, name):
    build, state = EXCHANGES[name]
    two.make_person = make_person
    act = build(two)
    assert prove(act) > 5
    keyed(act)
    assert db.session.scalars(sa.select(Exchange.state)).all() == [state]
