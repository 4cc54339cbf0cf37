"""Postings: draft, put up, take down, end, close, and the photo of the board."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from civic.bulletin import clock as rules
from civic.bulletin import signals
from civic.bulletin.errors import LanguageMissing, NotThisState, NoWords, OpenObjections, PostingChanged, RemovedEarly, StillPosted
from civic.bulletin.models import BoardPhoto, Objection, ObjectionState, Posting, PostingEvent, PostingRun, PostingState
from civic.bulletin.queries.topics import POSTINGS, TOPIC
from civic.bulletin.wording import Side, states
from civic.core import audit, clock, decrees, files, numbers, search
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.richtext import html_of
from civic.core.viewer import Actor
from civic.core.wording import TextState
from civic.core.workdays import Unit
from civic.territory.models import Territory

KIND = "G"  # 公示
PHOTO_FILE = "board_photo"
CLOCK = Actor(None, job="posting-clock")


@dataclass(frozen=True)
class PostingText:
    """What is written.  days: at least 1, counted from the day after it is put up.  masking: how people are named on it, in words."""

    title_zh: str
    title_en: str
    body_zh: str
    body_en: str
    days: int
    unit: Unit
    basis: str = ""
    masking: str = ""
    volunteer_zh: bool = False
    volunteer_en: bool = False
    fits_zh: bool = False
    fits_en: bool = False

    @classmethod
    def of(cls, row: Posting) -> PostingText:
        by_volunteer = (row.state_zh is TextState.volunteer, row.state_en is TextState.volunteer)
        return cls(row.title_zh, row.title_en, row.body_zh, row.body_en, row.days, row.unit, row.basis, row.masking, *by_volunteer)


def lock_posting(posting_id: int) -> Posting:
    query = sa.select(Posting).where(Posting.id == posting_id).with_for_update(key_share=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def open_run(posting_id: int) -> PostingRun | None:
    """The run that counts now."""
    query = sa.select(PostingRun).where(PostingRun.posting_id == posting_id, PostingRun.ended_at.is_(None))
    return db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def note_event(actor: Actor, posting_id: int, verb: str, note: str = "") -> None:
    """One line of the public history."""
    db.session.add(PostingEvent(posting_id=posting_id, verb=verb, account_id=actor.account_id, note=note))


def draft_posting(actor: Actor, territory_id: int, organisation_id: int | None, text: PostingText, *, source: str = "") -> Posting:
    """Make a draft; it gets its public number when it is put up.  source: what caused it, kind and id.  Raises NoWords."""
    with atomic() as tx:
        row = Posting(territory_id=territory_id, organisation_id=organisation_id, account_id=actor.account_id or 0, source=source)
        row.number = f"-{secrets.token_hex(9)}"  # no number yet: 19 characters that nobody could type
        row.state, row.state_zh, row.state_en = PostingState.draft, TextState.missing, TextState.missing
        row.title_zh = row.title_en = row.body_zh = row.body_en = ""
        _fill(row, text)
        db.session.add(row)
        db.session.flush()
        audit.record(actor, "bulletin.posting.draft", "posting", row.id, days=row.days)
        tx.result = row
    return row


def edit_posting(actor: Actor, posting_id: int, base: int, text: PostingText) -> Posting:
    """Change a draft, or one that was taken down and will be put up again.  What hangs is not changed: take it down first.

    Raises PostingChanged, NotThisState, NoWords.
    """
    with atomic() as tx:
        row = lock_posting(posting_id)
        if row.lock_version != base:
            raise PostingChanged(current=row.lock_version)
        if row.state not in {PostingState.draft, PostingState.removed}:
            raise NotThisState
        _fill(row, text)
        row.lock_version += 1
        if row.state is PostingState.removed:
            note_event(actor, row.id, "changed")
            index_posting(row)
            tx.touch(TOPIC)
        audit.record(actor, "bulletin.posting.edit", "posting", row.id, version=row.lock_version)
        tx.result = row
    return row


def _fill(row: Posting, text: PostingText) -> None:
    if not text.title_zh and not text.title_en:
        raise NoWords(field="title_zh")
    if not 1 <= text.days <= rules.LONGEST:
        raise ValueError(f"a posting hangs 1 to {rules.LONGEST} days, not {text.days}")
    old = (Side(row.title_zh, row.body_zh, row.state_zh), Side(row.title_en, row.body_en, row.state_en))
    new = (
        Side(text.title_zh, text.body_zh, volunteer=text.volunteer_zh, fits=text.fits_zh),
        Side(text.title_en, text.body_en, volunteer=text.volunteer_en, fits=text.fits_en),
    )
    row.state_zh, row.state_en = states(old, new)
    row.title_zh, row.title_en, row.body_zh, row.body_en = text.title_zh, text.title_en, text.body_zh, text.body_en
    row.html_zh, row.html_en = html_of(text.body_zh), html_of(text.body_en)
    row.days, row.unit, row.basis, row.masking = text.days, text.unit, text.basis, text.masking


def put_up(actor: Actor, posting_id: int, base: int) -> PostingRun:
    """Put a draft up, or one that came down early up again: a run in full begins, counted from tomorrow.

    Raises PostingChanged, NotThisState, LanguageMissing.  Sends `posting_put_up`.
    """
    with atomic() as tx:
        lock_numbers()
        row = lock_posting(posting_id)
        if row.lock_version != base:
            raise PostingChanged(current=row.lock_version)
        if row.state not in {PostingState.draft, PostingState.removed}:
            raise NotThisState
        for lang, state in (("zh", row.state_zh), ("en", row.state_en)):
            if state is TextState.missing:
                raise LanguageMissing(field=f"body_{lang}" if getattr(row, f"title_{lang}") else f"title_{lang}")
        today = clock.today()
        again = row.state is PostingState.removed
        if not again:
            row.number = numbers.next_number(Posting.number, KIND, today)
        counted = rules.run_from(decrees.calendar(), today, row.days, row.unit)
        run = PostingRun(
            posting_id=row.id,
            put_up_on=today,
            until_on=counted.end_on,
            is_provisional=counted.provisional,
            account_id=actor.account_id or 0,
        )
        db.session.add(run)
        row.state = PostingState.posted
        row.lock_version += 1
        db.session.flush()
        note_event(actor, row.id, "again" if again else "put_up")
        index_posting(row)
        audit.record(actor, "bulletin.posting.put_up", "posting", row.id, run=run.id, until_on=run.until_on.isoformat())
        signals.posting_put_up.send(row, actor=actor, run=run)
        tx.touch(TOPIC)
        tx.result = run
    return run


def lock_numbers() -> None:
    """Numbers of a day are given one after the other: under a lock on the first territory, before any posting is locked."""
    first = sa.select(Territory.id).where(Territory.parent_id.is_(None)).order_by(Territory.id).limit(1)
    db.session.execute(first.with_for_update(key_share=True))


def take_down(actor: Actor, posting_id: int, why: str) -> Posting:
    """Take a posting down before its last day is over: the run is broken, and put up again it hangs all its days anew.

    why: public.  Raises RemovedEarly without a reason (a clear answer first), NotThisState.  Sends `posting_removed`.
    """
    with atomic() as tx:
        row = lock_posting(posting_id)
        run = open_run(row.id)
        today = clock.today()
        if row.state is not PostingState.posted or run is None or not rules.is_early(run.until_on, today):
            raise NotThisState
        if not why:
            raise RemovedEarly(until=run.until_on, today=today, days=row.days, field="why")
        run.ended_at, run.removed_on, run.removed_why = clock.now(), today, why
        row.state = PostingState.removed
        row.lock_version += 1
        note_event(actor, row.id, "removed", why)
        audit.record(actor, "bulletin.posting.take_down", "posting", row.id, run=run.id, until_on=run.until_on.isoformat())
        signals.posting_removed.send(row, actor=actor)
        tx.touch(TOPIC)
        tx.result = row
    return row


def settle(actor: Actor, row: Posting, on: date) -> None:
    """Write that the period is over, where its last day has passed; the caller holds the posting's lock."""
    run = open_run(row.id)
    if row.state is PostingState.posted and run is not None and run.until_on < on:
        run.ended_at = clock.now()
        row.state = PostingState.ended
        row.lock_version += 1
        note_event(actor, row.id, "ended")
        audit.record(actor, "bulletin.posting.end", "posting", row.id, run=run.id)
        signals.posting_ended.send(row, actor=actor)


