"""Exchanges for programs: one's own with every verb, and the desk's two; the resources of `api.py` go on here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort
from flask_babel import gettext as _

from civic.bulletin.api import keyed_once
from civic.bulletin.api_postings import IF_MATCH, ONCE
from civic.core.db import db
from civic.core.i18n import plain
from civic.core.viewer import actor, viewer
from civic.core.web import limits
from civic.core.web.access import authorize, signed_in, staff
from civic.core.web.api import PageArgs, page_of, page_schema
from civic.exchange import addresses, operations, policies, queries
from civic.exchange.api import ANY, MINUTES, TOKEN, WORDS, WhySchema, bp, conflicts, first, listing_of, seen
from civic.exchange.errors import NotAParty
from civic.exchange.models import LIVE, Exchange, ExchangeState, Verb
from civic.exchange.operations import MOST_MINUTES, Proposal
from civic.exchange.queries import Act, Row, Side
from civic.people import queries as people
from civic.points import amounts
from civic.points.api import KEY, POINTS, Moment, keyed_always


class ExchangeArgs(PageArgs):
    """live: only those that run, or only the others."""

    live = ma.fields.Boolean(load_default=None, allow_none=True)


class ExchangeEventSchema(ma.Schema):
    """A line of the history.  side: which of the two; null for the site itself and for social workers."""

    verb = ma.fields.Enum(Verb, by_value=True, required=True)
    side = ma.fields.Enum(Side, by_value=True, allow_none=True, required=True)
    words = ma.fields.String(required=True)
    minutes = ma.fields.Integer(allow_none=True, required=True)
    at = Moment(required=True)


class ExchangeLineSchema(ma.Schema):
    """An exchange.  side: which of the two one is; acts: what one may do now; held: points that are held for it."""

    uid = ma.fields.String(required=True)
    state = ma.fields.Enum(ExchangeState, by_value=True, required=True)
    listing = ma.fields.String(required=True, metadata={"description": "uid of its listing"})
    title = ma.fields.String(required=True)
    side = ma.fields.Enum(Side, by_value=True, allow_none=True, required=True)
    requester = ma.fields.String(required=True, metadata={"description": "name"})
    helper = ma.fields.String(required=True, metadata={"description": "name"})
    minutes = ma.fields.Integer(required=True)
    delivered_minutes = ma.fields.Integer(allow_none=True, required=True)
    held = ma.fields.String(allow_none=True, required=True, metadata=POINTS)
    meet_at = Moment(required=True)
    station = ma.fields.String(allow_none=True, required=True, metadata={"description": "name of the station where they meet"})
    due_at = Moment(required=True)
    version = ma.fields.Integer(required=True, metadata={"description": "for `If-Match` of accept"})
    href = ma.fields.String(required=True)


class ExchangeSchema(ExchangeLineSchema):
    """An exchange with its history."""

    acts = ma.fields.List(ma.fields.Enum(Act, by_value=True), required=True)
    history = ma.fields.List(ma.fields.Nested(ExchangeEventSchema), required=True)


class RespondSchema(ma.Schema):
    """An answer to a listing.  at_station: null takes the suggestion (strangers meet at the station first)."""

    listing = ma.fields.String(required=True, validate=ma.validate.Length(max=40))
    minutes = ma.fields.Integer(required=True, validate=MINUTES)
    meet_at = ma.fields.AwareDateTime(required=True)
    words = ma.fields.String(load_default="", validate=WORDS)
    at_station = ma.fields.Boolean(load_default=None, allow_none=True)


class WordsSchema(ma.Schema):
    """Words to the other person."""

    words = ma.fields.String(load_default="", validate=WORDS)


class MoveSchema(WordsSchema):
    """Another time."""

    meet_at = ma.fields.AwareDateTime(required=True)
    minutes = ma.fields.Integer(load_default=None, allow_none=True, validate=MINUTES)


class DeliverSchema(WordsSchema):
    """How long it took, at most the agreed minutes."""

    minutes = ma.fields.Integer(required=True, validate=MINUTES)


class ConfirmSchema(ma.Schema):
    """minutes: those that were read, so that nobody confirms another number."""

    minutes = ma.fields.Integer(load_default=None, allow_none=True, validate=MINUTES)


class SaidSchema(ma.Schema):
    """Words that are the act."""

    words = ma.fields.String(required=True, validate=ma.validate.Length(1, 1000))


class RateSchema(WordsSchema):
    """1 to 5 stars."""

    stars = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 5))


class DecideSchema(SaidSchema):
    """minutes: how many of the agreed ones count; 0 gives everything back."""

    minutes = ma.fields.Integer(required=True, validate=ma.validate.Range(0, MOST_MINUTES))


def _line(row: Row) -> dict[str, Any]:
    e = row.exchange
    held = e.amount is not None and e.state in (ExchangeState.agreed, ExchangeState.delivered, ExchangeState.disputed)
    return {
        "uid": e.uid, "state": e.state, "listing": e.listing.uid, "title": e.listing.title, "side": row.side,
        "requester": row.requester.name, "helper": row.helper.name, "minutes": e.minutes, "delivered_minutes": e.delivered_minutes,
        "held": amounts.text(e.amount or 0) if held else None, "meet_at": e.meet_at, "station": plain(e.station.name) if e.station else None,
        "due_at": e.due_at, "version": e.lock_version, "href": addresses.exchange(e.uid),
    }  # fmt: skip


def _whole(uid: str) -> dict[str, Any]:
    row = queries.exchange_by_uid(uid)
    if row is None:
        raise ValueError("an exchange that was there is gone")
    db.session.refresh(row)
    view = queries.exchange_view(row, viewer().person_id)
    return {**_line(view), "acts": [act for act in Act if act in view.acts], "history": view.events}


@bp.get("/exchange/exchanges")
@signed_in
@limits.per_minute(240)
@bp.arguments(ExchangeArgs, location="query")
@bp.response(200, page_schema(ExchangeLineSchema))
@bp.doc(security=TOKEN)
def exchanges(args: dict[str, Any]) -> Any:
    """List one's own exchanges, those that run first."""
    person_id = viewer().person_id
    if person_id is None:
        return page_of([], 0, args)
    operations.touch_person(person_id)
    rows = queries.exchanges_of(person_id, live=args["live"], limit=args["offset"] + args["limit"])
    return page_of([_line(row) for row in rows[args["offset"] :]], _count(person_id, args["live"]), args)


