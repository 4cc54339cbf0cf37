"""Numbers that people read out and type: `G20261123-00012-3` (kind, local day, counter of the day, check digit).

The counter is the highest number of the day plus one, read under a lock that the caller holds, so that two writers never get the same.
The check digit is that of ISO 7064 MOD 11,10 over the day and the counter: one wrong digit or two neighbours exchanged are noticed.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import sqlalchemy as sa
from stdnum.iso7064 import mod_11_10

from civic.core.db import db

SHAPE = re.compile(r"([A-Z])(\d{8})-(\d{5})-(\d)")


def number_of(kind: str, day: date, counter: int) -> str:
    """kind: one capital letter.  counter: 1 to 99999.  Raises ValueError beyond."""
    if not 1 <= counter <= 99_999:
        raise ValueError(f"a day has numbers from 1 to 99999, not {counter}")
    digits = f"{day:%Y%m%d}{counter:05d}"
    return f"{kind}{digits[:8]}-{digits[8:]}-{mod_11_10.calc_check_digit(digits)}"


def is_number(text: str) -> bool:
    """Has it the shape, and does its check digit fit?"""
    found = SHAPE.fullmatch(text)
    return found is not None and bool(mod_11_10.is_valid("".join(found.groups()[1:])))


def next_number(column: Any, kind: str, day: date) -> str:
    """The next number of a day in a table's number column.  The caller holds the lock under which numbers are given."""
    begin = f"{kind}{day:%Y%m%d}-"
    last = db.session.scalar(sa.select(sa.func.max(column)).where(column.startswith(begin, autoescape=True)))
    return number_of(kind, day, (int(last[len(begin) : len(begin) + 5]) if last else 0) + 1)
