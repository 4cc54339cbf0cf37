"""Questions to a policy: which is in force, what an hour is worth, how minutes are rounded."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from civic.core.db import db
from civic.points.models import Policy, PolicyState

ANY = "*"


def in_force(programme_id: int, on: date) -> Policy | None:
    """The adopted version that counts on a local day, with its rates."""
    query = (
        sa.select(Policy)
        .where(Policy.programme_id == programme_id, Policy.state == PolicyState.adopted, Policy.from_on <= on)
        .order_by(Policy.from_on.desc(), Policy.id.desc())
        .options(selectinload(Policy.rates))
    )
    return db.session.scalars(query.limit(1)).first()


def rate_of(policy: Policy, service_type: str, hour_class: str) -> int:
    """Hundredths of a point an hour: of the type and class, else of the type, else of the class, else of everything, else 0."""
    rates = {(rate.service_type, rate.hour_class): rate.rate for rate in policy.rates}
    for key in ((service_type, hour_class), (service_type, ANY), (ANY, hour_class), (ANY, ANY)):
        if key in rates:
            return rates[key]
    return 0


def last_day(year: int, years: int, today: date) -> date:
    """The last day of the points of a year; when that day is past (a notice was missed, they were held) the end of this year."""
    return date(max(year + years, today.year), 12, 31)


def rounded(policy: Policy, minutes: int) -> int:
    """Minutes rounded down: with 30, of 2 h 20 min 2 h count, of 25 min none."""
    return minutes // policy.rounding * policy.rounding
