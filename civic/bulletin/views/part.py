"""Taking part: an objection to a posting, and subscriptions.  Pages with forms, so never stored."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.bulletin import operations, queries
from civic.bulletin.forms import ObjectionForm, SubscribeForm
from civic.bulletin.models import Posting, Subscription
from civic.core import crypto, tries
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import lang
from civic.core.viewer import Actor, Channel, actor, viewer
from civic.core.web import limits
from civic.core.web.access import place_path, public, signed_in
from civic.core.web.forms import keyed, refuse
from civic.people.records import normal_mail
from civic.territory.models import Territory, TerritoryKind

bp = Blueprint("bulletin_part", __name__, url_prefix="/bulletin")
MAILS_PER_ADDRESS = 5
HOUR = timedelta(hours=1)


def acting() -> Actor:
    """Who is signed in, or a visitor, whom nothing names."""
    return actor() if viewer().is_signed_in else Actor(None, job="visitor", channel=Channel.web)


def _posting(number: str) -> Posting:
    row = queries.posting_by_number(number)
    if row is None:
        abort(404)
    return row


@bp.get("/postings/<number>/object")
@public
def objection(number: str) -> str:
    row = _posting(number)
    return render_template("bulletin/object.html", form=ObjectionForm(), row=row, view=queries.posting_view(row))


@bp.post("/postings/<number>/object")
@public
@limits.per_minute(6)
def take_objection(number: str) -> ResponseReturnValue:
    row, form, status = _posting(number), ObjectionForm(), 422
    if form.validate_on_submit():
        words = {"name": form.name.data or "", "contact": form.contact.data or ""}
        try:
            with keyed(form, to=lambda done: url_for(".objected", number=number, uid=done.uid)):
                done = operations.object_to(acting(), row.id, form.text.data or "", person_id=viewer().person_id, **words)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".objected", number=number, uid=done.uid), 303)
    return render_template("bulletin/object.html", form=form, row=row, view=queries.posting_view(row)), status


@bp.get("/postings/<number>/objections/<uid>")
@public
def objected(number: str, uid: str) -> str:
    """The receipt: its number, what happens next.  Only who holds the link finds it; it repeats no words and no name."""
    row = _posting(number)
    view = queries.posting_view(row)
    found = next((o for o in view.objections if o.uid == uid), None)
    if found is None:
        abort(404)
    return render_template("bulletin/objected.html", row=row, view=view, objection=found)


# ---- subscriptions -----------------------------------------------------------------------------------------------------------


def _place() -> Territory | None:
    """The place whose news is meant: of the form, else the chosen one, else the district."""
    code = request.values.get("at", "")
    query = sa.select(Territory).where(Territory.kind != TerritoryKind.grid)
    query = query.where(Territory.code == code) if code else query.where(Territory.path == queries.board_path(place_path()))
    return db.session.scalars(query).one_or_none()


def receiver() -> tuple[str, int]:
    """The person, else the account, of who is signed in."""
    who = viewer()
    return ("person", who.person_id) if who.person_id is not None else ("account", who.account_id or 0)


def _own() -> list[Subscription]:
    if not viewer().is_signed_in:
        return []
    kind, receiver_id = receiver()
    s = Subscription
    query = sa.select(s).where(s.receiver_kind == kind, s.receiver_id == receiver_id, s.ended_at.is_(None))
    return list(db.session.scalars(query.order_by(s.id)))


def _page(form: SubscribeForm, place: Territory | None, status: int = 200) -> ResponseReturnValue:
    own = _own()
    names = {t.id: t for t in db.session.scalars(sa.select(Territory).where(Territory.id.in_([s.territory_id for s in own])))}
    has = place is not None and any(s.territory_id == place.id for s in own)
    return render_template("bulletin/subscribe.html", form=form, place_row=place, own=[names[s.territory_id] for s in own], has=has), status


@bp.get("/subscribe")
@public
def subscriptions() -> ResponseReturnValue:
    return _page(SubscribeForm(), _place())


@bp.post("/subscribe")
@public
@limits.per_minute(10)
def ask_by_mail() -> ResponseReturnValue:
    """A visitor asks for news by mail: a link goes to the address, whoever it belongs to."""
    form, place = SubscribeForm(), _place()
    if place is None:
        abort(404)
    status = 422
    if form.validate_on_submit():
        wants = {"announcements": bool(form.announcements.data), "postings": bool(form.postings.data)}
        mail = form.mail.data or ""
        try:
            tries.count_try("bulletin-mail", crypto.keyed_hash(normal_mail(mail), "bulletin-mail"), MAILS_PER_ADDRESS, HOUR)
            with keyed(form, to=lambda _done: url_for(".asked")):
                operations.ask_by_mail(acting(), place.id, mail, lang(), **wants)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".asked"), 303)
    return _page(form, place, status)


@bp.get("/subscribe/sent")
@public
def asked() -> str:
    return render_template("bulletin/asked.html")


@bp.post("/subscribe/mine")
@signed_in
def subscribe() -> ResponseReturnValue:
    """One click: the chosen place's news in one's own inbox and channels."""
    place = _place()
    if place is None:
        abort(404)
    operations.subscribe(actor(), place.id, *receiver())
    flash(_("You now get the news of this place. Channels are chosen in your account."), "good")
    return redirect(url_for(".subscriptions", at=place.code), 303)


@bp.post("/subscribe/mine/end")
@signed_in
def end_own() -> ResponseReturnValue:
    place = _place()
    if place is None:
        abort(404)
    if operations.end_own_subscription(actor(), place.id, *receiver()):
        flash(_("You no longer get the news of this place."), "good")
    return redirect(url_for(".subscriptions", at=place.code), 303)


def _by_token(token: str) -> Subscription | None:
    query = sa.select(Subscription).where(Subscription.token_hash == crypto.token_hash(token), Subscription.ended_at.is_(None))
    return db.session.scalars(query).one_or_none()


@bp.get("/subscribe/<token>")
@public
@limits.per_minute(60)
def by_link(token: str) -> ResponseReturnValue:
    """The link of the mails: confirms with one button, or ends it.  A program that only follows links does neither."""
    row = _by_token(token)
    place = db.session.get(Territory, row.territory_id) if row else None
    return render_template("bulletin/link.html", row=row, place_row=place, token=token), 200 if row else 404


@bp.post("/subscribe/<token>/confirm")
@public
@limits.per_minute(30)
def confirm(token: str) -> ResponseReturnValue:
    try:
        operations.confirm_subscription(acting(), token)
    except DomainError:
        return render_template("bulletin/link.html", row=None, place_row=None, token=token), 404
    return redirect(url_for(".by_link", token=token), 303)


@bp.post("/subscribe/<token>/end")
@public
@limits.per_minute(30)
def end_by_link(token: str) -> ResponseReturnValue:
    try:
        operations.end_subscription(acting(), token)
    except DomainError:
        return render_template("bulletin/link.html", row=None, place_row=None, token=token), 404
    return render_template("bulletin/ended.html")
