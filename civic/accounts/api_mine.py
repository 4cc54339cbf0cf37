"""JSON resources of one's own account: who one is, devices, what is stored, messages, corrections."""

from __future__ import annotations

import json
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort

from civic.accounts import operations, personal, queries
from civic.accounts.models import Account, UserSession
from civic.core import clock, crypto
from civic.core.db import db
from civic.core.messages.models import Message
from civic.core.viewer import actor, viewer
from civic.core.web.access import signed_in
from civic.core.web.api import ApiBlueprint, BilingualField, PageArgs, page_of, page_schema
from civic.core.web.limits import per_minute
from civic.people import labels as people_labels
from civic.people import operations as people
from civic.people import queries as people_queries
from civic.people.models import Person
from civic.territory.models import Territory

bp = ApiBlueprint("account_api", __name__, description="One's own account")
TOKEN: dict[str, Any] = {"security": [{"token": []}]}


class PlaceSchema(ma.Schema):
    """A territory or organisation by code and name."""

    code = ma.fields.String(required=True)
    name = BilingualField(required=True)


class GrantSchema(ma.Schema):
    """Role x territory x organisation, from-to."""

    role = ma.fields.String(required=True)
    territory = ma.fields.Nested(PlaceSchema, required=True)
    organisation = ma.fields.Nested(PlaceSchema, required=True, allow_none=True)
    from_on = ma.fields.Date(required=True)
    to_on = ma.fields.Date(required=True, allow_none=True)


class AccountSchema(ma.Schema):
    """grants: those that count today; without the second step they are listed but not in force (`two_step` false).

    person_number: member number, null for a login without a person.  verified_in: communities in which she is verified.
    """

    login = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    lang = ma.fields.String(required=True)
    two_step = ma.fields.Boolean(required=True)
    person_number = ma.fields.String(required=True, allow_none=True)
    verified_in = ma.fields.List(ma.fields.Nested(PlaceSchema), required=True)
    grants = ma.fields.List(ma.fields.Nested(GrantSchema), required=True)


class AccountChangeSchema(ma.Schema):
    """What one changes oneself.  lang: zh, en, or empty: as the device says."""

    name = ma.fields.String(validate=ma.validate.Length(1, 100))
    lang = ma.fields.String(validate=ma.validate.OneOf(["", "zh", "en"]))


class SessionSchema(ma.Schema):
    """A browser in which one is signed in."""

    id = ma.fields.Integer(required=True)
    device = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    last_seen_at = ma.fields.AwareDateTime(required=True)
    expires_at = ma.fields.AwareDateTime(required=True)


class RowSchema(ma.Schema):
    """One thing that is stored, in the reader's language."""

    label = ma.fields.String(required=True)
    value = ma.fields.String(required=True)


class PartSchema(ma.Schema):
    """What one module stores, why and until when."""

    name = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    rows = ma.fields.List(ma.fields.Nested(RowSchema), required=True)
    why = ma.fields.String(required=True)
    until = ma.fields.String(required=True)


class LookSchema(ma.Schema):
    """Who looked at one's data: a role at a place, never a name."""

    at = ma.fields.String(required=True)
    who = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    purpose = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)


class DataSchema(ma.Schema):
    """Everything that is stored about oneself."""

    made_at = ma.fields.String(required=True)
    language = ma.fields.String(required=True)
    parts = ma.fields.List(ma.fields.Nested(PartSchema), required=True)
    looks = ma.fields.List(ma.fields.Nested(LookSchema), required=True)


