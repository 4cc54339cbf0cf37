"""What one colleague began is given to another: drafts, and postings that are not closed."""

from __future__ import annotations

import sqlalchemy as sa

from civic.bulletin.models import Announcement, AnnouncementState, Posting, PostingState
from civic.core import audit
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor


def hand_over(actor: Actor, announcement_ids: list[int], posting_ids: list[int], account_id: int) -> None:
    """The rows then belong to the account; their texts and clocks stay as they are.  Rows finished meanwhile are left alone."""
    with atomic():
        drafts = sa.update(Announcement).where(Announcement.id.in_(announcement_ids), Announcement.state == AnnouncementState.draft)
        db.session.execute(drafts.values(account_id=account_id))
        running = sa.update(Posting).where(Posting.id.in_(posting_ids), Posting.state != PostingState.closed)
        db.session.execute(running.values(account_id=account_id))
        for kind, ids in (("announcement", announcement_ids), ("posting", posting_ids)):
            for row_id in ids:
                audit.record(actor, "bulletin.hand_over", kind, row_id, to_account=account_id)
