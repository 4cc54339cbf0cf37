"""Working days: what counts, where a limit ends and why, and which decrees are refused."""

import csv
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from civic.core.workdays import (
    STATUTORY_FESTIVALS,
    DayKind,
    DecreeDay,
    DecreeRow,
    Fault,
    FaultCode,
    Reason,
    Unit,
    WorkCalendar,
    check_decree,
    due,
    earlier,
    span,
)

ROOT = Path(__file__).parents[2]
DECREES = [ROOT / "data" / "workdays" / f"{year}.csv" for year in (2025, 2026)]
WORKING, CALENDAR = Unit.working_day, Unit.calendar_day


def on(text: str) -> date:
    return date.fromisoformat(text)


def read_decree(path: Path) -> list[DecreeRow]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            DecreeRow(on(row["day"]), DayKind(row["kind"]), row["name_zh"], row["name_en"], row["document"], line)
            for line, row in enumerate(csv.DictReader(file), start=2)
        ]


@pytest.fixture(scope="module")
def calendar() -> WorkCalendar:
    return WorkCalendar(row for path in DECREES for row in read_decree(path))


@pytest.fixture
def decree() -> list[DecreeRow]:
    return read_decree(DECREES[1])


# ---- which days count -------------------------------------------------------------------------------------------------------


def test_a_year_is_published_when_its_decree_is_loaded(calendar):
    assert calendar.published_years == {2025, 2026}


def test_days_at_the_edge_do_not_publish_the_year_beside_the_decree():
    new_year = DecreeDay(on("2026-12-31"), DayKind.holiday, "元旦", "New Year's Day", "")
    assert WorkCalendar([new_year]).published_years == frozenset()
    assert WorkCalendar([replace(new_year, day=on("2026-12-22"))]).published_years == frozenset()
    assert WorkCalendar([replace(new_year, day=on("2026-12-21"))]).published_years == {2026}
    assert WorkCalendar([replace(new_year, day=on("2026-01-10"))]).published_years == frozenset()
    assert WorkCalendar([replace(new_year, day=on("2026-01-11"))]).published_years == {2026}


def test_the_published_years_can_be_given_and_stay_when_closures_come(calendar):
    given = WorkCalendar([], published_years=[2031])
    assert given.published_years == {2031}
    assert given.with_closures({}).published_years == {2031}


@pytest.mark.parametrize(
    ("day", "why", "name_zh"),
    [
        ("2026-09-30", None, ""),
        ("2026-09-19", Reason.weekend, ""),
        ("2026-10-01", Reason.holiday, "国庆"),
        ("2026-10-03", Reason.holiday, "国庆"),  # a Saturday within the holiday is named as the holiday
        ("2026-10-10", None, "国庆"),  # a make-up Saturday is worked and says for what
        ("2025-09-28", None, "国庆"),  # a make-up Sunday
    ],
)
def test_a_day_knows_why_it_is_off_and_its_name(calendar, day, why, name_zh):
    assert calendar.why_off(on(day)) is why
    assert calendar.is_workday(on(day)) is (why is None)
    assert name_zh in calendar.name_of(on(day))[0]
    assert bool(calendar.name_of(on(day))[1]) is bool(name_zh)


@pytest.mark.parametrize("day", ["2027-01-01", "2027-05-01", "2027-05-02", "2027-10-01", "2027-10-02", "2027-10-03"])
def test_fixed_festivals_are_off_in_a_year_without_a_decree(calendar, day):
    assert calendar.why_off(on(day)) is Reason.holiday
    assert all(calendar.name_of(on(day)))


def test_a_decree_has_the_last_word_on_fixed_festivals():
    silent = WorkCalendar([], published_years=[2027])
    assert silent.is_workday(on("2027-01-01"))
    assert WorkCalendar([DecreeDay(on("2027-05-02"), DayKind.workday, "劳动节", "Labour Day", "")], []).is_workday(on("2027-05-02"))


def test_of_two_rows_for_one_day_the_later_holds():
    first = DecreeDay(on("2026-12-31"), DayKind.holiday, "元旦", "New Year's Day", "a")
    assert WorkCalendar([first, replace(first, name_zh="新年")]).name_of(first.day) == ("新年", "New Year's Day")


