"""What a death, a merge, a move or a closed account does to listings and exchanges; and when words are forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from civic.core import clock, files, notes, search
from civic.core.atomic import Transaction, atomic
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.exchange.models import LIVE, Dispute, Exchange, ExchangeEvent, ExchangeState, Listing, ListingState, Rating, Verb
from civic.exchange.operations.listings import close_listing
from civic.exchange.operations.settling import call_off, lock_wallets
from civic.exchange.queries.exchanges import DISPUTE_FILE
from civic.exchange.queries.listings import LISTINGS, TOPIC
from civic.exchange.queries.parties import survivors
from civic.points.models import Hold, Wallet
from civic.points.operations import lives

FORGOTTEN = timedelta(days=365)  # after the end: time enough for any question
SLICE = 200
EMPTIED = "—"  # the title of a listing whose words were forgotten
_RUNNING = (ListingState.open, ListingState.paused)


def end_listings(actor: Actor, person_ids: Sequence[int], territory_id: int | None = None, *, keep_desk: bool = False) -> int:
    """End the running listings of these rows (in one community); unanswered proposals about them are declined.

    keep_desk: those that the desk wrote stay, because it vouches for them.
    """
    with atomic() as tx:
        query = sa.select(Listing).where(Listing.person_id.in_(person_ids), Listing.state.in_(_RUNNING)).order_by(Listing.id)
        if territory_id is not None:
            query = query.where(Listing.territory_id == territory_id)
        if keep_desk:
            query = query.where(Listing.channel != Channel.desk.value)
        rows = _locked(query)
        _close(actor, tx, rows)
        tx.result = len(rows)
    return len(rows)


def _close(actor: Actor, tx: Transaction, rows: Sequence[Listing]) -> None:
    for row in rows:
        close_listing(actor, tx, row, ListingState.ended)


def end_exchanges(
    actor: Actor, person_ids: Sequence[int], states: Iterable[ExchangeState] = LIVE, *, wallet_ids: Sequence[int] = ()
) -> int:
    """A life has ended: live exchanges of these rows end, what is held comes back, the other is told.

    wallet_ids: what points lock after this in the same transaction; locked here with those that hold, by id.
    """
    with atomic() as tx:
        hers = sa.or_(Exchange.requester_id.in_(person_ids), Exchange.helper_id.in_(person_ids))
        rows = _locked(sa.select(Exchange).where(hers, Exchange.state.in_(list(states))).order_by(Exchange.id))
        if any(row.hold_id is not None for row in rows):
            lock_wallets([*_held_in(rows), *_wallets_of_life(person_ids), *wallet_ids])
        for row in rows:
            _end(actor, row)
        tx.result = len(rows)
    return len(rows)


def _held_in(rows: Sequence[Exchange]) -> list[int]:
    ids = [row.hold_id for row in rows if row.hold_id is not None]
    return list(db.session.scalars(sa.select(Hold.wallet_id).where(Hold.id.in_(ids))))


def _wallets_of_life(person_ids: Sequence[int]) -> list[int]:
    """What points lock after this in the same transaction: her wallets, and those of the household that inherits."""
    household_id = lives.household_left(person_ids)
    hers = sa.or_(Wallet.person_id.in_(person_ids), Wallet.household_id == household_id if household_id is not None else sa.false())
    return list(db.session.scalars(sa.select(Wallet.id).where(hers)))


def end_own_exchanges(actor: Actor, person_ids: Sequence[int], *, wallet_ids: Sequence[int] = ()) -> int:
    """After a merge nobody exchanges with herself.  wallet_ids: as above."""
    with atomic() as tx:
        both = sa.and_(Exchange.requester_id.in_(person_ids), Exchange.helper_id.in_(person_ids))
        rows = _locked(sa.select(Exchange).where(both, Exchange.state.in_(LIVE)).order_by(Exchange.id))
        if any(row.hold_id is not None for row in rows):
            lock_wallets([*_held_in(rows), *_wallets_of_life(person_ids), *wallet_ids])
        for row in rows:
            _end(actor, row)
        tx.result = len(rows)
    return len(rows)


def end_exchange_of_hold(actor: Actor, hold_id: int) -> bool:
    """Points gave back what was held because a life ended: its exchange ends too.  False when there is none that runs."""
    with atomic() as tx:
        rows = _locked(sa.select(Exchange).where(Exchange.hold_id == hold_id, Exchange.state.in_(LIVE)))
        for row in rows:
            _end(actor, row)
        tx.result = bool(rows)
    return bool(rows)


def _end(actor: Actor, row: Exchange) -> None:
    if row.state is ExchangeState.disputed:
        open_one = sa.update(Dispute).where(Dispute.exchange_id == row.id, Dispute.decided_at.is_(None))
        db.session.execute(open_one.values(decided_at=clock.now(), decided_by_id=actor.account_id, decided_minutes=0))
    call_off(actor, row, Verb.ended)


def _locked(query: sa.Select[Any]) -> list[Any]:
    return list(db.session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)))


def both_in_one(one: int, other: int) -> int:
    """How many exchanges, whatever their state, two rows have with each other: they cannot be one human, or somebody helped herself."""
    two = survivors([one, other])
    named = [*two, *two.values()]
    query = sa.select(sa.func.count()).where(Exchange.requester_id.in_(named), Exchange.helper_id.in_(named))
    return (
        db.session.scalar(query.where(Exchange.state.not_in([ExchangeState.declined, ExchangeState.cancelled, ExchangeState.lapsed]))) or 0
    )


def forget_words() -> int:
    """The job: words, evidence and reasons of exchanges that ended a year ago are emptied; numbers and days stay.  Returns how many."""
    before, forgotten = clock.now() - FORGOTTEN, 0
    while ids := _with_words(before):
        with atomic():
            for column, table in ((ExchangeEvent.note_id, ExchangeEvent), (Rating.note_id, Rating)):
                notes.forget(db.session.scalars(sa.select(column).where(table.exchange_id.in_(ids))))
            for dispute in db.session.scalars(sa.select(Dispute).where(Dispute.exchange_id.in_(ids))):
                notes.forget([dispute.note_id, dispute.answer_note_id, dispute.decision_note_id])
                files.release(DISPUTE_FILE, dispute.id)
        forgotten += len(ids)
    return forgotten


def forget_listings() -> int:
    """The job: words of offers and needs that ended, or were over, a year ago are emptied; the row stays.  Returns how many."""
    before, forgotten = clock.now() - FORGOTTEN, 0
    ended = sa.and_(Listing.state.not_in(_RUNNING), Listing.changed_at < before)
    over = sa.and_(Listing.state.in_(_RUNNING), Listing.until_on < clock.local(before).date())
    live = sa.exists().where(Exchange.listing_id == Listing.id, Exchange.state.in_(LIVE))
    query = sa.select(Listing.id).where(sa.or_(ended, over), ~live, _has_words()).order_by(Listing.id).limit(SLICE)
    while ids := list(db.session.scalars(query)):
        with atomic() as tx:
            _empty(tx, _locked(sa.select(Listing).where(Listing.id.in_(ids)).order_by(Listing.id)))
        forgotten += len(ids)
    return forgotten


def empty_listings(actor: Actor, person_ids: Sequence[int]) -> int:
    """Her row names nobody any more: neither do her words.  Whatever still ran ends."""
    with atomic() as tx:
        end_listings(actor, person_ids)
        rows = _locked(sa.select(Listing).where(Listing.person_id.in_(person_ids), _has_words()).order_by(Listing.id))
        _empty(tx, rows)
        tx.result = len(rows)
    return len(rows)


def _has_words() -> sa.ColumnElement[bool]:
    return sa.or_(Listing.title != EMPTIED, Listing.text != "", Listing.when_text != "")


def _empty(tx: Transaction, rows: Sequence[Listing]) -> None:
    for row in rows:
        row.state = ListingState.ended if row.state in _RUNNING else row.state
        row.title, row.text, row.when_text, row.speaks = EMPTIED, "", "", ""
        row.lock_version += 1
        search.drop(LISTINGS, row.uid)
        tx.touch(TOPIC)
    notes.forget(row.stopped_note_id for row in rows)
    db.session.flush()


def _with_words(before: datetime) -> list[int]:
    """Exchanges that ended before and of which something is still to be read."""
    full = sa.select(notes.SealedNote.id).where(notes.SealedNote.sealed != "")
    d = Dispute
    of_dispute = sa.or_(d.note_id.in_(full), d.answer_note_id.in_(full), d.decision_note_id.in_(full))
    query = sa.select(Exchange.id).where(
        Exchange.ended_at < before,
        sa.or_(
            sa.exists().where(ExchangeEvent.exchange_id == Exchange.id, ExchangeEvent.note_id.in_(full)),
            sa.exists().where(Rating.exchange_id == Exchange.id, Rating.note_id.in_(full)),
            sa.exists().where(d.exchange_id == Exchange.id, of_dispute),
        ),
    )
    return list(db.session.scalars(query.order_by(Exchange.id).limit(SLICE)))
