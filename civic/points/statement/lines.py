"""A wallet's statement: what moved its points, newest first, a page at a time, however many lines there are.

A line is what people call one thing: the rows of all years that one act wrote, and a hold together with how it ended ("set aside on the
20th, spent on the 22nd"), dated when it began.  So the amounts of all lines add up to what is free, and the points behind a line read as
what was free after it.  Hours that moved nothing here (unmoved.py) stand between them with 0, by their moment.

For each year of the wallet and each side the newest rows are taken by index and merged; nothing is ever sorted whole.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from civic.core import clock
from civic.core.db import db
from civic.points.models import Reason, Transfer, TransferKind, WalletKind
from civic.points.queries import WalletView
from civic.points.statement import unmoved, walk
from civic.points.statement.unmoved import NOTHING, Went

PER_PAGE = 50
MOST_NEWER = 5_000  # rows that are summed to say what was free after a line further down; beyond, the column stays empty
SLICE = 500  # lines that an export reads at once
_T = Transfer.__table__


class Side(enum.StrEnum):
    """Which lines: all, those that brought points, those that took them."""

    every = ""
    came = "came"
    went = "went"

    @property
    def signs(self) -> tuple[int, ...]:
        """Of the rows' sides: -1 where the wallet gives, 1 where it gets."""
        return {Side.every: (-1, 1), Side.came: (1,), Side.went: (-1,)}[self]


CURSOR = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")


@dataclass(frozen=True)
class Cursor:
    """Where a page begins: below this row of the ledger and below this earning that moved nothing; 0 while none of them was shown.

    Two ids, because neither says where it stands among the others; written "812" or "812-93".
    """

    row: int = 0
    earning: int = 0

    def __str__(self) -> str:
        return f"{self.row}-{self.earning}" if self.earning else f"{self.row}"

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """None for anything else: the newest page."""
        found = CURSOR.fullmatch(text)
        return cls(int(found[1]), int(found[2] or 0)) if found else None


@dataclass(frozen=True)
class Asked:
    """Which lines of a wallet.  month: its first day; before: only those below, as `Page.before` says it."""

    side: Side = Side.every
    month: date | None = None
    before: Cursor | None = None

    @property
    def row(self) -> int:
        """Only rows older than this one; 0: from the newest."""
        return self.before.row if self.before is not None else 0

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
    """One thing that moved points, or hours that moved none.

    amount: hundredths, as booked; effect: what it does to the free points today, with its sign.
    """

    id: int  # of its newest row; of hours that moved nothing the earning's id, below zero
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
    went: Went = NOTHING  # where the rest of the same hours' points went
    reverses: int = 0  # newest row of the line of this wallet that it takes back
    wallet: str = ""  # uid
    after: int | None = None  # hundredths that were free after it

    @property
    def anchor(self) -> str:
        """Its name on a page and its number on paper: of a row of the ledger, or of hours."""
        return str(self.id) if self.id > 0 else f"h{-self.id}"


@dataclass(frozen=True)
class Page:
    """Lines from the newest; before: where the next page begins, None on the last one."""

    lines: tuple[Line, ...]
    before: Cursor | None = None


def page(wallet: WalletView, asked: Asked = ALL, limit: int = PER_PAGE) -> Page:
    """A page of the statement, in a fixed number of statements: rows, hours that moved nothing, where the rest of hours' points went.

    Below the top one more for the points after, and where lines take back others one that finds them.
    """
    found = _page(wallet, asked, limit)
    lines = _with_reversed(wallet, with_rest(found.lines))
    if lines and asked.side is Side.every:
        newer = _newer(wallet, asked, lines)
        if newer is not None:
            lines = _with_after(lines, wallet.free - newer)
    return Page(lines, found.before)


def _newer(wallet: WalletView, asked: Asked, lines: Sequence[Line]) -> int | None:
    """What lies above the page's first row of the ledger; where hours alone are on it, above those hours."""
    if not wallet.years or (asked.month is None and not asked.row):
        return 0
    first = next((line.id for line in lines if line.id > 0), None)
    if first is None:
        first = asked.row - 1 if asked.row else _last_before(wallet, asked)
    return sum_of_newer(wallet, first)


def _last_before(wallet: WalletView, asked: Asked) -> int:
    """The newest row before the month."""
    query = walk.last_before(len(wallet.years))
    return db.session.scalar(query, _values(wallet, asked)) or 0


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
    hours = unmoved.count(wallet, _wish(asked))
    if not wallet.years:
        return hours
    query = walk.counted(len(wallet.years), asked.side.signs, asked.month is not None)
    return (db.session.scalar(query, _values(wallet, asked)) or 0) + hours


def _values(wallet: WalletView, asked: Asked) -> dict[str, Any]:
    """What a built statement is asked with."""
    found: dict[str, Any] = {f"year_{slot}": year.vintage_id for slot, year in enumerate(wallet.years)}
    if asked.row:
        found["before"] = asked.row
    if (moments := asked.moments) is not None:
        found["since"], found["until"] = moments
    return found


