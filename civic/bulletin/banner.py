"""The urgent banner that the frame of every page shows: what is urgent for the reader's place at this moment."""

from __future__ import annotations

from typing import Any

from flask import Flask

from civic.bulletin import queries
from civic.bulletin.fresh import also_shows
from civic.core.richtext import Written
from civic.core.web.access import place_path


def urgent_news() -> list[Any]:
    """For base.html: [(uid, title …)], newest first.  The page is then true until one of them begins or ends."""
    shown, until = queries.urgent_here(place_path())
    if until is not None:
        also_shows(until=until)
    return shown


def start(app: Flask) -> None:
    """Lend the banner to the templates; its content version belongs to the frame of every page."""
    app.jinja_env.globals["urgent_news"] = urgent_news
    app.jinja_env.filters["written"] = Written
    hooks = app.extensions["civic"].hooks
    hooks.frame_topics = (*hooks.frame_topics, queries.URGENT)
