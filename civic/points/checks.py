"""What `civic check` recomputes about points: every counter from its rows, every hold, earning and row from what it names.

Each statement works on whole tables; what is streamed is one line for each vintage or fault, so millions of rows need little memory.
Grouped by CAST(id AS INTEGER), because over an index SQLite would fetch every row of the table by itself, and by `id + 0` it would not
join the sums to their vintages over an automatic index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from civic.core import progress
from civic.core.closes_check import check_of
from civic.core.db import BigId, db
from civic.core.registry import Check, Violation
from civic.points import rules, totals
from civic.points.models import (
    COUNTED,
    Earning,
    Hold,
    HoldState,
    Policy,
    PolicyState,
    Reason,
    Transfer,
    TransferKind,
    Vintage,
    Wallet,
    WalletState,
)
from civic.points.totals import ENDING, MOVING

_T, _V, _W, _H, _E, _P = (model.__table__ for model in (Transfer, Vintage, Wallet, Hold, Earning, Policy))
SHOWN = 500  # rows fetched at a time


def _stream(query: Any) -> Iterator[Any]:
    """Rows a few hundred at a time; whoever needs only the first leaves no cursor open."""
    with db.session.execute(query.execution_options(yield_per=SHOWN)) as found:
        yield from found


def _named(table: str, query: Any, what: str) -> Iterator[Violation]:
    """A violation for each id of a select."""
    return (Violation(table, row[0], what) for row in _stream(query))


def _whole(value: Any) -> Any:
    return sa.cast(value, BigId)


# ---- counters (L2, L3) ------------------------------------------------------------------------------------------------------


def _side(column: Any, name: str) -> Any:
    """Hundredths that rows moved, by vintage of one side."""
    key = _whole(column)
    return sa.select(key.label("id"), sa.func.sum(_T.c.amount).label("amount")).where(_T.c.kind.in_(MOVING)).group_by(key).subquery(name)


def _set_aside() -> Any:
    """Hundredths of holds' rows that nothing has ended, by vintage."""
    end, key = _T.alias("e"), _whole(_T.c.debit_id)
    query = sa.select(key.label("id"), sa.func.sum(_T.c.amount).label("amount")).outerjoin(end, end.c.ends_id == _T.c.id)
    return query.where(_T.c.kind == TransferKind.hold, end.c.id.is_(None)).group_by(key).subquery("s")


def _counters() -> sa.Select[Any]:
    """Each vintage with its counters and with what they are by the rows; one statement, hence one moment, also on a busy site."""
    came, went, aside = _side(_T.c.credit_id, "c"), _side(_T.c.debit_id, "d"), _set_aside()

    def amount(part: Any) -> Any:
        return _whole(sa.func.coalesce(part.c.amount, 0))

    return (
        sa.select(
            _V.c.id, _V.c.programme_id, _V.c.is_counted, _V.c.balance, _V.c.held, _W.c.kind,
            (amount(came) - amount(went)).label("by_rows"), amount(aside).label("held_by_rows"),
        )
        .join(_W, _W.c.id == _V.c.wallet_id)
        .outerjoin(came, came.c.id == _V.c.id)
        .outerjoin(went, went.c.id == _V.c.id)
        .outerjoin(aside, aside.c.id == _V.c.id)
    )  # fmt: skip


def balances() -> Iterator[Violation]:
    """Counters against rows, one violation for each vintage; then each programme sums to nothing, and its holds to what is held (L2)."""
    posted: dict[int, int] = defaultdict(int)
    pending: dict[int, int] = defaultdict(int)
    progress.tell("balances of points", 0)
    for row in _stream(_counters()):
        if row.is_counted != (row.kind in COUNTED):
            yield Violation("points_vintage", row.id, f"has counters: {row.is_counted}, in a wallet of kind {row.kind.value}")
        if row.is_counted and row.balance != row.by_rows:
            yield Violation("points_vintage", row.id, f"balance is {row.balance}, its rows make {row.by_rows}")
        if row.is_counted and row.held != row.held_by_rows:
            yield Violation("points_vintage", row.id, f"held is {row.held}, its open holds make {row.held_by_rows}")
        posted[row.programme_id] += row.balance if row.is_counted else row.by_rows
        pending[row.programme_id] += row.held
    for programme_id, left in posted.items():
        if left:
            yield Violation("points_programme", programme_id, f"all balances together are {left} instead of 0")
    yield from _pending(pending)


