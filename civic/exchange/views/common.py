"""What the pages of a resident and the desk's pages for the person beside share: for whom they act, forms, and the acts of an exchange.

A `Hand` says whose pages these are.  The views of `mine` and `beside` make one and call the functions here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core import clock
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import lang, plain
from civic.core.viewer import Actor, Channel, actor, viewer
from civic.core.web.access import place_path
from civic.core.web.forms import keyed, refuse
from civic.exchange import labels, operations, queries, shown
from civic.exchange.errors import InOwnCause, ListingChanged
from civic.exchange.forms import (
    SHOWN_DAYS,
    ListingForm,
    PlainForm,
    RespondForm,
)
from civic.exchange.models import Exchange, Listing
from civic.exchange.queries.parties import is_own_cause, survivors
from civic.people import queries as people
from civic.points.models import Policy
from civic.territory.models import Territory

MOST_AT_DESK = 30  # listings that are offered for the person beside
NO_STORE = {"Cache-Control": "no-store"}
LISTING_VERBS = ("pause", "resume", "extend", "end")


@dataclass(frozen=True)
class Hand:
    """Whose pages these are.  uid, name: of the person beside a worker, '' on one's own pages; path: her community."""

    person_id: int
    path: str
    uid: str = ""
    name: str = ""

    @property
    def is_desk(self) -> bool:
        return bool(self.uid)

    @property
    def layout(self) -> str:
        return "layouts/desk.html" if self.uid else "layouts/form.html"

    def actor(self) -> Actor:
        """Acts for somebody beside are marked "at the desk"."""
        return actor(Channel.desk) if self.uid else actor()

    def to(self, view: str, **args: Any) -> str:
        """The address of a page of these."""
        return url_for(f"exchange_beside.{view}", person=self.uid, **args) if self.uid else url_for(f"exchange_mine.{view}", **args)

    @property
    def trail(self) -> list[dict[str, str]]:
        if self.uid:
            first = {"label": pgettext("page", "Find people"), "href": url_for("people_desk.find")}
            her = {"label": self.name, "href": url_for("people_persons.show", uid=self.uid)}
            return [first, her, {"label": _("Service for service"), "href": self.to("home")}]
        return [
            {"label": _("Service for service"), "href": url_for("exchange.index")},
            {"label": pgettext("exchange", "My exchanges"), "href": self.to("home")},
        ]

    def may_act(self, people_of: Any) -> None:
        """Nobody stands at the desk for herself, her household, or the other side of her own exchange.  Raises InOwnCause."""
        if self.uid and is_own_cause(self.actor(), [self.person_id, *people_of]):
            raise InOwnCause


def page(template: str, hand: Hand | None, status: int = 200, **values: Any) -> ResponseReturnValue:
    """Personal pages are stored nowhere."""
    whole = render_template(template, hand=hand, labels=labels, shown=shown, plain=plain, **values)
    return whole, status, NO_STORE


def community_of(path: str) -> Territory | None:
    code = path.strip("/").rsplit("/", 1)[-1]
    return db.session.scalars(sa.select(Territory).where(Territory.code == code)).one_or_none() if code else None


def own_path() -> str:
    """The community in which a resident offers and asks: the chosen one where she is verified there, else her own, else any; '' in none."""
    who = viewer()
    if who.person_id is None or not who.verified_in:
        return ""
    here = place_path()
    if here in who.verified_in:
        return here
    own = people.path_of(who.person_id)
    return own if own in who.verified_in else min(who.verified_in)


def policy_of(territory_id: int) -> Policy | None:
    found = queries.rules_at(territory_id)
    return found.policy if found else None


def terms_of(row: Exchange) -> Policy | None:
    """The rules that the two agreed on, by which it is paid; None before the agreement."""
    return db.session.get(Policy, row.policy_id) if row.policy_id is not None else None


# ---- home -------------------------------------------------------------------------------------------------------------------
def home(hand: Hand) -> ResponseReturnValue:
    """Exchanges, own listings, what might fit."""
    operations.touch_person(hand.person_id)
    rows = queries.exchanges_of(hand.person_id)
    live = [row for row in rows if row.exchange.ended_at is None]
    return page(
        "exchange/beside.html" if hand.is_desk else "exchange/mine.html",
        hand,
        waiting=[row for row in live if row.is_waiting],
        running=[row for row in live if not row.is_waiting],
        over=[row for row in rows if row.exchange.ended_at is not None],
        listings=shown.listings_shown(queries.listings_of(hand.person_id), with_owners=False),
        suggested=shown.listings_shown(
            queries.suggestions(hand.person_id, lang(), limit=MOST_AT_DESK if hand.is_desk else queries.SUGGESTED), with_owners=True
        ),
    )


