"""What closes and reports put on the desk: a link to the reports, days whose close is missing, reports that nobody has signed."""

from __future__ import annotations

from datetime import timedelta

from flask import url_for
from flask_babel import lazy_gettext as _l

from civic.core import clock, reports
from civic.core.closes import last
from civic.core.registry import Link, Queue
from civic.core.viewer import Viewer
from civic.points import report_policies, reporting
from civic.points.models import Programme
from civic.points.totals import BOOK


def actions(viewer: Viewer) -> list[Link]:
    if not any(report_policies.can_read(viewer, path) for _programme, path in _programmes(viewer)):
        return []
    return [Link(_l("Monthly reports of points"), url_for("points_reports_desk.queue"), "list", _l("Make, sign, print; daily closes"), 46)]


def queues(viewer: Viewer) -> list[Queue]:
    """A close that is missing is an alarm: a counter differs from its rows, or the job does not run."""
    found = [(programme, path) for programme, path in _programmes(viewer) if report_policies.can_read(viewer, path)]
    if not found:
        return []
    newest = last(BOOK)
    missing = max(0, (clock.today() - timedelta(days=1) - newest.day).days) if newest is not None else 0
    waiting = sum(_unsigned(programme.territory_id) for programme, path in found if report_policies.can_sign(viewer, path))
    return [
        Queue(_l("Days of points without their close"), url_for("points_closes.index"), missing, late=missing, position=15),
        Queue(_l("Reports of points that nobody has signed"), url_for("points_reports_desk.queue"), waiting, position=45),
    ]


def _programmes(viewer: Viewer) -> list[tuple[Programme, str]]:
    """No question to the database for those whom it does not concern."""
    return reporting.programmes() if viewer.has_role(*report_policies.READERS) else []


def _unsigned(territory_id: int) -> int:
    made = reports.listed(reporting.KIND, territory_id)
    return len({row.id for row in made} - reports.signatures([row.id for row in made]).keys())
