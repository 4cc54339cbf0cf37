"""Verification, member cards, consent, sealed care status, corrections asked for, and every look at a person."""

from __future__ import annotations

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from civic.core.appendonly import APPEND_ONLY
from civic.core.db import Model, intpk, public_id, timestamp
from civic.people.models.persons import Person
from civic.territory.models import Territory


class VerificationEnd(enum.StrEnum):
    """Why somebody is no longer verified in a community."""

    moved = "moved"
    merged = "merged"
    died = "died"
    withdrawn = "withdrawn"


class Verification(Model):
    """A clerk saw the document and knows household and home: from now on she speaks and votes as a resident of this community."""

    __tablename__ = "person_verification"
    __table_args__ = (
        sa.Index(
            "uq_person_verification_open",
            "person_id",
            "place_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
    id: Mapped[intpk]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    place_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), index=True)
    document_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person_document.id"), comment="the original that was seen")
    home_id: Mapped[int | None] = mapped_column(sa.ForeignKey("home.id"), comment="where she lived then")
    at: Mapped[timestamp]
    account_id: Mapped[int | None]
    ended_at: Mapped[datetime | None]
    end: Mapped[VerificationEnd | None] = mapped_column("end_reason")
    place: Mapped[Territory] = relationship()


class MemberCard(Model):
    """A printed card; a new one ends the old.  sealed: the token of its QR, purpose "card"; code_hash: keyed hash of `id|code` (four digits)."""

    __tablename__ = "member_card"
    __table_args__ = (
        sa.Index(
            "uq_member_card_open",
            "person_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
    id: Mapped[intpk]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    sealed: Mapped[str] = mapped_column(sa.Text)
    code_hash: Mapped[str] = mapped_column(sa.String(80), default="", comment="empty: no code chosen yet, the card does not count alone")
    issued_at: Mapped[timestamp]
    issued_by_id: Mapped[int | None]
    ended_at: Mapped[datetime | None]


class PrivacyNotice(Model):
    """What people agree to, a version with both languages from a day on; a version never changes."""

    __tablename__ = "privacy_notice"
    __table_args__ = (APPEND_ONLY,)
    id: Mapped[intpk]
    version: Mapped[int] = mapped_column(unique=True)
    text_zh: Mapped[str] = mapped_column(sa.Text)
    text_en: Mapped[str] = mapped_column(sa.Text)
    from_on: Mapped[date]
    created_at: Mapped[timestamp]


class Consent(Model):
    """Who agreed to which version, when, and for whom: a guardian for a child under 14 (PIPL art. 31).  Insert-only."""

    __tablename__ = "consent"
    __table_args__ = (APPEND_ONLY,)
    id: Mapped[intpk]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    version: Mapped[int]
    given_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), comment="herself, or the guardian")
    channel: Mapped[str] = mapped_column(sa.String(16))
    at: Mapped[timestamp]


class CareStatus(Model):
    """That a person is in care (low income, disability, alone): no column names her, not even by id.

    subject_hash: keyed hash of the person's id, purpose "care"; sealed: encrypted JSON {person, kind, from, to, note}.
    Read only by the grant and quota code, and by social workers with a reason.
    """

    __tablename__ = "care_status"
    id: Mapped[intpk]
    subject_hash: Mapped[str] = mapped_column(sa.String(80), index=True)
    sealed: Mapped[str] = mapped_column(sa.Text)


class CorrectionState(enum.StrEnum):
    """A wish to have something put right, and its answer."""

    asked = "asked"
    done = "done"
    refused = "refused"


class Correction(Model):
    """A person asks to have what is stored about her put right.  wish, answer: encrypted, purpose "correction"."""

    __tablename__ = "person_correction"
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    asked_by_id: Mapped[int | None] = mapped_column(comment="account: her own, or the clerk's beside her")
    topic: Mapped[str] = mapped_column(sa.String(20), comment="name, birth, document, contact, home, household, other")
    wish: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[CorrectionState] = mapped_column(default=CorrectionState.asked, index=True)
    asked_at: Mapped[timestamp]
    due_on: Mapped[date] = mapped_column(comment="fifteen working days")
    answer: Mapped[str] = mapped_column(sa.Text, default="")
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None]
    person: Mapped[Person] = relationship()


class LookKind(enum.StrEnum):
    """What somebody saw of another person."""

    found = "found"
    page = "page"
    phone = "phone"
    mail = "mail"
    document = "document"
    birth = "birth"
    address = "address"
    history = "history"
    care = "care"
    exported = "exported"
    refused = "refused"


class Look(Model):
    """Each look at a person's data, with its reason; insert-only; she reads it on her own page.  note_id: the reason in words."""

    __tablename__ = "person_look"
    __table_args__ = (APPEND_ONLY,)
    id: Mapped[intpk]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    account_id: Mapped[int]
    kind: Mapped[LookKind]
    purpose: Mapped[str] = mapped_column(sa.String(20), default="", comment="a word of the list: visit, call, case, check, care, other")
    note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sealed_note.id"))
    at: Mapped[timestamp]
    request_id: Mapped[str] = mapped_column(sa.String(32), default="")
