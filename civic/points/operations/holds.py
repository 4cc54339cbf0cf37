"""Points set aside: hold, settle, void, renew, and what a hold does when its time is over (L7-L9, L15, L18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from civic.core import audit
from civic.core.atomic import atomic
from civic.core.db import db, new_public_id
from civic.core.viewer import Actor
from civic.points import amounts
from civic.points.errors import AboveHold, HoldEnded, NotEnoughPoints, SourceHeld, WalletClosed, WalletFrozen
from civic.points.models import Hold, HoldState, Reason, Transfer, TransferKind, WalletKind, WalletState
from civic.points.operations import closing, dues, threshold
from civic.points.operations.books import Book, Locked, open_book
from civic.points.operations.ledger import Line, write

_H, _T = Hold.__table__, Transfer.__table__


def hold(actor: Actor, wallet_id: int, amount: int, *, source: str, until: datetime, reason: Reason = Reason.spent) -> Hold:
    """Set points aside until a moment, the oldest first; they are spent by `settle` or come back.

    amount: hundredths.  source: kind:id of what it is for; a source holds once (a renewal goes on with it).
    Raises NotEnoughPoints, SourceHeld, WalletFrozen, WalletClosed, NotOpenYet, WrongAmount, HoldEnded for a moment that has passed.
    """
    amounts.checked(amount)
    with atomic() as tx:
        book = open_book([wallet_id])
        wallet = book.wallets[wallet_id]
        tx.result = held = _hold(actor, book, wallet, amount, source=source, until=until, reason=reason)
    return held


def _hold(actor: Actor, book: Book, wallet: Locked, amount: int, *, source: str, until: datetime, reason: Reason) -> Hold:
    may_give(wallet)
    threshold.check(wallet, book.threshold)
    touch(actor, book, wallet)
    if until <= book.now:
        raise HoldEnded(state=HoldState.expired.value)
    if db.session.scalar(sa.select(_H.c.id).where(_H.c.source == source).limit(1)) is not None:
        raise SourceHeld(source=source)
    if wallet.free < amount:
        raise NotEnoughPoints(
            cost=amount, available=wallet.free, cost_text=amounts.short(amount), available_text=amounts.short(wallet.free)
        )
    return _set_aside(actor, book, wallet, _from_oldest(wallet, amount), source=source, sequence=1, until=until, reason=reason)


def _from_oldest(wallet: Locked, amount: int) -> list[tuple[int, int]]:
    """(vintage, hundredths) that together make the amount, the oldest first (L15)."""
    parts, left = [], amount
    for pot in wallet.pots:
        part = min(pot.free, left)
        if part > 0:
            parts.append((pot.id, part))
            left -= part
    return parts


def _set_aside(
    actor: Actor,
    book: Book,
    wallet: Locked,
    parts: Sequence[tuple[int, int]],
    *,
    source: str,
    sequence: int,
    until: datetime,
    reason: Reason,
) -> Hold:
    header = Hold(
        uid=new_public_id(), programme_id=book.programme_id, wallet_id=wallet.id, source=source, sequence=sequence, reason=reason,
        amount=sum(part for _pot, part in parts), posted=0, state=HoldState.open, expires_at=until, created_at=book.now,
    )  # fmt: skip
    db.session.add(header)
    db.session.flush()
    sink = book.system[WalletKind.redemption]
    write(actor, book, source, [Line(TransferKind.hold, reason, pot, sink, part, hold_id=header.id) for pot, part in parts])
    audit.record(actor, "points.held", "points_hold", header.id, amount=header.amount, until=until.isoformat())
    return header


def settle(actor: Actor, hold_id: int, amount: int | None = None) -> Hold:
    """Spend what was held, or a part of it; the rest comes back at once.

    Raises HoldEnded (also after its time, whether or not a job ran), AboveHold, WalletFrozen, WrongAmount.
    """
    with atomic() as tx:
        book, wallet, header = open_hold(hold_id)
        amount = header.amount if amount is None else amounts.checked(amount)
        if amount > header.amount:
            raise AboveHold(held=header.amount, asked=amount, held_text=amounts.short(header.amount), asked_text=amounts.short(amount))
        if book.now >= header.expires_at:
            raise HoldEnded(state=HoldState.expired.value)
        if wallet.state is WalletState.frozen:
            raise WalletFrozen
        _end(actor, book, wallet, header, HoldState.posted, post=amount)
        closing.forward(actor, book, wallet)
        tx.result = header
    return header


def void(actor: Actor, hold_id: int) -> Hold:
    """Give back what was held; also from a frozen or closed wallet.  Raises HoldEnded."""
    with atomic() as tx:
        book, wallet, header = open_hold(hold_id)
        _end(actor, book, wallet, header, HoldState.voided)
        closing.forward(actor, book, wallet)
        tx.result = header
    return header


def renew(actor: Actor, hold_id: int, until: datetime) -> Hold:
    """The only prolongation: void and hold the same points of the same years anew, in one transaction.  Returns the new header.

    Works for a frozen or closed wallet too, because it sets aside no more than was.  Raises HoldEnded.
    """
    with atomic() as tx:
        book, wallet, header = open_hold(hold_id)
        if book.now >= header.expires_at or until <= book.now:
            raise HoldEnded(state=HoldState.expired.value)
        parts = [(row.debit_id, row.amount) for row in _rows(header.id)]
        _end(actor, book, wallet, header, HoldState.voided, renews=True)
        renewed = _set_aside(
            actor, book, wallet, parts, source=header.source, sequence=header.sequence + 1, until=until, reason=header.reason
        )
        tx.result = renewed
    return renewed


def touch(actor: Actor, book: Book, wallet: Locked) -> None:
    """Write the end of each hold of this wallet whose time is over, before anything else is taken from it (L8).

    What comes back to a closed wallet goes on to its heir.
    """
    if not any(pot.held for pot in wallet.pots):
        return
    due = sa.select(Hold).where(Hold.wallet_id == wallet.id, Hold.state == HoldState.open, Hold.expires_at <= book.now).order_by(Hold.id)
    for header in db.session.scalars(due.with_for_update(key_share=True).execution_options(populate_existing=True)):
        _end(actor, book, wallet, header, HoldState.expired)
    closing.forward(actor, book, wallet)


def expire(actor: Actor, hold_id: int) -> bool:
    """The job's part of L8: end one hold whose time is over.  False when somebody was first."""
    with atomic():
        try:
            book, wallet, header = open_hold(hold_id)
        except HoldEnded:
            return False
        if book.now < header.expires_at:
            return False
        _end(actor, book, wallet, header, HoldState.expired)
        closing.forward(actor, book, wallet)
    return True


