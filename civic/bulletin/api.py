"""The bulletin for programs: announcements and postings to read, an objection, one's subscriptions; writing for those whose grant allows."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort, g, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload, selectinload

from civic.bulletin import operations, policies, queries
from civic.bulletin.models import Announcement, AnnouncementKind, AnnouncementState, Posting, PostingState
from civic.bulletin.operations import AnnouncementText
from civic.bulletin.queries.boards import SHOWN, count_of
from civic.bulletin.queries.whole import state_today
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor, Channel, actor, viewer
from civic.core.web import limits
from civic.core.web.access import authorize, public, signed_in, staff
from civic.core.web.api import ApiBlueprint, BilingualSchema, Moment, PageArgs, etag_of, page_of, page_schema, unless_known
from civic.core.web.api_acts import IF_MATCH, ONCE, TOKEN, act_once, once, seen, sent_version
from civic.core.wording import TextState
from civic.core.workdays import Unit
from civic.territory.models import Territory
from civic.territory.queries import ancestors, any_path

bp = ApiBlueprint("api-bulletin", __name__, description="Announcements and postings")


class BoardArgs(PageArgs):
    """place: code of a territory; what hangs there, its own and that of the territories above it.  Without one, everything."""

    place = ma.fields.String(load_default="", validate=ma.validate.Length(max=24))


class AnnouncementSchema(ma.Schema):
    """An announcement in force."""

    uid = ma.fields.String(required=True)
    place = ma.fields.String(attribute="territory.code", required=True, metadata={"description": "code of the territory"})
    kind = ma.fields.Enum(AnnouncementKind, by_value=True, required=True)
    is_urgent = ma.fields.Boolean(required=True)
    title = ma.fields.Nested(BilingualSchema, required=True)
    body = ma.fields.Nested(BilingualSchema, required=True)
    state_zh = ma.fields.Enum(TextState, by_value=True, required=True)
    state_en = ma.fields.Enum(TextState, by_value=True, required=True)
    from_at = Moment(is_always=True)
    until_at = Moment()
    corrected_at = Moment(attribute="changed_at")
    voices = ma.fields.Function(
        lambda row: [{"speech": v.speech.value, "href": url_for("files.download", sha=v.sha256)} for v in row.voices],
        metadata={"type": "array", "items": {"type": "object"}},
    )


class RunSchema(ma.Schema):
    """One run of the clock."""

    put_up_on = ma.fields.Date(required=True)
    until_on = ma.fields.Date(required=True, metadata={"description": "last day on which objections count"})
    provisional = ma.fields.Boolean(attribute="is_provisional", required=True)
    removed_on = ma.fields.Date(allow_none=True, required=True)
    removed_why = ma.fields.String(required=True)


class PostingSchema(ma.Schema):
    """A posting with the runs of its clock."""

    number = ma.fields.String(required=True)
    place = ma.fields.String(attribute="territory.code", required=True, metadata={"description": "code of the territory"})
    state = ma.fields.Function(
        lambda row: state_today(row, row.runs[-1] if row.runs else None, clock.today()).value,
        metadata={"type": "string", "enum": [s.value for s in PostingState]},
    )
    title = ma.fields.Nested(BilingualSchema, required=True)
    body = ma.fields.Nested(BilingualSchema, required=True)
    days = ma.fields.Integer(required=True)
    unit = ma.fields.Enum(Unit, by_value=True, required=True)
    basis = ma.fields.String(required=True)
    masking = ma.fields.String(required=True)
    outcome = ma.fields.Nested(BilingualSchema, required=True)
    runs = ma.fields.List(ma.fields.Nested(RunSchema), required=True)


class AnswerSchema(ma.Schema):
    """An objection as everybody sees it: number, day, the answer."""

    number = ma.fields.Integer(required=True)
    at = Moment(is_always=True)
    answer = ma.fields.Nested(BilingualSchema, required=True)
    answered_at = Moment()


class EventSchema(ma.Schema):
    """A line of the public history."""

    verb = ma.fields.String(required=True)
    at = Moment(is_always=True)
    note = ma.fields.String(required=True)


class PostingDetailSchema(PostingSchema):
    """A posting whole."""

    objections = ma.fields.List(ma.fields.Nested(AnswerSchema), required=True)
    history = ma.fields.List(ma.fields.Nested(EventSchema), required=True)


def _path(code: str) -> str:
    path = any_path(code) if code else ""
    if path is None:
        abort(404, _("No community, town or district has this code."))
    return path


def _page(query: Any, args: dict[str, Any]) -> dict[str, Any]:
    total = count_of(query)
    return page_of(list(db.session.scalars(query.limit(args["limit"]).offset(args["offset"]))), total, args)


@bp.get("/announcements")
@public
@limits.per_minute(240)
@bp.arguments(BoardArgs, location="query")
@bp.response(200, page_schema(AnnouncementSchema))
def announcements(args: dict[str, Any]) -> Any:
    """List announcements in force."""
    path, now, a = _path(args["place"]), clock.now(), Announcement
    query = sa.select(a).join(a.territory).options(joinedload(a.territory), selectinload(a.voices))
    query = query.where(a.state == AnnouncementState.published, a.from_at <= now, sa.or_(a.until_at.is_(None), a.until_at > now))
    if path:
        query = query.where(Territory.path.in_(ancestors(path)))
    page = _page(query.order_by(a.is_urgent.desc(), a.from_at.desc(), a.id.desc()), args)
    return unless_known(etag_of([(r.uid, r.lock_version) for r in page["items"]], page["total"], args), lambda: page)


@bp.get("/announcements/<uid>")
@public
@bp.response(200, AnnouncementSchema)
def announcement(uid: str) -> Any:
    """Read one announcement; a withdrawn one is 404."""
    row = queries.announcement_by_uid(uid)
    if row is None or row.state is not AnnouncementState.published:
        abort(404, _("There is no such announcement."))
    return unless_known(etag_of(uid, row.lock_version, [v.sha256 for v in row.voices]), lambda: row)


@bp.get("/postings")
@public
@limits.per_minute(240)
@bp.arguments(BoardArgs, location="query")
@bp.response(200, page_schema(PostingSchema))
def postings(args: dict[str, Any]) -> Any:
    """List postings that are up, taken down early, or wait for their outcome."""
    path = _path(args["place"])
    query = sa.select(Posting).join(Posting.territory).where(Posting.state.in_(SHOWN))
    query = query.options(joinedload(Posting.territory), selectinload(Posting.runs))
    if path:
        query = query.where(Territory.path.in_(ancestors(path)))
    page = _page(query.order_by(Posting.number.desc()), args)
    return unless_known(etag_of([(r.number, r.lock_version) for r in page["items"]], page["total"], args, clock.today()), lambda: page)


def _posting(number: str) -> Posting:
    row = queries.posting_by_number(number)
    if row is None:
        abort(404, _("There is no such posting."))
    return row


@bp.get("/postings/<number>")
@public
@bp.response(200, PostingDetailSchema)
def posting(number: str) -> Any:
    """Read one posting with its answers and its history."""
    row = _posting(number)
    view = queries.posting_view(row)
    same = ("number", "territory", "title", "body", "days", "unit", "basis", "masking", "outcome", "runs", "state")
    body = {**{name: getattr(row, name) for name in same}, "objections": view.objections, "history": view.events}
    return unless_known(
        etag_of(number, row.lock_version, [(o.number, o.state) for o in view.objections], len(view.events), view.state), lambda: Whole(body)
    )


class Whole:
    """A row with what belongs to it, for a schema."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