def _pending(held: dict[int, int]) -> Iterator[Violation]:
    query = sa.select(_H.c.programme_id, sa.func.sum(_H.c.amount)).where(_H.c.state == HoldState.open).group_by(_H.c.programme_id)
    opened = {programme_id: int(amount) for programme_id, amount in db.session.execute(query)}
    for programme_id in sorted(held.keys() | opened.keys()):
        if held.get(programme_id, 0) != opened.get(programme_id, 0):
            what = f"{held.get(programme_id, 0)} is held in wallets, open holds make {opened.get(programme_id, 0)}"
            yield Violation("points_programme", programme_id, what)


def counters_or_nothing() -> Iterable[Violation]:
    """What blocks a close (L21)."""
    return balances()


# ---- rows (L1, L7, L9, L10, L16) --------------------------------------------------------------------------------------------


def rows() -> Iterator[Violation]:
    """What the triggers ask of a row when it comes, asked of all rows again."""
    progress.tell("rows of points", 0)
    debit, credit = _V.alias("d"), _V.alias("c")
    sides = (
        sa.select(_T.c.id)
        .outerjoin(debit, debit.c.id == _T.c.debit_id)
        .outerjoin(credit, credit.c.id == _T.c.credit_id)
        .where(
            sa.or_(
                debit.c.id.is_(None), credit.c.id.is_(None), _T.c.debit_id == _T.c.credit_id, _T.c.amount <= 0,
                debit.c.programme_id != _T.c.programme_id, credit.c.programme_id != _T.c.programme_id,
            )
        )
    )  # fmt: skip
    yield from _named("points_transfer", sides, "is not one positive amount between two vintages of one programme")
    yield from _ends()
    first = _T.alias("o")
    wrong = sa.or_(
        first.c.id.is_(None), first.c.kind.not_in((TransferKind.single, TransferKind.post)), first.c.amount < _T.c.amount,
        first.c.debit_id != _T.c.credit_id, first.c.credit_id != _T.c.debit_id,
    )  # fmt: skip
    reversal = sa.select(_T.c.id).outerjoin(first, first.c.id == _T.c.reverses_id)
    shape = (_T.c.kind == TransferKind.reversal) != _T.c.reverses_id.is_not(None)
    query = reversal.where(sa.or_(shape, sa.and_(_T.c.reverses_id.is_not(None), wrong)))
    yield from _named("points_transfer", query, "reverses a row that it does not match")


def _ends() -> Iterator[Violation]:
    """A row that ends a hold's row fits it: same hold, same sides, its amount (a post at most), within the time or after it."""
    held = _T.alias("o")
    wrong = sa.or_(
        held.c.id.is_(None), held.c.kind != TransferKind.hold, held.c.hold_id != _T.c.hold_id, held.c.debit_id != _T.c.debit_id,
        held.c.credit_id != _T.c.credit_id, held.c.amount < _T.c.amount, _H.c.id.is_(None),
        sa.and_(_T.c.kind != TransferKind.post, held.c.amount != _T.c.amount),
        sa.and_(_T.c.kind == TransferKind.post, _T.c.at >= _H.c.expires_at),
        sa.and_(_T.c.kind == TransferKind.expire, _T.c.at < _H.c.expires_at),
    )  # fmt: skip
    joined = sa.select(_T.c.id).outerjoin(held, held.c.id == _T.c.ends_id).outerjoin(_H, _H.c.id == _T.c.hold_id)
    yield from _named("points_transfer", joined.where(_T.c.kind.in_(ENDING), wrong), "ends a hold that it does not match")


# ---- holds (L7, L15) --------------------------------------------------------------------------------------------------------
_FITS = {
    HoldState.open: (),
    HoldState.posted: (TransferKind.post, TransferKind.void),
    HoldState.voided: (TransferKind.void,),
    HoldState.expired: (TransferKind.expire,),
}


