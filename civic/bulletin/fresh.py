"""A part of a page that begins or ends tells the page how long it is true, after the view has declared it a reading page."""

from __future__ import annotations

from datetime import datetime

from flask import has_request_context, request

from civic.core.web.pagecache import Reading


def also_shows(*topics: str, until: datetime | None = None) -> None:
    """The page of this request also shows this content, and is true until then at the latest; nothing on pages that are not stored."""
    notes = request.environ.get("civic.cache") if has_request_context() else None
    if not notes:
        return
    seen: Reading = notes[0]
    moments = [m for m in (seen.fresh_until, until) if m is not None]
    notes[:] = [Reading(tuple(dict.fromkeys((*seen.topics, *topics))), seen.args, min(moments, default=None))]