class ObjectionSchema(ma.Schema):
    """What somebody says against a posting.  name and contact: needed where the token has no person; not published."""

    text = ma.fields.String(required=True, validate=ma.validate.Length(1, 3000))
    name = ma.fields.String(load_default="", validate=ma.validate.Length(max=100))
    contact = ma.fields.String(load_default="", validate=ma.validate.Length(max=120))


class ReceiptSchema(ma.Schema):
    """The objection is taken in."""

    uid = ma.fields.String(required=True)
    number = ma.fields.Integer(required=True)
    href = ma.fields.String(required=True, metadata={"description": "page that tells its state"})


@bp.post("/postings/<number>/objections")
@public
@limits.per_minute(6)
@bp.arguments(ObjectionSchema)
@bp.response(201, ReceiptSchema)
@bp.alt_response(422, description="The posting is not up today, or name and contact are missing")
def object_to(wanted: dict[str, Any], number: str) -> Any:
    """Object to a posting; Idempotency-Key may be sent."""
    row, who = _posting(number), viewer()
    by = actor() if who.is_signed_in else Actor(None, job="visitor", channel=Channel.api, request_id=g.get("request_id", ""))
    with once(wanted, lambda made: _receipt(number, made), must=False):
        made = operations.object_to(by, row.id, wanted["text"], person_id=who.person_id, name=wanted["name"], contact=wanted["contact"])
    return _receipt(number, made)


def _receipt(number: str, made: Any) -> dict[str, Any]:
    return {"uid": made.uid, "number": made.number, "href": url_for("bulletin_part.objected", number=number, uid=made.uid)}