def test_a_closure_takes_working_days_alone_and_leaves_the_calendar_it_came_from_untouched(calendar):
    typhoon = ("台风停工", "Typhoon closure")
    closed = calendar.with_closures({on(day): typhoon for day in ("2026-09-19", "2026-09-21", "2026-10-01", "2026-10-10")})
    assert (closed.why_off(on("2026-09-21")), closed.name_of(on("2026-09-21"))) == (Reason.closure, typhoon)
    assert closed.why_off(on("2026-10-10")) is Reason.closure  # a make-up day is a working day
    assert (closed.why_off(on("2026-09-19")), closed.why_off(on("2026-10-01"))) == (Reason.weekend, Reason.holiday)
    assert calendar.is_workday(on("2026-09-21"))
    assert closed.published_years == calendar.published_years
    assert span(closed, on("2026-09-20"), 1, WORKING).end_on == on("2026-09-22")
    assert closed.with_closures({on("2026-09-22"): typhoon}).why_off(on("2026-09-21")) is Reason.closure  # closures add up


# ---- where a limit ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end"),
    [
        ("2026-09-30", 5, WORKING, "2026-10-13"),
        ("2026-02-13", 5, WORKING, "2026-02-27"),
        ("2025-09-26", 5, WORKING, "2025-10-10"),
        ("2026-09-24", 15, CALENDAR, "2026-10-09"),
        ("2026-09-20", 15, CALENDAR, "2026-10-08"),
    ],
)
def test_the_check_values_of_the_research_hold(calendar, start, amount, unit, end):
    result = span(calendar, on(start), amount, unit)
    assert (result.end_on, result.provisional) == (on(end), False)
    assert (result.start_on, result.amount, result.unit) == (on(start), amount, unit)


def test_every_day_of_five_working_days_over_the_national_day_is_explained(calendar):
    result = span(calendar, on("2026-09-30"), 5, WORKING)
    assert [day.day for day in result.days] == [on("2026-10-01") + timedelta(days=n) for n in range(13)]
    assert [day.number for day in result.days] == [None] * 7 + [1, 2, 3, None, 4, 5]  # 8, 9 and the make-up Saturday 10
    assert [day.why for day in result.days] == [Reason.holiday] * 7 + [None] * 3 + [Reason.weekend] + [None] * 2
    assert [day.day.day for day in result.skipped] == [1, 2, 3, 4, 5, 6, 7, 11]
    assert "国庆" in result.days[0].name_zh
    assert "国庆" in result.days[9].name_zh
    assert result.days[10].name_zh == result.days[7].name_zh == ""
    assert result.moved_from is None


def test_a_calendar_limit_that_ends_on_a_holiday_says_from_where_it_moved(calendar):
    result = span(calendar, on("2026-09-20"), 15, CALENDAR)
    assert result.moved_from == on("2026-10-05")
    assert [day.number for day in result.days] == [*range(1, 16), None, None, None]
    assert (result.days[14].day, result.days[14].why) == (result.moved_from, Reason.holiday)
    assert [day.day for day in result.skipped] == [on("2026-10-05"), on("2026-10-06"), on("2026-10-07")]


def test_a_calendar_limit_that_ends_on_a_working_day_skips_nothing(calendar):
    result = span(calendar, on("2026-09-24"), 15, CALENDAR)
    assert (result.moved_from, result.skipped) == (None, ())


@pytest.mark.parametrize("unit", Unit)
def test_nothing_to_count_ends_on_the_spot(calendar, unit):
    result = span(calendar, on("2026-09-30"), 0, unit)
    assert (result.end_on, result.days, result.moved_from, result.skipped) == (on("2026-09-30"), (), None, ())


@pytest.mark.parametrize("unit", Unit)
def test_nothing_to_count_on_a_day_off_ends_on_the_next_working_day(calendar, unit):
    result = span(calendar, on("2026-10-06"), 0, unit)
    assert (result.end_on, result.moved_from) == (on("2026-10-08"), on("2026-10-06"))
    assert [(day.day.day, day.number) for day in result.days] == [(6, None), (7, None), (8, None)]
    assert [day.day.day for day in result.skipped] == [6, 7]


