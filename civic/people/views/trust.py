"""Verification, the member card, corrections asked for, and the versions of the privacy notice."""

from __future__ import annotations

from typing import Any

import segno
import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core import clock
from civic.core.errors import DomainError
from civic.core.viewer import viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.context import site_address
from civic.core.web.forms import Form, keyed, refuse
from civic.people import labels, operations, policies, queries
from civic.people.forms import AnswerForm, CodeForm, DecideForm, NoticeForm, VerifyForm, WishForm
from civic.people.models import Correction, CorrectionState, LookKind, Person
from civic.people.views.common import at_desk, found_trail, load_to_edit, row_of, saw, trail_of

bp = Blueprint("people_trust", __name__, url_prefix="/desk/people")
NO_STORE = {"Cache-Control": "no-store"}


# ---- verification ---------------------------------------------------------------------------------------------------------


@bp.get("/<uid>/verify")
@staff(*policies.EDITORS)
def verify(uid: str) -> str:
    person = load_to_edit(uid)
    return _verify_page(person, _verify_form(person))


def _verify_form(person: Person) -> VerifyForm:
    form = VerifyForm()
    form.document.choices = [(str(d.id), f"{labels.DOCUMENTS[d.kind]} {d.masked}") for d in queries.documents_of(person.id)]
    return form


def _verify_page(person: Person, form: VerifyForm) -> str:
    view = queries.person_view(person)
    return render_template("people/verify.html", form=form, view=view, row=view.row, trail=trail_of(view.row), labels=labels)


@bp.post("/<uid>/verify")
@staff(*policies.EDITORS)
def verified(uid: str) -> ResponseReturnValue:
    person = load_to_edit(uid)
    form, status = _verify_form(person), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for("people_persons.show", uid=uid)):
                operations.verify_person(at_desk(), person.id, int(form.document.data), form.evidence.data or "")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("She is verified as a resident of this community."), "good")
            return redirect(url_for("people_persons.show", uid=uid), 303)
    return _verify_page(person, form), status


# ---- the member card ------------------------------------------------------------------------------------------------------


@bp.get("/<uid>/card")
@staff(*policies.EDITORS)
def card(uid: str) -> ResponseReturnValue:
    """The card as it is printed, with the ways to replace it and to choose its code."""
    return _card_page(load_to_edit(uid), CodeForm()), 200, NO_STORE


def _card_page(person: Person, form: CodeForm) -> str:
    row, token, now = row_of(person.id), queries.card_token(person.id), queries.open_card(person.id)
    address = site_address(url_for("people.card", token=token)) if token else ""
    picture = segno.make(address, error="m").svg_data_uri(scale=4, border=2) if token else ""
    return render_template(
        "people/card.html",
        form=form,
        issue=DecideForm(formdata=None, prefix="issue"),
        row=row,
        trail=trail_of(row),
        card=now,
        address=address,
        picture=picture,
    )


@bp.post("/<uid>/card")
@staff(*policies.EDITORS)
def issue(uid: str) -> ResponseReturnValue:
    person = load_to_edit(uid)
    form = DecideForm(prefix="issue")
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".card", uid=uid)):
                operations.issue_card(at_desk(), person.id)
        except DomainError as refusal:
            flash(refusal.message, "warn")
        else:
            flash(_("The card is issued. Print it, and let her choose four digits."), "good")
    return redirect(url_for(".card", uid=uid), 303)


@bp.post("/<uid>/card/code")
@staff(*policies.EDITORS)
def choose_code(uid: str) -> ResponseReturnValue:
    person, form, status = load_to_edit(uid), CodeForm(), 422
    if form.validate_on_submit():
        try:
            operations.choose_code(at_desk(), person.id, form.code.data or "")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The digits are saved. Nobody can read them here."), "good")
            return redirect(url_for(".card", uid=uid), 303)
    return _card_page(person, form), status


# ---- corrections ----------------------------------------------------------------------------------------------------------