def end_due_postings() -> int:
    """The job: end the postings whose last day is over, each in a transaction of its own.  Returns how many."""
    today = clock.today()
    due = sa.select(PostingRun.posting_id).where(PostingRun.ended_at.is_(None), PostingRun.until_on < today)
    ids = list(db.session.scalars(due.order_by(PostingRun.posting_id)))
    for posting_id in ids:
        with atomic() as tx:
            settle(CLOCK, lock_posting(posting_id), today)
            tx.touch(TOPIC)
    return len(ids)


def close_posting(actor: Actor, posting_id: int, base: int, outcome_zh: str, outcome_en: str) -> Posting:
    """Close a posting with its outcome in both languages.

    Raises PostingChanged, NotThisState, StillPosted before the last day is over, OpenObjections, LanguageMissing.  Sends `posting_closed`.
    """
    with atomic() as tx:
        row = lock_posting(posting_id)
        if row.lock_version != base:
            raise PostingChanged(current=row.lock_version)
        run = open_run(row.id)
        if row.state is PostingState.posted and run is not None and run.until_on >= clock.today():
            raise StillPosted(until=run.until_on)
        settle(actor, row, clock.today())
        if row.state is not PostingState.ended:
            raise NotThisState
        waiting = sa.select(sa.func.count()).where(Objection.posting_id == row.id, Objection.state == ObjectionState.open)
        if count := db.session.scalar(waiting):
            raise OpenObjections(count=count)
        if not outcome_zh or not outcome_en:
            raise LanguageMissing(field="outcome_en" if outcome_zh else "outcome_zh")
        row.outcome_zh, row.outcome_en = outcome_zh, outcome_en
        row.state, row.closed_at = PostingState.closed, clock.now()
        row.lock_version += 1
        note_event(actor, row.id, "closed")
        audit.record(actor, "bulletin.posting.close", "posting", row.id)
        signals.posting_closed.send(row, actor=actor)
        tx.touch(TOPIC)
        tx.result = row
    return row