def test_a_start_on_a_day_off_is_not_counted(calendar):
    assert span(calendar, on("2026-10-04"), 1, WORKING).end_on == on("2026-10-08")
    assert span(calendar, on("2026-10-04"), 1, WORKING).days[0].day == on("2026-10-05")


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end", "provisional"),
    [
        ("2026-12-28", 3, WORKING, "2026-12-31", False),
        ("2026-12-28", 4, WORKING, "2027-01-04", True),  # Friday 1 January is off in every year
        ("2026-12-28", 4, CALENDAR, "2027-01-04", True),  # counted to 1 January, moved over the weekend
        ("2026-12-31", 0, WORKING, "2026-12-31", False),
        ("2027-01-04", 0, WORKING, "2027-01-04", True),  # whether the 4th is worked is not known yet
        ("2024-12-31", 1, WORKING, "2025-01-02", False),  # the start is not counted, so its year does not matter
        ("2024-12-30", 1, WORKING, "2024-12-31", True),
        ("2024-12-31", 0, WORKING, "2024-12-31", True),  # here the start is all there is
    ],
)
def test_a_span_into_a_year_without_decree_is_provisional(calendar, start, amount, unit, end, provisional):
    result = span(calendar, on(start), amount, unit)
    assert (result.end_on, result.provisional) == (on(end), provisional)


@pytest.mark.parametrize(
    ("start", "amount"),
    [(on("2026-09-30"), -1), (on("2026-09-30"), 3661), (on("1999-12-31"), 5), (on("2100-01-01"), 5), (date.min, 0), (date.max, 1)],
)
def test_amounts_and_starts_out_of_range_are_refused(calendar, start, amount):
    with pytest.raises(ValueError, match="outside"):
        span(calendar, start, amount, WORKING)


def test_the_outermost_limits_are_still_counted(calendar):
    assert span(calendar, on("2099-12-31"), 3660, WORKING).days[-1].number == 3660
    assert span(calendar, on("2000-01-01"), 3660, CALENDAR).end_on == on("2010-01-08")


def test_a_unit_may_come_as_its_word_but_no_other(calendar):
    assert span(calendar, on("2026-09-20"), 15, "calendar_day").unit is CALENDAR
    with pytest.raises(ValueError, match="fortnight"):
        span(calendar, on("2026-09-20"), 15, "fortnight")


def test_a_moment_is_not_a_day(calendar):
    with pytest.raises(TypeError, match="moment"):
        span(calendar, datetime(2026, 9, 30, 12), 5, WORKING)  # noqa: DTZ001 - a naive one shows it as well


def test_the_due_date_is_the_earlier_of_law_and_promise_in_their_own_units(calendar):
    ordinary = due(calendar, on("2026-03-02"), (15, CALENDAR), (8, WORKING))
    assert [each.end_on for each in ordinary] == [on("2026-03-17"), on("2026-03-12")]
    assert earlier(*ordinary) is ordinary[1]
    over_spring_festival = due(calendar, on("2026-02-11"), (15, CALENDAR), (8, WORKING))
    assert [each.end_on for each in over_spring_festival] == [on("2026-02-26"), on("2026-02-28")]
    assert earlier(*over_spring_festival) is over_spring_festival[0]


def test_of_equal_ends_the_first_given_decides(calendar):
    spans = due(calendar, on("2026-03-02"), (1, CALENDAR), (1, WORKING))
    assert earlier(*spans) is spans[0]
    assert earlier(*reversed(spans)) is spans[1]


def test_the_earlier_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        earlier()


# ---- which decrees can be used ----------------------------------------------------------------------------------------------


def row(day: str, name_zh: str = "测试", kind: DayKind = DayKind.holiday, line: int = 99) -> DecreeRow:
    return DecreeRow(on(day), kind, name_zh, "Test", "invented", line)


@pytest.mark.parametrize("path", DECREES, ids=lambda path: path.stem)
def test_the_decrees_shipped_have_no_fault(path):
    assert check_decree(read_decree(path), int(path.stem)) == []


def test_the_order_of_the_rows_does_not_matter(decree):
    assert check_decree(decree[::-1], 2026) == []
    holed = [row for row in decree if row.day != on("2026-10-04")]
    assert check_decree(holed[::-1], 2026) == check_decree(holed, 2026) != []


def test_a_day_missing_inside_a_holiday_is_named(decree):
    rows = [row for row in decree if row.day != on("2026-10-04")]
    after = next(row for row in rows if row.day == on("2026-10-05"))
    context = {"name_zh": after.name_zh, "first_missing": on("2026-10-04"), "last_missing": on("2026-10-04"), "missing": 1}
    assert check_decree(rows, 2026) == [Fault(after.line, FaultCode.gap, context)]


def test_a_day_off_under_another_name_is_no_gap(decree):
    rows = [replace(row, name_zh="重阳节") if row.day == on("2026-10-04") else row for row in decree]
    assert check_decree(rows, 2026) == []


