"""One-time secrets: links by mail, six-digit codes by text message, printed slips.  Each works once; codes bear five tries.

Who asks learns nothing about an address: known and unknown ones run the same statements, get a message each, and see the same page.
At most three messages an hour go to one address; what is asked for beyond that is answered in the same way and not sent.
"""

from __future__ import annotations

import hmac
import json
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from civic.accounts import queries
from civic.accounts.models import IdentityKind, Ticket, TicketKind
from civic.accounts.own_errors import LinkOver, WrongTicketCode
from civic.accounts.passwords import CLEAR
from civic.core import audit, clock, crypto, tries
from civic.core.atomic import atomic, own_connection
from civic.core.db import db, new_public_id
from civic.core.errors import TooManyTries
from civic.core.messages.models import MessageChannel
from civic.core.messages.sending import send_to_address
from civic.core.viewer import Actor

TOPIC = "account"  # links and codes
PURPOSE = "ticket"
VISITOR = Actor(None, job="visitor")
DAY, HALF_HOUR, TEN_MINUTES = timedelta(hours=24), timedelta(minutes=30), timedelta(minutes=10)
LASTS = {TicketKind.register_mail: DAY, TicketKind.add_mail: DAY, TicketKind.reset_mail: HALF_HOUR, TicketKind.slip: timedelta(days=14)}
TRIES = 5  # of one code
SLIP_SIGNS = 28
SENDS, SEND_WINDOW = 3, timedelta(hours=1)  # messages to one address
FORGET_AFTER = timedelta(days=30)
Proven = list[tuple[str, str]]


@dataclass(frozen=True)
class Opened:
    """A ticket that holds: what was proven with it ((kind of identity, value) pairs), for which account or person."""

    id: int
    kind: TicketKind
    proven: Proven
    account_id: int | None
    person_id: int | None


def may_send(kind: IdentityKind, address: str) -> bool:
    """Counts one message to an address.  False: three went there within the hour.  Never inside `atomic()`."""
    try:
        tries.count_try("account-message", crypto.keyed_hash(f"{kind}|{address}", PURPOSE), SENDS, SEND_WINDOW)
    except TooManyTries:
        return False
    return True


def _add(kind: TicketKind, hash_: str, proven: Proven, *, uid: str = "", lasts: timedelta | None = None, **more: Any) -> Ticket:
    address = "|".join(proven[0]) if proven else ""
    ticket = Ticket(
        uid=uid or new_public_id(),
        kind=kind,
        hash=hash_,
        sealed=crypto.encrypt(json.dumps({"proven": proven}), PURPOSE),
        address_hash=crypto.keyed_hash(address, PURPOSE) if address else "",
        expires_at=clock.now() + (lasts or LASTS.get(kind, TEN_MINUTES)),
        **more,
    )
    db.session.add(ticket)
    db.session.flush()
    return ticket


def send_link(
    actor: Actor, kind: TicketKind, mail: str, template: str, path: str, *, account_id: int | None = None, lang: str = ""
) -> None:
    """Mail a link.  path: `/account/…/%s`.  The template is told how many accounts the address has; only it tells them apart."""
    if not may_send(IdentityKind.mail, mail):
        return
    token = new_public_id()
    with atomic() as tx:
        known = queries.count_with(IdentityKind.mail, mail)
        ticket = _add(kind, crypto.token_hash(token), [(IdentityKind.mail.value, mail)], account_id=account_id)
        minutes = LASTS[kind] // timedelta(minutes=1)
        send_to_address(MessageChannel.mail, mail, TOPIC, template, lang=lang, href=path % token, known=known, minutes=minutes)
        audit.record(actor, "accounts.ticket.send", "account_ticket", ticket.id)
        tx.result = ticket


def send_code(actor: Actor, kind: TicketKind, phone: str, template: str, *, account_id: int | None = None, lang: str = "") -> str:
    """Send six digits as a text message; returns the ticket's uid, which names it in the form that asks for the code.

    Beyond three an hour nothing is sent and the uid names nothing: the page is the same.
    """
    uid, code = new_public_id(), f"{secrets.randbelow(1_000_000):06d}"
    if not may_send(IdentityKind.phone, phone):
        return uid
    with atomic() as tx:
        known = queries.count_with(IdentityKind.phone, phone)
        hashed = crypto.keyed_hash(f"{uid}|{code}", PURPOSE)
        ticket = _add(kind, hashed, [(IdentityKind.phone.value, phone)], uid=uid, account_id=account_id)
        send_to_address(MessageChannel.text, phone, TOPIC, template, lang=lang, known=known, code=code)
        audit.record(actor, "accounts.ticket.send", "account_ticket", ticket.id)
        tx.result = uid
    return uid


