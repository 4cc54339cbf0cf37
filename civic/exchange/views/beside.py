"""At the desk for the person beside: write what she offers or needs, answer for her, and act in her exchanges, marked "at the desk".

Her words to the other person stay between the two; a clerk reads what stands and what can be done.
"""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from civic.core.viewer import Channel, actor, viewer
from civic.core.web.access import get_or_404, hidden, staff
from civic.exchange import policies, queries, shown
from civic.exchange.models import Exchange, Listing
from civic.exchange.views import acts, common
from civic.exchange.views.common import Hand
from civic.exchange.views.looking import Looking
from civic.exchange.views.mine import ACTS, VERBS
from civic.people import operations as people
from civic.people import queries as people_queries
from civic.people.models import LookKind, Person

bp = Blueprint("exchange_beside", __name__, url_prefix="/desk/exchange/people/<person>")
DESK = policies.DESK


def _hand(uid: str) -> Hand:
    """Somebody whose community her desk serves; of others even the existence is private."""
    found: Person = get_or_404(sa.select(Person).where(Person.uid == uid))
    path = people_queries.path_of(found.id)
    hidden(policies.can_write_for, viewer(), path)
    her = people_queries.survivor_of(found.id) or found.id
    people.note_look(actor(Channel.desk), [her], LookKind.page)
    row = people_queries.rows_of([her])[0]
    return Hand(her, path, row.uid, row.name or row.number)


@bp.get("/")
@staff(*DESK)
def home(person: str) -> ResponseReturnValue:
    return common.home(_hand(person))


@bp.route("/new", methods=["GET", "POST"])
@staff(*DESK)
def new(person: str) -> ResponseReturnValue:
    return common.write(_hand(person), request.args.get("kind", ""))


@bp.get("/find")
@staff(*DESK)
def find(person: str) -> ResponseReturnValue:
    """Everything open in her district that she could answer, searched as on the public list."""
    hand = _hand(person)
    look = Looking.at(hand.to("find"), policies.district_of(hand.path), hand.person_id)
    found = look.found()
    rows = shown.listings_shown(found.rows, with_owners=True)
    return common.page("exchange/find.html", hand, look=look, rows=rows, page=look.pages(found.total))


def _own(person: str, uid: str) -> tuple[Hand, Listing]:
    hand = _hand(person)
    row = common.owned(hand, uid)
    if row is None:
        abort(404)
    return hand, row


@bp.route("/listings/<uid>/edit", methods=["GET", "POST"])
@staff(*DESK)
def edit(person: str, uid: str) -> ResponseReturnValue:
    return common.edit(*_own(person, uid))


@bp.post(f"/listings/<uid>/<any({VERBS}):verb>")
@staff(*DESK)
def change(person: str, uid: str, verb: str) -> ResponseReturnValue:
    return common.change(*_own(person, uid), verb)


@bp.route("/listings/<uid>/respond", methods=["GET", "POST"])
@staff(*DESK)
def respond(person: str, uid: str) -> ResponseReturnValue:
    hand, row = _hand(person), queries.listing_by_uid(uid)
    if row is None:
        abort(404)
    return common.respond(hand, row)


def _load(person: str, uid: str) -> tuple[Hand, Exchange]:
    hand, row = _hand(person), queries.exchange_by_uid(uid)
    if row is None or hand.person_id not in queries.people_of(row):
        abort(404)
    hidden(policies.can_act_for, viewer(), row.listing.territory.path, hand.path)
    return hand, row


@bp.get("/agreements/<uid>")
@staff(*DESK)
def show(person: str, uid: str) -> ResponseReturnValue:
    hand, row = _load(person, uid)
    return acts.show(hand, row, with_words=policies.can_watch(viewer(), row.listing.territory.path))


@bp.route(f"/agreements/<uid>/<any({ACTS}):act>", methods=["GET", "POST"])
@staff(*DESK)
def act(person: str, uid: str, act: str) -> ResponseReturnValue:
    return acts.act_page(*_load(person, uid), act)
