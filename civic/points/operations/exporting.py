"""An export is an act: who took which file of which time stands in the audit."""

from __future__ import annotations

from datetime import date

from civic.core import audit
from civic.core.atomic import atomic
from civic.core.viewer import Actor


def note_export(actor: Actor, programme_id: int, what: str, since: date, until: date) -> None:
    """Written before the first line leaves."""
    with atomic():
        words = {"what": what, "since": since.isoformat(), "until": until.isoformat()}
        audit.record(actor, "points.exported", "points_programme", programme_id, **words)
