"""What `civic check` recomputes about points: every counter from its rows, every hold, earning and row from what it names.

Each statement works on whole tables; what is streamed is one line for each vintage or fault, so millions of rows need little memory.
Grouped by CAST(id AS INTEGER), because over an index SQLite would fetch every row of the table by itself, and by `id + 0` it would not
join the sums to their vintages over an automatic index.  Each check reads as of one moment (core/snapshot.py), so two of its statements can
be compared on a busy site.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from civic.core import clock, progress
from civic.core.closes_check import check_of
from civic.core.db import BigId, db
from civic.core.registry import Violation
from civic.core.snapshot import check_of_one_moment
from civic.people.models import Merge, MergeState, Person
from civic.points import causes_check, dues_check, rules, totals
from civic.points.models import (
    COUNTED,
    OWNED,
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
MIDNIGHT = timedelta(minutes=5)  # a transaction that began in the old year and took its year in the new one


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
    wrong = {
        "is open and has an end, or ended without one": (_H.c.state == HoldState.open) != _H.c.ended_at.is_(None),
        "was spent after its time": sa.and_(_H.c.state == HoldState.posted, _H.c.ended_at >= _H.c.expires_at),
        "ran out before its time": sa.and_(_H.c.state == HoldState.expired, _H.c.ended_at < _H.c.expires_at),
    }
    for what, where in wrong.items():
        yield from _named("points_hold", sa.select(_H.c.id).where(where), what)


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

    Upwards exactly.  Downwards at most, less what a reversal had taken already: what was spent became due, and which earning a due comes
    from no row tells; that all of them together became due is asked of each programme (dues_check).
    """
    progress.tell("earnings of points", 0)
    before = sa.func.lag(_E.c.amount, 1, 0).over(partition_by=_E.c.source, order_by=_E.c.revision)
    difference = sa.select(_E.c.id, _E.c.offset, (_E.c.amount - before).label("difference")).subquery("x")
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
    offset = difference.c.offset
    wrong = sa.or_(
        sa.and_(d >= 0, sa.or_(up != d, down != 0, offset != 0)),
        sa.and_(d < 0, sa.or_(up != 0, offset < 0, down > -d - offset)),
    )
    query = sa.select(difference.c.id, d, up, down, offset).outerjoin(sums, sums.c.id == difference.c.id).where(wrong)
    for id_, wanted, came, went, set_off in _stream(query):
        less = f", {set_off} was set off against reversals" if set_off else ""
        yield Violation("points_earning", id_, f"differs by {wanted} from the revision before; its rows gave {came} and took {went}{less}")
    foreign = sa.select(_T.c.id).join(_E, _E.c.id == _T.c.earning_id)
    other = sa.or_(_E.c.source != _T.c.source, _E.c.programme_id != _T.c.programme_id)
    yield from _named("points_transfer", foreign.where(other), "names an earning of another source")
    yield from _one_owner()
    yield from _computed()


def _one_owner() -> Iterator[Violation]:
    """A source is one person's in one programme; rows that are or once were merged are one person."""
    first = sa.select(sa.func.min(_E.c.id)).group_by(_E.c.source)
    yield from _named(
        "points_earning",
        first.having(sa.func.min(_E.c.programme_id) < sa.func.max(_E.c.programme_id)),
        "its source earned in two programmes",
    )
    several = sa.select(_E.c.source).group_by(_E.c.source).having(sa.func.min(_E.c.person_id) < sa.func.max(_E.c.person_id))
    query = sa.select(_E.c.source, _E.c.person_id, sa.func.min(_E.c.id)).where(_E.c.source.in_(several))
    rows: dict[str, dict[int, int]] = defaultdict(dict)
    for source, person_id, id_ in db.session.execute(query.group_by(_E.c.source, _E.c.person_id)):
        rows[source][person_id] = id_
    if not rows:
        return
    one = _merged()
    for persons in rows.values():
        if len({one(person_id) for person_id in persons}) > 1:
            yield Violation("points_earning", min(persons.values()), "its source earned for two people")


def _merged() -> Callable[[int], int]:
    """Which row stands for a person, by merges that hold and those that were undone: what was booked under one stays."""
    parent: dict[int, int] = {}

    def root(id_: int) -> int:
        while id_ in parent:
            id_ = parent[id_]
        return id_

    pairs: list[Any] = [
        *db.session.execute(sa.select(Person.id, Person.merged_into_id).where(Person.merged_into_id.is_not(None))).all(),
        *db.session.execute(
            sa.select(Merge.loser_id, Merge.survivor_id).where(Merge.state.in_([MergeState.done, MergeState.undo_asked, MergeState.undone]))
        ).all(),
    ]
    for loser, survivor in pairs:
        if survivor is not None and root(loser) != root(survivor):
            parent[root(loser)] = root(survivor)
    return root


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
    for row in _stream(sa.select(_V.c.id, _V.c.year, first.c.at).join(first, first.c.id == _V.c.id).where(_V.c.year > 0)):
        if row.year > clock.local(row.at + MIDNIGHT).year:
            yield Violation("points_vintage", row.id, f"is of {row.year}, its first points came at {row.at:%Y-%m-%d}")


BOOK = totals.book(counters_or_nothing)
CHECKS = (
    check_of_one_moment("points: balances", balances),
    check_of_one_moment("points: rows", rows),
    check_of_one_moment("points: causes", causes_check.shapes, causes_check.causes),
    check_of_one_moment("points: holds", holds),
    check_of_one_moment("points: earnings", earnings),
    check_of_one_moment("points: rules", policies),
    check_of_one_moment("points: wallets", wallets),
    check_of_one_moment("points: dues", dues_check.dues),
    check_of(BOOK),
)
