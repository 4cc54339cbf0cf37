"""What social workers see: exchanges and listings of their communities, disputes that wait, late ones first."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Viewer
from civic.exchange import policies
from civic.exchange.models import LIVE, Dispute, Exchange, ExchangeState, Listing, ListingState
from civic.exchange.queries.exchanges import Row, in_territories, rows_of, with_listing
from civic.territory.models import Territory


def exchanges_at(viewer: Viewer, *, state: ExchangeState | None = None, live: bool = True, offset: int = 0, limit: int = 50) -> list[Row]:
    """Exchanges of the communities in which she watches, the newest first.  Two statements."""
    query = with_listing().where(in_territories(viewer.territories(*policies.WATCHERS)))
    if state is not None:
        query = query.where(Exchange.state == state)
    elif live:
        query = query.where(Exchange.state.in_(LIVE))
    return rows_of(query.order_by(Exchange.id.desc()).offset(offset).limit(limit))


def listings_at(viewer: Viewer, *, state: ListingState | None = None, offset: int = 0, limit: int = 50) -> list[Listing]:
    """Listings of the communities that her desk serves, the newest first."""
    query = sa.select(Listing).join(Listing.territory).options(contains_eager(Listing.territory))
    query = query.where(in_territories(viewer.territories(*policies.DESK)))
    if state is not None:
        query = query.where(Listing.state == state)
    return list(db.session.scalars(query.order_by(Listing.id.desc()).offset(offset).limit(limit)))


@dataclass(frozen=True)
class Waiting:
    """A dispute that waits for a decision."""

    row: Row
    dispute: Dispute

    @property
    def is_late(self) -> bool:
        return self.dispute.answer_by_on < clock.today()


def _waiting(viewer: Viewer) -> tuple[sa.ColumnElement[bool], ...]:
    return (Exchange.state == ExchangeState.disputed, in_territories(viewer.territories(*policies.WATCHERS)))


def disputes_at(viewer: Viewer) -> list[Waiting]:
    """What waits for her decision, the longest first.  Three statements."""
    query = with_listing().join(Dispute, Dispute.exchange_id == Exchange.id).where(*_waiting(viewer))
    rows = rows_of(query.order_by(Dispute.answer_by_on, Dispute.id))
    found = db.session.scalars(sa.select(Dispute).where(Dispute.exchange_id.in_([row.exchange.id for row in rows])))
    disputes = {dispute.exchange_id: dispute for dispute in found}
    return [Waiting(row, disputes[row.exchange.id]) for row in rows]


def waiting_disputes(viewer: Viewer) -> tuple[int, int]:
    """How many wait, and how many of them are late.  One statement."""
    late = sa.func.coalesce(sa.func.sum(sa.case((Dispute.answer_by_on < clock.today(), 1), else_=0)), 0)
    query = (
        sa.select(sa.func.count(Dispute.id), late)
        .join(Exchange, Exchange.id == Dispute.exchange_id)
        .join(Territory, Territory.id == Exchange.territory_id)
        .where(*_waiting(viewer))
    )
    count, late_ones = db.session.execute(query).one()
    return int(count), int(late_ones)
