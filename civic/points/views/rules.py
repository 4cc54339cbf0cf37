"""The rules of points for everybody: what counts today in plain words, what is coming, and every change before."""

from __future__ import annotations

from flask import Blueprint, render_template

from civic.bulletin import queries as bulletin
from civic.core.web import limits
from civic.core.web.access import place_path, public
from civic.core.web.pagecache import reading
from civic.points import amounts, labels
from civic.points.operations.policy import TOPIC
from civic.points.queries import ruling
from civic.points.versions import GENERAL, sentences, threshold_why

bp = Blueprint("points_rules", __name__, url_prefix="/points/rules")


@bp.get("")
@public
@limits.per_minute(240)
def show() -> str:
    """Of the district of the chosen community, else of the first one."""
    reading(TOPIC, bulletin.TOPIC, "territory", "features")
    programme = ruling.programme_here(place_path())
    found = ruling.public_rules(programme) if programme is not None else None
    now = found.now if found is not None else None
    return render_template(
        "points/rules.html",
        rules=found,
        now=now,
        said=sentences(now.text) if now else [],
        threshold_why=threshold_why(now.text.threshold) if now else "",
        rates=[(labels.rate_of(*key), amounts.text(rate)) for key, rate in now.text.by_key().items() if key != GENERAL] if now else [],
        step_of=ruling.step_of,
    )
