"""Opening hours as text: read, refused with a sentence that names the place, written again."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from civic.territory.errors import DayWithoutHours, HoursUnreadable, StretchBackwards, StretchesOverlap, TooManyStretches
from civic.territory.hours import hours_lines, hours_text, parse_hours

MORNING, AFTERNOON = (time(8, 30), time(12)), (time(14), time(17, 30))


def test_the_usual_week_is_read():
    week = parse_hours("1-5 08:30-12:00 14:00-17:30; 6 09:00-12:00")
    assert week == {**dict.fromkeys(range(1, 6), (MORNING, AFTERNOON)), 6: ((time(9), time(12)),)}


def test_nothing_is_a_week_without_hours():
    assert parse_hours("") == {}
    assert parse_hours(" ; ") == {}


def test_full_width_signs_long_dashes_and_lists_of_days_are_understood():
    assert parse_hours("１，３、5 08：30–12：00；7 9:00 - 12:00") == {
        1: (MORNING,),
        3: (MORNING,),
        5: (MORNING,),
        7: ((time(9), time(12)),),
    }


def test_parts_of_one_day_come_together_in_order():
    assert parse_hours("1 14:00-17:30; 1 08:30-12:00") == {1: (MORNING, AFTERNOON)}


@pytest.mark.parametrize(
    ("text", "refusal", "named"),
    [
        ("1-5", DayWithoutHours, "1-5"),
        ("8 09:00-12:00", HoursUnreadable, "8"),
        ("5-1 09:00-12:00", HoursUnreadable, "5-1"),
        ("Mon 09:00-12:00", HoursUnreadable, "Mon"),
        ("1 09:00", HoursUnreadable, "09:00"),
        ("1 09:00-25:00", HoursUnreadable, "09:00-25:00"),
        ("1 12:00-09:00", StretchBackwards, "09:00"),
        ("1 09:00-09:00", StretchBackwards, "09:00"),
        ("2 09:00-12:00 11:00-13:00", StretchesOverlap, "周二"),
        ("2 09:00-12:00 12:00-13:00", StretchesOverlap, "周二"),
        ("3 08:00-09:00 10:00-11:00 12:00-13:00", TooManyStretches, "3"),
    ],
)
def test_what_cannot_be_read_is_named(text, refusal, named):
    with pytest.raises(refusal) as caught:
        parse_hours(text)
    assert named in caught.value.message


minutes = st.integers(0, 1439).map(lambda m: time(m // 60, m % 60))
stretches = st.lists(minutes, min_size=4, max_size=4, unique=True).map(sorted).map(lambda t: ((t[0], t[1]), (t[2], t[3])))


@given(st.dictionaries(st.integers(1, 7), st.one_of(stretches, stretches.map(lambda s: s[:1]))))
def test_writing_and_reading_are_inverse(week):
    assert parse_hours(hours_text(week)) == week


def test_days_in_a_row_with_the_same_hours_are_written_together():
    assert hours_text(parse_hours("1 09:00-12:00;2 09:00-12:00;4 09:00-12:00")) == "1-2 09:00-12:00; 4 09:00-12:00"


def test_a_reader_gets_days_and_hours_in_her_language(site):
    from flask_babel import force_locale

    week = parse_hours("1-5 08:30-12:00 14:00-17:30; 6-7 09:00-12:00")
    assert hours_lines(week) == [("周一至周五", "08:30–12:00、14:00–17:30"), ("周六、周日", "09:00–12:00")]
    with force_locale("en"):
        assert hours_lines(week) == [("Mon–Fri", "08:30–12:00, 14:00–17:30"), ("Sat, Sun", "09:00–12:00")]
