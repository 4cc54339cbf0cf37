"""A code on the phone instead of the password, a forgotten password, and the page that asks who of those who share an address."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.accounts import kept, operations, session, stages
from civic.accounts.errors import SignInAgain
from civic.accounts.models import Account, ConnectionAct, TicketKind
from civic.accounts.operations import VISITOR, Opened
from civic.accounts.own_errors import ChooseOne, LinkOver
from civic.accounts.own_forms import MailForm, PhoneForm, ResetForm, SentCodeForm, WhoForm
from civic.accounts.views.register import code_page, over, tidy
from civic.accounts.views.sign_in import answer, bp, go_in
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import lang
from civic.core.web.access import public
from civic.core.web.forms import keyed, refuse
from civic.core.web.limits import per_minute
from civic.people import records
from civic.people.models import ContactKind

RESETS = (TicketKind.reset_mail, TicketKind.reset_phone, TicketKind.slip)


def masked(accounts: list[Account]) -> list[tuple[str, str]]:
    """Enough for each to know herself."""
    return [(account.uid, records.masked_name(account.name)) for account in accounts]


# ---- signing in by a code -------------------------------------------------------------------------------------------------


@bp.get("/sign-in/phone")
@public
def phone_door() -> ResponseReturnValue:
    return answer(render_template("accounts/phone.html", form=PhoneForm(formdata=None)))


@bp.post("/sign-in/phone")
@public
@per_minute(20)
def send_sign_in_code() -> ResponseReturnValue:
    form, status = PhoneForm(), 422
    if form.validate_on_submit():
        try:
            phone = tidy(ContactKind.phone, form.phone.data)
            uid = operations.send_code(VISITOR, TicketKind.sign_in_phone, phone, "accounts/sign_in_code", lang=lang())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".sign_in_code", uid=uid), 303)
    return answer(render_template("accounts/phone.html", form=form), status)


@bp.get("/sign-in/code/<uid>")
@public
def sign_in_code(uid: str) -> ResponseReturnValue:
    return code_page(SentCodeForm(formdata=None), url_for(".check_sign_in_code", uid=uid), url_for(".phone_door"))


@bp.post("/sign-in/code/<uid>")
@public
@per_minute(20)
def check_sign_in_code(uid: str) -> ResponseReturnValue:
    form, status = SentCodeForm(), 422
    if form.validate_on_submit():
        try:
            token = operations.prove_code(uid, TicketKind.sign_in_phone, form.code.data)
        except DomainError as refusal:
            session.record(None, ConnectionAct.failed_sign_in)
            status = refuse(form, refusal)
        else:
            return enter_with(token)
    return code_page(form, url_for(".check_sign_in_code", uid=uid), url_for(".phone_door"), status)


def enter_with(token: str) -> ResponseReturnValue:
    """In at once where one account alone is meant and needs no second fact; else the page that asks."""
    opened = operations.open_link(token, TicketKind.sign_in_phone)
    found = operations.candidates(opened)
    if len(found) == 1 and not operations.needs_fact(opened, found[0]):
        return go_in(stages.begin(operations.sign_in_with(opened, "", "").id))
    return redirect(url_for(".who", token=token), 303)


def _who_form(opened: Opened, *, empty: bool) -> WhoForm:
    found = operations.candidates(opened)
    form = WhoForm(formdata=None) if empty else WhoForm()
    form.offer(masked(found), asks_fact=any(operations.needs_fact(opened, each) for each in found))
    return form


@bp.get("/sign-in/who/<token>")
@public
def who(token: str) -> ResponseReturnValue:
    try:
        opened = operations.open_link(token, TicketKind.sign_in_phone)
    except LinkOver as refusal:
        return over(refusal)
    return answer(render_template("accounts/who.html", form=_who_form(opened, empty=True), action=url_for(".enter", token=token)))


@bp.post("/sign-in/who/<token>")
@public
@per_minute(20)
def enter(token: str) -> ResponseReturnValue:
    try:
        opened = operations.open_link(token, TicketKind.sign_in_phone)
    except LinkOver as refusal:
        return over(refusal)
    form, status = _who_form(opened, empty=False), 422
    if form.validate_on_submit():
        try:
            return go_in(stages.begin(operations.sign_in_with(opened, form.chosen, form.shown_fact).id))
        except DomainError as refusal:
            session.record(None, ConnectionAct.failed_sign_in)
            status = refuse(form, refusal)
    return answer(render_template("accounts/who.html", form=form, action=url_for(".enter", token=token)), status)


@bp.get("/sign-in/which")
@public
def ask_who() -> ResponseReturnValue:
    """The password fits several accounts that share the address."""
    form = _which_form(empty=True)
    if form is None:
        return redirect(url_for(".sign_in"), 303)
    return answer(render_template("accounts/who.html", form=form, action=url_for(".choose_which", next=request.args.get("next") or None)))


def _which_form(*, empty: bool) -> WhoForm | None:
    ids = stages.choice()
    if not ids:
        return None
    form = WhoForm(formdata=None) if empty else WhoForm()
    form.offer(masked([db.session.get_one(Account, each) for each in ids]), asks_fact=False)
    return form


@bp.post("/sign-in/which")
@public
@per_minute(20)
def choose_which() -> ResponseReturnValue:
    form, status = _which_form(empty=False), 422
    if form is None:
        return redirect(url_for(".sign_in"), 303)
    if form.validate_on_submit():
        chosen = next((i for i in stages.choice() if db.session.get_one(Account, i).uid == form.chosen), None)
        try:
            if chosen is None:
                raise ChooseOne(field="who")
            stages.forget_choice()
            return go_in(stages.begin(chosen), kept.local_path(request.args.get("next", "")))
        except (ChooseOne, SignInAgain) as refusal:
            status = refuse(form, refusal)
    return answer(render_template("accounts/who.html", form=form, action=url_for(".choose_which")), status)


# ---- a forgotten password -------------------------------------------------------------------------------------------------


def _forgotten(mail: MailForm | None = None, phone: PhoneForm | None = None) -> str:
    return render_template(
        "accounts/forgotten.html",
        mail=mail or MailForm(formdata=None, prefix="m-"),
        phone=phone or PhoneForm(formdata=None, prefix="p-"),
    )


@bp.get("/forgotten")
@public
def forgotten() -> ResponseReturnValue:
    return answer(_forgotten())


@bp.post("/forgotten/mail")
@public
@per_minute(20)
def reset_by_mail() -> ResponseReturnValue:
    form, status = MailForm(prefix="m-"), 422
    if form.validate_on_submit():
        try:
            mail = tidy(ContactKind.mail, form.mail.data)
            operations.send_link(VISITOR, TicketKind.reset_mail, mail, "accounts/reset", "/account/forgotten/%s", lang=lang())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".mail_sent"), 303)
    return answer(_forgotten(mail=form), status)


@bp.post("/forgotten/phone")
@public
@per_minute(20)
def reset_by_phone() -> ResponseReturnValue:
    form, status = PhoneForm(prefix="p-"), 422
    if form.validate_on_submit():
        try:
            phone = tidy(ContactKind.phone, form.phone.data)
            uid = operations.send_code(VISITOR, TicketKind.reset_phone, phone, "accounts/reset_code", lang=lang())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".reset_code", uid=uid), 303)
    return answer(_forgotten(phone=form), status)


@bp.get("/forgotten/code/<uid>")
@public
def reset_code(uid: str) -> ResponseReturnValue:
    return code_page(SentCodeForm(formdata=None), url_for(".check_reset_code", uid=uid), url_for(".forgotten"))


@bp.post("/forgotten/code/<uid>")
@public
@per_minute(20)
def check_reset_code(uid: str) -> ResponseReturnValue:
    form, status = SentCodeForm(), 422
    if form.validate_on_submit():
        try:
            token = operations.prove_code(uid, TicketKind.reset_phone, form.code.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".choose_password", token=token), 303)
    return code_page(form, url_for(".check_reset_code", uid=uid), url_for(".forgotten"), status)


def _reset(token: str, *, empty: bool) -> tuple[Opened, ResetForm, list[Account]]:
    """What the link holds, its form, whom it may concern.  Raises LinkOver, also where nobody has the address."""
    opened = operations.open_link(token, *RESETS)
    found = operations.candidates(opened)
    if not found:
        raise LinkOver
    form = ResetForm(formdata=None) if empty else ResetForm()
    form.offer(masked(found), asks_fact=any(operations.needs_fact(opened, each) for each in found))
    return opened, form, found


def _reset_page(token: str, form: ResetForm, found: list[Account], opened: Opened) -> str:
    # only a slip was handed over in person, so only there the login may be told
    login = found[0].login if len(found) == 1 and opened.kind is TicketKind.slip else ""
    return render_template("accounts/reset.html", form=form, action=url_for(".set_password", token=token), login=login)


@bp.get("/forgotten/<token>")
@public
def choose_password(token: str) -> ResponseReturnValue:
    try:
        opened, form, found = _reset(token, empty=True)
    except LinkOver as refusal:
        return over(refusal)
    return answer(_reset_page(token, form, found, opened))


@bp.post("/forgotten/<token>")
@public
@per_minute(20)
def set_password(token: str) -> ResponseReturnValue:
    try:
        opened, form, found = _reset(token, empty=False)
    except LinkOver as refusal:
        return over(refusal)
    status = 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _account: url_for(".sign_in")):
                operations.reset_password(opened, form.chosen, form.shown_fact, form.new_password.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Your new password is set, and all devices were signed out. Sign in with it now."))
            return redirect(url_for(".sign_in"), 303)
    return answer(_reset_page(token, form, found, opened), status)