class MessageSchema(ma.Schema):
    """A message of the inbox.  href: a path of this site."""

    id = ma.fields.String(required=True)
    topic = ma.fields.String(required=True)
    lang = ma.fields.String(required=True)
    subject = ma.fields.String(required=True)
    body = ma.fields.String(required=True)
    href = ma.fields.String(required=True)
    urgent = ma.fields.Boolean(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    read_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class CorrectionWantedSchema(ma.Schema):
    """topic: name, birth, document, contact, home, household, other."""

    topic = ma.fields.String(required=True, validate=ma.validate.OneOf(sorted(people_labels.CORRECTION_TOPICS)))
    wish = ma.fields.String(required=True, validate=ma.validate.Length(1, 1000))


class CorrectionSchema(ma.Schema):
    """due_on: the last day for the answer."""

    id = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    due_on = ma.fields.Date(required=True)


def _mine() -> int:
    found = viewer().account_id
    if found is None:
        raise ValueError("this resource is marked @signed_in")
    return found


def _account() -> dict[str, Any]:
    account, who = db.session.get_one(Account, _mine()), viewer()
    places = db.session.scalars(sa.select(Territory).where(Territory.path.in_(sorted(who.verified_in))).order_by(Territory.path))
    return {
        "login": account.login,
        "name": account.name,
        "lang": account.lang,
        "two_step": who.is_two_step,
        "person_number": db.session.scalar(sa.select(Person.number).where(Person.id == who.person_id)) if who.person_id else None,
        "verified_in": list(places),
        "grants": [grant for grant in queries.grants_of(account.id) if grant.is_valid(clock.today())],
    }


@bp.route("/account", methods=["GET"])
@signed_in
@bp.response(200, AccountSchema)
@bp.doc(**TOKEN)
def show_account() -> dict[str, Any]:
    """Who one is and what one may do today."""
    return _account()


@bp.route("/account", methods=["PATCH"])
@signed_in
@bp.arguments(AccountChangeSchema)
@bp.response(200, AccountSchema)
@bp.doc(**TOKEN)
def change_account(wanted: dict[str, Any]) -> dict[str, Any]:
    """Change the shown name or the language."""
    operations.change_account(actor(), _mine(), name=wanted.get("name"), lang=wanted.get("lang"))
    return _account()


@bp.route("/account/sessions", methods=["GET"])
@signed_in
@bp.arguments(PageArgs, location="query")
@bp.response(200, page_schema(SessionSchema))
@bp.doc(**TOKEN)
def list_sessions(args: dict[str, Any]) -> dict[str, Any]:
    """Browsers in which one is signed in."""
    rows = queries.living_sessions(_mine())
    return page_of([_session(row) for row in rows[args["offset"] : args["offset"] + args["limit"]]], len(rows), args)


def _session(row: UserSession) -> dict[str, Any]:
    moments = {name: clock.local(getattr(row, name)) for name in ("created_at", "last_seen_at", "expires_at")}
    return {"id": row.id, "device": row.device, **moments}


@bp.route("/account/sessions/<int:session_id>", methods=["DELETE"])
@signed_in
@bp.response(204)
@bp.doc(**TOKEN)
def end_session(session_id: int) -> None:
    """Sign a browser out."""
    if not operations.end_session(actor(), _mine(), session_id):
        abort(404)


@bp.route("/account/data", methods=["GET"])
@signed_in
@per_minute(10)
@bp.response(200, DataSchema)
@bp.doc(**TOKEN)
def show_data() -> dict[str, Any]:
    """Everything that is stored about oneself, and who looked at it."""
    operations.refuse_unproven(_mine())
    return personal.as_json(viewer().person_id, _mine())


@bp.route("/account/messages", methods=["GET"])
@signed_in
@bp.arguments(PageArgs, location="query")
@bp.response(200, page_schema(MessageSchema))
@bp.doc(**TOKEN)
def list_messages(args: dict[str, Any]) -> dict[str, Any]:
    """One's inbox, newest first."""
    mine = sa.and_(Message.receiver_kind == "account", Message.receiver_id == _mine())
    person_id = viewer().person_id
    if person_id is not None:
        rows = people_queries.all_rows_of(person_id)
        mine = sa.or_(mine, sa.and_(Message.receiver_kind == "person", Message.receiver_id.in_(rows)))
    query = sa.select(Message).where(mine, Message.topic != operations.TOPIC)
    total = db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    page = db.session.scalars(query.order_by(Message.id.desc()).limit(args["limit"]).offset(args["offset"]))
    return page_of([_message(row) for row in page], total, args)


def _message(row: Message) -> dict[str, Any]:
    words = json.loads(crypto.decrypt(row.sealed, "message"))
    return {
        "id": row.uid,
        "topic": row.topic,
        "lang": row.lang,
        "subject": words["subject"],
        "body": words["body"],
        "href": row.href,
        "urgent": row.is_urgent,
        "created_at": clock.local(row.created_at),
        "read_at": clock.local(row.read_at) if row.read_at else None,
    }


@bp.route("/account/corrections", methods=["POST"])
@signed_in
@per_minute(10)
@bp.arguments(CorrectionWantedSchema)
@bp.response(201, CorrectionSchema)
@bp.doc(**TOKEN)
def ask_correction(wanted: dict[str, Any]) -> dict[str, Any]:
    """Ask to have something put right."""
    person_id = viewer().person_id
    if person_id is None:
        abort(404)
    row = people.ask_correction(actor(), person_id, wanted["topic"], wanted["wish"])
    return {"id": row.uid, "state": row.state.value, "due_on": row.due_on}
