"""A household with its members."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from civic.core.viewer import viewer
from civic.core.web.access import staff
from civic.people import labels, policies, queries
from civic.people.models import LookKind
from civic.people.views.common import load_household, saw

bp = Blueprint("people_households", __name__, url_prefix="/desk/people/household")
NO_STORE = {"Cache-Control": "no-store"}


@bp.get("/<uid>")
@staff(*policies.FINDERS)
def show(uid: str) -> ResponseReturnValue:
    view = queries.household_view(load_household(uid).id)
    saw([member.person.id for member in view.members], LookKind.found)
    page = render_template("people/household.html", view=view, may_edit=policies.can_edit(viewer(), view.path), labels=labels)
    return page, 200, NO_STORE
