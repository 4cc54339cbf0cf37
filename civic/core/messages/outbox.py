"""The outbox: messages leave one by one, each delivery in transactions of its own, and only the scheduler sends.

queued → sending (committed before a byte leaves) → sent | failed | dropped.  Trouble brings it back to queued, after 1, 5, 30 minutes,
2 and 12 hours; the sixth time it has failed.  A delivery that is found in `sending` ten minutes later was broken off by a crash: nobody
knows whether it left, so it leaves once more under the same id (`mail_id`) and is counted in `repeats`; the second time it has failed.
While a server cannot be reached nothing is tried and nothing uses up its tries.  An empty setting keeps a channel's messages queued.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app

from civic.config import Settings
from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.jobs import LEASE
from civic.core.messages.choices import leave_address
from civic.core.messages.mailing import MailWay
from civic.core.messages.models import Delivery, DeliveryState, Message, MessageChannel
from civic.core.messages.receivers import Contact, Receiver, Topic, contacts_of
from civic.core.messages.sending import ADDRESS, PURPOSE, channels_for
from civic.core.messages.texting import TextWay
from civic.core.messages.ways import Later, Letter, Refused, Unreachable, Way
from civic.core.registry import the_registry

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720))
LOST_AFTER = timedelta(minutes=10)  # longer than any honest attempt: 20 s for each of a server's answers
AGAIN = timedelta(minutes=1)  # a way that rests is asked again by the next run
AT_ONCE = 20  # deliveries looked up together; codes and urgent ones that come meanwhile wait for no more than these
LONGEST = LEASE.total_seconds() * 0.8  # seconds of one run, so that the lease of the job outlives it

TABLE = Delivery.__table__


def deliver() -> int:
    """Send everything that is due; returns how many were sent.  The job `messages-deliver`."""
    began, sent = time.monotonic(), 0
    _pick_up_lost()
    with _ways() as ways:
        while ways and time.monotonic() - began < LONGEST:
            due = _due([*ways])
            if not due:
                break
            for delivery_id, channel in due:
                if channel in ways:
                    sent += _deliver_one(delivery_id, ways)
    return sent


@contextlib.contextmanager
def _ways() -> Iterator[dict[MessageChannel, Way]]:
    """The channels that this site has; one that does not answer is taken out for the rest of the run."""
    settings: Settings = current_app.extensions["civic"].settings
    made: list[Way] = []
    if settings.mail_url:
        made.append(MailWay(settings))
    if settings.sms_url:
        made.append(TextWay(settings))
    try:
        yield {way.channel: way for way in made}
    finally:
        for way in made:
            way.close()


def _pick_up_lost() -> None:
    """Deliveries that a crash left in `sending`."""
    lost = sa.and_(TABLE.c.state == DeliveryState.sending, TABLE.c.sending_at < clock.now() - LOST_AFTER)
    found = db.session.execute(sa.select(TABLE.c.id).where(lost).limit(1)).first()
    db.session.rollback()
    if found is None:
        return
    ended = {"state": DeliveryState.failed, "ended_at": clock.now(), "problem": "broken off twice"}
    with atomic():
        db.session.execute(sa.update(TABLE).where(lost, TABLE.c.repeats > 0).values(**ended))
        again = {"state": DeliveryState.queued, "next_at": clock.now(), "repeats": 1, "problem": "broken off"}
        db.session.execute(sa.update(TABLE).where(lost, TABLE.c.repeats == 0).values(**again))


def _due(channels: Sequence[MessageChannel]) -> list[tuple[int, MessageChannel]]:
    """The next few: what is urgent and what cannot wait (codes) before news that went to thousands."""
    first = [topic.name for topic in the_registry().all_of("message_topics") if topic.is_fixed]
    message = Message.__table__
    query = (
        sa.select(TABLE.c.id, TABLE.c.channel)
        .join(message, message.c.id == TABLE.c.message_id)
        .where(TABLE.c.state == DeliveryState.queued, TABLE.c.next_at <= clock.now(), TABLE.c.channel.in_(channels))
        .order_by(TABLE.c.next_at, TABLE.c.id)
        .limit(AT_ONCE)
    )
    hurried = query.where(sa.or_(message.c.is_urgent, message.c.topic.in_(first)))
    rows = db.session.execute(hurried).all() or db.session.execute(query).all()
    db.session.rollback()
    return [(row.id, row.channel) for row in rows]


def _deliver_one(delivery_id: int, ways: dict[MessageChannel, Way]) -> bool:
    """One delivery from queued to its end or back to queued.  Returns whether it was sent."""
    claimed = _claim(delivery_id)
    if claimed is None:  # another scheduler has it
        return False
    try:
        letter = _letter(claimed)
        if letter is None:
            _note(claimed, state=DeliveryState.dropped, ended_at=clock.now(), address="")
            return False
        ways[claimed.channel].send(letter)
    except Unreachable as trouble:
        ways.pop(claimed.channel)
        _note(claimed, state=DeliveryState.queued, next_at=clock.now() + AGAIN, tries=claimed.tries - 1, problem=str(trouble))
    except Refused as trouble:
        _note(claimed, state=DeliveryState.failed, ended_at=clock.now(), problem=str(trouble))
    except Later as trouble:
        _put_off(claimed, str(trouble))
    except Exception as error:  # a mistake of ours, a key that is missing: kept and tried again, and the rest goes on
        db.session.rollback()
        current_app.logger.error("delivery %s met %s", delivery_id, type(error).__name__)
        _put_off(claimed, type(error).__name__)
    else:
        _note(claimed, state=DeliveryState.sent, ended_at=clock.now(), problem="", address="")
        return True
    return False


def _claim(delivery_id: int) -> Any:
    """Queued → sending, committed; None when it is not due any more."""
    now = clock.now()
    with atomic() as tx:
        statement = sa.update(TABLE).where(TABLE.c.id == delivery_id, TABLE.c.state == DeliveryState.queued, TABLE.c.next_at <= now)
        statement = statement.values(state=DeliveryState.sending, sending_at=now, tries=TABLE.c.tries + 1)
        tx.result = db.session.execute(statement.returning(*TABLE.c)).one_or_none()
    return tx.result


def _note(claimed: Any, **values: Any) -> None:
    """What came of it, unless somebody else has taken it for lost meanwhile."""
    with atomic():
        mine = (TABLE.c.id == claimed.id, TABLE.c.state == DeliveryState.sending, TABLE.c.sending_at == claimed.sending_at)
        db.session.execute(sa.update(TABLE).where(*mine).values(**values))


def _put_off(claimed: Any, problem: str) -> None:
    if claimed.tries > len(BACK_OFF):
        _note(claimed, state=DeliveryState.failed, ended_at=clock.now(), problem=problem)
    else:
        _note(claimed, state=DeliveryState.queued, next_at=clock.now() + BACK_OFF[claimed.tries - 1], problem=problem)


def _letter(claimed: Any) -> Letter | None:
    """The letter as it goes out now; None when nobody is there any more, or she wants it no longer."""
    message = db.session.execute(sa.select(Message.__table__).where(Message.__table__.c.id == claimed.message_id)).one()
    try:
        to, leave = _address(claimed, message)
        if not to or not message.sealed:
            return None
        words = json.loads(crypto.decrypt(message.sealed, PURPOSE))
    finally:
        db.session.rollback()  # nothing is held while the other side takes its time
    return Letter(claimed.mail_id, to, message.lang, words["subject"], words["body"], words["short"], leave)


def _address(claimed: Any, message: Any) -> tuple[str, str]:
    """Where to, resolved at this moment, and the address of the page that ends mail on this topic."""
    if claimed.address:
        return crypto.decrypt(claimed.address, ADDRESS), ""
    receiver = Receiver(message.receiver_kind, message.receiver_id)
    contact = contacts_of(receiver.kind, [receiver.id]).get(receiver.id)
    about: Topic | None = next((t for t in the_registry().all_of("message_topics") if t.name == message.topic), None)
    if contact is None or about is None or claimed.channel not in channels_for(receiver, about, contact, urgent=message.is_urgent):
        return "", ""
    return _by_channel(contact)[claimed.channel], "" if about.is_fixed else leave_address(message.uid)


def _by_channel(contact: Contact) -> dict[MessageChannel, str]:
    return {MessageChannel.mail: contact.mail, MessageChannel.text: contact.phone}


def counts() -> dict[str, int]:
    """Deliveries by state, for whoever watches the site."""
    return {state.value: n for state, n in db.session.execute(sa.select(TABLE.c.state, sa.func.count()).group_by(TABLE.c.state)).all()}
