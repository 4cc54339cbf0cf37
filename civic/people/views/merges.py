"""Two rows for one human: ask, decide as a second person, undo.  Both rows stand side by side, masked."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.openwork import Happening
from civic.core.viewer import viewer
from civic.core.web.access import get_or_404, hidden, staff
from civic.core.web.forms import Form, keyed, refuse
from civic.people import labels, operations, policies, queries
from civic.people.errors import SameRow
from civic.people.forms import DecideForm, MergeForm, OtherForm, UndoForm
from civic.people.models import LookKind, Merge, MergeState, Person
from civic.people.views.common import (
    at_desk,
    by_number,
    carried,
    found_trail,
    is_back,
    is_sure,
    load_to_edit,
    row_of,
    saw,
    shown_pairs,
    trail_of,
)

bp = Blueprint("people_merges", __name__, url_prefix="/desk/people")
DECIDERS = (*policies.EDITORS, *policies.ABOVE)
UNDOABLE = {MergeState.done, MergeState.undo_asked}


# ---- ask ------------------------------------------------------------------------------------------------------------------


@bp.get("/<uid>/merge")
@staff(*policies.EDITORS)
def choose(uid: str) -> str:
    row = row_of(load_to_edit(uid).id)
    return render_template("people/merge_other.html", form=OtherForm(), row=row, trail=trail_of(row))


@bp.post("/<uid>/merge")
@staff(*policies.EDITORS)
def chosen(uid: str) -> ResponseReturnValue:
    person, form = load_to_edit(uid), OtherForm()
    if form.validate_on_submit():
        other = by_number(form.other.data or "")
        if other is None:
            form.other.errors = [_("Nobody of yours has this number.")]
        elif other.id == person.id:
            form.other.errors = [SameRow().message]
        else:
            return redirect(url_for(".ask", uid=uid, other_uid=other.uid), 303)
    row = row_of(person.id)
    return render_template("people/merge_other.html", form=form, row=row, trail=trail_of(row)), 422


def _both(uid: str, other_uid: str) -> tuple[Person, Person, MergeForm]:
    pair = (load_to_edit(uid), load_to_edit(other_uid))
    form = MergeForm()
    form.survivor.choices = [(p.uid, _("%(name)s, member number %(number)s", name=row_of(p.id).name, number=p.number)) for p in pair]
    return (*pair, form)


def _ask_page(pair: tuple[Person, Person], form: MergeForm) -> str:
    views = [queries.person_view(p) for p in pair]
    saw([p.id for p in pair], LookKind.page)
    return render_template("people/merge_ask.html", form=form, views=views, trail=trail_of(views[0].row), labels=labels)


@bp.get("/<uid>/merge/<other_uid>")
@staff(*policies.EDITORS)
def ask(uid: str, other_uid: str) -> str:
    one, other, form = _both(uid, other_uid)
    return _ask_page((one, other), form)


@bp.post("/<uid>/merge/<other_uid>")
@staff(*policies.EDITORS)
def asked(uid: str, other_uid: str) -> ResponseReturnValue:
    one, other, form = _both(uid, other_uid)
    if not form.validate_on_submit():
        return _ask_page((one, other), form), 422
    survivor, loser = (one, other) if form.survivor.data == one.uid else (other, one)
    if is_back():
        form.new_key()
        return _ask_page((one, other), form)
    if not is_sure():
        return _follows(loser, survivor, form)
    try:
        with keyed(form, to=lambda made: url_for(".show", uid=made.uid)):
            made = operations.ask_merge(at_desk(), loser.id, survivor.id, form.reason.data or "", asked_person_id=viewer().bound_to)
    except DomainError as refusal:
        status = refuse(form, refusal)
        return _ask_page((one, other), form), status
    flash(_("A second person decides now."), "good")
    return redirect(url_for(".show", uid=made.uid), 303)


def _follows(loser: Person, survivor: Person, form: MergeForm) -> str:
    found = operations.consequences(Happening.merge, [loser.id], survivor.id)
    form.new_key()
    row = row_of(loser.id)
    labels_ = dict(form.survivor.choices)
    typed = shown_pairs([(form.survivor.label.text, labels_[form.survivor.data]), (form.reason.label.text, form.reason.data)])
    event = {"title": _("Merge two rows"), "act": _("Ask for the merge"), "lead": _("Nothing happens before a second person agrees.")}
    return render_template(
        "people/follows.html", event=event, form=form, row=row, trail=trail_of(row), consequences=found, carried=carried(), typed=typed
    )


# ---- decide and undo ------------------------------------------------------------------------------------------------------


@bp.get("/merges/")
@staff(*DECIDERS)
def queue() -> str:
    found = queries.waiting_merges(viewer())
    rows = {row.id: row for row in queries.rows_of(sorted({i for m in found for i in (m.loser_id, m.survivor_id)}))}
    saw(rows, LookKind.found)
    return render_template("people/merges.html", merges=found, rows=rows, labels=labels, me=viewer().account_id)


def _path(merge: Merge) -> str:
    return queries.path_of(merge.survivor_id)


def _load(uid: str) -> Merge:
    merge: Merge = get_or_404(sa.select(Merge).where(Merge.uid == uid))
    hidden(policies.can_decide_merge, viewer(), _path(merge))
    return merge


def _page(merge: Merge, decide: DecideForm | None = None, undo: UndoForm | None = None) -> str:
    views = [queries.person_view(db.session.get_one(Person, i)) for i in (merge.survivor_id, merge.loser_id)]
    saw([merge.survivor_id, merge.loser_id], LookKind.page)
    path, mine = _path(merge), viewer().account_id
    asker = merge.undo_asked_by_id if merge.state is MergeState.undo_asked else merge.asked_by_id
    step = {"label": pgettext("page", "Merges"), "href": url_for(".queue")}
    return render_template(
        "people/merge.html",
        merge=merge,
        views=views,
        labels=labels,
        reasons=queries.told_of(merge).words,
        objections=queries.objections_of(merge),
        follows=operations.consequences(Happening.unmerge, [merge.loser_id], merge.survivor_id) if merge.state in UNDOABLE else [],
        decide=decide or DecideForm(formdata=None),
        undo=undo or UndoForm(formdata=None),
        trail=found_trail(step),
        is_mine=asker == mine,
        needs_above=merge.state is MergeState.review and not policies.is_above(viewer(), path),
    )


@bp.get("/merges/<uid>")
@staff(*DECIDERS)
def show(uid: str) -> str:
    return _page(_load(uid))


@bp.post("/merges/<uid>/<any('approve', 'refuse'):answer>")
@staff(*DECIDERS)
def decide(uid: str, answer: str) -> ResponseReturnValue:
    merge, form = _load(uid), DecideForm()
    if not form.validate_on_submit():
        return _page(merge, decide=form), 422
    try:
        with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
            done = operations.decide_merge(
                at_desk(), merge.id, answer == "approve", decider_person_id=viewer().bound_to,
                from_above=policies.is_above(viewer(), _path(merge)),
            )  # fmt: skip
    except DomainError as refusal:
        return _answer(merge, form, refusal)
    flash(str(labels.MERGES[done.state]), "good" if done.state is not MergeState.review else "warn")
    return redirect(url_for(".show", uid=uid), 303)


def _answer(merge: Merge, form: Form, refusal: DomainError) -> ResponseReturnValue:
    status = refuse(form, refusal)
    forms: dict[str, Any] = {"undo": form} if isinstance(form, UndoForm) else {"decide": form}
    return _page(merge, **forms), status


@bp.post("/merges/<uid>/ask-undo")
@staff(*DECIDERS)
def ask_undo(uid: str) -> ResponseReturnValue:
    merge, form = _load(uid), UndoForm()
    if not form.validate_on_submit():
        return _page(merge, undo=form), 422
    try:
        with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
            operations.ask_undo(at_desk(), merge.id, form.reason.data or "", asked_person_id=viewer().bound_to)
    except DomainError as refusal:
        return _answer(merge, form, refusal)
    flash(_("A second person undoes it now."), "good")
    return redirect(url_for(".show", uid=uid), 303)


@bp.post("/merges/<uid>/undo")
@staff(*DECIDERS)
def undo(uid: str) -> ResponseReturnValue:
    merge, form = _load(uid), DecideForm()
    if not form.validate_on_submit():
        return _page(merge, decide=form), 422
    try:
        with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
            operations.undo_merge(at_desk(), merge.id, decider_person_id=viewer().bound_to)
    except DomainError as refusal:
        return _answer(merge, form, refusal)
    flash(_("The two rows count as two again."), "good")
    return redirect(url_for(".show", uid=uid), 303)
