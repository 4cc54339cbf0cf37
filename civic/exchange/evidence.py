"""Who may open what was handed in with a dispute."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from civic.core.db import db
from civic.core.viewer import Viewer
from civic.exchange import policies, queries
from civic.exchange.models import Dispute, Exchange
from civic.territory.models import Territory


def may_open(viewer: Viewer, stored: Any) -> bool:
    """The two, and social workers of the community."""
    query = (
        sa.select(Exchange, Territory.path)
        .join(Dispute, Dispute.exchange_id == Exchange.id)
        .join(Territory, Territory.id == Exchange.territory_id)
        .where(Dispute.id == stored.owner_id)
    )
    found = db.session.execute(query).one_or_none()
    return found is not None and policies.can_see(viewer, found[1], queries.people_of(found[0]))
