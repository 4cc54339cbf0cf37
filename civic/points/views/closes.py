"""The daily closes for everybody: a table by month, the whole chain as a file, and how to check both without this site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from civic.core import clock
from civic.core.closes import Close, chain, last
from civic.core.i18n import lang
from civic.core.web import limits
from civic.core.web.access import place_path, public
from civic.core.web.context import site_address
from civic.core.web.pagecache import reading
from civic.points.chain import item_of
from civic.points.figures import flow_names, month_of, month_words, shown
from civic.points.queries import reporting
from civic.points.totals import BOOK

bp = Blueprint("points_closes", __name__, url_prefix="/points")
TOPIC = f"closes:{BOOK}"
IN_TABLE = ("issued", "spent", "donated")


@bp.get("/closes")
@public
@limits.per_minute(240)
def index() -> str:
    """A month of closes, the newest first.  month: YYYY-MM.  programme: its code, else that of the reader's district."""
    morning = clock.day_bounds(clock.today())[0] + timedelta(hours=6)  # by then the night's close is there, or late
    reading(TOPIC, "territory", "features", args=("month", "programme"), fresh_until=morning if clock.now() < morning else None)
    found = reporting.programme_for(request.args.get("programme", "")[:24], place_path())
    newest = last(BOOK)
    month = _asked(request.args.get("month", ""), newest)
    rows = (
        [_shown(row, found[0].code) for row in reversed(reporting.closes_between(month, reporting.month_end(month)))]
        if found and month
        else []
    )
    return render_template(
        "points/closes.html",
        programme=found[0] if found else None,
        rows=rows,
        month=month_words(month) if month else "",
        months=_months(month, newest),
        newest=newest,
        stands=_stands(newest, found[0].code) if newest is not None and found else [],
        late=_is_late(newest, morning),
        names=flow_names(),
        in_table=IN_TABLE,
        file_address=site_address(url_for(".chain_file")),
    )


def _asked(text: str, newest: Close | None) -> date | None:
    month = month_of(text)
    if text and month is None:
        abort(404)
    return month or (newest.day.replace(day=1) if newest is not None else None)


def _shown(row: Close, code: str) -> dict[str, Any]:
    """A line of the table."""
    sums = json.loads(row.totals)["programmes"].get(code)
    day = {name: shown(sums["day"][name]) if sums and sums["day"][name] else "" for name in IN_TABLE}  # nothing to read where nothing was
    return {
        "close": row,
        "day": day,
        "outstanding": shown(sums["since"]["outstanding"]) if sums else "0",
        "short": row.hash.partition(".")[2][:10],
    }


def _months(chosen: date | None, newest: Close | None) -> list[dict[str, Any]]:
    """Links to the months of the chosen year, the newest first, then to the other years; a chain of many years is no wall of links."""
    first = reporting.first_month()
    if newest is None or first is None or chosen is None:
        return []
    month = newest.day.replace(day=1)
    found: list[dict[str, Any]] = []
    years: list[dict[str, Any]] = []
    while month >= first:
        href = url_for(".index", month=f"{month:%Y-%m}", programme=request.args.get("programme") or None)
        if month.year == chosen.year:
            found.append({"label": month_words(month), "href": href, "is_current": month == chosen})
        elif month.year not in [each["year"] for each in years]:
            years.append({"label": f"{month.year}年" if lang() == "zh" else str(month.year), "href": href, "year": month.year})
        month = reporting.month_before(month)
    return [*found, *years]


def _stands(newest: Close, code: str) -> list[tuple[str, str]]:
    since = json.loads(newest.totals)["programmes"].get(code, {}).get("since", {})
    return [(name, shown(since.get(name, 0))) for name in ("outstanding", "pool", "held")]


def _is_late(newest: Close | None, morning: Any) -> date | None:
    """The day whose close should be there and is not."""
    if newest is None:
        return None
    due = clock.today() - timedelta(days=1 if clock.now() >= morning else 2)
    return newest.day + timedelta(days=1) if newest.day < due else None


@bp.get("/closes.json")
@public
@limits.per_minute(30)
def chain_file() -> ResponseReturnValue:
    """The whole chain, the oldest close first: what `verify/closes.py` reads.  Sent as it is read, so it may grow for many years."""
    newest = last(BOOK)
    count = newest.number if newest is not None else 0
    response = Response(stream_with_context(_lines(count)), mimetype="application/json")
    response.direct_passthrough = True  # nothing on the way gathers the stream to compress it
    response.set_etag(newest.hash.replace(".", "-") if newest is not None else "none")
    response.headers["Content-Disposition"] = "inline; filename=points-closes.json"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response.make_conditional(request)


def _lines(count: int) -> Iterator[bytes]:
    yield f'{{"book": "{BOOK}", "total": {count}, "next": null, "items": ['.encode()
    between = b"\n"
    for row in chain(BOOK):
        if row.number > count:  # closed meanwhile: the mark above knows nothing of it
            break
        yield between + json.dumps(item_of(row), ensure_ascii=False, sort_keys=True).encode()
        between = b",\n"
    yield b"\n]}\n"