def holds() -> Iterator[Violation]:
    """A header says what its rows say: amount, what was posted, its state; every row of an ended hold is ended once, of an open one never."""
    progress.tell("holds of points", 0)

    def of(*kinds: TransferKind, of_what: Any = 1) -> Any:
        return sa.func.coalesce(sa.func.sum(sa.case((_T.c.kind.in_(kinds), of_what), else_=0)), 0)

    parts = {
        "held": of(TransferKind.hold, of_what=_T.c.amount), "spent": of(TransferKind.post, of_what=_T.c.amount), "lines": of(TransferKind.hold),
        **{kind.value: of(kind) for kind in ENDING},
    }  # fmt: skip
    key = _whole(_T.c.hold_id)
    found = (
        sa.select(key.label("id"), *(part.label(name) for name, part in parts.items()))
        .where(_T.c.hold_id.is_not(None))
        .group_by(key)
        .subquery()
    )
    query = sa.select(_H.c.id, _H.c.state, _H.c.amount, _H.c.posted, *(found.c[name] for name in parts)).outerjoin(
        found, found.c.id == _H.c.id
    )
    for row in _stream(query):
        yield from (Violation("points_hold", row.id, what) for what in _hold_faults(row))
    yield from _of_another_wallet()


def _hold_faults(row: Any) -> Iterator[str]:
    if row.lines is None:
        yield "has no row in the ledger"
        return
    if row.held != row.amount:
        yield f"amount is {row.amount}, its rows make {row.held}"
    if row.spent != row.posted:
        yield f"posted is {row.posted}, its rows make {row.spent}"
    ended = {kind: row._mapping[kind.value] for kind in ENDING}
    fitting = _FITS[row.state]
    if sum(ended.values()) != (0 if row.state is HoldState.open else row.lines) or any(
        n for kind, n in ended.items() if kind not in fitting
    ):
        ways = ", ".join(f"{n} {kind.value}" for kind, n in ended.items() if n) or "none"
        yield f"is {row.state.value}; of its {row.lines} rows ended: {ways}"


def _of_another_wallet() -> Iterator[Violation]:
    query = (
        sa.select(_T.c.id)
        .join(_H, _H.c.id == _T.c.hold_id)
        .join(_V, _V.c.id == _T.c.debit_id)
        .where(_V.c.wallet_id != _H.c.wallet_id, _T.c.kind == TransferKind.hold)
    )
    yield from _named("points_transfer", query, "sets aside points of another wallet than its hold's")


# ---- earnings (L12, L13) ----------------------------------------------------------------------------------------------------


def earnings() -> Iterator[Violation]:
    """Each revision's rows book its difference to the one before.

    Upwards exactly.  Downwards at most: what was spent already became due and is recovered from later credits, under their own sources,
    so here only that no more was taken than the difference can be seen.
    """
    progress.tell("earnings of points", 0)
    before = sa.func.lag(_E.c.amount, 1, 0).over(partition_by=_E.c.source, order_by=_E.c.revision)
    difference = sa.select(_E.c.id, (_E.c.amount - before).label("difference")).subquery("x")
    key = _whole(_T.c.earning_id)
    taken = _T.c.reason == Reason.corrected
    sums = (
        sa.select(
            key.label("id"), sa.func.sum(sa.case((taken, 0), else_=_T.c.amount)).label("up"), sa.func.sum(sa.case((taken, _T.c.amount), else_=0)).label("down")
        )
        .where(_T.c.earning_id.is_not(None), _T.c.kind == TransferKind.single)
        .group_by(key)
        .subquery("s")
    )  # fmt: skip
    up, down, d = sa.func.coalesce(sums.c.up, 0), sa.func.coalesce(sums.c.down, 0), difference.c.difference
    wrong = sa.or_(sa.and_(d >= 0, sa.or_(up != d, down != 0)), sa.and_(d < 0, sa.or_(up != 0, down > -d)))
    query = sa.select(difference.c.id, d, up, down).outerjoin(sums, sums.c.id == difference.c.id).where(wrong)
    for id_, wanted, came, went in _stream(query):
        yield Violation("points_earning", id_, f"differs by {wanted} from the revision before; its rows gave {came} and took {went}")
    gaps = sa.select(sa.func.min(_E.c.id)).group_by(_E.c.source).having(sa.func.count(sa.distinct(_E.c.person_id)) > 1)
    yield from _named(
        "points_earning", gaps.having(sa.func.count(sa.distinct(_E.c.programme_id)) > 1), "its source earned in two programmes"
    )
    yield from _computed()


