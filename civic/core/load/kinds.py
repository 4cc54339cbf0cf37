"""What a module says about one kind of list, and what it gets to see of the rows.

A `Loader` stands in its module's manifest.  `check` names every faulty row before anything is written; `apply` writes a few
rows inside `atomic()` and may count on what `check` saw, but not on row order across slices.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from civic.core.viewer import Actor, Role, Scope


class ColumnKind(enum.StrEnum):
    """How a cell is read: `code`, `number`, `day`, `flag` are folded (NFKC: full-width digits); `text` and `parts` keep their signs (NFC).

    `parts`: several entries with `;` (or `；`) between them.
    """

    text = "text"
    code = "code"
    number = "number"
    day = "day"
    flag = "flag"
    parts = "parts"


@dataclass(frozen=True)
class Column:
    """A column of a list.  required: its cells may not be empty; optional: the column itself may be missing.

    words: what else may stand in a cell, with the choice that it means (`户主` → `head`).  titles: how other programs call the column.
    """

    name: str
    kind: ColumnKind = ColumnKind.text
    required: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()
    most: int = 2000  # characters
    words: tuple[tuple[str, str], ...] = ()
    titles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One row of a file, its cells as normalised text ('' = empty)."""

    file: str
    line: int
    values: dict[str, str]

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    def number(self, name: str) -> int | None:
        value = self.values.get(name, "")
        return int(value) if value else None

    def day(self, name: str) -> date | None:
        value = self.values.get(name, "")
        return date.fromisoformat(value) if value else None

    def flag(self, name: str) -> bool:
        return self.values.get(name, "") == "true"

    def parts(self, name: str) -> list[str]:
        return [p for p in self.values.get(name, "").split(";") if p]


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be taken: file, line and a sentence in the reader's language."""

    file: str
    line: int
    why: Any


@dataclass(frozen=True)
class Change:
    """A row that differs from the last import.  changed: the columns that differ (all of them for a new row).

    A loader writes only these columns, so that a correction made on the site survives the next load.
    """

    row: Row
    is_new: bool
    changed: frozenset[str]


@dataclass
class Batch:
    """The rows of one kind in this load, with what the other kinds of the same load bring.

    scopes: what the account that loads may reach; None when a command loads, which may everything.
    """

    kind: str
    rows: list[Row]
    keys: dict[str, set[str]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    scopes: tuple[Scope, ...] | None = None
    others: dict[str, Batch] = field(default_factory=dict)

    def coming(self, kind: str) -> set[str]:
        """Keys of another kind that arrive in the same load (parts joined by '|')."""
        return self.keys.get(kind, set())

    def coming_rows(self, kind: str) -> list[Row]:
        """Readable rows of another kind that arrive in the same load."""
        return self.others[kind].rows if kind in self.others else []

    def reject(self, row: Row, why: Any, **numbers: Any) -> None:
        """Refuse a row with a whole (lazy) sentence; numbers fill its named places."""
        self.rejected.append(Rejected(row.file, row.line, str(why) % numbers if numbers else why))


def _accept(_batch: Batch) -> None:
    return None


@dataclass(frozen=True)
class Loader:
    """One kind of list: its columns, what identifies a row, how it is checked and written.

    order: kinds are written from low to high, so that a row finds what it refers to.
    check(batch): call `batch.reject(row, _l("…"))` for every row that cannot be taken.
    apply(actor, changes): write them, inside `atomic()`; called with slices of a few dozen rows.
    finish(actor): once after the last slice of this kind (paths, search rows, caches); repeated after a crash, so repeatable.
    personal: rows tell about people: what is remembered of them is sealed, and no report quotes a cell (`sealed.py`).
    least: rows of a slice at least, for kinds that are written in bulk: on a busy machine slices of one row would pay the fixed cost
    of a slice ten thousand times.
    reach(account, day): the scopes of an account; core knows no grants, so the list of staff lends this to all kinds.
    """

    kind: str
    title: Any
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order: int
    apply: Callable[[Actor, list[Change]], None]
    check: Callable[[Batch], None] = _accept
    finish: Callable[[Actor], None] | None = None
    roles: tuple[Role, ...] = (Role.administrator,)
    personal: bool = False
    least: int = 1
    reach: Callable[[int, date], tuple[Scope, ...]] | None = None

    @property
    def header(self) -> frozenset[str]:
        """The columns by which a file of this kind is recognised."""
        return frozenset(c.name for c in self.columns if not c.optional)

    def key_of(self, row: Row) -> str:
        return "|".join(row.text(name) for name in self.key)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


def bilingual(name: str, *, required: bool = True, most: int = 300) -> tuple[Column, Column]:
    """The two columns of an official text: `name_zh`, `name_en`."""
    return Column(f"{name}_zh", required=required, most=most), Column(f"{name}_en", required=required, most=most)


def columns(*entries: Column | Iterable[Column]) -> tuple[Column, ...]:
    """Columns and pairs of columns as one tuple."""
    found: list[Column] = []
    for entry in entries:
        found.extend([entry] if isinstance(entry, Column) else entry)
    return tuple(found)
