"""Versions of the rules for the programs of a district: drafted, changed, proposed, agreed to by a second person, adopted, withdrawn.

The operations and policies of the pages (views/rules_desk.py).  Every verb wants an Idempotency-Key and takes `If-Match` with the version that was
read; to agree one must send it, because nobody agrees to what she has not seen.  What everybody reads of the rules is in `rules.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.viewer import actor, viewer
from civic.core.web import limits
from civic.core.web.access import authorize, staff
from civic.core.web.api import PageArgs, page_of, page_schema
from civic.core.web.api_acts import IF_MATCH, KEY, TOKEN, act_once, reached, seen, sent_version
from civic.points import operations, policies
from civic.points.api.own import AMOUNT, amount_of
from civic.points.api.rules import PointsRateSchema, ProgrammeSchema, RulesVersionSchema, bp, told_version
from civic.points.errors import OutOfRange
from civic.points.models import Policy, Programme
from civic.points.operations import policy as verbs
from civic.points.queries import ruling
from civic.points.queries.ruling import Version
from civic.points.versions import MOST_RATE, RuleText
from civic.territory.models import Territory

RULERS, READERS = policies.RULERS, policies.READERS
RATE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?", re.ASCII)
ROWS = 13  # rates that one version may have, as many as the page offers


class NoVersionNamed(DomainError):
    """Agreed without saying to what."""

    code, status = "no_if_match", 400
    sentence = _l("Send If-Match with the version that was read: nobody agrees to what she has not seen.")


# ---- shapes -----------------------------------------------------------------------------------------------------------------
class RulesDeskVersionSchema(RulesVersionSchema):
    """A version as those see it who rule, drafts included."""

    id = ma.fields.Integer(required=True)
    programme = ma.fields.String(required=True, metadata={"description": "code of its programme"})
    step = ma.fields.String(required=True, metadata={"enum": ["draft", "proposed", "posted", "closed", "removed", "adopted", "withdrawn"]})
    first_day = ma.fields.Date(required=True, metadata={"description": "first day on which it can begin, as things stand"})
    is_mine = ma.fields.Boolean(required=True, metadata={"description": "proposed by this token's account, so another person agrees"})
    version = ma.fields.Integer(required=True, metadata={"description": "for `If-Match`"})


class VersionsArgs(PageArgs):
    """programme: code; without one, those of every programme that one may read."""

    programme = ma.fields.String(load_default="", validate=ma.validate.Length(max=24))


class NewProgrammeSchema(ma.Schema):
    """district: code of one that has no programme yet."""

    district = ma.fields.String(required=True, validate=ma.validate.Length(max=24))
    name_zh = ma.fields.String(required=True, validate=ma.validate.Length(1, 60))
    name_en = ma.fields.String(required=True, validate=ma.validate.Length(1, 80))


class RulesWordsSchema(ma.Schema):
    """What a version says; what is not named stays.  rates: all of them, one row for `*` and `*`."""

    rates = ma.fields.List(ma.fields.Nested(PointsRateSchema), validate=ma.validate.Length(1, ROWS))
    rounding_minutes = ma.fields.Integer(strict=True, attribute="rounding")
    daily_minutes = ma.fields.Integer(strict=True, attribute="daily")
    threshold_minutes = ma.fields.Integer(strict=True, attribute="threshold")
    cap = ma.fields.Raw(metadata={"type": "string", "pattern": f"^{AMOUNT.pattern}$", "example": "1500.00"})
    expiry_years = ma.fields.Integer(strict=True)
    exchange_days = ma.fields.Integer(strict=True)
    confirm_days = ma.fields.Integer(strict=True)
    group_donates = ma.fields.Boolean()
    note_zh = ma.fields.String(validate=ma.validate.Length(max=1000))
    note_en = ma.fields.String(validate=ma.validate.Length(max=1000))


class FromDaySchema(ma.Schema):
    """from_on: first day on which it counts."""

    from_on = ma.fields.Date(required=True)


class AdoptSchema(ma.Schema):
    """from_on: the day announced, or a later one; without it, the one announced."""

    from_on = ma.fields.Date(load_default=None, allow_none=True)


# ---- reads ------------------------------------------------------------------------------------------------------------------
def _load(policy_id: int, policy: Any = policies.can_rule) -> Version:
    path = db.session.scalar(
        sa.select(Territory.path)
        .join(Programme, Programme.territory_id == Territory.id)
        .join(Policy, Policy.programme_id == Programme.id)
        .where(Policy.id == policy_id)
    )
    version = ruling.version_of(policy_id)
    if path is None or version is None or not policies.can_read_rules(viewer(), path):
        abort(404, _("There is no such version of the rules."))
    authorize(policy, viewer(), path)
    return version


def _shown(version: Version) -> dict[str, Any]:
    row = version.row
    code = db.session.scalars(sa.select(Programme.code).where(Programme.id == row.programme_id)).one()
    step = ruling.step_of(version)
    first: date = verbs.first_adoptable(row) if step == "closed" else verbs.first_day()
    own = {"id": row.id, "programme": code, "step": step, "first_day": first, "version": row.lock_version}
    return {**told_version(version), **own, "is_mine": row.maker_id == viewer().account_id}


def _now(policy_id: int) -> dict[str, Any]:
    version = ruling.version_of(policy_id)
    if version is None:
        raise ValueError("a version that was there is gone")
    return _shown(version)


@bp.get("/points/rules/versions")
@staff(*RULERS, *READERS)
@limits.per_minute(120)
@bp.arguments(VersionsArgs, location="query")
@bp.response(200, page_schema(RulesDeskVersionSchema))
@bp.doc(security=TOKEN)
def rules_versions(args: dict[str, Any]) -> Any:
    """List versions of one's programmes, drafts included, the newest first."""
    programmes = [row for row in ruling.programmes_of(viewer()) if args["programme"] in {"", row.code}]
    if args["programme"] and not programmes:
        abort(404, _("There is no such programme of points."))
    found = [version for programme in programmes for version in ruling.versions(programme.id)]
    return page_of([_shown(each) for each in found[args["offset"] : args["offset"] + args["limit"]]], len(found), args)