def _count(person_id: int, live: bool | None) -> int:
    hers = people.all_rows_of(person_id)
    query = sa.select(sa.func.count(Exchange.id)).where(sa.or_(Exchange.requester_id.in_(hers), Exchange.helper_id.in_(hers)))
    if live is not None:
        query = query.where(Exchange.state.in_(LIVE) if live else Exchange.state.not_in(LIVE))
    return db.session.scalar(query) or 0


def _load(uid: str) -> Exchange:
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
    operations.touch(_load(uid).id)
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
    with keyed_once(wanted, lambda made: _dumped(made.uid), 201):
        made = operations.respond(actor(), listing_id, who.person_id or 0, proposal)
    return _whole(made.uid)


def _dumped(uid: str) -> dict[str, Any]:
    found: dict[str, Any] = ExchangeSchema().dump(_whole(uid))
    return found


def _do(uid: str, body: Any, act: Callable[[int, int], Any], *, moves: bool = False) -> Any:
    """One verb of one of the two.  moves: points are held, moved or given back, so a key must be sent."""
    row_id, person_id = _load(uid).id, viewer().person_id
    if person_id is None:
        raise NotAParty
    once = keyed_always if moves else keyed_once
    with conflicts(), once(body, lambda _done: _dumped(uid), 200):
        act(row_id, person_id)
    return _whole(uid)


@bp.post("/exchange/exchanges/<uid>/accept")
@signed_in
@bp.response(200, ExchangeSchema)
@bp.alt_response(412, description="Another time was proposed since: `context.current` is the version now")
@bp.alt_response(422, description="Not enough points (`not_enough_points`)")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, KEY])
def accept(uid: str) -> Any:
    """Agree to what the other proposed: the requester's points are held."""
    sent = seen(ANY)
    base = None if sent == ANY else sent
    return _do(uid, {"base": base}, lambda row_id, her: operations.accept(actor(), row_id, her, base), moves=True)


