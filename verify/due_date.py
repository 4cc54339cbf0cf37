"""Recompute a due date 到期日 without the site; needs Python 3.9 or later and the published calendars, nothing else.

    python3 due_date.py FROM N UNIT CALENDAR.csv...        UNIT: working_day or calendar_day
    python3 due_date.py --url "http://host/api/v1/workdays?from=2026-09-30&days=5&unit=working_day" CALENDAR.csv...
A calendar is a yearly decree with the columns day, kind (holiday, or workday for a make-up day), name_zh, name_en.
Prints each skipped day with its reason, the end and, with --url, what the site says otherwise; exits 0 equal, 1 not, 2 wrong usage.
"""

import csv
import json
import sys
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from urllib.request import urlopen

ONE_DAY = timedelta(days=1)
# Off in every year, also while its decree is not out yet; the other festivals follow the moon or the sun.
FIXED = {(1, 1): ("元旦", "New Year's Day"), (5, 1): ("劳动节", "Labour Day"), (5, 2): ("劳动节", "Labour Day")}
FIXED.update({(10, number): ("国庆节", "National Day") for number in (1, 2, 3)})


def why_off(day, rows, years):
    """The reason, in Chinese and English, why nobody works on that day; None when it is worked."""
    if day in rows:
        return (rows[day]["name_zh"], rows[day]["name_en"]) if rows[day]["kind"] == "holiday" else None
    if day.year not in years and (day.month, day.day) in FIXED:
        return FIXED[day.month, day.day]
    return ("周末", "Weekend") if day.weekday() >= 5 else None


def recompute(start, amount, unit, paths):
    """The end, whether it is provisional, the days skipped. Counting begins on the day after the start; the end is a working day."""
    rows = {date.fromisoformat(row["day"]): row for path in paths for row in csv.DictReader(Path(path).read_text("utf-8-sig").splitlines())}
    # A decree may reach ten days into the years beside it, so days at the edge do not show that their year is published.
    years = {day.year for day in rows if (1, 11) <= (day.month, day.day) <= (12, 21)}
    day, number, skipped = start, 0, {}
    while number < amount:
        day += ONE_DAY
        if unit == "calendar_day" or not why_off(day, rows, years):
            number += 1
        else:
            skipped[str(day)] = why_off(day, rows, years)
    while why_off(day, rows, years):  # a last day that is off moves to the next working day
        skipped[str(day)] = why_off(day, rows, years)
        day += ONE_DAY
    return str(day), any(year not in years for year in range((start + ONE_DAY * bool(amount)).year, day.year + 1)), skipped


def differences(answer, end, provisional, skipped):
    """What the site says otherwise; its reason for a day may be in either language but must be the one of the calendars."""
    if (answer["end_on"], answer["provisional"]) != (end, provisional):
        yield f"ends {answer['end_on']}, provisional: {answer['provisional']}"
    told = {item["on"]: json.dumps(item["why"], ensure_ascii=False).lower() for item in answer["skipped"]}
    for on in sorted(told.keys() | skipped.keys()):
        if on not in told or not any(name.lower() in told[on] for name in skipped.get(on, ())):
            yield f"{on} skipped: {told.get(on, 'no')}"


def main(words, url=None, failure=2):
    try:
        if words[0] == "--url":
            url, asked = words[1], dict(parse_qsl(urlsplit(words[1]).query))
            words[:2] = asked["from"], asked["days"], asked["unit"]
        (start, amount, unit), paths = words[:3], words[3:]
        if not paths or unit not in ("working_day", "calendar_day") or int(amount) not in range(3661):
            raise ValueError("UNIT is working_day or calendar_day, N 0 to 3660, and a calendar is needed")
        end, provisional, skipped = recompute(date.fromisoformat(start), int(amount), unit, paths)
        print(*(f"{on} skipped: {' '.join(names)}" for on, names in skipped.items()), f"ends {end}, provisional: {provisional}", sep="\n")
        failure = 1
        faults = list(differences(json.load(urlopen(url, timeout=30)), end, provisional, skipped)) if url else []  # noqa: S310 - the reader typed it
    except (OSError, ValueError, LookupError, TypeError, OverflowError) as problem:
        print(repr(problem), __doc__ if failure == 2 else "is no usable answer", file=sys.stderr)
        return failure
    print("\n".join(f"DIFFERENT, the site says: {fault}" for fault in faults) or ("equal" if url else "not compared"))
    return failure if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
