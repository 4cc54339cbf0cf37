"""A wallet's statement: what moved its points, newest first, a page at a time, however many lines there are.

A line is what people call one thing: the rows of all years that one act wrote, and a hold together with how it ended ("set aside on the
20th, spent on the 22nd"), dated when it began.  So the amounts of all lines add up to what is free, and the points behind a line read as
what was free after it.

For each year of the wallet and each side the newest rows are taken by index and merged; nothing is ever sorted whole.
"""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from civic.core import clock
from civic.core.db import db
from civic.points.models import Hold, HoldState, Policy, Reason, Transfer, TransferKind, Vintage, Wallet, WalletKind
from civic.points.queries import WalletView

PER_PAGE = 50
MOST_NEWER = 5_000  # rows that are summed to say what was free after a line further down; beyond, the column stays empty
SLICE = 500  # lines that an export reads at once
ENDS = (TransferKind.post, TransferKind.void, TransferKind.expire)
_T, _H, _P, _V, _W = Transfer.__table__, Hold.__table__, Policy.__table__, Vintage.__table__, Wallet.__table__
_COLUMNS = (
    _T.c.id, _T.c.kind, _T.c.reason, _T.c.amount, _T.c.hold_id, _T.c.source, _T.c.detail, _T.c.at, _T.c.channel, _T.c.earning_id,
    _T.c.policy_id, _T.c.reverses_id,
)  # fmt: skip


class Side(enum.StrEnum):
    """Which lines: all, those that brought points, those that took them."""

    every = ""
    came = "came"
    went = "went"


