"""The daily closes for programs: a paged list of the chain, the oldest first unless asked otherwise."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from civic.core.closes import Close, last
from civic.core.db import db
from civic.core.web import limits
from civic.core.web.access import public
from civic.core.web.api import ApiBlueprint, PageArgs, etag_of, page_of, page_schema, unless_known
from civic.points.chain import item_of
from civic.points.totals import BOOK

bp = ApiBlueprint("api-points-closes", __name__, description="Daily closes of points")


class ClosesArgs(PageArgs):
    """order: oldest (as the chain is checked) or newest first."""

    order = ma.fields.String(load_default="oldest", validate=ma.validate.OneOf(("oldest", "newest")))


class CloseSchema(ma.Schema):
    """A closed day.  hash = `s1.` + SHA-256 of three lines: previous_hash, rows_hash, totals_text."""

    number = ma.fields.Integer(required=True)
    day = ma.fields.String(required=True, metadata={"format": "date", "description": "local day"})
    row_count = ma.fields.Integer(required=True)
    totals = ma.fields.Dict(
        keys=ma.fields.String(),
        required=True,
        metadata={"description": "by programme: `day` and `since` the beginning, decimal strings of points"},
    )
    totals_text = ma.fields.String(required=True, metadata={"description": "what was hashed, letter for letter; hundredths of a point"})
    rows_hash = ma.fields.String(
        required=True, metadata={"description": "SHA-256 of the hashes of the day's rows, in the order of their ids"}
    )
    previous_hash = ma.fields.String(required=True, metadata={"description": "hash of the close before, without `s1.`; empty in the first"})
    hash = ma.fields.String(required=True)
    closed_at = ma.fields.String(required=True, metadata={"format": "date-time"})


@bp.get("/points/closes")
@public
@limits.per_minute(240)
@bp.arguments(ClosesArgs, location="query")
@bp.response(200, page_schema(CloseSchema))
def closes(args: dict[str, Any]) -> Any:
    """List the closes; `verify/closes.py` follows `next` to the end."""
    newest = last(BOOK)
    mark = etag_of(newest.hash if newest is not None else "", args)

    def page() -> dict[str, Any]:
        order = Close.number if args["order"] == "oldest" else Close.number.desc()
        rows = db.session.scalars(sa.select(Close).where(Close.book == BOOK).order_by(order).limit(args["limit"]).offset(args["offset"]))
        return page_of([item_of(row) for row in rows], newest.number if newest is not None else 0, args)

    return unless_known(mark, page)
