"""Refusals of the monthly report."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.errors import DomainError


class MonthNotClosed(DomainError):
    """The last day of the month has no close yet.  context: month."""

    code, status = "month_not_closed", 409
    sentence = _l("The report of %(month)s waits until the last day of the month is closed, on the night after it.")
