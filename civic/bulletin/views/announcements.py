"""The desk writes announcements: both languages side by side, publish, correct, withdraw, voices, what waits for a translation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.bulletin import labels, marks, operations, policies, queries, shown
from civic.bulletin.errors import AnnouncementChanged, PlaceUnknown
from civic.bulletin.forms import ActForm, AnnouncementForm, VoiceForm
from civic.bulletin.models import Announcement, Voice, VoiceLanguage
from civic.bulletin.operations import AnnouncementText
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import plain
from civic.core.viewer import actor, viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.forms import Form, keyed, refuse
from civic.territory.models import Territory

bp = Blueprint("bulletin_desk", __name__, url_prefix="/desk/bulletin")
EDITORS = policies.EDITORS
STATES = ("", "draft", "published", "over", "withdrawn")
PER_PAGE = 30


def page_number() -> int:
    given = request.args.get("page", "1")
    return max(1, int(given)) if given.isdecimal() and len(given) < 7 else 1


def _load(uid: str) -> Announcement:
    row: Announcement = get_or_404(sa.select(Announcement).where(Announcement.uid == uid))
    authorize(policies.can_write, viewer(), row.territory.path, row.organisation_id)
    return row


def writable(code: str) -> Territory:
    """The territory of this code, if she may write for it.  Raises PlaceUnknown at the field."""
    row = db.session.scalars(sa.select(Territory).where(Territory.code == code)).one_or_none()
    if row is None or not policies.can_write(viewer(), row.path, policies.speaks_for(viewer(), row.path)):
        raise PlaceUnknown(field="place")
    return row


def place_choices() -> list[tuple[str, str]]:
    return [(code, plain(name)) for code, name in queries.places_of(viewer())]


def pages(endpoint: str, page: int, total: int, **kept: str) -> dict[str, str]:
    if total <= PER_PAGE:
        return {}
    given: dict[str, Any] = {name: value for name, value in kept.items() if value}
    last = min(total, page * PER_PAGE)
    return {
        "told": _("Entries %(first)s to %(last)s of %(total)s.", first=min(total, (page - 1) * PER_PAGE + 1), last=last, total=total),
        "first_href": url_for(endpoint, **given) if page > 1 else "",
        "next_href": url_for(endpoint, page=page + 1, **given) if last < total else "",
    }


@bp.get("/")
@staff(*EDITORS)
def index() -> str:
    """What she may write for, newest first."""
    state = request.args.get("state", "")
    state = state if state in STATES else ""
    page, query = page_number(), queries.desk_announcements(viewer(), state)
    rows = db.session.scalars(query.limit(PER_PAGE).offset((page - 1) * PER_PAGE)).all()
    total = db.session.scalar(query.options().order_by(None).with_only_columns(sa.func.count(), maintain_column_froms=True)) or 0
    names = {"": pgettext("filter", "Current"), **{s.value: labels.STATE[s] for s in labels.STATE}, "over": pgettext("filter", "Over")}
    filters = [{"label": names[s], "href": url_for(".index", state=s or None), "is_current": s == state} for s in STATES]
    return render_template(
        "bulletin/desk_announcements.html",
        rows=rows,
        labels=labels,
        marks=marks,
        filters=filters,
        when=shown.when,
        page=pages(".index", page, total, state=state),
        waiting=_waiting(),
    )


def _waiting() -> int:
    query = queries.to_translate(viewer()).options().order_by(None)
    return db.session.scalar(query.with_only_columns(sa.func.count(), maintain_column_froms=True)) or 0


@bp.get("/translations")
@staff(*EDITORS)
def translations() -> str:
    """What is out and lacks a language, or has one that is older than the other; urgent first."""
    return render_template(
        "bulletin/desk_translations.html",
        rows=db.session.scalars(queries.to_translate(viewer()).limit(200)).all(),
        labels=labels,
        marks=marks,
    )


@bp.get("/new")
@staff(*EDITORS)
def new() -> str:
    form = AnnouncementForm()
    form.place.choices = place_choices()
    return render_template("bulletin/desk_announcement_edit.html", form=form, row=None, theirs=[])


@bp.post("/new")
@staff(*EDITORS)
def write() -> ResponseReturnValue:
    form, status = AnnouncementForm(), 422
    form.place.choices = place_choices()
    if form.validate_on_submit():
        try:
            place = writable(form.place.data)
            speaks_for = policies.speaks_for(viewer(), place.path)
            with keyed(form, to=lambda made: url_for(".show", uid=made.uid)):
                made = operations.write_announcement(actor(), place.id, speaks_for, form.text())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Saved as a draft. Look at it once more, then publish it."), "good")
            return redirect(url_for(".show", uid=made.uid), 303)
    return render_template("bulletin/desk_announcement_edit.html", form=form, row=None, theirs=[]), status


def _shown(row: Announcement, form: ActForm, status: int = 200) -> ResponseReturnValue:
    form.base.data = str(row.lock_version)
    return render_template(
        "bulletin/desk_announcement.html",
        row=row,
        form=form,
        labels=labels,
        marks=marks,
        when=shown.when(row),
    ), status


@bp.get("/<uid>")
@staff(*EDITORS)
def show(uid: str) -> ResponseReturnValue:
    return _shown(_load(uid), ActForm())


@bp.post("/<uid>/publish")
@staff(*EDITORS)
def publish(uid: str) -> ResponseReturnValue:
    row, form, status = _load(uid), ActForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                operations.publish_announcement(actor(), row.id, form.base_version)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Published. Subscribers get it within a minute."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return _shown(_load(uid), form, status)


@bp.post("/<uid>/withdraw")
@staff(*EDITORS)
def withdraw(uid: str) -> ResponseReturnValue:
    row, form, status = _load(uid), ActForm(), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                operations.withdraw_announcement(actor(), row.id)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Withdrawn. Its address now says so."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return _shown(_load(uid), form, status)


@bp.get("/<uid>/edit")
@staff(*EDITORS)
def edit(uid: str) -> str:
    row, form = _load(uid), AnnouncementForm()
    form.place.choices = [(row.territory.code, plain(row.territory.name))]
    form.fill(AnnouncementText.of(row))
    form.base.data = str(row.lock_version)
    return render_template("bulletin/desk_announcement_edit.html", form=form, row=row, labels=labels, marks=marks, theirs=[])


@bp.post("/<uid>/edit")
@staff(*EDITORS)
def save(uid: str) -> ResponseReturnValue:
    row, form, status = _load(uid), AnnouncementForm(), 422
    theirs: list[tuple[str, str, str]] = []
    form.place.choices = [(row.territory.code, plain(row.territory.name))]
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _done: url_for(".show", uid=uid)):
                operations.correct_announcement(actor(), row.id, form.base_version, form.text())
        except AnnouncementChanged as refusal:
            status, theirs = refuse(form, refusal), differences(form, AnnouncementText.of(row))
            form.base.data = str(refusal.context["current"])
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(pgettext("bulletin", "Saved."), "good")
            return redirect(url_for(".show", uid=uid), 303)
    return render_template("bulletin/desk_announcement_edit.html", form=form, row=row, labels=labels, marks=marks, theirs=theirs), status


def differences(form: Form, now: Any) -> list[tuple[str, str, str]]:
    """(field, what stands now, what was typed) of the words that differ."""
    names = [n for n in ("title_zh", "title_en", "body_zh", "body_en", "days", "basis", "masking") if n in form._fields and hasattr(now, n)]
    pairs = [(str(form[n].label.text), str(getattr(now, n)), str(form[n].data or "")) for n in names]
    return [each for each in pairs if each[1] != each[2]]


@bp.get("/<uid>/voices")
@staff(*EDITORS)
def voices(uid: str) -> str:
    return render_template("bulletin/desk_voices.html", form=VoiceForm(), drop=ActForm(), row=_load(uid), labels=labels, marks=marks)


@bp.post("/<uid>/voices")
@staff(*EDITORS)
def add_voice(uid: str) -> ResponseReturnValue:
    row, form, status, done = _load(uid), VoiceForm(), 422, False
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _voice: url_for(".voices", uid=uid)):
                taken = form.take()
                if taken and not form.files.errors:
                    operations.add_voice(actor(), row.id, VoiceLanguage(form.speech.data), taken[0].sha256)
                    done = True
        except DomainError as refusal:
            status = refuse(form, refusal)
        if done:
            flash(_("The voice can be heard on the page now."), "good")
            return redirect(url_for(".voices", uid=uid), 303)
        if not form.files.errors and not form.form_errors:
            form.files.errors = [_("Choose a sound file.")]
    return render_template("bulletin/desk_voices.html", form=form, drop=ActForm(), row=row, labels=labels, marks=marks), status


@bp.post("/<uid>/voices/<int:voice_id>/drop")
@staff(*EDITORS)
def drop_voice(uid: str, voice_id: int) -> ResponseReturnValue:
    row, form = _load(uid), ActForm()
    voice: Voice = get_or_404(sa.select(Voice).where(Voice.id == voice_id, Voice.announcement_id == row.id))
    if form.validate_on_submit():
        with keyed(form, to=lambda _id: url_for(".voices", uid=uid)):
            operations.drop_voice(actor(), voice.id)
        flash(_("The voice is taken away."), "good")
    return redirect(url_for(".voices", uid=uid), 303)
