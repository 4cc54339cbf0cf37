"""Words that belong to an insert-only line but must be encrypted, re-encrypted when keys change, and forgotten in time.

A line of an append-only table holds the id of its note; the note itself can be sealed again or emptied, the line cannot change.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from civic.core import crypto
from civic.core.atomic import in_transaction
from civic.core.db import Model, db, intpk

PURPOSE = "note"


class SealedNote(Model):
    """Encrypted words, purpose "note"; empty when they were forgotten."""

    __tablename__ = "sealed_note"
    id: Mapped[intpk]
    sealed: Mapped[str] = mapped_column(sa.Text)


def write(words: str) -> int | None:
    """Seal words inside the open transaction; None for none.  Returns the id for the line that owns them."""
    if not words:
        return None
    if not in_transaction():
        raise ValueError("a note belongs to the transaction of its line")
    note = SealedNote(sealed=crypto.encrypt(words, PURPOSE))
    db.session.add(note)
    db.session.flush()
    return note.id


def read(ids: Iterable[int | None]) -> dict[int, str]:
    """The words of these notes, one statement; a forgotten one is ''."""
    wanted = sorted({i for i in ids if i is not None})
    rows = db.session.execute(sa.select(SealedNote.id, SealedNote.sealed).where(SealedNote.id.in_(wanted))) if wanted else ()
    return {row.id: crypto.decrypt(row.sealed, PURPOSE) if row.sealed else "" for row in rows}


def forget(ids: Iterable[int | None]) -> None:
    """Empty notes for good."""
    db.session.execute(sa.update(SealedNote).where(SealedNote.id.in_([i for i in ids if i is not None])).values(sealed=""))
