"""Rules at the desk of the district: versions, a draft, its differences, the second person's agreement, adoption."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import format_day, plain
from civic.core.viewer import actor, viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.forms import BasedForm, keyed, refuse
from civic.points import amounts, labels, operations, policies
from civic.points.errors import PolicyChanged
from civic.points.forms.rules import BeginForm, DayForm, EmptyForm, RulesForm, StepForm
from civic.points.models import Policy, Programme
from civic.points.operations import policy as verbs
from civic.points.queries import ruling
from civic.points.queries.ruling import Version
from civic.points.versions import GENERAL, RuleText, sentences, threshold_why
from civic.territory.models import Territory

bp = Blueprint("points_rules_desk", __name__, url_prefix="/desk/points/rules")
RULERS = policies.RULERS


@bp.get("/")
@staff(*RULERS, *policies.READERS)
def index() -> str:
    return _index(BeginForm(formdata=None))


def _index(begin: BeginForm) -> str:
    without = ruling.districts_without(viewer())
    begin.district.choices = [(place.code, plain(place.name)) for place in without]
    programmes = [(row, ruling.versions(row.id), policies.can_rule(viewer(), row.territory.path)) for row in ruling.programmes_of(viewer())]
    return render_template(
        "points/desk_rules.html",
        programmes=programmes, begin=begin if without else None, one_press=EmptyForm(formdata=None), labels=labels, step_of=ruling.step_of,
    )  # fmt: skip


@bp.post("/begin")
@staff(*RULERS)
def begin() -> ResponseReturnValue:
    """A programme for a district that has none; it has no points until its first rules are adopted."""
    form, status = BeginForm(), 422
    form.district.choices = [(place.code, plain(place.name)) for place in ruling.districts_without(viewer())]
    if form.validate_on_submit():
        place = get_or_404(sa.select(Territory).where(Territory.code == form.district.data))
        authorize(policies.can_rule, viewer(), place.path)
        try:
            with keyed(form, to=lambda _made: url_for(".index")):
                operations.open_programme(actor(), place.id, place.code, form.name_zh.data or "", form.name_en.data or "")
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The programme is there. Draft its first rules now."), "good")
            return redirect(url_for(".index"), 303)
    return _index(form), status


@bp.post("/programmes/<code>/draft")
@staff(*RULERS)
def draft(code: str) -> ResponseReturnValue:
    programme: Programme = get_or_404(sa.select(Programme).where(Programme.code == code))
    authorize(policies.can_rule, viewer(), programme.territory.path)
    form = EmptyForm()
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda made: url_for(".edit", policy_id=made.id)):
                made = verbs.draft(actor(), programme.id)
        except DomainError as refusal:
            flash(refusal.message, "warn")
            return redirect(url_for(".index"), 303)
        return redirect(url_for(".edit", policy_id=made.id), 303)
    return redirect(url_for(".index"), 303)


# ---- one version ------------------------------------------------------------------------------------------------------------
def _load(policy_id: int, policy: Any = policies.can_rule) -> Version:
    path = db.session.scalar(
        sa.select(Territory.path)
        .join(Programme, Programme.territory_id == Territory.id)
        .join(Policy, Policy.programme_id == Programme.id)
        .where(Policy.id == policy_id)
    )
    version = ruling.version_of(policy_id)
    if path is None or version is None:
        abort(404)
    authorize(policy, viewer(), path)
    return version


@bp.get("/<int:policy_id>")
@staff(*RULERS, *policies.READERS)
def show(policy_id: int) -> str:
    return _page(_load(policy_id, policies.can_read_rules))


def _page(version: Version, bad: BasedForm | None = None) -> str:
    """bad: the form that was refused, shown again with its message."""
    step, row = ruling.step_of(version), version.row
    day, act = DayForm(formdata=None), StepForm(formdata=None)
    day.from_on.data = verbs.first_adoptable(row) if step == "closed" else verbs.first_day()
    if isinstance(bad, DayForm):
        day = bad
    for form in (day, act):
        form.base.data = str(row.lock_version)
    return render_template(
        "points/desk_version.html",
        version=version, step=step, day=day, act=act, refused=bad if isinstance(bad, StepForm) else None, labels=labels, first=verbs.first_day(),
        may_rule=policies.can_rule(viewer(), _programme(row).territory.path), is_mine=row.maker_id == viewer().account_id,
        said=sentences(version.text), threshold_why=threshold_why(version.text.threshold), rates=rates_of(version.text),
    )  # fmt: skip


def rates_of(text: RuleText) -> list[tuple[str, str]]:
    """Rows beside the general one: (words, points an hour)."""
    return [(labels.rate_of(*key), amounts.text(rate)) for key, rate in text.by_key().items() if key != GENERAL]


def _programme(row: Policy) -> Programme:
    return db.session.get_one(Programme, row.programme_id)


@bp.get("/<int:policy_id>/edit")
@staff(*RULERS)
def edit(policy_id: int) -> str:
    version = _load(policy_id)
    form = _filled(version)
    form.base.data = str(version.row.lock_version)
    return _edit_page(form, version)


def _filled(version: Version) -> RulesForm:
    form = RulesForm(formdata=None)
    form.fill(version.text)
    form.offer()
    return form


def _edit_page(form: RulesForm, version: Version, theirs: Any = ()) -> str:
    return render_template("points/desk_version_edit.html", form=form, version=version, theirs=theirs, threshold_why=threshold_why(0))


@bp.post("/<int:policy_id>/edit")
@staff(*RULERS)
def save(policy_id: int) -> ResponseReturnValue:
    version, form, status = _load(policy_id), RulesForm(), 422
    form.offer()
    theirs: list[tuple[str, str, str]] = []
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _saved: url_for(".show", policy_id=policy_id)):
                verbs.edit(actor(), policy_id, form.base_version, form.text())
        except PolicyChanged as refusal:
            status, theirs = refuse(form, refusal), form.beside(refusal, lambda: _filled(_load(policy_id)).data)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Saved. Look at what changes, then propose it to a second person."), "good")
            return redirect(url_for(".show", policy_id=policy_id), 303)
    return _edit_page(form, version, theirs), status


@bp.post("/<int:policy_id>/propose")
@staff(*RULERS)
def propose(policy_id: int) -> ResponseReturnValue:
    form = DayForm()
    return _done(
        policy_id, form, lambda: verbs.propose(actor(), policy_id, form.base_version, form.from_on.data),
        lambda row: _("Proposed to count from %(day)s on. A second person agrees now.", day=format_day(row.from_on)),
    )  # fmt: skip


@bp.post("/<int:policy_id>/agree")
@staff(*RULERS)
def agree(policy_id: int) -> ResponseReturnValue:
    form = StepForm()
    return _done(
        policy_id, form, lambda: verbs.agree(actor(), policy_id, form.base_version),
        lambda _row: _("Agreed. The posting hangs from today; when it is closed, the version can be adopted."),
    )  # fmt: skip


@bp.post("/<int:policy_id>/adopt")
@staff(*RULERS)
def adopt(policy_id: int) -> ResponseReturnValue:
    form = DayForm()
    return _done(
        policy_id, form, lambda: verbs.adopt(actor(), policy_id, form.base_version, form.from_on.data),
        lambda row: _("Adopted. The rules count from %(day)s on.", day=format_day(row.from_on)),
    )  # fmt: skip


@bp.post("/<int:policy_id>/withdraw")
@staff(*RULERS)
def withdraw(policy_id: int) -> ResponseReturnValue:
    form = StepForm()
    return _done(
        policy_id, form, lambda: verbs.withdraw(actor(), policy_id, form.base_version),
        lambda _row: pgettext("rules", "Withdrawn. The rules stay as they are."),
    )  # fmt: skip


def _done(policy_id: int, form: BasedForm, act: Any, told: Any) -> ResponseReturnValue:
    """One act on a version: done, or the page with the rule's no."""
    version, status = _load(policy_id), 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _row: url_for(".show", policy_id=policy_id)):
                row = act()
        except DomainError as refusal:
            status = refuse(form, refusal)
            version = _load(policy_id)
        else:
            flash(told(row), "good")
            return redirect(url_for(".show", policy_id=policy_id), 303)
    return _page(version, form), status
