"""Tables of accounts: logins, their ways to sign in, sessions, tokens, grants, the sealed connection log."""

from __future__ import annotations

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from civic.core.appendonly import APPEND_ONLY
from civic.core.db import Model, intpk, moment, public_id, timestamp
from civic.core.viewer import Role
from civic.people.models import Person
from civic.territory.models import Organisation, Territory


class Account(Model):
    """A login.  `name` is what colleagues see (窗口 阿玲); it is not a person's record."""

    __tablename__ = "account"
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True)
    login: Mapped[str] = mapped_column(sa.String(40), unique=True, comment="lower case")
    name: Mapped[str] = mapped_column(sa.String(100))
    lang: Mapped[str] = mapped_column(sa.String(2), default="", comment="zh, en or empty: as the device says")
    created_at: Mapped[timestamp]
    closed_at: Mapped[datetime | None]
    person_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id"), index=True, comment="whose login it is; a colleague may have two"
    )
    must_change_password: Mapped[bool] = mapped_column(default=False, comment="the first password was set by somebody else")
    person: Mapped[Person | None] = relationship()
    identities: Mapped[list[Identity]] = relationship(back_populates="account")
    grants: Mapped[list[Grant]] = relationship(back_populates="account", foreign_keys="Grant.account_id", order_by="Grant.id")

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class IdentityKind(enum.StrEnum):
    """A way to prove who signs in."""

    password = "password"  # noqa: S105 - the kind, not a secret
    totp = "totp"
    recovery = "recovery"
    mail = "mail"
    phone = "phone"
    oidc = "oidc"


class Identity(Model):
    """password: Argon2id hash, `confirmed_at` empty while somebody else began it and the person has not shown that it is hers; totp: encrypted secret (RFC 6238); recovery: hash of one single-use code.

    mail, phone, oidc: the address or `issuer|subject`, encrypted with purpose "identity", and `hash` its keyed hash of `kind|value`.
    A phone or mail address may belong to several accounts (mother and daughter); then the page asks who.
    """

    __tablename__ = "identity"
    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id"), index=True)
    kind: Mapped[IdentityKind]
    secret: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[timestamp]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int | None] = mapped_column(comment="totp: the time step used last, so that a code works once")
    used_at: Mapped[datetime | None]
    hash: Mapped[str] = mapped_column(sa.String(80), default="", index=True, comment="of mail, phone and oidc, for the look-up at sign-in")
    account: Mapped[Account] = relationship(back_populates="identities")


class TicketKind(enum.StrEnum):
    """What a one-time secret is for."""

    register_mail = "register-mail"
    register_phone = "register-phone"
    sign_in_phone = "sign-in-phone"
    add_mail = "add-mail"
    add_phone = "add-phone"
    reset_mail = "reset-mail"
    reset_phone = "reset-phone"
    slip = "slip"


class Ticket(Model):
    """A link, six-digit code or printed slip that works once.

    hash: SHA-256 of a link's or slip's token (128 bits), or keyed hash of `uid|code`, purpose "ticket".  sealed: encrypted JSON of what
    it carries (address, account), purpose "ticket".  address_hash: keyed hash of the address, so that sending is limited by address.
    """

    __tablename__ = "account_ticket"
    id: Mapped[intpk]
    uid: Mapped[public_id] = mapped_column(unique=True, comment="names the ticket in the form that asks for its code")
    kind: Mapped[TicketKind]
    hash: Mapped[str] = mapped_column(sa.String(80), index=True)
    sealed: Mapped[str] = mapped_column(sa.Text, default="")
    address_hash: Mapped[str] = mapped_column(sa.String(80), default="", index=True)
    account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True, comment="slip: whose account it opens")
    made_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id"), comment="slip: the clerk")
    created_at: Mapped[timestamp]
    expires_at: Mapped[moment]
    used_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(sa.SmallInteger, default=0)


