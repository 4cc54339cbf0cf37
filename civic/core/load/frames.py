"""A file as lines of raw cells, with its header found: what the readers of CSV and of workbooks have in common."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from civic.core.load.kinds import Rejected

MB = 2**20
WINDOWS_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of serial days (ECMA-376, part 1, 18.17.4.1): a day on paper, no moment
HEAD_ROWS = 10  # the header stands in the first ten rows
Score = Callable[[Sequence[str]], float]  # how well names fit the columns of a known list


@dataclass
class Table:
    """A file as lines of cells.  encoding: of a CSV; `xlsx` for a workbook.  epoch: day 0 of serial days."""

    name: str
    header: list[str]
    header_line: int
    rows: list[tuple[int, list[Any]]]
    encoding: str
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    epoch: datetime = WINDOWS_EPOCH


def frame(name: str, lines: list[tuple[int, list[Any]]], encoding: str, score: Score) -> Table:
    """Header and rows out of raw lines: the header is the row among the first ten that fits a known list best.

    Where none fits, it is the first one with two different words: a heading over the whole width is one word.
    """
    filled = [(line, cells) for line, cells in lines if any(str(c).strip() for c in cells if c is not None)]
    if not filled:
        return Table(name, [], 1, [], encoding)
    heads = [header_names(cells) for _, cells in filled[:HEAD_ROWS]]
    best = next((i for i, head in enumerate(heads) if len(set(head) - {""}) > 1), 0)
    if any(score(h) for h in heads):
        best = max(range(len(heads)), key=lambda i: (score(heads[i]), -i))
    return Table(name, heads[best], filled[best][0], filled[best + 1 :], encoding)


def header_names(cells: Iterable[Any]) -> list[str]:
    """Column names as the loaders write them; empty cells at the end are no columns."""
    names = [unicodedata.normalize("NFKC", str(c)).replace("\ufeff", "").strip().lower() if c is not None else "" for c in cells]
    while names and not names[-1]:
        names.pop()
    return names
