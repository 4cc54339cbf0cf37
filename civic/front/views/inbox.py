"""The inbox 收件箱 of whoever signed in, which channels she wants for which subject, and the link in a mail that ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice

from civic.core.messages import choices, inbox
from civic.core.messages.models import MessageChannel
from civic.core.messages.receivers import Receiver, contacts_of
from civic.core.viewer import Viewer, actor, viewer
from civic.core.web.access import public, signed_in
from civic.core.web.forms import csrf, keyed
from civic.front.forms import ChannelsForm, LeaveForm
from civic.front.labels import CHANNELS
from civic.people import queries as people
from civic.people.models import Person

bp = Blueprint("inbox", __name__, url_prefix="/inbox")


def whose(who: Viewer) -> inbox.Whose:
    """Her account, her person, and the rows merged into it: a select inside the select, so that a count is one statement."""
    if who.person_id is None:
        return inbox.Whose(who.account_id)
    rows = sa.select(Person.id).where(sa.or_(Person.id == who.person_id, Person.merged_into_id == who.person_id))
    return inbox.Whose(who.account_id, rows)


def unread(who: Viewer) -> int:
    """How many she has not read, asked once a request."""
    if "civic_unread" not in g:
        g.civic_unread = inbox.unread(whose(who))
    found: int = g.civic_unread
    return found


def _receivers(who: Viewer) -> list[Receiver]:
    """All she is as a receiver, the person first."""
    persons = people.all_rows_of(who.person_id) if who.person_id is not None else []
    return inbox.receivers_of(inbox.Whose(who.account_id, persons))


@bp.get("", strict_slashes=False)
@signed_in
def index() -> str:
    items, older = inbox.listed(whose(viewer()), before=request.args.get("before", "")[:22])
    return render_template("front/inbox.html", items=items, older=older, unread=unread(viewer()))


@bp.post("/read")
@signed_in
def read_all() -> ResponseReturnValue:
    inbox.read(whose(viewer()))
    flash(_("All messages are marked as read."))
    return redirect(url_for(".index"), 303)


@bp.get("/<uid>")
@signed_in
def show(uid: str) -> str:
    """One message; opening it is what marks it as read."""
    item = inbox.one(whose(viewer()), uid[:22])
    if item is None:
        abort(404)
    if item.is_unread:
        inbox.read(whose(viewer()), item.uid)
    return render_template("front/inbox_message.html", item=item, about=item.href if item.href.startswith("/") else "")


@dataclass(frozen=True)
class Group:
    """The channels of one subject on the page: boxes to tick, or what is fixed."""

    chosen: choices.Chosen
    boxes: list[Any]
    words: list[str]


def _groups(form: ChannelsForm, rows: Sequence[choices.Chosen]) -> list[Group]:
    boxes = {box.data: box for box in form.wanted}
    found = []
    for row in rows:
        names = [f"{row.topic.name}:{channel}" for channel in choices.CHOOSABLE]
        words = [str(CHANNELS[channel]) for channel in choices.CHOOSABLE if channel in row.channels]
        found.append(Group(row, [boxes[name] for name in names if name in boxes], words))
    return found


def _channels_page(form: ChannelsForm, rows: Sequence[choices.Chosen], receivers: Sequence[Receiver]) -> str:
    reached = [contact for each in receivers if (contact := contacts_of(each.kind, [each.id]).get(each.id))]
    has = {MessageChannel.mail: any(c.mail for c in reached), MessageChannel.text: any(c.phone for c in reached)}
    missing = [str(CHANNELS[channel]) for channel in choices.CHOOSABLE if not has[channel]]
    return render_template("front/inbox_channels.html", form=form, groups=_groups(form, rows), missing=missing)


def _channels_form(rows: Sequence[choices.Chosen]) -> ChannelsForm:
    free = [row for row in rows if not row.topic.is_fixed]
    used = [f"{row.topic.name}:{channel}" for row in free for channel in choices.CHOOSABLE if channel in row.channels]
    form = ChannelsForm(wanted=used)
    form.wanted.choices = [SelectChoice(f"{row.topic.name}:{c}", CHANNELS[c]) for row in free for c in choices.CHOOSABLE]
    return form


@bp.get("/channels")
@signed_in
def channels() -> str:
    receivers = _receivers(viewer())
    rows = choices.chosen(receivers)
    return _channels_page(_channels_form(rows), rows, receivers)


@bp.post("/channels")
@signed_in
def save_channels() -> ResponseReturnValue:
    receivers = _receivers(viewer())
    rows = choices.chosen(receivers)
    form = _channels_form(rows)
    if not form.validate_on_submit():
        return _channels_page(form, rows, receivers), 422
    wanted = {
        row.topic.name: [c for c in choices.CHOOSABLE if f"{row.topic.name}:{c}" in form.wanted.data]
        for row in rows
        if not row.topic.is_fixed
    }
    with keyed(form, to=lambda _done: url_for(".channels")):
        choices.choose(actor(), receivers, wanted)
    flash(_("Saved. It counts from the next message on."))
    return redirect(url_for(".channels"), 303)


@bp.get("/leave/<token>")
@public
def leave(token: str) -> str:
    """The link in a mail: shows what it would end; ending takes a press of the button, because mail programs open links by themselves."""
    return _leave_page(token, LeaveForm())


@bp.post("/leave/<token>")
@csrf.exempt  # the address is the proof; a mail program's one click (RFC 8058) carries no token of ours
@public
def end_mail(token: str) -> ResponseReturnValue:
    found = choices.left_by(token)
    if found is None:
        abort(404)
    form = LeaveForm()
    one_click = request.form.get("List-Unsubscribe") == "One-Click"
    if not one_click and not form.validate_on_submit():
        return _leave_page(token, form), 422
    choices.leave(*found)
    return ("", 204) if one_click else redirect(url_for(".leave", token=token), 303)


def _leave_page(token: str, form: LeaveForm) -> str:
    found = choices.left_by(token)
    if found is None:
        abort(404)
    receiver, about = found
    used = next(row.channels for row in choices.chosen([receiver]) if row.topic.name == about.name)
    return render_template("front/inbox_leave.html", form=form, about=about, is_on=MessageChannel.mail in used)