def add_photo(actor: Actor, posting_id: int, sha: str, taken_on: date) -> BoardPhoto:
    """Keep a photo of the real board as proof.  sha: of a picture this account handed in.  Raises NotThisState, files.FileGone."""
    with atomic() as tx:
        row = lock_posting(posting_id)
        if row.state is PostingState.draft:
            raise NotThisState
        photo = BoardPhoto(posting_id=row.id, sha256=sha, taken_on=taken_on, account_id=actor.account_id or 0)
        db.session.add(photo)
        db.session.flush()
        files.adopt(sha, actor.account_id, PHOTO_FILE, photo.id)
        note_event(actor, row.id, "photo")
        audit.record(actor, "bulletin.posting.photo", "posting", row.id, photo=photo.id)
        tx.touch(TOPIC)
        tx.result = photo
    return photo


def post(actor: Actor, source: str, territory_id: int, text: PostingText, *, organisation_id: int | None = None) -> Posting:
    """For other modules: draft and put up in one go.  source: kind and id of what asks for it (`roll:17`); the same source gives the same posting.

    Raises LanguageMissing, NoWords.
    """
    with atomic() as tx:
        lock_numbers()
        row = db.session.scalars(sa.select(Posting).where(Posting.source == source, Posting.source != "").order_by(Posting.id)).first()
        if row is None:
            row = draft_posting(actor, territory_id, organisation_id, text, source=source)
            put_up(actor, row.id, row.lock_version)
        tx.result = row
    return row


def index_posting(row: Posting) -> None:
    path = db.session.scalars(sa.select(Territory.path).where(Territory.id == row.territory_id)).one()
    for lang in ("zh", "en"):
        words = [row.number]
        search.put(
            POSTINGS,
            row.number,
            lang,
            title=row.title.in_language(lang),
            phrases=words,
            body=row.body.in_language(lang)[:20_000],
            territory=path,
        )
