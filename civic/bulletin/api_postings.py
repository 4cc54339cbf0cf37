"""The clock of a posting for programs whose token may write there: draft, put up, take down, answer objections, close with the outcome.

A posting is named by its number, a draft, which has none yet, by its uid.  The same operations and policies as the desk's pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort
from flask_babel import gettext as _

from civic.bulletin import operations, policies, queries
from civic.bulletin.api import AnswerSchema, BoardArgs, Whole, bp, place_to_write_for
from civic.bulletin.clock import LONGEST
from civic.bulletin.models import Objection, Posting, PostingState
from civic.bulletin.operations import PostingText
from civic.bulletin.queries.boards import count_of
from civic.bulletin.queries.whole import state_today
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import actor, viewer
from civic.core.web.access import authorize, staff
from civic.core.web.api import PageArgs, page_of, page_schema
from civic.core.web.api_acts import IF_MATCH, ONCE, TOKEN, act_once, reached, seen
from civic.core.workdays import Unit
from civic.territory.models import Territory


class NewPostingSchema(ma.Schema):
    """A posting to write, as a draft.  place: code of the territory; days: counted from the day after it is put up."""

    place = ma.fields.String(required=True)
    title_zh = ma.fields.String(load_default="", validate=ma.validate.Length(max=120))
    title_en = ma.fields.String(load_default="", validate=ma.validate.Length(max=160))
    body_zh = ma.fields.String(load_default="", validate=ma.validate.Length(max=8000))
    body_en = ma.fields.String(load_default="", validate=ma.validate.Length(max=8000))
    days = ma.fields.Integer(required=True, validate=ma.validate.Range(1, LONGEST))
    unit = ma.fields.Enum(Unit, by_value=True, load_default=Unit.working_day)
    basis = ma.fields.String(load_default="", validate=ma.validate.Length(max=300))
    masking = ma.fields.String(load_default="", validate=ma.validate.Length(max=200))


class TakeDownSchema(ma.Schema):
    """why: public.  Without it nothing happens, and the answer says what would follow."""

    why = ma.fields.String(load_default="", validate=ma.validate.Length(max=300))


class GivenAnswerSchema(ma.Schema):
    """The public answer in both languages; it may name nobody."""

    answer_zh = ma.fields.String(load_default="", validate=ma.validate.Length(max=2000))
    answer_en = ma.fields.String(load_default="", validate=ma.validate.Length(max=2000))


class OutcomeSchema(ma.Schema):
    """The outcome in both languages."""

    outcome_zh = ma.fields.String(load_default="", validate=ma.validate.Length(max=2000))
    outcome_en = ma.fields.String(load_default="", validate=ma.validate.Length(max=2000))


class KeptPostingSchema(ma.Schema):
    """A posting as its keeper sees it.  number: None for a draft; until_on: last day of the run that counts; version: for `If-Match`."""

    uid = ma.fields.String(required=True)
    number = ma.fields.Function(lambda row: None if row.state is PostingState.draft else row.number, metadata={"type": ["string", "null"]})
    state = ma.fields.Function(
        lambda row: state_today(row, _last_run(row), clock.today()).value,
        metadata={"type": "string", "enum": [s.value for s in PostingState]},
    )
    until_on = ma.fields.Function(
        lambda row: run.until_on.isoformat() if (run := _last_run(row)) and run.removed_on is None else None,
        metadata={"type": ["string", "null"], "format": "date"},
    )
    version = ma.fields.Integer(attribute="lock_version", required=True)


class ObjectionWordsSchema(AnswerSchema):
    """An objection with its words, for those who answer.  They are empty once they were forgotten."""

    text = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    contact = ma.fields.String(required=True)


def _last_run(row: Posting) -> Any:
    return row.runs[-1] if row.runs else None


def _load(number: str) -> Posting:
    row = db.session.scalars(sa.select(Posting).where(sa.or_(Posting.number == number, Posting.uid == number))).one_or_none()
    if row is None:
        abort(404, _("There is no such posting."))
    authorize(policies.can_write, viewer(), row.territory.path, row.organisation_id)
    return row


def _done(row: Posting, body: Any, act: Callable[[], Any]) -> Any:
    """Run one operation, once for one key, and tell how the posting stands."""
    uid = row.uid

    def stands(_done: Any) -> Posting:
        found = _load(uid)
        db.session.refresh(found)
        return found

    return act_once(KeptPostingSchema, stands, act, body, must=False)


@bp.get("/postings/mine")
@staff(*policies.EDITORS)
@bp.arguments(BoardArgs, location="query")
@bp.response(200, page_schema(KeptPostingSchema))
@bp.doc(security=TOKEN)
def own_postings(args: dict[str, Any]) -> Any:
    """List the postings that this token keeps and that are not closed, drafts too."""
    query = queries.desk_postings(viewer(), "")
    if args["place"]:
        query = query.where(Posting.territory_id.in_(sa.select(Territory.id).where(Territory.code == args["place"])))
    total = db.session.scalar(query.options().order_by(None).with_only_columns(sa.func.count(), maintain_column_froms=True)) or 0
    return page_of(list(db.session.scalars(query.limit(args["limit"]).offset(args["offset"]))), total, args)


@bp.post("/postings")
@staff(*policies.EDITORS)
@bp.arguments(NewPostingSchema)
@bp.response(201, KeptPostingSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def draft_posting(wanted: dict[str, Any]) -> Any:
    """Write a posting as a draft; it hangs once it is put up."""
    body = {**wanted}
    place_id, speaks_for = place_to_write_for(wanted.pop("place"))
    draft = lambda: operations.draft_posting(actor(), place_id, speaks_for, PostingText(**wanted))  # noqa: E731
    return act_once(KeptPostingSchema, lambda made: made, draft, body, status=201, must=False)


@bp.post("/postings/<number>/put-up")
@staff(*policies.EDITORS)
@bp.response(200, KeptPostingSchema)
@bp.alt_response(412, description="A colleague changed it since: `context.current` is the version now")
@bp.alt_response(422, description="It hangs already, is closed, or a language is missing")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, ONCE])
def put_up(number: str) -> Any:
    """Put a posting up, or up again: all its days begin, counted from tomorrow."""
    row = _load(number)
    base = seen(row.lock_version)
    return _done(row, {}, lambda: operations.put_up(actor(), row.id, base))


@bp.post("/postings/<number>/take-down")
@staff(*policies.EDITORS)
@reached(_load)
@bp.arguments(TakeDownSchema)
@bp.response(200, KeptPostingSchema)
@bp.alt_response(422, description="Without a reason: code `removed_early`, which says the last day and that all days would begin anew")
@bp.doc(security=TOKEN, parameters=[ONCE])
def take_down(wanted: dict[str, Any], number: str) -> Any:
    """Take a posting down before its last day is over.  The first try, without a reason, is answered with what follows."""
    row = _load(number)
    return _done(row, wanted, lambda: operations.take_down(actor(), row.id, wanted["why"].strip()))


@bp.get("/postings/<number>/objections")
@staff(*policies.EDITORS)
@bp.arguments(PageArgs, location="query")
@bp.response(200, page_schema(ObjectionWordsSchema))
@bp.doc(security=TOKEN)
def objections(args: dict[str, Any], number: str) -> Any:
    """Read the objections to a posting with their words, for those who answer them."""
    query = sa.select(Objection).where(Objection.posting_id == _load(number).id).order_by(Objection.number)
    total = count_of(query)
    same = ("number", "at", "answer", "answered_at")
    found = db.session.scalars(query.limit(args["limit"]).offset(args["offset"]))
    return page_of([Whole({**{name: getattr(row, name) for name in same}, **queries.objection_words(row)}) for row in found], total, args)


@bp.post("/postings/<number>/objections/<int:objection>/answer")
@staff(*policies.EDITORS)
@reached(_load)
@bp.arguments(GivenAnswerSchema)
@bp.response(200, AnswerSchema)
@bp.alt_response(422, description="It has its answer already, or a language is missing")
@bp.doc(security=TOKEN, parameters=[ONCE])
def answer(wanted: dict[str, Any], number: str, objection: int) -> Any:
    """Answer an objection in public, once, in both languages."""
    row = _load(number)
    found = db.session.scalars(sa.select(Objection).where(Objection.posting_id == row.id, Objection.number == objection)).one_or_none()
    if found is None:
        abort(404, _("There is no such objection."))
    objection_id, said = found.id, (wanted["answer_zh"].strip(), wanted["answer_en"].strip())
    return act_once(AnswerSchema, lambda made: made, lambda: operations.answer_objection(actor(), objection_id, *said), wanted, must=False)


@bp.post("/postings/<number>/close")
@staff(*policies.EDITORS)
@reached(_load)
@bp.arguments(OutcomeSchema)
@bp.response(200, KeptPostingSchema)
@bp.alt_response(412, description="A colleague changed it since: `context.current` is the version now")
@bp.alt_response(422, description="The last day is not over, an objection has no answer, or a language is missing")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, ONCE])
def close(wanted: dict[str, Any], number: str) -> Any:
    """Close a posting with its outcome, from the day after its last day on."""
    row = _load(number)
    base, said = seen(row.lock_version), (wanted["outcome_zh"].strip(), wanted["outcome_en"].strip())
    return _done(row, wanted, lambda: operations.close_posting(actor(), row.id, base, *said))
