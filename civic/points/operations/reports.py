"""The monthly report: made once the month's last day is closed, by the job or by hand; signed by the district."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from civic.core import clock, reports
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.reports import Report
from civic.core.viewer import Actor, Channel
from civic.points.errors import MonthNotClosed
from civic.points.models import Programme
from civic.points.queries import reporting


def make_report(actor: Actor, programme_id: int, first: date) -> Report:
    """The report of the month that begins on this day; the one that is there, when there is one.

    Raises MonthNotClosed while its last day has no close.
    """
    programme = db.session.get_one(Programme, programme_id)
    territory_id, period = programme.territory_id, (first, reporting.month_end(first))
    known = reports.newest(reporting.KIND, territory_id, first)
    if known is not None and known.formula != reporting.FORMULA:
        known = None
    counts = known is None and reporting.is_closed(first)
    content = reporting.content_of(programme, first) if counts else None  # before the turn to write: a large month takes seconds
    with atomic() as tx:  # so that a key is entered also where the report is there, or its month waits
        if known is None and content is None:
            raise MonthNotClosed(month=f"{first:%Y-%m}")
        made = known or reports.freeze(actor, reporting.KIND, territory_id, period, reporting.FORMULA, content or {})
        tx.result = made
    return made


def make_missing() -> int:
    """The job: each closed month that has no report yet, the oldest first; returns how many were made."""
    actor, this_month, made = Actor(None, job="points-report", channel=Channel.job), clock.today().replace(day=1), 0
    for programme in db.session.scalars(sa.select(Programme).order_by(Programme.id)).all():
        month = reporting.first_month(programme.code)
        while month is not None and month < this_month and reporting.is_closed(month):
            if reports.newest(reporting.KIND, programme.territory_id, month) is None:
                make_report(actor, programme.id, month)
                made += 1
            month = reporting.month_after(month)
    return made


def sign_report(actor: Actor, report_id: int) -> None:
    """Raises SignedAlready."""
    reports.sign(actor, report_id)
