"""A community manager keeps the stations: details, opening hours, closures.  Of two editors the second sees both versions."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.core import clock
from civic.core.errors import DomainError
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.forms import keyed, refuse
from civic.territory import desk, operations, policies
from civic.territory.errors import StationChanged
from civic.territory.forms import ClosureForm, HoursForm, StationForm, WithdrawForm
from civic.territory.hours import hours_lines
from civic.territory.models import Station, StationClosure
from civic.territory.operations import StationText
from civic.territory.views.public import period, state_of

bp = Blueprint("territory_desk", __name__, url_prefix="/desk/stations")
KEEPERS = (Role.manager, Role.administrator)


def _load(code: str) -> Station:
    station: Station = get_or_404(sa.select(Station).where(Station.code == code))
    authorize(policies.can_manage_station, viewer(), station.territory.path, station.organisation_id)
    return station


@bp.get("/")
@staff(*KEEPERS)
def stations() -> str:
    """Those that the viewer looks after."""
    rows = [(view, state_of(view)) for view in desk.managed(viewer())]
    return render_template("territory/desk_stations.html", rows=rows)


@bp.get("/<code>")
@staff(*KEEPERS)
def show(code: str) -> str:
    """One station: what people read, with the ways to change it."""
    station, form = _load(code), WithdrawForm()
    rows = [(c, period(c.from_on, c.to_on), _standing(c)) for c in desk.closures_of(station.id)]
    lines = hours_lines(desk.week_of(station.id))
    return render_template("territory/desk_station.html", row=station, lines=lines, closures=rows, form=form)


def _standing(closure: StationClosure) -> str:
    """withdrawn, over, running or coming."""
    if closure.withdrawn_at is not None:
        return "withdrawn"
    if closure.to_on < clock.today():
        return "over"
    return "running" if closure.from_on <= clock.today() else "coming"


@bp.get("/<code>/edit")
@staff(*KEEPERS)
def edit(code: str) -> str:
    station, form = _load(code), StationForm()
    form.fill(StationText.of(station))
    form.base.data = str(station.lock_version)
    return render_template("territory/desk_edit.html", form=form, row=station, theirs=[])


@bp.post("/<code>/edit")
@staff(*KEEPERS)
def save(code: str) -> ResponseReturnValue:
    station, form, theirs, status = _load(code), StationForm(), [], 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _station: url_for(".show", code=code)):
                operations.edit_station(actor(), station.id, form.base_version, form.text())
        except StationChanged as refusal:
            status, theirs = refuse(form, refusal), form.beside(refusal, lambda: asdict(StationText.of(station)))
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Saved. Everybody sees it now."), "good")
            return redirect(url_for(".show", code=code), 303)
    return render_template("territory/desk_edit.html", form=form, row=station, theirs=theirs), status


@bp.get("/<code>/hours")
@staff(*KEEPERS)
def hours(code: str) -> str:
    station, form = _load(code), HoursForm()
    form.fill(desk.week_of(station.id))
    form.base.data = str(station.lock_version)
    return render_template("territory/desk_hours.html", form=form, row=station, theirs=[])


@bp.post("/<code>/hours")
@staff(*KEEPERS)
def save_hours(code: str) -> ResponseReturnValue:
    station, form, status = _load(code), HoursForm(), 422
    theirs: list[tuple[str, str]] = []
    if form.validate_on_submit():
        try:
            week = form.week()
            with keyed(form, to=lambda _station: url_for(".show", code=code)):
                operations.set_hours(actor(), station.id, form.base_version, week)
        except StationChanged as refusal:
            status, theirs = refuse(form, refusal), hours_lines(desk.week_of(station.id)) or [("", _("No regular hours"))]
            form.base.data = str(refusal.context["current"])
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The opening hours are saved. Everybody sees them now."), "good")
            return redirect(url_for(".show", code=code), 303)
    return render_template("territory/desk_hours.html", form=form, row=station, theirs=theirs), status


@bp.get("/<code>/closures/new")
@staff(*KEEPERS)
def new_closure(code: str) -> str:
    return render_template("territory/desk_closure.html", form=ClosureForm(), row=_load(code))


@bp.post("/<code>/closures/new")
@staff(*KEEPERS)
def add_closure(code: str) -> ResponseReturnValue:
    station, form, status = _load(code), ClosureForm(), 422
    if form.validate_on_submit():
        words = (form.reason_zh.data, form.reason_en.data or "")
        try:
            with keyed(form, to=lambda _closure: url_for(".show", code=code)):
                operations.add_closure(actor(), station.id, form.from_on.data, form.to_on.data, *words)
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The closure is announced on the station's page."), "good")
            return redirect(url_for(".show", code=code), 303)
    return render_template("territory/desk_closure.html", form=form, row=station), status


@bp.post("/<code>/closures/<int:closure_id>/withdraw")
@staff(*KEEPERS)
def withdraw_closure(code: str, closure_id: int) -> ResponseReturnValue:
    station, form = _load(code), WithdrawForm()
    closure = get_or_404(sa.select(StationClosure).where(StationClosure.id == closure_id, StationClosure.station_id == station.id))
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _closure: url_for(".show", code=code)):
                operations.withdraw_closure(actor(), closure.id)
        except DomainError as refusal:
            flash(refusal.message, "warn")
        else:
            flash(_("The closure is withdrawn."), "good")
    return redirect(url_for(".show", code=code), 303)
