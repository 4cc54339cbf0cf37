"""The social worker's desk: disputes to decide, exchanges and listings of her communities, and stopping them with a reason."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core.errors import DomainError
from civic.core.viewer import Channel, actor, viewer
from civic.core.web.access import hidden, staff
from civic.core.web.forms import keyed, refuse
from civic.exchange import labels, operations, policies, queries, shown
from civic.exchange.errors import SpokeForOne
from civic.exchange.forms import DecideForm, StopForm
from civic.exchange.models import LIVE, Exchange, ExchangeState, Listing, ListingState
from civic.exchange.views import acts, common
from civic.people import operations as people
from civic.people.models import LookKind

bp = Blueprint("exchange_desk", __name__, url_prefix="/desk/exchange")
DESK, WATCHERS = policies.DESK, policies.WATCHERS
PER_PAGE = 50


def _page_number() -> int:
    typed = request.args.get("page", "")
    return max(1, int(typed)) if typed.isdecimal() and len(typed) < 6 else 1


def _pages(view: str, page: int, *, has_more: bool, **args: str) -> dict[str, str]:
    kept: dict[str, Any] = {name: value for name, value in args.items() if value}
    return {
        "first_href": url_for(view, **kept) if page > 1 else "",
        "next_href": url_for(view, page=page + 1, **kept) if has_more else "",
    }


@bp.get("/")
@staff(*DESK)
def index() -> ResponseReturnValue:
    """Disputes first, then exchanges; who is no social worker finds the listings and the way to a person."""
    who, state, page = viewer(), request.args.get("state", ""), _page_number()
    state = state if state in set(ExchangeState) else ""
    disputes = queries.disputes_at(who)
    rows = queries.exchanges_at(who, state=ExchangeState(state) if state else None, offset=(page - 1) * PER_PAGE, limit=PER_PAGE + 1)
    seen = [*(each.row for each in disputes), *rows[:PER_PAGE]]
    names = {party.id for row in seen for party in (row.requester, row.helper)}
    shown_page = common.page(
        "exchange/desk_index.html",
        None,
        disputes=disputes,
        rows=rows[:PER_PAGE],
        watches=policies.watches_somewhere(who),
        filters=[
            {"label": label, "href": url_for(".index", state=value or None), "is_current": value == state, "count": None}
            for value, label in [("", pgettext("filter", "Running")), *((s.value, labels.STATE[s]) for s in ExchangeState)]
        ],
        pages=_pages(".index", page, has_more=len(rows) > PER_PAGE, state=state),
    )
    people.note_look(actor(Channel.desk), names, LookKind.found)
    return shown_page


@bp.get("/listings")
@staff(*DESK)
def listings() -> ResponseReturnValue:
    """Offers and needs of the communities that her desk serves."""
    state, page = request.args.get("state", ""), _page_number()
    state = state if state in set(ListingState) else ""
    rows = queries.listings_at(viewer(), state=ListingState(state) if state else None, offset=(page - 1) * PER_PAGE, limit=PER_PAGE + 1)
    return common.page(
        "exchange/desk_listings.html",
        None,
        rows=shown.listings_shown(rows[:PER_PAGE], with_owners=True),
        can_stop={
            row.uid: policies.can_stop(viewer(), row.territory.path) and row.state in (ListingState.open, ListingState.paused)
            for row in rows
        },
        filters=[
            {"label": label, "href": url_for(".listings", state=value or None), "is_current": value == state, "count": None}
            for value, label in [("", pgettext("listing", "All")), *((s.value, labels.LISTING[s]) for s in ListingState)]
        ],
        pages=_pages(".listings", page, has_more=len(rows) > PER_PAGE, state=state),
    )


def _listing(uid: str) -> Listing:
    row = queries.listing_by_uid(uid)
    if row is None:
        abort(404)
    hidden(policies.can_stop, viewer(), row.territory.path)
    return row


@bp.route("/listings/<uid>/stop", methods=["GET", "POST"])
@staff(*WATCHERS)
def stop_listing(uid: str) -> ResponseReturnValue:
    """With a reason that its owner reads."""
    row, form, status = _listing(uid), StopForm(), 200
    listing_id, seen = row.id, shown.listings_shown([row], with_owners=True)[0]
    if request.method == "POST":
        status = 422
        if form.validate_on_submit():
            try:
                with keyed(form, to=lambda _row: url_for(".listings")):
                    operations.stop_listing(actor(), listing_id, form.why.data or "")
            except DomainError as refusal:
                status = refuse(form, refusal)
            else:
                flash(_("Stopped. Its owner reads your reason."), "good")
                return redirect(url_for(".listings"), 303)
    return common.page(
        "exchange/desk_stop.html", None, status, form=form, title=_("Stop an offer or need"), line=seen.title, back=url_for(".listings")
    )


def _load(uid: str) -> Exchange:
    """An exchange of her communities, with its words; both read that she looked."""
    row = queries.exchange_by_uid(uid)
    if row is None:
        abort(404)
    hidden(policies.can_watch, viewer(), row.listing.territory.path)
    people.note_look(actor(Channel.desk), queries.people_of(row), LookKind.page)
    return row


@bp.get("/agreements/<uid>")
@staff(*WATCHERS)
def show(uid: str) -> ResponseReturnValue:
    view = acts.fresh_view(None, _load(uid))
    return common.page(
        "exchange/desk_show.html", None, view=view, history=shown.history(view), facts=shown.facts_of(view), is_live=view.exchange.state in LIVE,
        states=ExchangeState,
    )  # fmt: skip


@bp.route("/agreements/<uid>/stop", methods=["GET", "POST"])
@staff(*WATCHERS)
def stop(uid: str) -> ResponseReturnValue:
    """What is held comes back, both are told why."""
    row, form, status = _load(uid), StopForm(), 200
    row_id, title = row.id, shown.own_words(row.listing.title, row.listing.lang)
    if request.method == "POST":
        status = 422
        if form.validate_on_submit():
            try:
                with keyed(form, to=lambda _row: url_for(".show", uid=uid)):
                    operations.stop(actor(), row_id, form.why.data or "")
            except DomainError as refusal:
                status = refuse(form, refusal)
            else:
                flash(_("Stopped. Both have been told why, and the points are free again."), "good")
                return redirect(url_for(".show", uid=uid), 303)
    return common.page(
        "exchange/desk_stop.html", None, status, form=form, title=_("Stop an exchange"), line=title, back=url_for(".show", uid=uid)
    )


@bp.route("/disputes/<uid>", methods=["GET", "POST"])
@staff(*WATCHERS)
def dispute(uid: str) -> ResponseReturnValue:
    """What each says, the evidence, and the decision, or why she cannot decide it.  uid: of the exchange."""
    row = _load(uid)
    view, form, status = queries.exchange_view(row), DecideForm(), 200
    if view.dispute is None:
        abort(404)
    row_id = row.id
    most = 0 if view.dispute.unpayable else row.minutes
    form.offer(common.terms_of(row), row.category, most)
    if request.method == "POST":
        status = 422
        if form.validate_on_submit():
            try:
                with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                    operations.decide_dispute(actor(), row_id, int(form.minutes.data), form.words.data or "")
            except DomainError as refusal:
                status = refuse(form, refusal)
            else:
                flash(_("Decided. Both have been told, with your reason."), "good")
                return redirect(url_for(".show", uid=uid), 303)
    elif form.minutes.data in (None, "", "None"):
        form.minutes.data = str(min(most, row.delivered_minutes or row.minutes))
    why_not = SpokeForOne().message if queries.spoke_for_one(actor(), row_id) else ""
    values: dict[str, Any] = {"view": view, "facts": shown.facts_of(view), "history": shown.history(view), "states": ExchangeState}
    return common.page("exchange/desk_dispute.html", None, status, form=form, why_not=why_not, **values)
