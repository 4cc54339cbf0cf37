"""Builders of `messages`: a module of the tests with receivers and topics, its templates, and settings with real servers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader

from civic.core.atomic import atomic
from civic.core.messages.models import Delivery, Message, MessageChannel
from civic.core.messages.receivers import Contact, Receiver, Topic
from civic.core.messages.sending import send, send_to_address
from civic.core.registry import Module

TEMPLATES = {
    "mail/pupils/lesson.txt": "{{ _('Lesson') if lang == 'en' else '下周的课改到周三，请带好作业本' }}\n\n{{ words }}\n\n{{ link }}",
    "mail/pupils/code.txt": "{{ code }}\n\n{{ code }}",
    "mail/pupils/code.short.txt": "验证码 {{ code }}",
}
TOPICS = (
    Topic("lesson", "Lessons"),
    Topic("code", "Codes", default=(MessageChannel.mail, MessageChannel.text), is_fixed=True, keeps_inbox=False),
    Topic("notice", "Notices of the school", is_fixed=True),
)


class School:
    """pupils: how each is reached now, by id."""

    def __init__(self, site: Flask) -> None:
        self.site = site
        self.pupils: dict[int, Contact] = {1: Contact("zh", "mei@example.org", "+8613800138000")}

    def contacts(self, ids: Sequence[int]) -> dict[int, Any]:
        return {n: self.pupils[n] for n in ids if n in self.pupils}

    def module(self) -> Module:
        return Module(name="school", title="School", receivers={"pupil": self.contacts}, message_topics=TOPICS)

    def write(self, pupil: int = 1, on: str = "lesson", template: str = "pupils/lesson", **values: Any) -> Message:
        values.setdefault("words", "请准时")
        with atomic() as tx:
            tx.result = send(Receiver(values.pop("kind", "pupil"), pupil), on, template, **values)
        message: Message = tx.result
        return message

    def write_to(self, address: str, channel: MessageChannel = MessageChannel.mail, **values: Any) -> Delivery:
        with atomic():
            message = send_to_address(channel, address, "code", "pupils/code", lang="zh", code="482913", **values)
        return message.deliveries[0]

    def set(self, **settings: Any) -> None:
        """Change settings of the running site."""
        civic = self.site.extensions["civic"]
        civic.settings = dataclasses.replace(civic.settings, **settings)


@pytest.fixture
def school(site: Flask) -> Any:
    """The site with the school's receivers, topics and templates, undone afterwards."""
    yield from joined(site)


@pytest.fixture
def live_school(live_app: Flask) -> Any:
    """The same on a database of its own."""
    with live_app.app_context():
        yield from joined(live_app)


def joined(app: Flask) -> Any:
    made, civic, env = School(app), app.extensions["civic"], app.jinja_env
    settings, loader = civic.settings, env.loader
    assert loader is not None
    civic.registry.modules.append(made.module())
    env.loader = ChoiceLoader([DictLoader(TEMPLATES), loader])
    made.set(base_url="http://127.0.0.1:8000", mail_from="civic@example.org")
    try:
        yield made
    finally:
        civic.settings, env.loader = settings, loader
        civic.registry.modules.pop()