def _page(wallet: WalletView, asked: Asked, limit: int) -> Page:
    """Rows of the ledger and hours that moved nothing, merged by their moments, each in its own order.

    So neither is shown twice nor left out, even where moments and ids do not agree.
    """
    rows, is_last = _of_ledger(wallet, asked, limit)
    floor = None if is_last else min((line.at for line in rows), default=None)
    hours = [of_hours(row, wallet.uid) for row in unmoved.newest(wallet, _wish(asked), limit + 1, floor)]
    taken: list[Line] = []
    row = earning = 0
    while len(taken) < limit and (row < len(rows) or earning < len(hours)):
        if earning < len(hours) and (row == len(rows) or hours[earning].at >= rows[row].at):
            taken.append(hours[earning])
            earning += 1
        else:
            taken.append(rows[row])
            row += 1
    if not taken or (is_last and row == len(rows) and earning == len(hours)):
        return Page(tuple(taken))
    above = asked.before or Cursor()
    return Page(tuple(taken), Cursor(rows[row - 1].first_id if row else above.row, -hours[earning - 1].id if earning else above.earning))


def _of_ledger(wallet: WalletView, asked: Asked, limit: int) -> tuple[list[Line], bool]:
    """Lines of the ledger, and are they the last?"""
    if not wallet.years:
        return [], True
    wanted = limit + 2 * len(wallet.years) + 1  # the rows of one act lie beside each other; enough to see the last one whole
    query = walk.built(len(wallet.years), asked.side.signs, asked.row > 0, asked.month is not None, wanted)
    rows = db.session.execute(query, _values(wallet, asked)).all()
    groups = [list(each) for _key, each in groupby(rows, key=lambda r: (r.at, r.kind, r.reason, r.source, r.hold_id, r.sign))]
    if len(rows) == wanted and len(groups) > 1:
        groups = groups[:-1]  # it may go on below
    is_last = len(rows) < wanted and len(groups) <= limit
    years = [year.year for year in wallet.years]
    return [_line(each, years, wallet) for each in groups[:limit]], is_last


def _wish(asked: Asked) -> unmoved.Wish:
    is_down = None if asked.side is Side.every else asked.side is Side.went
    before = asked.before or Cursor()
    return unmoved.Wish(is_down, asked.moments, before.row, before.earning)


def of_hours(row: Any, wallet_uid: str) -> Line:
    """The line of hours that moved nothing.  Fewer than before, or as many again: a correction; else points for service."""
    is_again, is_down = row.before is not None, row.less > 0
    detail = {
        "minutes": row.minutes, "counted": row.counted, "rate": row.rate, "type": row.service_type, "class": row.hour_class,
        "on": row.on.isoformat(), "revision": row.revision,
    }  # fmt: skip
    return Line(
        id=-row.id, first_id=-row.id, at=row.at, kind=TransferKind.single,
        reason=Reason.corrected if is_down or (is_again and row.amount <= row.before) else Reason.earned, source=row.source, detail=detail,
        sign=-1 if is_down else 1, amount=0, effect=0, years=(), channel="", policy=row.number, rounding=row.rounding, cap=row.cap,
        other=WalletKind.issuance, earning_id=row.id, wallet=wallet_uid,
    )  # fmt: skip


def _line(rows: Sequence[Any], of_slot: Sequence[int], wallet: WalletView) -> Line:
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
        reverses=newest.reverses_id or 0, wallet=wallet.uid,
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
    total, rows = db.session.execute(walk.summed(len(wallet.years), MOST_NEWER + 1), values).one()
    return int(total) if rows <= MOST_NEWER else None


def with_rest(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Beside points of hours, where the rest of them went: to the care pool, or owed."""
    hours = [line for line in lines if line.earning_id is not None and line.reason in (Reason.earned, Reason.corrected)]
    own = {line.earning_id: line.amount for line in hours if line.reason is Reason.corrected and line.earning_id is not None}
    found = unmoved.went(((line.earning_id or 0, line.source) for line in hours), own)
    ids = {line.id for line in hours}
    return tuple(replace(line, went=found.get(line.earning_id or 0, line.went)) if line.id in ids else line for line in lines)


def _with_reversed(wallet: WalletView, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Lines that take back others know the newest row of theirs, by which a page finds it; of another wallet's they do not."""
    wanted = {line.id: line.reverses or int(line.detail.get("of", 0)) for line in lines if line.reason is Reason.reversed}
    if not any(wanted.values()) or not wallet.years:
        return tuple(lines)
    named, first, act, years = sa.alias(_T), sa.alias(_T), sa.alias(_T), [year.vintage_id for year in wallet.years]
    hold = sa.or_(act.c.hold_id == first.c.hold_id, sa.and_(act.c.hold_id.is_(None), first.c.hold_id.is_(None)))
    query = (
        sa.select(named.c.id, sa.func.max(act.c.id))
        .join(first, first.c.id == sa.func.coalesce(named.c.ends_id, named.c.id))  # of what a hold spent the line is the hold's
        .join(act, sa.and_(act.c.source == first.c.source, act.c.at == first.c.at, act.c.reason == first.c.reason, act.c.kind == first.c.kind, hold))
        .where(named.c.id.in_({id_ for id_ in wanted.values() if id_}), sa.or_(first.c.debit_id.in_(years), first.c.credit_id.in_(years)))
        .group_by(named.c.id)
    )  # fmt: skip
    newest = {row[0]: row[1] for row in db.session.execute(query)}
    return tuple(replace(line, reverses=newest.get(wanted[line.id], 0)) if line.id in wanted else line for line in lines)