@bp.get("/points/rules/versions/<int:policy_id>")
@staff(*RULERS, *READERS)
@limits.per_minute(120)
@bp.response(200, RulesDeskVersionSchema)
@bp.doc(security=TOKEN)
def rules_version(policy_id: int) -> Any:
    """Read one version, what it changes and at which step it stands; the ETag is for `If-Match`."""
    version = _load(policy_id, policies.can_read_rules)
    return _shown(version), 200, {"ETag": f'"{version.row.lock_version}"'}


# ---- verbs ------------------------------------------------------------------------------------------------------------------
@bp.post("/points/programmes")
@staff(*RULERS)
@bp.arguments(NewProgrammeSchema)
@bp.response(201, ProgrammeSchema)
@bp.alt_response(409, description="The district has a programme")
@bp.doc(security=TOKEN, parameters=[KEY])
def begin_programme(wanted: dict[str, Any]) -> Any:
    """Begin a programme of points for a district that has none; it has no points until its first rules are adopted."""
    place = db.session.scalars(sa.select(Territory).where(Territory.code == wanted["district"])).one_or_none()
    if place is None:
        abort(404, _("No community, town or district has this code."))
    authorize(policies.can_rule, viewer(), place.path)
    place_id, code = place.id, place.code

    def told(made: Programme) -> dict[str, Any]:
        return {"code": made.code, "district": code, "name": made.name}

    return act_once(
        ProgrammeSchema, told, lambda: operations.open_programme(actor(), place_id, code, wanted["name_zh"], wanted["name_en"]), wanted,
        status=201,
    )  # fmt: skip


def _programme(code: str) -> Programme:
    row = db.session.scalars(sa.select(Programme).where(Programme.code == code)).one_or_none()
    if row is None or not policies.can_read_rules(viewer(), row.territory.path):
        abort(404, _("There is no such programme of points."))
    authorize(policies.can_rule, viewer(), row.territory.path)
    return row


