"""Opening hours as text, as a week and as an answer: is the station open, until when, when next, and why not.

A week is weekday (1 = Monday … 7 = Sunday) → at most two stretches.  Nothing here reads a clock or a database.
Rules with worked days: docs/modules/territory.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from civic.core.db import Bilingual
from civic.core.i18n import lang, weekday
from civic.core.workdays import Reason, WorkCalendar
from civic.territory.errors import DayWithoutHours, HoursUnreadable, StretchBackwards, StretchesOverlap, TooManyStretches

Stretch = tuple[time, time]
Week = Mapping[int, tuple[Stretch, ...]]
MOST_STRETCHES = 2  # a day: before and after noon; the desk's form has room for two
FRIDAY, SATURDAY = 5, 6
LOOK_AHEAD = 60  # days in which the next opening is looked for; longer than any holiday with a closure around it
ONE_DAY = timedelta(days=1)
_DAYS = re.compile(r"([1-7])(?:-([1-7]))?")
_STRETCH = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


def parse_hours(text: str) -> dict[int, tuple[Stretch, ...]]:
    """`1-5 08:30-12:00 14:00-17:30; 6 09:00-12:00` as a week; '' is a week without hours.

    Days may be single, a range or several with commas; full-width signs and long dashes are understood.
    Raises HoursUnreadable, DayWithoutHours, StretchBackwards, TooManyStretches, StretchesOverlap.
    """
    found: dict[int, list[Stretch]] = defaultdict(list)
    text = re.sub(r"\s*[-–—~]\s*", "-", unicodedata.normalize("NFKC", text).replace("、", ","))
    for part in filter(None, (p.strip() for p in text.split(";"))):
        days, *stretches = part.split()
        if not stretches:
            raise DayWithoutHours(part=part)
        times = [_stretch(stretch) for stretch in stretches]
        for day in _days(days):
            found[day] += times
    return check_week(found)


def _days(text: str) -> list[int]:
    days: list[int] = []
    for part in text.split(","):
        match = _DAYS.fullmatch(part)
        if not match or (match[2] and match[2] <= match[1]):
            raise HoursUnreadable(part=text)
        days += range(int(match[1]), int(match[2] or match[1]) + 1)
    return days


def _stretch(text: str) -> Stretch:
    match = _STRETCH.fullmatch(text)
    if not match:
        raise HoursUnreadable(part=text)
    try:
        return time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    except ValueError:
        raise HoursUnreadable(part=text) from None


def check_week(week: Mapping[int, Iterable[Stretch]]) -> dict[int, tuple[Stretch, ...]]:
    """The week in order, days without stretches left out; refuses what no station can keep."""
    checked = {}
    for day in sorted(week):
        stretches = sorted(week[day])
        for opens, closes in stretches:
            if opens >= closes:
                raise StretchBackwards(day=weekday(day), opens=f"{opens:%H:%M}", closes=f"{closes:%H:%M}")
        if len(stretches) > MOST_STRETCHES:
            raise TooManyStretches(day=weekday(day), count=len(stretches), most=MOST_STRETCHES)
        if any(later[0] <= before[1] for before, later in pairwise(stretches)):
            raise StretchesOverlap(day=weekday(day))
        if stretches:
            checked[day] = tuple(stretches)
    return checked


def runs(week: Week) -> list[tuple[int, int, tuple[Stretch, ...]]]:
    """Days in a row that have the same hours: (first, last, stretches)."""
    found: list[tuple[int, int, tuple[Stretch, ...]]] = []
    for day in sorted(week):
        if found and found[-1][1] == day - 1 and found[-1][2] == week[day]:
            found[-1] = (found[-1][0], day, week[day])
        else:
            found.append((day, day, week[day]))
    return found


def hours_text(week: Week) -> str:
    """The inverse of `parse_hours`."""
    parts = []
    for first, last, stretches in runs(week):
        days = f"{first}" if first == last else f"{first}-{last}"
        parts.append(" ".join([days, *(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in stretches)]))
    return "; ".join(parts)


def hours_lines(week: Week) -> list[tuple[str, str]]:
    """(weekdays, hours) in the reader's language: `周一至周五`, `08:30–12:00、14:00–17:30`."""
    zh = lang() == "zh"
    lines = []
    for first, last, stretches in runs(week):
        between = ("至" if zh else "–") if last > first + 1 else ("、" if zh else ", ")
        days = weekday(first) if first == last else f"{weekday(first)}{between}{weekday(last)}"
        lines.append((days, ("、" if zh else ", ").join(f"{opens:%H:%M}–{closes:%H:%M}" for opens, closes in stretches)))
    return lines


@dataclass(frozen=True)
class Closed:
    """A closure as a reader needs it: first and last day, the reason."""

    id: int
    from_on: date
    to_on: date
    reason: Bilingual

    def covers(self, day: date) -> bool:
        return self.from_on <= day <= self.to_on


class Opening(NamedTuple):
    """open_now; until: local time it closes at (open only); next_opening: aware moment (closed only); reason: why it is closed today."""

    open_now: bool
    until: time | None
    next_opening: datetime | None
    reason: Bilingual | None


def hours_on(week: Week, closures: Iterable[Closed], calendar: WorkCalendar, day: date) -> tuple[tuple[Stretch, ...], Bilingual | None]:
    """The stretches of one day, and why there are none: a closure, a holiday of the decree (None on an ordinary day off).

    A make-up working day follows Friday's hours, where the station has any, else its own weekday's.
    """
    for closure in closures:
        if closure.covers(day):
            return (), closure.reason
    why, name_zh, name_en = calendar.look_up(day)
    if why is Reason.holiday:
        return (), Bilingual(name_zh, name_en)
    number = day.isoweekday()
    if why is None and number >= SATURDAY and FRIDAY in week:
        number = FRIDAY
    return week.get(number, ()), None


def opening_at(week: Week, closures: Iterable[Closed], calendar: WorkCalendar, at: datetime) -> Opening:
    """The state at a local moment.  At the closing minute itself the station is closed."""
    closures = tuple(closures)
    stretches, reason = hours_on(week, closures, calendar, at.date())
    now = at.time()
    for opens, closes in stretches:
        if opens <= now < closes:
            return Opening(True, closes, None, None)
        if now < opens:
            return Opening(False, None, datetime.combine(at.date(), opens, at.tzinfo), None)
    for ahead in range(1, LOOK_AHEAD + 1) if week else ():
        day = at.date() + ONE_DAY * ahead
        later, _ = hours_on(week, closures, calendar, day)
        if later:
            return Opening(False, None, datetime.combine(day, later[0][0], at.tzinfo), reason)
    return Opening(False, None, None, reason)


def next_change_at(week: Week, closures: Iterable[Closed], calendar: WorkCalendar, at: datetime, zone: ZoneInfo) -> datetime | None:
    """The next moment at which the state changes: it closes when open, opens when closed; None within 60 days."""
    state = opening_at(week, closures, calendar, at)
    if state.until is not None:
        return datetime.combine(at.date(), state.until, zone)
    return state.next_opening
