"""Care status: a social worker gives a reason, the look is noted, then it is shown; begin and end it in the same place."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.core import clock
from civic.core.errors import DomainError
from civic.core.viewer import Role, viewer
from civic.core.web.access import authorize, staff
from civic.core.web.forms import refuse
from civic.people import labels, operations, policies, queries
from civic.people.event_forms import CareEndForm, CareForm
from civic.people.forms import RevealForm
from civic.people.models import LookKind, Person
from civic.people.operations import Care
from civic.people.operations.looks import SHORTEST_REASON
from civic.people.views.common import at_desk, load, row_of, saw, trail_of

bp = Blueprint("people_care", __name__, url_prefix="/desk/people")
NO_STORE = {"Cache-Control": "no-store"}


def _load(uid: str) -> Person:
    person = load(uid)
    authorize(policies.can_read_care, viewer(), queries.path_of(person.id))
    return person


@bp.get("/<uid>/care")
@staff(Role.social_worker)
def ask(uid: str) -> str:
    """Nothing is shown before a reason was given."""
    form = RevealForm()
    form.offer()
    return _ask_page(_load(uid), form)


def _ask_page(person: Person, form: RevealForm) -> str:
    row = row_of(person.id)
    return render_template("people/reveal.html", form=form, row=row, trail=trail_of(row), what=labels.LOOKS[LookKind.care], values=None)


@bp.post("/<uid>/care")
@staff(Role.social_worker)
def show(uid: str) -> ResponseReturnValue:
    person, form = _load(uid), RevealForm()
    form.offer()
    if not form.validate_on_submit():
        return _ask_page(person, form), 422
    purpose, reason = form.purpose.data or "", form.reason.data or ""
    if purpose not in operations.PURPOSES or len(reason) < SHORTEST_REASON:
        try:
            operations.reveal(at_desk(), person.id, LookKind.care, purpose, reason)  # refuses and notes the attempt
        except DomainError as refusal:
            status = refuse(form, refusal)
            return _ask_page(person, form), status
    saw([person.id], LookKind.care, purpose, reason)
    cares = operations.care_of(person.id, clock.today())
    return _page(person, cares), 200, NO_STORE


def _page(person: Person, cares: list[Care], form: CareForm | None = None, end_form: CareEndForm | None = None) -> str:
    row, form, end_form = row_of(person.id), form or CareForm(formdata=None), end_form or CareEndForm(formdata=None, prefix="end")
    form.offer()
    end_form.offer([care.kind for care in cares if not care.to])
    return render_template("people/care.html", row=row, trail=trail_of(row), cares=cares, form=form, end_form=end_form, labels=labels)


@bp.post("/<uid>/care/begin")
@staff(Role.social_worker)
def begin(uid: str) -> ResponseReturnValue:
    person, form = _load(uid), CareForm()
    form.offer()
    if not form.validate_on_submit():
        return _page(person, [], form), 422
    operations.set_care(at_desk(), person.id, form.kind.data, form.since.data, form.note.data or "")
    flash(_("The care is recorded, encrypted."), "good")
    return redirect(url_for("people_persons.show", uid=uid), 303)


@bp.post("/<uid>/care/end")
@staff(Role.social_worker)
def end(uid: str) -> ResponseReturnValue:
    person, form = _load(uid), CareEndForm(prefix="end")
    form.offer(list(labels.CARE))
    if not form.validate_on_submit():
        return _page(person, [], None, form), 422
    operations.end_care(at_desk(), person.id, form.kind.data, form.to.data)
    flash(_("The care ends with that day."), "good")
    return redirect(url_for("people_persons.show", uid=uid), 303)
