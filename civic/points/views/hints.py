"""Hints at the desk: what a person should look at, explained with its numbers, and what was found when somebody did."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core.errors import DomainError
from civic.core.viewer import Channel, actor, viewer
from civic.core.web.access import authorize, staff
from civic.core.web.forms import keyed, refuse
from civic.people import operations as people
from civic.people.models import LookKind
from civic.points import labels, policies
from civic.points.forms.watch import LookedForm
from civic.points.models import HintState
from civic.points.operations import hints as verbs
from civic.points.queries import hints

bp = Blueprint("points_hints", __name__, url_prefix="/desk/points/hints")
NO_STORE = {"Cache-Control": "no-store"}


@bp.get("/")
@staff(*hints.SEES)
def index() -> ResponseReturnValue:
    is_history = request.args.get("show") == "looked"
    rows = hints.listed(viewer(), HintState.looked_at if is_history else HintState.open)
    _saw(rows, LookKind.found)
    filters = [
        {"label": pgettext("hint", "To look at"), "href": url_for(".index"), "is_current": not is_history},
        {"label": pgettext("hint", "Looked at"), "href": url_for(".index", show="looked"), "is_current": is_history},
    ]
    page = render_template(
        "points/desk_hints.html", rows=rows, filters=filters, is_history=is_history, labels=labels, is_cut=len(rows) >= hints.MOST
    )
    return page, 200, NO_STORE


def _saw(rows: list[hints.Shown], kind: LookKind) -> None:
    ids = [member.person_id for row in rows for member in row.members if member.person_id is not None]
    people.note_look(actor(Channel.desk), ids, kind)


def _load(uid: str) -> hints.Shown:
    found = hints.one(viewer(), uid)
    if found is None:
        abort(404)
    return found


@bp.get("/<uid>")
@staff(*hints.SEES)
def show(uid: str) -> ResponseReturnValue:
    found = _load(uid)
    _saw([found], LookKind.page)
    return _page(found, LookedForm()), 200, NO_STORE


def _page(found: hints.Shown, form: LookedForm) -> str:
    return render_template(
        "points/desk_hint.html", hint=found, form=form, labels=labels, may_close=policies.can_close_hint(viewer(), found.row.path)
    )


@bp.post("/<uid>")
@staff(*policies.DECIDERS)
def look(uid: str) -> ResponseReturnValue:
    found, form, status = _load(uid), LookedForm(), 422
    authorize(policies.can_close_hint, viewer(), found.row.path)
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _row: url_for(".index")):
                verbs.look_at(actor(Channel.desk), found.row.id, form.words.data or "")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Written down. Nothing else follows from the hint by itself."), "good")
            return redirect(url_for(".index"), 303)
    return _page(found, form), status
