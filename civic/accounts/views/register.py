"""Registering: by mail link, by a code on the phone, with a printed slip; then one form for all of them."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.accounts import operations, stages
from civic.accounts.models import IdentityKind, TicketKind
from civic.accounts.operations import VISITOR, NewLogin, NewSelf, Opened
from civic.accounts.own_errors import LinkOver, NoNotice
from civic.accounts.own_forms import LoginForm, MailForm, PhoneForm, RegisterForm, SentCodeForm, SlipForm
from civic.accounts.views.sign_in import answer, bp, go_in
from civic.core import clock
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import lang
from civic.core.web.access import public
from civic.core.web.forms import keyed, refuse
from civic.core.web.limits import per_minute
from civic.people import queries as people
from civic.people import records
from civic.people.errors import BadMail, BadPhone
from civic.people.models import ContactKind, PrivacyNotice
from civic.people.records import Record
from civic.territory.models import Territory

MAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}")
KINDS = (TicketKind.register_mail, TicketKind.register_phone, TicketKind.slip)


def notice() -> PrivacyNotice:
    """The privacy notice in force.  Raises NoNotice."""
    found = people.notice_in_force(clock.today())
    if found is None:
        raise NoNotice
    return found


def notice_words(found: PrivacyNotice) -> str:
    return found.text_en if lang() == "en" and found.text_en else found.text_zh


def place_id(code: str) -> int:
    return db.session.scalars(sa.select(Territory.id).where(Territory.code == code)).one()


def tidy(kind: ContactKind, typed: str) -> str:
    """The one spelling of a mail address or phone.  Raises BadMail, BadPhone."""
    if kind is ContactKind.phone:
        phone = records.normal_phone(typed)
        if not phone:
            raise BadPhone(field="phone")
        return phone
    mail = records.normal_mail(typed)
    if not MAIL.fullmatch(mail):
        raise BadMail(field="mail")
    return mail


# ---- three ways in --------------------------------------------------------------------------------------------------------


def _door(mail: MailForm | None = None, phone: PhoneForm | None = None, slip: SlipForm | None = None) -> str:
    return render_template(
        "accounts/register.html",
        mail=mail or MailForm(formdata=None, prefix="m-"),
        phone=phone or PhoneForm(formdata=None, prefix="p-"),
        slip=slip or SlipForm(formdata=None, prefix="s-"),
    )


@bp.get("/register")
@public
def register() -> ResponseReturnValue:
    notice()
    return answer(_door())


@bp.post("/register/mail")
@public
@per_minute(20)
def register_by_mail() -> ResponseReturnValue:
    form, status = MailForm(prefix="m-"), 422
    if form.validate_on_submit():
        try:
            mail = tidy(ContactKind.mail, form.mail.data)
            operations.send_link(VISITOR, TicketKind.register_mail, mail, "accounts/register", "/account/register/%s", lang=lang())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".mail_sent"), 303)
    return answer(_door(mail=form), status)


@bp.get("/mail-sent")
@public
def mail_sent() -> ResponseReturnValue:
    return answer(render_template("accounts/mail_sent.html"))


@bp.post("/register/phone")
@public
@per_minute(20)
def register_by_phone() -> ResponseReturnValue:
    form, status = PhoneForm(prefix="p-"), 422
    if form.validate_on_submit():
        try:
            phone = tidy(ContactKind.phone, form.phone.data)
            uid = operations.send_code(VISITOR, TicketKind.register_phone, phone, "accounts/register_code", lang=lang())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".register_code", uid=uid), 303)
    return answer(_door(phone=form), status)


@bp.post("/register/slip")
@public
@per_minute(20)
def register_by_slip() -> ResponseReturnValue:
    form, status = SlipForm(prefix="s-"), 422
    if form.validate_on_submit():
        try:
            token = operations.typed_token(form.slip.data)
            operations.open_link(token, TicketKind.slip)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".register_with", token=token), 303)
    return answer(_door(slip=form), status)


def code_page(form: SentCodeForm, action: str, back: str, status: int = 200) -> ResponseReturnValue:
    """The page that asks for six digits; the same for every journey and every number."""
    return answer(render_template("accounts/sent_code.html", form=form, action=action, back=back), status)


@bp.get("/register/code/<uid>")
@public
def register_code(uid: str) -> ResponseReturnValue:
    return code_page(SentCodeForm(formdata=None), url_for(".check_register_code", uid=uid), url_for(".register"))


@bp.post("/register/code/<uid>")
@public
@per_minute(20)
def check_register_code(uid: str) -> ResponseReturnValue:
    form, status = SentCodeForm(), 422
    if form.validate_on_submit():
        try:
            token = operations.prove_code(uid, TicketKind.register_phone, form.code.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".register_with", token=token), 303)
    return code_page(form, url_for(".check_register_code", uid=uid), url_for(".register"), status)


# ---- the form -------------------------------------------------------------------------------------------------------------


def over(refusal: DomainError) -> ResponseReturnValue:
    """A link or slip that is no good any more, and what to do now."""
    return answer(render_template("accounts/link_over.html", words=refusal.message), refusal.status)


def _form(opened: Opened, *, empty: bool) -> LoginForm:
    kind = LoginForm if opened.kind is TicketKind.slip else RegisterForm
    form: LoginForm = kind(formdata=None) if empty else kind()
    if empty:
        form.notice.data = str(notice().version)
    return form


def _page(opened: Opened, form: LoginForm, token: str) -> str:
    found = notice()
    ways = {kind for kind, _value in opened.proven}
    return render_template(
        "accounts/register_form.html",
        form=form,
        action=url_for(".finish", token=token),
        notice=notice_words(found),
        version=found.version,
        needs_password=not ways & {IdentityKind.phone, IdentityKind.oidc},
        is_slip=opened.kind is TicketKind.slip,
    )


@bp.get("/register/<token>")
@public
def register_with(token: str) -> ResponseReturnValue:
    try:
        opened = operations.open_link(token, *KINDS)
    except LinkOver as refusal:
        return over(refusal)
    if opened.kind is TicketKind.slip and operations.candidates(opened):
        return redirect(url_for(".choose_password", token=token), 303)
    return answer(_page(opened, _form(opened, empty=True), token))


@bp.post("/register/<token>")
@public
@per_minute(20)
def finish(token: str) -> ResponseReturnValue:
    try:
        opened = operations.open_link(token, *KINDS)
    except LinkOver as refusal:
        return over(refusal)
    form, status = _form(opened, empty=False), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _made: url_for(".sign_in")):
                account = operations.register(opened, _login(form), _self(form), version_of(form))
        except DomainError as refusal:
            if refusal.code == "old_notice":
                form.notice.data = str(notice().version)
                form.agree.data = False
            status = refuse(form, refusal)
        else:
            flash(_("Your account is open. Your member number stands on your card."))
            return go_in(stages.begin(account.id))
    return answer(_page(opened, form, token), status)


def _login(form: LoginForm) -> NewLogin:
    return NewLogin(form.display.data, form.login.data or "", form.new_password.data or "", lang())


def _self(form: LoginForm) -> NewSelf | None:
    if not isinstance(form, RegisterForm):
        return None
    return NewSelf(Record(records.tidy_name(form.name.data), birth_on=form.birth_on.data.isoformat()), place_id(form.place.data))


def version_of(form: Any) -> int:
    """The version of the notice that the form was shown with; 0 for nonsense, which is then an old one."""
    typed = form.notice.data or ""
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 9 else 0
