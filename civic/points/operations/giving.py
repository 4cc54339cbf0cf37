"""Points given away by their owner: to the care pool or to her own household.  Gifts between persons are off (L17)."""

from __future__ import annotations

from civic.core import audit
from civic.core.atomic import atomic
from civic.core.viewer import Actor
from civic.points import amounts
from civic.points.errors import NoGift, NotEnoughPoints, ReceiverFrozen, SameWallet, WalletClosed, WalletFull
from civic.points.models import OWNED, Reason, TransferKind, WalletKind, WalletState
from civic.points.operations import dues, holds, threshold
from civic.points.operations.books import Book, Locked, open_book
from civic.points.operations.ledger import Line, write


def donate(actor: Actor, wallet_id: int, amount: int, to_wallet_id: int | None = None) -> list[int]:
    """Give points to the care pool (without `to`) or to a household's wallet, the oldest first; the ids of the rows.

    Who may give to which household is the policies' question.  Years go along to a household.
    A household spends without a threshold, so nobody gives it what she could not spend herself.
    Raises NotEnoughPoints, WrongAmount, SameWallet, WalletFull, NoGift, OtherProgramme, NotOpenYet, WalletFrozen, ReceiverFrozen, WalletClosed.
    """
    amounts.checked(amount)
    if wallet_id == to_wallet_id:
        raise SameWallet
    with atomic() as tx:
        book = open_book([wallet_id, *([to_wallet_id] if to_wallet_id is not None else [])])
        giver = book.wallets[wallet_id]
        holds.may_give(giver)
        holds.touch(actor, book, giver)
        receiver = book.pool() if to_wallet_id is None else book.wallets[to_wallet_id]
        if giver.kind not in OWNED or (to_wallet_id is not None and receiver.kind is not WalletKind.household):
            raise NoGift
        if receiver.state is WalletState.closed:
            raise WalletClosed
        if receiver.state is WalletState.frozen:
            raise ReceiverFrozen
        if to_wallet_id is not None:
            threshold.check(giver, book.threshold)
        if receiver.kind in OWNED and receiver.balance + amount > book.cap:
            raise WalletFull(cap=book.cap, cap_text=amounts.short(book.cap))
        tx.result = ids = move(actor, book, giver, receiver, amount, Reason.donated, f"wallet:{wallet_id}")
        audit.record(actor, "points.donated", "points_wallet", wallet_id, amount=amount, to=receiver.id)
    return ids


def move(actor: Actor, book: Book, giver: Locked, receiver: Locked, amount: int, reason: Reason, source: str) -> list[int]:
    """Rows that move points from wallet to wallet, the oldest years first, each into its own year.  Raises NotEnoughPoints."""
    if giver.free < amount:
        raise NotEnoughPoints(cost=amount, available=giver.free, cost_text=amounts.short(amount), available_text=amounts.short(giver.free))
    lines, left = [], amount
    for pot in giver.pots:
        part = min(pot.free, left)
        if part > 0:
            lines.append(Line(TransferKind.single, reason, pot.id, book.pot_of_year(receiver, pot.year).id, part))
            left -= part
    ids = write(actor, book, source, lines)
    dues.recover(actor, book, receiver, source)
    return ids
