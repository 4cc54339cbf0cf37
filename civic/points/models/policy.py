"""The rules of a programme as versioned data: posted before they count, never changed afterwards."""

from __future__ import annotations

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from civic.core.db import Model, intpk, timestamp


class PolicyState(enum.StrEnum):
    """draft → posted (a second person agreed, a posting hangs) → adopted (its posting is closed) | withdrawn.  In force from `from_on`."""

    draft = "draft"
    posted = "posted"
    adopted = "adopted"
    withdrawn = "withdrawn"


class Policy(Model):
    """One version of the rules.  Amounts in hundredths of a point, times in minutes; a trigger keeps an adopted one as it is."""

    __tablename__ = "points_policy"
    __table_args__ = (
        sa.UniqueConstraint("programme_id", "number"),
        sa.CheckConstraint("rounding > 0 AND daily > 0 AND cap > 0 AND exchange_days > 0 AND confirm_days > 0", name="positive"),
        sa.CheckConstraint("threshold >= 0 AND expiry_years >= 0", name="not_negative"),
        sa.CheckConstraint("state <> 'adopted' OR from_on IS NOT NULL", name="from"),
        sa.CheckConstraint("state <> 'adopted' OR checker_id IS NOT NULL", name="checked"),
        sa.CheckConstraint("checker_id IS NULL OR checker_id <> maker_id", name="two_people"),
        sa.Index("ix_points_policy_in_force", "programme_id", "state", "from_on"),
    )
    id: Mapped[intpk]
    programme_id: Mapped[int] = mapped_column(sa.ForeignKey("points_programme.id"))
    number: Mapped[str] = mapped_column(sa.String(12), comment="2026-3: the third of 2026")
    state: Mapped[PolicyState] = mapped_column(default=PolicyState.draft)
    from_on: Mapped[date | None] = mapped_column(comment="first local day on which it counts")
    rounding: Mapped[int] = mapped_column(sa.SmallInteger, default=30, comment="counted minutes are rounded down to this")
    daily: Mapped[int] = mapped_column(sa.SmallInteger, default=480, comment="most minutes a person's points count a day; never hours")
    threshold: Mapped[int] = mapped_column(default=0, comment="minutes that must have been earned before anything is spent")
    cap: Mapped[int] = mapped_column(default=1_500_00, comment="most that a wallet keeps; the rest goes to the care pool")
    expiry_years: Mapped[int] = mapped_column(sa.SmallInteger, default=0, comment="0: points do not expire; n: at the end of year + n")
    exchange_days: Mapped[int] = mapped_column(sa.SmallInteger, default=14, comment="days an exchange's hold lives after the agreed day")
    confirm_days: Mapped[int] = mapped_column(sa.SmallInteger, default=7, comment="days after delivery, then it counts as confirmed")
    group_donates: Mapped[bool] = mapped_column(default=True, comment="volunteers of an outside group give their points to the pool")
    note_zh: Mapped[str] = mapped_column(sa.Text, default="", comment="what changes and why, in the posting's words")
    note_en: Mapped[str] = mapped_column(sa.Text, default="")
    maker_id: Mapped[int] = mapped_column(comment="account")
    checker_id: Mapped[int | None] = mapped_column(comment="account of another person")
    posting_id: Mapped[int | None] = mapped_column(sa.ForeignKey("posting.id"))
    created_at: Mapped[timestamp]
    decided_at: Mapped[datetime | None]
    lock_version: Mapped[int] = mapped_column(default=1)
    rates: Mapped[list[Rate]] = relationship(
        back_populates="policy", order_by="Rate.service_type, Rate.hour_class", cascade="all, delete-orphan"
    )


class Rate(Model):
    """What an hour of a type and class is worth; type and class `*` stand for every other."""

    __tablename__ = "points_rate"
    __table_args__ = (sa.UniqueConstraint("policy_id", "service_type", "hour_class"), sa.CheckConstraint("rate >= 0", name="rate"))
    id: Mapped[intpk]
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("points_policy.id"))
    service_type: Mapped[str] = mapped_column(sa.String(24))
    hour_class: Mapped[str] = mapped_column(sa.String(16))
    rate: Mapped[int] = mapped_column(comment="hundredths of a point an hour")
    policy: Mapped[Policy] = relationship(back_populates="rates")
