"""What follows from time or from both people's word: points move, or come back.

The helper is paid by issuance while the requester's points go to the sink, in one transaction: nobody is ever paid by the person served.
Order of locks: household, person, listing, exchange, wallets by id.  Of a death or merge points tell exchange before they lock any wallet
(`points.life_ends`, `points.rows_merge`), so that the order is the same there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from civic.core import audit, clock, notes
from civic.core.atomic import atomic
from civic.core.db import db, locked
from civic.core.jobs import run_each
from civic.core.viewer import Actor, Channel
from civic.exchange import signals
from civic.exchange.models import Exchange, ExchangeEvent, ExchangeState, Listing, Verb
from civic.exchange.operations.telling import tell
from civic.exchange.queries.exchanges import due, is_due, ran_out
from civic.exchange.queries.parties import survivors
from civic.exchange.queries.worth import HOUR_CLASS, owed, source_of
from civic.people.queries import all_rows_of
from civic.points import operations as points
from civic.points.errors import HoldEnded, WalletFrozen
from civic.points.models import Hold, HoldState, Wallet
from civic.points.operations import lives

JOB = Actor(None, job="exchange-due", channel=Channel.job)
#: delivered or disputed help keeps its points held so long beyond the moment that decides: longer than any job will stand still
KEPT = timedelta(days=90)
MARGIN = timedelta(days=30)


def lock_exchange(exchange_id: int) -> Exchange:
    """The row under lock, with its listing."""
    row = locked(Exchange, exchange_id)
    if row.listing is None:
        raise ValueError("an exchange has its listing")
    return row


def note_event(
    actor: Actor, row: Exchange, verb: Verb, *, by: int | None = None, words: str = "", minutes: int | None = None
) -> ExchangeEvent:
    """A line of the history and of the audit; words are sealed.  by: the row that the exchange names."""
    line = ExchangeEvent(
        exchange_id=row.id, verb=verb.value, person_id=by, account_id=actor.account_id, channel=actor.channel.value,
        note_id=notes.write(words), minutes=minutes,
    )  # fmt: skip
    db.session.add(line)
    row.lock_version += 1
    db.session.flush()
    audit.record(actor, f"exchange.{verb.value}", "exchange", row.id, minutes=minutes, person=by)
    return line


# ---- on touch ---------------------------------------------------------------------------------------------------------------
def touch(exchange_id: int) -> bool:
    """Settle what is due in one exchange: silence confirms, time ends.  Pages call it before they read; True when something changed.

    Looks first, so that a page on which nothing is due writes nothing.
    """
    return bool(_touch(Exchange.id == exchange_id))


def touch_person(person_id: int) -> bool:
    """The same for all exchanges of a person."""
    mine = all_rows_of(person_id)
    return bool(_touch(sa.or_(Exchange.requester_id.in_(mine), Exchange.helper_id.in_(mine))))


def settle_all_due() -> int:
    """The job: everything that is due, and holds that would end before it is decided; one exchange a transaction.

    One that fails does not stop the others.  Raises jobs.ItemsFailed after the last one.
    """
    return sum(run_each("exchange-due", _waiting(sa.true()), _settle))


def _waiting(which: sa.ColumnElement[bool]) -> list[int]:
    return list(
        db.session.scalars(sa.select(Exchange.id).where(which, sa.or_(due(clock.now()), _fades(), ran_out())).order_by(Exchange.id))
    )


def _settle(exchange_id: int) -> bool:
    with atomic():
        return settle_due(JOB, lock_exchange(exchange_id))


def _touch(which: sa.ColumnElement[bool]) -> int:
    return sum(_settle(exchange_id) for exchange_id in _waiting(which))


def _fades() -> sa.ColumnElement[bool]:
    """Delivered or disputed, and its hold ends soon; one that has ended cannot be prolonged."""
    now = clock.now()
    open_one = (Hold.id == Exchange.hold_id, Hold.state == HoldState.open, Hold.expires_at > now, Hold.expires_at < now + MARGIN)
    held = sa.select(Hold.id).where(*open_one).exists()
    return sa.and_(Exchange.state.in_([ExchangeState.delivered, ExchangeState.disputed]), held)


def settle_due(actor: Actor, row: Exchange) -> bool:
    """Write what time or both people have decided; the row is locked.  Every act begins with this."""
    if not is_due(row, clock.now()) and not _ran_out(row):
        if row.state in (ExchangeState.delivered, ExchangeState.disputed):
            keep_held(actor, row, clock.now() + MARGIN)
        return False
    if row.state is ExchangeState.delivered:
        return finish(JOB if row.due_at is not None and row.due_at <= clock.now() else actor, row)
    lapse(JOB, row)
    return True


def _ran_out(row: Exchange) -> bool:
    if row.state is not ExchangeState.agreed:
        return False
    return db.session.scalar(sa.select(Exchange.id).where(Exchange.id == row.id, ran_out())) is not None


# ---- points move ------------------------------------------------------------------------------------------------------------
def finish(actor: Actor, row: Exchange) -> bool:
    """Delivered and confirmed by both, or by the silence of one: points move.

    A frozen wallet pays nothing: then all stays as it is, the points stay held, and the next touch after it is free again pays.
    False then.
    """
    minutes = row.delivered_minutes or 0
    try:
        with atomic():
            moved = pay(actor, row, minutes)
    except WalletFrozen:
        keep_held(actor, row, clock.now() + MARGIN)
        return False
    except HoldEnded:  # nobody looked for months: the points went back by themselves
        lapse(actor, row)
        return True
    end(row, ExchangeState.confirmed)
    note_event(actor, row, Verb.settled, minutes=minutes)
    tell(row, "exchange/confirmed", minutes=minutes, moved=moved)
    signals.exchange_settled.send(row, actor=actor, minutes=minutes)
    return True


def pay(actor: Actor, row: Exchange, minutes: int) -> int:
    """The requester's points to the sink and the helper's from issuance, both or neither.  Returns hundredths taken from the hold.

    Both by the terms of the agreement, for the minutes that were delivered, in the programme in which the requester pays, wherever the helper
    lives now.  Raises HoldEnded, WalletFrozen.
    """
    hold_id = held(row)
    helper = survivors([row.helper_id])[row.helper_id]
    programme_id, wallet_id = db.session.execute(sa.select(Hold.programme_id, Hold.wallet_id).where(Hold.id == hold_id)).one()
    lock_wallets([wallet_id, points.wallet_of_person(programme_id, helper)])  # two who help each other do not wait in a circle
    amount = owed(row, minutes)
    if amount:
        points.settle(actor, hold_id, amount)
    else:
        points.void(actor, hold_id)
    points.earn(
        actor, source_of(row.id), 1, helper, minutes, service_day(row), row.category.value, HOUR_CLASS,
        programme_id=programme_id, policy_id=row.policy_id,
    )  # fmt: skip
    return amount


def lock_wallets(wallet_ids: Iterable[int]) -> None:
    """All wallets that ending or paying may touch, and those that inherit from them, by id before the first of them moves."""
    ids, heirs = set(wallet_ids), set(wallet_ids)
    while heirs:
        found = db.session.scalars(sa.select(Wallet.heir_id).where(Wallet.id.in_(sorted(heirs)), Wallet.heir_id.is_not(None)))
        heirs = {heir for heir in found if heir is not None} - ids
        ids |= heirs
    lives.lock(ids)


def lock_holders(rows: Iterable[Exchange]) -> None:
    """The wallets in which points are held for these exchanges."""
    held_in = sa.select(Hold.wallet_id).where(Hold.id.in_([row.hold_id for row in rows if row.hold_id is not None]))
    lock_wallets(db.session.scalars(held_in))


def service_day(row: Exchange) -> date:
    """The local day of the help: the day they meant to meet, or the day it was reported when that was earlier."""
    days = [clock.local(moment).date() for moment in (row.meet_at, row.delivered_at) if moment is not None]
    return min(days)


def held(row: Exchange) -> int:
    if row.hold_id is None:
        raise ValueError("nothing is held for this exchange")
    return row.hold_id


def keep_held(actor: Actor, row: Exchange, until: datetime) -> None:
    """Prolong the hold where it would end before `until`; a hold that has ended stays so."""
    hold_id = held(row)
    if db.session.scalars(sa.select(Hold.expires_at).where(Hold.id == hold_id)).one() >= until:
        return
    try:
        row.hold_id = points.renew(actor, hold_id, until + KEPT).id
    except HoldEnded:
        return
    db.session.flush()


def give_back(actor: Actor, row: Exchange) -> None:
    """Void what is held, if anything still is."""
    if row.hold_id is None:
        return
    lock_holders([row])
    try:
        points.void(actor, row.hold_id)
    except HoldEnded:
        return


def lapse(actor: Actor, row: Exchange) -> None:
    """Never delivered, or never answered: it ends without points.  The hold's own end comes with its time (L8)."""
    if row.hold_id is not None:
        lock_holders([row])
        points.expire(actor, row.hold_id)
    end(row, ExchangeState.lapsed)
    note_event(actor, row, Verb.lapsed)
    tell(row, "exchange/lapsed")
    signals.exchange_ended.send(row, actor=actor)


def end(row: Exchange, state: ExchangeState) -> None:
    row.state, row.due_at, row.ended_at = state, None, clock.now()


_LETTERS = {
    Verb.declined: "exchange/declined",
    Verb.cancelled: "exchange/cancelled",
    Verb.stopped: "exchange/stopped",
    Verb.ended: "exchange/ended",
}


def call_off(actor: Actor, row: Exchange, verb: Verb, *, by: int | None = None, words: str = "", template: str = "") -> None:
    """It ends before its time, and what is held comes back at once."""
    give_back(actor, row)
    end(row, ExchangeState.declined if verb is Verb.declined else ExchangeState.cancelled)
    note_event(actor, row, verb, by=by, words=words)
    tell(row, template or _LETTERS[verb], by=by, words=words)
    signals.exchange_ended.send(row, actor=actor)


def open_proposals(listing: Listing) -> list[Exchange]:
    """Proposals about a listing that nobody answered yet, under lock."""
    query = sa.select(Exchange).where(Exchange.listing_id == listing.id, Exchange.state == ExchangeState.proposed).order_by(Exchange.id)
    return list(db.session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)))
