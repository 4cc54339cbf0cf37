"""Listings (offers and needs), exchanges between two people with their history, ratings, disputes."""

from __future__ import annotations

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from civic.core.appendonly import APPEND_ONLY
from civic.core.db import Model, intpk, public_id, timestamp
from civic.territory.models import Station, Territory


class ListingKind(enum.StrEnum):
    """What somebody can do for others, or what she needs."""

    offer = "offer"
    need = "need"


class ListingState(enum.StrEnum):
    """open ⇄ paused → ended | stopped (by a social worker).  "Over" follows from its last day."""

    open = "open"
    paused = "paused"
    ended = "ended"
    stopped = "stopped"


class Category(enum.StrEnum):
    """Kinds of neighbourly help; also the service type by which the policy's rate is found."""

    company = "company"  # company, a walk, reading aloud
    errands = "errands"
    escort = "escort"  # to the clinic, to an office
    home = "home"  # cleaning, small repairs
    phone = "phone"  # phones and computers
    lessons = "lessons"
    care = "care"  # children for an hour, pets, plants
    crafts = "crafts"  # sewing, haircut, instruments
    translation = "translation"
    other = "other"


class Place(enum.StrEnum):
    """Where it takes place."""

    station = "station"
    helpers = "helpers"
    requesters = "requesters"
    online = "online"
    outside = "outside"


#: languages that people can say they talk in, as `Listing.speaks` has them; in words: labels.SPEAKS
SPEECH = ("cmn", "yue", "hak", "nan", "en", "fr", "ar", "ja", "ko", "sgn")


class Listing(Model):
    """An offer or a need of a person, in her own words and one language."""

    __tablename__ = "exchange_listing"
    __table_args__ = (
        sa.CheckConstraint("minutes > 0 AND minutes <= 480", name="minutes"),
        sa.CheckConstraint("title <> ''", name="title"),
        sa.Index("ix_exchange_listing_shown", "territory_id", "state", "until_on"),
    )
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    kind: Mapped[ListingKind]
    state: Mapped[ListingState] = mapped_column(default=ListingState.open)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), comment="community in which it is shown")
    category: Mapped[Category]
    title: Mapped[str] = mapped_column(sa.String(80))
    text: Mapped[str] = mapped_column(sa.Text, default="")
    lang: Mapped[str] = mapped_column(sa.String(2), comment="language of its words")
    speaks: Mapped[str] = mapped_column(sa.String(40), default="", comment="languages she can talk in: cmn yue en …")
    place: Mapped[Place]
    when_text: Mapped[str] = mapped_column(sa.String(120), default="", comment="when it suits, in her words")
    minutes: Mapped[int] = mapped_column(sa.SmallInteger, comment="how long it usually takes")
    until_on: Mapped[date] = mapped_column(comment="last day on which it is shown")
    channel: Mapped[str] = mapped_column(sa.String(16), comment="desk: written down for somebody without a phone")
    account_id: Mapped[int] = mapped_column(comment="who wrote it down; no foreign key, as in the audit")
    stopped_note_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("sealed_note.id"), comment="why a social worker stopped it: what its owner reads"
    )
    created_at: Mapped[timestamp]
    changed_at: Mapped[timestamp]
    lock_version: Mapped[int] = mapped_column(default=1)
    territory: Mapped[Territory] = relationship()


class ExchangeState(enum.StrEnum):
    """proposed → agreed (points held) → delivered → confirmed | disputed → settled; declined, cancelled, lapsed end it without points.

    confirmed: both said so, or the one who was silent for the policy's days.  settled: a social worker decided a dispute.
    """

    proposed = "proposed"
    agreed = "agreed"
    delivered = "delivered"
    confirmed = "confirmed"
    disputed = "disputed"
    settled = "settled"
    declined = "declined"
    cancelled = "cancelled"
    lapsed = "lapsed"


LIVE = (ExchangeState.proposed, ExchangeState.agreed, ExchangeState.delivered, ExchangeState.disputed)


