"""Exchanges of the person beside somebody who works at the desk, for programs: listed, read and begun.

A clerk reads how things stand, not the words between the two.  What stands for the person is in `beside.py`,
what one of the two does in `verbs.py`.
"""

from __future__ import annotations

from typing import Any

from flask import abort
from flask_babel import gettext as _

from civic.core.viewer import viewer
from civic.core.web import limits
from civic.core.web.access import staff
from civic.core.web.api_acts import ONCE, TOKEN, act_once, reached
from civic.exchange import operations, policies, queries
from civic.exchange.api.beside import DESK, HER, IN_OWN_CAUSE, Beside, look, reach
from civic.exchange.api.exchanges import listed, whole
from civic.exchange.api.listings import bp, listing_of
from civic.exchange.api.shapes import (
    EXCHANGE_PAGE,
    ExchangeArgs,
    ExchangeSchema,
    RespondSchema,
)
from civic.exchange.models import Exchange
from civic.exchange.operations import Proposal


def her_exchange(person: str, uid: str) -> tuple[Beside, Exchange]:
    beside, row = reach(person), queries.exchange_by_uid(uid)
    if row is None or beside.person_id not in queries.people_of(row):
        abort(404, _("There is no such exchange."))
    if not policies.can_act_for(viewer(), row.listing.territory.path, beside.path):
        abort(404, _("There is no such exchange."))
    return beside, row


def as_she_reads(beside: Beside, uid: str) -> dict[str, Any]:
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
    beside, row = her_exchange(person, uid)
    row_id = row.id
    look(beside)
    operations.touch(row_id)
    return as_she_reads(beside, uid)


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
    return act_once(ExchangeSchema, lambda made: as_she_reads(beside, made.uid), answer, wanted, status=201, must=False)
