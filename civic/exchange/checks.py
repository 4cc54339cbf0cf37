"""What `civic check` recomputes of exchanges: points are held exactly while they should be, and paid help was earned."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from civic.core import clock
from civic.core.db import db
from civic.core.registry import Check, Violation
from civic.exchange.models import Dispute, Exchange, ExchangeState
from civic.exchange.queries.exchanges import due
from civic.points.models import Earning, Hold, HoldState

_HELD = (ExchangeState.agreed, ExchangeState.delivered, ExchangeState.disputed)
_PAID = (ExchangeState.confirmed, ExchangeState.settled)


def _source() -> sa.ColumnElement[str]:
    return sa.literal("exchange:") + sa.cast(Exchange.id, sa.String)


def _holds() -> Iterator[Violation]:
    """Agreed, delivered, disputed: held.  Everything else: not held any more."""
    query = sa.select(Exchange.id, Exchange.state, Hold.state.label("hold"), due(clock.now()).label("is_due")).join(
        Hold, Hold.id == Exchange.hold_id
    )
    for row in db.session.execute(query.order_by(Exchange.id)):
        if row.state in _HELD and row.hold is not HoldState.open and not row.is_due:
            yield Violation("exchange", row.id, f"is {row.state.value}, but its points are {row.hold.value}")
        if row.state not in _HELD and row.hold is HoldState.open:
            yield Violation("exchange", row.id, f"is {row.state.value}, but its points are still held")


def _earnings() -> Iterator[Violation]:
    """What was taken from a requester was earned by a helper, and nothing was earned without a confirmed exchange."""
    earned = sa.exists().where(Earning.source == _source())
    unpaid = sa.select(Exchange.id).join(Hold, Hold.id == Exchange.hold_id).where(Hold.posted > 0, ~earned)
    for row_id in db.session.scalars(unpaid.order_by(Exchange.id)):
        yield Violation("exchange", row_id, "was paid, but its helper earned nothing")
    paid = sa.exists().where(Earning.source == _source(), Exchange.state.in_(_PAID))
    for row_id in db.session.scalars(sa.select(Earning.id).where(Earning.source.startswith("exchange:"), ~paid).order_by(Earning.id)):
        yield Violation("points_earning", row_id, "was earned by an exchange that is not confirmed")


def _disputes() -> Iterator[Violation]:
    """A disputed exchange has an open dispute, a decided one none."""
    open_one = sa.exists().where(Dispute.exchange_id == Exchange.id, Dispute.decided_at.is_(None))
    for row_id in db.session.scalars(sa.select(Exchange.id).where((Exchange.state == ExchangeState.disputed) != open_one)):
        yield Violation("exchange", row_id, "its state and its dispute disagree")


CHECKS = (
    Check("held points of exchanges", _holds),
    Check("earnings of exchanges", _earnings),
    Check("disputes of exchanges", _disputes),
)
