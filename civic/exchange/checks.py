"""What `civic check` recomputes of exchanges: points are held exactly while they should be, and moved by the terms alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from civic.accounts.models import Account
from civic.core import clock
from civic.core.db import db
from civic.core.registry import Check, Violation
from civic.exchange.models import Dispute, Exchange, ExchangeEvent, ExchangeState, Verb
from civic.exchange.operations.settling import MARGIN
from civic.exchange.queries.exchanges import due, ran_out
from civic.exchange.queries.parties import spoken_for_one, survivors
from civic.exchange.queries.worth import Rules
from civic.people.models import Merge, MergeState, Person
from civic.points.models import Earning, Hold, HoldState, Policy, Wallet

_HELD = (ExchangeState.agreed, ExchangeState.delivered, ExchangeState.disputed)
_PAID = (ExchangeState.confirmed, ExchangeState.settled)


def _source() -> sa.ColumnElement[str]:
    return sa.literal("exchange:") + sa.cast(Exchange.id, sa.String)


def _holds() -> Iterator[Violation]:
    """Agreed, delivered, disputed: held.  Everything else: not held any more."""
    query = sa.select(Exchange.id, Exchange.state, Hold.state.label("hold"), sa.or_(due(clock.now()), ran_out()).label("is_due")).join(
        Hold, Hold.id == Exchange.hold_id
    )
    for row in db.session.execute(query.order_by(Exchange.id)):
        if row.state in _HELD and row.hold is not HoldState.open and not row.is_due:
            yield Violation("exchange", row.id, f"is {row.state.value}, but its points are {row.hold.value}")
        if row.state not in _HELD and row.hold is HoldState.open:
            yield Violation("exchange", row.id, f"is {row.state.value}, but its points are still held")
    yield from _until()


def _until() -> Iterator[Violation]:
    """Open holds against the exchange's own dates: agreed until the policy's days after the meeting, decided about with 30 days to spare."""
    query = (
        sa.select(Exchange, Hold.expires_at, Policy.exchange_days, Dispute.answer_by_on)
        .join(Hold, Hold.id == Exchange.hold_id)
        .join(Policy, Policy.id == Exchange.policy_id)
        .outerjoin(Dispute, Dispute.exchange_id == Exchange.id)
        .where(Hold.state == HoldState.open, Exchange.state.in_(_HELD))
    )
    for row, expires_at, days, decided_by in db.session.execute(query.order_by(Exchange.id)):
        if row.state is ExchangeState.agreed:
            if not row.due_at == expires_at == row.meet_at + timedelta(days=days):
                yield Violation(
                    "exchange", row.id, f"is agreed; its points are held until {expires_at.isoformat()}, not until its time to lapse"
                )
            continue
        decides = clock.day_bounds(decided_by)[1] if row.state is ExchangeState.disputed and decided_by is not None else row.due_at
        if decides is None or expires_at < decides + MARGIN:
            yield Violation(
                "exchange",
                row.id,
                f"is {row.state.value}; its points are held until {expires_at.isoformat()}, less than 30 days beyond its decision",
            )


def _earnings() -> Iterator[Violation]:
    """Nothing is spent or earned without a confirmed exchange."""
    spent = sa.select(Exchange.id).join(Hold, Hold.id == Exchange.hold_id).where(Hold.posted > 0, Exchange.state.not_in(_PAID))
    for row_id in db.session.scalars(spent.order_by(Exchange.id)):
        yield Violation("exchange", row_id, "is not confirmed, but its points were spent")
    paid = sa.exists().where(Earning.source == _source(), Exchange.state.in_(_PAID))
    for row_id in db.session.scalars(sa.select(Earning.id).where(Earning.source.startswith("exchange:"), ~paid).order_by(Earning.id)):
        yield Violation("points_earning", row_id, "was earned by an exchange that is not confirmed")


def _terms() -> Iterator[Violation]:
    """Of each confirmed or decided one: whose points were spent, how many, and who earned what for it, once."""
    policies: dict[int | None, Policy | None] = {}
    before = 0
    for row in db.session.execute(_paid()):
        if row.policy_id not in policies:
            policies[row.policy_id] = db.session.get(Policy, row.policy_id)
        policy, minutes = policies[row.policy_id], row.decided if row.state is ExchangeState.settled else row.delivered_minutes
        if before == row.id:
            yield Violation("exchange", row.id, "was earned more than once")
            continue
        before = row.id
        wanted = min(Rules(policy).worth(row.category, minutes or 0), row.amount or 0) if policy is not None else 0
        if row.posted != wanted:
            yield Violation("exchange", row.id, f"cost {row.posted}, by its terms it costs {wanted}")
        if row.payer_id is None or not _are_one(row.payer_id, row.requester_id):
            yield Violation("exchange", row.id, "was not paid by its requester")
        if (row.earning_id is None) != (not minutes):
            yield Violation(
                "exchange", row.id, "was paid, but its helper earned nothing" if minutes else "is worth nothing, but was earned"
            )
        elif row.earning_id is not None:
            if not _are_one(row.earner_id, row.helper_id):
                yield Violation("exchange", row.id, "was not earned by its helper")
            if (row.earned_minutes, row.service_type, row.earned_by) != (minutes, row.category.value, row.policy_id):
                yield Violation("exchange", row.id, "was not earned by its terms")


def _paid() -> Any:
    """Paid exchanges with their hold and every earning of theirs, rows of people resolved; streamed."""
    return (
        sa.select(
            Exchange.id, Exchange.state, Exchange.category, Exchange.policy_id, Exchange.amount, Exchange.delivered_minutes,
            Exchange.requester_id, Exchange.helper_id, Hold.posted, Wallet.person_id.label("payer_id"), Dispute.decided_minutes.label("decided"),
            Earning.id.label("earning_id"), Earning.person_id.label("earner_id"), Earning.minutes.label("earned_minutes"),
            Earning.service_type, Earning.policy_id.label("earned_by"),
        )
        .join(Hold, Hold.id == Exchange.hold_id)
        .join(Wallet, Wallet.id == Hold.wallet_id)
        .outerjoin(Dispute, Dispute.exchange_id == Exchange.id)
        .outerjoin(Earning, Earning.source == _source())
        .where(Exchange.state.in_(_PAID))
        .order_by(Exchange.id, Earning.id)
    )  # fmt: skip


def _are_one(one: int, other: int) -> bool:
    """The same row, or rows that are, or once were, merged: what was booked under a merge stays when it is undone."""
    if one == other:
        return True
    merged = sa.or_(sa.and_(Merge.loser_id == one, Merge.survivor_id == other), sa.and_(Merge.loser_id == other, Merge.survivor_id == one))
    if db.session.scalar(sa.select(Merge.id).where(merged, Merge.state.in_([MergeState.done, MergeState.undone])).limit(1)) is not None:
        return True
    found = survivors([one, other])
    return found.get(one) == found.get(other)


def _disputes() -> Iterator[Violation]:
    """A disputed exchange has an open dispute, a decided one none."""
    open_one = sa.exists().where(Dispute.exchange_id == Exchange.id, Dispute.decided_at.is_(None))
    for row_id in db.session.scalars(sa.select(Exchange.id).where((Exchange.state == ExchangeState.disputed) != open_one)):
        yield Violation("exchange", row_id, "its state and its dispute disagree")
    yield from _deciders()


def _deciders() -> Iterator[Violation]:
    """Nobody decided between two people of whom she had spoken for one: logins are compared, and the persons behind them."""
    decider, speaker, stop = Dispute.decided_by_id, ExchangeEvent.account_id, aliased(ExchangeEvent)
    # a death or a merge ends a dispute too, whoever records it: that decides nothing between the two
    stopped = sa.exists().where(stop.exchange_id == Exchange.id, stop.verb == Verb.stopped.value, stop.account_id == decider)
    query = (
        sa.select(Dispute.exchange_id)
        .join(Exchange, Exchange.id == Dispute.exchange_id)
        .join(ExchangeEvent, ExchangeEvent.exchange_id == Dispute.exchange_id)
        .where(
            sa.or_(Exchange.state == ExchangeState.settled, stopped),
            spoken_for_one(),
            sa.or_(decider == speaker, _behind(decider) == _behind(speaker)),
        )
    )
    for row_id in db.session.scalars(query.distinct().order_by(Dispute.exchange_id)):
        yield Violation("exchange", row_id, "was decided by somebody who had spoken for one of the two")


def _behind(account_id: Any) -> Any:
    """The row that counts for the person whose login this is; nothing for a login without one."""
    row = sa.select(sa.func.coalesce(Person.merged_into_id, Person.id)).join(Account, Account.person_id == Person.id)
    return row.where(Account.id == account_id).scalar_subquery()


CHECKS = (
    Check("held points of exchanges", _holds),
    Check("earnings of exchanges", _earnings),
    Check("terms of exchanges", _terms),
    Check("disputes of exchanges", _disputes),
)
