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


@dataclass(frozen=True)
class Sealed:
    """One table with encrypted columns.

    columns: column → purpose of `crypto.encrypt`.  hashes(row, plain): new values of its keyed-hash columns, from the row and the
    plain texts by column.  also(rows, plains): rows of other tables that were made from the same plain texts (name keys).
    """

    model: type[Model]
    columns: dict[str, str]
    hashes: Callable[[Any, dict[str, str]], dict[str, str]] | None = None
    hash_columns: tuple[str, ...] = ()
    also: Callable[[Sequence[Any], Sequence[dict[str, str]]], None] | None = None


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
