"""Which tables hold ciphertexts and keyed hashes, so that a change of keys reaches every one of them.

A module lists its tables in `Module.sealed`.  `civic keys rotate` walks them in slices by id; where it stands is kept in
`key_rotation`, so a broken run goes on.  A key is unused when no table names its id any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from civic.core.db import Model, intpk, timestamp
from civic.core.registry import the_registry

Purpose = str | Callable[[Any], str]


@dataclass(frozen=True)
class Sealed:
    """One table with encrypted columns or keyed hashes.

    columns: attribute of the model → purpose of `crypto.encrypt`, or a function of the row where it depends on it; values that are no
    ciphertext (empty, a password's hash) are left alone.  hashes(row, plain): new values of its keyed-hash columns, from the row
    (plain values by the model's attributes) and the plain texts by column, '' where there is none; what it leaves out stays.
    hash_columns: every column that may hold a keyed hash, also those that cannot be made anew: they keep an old key in use until the
    rows are gone, and `kept_by` says when that is.  also(rows, plains): after rows were sealed anew, renews rows of other tables that
    were made from the same plain texts (name keys); their own `Sealed` lists hash_columns alone.
    """

    model: type[Model]
    columns: dict[str, Purpose]
    hashes: Callable[[Any, dict[str, str]], dict[str, str]] | None = None
    hash_columns: tuple[str, ...] = ()
    also: Callable[[Sequence[Any], Sequence[dict[str, str]]], None] | None = None
    kept_by: str = ""

    @property
    def table(self) -> sa.Table:
        return self.model.__table__

    def column(self, attribute: str) -> sa.Column[Any]:
        found: sa.Column[Any] = sa.inspect(self.model).attrs[attribute].columns[0]
        return found

    def purpose(self, column: str, row: Any) -> str:
        wanted = self.columns[column]
        return wanted if isinstance(wanted, str) else wanted(row)


def all_sealed() -> list[Sealed]:
    """Every table of every module, features that are off too."""
    found: list[Sealed] = the_registry().all_of("sealed")
    return found


class KeyRotation(Model):
    """How far the change to a key has come in one table."""

    __tablename__ = "key_rotation"
    __table_args__ = (sa.UniqueConstraint("key_id", "table_name"),)
    id: Mapped[intpk]
    key_id: Mapped[str] = mapped_column(sa.String(8))
    table_name: Mapped[str] = mapped_column(sa.String(60))
    after: Mapped[int] = mapped_column("after_id", default=0, comment="rows up to this id are done")
    rows: Mapped[int] = mapped_column("row_count", default=0, comment="rows written again")
    started_at: Mapped[timestamp]
    ended_at: Mapped[datetime | None]
