"""The clock of a posting: nothing here asks a database or a time of day.

A posting hangs at least `days` days, counted from the day after it was put up.  Working days by the decrees; calendar days whose last
day is off end on the next working day.  Taken down while its last day is not over, a run does not count, and the next one starts in
full.  Worked numbers: docs/modules/bulletin.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from civic.core.workdays import Span, Unit, WorkCalendar, span

LONGEST = 365  # days a posting may ask for


@dataclass(frozen=True)
class Run:
    """When a posting was put up, its last day, and the day it was taken down early, if it was."""

    put_up_on: date
    until_on: date
    removed_on: date | None = None

    @property
    def is_broken(self) -> bool:
        return self.removed_on is not None

    def is_over(self, on: date) -> bool:
        """Has the last day passed, without the posting being taken down before?"""
        return not self.is_broken and self.until_on < on


def run_from(calendar: WorkCalendar, put_up_on: date, days: int, unit: Unit) -> Span:
    """The span of a run: `end_on` is its last day, `provisional` says that a year's decree is not out."""
    return span(calendar, put_up_on, days, unit)


def is_early(until_on: date, on: date) -> bool:
    """Would taking it down on this day break the run?  On the last day too: it is over only when that day is."""
    return on <= until_on
