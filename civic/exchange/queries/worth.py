"""What an exchange is worth under the rules: the same minutes that `earn` would count for the helper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from civic.core import clock
from civic.core.db import db
from civic.exchange.models import Category, Exchange
from civic.points import rules
from civic.points.models import Earning, Policy, Reason, Transfer
from civic.points.operations.wallets import programme_of_place

HOUR_CLASS = "exchange"


def source_of(exchange_id: int) -> str:
    """What holds and earnings name as their cause."""
    return f"exchange:{exchange_id}"


@dataclass(frozen=True)
class Rules:
    """The rules of points as exchanges read them."""

    policy: Policy

    def counted(self, minutes: int) -> int:
        """Minutes that count: rounded down."""
        return rules.rounded(self.policy, minutes)

    def worth(self, category: Category, minutes: int) -> int:
        """Hundredths of a point: 1 h 50 min of something at 1.00 an hour, rounded to 30 minutes, is 150."""
        return self.counted(minutes) * rules.rate_of(self.policy, category.value, HOUR_CLASS) // 60

    @property
    def least(self) -> int:
        """The fewest minutes that are worth anything."""
        return self.policy.rounding


def rules_at(territory_id: int, on: date | None = None) -> Rules | None:
    """The rules in force in a community on a local day (today); None where there is no programme or no policy."""
    programme_id = programme_of_place(territory_id)
    policy = rules.in_force(programme_id, on or clock.today()) if programme_id is not None else None
    return Rules(policy) if policy is not None else None


def owed(row: Exchange, minutes: int) -> int:
    """What delivered minutes take from what is held: by the terms of the agreement, never more than was held; 0 before it."""
    policy = db.session.get(Policy, row.policy_id) if row.policy_id is not None else None
    return min(Rules(policy).worth(row.category, minutes), row.amount or 0) if policy is not None else 0


@dataclass(frozen=True)
class Earned:
    """What an exchange brought its helper.

    amount: hundredths that it earned, after rounding and the day's most; kept: those of them that came into her wallet, the others went to
    the care pool.  least: the fewest minutes that were worth anything.
    """

    amount: int
    kept: int
    least: int


def earned(row: Exchange) -> Earned | None:
    """None while nothing was earned, not even time.  One statement."""
    came = sa.and_(Transfer.source == Earning.source, Transfer.earning_id == Earning.id, Transfer.reason == Reason.earned)
    query = (
        sa.select(Earning.amount, sa.func.coalesce(sa.func.sum(Transfer.amount), 0), Policy.rounding)
        .join(Policy, Policy.id == Earning.policy_id)
        .outerjoin(Transfer, came)
        .where(Earning.source == source_of(row.id))
        .group_by(Earning.id, Earning.amount, Earning.revision, Policy.rounding)
        .order_by(Earning.revision.desc())
        .limit(1)
    )
    found = db.session.execute(query).one_or_none()
    return Earned(*(int(each) for each in found)) if found is not None else None