def open_hold(hold_id: int) -> tuple[Book, Locked, Hold]:
    """The wallet under lock, then the header.  Raises HoldEnded when it is not open any more, ValueError for an unknown id.

    Where the clock was set back behind the moment at which it was made, the book's moment is that one: no hold ends before it began.
    """
    wallet_id = db.session.scalar(sa.select(_H.c.wallet_id).where(_H.c.id == hold_id))
    if wallet_id is None:
        raise ValueError("unknown hold")
    book = open_book([wallet_id])
    query = sa.select(Hold).where(Hold.id == hold_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    header = db.session.scalars(query).one()
    if header.state is not HoldState.open:
        raise HoldEnded(state=header.state.value)
    if book.now < header.created_at:
        book = replace(book, now=header.created_at)
    return book, book.wallets[wallet_id], header


def _rows(hold_id: int) -> Sequence[Any]:
    query = sa.select(_T.c.id, _T.c.debit_id, _T.c.credit_id, _T.c.amount).where(_T.c.hold_id == hold_id, _T.c.kind == TransferKind.hold)
    found: Sequence[Any] = db.session.execute(query.order_by(_T.c.id)).all()
    return found


_ENDS = {
    HoldState.posted: (TransferKind.void, Reason.returned),
    HoldState.voided: (TransferKind.void, Reason.returned),
    HoldState.expired: (TransferKind.expire, Reason.lapsed),
}


def _end(actor: Actor, book: Book, wallet: Locked, header: Hold, state: HoldState, *, post: int = 0, renews: bool = False) -> None:
    """End each row of a hold once: posted as far as `post` reaches, from the oldest vintage, the others given back.

    What comes back pays what is due first; not in a renewal, which sets aside at once what it gave back.
    """
    kind, reason = _ENDS[state]
    lines, left = [], post
    for row in _rows(header.id):
        part = min(row.amount, left)
        left -= part
        as_post = (TransferKind.post, header.reason, part) if part else (kind, reason, row.amount)
        lines.append(
            Line(as_post[0], as_post[1], row.debit_id, row.credit_id, as_post[2], hold_id=header.id, ends_id=row.id, released=row.amount)
        )
    write(actor, book, header.source, lines)
    header.state, header.posted, header.ended_at = state, post, book.now
    db.session.flush()
    audit.record(actor, f"points.{state.value}", "points_hold", header.id, amount=header.amount, posted=post)
    if not renews:
        dues.recover(actor, book, wallet, header.source)


def may_give(wallet: Locked) -> None:
    """Raises WalletFrozen or WalletClosed."""
    if wallet.state is WalletState.frozen:
        raise WalletFrozen
    if wallet.state is WalletState.closed:
        raise WalletClosed
