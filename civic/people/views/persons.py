"""The person beside you: one page that shows everything masked and leads to every act; values in clear are asked for with a reason."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.registry import the_registry
from civic.core.viewer import viewer
from civic.core.web.access import get_or_404, place_path, staff
from civic.core.web.forms import keyed, refuse
from civic.people import labels, operations, policies, queries, records
from civic.people.errors import PersonChanged
from civic.people.event_forms import TieForm
from civic.people.forms import ContactForm, DocumentForm, EditForm, RevealForm
from civic.people.models import Contact, Document, HomeRelation, LookKind, Merge, MergeState, Person
from civic.people.operations import NewHome
from civic.people.queries import Row
from civic.people.views.common import all_places, at_desk, load, load_to_edit, load_with_path, row_of, saw, told, trail_of

bp = Blueprint("people_persons", __name__, url_prefix="/desk/people")
SHOWN = (LookKind.phone, LookKind.mail, LookKind.document, LookKind.birth, LookKind.address)
NO_STORE = {"Cache-Control": "no-store"}


@bp.get("/<uid>")
@staff(*policies.FINDERS)
def show(uid: str) -> ResponseReturnValue:
    person, path = load_with_path(uid)
    view, events = queries.person_page(person)
    page = render_template(
        "people/person.html",
        view=view,
        row=view.row,
        events=events,
        corrections=queries.corrections_of(person.id),
        merge=_merge_of(person),
        actions=_actions(person.id),
        may_edit=policies.can_edit(viewer(), path),
        may_read_care=policies.can_read_care(viewer(), path),
        keeps=operations.what_keeps(person.id) if person.restricted_at and not person.emptied_at else [],
        labels=labels,
    )
    saw([view.row.id], LookKind.page)  # last, because it ends the reads; a page whose look could not be noted is not shown
    return page, 200, NO_STORE


def _actions(person_id: int) -> list[Any]:
    """What the modules that are on can do for her."""
    found = [link for module in the_registry().active(place_path()) for link in module.person_actions(viewer(), person_id)]
    return sorted(found, key=lambda link: link.position)


def _merge_of(person: Person) -> Merge | None:
    """The merge that she is part of now: waiting, in review, done."""
    states = (MergeState.asked, MergeState.review, MergeState.done, MergeState.undo_asked)
    query = sa.select(Merge).where(sa.or_(Merge.loser_id == person.id, Merge.survivor_id == person.id), Merge.state.in_(states))
    return db.session.scalars(query.order_by(Merge.id.desc()).limit(1)).one_or_none()


# ---- in clear -------------------------------------------------------------------------------------------------------------


def _kind(name: str) -> LookKind:
    if name not in {kind.value for kind in SHOWN}:
        abort(404)
    return LookKind(name)


@bp.get("/<uid>/show/<kind>")
@staff(*policies.FINDERS)
def reveal(uid: str, kind: str) -> str:
    person, form, what = load(uid), RevealForm(), _kind(kind)
    form.offer()
    return _reveal_page(row_of(person.id), what, form)


def _reveal_page(row: Row, what: LookKind, form: RevealForm, values: list[str] | None = None) -> str:
    return render_template("people/reveal.html", form=form, row=row, trail=trail_of(row), what=labels.LOOKS[what], values=values)


@bp.post("/<uid>/show/<kind>")
@staff(*policies.FINDERS)
def revealed(uid: str, kind: str) -> ResponseReturnValue:
    person, form, what = load(uid), RevealForm(), _kind(kind)
    form.offer()
    row = row_of(person.id)
    if not form.validate_on_submit():
        return _reveal_page(row, what, form), 422
    try:
        values = operations.reveal(at_desk(), person.id, what, form.purpose.data or "", form.reason.data or "")
    except DomainError as refusal:
        status = refuse(form, refusal)
        return _reveal_page(row, what, form), status
    return _reveal_page(row, what, form, values), 200, NO_STORE


# ---- put right ------------------------------------------------------------------------------------------------------------


@bp.get("/<uid>/edit")
@staff(*policies.EDITORS)
def edit(uid: str) -> str:
    person = load_to_edit(uid)
    form, record = EditForm(), records.unseal(person.sealed)
    form.name.data, form.second_name.data, form.sex.data = record.name, record.second_name, record.sex
    form.nationality.data, form.base.data = record.nationality, str(person.lock_version)
    return _edit_page(person, form)


def _edit_page(person: Person, form: EditForm, theirs: list[tuple[str, str, str]] | None = None) -> str:
    row = row_of(person.id)
    return render_template("people/edit.html", form=form, row=row, trail=trail_of(row), theirs=theirs or [])


@bp.post("/<uid>/edit")
@staff(*policies.EDITORS)
def save(uid: str) -> ResponseReturnValue:
    person, form, status = load_to_edit(uid), EditForm(), 422
    theirs: list[tuple[str, str, str]] = []
    if form.validate_on_submit():
        now = records.unseal(person.sealed)
        try:
            with keyed(form, to=lambda _saved: url_for(".show", uid=uid)):
                operations.correct_person(at_desk(), person.id, form.base_version, form.kept(now), form.evidence.data or "")
        except PersonChanged as refusal:
            status, theirs = refuse(form, refusal), _differences(form, now)
            form.base.data = str(refusal.context["current"])
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Saved."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return _edit_page(person, form, theirs), status


def _differences(form: EditForm, now: records.Record) -> list[tuple[str, str, str]]:
    """(field, what stands now, what was typed); never the birth day, which is masked."""
    pairs = [(form.name, now.name), (form.second_name, now.second_name), (form.nationality, now.nationality)]
    return [(str(f.label.text), stands, f.data or "") for f, stands in pairs if stands != (f.data or "")]


# ---- contacts and documents -----------------------------------------------------------------------------------------------


@bp.get("/<uid>/contact")
@staff(*policies.EDITORS)
def new_contact(uid: str) -> str:
    row = row_of(load_to_edit(uid).id)
    return render_template("people/contact.html", form=ContactForm(), row=row, trail=trail_of(row))


@bp.post("/<uid>/contact")
@staff(*policies.EDITORS)
def add_contact(uid: str) -> ResponseReturnValue:
    person, form, status = load_to_edit(uid), ContactForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _made: url_for(".show", uid=uid)):
                operations.add_contact(at_desk(), person.id, form.contact())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Saved."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    row = row_of(person.id)
    return render_template("people/contact.html", form=form, row=row, trail=trail_of(row)), status


@bp.post("/<uid>/contact/<int:contact_id>/end")
@staff(*policies.EDITORS)
def end_contact(uid: str, contact_id: int) -> ResponseReturnValue:
    person = load_to_edit(uid)
    contact = get_or_404(sa.select(Contact).where(Contact.id == contact_id, Contact.person_id == person.id))
    operations.end_contact(at_desk(), contact.id)
    flash(_("It is no longer used for her. Other people's rows keep it."), "good")
    return redirect(url_for(".show", uid=uid), 303)


@bp.get("/<uid>/document")
@staff(*policies.EDITORS)
def new_document(uid: str) -> str:
    form = DocumentForm()
    form.offer_documents()
    row = row_of(load_to_edit(uid).id)
    return render_template("people/document.html", form=form, row=row, trail=trail_of(row), same=None)


@bp.post("/<uid>/document")
@staff(*policies.EDITORS)
def add_document(uid: str) -> ResponseReturnValue:
    person, form, status, same = load_to_edit(uid), DocumentForm(), 422, None
    form.offer_documents()
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _made: url_for(".show", uid=uid)):
                operations.add_document(at_desk(), person.id, form.document())
        except DomainError as refusal:
            status, same = told(form, refusal)
        else:
            flash(_("Saved."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    row = row_of(person.id)
    return render_template("people/document.html", form=form, row=row, trail=trail_of(row), same=same), status


@bp.post("/<uid>/document/<int:document_id>/end")
@staff(*policies.EDITORS)
def end_document(uid: str, document_id: int) -> ResponseReturnValue:
    person = load_to_edit(uid)
    document = get_or_404(sa.select(Document).where(Document.id == document_id, Document.person_id == person.id))
    operations.end_document(at_desk(), document.id)
    flash(_("The document no longer counts."), "good")
    return redirect(url_for(".show", uid=uid), 303)


# ---- ties to homes --------------------------------------------------------------------------------------------------------


@bp.get("/<uid>/home")
@staff(*policies.EDITORS)
def new_tie(uid: str) -> str:
    form = TieForm()
    form.offer()
    row = row_of(load_to_edit(uid).id)
    return render_template("people/tie.html", form=form, row=row, trail=trail_of(row))


@bp.post("/<uid>/home")
@staff(*policies.EDITORS)
def add_tie(uid: str) -> ResponseReturnValue:
    person, form, status = load_to_edit(uid), TieForm(), 422
    form.offer()
    form.offer_homes(all_places())
    if form.validate_on_submit() and not form.home_error(needed=not form.elsewhere.data):
        new = NewHome(HomeRelation(form.relation.data), form.home_id, "" if form.home_id else form.elsewhere.data or "", form.on.data)
        try:
            with keyed(form, to=lambda _made: url_for(".show", uid=uid)):
                operations.set_home(at_desk(), person.id, new)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Saved."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    row = row_of(person.id)
    return render_template("people/tie.html", form=form, row=row, trail=trail_of(row)), status
