"""Exchanges for programs: one's own to read and to begin, and the two verbs of social workers; what `listings.py` began goes on here.

What one of the two does in it: `verbs.py`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import abort, send_file, url_for
from flask_babel import gettext as _

from civic.core import files
from civic.core.db import db
from civic.core.i18n import plain
from civic.core.viewer import actor, viewer
from civic.core.web import limits
from civic.core.web.access import authorize, signed_in, staff
from civic.core.web.api import page_of
from civic.core.web.api_acts import KEY, ONCE, TOKEN, act_once, reached
from civic.exchange import addresses, evidence, operations, policies, queries
from civic.exchange.api.listings import WhySchema, bp, listing_of
from civic.exchange.api.shapes import (
    EXCHANGE_PAGE,
    DecideSchema,
    ExchangeArgs,
    ExchangeSchema,
    RespondSchema,
)
from civic.exchange.models import LIVE, Exchange, ExchangeState
from civic.exchange.operations import Proposal
from civic.exchange.queries import Act, DisputeView, Row
from civic.people import operations as looks
from civic.people import queries as people
from civic.people.models import LookKind
from civic.points import amounts


def line_of(row: Row) -> dict[str, Any]:
    """An exchange in a list."""
    e = row.exchange
    held = e.amount is not None and e.state in (ExchangeState.agreed, ExchangeState.delivered, ExchangeState.disputed)
    return {
        "uid": e.uid, "state": e.state, "listing": e.listing.uid, "title": e.listing.title, "side": row.side,
        "requester": row.requester.name, "helper": row.helper.name, "minutes": e.minutes, "delivered_minutes": e.delivered_minutes,
        "held": amounts.text(e.amount or 0) if held else None, "meet_at": e.meet_at, "station": plain(e.station.name) if e.station else None,
        "due_at": e.due_at, "version": e.lock_version, "href": addresses.exchange(e.uid),
    }  # fmt: skip


def whole(uid: str, person_id: int | None, *, with_words: bool = True) -> dict[str, Any]:
    """Everything of one exchange.  person_id: for whom it is told, None for social workers; without words for a clerk."""
    row = queries.exchange_by_uid(uid)
    if row is None:
        raise ValueError("an exchange that was there is gone")
    db.session.refresh(row)
    view = queries.exchange_view(row, person_id)
    return {
        **line_of(view), "acts": [act for act in Act if act in view.acts],
        "history": [event if with_words else replace(event, words="") for event in view.events],
        "dispute": _dispute(uid, view.dispute, with_words=with_words) if view.dispute is not None else None,
        "ratings": [
            {"by": each.by.name, "about": each.about.name, "stars": each.stars, "words": each.words if with_words else "", "at": each.at}
            for each in view.ratings
        ],
    }  # fmt: skip


def _dispute(uid: str, told: DisputeView, *, with_words: bool) -> dict[str, Any]:
    row = told.row
    words = {name: getattr(told, name) if with_words else "" for name in ("words", "answer", "decision")}
    papers = [
        {"name": each.name, "mime": each.mime, "size": each.size, "href": url_for("api-exchange.paper", uid=uid, sha=each.sha256)}
        for each in (told.files if with_words else ())
    ]
    return {
        **words, "by": told.by.name, "opened_at": row.opened_at, "decide_by_on": row.answer_by_on, "is_late": told.is_late,
        "decided_at": row.decided_at, "decided_minutes": row.decided_minutes, "unpayable": told.unpayable, "files": papers,
    }  # fmt: skip


def _whole(uid: str) -> dict[str, Any]:
    return whole(uid, viewer().person_id)


@bp.get("/exchange/exchanges")
@signed_in
@limits.per_minute(240)
@bp.arguments(ExchangeArgs, location="query")
@bp.response(200, EXCHANGE_PAGE)
@bp.doc(security=TOKEN)
def exchanges(args: dict[str, Any]) -> Any:
    """List one's own exchanges, those that run first."""
    person_id = viewer().person_id
    if person_id is None:
        return page_of([], 0, args)
    return listed(person_id, args)


def listed(person_id: int, args: dict[str, Any]) -> dict[str, Any]:
    """A page of somebody's exchanges; what is due is settled first."""
    operations.touch_person(person_id)
    rows = queries.exchanges_of(person_id, live=args["live"], limit=args["offset"] + args["limit"])
    return page_of([line_of(row) for row in rows[args["offset"] :]], _count(person_id, args["live"]), args)


def _count(person_id: int, live: bool | None) -> int:
    hers = people.all_rows_of(person_id)
    query = sa.select(sa.func.count(Exchange.id)).where(sa.or_(Exchange.requester_id.in_(hers), Exchange.helper_id.in_(hers)))
    if live is not None:
        query = query.where(Exchange.state.in_(LIVE) if live else Exchange.state.not_in(LIVE))
    return db.session.scalar(query) or 0


