"""Words and shapes of the public numbers of points: names of the sums, amounts as people read them, the bars of the chart."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core.i18n import MONTHS_EN, lang

BAR, GAP, FULL, TOP = 26, 14, 130, 22  # units of the drawing, which is 300 wide and as high as it has months


def flow_names() -> dict[str, str]:
    """The sums of a close or report, in the order in which they are shown."""
    return {
        "issued": pgettext("points sum", "Issued"),
        "spent": pgettext("points sum", "Spent"),
        "expired": pgettext("points sum", "Expired"),
        "donated": pgettext("points sum", "Donated to the care pool"),
        "granted": pgettext("points sum", "Granted"),
        "overflow": pgettext("points sum", "Over the cap, to the care pool"),
        "corrected": pgettext("points sum", "Taken back by corrections"),
        "reversed": pgettext("points sum", "Taken back by reversals"),
        "returned": pgettext("points sum", "Given back by reversals"),
    }


def people_names() -> dict[str, str]:
    """Whom the report counts."""
    return {
        "earned": pgettext("people", "earned points"),
        "spent": pgettext("people", "spent points"),
        "exchanged": _("paid for a neighbour's help"),
        "donated": _("gave points away"),
        "granted": _("were granted points"),
    }


def shown(amount: int) -> str:
    """123456750 → "1,234,567.5": hundredths as pages say them."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    places = f".{amount % 100:02d}".rstrip("0").rstrip(".") if amount % 100 else ""
    return f"{sign}{amount // 100:,}{places}"


def month_words(first: date) -> str:
    """2026年11月 or Nov 2026."""
    return f"{first.year}年{first.month}月" if lang() == "zh" else f"{MONTHS_EN[first.month - 1]} {first.year}"


def month_of(text: str) -> date | None:
    """The first day of "2026-11"; None for anything else."""
    try:
        found = date.fromisoformat(f"{text}-01") if len(text) == 7 else None
    except ValueError:
        return None
    return found if found is not None and 2000 <= found.year <= 2099 else None


def bars(history: list[list[Any]]) -> dict[str, Any]:
    """The drawing: for each month two bars, what was issued and what was spent, with their numbers beside them."""
    most = max((max(issued, spent) for _month, issued, spent in history), default=0) or 1
    rows, y = [], TOP
    for month, issued, spent in history:
        first = month_of(month)
        drawn = [
            {
                "kind": kind,
                "y": y + at * BAR,
                "text_y": y + at * BAR + 17,
                "width": max(1, round(FULL * amount / most)),
                "told": shown(amount),
            }
            for at, (kind, amount) in enumerate((("issued", issued), ("spent", spent)))
        ]
        rows.append({"label": month_words(first) if first else month, "y": y, "label_y": y - 6, "bars": drawn})
        y += 2 * BAR + GAP + 18
    return {"rows": rows, "height": max(y - 18, TOP), "bar": BAR - 4}