@dataclass(frozen=True)
class Asked:
    """Which lines of a wallet.  month: its first day; before: only rows older than this id."""

    side: Side = Side.every
    month: date | None = None
    before: int | None = None

    @property
    def moments(self) -> tuple[datetime, datetime] | None:
        """The month as a half-open range."""
        if self.month is None:
            return None
        following = date(self.month.year + self.month.month // 12, self.month.month % 12 + 1, 1)
        return clock.day_bounds(self.month)[0], clock.day_bounds(following)[0]


ALL = Asked()


class HoldEnd(enum.StrEnum):
    """How what was set aside stands today."""

    live = "live"
    spent = "spent"
    partly = "partly"
    returned = "returned"
    prolonged = "prolonged"  # given back and set aside anew in the same moment
    lapsed = "lapsed"


@dataclass(frozen=True)
class HoldStory:
    """A hold as its line tells it; hundredths."""

    end: HoldEnd
    until: datetime
    ended_at: datetime | None
    spent: int


@dataclass(frozen=True)
class Line:
    """One thing that moved points.  amount: hundredths, as booked; effect: what it does to the free points today, with its sign."""

    id: int  # of its newest row
    first_id: int
    at: datetime
    kind: TransferKind
    reason: Reason
    source: str
    detail: dict[str, Any]
    sign: int
    amount: int
    effect: int
    years: tuple[tuple[int, int], ...]  # (year, hundredths), where there are several
    channel: str
    policy: str  # number of the version under which it was booked
    rounding: int  # minutes, of that version
    cap: int
    other: WalletKind
    hold: HoldStory | None = None
    reversed_at: datetime | None = None
    reversed_amount: int = 0
    earning_id: int | None = None
    overflow: int = 0  # hundredths of the same hours that went to the care pool
    after: int | None = None  # hundredths that were free after it


@dataclass(frozen=True)
class Page:
    """Lines from the newest; before: where the next page begins, None on the last one."""

    lines: tuple[Line, ...]
    before: int | None = None


def page(wallet: WalletView, asked: Asked = ALL, limit: int = PER_PAGE) -> Page:
    """A page of the statement: one statement for the rows, one for what flowed over, one more below the top for the points after."""
    found = _page(wallet, asked, limit)
    lines = _with_overflow(found.lines)
    if lines and asked.side is Side.every:
        newer = 0 if asked.before is None and asked.month is None else sum_of_newer(wallet, lines[0].id)
        if newer is not None:
            lines = _with_after(lines, wallet.free - newer)
    return Page(lines, found.before)


def every(wallet: WalletView, asked: Asked = ALL, most: int = 20_000) -> Iterator[Line]:
    """The lines one after another, for a file; read in slices, at most `most`."""
    after: int | None = None
    for count in range(0, most, SLICE):
        found = page(wallet, asked, min(SLICE, most - count))
        lines = found.lines if after is None else _with_after(found.lines, after)
        yield from lines
        if found.before is None or not lines:
            return
        after = lines[-1].after - lines[-1].effect if lines[-1].after is not None else None
        asked = replace(asked, before=found.before)


def count(wallet: WalletView, asked: Asked = ALL) -> int:
    """How many lines there are."""
    if not wallet.years:
        return 0
    query = _counted(len(wallet.years), asked.side, asked.before is not None, asked.month is not None)
    return db.session.scalar(query, _values(wallet, asked)) or 0


@functools.lru_cache(maxsize=64)
def _counted(years: int, side: Side, has_before: bool, has_month: bool) -> Any:
    sides = _sides(years, side, has_before, has_month, None)
    parts = [sa.select(q.c.at, q.c.kind, q.c.reason, q.c.source, q.c.hold_id, q.c.sign) for q in sides]
    return sa.select(sa.func.count()).select_from(sa.union(*parts).subquery())


def _values(wallet: WalletView, asked: Asked) -> dict[str, Any]:
    """What a built statement is asked with."""
    found: dict[str, Any] = {f"year_{slot}": year.vintage_id for slot, year in enumerate(wallet.years)}
    if asked.before is not None:
        found["before"] = asked.before
    if (moments := asked.moments) is not None:
        found["since"], found["until"] = moments
    return found


def _sides(years: int, side: Side, has_before: bool, has_month: bool, limit: int | None) -> list[Any]:
    """For each year and side the newest rows that begin a line, as a select of its own that an index answers."""
    found = []
    for slot in range(years):
        for own, other, sign in ((_T.c.debit_id, _T.c.credit_id, -1), (_T.c.credit_id, _T.c.debit_id, 1)):
            if (side is Side.came and sign < 0) or (side is Side.went and sign > 0):
                continue
            query = sa.select(*_COLUMNS, other.label("other_id"), sa.literal(sign).label("sign"), sa.literal(slot).label("slot"))
            query = _by_index(query, own, sa.bindparam(f"year_{slot}"), before=sa.bindparam("before") if has_before else None)
            if sign < 0:
                query = query.where(_T.c.kind.not_in(ENDS))
            if has_month:
                query = query.where(
                    _T.c.at >= sa.bindparam("since", type_=_T.c.at.type), _T.c.at < sa.bindparam("until", type_=_T.c.at.type)
                )
            found.append((query.limit(_at_most(limit)) if limit else query.order_by(None)).subquery())
    return found


def _at_most(rows: int) -> Any:
    """A limit that stands in the statement itself: PostgreSQL's plan for every value would expect a tenth of the ledger, and read all of it."""
    return sa.literal(rows, literal_execute=True)


def _by_index(query: Any, own: Any, vintage: Any, *, before: Any = None, newer_than: Any = None) -> Any:
    """Rows of a vintage from the newest, in the very order of the index (own, id).

    With `own = …` PostgreSQL may walk the primary key backwards instead, through the rows of everybody else, when a wallet has many.
    """
    query = query.where(own <= vintage) if before is None else query.where(sa.tuple_(own, _T.c.id) < sa.tuple_(vintage, before))
    query = query.where(own >= vintage) if newer_than is None else query.where(sa.tuple_(own, _T.c.id) > sa.tuple_(vintage, newer_than))
    return query.order_by(own.desc(), _T.c.id.desc())


def _page(wallet: WalletView, asked: Asked, limit: int) -> Page:
    if not wallet.years:
        return Page(())
    wanted = limit + 2 * len(wallet.years) + 1  # the rows of one act lie beside each other; enough to see the last one whole
    query = _built(len(wallet.years), asked.side, asked.before is not None, asked.month is not None, wanted)
    rows = db.session.execute(query, _values(wallet, asked)).all()
    groups = [list(each) for _key, each in groupby(rows, key=lambda r: (r.at, r.kind, r.reason, r.source, r.hold_id, r.sign))]
    if len(rows) == wanted and len(groups) > 1:
        groups = groups[:-1]  # it may go on below
    is_last = len(rows) < wanted and len(groups) <= limit
    taken, years = groups[:limit], [year.year for year in wallet.years]
    return Page(tuple(_line(each, years) for each in taken), None if is_last or not taken else taken[-1][-1].id)


@functools.lru_cache(maxsize=256)
def _built(years: int, side: Side, has_before: bool, has_month: bool, wanted: int) -> Any:
    """The statement of a page, built once for each shape: building it takes longer than the database takes to answer it."""
    merged = sa.union_all(*(sa.select(q) for q in _sides(years, side, has_before, has_month, wanted))).subquery()
    return _told(sa.select(merged).order_by(merged.c.id.desc()).limit(_at_most(wanted)).subquery())


def _told(newest: Any) -> Any:
    """Rows with what explains them: how a hold ended, what was reversed, the version of the rules, whose the other side is."""
    ends, back, later = sa.alias(_T), sa.alias(_T), sa.alias(_H)
    prolonged = sa.exists().where(later.c.source == _H.c.source, later.c.sequence > _H.c.sequence).correlate(_H)
    return (
        sa.select(
            newest, ends.c.kind.label("end_kind"), ends.c.amount.label("end_amount"), ends.c.at.label("end_at"),
            _H.c.expires_at, sa.and_(_H.c.state == HoldState.voided, prolonged).label("is_prolonged"),
            back.c.at.label("back_at"), back.c.amount.label("back_amount"),
            _P.c.number, _P.c.rounding, _P.c.cap, _W.c.kind.label("other_kind"),
        )
        .join(_P, _P.c.id == newest.c.policy_id)
        .join(_V, _V.c.id == newest.c.other_id)
        .join(_W, _W.c.id == _V.c.wallet_id)
        .outerjoin(_H, _H.c.id == newest.c.hold_id)
        .outerjoin(ends, ends.c.ends_id == newest.c.id)
        .outerjoin(back, back.c.id == newest.c.reverses_id)
        .order_by(newest.c.id.desc())
    )  # fmt: skip


def _line(rows: Sequence[Any], of_slot: Sequence[int]) -> Line:
    """The line of the rows that one act wrote, from the newest."""
    newest, amount = rows[0], sum(row.amount for row in rows)
    story = _story(rows, amount) if newest.kind is TransferKind.hold else None
    effect = newest.sign * amount
    if story is not None:
        effect = -amount if story.end is HoldEnd.live else -story.spent
    years = tuple(sorted((of_slot[row.slot], row.amount) for row in rows)) if len(rows) > 1 else ()
    return Line(
        id=newest.id, first_id=rows[-1].id, at=newest.at, kind=newest.kind, reason=newest.reason, source=newest.source,
        detail=json.loads(newest.detail), sign=newest.sign, amount=amount, effect=effect, years=years, channel=newest.channel,
        policy=newest.number, rounding=newest.rounding, cap=newest.cap, other=newest.other_kind, hold=story,
        reversed_at=newest.back_at, reversed_amount=newest.back_amount or 0, earning_id=newest.earning_id,
    )  # fmt: skip


def _story(rows: Sequence[Any], amount: int) -> HoldStory:
    first = rows[0]
    spent = sum(row.end_amount for row in rows if row.end_kind is TransferKind.post)
    if first.end_kind is None:
        end = HoldEnd.live if first.expires_at > clock.now() else HoldEnd.lapsed
    elif spent:
        end = HoldEnd.spent if spent == amount else HoldEnd.partly
    elif first.end_kind is TransferKind.expire:
        end = HoldEnd.lapsed
    else:
        end = HoldEnd.prolonged if first.is_prolonged else HoldEnd.returned
    return HoldStory(end, first.expires_at, first.end_at, spent)


def _with_after(lines: Sequence[Line], after: int) -> tuple[Line, ...]:
    """after: hundredths that were free after the first of these lines."""
    found = []
    for line in lines:
        found.append(replace(line, after=after))
        after -= line.effect
    return tuple(found)


def sum_of_newer(wallet: WalletView, row_id: int) -> int | None:
    """What all lines newer than this row did to the free points; None when they are too many to be summed on the way."""
    values = {**_values(wallet, ALL), "newer_than": row_id, "now": clock.now()}
    total, rows = db.session.execute(_summed(len(wallet.years), MOST_NEWER + 1), values).one()
    return int(total) if rows <= MOST_NEWER else None


@functools.lru_cache(maxsize=64)
def _summed(years: int, most: int) -> Any:
    parts = []
    for slot in range(years):
        for own, sign in ((_T.c.debit_id, -1), (_T.c.credit_id, 1)):
            query = sa.select(_T.c.id, _T.c.kind, _T.c.amount, _T.c.hold_id, sa.literal(sign).label("sign"))
            query = _by_index(query, own, sa.bindparam(f"year_{slot}"), newer_than=sa.bindparam("newer_than"))
            parts.append(sa.select(query.limit(_at_most(most)).subquery()))
    newer, ends, now = sa.union_all(*parts).subquery(), sa.alias(_T), sa.bindparam("now", type_=_H.c.expires_at.type)
    # asked row by row, through their indexes: joined, PostgreSQL would read both tables from end to end
    spent = sa.select(sa.case((ends.c.kind == TransferKind.post, -ends.c.amount), else_=0)).where(ends.c.ends_id == newer.c.id)
    live = sa.select(sa.case((_H.c.expires_at > now, -newer.c.amount), else_=0)).where(_H.c.id == newer.c.hold_id)
    effect = sa.case(
        (newer.c.kind.in_(ENDS), 0),
        (newer.c.kind != TransferKind.hold, newer.c.sign * newer.c.amount),
        else_=sa.func.coalesce(spent.correlate(newer).scalar_subquery(), live.correlate(newer).scalar_subquery()),
    )
    return sa.select(sa.func.coalesce(sa.func.sum(effect), 0), sa.func.count()).select_from(newer)


def _with_overflow(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Beside points that were earned, what the same hours brought the care pool because the wallet was full."""
    earned = [line for line in lines if line.reason is Reason.earned and line.earning_id is not None]
    if not earned:
        return tuple(lines)
    query = (
        sa.select(_T.c.earning_id, sa.func.sum(_T.c.amount))
        .where(
            _T.c.source.in_({line.source for line in earned}),
            _T.c.earning_id.in_({line.earning_id for line in earned}),
            _T.c.reason == Reason.overflow,
        )
        .group_by(_T.c.earning_id)
    )
    over = {row[0]: row[1] for row in db.session.execute(query)}
    return tuple(replace(line, overflow=int(over.get(line.earning_id, 0))) for line in lines)
