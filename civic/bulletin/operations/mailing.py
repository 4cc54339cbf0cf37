"""News to those who subscribed: a job writes one message per announcement and receiver, in slices, urgent ones first.

Whether a receiver has her message is read from the messages themselves (topic, address of the page), under a lock on the
announcement or posting: a job that was broken off, or runs twice, sends nothing twice.  Who subscribed after it was put out gets the
next one.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import joinedload, selectinload

from civic.bulletin.models import Announcement, AnnouncementState, Posting, PostingRun, PostingState, Subscription
from civic.bulletin.operations.subscriptions import SUBSCRIBER, opened
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.messages.models import Message
from civic.core.messages.receivers import Receiver
from civic.core.messages.sending import send
from civic.core.richtext import first_words
from civic.territory.models import Territory

TOPIC = "bulletin"
WINDOW = timedelta(days=3)  # older news is not sent any more, should the scheduler have stood still
SLICE = 20  # messages a transaction: each is sealed and rendered, about 4 ms
PAUSE = 0.005  # seconds between slices


def send_news() -> int:
    """The job: write what is due.  Returns how many messages were written."""
    done = 0
    for announcement_id in _due_announcements():
        done += _in_slices(lambda each=announcement_id: _announce(each))
    for posting_id in _due_postings():
        done += _in_slices(lambda each=posting_id: _tell_of_posting(each))
    return done


def _in_slices(write: Any) -> int:
    done = 0
    while count := write():
        done += count
        time.sleep(PAUSE)
    return done


def _due_announcements() -> list[int]:
    a, now = Announcement, clock.now()
    query = sa.select(a.id).where(
        a.state == AnnouncementState.published,
        a.from_at <= now,
        a.from_at > now - WINDOW,
        sa.or_(a.until_at.is_(None), a.until_at > now),
    )
    return list(db.session.scalars(query.order_by(a.is_urgent.desc(), a.from_at, a.id)))


def _due_postings() -> list[int]:
    since = clock.today() - WINDOW
    query = sa.select(PostingRun.posting_id).where(PostingRun.ended_at.is_(None), PostingRun.put_up_on >= since)
    return list(db.session.scalars(query.order_by(PostingRun.id)))


def _waiting(path: str, wants: Any, href: str, since: datetime) -> list[Subscription]:
    """The next subscribers of a place, or of places inside it, who were there when it came out and have no message yet."""
    s, m = Subscription, Message
    receiver = sa.case((s.receiver_kind == SUBSCRIBER, s.id), else_=s.receiver_id)
    has = sa.exists().where(m.receiver_kind == s.receiver_kind, m.receiver_id == receiver, m.topic == TOPIC, m.href == href)
    inside = sa.select(Territory.id).where(Territory.path.startswith(path, autoescape=True))
    query = (
        sa.select(s)
        .where(s.territory_id.in_(inside), s.ended_at.is_(None), s.confirmed_at.is_not(None), s.confirmed_at < since, wants, ~has)
        .order_by(s.id)
        .limit(SLICE)
    )
    return list(db.session.scalars(query))


def _announce(announcement_id: int) -> int:
    with atomic():
        query = sa.select(Announcement).where(Announcement.id == announcement_id).options(joinedload(Announcement.territory))
        row = db.session.scalars(query.with_for_update(key_share=True, of=Announcement).execution_options(populate_existing=True)).one()
        if row.state is not AnnouncementState.published:
            return 0
        href = f"/bulletin/announcements/{row.uid}"
        waiting = _waiting(row.territory.path, Subscription.wants_announcements, href, row.from_at)
        return _write(waiting, "bulletin/announcement", href, urgent=row.is_urgent, row=row)


def _tell_of_posting(posting_id: int) -> int:
    with atomic():
        query = sa.select(Posting).where(Posting.id == posting_id).options(joinedload(Posting.territory), selectinload(Posting.runs))
        row = db.session.scalars(query.with_for_update(key_share=True, of=Posting).execution_options(populate_existing=True)).one()
        if row.state is not PostingState.posted:
            return 0
        run, again = row.runs[-1], len(row.runs)
        href = f"/bulletin/postings/{row.number}" + (f"#run-{again}" if again > 1 else "")
        since = clock.day_bounds(run.put_up_on)[1]
        waiting = _waiting(row.territory.path, Subscription.wants_postings, href, since)
        return _write(waiting, "bulletin/posting", href, urgent=False, row=row, run=run)


def _write(waiting: list[Subscription], template: str, href: str, *, urgent: bool, **values: Any) -> int:
    """One message each; somebody who subscribed to two places that both see it gets one."""
    base = current_app.extensions["civic"].settings.base_url
    written: set[tuple[str, int]] = set()
    for each in waiting:
        by_mail = each.receiver_kind == SUBSCRIBER
        receiver = Receiver(each.receiver_kind, each.id if by_mail else each.receiver_id or 0)
        if (receiver.kind, receiver.id) in written:
            continue
        written.add((receiver.kind, receiver.id))
        end = f"/bulletin/subscribe/{opened(each)['token']}" if by_mail else "/bulletin/subscribe"
        send(receiver, TOPIC, template, href=href, urgent=urgent, end=base + end, first_words=first_words, **values)
    return len(waiting)
