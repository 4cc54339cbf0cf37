"""Desk page that loads lists: hand in up to five files, match unknown columns, see what would happen, load, watch.

Administrators load every list and see every load; managers load the lists about people of their own territory, and see their own.
"""

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
from civic.core.errors import DomainError, NotAllowed
from civic.core.i18n import join_words
from civic.core.load import mapping
from civic.core.load.engine import UNKNOWN, KindCount, Plan, Report, loaders, plan_load
from civic.core.load.errors import LoadBusy
from civic.core.load.frames import Table
from civic.core.load.kinds import Loader, Rejected
from civic.core.load.labels import COLUMN_KINDS, LOAD_STATES
from civic.core.load.models import LoadRun, LoadState
from civic.core.load.runs import queue_load, work
from civic.core.viewer import Role, actor, viewer
from civic.core.web.access import get_or_404, staff
from civic.core.web.forms import keyed, refuse
from civic.front.loading_forms import BeginForm, GoOnForm, ListsForm, match_form, shown_title

bp = Blueprint("loading", __name__, url_prefix="/desk/load")
SHOWN_REFUSED = 200  # rows on the page; the error sheet has all
SHOWN_CHANGES = 5  # rows of each kind in the preview
SHOWN_ROWS = 3  # of a sheet whose columns are matched by hand
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HISTORY = 20
SHOWN_NAMES = 3  # files of a load in the history
MARKS = {LoadState.done: "good", LoadState.refused: "bad", LoadState.dropped: "off"}
PATIENCE = 6.0  # seconds that a request writes for; what is left, the scheduler writes
BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for GB18030


@bp.route("/", methods=["GET", "POST"])
@staff(Role.administrator, Role.manager)
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
    runs = db.session.scalars(_my_runs().order_by(LoadRun.id.desc()).limit(HISTORY)).all()
    return render_template(
        "front/load.html", form=form, kept=kept, kinds=[_described(loader) for loader in _my_loaders()], runs=_history(runs)
    ), status


def _my_runs() -> Any:
    query = sa.select(LoadRun)
    return query if viewer().has_role(Role.administrator) else query.where(LoadRun.account_id == viewer().account_id)


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
@staff(Role.administrator, Role.manager)
def template(kind: str) -> Response:
    """An empty list with its header."""
    loader = next((loader for loader in _my_loaders() if loader.kind == kind), None)
    if loader is None:
        abort(404)
    return _sheet(f"{kind}.csv", [[column.name for column in loader.columns]])


@bp.get("/check")
@staff(Role.administrator, Role.manager)
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
    plan = plan_load([(row.name, files.read(row.sha256)) for row in rows], most=files.MOST_BYTES, actor=actor())
    mine = {loader.kind for loader in _my_loaders()}
    for kind in set(plan.changes) - mine:
        plan.report.kinds[kind] = KindCount(rejected=[Rejected(_names_of(plan, kind), 0, _("Only an administrator loads this list."))])
        plan.changes[kind] = []
    return plan


def _names_of(plan: Plan, kind: str) -> str:
    return join_words(sorted({change.row.file for change in plan.changes[kind]})) or join_words([name for name, _data in plan.files])


def _check_page(plan: Plan, form: BeginForm, status: int) -> ResponseReturnValue:
    preview = [
        {"title": loader.title, "rows": [_preview(loader, change) for change in plan.changes[loader.kind][:SHOWN_CHANGES]]}
        for loader in loaders()
        if plan.changes.get(loader.kind)
    ]
    shas = request.args.getlist("file")
    sheets = [url_for(".error_sheet", file=shas), url_for(".error_book", file=shas)]
    unmatched = [(table.name, url_for(".match", file=shas, at=at)) for at, table in enumerate(plan.unmatched)]
    return render_template(
        "front/load_check.html", form=form, preview=preview, sheets=sheets, unmatched=unmatched, **_shown(plan.report)
    ), status


def _preview(loader: Loader, change: Any) -> tuple[str, str, str]:
    """Where the row stands, what identifies it, what is new."""
    where = f"{change.row.file}:{change.row.line}"
    key = " ".join(masked(change.row.text(name)) if loader.personal else change.row.text(name) for name in loader.key)
    if change.is_new:
        return where, key, pgettext("rows", "new")
    if loader.personal:
        return where, key, ", ".join(sorted(change.changed))
    return where, key, ", ".join(f"{name}: {change.row.text(name)[:60]}" for name in sorted(change.changed))


def masked(value: Any) -> str:
    """The first sign, so that a column can be told from its neighbours; nothing of a person beyond it."""
    text = "" if value is None else str(value).strip()
    return f"{text[:1]}***" if text else ""


def _shown(report: Report) -> dict[str, Any]:
    titles: dict[str, Any] = {loader.kind: loader.title for loader in loaders()}
    titles[UNKNOWN] = pgettext("list", "Not recognised")
    rows = [(titles.get(kind, kind), c.added, c.changed, c.unchanged, len(c.rejected)) for kind, c in report.kinds.items()]
    return {"report": report, "counts": rows, "refused": report.rejected[:SHOWN_REFUSED], "refused_total": len(report.rejected)}


# ---- columns matched by hand ------------------------------------------------------------------------------------------------


