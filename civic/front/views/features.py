"""An administrator switches features off and on, for the site or a territory, from a day."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.core import clock, features
from civic.core.errors import DomainError
from civic.core.registry import Module, the_registry
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import staff
from civic.core.web.forms import keyed, refuse
from civic.front.forms import SwitchForm
from civic.front.policies import can_switch_features
from civic.territory import queries as places

bp = Blueprint("features", __name__, url_prefix="/desk/features")


def _form() -> tuple[SwitchForm, dict[str, Module]]:
    known = {module.name: module for module in the_registry().modules if module.is_feature}
    form = SwitchForm()
    form.feature.choices = [(name, str(module.title)) for name, module in known.items()]
    return form, known


@bp.get("/")
@staff(Role.administrator)
def show() -> str:
    form, known = _form()
    form.from_on.data = clock.today()
    return _page(form, known)


@bp.post("/")
@staff(Role.administrator)
def save() -> ResponseReturnValue:
    form, known = _form()
    if not form.validate_on_submit():
        return _page(form, known), 422
    path = places.any_path(form.territory.data) if form.territory.data else ""
    if path is None:
        form.territory.errors = [_("No territory has the code %(code)s.", code=form.territory.data)]
        return _page(form, known), 422
    if not can_switch_features(viewer(), path):
        form.territory.errors = [_("Your grant does not reach that far. Name a territory below your own.")]
        return _page(form, known), 403
    try:
        with keyed(form, to=lambda _done: url_for(".show")):
            features.switch_feature(actor(), known[form.feature.data], path, form.from_on.data, is_off=form.to.data == "off")
    except DomainError as refusal:
        status = refuse(form, refusal)
        return _page(form, known), status
    flash(_("Saved. It counts from that day on, within a second."), "good")
    return redirect(url_for(".show"), 303)


def _page(form: SwitchForm, known: dict[str, Module]) -> str:
    titles = {name: module.title for name, module in known.items()}
    return render_template("front/features.html", form=form, known=known, titles=titles, switches=features.switches())
