"""Households as what comes back after a wrong death or merge asks for them."""

from __future__ import annotations

import sqlalchemy as sa

from civic.core.db import db
from civic.people.models import Household, Membership


def household_that_ended_with(person_id: int) -> int | None:
    """The household that she was in last, when it ended on the very day on which she left it."""
    m = Membership
    query = sa.select(m.household_id, m.ended_on, Household.ended_on).join(Household, Household.id == m.household_id)
    row = db.session.execute(
        query.where(m.person_id == person_id, m.ended_on.is_not(None)).order_by(m.ended_on.desc(), m.id.desc())
    ).first()
    return row[0] if row is not None and row[1] == row[2] else None


def household_now(person_id: int) -> int | None:
    """The household that she is in."""
    return db.session.scalar(sa.select(Membership.household_id).where(Membership.person_id == person_id, Membership.ended_on.is_(None)))
