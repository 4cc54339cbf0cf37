"""The catalogue for programs: items with relevance, one item whole, grid items' public part stays with the grid."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import abort
from flask_babel import gettext as _

from civic.catalogue import queries
from civic.catalogue.models import HandlingType, ItemChannel, LimitSource
from civic.catalogue.queries import Asked
from civic.core.web.access import public
from civic.core.web.api import ApiBlueprint, BilingualSchema, PageArgs, etag_of, page_of, page_schema, unless_known
from civic.core.workdays import Unit

bp = ApiBlueprint("api-catalogue", __name__, description="Service items: what a matter needs")


class ServiceSchema(ma.Schema):
    """An item as a line of a list."""

    code = ma.fields.String()
    name = ma.fields.Nested(BilingualSchema)
    summary = ma.fields.Nested(BilingualSchema)
    department = ma.fields.String(metadata={"description": "organisation code"})
    category = ma.fields.String()
    audiences = ma.fields.List(ma.fields.String())
    channels = ma.fields.List(ma.fields.Enum(ItemChannel, by_value=True))
    handling_type = ma.fields.Enum(HandlingType, by_value=True)
    promised_limit = ma.fields.Integer(metadata={"description": "0 = finished on the spot"})
    promised_unit = ma.fields.Enum(Unit, by_value=True)
    legal_limit = ma.fields.Integer()
    limit_unit = ma.fields.Enum(Unit, by_value=True)
    legal_limit_source = ma.fields.Enum(LimitSource, by_value=True, metadata={"description": "reference = a placeholder, not set by law"})
    fee = ma.fields.Nested(BilingualSchema)
    visits = ma.fields.Integer()
    materials_count = ma.fields.Integer()


class PaperSchema(ma.Schema):
    """A paper to bring."""

    code = ma.fields.String()
    name = ma.fields.Nested(BilingualSchema)
    may_follow = ma.fields.Boolean(metadata={"description": "can be handed in later"})


class LawSchema(ma.Schema):
    """A law by its name."""

    name = ma.fields.Nested(BilingualSchema)
    level = ma.fields.Nested(BilingualSchema)


class ServiceDetailSchema(ServiceSchema):
    """An item with everything that a reader needs."""

    version = ma.fields.Integer()
    effective_on = ma.fields.Date()
    target_group = ma.fields.Nested(BilingualSchema)
    result = ma.fields.Nested(BilingualSchema)
    legal_limit_text = ma.fields.Nested(BilingualSchema)
    proxy_allowed = ma.fields.Boolean()
    materials = ma.fields.List(ma.fields.Nested(PaperSchema))
    laws = ma.fields.List(ma.fields.Nested(LawSchema))
    words = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.List(ma.fields.String()))
    withheld_at = ma.fields.List(ma.fields.String(), metadata={"description": "codes of communities whose station does not offer it"})


class GroupSchema(ma.Schema):
    """A group by which items are browsed."""

    code = ma.fields.String()
    name = ma.fields.Nested(BilingualSchema)
    count = ma.fields.Integer()


class GroupsSchema(ma.Schema):
    """All groups with their numbers."""

    categories = ma.fields.List(ma.fields.Nested(GroupSchema))
    departments = ma.fields.List(ma.fields.Nested(GroupSchema))
    audiences = ma.fields.List(ma.fields.Nested(GroupSchema))


class ServiceArgs(PageArgs):
    """What to look for; with `q` the order is that of relevance."""

    q = ma.fields.String(load_default="", validate=ma.validate.Length(max=100))
    department = ma.fields.String(load_default="")
    category = ma.fields.String(load_default="")
    audience = ma.fields.String(load_default="")
    channel = ma.fields.Enum(ItemChannel, by_value=True, load_default=None, allow_none=True)
    station = ma.fields.String(load_default="", metadata={"description": "code of the community whose station should offer it"})


def _line(card: queries.Card) -> dict[str, Any]:
    same = (
        "code",
        "name",
        "summary",
        "department",
        "category",
        "channels",
        "handling_type",
        "promised_limit",
        "promised_unit",
        "legal_limit",
        "limit_unit",
    )
    found = {name: getattr(card, name) for name in (*same, "legal_limit_source", "fee", "visits")}
    return {**found, "audiences": sorted(card.audiences), "materials_count": card.materials}


@bp.get("/services")
@public
@bp.arguments(ServiceArgs, location="query")
@bp.response(200, page_schema(ServiceSchema))
def services(args: dict[str, Any]) -> dict[str, Any]:
    """List service items."""
    asked = Asked(**{k: str(args[k] or "") for k in ("q", "department", "category", "audience", "channel", "station")})
    found = queries.matching(asked, queries.overview()).cards
    return page_of([_line(card) for card in found[args["offset"] : args["offset"] + args["limit"]]], len(found), args)


@bp.get("/services/<code>")
@public
@bp.response(200, ServiceDetailSchema)
def service(code: str) -> Any:
    """Read one service item in the version that counts today."""
    view, whole = queries.item_view(code), queries.overview()
    if view is None or code not in whole.cards:
        abort(404, _("No service has this code."))
    version = view.version
    mark = etag_of(code, version.id, view.words, sorted(whole.withheld.get(code, ())))
    more = {name: getattr(version, name) for name in ("effective_on", "target_group", "result", "legal_limit_text", "proxy_allowed")}
    return unless_known(
        mark,
        lambda: {
            **_line(whole.cards[code]),
            **more,
            "version": version.number,
            "materials": view.papers,
            "laws": view.laws,
            "words": view.words,
            "withheld_at": sorted(whole.withheld.get(code, ())),
        },
    )


@bp.get("/service-groups")
@public
@bp.response(200, GroupsSchema)
def groups() -> queries.Overview:
    """The groups by which items can be narrowed: categories, departments, audiences."""
    return queries.overview()
