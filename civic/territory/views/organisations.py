"""An administrator keeps the organisations of the territory: list, new, edit, end with a successor."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import plain
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.forms import keyed, refuse
from civic.territory import desk, operations, policies
from civic.territory.errors import OrganisationChanged
from civic.territory.forms import EndForm, NewOrganisationForm, OrganisationForm
from civic.territory.labels import ORGANISATION_KIND
from civic.territory.models import Organisation, OrganisationKind, Territory

bp = Blueprint("territory_organisations", __name__, url_prefix="/desk/organisations")
PER_PAGE = 50


def _paths() -> tuple[str, ...]:
    """The territories whose organisations the viewer manages: grants bound to an organisation manage none."""
    return tuple(s.territory for s in viewer().scopes if s.role is Role.administrator and not s.organisations)


def _load(code: str) -> Organisation:
    organisation: Organisation = get_or_404(sa.select(Organisation).where(Organisation.code == code))
    authorize(policies.can_manage_organisation, viewer(), organisation.territory.path if organisation.territory else "")
    return organisation


def _may_place(form: OrganisationForm) -> None:
    """The territory that a form names must be the viewer's too; an unknown code is refused by the operation."""
    code = form.territory_code.data or ""
    path = db.session.scalar(sa.select(Territory.path).where(Territory.code == code)) if code else ""
    if path is not None:
        authorize(policies.can_manage_organisation, viewer(), path)


@bp.get("/")
@staff(Role.administrator)
def organisations() -> str:
    kind, words, ended = request.args.get("kind", ""), request.args.get("q", "").strip()[:60], request.args.get("ended") == "1"
    if kind not in set(OrganisationKind):
        kind = ""
    start = request.args.get("from", 0, int)
    start = min(max(start, 0), 1_000_000)
    every = desk.organisations(_paths(), words=words, ended=ended)
    counts = desk.counts_by_kind(every)
    query = desk.organisations(_paths(), kind=kind, words=words, ended=ended)
    rows = db.session.execute(query.limit(PER_PAGE).offset(start)).all()
    total = counts.get(OrganisationKind(kind), 0) if kind else sum(counts.values())
    return render_template(
        "territory/organisations.html",
        rows=[_row(organisation, territory) for organisation, territory in rows],
        filters=_filters(kind, words, ended, counts),
        page=_page(start, total, kind=kind, q=words, ended="1" if ended else ""),
        words=words,
        ended=ended,
        kind=kind,
    )


def _row(organisation: Organisation, territory: Territory | None) -> dict[str, Any]:
    return {
        "href": url_for(".edit", code=organisation.code),
        "name": organisation.name,
        "code": organisation.code,
        "kind": ORGANISATION_KIND[organisation.kind],
        "territory": territory.name if territory else None,
        "valid_to": organisation.valid_to,
    }


def _filters(kind: str, words: str, ended: bool, counts: dict[OrganisationKind, int]) -> list[dict[str, Any]]:
    kept: dict[str, Any] = {"q": words or None, "ended": "1" if ended else None}
    links = [
        {"label": pgettext("list", "All"), "href": url_for(".organisations", **kept), "is_current": not kind, "count": sum(counts.values())}
    ]
    for each, label in ORGANISATION_KIND.items():
        if counts.get(each):
            href = url_for(".organisations", kind=each.value, **kept)
            links.append({"label": label, "href": href, "is_current": kind == each, "count": counts[each]})
    return links


def _page(start: int, total: int, **args: str) -> dict[str, str]:
    kept: dict[str, Any] = {name: value for name, value in args.items() if value}
    last = min(start + PER_PAGE, total)
    return {
        "told": _("%(first)s to %(last)s of %(total)s", first=start + 1, last=last, total=total)
        if total > PER_PAGE and start < total
        else "",
        "first_href": url_for(".organisations", **kept) if start else "",
        "next_href": url_for(".organisations", **{**kept, "from": start + PER_PAGE}) if last < total else "",
    }


def _offer(form: OrganisationForm) -> OrganisationForm:
    roles = desk.roles()
    form.offer([(role.code, f"{plain(role.name)} ({role.code})") for role in roles])
    return form


