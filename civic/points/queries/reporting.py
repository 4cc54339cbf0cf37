"""What the monthly report of points says: sums of the month's closes, people as counts, what was corrected of earlier months.

The sums are those of the published closes and nothing else, so a report can be added up from the chain.  A row that came late is in a later
close, hence in a later report.  Counts of one to four people are not told: in a small community they are somebody.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from civic.core import clock
from civic.core.closes import Close, CloseItem
from civic.core.db import db
from civic.points.models import Earning, Programme, Reason, Transfer, TransferKind, Vintage
from civic.points.totals import BOOK, FLOWS, STANDS
from civic.territory.models import Territory

KIND = "points-month"
FORMULA = "points-1"
FEW = 5  # fewer people than this are not told as a number
HISTORY = 6  # months in the chart
_T, _I, _V, _E = Transfer.__table__, CloseItem.__table__, Vintage.__table__, Earning.__table__
#: what is counted → reason of the rows, side on which the people stand
PEOPLE = {
    "earned": (Reason.earned, "credit"),
    "spent": (Reason.spent, "debit"),
    "exchanged": (Reason.exchange, "debit"),
    "donated": (Reason.donated, "debit"),
    "granted": (Reason.granted, "credit"),
}


def programmes() -> list[tuple[Programme, str]]:
    """Every programme with the path of its district, the oldest first."""
    query = sa.select(Programme, Territory.path).join(Territory, Territory.id == Programme.territory_id).order_by(Programme.id)
    return [(programme, path) for programme, path in db.session.execute(query)]


def programme_for(code: str, place_path: str) -> tuple[Programme, str] | None:
    """The programme that was asked for by its code; else of the reader's district; else the oldest."""
    found = programmes()
    if code:
        return next((each for each in found if each[0].code == code), None)
    return next((each for each in found if place_path and place_path.startswith(each[1])), found[0] if found else None)


def month_end(first: date) -> date:
    """The last day of the month that begins on this day."""
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def month_after(first: date) -> date:
    return month_end(first) + timedelta(days=1)


def month_before(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)


def closes_between(from_on: date, to_on: date) -> Sequence[Close]:
    """Closes of these days, the oldest first."""
    query = sa.select(Close).where(Close.book == BOOK, Close.day.between(from_on, to_on)).order_by(Close.number)
    return db.session.scalars(query).all()


def is_closed(first: date) -> bool:
    """Is the last day of this month closed?"""
    return db.session.scalar(sa.select(sa.func.count()).where(Close.book == BOOK, Close.day == month_end(first))) == 1


def first_month(code: str = "") -> date | None:
    """The month in which the chain begins, or in which a programme appears in it."""
    query = sa.select(sa.func.min(Close.day)).where(Close.book == BOOK)
    if code:
        query = query.where(Close.totals.contains(f'"{code}":{{"day":', autoescape=True))
    day = db.session.scalar(query)
    return day.replace(day=1) if day is not None else None


def content_of(programme: Programme, first: date) -> dict[str, Any]:
    """Everything that the report of a month says; hundredths of a point."""
    rows = closes_between(first, month_end(first))
    sums = [_of(programme.code, row) for row in rows]
    month = {name: sum(each["day"][name] for each in sums) for name in FLOWS}
    end = {name: sums[-1]["since"][name] for name in STANDS}
    numbers = (rows[0].number, rows[-1].number)
    return {
        "programme": programme.code,
        "month": month,
        "end": end,
        "begin": {"outstanding": end["outstanding"] - _change(month)},
        "people": _people(programme.id, numbers),
        "corrections": _corrections(programme.id, numbers, first),
        "days": [
            [row.day.isoformat(), row.row_count, each["day"]["issued"], each["day"]["spent"]] for row, each in zip(rows, sums, strict=True)
        ],
        "history": _history(programme.code, first),
        "closes": {"first": numbers[0], "last": numbers[1], "hash": rows[-1].hash},
    }


