"""What hints and the auditors' files put on the desk."""

from __future__ import annotations

from flask import url_for
from flask_babel import lazy_gettext as _l

from civic.core.registry import Link, Queue
from civic.core.viewer import Viewer
from civic.points import hints, policies


def actions(viewer: Viewer) -> list[Link]:
    links = []
    if viewer.has_role(*hints.SEES):
        words = _l("Sudden earners, people who only pay each other")
        links.append(Link(_l("Hints about points"), url_for("points_hints.index"), "search", words, 132))
    if viewer.has_role(*policies.READERS):
        words = _l("Every page of points, and the ledger as files of ids")
        links.append(Link(_l("Audit of points"), url_for("points_audit.index"), "list", words, 133))
    return links


def queues(viewer: Viewer) -> list[Queue]:
    """For those who may write down what they found."""
    if not viewer.has_role(*policies.DECIDERS):
        return []
    count = hints.count_open(viewer)
    hint = _l("Somebody should look; nothing follows by itself")
    return [Queue(_l("Hints about points"), url_for("points_hints.index"), count, hint=hint, position=122)] if count else []
