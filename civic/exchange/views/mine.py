"""A resident's own pages: her exchanges and listings, writing, answering, and every act of an exchange."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from civic.core.viewer import viewer
from civic.core.web import limits
from civic.core.web.access import hidden, signed_in
from civic.exchange import policies, queries
from civic.exchange.models import Exchange, Listing
from civic.exchange.views import acts, common
from civic.exchange.views.common import Hand

bp = Blueprint("exchange_mine", __name__, url_prefix="/exchange")
VERBS = ", ".join(f"'{verb}'" for verb in common.LISTING_VERBS)
ACTS = ", ".join(f"'{act.value}'" for act in queries.Act)


def _hand() -> Hand | None:
    """None for an account without a person."""
    who = viewer()
    return Hand(who.person_id, common.own_path()) if who.person_id is not None else None


@bp.get("/mine")
@signed_in
def home() -> ResponseReturnValue:
    hand = _hand()
    return common.home(hand) if hand is not None else common.not_yet(None)


@bp.route("/new", methods=["GET", "POST"])
@signed_in
@limits.per_minute(60)
def new() -> ResponseReturnValue:
    """Verified residents of the community; others read how they become one."""
    hand = _hand()
    if hand is None or not policies.can_write(viewer(), hand.path):
        return common.not_yet(hand)
    return common.write(hand, request.args.get("kind", ""))


def _own(uid: str) -> tuple[Hand, Listing]:
    """A listing of hers; of others 404."""
    hand = _hand()
    row = common.owned(hand, uid) if hand is not None else None
    if hand is None or row is None:
        abort(404)
    return hand, row


@bp.route("/listings/<uid>/edit", methods=["GET", "POST"])
@signed_in
def edit(uid: str) -> ResponseReturnValue:
    return common.edit(*_own(uid))


@bp.post(f"/listings/<uid>/<any({VERBS}):verb>")
@signed_in
def change(uid: str, verb: str) -> ResponseReturnValue:
    return common.change(*_own(uid), verb)


@bp.route("/listings/<uid>/respond", methods=["GET", "POST"])
@signed_in
@limits.per_minute(60)
def respond(uid: str) -> ResponseReturnValue:
    """Verified residents of the district; others read how they become one, the owner gets her listing."""
    row, hand = queries.listing_by_uid(uid), _hand()
    if row is None:
        abort(404)
    if hand is None or not policies.can_respond(viewer(), row.territory.path):
        return common.not_yet(hand)
    if common.owned(hand, uid) is not None:
        return redirect(url_for("exchange.listing", uid=uid), 303)
    return common.respond(hand, row)


def _load(uid: str) -> tuple[Hand, Exchange]:
    """An exchange of hers; of others even the existence is private."""
    row, hand = queries.exchange_by_uid(uid), _hand()
    if row is None or hand is None:
        abort(404)
    hidden(policies.is_party, viewer(), queries.people_of(row))
    return hand, row


@bp.get("/agreements/<uid>")
@signed_in
def show(uid: str) -> ResponseReturnValue:
    return acts.show(*_load(uid))


@bp.route(f"/agreements/<uid>/<any({ACTS}):act>", methods=["GET", "POST"])
@signed_in
@limits.per_minute(120)
def act(uid: str, act: str) -> ResponseReturnValue:
    return acts.act_page(*_load(uid), act)
