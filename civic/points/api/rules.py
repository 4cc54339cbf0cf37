"""The rules of points for programs: what counts today, what is posted, every change so far."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import abort
from flask_babel import force_locale
from flask_babel import gettext as _

from civic.core import clock
from civic.core.db import Bilingual
from civic.core.web import limits
from civic.core.web.access import public
from civic.core.web.api import ApiBlueprint, BilingualSchema, etag_of, unless_known
from civic.points import amounts
from civic.points.models import PolicyState
from civic.points.queries import ruling
from civic.points.queries.ruling import Version
from civic.points.versions import Change, RuleText, differences
from civic.territory.queries import any_path

bp = ApiBlueprint("api-points-rules", __name__, description="Rules of points")


class PlaceArgs(ma.Schema):
    """place: code of a territory; its district's programme counts.  Without one, the first programme."""

    place = ma.fields.String(load_default="", validate=ma.validate.Length(max=24))


class PointsRateSchema(ma.Schema):
    """Points an hour of a kind of service and a way of recording; `*` is every other."""

    service_type = ma.fields.String(required=True)
    hour_class = ma.fields.String(required=True)
    points_per_hour = ma.fields.String(required=True, metadata={"description": "decimal with two places"})


class RulesChangeSchema(ma.Schema):
    """One thing that differs from the version before; `before` is empty in a first version."""

    what = ma.fields.Nested(BilingualSchema, required=True)
    before = ma.fields.Nested(BilingualSchema, required=True)
    after = ma.fields.Nested(BilingualSchema, required=True)


class RulesVersionSchema(ma.Schema):
    """A version of the rules."""

    number = ma.fields.String(required=True)
    state = ma.fields.Enum(PolicyState, by_value=True, required=True)
    from_on = ma.fields.Date(allow_none=True, required=True, metadata={"description": "first day on which it counts"})
    posting = ma.fields.String(allow_none=True, required=True, metadata={"description": "number of its posting"})
    rates = ma.fields.List(ma.fields.Nested(PointsRateSchema), required=True)
    rounding_minutes = ma.fields.Integer(required=True)
    daily_minutes = ma.fields.Integer(required=True)
    threshold_minutes = ma.fields.Integer(required=True)
    cap = ma.fields.String(required=True, metadata={"description": "points, decimal with two places"})
    expiry_years = ma.fields.Integer(required=True, metadata={"description": "0: points do not expire"})
    exchange_days = ma.fields.Integer(required=True)
    confirm_days = ma.fields.Integer(required=True)
    group_donates = ma.fields.Boolean(required=True)
    note = ma.fields.Nested(BilingualSchema, required=True)
    changes = ma.fields.List(ma.fields.Nested(RulesChangeSchema), required=True)


class ProgrammeSchema(ma.Schema):
    """A district's programme of points."""

    code = ma.fields.String(required=True)
    district = ma.fields.String(required=True, metadata={"description": "code of the territory"})
    name = ma.fields.Nested(BilingualSchema, required=True)


class PointsRulesSchema(ma.Schema):
    """in_force: null before the first rules count.  coming: posted, or adopted for a day to come.  history: newest first."""

    programme = ma.fields.Nested(ProgrammeSchema, required=True)
    in_force = ma.fields.Nested(RulesVersionSchema, allow_none=True, required=True)
    coming = ma.fields.List(ma.fields.Nested(RulesVersionSchema), required=True)
    history = ma.fields.List(ma.fields.Nested(RulesVersionSchema), required=True)


@bp.get("/points/rules")
@public
@limits.per_minute(240)
@bp.arguments(PlaceArgs, location="query")
@bp.response(200, PointsRulesSchema)
def rules(args: dict[str, Any]) -> Any:
    """Read the rules of points with every change."""
    path = any_path(args["place"]) if args["place"] else ""
    if path is None:
        abort(404, _("No community, town or district has this code."))
    programme = ruling.programme_here(path)
    if programme is None:
        abort(404, _("There is no programme of points for this district yet."))
    found = ruling.public_rules(programme)
    versions = [*found.coming, *found.history]
    mark = etag_of(programme.code, clock.today(), [(v.row.id, v.row.lock_version, v.posting.number if v.posting else "") for v in versions])
    return unless_known(
        mark,
        lambda: {
            "programme": {"code": programme.code, "district": programme.territory.code, "name": programme.name},
            "in_force": told_version(found.now) if found.now else None,
            "coming": [told_version(version) for version in found.coming],
            "history": [told_version(version) for version in found.history],
        },
    )


def told_version(version: Version) -> dict[str, Any]:
    """A version for the schema."""
    row, text = version.row, version.text
    return {
        "number": row.number, "state": row.state, "from_on": row.from_on, "posting": version.posting.number if version.posting else None,
        "rates": [{"service_type": s, "hour_class": h, "points_per_hour": amounts.text(rate)} for s, h, rate in text.rates],
        "rounding_minutes": text.rounding, "daily_minutes": text.daily, "threshold_minutes": text.threshold, "cap": amounts.text(text.cap),
        "expiry_years": text.expiry_years, "exchange_days": text.exchange_days, "confirm_days": text.confirm_days,
        "group_donates": text.group_donates, "note": Bilingual(text.note_zh, text.note_en), "changes": _changes(version),
    }  # fmt: skip


def _changes(version: Version) -> list[dict[str, Bilingual]]:
    before = RuleText.of(version.before) if version.before else None
    said: dict[str, list[Change]] = {}
    for lang in ("zh", "en"):
        with force_locale(lang):
            said[lang] = differences(before, version.text)
    pairs = zip(said["zh"], said["en"], strict=True)
    return [{part: Bilingual(getattr(zh, part), getattr(en, part)) for part in ("what", "before", "after")} for zh, en in pairs]
