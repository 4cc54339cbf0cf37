"""Stations and territories for programs: public reads, paged."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort
from flask_babel import lazy_gettext as _l

from civic.core.db import Bilingual
from civic.core.web.access import public
from civic.core.web.api import ApiBlueprint, BilingualSchema, PageArgs, page_of, page_schema, paged
from civic.territory import queries
from civic.territory.models import Territory, TerritoryKind
from civic.territory.queries import StationView

blp = ApiBlueprint("territory_api", __name__, description=str(_l("Stations and territories")))


class HoursSchema(ma.Schema):
    """One stretch of one weekday; local times."""

    weekday = ma.fields.Integer(required=True, metadata={"description": "1 = Monday … 7 = Sunday"})
    opens = ma.fields.String(required=True, metadata={"description": "HH:MM, local time"})
    closes = ma.fields.String(required=True, metadata={"description": "HH:MM, local time"})


class ClosureSchema(ma.Schema):
    """Days on which the station is closed, both included."""

    from_on = ma.fields.Date(required=True)
    to_on = ma.fields.Date(required=True)
    reason = ma.fields.Nested(BilingualSchema, required=True)


class StationSchema(ma.Schema):
    """A service station."""

    code = ma.fields.String(required=True)
    name = ma.fields.Nested(BilingualSchema, required=True)
    territory = ma.fields.String(required=True, metadata={"description": "code of its community or village"})
    community = ma.fields.Nested(BilingualSchema, required=True)
    town = ma.fields.Nested(BilingualSchema, required=True)
    address = ma.fields.Nested(BilingualSchema, required=True)
    phone = ma.fields.String(required=True)
    kiosk = ma.fields.Nested(BilingualSchema, required=True)
    hours = ma.fields.List(ma.fields.Nested(HoursSchema), required=True)
    closures = ma.fields.List(ma.fields.Nested(ClosureSchema), required=True)
    open_now = ma.fields.Boolean(required=True)
    next_change = ma.fields.DateTime(required=True, allow_none=True, metadata={"description": "when it next opens or closes"})


class StationArgs(PageArgs):
    """Filter of the list of stations."""

    territory = ma.fields.String(
        load_default="", validate=ma.validate.Length(max=24), metadata={"description": "code: only stations in it"}
    )


class TerritorySchema(ma.Schema):
    """A district, town, street, community, village or grid."""

    code = ma.fields.String(required=True)
    kind = ma.fields.Enum(TerritoryKind, by_value=True, required=True)
    name = ma.fields.Nested(BilingualSchema, required=True)
    parent = ma.fields.String(required=True, allow_none=True)
    valid_from = ma.fields.Date(required=True, allow_none=True)
    valid_to = ma.fields.Date(required=True, allow_none=True)
    successor = ma.fields.String(required=True, allow_none=True)


class TerritoryArgs(PageArgs):
    """Filters of the list of territories."""

    kind = ma.fields.Enum(TerritoryKind, by_value=True, load_default=None)
    parent = ma.fields.String(
        load_default="", validate=ma.validate.Length(max=24), metadata={"description": "code: only those directly below"}
    )


def _shown(view: StationView) -> dict[str, Any]:
    return {
        "code": view.code,
        "name": view.names,
        "territory": view.place_code,
        "community": view.place_names,
        "town": view.town_names,
        "address": view.addresses,
        "phone": view.phone,
        "kiosk": view.kiosks,
        "hours": [
            {"weekday": day, "opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"}
            for day, week in view.week.items()
            for opens, closes in week
        ],
        "closures": view.closures,
        "open_now": view.open_now,
        "next_change": queries.next_change([view]),
    }


@blp.route("/stations")
@public
@blp.arguments(StationArgs, location="query")
@blp.response(200, page_schema(StationSchema))
def stations(args: dict[str, Any]) -> dict[str, Any]:
    """All service stations, or those of one territory."""
    views = queries.stations(args["territory"])
    part = views[args["offset"] : args["offset"] + args["limit"]]
    return page_of([_shown(view) for view in part], len(views), args)


@blp.route("/stations/<code>")
@public
@blp.response(200, StationSchema)
@blp.alt_response(404, description="No station has this code.")
def station(code: str) -> dict[str, Any]:
    """One service station."""
    view = queries.station(code)
    if view is None:
        abort(404)
    return _shown(view)


@blp.route("/territories")
@public
@blp.arguments(TerritoryArgs, location="query")
@blp.response(200, page_schema(TerritorySchema))
def territories(args: dict[str, Any]) -> dict[str, Any]:
    """The tree of territories, those that ended too."""
    parent, after = sa.orm.aliased(Territory), sa.orm.aliased(Territory)
    columns = (Territory.code, Territory.kind, Territory.name_zh, Territory.name_en, Territory.valid_from, Territory.valid_to)
    query: Any = sa.select(*columns, parent.code, after.code).select_from(Territory)
    query = query.outerjoin(parent, parent.id == Territory.parent_id).outerjoin(after, after.id == Territory.successor_id)
    if args["kind"] is not None:
        query = query.where(Territory.kind == args["kind"])
    if args["parent"]:
        query = query.where(parent.code == args["parent"])
    rows, total = paged(query.order_by(Territory.code), args)
    return page_of([_territory(*row) for row in rows], total, args)


def _territory(
    code: str, kind: TerritoryKind, zh: str, en: str, start: Any, end: Any, parent: str | None, after: str | None
) -> dict[str, Any]:
    return {
        "code": code,
        "kind": kind,
        "name": Bilingual(zh, en),
        "parent": parent,
        "valid_from": start,
        "valid_to": end,
        "successor": after,
    }
