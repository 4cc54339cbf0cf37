"""What the bulletin tells others, inside the transaction."""

from __future__ import annotations

from blinker import signal

announcement_published = signal("bulletin.announcement_published")
"""An announcement is published. sender: Announcement; actor: Actor. Sent before the commit."""

posting_put_up = signal("bulletin.posting_put_up")
"""A posting hangs, for the first time or again. sender: Posting; actor: Actor; run: PostingRun. Sent before the commit."""

posting_removed = signal("bulletin.posting_removed")
"""A posting came down before its last day was over; its clock starts again. sender: Posting; actor: Actor. Sent before the commit."""

posting_ended = signal("bulletin.posting_ended")
"""The period of a posting is over. sender: Posting; actor: Actor. Sent before the commit."""

posting_closed = signal("bulletin.posting_closed")
"""A posting was closed with its outcome. sender: Posting; actor: Actor. Sent before the commit."""

objection_received = signal("bulletin.objection_received")
"""Somebody objected. sender: Objection; actor: Actor. Sent before the commit."""
