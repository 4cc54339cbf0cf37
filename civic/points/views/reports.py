"""The monthly reports: for everybody as page, paper, CSV and XLSX; at the desk they are made by hand and signed."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import segno
from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core import clock, reports
from civic.core.errors import DomainError
from civic.core.reports import Report
from civic.core.viewer import Role, actor, viewer
from civic.core.web import limits, sheets
from civic.core.web.access import authorize, place_path, public, staff
from civic.core.web.context import site_address
from civic.core.web.forms import Form, keyed
from civic.core.web.pagecache import reading
from civic.points import policies
from civic.points.figures import bars, flow_names, month_of, month_words, people_names, shown
from civic.points.models import Programme
from civic.points.operations import reports as verbs
from civic.points.queries import reporting

bp = Blueprint("points_reports", __name__, url_prefix="/points/reports")
desk = Blueprint("points_reports_desk", __name__, url_prefix="/desk/points/reports")
ARGS = ("programme",)


def _programme() -> tuple[Programme, str] | None:
    return reporting.programme_for(request.args.get("programme", "")[:24], place_path())


def _report(text: str) -> tuple[Programme, date, Report]:
    """The report of this month, or 404."""
    first, found = month_of(text), _programme()
    report = reports.newest(reporting.KIND, found[0].territory_id, first) if first is not None and found is not None else None
    if first is None or found is None or report is None:
        abort(404)
    return found[0], first, report


@bp.get("")
@public
@limits.per_minute(240)
def index() -> str:
    reading(reports.TOPIC, "territory", "features", args=ARGS)
    found = _programme()
    rows = [
        {"month": f"{row.from_on:%Y-%m}", "words": month_words(row.from_on), "sums": _sums(row)}
        for row in (reports.listed(reporting.KIND, found[0].territory_id) if found else ())
    ]
    return render_template("points/reports.html", rows=rows, programme=found[0] if found else None, chosen=request.args.get("programme"))


def _sums(row: Report) -> dict[str, str]:
    said = row.values
    return {
        **{name: shown(said["month"][name]) for name in ("issued", "spent", "donated")},
        "outstanding": shown(said["end"]["outstanding"]),
    }


@bp.get("/<month>")
@public
@limits.per_minute(240)
def show(month: str) -> str:
    programme, first, report = _report(month)
    reading(reports.TOPIC, "territory", "features", args=ARGS)
    said, names = report.values, flow_names()
    signed = reports.signatures([report.id]).get(report.id, [])
    return render_template(
        "points/report.html",
        programme=programme,
        month=month,
        words=month_words(first),
        report=report,
        said=said,
        sums=[(names[name], shown(said["month"][name])) for name in names],
        stands=[
            shown(said["begin"]["outstanding"]),
            shown(said["end"]["outstanding"]),
            shown(said["end"]["pool"]),
            shown(said["end"]["held"]),
        ],
        people=_people(said),
        corrections=_corrections(said),
        history=[(month_words(month_of(each[0]) or first), shown(each[1]), shown(each[2])) for each in said["history"]],
        chart=bars(said["history"]),
        finding=_finding(said, first),
        signed=[clock.local(row.signed_at).date() for row in signed],
        address=site_address(url_for(".show", month=month)),
        chosen=request.args.get("programme"),
    )


def _people(said: dict[str, Any]) -> list[tuple[str, str]]:
    few = _("fewer than %(number)s", number=reporting.FEW)
    return [(words, few if said["people"][name] is None else str(said["people"][name])) for name, words in people_names().items()]


def _corrections(said: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    rows = sorted(said["corrections"].items(), reverse=True)
    return [
        (month_words(month_of(month) or date.min), shown(sums["more"]), shown(sums["less"]), shown(sums["reversed"]))
        for month, sums in rows
    ]


def _finding(said: dict[str, Any], first: date) -> str:
    """What the chart shows, in a sentence."""
    month, before = said["month"], said["history"][-2] if len(said["history"]) > 1 else None
    words = {"month": month_words(first), "issued": shown(month["issued"]), "spent": shown(month["spent"])}
    if before is None:
        return _("In %(month)s %(issued)s points were issued and %(spent)s spent.", **words)
    words |= {"earlier": shown(before[1]), "used": shown(before[2])}
    return _("In %(month)s %(issued)s points were issued and %(spent)s spent; in the month before %(earlier)s and %(used)s.", **words)


def _rows(programme: Programme, report: Report) -> list[list[Any]]:
    """The whole report as a table: heads, then part, what, value."""
    said, names = report.values, flow_names()
    month = f"{report.from_on:%Y-%m}"
    rows: list[list[Any]] = [[pgettext("report", "Part"), pgettext("report", "What"), pgettext("report", "Value")]]
    head = pgettext("report", "Report")
    rows += [
        [head, pgettext("report", "Programme"), programme.code],
        [head, pgettext("report", "Month"), month],
        [head, pgettext("report", "Formula"), report.formula],
    ]
    rows += [
        [head, pgettext("report", "Hash"), report.hash],
        [head, pgettext("report", "Closes"), f"{said['closes']['first']}-{said['closes']['last']}"],
    ]
    rows += [[_("Points in the month"), names[name], said["month"][name] / 100] for name in names]
    stand = pgettext("report", "Held")
    rows += [[stand, _("At the beginning"), said["begin"]["outstanding"] / 100], [stand, _("At the end"), said["end"]["outstanding"] / 100]]
    rows += [[stand, _("of these in the care pool"), said["end"]["pool"] / 100]]
    rows += [[stand, _("of these set aside for orders and exchanges"), said["end"]["held"] / 100]]
    rows += [[pgettext("report", "People"), words, value] for words, value in _people(said)]
    for earlier, more, less, back in _corrections(said):
        rows += [[_("Corrections of %(month)s", month=earlier), _("more / less / reversed"), f"{more} / {less} / {back}"]]
    issued, spent = names["issued"], names["spent"]
    for day, _count, came, went in said["days"]:
        rows += [[day, issued, came / 100], [day, spent, went / 100]]
    return rows


@bp.get("/<month>.csv")
@public
@limits.per_minute(60)
def as_csv(month: str) -> Response:
    programme, _first, report = _report(month)
    return sheets.as_csv(f"points-{month}.csv", _rows(programme, report))


@bp.get("/<month>.xlsx")
@public
@limits.per_minute(30)
def as_xlsx(month: str) -> Response:
    programme, _first, report = _report(month)
    return sheets.as_workbook(f"points-{month}.xlsx", _rows(programme, report), widths=(34, 44, 70))


@bp.get("/<month>/qr.svg")
@public
def qr(month: str) -> Response:
    """For the printed sheet."""
    _report(month)
    buffer = io.BytesIO()
    code = segno.make(site_address(url_for(".show", month=month)), error="m")
    code.save(buffer, kind="svg", border=2, svgclass=None, lineclass=None, omitsize=True, xmldecl=False)
    response = Response(buffer.getvalue(), mimetype="image/svg+xml")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


# ---- desk -------------------------------------------------------------------------------------------------------------------


@desk.get("/")
@staff(*policies.REPORT_READERS)
def queue() -> str:
    return _queue()


def _queue(refusal: str = "") -> str:
    """Each programme in reach with its months: made or not, signed or not."""
    who = viewer()
    found = [(programme, path) for programme, path in reporting.programmes() if policies.can_read_reports(who, path)]
    parts = [
        {
            "programme": programme,
            "rows": _months(programme),
            "can_make": policies.can_make_report(who, path),
            "can_sign": policies.can_sign_report(who, path),
        }
        for programme, path in found
    ]
    return render_template("points/desk_reports.html", parts=parts, refusal=refusal)


def _months(programme: Programme) -> list[dict[str, Any]]:
    """Every month from the first close to the last whole one, the newest first."""
    made = {row.from_on: row for row in reports.listed(reporting.KIND, programme.territory_id)}
    signed = reports.signatures([row.id for row in made.values()])
    first, month, rows = reporting.first_month(programme.code), reporting.month_before(clock.today().replace(day=1)), []
    while first is not None and month >= first:
        report = made.get(month)
        names = [row.account_id for row in signed.get(report.id, [])] if report else []
        rows.append(
            {
                "month": f"{month:%Y-%m}",
                "words": month_words(month),
                "report": report,
                "made_on": clock.local(report.created_at).date() if report else None,
                "signatures": len(names),
                "is_mine": viewer().account_id in names,
            }
        )
        month = reporting.month_before(month)
    return rows


def _at_desk(code: str) -> tuple[Programme, str]:
    found = next((each for each in reporting.programmes() if each[0].code == code), None)
    if found is None:
        abort(404)
    return found


@desk.post("/<code>/<month>/make")
@staff(*policies.RULERS)
def make(code: str, month: str) -> ResponseReturnValue:
    """By hand, when the job did not."""
    programme, path = _at_desk(code)
    authorize(policies.can_make_report, viewer(), path)
    first = month_of(month)
    if first is None or first >= clock.today().replace(day=1):
        abort(404)
    try:
        with keyed(Form(), to=lambda _made: url_for(".queue")):
            verbs.make_report(actor(), programme.id, first)
    except DomainError as refusal:
        return _queue(refusal.message), refusal.status
    flash(_("The report of %(month)s is made.", month=month_words(first)), "good")
    return redirect(url_for(".queue"), 303)


@desk.post("/<code>/<month>/sign")
@staff(Role.district)
def sign(code: str, month: str) -> ResponseReturnValue:
    programme, path = _at_desk(code)
    authorize(policies.can_sign_report, viewer(), path)
    first = month_of(month)
    report = reports.newest(reporting.KIND, programme.territory_id, first) if first is not None else None
    if report is None:
        abort(404)
    try:
        with keyed(Form(), to=lambda _done: url_for(".queue")):
            verbs.sign_report(actor(), report.id)
    except DomainError as refusal:
        return _queue(refusal.message), refusal.status
    flash(_("You have signed the report."), "good")
    return redirect(url_for(".queue"), 303)
