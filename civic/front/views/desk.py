"""The desk 工作台: what waits, and everything a worker may do."""

from __future__ import annotations

from flask import Blueprint, render_template

from civic.core.registry import the_registry
from civic.core.viewer import viewer
from civic.core.web.access import place_path, signed_in

bp = Blueprint("front_desk", __name__)


@bp.get("/desk/")
@signed_in
def desk() -> str:
    registry, who = the_registry(), viewer()
    queues, actions = registry.ask("desk_queues", who, place_path()), registry.ask("desk_actions", who, place_path())
    return render_template("front/desk.html", queues=queues, actions=actions)
