"""Working days 工作日: which day counts, on which day a limit ends, and whether a yearly decree can be used.

The State Council decrees every year's holidays and make-up days 调休上班日; a limit 时限 counted here follows those lists alone. Nothing
in this file reads a clock, a file or a database, so a due date can be derived again from the same rows at any time.
Rules with worked numbers: docs/modules/workdays.md.  The same rules, written a second time for strangers: verify/due_date.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

ONE_DAY = timedelta(days=1)
MOST_DAYS = 3660  # ten years: 3,660 working days are about fourteen years of calendar, still a few milliseconds
EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)  # the yearly decrees begin with 2000
DECREE_REACH = timedelta(days=10)  # the decree for 2019 named 29 (make-up) and 31 December 2018
MOST_ROWS = 366
SATURDAY = 5

# A merged period named 国庆节、中秋节 counts for both, so a festival is looked for inside the name.
STATUTORY_FESTIVALS = ("元旦", "春节", "清明", "劳动", "端午", "中秋", "国庆")

# Festivals on a fixed day of our calendar (放假办法 as revised for 2025); the other four follow moon and sun and wait for the decree.
FIXED_FESTIVALS = {
    (1, 1): ("元旦", "New Year's Day"),
    (5, 1): ("劳动节", "Labour Day"),
    (5, 2): ("劳动节", "Labour Day"),
    (10, 1): ("国庆节", "National Day"),
    (10, 2): ("国庆节", "National Day"),
    (10, 3): ("国庆节", "National Day"),
}


class DayKind(StrEnum):
    """What a decree says of a day."""

    holiday = "holiday"  # off, whatever the weekday
    workday = "workday"  # a make-up day: a Saturday or Sunday that is worked


class Reason(StrEnum):
    """Why a day is off."""

    weekend = "weekend"
    holiday = "holiday"
    closure = "closure"


class Unit(StrEnum):
    """What a limit is counted in."""

    working_day = "working_day"
    calendar_day = "calendar_day"


@dataclass(frozen=True)
class DecreeDay:
    """One row of a yearly decree."""

    day: date
    kind: DayKind
    name_zh: str
    name_en: str
    document: str


@dataclass(frozen=True)
class DecreeRow(DecreeDay):
    """A row as it stood in a file; `line` counts from 1, the header included."""

    line: int


@dataclass(frozen=True, slots=True)
class CountedDay:
    """One day of a span, so that a page can show why the limit ends where it does.

    number: 1..n where the day counts, else None.  why: the reason it is off, None on a day that is worked.  A calendar day can have both.
    The names are those of the holiday, the closure or, on a day that is worked, of the holiday it makes up for; empty on ordinary days.
    """

    day: date
    number: int | None
    why: Reason | None
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Span:
    """A limit laid on the calendar.

    days: every day from the day after `start_on` to `end_on`, in order; a limit of 0 that starts on a day off has the start as well.
    moved_from: the day off on which the count itself ended, where the limit therefore moved to the next working day.
    provisional: a day of it lies in a year whose decree is not loaded, so a later decree may move the end.
    """

    start_on: date
    end_on: date
    amount: int
    unit: Unit
    provisional: bool
    days: tuple[CountedDay, ...]
    moved_from: date | None

    @property
    def skipped(self) -> tuple[CountedDay, ...]:
        """The days off that made the limit end later: passed over in the count or, at its end, unable to hold it."""
        if self.moved_from is None:
            return tuple(day for day in self.days if day.number is None)
        return tuple(day for day in self.days if self.moved_from <= day.day < self.end_on)


@dataclass(frozen=True, init=False, eq=False)
class WorkCalendar:
    """The days off and on, built once from decrees and asked by look-up.

    published_years: years whose decree is loaded; in the others weekends and the fixed festivals are off, which is an estimate.
    closures: further closed days with their name (zh, en), say an emergency closure of a territory; only for limits that it moves.
    """

    decreed: Mapping[date, DecreeDay]
    published_years: frozenset[int]
    closures: Mapping[date, tuple[str, str]]

    def __init__(
        self,
        days: Iterable[DecreeDay],
        published_years: Iterable[int] | None = None,
        closures: Mapping[date, tuple[str, str]] | None = None,
    ) -> None:
        """Where a day is given twice the later row holds.  Without `published_years` they are derived from the days (`years_of`)."""
        decreed = {row.day: row for row in days}
        years = years_of(decreed) if published_years is None else frozenset(published_years)
        object.__setattr__(self, "decreed", MappingProxyType(decreed))
        object.__setattr__(self, "published_years", years)
        object.__setattr__(self, "closures", MappingProxyType(dict(closures or {})))

    def with_closures(self, closures: Mapping[date, tuple[str, str]]) -> "WorkCalendar":
        """The same calendar with more closed days, day → (name_zh, name_en); this one stays as it is."""
        return WorkCalendar(self.decreed.values(), self.published_years, {**self.closures, **closures})

    def is_workday(self, day: date) -> bool:
        """Whether offices work on `day`."""
        return self.look_up(day)[0] is None

    def why_off(self, day: date) -> Reason | None:
        """The reason why `day` is off, None when it is worked."""
        return self.look_up(day)[0]

    def name_of(self, day: date) -> tuple[str, str]:
        """The name (zh, en) of the holiday, closure or make-up day; both empty on a weekend and on an ordinary working day."""
        return self.look_up(day)[1:]

    def look_up(self, day: date) -> tuple[Reason | None, str, str]:
        """Why `day` is off, and its name in both languages; a closure is named only where it takes a day that was worked."""
        row = self.decreed.get(day)
        if row is not None and row.kind is DayKind.holiday:
            return Reason.holiday, row.name_zh, row.name_en
        if row is None:
            if day.year not in self.published_years and (day.month, day.day) in FIXED_FESTIVALS:
                return Reason.holiday, *FIXED_FESTIVALS[day.month, day.day]
            if day.weekday() >= SATURDAY:
                return Reason.weekend, "", ""
        if day in self.closures:
            return Reason.closure, *self.closures[day]
        return (None, row.name_zh, row.name_en) if row is not None else (None, "", "")


def years_of(days: Iterable[date]) -> frozenset[int]:
    """The years that decree days tell of.

    A decree may reach ten days into its neighbours, so only a day from 11 January to 21 December shows its year to be published:
    31 December 2026 in the decree for 2027 says nothing of 2026.
    """
    return frozenset(day.year for day in days if (1, 11) <= (day.month, day.day) <= (12, 21))


def span(calendar: WorkCalendar, start_on: date, amount: int, unit: Unit) -> Span:
    """Lay a limit of `amount` days on the calendar; counting begins on the day after `start_on`.

    Working days end on the amount-th working day.  Calendar days end on start + amount or, when that is off, on the next working day.
    0 (on the spot) ends on the start itself or, when that is off, on the next working day: nobody is there to keep it sooner.
    Raises ValueError for an amount outside 0..3660, a start outside 2000..2099 or an unknown unit, TypeError for a moment.
    """
    unit = Unit(unit)
    _check_limits(start_on, amount)
    days: list[CountedDay] = []
    day, number, (why, *names) = start_on, 0, calendar.look_up(start_on)
    while number < amount:
        day += ONE_DAY
        why, *names = calendar.look_up(day)
        counts = why is None or unit is Unit.calendar_day
        number += counts
        days.append(CountedDay(day, number if counts else None, why, *names))
    moved_from = day if why else None
    if moved_from and not amount:
        days.append(CountedDay(day, None, why, *names))
    while why:
        day += ONE_DAY
        why, *names = calendar.look_up(day)
        days.append(CountedDay(day, None, why, *names))
    first = start_on + ONE_DAY if amount else start_on  # the start itself matters to a limit of 0 alone
    provisional = any(year not in calendar.published_years for year in range(first.year, day.year + 1))
    return Span(start_on, day, amount, unit, provisional, tuple(days), moved_from)


def due(calendar: WorkCalendar, start_on: date, *limits: tuple[int, Unit]) -> tuple[Span, ...]:
    """The spans of several limits from one start, in the order given; the due date 到期日 is the end of `earlier(*spans)`."""
    return tuple(span(calendar, start_on, amount, unit) for amount, unit in limits)


def earlier(*spans: Span) -> Span:
    """The span that ends first; of equal ends the first given, so name the legal limit before the promise.  ValueError without any."""
    return min(spans, key=lambda each: each.end_on)


def _check_limits(start_on: date, amount: int) -> None:
    if isinstance(start_on, datetime):  # a moment equals no day, so every look-up would miss without a word
        raise TypeError(f"a day is needed, not a moment: {start_on!r}")
    if not EARLIEST <= start_on <= LATEST:
        raise ValueError(f"the start lies outside {EARLIEST} to {LATEST}: {start_on}")
    if not 0 <= amount <= MOST_DAYS:
        raise ValueError(f"the amount lies outside 0 to {MOST_DAYS}: {amount}")


class FaultCode(StrEnum):
    """What can make a decree unusable; the words are stable, their texts belong to the loader."""

    year_out_of_range = "year_out_of_range"  # year, earliest, latest
    too_many_rows = "too_many_rows"  # rows, most
    empty_name = "empty_name"  # field
    other_year = "other_year"  # day, year, earliest, latest
    same_day_twice = "same_day_twice"  # day, first_line
    make_up_on_weekday = "make_up_on_weekday"  # day, weekday (1 Monday .. 5 Friday)
    gap = "gap"  # name_zh, first_missing, last_missing, missing (how many days)
    festival_missing = "festival_missing"  # festival


@dataclass(frozen=True)
class Fault:
    """One fault of a decree; `line` is None when it is in no row, `context` holds the numbers, days and names that a text needs."""

    line: int | None
    code: FaultCode
    context: Mapping[str, int | str | date]


def check_decree(rows: Sequence[DecreeRow], year: int) -> list[Fault]:
    """What makes these rows unusable as the decree for `year`, in the order of the lines; an empty list when they can be used."""
    if not EARLIEST.year <= year <= LATEST.year:
        return [Fault(None, FaultCode.year_out_of_range, {"year": year, "earliest": EARLIEST.year, "latest": LATEST.year})]
    if len(rows) > MOST_ROWS:
        return [Fault(rows[MOST_ROWS].line, FaultCode.too_many_rows, {"rows": len(rows), "most": MOST_ROWS})]
    faults = [fault for row in rows for fault in _faults_of_row(row)]
    kept, misplaced = _sort_by_day(rows, year)
    holidays = [row for row in kept.values() if row.kind is DayKind.holiday]
    faults += [*misplaced, *_gaps(holidays)]
    faults.sort(key=lambda fault: fault.line or 0)
    named = [row.name_zh for row in holidays]
    missing = [festival for festival in STATUTORY_FESTIVALS if not any(festival in name for name in named)]
    return faults + [Fault(None, FaultCode.festival_missing, {"festival": festival}) for festival in missing]


def _faults_of_row(row: DecreeRow) -> Iterable[Fault]:
    for field, name in (("name_zh", row.name_zh), ("name_en", row.name_en)):
        if not name.strip():
            yield Fault(row.line, FaultCode.empty_name, {"field": field})
    if row.kind is DayKind.workday and row.day.weekday() < SATURDAY:
        yield Fault(row.line, FaultCode.make_up_on_weekday, {"day": row.day, "weekday": row.day.isoweekday()})


def _sort_by_day(rows: Sequence[DecreeRow], year: int) -> tuple[dict[date, DecreeRow], list[Fault]]:
    """The rows that stand where they may, by day; a row of another year or of a day already given is a fault and judged no further."""
    earliest, latest = date(year, 1, 1) - DECREE_REACH, date(year, 12, 31) + DECREE_REACH
    kept: dict[date, DecreeRow] = {}
    faults: list[Fault] = []
    for row in rows:
        if not earliest <= row.day <= latest:
            context: dict[str, int | str | date] = {"day": row.day, "year": year, "earliest": earliest, "latest": latest}
            faults.append(Fault(row.line, FaultCode.other_year, context))
        elif row.day in kept:
            faults.append(Fault(row.line, FaultCode.same_day_twice, {"day": row.day, "first_line": kept[row.day].line}))
        else:
            kept[row.day] = row
    return dict(sorted(kept.items())), faults


def _gaps(holidays: Sequence[DecreeRow]) -> Iterable[Fault]:
    """Days missing between two days of one name, at the line after the gap; a day that is off under another name is not missing."""
    off = {row.day for row in holidays}
    last: dict[str, date] = {}
    for row in holidays:
        before = last.get(row.name_zh, row.day)
        between = (before + ONE_DAY * step for step in range(1, (row.day - before).days))
        missing = [day for day in between if day not in off]
        if missing:
            context: dict[str, int | str | date] = {"name_zh": row.name_zh, "first_missing": missing[0], "last_missing": missing[-1]}
            yield Fault(row.line, FaultCode.gap, {**context, "missing": len(missing)})
        last[row.name_zh] = row.day
