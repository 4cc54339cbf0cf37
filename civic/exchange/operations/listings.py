"""Listings: written, changed, paused, prolonged, ended by their owner; stopped by a social worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from flask_babel import force_locale

from civic.core import audit, clock, notes, search
from civic.core.atomic import Transaction, atomic
from civic.core.db import db, locked
from civic.core.jobs import run_each
from civic.core.viewer import Actor, Channel
from civic.exchange import labels
from civic.exchange.errors import (
    InOwnCause,
    ListingChanged,
    ListingClosed,
    NotAParty,
    NothingSaid,
    NoTitle,
    OutOfRange,
    TooManyListings,
    UntilOutOfRange,
)
from civic.exchange.models import Category, Listing, ListingKind, ListingState, Place, Verb
from civic.exchange.operations.settling import call_off, open_proposals
from civic.exchange.operations.telling import tell_owner
from civic.exchange.queries.listings import LISTINGS, TOPIC
from civic.exchange.queries.parties import is_anothers_business, is_own_cause, survivors
from civic.people.operations.locks import lock_people
from civic.people.queries import all_rows_of, survivor_of
from civic.territory.models import Territory

LONGEST_DAYS = 180  # a listing is shown at most so long without being prolonged
MOST_MINUTES = 480
MOST_LISTINGS = 20  # open or paused, of one person
_RUNNING = (ListingState.open, ListingState.paused)


@dataclass(frozen=True)
class ListingText:
    """What a person offers or needs, in her own words.  speaks: codes of labels.SPEAKS; until_on: last day on which it is shown."""

    kind: ListingKind
    category: Category
    title: str
    until_on: date
    minutes: int = 60
    text: str = ""
    lang: str = "zh"
    speaks: tuple[str, ...] = ()
    place: Place = Place.station
    when_text: str = ""


def lock_listing(listing_id: int) -> Listing:
    return locked(Listing, listing_id)


def write_listing(actor: Actor, person_id: int, territory_id: int, text: ListingText) -> Listing:
    """Put up an offer or a need; at the desk (actor.channel) for somebody whom the desk vouches for.

    Raises NoTitle, OutOfRange, UntilOutOfRange, TooManyListings, InOwnCause at the desk, people's NotLiving.
    """
    with atomic() as tx:
        owner = survivor_of(person_id) or person_id
        if is_anothers_business(actor, owner):
            raise InOwnCause
        lock_people([owner])
        _room_for_one(owner)
        row = Listing(
            person_id=owner,
            territory_id=territory_id,
            channel=actor.channel.value,
            account_id=actor.account_id or 0,
            changed_at=clock.now(),
        )
        _fill(row, text)
        db.session.add(row)
        db.session.flush()
        _index(row)
        audit.record(actor, "exchange.listing.write", "exchange_listing", row.id, person=owner)
        if actor.channel is Channel.desk:
            tell_owner(row, owner, "exchange/listing_written")
        tx.touch(TOPIC)
        tx.result = row
    return row


def edit_listing(actor: Actor, listing_id: int, person_id: int, base: int, text: ListingText) -> Listing:
    """Change its words; base: the lock version the writer saw.  The kind stays: an offer does not become a need.

    Raises ListingChanged, ListingClosed, NotAParty, and what writing raises.
    """
    with atomic() as tx:
        row = _own_to_prolong(actor, listing_id, person_id, *_RUNNING, base=base)
        _fill(row, text, kind=row.kind)
        _changed(actor, tx, row, "edit")
        tx.result = row
    return row


def pause_listing(actor: Actor, listing_id: int, person_id: int) -> Listing:
    """Not shown for now; proposals that were made can still be answered.  Raises ListingClosed, NotAParty."""
    with atomic() as tx:
        row = _own(actor, listing_id, person_id, ListingState.open)
        row.state = ListingState.paused
        _changed(actor, tx, row, "pause")
        tx.result = row
    return row


def resume_listing(actor: Actor, listing_id: int, person_id: int, until_on: date | None = None) -> Listing:
    """Shown again.  until_on: a new last day, needed where the old one is over.

    Raises ListingClosed, NotAParty, UntilOutOfRange, people's NotLiving; TooManyListings where it was over.
    """
    with atomic() as tx:
        row = _own_to_prolong(actor, listing_id, person_id, ListingState.paused)
        row.state, row.until_on = ListingState.open, _until(until_on or row.until_on)
        _changed(actor, tx, row, "resume")
        tx.result = row
    return row


def extend_listing(actor: Actor, listing_id: int, person_id: int, until_on: date) -> Listing:
    """A new last day, also when the old one is over.

    Raises ListingClosed, NotAParty, UntilOutOfRange, people's NotLiving; TooManyListings where it was over.
    """
    with atomic() as tx:
        row = _own_to_prolong(actor, listing_id, person_id, *_RUNNING)
        row.until_on = _until(until_on)
        _changed(actor, tx, row, "extend")
        tx.result = row
    return row


def end_listing(actor: Actor, listing_id: int, person_id: int) -> Listing:
    """No longer true.  Proposals that nobody answered are declined; what was agreed goes on.  Raises ListingClosed, NotAParty."""
    with atomic() as tx:
        row = _own(actor, listing_id, person_id, *_RUNNING)
        close_listing(actor, tx, row, ListingState.ended)
        tx.result = row
    return row


def stop_listing(actor: Actor, listing_id: int, why: str) -> Listing:
    """A social worker takes it down; the owner reads why.  Raises NothingSaid, InOwnCause, ListingClosed."""
    if not why.strip():
        raise NothingSaid(field="why")
    with atomic() as tx:
        row = lock_listing(listing_id)
        owner = survivors([row.person_id])[row.person_id]
        if is_own_cause(actor, [owner]):
            raise InOwnCause
        if row.state not in _RUNNING:
            raise ListingClosed
        row.stopped_note_id = notes.write(why.strip())
        close_listing(actor, tx, row, ListingState.stopped)
        tell_owner(row, owner, "exchange/listing_stopped", words=why.strip())
        tx.result = row
    return row


def close_listing(actor: Actor, tx: Transaction, row: Listing, state: ListingState) -> None:
    """End a locked listing for good, and what waits for its owner's answer with it."""
    row.state = state
    _changed(actor, tx, row, state.value)
    for proposal in open_proposals(row):
        call_off(actor, proposal, Verb.declined, template="exchange/listing_gone")


