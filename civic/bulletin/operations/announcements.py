"""Announcements: write, publish, correct, withdraw, and the recorded voices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from civic.bulletin import signals
from civic.bulletin.errors import (
    AnnouncementChanged,
    EndsBeforeItBegins,
    LanguageMissing,
    NotADraft,
    NotPublished,
    NoWords,
    WithdrawnStays,
)
from civic.bulletin.models import Announcement, AnnouncementKind, AnnouncementState, Voice, VoiceLanguage
from civic.bulletin.queries.topics import ANNOUNCEMENTS, TOPIC, URGENT
from civic.bulletin.wording import Side, states
from civic.core import audit, clock, files, search
from civic.core.atomic import Transaction, atomic
from civic.core.db import db
from civic.core.richtext import html_of
from civic.core.viewer import Actor
from civic.core.wording import TextState
from civic.territory.models import Territory

URGENT_HOURS = 24  # an urgent announcement without an end is shown so long
VOICE_FILE = "announcement_voice"


@dataclass(frozen=True)
class AnnouncementText:
    """What is written.  volunteer_*: a volunteer translated it; fits_*: it still says the same though only the other was changed."""

    title_zh: str
    title_en: str
    body_zh: str
    body_en: str
    kind: AnnouncementKind = AnnouncementKind.news
    is_urgent: bool = False
    from_at: datetime | None = None  # now
    until_at: datetime | None = None
    volunteer_zh: bool = False
    volunteer_en: bool = False
    fits_zh: bool = False
    fits_en: bool = False

    @classmethod
    def of(cls, row: Announcement) -> AnnouncementText:
        words = (row.title_zh, row.title_en, row.body_zh, row.body_en)
        by_volunteer = (row.state_zh is TextState.volunteer, row.state_en is TextState.volunteer)
        return cls(*words, row.kind, row.is_urgent, row.from_at, row.until_at, *by_volunteer)


def lock_announcement(announcement_id: int) -> Announcement:
    query = sa.select(Announcement).where(Announcement.id == announcement_id).with_for_update(key_share=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def write_announcement(actor: Actor, territory_id: int, organisation_id: int | None, text: AnnouncementText) -> Announcement:
    """Make a draft.  Raises NoWords, EndsBeforeItBegins."""
    with atomic() as tx:
        row = Announcement(territory_id=territory_id, organisation_id=organisation_id, account_id=actor.account_id or 0)
        row.state_zh = row.state_en = TextState.missing
        row.title_zh = row.title_en = row.body_zh = row.body_en = ""
        _fill(row, text)
        db.session.add(row)
        db.session.flush()
        audit.record(actor, "bulletin.announcement.write", "announcement", row.id)
        tx.result = row
    return row


def correct_announcement(actor: Actor, announcement_id: int, base: int, text: AnnouncementText) -> Announcement:
    """Change a draft, or correct what is published: readers then see when it was corrected.

    base: the lock version the writer saw.  Changing one language marks the other as older.  Raises AnnouncementChanged, WithdrawnStays,
    NoWords, EndsBeforeItBegins, and LanguageMissing when a published one would lose a language without being urgent.
    """
    with atomic() as tx:
        row = lock_announcement(announcement_id)
        if row.lock_version != base:
            raise AnnouncementChanged(current=row.lock_version)
        if row.state is AnnouncementState.withdrawn:
            raise WithdrawnStays
        _fill(row, text)
        row.lock_version += 1
        if row.state is AnnouncementState.published:
            check_languages(row)
            row.changed_at = clock.now()
            index_announcement(row)
            _show(tx)
        audit.record(actor, "bulletin.announcement.correct", "announcement", row.id, version=row.lock_version)
        tx.result = row
    return row


def _fill(row: Announcement, text: AnnouncementText) -> None:
    """Words, their states, their HTML, and the days."""
    if not text.title_zh and not text.title_en:
        raise NoWords(field="title_zh")
    known: datetime | None = row.from_at  # none before the first save
    from_at = text.from_at or known or clock.now()
    until_at = text.until_at
    if until_at is None and text.is_urgent:
        until_at = max(from_at, clock.now()) + timedelta(hours=URGENT_HOURS)
    if until_at is not None and until_at <= from_at:
        raise EndsBeforeItBegins(field="until_at")
    old = (Side(row.title_zh, row.body_zh, row.state_zh), Side(row.title_en, row.body_en, row.state_en))
    new = (
        Side(text.title_zh, text.body_zh, volunteer=text.volunteer_zh, fits=text.fits_zh),
        Side(text.title_en, text.body_en, volunteer=text.volunteer_en, fits=text.fits_en),
    )
    row.state_zh, row.state_en = states(old, new)
    row.title_zh, row.title_en, row.body_zh, row.body_en = text.title_zh, text.title_en, text.body_zh, text.body_en
    row.html_zh, row.html_en = html_of(text.body_zh), html_of(text.body_en)
    row.kind, row.is_urgent, row.from_at, row.until_at = text.kind, text.is_urgent, from_at, until_at


def check_languages(row: Announcement) -> None:
    """Both languages, unless it is urgent.  Raises LanguageMissing at the title or body that is empty."""
    if row.is_urgent:
        return
    for lang, state in (("zh", row.state_zh), ("en", row.state_en)):
        if state is TextState.missing:
            raise LanguageMissing(field=f"body_{lang}" if getattr(row, f"title_{lang}") else f"title_{lang}")


def publish_announcement(actor: Actor, announcement_id: int, base: int) -> Announcement:
    """Put it out, from its beginning on.  An urgent one may lack a language; it is then marked, and waits in the translators' queue.

    Raises AnnouncementChanged, NotADraft, LanguageMissing.  Sends `announcement_published`.
    """
    with atomic() as tx:
        row = lock_announcement(announcement_id)
        if row.lock_version != base:
            raise AnnouncementChanged(current=row.lock_version)
        if row.state is not AnnouncementState.draft:
            raise NotADraft
        check_languages(row)
        now = clock.now()
        row.state, row.published_at = AnnouncementState.published, now
        row.from_at = max(row.from_at, now)
        if row.until_at is not None and row.until_at <= row.from_at:
            raise EndsBeforeItBegins(field="until_at")
        row.lock_version += 1
        index_announcement(row)
        audit.record(actor, "bulletin.announcement.publish", "announcement", row.id, is_urgent=row.is_urgent)
        signals.announcement_published.send(row, actor=actor)
        _show(tx)
        tx.result = row
    return row


def withdraw_announcement(actor: Actor, announcement_id: int) -> Announcement:
    """Take it from the board; its address then says that it was withdrawn.  Raises NotPublished."""
    with atomic() as tx:
        row = lock_announcement(announcement_id)
        if row.state is not AnnouncementState.published:
            raise NotPublished
        row.state, row.withdrawn_at = AnnouncementState.withdrawn, clock.now()
        row.lock_version += 1
        search.drop(ANNOUNCEMENTS, row.uid)
        audit.record(actor, "bulletin.announcement.withdraw", "announcement", row.id)
        _show(tx)
        tx.result = row
    return row


def _show(tx: Transaction) -> None:
    tx.touch(TOPIC, URGENT)


def add_voice(actor: Actor, announcement_id: int, speech: VoiceLanguage, sha: str) -> Voice:
    """Add a recorded voice, or replace the one in this language.  sha: of a sound this account handed in.  Raises files.FileGone."""
    with atomic() as tx:
        row = lock_announcement(announcement_id)
        if row.state is AnnouncementState.withdrawn:
            raise WithdrawnStays
        voice = db.session.scalars(sa.select(Voice).where(Voice.announcement_id == row.id, Voice.speech == speech)).one_or_none()
        if voice is None:
            voice = Voice(announcement_id=row.id, speech=speech, sha256=sha)
            db.session.add(voice)
        else:
            files.release(VOICE_FILE, voice.id)
            voice.sha256 = sha
        db.session.flush()
        files.adopt(sha, actor.account_id, VOICE_FILE, voice.id)
        audit.record(actor, "bulletin.voice.add", "announcement", row.id, voice=voice.id)
        tx.touch(TOPIC)
        tx.result = voice
    return voice


def drop_voice(actor: Actor, voice_id: int) -> int:
    """Take a recorded voice away; returns the announcement's id."""
    with atomic() as tx:
        announcement_id: int = db.session.scalars(sa.select(Voice.announcement_id).where(Voice.id == voice_id)).one()
        lock_announcement(announcement_id)
        files.release(VOICE_FILE, voice_id)
        db.session.execute(sa.delete(Voice).where(Voice.id == voice_id))
        audit.record(actor, "bulletin.voice.drop", "announcement", announcement_id, voice=voice_id)
        tx.touch(TOPIC)
        tx.result = announcement_id
    return announcement_id


def index_announcement(row: Announcement) -> None:
    """Its search rows, in both languages; of a missing one the other stands in."""
    path = db.session.scalars(sa.select(Territory.path).where(Territory.id == row.territory_id)).one()
    for lang in ("zh", "en"):
        search.put(
            ANNOUNCEMENTS, row.uid, lang, title=row.title.in_language(lang), body=row.body.in_language(lang)[:20_000], territory=path
        )
