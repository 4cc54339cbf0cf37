"""What `civic check` recomputes about points: every counter from its rows, every hold, earning and row from what it names.

Each statement works on whole tables; what is streamed is one line for each vintage or fault, so millions of rows need little memory.
Grouped by CAST(id AS INTEGER), because over an index SQLite would fetch every row of the table by itself, and by `id + 0` it would not
join the sums to their vintages over an automatic index.  Each check reads as of one moment (core/snapshot.py), so two of its statements can
be compared on a busy site.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from civic.core import clock, progress
from civic.core.closes_check import check_of
from civic.core.db import db
from civic.core.registry import Violation
from civic.core.snapshot import check_of_one_moment
from civic.points import totals
from civic.points.checks import causes, dues, earnings, gone, holds
from civic.points.checks.parts import named as _named
from civic.points.checks.parts import stream as _stream
from civic.points.checks.parts import whole as _whole
from civic.points.models import (
    COUNTED,
    OWNED,
    Earning,
    Hold,
    HoldState,
    Policy,
    PolicyState,
    Transfer,
    TransferKind,
    Vintage,
    Wallet,
    WalletState,
)
from civic.points.totals import ENDING, MOVING

_T, _V, _W, _H, _E, _P = (model.__table__ for model in (Transfer, Vintage, Wallet, Hold, Earning, Policy))
MIDNIGHT = timedelta(minutes=5)  # a transaction that began in the old year and took its year in the new one


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


def headers() -> Iterator[Violation]:
    """A header says what its rows say: amount, what was posted, its state, its moments; every row of an ended hold is ended once, of an open one never."""
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
    yield from holds.moments()


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
    """What a wallet says of itself: closed and empty, its heir, how many vintages it has, whose years they are."""
    progress.tell("wallets of points", 0)
    left = sa.func.sum(_V.c.balance - _V.c.held)
    pots = sa.select(_W.c.id).join(_V, _V.c.wallet_id == _W.c.id)
    free = pots.where(_W.c.state == WalletState.closed).group_by(_W.c.id).having(left != 0)
    yield from _named("points_wallet", free, "is closed and has points that nothing holds")
    owes = pots.where(_W.c.state == WalletState.open, _W.c.kind.in_(OWNED), _W.c.due > 0).group_by(_W.c.id).having(left > 0)
    yield from _named("points_wallet", owes, "owes points and has some that nothing holds")
    heir = _W.alias("h")
    wrong = {
        "is its own heir": _W.c.heir_id == _W.c.id,
        "is closed or frozen and does not say why": sa.and_(_W.c.state != WalletState.open, _W.c.state_why == ""),
        "is of the programme and not open": sa.and_(_W.c.kind.not_in(OWNED), _W.c.state != WalletState.open),
    }
    for what, where in wrong.items():
        yield from _named("points_wallet", sa.select(_W.c.id).where(where), what)
    strange = sa.or_(heir.c.id.is_(None), heir.c.programme_id != _W.c.programme_id)
    query = sa.select(_W.c.id).outerjoin(heir, heir.c.id == _W.c.heir_id).where(_W.c.heir_id.is_not(None), strange)
    yield from _named("points_wallet", query, "has an heir in another programme")
    many = sa.select(_V.c.wallet_id.label("id"), sa.func.count().label("n")).group_by(_V.c.wallet_id).subquery("n")
    counted = sa.select(_W.c.id).outerjoin(many, many.c.id == _W.c.id).where(_W.c.vintage_count != sa.func.coalesce(many.c.n, 0))
    yield from _named("points_wallet", counted, "counts other vintages than it has")
    yield from _vintages()


def _vintages() -> Iterator[Violation]:
    """A vintage is its wallet's programme's; an owner's is of a year, and not of one that came after its first points."""
    foreign = sa.select(_V.c.id).join(_W, _W.c.id == _V.c.wallet_id).where(_W.c.programme_id != _V.c.programme_id)
    yield from _named("points_vintage", foreign, "is of another programme than its wallet")
    yearless = sa.select(_V.c.id).join(_W, _W.c.id == _V.c.wallet_id).where(_W.c.kind.in_(OWNED) != (_V.c.year > 0))
    yield from _named("points_vintage", yearless, "has a year in a wallet without years, or none in an owner's")
    key = _whole(_T.c.credit_id)
    first = sa.select(key.label("id"), sa.func.min(_T.c.at).label("at")).where(_T.c.kind.in_(MOVING)).group_by(key).subquery("f")
    earliest = _stream(sa.select(_V.c.id, _V.c.year, first.c.at).join(first, first.c.id == _V.c.id).where(_V.c.year > 0))
    for row in [row for row in earliest if row.year > clock.local(row.at + MIDNIGHT).year]:
        at = _first_points(row.id, row.year)
        if at is not None and row.year > clock.local(at + MIDNIGHT).year:
            yield Violation("points_vintage", row.id, f"is of {row.year}, its first points came at {at:%Y-%m-%d}")


def _first_points(vintage_id: int, year: int) -> datetime | None:
    """When its first row came, by the order of ids: a clock that was set back over new year dates later ones earlier.

    Points that came along from the same year of another wallet are as old as they were there; None when there are no others.
    """
    origin = _V.alias("o")
    query = sa.select(_T.c.at).join(origin, origin.c.id == _T.c.debit_id)
    query = query.where(_T.c.credit_id == vintage_id, _T.c.kind.in_(MOVING), origin.c.year != year)
    return db.session.scalar(query.order_by(_T.c.id).limit(1))


BOOK = totals.book(counters_or_nothing)
CHECKS = (
    check_of_one_moment("points: balances", balances),
    check_of_one_moment("points: rows", rows),
    check_of_one_moment("points: causes", causes.shapes, causes.causes, gone.gone),
    check_of_one_moment("points: holds", headers),
    check_of_one_moment("points: earnings", earnings.earnings),
    check_of_one_moment("points: rules", policies),
    check_of_one_moment("points: wallets", wallets),
    check_of_one_moment("points: dues", dues.dues),
    check_of(BOOK),
)
