"""The law of a posting's clock, against a model that walks day by day: it hangs its days in full, and a broken run counts for nothing."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from civic.bulletin.clock import Run, is_early, run_from
from civic.core.workdays import DayKind, DecreeDay, Unit, WorkCalendar

START = date(2026, 9, 1)
holidays = st.sets(st.integers(0, 120), max_size=20)


def calendar_of(off: set[int]) -> WorkCalendar:
    """Both years are decreed, so what is listed and weekends alone are off."""
    listed = (DecreeDay(START + timedelta(n), DayKind.holiday, "假", "Holiday", "") for n in off)
    return WorkCalendar(listed, published_years={2026, 2027})


def last_day(off: set[int], put_up: date, days: int, unit: Unit) -> date:
    """The model: one day after the other, a counter, and at the end no day off."""

    def works(day: date) -> bool:
        return day.weekday() < 5 and (day - START).days not in off

    day, left = put_up, days
    while left:
        day += timedelta(1)
        left -= unit is Unit.calendar_day or works(day)
    while not works(day):
        day += timedelta(1)
    return day


@given(holidays, st.integers(0, 60), st.integers(1, 30), st.sampled_from(Unit))
def test_a_run_ends_where_the_days_say(off, begin, days, unit):
    put_up = START + timedelta(begin)
    made = run_from(calendar_of(off), put_up, days, unit)
    assert made.end_on == last_day(off, put_up, days, unit)
    assert made.end_on > put_up
    assert not made.provisional


@given(holidays, st.integers(1, 20), st.sampled_from(Unit), st.lists(st.integers(0, 40), max_size=4))
def test_a_broken_run_starts_again_in_full(off, days, unit, removals):
    """Each number is after how many days somebody takes it down; put up again the same day.  Only an unbroken run is ever over."""
    calendar, put_up = calendar_of(off), START
    for after in removals:
        until = run_from(calendar, put_up, days, unit).end_on
        on = put_up + timedelta(after)
        if not is_early(until, on):
            break
        broken = Run(put_up, until, on)
        assert not broken.is_over(until + timedelta(400))
        put_up = on
    until = run_from(calendar, put_up, days, unit).end_on
    hung = sum(unit is Unit.calendar_day or calendar.is_workday(put_up + timedelta(n)) for n in range(1, (until - put_up).days + 1))
    assert hung >= days
    assert not Run(put_up, until).is_over(until)
    assert Run(put_up, until).is_over(until + timedelta(1))
