"""What stands behind lines that points themselves write or that the demonstration wrote: `Module.sources` of points.

A proposal has a page for those who may read it at the desk; everybody else reads in the line that two people decided.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_pgettext as _p

from civic.core import clock
from civic.core.db import db
from civic.core.i18n import format_day
from civic.core.registry import Link, Sources
from civic.core.viewer import viewer
from civic.points import addresses, labels, policies
from civic.points.models import Earning, Proposal
from civic.territory.models import Territory

LONGEST_ID = 18  # digits; more fit no row
#: what the demonstration's volunteers took from the shelf, by the id of the act: civic/points/seeds.py writes no order
SHELF = (
    _p("goods", "a bag of rice"),
    _p("goods", "a bottle of cooking oil"),
    _p("goods", "a pack of tissues"),
    _p("goods", "a bar of soap"),
    _p("goods", "a bag of washing powder"),
    _p("goods", "a carton of milk"),
    _p("goods", "a towel"),
)


def proposals(ids: Sequence[str]) -> dict[str, Link]:
    """Grants, reversals and openings that somebody asked for, for whoever may read them."""
    who = viewer()
    if not who.has_role(*policies.DECIDERS, *policies.READERS):
        return {}
    query = (
        sa.select(Proposal.id, Proposal.uid, Proposal.created_at, Territory.path)
        .join(Territory, Territory.id == Proposal.territory_id)
        .where(Proposal.id.in_(_numbers(ids)))
    )
    return {
        str(row.id): Link(_("asked for on %(day)s", day=format_day(clock.local(row.created_at).date())), addresses.proposal(row.uid))
        for row in db.session.execute(query)
        if policies.can_see_proposal(who, row.path)
    }


def _numbers(ids: Sequence[str]) -> list[int]:
    return [int(each) for each in ids if each.isdecimal() and len(each) <= LONGEST_ID]


def goods(ids: Sequence[str]) -> dict[str, Link]:
    """Of the demonstration: what was taken from the shelf."""
    return {id_: Link(SHELF[zlib.crc32(id_.encode()) % len(SHELF)], "") for id_ in ids}


def services(kind: str) -> Sources:
    """Of hours without a page, brought along or of the demonstration: which service."""

    def show(ids: Sequence[str]) -> dict[str, Link]:
        query = sa.select(Earning.source, Earning.service_type, Earning.revision).where(
            Earning.source.in_([f"{kind}:{id_}" for id_ in ids])
        )
        rows = db.session.execute(query.order_by(Earning.revision)).all()
        return {row.source.partition(":")[2]: Link(labels.inside(labels.service(row.service_type)), "") for row in rows}

    return show


SOURCES: dict[str, Sources] = {
    "proposal": proposals,
    "goods": goods,
    "goods-seed": goods,
    **{kind: services(kind) for kind in ("past", "past-exchange", "elder", "newcomer", "sudden")},
}
