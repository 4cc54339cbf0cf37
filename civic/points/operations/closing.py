"""Where the points of a closed wallet go: at once, and whatever a hold gives back later."""

from __future__ import annotations

from civic.core.viewer import Actor
from civic.points.models import Reason, TransferKind, WalletState
from civic.points.operations.books import Book, Locked
from civic.points.operations.ledger import Line, write


def forward(actor: Actor, book: Book, wallet: Locked) -> int:
    """Move everything free of a closed wallet to its heir, year by year; to the care pool without one.  Returns hundredths moved."""
    if wallet.state is not WalletState.closed or wallet.free == 0:
        return 0
    heir = heir_of(book, wallet)
    source = f"wallet:{wallet.id}"
    parts = [(pot, pot.free) for pot in wallet.pots if pot.free > 0]
    write(
        actor, book, source,
        [Line(TransferKind.single, Reason.moved, pot.id, book.pot_of_year(heir, pot.year).id, free) for pot, free in parts],
    )  # fmt: skip
    return sum(free for _pot, free in parts)


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