def _of(code: str, row: Close) -> dict[str, dict[str, int]]:
    """A close's sums of one programme; nothing before the programme began."""
    nothing = {"day": dict.fromkeys(FLOWS, 0), "since": dict.fromkeys((*FLOWS, *STANDS), 0)}
    found: dict[str, dict[str, int]] = json.loads(row.totals)["programmes"].get(code, nothing)
    return found


def _change(sums: dict[str, int]) -> int:
    """By how much flows change what is outstanding."""
    return sums["issued"] + sums["returned"] - sums["spent"] - sums["expired"] - sums["corrected"] - sums["reversed"]


def _people(programme_id: int, numbers: tuple[int, int]) -> dict[str, int | None]:
    """Wallets that took part, None for one to four."""
    debit, credit = _V.alias("d"), _V.alias("c")
    query = (
        sa.select(
            _T.c.reason, sa.func.count(sa.distinct(debit.c.wallet_id)).label("debit"), sa.func.count(sa.distinct(credit.c.wallet_id)).label("credit")
        )
        .select_from(_I)
        .join(_T, _T.c.id == _I.c.row_id)
        .join(debit, debit.c.id == _T.c.debit_id)
        .join(credit, credit.c.id == _T.c.credit_id)
        .where(_listed(numbers), _T.c.programme_id == programme_id, _T.c.kind.in_((TransferKind.single, TransferKind.post)))
        .group_by(_T.c.reason)
    )  # fmt: skip
    counted = {row.reason: row for row in db.session.execute(query)}
    found = {name: int(getattr(counted[reason], side)) if reason in counted else 0 for name, (reason, side) in PEOPLE.items()}
    return {name: None if 0 < number < FEW else number for name, number in found.items()}


def _listed(numbers: tuple[int, int]) -> sa.ColumnElement[bool]:
    return sa.and_(_I.c.book == BOOK, _I.c.number.between(*numbers))


def _corrections(programme_id: int, numbers: tuple[int, int], first: date) -> dict[str, dict[str, int]]:
    """What this month's rows changed of earlier ones, by the month in which it was first booked: more, less, reversed."""
    began = _E.alias("b")
    revised = (
        sa.select(began.c.at, _T.c.reason, _T.c.amount)
        .select_from(_I)
        .join(_T, _T.c.id == _I.c.row_id)
        .join(_E, _E.c.id == _T.c.earning_id)
        .join(began, sa.and_(began.c.source == _E.c.source, began.c.revision == 1))
        .where(_listed(numbers), _T.c.programme_id == programme_id, _E.c.revision > 1, began.c.at < clock.day_bounds(first)[0])
    )
    original = _T.alias("o")
    reversals = (
        sa.select(original.c.at, _T.c.reason, _T.c.amount)
        .select_from(_I)
        .join(_T, _T.c.id == _I.c.row_id)
        .join(original, original.c.id == _T.c.reverses_id)
        .where(_listed(numbers), _T.c.programme_id == programme_id, original.c.at < clock.day_bounds(first)[0])
    )
    found: dict[str, dict[str, int]] = {}
    for query, name_of in (
        (revised, lambda reason: "less" if reason is Reason.corrected else "more"),
        (reversals, lambda _reason: "reversed"),
    ):
        for at, reason, amount in db.session.execute(query):
            month = found.setdefault(f"{clock.local(at):%Y-%m}", {"more": 0, "less": 0, "reversed": 0})
            month[name_of(reason)] += amount
    return found


def _history(code: str, first: date) -> list[list[Any]]:
    """The last months with what was issued and spent, the oldest first: what the chart draws."""
    month, months = first, [first]
    while len(months) < HISTORY:
        month = month_before(month)
        months.append(month)
    sums = {f"{each:%Y-%m}": [0, 0] for each in reversed(months)}
    known = set()
    for row in closes_between(months[-1], month_end(first)):
        key, day = f"{row.day:%Y-%m}", _of(code, row)["day"]
        sums[key] = [sums[key][0] + day["issued"], sums[key][1] + day["spent"]]
        known.add(key)
    return [[key, *values] for key, values in sums.items() if key in known]
