"""What social workers see of service for service, for programs: disputes that wait, exchanges and listings of their communities.

The lists and the page of `views/desk.py`: of other communities even the existence is private, and every look is noted for both of the two.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from civic.core.db import db
from civic.core.viewer import actor, viewer
from civic.core.web import limits
from civic.core.web.access import staff
from civic.core.web.api import PageArgs, page_of, page_schema
from civic.core.web.api_acts import TOKEN
from civic.exchange import operations, policies, queries
from civic.exchange.api.exchanges import line_of, watched, whole
from civic.exchange.api.listings import OWNED_PAGE, bp, with_owners
from civic.exchange.api.shapes import EXCHANGE_PAGE, ExchangeLineSchema, ExchangeSchema
from civic.exchange.models import LIVE, Exchange, ExchangeState, Listing, ListingState
from civic.exchange.queries import Row
from civic.exchange.queries.exchanges import in_territories
from civic.people import operations as people
from civic.people.models import LookKind
from civic.territory.models import Territory


class WatchedArgs(PageArgs):
    """state: only those; without one, those that run."""

    state = ma.fields.Enum(ExchangeState, by_value=True, load_default=None)


class WatchedListingArgs(PageArgs):
    """state: only those."""

    state = ma.fields.Enum(ListingState, by_value=True, load_default=None)


class WaitingDisputeSchema(ma.Schema):
    """A dispute that waits for a decision."""

    exchange = ma.fields.Nested(ExchangeLineSchema, required=True)
    decide_by_on = ma.fields.Date(required=True, metadata={"description": "last of the ten working days"})
    is_late = ma.fields.Boolean(required=True)


def _saw(rows: list[Row]) -> None:
    people.note_look(actor(), {party.id for row in rows for party in (row.requester, row.helper)}, LookKind.found)


@bp.get("/exchange/desk/disputes")
@staff(*policies.WATCHERS)
@limits.per_minute(120)
@bp.arguments(PageArgs, location="query")
@bp.response(200, page_schema(WaitingDisputeSchema))
@bp.doc(security=TOKEN)
def watched_disputes(args: dict[str, Any]) -> Any:
    """List the disputes of one's communities that wait for a decision, the longest first."""
    found = queries.disputes_at(viewer())
    shown = found[args["offset"] : args["offset"] + args["limit"]]
    items = [{"exchange": line_of(each.row), "decide_by_on": each.dispute.answer_by_on, "is_late": each.is_late} for each in shown]
    _saw([each.row for each in shown])
    return page_of(items, len(found), args)


@bp.get("/exchange/desk/exchanges")
@staff(*policies.WATCHERS)
@limits.per_minute(120)
@bp.arguments(WatchedArgs, location="query")
@bp.response(200, EXCHANGE_PAGE)
@bp.doc(security=TOKEN)
def watched_exchanges(args: dict[str, Any]) -> Any:
    """List the exchanges of one's communities, the newest first."""
    who, state = viewer(), args["state"]
    rows = queries.exchanges_at(who, state=state, offset=args["offset"], limit=args["limit"])
    wanted = Exchange.state == state if state is not None else Exchange.state.in_(LIVE)
    places = in_territories(who.territories(*policies.WATCHERS))
    counted = sa.select(sa.func.count(Exchange.id)).join(Exchange.listing).join(Listing.territory).where(wanted, places)
    items, total = [line_of(row) for row in rows], db.session.scalar(counted) or 0
    _saw(rows)
    return page_of(items, total, args)


@bp.get("/exchange/desk/exchanges/<uid>")
@staff(*policies.WATCHERS)
@limits.per_minute(120)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN)
def watched_exchange(uid: str) -> Any:
    """Read one with its history, its dispute and what was handed in; the look is noted for both."""
    row = watched(uid)
    row_id, two = row.id, queries.people_of(row)
    people.note_look(actor(), two, LookKind.page)
    operations.touch(row_id)
    return whole(uid, None)


@bp.get("/exchange/desk/listings")
@staff(*policies.DESK)
@limits.per_minute(120)
@bp.arguments(WatchedListingArgs, location="query")
@bp.response(200, OWNED_PAGE)
@bp.doc(security=TOKEN)
def watched_listings(args: dict[str, Any]) -> Any:
    """List the offers and needs of the communities that one's desk serves, the newest first, whatever their state."""
    who, state = viewer(), args["state"]
    rows = queries.listings_at(who, state=state, offset=args["offset"], limit=args["limit"])
    counted = sa.select(sa.func.count(Listing.id)).join(Territory, Territory.id == Listing.territory_id)
    counted = counted.where(in_territories(who.territories(*policies.DESK)), *((Listing.state == state,) if state is not None else ()))
    return page_of(with_owners(rows), db.session.scalar(counted) or 0, args)