@bp.get("/<uid>/wish")
@staff(*policies.EDITORS)
def wish(uid: str) -> str:
    form, row = WishForm(), row_of(load_to_edit(uid).id)
    form.offer()
    return render_template("people/wish.html", form=form, row=row, trail=trail_of(row))


@bp.post("/<uid>/wish")
@staff(*policies.EDITORS)
def wished(uid: str) -> ResponseReturnValue:
    person, form, status = load_to_edit(uid), WishForm(), 422
    form.offer()
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _made: url_for("people_persons.show", uid=uid)):
                operations.ask_correction(at_desk(), person.id, form.topic.data, form.wish.data or "")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The wish is recorded. It is answered within fifteen working days."), "good")
            return redirect(url_for("people_persons.show", uid=uid), 303)
    row = row_of(person.id)
    return render_template("people/wish.html", form=form, row=row, trail=trail_of(row)), status


@bp.get("/corrections/")
@staff(*policies.EDITORS)
def corrections() -> str:
    found = queries.open_corrections(viewer())
    saw([row.id for _c, row, _wish in found], LookKind.found)
    return render_template("people/corrections.html", rows=found, today=clock.today(), labels=labels, trail=found_trail())


def _load_correction(uid: str) -> tuple[Correction, Person]:
    correction: Correction = get_or_404(sa.select(Correction).where(Correction.uid == uid))
    return correction, load_to_edit(correction.person.uid)


def _answer_form() -> AnswerForm:
    form = AnswerForm()
    form.state.choices = [(s.value, str(labels.CORRECTIONS[s])) for s in (CorrectionState.done, CorrectionState.refused)]
    return form


def _answer_page(correction: Correction, person: Person, form: AnswerForm) -> str:
    row = row_of(person.id)
    told = {c.id: (wish_, answer) for c, wish_, answer in queries.corrections_of(person.id)}
    words, given = told[correction.id]
    step = {"label": pgettext("page", "Corrections"), "href": url_for(".corrections")}
    return render_template(
        "people/answer.html", form=form, row=row, correction=correction, wish=words, answer=given, labels=labels,
        trail=found_trail(step), today=clock.today(),
    )  # fmt: skip


@bp.get("/corrections/<uid>")
@staff(*policies.EDITORS)
def answer(uid: str) -> str:
    return _answer_page(*_load_correction(uid), _answer_form())


@bp.post("/corrections/<uid>")
@staff(*policies.EDITORS)
def answered(uid: str) -> ResponseReturnValue:
    correction, person = _load_correction(uid)
    form, status = _answer_form(), 422
    if form.validate_on_submit():
        done = form.state.data == CorrectionState.done.value
        try:
            with keyed(form, to=lambda _done: url_for(".corrections")):
                operations.answer_correction(at_desk(), correction.id, done, form.answer.data or "")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The answer is saved; she reads it on her own page."), "good")
            return redirect(url_for(".corrections"), 303)
    return _answer_page(correction, person, form), status


# ---- the privacy notice ---------------------------------------------------------------------------------------------------


@bp.get("/privacy-notice")
@staff(*policies.NOTICE_ROLES)
def notice() -> str:
    authorize(policies.can_publish_notice, viewer())
    form, now = NoticeForm(), queries.notices()
    if now:
        form.text_zh.data, form.text_en.data = now[0].text_zh, now[0].text_en
    return _notice_page(form)


def _notice_page(form: Form) -> str:
    rows: list[Any] = queries.notices()
    return render_template("people/notice_desk.html", form=form, notices=rows, current=queries.notice_in_force(clock.today()))


@bp.post("/privacy-notice")
@staff(*policies.NOTICE_ROLES)
def publish() -> ResponseReturnValue:
    authorize(policies.can_publish_notice, viewer())
    form, status = NoticeForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _made: url_for(".notice")):
                made = operations.publish_notice(at_desk(), form.text_zh.data or "", form.text_en.data or "", form.from_on.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Version %(version)s is published.", version=made.version), "good")
            return redirect(url_for(".notice"), 303)
    return _notice_page(form), status