def check_code(uid: str, kind: TicketKind, code: str, *, account_id: int | None = None) -> Opened:
    """Count one try, then compare; does not use the ticket up.  Raises WrongTicketCode.  Never inside `atomic()`."""
    table = Ticket.__table__
    with own_connection() as connection:
        row = connection.execute(
            sa.update(table)
            .where(
                table.c.uid == uid,
                table.c.kind == kind,
                table.c.used_at.is_(None),
                table.c.expires_at > clock.now(),
                table.c.tries < TRIES,
            )
            .values(tries=table.c.tries + 1)
            .returning(table.c.id, table.c.hash, table.c.sealed, table.c.account_id, table.c.person_id)
        ).one_or_none()
    given = crypto.keyed_hashes(f"{uid}|{queries.digits(code)}", PURPOSE)
    if row is None or row.account_id != account_id or not any(hmac.compare_digest(row.hash, each) for each in given):
        raise WrongTicketCode(field="code")
    return Opened(row.id, kind, _proven(row.sealed), row.account_id, row.person_id)


def prove_code(uid: str, kind: TicketKind, code: str) -> str:
    """The right code gives a token that carries on what was proven, for half an hour.  Raises WrongTicketCode.

    Of two requests with one code the second finds it used.
    """
    opened = check_code(uid, kind, code)
    with atomic() as tx:
        if not _use(opened.id):
            raise WrongTicketCode(field="code")
        tx.result = token = carry_on(kind, opened.proven)
    return token


def carry_on(kind: TicketKind, proven: Proven, *, account_id: int | None = None, lasts: timedelta = HALF_HOUR) -> str:
    """A token for the next page of one journey; inside or outside a transaction."""
    token = new_public_id()
    with atomic() as tx:
        tx.result = _add(kind, crypto.token_hash(token), proven, lasts=lasts, account_id=account_id)
    return token


def open_link(token: str, *kinds: TicketKind) -> Opened:
    """What a link, slip or carried-on proof holds, without using it up.  Raises LinkOver."""
    query = sa.select(Ticket).where(
        Ticket.hash == crypto.token_hash(token), Ticket.kind.in_(kinds), Ticket.used_at.is_(None), Ticket.expires_at > clock.now()
    )
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise LinkOver
    return Opened(found.id, found.kind, _proven(found.sealed), found.account_id, found.person_id)


def use_ticket(opened: Opened) -> None:
    """Use it up inside the caller's transaction: of two requests one gets it.  Raises LinkOver."""
    if not _use(opened.id):
        raise LinkOver


def _use(ticket_id: int) -> bool:
    now = clock.now()
    used = sa.update(Ticket).where(Ticket.id == ticket_id, Ticket.used_at.is_(None), Ticket.expires_at > now)
    return db.session.execute(used.values(used_at=now).returning(Ticket.id)).scalar() is not None


def _proven(sealed: str) -> Proven:
    return [(kind, value) for kind, value in json.loads(crypto.decrypt(sealed, PURPOSE))["proven"]] if sealed else []


def print_slip(actor: Actor, person_id: int) -> str:
    """A slip for the person beside the clerk: opens an account, or sets a new password where there is one.

    14 days; older slips for her die.  Returns the token, which is printed and kept nowhere: 28 letters and digits that nobody mistakes
    for each other, 138 bits.
    """
    token = "".join(secrets.choice(CLEAR) for _ in range(SLIP_SIGNS))
    with atomic() as tx:
        older = sa.update(Ticket).where(Ticket.kind == TicketKind.slip, Ticket.person_id == person_id, Ticket.used_at.is_(None))
        db.session.execute(older.values(used_at=clock.now()))
        ticket = _add(TicketKind.slip, crypto.token_hash(token), [], person_id=person_id, made_by_id=actor.account_id)
        audit.record(actor, "accounts.slip.print", "person", person_id, ticket=ticket.id)
        tx.result = ticket
    return token


def typed_token(text: str) -> str:
    """A slip's token as people type it: small, without blanks and hyphens, half-width."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).lower() if sign.isalnum())


def forget_tickets() -> None:
    """Delete tickets that were over thirty days ago."""
    with atomic():
        db.session.execute(sa.delete(Ticket).where(Ticket.expires_at < clock.now() - FORGET_AFTER))
