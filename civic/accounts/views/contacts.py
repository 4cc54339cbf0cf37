"""One's own mail addresses, phones and outside sign-ins; and the page on which one shows again that it is still she."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from civic.accounts import kept, labels, operations, queries, stages
from civic.accounts.models import IdentityKind, TicketKind
from civic.accounts.own_errors import LinkOver
from civic.accounts.own_forms import ConfirmCodeForm, ConfirmForm, MailForm, PhoneForm, ProveForm, SentCodeForm
from civic.accounts.views.account import me
from civic.accounts.views.register import code_page, over, tidy
from civic.accounts.views.sign_in import answer, bp, has_outside
from civic.core.errors import DomainError
from civic.core.i18n import lang
from civic.core.viewer import actor, viewer
from civic.core.web.access import signed_in
from civic.core.web.forms import refuse
from civic.core.web.limits import per_minute
from civic.people.models import ContactKind


def must_confirm() -> Response | None:
    """The way to the page that asks for password or code, where she has not shown one within ten minutes.

    Before that, where the password began at the desk, the way to the page on which she shows that it is hers.
    """
    if (first := must_prove()) is not None:
        return first
    if stages.is_fresh(me()):
        return None
    going = request.full_path.rstrip("?") if request.method == "GET" else request.path
    return redirect(url_for(".confirm", next=going), 303)


def must_prove() -> Response | None:
    """The way to the page that asks for her card, where her password began at the desk and nobody has shown yet that it is she."""
    if not viewer().waits_for_proof:
        return None
    going = request.full_path.rstrip("?") if request.method == "GET" else url_for(".home")
    return redirect(url_for(".prove", next=going), 303)


# ---- it is she, and not whoever printed her first password -----------------------------------------------------------------


@bp.get("/prove")
@signed_in
def prove() -> ResponseReturnValue:
    going = kept.local_path(request.args.get("next", ""))
    if not viewer().waits_for_proof:
        return redirect(going or url_for(".home"), 303)
    return answer(render_template("accounts/prove.html", form=ProveForm(formdata=None, next=going)))


@bp.post("/prove")
@signed_in
@per_minute(20)
def check_proof() -> ResponseReturnValue:
    form, status = ProveForm(), 422
    if not viewer().waits_for_proof:
        return redirect(url_for(".home"), 303)
    if form.validate_on_submit():
        try:
            operations.prove_person(actor(), me(), form.current_password.data, form.number.data, form.code.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            stages.make_fresh(me())
            flash(_("Thank you. Your own pages are open again."), "good")
            return redirect(kept.local_path(form.next.data) or url_for(".home"), 303)
    return answer(render_template("accounts/prove.html", form=form), status)


# ---- still she ------------------------------------------------------------------------------------------------------------


def _confirm_page(password: ConfirmForm | None = None, code: ConfirmCodeForm | None = None, uid: str = "", status: int = 200) -> Response:
    going = kept.local_path(request.values.get("next") or request.form.get("c-next") or "")
    if password is None:
        password = ConfirmForm(formdata=None, next=going)
    if code is None:
        code = ConfirmCodeForm(formdata=None, prefix="c-", next=going)
    has_password = queries.identity_of(me(), IdentityKind.password) is not None
    page = render_template(
        "accounts/confirm.html",
        password=password,
        code=code,
        uid=uid,
        going=going,
        has_password=has_password,
        has_phone=bool(operations.own_phone(me())),
    )
    return answer(page, status)


@bp.get("/confirm")
@signed_in
def confirm() -> ResponseReturnValue:
    return _confirm_page(uid=request.args.get("sent", ""))


@bp.post("/confirm")
@signed_in
@per_minute(20)
def check_confirm() -> ResponseReturnValue:
    form, status = ConfirmForm(), 422
    if form.validate_on_submit():
        try:
            operations.confirm_password(me(), form.current_password.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return _confirmed(form.next.data)
    return _confirm_page(password=form, status=status)


def _confirmed(going: str | None) -> Response:
    stages.make_fresh(me())
    return redirect(kept.local_path(going) or url_for(".home"), 303)


@bp.post("/confirm/send")
@signed_in
@per_minute(20)
def send_confirm_code() -> ResponseReturnValue:
    phone = operations.own_phone(me())
    going = kept.local_path(request.values.get("next", ""))
    if not phone:
        return redirect(url_for(".confirm", next=going or None), 303)
    uid = operations.send_code(actor(), TicketKind.sign_in_phone, phone, "accounts/confirm_code", account_id=me(), lang=lang())
    return redirect(url_for(".confirm", next=going or None, sent=uid), 303)


@bp.post("/confirm/code/<uid>")
@signed_in
@per_minute(20)
def check_confirm_code(uid: str) -> ResponseReturnValue:
    form, status = ConfirmCodeForm(prefix="c-"), 422
    if form.validate_on_submit():
        try:
            opened = operations.check_code(uid, TicketKind.sign_in_phone, form.code.data, account_id=me())
            operations.confirm_by_code(me(), opened)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return _confirmed(form.next.data)
    return _confirm_page(code=form, uid=uid, status=status)


# ---- addresses ------------------------------------------------------------------------------------------------------------


def _page(mail: MailForm | None = None, phone: PhoneForm | None = None) -> str:
    return render_template(
        "accounts/contacts.html",
        ways=queries.ways_of(me()),
        words=labels.IDENTITY,
        mail=mail or MailForm(formdata=None, prefix="m-"),
        phone=phone or PhoneForm(formdata=None, prefix="p-"),
        has_outside=has_outside(),
    )


@bp.get("/contacts")
@signed_in
def contacts() -> ResponseReturnValue:
    return must_confirm() or answer(_page())


@bp.post("/contacts/mail")
@signed_in
@per_minute(20)
def add_mail() -> ResponseReturnValue:
    form, status = MailForm(prefix="m-"), 422
    if (first := must_confirm()) is not None:
        return first
    if form.validate_on_submit():
        try:
            mail = tidy(ContactKind.mail, form.mail.data)
            path = "/account/contacts/confirm/%s"
            operations.send_link(actor(), TicketKind.add_mail, mail, "accounts/add_mail", path, account_id=me(), lang=lang())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".mail_sent"), 303)
    return answer(_page(mail=form), status)


@bp.post("/contacts/phone")
@signed_in
@per_minute(20)
def add_phone() -> ResponseReturnValue:
    form, status = PhoneForm(prefix="p-"), 422
    if (first := must_confirm()) is not None:
        return first
    if form.validate_on_submit():
        try:
            phone = tidy(ContactKind.phone, form.phone.data)
            uid = operations.send_code(actor(), TicketKind.add_phone, phone, "accounts/add_code", account_id=me(), lang=lang())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return redirect(url_for(".contact_code", uid=uid), 303)
    return answer(_page(phone=form), status)


@bp.get("/contacts/code/<uid>")
@signed_in
def contact_code(uid: str) -> ResponseReturnValue:
    return code_page(SentCodeForm(formdata=None), url_for(".check_contact_code", uid=uid), url_for(".contacts"))


@bp.post("/contacts/code/<uid>")
@signed_in
@per_minute(20)
def check_contact_code(uid: str) -> ResponseReturnValue:
    form, status = SentCodeForm(), 422
    if form.validate_on_submit():
        try:
            opened = operations.check_code(uid, TicketKind.add_phone, form.code.data, account_id=me())
            operations.confirm_address(actor(), me(), opened)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("This phone is on your account now."))
            return redirect(url_for(".contacts"), 303)
    return code_page(form, url_for(".check_contact_code", uid=uid), url_for(".contacts"), status)


@bp.get("/contacts/confirm/<token>")
@signed_in
def mail_link(token: str) -> ResponseReturnValue:
    """Opened by a person, or by the mail program that looks ahead: so a button confirms, not the visit."""
    try:
        opened = operations.open_link(token, TicketKind.add_mail)
        if opened.account_id != me():
            raise LinkOver
    except LinkOver as refusal:
        return over(refusal)
    return answer(render_template("accounts/confirm_mail.html", token=token, mail=opened.proven[0][1]))


@bp.post("/contacts/confirm/<token>")
@signed_in
def confirm_mail(token: str) -> ResponseReturnValue:
    try:
        operations.confirm_address(actor(), me(), operations.open_link(token, TicketKind.add_mail))
    except DomainError as refusal:
        return over(refusal)
    flash(_("This mail address is on your account now."))
    return redirect(url_for(".contacts"), 303)


@bp.post("/contacts/<int:identity_id>/remove")
@signed_in
def remove_contact(identity_id: int) -> ResponseReturnValue:
    if (first := must_confirm()) is not None:
        return first
    try:
        operations.remove_identity(actor(), me(), identity_id)
    except DomainError as refusal:
        flash(refusal.message, "warn")
    else:
        flash(_("It is off your account."))
    return redirect(url_for(".contacts"), 303)
