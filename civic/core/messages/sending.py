"""Writing a message: its words are made now, in the receiver's language; it leaves from the outbox after the commit.

Words come from `templates/mail/<module>/<name>.txt`: the first line is the subject, the rest the body.  `short` in the same
folder (`<name>.short.txt`) is the text message where it should differ from subject and link.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask_babel import force_locale

from civic.core import clock, crypto
from civic.core.atomic import in_transaction
from civic.core.db import db
from civic.core.messages.models import ChannelChoice, Delivery, Message, MessageChannel
from civic.core.messages.receivers import Contact, Receiver, Topic, contacts_of, topic

PURPOSE, ADDRESS = "message", "address"


def send(receiver: Receiver, on: str, template: str, *, href: str = "", urgent: bool = False, **values: Any) -> Message:
    """Write a message to the receiver's inbox and to the channels she wants for this topic.

    on: name of a topic.  template: `<module>/<name>`.  href: a path of this site, `link` in the template is its whole address.
    urgent: goes by text message too where there is a phone.  Inside the caller's transaction.
    """
    about = topic(on)
    contact = contacts_of(receiver.kind, [receiver.id]).get(receiver.id, Contact())
    message = _write(receiver, about, contact.lang, template, href, urgent, values)
    for channel in channels_for(receiver, about, contact, urgent=urgent):
        _queue(message, channel, "")
    return message


def send_to_address(
    channel: MessageChannel, address: str, on: str, template: str, *, lang: str = "", href: str = "", **values: Any
) -> Message:
    """Write to an address that belongs to nobody here yet (a link that confirms it, a code)."""
    message = _write(Receiver("address", 0), topic(on), lang, template, href, urgent=False, values=values)
    _queue(message, channel, crypto.encrypt(address, ADDRESS))
    return message


def channels_for(receiver: Receiver, about: Topic, contact: Contact, *, urgent: bool = False) -> list[MessageChannel]:
    """Her choice or the topic's own, as far as she has an address for it."""
    chosen = None if about.is_fixed else choice_of(receiver, about.name)
    wanted = set(about.default if chosen is None else chosen) | ({MessageChannel.text} if urgent else set())
    has = {MessageChannel.mail: contact.mail, MessageChannel.text: contact.phone}
    return [channel for channel in (MessageChannel.mail, MessageChannel.text) if channel in wanted and has[channel]]


def choice_of(receiver: Receiver, name: str) -> list[MessageChannel] | None:
    """The channels she chose for a topic; None: she never chose."""
    query = sa.select(ChannelChoice.channels).where(
        ChannelChoice.receiver_kind == receiver.kind, ChannelChoice.receiver_id == receiver.id, ChannelChoice.topic == name
    )
    found = db.session.scalar(query)
    return None if found is None else [MessageChannel(c) for c in found.split(",") if c]


def _write(receiver: Receiver, about: Topic, lang: str, template: str, href: str, urgent: bool, values: dict[str, Any]) -> Message:
    if not in_transaction():
        raise ValueError("a message belongs to the transaction that causes it")
    settings = current_app.extensions["civic"].settings
    lang = lang or settings.locale
    with force_locale(lang):
        subject, body, short = words_of(template, link=f"{settings.base_url}{href}" if href else "", lang=lang, **values)
    sealed = crypto.encrypt(json.dumps({"subject": subject, "body": body, "short": short}, ensure_ascii=False), PURPOSE)
    message = Message(
        receiver_kind=receiver.kind,
        receiver_id=receiver.id,
        topic=about.name,
        lang=lang,
        sealed=sealed,
        href=href if about.keeps_inbox else "",  # a link that works once stands in the sealed words alone
        is_urgent=urgent,
        read_at=None if about.keeps_inbox else clock.now(),
    )
    db.session.add(message)
    db.session.flush()
    return message


def words_of(template: str, **values: Any) -> tuple[str, str, str]:
    """Subject, body and text message of a template, in the language that is set.

    Rendered without the frame's context processors: they want a request (a job has none) and would ask for navigation and places.
    """
    find = current_app.jinja_env.get_or_select_template
    subject, _sep, body = find([f"mail/{template}.txt"]).render(**values).strip().partition("\n")
    text = find([f"mail/{template}.short.txt", "mail/short.txt"]).render(subject=subject.strip(), **values)
    return " ".join(subject.split()), body.strip(), " ".join(text.split())


def _queue(message: Message, channel: MessageChannel, address: str) -> None:
    db.session.add(Delivery(message_id=message.id, channel=channel, address=address, next_at=clock.now()))
    db.session.flush()