def _suggestions() -> dict[str, Any]:
    """What the fields for codes suggest while one types."""
    return {"territories": desk.territories_within(_paths()), "parents": desk.parents_within(_paths())}


@bp.get("/new")
@staff(Role.administrator)
def new() -> str:
    return render_template("territory/organisation_new.html", form=_offer(NewOrganisationForm()), **_suggestions())


@bp.post("/new")
@staff(Role.administrator)
def create() -> ResponseReturnValue:
    form, status = _offer(NewOrganisationForm()), 422
    assert isinstance(form, NewOrganisationForm)  # noqa: S101 - what _offer was given
    if form.validate_on_submit():
        _may_place(form)
        try:
            with keyed(form, to=lambda made: url_for(".edit", code=made.code)):
                made = operations.create_organisation(actor(), form.code.data or "", form.text())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The organisation is added."), "good")
            return redirect(url_for(".edit", code=made.code), 303)
    return render_template("territory/organisation_new.html", form=form, **_suggestions()), status


def _values(organisation: Organisation) -> dict[str, Any]:
    """The fields of the form as they stand in the database."""
    return {
        "kind": organisation.kind.value,
        "name_zh": organisation.name_zh,
        "name_en": organisation.name_en,
        "territory_code": organisation.territory.code if organisation.territory else "",
        "parent_code": organisation.parent.code if organisation.parent else "",
        "role_code": organisation.role.code if organisation.role else "",
        "valid_from": organisation.valid_from,
    }


@bp.get("/<code>")
@staff(Role.administrator)
def edit(code: str) -> str:
    organisation, form = _load(code), _offer(OrganisationForm())
    form.fill(_values(organisation))
    form.base.data = str(organisation.lock_version)
    return render_template("territory/organisation.html", form=form, organisation=organisation, theirs=[], **_suggestions())


@bp.post("/<code>")
@staff(Role.administrator)
def save(code: str) -> ResponseReturnValue:
    organisation, form, theirs, status = _load(code), _offer(OrganisationForm()), [], 422
    if form.validate_on_submit():
        _may_place(form)
        try:
            with keyed(form, to=lambda _saved: url_for(".edit", code=code)):
                operations.edit_organisation(actor(), organisation.id, form.base_version, form.text())
        except OrganisationChanged as refusal:
            status, theirs = refuse(form, refusal), form.beside(refusal, lambda: _values(organisation))
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("Saved."), "good")
            return redirect(url_for(".edit", code=code), 303)
    return render_template("territory/organisation.html", form=form, organisation=organisation, theirs=theirs, **_suggestions()), status


def _end(organisation: Organisation) -> dict[str, Any]:
    """The fields of the end's form as they stand in the database."""
    return {"last_on": organisation.valid_to, "successor_code": organisation.successor.code if organisation.successor else ""}


@bp.get("/<code>/end")
@staff(Role.administrator)
def end(code: str) -> str:
    organisation, form = _load(code), EndForm()
    form.base.data = str(organisation.lock_version)
    for name, value in _end(organisation).items():
        form[name].data = value
    return render_template(
        "territory/organisation_end.html", form=form, organisation=organisation, theirs=[], parents=desk.parents_within(_paths())
    )


@bp.post("/<code>/end")
@staff(Role.administrator)
def save_end(code: str) -> ResponseReturnValue:
    organisation, form, theirs, status = _load(code), EndForm(), [], 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda _ended: url_for(".edit", code=code)):
                operations.end_organisation(
                    actor(), organisation.id, form.base_version, form.last_on.data, form.successor_code.data or ""
                )  # fmt: skip
        except OrganisationChanged as refusal:
            status, theirs = refuse(form, refusal), form.beside(refusal, lambda: _end(organisation))
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(_("The last day is saved."), "good")
            return redirect(url_for(".edit", code=code), 303)
    page = {"form": form, "organisation": organisation, "theirs": theirs, "parents": desk.parents_within(_paths())}
    return render_template("territory/organisation_end.html", **page), status
