"""All stations by town, and one station with everything one needs before going there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, abort, render_template
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core import clock
from civic.core.i18n import format_day, format_moment, plain
from civic.core.web.access import public
from civic.core.web.pagecache import reading
from civic.core.web.preferences import preferences
from civic.territory import queries
from civic.territory.queries import StationView

bp = Blueprint("territory", __name__, url_prefix="/stations")
TOPICS = (queries.TOPIC, "workdays")


@dataclass(frozen=True)
class State:
    """Whether a station is open, as a tag and a sentence."""

    kind: str
    text: str
    next: str = ""


def state_of(view: StationView) -> State:
    """`Open now, until 17:30`; or why it is closed and when it opens."""
    now = queries.opening(view)
    if now.until is not None:
        return State("good", _("Open now, until %(time)s", time=f"{now.until:%H:%M}"))
    reason = plain(now.reason)
    text = _("Closed today: %(reason)s", reason=reason) if reason else pgettext("station", "Closed now")
    return State("off", text, _opens(now.next_opening))


def _opens(moment: Any) -> str:
    if moment is None:
        return ""
    if clock.local(moment).date() == clock.today():
        return _("Opens today at %(time)s", time=f"{clock.local(moment):%H:%M}")
    return _("Opens %(moment)s", moment=format_moment(moment))


def period(from_on: date, to_on: date) -> str:
    """One day, or the first and the last."""
    return format_day(from_on) if from_on == to_on else _("%(first)s to %(last)s", first=format_day(from_on), last=format_day(to_on))


@bp.get("/")
@public
def stations() -> str:
    views = queries.stations()
    reading(*TOPICS, fresh_until=queries.next_change(views))
    towns: dict[str, list[tuple[StationView, State]]] = {}
    for view in views:
        towns.setdefault(plain(view.town_names), []).append((view, state_of(view)))
    chosen = queries.place(preferences().place) if preferences().place else None
    own = chosen.station if chosen else None
    return render_template("territory/stations.html", towns=towns, own=own)


@bp.get("/<code>")
@public
def station(code: str) -> str:
    view = queries.station(code)
    if view is None:
        abort(404)
    own = queries.stations(preferences().place) if preferences().place else []
    reading(*TOPICS, fresh_until=queries.next_change([view, *own]))
    closures = [(period(c.from_on, c.to_on), plain(c.reason)) for c in view.closures]
    is_mine = preferences().place == view.place_code
    return render_template("territory/station.html", view=view, state=state_of(view), closures=closures, is_mine=is_mine)
