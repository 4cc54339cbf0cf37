"""Where people come in: the section of the navigation, the door of the elder home, the card on the home page."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core.registry import Card, Link
from civic.core.viewer import Viewer
from civic.points import amounts, queries

POSITION = 30


def navigation(_viewer: Viewer) -> list[Link]:
    return [Link(pgettext("page", "Points"), url_for("points.home"), "points", position=POSITION)]


def elder_doors(_viewer: Viewer) -> list[Link]:
    return [Link(pgettext("page", "My points"), url_for("points.home"), "points", _("How many, and where they came from"), POSITION)]


def home_cards(viewer: Viewer) -> list[Card]:
    """The number, for whoever has a wallet: one statement, none for visitors."""
    free = queries.free_of(viewer.person_id) if viewer.person_id is not None else None
    if free is None:
        return []
    more = Link(_("To my points"), url_for("points.home"))
    return [Card(pgettext("page", "My points"), "points/home_card.html", {"free": amounts.text(free)}, more, POSITION)]
