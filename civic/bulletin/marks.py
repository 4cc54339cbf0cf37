"""Icons and colours of the enums of bulletin; colour never stands alone, the word beside it comes from labels.py."""

from __future__ import annotations

from civic.bulletin.models import AnnouncementKind, AnnouncementState, PostingState
from civic.core.wording import TextState

KIND_ICON: dict[AnnouncementKind, str] = {
    AnnouncementKind.news: "doc",
    AnnouncementKind.utility: "lamp",
    AnnouncementKind.clinic: "people",
    AnnouncementKind.event: "calendar",
    AnnouncementKind.safety: "warn",
}
STATE_TAG: dict[AnnouncementState, str] = {
    AnnouncementState.draft: "wait",
    AnnouncementState.published: "good",
    AnnouncementState.withdrawn: "off",
}
POSTING_TAG: dict[PostingState, str] = {
    PostingState.draft: "wait",
    PostingState.posted: "good",
    PostingState.removed: "bad",
    PostingState.ended: "warn",
    PostingState.closed: "off",
}
TEXT_TAG: dict[TextState, str] = {
    TextState.official: "good",
    TextState.volunteer: "good",
    TextState.missing: "bad",
    TextState.outdated: "warn",
}
