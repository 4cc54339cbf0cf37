"""Exchanges of the person beside somebody who works at the desk, for programs: listed, read, and every act of one of the two.

A clerk reads how things stand, not the words between the two.  What stands for the person is in `api_beside.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort
from flask_babel import gettext as _

from civic.bulletin.api_postings import IF_MATCH, ONCE
from civic.core.viewer import Actor, viewer
from civic.core.web import limits
from civic.core.web.access import staff
from civic.exchange import operations, policies, queries
from civic.exchange.api import bp, listing_of
from civic.exchange.api_beside import DESK, HER, IN_OWN_CAUSE, Beside, look, reach
from civic.exchange.api_exchanges import NAMED_NONE, handed_in, listed, whole
from civic.exchange.api_shapes import (
    EVIDENCE,
    EXCHANGE_PAGE,
    ConfirmSchema,
    DeliverSchema,
    ExchangeArgs,
    ExchangeSchema,
    MoveSchema,
    RateSchema,
    RespondSchema,
    SaidSchema,
    WordsSchema,
)
from civic.exchange.models import Exchange
from civic.exchange.operations import Proposal
from civic.points.api_common import KEY, TOKEN, act_once, reached, seen


def _hers(person: str, uid: str) -> tuple[Beside, Exchange]:
    beside, row = reach(person), queries.exchange_by_uid(uid)
    if row is None or beside.person_id not in queries.people_of(row):
        abort(404, _("There is no such exchange."))
    if not policies.can_act_for(viewer(), row.listing.territory.path, beside.path):
        abort(404, _("There is no such exchange."))
    return beside, row


def _told(beside: Beside, uid: str) -> dict[str, Any]:
    """As she reads it; the words for social workers of the exchange's community alone."""
    row = queries.exchange_by_uid(uid)
    return whole(uid, beside.person_id, with_words=row is not None and policies.can_watch(viewer(), row.listing.territory.path))


@bp.get(f"{HER}/exchanges")
@staff(*DESK)
@limits.per_minute(240)
@bp.arguments(ExchangeArgs, location="query")
@bp.response(200, EXCHANGE_PAGE)
@bp.doc(security=TOKEN)
def beside_exchanges(args: dict[str, Any], person: str) -> Any:
    """List her exchanges, those that run first."""
    beside = reach(person)
    look(beside)
    return listed(beside.person_id, args)


@bp.get(f"{HER}/exchanges/<uid>")
@staff(*DESK)
@limits.per_minute(240)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN)
def beside_exchange(person: str, uid: str) -> Any:
    """Read one of hers, with what she may do now."""
    beside, row = _hers(person, uid)
    row_id = row.id
    look(beside)
    operations.touch(row_id)
    return _told(beside, uid)


@bp.post(f"{HER}/exchanges")
@staff(*DESK)
@reached(reach)
@limits.per_minute(60)
@bp.arguments(RespondSchema)
@bp.response(201, ExchangeSchema)
@bp.alt_response(403, description=IN_OWN_CAUSE)
@bp.alt_response(409, description="The listing is closed (`listing_closed`), or her answer is running (`already_proposed`)")
@bp.alt_response(422, description="Her own, one household, too short, too far away, no points for it")
@bp.doc(security=TOKEN, parameters=[ONCE])
def beside_respond(wanted: dict[str, Any], person: str) -> Any:
    """Answer a listing for her: propose a time.  Nothing is held yet."""
    beside, listing_id = reach(person), listing_of(wanted["listing"]).id
    look(beside)
    proposal = Proposal(wanted["minutes"], wanted["meet_at"], wanted["words"], wanted["at_station"])
    answer = lambda: operations.respond(beside.actor(), listing_id, beside.person_id, proposal)  # noqa: E731
    return act_once(ExchangeSchema, lambda made: _told(beside, made.uid), answer, wanted, status=201, must=False)


def _do(person: str, uid: str, body: Any, act: Callable[[Actor, int, int], Any], *, moves: bool = False) -> Any:
    """One verb for her.  moves: points are held, moved or given back, so a key must be sent."""
    beside, row = _hers(person, uid)
    row_id = row.id
    look(beside)
    return act_once(
        ExchangeSchema, lambda _done: _told(beside, uid), lambda: act(beside.actor(), row_id, beside.person_id), body, must=moves
    )


