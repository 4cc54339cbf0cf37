"""Points for programs of the desk and of auditors: hints to look at, the monthly reports, the ledger as files.

The policies, looks and lines of the audit of the pages (`views/hints.py`, `views/reports.py`, `views/audit.py`).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import marshmallow as ma
from flask import Response, abort, stream_with_context
from flask_babel import gettext as _

from civic.core import clock, reports
from civic.core.db import db
from civic.core.reports import Report
from civic.core.viewer import Role, actor, viewer
from civic.core.web import limits
from civic.core.web.access import authorize, public, staff
from civic.core.web.api import ApiBlueprint, Moment, PageArgs, etag_of, page_of, page_schema, unless_known
from civic.core.web.api_acts import KEY, TOKEN, act_once, reached
from civic.people import operations as people
from civic.people.models import LookKind
from civic.points import amounts, exports, policies
from civic.points.api.fields import POINTS, Points
from civic.points.figures import month_of
from civic.points.forms.watch import LONGEST
from civic.points.models import HintKind, HintState, Programme
from civic.points.operations import hints as hint_verbs
from civic.points.operations import reports as report_verbs
from civic.points.operations.exporting import note_export
from civic.points.queries import hints, reporting
from civic.territory.queries import any_path

bp = ApiBlueprint("api-points-watch", __name__, description="Points: hints at the desk, monthly reports, files for auditors")
AMOUNT = ma.fields.String(metadata=POINTS)


# ---- hints ------------------------------------------------------------------------------------------------------------------
class HintArgs(PageArgs):
    """show: what nobody has looked at yet, or the others; the newest first."""

    show = ma.fields.Enum(HintState, by_value=True, load_default=HintState.open)


class HintWalletSchema(ma.Schema):
    """A wallet that a hint speaks of.  uid: null where one may not open it."""

    name = ma.fields.String(required=True)
    uid = ma.fields.String(allow_none=True, required=True)


class HintPaidSchema(ma.Schema):
    """Of a ring: who paid whom, how often, how much in all."""

    payer = ma.fields.String(required=True)
    helper = ma.fields.String(required=True)
    exchanges = ma.fields.Integer(required=True)
    points = Points()


class HintSchema(ma.Schema):
    """What a person should look at, with its numbers.  Nothing follows from it by itself."""

    uid = ma.fields.String(required=True)
    kind = ma.fields.Enum(HintKind, by_value=True, required=True)
    state = ma.fields.Enum(HintState, by_value=True, required=True)
    found_at = Moment(required=True)
    looked_at = Moment(required=True)
    wallets = ma.fields.List(ma.fields.Nested(HintWalletSchema), required=True)
    sentences = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "in the reader's language"})
    rule = ma.fields.String(required=True, metadata={"description": "when such a hint is shown"})
    earned = Points(allow_none=True)
    usual = Points(allow_none=True)
    weeks = ma.fields.List(AMOUNT, required=True, metadata={"description": "points of the weeks before, the last one first"})
    paid = ma.fields.List(ma.fields.Nested(HintPaidSchema), required=True)
    words = ma.fields.String(required=True, metadata={"description": "what was found by whoever looked; empty before"})


class LookedSchema(ma.Schema):
    """words: what was found; sealed, auditors read it too."""

    words = ma.fields.String(required=True, validate=ma.validate.And(ma.validate.Length(1, 1000), ma.validate.Regexp(r"(?s).*\S")))


def _hint(uid: str) -> hints.Shown:
    found = hints.one(viewer(), uid)
    if found is None:
        abort(404, _("There is no such hint."))
    return found


def _told_hint(found: hints.Shown) -> dict[str, Any]:
    row, detail = found.row, found.row.detail
    names = {member.wallet_id: member.name for member in found.members}
    return {
        "uid": row.uid, "kind": row.kind, "state": row.state, "found_at": row.created_at, "looked_at": row.looked_at,
        "wallets": [{"name": member.name, "uid": member.uid or None} for member in found.members], "sentences": found.said,
        "rule": found.rule, "earned": detail.get("earned"), "usual": detail.get("usual"),
        "weeks": [amounts.text(amount) for amount in detail.get("weeks", [])],
        "paid": [
            {"payer": names.get(payer, ""), "helper": names.get(helper, ""), "exchanges": number, "points": amount}
            for payer, helper, number, amount in detail.get("paid", [])
        ],
        "words": found.words,
    }  # fmt: skip


def _saw(rows: list[hints.Shown], kind: LookKind) -> None:
    ids = [member.person_id for row in rows for member in row.members if member.person_id is not None]
    people.note_look(actor(), ids, kind)


@bp.get("/points/hints")
@staff(*hints.SEES)
@limits.per_minute(120)
@bp.arguments(HintArgs, location="query")
@bp.response(200, page_schema(HintSchema))
@bp.doc(security=TOKEN)
def list_hints(args: dict[str, Any]) -> Any:
    """List hints of one's reach, none about one's own household; at most the newest 200.  Each is noted as a look."""
    found = hints.listed(viewer(), args["show"])
    shown = found[args["offset"] : args["offset"] + args["limit"]]
    _saw(shown, LookKind.found)
    return page_of([_told_hint(each) for each in shown], len(found), args)


@bp.get("/points/hints/<uid>")
@staff(*hints.SEES)
@limits.per_minute(120)
@bp.response(200, HintSchema)
@bp.doc(security=TOKEN)
def hint(uid: str) -> Any:
    """Read one; the look is noted."""
    found = _hint(uid)
    _saw([found], LookKind.page)
    return _told_hint(found)


@bp.post("/points/hints/<uid>/look")
@staff(*policies.DECIDERS)
@reached(_hint)
@bp.arguments(LookedSchema)
@bp.response(200, HintSchema)
@bp.alt_response(409, description="Somebody looked before (`already_looked_at`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def look_at_hint(wanted: dict[str, Any], uid: str) -> Any:
    """Mark it as looked at, with what was found."""
    row = _hint(uid).row
    authorize(policies.can_close_hint, viewer(), row.path)
    return act_once(HintSchema, lambda _done: _told_hint(_hint(uid)), lambda: hint_verbs.look_at(actor(), row.id, wanted["words"]), wanted)


# ---- monthly reports --------------------------------------------------------------------------------------------------------
class ReportArgs(ma.Schema):
    """programme: code; else of the district of `place`, else the oldest."""

    programme = ma.fields.String(load_default="", validate=ma.validate.Length(max=24))
    place = ma.fields.String(load_default="", validate=ma.validate.Length(max=24))


class ReportsArgs(ReportArgs, PageArgs):
    """Which programme, which part of the list."""


class PointsReportLineSchema(ma.Schema):
    """A report in the list, the newest month first."""

    programme = ma.fields.String(required=True)
    month = ma.fields.String(required=True, metadata={"description": "YYYY-MM"})
    formula = ma.fields.String(required=True, metadata={"description": "version of the counting"})
    hash = ma.fields.String(required=True, metadata={"description": "SHA-256 of kind, first day, last day, formula, content: five lines"})
    sums = ma.fields.Dict(keys=ma.fields.String(), values=AMOUNT, required=True, metadata={"description": "points of the month"})
    made_at = Moment(required=True)
    signed_on = ma.fields.List(ma.fields.Date(), required=True, metadata={"description": "a day for each signature"})


class PointsReportSchema(PointsReportLineSchema):
    """A month's report.  A count of one to four people is null."""

    kind = ma.fields.String(required=True)
    from_on = ma.fields.Date(required=True)
    to_on = ma.fields.Date(required=True, metadata={"description": "last day"})
    begin = ma.fields.Dict(keys=ma.fields.String(), values=AMOUNT, required=True)
    end = ma.fields.Dict(keys=ma.fields.String(), values=AMOUNT, required=True)
    people = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(allow_none=True), required=True)
    corrections = ma.fields.Dict(keys=ma.fields.String(), required=True, metadata={"description": "by the month first booked"})
    content_text = ma.fields.String(required=True, metadata={"description": "what was hashed, letter for letter; hundredths of a point"})