class UserSession(Model):
    """A signed-in browser.  The cookie holds a random token, the row its hash; ending the row signs out."""

    __tablename__ = "user_session"
    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    device: Mapped[str] = mapped_column(sa.String(80), default="", comment="browser and system in words")
    created_at: Mapped[timestamp]
    last_seen_at: Mapped[moment] = mapped_column(comment="written at most every 10 minutes")
    expires_at: Mapped[moment]
    two_step_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ApiToken(Model):
    """A bearer token of the API, kept as its hash."""

    __tablename__ = "api_token"
    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id"), index=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    label: Mapped[str] = mapped_column(sa.String(60), default="")
    created_at: Mapped[timestamp]
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[moment]
    two_step_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Grant(Model):
    """Role x territory x organisation, from-to: what an account may do, where, and for whom it speaks."""

    __tablename__ = "account_grant"
    __table_args__ = (sa.CheckConstraint("to_on IS NULL OR from_on <= to_on", name="order"),)
    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id"), index=True)
    role: Mapped[Role]
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"), index=True)
    from_on: Mapped[date]
    to_on: Mapped[date | None] = mapped_column(comment="last day")
    given_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id"))
    created_at: Mapped[timestamp]
    ended_at: Mapped[datetime | None]
    account: Mapped[Account] = relationship(back_populates="grants", foreign_keys=[account_id])
    territory: Mapped[Territory] = relationship()
    organisation: Mapped[Organisation | None] = relationship()

    def is_valid(self, on: date) -> bool:
        """Does it count on this day?"""
        return self.ended_at is None and self.from_on <= on and (self.to_on is None or on <= self.to_on)

    def is_over(self, on: date) -> bool:
        """Ended by somebody, or its last day has passed; one that begins later is not over."""
        return self.ended_at is not None or (self.to_on is not None and self.to_on < on)


class ConnectionAct(enum.StrEnum):
    """What a connection record tells: a person came in, came back, left, asked for a token, or failed."""

    sign_in = "sign-in"
    failed_sign_in = "failed-sign-in"
    use = "use"
    sign_out = "sign-out"
    token = "token"  # noqa: S105 - the act, not a secret


class ConnectionRecord(Model):
    """One connection: moment, account, address and port in one ciphertext; only the day stands open, for the 180 days.

    网络安全法 asks for network logs of at least six months; opened only through ConnectionOpening.
    """

    __tablename__ = "connection_record"
    id: Mapped[intpk]
    on: Mapped[date] = mapped_column("on_day", index=True)
    sealed: Mapped[str] = mapped_column(sa.Text, comment="encrypted JSON: at, account, address, port, act")


class ConnectionOpening(Model):
    """A look into the connection log: asked for with a document number by one, released by another, then read by the first."""

    __tablename__ = "connection_opening"
    __table_args__ = (
        sa.CheckConstraint("from_on <= to_on", name="order"),
        sa.CheckConstraint("released_by_id IS NULL OR released_by_id <> asked_by_id", name="two_people"),
    )
    id: Mapped[intpk]
    document: Mapped[str] = mapped_column(sa.String(80), comment="number of the legal document")
    reason: Mapped[str] = mapped_column(sa.String(300))
    login: Mapped[str] = mapped_column(sa.String(40), default="", comment="only this login; empty = all")
    from_on: Mapped[date]
    to_on: Mapped[date]
    asked_by_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id"))
    asked_at: Mapped[timestamp]
    released_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id"))
    released_at: Mapped[datetime | None]
    readable_until: Mapped[datetime | None]

    def is_readable(self, now: datetime) -> bool:
        return self.readable_until is not None and now < self.readable_until


class ConnectionLook(Model):
    """Each time an opened log was really read: insert-only."""

    __tablename__ = "connection_look"
    __table_args__ = (APPEND_ONLY,)
    id: Mapped[intpk]
    opening_id: Mapped[int] = mapped_column(sa.ForeignKey("connection_opening.id"), index=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id"))
    at: Mapped[timestamp]
    count: Mapped[int] = mapped_column(comment="records shown")
