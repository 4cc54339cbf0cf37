"""Open or closed, until when, when next: by weekday, by the working-day calendar, by closures."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from civic.core.db import Bilingual
from civic.core.workdays import DayKind, DecreeDay, WorkCalendar
from civic.territory.hours import Closed, next_change_at, opening_at, parse_hours

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = parse_hours("1-5 08:30-12:00 14:00-17:30; 6 09:00-12:00")
HOLIDAY, MADE_UP = date(2026, 10, 1), date(2026, 10, 10)
CALENDAR = WorkCalendar(
    [
        *(DecreeDay(date(2026, 10, d), DayKind.holiday, "国庆节", "National Day", "x") for d in range(1, 8)),
        DecreeDay(MADE_UP, DayKind.workday, "国庆节调休", "Make-up day", "x"),
    ],
    [2026],
)


def at(day: str, hour: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(hour), ZONE)


@pytest.mark.parametrize(
    ("day", "hour", "until", "opens"),
    [
        ("2026-11-25", "08:29", None, ("2026-11-25", "08:30")),
        ("2026-11-25", "08:30", "12:00", None),
        ("2026-11-25", "11:59", "12:00", None),
        ("2026-11-25", "12:00", None, ("2026-11-25", "14:00")),
        ("2026-11-25", "17:30", None, ("2026-11-26", "08:30")),
        ("2026-11-28", "10:00", "12:00", None),  # a Saturday
        ("2026-11-28", "12:00", None, ("2026-11-30", "08:30")),
        ("2026-10-01", "10:00", None, ("2026-10-08", "08:30")),  # National Day, a Thursday
        ("2026-10-10", "15:00", "17:30", None),  # a Saturday that is worked: Friday's hours, so open in the afternoon
    ],
)
def test_the_state_follows_weekday_and_calendar(day, hour, until, opens):
    state = opening_at(WEEK, (), CALENDAR, at(day, hour))
    assert state.open_now is (until is not None)
    assert state.until == (time.fromisoformat(until) if until else None)
    assert state.next_opening == (at(*opens) if opens else None)


def test_a_holiday_is_named_as_the_reason_and_an_evening_is_not():
    assert opening_at(WEEK, (), CALENDAR, at("2026-10-01", "10:00")).reason == Bilingual("国庆节", "National Day")
    assert opening_at(WEEK, (), CALENDAR, at("2026-11-25", "20:00")).reason is None


def test_a_closure_closes_its_first_and_its_last_day():
    closures = (Closed(1, date(2026, 11, 25), date(2026, 11, 26), Bilingual("搬家", "Moving")),)
    state = opening_at(WEEK, closures, CALENDAR, at("2026-11-26", "10:00"))
    assert state == (False, None, at("2026-11-27", "08:30"), Bilingual("搬家", "Moving"))
    assert opening_at(WEEK, closures, CALENDAR, at("2026-11-27", "10:00")).open_now
    assert opening_at(WEEK, closures, CALENDAR, at("2026-11-24", "18:00")).next_opening == at("2026-11-27", "08:30")


def test_a_station_without_fridays_follows_its_own_weekday_on_a_made_up_day():
    assert opening_at(parse_hours("6 09:00-12:00"), (), CALENDAR, at("2026-10-10", "10:00")).until == time(12)
    assert not opening_at(parse_hours("1-4 09:00-12:00"), (), CALENDAR, at("2026-10-10", "10:00")).open_now


def test_nothing_is_promised_beyond_sixty_days():
    closures = (Closed(1, date(2026, 11, 1), date(2027, 10, 31), Bilingual("改建", "Rebuilding")),)
    state = opening_at(WEEK, closures, CALENDAR, at("2026-11-25", "10:00"))
    assert state.next_opening is None
    assert next_change_at(WEEK, closures, CALENDAR, at("2026-11-25", "10:00"), ZONE) is None
    assert opening_at({}, (), CALENDAR, at("2026-11-25", "10:00")) == (False, None, None, None)


def test_a_page_is_true_until_the_next_change():
    assert next_change_at(WEEK, (), CALENDAR, at("2026-11-25", "10:00"), ZONE) == at("2026-11-25", "12:00")
    assert next_change_at(WEEK, (), CALENDAR, at("2026-11-25", "12:00"), ZONE) == at("2026-11-25", "14:00")
