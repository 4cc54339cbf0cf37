"""Working days against a slow oracle that tries every day, on random calendars: make-up days, holidays, closures, missing decrees."""

from datetime import date, timedelta
from functools import cache, partial

from hypothesis import given, settings
from hypothesis import strategies as st

from civic.core.workdays import DayKind, DecreeDay, Reason, Span, Unit, WorkCalendar, due, earlier, span

FIRST = date(2026, 11, 1)  # two months before the turn of the year, so that spans of 120 days cross it often
FIXED = {"01-01", "05-01", "05-02", "10-01", "10-02", "10-03"}

days = st.dates(FIRST, FIRST + timedelta(days=230))
amounts, few = st.integers(0, 120), st.integers(0, 40)
units = st.sampled_from(Unit)
rows = st.dictionaries(days, st.sampled_from(DayKind), max_size=90)
years = st.frozensets(st.sampled_from([2026, 2027]))
closed = st.frozensets(days, max_size=20)


def calendar_of(kinds: dict[date, DayKind], published: frozenset[int], closures: frozenset[date]) -> WorkCalendar:
    decreed = [DecreeDay(day, kind, "名", "name", "文") for day, kind in kinds.items()]
    return WorkCalendar(decreed, published, dict.fromkeys(closures, ("停", "closed")))


calendars = st.builds(calendar_of, rows, years, closed)


def slow_is_worked(calendar: WorkCalendar, day: date) -> bool:
    """The rule again in other words: begin with the week, let the festivals, the decree and the closures correct it in turn."""
    worked = day.strftime("%a") not in {"Sat", "Sun"}
    if day.year not in calendar.published_years and day.isoformat()[5:] in FIXED:
        worked = False
    for row in calendar.decreed.values():
        if row.day == day:
            worked = row.kind == "workday"
    return worked and day not in list(calendar.closures)


def slow_end(calendar: WorkCalendar, start: date, amount: int, unit: Unit) -> date:
    """The first worked day by which the amount has passed, each candidate counted anew from the start."""
    is_worked = cache(partial(slow_is_worked, calendar))  # each day is judged once; 40 days ask for it 800 times
    candidate = start
    while True:
        passed = [start + timedelta(days=number) for number in range(1, (candidate - start).days + 1)]
        counted = passed if unit == "calendar_day" else [day for day in passed if is_worked(day)]
        if len(counted) >= amount and is_worked(candidate):
            return candidate
        candidate += timedelta(days=1)


@settings(deadline=None)  # the oracle is slow on purpose, and slower still when coverage is measured
@given(kinds=rows, published=years, closures=closed, start=days, amount=few, unit=units)
def test_a_limit_ends_where_trying_every_day_ends(kinds, published, closures, start, amount, unit):
    calendar = calendar_of(kinds, published, closures)
    assert span(calendar, start, amount, unit).end_on == slow_end(calendar, start, amount, unit)


@given(calendar=calendars, start=days, amount=amounts, unit=units)
def test_the_days_of_a_span_explain_it_without_a_hole(calendar: WorkCalendar, start: date, amount: int, unit: Unit):
    result = span(calendar, start, amount, unit)
    listed = [each.day for each in result.days]
    first = start + timedelta(days=1) if amount or not result.days else start
    assert listed == [first + timedelta(days=number) for number in range((result.end_on - first).days + 1)]
    assert [each.number for each in result.days if each.number is not None] == list(range(1, amount + 1))
    assert all((each.why is None) == slow_is_worked(calendar, each.day) for each in result.days)
    assert all((each.why in {Reason.holiday, Reason.closure}) <= bool(each.name_zh and each.name_en) for each in result.days)
    assert calendar.is_workday(result.end_on)


@given(calendar=calendars, start=days, amount=amounts, unit=units)
def test_skipped_days_are_off_and_account_for_every_day_beyond_the_amount(calendar, start, amount, unit):
    result = span(calendar, start, amount, unit)
    assert not any(slow_is_worked(calendar, each.day) for each in result.skipped)
    assert start + timedelta(days=amount + len(result.skipped)) == result.end_on
    if result.moved_from is not None:
        assert not slow_is_worked(calendar, result.moved_from)
        assert result.skipped[0].day == result.moved_from < result.end_on


@given(calendar=calendars, start=days, amount=amounts, unit=units)
def test_a_span_is_provisional_exactly_when_a_day_of_it_has_no_decree(calendar, start, amount, unit):
    result = span(calendar, start, amount, unit)
    judged = [each.day for each in result.days] or [start]
    assert result.provisional == any(day.year not in calendar.published_years for day in judged)


@given(calendar=calendars, start=days, amount=amounts, unit=units, more=st.integers(0, 30))
def test_a_longer_limit_and_a_later_start_never_end_earlier(calendar, start, amount, unit, more):
    end = span(calendar, start, amount, unit).end_on
    assert span(calendar, start, amount + more, unit).end_on >= end
    assert span(calendar, start + timedelta(days=more), amount, unit).end_on >= end


@given(calendar=calendars, start=days, amount=amounts, unit=units, closures=closed)
def test_a_closure_never_makes_a_limit_end_earlier(calendar, start, amount, unit, closures):
    shut = calendar.with_closures(dict.fromkeys(closures, ("停", "closed")))
    assert span(shut, start, amount, unit).end_on >= span(calendar, start, amount, unit).end_on


@given(calendar=calendars, start=days, one=amounts, other=st.integers(0, 20))
def test_working_days_add_up(calendar, start, one, other):
    middle = span(calendar, start, one, Unit.working_day)
    if middle.moved_from is None:  # a limit of 0 on a day off has moved: its end is a working day that was not counted
        end = span(calendar, middle.end_on, other, Unit.working_day).end_on
        assert end == span(calendar, start, one + other, Unit.working_day).end_on


@settings(deadline=None)  # the oracle again
@given(calendar=calendars, start=days, limits=st.lists(st.tuples(few, units), min_size=1, max_size=4))
def test_the_earlier_limit_is_one_of_them_and_none_ends_before_it(calendar, start, limits):
    spans: tuple[Span, ...] = due(calendar, start, *limits)
    first = earlier(*spans)
    assert first.end_on == min(slow_end(calendar, start, amount, unit) for amount, unit in limits)
    assert not any(each.end_on == first.end_on for each in spans[: spans.index(first)])