@bp.post(f"{HER}/exchanges/<uid>/accept")
@staff(*DESK)
@bp.response(200, ExchangeSchema)
@bp.alt_response(403, description=IN_OWN_CAUSE)
@bp.alt_response(412, description="Another time was proposed since: `context.current` is the version now")
@bp.alt_response(422, description="Not enough points (`not_enough_points`)")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, KEY])
def beside_accept(person: str, uid: str) -> Any:
    """Agree for her to what the other proposed: the requester's points are held."""
    base = seen(NAMED_NONE) or None
    return _do(person, uid, {"base": base}, lambda by, row_id, her: operations.accept(by, row_id, her, base), moves=True)


@bp.post(f"{HER}/exchanges/<uid>/decline")
@staff(*DESK)
@reached(_hers)
@bp.arguments(WordsSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def beside_decline(wanted: dict[str, Any], person: str, uid: str) -> Any:
    """Say no for her."""
    return _do(person, uid, wanted, lambda by, row_id, her: operations.decline(by, row_id, her, wanted["words"]))


@bp.post(f"{HER}/exchanges/<uid>/move")
@staff(*DESK)
@reached(_hers)
@bp.arguments(MoveSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def beside_move(wanted: dict[str, Any], person: str, uid: str) -> Any:
    """Propose another time for her; then the other has to answer."""
    when, words, minutes = wanted["meet_at"], wanted["words"], wanted["minutes"]
    return _do(person, uid, wanted, lambda by, row_id, her: operations.retime(by, row_id, her, when, words, minutes))


@bp.post(f"{HER}/exchanges/<uid>/cancel")
@staff(*DESK)
@reached(_hers)
@bp.arguments(WordsSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[KEY])
def beside_cancel(wanted: dict[str, Any], person: str, uid: str) -> Any:
    """Call it off for her before it was delivered; held points are free again."""
    return _do(person, uid, wanted, lambda by, row_id, her: operations.cancel(by, row_id, her, wanted["words"]), moves=True)


@bp.post(f"{HER}/exchanges/<uid>/deliver")
@staff(*DESK)
@reached(_hers)
@bp.arguments(DeliverSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[KEY])
def beside_deliver(wanted: dict[str, Any], person: str, uid: str) -> Any:
    """Say for her that it was done and how long it took."""
    minutes, words = wanted["minutes"], wanted["words"]
    return _do(person, uid, wanted, lambda by, row_id, her: operations.deliver(by, row_id, her, minutes, words), moves=True)


@bp.post(f"{HER}/exchanges/<uid>/confirm")
@staff(*DESK)
@reached(_hers)
@bp.arguments(ConfirmSchema)
@bp.response(200, ExchangeSchema)
@bp.alt_response(409, description="Another number of minutes was said since (`exchange_changed`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def beside_confirm(wanted: dict[str, Any], person: str, uid: str) -> Any:
    """Confirm for her: the points move."""
    return _do(person, uid, wanted, lambda by, row_id, her: operations.confirm(by, row_id, her, wanted["minutes"]), moves=True)


def _with_evidence(person: str, uid: str, verb: Callable[..., Any]) -> Any:
    wanted, body, keep = handed_in()
    return _do(person, uid, body, lambda by, row_id, her: verb(by, row_id, her, wanted["words"], keep()))


@bp.post(f"{HER}/exchanges/<uid>/dispute")
@staff(*DESK)
@reached(_hers)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE], requestBody=EVIDENCE)
def beside_dispute(person: str, uid: str) -> Any:
    """Object for her to what was said to be delivered; with files as `multipart/form-data`."""
    return _with_evidence(person, uid, operations.open_dispute)


@bp.post(f"{HER}/exchanges/<uid>/answer")
@staff(*DESK)
@reached(_hers)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE], requestBody=EVIDENCE)
def beside_answer(person: str, uid: str) -> Any:
    """Say how she saw it, once; with files as `multipart/form-data`."""
    return _with_evidence(person, uid, operations.answer_dispute)


@bp.post(f"{HER}/exchanges/<uid>/say")
@staff(*DESK)
@reached(_hers)
@bp.arguments(SaidSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def beside_say(wanted: dict[str, Any], person: str, uid: str) -> Any:
    """Write to the other for her while it runs."""
    return _do(person, uid, wanted, lambda by, row_id, her: operations.say(by, row_id, her, wanted["words"]))


@bp.post(f"{HER}/exchanges/<uid>/rate")
@staff(*DESK)
@reached(_hers)
@bp.arguments(RateSchema)
@bp.response(200, ExchangeSchema)
@bp.doc(security=TOKEN, parameters=[ONCE])
def beside_rate(wanted: dict[str, Any], person: str, uid: str) -> Any:
    """Give her stars, once, after it is finished."""
    stars, words = wanted["stars"], wanted["words"]
    return _do(person, uid, wanted, lambda by, row_id, her: operations.rate(by, row_id, her, stars, words))
