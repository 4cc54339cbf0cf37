"""Subscriptions to the news of a place: by one click when signed in, by mail with a link that confirms and one that ends it."""

from __future__ import annotations

import json
import re
import secrets
from datetime import timedelta

import sqlalchemy as sa

from civic.bulletin.errors import LinkOver, MailWrong
from civic.bulletin.models import Subscription
from civic.core import audit, clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.messages.models import MessageChannel
from civic.core.messages.sending import send_to_address
from civic.core.viewer import Actor
from civic.people.records import normal_mail
from civic.territory.models import Territory

SUBSCRIPTION = "subscription"
SUBSCRIBER = "subscriber"
MAIL = re.compile(r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,190}\.[^\s@<>,;.]{2,60}")
UNCONFIRMED = timedelta(days=7)  # then an address that nobody confirmed is forgotten
ENDED = timedelta(days=365)  # then an ended subscription is dropped


def subscribe(
    actor: Actor, territory_id: int, kind: str, receiver_id: int, *, announcements: bool = True, postings: bool = True
) -> Subscription:
    """Somebody signed in wants news of a place.  kind: person or account.  A second time it only changes what she wants."""
    with atomic() as tx:
        _lock_place(territory_id)
        row = own_subscription(territory_id, kind, receiver_id)
        if row is None:
            row = Subscription(territory_id=territory_id, receiver_kind=kind, receiver_id=receiver_id, confirmed_at=clock.now())
            db.session.add(row)
        row.wants_announcements, row.wants_postings = announcements, postings
        db.session.flush()
        audit.record(actor, "bulletin.subscribe", "bulletin_subscription", row.id, territory=territory_id)
        tx.result = row
    return row


def _lock_place(territory_id: int) -> None:
    db.session.execute(sa.select(Territory.id).where(Territory.id == territory_id).with_for_update(key_share=True))


def own_subscription(territory_id: int, kind: str, receiver_id: int) -> Subscription | None:
    """The running one of somebody signed in."""
    s = Subscription
    query = sa.select(s).where(s.territory_id == territory_id, s.receiver_kind == kind, s.receiver_id == receiver_id, s.ended_at.is_(None))
    return db.session.scalars(query.order_by(s.id)).first()


def end_own_subscription(actor: Actor, territory_id: int, kind: str, receiver_id: int) -> bool:
    """No more news of this place; True when there was a subscription."""
    with atomic() as tx:
        _lock_place(territory_id)
        row = own_subscription(territory_id, kind, receiver_id)
        if row is not None:
            row.ended_at = clock.now()
            audit.record(actor, "bulletin.unsubscribe", "bulletin_subscription", row.id, territory=territory_id)
        tx.result = row is not None
    return row is not None


def ask_by_mail(actor: Actor, territory_id: int, mail: str, lang: str, *, announcements: bool = True, postings: bool = True) -> None:
    """Send a link that confirms; the answer is the same whether the address is known or not.

    An address that is confirmed already gets the link again: it shows the subscription and ends it.  Raises MailWrong.  Tries are
    counted by the caller, before.
    """
    address = normal_mail(mail)
    if not MAIL.fullmatch(address):
        raise MailWrong(field="mail")
    with atomic():
        _lock_place(territory_id)
        hashes = crypto.keyed_hashes(address, SUBSCRIPTION)
        query = sa.select(Subscription).where(
            Subscription.territory_id == territory_id, Subscription.hash.in_(hashes), Subscription.ended_at.is_(None)
        )
        row = db.session.scalars(query.order_by(Subscription.id)).first()
        if row is None:
            token = secrets.token_urlsafe(16)
            row = Subscription(
                territory_id=territory_id,
                receiver_kind=SUBSCRIBER,
                sealed=crypto.encrypt(json.dumps({"mail": address, "token": token}), SUBSCRIPTION),
                hash=hashes[0],
                token_hash=crypto.token_hash(token),
                lang=lang,
                wants_announcements=announcements,
                wants_postings=postings,
            )
            db.session.add(row)
            db.session.flush()
            audit.record(actor, "bulletin.subscribe_by_mail", "bulletin_subscription", row.id, territory=territory_id)
        place = db.session.get_one(Territory, territory_id)
        href = f"/bulletin/subscribe/{opened(row)['token']}"
        send_to_address(MessageChannel.mail, address, "bulletin-confirm", "bulletin/confirm", lang=lang, href=href, place=place.name)


def opened(row: Subscription) -> dict[str, str]:
    """The address and the token of a subscription by mail."""
    found: dict[str, str] = json.loads(crypto.decrypt(row.sealed, SUBSCRIPTION))
    return found


def _lock_by_token(token: str) -> Subscription:
    query = sa.select(Subscription).where(Subscription.token_hash == crypto.token_hash(token), Subscription.ended_at.is_(None))
    row = db.session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise LinkOver
    return row


def confirm_subscription(actor: Actor, token: str) -> Subscription:
    """The link from the mail was pressed.  A second time changes nothing.  Raises LinkOver."""
    with atomic() as tx:
        row = _lock_by_token(token)
        if row.confirmed_at is None:
            row.confirmed_at = clock.now()
            audit.record(actor, "bulletin.subscription.confirm", "bulletin_subscription", row.id)
        tx.result = row
    return row


def end_subscription(actor: Actor, token: str) -> Subscription:
    """The link that ends it: the address is forgotten at once.  Raises LinkOver."""
    with atomic() as tx:
        row = _lock_by_token(token)
        row.ended_at, row.sealed, row.hash = clock.now(), "", ""
        audit.record(actor, "bulletin.subscription.end", "bulletin_subscription", row.id)
        tx.result = row
    return row


def drop_unconfirmed() -> int:
    """The job: forget addresses that nobody confirmed within seven days, and subscriptions ended a year ago.  Returns how many."""
    now = clock.now()
    unconfirmed = sa.and_(Subscription.confirmed_at.is_(None), Subscription.created_at < now - UNCONFIRMED)
    old = sa.or_(unconfirmed, Subscription.ended_at < now - ENDED)
    with atomic():
        return len(db.session.scalars(sa.delete(Subscription).where(old).returning(Subscription.id)).all())