def drop_over() -> int:
    """The job: what is over leaves the search index; its page shows "over" without any job.  Returns how many left.

    Raises jobs.ItemsFailed after the last one.
    """
    gone = sa.select(Listing.uid).where(sa.or_(Listing.state != ListingState.open, Listing.until_on < clock.today()))
    uids = list(
        db.session.scalars(gone.where(Listing.uid.in_(sa.select(search.SearchRow.result).where(search.SearchRow.source == LISTINGS))))
    )

    def drop(uid: str) -> None:
        with atomic():
            search.drop(LISTINGS, uid)

    return len(run_each("exchange-over", uids, drop))


def _own(actor: Actor, listing_id: int, person_id: int, *states: ListingState, base: int | None = None) -> Listing:
    row = lock_listing(listing_id)
    owner = survivors([row.person_id])[row.person_id]
    if owner != survivor_of(person_id):
        raise NotAParty
    if is_anothers_business(actor, owner):
        raise InOwnCause
    if base is not None and row.lock_version != base:
        raise ListingChanged(current=row.lock_version)
    if row.state not in states:
        raise ListingClosed
    return row


def _own_to_prolong(actor: Actor, listing_id: int, person_id: int, *states: ListingState, base: int | None = None) -> Listing:
    """The same for what gives it a new last day: one that was over is one more of the twenty, and her row is locked first, as for a new one."""
    lock_people([survivor_of(person_id) or person_id])
    row = _own(actor, listing_id, person_id, *states, base=base)
    if row.until_on < clock.today():
        _room_for_one(survivors([row.person_id])[row.person_id])
    return row


def _room_for_one(owner: int) -> None:
    """Raises TooManyListings where as many run as may.  The owner's row is locked, so of two at once one is counted by the other."""
    running = sa.select(sa.func.count()).where(
        Listing.person_id.in_(all_rows_of(owner)), Listing.state.in_(_RUNNING), Listing.until_on >= clock.today()
    )
    if (db.session.scalar(running) or 0) >= MOST_LISTINGS:
        raise TooManyListings(most=MOST_LISTINGS)


def _fill(row: Listing, text: ListingText, *, kind: ListingKind | None = None) -> None:
    if not text.title.strip():
        raise NoTitle(field="title")
    if not 0 < text.minutes <= MOST_MINUTES:
        raise OutOfRange(field="minutes", least=1, most=MOST_MINUTES)
    if text.lang not in {"zh", "en"} or not set(text.speaks) <= set(labels.SPEAKS):
        raise ValueError("unknown language")
    row.kind, row.category, row.place = kind or text.kind, text.category, text.place
    row.title, row.text, row.lang = text.title.strip(), text.text.strip(), text.lang
    row.speaks, row.when_text = " ".join(text.speaks), text.when_text.strip()
    row.minutes, row.until_on = text.minutes, _until(text.until_on)


def _until(day: date) -> date:
    first, last = clock.today(), clock.today() + timedelta(days=LONGEST_DAYS)
    if not first <= day <= last:
        raise UntilOutOfRange(field="until_on", first=first, last=last)
    return day


def _changed(actor: Actor, tx: Transaction, row: Listing, verb: str) -> None:
    row.changed_at = clock.now()
    row.lock_version += 1
    db.session.flush()
    _index(row)
    audit.record(actor, f"exchange.listing.{verb}", "exchange_listing", row.id, version=row.lock_version)
    tx.touch(TOPIC)


def _index(row: Listing) -> None:
    """Its row in the search index, in the language of its words; only what is open is public.  Whose it is stands nowhere in it."""
    search.drop(LISTINGS, row.uid)
    if row.state is not ListingState.open or row.until_on < clock.today():
        return
    path = db.session.scalars(sa.select(Territory.path).where(Territory.id == row.territory_id)).one()
    kinds = []
    for lang in ("zh", "en"):
        with force_locale(lang):
            kinds += [str(labels.CATEGORY[row.category]), str(labels.KIND[row.kind])]
    body = "\n".join([row.text, row.when_text, *kinds])
    search.put(LISTINGS, row.uid, row.lang, title=row.title, body=body, territory=path)
