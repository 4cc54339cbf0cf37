"""Words for the bulletin's enums, in the reader's language."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.bulletin.models import AnnouncementKind, AnnouncementState, ObjectionState, PostingState, VoiceLanguage
from civic.core.wording import TextState
from civic.core.workdays import Unit

KIND: dict[AnnouncementKind, Any] = {
    AnnouncementKind.news: _p("announcement", "News"),
    AnnouncementKind.utility: _l("Water, power, roads"),
    AnnouncementKind.clinic: _p("announcement", "Clinic"),
    AnnouncementKind.event: _p("announcement", "Event"),
    AnnouncementKind.safety: _p("announcement", "Safety"),
}
STATE: dict[AnnouncementState, Any] = {
    AnnouncementState.draft: _p("announcement", "Draft"),
    AnnouncementState.published: _p("announcement", "Published"),
    AnnouncementState.withdrawn: _p("announcement", "Withdrawn"),
}
POSTING: dict[PostingState, Any] = {
    PostingState.draft: _p("posting", "Draft"),
    PostingState.posted: _p("posting", "Posted now"),
    PostingState.removed: _l("Taken down early"),
    PostingState.ended: _l("Period over, outcome follows"),
    PostingState.closed: _p("posting", "Closed"),
}
TEXT: dict[TextState, Any] = {
    TextState.official: _p("text", "Official"),
    TextState.volunteer: _l("Translated by a volunteer"),
    TextState.missing: _p("text", "Missing"),
    TextState.outdated: _l("Older than the other language"),
}
SPEECH: dict[VoiceLanguage, Any] = {
    VoiceLanguage.cantonese: _p("speech", "Cantonese"),
    VoiceLanguage.mandarin: _p("speech", "Mandarin"),
    VoiceLanguage.english: _p("speech", "English"),
}
OBJECTION: dict[ObjectionState, Any] = {
    ObjectionState.open: _l("Waits for an answer"),
    ObjectionState.answered: _p("objection", "Answered"),
}
UNIT: dict[Unit, Any] = {Unit.working_day: _p("unit", "working days"), Unit.calendar_day: _p("unit", "calendar days")}
#: verbs of the public history of a posting
EVENT: dict[str, Any] = {
    "put_up": _p("posting", "Put up"),
    "again": _p("posting", "Put up again"),
    "changed": _p("posting", "Corrected"),
    "removed": _l("Taken down before the last day"),
    "ended": _l("The period is over"),
    "objected": _l("An objection came in"),
    "answered": _l("An objection was answered"),
    "photo": _l("Photo of the board added"),
    "closed": _l("Closed with its outcome"),
}
