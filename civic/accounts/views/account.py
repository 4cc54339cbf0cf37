"""The account page: where one is signed in, tokens, password, second step, language."""

from __future__ import annotations

from flask import flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.accounts import labels, operations, queries
from civic.accounts.forms import ChangePasswordForm, LanguageForm
from civic.accounts.models import Account, IdentityKind
from civic.accounts.views.sign_in import answer, bp
from civic.core import clock
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.viewer import actor, viewer
from civic.core.web.access import signed_in
from civic.core.web.errors import problem
from civic.core.web.forms import keyed, refuse
from civic.core.web.limits import per_minute
from civic.core.web.preferences import remember


def me() -> int:
    """The signed-in account's id; the gate has seen to it."""
    found = viewer().account_id
    if found is None:
        raise ValueError("this page is marked @signed_in")
    return found


def _page(language: LanguageForm | None = None) -> str:
    account = db.session.get_one(Account, me())
    if language is None:
        language = LanguageForm(formdata=None, lang=account.lang)
    return render_template(
        "accounts/home.html",
        account=account,
        grants=queries.grants_of(account.id),
        sessions=queries.living_sessions(account.id),
        tokens=queries.living_tokens(account.id),
        app=queries.identity_of(account.id, IdentityKind.totp),
        codes_left=queries.recovery_codes_left(account.id),
        is_waiting=not viewer().works and queries.is_staff(account.id),
        language=language,
        role_words=labels.ROLE,
        today=clock.today(),
    )


@bp.get("/")
@signed_in
def home() -> ResponseReturnValue:
    return answer(_page())


@bp.post("/language")
@signed_in
def choose_language() -> ResponseReturnValue:
    form = LanguageForm()
    if not form.validate_on_submit():
        return answer(_page(form), 422)
    with keyed(form, to=lambda _done: url_for(".home")):
        operations.change_account(actor(), me(), lang=form.lang.data)
    response = redirect(url_for(".home"), 303)
    remember(response, "civic_lang", form.lang.data)  # the account's choice wins over the link chosen before on this device
    return response


@bp.post("/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int) -> ResponseReturnValue:
    if operations.end_session(actor(), me(), session_id):
        flash(_("Signed out there."))
    else:
        flash(_("It was signed out already."), "warn")
    return redirect(url_for(".home"), 303)


@bp.post("/tokens/<int:token_id>/end")
@signed_in
def end_token(token_id: int) -> ResponseReturnValue:
    if operations.end_token(actor(), me(), token_id):
        flash(_("The token has ended. Programs that use it must ask for a new one."))
    else:
        flash(_("The token had ended already."), "warn")
    return redirect(url_for(".home"), 303)


@bp.post("/renew")
@signed_in
def renew() -> ResponseReturnValue:
    """Answer the page's own script: when this session ends now."""
    session_id = viewer().session_id
    if session_id is None:
        return problem(401, "sign_in_needed", _("Sign in again."))
    until = operations.renew_session(actor(), session_id, me())
    return jsonify(expires_at=clock.local(until).isoformat())


@bp.get("/password")
@signed_in
def password() -> ResponseReturnValue:
    return answer(render_template("accounts/change_password.html", form=ChangePasswordForm(formdata=None)))


@bp.post("/password")
@signed_in
@per_minute(20)
def change_password() -> ResponseReturnValue:
    form, status = ChangePasswordForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".home")):
                operations.change_password(
                    actor(), me(), form.current_password.data, form.new_password.data, session_id=viewer().session_id
                )
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Your password is changed. All other devices and programs were signed out."))
            return redirect(url_for(".home"), 303)
    return answer(render_template("accounts/change_password.html", form=form), status)
