"""The only place that writes rows of the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from civic.core.atomic import open_connection
from civic.core.built import Built
from civic.core.viewer import Actor
from civic.points.amounts import checked
from civic.points.models import Reason, Transfer, TransferKind
from civic.points.operations.books import Book

_T = Transfer.__table__
_COLUMNS = (
    "programme_id", "kind", "reason", "debit_id", "credit_id", "amount", "hold_id", "ends_id", "reverses_id", "earning_id", "policy_id",
    "source", "detail", "account_id", "job", "channel", "at",
)  # fmt: skip
_INSERT = Built(sa.insert(_T).values({name: sa.bindparam(name) for name in _COLUMNS}).returning(_T.c.id))


@dataclass(frozen=True)
class Line:
    """One row to be: vintages by id, hundredths; detail explains it in numbers and codes."""

    kind: TransferKind
    reason: Reason
    debit: int
    credit: int
    amount: int
    hold_id: int | None = None
    ends_id: int | None = None
    released: int = 0  # of a row that ends a hold's row: the amount of that row
    reverses_id: int | None = None
    earning_id: int | None = None
    detail: dict[str, Any] | None = None


def write(actor: Actor, book: Book, source: str, lines: Sequence[Line]) -> list[int]:
    """Insert rows in order; the database moves the counters and refuses an overdraft.  Returns their ids.

    The counters in `book` follow, so that one operation may write several times.  Raises WrongAmount.
    """
    connection, ids = open_connection(), []
    for line in lines:
        values = {
            "programme_id": book.programme_id, "kind": line.kind, "reason": line.reason, "debit_id": line.debit, "credit_id": line.credit,
            "amount": checked(line.amount), "hold_id": line.hold_id, "ends_id": line.ends_id, "reverses_id": line.reverses_id,
            "earning_id": line.earning_id, "policy_id": book.policy_id, "source": source, "detail": as_detail(line.detail),
            "account_id": actor.account_id, "job": actor.job, "channel": actor.channel.value, "at": book.now,
        }  # fmt: skip
        ids.append(_INSERT.scalar(connection, values))
        _follow(book, line)
    return ids


def _follow(book: Book, line: Line) -> None:
    """Do in memory what the trigger did in the database."""
    moved = line.amount if line.kind in (TransferKind.single, TransferKind.post, TransferKind.reversal) else 0
    if (pot := book.pot(line.debit)) is not None:
        pot.balance -= moved
        pot.held += line.amount if line.kind is TransferKind.hold else -line.released
    if (pot := book.pot(line.credit)) is not None:
        pot.balance += moved


def as_detail(values: dict[str, Any] | None) -> str:
    return json.dumps(values or {}, sort_keys=True, ensure_ascii=False)
