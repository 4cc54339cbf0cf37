"""Announcements, postings with the runs of their clock, objections and board photos, subscriptions."""

from __future__ import annotations

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, composite, mapped_column, relationship

from civic.core.appendonly import APPEND_ONLY
from civic.core.db import Bilingual, Model, enum_type, intpk, moment, public_id, timestamp
from civic.core.wording import TextState
from civic.core.workdays import Unit
from civic.territory.models import Organisation, Territory


class AnnouncementKind(enum.StrEnum):
    """What it is about, with its own icon; `utility` is water, power, gas, roads."""

    news = "news"
    utility = "utility"
    clinic = "clinic"
    event = "event"
    safety = "safety"


class AnnouncementState(enum.StrEnum):
    """draft → published → withdrawn; "over" follows from its days."""

    draft = "draft"
    published = "published"
    withdrawn = "withdrawn"


class Announcement(Model):
    """Ordinary news of a territory, from-to.  An urgent one goes out at once in one language and marks the other as missing.

    html_*: what `core.richtext` made of body_* when it was written.
    """

    __tablename__ = "announcement"
    __table_args__ = (
        sa.CheckConstraint("until_at IS NULL OR from_at < until_at", name="order"),
        sa.CheckConstraint("title_zh <> '' OR title_en <> ''", name="has_words"),
        sa.Index("ix_announcement_shown", "territory_id", "state", "from_at"),
    )
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"))
    organisation_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("organisation.id"), comment="for whom it speaks; empty = the community"
    )
    account_id: Mapped[int] = mapped_column(comment="who wrote it; no foreign key, as in the audit")
    kind: Mapped[AnnouncementKind] = mapped_column(default=AnnouncementKind.news)
    state: Mapped[AnnouncementState] = mapped_column(default=AnnouncementState.draft)
    is_urgent: Mapped[bool] = mapped_column(default=False)
    from_at: Mapped[moment]
    until_at: Mapped[datetime | None]
    title_zh: Mapped[str] = mapped_column(sa.String(120), default="")
    title_en: Mapped[str] = mapped_column(sa.String(160), default="")
    body_zh: Mapped[str] = mapped_column(sa.Text, default="")
    body_en: Mapped[str] = mapped_column(sa.Text, default="")
    html_zh: Mapped[str] = mapped_column(sa.Text, default="")
    html_en: Mapped[str] = mapped_column(sa.Text, default="")
    state_zh: Mapped[TextState] = mapped_column(enum_type(TextState, "text_state_zh"))
    state_en: Mapped[TextState] = mapped_column(enum_type(TextState, "text_state_en"))
    created_at: Mapped[timestamp]
    published_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    changed_at: Mapped[datetime | None] = mapped_column(comment="last change after it was published; shown as corrected")
    lock_version: Mapped[int] = mapped_column(default=1)
    title: Mapped[Bilingual] = composite("title_zh", "title_en")
    body: Mapped[Bilingual] = composite("body_zh", "body_en")
    html: Mapped[Bilingual] = composite("html_zh", "html_en")
    territory: Mapped[Territory] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    voices: Mapped[list[Voice]] = relationship(back_populates="announcement", order_by="Voice.id")


class VoiceLanguage(enum.StrEnum):
    """What a recorded voice speaks."""

    cantonese = "yue"
    mandarin = "cmn"
    english = "en"


class Voice(Model):
    """A recorded voice of an announcement; the file is kept by core/files under owner kind "announcement_voice" and this id."""

    __tablename__ = "announcement_voice"
    __table_args__ = (sa.UniqueConstraint("announcement_id", "speech"),)
    id: Mapped[intpk]
    announcement_id: Mapped[int] = mapped_column(sa.ForeignKey("announcement.id"))
    speech: Mapped[VoiceLanguage]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    seconds: Mapped[int | None] = mapped_column(sa.SmallInteger)
    created_at: Mapped[timestamp]
    announcement: Mapped[Announcement] = relationship(back_populates="voices")


class PostingState(enum.StrEnum):
    """draft → posted → (removed → posted …) → ended → closed with its outcome.  "ended" is written by a job or on touch."""

    draft = "draft"
    posted = "posted"
    removed = "removed"
    ended = "ended"
    closed = "closed"


