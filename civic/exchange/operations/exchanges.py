"""An exchange from the first answer to the confirmation: propose, agree (points are held), deliver, confirm; or end it before.

Every act locks the exchange, settles what time has decided meanwhile, and then asks whether it is still possible: of two clicks at once
one counts and the other is told how things stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.exchange import signals
from civic.exchange.errors import (
    AlreadyConfirmed,
    AlreadyProposed,
    ExchangeChanged,
    InOwnCause,
    ListingClosed,
    MeetingOutOfRange,
    MoreThanAgreed,
    NotAParty,
    NothingSaid,
    NotYourTurn,
    NoWorth,
    OutOfRange,
    OwnListing,
    SameHousehold,
    SpokeForOne,
    SpokeForOther,
    TooEarly,
    TooLittle,
    TwoDistricts,
    WrongMoment,
)
from civic.exchange.models import LIVE, Category, Dispute, Exchange, ExchangeEvent, ExchangeState, Listing, ListingState, Place, Verb
from civic.exchange.operations.listings import MOST_MINUTES, lock_listing
from civic.exchange.operations.settling import (
    JOB,
    MARGIN,
    call_off,
    finish,
    keep_held,
    lock_exchange,
    note_event,
    settle_due,
)
from civic.exchange.operations.telling import tell, tell_one
from civic.exchange.queries.exchanges import Side, first_day, is_due, offers, proposer_of
from civic.exchange.queries.parties import (
    is_anothers_business,
    is_own_cause,
    share_household,
    spoke_for_one,
    station_of,
    suggested_station,
    survivors,
)
from civic.exchange.queries.worth import Rules, rules_at, source_of
from civic.people.operations.locks import lock_with_households
from civic.people.queries import all_rows_of, survivor_of
from civic.points import operations as points
from civic.points.errors import NoPolicy, NoProgramme
from civic.points.models import Reason
from civic.points.operations.wallets import programme_of_person, programme_of_place

FURTHEST_DAYS = 90  # days ahead on which people can arrange to meet


@dataclass(frozen=True)
class Proposal:
    """How long and when.  at_station: None takes the suggestion (strangers meet at the station first)."""

    minutes: int
    meet_at: datetime
    words: str = ""
    at_station: bool | None = None


# ---- before the agreement ---------------------------------------------------------------------------------------------------
def respond(actor: Actor, listing_id: int, person_id: int, proposal: Proposal) -> Exchange:
    """Answer a listing: of an offer the owner is the helper, of a need the requester.  Nothing is held yet.

    Raises ListingClosed, OwnListing, SameHousehold, AlreadyProposed, MeetingOutOfRange, OutOfRange, TooLittle, NoWorth, TwoDistricts,
    InOwnCause at the desk, points' NoProgramme and NoPolicy, people's NotLiving.
    """
    with atomic() as tx:
        owner_row = db.session.scalars(sa.select(Listing.person_id).where(Listing.id == listing_id)).one()
        owner, responder = survivors([owner_row])[owner_row], survivor_of(person_id) or person_id
        if owner == responder:
            raise OwnListing
        if is_anothers_business(actor, responder, [owner]):
            raise InOwnCause
        lock_with_households([owner, responder])
        listing = lock_listing(listing_id)
        if listing.state is not ListingState.open or listing.until_on < clock.today():
            raise ListingClosed
        if share_household(owner, responder):
            raise SameHousehold
        _refuse_second(listing_id, responder)
        _one_programme(listing, owner, responder)
        _check_worth(listing.territory_id, listing.category, proposal.minutes)
        owner_side = offers(listing.kind)
        requester, helper = (responder, owner) if owner_side is Side.helper else (owner, responder)
        row = Exchange(
            listing_id=listing.id, territory_id=listing.territory_id, requester_id=requester, helper_id=helper, responder_id=responder,
            category=listing.category, minutes=proposal.minutes, meet_at=_coming(proposal.meet_at), due_at=proposal.meet_at,
            station_id=_station(listing, owner, responder, proposal.at_station),
        )  # fmt: skip
        db.session.add(row)
        db.session.flush()
        row = lock_exchange(row.id)
        note_event(actor, row, Verb.proposed, by=responder, words=proposal.words, minutes=proposal.minutes)
        tell(row, "exchange/proposed", by=responder, words=proposal.words)
        tx.result = row
    return row


def retime(actor: Actor, exchange_id: int, person_id: int, meet_at: datetime, words: str = "", minutes: int | None = None) -> Exchange:
    """Propose another time (and length), and the listing's category as it is now; then the other has to answer.

    Raises WrongMoment, NotAParty, InOwnCause, SpokeForOther, MeetingOutOfRange, TooLittle.
    """
    with atomic() as tx:
        row, mine = load(actor, exchange_id, person_id, ExchangeState.proposed)
        one_voice(actor, row, mine)
        row.category = row.listing.category
        _check_worth(row.territory_id, row.category, row.minutes if minutes is None else minutes)
        row.minutes = row.minutes if minutes is None else minutes
        row.meet_at = row.due_at = _coming(meet_at)
        note_event(actor, row, Verb.retimed, by=mine, words=words, minutes=row.minutes)
        tell(row, "exchange/retimed", by=mine, words=words)
        tx.result = row
    return row


def accept(actor: Actor, exchange_id: int, person_id: int, base: int | None = None) -> Exchange:
    """Agree to what the other proposed: the requester's points are held until the policy's days after the meeting are over.

    base: the lock version she saw, so that nobody agrees to another time than she read.
    Raises WrongMoment, NotAParty, InOwnCause, SpokeForOther, NotYourTurn, ExchangeChanged (also when the listing's category was changed
    after the proposal), ListingClosed, SameHousehold, people's NotLiving; points' NotEnoughPoints, WalletFrozen, WalletClosed, NotOpenYet.  Sends `exchange_agreed`.
    """
    with atomic() as tx:
        known = db.session.execute(
            sa.select(Exchange.listing_id, Exchange.requester_id, Exchange.helper_id).where(Exchange.id == exchange_id)
        ).one()
        two = survivors([known.requester_id, known.helper_id])
        lock_with_households(two.values())
        listing = lock_listing(known.listing_id)
        row, mine = load(actor, exchange_id, person_id, ExchangeState.proposed, base=base)
        if proposer_of(row.id) == mine:
            raise NotYourTurn
        one_voice(actor, row, mine)
        if listing.state not in (ListingState.open, ListingState.paused):
            raise ListingClosed
        if listing.category is not row.category:
            raise ExchangeChanged(current=row.lock_version)
        requester, helper = two[row.requester_id], two[row.helper_id]
        if share_household(requester, helper):
            raise SameHousehold
        _hold(actor, row, requester, helper)
        note_event(actor, row, Verb.agreed, by=mine, minutes=row.minutes)
        tell(row, "exchange/agreed", by=mine)
        signals.exchange_agreed.send(row, actor=actor)
        tx.result = row
    return row


def _hold(actor: Actor, row: Exchange, requester: int, helper: int) -> None:
    programme_id = _one_programme(row.listing, requester, helper)
    rules = _check_worth(row.territory_id, row.category, row.minutes)
    wallets = {person: points.wallet_of_person(programme_id, person) for person in sorted((requester, helper))}
    until = row.meet_at + timedelta(days=rules.policy.exchange_days)
    amount = rules.worth(row.category, row.minutes)
    held = points.hold(actor, wallets[requester], amount, source=source_of(row.id), until=until, reason=Reason.exchange)
    row.state, row.hold_id, row.agreed_at, row.due_at = ExchangeState.agreed, held.id, clock.now(), until
    row.amount, row.policy_id = amount, rules.policy.id
    db.session.flush()


def decline(actor: Actor, exchange_id: int, person_id: int, words: str = "") -> Exchange:
    """Say no to what the other proposed.  Raises WrongMoment, NotAParty, NotYourTurn."""
    with atomic() as tx:
        row, mine = load(actor, exchange_id, person_id, ExchangeState.proposed)
        if proposer_of(row.id) == mine:
            raise NotYourTurn
        call_off(actor, row, Verb.declined, by=mine, words=words)
        tx.result = row
    return row


def cancel(actor: Actor, exchange_id: int, person_id: int, words: str = "") -> Exchange:
    """Either calls it off before it was delivered; what is held comes back at once.  Raises WrongMoment, NotAParty."""
    with atomic() as tx:
        row, mine = load(actor, exchange_id, person_id, ExchangeState.proposed, ExchangeState.agreed)
        call_off(actor, row, Verb.cancelled, by=mine, words=words)
        tx.result = row
    return row


# ---- after it -----------------------------------------------------------------------------------------------------------------
def deliver(actor: Actor, exchange_id: int, person_id: int, minutes: int, words: str = "") -> Exchange:
    """Say that it was done, and how long it took; that is her confirmation.  From now on the policy's days run for the other.

    minutes: at most the agreed ones.  Who said it may correct it until the other has answered; the days then begin anew.  The points
    stay held beyond those days, so that a late job changes nothing.
    Raises WrongMoment, NotAParty, OutOfRange, MoreThanAgreed.
    """
    with atomic() as tx:
        row, mine = load(actor, exchange_id, person_id, ExchangeState.agreed, ExchangeState.delivered)
        is_mine = mine == row.requester_id
        confirmed_by_other = row.helper_confirmed_at if is_mine else row.requester_confirmed_at
        if confirmed_by_other is not None:
            raise WrongMoment(state=row.state.value)
        if minutes < 1:
            raise OutOfRange(field="minutes", least=1, most=row.minutes)
        if minutes > row.minutes:
            raise MoreThanAgreed(field="minutes", most=row.minutes)
        now = clock.now()
        if (day := first_day(row)) > clock.today():
            raise TooEarly(day=day)
        one_voice(actor, row, mine)
        rules = rules_at(row.territory_id)
        if rules is None:
            raise NoPolicy
        row.state, row.delivered_minutes, row.delivered_at = ExchangeState.delivered, minutes, now
        row.due_at = max(now, row.meet_at) + timedelta(days=rules.policy.confirm_days)
        _confirm(row, mine)
        keep_held(actor, row, row.due_at + MARGIN)
        note_event(actor, row, Verb.delivered, by=mine, words=words, minutes=minutes)
        tell(row, "exchange/delivered", by=mine, words=words, minutes=minutes)
        tx.result = row
    return row


def confirm(actor: Actor, exchange_id: int, person_id: int, minutes: int | None = None) -> Exchange:
    """The other says so too: points move.  minutes: those she read, so that nobody confirms another number.

    Look at the state of what comes back: while the requester's wallet is frozen it stays delivered, and pays once that is over.
    Raises WrongMoment, NotAParty, AlreadyConfirmed, ExchangeChanged.  Sends `exchange_settled`.
    """
    with atomic() as tx:
        row, mine = load(actor, exchange_id, person_id, ExchangeState.delivered)
        if (row.requester_confirmed_at if mine == row.requester_id else row.helper_confirmed_at) is not None:
            raise AlreadyConfirmed
        one_voice(actor, row, mine)
        if minutes is not None and minutes != row.delivered_minutes:
            raise ExchangeChanged(current=row.lock_version)
        _confirm(row, mine)
        note_event(actor, row, Verb.confirmed, by=mine, minutes=row.delivered_minutes)
        finish(actor, row)
        tx.result = row
    return row


def say(actor: Actor, exchange_id: int, person_id: int, words: str) -> Exchange:
    """Words to the other while it runs; sealed.  Raises NothingSaid, WrongMoment, NotAParty."""
    if not words.strip():
        raise NothingSaid(field="words")
    with atomic() as tx:
        row, mine = load(actor, exchange_id, person_id, *LIVE)
        note_event(actor, row, Verb.said, by=mine, words=words.strip())
        tell_one(row, row.helper_id if mine == row.requester_id else row.requester_id, "exchange/said", words=words.strip())
        tx.result = row
    return row


def stop(actor: Actor, exchange_id: int, why: str) -> Exchange:
    """A social worker ends an exchange that is running; what is held comes back, both are told why.

    Of a disputed one this decides the dispute, so it is nothing for somebody who spoke for one of the two.
    Raises NothingSaid, InOwnCause, SpokeForOne, WrongMoment.  Sends `exchange_ended`.
    """
    if not why.strip():
        raise NothingSaid(field="why")
    with atomic() as tx:
        row = lock_exchange(exchange_id)
        settle_due(actor, row)
        if is_own_cause(actor, survivors([row.requester_id, row.helper_id]).values()):
            raise InOwnCause
        if row.state not in LIVE:
            raise WrongMoment(state=row.state.value)
        if row.state is ExchangeState.disputed:
            if spoke_for_one(actor, row.id):
                raise SpokeForOne
            decided = sa.update(Dispute).where(Dispute.exchange_id == row.id, Dispute.decided_at.is_(None))
            db.session.execute(decided.values(decided_at=clock.now(), decided_by_id=actor.account_id, decided_minutes=0))
        call_off(actor, row, Verb.stopped, words=why.strip())
        tx.result = row
    return row


# ---- what they share ----------------------------------------------------------------------------------------------------------
def load(actor: Actor, exchange_id: int, person_id: int, *states: ExchangeState, base: int | None = None) -> tuple[Exchange, int]:
    """The exchange under lock, brought up to date, and the row under which it names her.

    Every act of one of the two begins here, from a page, the desk or the API.
    Raises NotAParty, InOwnCause (at the desk for herself, or for somebody who is not her), ExchangeChanged, WrongMoment.
    """
    row = lock_exchange(exchange_id)
    mine = named(row, person_id)
    two = survivors([row.requester_id, row.helper_id])
    if is_anothers_business(actor, two[mine], two.values()):
        raise InOwnCause
    settle_due(actor, row)
    if row.state not in states or (is_due(row, clock.now()) and states != LIVE):
        raise WrongMoment(state=row.state.value)  # still due: decided, and only a frozen wallet delays it
    if base is not None and row.lock_version != base:
        raise ExchangeChanged(current=row.lock_version)
    return row, mine


def named(row: Exchange, person_id: int) -> int:
    """Which of the two rows she is; a row merged into her counts.  Raises NotAParty."""
    her = survivor_of(person_id)
    two = survivors([row.requester_id, row.helper_id])
    for row_id in (row.requester_id, row.helper_id):
        if two[row_id] == her:
            return row_id
    raise NotAParty


_WORDS = [verb.value for verb in (Verb.proposed, Verb.retimed, Verb.agreed, Verb.delivered, Verb.confirmed, Verb.rated)]


def one_voice(actor: Actor, row: Exchange, mine: int) -> None:
    """An account that proposed, agreed, reported, confirmed or rated for one side does none of it for the other.  Raises SpokeForOther.

    So an agreement has always the word of two accounts, and silence afterwards never confirms what one account alone has said.
    """
    if actor.account_id is None:
        return
    e = ExchangeEvent
    for_other = sa.select(e.id).where(e.exchange_id == row.id, e.account_id == actor.account_id, e.verb.in_(_WORDS), e.person_id != mine)
    if db.session.scalar(for_other.limit(1)) is not None:
        raise SpokeForOther


def _confirm(row: Exchange, mine: int) -> None:
    if mine == row.requester_id:
        row.requester_confirmed_at = clock.now()
    else:
        row.helper_confirmed_at = clock.now()


def _coming(meet_at: datetime) -> datetime:
    if not clock.now() < meet_at <= clock.now() + timedelta(days=FURTHEST_DAYS):
        raise MeetingOutOfRange(field="meet_at", days=FURTHEST_DAYS)
    return meet_at


def _check_worth(territory_id: int, category: Category, minutes: int) -> Rules:
    """The rules under which so many minutes of this are worth something.  Raises OutOfRange, NoPolicy, TooLittle, NoWorth."""
    if not 0 < minutes <= MOST_MINUTES:
        raise OutOfRange(field="minutes", least=1, most=MOST_MINUTES)
    rules = rules_at(territory_id)
    if rules is None:
        raise NoPolicy
    if rules.counted(minutes) == 0:
        raise TooLittle(field="minutes", least=rules.least)
    if rules.worth(category, minutes) == 0:
        raise NoWorth
    return rules


def _one_programme(listing: Listing, one: int, other: int) -> int:
    """Raises NoProgramme, TwoDistricts."""
    programme_id = programme_of_place(listing.territory_id)
    if programme_id is None:
        raise NoProgramme
    if any(programme_of_person(person) != programme_id for person in (one, other)):
        raise TwoDistricts
    return programme_id


def _refuse_second(listing_id: int, responder: int) -> None:
    """One live exchange about a listing and person; her row is locked, so two clicks are one."""
    running = sa.select(Exchange.id).where(
        Exchange.listing_id == listing_id, Exchange.responder_id.in_(all_rows_of(responder)), Exchange.state.in_(LIVE)
    )
    for exchange_id in list(db.session.scalars(running.order_by(Exchange.id))):
        row = lock_exchange(exchange_id)
        settle_due(JOB, row)
        if row.state in LIVE:
            raise AlreadyProposed


def _station(listing: Listing, one: int, other: int, at_station: bool | None) -> int | None:
    if at_station is False or (at_station is None and listing.place is Place.online):
        return None
    found = station_of(listing.territory_id) if at_station else suggested_station(one, other, listing.territory_id)
    return found.id if found is not None else None
