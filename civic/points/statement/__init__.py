"""A wallet's statement: its lines, the words they are told in, the files one takes away."""

from civic.points.statement.lines import (
    ALL,
    CURSOR,
    PER_PAGE,
    Asked,
    Cursor,
    HoldEnd,
    HoldStory,
    Line,
    Page,
    Side,
    count,
    every,
    of_hours,
    page,
    with_rest,
)

__all__ = [
    "ALL",
    "CURSOR",
    "PER_PAGE",
    "Asked",
    "Cursor",
    "HoldEnd",
    "HoldStory",
    "Line",
    "Page",
    "Side",
    "count",
    "every",
    "of_hours",
    "page",
    "with_rest",
]
