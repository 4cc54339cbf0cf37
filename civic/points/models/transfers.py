"""The ledger: one row, one debit, one credit, one positive amount; holds as headers over such rows; earnings.

Rows are never changed or deleted.  What a row does to the counters of its two vintages is done by a trigger (civic/points/triggers.py),
so no row moves nothing and no counter moves without a row.
"""

from __future__ import annotations

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from civic.core.appendonly import APPEND_ONLY
from civic.core.db import Model, intpk, moment, public_id, timestamp
from civic.points import triggers

LARGEST = 1_000_000_000_00  # hundredths: a milliard of points in one row; more is a typing error


class TransferKind(enum.StrEnum):
    """single moves; hold sets aside; post, void and expire end a hold's row; reversal moves back what a single or post moved."""

    single = "single"
    hold = "hold"
    post = "post"
    void = "void"
    expire = "expire"
    reversal = "reversal"


class Reason(enum.StrEnum):
    """Why a row exists; the statement makes its words from this and `detail`."""

    earned = "earned"
    overflow = "overflow"  # above the cap, of a closed wallet, or given at once: to the care pool
    recovered = "recovered"  # pays what was due
    corrected = "corrected"  # hours turned out fewer
    spent = "spent"
    returned = "returned"
    lapsed = "lapsed"  # a hold's time was over
    donated = "donated"
    granted = "granted"
    reversed = "reversed"
    expired = "expired"  # a vintage's time was over
    moved = "moved"  # merge, death, household, closing
    opening = "opening"
    exchange = "exchange"  # paid for a neighbour's help; she is paid by issuance


class Earning(Model):
    """A source's total after one of its revisions: approved hours, a confirmed exchange.  One revision counts once, for ever (L12).

    minutes: the total really given.  counted: what points come from, after rounding and the day's maximum.  amount: the total in
    hundredths; rows of the ledger book the difference to the revision before.
    """

    __tablename__ = "points_earning"
    __table_args__ = (
        sa.UniqueConstraint("source", "revision"),
        sa.CheckConstraint("minutes >= 0 AND counted >= 0 AND amount >= 0 AND revision >= 1", name="not_negative"),
        sa.Index("ix_points_earning_day", "person_id", "on"),
        APPEND_ONLY,
    )
    id: Mapped[intpk]
    programme_id: Mapped[int] = mapped_column(sa.ForeignKey("points_programme.id"))
    source: Mapped[str] = mapped_column(sa.String(80), comment="kind:id of what was done, as `hours:17`; no foreign key upwards")
    revision: Mapped[int]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    on: Mapped[date] = mapped_column(comment="local day of the service")
    service_type: Mapped[str] = mapped_column(sa.String(24))
    hour_class: Mapped[str] = mapped_column(sa.String(16))
    minutes: Mapped[int]
    counted: Mapped[int]
    rate: Mapped[int] = mapped_column(comment="hundredths of a point an hour")
    amount: Mapped[int] = mapped_column(comment="hundredths")
    offset: Mapped[int] = mapped_column(default=0, comment="hundredths of a decrease that an approved reversal had taken already")
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("points_policy.id"))
    is_donated: Mapped[bool] = mapped_column(comment="given to the care pool at once")
    at: Mapped[timestamp]


class HoldState(enum.StrEnum):
    """open → posted | voided | expired, once."""

    open = "open"
    posted = "posted"
    voided = "voided"
    expired = "expired"


