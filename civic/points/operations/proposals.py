"""Grants, reversals and openings: one person asks with a reason, another person decides (L19), nobody for her own household.

A reversal is one counter row per original (L10), limited by what is free in the vintage that was credited; what is already spent is taken
from what else is free there, and the rest becomes due (L11).  No wallet goes below zero.  `grant` is the verb for care: who receives comes
with the market, which decides under its own two-person rule.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from civic.core import audit, clock, notes
from civic.core.atomic import atomic
from civic.core.db import db, locked, new_public_id
from civic.core.viewer import Actor
from civic.people.models import Household, Person
from civic.points import amounts
from civic.points.errors import AboveRow, AlreadyDecided, NotEnoughPoints, NotReversible, NotYours, OtherGrant, WalletClosed, WalletFull
from civic.points.models import (
    OWNED,
    Programme,
    Proposal,
    ProposalKind,
    ProposalState,
    Reason,
    Transfer,
    TransferKind,
    Vintage,
    Wallet,
    WalletKind,
    WalletState,
)
from civic.points.operations import closing, dues, holds
from civic.points.operations.books import Book, Locked, open_book
from civic.points.operations.ledger import Line, write
from civic.points.operations.seconds import by_account, not_own, second_person

_T = Transfer.__table__
REVERSIBLE = (TransferKind.single, TransferKind.post)
SPOKEN_FOR = (ProposalState.waiting, ProposalState.done)


# ---- asking -----------------------------------------------------------------------------------------------------------------
def propose_grant(actor: Actor, wallet_id: int, amount: int, why: str, *, from_pool: bool = True) -> Proposal:
    """Ask that a wallet gets points: from the care pool, or newly issued.

    amount: hundredths.  why: sealed.  Raises WrongAmount, OwnHousehold, WalletClosed; ValueError for a wallet of the programme or no reason.
    """
    return _ask_for_wallet(actor, ProposalKind.grant, wallet_id, amount, why, from_pool=from_pool)


def propose_opening(actor: Actor, wallet_id: int, amount: int, why: str) -> Proposal:
    """Ask that a wallet gets what its owner had before the community began here (stamp card, old list).  Raises as `propose_grant`."""
    return _ask_for_wallet(actor, ProposalKind.opening, wallet_id, amount, why, from_pool=False)


def _ask_for_wallet(actor: Actor, kind: ProposalKind, wallet_id: int, amount: int, why: str, *, from_pool: bool) -> Proposal:
    amounts.checked(amount)
    with atomic() as tx:
        wallet = db.session.get_one(Wallet, wallet_id, populate_existing=True)
        if wallet.kind not in OWNED:
            raise ValueError("grants and openings go to somebody's wallet")
        if wallet.state is WalletState.closed:
            raise WalletClosed
        not_own(actor, [wallet.id])
        tx.result = row = _ask(actor, kind, wallet, amount, why, from_pool=from_pool)
    return row


def propose_reversal(actor: Actor, transfer_id: int, why: str, amount: int | None = None) -> Proposal:
    """Ask that a row be reversed, wholly or in part.

    Raises NotReversible (a hold's row, a reversal, a row that was or is about to be reversed), AboveRow, WrongAmount, OwnHousehold.
    """
    with atomic() as tx:
        row = _sides(transfer_id)
        amount = row.amount if amount is None else amounts.checked(amount)
        open_book(row.owned or [row.pool_id])  # two who ask for the same row come one after the other
        _refuse_reversed(row)
        if amount > row.amount:
            raise AboveRow(moved=row.amount, moved_text=amounts.short(row.amount), field="amount")
        not_own(actor, row.owned)
        wallet = db.session.get_one(Wallet, row.concerned)
        tx.result = made = _ask(actor, ProposalKind.reversal, wallet, amount, why, transfer_id=transfer_id)
    return made


def _ask(actor: Actor, kind: ProposalKind, wallet: Wallet, amount: int, why: str, **more: Any) -> Proposal:
    if not why.strip():
        raise ValueError("a proposal has a reason")
    row = Proposal(
        uid=new_public_id(), programme_id=wallet.programme_id, territory_id=_place_of(wallet), kind=kind, wallet_id=wallet.id, amount=amount,
        note_id=notes.write(json.dumps([why], ensure_ascii=False)), maker_id=by_account(actor), **more,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    audit.record(actor, f"points.{kind.value}_proposed", "points_proposal", row.id, wallet=wallet.id, amount=amount)
    return row


def _place_of(wallet: Wallet) -> int:
    """The community that keeps its owner; the district for a wallet of the programme."""
    if wallet.person_id is not None:
        query = sa.select(Person.place_id).where(Person.id == wallet.person_id)
    elif wallet.household_id is not None:
        query = sa.select(Household.place_id).where(Household.id == wallet.household_id)
    else:
        query = sa.select(Programme.territory_id).where(Programme.id == wallet.programme_id)
    return int(db.session.scalars(query).one())


# ---- deciding ---------------------------------------------------------------------------------------------------------------
def decide(actor: Actor, proposal_id: int, approve: bool, answer: str = "") -> Proposal:
    """Another person approves or refuses; what was approved is booked at once.  answer: sealed beside the reason.

    Raises SecondPersonNeeded, OwnHousehold, AlreadyDecided, and what the booking refuses: WalletClosed, WalletFull, NotEnoughPoints (the
    pool is empty), NotReversible; then the proposal still waits.
    """
    checker = by_account(actor)
    with atomic() as tx:
        known = db.session.get_one(Proposal, proposal_id)
        sides = _sides(known.transfer_id) if known.transfer_id is not None else None
        wallet_ids = sides.owned if sides is not None else [known.wallet_id]
        # between the programme's own wallets it is the pool: of the others none has counters that could say what is free
        book = open_book(wallet_ids or ([sides.pool_id] if sides is not None else []))
        row = locked(Proposal, proposal_id)
        if row.state is not ProposalState.waiting:
            raise AlreadyDecided
        second_person(actor, row.maker_id)
        not_own(actor, wallet_ids)
        if approve:
            _book_it(actor, book, row, sides)
        _decided(row, ProposalState.done if approve else ProposalState.refused, checker, answer)
        audit.record(actor, f"points.proposal_{row.state.value}", "points_proposal", row.id, amount=row.amount)
        tx.result = row
    return row


def _book_it(actor: Actor, book: Book, row: Proposal, sides: _Sides | None) -> None:
    source = f"proposal:{row.id}"
    if sides is not None:
        _refuse_reversed(sides, but=row.id)
        _reverse(actor, book, sides, row.amount, source)
    else:
        _give(actor, book, book.wallets[row.wallet_id], row.amount, source, origin=_origin(row.kind, from_pool=row.from_pool))


def _decided(row: Proposal, state: ProposalState, checker: int, answer: str) -> None:
    if answer.strip():
        words = [*told(row), answer]
        notes.forget([row.note_id])
        row.note_id = notes.write(json.dumps(words, ensure_ascii=False))
    row.state, row.checker_id, row.decided_at = state, checker, clock.now()
    db.session.flush()


def told(row: Proposal) -> list[str]:
    """The reason, and the answer of whoever decided; empty when they were forgotten."""
    words = notes.read([row.note_id]).get(row.note_id or 0, "")
    found: list[str] = json.loads(words) if words else []
    return found


def withdraw(actor: Actor, proposal_id: int) -> Proposal:
    """The one who asked takes it back.  Raises NotYours, AlreadyDecided."""
    account_id = by_account(actor)
    with atomic() as tx:
        row = locked(Proposal, proposal_id)
        if row.maker_id != account_id:
            raise NotYours
        if row.state is not ProposalState.waiting:
            raise AlreadyDecided
        row.state, row.decided_at = ProposalState.withdrawn, clock.now()
        audit.record(actor, "points.proposal_withdrawn", "points_proposal", row.id)
        tx.result = row
    return row


# ---- points to a wallet -----------------------------------------------------------------------------------------------------
def grant(actor: Actor, wallet_id: int, amount: int, *, source: str, from_pool: bool = True) -> list[int]:
    """The grant verb for care, for modules above that decide under a two-person rule of their own: points to a wallet, the rows' ids.

    source: kind:id of the decision, as `care_grant:17`; it grants once, the same again gives the first rows.  What does not fit under the
    cap stays in the care pool, or goes there.  Raises WrongAmount, WalletClosed, WalletFull, NotEnoughPoints, OtherGrant.
    """
    amounts.checked(amount)
    with atomic() as tx:
        book = open_book([wallet_id])
        wallet = book.wallets[wallet_id]
        if wallet.kind not in OWNED:
            raise ValueError("grants go to somebody's wallet")
        book.pool()  # one lock for the whole programme: the same source comes once, whichever wallet it names
        tx.result = ids = _granted(source, wallet, amount) or _give(
            actor, book, wallet, amount, source, origin=_origin(ProposalKind.grant, from_pool=from_pool)
        )
    return ids


def _granted(source: str, wallet: Locked, amount: int) -> list[int]:
    """The rows that this source gave before.  Raises OtherGrant when they were for another wallet or amount."""
    query = sa.select(_T.c.id, _T.c.detail, Vintage.wallet_id).join(Vintage, Vintage.id == _T.c.credit_id)
    rows = db.session.execute(query.where(_T.c.source == source, _T.c.reason == Reason.granted).order_by(_T.c.id)).all()
    for row in rows:
        if row.wallet_id != wallet.id or json.loads(row.detail).get("asked") != amount:
            raise OtherGrant(source=source)
    return [row.id for row in rows]


@dataclass(frozen=True)
class _Origin:
    """Where granted points come from."""

    kind: WalletKind
    reason: Reason


def _origin(kind: ProposalKind, *, from_pool: bool) -> _Origin:
    if kind is ProposalKind.opening:
        return _Origin(WalletKind.opening, Reason.opening)
    return _Origin(WalletKind.care_pool if from_pool else WalletKind.issuance, Reason.granted)


def _give(actor: Actor, book: Book, wallet: Locked, amount: int, source: str, *, origin: _Origin) -> list[int]:
    """Into this year's vintage as far as the cap allows; what is new beyond it goes to the pool, what is the pool's stays there (L13)."""
    if wallet.state is WalletState.closed:
        raise WalletClosed
    cap = book.cap
    kept = max(0, min(amount, cap - wallet.balance))
    if not kept:
        raise WalletFull(cap=cap, cap_text=amounts.short(cap))
    pool = book.pool()
    if origin.kind is WalletKind.care_pool and pool.free < kept:
        raise NotEnoughPoints(cost=kept, available=pool.free, cost_text=amounts.short(kept), available_text=amounts.short(pool.free))
    pot, debit = book.pot_of_year(wallet, clock.today().year), book.system[origin.kind]
    ids = write(actor, book, source, [Line(TransferKind.single, origin.reason, debit, pot.id, kept, detail={"asked": amount})])
    if amount > kept and origin.kind is not WalletKind.care_pool:
        over = Line(
            TransferKind.single, Reason.overflow, debit, book.pot_of_year(pool, 0).id, amount - kept, detail={"why": "cap", "cap": cap}
        )
        write(actor, book, source, [over])
        dues.recover(actor, book, pool, source)
    dues.recover(actor, book, wallet, source)
    audit.record(actor, f"points.{origin.reason.value}", "points_wallet", wallet.id, amount=kept, asked=amount)
    return ids


# ---- a row back -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Sides:
    """A row of the ledger with the wallets on its two sides."""

    id: int
    kind: TransferKind
    reason: Reason
    amount: int
    debit_id: int
    credit_id: int
    debit_wallet: int
    credit_wallet: int
    debit_kind: WalletKind
    credit_kind: WalletKind
    pool_id: int

    @property
    def owned(self) -> list[int]:
        """Wallets that belong to people or households."""
        sides = ((self.debit_wallet, self.debit_kind), (self.credit_wallet, self.credit_kind))
        return [wallet for wallet, kind in sides if kind in OWNED]

    @property
    def concerned(self) -> int:
        """The wallet that the queue names: of those who would give back, else of those who would get, else the care pool."""
        if self.credit_kind in OWNED:
            return self.credit_wallet
        return self.debit_wallet if self.debit_kind in OWNED else self.pool_id


def _sides(transfer_id: int) -> _Sides:
    """Raises NotReversible for an unknown row."""
    debit, credit = sa.orm.aliased(Vintage), sa.orm.aliased(Vintage)
    payer, payee, pool = sa.orm.aliased(Wallet), sa.orm.aliased(Wallet), sa.orm.aliased(Wallet)
    query = (
        sa.select(
            _T.c.id, _T.c.kind, _T.c.reason, _T.c.amount, _T.c.debit_id, _T.c.credit_id,
            debit.wallet_id, credit.wallet_id, payer.kind, payee.kind, pool.id,
        )
        .join(debit, debit.id == _T.c.debit_id).join(credit, credit.id == _T.c.credit_id)
        .join(payer, payer.id == debit.wallet_id).join(payee, payee.id == credit.wallet_id)
        .join(pool, sa.and_(pool.programme_id == _T.c.programme_id, pool.kind == WalletKind.care_pool))
        .where(_T.c.id == transfer_id)
    )  # fmt: skip
    found = db.session.execute(query).one_or_none()
    if found is None:
        raise NotReversible
    return _Sides(*found)


def _refuse_reversed(row: _Sides, but: int = 0) -> None:
    """Raises NotReversible: only a single row or a post, once, and not while another proposal speaks of it."""
    if row.kind not in REVERSIBLE:
        raise NotReversible
    counter = sa.select(_T.c.id).where(_T.c.reverses_id == row.id)
    other = sa.select(Proposal.id).where(Proposal.transfer_id == row.id, Proposal.state.in_(SPOKEN_FOR), Proposal.id != but)
    if db.session.scalar(counter.limit(1)) is not None or db.session.scalar(other.limit(1)) is not None:
        raise NotReversible


def _reverse(actor: Actor, book: Book, row: _Sides, amount: int, source: str) -> None:
    """The counter row as far as its vintage reaches; the rest from what else is free, and what is spent becomes due (L10, L11)."""
    for wallet in list(book.wallets.values()):
        holds.touch(actor, book, wallet)  # a closed one's heir is locked here, before the pool
    for wallet_id, kind in ((row.credit_wallet, row.credit_kind), (row.debit_wallet, row.debit_kind)):
        if kind is WalletKind.care_pool:
            book.also(wallet_id)
    pot = book.pot(row.credit_id)  # none for a wallet that keeps no counter: there is always enough
    part = amount if pot is None else min(amount, pot.free)
    detail = {"of": row.id, "asked": amount, "was": row.reason.value}
    if part:
        write(
            actor, book, source,
            [Line(TransferKind.reversal, Reason.reversed, row.credit_id, row.debit_id, part, reverses_id=row.id, detail=detail)],
        )  # fmt: skip
    if amount > part:
        _take_rest(actor, book, row, amount - part, source, detail)
    if (receiver := book.wallets.get(row.debit_wallet)) is not None:
        dues.recover(actor, book, receiver, source)
        closing.forward(actor, book, receiver)


def _take_rest(actor: Actor, book: Book, row: _Sides, amount: int, source: str, detail: dict[str, Any]) -> None:
    """What the credited vintage has no more: from its wallet, or from whoever inherited; the giver's own points stay with her."""
    bearer = book.wallets[row.credit_wallet]
    bearer = closing.heir_of(book, bearer) if bearer.state is WalletState.closed else bearer
    if bearer.id == row.debit_wallet:
        return
    back_to = row.debit_id if book.pot(row.debit_id) is not None else book.system[WalletKind.correction]

    def line(pot_id: int, taken: int) -> None:
        write(actor, book, source, [Line(TransferKind.single, Reason.reversed, pot_id, back_to, taken, detail=detail)])

    dues.take(actor, bearer, amount, line)
