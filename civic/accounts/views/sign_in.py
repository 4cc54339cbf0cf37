"""Signing in and out: password, second step, own password, and the way back to a form that was being filled in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from civic.accounts import errors, kept, operations, queries, second_step, session, stages
from civic.accounts.forms import CodeForm, EnrolForm, NewPasswordForm, SignInForm, StageForm
from civic.accounts.models import ConnectionAct, IdentityKind
from civic.core import crypto
from civic.core.errors import DomainError, TooManyTries
from civic.core.viewer import actor, viewer
from civic.core.web.access import public
from civic.core.web.errors import is_api, problem
from civic.core.web.forms import refuse
from civic.core.web.limits import per_minute
from civic.core.web.preferences import remember

bp = Blueprint("accounts", __name__, url_prefix="/account")
NO_STORE = "no-store"


def answer(page: str, status: int = 200) -> Response:
    """A page that no browser keeps: it holds what was typed, or a secret that is shown once."""
    response = make_response(page, status)
    response.headers["Cache-Control"] = NO_STORE
    if status == 429:
        response.headers["Retry-After"] = str(15 * 60)
    return response


# ---- the door -------------------------------------------------------------------------------------------------------------


def ask_sign_in() -> Response:
    """What a visitor gets at a door that needs an account.

    A page: the way to the sign-in page and back.  A form whose session has ended: the sign-in page that keeps what was typed.
    """
    wants_json = request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
    if is_api() or wants_json:
        response = problem(401, "sign_in_needed", _("Send a token: POST /api/v1/tokens gives one for login and password."))
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")), 303)
    if not kept.is_own_form():
        return redirect(url_for("accounts.sign_in"), 303)
    form = SignInForm(formdata=None)
    form.kept.data = kept.seal()
    return answer(_sign_in_page(form, ended=True, too_large=not form.kept.data), 401)


def _sign_in_page(form: SignInForm, *, ended: bool = False, too_large: bool = False) -> str:
    found = kept.unseal(form.kept.data)
    return render_template("accounts/sign_in.html", form=form, ended=ended, too_large=too_large, keeps=found, has_outside=has_outside())


def has_outside() -> bool:
    """Is an outside sign-in set up?"""
    return bool(current_app.extensions["civic"].settings.oidc_url)


@bp.get("/sign-in")
@public
def sign_in() -> ResponseReturnValue:
    going = kept.local_path(request.args.get("next", ""))
    if viewer().is_signed_in:
        return redirect(going or url_for(".home"), 303)
    form = SignInForm(formdata=None)
    form.next.data = going
    return answer(_sign_in_page(form))


@bp.post("/sign-in")
@public
@per_minute(20)
def check_sign_in() -> ResponseReturnValue:
    form = SignInForm()
    status = 422
    if form.validate_on_submit():
        try:
            found = operations.prove_passwords(form.login.data, form.password.data, session.address())
            if len(found) > 1:  # mother and daughter share address and password
                return _ask_who([account.id for account in found], form.next.data)
            return _go_on(stages.begin(found[0].id), form.next.data, form.kept.data)
        except DomainError as refusal:
            if not isinstance(refusal, TooManyTries):
                tried = queries.account_by_login(form.login.data)
                session.record(tried.id if tried else None, ConnectionAct.failed_sign_in)
            status = refuse(form, refusal)
    return answer(_sign_in_page(form), status)


def _ask_who(account_ids: list[int], going: str | None) -> Response:
    """Several accounts fit: the signed cookie holds which, the page asks who."""
    stages.remember_choice(account_ids)
    return redirect(url_for(".ask_who", next=kept.local_path(going) or None), 303)


def go_in(pending: stages.Pending, going: str = "") -> Response:
    """For the other ways to prove who one is: on to the second step, or in."""
    return _go_on(pending, going, "")


def _go_on(pending: stages.Pending, going: str | None, blob: str | None) -> Response:
    """To the next page of the sign-in, or in.  With a kept form the page is shown at once: no address could carry it."""
    page = pending.next_page
    if page:
        if blob:
            return answer(PAGES[page](pending, going or "", blob))
        return redirect(url_for(ADDRESS[page], next=kept.local_path(going) or None), 303)
    stages.forget()
    session.sign_in_browser(pending.account_id, two_step=pending.two_step)
    found = kept.unseal(blob)
    response = answer(_again_page(found)) if found else redirect(kept.local_path(going) or url_for(".home"), 303)
    lang = viewer().extras.get("lang")
    if lang:
        remember(response, "civic_lang", lang)
    return response


def _again_page(found: kept.Kept) -> str:
    """Only the account that typed it goes on; anybody else is told that it is gone."""
    is_own = found.account_id in {None, viewer().account_id}
    return render_template("accounts/signed_in_again.html", kept=found, is_own=is_own)


def _lost() -> Response:
    """No sign-in is under way in this browser."""
    if viewer().is_signed_in:
        return redirect(url_for(".home"), 303)
    form = SignInForm(formdata=None)
    form.next.data, form.kept.data = kept.local_path(request.values.get("next", "")), request.form.get("kept", "")
    form.form_errors.append(errors.SignInAgain().message)
    return answer(_sign_in_page(form), 401)


def carried(form: StageForm, going: str, blob: str) -> Any:
    form.next.data, form.kept.data = kept.local_path(going), blob or ""
    return form


# ---- the second step ------------------------------------------------------------------------------------------------------


def _code_page(pending: stages.Pending, going: str, blob: str, form: CodeForm | None = None) -> str:
    form = form or carried(CodeForm(formdata=None), going, blob)
    return render_template("accounts/second_step.html", form=form, left=queries.recovery_codes_left(pending.account_id))


@bp.get("/second-step")
@public
def ask_second_step() -> ResponseReturnValue:
    pending = stages.current()
    if pending is None:
        return _lost()
    if pending.next_page != "second_step":
        return redirect(url_for(ADDRESS[pending.next_page]), 303)
    return answer(_code_page(pending, request.args.get("next", ""), ""))


@bp.post("/second-step")
@public
@per_minute(20)
def check_second_step() -> ResponseReturnValue:
    pending, form, status = stages.current(), CodeForm(), 422
    if pending is None:
        return _lost()
    if form.validate_on_submit():
        try:
            operations.prove_second_step(session.acting_as(pending.account_id), pending.account_id, form.code.data)
            return _go_on(stages.begin(pending.account_id, two_step=True), form.next.data, form.kept.data)
        except DomainError as refusal:
            if not isinstance(refusal, TooManyTries):
                session.record(pending.account_id, ConnectionAct.failed_sign_in)
            status = refuse(form, refusal)
    return answer(_code_page(pending, "", "", form), status)


def _set_up_page(pending: stages.Pending | None, going: str, blob: str, form: EnrolForm | None = None) -> str:
    """The picture for the app.  pending None: somebody who is signed in sets up a new app and shows her password again."""
    if form is None:
        form = carried(EnrolForm(formdata=None), going, blob)
        form.sealed.data = crypto.encrypt(second_step.new_secret(), "enrol")
    needs = pending.needs if pending else queries.sign_in_needs(viewer().account_id or 0)
    login = needs.login if needs else ""
    secret = crypto.decrypt(form.sealed.data, "enrol")
    address = second_step.address(secret, login, _site_words())
    return render_template(
        "accounts/set_up.html",
        form=form,
        picture=second_step.picture(address),
        address=address,
        secret=second_step.grouped(secret),
        is_forced=pending is not None,
        asks_password=pending is None and not stages.is_fresh(viewer().account_id or 0),
    )


def _site_words() -> str:
    """The name beside the code in the app."""
    host = current_app.extensions["civic"].settings.base_url.partition("://")[2] or request.host
    return f"Civic {host}".replace(":", " ")


@bp.get("/second-step/set-up")
@public
def set_up() -> ResponseReturnValue:
    pending = stages.current()
    me = viewer().account_id
    if me is not None:
        if not stages.is_fresh(me) and queries.identity_of(me, IdentityKind.password) is None:
            return redirect(url_for(".confirm", next=url_for(".set_up")), 303)
        return answer(_set_up_page(None, "", ""))
    if pending is None:
        return _lost()
    if pending.next_page != "set_up":
        return redirect(url_for(ADDRESS[pending.next_page]), 303)
    return answer(_set_up_page(pending, request.args.get("next", ""), ""))


@bp.post("/second-step/set-up")
@public
@per_minute(20)
def check_set_up() -> ResponseReturnValue:
    pending, form, status = None if viewer().is_signed_in else stages.current(), EnrolForm(), 422
    account_id = viewer().account_id if viewer().is_signed_in else pending.account_id if pending else None
    if account_id is None or (pending and pending.next_page != "set_up"):
        return _lost()
    try:
        secret = crypto.decrypt(form.sealed.data or "..", "enrol")
    except crypto.UnknownKey:
        return redirect(url_for(".set_up"), 303)
    if form.validate_on_submit():
        try:
            if pending is None and not stages.is_fresh(account_id):
                operations.confirm_password(account_id, form.current_password.data or "")
            codes = operations.enrol_second_step(session.acting_as(account_id), account_id, secret, form.code.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return _enrolled(pending, account_id, codes, form)
    return answer(_set_up_page(pending, "", "", form), status)


def _enrolled(pending: stages.Pending | None, account_id: int, codes: list[str], form: EnrolForm) -> Response:
    """The recovery codes, shown once; the session begins when they are put away."""
    if pending is None:
        session_id = viewer().session_id
        if session_id is not None:
            operations.mark_two_step(actor(), session_id)
    else:
        stages.begin(account_id, two_step=True)
    onward = carried(StageForm(formdata=None), form.next.data, form.kept.data)
    return answer(render_template("accounts/recovery_codes.html", codes=codes, form=onward, is_forced=pending is not None))


@bp.post("/sign-in/go-on")
@public
def go_on() -> ResponseReturnValue:
    """The recovery codes are put away."""
    form, pending = StageForm(), stages.current()
    if pending is None or not form.validate_on_submit():
        return _lost()
    return _go_on(pending, form.next.data, form.kept.data)


# ---- a password of one's own ----------------------------------------------------------------------------------------------


def _first_password_page(_pending: stages.Pending, going: str, blob: str, form: NewPasswordForm | None = None) -> str:
    return render_template("accounts/first_password.html", form=form or carried(NewPasswordForm(formdata=None), going, blob))


@bp.get("/first-password")
@public
def first_password() -> ResponseReturnValue:
    pending = stages.current()
    if pending is None:
        return _lost()
    if pending.next_page != "first_password":
        return redirect(url_for(ADDRESS[pending.next_page]), 303)
    return answer(_first_password_page(pending, request.args.get("next", ""), ""))


@bp.post("/first-password")
@public
@per_minute(20)
def check_first_password() -> ResponseReturnValue:
    pending, form, status = stages.current(), NewPasswordForm(), 422
    if pending is None or pending.next_page != "first_password":
        return _lost()
    if form.validate_on_submit():
        try:
            operations.set_own_password(session.acting_as(pending.account_id), pending.account_id, form.new_password.data, session_id=None)
            return _go_on(stages.begin(pending.account_id, two_step=pending.two_step), form.next.data, form.kept.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
    return answer(_first_password_page(pending, "", "", form), status)


# ---- staying and leaving --------------------------------------------------------------------------------------------------


@bp.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    who = viewer()
    if who.account_id is not None and who.session_id is not None:
        operations.end_session(actor(), who.account_id, who.session_id)
        session.record(who.account_id, ConnectionAct.sign_out)
    session.sign_out_browser()
    return redirect(url_for(".signed_out"), 303)


@bp.get("/signed-out")
@public
def signed_out() -> ResponseReturnValue:
    if viewer().is_signed_in:
        flash(_("You are still signed in here."), "warn")
        return redirect(url_for(".home"), 303)
    return answer(render_template("accounts/signed_out.html"))


ADDRESS = {"": ".sign_in", "second_step": ".ask_second_step", "set_up": ".set_up", "first_password": ".first_password"}
PAGES: dict[str, Any] = {"second_step": _code_page, "set_up": _set_up_page, "first_password": _first_password_page}