class DeskMonthSchema(ma.Schema):
    """A month as the desk of the district lists it.  made_at: null while there is no report."""

    month = ma.fields.String(required=True)
    made_at = Moment(required=True)
    hash = ma.fields.String(allow_none=True, required=True)
    signatures = ma.fields.Integer(required=True)
    is_signed_by_me = ma.fields.Boolean(required=True)


def _texts(sums: dict[str, int]) -> dict[str, str]:
    return {name: amounts.text(amount) for name, amount in sums.items()}


def _report_line(code: str, row: Report, signed: list[date]) -> dict[str, Any]:
    said = row.values
    return {
        "programme": code, "month": f"{row.from_on:%Y-%m}", "formula": row.formula, "hash": row.hash, "sums": _texts(said["month"]),
        "made_at": row.created_at, "signed_on": signed,
    }  # fmt: skip


def _whole_report(code: str, row: Report) -> dict[str, Any]:
    said = row.values
    return {
        **_report_line(code, row, _days([row]).get(row.id, [])), "kind": row.kind, "from_on": row.from_on, "to_on": row.to_on,
        "begin": _texts(said["begin"]), "end": _texts(said["end"]), "people": said["people"],
        "corrections": {month: _texts(sums) for month, sums in said["corrections"].items()}, "content_text": row.content,
    }  # fmt: skip


