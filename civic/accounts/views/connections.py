"""Desk pages of the connection log: ask with a document number, release as a second person, read for 24 hours."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.accounts import labels, operations, policies, queries
from civic.accounts.forms import OpeningForm
from civic.accounts.models import ConnectionOpening
from civic.accounts.views.sign_in import answer
from civic.core import clock
from civic.core.errors import DomainError
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.forms import keyed, refuse

bp = Blueprint("connections", __name__, url_prefix="/desk/connections")


def _page(form: OpeningForm) -> str:
    return render_template(
        "accounts/connections.html",
        form=form,
        openings=queries.openings(),
        me=viewer().account_id,
        my_person=viewer().bound_to,
        now=clock.now(),
    )


@bp.get("/")
@staff(Role.administrator, Role.auditor)
def index() -> ResponseReturnValue:
    authorize(policies.can_use_log, viewer())
    return answer(_page(OpeningForm(formdata=None, to_on=clock.today())))


@bp.post("/")
@staff(Role.administrator, Role.auditor)
def ask() -> ResponseReturnValue:
    authorize(policies.can_use_log, viewer())
    form, status = OpeningForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _opening: url_for(".index")):
                operations.ask_opening(
                    actor(), form.document.data, form.reason.data, form.from_on.data, form.to_on.data, form.login.data or ""
                )
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Asked. Another administrator or auditor has to release it; then you can read for 24 hours."))
            return redirect(url_for(".index"), 303)
    return answer(_page(form), status)


@bp.post("/<int:opening_id>/release")
@staff(Role.administrator, Role.auditor)
def release(opening_id: int) -> ResponseReturnValue:
    opening: ConnectionOpening = get_or_404(sa.select(ConnectionOpening).where(ConnectionOpening.id == opening_id))
    authorize(policies.can_release, viewer(), opening.asked_by_id, queries.person_of(opening.asked_by_id))
    try:
        operations.release_opening(actor(), opening_id)
    except DomainError as refusal:
        flash(refusal.message, "warn")
    else:
        flash(_("Released. Whoever asked can read for 24 hours; each look is recorded."))
    return redirect(url_for(".index"), 303)


@bp.post("/<int:opening_id>/look")
@staff(Role.administrator, Role.auditor)
def look(opening_id: int) -> ResponseReturnValue:
    """A look writes its own trace, so it is a POST."""
    opening: ConnectionOpening = get_or_404(sa.select(ConnectionOpening).where(ConnectionOpening.id == opening_id))
    authorize(policies.can_read, viewer(), opening.asked_by_id)
    try:
        seen = operations.look_into(actor(), opening_id)
    except DomainError as refusal:
        flash(refusal.message, "warn")
        return redirect(url_for(".index"), 303)
    heads = [
        {"label": pgettext("column", "Moment")},
        {"label": pgettext("field", "Login")},
        {"label": pgettext("field", "Address")},
        {"label": pgettext("column", "Port")},
        {"label": pgettext("column", "What")},
    ]
    return answer(render_template("accounts/connection_records.html", opening=opening, seen=seen, heads=heads, act_words=labels.ACT))
