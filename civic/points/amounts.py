"""Points as text: hundredths inside, two places outside; full-width digits are read as people type them."""

from __future__ import annotations

import re
import unicodedata

from civic.points.errors import WrongAmount
from civic.points.models.transfers import LARGEST

_SHAPE = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")


def parse(text: str) -> int:
    """Hundredths of "12.5" or "１２．５": 1250.  Raises WrongAmount for 0, a sign, an exponent, NaN, more than two places, too much."""
    folded = unicodedata.normalize("NFKC", text).strip()
    if not _SHAPE.fullmatch(folded):
        raise WrongAmount(field="amount")
    whole, _dot, places = folded.partition(".")
    return checked(int(whole) * 100 + int(places.ljust(2, "0") or "0"))


def checked(amount: int) -> int:
    """The amount, when one row may move it.  Raises WrongAmount."""
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < amount <= LARGEST:
        raise WrongAmount(field="amount")
    return amount


def text(amount: int) -> str:
    """1250 → "12.50", as the API says it."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{amount // 100}.{amount % 100:02d}"


def short(amount: int) -> str:
    """1250 → "12.5", 1200 → "12": as pages say it."""
    return text(amount).rstrip("0").rstrip(".")
