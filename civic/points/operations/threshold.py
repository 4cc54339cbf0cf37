"""Spending opens after a number of hours, where the policy says so.

Default 0.  A threshold of 100 h exists elsewhere, but it unmasks care households: they alone would then shop without hours.
"""

from __future__ import annotations

import sqlalchemy as sa

from civic.core.db import db
from civic.people import queries as people
from civic.points.errors import NotOpenYet
from civic.points.models import Earning
from civic.points.operations.books import Locked


def check(wallet: Locked, needed: int) -> None:
    """Raises NotOpenYet for a person whose hours do not reach the threshold in minutes; households' wallets have none."""
    if not needed or wallet.person_id is None:
        return
    earned = earned_minutes(wallet.person_id)
    if earned < needed:
        raise NotOpenYet(needed=needed, earned=earned, needed_hours=needed // 60, earned_hours=earned // 60)


def earned_minutes(person_id: int) -> int:
    """Minutes of all that she earned with, the rows merged into her included: of each source its newest revision."""
    rows = people.all_rows_of(person_id)
    newest = (
        sa.select(Earning.source, sa.func.max(Earning.revision).label("revision"))
        .where(Earning.person_id.in_(rows))
        .group_by(Earning.source)
        .subquery()
    )
    query = sa.select(sa.func.sum(Earning.minutes)).join(
        newest, (newest.c.source == Earning.source) & (newest.c.revision == Earning.revision)
    )
    return int(db.session.scalar(query) or 0)
