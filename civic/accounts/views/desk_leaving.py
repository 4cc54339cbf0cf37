"""Ending rights and accounts at the desk: what lies open is shown and handed over first.  And: whose login an account is."""

from __future__ import annotations

import sqlalchemy as sa
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.accounts import labels, operations, policies, queries
from civic.accounts.forms import ActForm
from civic.accounts.models import Account, Grant
from civic.accounts.own_errors import WrongColleague
from civic.accounts.own_forms import BindForm, HandOverForm
from civic.accounts.views.desk import bp, reached_account, show_page, trail_to
from civic.accounts.views.sign_in import answer
from civic.core import clock
from civic.core.errors import DomainError
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.forms import keyed, refuse
from civic.people import operations as people
from civic.people import records


def _grant(account: Account, grant_id: int) -> Grant:
    grant: Grant = get_or_404(sa.select(Grant).where(Grant.id == grant_id, Grant.account_id == account.id))
    authorize(policies.can_grant, viewer(), grant.territory.path, grant.organisation_id)
    return grant


def _end_page(account: Account, grant: Grant, form: HandOverForm | None = None) -> str:
    """form: the one that was sent, its choices offered already."""
    people = queries.colleagues(grant)
    if form is None:
        form = HandOverForm(formdata=None)
        form.offer([(each.uid, each.name) for each in people])
    return render_template(
        "accounts/desk_end_grant.html",
        account=account,
        grant=grant,
        work=operations.work_of(grant.id),
        has_colleagues=bool(people),
        form=form,
        role_words=labels.ROLE,
        trail=trail_to({"label": account.name, "href": url_for(".show", uid=account.uid)}),
    )


@bp.get("/<uid>/grants/<int:grant_id>/end")
@staff(Role.administrator)
def ask_end_grant(uid: str, grant_id: int) -> ResponseReturnValue:
    account, _grants = reached_account(uid)
    grant = _grant(account, grant_id)
    if grant.is_over(clock.today()):
        return redirect(url_for(".show", uid=uid), 303)
    return answer(_end_page(account, grant))


@bp.post("/<uid>/grants/<int:grant_id>/end")
@staff(Role.administrator)
def end_grant(uid: str, grant_id: int) -> ResponseReturnValue:
    account, _grants = reached_account(uid)
    grant = _grant(account, grant_id)
    people = queries.colleagues(grant)
    form = HandOverForm()
    form.offer([(each.uid, each.name) for each in people])
    try:
        chosen = next((each.id for each in people if form.colleague.data and each.uid == form.colleague.data), None)
        if form.colleague.data and chosen is None:
            raise WrongColleague(field="colleague")
        with keyed(form, to=lambda _grant: url_for(".show", uid=uid)):
            operations.end_grant(actor(), grant_id, colleague_id=chosen)
    except DomainError as refusal:
        status = refuse(form, refusal)
        return answer(_end_page(account, grant, form), status)
    flash(_("The right has ended, and its open work is handed over."))
    return redirect(url_for(".show", uid=uid), 303)


@bp.get("/<uid>/close")
@staff(Role.administrator)
def ask_close(uid: str) -> ResponseReturnValue:
    account, grants = reached_account(uid)
    authorize(policies.can_manage, viewer(), account.id, queries.places_of(grants))
    living = [grant for grant in grants if not grant.is_over(clock.today())]
    return answer(
        render_template(
            "accounts/desk_close.html",
            account=account,
            grants=[(grant, operations.work_of(grant.id)) for grant in living],
            sessions=len(queries.living_sessions(account.id)),
            role_words=labels.ROLE,
            trail=trail_to({"label": account.name, "href": url_for(".show", uid=uid)}),
        )
    )


@bp.post("/<uid>/close")
@staff(Role.administrator)
def close(uid: str) -> ResponseReturnValue:
    account, grants = reached_account(uid)
    authorize(policies.can_manage, viewer(), account.id, queries.places_of(grants))
    try:
        with keyed(ActForm(), to=lambda _closed: url_for(".show", uid=uid)):
            operations.close_account(actor(), account.id)
    except DomainError as refusal:
        flash(refusal.message, "warn")
        if refusal.code == "still_open":
            return redirect(url_for(".ask_close", uid=uid), 303)
    else:
        flash(_("The account is closed. Nobody can sign in with it any more."))
    return redirect(url_for(".show", uid=uid), 303)


@bp.post("/<uid>/person")
@staff(Role.administrator)
def bind_person(uid: str) -> ResponseReturnValue:
    account, grants = reached_account(uid)
    authorize(policies.can_manage, viewer(), account.id, queries.places_of(grants))
    form, status = BindForm(prefix="bind-"), 422
    if form.validate_on_submit():
        try:
            person_id = people.prove_card(records.normal_number(form.number.data or ""), form.code.data or "")
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                operations.bind_person(actor(), account.id, person_id)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Bound. Rules that want a second person now compare people."))
            return redirect(url_for(".show", uid=uid), 303)
    return answer(show_page(account, grants, bind=form), status)
