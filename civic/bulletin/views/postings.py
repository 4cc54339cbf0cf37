"""The desk keeps postings: draft, put up, take down, proof, objections and their answers, outcome."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.bulletin import labels, marks, operations, policies, queries
from civic.bulletin.errors import PostingChanged
from civic.bulletin.forms import ActForm, AnswerForm, CloseForm, ObjectionForm, PhotoForm, PostingForm, TakeDownForm
from civic.bulletin.models import Objection, Posting, PostingState
from civic.bulletin.operations import PostingText
from civic.bulletin.views.announcements import PER_PAGE, differences, page_number, pages, place_choices, writable
from civic.core import clock, spans
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import format_day, plain
from civic.core.viewer import Channel, Role, actor, viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.forms import keyed, refuse

bp = Blueprint("posting_desk", __name__, url_prefix="/desk/postings")
EDITORS = policies.EDITORS


def _load(uid: str) -> Posting:
    row: Posting = get_or_404(sa.select(Posting).where(Posting.uid == uid))
    authorize(policies.can_write, viewer(), row.territory.path, row.organisation_id)
    return row


@bp.get("/")
@staff(*EDITORS)
def index() -> str:
    state = request.args.get("state", "")
    state = state if state in set(PostingState) else ""
    page, query = page_number(), queries.desk_postings(viewer(), state)
    rows = db.session.scalars(query.limit(PER_PAGE).offset((page - 1) * PER_PAGE)).all()
    total = db.session.scalar(query.options().order_by(None).with_only_columns(sa.func.count(), maintain_column_froms=True)) or 0
    entries = [("", pgettext("filter", "Not closed")), *((s.value, labels.POSTING[s]) for s in PostingState)]
    filters = [{"label": label, "href": url_for(".index", state=s or None), "is_current": s == state} for s, label in entries]
    waiting = db.session.execute(queries.open_objections(viewer()).limit(100)).all()
    return render_template(
        "bulletin/desk_postings.html",
        rows=rows,
        labels=labels,
        marks=marks,
        filters=filters,
        waiting=waiting,
        page=pages(".index", page, total, state=state),
    )


@bp.get("/objections")
@staff(*EDITORS)
def objections() -> str:
    """The queue: objections without an answer, oldest first."""
    rows = db.session.execute(queries.open_objections(viewer()).limit(200)).all()
    return render_template("bulletin/desk_objections.html", rows=rows)


@bp.get("/new")
@staff(*EDITORS)
def new() -> str:
    form = PostingForm()
    form.place.choices = place_choices()
    return render_template("bulletin/desk_posting_edit.html", form=form, row=None, theirs=[])


@bp.post("/new")
@staff(*EDITORS)
def draft() -> ResponseReturnValue:
    form, status = PostingForm(), 422
    form.place.choices = place_choices()
    if form.validate_on_submit():
        try:
            place = writable(form.place.data)
            with keyed(form, to=lambda made: url_for(".show", uid=made.uid)):
                made = operations.draft_posting(actor(), place.id, policies.speaks_for(viewer(), place.path), form.text())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Saved as a draft. Look at it once more, then put it up."), "good")
            return redirect(url_for(".show", uid=made.uid), 303)
    return render_template("bulletin/desk_posting_edit.html", form=form, row=None, theirs=[]), status


def _shown(row: Posting, form: ActForm, status: int = 200) -> ResponseReturnValue:
    view = queries.posting_view(row)
    form.base.data = str(row.lock_version)
    would = spans.deadline(row.days, row.unit) if row.state in {PostingState.draft, PostingState.removed} else None
    return render_template(
        "bulletin/desk_posting.html",
        row=row,
        view=view,
        form=form,
        labels=labels,
        marks=marks,
        would=would,
        days=spans.amount_words(row.days, row.unit),
        words_of=queries.objection_words,
    ), status


@bp.get("/<uid>")
@staff(*EDITORS)
def show(uid: str) -> ResponseReturnValue:
    return _shown(_load(uid), ActForm())


@bp.get("/<uid>/edit")
@staff(*EDITORS)
def edit(uid: str) -> str:
    row, form = _load(uid), PostingForm()
    form.place.choices = [(row.territory.code, plain(row.territory.name))]
    form.fill(PostingText.of(row))
    form.base.data = str(row.lock_version)
    return render_template("bulletin/desk_posting_edit.html", form=form, row=row, labels=labels, marks=marks, theirs=[])


@bp.post("/<uid>/edit")
@staff(*EDITORS)
def save(uid: str) -> ResponseReturnValue:
    row, form, status = _load(uid), PostingForm(), 422
    theirs: list[tuple[str, str, str]] = []
    form.place.choices = [(row.territory.code, plain(row.territory.name))]
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                operations.edit_posting(actor(), row.id, form.base_version, form.text())
        except PostingChanged as refusal:
            status, theirs = refuse(form, refusal), differences(form, PostingText.of(row))
            form.base.data = str(refusal.context["current"])
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(pgettext("bulletin", "Saved."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return render_template("bulletin/desk_posting_edit.html", form=form, row=row, labels=labels, marks=marks, theirs=theirs), status


@bp.post("/<uid>/put-up")
@staff(*EDITORS)
def put_up(uid: str) -> ResponseReturnValue:
    row, form, status = _load(uid), ActForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _run: url_for(".show", uid=uid)):
                run = operations.put_up(actor(), row.id, form.base_version)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("It hangs now. The last day is %(day)s.", day=format_day(run.until_on)), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return _shown(_load(uid), form, status)


@bp.get("/<uid>/take-down")
@staff(*EDITORS)
def ask_take_down(uid: str) -> str:
    row = _load(uid)
    return render_template("bulletin/desk_take_down.html", form=TakeDownForm(), row=row, view=queries.posting_view(row))


@bp.post("/<uid>/take-down")
@staff(*EDITORS)
def take_down(uid: str) -> ResponseReturnValue:
    row, form, status = _load(uid), TakeDownForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                operations.take_down(actor(), row.id, form.why.data or "")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Taken down before its last day: put it up again and all its days begin anew."), "warn")
            return redirect(url_for(".show", uid=uid), 303)
    return render_template("bulletin/desk_take_down.html", form=form, row=row, view=queries.posting_view(row)), status


@bp.get("/<uid>/photo")
@staff(*EDITORS)
def photo(uid: str) -> str:
    form = PhotoForm()
    form.taken_on.data = clock.today()
    return render_template("bulletin/desk_photo.html", form=form, row=_load(uid))


@bp.post("/<uid>/photo")
@staff(*EDITORS)
def add_photo(uid: str) -> ResponseReturnValue:
    row, form, status, done = _load(uid), PhotoForm(), 422, False
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _photo: url_for(".show", uid=uid)):
                taken = form.take()
                if taken and not form.files.errors:
                    operations.add_photo(actor(), row.id, taken[0].sha256, form.taken_on.data or clock.today())
                    done = True
        except DomainError as refusal:
            status = refuse(form, refusal)
        if done:
            flash(_("The photo stands on the posting's page as proof."), "good")
            return redirect(url_for(".show", uid=uid), 303)
        if not form.files.errors and not form.form_errors:
            form.files.errors = [_("Choose a picture.")]
    return render_template("bulletin/desk_photo.html", form=form, row=row), status


@bp.get("/<uid>/close")
@staff(*EDITORS)
def ask_close(uid: str) -> str:
    row, form = _load(uid), CloseForm()
    form.base.data = str(row.lock_version)
    return render_template("bulletin/desk_close.html", form=form, row=row, view=queries.posting_view(row))


@bp.post("/<uid>/close")
@staff(*EDITORS)
def close(uid: str) -> ResponseReturnValue:
    row, form, status = _load(uid), CloseForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                outcome = (form.outcome_zh.data or "", form.outcome_en.data or "")
                operations.close_posting(actor(), row.id, form.base_version, *outcome)
        except PostingChanged as refusal:
            status = refuse(form, refusal)
            form.base.data = str(refusal.context["current"])
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Closed with its outcome."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return render_template("bulletin/desk_close.html", form=form, row=row, view=queries.posting_view(row)), status


def _load_objection(uid: str, objection_uid: str) -> tuple[Posting, Objection]:
    row = _load(uid)
    objection: Objection = get_or_404(sa.select(Objection).where(Objection.uid == objection_uid, Objection.posting_id == row.id))
    return row, objection


@bp.get("/<uid>/objections/<objection_uid>")
@staff(*EDITORS)
def objection(uid: str, objection_uid: str) -> str:
    row, found = _load_objection(uid, objection_uid)
    return render_template("bulletin/desk_answer.html", form=AnswerForm(), row=row, objection=found, words=queries.objection_words(found))


@bp.post("/<uid>/objections/<objection_uid>")
@staff(*EDITORS)
def answer(uid: str, objection_uid: str) -> ResponseReturnValue:
    (row, found), form, status = _load_objection(uid, objection_uid), AnswerForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                operations.answer_objection(actor(), found.id, form.answer_zh.data or "", form.answer_en.data or "")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The answer stands on the posting's page."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return render_template("bulletin/desk_answer.html", form=form, row=row, objection=found, words=queries.objection_words(found)), status


def _load_for_desk(number: str) -> Posting:
    row: Posting = get_or_404(sa.select(Posting).where(Posting.number == number, Posting.state != PostingState.draft))
    authorize(policies.can_take_objections, viewer(), row.territory.path)
    return row


@bp.get("/at-the-desk/<number>")
@staff(Role.clerk, *EDITORS)
def objection_at_desk(number: str) -> str:
    """For somebody who stands at the desk, with her name and how she is reached."""
    row = _load_for_desk(number)
    return render_template("bulletin/desk_objection.html", form=ObjectionForm(), row=row)


@bp.post("/at-the-desk/<number>")
@staff(Role.clerk, *EDITORS)
def take_at_desk(number: str) -> ResponseReturnValue:
    row, form, status = _load_for_desk(number), ObjectionForm(), 422
    if form.validate_on_submit():
        words = {"name": form.name.data or "", "contact": form.contact.data or ""}
        try:
            with keyed(form, to=lambda done: url_for("bulletin_part.objected", number=number, uid=done.uid)):
                done = operations.object_to(actor(Channel.desk), row.id, form.text.data or "", name=words["name"], contact=words["contact"])
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Taken in. Print this page for the person beside you."), "good")
            return redirect(url_for("bulletin_part.objected", number=number, uid=done.uid), 303)
    return render_template("bulletin/desk_objection.html", form=form, row=row), status
