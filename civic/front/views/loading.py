"""Desk page that loads lists: hand in up to five files, see what would happen, load, watch.  For administrators."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.accounts.models import Account
from civic.core import files
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import join_words
from civic.core.load.engine import UNKNOWN, Plan, Report, loaders, plan_load
from civic.core.load.errors import LoadBusy
from civic.core.load.kinds import Loader, Rejected
from civic.core.load.labels import COLUMN_KINDS, LOAD_STATES
from civic.core.load.models import LoadRun, LoadState
from civic.core.load.runs import queue_load, work
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import get_or_404, staff
from civic.core.web.forms import keyed, refuse
from civic.front.loading_forms import BeginForm, GoOnForm, ListsForm

bp = Blueprint("loading", __name__, url_prefix="/desk/load")
SHOWN_REFUSED = 200  # rows on the page; the error sheet has all
SHOWN_CHANGES = 5  # rows of each kind in the preview
HISTORY = 20
SHOWN_NAMES = 3  # files of a load in the history
MARKS = {LoadState.done: "good", LoadState.refused: "bad", LoadState.dropped: "off"}
PATIENCE = 6.0  # seconds that a request writes for; what is left, the scheduler writes
BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for GB18030


@bp.route("/", methods=["GET", "POST"])
@staff(Role.administrator)
def start() -> ResponseReturnValue:
    form, status = ListsForm(), 200
    if request.method == "POST":
        form.validate()
        shas = form.take_some()
        if not form.errors and not form.files.errors:
            return redirect(url_for(".check", file=shas), 303)
        form.new_key()
        status = 422
    kept = [files.kept(sha, viewer().account_id).name for sha in (form.kept.data or "").split(",") if sha]
    runs = db.session.scalars(sa.select(LoadRun).order_by(LoadRun.id.desc()).limit(HISTORY)).all()
    return render_template(
        "front/load.html", form=form, kept=kept, kinds=[_described(loader) for loader in _my_loaders()], runs=_history(runs)
    ), status


def _my_loaders() -> list[Loader]:
    return [loader for loader in loaders() if viewer().has_role(*loader.roles)]


def _described(loader: Loader) -> dict[str, Any]:
    """A kind of list as the page explains it."""
    lines = [
        (
            column.name,
            _("one of: %(choices)s", choices=", ".join(column.choices)) if column.choices else COLUMN_KINDS[column.kind],
            _("may be left out") if column.optional else _("must be filled") if column.required else _("may be empty"),
        )
        for column in loader.columns
    ]
    return {"kind": loader.kind, "title": loader.title, "lines": lines, "key": ", ".join(loader.key)}


def _history(runs: Any) -> list[dict[str, Any]]:
    names: dict[int, str] = dict(
        db.session.execute(
            sa.select(Account.id, Account.name).where(Account.id.in_({run.account_id for run in runs if run.account_id}))
        ).all()
    )
    return [
        {
            "run": run,
            "state": str(LOAD_STATES[LoadState(run.state)]),
            "mark": MARKS.get(LoadState(run.state), "wait"),
            "who": names.get(run.account_id or 0, run.job),
            "files": _file_names(run),
            "told": _some(_file_names(run)),
        }
        for run in runs
    ]


def _some(names: list[str]) -> str:
    """The first few names, and how many more."""
    if len(names) <= SHOWN_NAMES:
        return join_words(names)
    return _("%(names)s and %(count)s more", names=join_words(names[:SHOWN_NAMES]), count=len(names) - SHOWN_NAMES)


def _file_names(run: LoadRun) -> list[str]:
    return [entry["name"] for entry in json.loads(run.files)]


@bp.get("/template/<kind>.csv")
@staff(Role.administrator)
def template(kind: str) -> Response:
    """An empty list with its header."""
    loader = next((loader for loader in _my_loaders() if loader.kind == kind), None)
    if loader is None:
        abort(404)
    return _sheet(f"{kind}.csv", [[column.name for column in loader.columns]])


@bp.get("/check")
@staff(Role.administrator)
def check() -> ResponseReturnValue:
    """The dry run: what loading these files would do."""
    try:
        plan = _plan(request.args.getlist("file"))
    except files.FileGone as refusal:
        flash(refusal.message, "bad")
        return redirect(url_for(".start"), 303)
    form = BeginForm(data={"files": ",".join(request.args.getlist("file"))}, formdata=None)
    return _check_page(plan, form, 200)


def _plan(shas: list[str]) -> Plan:
    """The files that this account handed in, checked.  Raises FileGone."""
    if not shas or len(shas) > files.MOST_FILES:
        raise files.FileGone
    rows = [files.kept(sha, viewer().account_id) for sha in shas]
    return plan_load([(row.name, files.read(row.sha256)) for row in rows], most=files.MOST_BYTES)


def _check_page(plan: Plan, form: BeginForm, status: int) -> ResponseReturnValue:
    preview = [
        {"title": loader.title, "rows": [_preview(loader, change) for change in plan.changes[loader.kind][:SHOWN_CHANGES]]}
        for loader in loaders()
        if plan.changes.get(loader.kind)
    ]
    sheet = url_for(".error_sheet", file=request.args.getlist("file"))
    return render_template("front/load_check.html", form=form, preview=preview, sheet=sheet, **_shown(plan.report)), status


def _preview(loader: Loader, change: Any) -> tuple[str, str, str]:
    """Where the row stands, what identifies it, what is new."""
    what = (
        pgettext("rows", "new") if change.is_new else ", ".join(f"{name}: {change.row.text(name)[:60]}" for name in sorted(change.changed))
    )
    return f"{change.row.file}:{change.row.line}", " ".join(change.row.text(name) for name in loader.key), what


def _shown(report: Report) -> dict[str, Any]:
    titles: dict[str, Any] = {loader.kind: loader.title for loader in loaders()}
    titles[UNKNOWN] = pgettext("list", "Not recognised")
    rows = [(titles.get(kind, kind), c.added, c.changed, c.unchanged, len(c.rejected)) for kind, c in report.kinds.items()]
    return {"report": report, "counts": rows, "refused": report.rejected[:SHOWN_REFUSED], "refused_total": len(report.rejected)}


@bp.get("/check.csv")
@staff(Role.administrator)
def error_sheet() -> Response:
    """Every rejected row, to be corrected line by line."""
    try:
        return _refusals(_plan(request.args.getlist("file")).rejected)
    except files.FileGone:
        abort(404)


def _refusals(rejected: list[Rejected]) -> Response:
    return _sheet(
        "errors.csv",
        [
            [pgettext("table", "File"), pgettext("table", "Line"), pgettext("table", "Why")],
            *([r.file, r.line, str(r.why)] for r in rejected),
        ],
    )


def _sheet(name: str, rows: list[list[Any]]) -> Response:
    """A CSV that spreadsheets open as text: marked as UTF-8, and no cell begins a formula."""
    target = io.StringIO()
    csv.writer(target).writerows([[f"'{cell}" if str(cell)[:1] in ("=", "+", "-", "@") else cell for cell in row] for row in rows])
    response = Response(BOM + target.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


@bp.post("/check")
@staff(Role.administrator)
def begin() -> ResponseReturnValue:
    form = BeginForm()
    status = 422
    if form.validate_on_submit():
        try:
            with keyed(form, to=lambda run: url_for(".show", uid=run.uid)):
                run = queue_load(actor(), form.shas())
        except DomainError as refusal:
            status = refuse(form, refusal)
        else:
            return _work(run)
    try:
        return _check_page(_plan(form.shas()), form, status)
    except files.FileGone as refusal:
        flash(refusal.message, "bad")
        return redirect(url_for(".start"), 303)


def _work(run: LoadRun) -> ResponseReturnValue:
    """Write for some seconds; the run's page tells the rest, and the scheduler goes on."""
    uid = run.uid
    try:
        work(run, PATIENCE)
    except LoadBusy as refusal:
        flash(refusal.message, "warn")
    except DomainError as refusal:
        flash(refusal.message, "bad")
    return redirect(url_for(".show", uid=uid), 303)


@bp.get("/<uid>")
@staff(Role.administrator)
def show(uid: str) -> ResponseReturnValue:
    run: LoadRun = get_or_404(sa.select(LoadRun).where(LoadRun.uid == uid))
    return render_template("front/load_run.html", run=run, form=GoOnForm(), told=_history([run])[0], **_shown(Report.from_json(run.report)))


@bp.get("/<uid>/errors.csv")
@staff(Role.administrator)
def run_sheet(uid: str) -> Response:
    run: LoadRun = get_or_404(sa.select(LoadRun).where(LoadRun.uid == uid))
    return _refusals(Report.from_json(run.report).rejected)


@bp.post("/<uid>/go-on")
@staff(Role.administrator)
def go_on(uid: str) -> ResponseReturnValue:
    run: LoadRun = get_or_404(sa.select(LoadRun).where(LoadRun.uid == uid))
    if GoOnForm().validate_on_submit():
        return _work(run)
    return redirect(url_for(".show", uid=uid), 303)