def own_exchange(uid: str) -> Exchange:
    """One's own; of others even the existence is private."""
    row = queries.exchange_by_uid(uid)
    if row is None or not policies.is_party(viewer(), queries.people_of(row)):
        abort(404, _("There is no such exchange."))
    return row


@bp.get("/exchange/exchanges/<uid>")
@signed_in
@limits.per_minute(240)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN)
def exchange(uid: str) -> Any:
    """Read one of one's own, with its history."""
    operations.touch(own_exchange(uid).id)
    return _whole(uid)


@bp.post("/exchange/exchanges")
@signed_in
@limits.per_minute(30)
@bp.arguments(RespondSchema)
@bp.response(201, ExchangeSchema)
@bp.alt_response(409, description="The listing is closed (`listing_closed`), or one's answer is running (`already_proposed`)")
@bp.alt_response(422, description="One's own, one household, too short, too far away, no points for it")
@bp.doc(security=TOKEN, parameters=[ONCE])
def respond(wanted: dict[str, Any]) -> Any:
    """Answer a listing: propose a time.  Nothing is held yet."""
    row, who = listing_of(wanted["listing"]), viewer()
    authorize(policies.can_respond, who, row.territory.path)
    proposal = Proposal(wanted["minutes"], wanted["meet_at"], wanted["words"], wanted["at_station"])
    listing_id = row.id
    return act_once(
        ExchangeSchema, lambda made: _whole(made.uid), lambda: operations.respond(actor(), listing_id, who.person_id or 0, proposal), wanted,
        status=201, must=False,
    )  # fmt: skip


@bp.get("/exchange/exchanges/<uid>/files/<sha>")
@signed_in
@limits.per_minute(120)
@bp.response(200, content_type="application/octet-stream")
@bp.alt_response(404, description="No such file, or it is nobody's business: the two and social workers of the community read it")
@bp.doc(security=TOKEN)
def paper(uid: str, sha: str) -> Any:
    """Read a file that was handed in with an objection or its answer; a social worker's look is noted."""
    row = queries.exchange_by_uid(uid)
    view = queries.exchange_view(row) if row is not None else None
    stored = next((each for each in view.dispute.files if each.sha256 == sha), None) if view is not None and view.dispute else None
    if row is None or stored is None or not evidence.may_open(viewer(), stored):
        abort(404, _("There is no such exchange."))
    two, name, mime = queries.people_of(row), stored.name, stored.mime
    if not policies.is_party(viewer(), two):
        looks.note_look(actor(), two, LookKind.page)
    try:
        data = io.BytesIO(files.read(sha))
    except files.FileGone:
        abort(404, _("There is no such exchange."))
    answer = send_file(data, mime, as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


# ---- the verbs of social workers --------------------------------------------------------------------------------------------
OWN = "It concerns oneself or one's household (`in_own_cause`), or"


def watched(uid: str) -> Exchange:
    """Of her communities; of others even the existence is private."""
    row = queries.exchange_by_uid(uid)
    if row is None or not policies.can_watch(viewer(), row.listing.territory.path):
        abort(404, _("There is no such exchange."))
    return row


def _act(uid: str, act: Callable[[int], Any], body: Any) -> Any:
    """One of their verbs; the answer names the two and has their words, so the look is noted for both, as the pages note it."""
    row = watched(uid)
    row_id, two = row.id, queries.people_of(row)
    looks.note_look(actor(), two, LookKind.page)
    return act_once(ExchangeSchema, lambda _done: _whole(uid), lambda: act(row_id), body)


@bp.post("/exchange/exchanges/<uid>/decide")
@staff(*policies.WATCHERS)
@reached(watched)
@bp.arguments(DecideSchema)
@bp.response(200, ExchangeSchema)
@bp.alt_response(403, description=f"{OWN} one spoke for one of the two (`spoke_for_one`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def decide(wanted: dict[str, Any], uid: str) -> Any:
    """Decide a dispute: how many of the agreed minutes count, and why."""
    return _act(uid, lambda row_id: operations.decide_dispute(actor(), row_id, wanted["minutes"], wanted["words"]), wanted)


@bp.post("/exchange/exchanges/<uid>/stop")
@staff(*policies.WATCHERS)
@reached(watched)
@bp.arguments(WhySchema)
@bp.response(200, ExchangeSchema)
@bp.alt_response(403, description=f"{OWN} it is disputed and one spoke for one of the two (`spoke_for_one`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def stop(wanted: dict[str, Any], uid: str) -> Any:
    """Stop an exchange that is running; what is held comes back, both are told why."""
    return _act(uid, lambda row_id: operations.stop(actor(), row_id, wanted["why"]), wanted)
