"""A person, the keys by which she is found, her contacts and her identity documents.

Whatever names a human stands in one ciphertext a row (JSON) beside keyed hashes for matching; in clear stand only ids, the year of
birth that tells homonyms apart, and days that rules read (a death).  One ciphertext a row also keeps the rotation of keys short.
"""

from __future__ import annotations

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from civic.core.db import Model, intpk, public_id, timestamp
from civic.territory.models import Territory


class PersonSource(enum.StrEnum):
    """How the row came about: at the desk, by registering, from a list, by a seed."""

    desk = "desk"
    self = "self"
    list = "list"
    seed = "seed"


class Person(Model):
    """A human as far as this district needs her; rows are never re-pointed, `merged_into_id` names the survivor.

    sealed: encrypted JSON of `records.Record` (name, second name, birth day, sex, nationality), purpose "person".
    """

    __tablename__ = "person"
    __table_args__ = (sa.CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name="not_into_itself"),)
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(
        sa.String(12), unique=True, comment="member number: eight digits and a check digit (ISO 7064 MOD 11,10)"
    )
    sealed: Mapped[str] = mapped_column(sa.Text, comment="encrypted JSON; empty when the row was emptied")
    birth_year: Mapped[int | None] = mapped_column(sa.SmallInteger)
    place_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), index=True, comment="community or village that keeps this row")
    lang: Mapped[str] = mapped_column(sa.String(2), default="", comment="zh, en or empty")
    source: Mapped[PersonSource]
    created_at: Mapped[timestamp]
    died_on: Mapped[date | None]
    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    restricted_at: Mapped[datetime | None] = mapped_column(comment="the account was closed; kept only for what still needs it")
    emptied_at: Mapped[datetime | None] = mapped_column(comment="name, phone, address and keys are gone; the row stays")
    lock_version: Mapped[int] = mapped_column(default=1)
    place: Mapped[Territory] = relationship()
    contacts: Mapped[list[Contact]] = relationship(back_populates="person", order_by="Contact.id")
    documents: Mapped[list[Document]] = relationship(back_populates="person", order_by="Document.id")

    @property
    def is_alive(self) -> bool:
        """Not deceased, not merged, not emptied: may still act and be acted for."""
        return self.died_on is None and self.merged_into_id is None and self.emptied_at is None


class NameKey(Model):
    """One keyed hash for each prefix of a name; beside the place, so that a look-up stays within the viewer's territory.

    A name of three signs has three rows; a long one at most 24 prefixes and the whole.  place_id repeats Person.place_id.
    """

    __tablename__ = "person_name_key"
    hash: Mapped[str] = mapped_column(sa.String(48), primary_key=True)
    place_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), primary_key=True, index=True)


class ContactKind(enum.StrEnum):
    """A way to reach a person."""

    phone = "phone"
    mail = "mail"


class Contact(Model):
    """A phone (E.164) or mail address; it may belong to several people, and then the page asks who.

    sealed: the address, purpose "contact"; hash: keyed hash of `kind|address`, purpose "contact".
    """

    __tablename__ = "person_contact"
    __table_args__ = (
        sa.Index(
            "uq_person_contact_open",
            "person_id",
            "hash",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
    id: Mapped[intpk]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    kind: Mapped[ContactKind]
    sealed: Mapped[str] = mapped_column(sa.Text)
    hash: Mapped[str] = mapped_column(sa.String(80), index=True)
    created_at: Mapped[timestamp]
    confirmed_at: Mapped[datetime | None] = mapped_column(comment="she read a code or link sent there")
    ended_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship(back_populates="contacts")


class DocumentKind(enum.StrEnum):
    """Kinds of identity documents; a person without any has no row."""

    resident_card = "resident_card"
    hmt_permit = "hmt_permit"  # residence permit for Hong Kong, Macao and Taiwan residents
    home_return_permit = "home_return_permit"
    passport = "passport"
    permanent_card = "permanent_card"  # foreign permanent resident card


class Document(Model):
    """An identity document; two open rows with one number cannot exist, whoever types at the same moment.

    sealed: encrypted JSON {number, name}, purpose "document"; hash: keyed hash of `kind|country|number`, purpose "document".
    """

    __tablename__ = "person_document"
    __table_args__ = (
        sa.Index(
            "uq_person_document_open",
            "hash",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
    id: Mapped[intpk]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    kind: Mapped[DocumentKind]
    country: Mapped[str] = mapped_column(sa.String(3), default="CHN", index=True, comment="ISO 3166-1 alpha-3 of the issuing country")
    sealed: Mapped[str] = mapped_column(sa.Text)
    hash: Mapped[str] = mapped_column(sa.String(80))
    valid_to: Mapped[date | None] = mapped_column(comment="last day; empty = for life")
    checked_at: Mapped[datetime | None] = mapped_column(comment="a clerk held the original")
    checked_by_id: Mapped[int | None] = mapped_column(comment="account; no foreign key upwards")
    created_at: Mapped[timestamp]
    ended_at: Mapped[datetime | None] = mapped_column(comment="replaced, lost or typed wrong")
    person: Mapped[Person] = relationship(back_populates="documents")
