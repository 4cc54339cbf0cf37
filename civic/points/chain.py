"""A close of points as programs read it, in the file and in the API."""

from __future__ import annotations

import json
from typing import Any

from civic.core import clock
from civic.points import amounts


def item_of(row: Any) -> dict[str, Any]:
    """`totals` for reading, decimal strings; `totals_text` is what was hashed, letter for letter, in hundredths."""
    programmes = json.loads(row.totals)["programmes"]
    return {
        "number": row.number,
        "day": row.day.isoformat(),
        "row_count": row.row_count,
        "totals": {
            code: {part: {name: amounts.text(amount) for name, amount in sums.items()} for part, sums in both.items()}
            for code, both in programmes.items()
        },
        "totals_text": row.totals,
        "rows_hash": row.rows_hash,
        "previous_hash": row.previous_hash,
        "hash": row.hash,
        "closed_at": clock.local(row.created_at).isoformat(timespec="seconds"),
    }
