"""Households, what ties people to homes, and who may speak for whom.  All dated: `ended_on` is the first day it no longer holds."""

from __future__ import annotations

import enum
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from civic.core.db import Model, intpk, public_id, timestamp
from civic.people.models.persons import Person
from civic.territory.models import Home, Territory

IN_ORDER = "ended_on IS NULL OR from_on <= ended_on"  # equal: begun and ended on one day, so a mistake can be put right at once


class HouseholdKind(enum.StrEnum):
    """A family or a person alone; a collective household (dormitory, home for the aged)."""

    family = "family"
    collective = "collective"


class Household(Model):
    """People who count as one: quotas, wallets, care.  Every person is in exactly one, alone if need be."""

    __tablename__ = "household"
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(
        sa.String(12), unique=True, comment="eight digits and a check digit, as on the household's papers here"
    )
    kind: Mapped[HouseholdKind] = mapped_column(default=HouseholdKind.family)
    place_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), index=True, comment="community or village that keeps this row")
    created_at: Mapped[timestamp]
    ended_on: Mapped[date | None] = mapped_column(comment="its last member left, died or was merged")
    lock_version: Mapped[int] = mapped_column(default=1)
    place: Mapped[Territory] = relationship()
    members: Mapped[list[Membership]] = relationship(back_populates="household", order_by="Membership.id")


class HouseholdRelation(enum.StrEnum):
    """What somebody is to the head of the household."""

    head = "head"
    spouse = "spouse"
    child = "child"
    parent = "parent"
    grandparent = "grandparent"
    grandchild = "grandchild"
    sibling = "sibling"
    other = "other"


class Membership(Model):
    """A person in a household, from-ended; at most one open row a person."""

    __tablename__ = "household_member"
    __table_args__ = (
        sa.CheckConstraint(IN_ORDER, name="order"),
        sa.Index(
            "uq_household_member_open",
            "person_id",
            unique=True,
            sqlite_where=sa.text("ended_on IS NULL"),
            postgresql_where=sa.text("ended_on IS NULL"),
        ),
    )
    id: Mapped[intpk]
    household_id: Mapped[int] = mapped_column(sa.ForeignKey("household.id"), index=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    relation: Mapped[HouseholdRelation]
    from_on: Mapped[date]
    ended_on: Mapped[date | None]
    household: Mapped[Household] = relationship(back_populates="members")
    person: Mapped[Person] = relationship()


class HomeRelation(enum.StrEnum):
    """Registration is not residence: each right says which it reads (docs/modules/people.md)."""

    lives_in = "lives_in"
    registered_at = "registered_at"
    owns = "owns"
    rents = "rents"
    collective = "collective"


class PersonHome(Model):
    """A dated relation between a person and a home, or a place outside this district (`elsewhere`, encrypted, purpose "elsewhere").

    At most one open `lives_in` and one open `registered_at` a person.
    """

    __tablename__ = "person_home"
    __table_args__ = (
        sa.CheckConstraint(IN_ORDER, name="order"),
        sa.CheckConstraint("(home_id IS NULL) <> (elsewhere = '')", name="one_place"),
        sa.Index(
            "uq_person_home_open",
            "person_id",
            "relation",
            unique=True,
            sqlite_where=sa.text("ended_on IS NULL AND relation IN ('lives_in', 'registered_at')"),
            postgresql_where=sa.text("ended_on IS NULL AND relation IN ('lives_in', 'registered_at')"),
        ),
    )
    id: Mapped[intpk]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    relation: Mapped[HomeRelation]
    home_id: Mapped[int | None] = mapped_column(sa.ForeignKey("home.id"), index=True)
    elsewhere: Mapped[str] = mapped_column(sa.Text, default="")
    from_on: Mapped[date]
    ended_on: Mapped[date | None]
    created_at: Mapped[timestamp]
    person: Mapped[Person] = relationship()
    home: Mapped[Home | None] = relationship()


class RepresentationKind(enum.StrEnum):
    """Why somebody may speak for another: parent of a minor, guardian by court or committee, proxy by her own word."""

    parent = "parent"
    guardian = "guardian"
    proxy = "proxy"


class Representation(Model):
    """`representative` may speak for `represented`.  evidence: encrypted words about the paper shown, purpose "evidence"."""

    __tablename__ = "representation"
    __table_args__ = (
        sa.CheckConstraint(IN_ORDER, name="order"),
        sa.CheckConstraint("represented_id <> representative_id", name="two_people"),
        sa.Index(
            "uq_representation_open",
            "represented_id",
            "representative_id",
            "kind",
            unique=True,
            sqlite_where=sa.text("ended_on IS NULL"),
            postgresql_where=sa.text("ended_on IS NULL"),
        ),
    )
    id: Mapped[intpk]
    represented_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    representative_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    kind: Mapped[RepresentationKind]
    from_on: Mapped[date]
    ended_on: Mapped[date | None]
    until_on: Mapped[date | None] = mapped_column(comment="last day agreed beforehand; empty = open")
    evidence: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[timestamp]
    created_by_id: Mapped[int | None] = mapped_column(comment="account; no foreign key upwards")
    represented: Mapped[Person] = relationship(foreign_keys=[represented_id])
    representative: Mapped[Person] = relationship(foreign_keys=[representative_id])