class Hold(Model):
    """Points set aside for an order or an exchange: a header, with one row of the ledger per vintage.  Others store the header's id."""

    __tablename__ = "points_hold"
    __table_args__ = (
        sa.UniqueConstraint("source", "sequence"),
        sa.CheckConstraint("amount > 0 AND posted >= 0 AND posted <= amount", name="amount"),
        sa.CheckConstraint("(state = 'posted') = (posted > 0)", name="posted"),
        sa.Index("ix_points_hold_wallet", "wallet_id", "state"),
        sa.Index("ix_points_hold_due", "state", "expires_at"),
    )
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    programme_id: Mapped[int] = mapped_column(sa.ForeignKey("points_programme.id"))
    wallet_id: Mapped[int] = mapped_column(sa.ForeignKey("points_wallet.id"))
    source: Mapped[str] = mapped_column(sa.String(80), comment="kind:id of what it is for, as `order:17`")
    sequence: Mapped[int] = mapped_column(sa.SmallInteger, default=1, comment="2, 3, … of holds that renew the first")
    reason: Mapped[Reason]
    amount: Mapped[int] = mapped_column(comment="hundredths")
    posted: Mapped[int] = mapped_column(default=0, comment="hundredths that were spent in the end")
    state: Mapped[HoldState] = mapped_column(default=HoldState.open)
    expires_at: Mapped[moment]
    created_at: Mapped[timestamp]
    ended_at: Mapped[datetime | None]


class Transfer(Model):
    """A row of the ledger (see TransferKind).  detail: sorted JSON of numbers and codes by which the line explains itself."""

    __tablename__ = "points_transfer"
    __table_args__ = (
        sa.CheckConstraint(f"amount > 0 AND amount <= {LARGEST}", name="amount"),
        sa.CheckConstraint("debit_id <> credit_id", name="two_sides"),
        sa.CheckConstraint("account_id IS NOT NULL OR job <> ''", name="actor"),
        sa.CheckConstraint("reason <> 'earned' OR earning_id IS NOT NULL", name="earned"),
        sa.CheckConstraint("(kind IN ('hold', 'post', 'void', 'expire')) = (hold_id IS NOT NULL)", name="hold"),
        sa.CheckConstraint("(kind IN ('post', 'void', 'expire')) = (ends_id IS NOT NULL)", name="ends"),
        sa.CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="reverses"),
        sa.ForeignKeyConstraint(
            ["debit_id", "programme_id"], ["points_vintage.id", "points_vintage.programme_id"], name="fk_points_transfer_debit"
        ),
        sa.ForeignKeyConstraint(
            ["credit_id", "programme_id"], ["points_vintage.id", "points_vintage.programme_id"], name="fk_points_transfer_credit"
        ),
        sa.UniqueConstraint("ends_id"),
        sa.UniqueConstraint("reverses_id"),
        sa.Index("ix_points_transfer_debit", "debit_id", "id"),
        sa.Index("ix_points_transfer_credit", "credit_id", "id"),
        sa.Index("ix_points_transfer_hold", "hold_id"),
        sa.Index("ix_points_transfer_source", "source"),
        {"info": {"append_only": True, "triggers": triggers.NAMES}},
    )
    id: Mapped[intpk]
    programme_id: Mapped[int]
    kind: Mapped[TransferKind]
    reason: Mapped[Reason]
    debit_id: Mapped[int]
    credit_id: Mapped[int]
    amount: Mapped[int] = mapped_column(comment="hundredths; of void and expire what was released, of post what was spent")
    hold_id: Mapped[int | None] = mapped_column(sa.ForeignKey("points_hold.id"))
    ends_id: Mapped[int | None] = mapped_column(sa.ForeignKey("points_transfer.id"), comment="the hold's row that this one ends")
    reverses_id: Mapped[int | None] = mapped_column(sa.ForeignKey("points_transfer.id"))
    earning_id: Mapped[int | None] = mapped_column(sa.ForeignKey("points_earning.id"))
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("points_policy.id"))
    source: Mapped[str] = mapped_column(sa.String(80), comment="kind:id of the cause; the same for rows that belong together")
    detail: Mapped[str] = mapped_column(sa.Text, default="{}")
    account_id: Mapped[int | None] = mapped_column(comment="no foreign key, as in the audit")
    job: Mapped[str] = mapped_column(sa.String(40), default="")
    channel: Mapped[str] = mapped_column(sa.String(16))
    at: Mapped[timestamp]