# ---- listings ---------------------------------------------------------------------------------------------------------------
def write(hand: Hand, kind: str = "") -> ResponseReturnValue:
    """Put up an offer or a need.  GET and POST."""
    place = community_of(hand.path)
    if place is None:
        return not_yet(hand)
    form, status = ListingForm(), 200
    form.offer(policy_of(place.id))
    if request.method == "GET":
        form.begin(kind)
    elif not form.validate_on_submit():
        status = 422
    else:
        try:
            hand.may_act(())
            with keyed(form, to=lambda row: url_for("exchange.listing", uid=row.uid)):
                row = operations.write_listing(hand.actor(), hand.person_id, place.id, form.listing())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("It stands in the list now. Neighbours who answer write to you here."), "good")
            return redirect(hand.to("home") if hand.is_desk else url_for("exchange.listing", uid=row.uid), 303)
    return page("exchange/write.html", hand, status, form=form, row=None, community=place_words(place), theirs=[])


def place_words(place: Territory) -> str:
    return plain(place.name)


def edit(hand: Hand, row: Listing) -> ResponseReturnValue:
    """Change its words; another's change meanwhile is shown beside."""
    form, status, theirs = ListingForm(), 200, []
    form.offer(policy_of(row.territory_id), row)
    uid, listing_id, kind, place = row.uid, row.id, row.kind, place_words(row.territory)
    if request.method == "GET":
        form.fill(row)
    elif not form.validate_on_submit():
        status = 422
    else:
        try:
            hand.may_act(())
            with keyed(form, to=lambda _row: _after_listing(hand, uid)):
                operations.edit_listing(hand.actor(), listing_id, hand.person_id, form.base_version, form.listing(kind))
        except ListingChanged as refusal:
            status = refuse(form, refusal)
            theirs = form.beside(refusal, lambda: form.stands(queries.listing_by_uid(uid)))  # type: ignore[arg-type]
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Your changes stand in the list."), "good")
            return redirect(_after_listing(hand, uid), 303)
    return page("exchange/write.html", hand, status, form=form, row=row, community=place, theirs=theirs)


def _after_listing(hand: Hand, uid: str) -> str:
    return hand.to("home") if hand.is_desk else url_for("exchange.listing", uid=uid)


def change(hand: Hand, row: Listing, verb: str) -> ResponseReturnValue:
    """Pause, show again, extend, end."""
    form, uid, listing_id = PlainForm(), row.uid, row.id
    new_day = clock.today().fromordinal(clock.today().toordinal() + SHOWN_DAYS)
    if form.validate_on_submit():
        acts = {
            "pause": lambda: operations.pause_listing(hand.actor(), listing_id, hand.person_id),
            "resume": lambda: operations.resume_listing(hand.actor(), listing_id, hand.person_id, max(row.until_on, new_day)),
            "extend": lambda: operations.extend_listing(hand.actor(), listing_id, hand.person_id, new_day),
            "end": lambda: operations.end_listing(hand.actor(), listing_id, hand.person_id),
        }
        told = {
            "pause": _("Paused: nobody finds it until you show it again."),
            "resume": _("It stands in the list again."),
            "extend": _("It stands in the list for another %(days)s days.", days=SHOWN_DAYS),
            "end": _("Ended. It is no longer shown."),
        }
        try:
            hand.may_act(())
            with keyed(form, to=lambda _row: _after_listing(hand, uid)):
                acts[verb]()
            flash(told[verb], "good")
        except DomainError as refusal:
            flash(refusal.message, "warn")
    return redirect(_after_listing(hand, uid), 303)


def respond(hand: Hand, row: Listing) -> ResponseReturnValue:
    """Answer a listing: a day, an hour, how long."""
    form, status = RespondForm(), 200
    owner = survivors([row.person_id])[row.person_id]
    station = queries.station_of(row.territory_id)
    suggested = row.place.value != "online" and queries.are_strangers(owner, hand.person_id)
    form.offer(policy_of(row.territory_id), row.category)
    form.stations(plain(station.name) if station else "", row.place, suggested=suggested)
    listing_id, seen = row.id, shown.listings_shown([row], with_owners=True)[0]
    if request.method == "GET":
        form.begin(row.minutes)
    elif not form.validate_on_submit():
        status = 422
    else:
        try:
            hand.may_act([owner])
            with keyed(form, to=lambda made: hand.to("show", uid=made.uid)):
                made = operations.respond(hand.actor(), listing_id, hand.person_id, form.proposal())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Sent. You are told as soon as the other person answers."), "good")
            return redirect(hand.to("show", uid=made.uid), 303)
    return page("exchange/respond.html", hand, status, form=form, row=row, seen=seen, suggested=suggested and station is not None)


def not_yet(hand: Hand | None, status: int = 200) -> ResponseReturnValue:
    """Why she cannot offer or answer yet, and how she can."""
    return page("exchange/not_yet.html", hand, status if request.method == "GET" else 422)


def owned(hand: Hand, uid: str) -> Listing | None:
    """A listing of hers, the rows merged into her included."""
    row = queries.listing_by_uid(uid)
    return row if row is not None and survivors([row.person_id])[row.person_id] == hand.person_id else None