class Posting(Model):
    """A public posting: at least `days` days, counted from the day after it was put up; taken down early, the clock starts again.

    masking: how people are named on it, in words (王*芳, last four digits).  source: what caused it, kind and id, or empty.
    """

    __tablename__ = "posting"
    __table_args__ = (sa.CheckConstraint("days >= 1", name="days"), sa.Index("ix_posting_shown", "territory_id", "state"))
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(sa.String(20), unique=True, comment="G20261123-00012-3: kind, day, counter, check digit")
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"))
    organisation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"))
    account_id: Mapped[int] = mapped_column(comment="who made it; no foreign key, as in the audit")
    source: Mapped[str] = mapped_column(sa.String(80), default="", index=True)
    state: Mapped[PostingState] = mapped_column(default=PostingState.draft)
    days: Mapped[int] = mapped_column(sa.SmallInteger)
    unit: Mapped[Unit]
    title_zh: Mapped[str] = mapped_column(sa.String(120))
    title_en: Mapped[str] = mapped_column(sa.String(160), default="")
    body_zh: Mapped[str] = mapped_column(sa.Text)
    body_en: Mapped[str] = mapped_column(sa.Text, default="")
    html_zh: Mapped[str] = mapped_column(sa.Text, default="")
    html_en: Mapped[str] = mapped_column(sa.Text, default="")
    state_zh: Mapped[TextState] = mapped_column(enum_type(TextState, "text_state_zh"))
    state_en: Mapped[TextState] = mapped_column(enum_type(TextState, "text_state_en"))
    basis: Mapped[str] = mapped_column(sa.String(300), default="", comment="rule that asks for it")
    masking: Mapped[str] = mapped_column(sa.String(200), default="")
    outcome_zh: Mapped[str] = mapped_column(sa.Text, default="")
    outcome_en: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[timestamp]
    closed_at: Mapped[datetime | None]
    lock_version: Mapped[int] = mapped_column(default=1)
    title: Mapped[Bilingual] = composite("title_zh", "title_en")
    body: Mapped[Bilingual] = composite("body_zh", "body_en")
    html: Mapped[Bilingual] = composite("html_zh", "html_en")
    outcome: Mapped[Bilingual] = composite("outcome_zh", "outcome_en")
    territory: Mapped[Territory] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    runs: Mapped[list[PostingRun]] = relationship(back_populates="posting", order_by="PostingRun.id")


class PostingRun(Model):
    """One run of the clock: put up, last day (computed when put up, with provisional mark), taken down early or not."""

    __tablename__ = "posting_run"
    __table_args__ = (
        sa.CheckConstraint("put_up_on < until_on", name="order"),
        sa.Index(
            "uq_posting_run_open",
            "posting_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
    id: Mapped[intpk]
    posting_id: Mapped[int] = mapped_column(sa.ForeignKey("posting.id"), index=True)
    put_up_on: Mapped[date]
    until_on: Mapped[date] = mapped_column(comment="last day on which objections count")
    is_provisional: Mapped[bool] = mapped_column(default=False, comment="counted into a year whose decree is not out")
    ended_at: Mapped[datetime | None]
    removed_on: Mapped[date | None] = mapped_column(comment="taken down before its last day was over; the clock starts again")
    removed_why: Mapped[str] = mapped_column(sa.String(300), default="")
    account_id: Mapped[int]
    posting: Mapped[Posting] = relationship(back_populates="runs")


class BoardPhoto(Model):
    """The photo of the real board as proof; kept by core/files under owner kind "board_photo" and this id."""

    __tablename__ = "board_photo"
    id: Mapped[intpk]
    posting_id: Mapped[int] = mapped_column(sa.ForeignKey("posting.id"), index=True)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    taken_on: Mapped[date]
    account_id: Mapped[int]
    created_at: Mapped[timestamp]


class ObjectionState(enum.StrEnum):
    """open → answered."""

    open = "open"
    answered = "answered"


class Objection(Model):
    """What somebody says against a posting, and the answer that is kept.  sealed: encrypted JSON {text, name, contact}, purpose "objection".

    Who objects is known to those who answer alone; the public page shows number, day and the answer.
    """

    __tablename__ = "posting_objection"
    __table_args__ = (sa.UniqueConstraint("posting_id", "number"),)
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    posting_id: Mapped[int] = mapped_column(sa.ForeignKey("posting.id"), index=True)
    number: Mapped[int] = mapped_column(sa.SmallInteger, comment="1, 2, … within the posting")
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    channel: Mapped[str] = mapped_column(sa.String(16))
    state: Mapped[ObjectionState] = mapped_column(default=ObjectionState.open)
    sealed: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[timestamp]
    answer_zh: Mapped[str] = mapped_column(sa.Text, default="")
    answer_en: Mapped[str] = mapped_column(sa.Text, default="")
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None]
    answer: Mapped[Bilingual] = composite("answer_zh", "answer_en")


class PostingEvent(Model):
    """What was done to a posting and when, insert-only and public: put up, taken down, put up again, answered, closed."""

    __tablename__ = "posting_event"
    __table_args__ = (APPEND_ONLY,)
    id: Mapped[intpk]
    posting_id: Mapped[int] = mapped_column(sa.ForeignKey("posting.id"), index=True)
    verb: Mapped[str] = mapped_column(sa.String(20), comment="put_up, removed, ended, objected, answered, photo, closed, changed")
    at: Mapped[timestamp]
    account_id: Mapped[int | None]
    note: Mapped[str] = mapped_column(sa.String(300), default="", comment="public words: the reason of a removal")


class Subscription(Model):
    """Somebody wants news of a place: a person or account by id, or a mail address confirmed by a link.

    sealed, hash: the mail address, encrypted and keyed, purpose "subscription"; token_hash: of the link that ends it.
    """

    __tablename__ = "bulletin_subscription"
    __table_args__ = (sa.Index("ix_bulletin_subscription_place", "territory_id", "ended_at"),)
    id: Mapped[intpk]
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"))
    receiver_kind: Mapped[str] = mapped_column(sa.String(20), comment="person, account or subscriber (this row itself)")
    receiver_id: Mapped[int | None] = mapped_column(comment="empty for a mail address")
    sealed: Mapped[str] = mapped_column(sa.Text, default="")
    hash: Mapped[str] = mapped_column(sa.String(80), default="", index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), default="", index=True)
    lang: Mapped[str] = mapped_column(sa.String(2), default="")
    wants_announcements: Mapped[bool] = mapped_column(default=True)
    wants_postings: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[timestamp]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