def _days(rows: list[Report]) -> dict[int, list[date]]:
    """The days of its signatures, by report."""
    found = reports.signatures([row.id for row in rows])
    return {report_id: [clock.local(each.signed_at).date() for each in signed] for report_id, signed in found.items()}


def _programme(args: dict[str, Any]) -> Programme:
    path = any_path(args["place"]) if args["place"] else ""
    found = reporting.programme_for(args["programme"], path) if path is not None else None
    if found is None:
        abort(404, _("There is no such programme of points."))
    return found[0]


@bp.get("/points/reports")
@public
@limits.per_minute(240)
@bp.arguments(ReportsArgs, location="query")
@bp.response(200, page_schema(PointsReportLineSchema))
def list_reports(args: dict[str, Any]) -> Any:
    """List the monthly reports of a programme, the newest first."""
    programme = _programme(args)
    found = list(reports.listed(reporting.KIND, programme.territory_id))
    shown = found[args["offset"] : args["offset"] + args["limit"]]
    signed = _days(shown)
    mark = etag_of(programme.code, args, len(found), [(row.hash, signed.get(row.id)) for row in shown])
    return unless_known(
        mark, lambda: page_of([_report_line(programme.code, row, signed.get(row.id, [])) for row in shown], len(found), args)
    )


@bp.get("/points/reports/<month>")
@public
@limits.per_minute(240)
@bp.arguments(ReportArgs, location="query")
@bp.response(200, PointsReportSchema)
def report(args: dict[str, Any], month: str) -> Any:
    """Read the report of a month (YYYY-MM) with what was hashed."""
    programme = _programme(args)
    body = _whole_report(programme.code, _report_of(programme, month))
    return unless_known(etag_of(programme.code, body["hash"], body["signed_on"]), lambda: body)


def _report_of(programme: Programme, month: str) -> Report:
    first = month_of(month)
    row = reports.newest(reporting.KIND, programme.territory_id, first) if first is not None else None
    if row is None:
        abort(404, _("There is no report of this month."))
    return row


def _at_desk(code: str, policy: Any = policies.can_read_reports) -> tuple[Programme, str]:
    """A programme whose rules one may read; of others even the existence is private."""
    found = next((each for each in reporting.programmes() if each[0].code == code), None)
    if found is None or not policies.can_read_reports(viewer(), found[1]):
        abort(404, _("There is no such programme of points."))
    authorize(policy, viewer(), found[1])
    return found