@bp.post("/points/programmes/<code>/versions")
@staff(*RULERS)
@bp.response(201, RulesDeskVersionSchema)
@bp.alt_response(409, description="Another version is not decided yet (`version_open`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def draft_version(code: str) -> Any:
    """Draft the next version: a copy of the newest adopted one, the defaults in a new programme."""
    programme_id = _programme(code).id
    return act_once(RulesDeskVersionSchema, lambda made: _now(made.id), lambda: verbs.draft(actor(), programme_id), status=201)


def _do(policy_id: int, act: Callable[[int], Any], body: dict[str, Any] | None = None) -> Any:
    """One verb on a version as it was seen.  The key remembers what was sent, not what stood here: a repeat meets a later version."""
    base = seen(_load(policy_id).row.lock_version)
    return act_once(RulesDeskVersionSchema, lambda _done: _now(policy_id), lambda: act(base), {**(body or {}), "base": sent_version()})


def _text(version: Version, wanted: dict[str, Any]) -> RuleText:
    """What stands, with what was named in its place.  Raises OutOfRange, WrongAmount."""
    stands = {**version.text.settings(), "rates": version.text.rates}
    named = {name: value for name, value in wanted.items() if name not in {"rates", "cap"}}
    if "cap" in wanted:
        named["cap"] = amount_of(wanted["cap"])
    if "rates" in wanted:
        named["rates"] = tuple((row["service_type"], row["hour_class"], _rate(row["points_per_hour"])) for row in wanted["rates"])
    return RuleText(**{**stands, **named})


def _rate(typed: str) -> int:
    """Points an hour in hundredths, 0 included."""
    if not RATE.fullmatch(typed):
        raise OutOfRange(field="rates", least=0, most=MOST_RATE // 100)
    whole, _dot, places = typed.partition(".")
    return int(whole) * 100 + int(places.ljust(2, "0") or "0")


@bp.patch("/points/rules/versions/<int:policy_id>")
@staff(*RULERS)
@reached(_load)
@bp.arguments(RulesWordsSchema)
@bp.response(200, RulesDeskVersionSchema)
@bp.alt_response(409, description="It is no draft any more (`policy_step`)")
@bp.alt_response(412, description="A colleague changed it since: `context.current` is the version now")
@bp.alt_response(422, description="`out_of_range`, `no_general_rate`, `rate_twice`, `wrong_amount`")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, KEY])
def edit_version(wanted: dict[str, Any], policy_id: int) -> Any:
    """Change a draft; a proposed one has to be proposed again."""
    version = _load(policy_id)
    told = {**wanted, "rates": wanted.get("rates")}
    return _do(policy_id, lambda base: verbs.edit(actor(), policy_id, base, _text(version, wanted)), told)


@bp.post("/points/rules/versions/<int:policy_id>/propose")
@staff(*RULERS)
@reached(_load)
@bp.arguments(FromDaySchema)
@bp.response(200, RulesDeskVersionSchema)
@bp.alt_response(422, description="`nothing_changed`, `too_early` and `too_late`: `context.first`, `context.last` are the possible days")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, KEY])
def propose_version(wanted: dict[str, Any], policy_id: int) -> Any:
    """Say from which day on the draft is to count; a second person agrees then."""
    return _do(
        policy_id, lambda base: verbs.propose(actor(), policy_id, base, wanted["from_on"]), {"from_on": wanted["from_on"].isoformat()}
    )


@bp.post("/points/rules/versions/<int:policy_id>/agree")
@staff(*RULERS)
@bp.response(200, RulesDeskVersionSchema)
@bp.alt_response(400, description="Without `If-Match` (`no_if_match`) or without a key")
@bp.alt_response(403, description="The one who proposed it (`second_person_needed`)")
@bp.alt_response(412, description="It was changed since it was read")
@bp.doc(security=TOKEN, parameters=[{**IF_MATCH, "required": True}, KEY])
def agree_version(policy_id: int) -> Any:
    """Agree as a second person: its posting hangs from today, in both languages."""
    _load(policy_id)
    if request.headers.get("If-Match", "").strip() in {"", "*"}:
        raise NoVersionNamed
    return _do(policy_id, lambda base: verbs.agree(actor(), policy_id, base))


@bp.post("/points/rules/versions/<int:policy_id>/adopt")
@staff(*RULERS)
@reached(_load)
@bp.arguments(AdoptSchema)
@bp.response(200, RulesDeskVersionSchema)
@bp.alt_response(409, description="Its posting is not closed yet (`posting_hangs`)")
@bp.alt_response(422, description="`before_announced`, `too_early`, `too_late`")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, KEY])
def adopt_version(wanted: dict[str, Any], policy_id: int) -> Any:
    """Adopt a version whose posting is closed."""
    day = wanted["from_on"]
    told = {"from_on": day.isoformat() if day else None}
    return _do(policy_id, lambda base: verbs.adopt(actor(), policy_id, base, day), told)


@bp.post("/points/rules/versions/<int:policy_id>/withdraw")
@staff(*RULERS)
@bp.response(200, RulesDeskVersionSchema)
@bp.alt_response(409, description="Its posting hangs (`posting_hangs`), or it was decided (`policy_step`)")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, KEY])
def withdraw_version(policy_id: int) -> Any:
    """Give a version up: a draft at any time, a posted one when its posting is closed or was taken down."""
    return _do(policy_id, lambda base: verbs.withdraw(actor(), policy_id, base))