class NewAnnouncementSchema(ma.Schema):
    """An announcement to write; publish: put it out at once."""

    place = ma.fields.String(required=True)
    kind = ma.fields.Enum(AnnouncementKind, by_value=True, load_default=AnnouncementKind.news)
    is_urgent = ma.fields.Boolean(load_default=False)
    title_zh = ma.fields.String(load_default="", validate=ma.validate.Length(max=120))
    title_en = ma.fields.String(load_default="", validate=ma.validate.Length(max=160))
    body_zh = ma.fields.String(load_default="", validate=ma.validate.Length(max=8000))
    body_en = ma.fields.String(load_default="", validate=ma.validate.Length(max=8000))
    from_at = ma.fields.AwareDateTime(load_default=None, allow_none=True)
    until_at = ma.fields.AwareDateTime(load_default=None, allow_none=True)


class WrittenSchema(ma.Schema):
    """The announcement and its version, which publishing asks for as `If-Match`."""

    uid = ma.fields.String(required=True)
    state = ma.fields.Enum(AnnouncementState, by_value=True, required=True)
    version = ma.fields.Integer(attribute="lock_version", required=True)


def place_to_write_for(code: str) -> tuple[int, int | None]:
    """The territory's id and the organisation for which this token speaks there; 404 for an unknown code.  Raises NotAllowed."""
    place = db.session.scalars(sa.select(Territory).where(Territory.code == code)).one_or_none()
    if place is None:
        abort(404, _("No community, town or district has this code."))
    speaks_for = policies.speaks_for(viewer(), place.path)
    authorize(policies.can_write, viewer(), place.path, speaks_for)
    return place.id, speaks_for


@bp.post("/announcements")
@staff(*policies.EDITORS)
@bp.arguments(NewAnnouncementSchema)
@bp.response(201, WrittenSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def write(wanted: dict[str, Any]) -> Any:
    """Write an announcement as a draft."""
    body = {**wanted}
    place_id, speaks_for = place_to_write_for(wanted.pop("place"))
    write_it = lambda: operations.write_announcement(actor(), place_id, speaks_for, AnnouncementText(**wanted))  # noqa: E731
    return act_once(WrittenSchema, lambda made: made, write_it, body, status=201, must=False)


def _own(uid: str) -> Announcement:
    row = db.session.scalars(sa.select(Announcement).where(Announcement.uid == uid)).one_or_none()
    if row is None:
        abort(404, _("There is no such announcement."))
    authorize(policies.can_write, viewer(), row.territory.path, row.organisation_id)
    return row


@bp.post("/announcements/<uid>/publish")
@staff(*policies.EDITORS)
@bp.response(200, WrittenSchema)
@bp.alt_response(412, description="A colleague changed it since: `context.current` is the version now")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, ONCE])
def publish(uid: str) -> Any:
    """Put a draft out."""
    row = _own(uid)
    row_id, base = row.id, seen(row.lock_version)
    return act_once(
        WrittenSchema,
        lambda made: made,
        lambda: operations.publish_announcement(actor(), row_id, base),
        {"base": sent_version()},
        must=False,
    )


@bp.post("/announcements/<uid>/withdraw")
@staff(*policies.EDITORS)
@bp.response(200, WrittenSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def withdraw(uid: str) -> Any:
    """Take a published announcement from the board."""
    row_id = _own(uid).id
    return act_once(WrittenSchema, lambda made: made, lambda: operations.withdraw_announcement(actor(), row_id), must=False)


class SubscriptionSchema(ma.Schema):
    """A place whose news one gets."""

    place = ma.fields.String(required=True)
    announcements = ma.fields.Boolean(load_default=True)
    postings = ma.fields.Boolean(load_default=True)


def _receiver() -> tuple[str, int]:
    who = viewer()
    return ("person", who.person_id) if who.person_id is not None else ("account", who.account_id or 0)


def _place_id(code: str) -> int:
    found = db.session.scalar(sa.select(Territory.id).where(Territory.code == code))
    if found is None:
        abort(404, _("No community, town or district has this code."))
    return found


@bp.route("/subscriptions", methods=["POST"])
@signed_in
@bp.arguments(SubscriptionSchema)
@bp.response(201, SubscriptionSchema)
@bp.doc(security=TOKEN)
def subscribe(wanted: dict[str, Any]) -> dict[str, Any]:
    """Get the news of a place."""
    more = {"announcements": wanted["announcements"], "postings": wanted["postings"]}
    operations.subscribe(actor(), _place_id(wanted["place"]), *_receiver(), **more)
    return wanted


@bp.route("/subscriptions/<place>", methods=["DELETE"])
@signed_in
@bp.response(204)
@bp.doc(security=TOKEN)
def unsubscribe(place: str) -> None:
    """No more news of a place."""
    if not operations.end_own_subscription(actor(), _place_id(place), *_receiver()):
        abort(404, _("You do not get the news of this place."))
