"""What needs a second person before it moves points, and what a person should look at."""

from __future__ import annotations

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from civic.core.db import Model, intpk, public_id, timestamp


class ProposalKind(enum.StrEnum):
    """grant: points to a wallet, from the pool or newly issued.  reversal: of a row.  opening: what was brought along."""

    grant = "grant"
    reversal = "reversal"
    opening = "opening"


class ProposalState(enum.StrEnum):
    """waiting → done | refused | withdrawn."""

    waiting = "waiting"
    done = "done"
    refused = "refused"
    withdrawn = "withdrawn"


class Proposal(Model):
    """A grant, a reversal or an opening that one person asked for and another person decides (L19)."""

    __tablename__ = "points_proposal"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("state <> 'done' OR checker_id IS NOT NULL", name="checked"),
        sa.CheckConstraint("checker_id IS NULL OR state = 'withdrawn' OR checker_id <> maker_id", name="two_people"),
        sa.CheckConstraint("(kind = 'reversal') = (transfer_id IS NOT NULL)", name="transfer"),
        sa.Index("ix_points_proposal_state", "state", "territory_id"),
    )
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    programme_id: Mapped[int] = mapped_column(sa.ForeignKey("points_programme.id"))
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), comment="community whose people decide, or those above it")
    kind: Mapped[ProposalKind]
    state: Mapped[ProposalState] = mapped_column(default=ProposalState.waiting)
    wallet_id: Mapped[int] = mapped_column(sa.ForeignKey("points_wallet.id"), index=True)
    transfer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("points_transfer.id"))
    from_pool: Mapped[bool] = mapped_column(default=True, comment="of a grant: from the care pool; else newly issued")
    amount: Mapped[int] = mapped_column(comment="hundredths")
    note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sealed_note.id"), comment="the reason, in words that may be personal")
    maker_id: Mapped[int] = mapped_column(comment="account")
    checker_id: Mapped[int | None] = mapped_column(comment="account of another person")
    created_at: Mapped[timestamp]
    decided_at: Mapped[datetime | None]


class HintKind(enum.StrEnum):
    """Why a person should look: far more than usual in a week; people who only ever pay each other."""

    sudden = "sudden"
    ring = "ring"


class HintState(enum.StrEnum):
    """open → looked_at."""

    open = "open"
    looked_at = "looked_at"


class Hint(Model):
    """Something to look at, with the numbers that explain it; nobody is ever punished by a hint."""

    __tablename__ = "points_hint"
    __table_args__ = (sa.UniqueConstraint("kind", "subject"), sa.Index("ix_points_hint_state", "state", "territory_id"))
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"))
    kind: Mapped[HintKind]
    subject: Mapped[str] = mapped_column(sa.String(120), comment="what it is about and when: `wallet:17:2026-W47`, `ring:3-9-12:2026-11`")
    detail: Mapped[str] = mapped_column(sa.Text, comment="sorted JSON: wallet ids and numbers")
    state: Mapped[HintState] = mapped_column(default=HintState.open)
    created_at: Mapped[timestamp]
    looked_at: Mapped[datetime | None]
    looked_by_id: Mapped[int | None]
    note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sealed_note.id"))
