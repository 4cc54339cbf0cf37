"""A department's handler edits its items; an administrator sees what people searched in vain."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from civic.catalogue import labels, operations, policies, queries
from civic.catalogue.errors import ItemChanged
from civic.catalogue.forms import ItemForm
from civic.catalogue.models import ServiceItem
from civic.core import clock
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import format_day, plain
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import authorize, get_or_404, staff
from civic.core.web.forms import keyed, refuse

bp = Blueprint("catalogue_desk", __name__, url_prefix="/desk")


@bp.get("/items/")
@staff(Role.handler, Role.administrator)
def items() -> str:
    """The items that the viewer may edit, with a filter."""
    departments = dict(db.session.execute(sa.select(ServiceItem.code, ServiceItem.department_id)).all())
    cards = [c for c in queries.overview().cards.values() if policies.can_edit_item(viewer(), departments[c.code])]
    rows = [{"href": url_for(".edit", code=c.code), "name": c.name, "code": c.code, "limit": c, "summary": c.summary} for c in cards]
    return render_template("catalogue/desk_items.html", rows=rows)


@bp.get("/items/<code>")
@staff(Role.handler, Role.administrator)
def edit(code: str) -> str:
    item, view = _load(code)
    form = _form()
    form.fill(view)
    form.base.data = str(item.lock_version)
    form.effective_on.data = clock.today()
    return _page(form, item, view)


@bp.post("/items/<code>")
@staff(Role.handler, Role.administrator)
def save(code: str) -> ResponseReturnValue:
    """Make the new version; a refusal or a colleague's change shows the form again with everything typed."""
    item, view = _load(code)
    form, status, theirs = _form(), 422, []
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda version: url_for(".edit", code=code)):
                made = operations.edit_item(
                    actor(), item.id, form.base_version, form.text(), _codes(form.materials.data),
                    next(iter(_codes(form.may_follow.data)), ""), _lines(form.laws.data), form.words(), form.effective_on.data, form.note.data or "",
                )  # fmt: skip
        except ItemChanged as refusal:
            status, theirs = refuse(form, refusal), form.beside(refusal, lambda: _stands(code))
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            flash(
                _("Saved as version %(number)s. It counts from %(day)s on.", number=made.number, day=format_day(made.effective_on)), "good"
            )
            return redirect(url_for(".edit", code=code), 303)
    return _page(form, item, view, theirs), status


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").split("\n") if line.strip()]


def _codes(text: str | None) -> list[str]:
    """The code that begins each line; the name behind it is for people."""
    return [line.split()[0] for line in _lines(text)]


def _load(code: str) -> tuple[ServiceItem, queries.ItemView]:
    item = get_or_404(sa.select(ServiceItem).where(ServiceItem.code == code))
    authorize(policies.can_edit_item, viewer(), item.department_id)
    view = queries.item_view(code)
    if view is None:
        abort(404)
    return item, view


def _form(**given: Any) -> ItemForm:
    form = ItemForm(**given)
    form.category_id.choices = [(c.id, plain(c.name)) for c in queries.all_categories()]
    return form


def _stands(code: str) -> dict[str, Any]:
    """The fields of the form as they stand in the database; day and reason are each version's own."""
    now = _form(formdata=None)
    now.fill(_load(code)[1])
    return {name: value for name, value in now.data.items() if name not in {"effective_on", "note"}}


def _page(form: ItemForm, item: ServiceItem, view: queries.ItemView, theirs: Any = ()) -> str:
    return render_template(
        "catalogue/edit.html",
        form=form,
        item=item,
        view=view,
        theirs=theirs,
        history=queries.history(item.id),
        materials=queries.all_materials(),
        laws=queries.all_laws(),
        labels=labels,
    )


@bp.get("/searches/")
@staff(Role.administrator)
def misses() -> str:
    """Words searched in vain: words and counts, never people."""
    authorize(policies.can_read_misses, viewer())
    return render_template("catalogue/misses.html", rows=queries.search_misses())