def _computed() -> Iterator[Violation]:
    """The amount is counted × rate / 60; counted is rounded and no more than was given; the rate is the policy's; the day's maximum holds."""
    of_policy = sa.select(_E.c.id).join(_P, _P.c.id == _E.c.policy_id)
    wrong = sa.or_(_E.c.counted > _E.c.minutes, _E.c.counted % _P.c.rounding != 0, _E.c.counted > _P.c.daily)
    yield from _named("points_earning", of_policy.where(wrong), "counts other minutes than its policy allows")
    # whole hundredths: the amount is the largest number that sixty times does not pass counted × rate
    product = _E.c.counted * _E.c.rate
    off = sa.or_(_E.c.amount * 60 > product, _E.c.amount * 60 + 60 <= product)
    yield from _named("points_earning", sa.select(_E.c.id).where(off), "its amount is not counted minutes times rate")
    yield from _days()
    kinds = sa.select(_E.c.policy_id, _E.c.service_type, _E.c.hour_class, _E.c.rate, sa.func.min(_E.c.id).label("id"))
    for row in db.session.execute(kinds.group_by(_E.c.policy_id, _E.c.service_type, _E.c.hour_class, _E.c.rate)).all():
        policy = db.session.get(Policy, row.policy_id)
        if policy is None or rules.rate_of(policy, row.service_type, row.hour_class) != row.rate:
            yield Violation("points_earning", row.id, f"rate {row.rate} for {row.service_type}, {row.hour_class} is not its policy's")


def _days() -> Iterator[Violation]:
    """Of each source the newest revision: together no more than the day's maximum."""
    later = _E.alias("l")
    newest = ~sa.exists().where(later.c.source == _E.c.source, later.c.revision > _E.c.revision)
    query = (
        sa.select(sa.func.max(_E.c.id))
        .join(_P, _P.c.id == _E.c.policy_id)
        .where(newest)
        .group_by(_E.c.person_id, _E.c.on)
        .having(sa.func.sum(_E.c.counted) > sa.func.max(_P.c.daily))
    )
    yield from _named("points_earning", query, "with the person's others of its day counts more than the day's maximum")


# ---- rules and wallets (L16, L19) -------------------------------------------------------------------------------------------


def policies() -> Iterator[Violation]:
    """Every row and earning names adopted rules of its own programme; rules were adopted by two people; one begins on a day."""
    for table in (_T, _E):
        used = sa.select(table.c.policy_id, table.c.programme_id, sa.func.min(table.c.id).label("id")).group_by(
            table.c.policy_id, table.c.programme_id
        )
        named = used.subquery()
        query = sa.select(named.c.id).outerjoin(_P, _P.c.id == named.c.policy_id)
        foreign = sa.or_(_P.c.id.is_(None), _P.c.programme_id != named.c.programme_id, _P.c.state != PolicyState.adopted)
        yield from _named(table.name, query.where(foreign), "names rules that are not adopted, or another programme's")
    adopted = _P.c.state == PolicyState.adopted
    alone = sa.select(_P.c.id).where(adopted, sa.or_(_P.c.checker_id.is_(None), _P.c.checker_id == _P.c.maker_id, _P.c.from_on.is_(None)))
    yield from _named("points_policy", alone, "was adopted without a second person or a first day")
    early = sa.select(_E.c.id).join(_P, _P.c.id == _E.c.policy_id).where(_P.c.from_on > _E.c.on)
    yield from _named("points_earning", early, "its rules began after the day of the service")


def wallets() -> Iterator[Violation]:
    """A closed wallet holds nothing that is free, and no wallet is its own heir."""
    left = sa.func.sum(_V.c.balance - _V.c.held)
    query = (
        sa.select(_W.c.id).join(_V, _V.c.wallet_id == _W.c.id).where(_W.c.state == WalletState.closed).group_by(_W.c.id).having(left != 0)
    )
    yield from _named("points_wallet", query, "is closed and has points that nothing holds")
    yield from _named("points_wallet", sa.select(_W.c.id).where(_W.c.heir_id == _W.c.id), "is its own heir")


BOOK = totals.book(counters_or_nothing)
_ALL: tuple[tuple[str, Callable[[], Iterable[Violation]]], ...] = (
    ("points: balances", balances),
    ("points: rows", rows),
    ("points: holds", holds),
    ("points: earnings", earnings),
    ("points: rules", policies),
    ("points: wallets", wallets),
)
CHECKS = (*(Check(name, run) for name, run in _ALL), check_of(BOOK))
