"""What a wallet owes because it was spent before it was taken back: it becomes due and later credits pay it, nobody is ever below zero (L11)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from civic.core import audit
from civic.core.atomic import open_connection
from civic.core.viewer import Actor
from civic.points.models import Reason, TransferKind, Wallet, WalletKind
from civic.points.operations.books import Book, Locked
from civic.points.operations.ledger import Line, write

_W = Wallet.__table__


def take(actor: Actor, wallet: Locked, amount: int, line: Any) -> int:
    """Take points from a wallet, the newest years first, as far as they are free; the rest becomes due.  Returns what was taken.

    line(vintage id, hundredths) writes each row.
    """
    left = amount
    for pot in reversed(wallet.pots):
        part = min(pot.free, left)
        if part > 0:
            line(pot.id, part)
            left -= part
    if left:
        _set_due(wallet, wallet.due + left)
        audit.record(actor, "points.due", "points_wallet", wallet.id, amount=left)
    return amount - left


def recover(actor: Actor, book: Book, wallet: Locked, source: str) -> None:
    """Pay what is due from what is free: after a credit, and after a hold gave something back."""
    if not wallet.due or not wallet.free:
        return
    paid, sink = min(wallet.due, wallet.free), book.system[WalletKind.correction]
    due = wallet.due
    _set_due(wallet, wallet.due - paid)

    def line(pot_id: int, amount: int) -> None:
        write(actor, book, source, [Line(TransferKind.single, Reason.recovered, pot_id, sink, amount, detail={"due": due})])

    take(actor, wallet, paid, line)


def _set_due(wallet: Locked, due: int) -> None:
    open_connection().execute(sa.update(_W).where(_W.c.id == wallet.id).values(due=due))
    wallet.due = due
