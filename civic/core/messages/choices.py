"""Which channels somebody wants for which topic; the inbox has every message whatever is chosen.

A mail names a page on which mail on its topic ends without signing in; its address is the message's own 128 random bits and a keyed
hash of them, so it tells nothing about the reader and cannot be made up.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app

from civic.core import audit, crypto
from civic.core.atomic import atomic
from civic.core.db import db, upsert
from civic.core.messages.models import ChannelChoice, Message, MessageChannel
from civic.core.messages.receivers import Receiver, Topic, topic
from civic.core.registry import the_registry
from civic.core.viewer import Actor, Channel

CHOOSABLE = (MessageChannel.mail, MessageChannel.text)
LEAVE = "leave"  # purpose of the keyed hash
UID, SIGN = 22, 32  # characters
PATH = "/inbox/leave/"


@dataclass(frozen=True)
class Chosen:
    """A topic and the channels that are used for it now."""

    topic: Topic
    channels: frozenset[MessageChannel]


def chosen(receivers: Sequence[Receiver]) -> list[Chosen]:
    """Every topic with what these receivers (one human: person, then account) use; the first one's choice counts."""
    topics: list[Topic] = the_registry().all_of("message_topics")
    kept: dict[tuple[str, str], str] = {}
    for each in receivers:
        query = sa.select(ChannelChoice.topic, ChannelChoice.channels).where(
            ChannelChoice.receiver_kind == each.kind, ChannelChoice.receiver_id == each.id
        )
        kept |= {(each.kind, name): channels for name, channels in db.session.execute(query).all()}
    found = []
    for about in topics:
        own = next((kept[r.kind, about.name] for r in receivers if (r.kind, about.name) in kept), None)
        used = about.default if own is None or about.is_fixed else tuple(MessageChannel(c) for c in own.split(",") if c)
        found.append(Chosen(about, frozenset(used)))
    return found


def choose(actor: Actor, receivers: Sequence[Receiver], wanted: Mapping[str, Collection[MessageChannel]]) -> None:
    """Keep the choice for each receiver that is this human.  Fixed and unknown topics are a ValueError: no form offers them."""
    if any(topic(name).is_fixed for name in wanted):
        raise ValueError("a fixed topic cannot be chosen")
    with atomic():
        for receiver in receivers:
            for name, channels in sorted(wanted.items()):
                _keep(receiver, name, channels)
            audit.record(actor, "channels_chosen", receiver.kind, receiver.id, topics=len(wanted))


def _keep(receiver: Receiver, name: str, channels: Iterable[MessageChannel]) -> None:
    text = ",".join(channel for channel in CHOOSABLE if channel in set(channels))
    statement = upsert(ChannelChoice.__table__).values(receiver_kind=receiver.kind, receiver_id=receiver.id, topic=name, channels=text)
    db.session.execute(statement.on_conflict_do_update(index_elements=["receiver_kind", "receiver_id", "topic"], set_={"channels": text}))


def leave_address(message_uid: str) -> str:
    """The whole address for a mail's List-Unsubscribe; '' where the site does not know its own."""
    base: str = current_app.extensions["civic"].settings.base_url
    return f"{base}{PATH}{leave_token(message_uid)}" if base else ""


def leave_token(message_uid: str) -> str:
    return message_uid + _sign(crypto.keyed_hash(message_uid, LEAVE))


def _sign(keyed: str) -> str:
    return keyed.rpartition(".")[2][:SIGN]


def left_by(token: str) -> tuple[Receiver, Topic] | None:
    """Whose mail on which topic a link ends; None for a link that we did not make, or on a topic that cannot be ended."""
    uid, sign = token[:UID], token[UID:]
    if not token.isascii() or not any(hmac.compare_digest(sign, _sign(known)) for known in crypto.keyed_hashes(uid, LEAVE)):
        return None
    row = db.session.execute(sa.select(Message.receiver_kind, Message.receiver_id, Message.topic).where(Message.uid == uid)).one_or_none()
    about = next((t for t in the_registry().all_of("message_topics") if row is not None and t.name == row.topic), None)
    if row is None or about is None or about.is_fixed:
        return None
    return Receiver(row.receiver_kind, row.receiver_id), about


def leave(receiver: Receiver, about: Topic) -> None:
    """No more mail on this topic; whoever holds the mail may ask for it, signed in or not."""
    with atomic():
        used = next(each.channels for each in chosen([receiver]) if each.topic.name == about.name)
        _keep(receiver, about.name, used - {MessageChannel.mail})
        audit.record(Actor(None, job="mail-link", channel=Channel.web), "channels_chosen", receiver.kind, receiver.id, topics=1)
