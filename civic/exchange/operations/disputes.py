"""Disputes: opened with words and evidence, answered by the other, decided by a social worker in ten working days.

The points stay held as long as it takes.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from civic.core import audit, clock, files, notes
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.decrees import calendar
from civic.core.viewer import Actor
from civic.core.workdays import Unit, span
from civic.exchange import signals
from civic.exchange.errors import AlreadyAnswered, InOwnCause, NothingSaid, OutOfRange, SpokeForOne, WrongMoment
from civic.exchange.models import Dispute, Exchange, ExchangeState, Verb
from civic.exchange.operations.exchanges import load
from civic.exchange.operations.settling import MARGIN, end, give_back, keep_held, lock_exchange, note_event, pay, settle_due
from civic.exchange.operations.telling import tell
from civic.exchange.queries.exchanges import DISPUTE_FILE
from civic.exchange.queries.parties import is_own_cause, spoke_for_one, survivors

WORKING_DAYS = 10  # in which a dispute is decided


def open_dispute(actor: Actor, exchange_id: int, person_id: int, words: str, evidence: Sequence[str] = ()) -> Dispute:
    """Object to what was said to be delivered, before the confirmation is final.  evidence: SHA-256 of files this account handed in.

    Raises NothingSaid, WrongMoment (also when the days of confirmation are over), NotAParty, files.FileGone.
    """
    if not words.strip():
        raise NothingSaid(field="words")
    with atomic() as tx:
        row, mine = load(actor, exchange_id, person_id, ExchangeState.delivered)
        due = span(calendar(), clock.today(), WORKING_DAYS, Unit.working_day).end_on
        dispute = Dispute(exchange_id=row.id, by_person_id=mine, note_id=notes.write(words.strip()), answer_by_on=due)
        db.session.add(dispute)
        row.state, row.due_at = ExchangeState.disputed, None
        db.session.flush()
        _adopt(actor, dispute, evidence)
        keep_held(actor, row, clock.day_bounds(due)[1] + MARGIN)
        note_event(actor, row, Verb.disputed, by=mine)
        tell(row, "exchange/disputed", by=mine, words=words.strip())
        tx.result = dispute
    return dispute


def answer_dispute(actor: Actor, exchange_id: int, person_id: int, words: str, evidence: Sequence[str] = ()) -> Dispute:
    """The other says how she saw it, once.  Raises NothingSaid, WrongMoment, NotAParty, AlreadyAnswered, files.FileGone."""
    if not words.strip():
        raise NothingSaid(field="words")
    with atomic() as tx:
        row, mine = load(actor, exchange_id, person_id, ExchangeState.disputed)
        dispute = _dispute_of(row)
        if dispute.by_person_id == mine:
            raise WrongMoment(state=row.state.value)
        if dispute.answer_note_id is not None:
            raise AlreadyAnswered
        dispute.answer_note_id = notes.write(words.strip())
        _adopt(actor, dispute, evidence)
        note_event(actor, row, Verb.answered, by=mine)
        tell(row, "exchange/answered", by=mine, words=words.strip())
        tx.result = dispute
    return dispute


def decide_dispute(actor: Actor, exchange_id: int, minutes: int, words: str) -> Dispute:
    """A social worker decides how many of the agreed minutes count: 0 gives everything back; both are told why.

    Who reported, objected or answered for one of the two at the desk decides nothing: else points would move by one account's word.
    Raises NothingSaid, OutOfRange, InOwnCause, SpokeForOne, WrongMoment, points' WalletFrozen and HoldEnded.  Sends `exchange_settled` or
    `exchange_ended`.
    """
    if not words.strip():
        raise NothingSaid(field="words")
    with atomic() as tx:
        row = lock_exchange(exchange_id)
        settle_due(actor, row)
        if is_own_cause(actor, survivors([row.requester_id, row.helper_id]).values()):
            raise InOwnCause
        if row.state is not ExchangeState.disputed:
            raise WrongMoment(state=row.state.value)
        if spoke_for_one(actor, row.id):
            raise SpokeForOne
        if not 0 <= minutes <= row.minutes:
            raise OutOfRange(field="minutes", least=0, most=row.minutes)
        tx.result = _decide(actor, row, minutes, words.strip())
    return tx.result  # type: ignore[no-any-return]


def _decide(actor: Actor, row: Exchange, minutes: int, words: str) -> Dispute:
    dispute = _dispute_of(row)
    moved = pay(actor, row, minutes) if minutes else 0
    if not minutes:
        give_back(actor, row)
    end(row, ExchangeState.settled)
    dispute.decided_at, dispute.decided_by_id, dispute.decided_minutes = clock.now(), actor.account_id, minutes
    dispute.decision_note_id = notes.write(words)
    note_event(actor, row, Verb.decided, minutes=minutes)
    tell(row, "exchange/decided", words=words, minutes=minutes, moved=moved)
    audit.record(actor, "exchange.dispute.decide", "exchange_dispute", dispute.id, minutes=minutes, moved=moved)
    if minutes:
        signals.exchange_settled.send(row, actor=actor, minutes=minutes)
    else:
        signals.exchange_ended.send(row, actor=actor)
    return dispute


def _dispute_of(row: Exchange) -> Dispute:
    query = sa.select(Dispute).where(Dispute.exchange_id == row.id).with_for_update(key_share=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def _adopt(actor: Actor, dispute: Dispute, evidence: Sequence[str]) -> None:
    for sha in evidence:
        files.adopt(sha, actor.account_id, DISPUTE_FILE, dispute.id)
