"""One posting with everything that its public page tells: runs, last day and why, answers, history, photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from civic.bulletin.models import BoardPhoto, Objection, Posting, PostingEvent, PostingRun, PostingState
from civic.core import clock
from civic.core.db import db


@dataclass(frozen=True)
class PostingView:
    """run: the last one, None for a draft.  state: as it is today, even before the job has written that the period is over."""

    row: Posting
    run: PostingRun | None
    state: PostingState
    objections: Sequence[Objection]
    events: Sequence[PostingEvent]
    photos: Sequence[BoardPhoto]

    @property
    def takes_objections(self) -> bool:
        return self.state is PostingState.posted

    @property
    def day_number(self) -> int:
        """How many days of the run have passed, today included; 0 on the day it was put up."""
        return (clock.today() - self.run.put_up_on).days if self.run else 0

    @property
    def open_count(self) -> int:
        return sum(o.answered_at is None for o in self.objections)


def state_today(row: Posting, run: PostingRun | None, on: date) -> PostingState:
    """The written state, and "ended" for a posting whose last day has passed since."""
    if row.state is PostingState.posted and run is not None and run.until_on < on:
        return PostingState.ended
    return row.state


def posting_by_number(number: str) -> Posting | None:
    """A posting that was put up at least once."""
    query = (
        sa.select(Posting)
        .where(Posting.number == number, Posting.state != PostingState.draft)
        .options(joinedload(Posting.territory), joinedload(Posting.organisation), selectinload(Posting.runs))
    )
    return db.session.scalars(query).one_or_none()


def posting_view(row: Posting) -> PostingView:
    run = row.runs[-1] if row.runs else None
    objections = db.session.scalars(sa.select(Objection).where(Objection.posting_id == row.id).order_by(Objection.number)).all()
    events = db.session.scalars(sa.select(PostingEvent).where(PostingEvent.posting_id == row.id).order_by(PostingEvent.id)).all()
    photos = db.session.scalars(sa.select(BoardPhoto).where(BoardPhoto.posting_id == row.id).order_by(BoardPhoto.id)).all()
    return PostingView(row, run, state_today(row, run, clock.today()), objections, events, photos)
