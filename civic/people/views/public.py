"""What everybody may open: whether a member card is valid, and the privacy notice with its versions."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from civic.core import clock
from civic.core.db import db
from civic.core.viewer import viewer
from civic.core.web.access import public
from civic.core.web.limits import per_minute
from civic.core.web.pagecache import reading
from civic.people import policies, queries
from civic.people.models import Person

bp = Blueprint("people", __name__)


@bp.get("/card/<token>")
@public
@per_minute(30)
def card(token: str) -> ResponseReturnValue:
    """Valid or not, and nothing of its owner; a clerk in reach is led to the person's page."""
    found = queries.card_of(token)
    if found is None:
        abort(404)
    who = viewer()
    if who.is_signed_in and policies.can_see(who, queries.path_of(found.person_id)):
        return redirect(url_for("people_persons.show", uid=db.session.get_one(Person, found.person_id).uid), 303)
    return render_template("people/card_public.html"), 200, {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


@bp.get("/people/privacy-notice")
@public
def privacy_notice() -> str:
    """The version in force, or an older or coming one by its number."""
    reading(queries.TOPIC, args=("version",))
    every, now = queries.notices(), queries.notice_in_force(clock.today())
    wanted = request.args.get("version", 0, int)
    shown = next((notice for notice in every if notice.version == wanted), None) if wanted else now
    if wanted and shown is None:
        abort(404)
    return render_template("people/notice.html", shown=shown, current=now, notices=every)
