"""Messages, their deliveries (the outbox), and which channels somebody wants for which topic."""

from __future__ import annotations

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from civic.core.db import Model, intpk, moment, public_id, timestamp


class Message(Model):
    """One message to one receiver, its words made when it was written, in the receiver's language.

    receiver: kind (person, else account, subscriber; address: none of ours) and id, without foreign key; the module that registered
    the kind resolves the address at the moment of sending.  sealed: encrypted JSON {subject, body}, purpose "message".
    """

    __tablename__ = "message"
    __table_args__ = (sa.Index("ix_message_receiver", "receiver_kind", "receiver_id", "id"),)
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    receiver_kind: Mapped[str] = mapped_column(sa.String(20))
    receiver_id: Mapped[int]
    topic: Mapped[str] = mapped_column(sa.String(40))
    lang: Mapped[str] = mapped_column(sa.String(2))
    sealed: Mapped[str] = mapped_column(sa.Text)
    href: Mapped[str] = mapped_column(sa.String(300), default="", comment="path on this site")
    is_urgent: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[timestamp]
    read_at: Mapped[datetime | None]
    deliveries: Mapped[list[Delivery]] = relationship(back_populates="message", order_by="Delivery.id")


class MessageChannel(enum.StrEnum):
    """Ways out of the house; the inbox needs none."""

    mail = "mail"
    text = "text"
    robot = "robot"


class DeliveryState(enum.StrEnum):
    """queued → sending → sent | failed; dropped: the receiver is gone or wants it no longer.

    A delivery found in `sending` after a crash is sent once more with the same mail id, and counted in `repeats`.
    """

    queued = "queued"
    sending = "sending"
    sent = "sent"
    failed = "failed"
    dropped = "dropped"


class Delivery(Model):
    """One way out for one message.  address: encrypted, purpose "address", only where no receiver can resolve it."""

    __tablename__ = "message_delivery"
    __table_args__ = (sa.Index("ix_message_delivery_next", "state", "next_at"),)
    id: Mapped[intpk]
    message_id: Mapped[int] = mapped_column(sa.ForeignKey("message.id"), index=True)
    channel: Mapped[MessageChannel]
    address: Mapped[str] = mapped_column(sa.Text, default="")
    state: Mapped[DeliveryState] = mapped_column(default=DeliveryState.queued)
    mail_id: Mapped[public_id] = mapped_column(unique=True, comment="Message-ID of the mail, id of the text message at the gateway")
    tries: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    repeats: Mapped[int] = mapped_column(sa.SmallInteger, default=0, comment="sent again after a crash between sending and noting it")
    next_at: Mapped[moment]
    sending_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(sa.String(120), default="", comment="kind of error; never an address")
    message: Mapped[Message] = relationship(back_populates="deliveries")


class ChannelChoice(Model):
    """Which channels somebody chose for a topic; without a row the topic's own."""

    __tablename__ = "message_choice"
    __table_args__ = (sa.UniqueConstraint("receiver_kind", "receiver_id", "topic"),)
    id: Mapped[intpk]
    receiver_kind: Mapped[str] = mapped_column(sa.String(20))
    receiver_id: Mapped[int]
    topic: Mapped[str] = mapped_column(sa.String(40))
    channels: Mapped[str] = mapped_column(sa.String(60), default="", comment="mail, text joined by commas; the inbox always has it")
