"""Whom a message goes to, how she is reached, and the topics on which modules write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from civic.core.messages.models import MessageChannel
from civic.core.registry import the_registry


@dataclass(frozen=True)
class Receiver:
    """A receiver by kind and id: person, else account, subscriber; `address` for somebody who is none of them yet."""

    kind: str
    id: int


@dataclass(frozen=True)
class Contact:
    """How a receiver is reached now; empty where she has nothing of the kind.  lang: zh, en or '' (the site's own)."""

    lang: str = ""
    mail: str = ""
    phone: str = ""
    name: str = ""


@dataclass(frozen=True)
class Topic:
    """What a module writes about.

    default: channels used beside the inbox while the receiver chose none.  is_fixed: cannot be switched off (codes, replies that a
    rule asks for).  keeps_inbox: False for codes and links, which would be of no use there.
    """

    name: str
    title: Any
    default: tuple[MessageChannel, ...] = (MessageChannel.mail,)
    is_fixed: bool = False
    keeps_inbox: bool = True


def topic(name: str) -> Topic:
    """A registered topic.  Raises ValueError for an unknown name."""
    for found in the_registry().all_of("message_topics"):
        if found.name == name:
            return found  # type: ignore[no-any-return]
    raise ValueError(f"no module writes on the topic {name}")


def contacts_of(kind: str, ids: Sequence[int]) -> dict[int, Contact]:
    """How these receivers of one kind are reached; those that cannot be reached any more are missing."""
    for module in the_registry().modules:
        if kind in module.receivers:
            return module.receivers[kind](ids)
    return {}
