"""Fields of the API of points, and of features that move points."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from civic.points import amounts

POINTS = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$", "example": "12.50"}


class Points(ma.fields.Field[Any]):
    """Hundredths as "12.50"."""

    def __init__(self, **more: Any) -> None:
        super().__init__(metadata=POINTS, required=True, **more)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else amounts.text(value)
