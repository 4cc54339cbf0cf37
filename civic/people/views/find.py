"""Find a person, record a new one, fill a household in one go.

What was typed into the field never stands in an address: it is posted, and the page of the results names it in encrypted form, good
for this account and a quarter of an hour, so that going back from a person's page shows the results again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.core import clock, crypto
from civic.core.errors import DomainError
from civic.core.viewer import viewer
from civic.core.web.access import staff
from civic.core.web.forms import keyed
from civic.core.web.limits import per_minute
from civic.people import operations, policies, queries, records
from civic.people.forms import FindForm, HouseholdForm, PersonForm
from civic.people.models import HomeRelation, HouseholdRelation, LookKind, PersonSource
from civic.people.operations import NewHome, NewPerson
from civic.people.queries import Found, Row
from civic.people.views.common import at_desk, load_household, places, saw, told

bp = Blueprint("people_desk", __name__, url_prefix="/desk/people")
PURPOSE, LASTS = "look-up", timedelta(minutes=15)
NO_STORE = {"Cache-Control": "no-store"}


# ---- find -----------------------------------------------------------------------------------------------------------------


@bp.get("/")
@staff(*policies.FINDERS)
@per_minute(60)
def find() -> ResponseReturnValue:
    form = FindForm()
    words = _opened(request.args.get("asked", ""))
    if not words:
        return render_template("people/find.html", form=form, found=None, words="", linked=frozenset(), may_edit=_may_edit()), 200, NO_STORE
    form.words.data = words
    found = queries.find(viewer(), words)
    saw([row.id for row in found.rows], LookKind.found)
    return _shown(form, found, words), 200, NO_STORE


def _shown(form: FindForm, found: Found, words: str) -> str:
    """Rows of other communities, found by phone, card or document, are masked and lead nowhere."""
    linked = frozenset(row.id for row in found.rows if policies.can_see(viewer(), row.path))
    found = replace(found, rows=[row if row.id in linked else queries.masked(row) for row in found.rows])
    return render_template("people/find.html", form=form, found=found, words=words, linked=linked, may_edit=_may_edit())


@bp.post("/")
@staff(*policies.FINDERS)
@per_minute(60)
def ask() -> ResponseReturnValue:
    form = FindForm()
    if form.validate_on_submit():
        return redirect(url_for(".find", asked=_sealed(form.words.data or "")), 303)
    return render_template("people/find.html", form=form, found=None, words="", linked=frozenset(), may_edit=_may_edit()), 422


def _may_edit() -> bool:
    return viewer().has_role(*policies.EDITORS)


def _sealed(words: str) -> str:
    told_ = {"account": viewer().account_id, "words": words, "until": (clock.now() + LASTS).isoformat()}
    return crypto.encrypt(json.dumps(told_), PURPOSE)


def _opened(sealed: str) -> str:
    """What was asked; '' when it is too old, somebody else's or made up."""
    try:
        asked = json.loads(crypto.decrypt(sealed, PURPOSE)) if sealed else {}
    except (crypto.UnknownKey, ValueError):
        return ""
    if asked.get("account") != viewer().account_id or datetime.fromisoformat(asked["until"]) < clock.now():
        return ""
    return str(asked["words"])


# ---- a new person ---------------------------------------------------------------------------------------------------------


@bp.get("/new")
@staff(*policies.EDITORS)
def new() -> str:
    form = PersonForm()
    form.offer(places())
    if uid := request.args.get("household", ""):
        form.household.data = load_household(uid).number
        form.relation.data = HouseholdRelation.child.value
    return _new_page(form)


def _new_page(form: PersonForm, similar: Sequence[Row] = (), same: Row | None = None) -> str:
    return render_template("people/new.html", form=form, similar=similar, same=same)