class Exchange(Model):
    """One agreement between a requester and a helper over one listing.

    minutes: agreed, then delivered ones.  amount: hundredths that are held, fixed when agreed; what is posted follows the minutes.
    Terms: the category is that of the listing when it was proposed, the policy that of the day of the agreement; the requester pays and the
    helper earns by both, whatever becomes of the listing or the rules afterwards.
    The source of its hold and of its earning is `exchange:<id>`.
    """

    __tablename__ = "exchange"
    __table_args__ = (
        sa.CheckConstraint("requester_id <> helper_id", name="two_people"),
        sa.CheckConstraint("minutes > 0 AND minutes <= 480", name="minutes"),
        sa.CheckConstraint("delivered_minutes IS NULL OR (delivered_minutes > 0 AND delivered_minutes <= minutes)", name="delivered"),
        sa.CheckConstraint(
            "(hold_id IS NULL) = (state IN ('proposed', 'declined') OR (state = 'cancelled' AND agreed_at IS NULL) "
            "OR (state = 'lapsed' AND agreed_at IS NULL))",
            name="hold",
        ),
        sa.CheckConstraint("(hold_id IS NULL) = (policy_id IS NULL)", name="terms"),
        sa.Index("ix_exchange_due", "state", "due_at"),
        sa.Index(
            "uq_exchange_open_pair",
            "listing_id",
            "responder_id",
            unique=True,
            sqlite_where=sa.text("state IN ('proposed', 'agreed', 'delivered', 'disputed')"),
            postgresql_where=sa.text("state IN ('proposed', 'agreed', 'delivered', 'disputed')"),
        ),
    )
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    listing_id: Mapped[int] = mapped_column(sa.ForeignKey("exchange_listing.id"))
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), index=True, comment="the listing's community")
    requester_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    helper_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    responder_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), comment="which of the two answered the listing")
    state: Mapped[ExchangeState] = mapped_column(default=ExchangeState.proposed)
    category: Mapped[Category] = mapped_column(comment="kind of help that was proposed; the listing's may change")
    policy_id: Mapped[int | None] = mapped_column(sa.ForeignKey("points_policy.id"), comment="rules of the agreement")
    minutes: Mapped[int] = mapped_column(sa.SmallInteger)
    delivered_minutes: Mapped[int | None] = mapped_column(sa.SmallInteger)
    amount: Mapped[int | None] = mapped_column(comment="hundredths held; fixed when agreed")
    hold_id: Mapped[int | None] = mapped_column(sa.ForeignKey("points_hold.id"), unique=True, comment="the newest hold after renewals")
    meet_at: Mapped[datetime] = mapped_column(comment="when they meet")
    station_id: Mapped[int | None] = mapped_column(sa.ForeignKey("station.id"), comment="suggested for a first meeting of strangers")
    due_at: Mapped[datetime | None] = mapped_column(comment="when it lapses, or counts as confirmed, without anybody's word")
    created_at: Mapped[timestamp]
    agreed_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    requester_confirmed_at: Mapped[datetime | None]
    helper_confirmed_at: Mapped[datetime | None]
    lock_version: Mapped[int] = mapped_column(default=1)
    listing: Mapped[Listing] = relationship()
    station: Mapped[Station | None] = relationship()


class Verb(enum.StrEnum):
    """What can happen in an exchange; the values of ExchangeEvent.verb."""

    proposed = "proposed"
    retimed = "retimed"
    said = "said"
    agreed = "agreed"
    declined = "declined"
    cancelled = "cancelled"
    delivered = "delivered"
    confirmed = "confirmed"
    settled = "settled"  # both said so, or the days of the silent one were over: points moved
    rated = "rated"
    disputed = "disputed"
    answered = "answered"
    decided = "decided"
    stopped = "stopped"
    lapsed = "lapsed"
    ended = "ended"  # a death or a merge


class ExchangeEvent(Model):
    """What happened in an exchange, insert-only; words between the two are sealed."""

    __tablename__ = "exchange_event"
    __table_args__ = (APPEND_ONLY,)
    id: Mapped[intpk]
    exchange_id: Mapped[int] = mapped_column(sa.ForeignKey("exchange.id"), index=True)
    verb: Mapped[str] = mapped_column(sa.String(20), comment="see Verb")
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    account_id: Mapped[int | None]
    channel: Mapped[str] = mapped_column(sa.String(16))
    note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sealed_note.id"))
    minutes: Mapped[int | None] = mapped_column(sa.SmallInteger)
    at: Mapped[timestamp]


class Rating(Model):
    """What one of the two thinks of the other afterwards: 1 to 5 and, if she likes, a few words; once each."""

    __tablename__ = "exchange_rating"
    __table_args__ = (
        sa.UniqueConstraint("exchange_id", "by_person_id"),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
        sa.CheckConstraint("by_person_id <> about_person_id", name="two_people"),
    )
    id: Mapped[intpk]
    exchange_id: Mapped[int] = mapped_column(sa.ForeignKey("exchange.id"))
    by_person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    about_person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    stars: Mapped[int] = mapped_column(sa.SmallInteger)
    note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sealed_note.id"))
    at: Mapped[timestamp]


class Dispute(Model):
    """A disagreement over an exchange: one open at most, decided by a social worker who is neither of the two nor of their households.

    Evidence is kept by core/files under owner kind "exchange_dispute" and this id.  decided_minutes: 0 = nothing is paid.
    """

    __tablename__ = "exchange_dispute"
    __table_args__ = (
        sa.UniqueConstraint("exchange_id"),
        sa.CheckConstraint("(decided_at IS NULL) = (decided_minutes IS NULL)", name="decided"),
        sa.CheckConstraint("decided_minutes IS NULL OR decided_minutes BETWEEN 0 AND 480", name="minutes"),
    )
    id: Mapped[intpk]
    exchange_id: Mapped[int] = mapped_column(sa.ForeignKey("exchange.id"))
    by_person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sealed_note.id"), comment="what she says")
    answer_note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sealed_note.id"), comment="what the other says")
    opened_at: Mapped[timestamp]
    answer_by_on: Mapped[date] = mapped_column(comment="ten working days")
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(comment="account")
    decided_minutes: Mapped[int | None] = mapped_column(sa.SmallInteger)
    decision_note_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sealed_note.id"))