@bp.route("/match", methods=["GET", "POST"])
@staff(Role.administrator, Role.manager)
def match() -> ResponseReturnValue:
    """Say once which column of a sheet is which column of a list; the next file with this header needs no asking."""
    shas, at = request.args.getlist("file"), request.args.get("at", 0, int)
    try:
        tables = _plan(shas).unmatched
    except files.FileGone as refusal:
        flash(refusal.message, "bad")
        return redirect(url_for(".start"), 303)
    if not 0 <= at < len(tables) or not _my_loaders():
        return redirect(url_for(".check", file=shas), 303)
    table, loader = tables[at], _chosen(tables[at])
    form = match_form(loader, table.header, mapping.guess(loader, table.header))
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                with keyed(form, to=lambda _row: url_for(".check", file=shas)):
                    mapping.remember(actor(), table.header, loader, form.places())
            except DomainError as refusal:
                status = refuse(form, refusal)
            else:
                flash(_("Remembered: the next file with these titles needs no matching."))
                return redirect(url_for(".check", file=shas), 303)
    return render_template("front/load_match.html", form=form, table=table, loader=loader, shas=shas, at=at, **_sample(table)), status


def _chosen(table: Table) -> Loader:
    """The list that was asked for, else the one whose columns the titles resemble most."""
    mine = _my_loaders()
    asked = next((loader for loader in mine if loader.kind == request.args.get("kind")), None)
    return asked or max(mine, key=lambda loader: len(mapping.guess(loader, table.header)) / len(loader.columns))


def _sample(table: Table) -> dict[str, Any]:
    """Titles and first rows of a sheet; the cells are masked: nobody knows yet whether they tell about people."""
    heads = [{"label": shown_title("…" if mapping.is_data(title) else title, at)} for at, title in enumerate(table.header)]
    rows = [[str(line), *(masked(cell) for cell in cells[: len(heads)])] for line, cells in table.rows[:SHOWN_ROWS]]
    kinds = [(loader.kind, loader.title) for loader in _my_loaders()]
    return {"heads": [{"label": pgettext("table", "Line")}, *heads], "rows": rows, "kinds": kinds}


@bp.get("/check.csv")
@staff(Role.administrator, Role.manager)
def error_sheet() -> Response:
    """Every rejected row, to be corrected line by line."""
    try:
        return _refusals(_plan(request.args.getlist("file")).rejected)
    except files.FileGone:
        abort(404)


@bp.get("/check.xlsx")
@staff(Role.administrator, Role.manager)
def error_book() -> Response:
    """The same as a workbook."""
    try:
        return _book(_plan(request.args.getlist("file")).rejected)
    except files.FileGone:
        abort(404)


def _refusal_rows(rejected: list[Rejected]) -> list[list[Any]]:
    heads = [pgettext("table", "File"), pgettext("table", "Line"), pgettext("table", "Why")]
    return [heads, *([r.file, r.line, str(r.why)] for r in rejected)]


def _refusals(rejected: list[Rejected]) -> Response:
    return _sheet("errors.csv", _refusal_rows(rejected))


def _book(rejected: list[Rejected]) -> Response:
    """A workbook whose cells are text: a file name that begins with `=` is no formula."""
    from openpyxl import Workbook  # noqa: PLC0415 - takes 14 MB, and few workers ever answer this page

    book = Workbook()
    sheet: Any = book.active
    for number, row in enumerate(_refusal_rows(rejected), 1):
        sheet.append(row)
        for cell in sheet[number]:
            if isinstance(cell.value, str):
                cell.data_type = "s"
    for letter, width in (("A", 30), ("B", 8), ("C", 90)):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    target = io.BytesIO()
    book.save(target)
    response = Response(target.getvalue(), mimetype=WORKBOOK)
    response.headers["Content-Disposition"] = "attachment; filename=errors.xlsx"
    return response


def _sheet(name: str, rows: list[list[Any]]) -> Response:
    """A CSV that spreadsheets open as text: marked as UTF-8, and no cell begins a formula."""
    target = io.StringIO()
    csv.writer(target).writerows([[f"'{cell}" if str(cell)[:1] in ("=", "+", "-", "@") else cell for cell in row] for row in rows])
    response = Response(BOM + target.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


@bp.post("/check")
@staff(Role.administrator, Role.manager)
def begin() -> ResponseReturnValue:
    form = BeginForm()
    status = 422
    if form.validate_on_submit():
        try:
            _refuse_others_lists(form.shas())
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


def _refuse_others_lists(shas: list[str]) -> None:
    """Who may not load every list gets the files looked at once more before they wait in line.  Raises NotAllowed, FileGone."""
    if viewer().has_role(Role.administrator):
        return
    try:
        plan = _plan(shas)
    except files.FileGone:  # a second click: the key answers it
        return
    if plan.rejected:
        raise NotAllowed


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
@staff(Role.administrator, Role.manager)
def show(uid: str) -> ResponseReturnValue:
    run: LoadRun = get_or_404(_my_runs().where(LoadRun.uid == uid))
    sheets = [url_for(".run_sheet", uid=uid), url_for(".run_book", uid=uid)]
    shown = _shown(Report.from_json(run.report))
    return render_template("front/load_run.html", run=run, form=GoOnForm(), told=_history([run])[0], sheets=sheets, **shown)


@bp.get("/<uid>/errors.csv")
@staff(Role.administrator, Role.manager)
def run_sheet(uid: str) -> Response:
    run: LoadRun = get_or_404(_my_runs().where(LoadRun.uid == uid))
    return _refusals(Report.from_json(run.report).rejected)


@bp.get("/<uid>/errors.xlsx")
@staff(Role.administrator, Role.manager)
def run_book(uid: str) -> Response:
    run: LoadRun = get_or_404(_my_runs().where(LoadRun.uid == uid))
    return _book(Report.from_json(run.report).rejected)


@bp.post("/<uid>/go-on")
@staff(Role.administrator, Role.manager)
def go_on(uid: str) -> ResponseReturnValue:
    run: LoadRun = get_or_404(_my_runs().where(LoadRun.uid == uid))
    if GoOnForm().validate_on_submit():
        return _work(run)
    return redirect(url_for(".show", uid=uid), 303)
