"""What is stored about me and who looked, correction, member card, children, closing the account."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.accounts import operations, personal, second_step, session
from civic.accounts.forms import ActForm
from civic.accounts.own_forms import ChildForm, CorrectionForm
from civic.accounts.views.account import me
from civic.accounts.views.contacts import must_confirm, must_prove
from civic.accounts.views.register import notice, notice_words, version_of
from civic.accounts.views.sign_in import answer, bp
from civic.core import clock
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import format_day
from civic.core.openwork import Happening
from civic.core.personaldata import everything_about
from civic.core.viewer import actor, viewer
from civic.core.web.access import public, signed_in
from civic.core.web.context import site_address
from civic.core.web.forms import keyed, refuse
from civic.core.web.limits import per_minute
from civic.people import labels as people_labels
from civic.people import operations as people
from civic.people import queries as people_queries
from civic.people.models import Person, RepresentationKind
from civic.people.queries import Row
from civic.people.records import Record, tidy_name


def _acts_for() -> list[Row]:
    """The people for whom she may speak, herself first; a page on which one acts asks who of them is meant."""
    mine = viewer().person_id
    if mine is None:
        return []
    rows = {row.id: row for row in people_queries.rows_of([mine, *people.represented_by(mine, clock.today())])}
    return [rows.pop(mine), *sorted(rows.values(), key=lambda row: row.id)]


# ---- what is stored -------------------------------------------------------------------------------------------------------


def _text(value: Any) -> Any:
    """Lazy words are iterable, and a list of facts is shown line by line: make them words here."""
    return value if isinstance(value, list) else str(value)


@bp.get("/data")
@signed_in
def data() -> ResponseReturnValue:
    first = must_confirm()
    if first is not None:
        return first
    person_id = viewer().person_id
    return answer(
        render_template(
            "accounts/data.html",
            parts=[replace(part, rows=[(label, _text(value)) for label, value in part.rows]) for part in everything_about(person_id, me())],
            looks=personal.looks_at(person_id),
            kinds=people_labels.LOOKS,
            purposes=people_labels.PURPOSES,
            corrections=people_queries.corrections_of(person_id) if person_id is not None else [],
            topics=people_labels.CORRECTION_TOPICS,
            has_person=person_id is not None,
        )
    )


@bp.get("/data.json")
@signed_in
@per_minute(10)
def download() -> ResponseReturnValue:
    """The same as a file."""
    first = must_confirm()
    if first is not None:
        return first
    text = json.dumps(personal.as_json(viewer().person_id, me()), ensure_ascii=False, indent=1)
    response = Response(text, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="civic-{clock.today().isoformat()}.json"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _correction_form(*, empty: bool) -> CorrectionForm:
    form = CorrectionForm(formdata=None) if empty else CorrectionForm()
    form.offer([(row.uid, row.name) for row in _acts_for()])
    return form


@bp.get("/corrections")
@signed_in
def corrections() -> ResponseReturnValue:
    if viewer().person_id is None:
        return must_prove() or redirect(url_for(".home"), 303)
    return answer(render_template("accounts/correction.html", form=_correction_form(empty=True)))


@bp.post("/corrections")
@signed_in
@per_minute(10)
def ask_correction() -> ResponseReturnValue:
    rows = _acts_for()
    if not rows:
        return redirect(url_for(".home"), 303)
    form, status = _correction_form(empty=False), 422
    if form.validate_on_submit():
        whom = next((row.id for row in rows if "whom" in form and row.uid == form.whom.data), rows[0].id)
        try:
            with keyed(form, to=lambda _row: url_for(".home")):
                row = people.ask_correction(actor(), whom, form.topic.data, form.wish.data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Asked. The desk answers by %(day)s; the answer stands under “Stored about me”.", day=format_day(row.due_on)))
            return redirect(url_for(".home"), 303)
    return answer(render_template("accounts/correction.html", form=form), status)


# ---- the member card ------------------------------------------------------------------------------------------------------


@bp.get("/card")
@signed_in
def card() -> ResponseReturnValue:
    person_id = viewer().person_id
    if person_id is None:
        return must_prove() or redirect(url_for(".home"), 303)
    (row,) = people_queries.rows_of([person_id])
    token = people_queries.card_token(person_id)
    picture = second_step.picture(site_address(f"/card/{token}")) if token else ""
    return answer(render_template("accounts/card.html", row=row, picture=picture))


@bp.post("/card")
@signed_in
def make_card() -> ResponseReturnValue:
    """Her first card; a lost one is replaced at the desk, where somebody sees her."""
    person_id = viewer().person_id
    if person_id is not None and not people_queries.card_token(person_id):
        people.issue_card(actor(), person_id)
    return redirect(url_for(".card"), 303)


# ---- children -------------------------------------------------------------------------------------------------------------


def _children_page(form: ChildForm | None, status: int = 200) -> ResponseReturnValue:
    found = notice()
    if form is None:
        form = ChildForm(formdata=None, notice=str(found.version))
    page = render_template("accounts/children.html", form=form, rows=_acts_for()[1:], notice=notice_words(found), version=found.version)
    return answer(page, status)


@bp.get("/children")
@signed_in
def children() -> ResponseReturnValue:
    return _children_page(None) if viewer().person_id is not None else must_prove() or redirect(url_for(".home"), 303)


@bp.post("/children")
@signed_in
@per_minute(10)
def register_child() -> ResponseReturnValue:
    guardian_id = viewer().person_id
    if guardian_id is None:
        return redirect(url_for(".home"), 303)
    form, status = ChildForm(), 422
    if form.validate_on_submit():
        record = Record(tidy_name(form.name.data), birth_on=form.birth_on.data.isoformat())
        place_id = db.session.get_one(Person, guardian_id).place_id
        try:
            with keyed(form, to=lambda _child: url_for(".children")):
                kind = RepresentationKind(form.relation.data)
                operations.register_child(actor(), guardian_id, record, place_id, kind, version_of(form))
        except DomainError as refusal:
            if refusal.code == "old_notice":
                form.notice.data, form.agree.data = str(notice().version), False
            status = refuse(form, refusal)
        else:
            flash(_("The child is registered. Bring the birth certificate to the desk once, so that it counts everywhere."))
            return redirect(url_for(".children"), 303)
    return _children_page(form, status)


# ---- leaving --------------------------------------------------------------------------------------------------------------


@bp.get("/close")
@signed_in
def ask_close() -> ResponseReturnValue:
    first = must_confirm()
    if first is not None:
        return first
    person_id = viewer().person_id
    follows = people.consequences(Happening.close_account, [person_id]) if person_id is not None else []
    keeps = [part for part in everything_about(person_id, me()) if part.why or part.until]
    return answer(render_template("accounts/close.html", follows=follows, keeps=keeps, works=viewer().works))


@bp.post("/close")
@signed_in
def close() -> ResponseReturnValue:
    first = must_confirm()
    if first is not None:
        return first
    try:
        with keyed(ActForm(), to=lambda _account: url_for(".signed_out")):
            operations.leave(actor(), me())
    except DomainError as refusal:
        flash(refusal.message, "warn")
        return redirect(url_for(".ask_close"), 303)
    session.sign_out_browser()
    return redirect(url_for(".closed"), 303)


@bp.get("/closed")
@public
def closed() -> ResponseReturnValue:
    return answer(render_template("accounts/closed.html"))
