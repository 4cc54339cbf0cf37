"""A limit laid on the calendar, prepared for readers: the day it ends and, one by one, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from civic.core import clock
from civic.core.db import Bilingual
from civic.core.decrees import calendar
from civic.core.i18n import format_day, lang, plain, weekday
from civic.core.workdays import CountedDay, Reason, Span, Unit, earlier, span

LONGEST_STRIP = 45  # days shown one by one; a longer span is told in words


@dataclass(frozen=True)
class DayPart:
    """A box of the strip: kind counted | off | made-up | end."""

    kind: str
    label: str
    name: str
    full: str


@dataclass(frozen=True)
class Strip:
    """What the component `days` draws."""

    label: str
    parts: list[DayPart]


@dataclass(frozen=True)
class Deadline:
    """One limit from a day: its span, its own words, and the strip of its days ([] when it is too long to draw)."""

    span: Span
    amount: str
    ends: str
    strip: Strip | None
    moved: str

    @property
    def is_provisional(self) -> bool:
        return self.span.provisional


def amount_words(amount: int, unit: Unit) -> str:
    """`8 个工作日`, `15 calendar days`, `done while you wait`."""
    if amount == 0:
        return _("Done while you wait")
    if unit is Unit.working_day:
        return ngettext("%(num)s working day", "%(num)s working days", amount)
    return ngettext("%(num)s calendar day", "%(num)s calendar days", amount)


def reason_words(day: CountedDay) -> str:
    """Why a day does not count: the holiday's name, or that it is a weekend."""
    if day.why is Reason.weekend:
        return pgettext("calendar", "Weekend")
    return plain(Bilingual(day.name_zh, day.name_en))


def deadline(amount: int, unit: Unit, start: date | None = None) -> Deadline:
    """The limit counted from a day (today) with everything that a page tells about it."""
    start = start or clock.today()
    made = span(calendar(), start, amount, unit)
    moved = ""
    if made.moved_from is not None:
        moved = _("The count ends on %(day)s, a day off, so the next working day counts.", day=format_day(made.moved_from))
    return Deadline(made, amount_words(amount, unit), format_day(made.end_on), strip_of(made), moved)


def first_of(*deadlines: Deadline) -> Deadline:
    """The limit that ends first; of equal ones the first given."""
    wanted = earlier(*(d.span for d in deadlines))
    return next(d for d in deadlines if d.span is wanted)


def strip_of(made: Span) -> Strip | None:
    """The days as boxes; None when there are none or too many."""
    if not made.days or len(made.days) > LONGEST_STRIP:
        return None
    return Strip(_("Day by day until %(day)s", day=format_day(made.end_on)), [_part(day, made) for day in made.days])


def _part(day: CountedDay, made: Span) -> DayPart:
    full = format_day(day.day, year=False)
    label = f"{day.day.month}/{day.day.day}" if day.day.day == 1 or day is made.days[0] else str(day.day.day)
    if day.day == made.end_on:
        name = str(day.number) if day.number else weekday(day.day.isoweekday())
        return DayPart("end", label, name, _("%(day)s: the last day", day=full))
    if day.number is None:
        short = weekday(day.day.isoweekday()) if day.why is Reason.weekend else reason_words(day)
        return DayPart(
            "off",
            label,
            short[:6] if lang() == "zh" else short[:12],
            _("%(day)s: does not count, %(why)s", day=full, why=reason_words(day)),
        )
    kind = "made-up" if day.why is None and day.name_zh else "counted"
    return DayPart(kind, label, str(day.number), _("%(day)s: day %(number)s", day=full, number=day.number))
