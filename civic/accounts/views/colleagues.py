"""A community manager's colleagues: what each has open, and handing it to somebody else when she is away or leaves.

Rights are given and ended by administrators alone; here nothing but the work changes hands.
"""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext
from sqlalchemy.orm import joinedload

from civic.accounts import labels, operations, policies, queries
from civic.accounts.models import Account, Grant
from civic.accounts.own_errors import WrongColleague
from civic.accounts.own_forms import HandOverForm
from civic.accounts.queries import PAGE
from civic.accounts.views.sign_in import answer
from civic.core import clock
from civic.core.errors import DomainError
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import get_or_404, hidden, staff
from civic.core.web.forms import keyed, refuse

bp = Blueprint("colleagues", __name__, url_prefix="/desk/colleagues")


@bp.get("/")
@staff(Role.manager)
def index() -> ResponseReturnValue:
    given = request.args.get("page", "")
    page = max(int(given), 1) if given.isascii() and given.isdecimal() and len(given) < 6 else 1
    grants, total = queries.rights_handed_on(viewer(), page)
    pages = {
        "told": ngettext("%(num)s right", "%(num)s rights", total),
        "first_href": url_for(".index") if page > 1 else "",
        "next_href": url_for(".index", page=page + 1) if page * PAGE < total else "",
    }
    return answer(
        render_template(
            "accounts/colleagues.html",
            grants=grants,
            pages=pages,
            own_id=viewer().account_id,
            role_words=labels.ROLE,
            today=clock.today(),
        )
    )


def _grant(grant_id: int) -> Grant:
    """The right, 404 where she does not reach it."""
    grant: Grant = get_or_404(
        sa.select(Grant)
        .join(Account, Account.id == Grant.account_id)
        .where(Grant.id == grant_id, Grant.ended_at.is_(None), Account.closed_at.is_(None))
        .options(joinedload(Grant.account), joinedload(Grant.territory), joinedload(Grant.organisation))
    )
    hidden(policies.can_hand_on, viewer(), grant.role, grant.territory.path, grant.organisation_id)
    return grant


def _page(grant: Grant, form: HandOverForm | None = None) -> str:
    people = queries.colleagues(grant)
    if form is None:
        form = HandOverForm(formdata=None)
        form.offer([(each.uid, each.name) for each in people])
    work = operations.work_of(grant.id)
    return render_template(
        "accounts/colleague.html",
        grant=grant,
        work=work,
        has_colleagues=bool(people),
        can_move=all(each.hand_over is not None for each in work),
        form=form,
        role_words=labels.ROLE,
        today=clock.today(),
        trail=[
            {"label": pgettext("page", "Desk"), "href": "/desk/"},
            {"label": _("Colleagues and their open work"), "href": url_for(".index")},
        ],
    )


@bp.get("/<int:grant_id>")
@staff(Role.manager)
def show(grant_id: int) -> ResponseReturnValue:
    return answer(_page(_grant(grant_id)))


@bp.post("/<int:grant_id>")
@staff(Role.manager)
def hand_on(grant_id: int) -> ResponseReturnValue:
    grant = _grant(grant_id)
    people = queries.colleagues(grant)
    form = HandOverForm()
    form.offer([(each.uid, each.name) for each in people])
    try:
        chosen = next((each for each in people if form.colleague.data and each.uid == form.colleague.data), None)
        if form.colleague.data and chosen is None:
            raise WrongColleague(field="colleague")
        with keyed(form, to=lambda _grant: url_for(".show", grant_id=grant_id)):
            operations.hand_on(actor(), grant_id, chosen.id if chosen else None)
    except DomainError as refusal:
        return answer(_page(grant, form), refuse(form, refusal))
    flash(_("Handed over to %(name)s.", name=chosen.name if chosen else ""), "good")
    return redirect(url_for(".show", grant_id=grant_id), 303)
