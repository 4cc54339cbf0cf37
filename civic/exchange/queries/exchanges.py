"""Exchanges as the two and the social worker see them.

A page calls `operations.touch(exchange.id)` (or `touch_person`) before it reads: what is due is settled then, whether or not a job ran.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, joinedload

from civic.core import clock, notes
from civic.core.db import db
from civic.core.files import StoredFile
from civic.exchange.models import LIVE, Dispute, Exchange, ExchangeEvent, ExchangeState, Listing, ListingKind, Rating, Verb
from civic.exchange.queries.parties import FINISHED, Party, parties
from civic.exchange.queries.worth import Earned, earned
from civic.people.queries import all_rows_of
from civic.points.models import Hold, HoldState, Wallet, WalletState
from civic.territory.models import Territory

DISPUTE_FILE = "exchange_dispute"
_PROPOSALS = (Verb.proposed.value, Verb.retimed.value)


class Side(enum.StrEnum):
    """Which of the two."""

    requester = "requester"
    helper = "helper"


class Act(enum.StrEnum):
    """What somebody may do now; the names of the operations."""

    accept = "accept"
    decline = "decline"
    retime = "retime"
    cancel = "cancel"
    deliver = "deliver"
    confirm = "confirm"
    dispute = "dispute"
    answer = "answer"
    rate = "rate"
    say = "say"


@dataclass(frozen=True)
class EventView:
    """A line of the history.  by: None for the site itself (time was over) and for social workers; words: '' when forgotten."""

    verb: Verb
    by: Party | None
    side: Side | None
    words: str
    minutes: int | None
    at: datetime
    at_desk: bool


class Unpayable(enum.StrEnum):
    """Why nothing but 0 minutes can be decided now."""

    released = "released"  # the points were given back: the time of their hold was over
    frozen = "frozen"  # the requester's wallet gives nothing until the office has looked at it


@dataclass(frozen=True)
class DisputeView:
    """A dispute with its words and evidence.  unpayable: why it cannot be decided with minutes now; None when it can, or was decided."""

    row: Dispute
    by: Party
    words: str
    answer: str
    decision: str
    files: list[StoredFile]
    unpayable: Unpayable | None = None

    @property
    def is_late(self) -> bool:
        """Not decided, and the ten working days are over."""
        return self.row.decided_at is None and self.row.answer_by_on < clock.today()


@dataclass(frozen=True)
class RatingView:
    """What one thought of the other."""

    by: Party
    about: Party
    stars: int
    words: str
    at: datetime


@dataclass(frozen=True)
class Row:
    """An exchange in a list.  side: of the person whose list it is; turn: who has to answer a proposal."""

    exchange: Exchange
    requester: Party
    helper: Party
    side: Side | None
    turn: Side | None

    @property
    def state(self) -> ExchangeState:
        return state_at(self.exchange, clock.now())

    @property
    def is_waiting(self) -> bool:
        """Does it wait for the person whose list this is?"""
        return self.side is not None and bool(acts(self.exchange, self.side, self.turn) & {Act.accept, Act.confirm})

    @property
    def other(self) -> Party:
        """The other of the two; in a list of the desk the helper."""
        return self.requester if self.side is Side.helper else self.helper


@dataclass(frozen=True)
class View(Row):
    """An exchange on its own page."""

    events: list[EventView] = field(default_factory=list)
    dispute: DisputeView | None = None
    ratings: list[RatingView] = field(default_factory=list)
    acts: frozenset[Act] = frozenset()
    earned: Earned | None = None  # of a finished one


def is_due(row: Exchange, now: datetime) -> bool:
    """Time or both people have decided, and nobody has written it yet."""
    if row.state not in (ExchangeState.proposed, ExchangeState.agreed, ExchangeState.delivered):
        return False
    if row.state is ExchangeState.delivered and row.requester_confirmed_at is not None and row.helper_confirmed_at is not None:
        return True
    return row.due_at is not None and row.due_at <= now


def first_day(row: Exchange) -> date:
    """The local day on which they meet: from it on it can be reported, even before the hour."""
    return clock.local(row.meet_at).date()


def state_at(row: Exchange, now: datetime) -> ExchangeState:
    """How it stands, whether or not a job has written it: silence has confirmed, or time has ended it."""
    if not is_due(row, now):
        return row.state
    return ExchangeState.confirmed if row.state is ExchangeState.delivered else ExchangeState.lapsed


def due(now: datetime) -> sa.ColumnElement[bool]:
    """The same as a condition."""
    e = Exchange
    both = sa.and_(e.requester_confirmed_at.is_not(None), e.helper_confirmed_at.is_not(None))
    return sa.or_(
        sa.and_(e.state.in_([ExchangeState.proposed, ExchangeState.agreed, ExchangeState.delivered]), e.due_at <= now),
        sa.and_(e.state == ExchangeState.delivered, both),
    )


def ran_out() -> sa.ColumnElement[bool]:
    """Agreed, and the end of its hold is written: it has lapsed, though a clock that was set back stands before its last moment again."""
    ended = (Hold.id == Exchange.hold_id, Hold.state == HoldState.expired, Hold.ended_at >= Exchange.due_at)
    return sa.and_(Exchange.state == ExchangeState.agreed, sa.select(Hold.id).where(*ended).correlate(Exchange).exists())


def proposer_of(exchange_id: int) -> int | None:
    """The row of the person who proposed last."""
    query = sa.select(ExchangeEvent.person_id).where(ExchangeEvent.exchange_id == exchange_id, ExchangeEvent.verb.in_(_PROPOSALS))
    return db.session.scalar(query.order_by(ExchangeEvent.id.desc()).limit(1))


def _last_proposer() -> Any:
    query = sa.select(ExchangeEvent.person_id).where(ExchangeEvent.exchange_id == Exchange.id, ExchangeEvent.verb.in_(_PROPOSALS))
    return query.order_by(ExchangeEvent.id.desc()).limit(1).correlate(Exchange).scalar_subquery()


def with_listing() -> sa.Select[Any]:
    """Exchanges with their listing, its community, and the row of who proposed last."""
    return (
        sa.select(Exchange, _last_proposer().label("proposer"))
        .join(Exchange.listing)
        .join(Listing.territory)
        .options(contains_eager(Exchange.listing).contains_eager(Listing.territory), joinedload(Exchange.station))
    )


def rows_of(query: sa.Select[Any], person_id: int | None = None) -> list[Row]:
    """The rows of such a select with the names of the two: two statements."""
    found = db.session.execute(query).all()
    people = parties(n for row, proposer in found for n in (row.requester_id, row.helper_id))
    return [_row(row, proposer, people, person_id) for row, proposer in found]


def _row(row: Exchange, proposer: int | None, people: dict[int, Party], person_id: int | None) -> Row:
    requester, helper = people[row.requester_id], people[row.helper_id]
    return Row(row, requester, helper, side_of(requester, helper, person_id), _turn(row, proposer))


def side_of(requester: Party, helper: Party, person_id: int | None) -> Side | None:
    if person_id is None:
        return None
    return Side.requester if person_id == requester.id else Side.helper if person_id == helper.id else None


def _turn(row: Exchange, proposer: int | None) -> Side | None:
    """Who has to answer a proposal: the one who did not make it."""
    if row.state is not ExchangeState.proposed or proposer is None:
        return None
    return Side.helper if proposer == row.requester_id else Side.requester


def exchanges_of(person_id: int, *, live: bool | None = None, limit: int = 100) -> list[Row]:
    """Hers, those that go on first, then by the time to meet, the latest first.  live: only those, or only the others."""
    mine = all_rows_of(person_id)
    query = with_listing().where(sa.or_(Exchange.requester_id.in_(mine), Exchange.helper_id.in_(mine)))
    if live is not None:
        query = query.where(Exchange.state.in_(LIVE) if live else Exchange.state.not_in(LIVE))
    order = (Exchange.state.in_(LIVE).desc(), Exchange.meet_at.desc(), Exchange.id.desc())
    return rows_of(query.order_by(*order).limit(limit), person_id)


def waiting_for(person_id: int) -> int:
    """How many exchanges wait for her word: proposals to answer, deliveries to confirm."""
    return sum(row.is_waiting for row in exchanges_of(person_id, live=True))


def exchange_by_uid(uid: str) -> Exchange | None:
    query = sa.select(Exchange).join(Exchange.listing).join(Listing.territory)
    query = query.options(contains_eager(Exchange.listing).contains_eager(Listing.territory), joinedload(Exchange.station))
    return db.session.scalars(query.where(Exchange.uid == uid)).one_or_none()


def people_of(row: Exchange) -> frozenset[int]:
    """The two, as policies ask for them."""
    found = parties([row.requester_id, row.helper_id])
    return frozenset(party.id for party in found.values())


def exchange_view(row: Exchange, person_id: int | None = None) -> View:
    """Everything of one exchange; person_id: whose page it is (None: the desk's).  A fixed number of statements."""
    people = parties([row.requester_id, row.helper_id])
    plain = _row(row, proposer_of(row.id), people, person_id)
    lines = list(db.session.scalars(sa.select(ExchangeEvent).where(ExchangeEvent.exchange_id == row.id).order_by(ExchangeEvent.id)))
    dispute = db.session.scalars(sa.select(Dispute).where(Dispute.exchange_id == row.id)).one_or_none()
    rated = list(db.session.scalars(sa.select(Rating).where(Rating.exchange_id == row.id).order_by(Rating.id)))
    of_dispute = (dispute.note_id, dispute.answer_note_id, dispute.decision_note_id) if dispute is not None else ()
    words = notes.read([*(line.note_id for line in lines), *(rating.note_id for rating in rated), *of_dispute])
    ratings = [
        RatingView(people[r.by_person_id], people[r.about_person_id], r.stars, words.get(r.note_id or 0, ""), r.at)
        for r in rated
        if r.by_person_id in people and r.about_person_id in people
    ]
    done = frozenset() if plain.side is None else acts(row, plain.side, plain.turn, dispute, [r.by_person_id for r in rated])
    return View(
        row, plain.requester, plain.helper, plain.side, plain.turn,
        [_event(row, line, people, words) for line in lines], _dispute_view(dispute, people, words), ratings, done,
        earned(row) if row.state in FINISHED else None,
    )  # fmt: skip


def _event(row: Exchange, line: ExchangeEvent, people: dict[int, Party], words: dict[int, str]) -> EventView:
    by = people.get(line.person_id or 0)
    side = None if by is None else Side.requester if line.person_id == row.requester_id else Side.helper
    return EventView(Verb(line.verb), by, side, words.get(line.note_id or 0, ""), line.minutes, line.at, line.channel == "desk")


def _dispute_view(row: Dispute | None, people: dict[int, Party], words: dict[int, str]) -> DisputeView | None:
    if row is None:
        return None
    said = [words.get(note or 0, "") for note in (row.note_id, row.answer_note_id, row.decision_note_id)]
    return DisputeView(row, people[row.by_person_id], said[0], said[1], said[2], evidence_of(row.id), _unpayable(row))


def _unpayable(row: Dispute) -> Unpayable | None:
    if row.decided_at is not None:
        return None
    query = sa.select(Hold.state, Hold.expires_at, Wallet.state.label("wallet")).join(Wallet, Wallet.id == Hold.wallet_id)
    held = db.session.execute(query.join(Exchange, Exchange.hold_id == Hold.id).where(Exchange.id == row.exchange_id)).one_or_none()
    if held is None or held.state is not HoldState.open or held.expires_at <= clock.now():
        return Unpayable.released
    return Unpayable.frozen if held.wallet is WalletState.frozen else None


def evidence_of(dispute_id: int) -> list[StoredFile]:
    query = sa.select(StoredFile).where(StoredFile.owner_kind == DISPUTE_FILE, StoredFile.owner_id == dispute_id)
    return list(db.session.scalars(query.order_by(StoredFile.id)))


def acts(row: Exchange, side: Side, turn: Side | None, dispute: Dispute | None = None, rated_by: Sequence[int] = ()) -> frozenset[Act]:
    """What one of the two may do now; the operations ask the same again under their locks."""
    state, mine = row.state, row.requester_id if side is Side.requester else row.helper_id
    confirmed = row.requester_confirmed_at if side is Side.requester else row.helper_confirmed_at
    found: set[Act] = set()
    if is_due(row, clock.now()):
        return frozenset({Act.say} if row.state is ExchangeState.delivered else ())
    if state is ExchangeState.proposed:
        found = {Act.retime, Act.say, *((Act.accept, Act.decline) if turn is side else (Act.cancel,))}
    elif state is ExchangeState.agreed:
        found = {Act.cancel, Act.say, *((Act.deliver,) if first_day(row) <= clock.today() else ())}
    elif state is ExchangeState.delivered:
        found = {Act.say, Act.dispute, Act.deliver if confirmed is not None else Act.confirm}
    elif state is ExchangeState.disputed:
        answers = dispute is not None and dispute.by_person_id != mine and dispute.answer_note_id is None
        found = {Act.say, *((Act.answer,) if answers else ())}
    elif state in FINISHED and mine not in rated_by:
        found = {Act.rate}
    return frozenset(found)


def offers(kind: ListingKind) -> Side:
    """Which side the owner of a listing is."""
    return Side.helper if kind is ListingKind.offer else Side.requester


def in_territories(paths: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(Territory.path.startswith(path, autoescape=True) for path in paths))
