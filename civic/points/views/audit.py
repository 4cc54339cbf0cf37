"""For auditors: where everything of points is read, a wallet by its id, and the ledger as files of ids."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, Response, abort, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.core.db import db
from civic.core.i18n import plain
from civic.core.viewer import Channel, actor, viewer
from civic.core.web.access import staff
from civic.points import exports, policies
from civic.points.forms.watch import ExportForm
from civic.points.models import Programme, Wallet
from civic.points.operations.exporting import note_export
from civic.points.queries.holders import holder_of

bp = Blueprint("points_audit", __name__, url_prefix="/desk/points/audit")
LONGEST_ID = 18  # digits; more fit no row
FILES = {
    "transfers": _l("Every row of the ledger: wallets, points, reason, cause, account"),
    "closes": _l("Daily closes with totals and hashes, of all programmes of this site"),
    "proposals": _l("Grants, reversals, openings: who asked, who decided"),
    "rules": _l("Versions of the rules with their rates"),
}
#: where else auditors read; every one of these pages lets them
PAGES = (
    ("points_proposals.index", _l("Proposals about points")),
    ("points_rules_desk.index", _l("Rules of points")),
    ("points_hints.index", _l("Hints about points")),
    ("points_reports_desk.queue", _l("Monthly reports of points")),
    ("points_closes.index", _p("page", "Daily closes")),
)


@bp.get("/")
@staff(*policies.READERS)
def index() -> str:
    form = _form()
    form.begin()
    return _page(form)


def _form() -> ExportForm:
    form = ExportForm()
    form.programme.choices = [(row.code, plain(row.name)) for row in exports.programmes(viewer())]
    form.what.choices = [(name, str(words)) for name, words in FILES.items()]
    return form


def _page(form: ExportForm, *, unknown: str = "") -> str:
    return render_template("points/desk_audit.html", form=form, pages=PAGES, unknown=unknown)


@bp.post("/export")
@staff(*policies.READERS)
def export() -> ResponseReturnValue:
    form = _form()
    if not form.validate_on_submit():
        return _page(form), 422
    programme_id = db.session.scalars(sa.select(Programme.id).where(Programme.code == form.programme.data)).one()
    wish = exports.Wish(form.what.data, programme_id, form.since.data, form.until.data)
    note_export(actor(Channel.desk), programme_id, wish.what, wish.since, wish.until)
    name = f"points-{wish.what}-{form.programme.data}-{wish.since}-{wish.until}.csv"
    response = Response(stream_with_context(exports.lines(wish)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/wallet")
@staff(*policies.READERS)
def wallet() -> ResponseReturnValue:
    """The page of a wallet that a file names by its id."""
    typed = request.args.get("id", "").strip()
    if not typed:
        abort(404)
    row = db.session.get(Wallet, int(typed)) if typed.isdecimal() and len(typed) <= LONGEST_ID else None
    if row is None or not policies.can_see_at_desk(viewer(), holder_of(row).path):
        form = _form()
        form.begin()
        return _page(form, unknown=typed[:20]), 404
    return redirect(url_for("points_wallets_desk.wallet", uid=row.uid), 303)