def test_a_make_up_day_inside_a_holiday_is_a_gap(decree):
    rows = [replace(row, kind=DayKind.workday) if row.day == on("2026-10-04") else row for row in decree]
    assert [fault.code for fault in check_decree(rows, 2026)] == [FaultCode.gap]


@pytest.mark.parametrize("day", ["2025-12-22", "2027-01-10"])
def test_a_decree_may_reach_ten_days_into_the_years_beside_it(decree, day):
    assert check_decree([*decree, row(day)], 2026) == []


@pytest.mark.parametrize("day", ["2025-12-21", "2027-01-11", "0001-01-01", "9999-12-31"])
def test_a_day_of_another_year_is_named_with_the_bounds(decree, day):
    context = {"day": on(day), "year": 2026, "earliest": on("2025-12-22"), "latest": on("2027-01-10")}
    assert check_decree([*decree, row(day)], 2026) == [Fault(99, FaultCode.other_year, context)]


def test_a_day_given_twice_is_named_with_its_first_line(decree):
    again = replace(decree[0], kind=DayKind.holiday, line=99)
    context = {"day": again.day, "first_line": decree[0].line}
    assert check_decree([*decree, again], 2026) == [Fault(99, FaultCode.same_day_twice, context)]


@pytest.mark.parametrize(("day", "weekday"), [("2026-03-02", 1), ("2026-03-06", 5)])
def test_a_make_up_day_must_fall_on_a_weekend(decree, day, weekday):
    made_up = [*decree, row(day, kind=DayKind.workday)]
    assert check_decree(made_up, 2026) == [Fault(99, FaultCode.make_up_on_weekday, {"day": on(day), "weekday": weekday})]


@pytest.mark.parametrize("day", ["2026-03-07", "2026-03-08"])
def test_saturdays_and_sundays_can_be_made_up_on(decree, day):
    assert check_decree([*decree, row(day, kind=DayKind.workday)], 2026) == []


@pytest.mark.parametrize("festival", STATUTORY_FESTIVALS)
def test_a_missing_festival_is_named_even_when_its_make_up_days_are_there(decree, festival):
    rows = [row for row in decree if row.kind is DayKind.workday or festival not in row.name_zh]
    assert Fault(None, FaultCode.festival_missing, {"festival": festival}) in check_decree(rows, 2026)


def test_a_merged_period_counts_for_both_festivals(decree):
    rows = [row for row in decree if "中秋" not in row.name_zh or row.kind is DayKind.workday]
    merged = [replace(row, name_zh="国庆节、中秋节") if "国庆" in row.name_zh else row for row in rows]
    assert check_decree(merged, 2026) == []
    assert [fault.context for fault in check_decree(rows, 2026)] == [{"festival": "中秋"}]


@pytest.mark.parametrize("field", ["name_zh", "name_en"])
@pytest.mark.parametrize("empty", ["", " ", "\u3000"])
def test_an_empty_name_is_named_by_its_column(decree, field, empty):
    nameless = replace(row("2026-03-02"), **{field: empty})
    assert check_decree([*decree, nameless], 2026) == [Fault(99, FaultCode.empty_name, {"field": field})]


def test_more_rows_than_a_year_has_days_are_refused_without_judging_them():
    rows = [row("2026-03-02", line=line) for line in range(2, 369)]
    assert check_decree(rows, 2026) == [Fault(368, FaultCode.too_many_rows, {"rows": 367, "most": 366})]
    assert FaultCode.too_many_rows not in {fault.code for fault in check_decree(rows[:366], 2026)}


@pytest.mark.parametrize("year", [1, 1999, 2100, 9999])
def test_a_year_out_of_range_is_a_fault_of_the_whole_file(year):
    assert check_decree([], year) == [Fault(None, FaultCode.year_out_of_range, {"year": year, "earliest": 2000, "latest": 2099})]


def test_an_empty_file_lacks_every_festival():
    assert [fault.context["festival"] for fault in check_decree([], 2026)] == list(STATUTORY_FESTIVALS)


def test_faults_come_in_the_order_of_the_lines_and_those_of_the_whole_file_last(decree):
    rows = [row("2020-01-01", line=7), row("2026-03-02", "", line=9), row("2026-03-03", kind=DayKind.workday, line=8)]
    assert [fault.line for fault in check_decree(rows, 2026)] == [7, 8, 9] + [None] * 7