@bp.get("/points/programmes/<code>/reports")
@staff(*policies.REPORT_READERS)
@limits.per_minute(120)
@bp.arguments(PageArgs, location="query")
@bp.response(200, page_schema(DeskMonthSchema))
@bp.doc(security=TOKEN)
def report_months(args: dict[str, Any], code: str) -> Any:
    """List each whole month since the first close, the newest first: made or not, signed or not."""
    programme = _at_desk(code)[0]
    made = {row.from_on: row for row in reports.listed(reporting.KIND, programme.territory_id)}
    signed = reports.signatures([row.id for row in made.values()])
    first, month, rows = reporting.first_month(code), reporting.month_before(clock.today().replace(day=1)), []
    while first is not None and month >= first:
        row = made.get(month)
        names = [each.account_id for each in signed.get(row.id, [])] if row is not None else []
        rows.append(
            {
                "month": f"{month:%Y-%m}", "made_at": row.created_at if row is not None else None, "hash": row.hash if row is not None else None,
                "signatures": len(names), "is_signed_by_me": viewer().account_id in names,
            }
        )  # fmt: skip
        month = reporting.month_before(month)
    return page_of(rows[args["offset"] : args["offset"] + args["limit"]], len(rows), args)


@bp.post("/points/programmes/<code>/reports/<month>/make")
@staff(*policies.RULERS)
@bp.response(200, PointsReportSchema)
@bp.alt_response(409, description="Its last day is not closed yet (`month_not_closed`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def make_report(code: str, month: str) -> Any:
    """Make the report by hand, when the job did not; the one that is there comes back."""
    programme, first = _at_desk(code, policies.can_make_report)[0], month_of(month)
    if first is None or first >= clock.today().replace(day=1):
        abort(404, _("There is no report of this month."))
    programme_id = programme.id
    return act_once(
        PointsReportSchema, lambda made: _whole_report(code, made), lambda: report_verbs.make_report(actor(), programme_id, first)
    )


@bp.post("/points/programmes/<code>/reports/<month>/sign")
@staff(Role.district)
@bp.response(200, PointsReportSchema)
@bp.alt_response(409, description="Signed by this account before (`signed_already`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def sign_report(code: str, month: str) -> Any:
    """Answer for the report as the district."""
    programme = _at_desk(code, policies.can_sign_report)[0]
    report_id = _report_of(programme, month).id
    return act_once(
        PointsReportSchema,
        lambda _done: _whole_report(code, db.session.get_one(Report, report_id)),
        lambda: report_verbs.sign_report(actor(), report_id),
    )


# ---- files for auditors -----------------------------------------------------------------------------------------------------
class ExportSchema(ma.Schema):
    """A file of ids and numbers.  `until` is the first day that is left out, at most ten years after `since`."""

    programme = ma.fields.String(required=True, validate=ma.validate.Length(1, 24))
    what = ma.fields.String(required=True, validate=ma.validate.OneOf(exports.KINDS))
    since = ma.fields.Date(required=True)
    until = ma.fields.Date(required=True)

    @ma.validates_schema
    def _fits(self, data: dict[str, Any], **_more: Any) -> None:
        if not timedelta(0) < data["until"] - data["since"] <= timedelta(days=LONGEST):
            raise ma.ValidationError(_("This day comes after the first one, by ten years at most."), "until")


@bp.post("/points/exports")
@staff(*policies.READERS)
@limits.per_minute(30)
@bp.arguments(ExportSchema)
@bp.response(200, {"type": "string"}, content_type="text/csv")
@bp.alt_response(404, description="A programme whose whole district one does not audit")
@bp.doc(security=TOKEN)
def export(wanted: dict[str, Any]) -> Any:
    """Take the ledger, the closes, the proposals or the rules as CSV; who took which file stands in the audit."""
    known = {row.code: row.id for row in exports.programmes(viewer())}
    if wanted["programme"] not in known:
        abort(404, _("There is no such programme of points."))
    wish = exports.Wish(wanted["what"], known[wanted["programme"]], wanted["since"], wanted["until"])
    note_export(actor(), wish.programme_id, wish.what, wish.since, wish.until)
    answer = Response(stream_with_context(exports.lines(wish)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename=points-{wish.what}-{wanted['programme']}-{wish.since}-{wish.until}.csv"
    answer.headers["Cache-Control"] = "no-store"
    return answer
