"""Where the points of a closed wallet go: at once, and whatever a hold gives back later."""

from __future__ import annotations

from civic.core.viewer import Actor
from civic.points.models import OWNED, Reason, TransferKind, WalletState
from civic.points.operations import dues
from civic.points.operations.books import Book, Locked
from civic.points.operations.ledger import Line, write


def forward(actor: Actor, book: Book, wallet: Locked) -> int:
    """Move everything free of a closed wallet to its heir, year by year; to the care pool without one, and what passes the heir's cap (L13).

    Returns hundredths moved.
    """
    if wallet.state is not WalletState.closed or wallet.free == 0:
        return 0
    heir, source = heir_of(book, wallet), f"wallet:{wallet.id}"
    room = max(0, book.cap - heir.balance) if heir.kind in OWNED else wallet.free
    lines = []
    for pot in [pot for pot in wallet.pots if pot.free > 0]:
        kept, free = min(pot.free, room), pot.free
        room -= kept
        if kept:
            lines.append(Line(TransferKind.single, Reason.moved, pot.id, book.pot_of_year(heir, pot.year).id, kept))
        if free > kept:
            lines.append(
                Line(TransferKind.single, Reason.overflow, pot.id, book.pot_of_year(book.pool(), 0).id, free - kept, detail={"why": "cap"})
            )
    write(actor, book, source, lines)
    dues.recover(actor, book, heir, source)  # what came back from a hold pays what the heir owes, as every credit does
    if any(line.reason is Reason.overflow for line in lines):
        dues.recover(actor, book, book.pool(), source)
    return sum(line.amount for line in lines)


def heir_of(book: Book, wallet: Locked) -> Locked:
    """The open wallet that inherits, under lock; heirs of heirs are followed, and without an open one it is the pool.

    A wallet read here is locked after its testator: a closed wallet takes part in no other transfer, so no two wait for each other.
    """
    seen, current = {wallet.id}, wallet
    while current.heir_id is not None and current.heir_id not in seen:
        seen.add(current.heir_id)
        current = book.also(current.heir_id)
        if current.state is not WalletState.closed:
            return current
    return book.pool()
