"""Working days for programs: the answer that `verify/due_date.py` recomputes."""

from __future__ import annotations

from datetime import date
from typing import Any

import marshmallow as ma

from civic.core import decrees
from civic.core.db import Bilingual
from civic.core.web.access import public
from civic.core.web.api import ApiBlueprint, BilingualSchema
from civic.core.workdays import MOST_DAYS, CountedDay, Reason, Unit, span

bp = ApiBlueprint("api-workdays", __name__, description="The working-day calendar")
WEEKEND = Bilingual("周末", "Weekend")


class SkippedSchema(ma.Schema):
    """A day that did not count, and why."""

    on = ma.fields.Date()
    why = ma.fields.Nested(BilingualSchema)


class WorkdaysSchema(ma.Schema):
    """Where a limit ends."""

    end_on = ma.fields.Date()
    provisional = ma.fields.Boolean(metadata={"description": "true when the span reaches a year whose decree is not loaded"})
    skipped = ma.fields.List(ma.fields.Nested(SkippedSchema))


class WorkdaysArgs(ma.Schema):
    """A limit: from a day, so many days, in which unit.  Counting begins on the day after."""

    start = ma.fields.Date(required=True, data_key="from", validate=ma.validate.Range(date(2000, 1, 1), date(2099, 12, 31)))
    days = ma.fields.Integer(required=True, validate=ma.validate.Range(0, MOST_DAYS))
    unit = ma.fields.Enum(Unit, by_value=True, load_default=Unit.working_day)


@bp.get("/workdays")
@public
@bp.arguments(WorkdaysArgs, location="query")
@bp.response(200, WorkdaysSchema)
def workdays(args: dict[str, Any]) -> dict[str, Any]:
    """Count a limit: the day it ends, and each day that did not count."""
    made = span(decrees.calendar(), args["start"], args["days"], args["unit"])
    return {"end_on": made.end_on, "provisional": made.provisional, "skipped": [{"on": d.day, "why": _why(d)} for d in made.skipped]}


def _why(day: CountedDay) -> Bilingual:
    return WEEKEND if day.why is Reason.weekend else Bilingual(day.name_zh, day.name_en)
