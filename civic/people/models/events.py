"""What happened in people's lives as far as it was recorded here, and the merging of two rows for one human."""

from __future__ import annotations

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from civic.core.appendonly import APPEND_ONLY
from civic.core.db import Model, enum_type, intpk, public_id, timestamp
from civic.people.models.persons import Person


class LifeEventKind(enum.StrEnum):
    """Life events, and the acts of the desk that change what a row says."""

    created = "created"
    birth = "birth"
    death = "death"
    death_undone = "death_undone"
    move_in = "move_in"
    move = "move"
    move_out = "move_out"
    joined = "join"
    split_off = "split"
    guardianship = "guardianship"
    guardianship_end = "guardianship_end"
    verified = "verified"
    verification_end = "verification_end"
    corrected = "corrected"
    merged = "merged"
    unmerged = "unmerged"
    restricted = "restricted"
    emptied = "emptied"


class LifeEvent(Model):
    """One event, insert-only.  other_id: the second person of it (mother, guardian, survivor).  note_id: what was shown as proof."""

    __tablename__ = "life_event"
    __table_args__ = (APPEND_ONLY,)
    id: Mapped[intpk]
    kind: Mapped[LifeEventKind]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    other_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    household_id: Mapped[int | None] = mapped_column(sa.ForeignKey("household.id"), index=True)
    on: Mapped[date] = mapped_column("on_day", comment="when it happened; `at` is when it was recorded")
    at: Mapped[timestamp]
    account_id: Mapped[int | None] = mapped_column(comment="no foreign key, as in the audit")
    note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sealed_note.id"))


class MergeState(enum.StrEnum):
    """asked: waits for a second person; review: a module objects, the territory above decides; done; refused; undo_asked; undone."""

    asked = "asked"
    review = "review"
    done = "done"
    refused = "refused"
    undo_asked = "undo_asked"
    undone = "undone"


class Merge(Model):
    """Two rows for one human: both stay, the loser names the survivor.  Merging and undoing each take two people.

    reason: encrypted, purpose "evidence".  objections: JSON list of modules and sentences at the time it was asked (ids and words of
    rules, no personal values).
    """

    __tablename__ = "person_merge"
    __table_args__ = (
        sa.CheckConstraint("loser_id <> survivor_id", name="two_rows"),
        sa.CheckConstraint("decided_by_id IS NULL OR decided_by_id <> asked_by_id", name="two_people"),
        sa.CheckConstraint("undone_by_id IS NULL OR undone_by_id <> undo_asked_by_id", name="two_people_to_undo"),
        sa.Index(
            "uq_person_merge_open",
            "loser_id",
            unique=True,
            sqlite_where=sa.text("state IN ('asked', 'review', 'done', 'undo_asked')"),
            postgresql_where=sa.text("state IN ('asked', 'review', 'done', 'undo_asked')"),
        ),
    )
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    loser_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    survivor_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    state: Mapped[MergeState] = mapped_column(enum_type(MergeState), default=MergeState.asked, index=True)
    reason: Mapped[str] = mapped_column(sa.Text)
    objections: Mapped[str] = mapped_column(sa.Text, default="[]")
    asked_by_id: Mapped[int] = mapped_column(comment="account")
    asked_at: Mapped[timestamp]
    decided_by_id: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    undo_asked_by_id: Mapped[int | None]
    undo_asked_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None]
    undone_at: Mapped[datetime | None]
    lock_version: Mapped[int] = mapped_column(default=1)
    loser: Mapped[Person] = relationship(foreign_keys=[loser_id])
    survivor: Mapped[Person] = relationship(foreign_keys=[survivor_id])