@bp.post("/exchange/exchanges/<uid>/decline")
@signed_in
@first(_load)
@bp.arguments(WordsSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def decline(wanted: dict[str, Any], uid: str) -> Any:
    """Say no to what the other proposed."""
    return _do(uid, wanted, lambda row_id, her: operations.decline(actor(), row_id, her, wanted["words"]))


@bp.post("/exchange/exchanges/<uid>/move")
@signed_in
@first(_load)
@bp.arguments(MoveSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def move(wanted: dict[str, Any], uid: str) -> Any:
    """Propose another time; then the other has to answer."""
    return _do(
        uid, wanted, lambda row_id, her: operations.retime(actor(), row_id, her, wanted["meet_at"], wanted["words"], wanted["minutes"])
    )


@bp.post("/exchange/exchanges/<uid>/cancel")
@signed_in
@first(_load)
@bp.arguments(WordsSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[KEY])
def cancel(wanted: dict[str, Any], uid: str) -> Any:
    """Call it off before it was delivered; held points are free again."""
    return _do(uid, wanted, lambda row_id, her: operations.cancel(actor(), row_id, her, wanted["words"]), moves=True)


@bp.post("/exchange/exchanges/<uid>/deliver")
@signed_in
@first(_load)
@bp.arguments(DeliverSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[KEY])
def deliver(wanted: dict[str, Any], uid: str) -> Any:
    """Say that it was done and how long it took."""
    return _do(uid, wanted, lambda row_id, her: operations.deliver(actor(), row_id, her, wanted["minutes"], wanted["words"]), moves=True)


@bp.post("/exchange/exchanges/<uid>/confirm")
@signed_in
@first(_load)
@bp.arguments(ConfirmSchema)
@bp.response(200, ExchangeSchema)
@bp.alt_response(409, description="Another number of minutes was said since (`exchange_changed`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def confirm(wanted: dict[str, Any], uid: str) -> Any:
    """Say so too: the points move.  While the requester's wallet is frozen the state stays `delivered`."""
    return _do(uid, wanted, lambda row_id, her: operations.confirm(actor(), row_id, her, wanted["minutes"]), moves=True)


@bp.post("/exchange/exchanges/<uid>/dispute")
@signed_in
@first(_load)
@bp.arguments(SaidSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def dispute(wanted: dict[str, Any], uid: str) -> Any:
    """Object to what was said to be delivered."""
    return _do(uid, wanted, lambda row_id, her: operations.open_dispute(actor(), row_id, her, wanted["words"]))


@bp.post("/exchange/exchanges/<uid>/answer")
@signed_in
@first(_load)
@bp.arguments(SaidSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def answer(wanted: dict[str, Any], uid: str) -> Any:
    """Say how one saw it, once."""
    return _do(uid, wanted, lambda row_id, her: operations.answer_dispute(actor(), row_id, her, wanted["words"]))


@bp.post("/exchange/exchanges/<uid>/say")
@signed_in
@first(_load)
@bp.arguments(SaidSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def say(wanted: dict[str, Any], uid: str) -> Any:
    """Write to the other while it runs."""
    return _do(uid, wanted, lambda row_id, her: operations.say(actor(), row_id, her, wanted["words"]))


@bp.post("/exchange/exchanges/<uid>/rate")
@signed_in
@first(_load)
@bp.arguments(RateSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def rate(wanted: dict[str, Any], uid: str) -> Any:
    """Give stars, once, after it is finished."""
    return _do(uid, wanted, lambda row_id, her: operations.rate(actor(), row_id, her, wanted["stars"], wanted["words"]))


# ---- the desk's verbs -------------------------------------------------------------------------------------------------------
def _watched(uid: str) -> Exchange:
    row = queries.exchange_by_uid(uid)
    if row is None or not policies.can_watch(viewer(), row.listing.territory.path):
        abort(404, _("There is no such exchange."))
    return row


@bp.post("/exchange/exchanges/<uid>/decide")
@staff(*policies.WATCHERS)
@first(_watched)
@bp.arguments(DecideSchema)
@bp.response(200, ExchangeSchema)
@bp.alt_response(403, description="It concerns oneself or one's household (`in_own_cause`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def decide(wanted: dict[str, Any], uid: str) -> Any:
    """Decide a dispute: how many of the agreed minutes count, and why."""
    row_id = _watched(uid).id
    with keyed_always(wanted, lambda _done: _dumped(uid), 200):
        operations.decide_dispute(actor(), row_id, wanted["minutes"], wanted["words"])
    return _whole(uid)


@bp.post("/exchange/exchanges/<uid>/stop")
@staff(*policies.WATCHERS)
@first(_watched)
@bp.arguments(WhySchema)
@bp.response(200, ExchangeSchema)
@bp.alt_response(403, description="It concerns oneself or one's household (`in_own_cause`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def stop(wanted: dict[str, Any], uid: str) -> Any:
    """Stop an exchange that is running; what is held comes back, both are told why."""
    row_id = _watched(uid).id
    with keyed_always(wanted, lambda _done: _dumped(uid), 200):
        operations.stop(actor(), row_id, wanted["why"])
    return _whole(uid)