@bp.post("/new")
@staff(*policies.EDITORS)
def create() -> ResponseReturnValue:
    form, known = PersonForm(), places()
    form.offer(known)
    form.offer_homes([place_id for place_id, _name in known])
    if request.form.get("step") == "homes":
        form.home_error(needed=True)
        return _new_page(form)
    is_valid = form.validate_on_submit()
    household_id, is_right = _household_of(form)
    if form.home_error(needed=False) or not is_valid or not is_right:
        return _new_page(form), 422
    similar = _similar([form.record()], known)
    if similar and not form.sure.data:
        form.sure.errors = [_("Compare with the people below first, then tick the box.")]
        return _new_page(form, similar), 422
    same: Row | None = None
    try:
        with keyed(form, to=lambda made: url_for("people_persons.show", uid=made.uid)):
            made = operations.create_person(
                at_desk(), int(form.place.data), form.record(), source=PersonSource.desk, documents=form.documents(),
                contacts=form.contacts(), homes=form.homes(), household_id=household_id,
                relation=HouseholdRelation(form.relation.data), evidence=form.evidence.data or "",
            )  # fmt: skip
    except DomainError as refusal:
        status, same = told(form, refusal)
        return _new_page(form, similar, same), status
    flash(_("The person is recorded."), "good")
    return redirect(url_for("people_persons.show", uid=made.uid), 303)


def _household_of(form: PersonForm) -> tuple[int | None, bool]:
    """(household, is it right): named by its number, in reach and not ended."""
    number = form.household.data or ""
    if not number:
        return None, True
    household = queries.household_by_number(number) if records.is_number(records.normal_number(number)) else None
    view = queries.household_view(household.id) if household else None
    if view is None or view.ended_on is not None or not policies.can_edit(viewer(), view.path):
        form.household.errors = [_("No household of yours has this number.")]
        return None, False
    return view.id, True


def _similar(people: Sequence[records.Record], known: Sequence[tuple[int, Any]]) -> list[Row]:
    """Rows with the same name and year of birth, so that nobody is recorded twice without a look; the look is noted."""
    ids = [place_id for place_id, _name in known]
    found = {row.id: row for record in people if record.name for row in queries.similar(record, ids)}
    saw(found, LookKind.found)
    return list(found.values())


# ---- a household in one go ------------------------------------------------------------------------------------------------


@bp.get("/household/new")
@staff(*policies.EDITORS)
def new_household() -> str:
    form = HouseholdForm()
    form.offer(places())
    return render_template("people/fill.html", form=form, similar=[], same=None)


@bp.post("/household/new")
@staff(*policies.EDITORS)
def fill() -> ResponseReturnValue:
    form, known = HouseholdForm(), places()
    form.offer(known)
    form.offer_homes([place_id for place_id, _name in known])
    similar: list[Row] = []
    same: Row | None = None
    status = 422
    if request.form.get("step") == "homes":
        form.home_error(needed=True)
        status = 200
    elif form.validate_on_submit() and not form.home_error(needed=False) and _has_people(form):
        people = form.people()
        similar = _similar([new.record for new in people], known)
        if similar and not form.sure.data:
            form.sure.errors = [_("Compare with the people below first, then tick the box.")]
        else:
            try:
                made = _filled(form, people)
            except DomainError as refusal:
                _point_at_row(form, refusal)
                status, same = told(form, refusal)
            else:
                flash(_("The household is recorded."), "good")
                return redirect(url_for("people_households.show", uid=made.uid), 303)
    return render_template("people/fill.html", form=form, similar=similar, same=same), status


def _filled(form: Any, people: Sequence[NewPerson]) -> Any:
    home = NewHome(HomeRelation.lives_in, form.home_id) if form.home_id else None
    with keyed(form, to=lambda made: url_for("people_households.show", uid=made.uid)):
        return operations.fill_household(at_desk(), int(form.place.data), home, people, evidence=form.evidence.data or "")


def _has_people(form: Any) -> bool:
    if form.filled():
        return True
    form.p1_name.errors = [_("Write at least one person.")]
    return False


def _point_at_row(form: Any, refusal: DomainError) -> None:
    """A refusal names the line among the filled rows; its message belongs to that row's field."""
    line, field = refusal.context.get("line"), refusal.field
    filled = form.filled()
    if isinstance(line, int) and 1 <= line <= len(filled) and f"p{filled[line - 1]}_{field}" in form:
        refusal.context["field"] = f"p{filled[line - 1]}_{field}"
