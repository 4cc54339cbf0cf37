"""A district's programme of points, its wallets, and the points of one year in a wallet."""

from __future__ import annotations

import enum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, composite, mapped_column, relationship

from civic.core.db import Bilingual, Model, intpk, public_id, timestamp
from civic.territory.models import Territory


class Programme(Model):
    """The points of one district: a point of one programme is never one of another."""

    __tablename__ = "points_programme"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(24), unique=True)
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), unique=True, comment="the district")
    name_zh: Mapped[str] = mapped_column(sa.String(60))
    name_en: Mapped[str] = mapped_column(sa.String(80))
    created_at: Mapped[timestamp]
    name: Mapped[Bilingual] = composite("name_zh", "name_en")
    territory: Mapped[Territory] = relationship()


class WalletKind(enum.StrEnum):
    """Whose points, or what the other side of a transfer is.

    Only member, household and care_pool keep counters.  The others are summed from their rows: a counter there would be one row that
    every transfer of the district waits for.
    """

    member = "member"
    household = "household"
    care_pool = "care_pool"  # donated points, what flows over a cap, what nobody inherits; care grants come from here
    issuance = "issuance"  # points begin here: its balance is minus all that was ever issued
    redemption = "redemption"  # spent points end here
    expiry = "expiry"
    correction = "correction"  # the other side when hours turn out fewer, and of recovered dues
    opening = "opening"  # what a community brought along


OWNED = (WalletKind.member, WalletKind.household)
COUNTED = (*OWNED, WalletKind.care_pool)


class WalletState(enum.StrEnum):
    """open ⇄ frozen → closed.  Frozen: no new debit by its owner, open holds may be voided, earning goes on.  Closed: earning overflows."""

    open = "open"
    frozen = "frozen"
    closed = "closed"


class Wallet(Model):
    """The wallet of a person, a household or the programme itself; its row is the lock under which its points move.

    due: points that a reversal or correction could not take because they were spent; later credits pay it first.
    vintage_count: how many vintages it has, so that a reader who waited for the lock sees that one was added.
    """

    __tablename__ = "points_wallet"
    __table_args__ = (
        sa.CheckConstraint("(kind = 'member') = (person_id IS NOT NULL)", name="person"),
        sa.CheckConstraint("(kind = 'household') = (household_id IS NOT NULL)", name="household"),
        sa.CheckConstraint("due >= 0", name="due"),
        sa.UniqueConstraint("programme_id", "person_id"),
        sa.UniqueConstraint("programme_id", "household_id"),
        sa.Index(
            "uq_points_wallet_system",
            "programme_id",
            "kind",
            unique=True,
            sqlite_where=sa.text("person_id IS NULL AND household_id IS NULL"),
            postgresql_where=sa.text("person_id IS NULL AND household_id IS NULL"),
        ),
    )
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    programme_id: Mapped[int] = mapped_column(sa.ForeignKey("points_programme.id"))
    kind: Mapped[WalletKind]
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    household_id: Mapped[int | None] = mapped_column(sa.ForeignKey("household.id"), index=True)
    state: Mapped[WalletState] = mapped_column(default=WalletState.open)
    state_why: Mapped[str] = mapped_column(sa.String(40), default="", comment="a word: suspicion, death, merge, ended, own_wish")
    heir_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("points_wallet.id"), comment="where its points went when it was closed; what a hold returns later goes there too"
    )
    due: Mapped[int] = mapped_column(default=0, comment="hundredths still to be recovered")
    vintage_count: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    created_at: Mapped[timestamp]
    vintages: Mapped[list[Vintage]] = relationship(back_populates="wallet", order_by="Vintage.year")


class Vintage(Model):
    """The points of one year in a wallet: what a transfer debits or credits.  A wallet of the programme itself has one, of year 0.

    Counters move by trigger alone, when a row of `points_transfer` is inserted; CHECKs refuse what would overdraw them.
    """

    __tablename__ = "points_vintage"
    __table_args__ = (
        sa.UniqueConstraint("wallet_id", "year"),
        sa.UniqueConstraint("id", "programme_id"),  # what a transfer's foreign keys name: both sides lie in its programme
        sa.Index("ix_points_vintage_system", "programme_id", sqlite_where=sa.text("year = 0"), postgresql_where=sa.text("year = 0")),
        sa.CheckConstraint("held >= 0", name="held"),
        sa.CheckConstraint("balance >= held", name="no_overdraft"),
        sa.CheckConstraint("is_counted OR (balance = 0 AND held = 0)", name="counted"),
    )
    id: Mapped[intpk]
    wallet_id: Mapped[int] = mapped_column(sa.ForeignKey("points_wallet.id"))
    programme_id: Mapped[int] = mapped_column(sa.ForeignKey("points_programme.id"), comment="as its wallet's")
    year: Mapped[int] = mapped_column(sa.SmallInteger, comment="local year in which the points were first credited; 0: of the programme")
    is_counted: Mapped[bool]
    balance: Mapped[int] = mapped_column(default=0, comment="hundredths, held ones included")
    held: Mapped[int] = mapped_column(default=0, comment="hundredths in open holds")
    noticed: Mapped[int] = mapped_column(sa.SmallInteger, default=0, comment="days before its expiry of the last notice sent: 30, then 7")
    wallet: Mapped[Wallet] = relationship(back_populates="vintages")
