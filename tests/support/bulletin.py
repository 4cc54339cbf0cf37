"""Builders of the bulletin for the tests: fixtures that return a function which commits what it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from civic.bulletin import operations
from civic.bulletin.models import Announcement, Posting
from civic.bulletin.operations import AnnouncementText, PostingText
from civic.core.db import db
from civic.core.viewer import Actor
from civic.core.workdays import Unit
from civic.territory.models import Territory

WRITER = Actor(None, job="test")
WORDS = {"title_zh": "今晚停水", "title_en": "Water off tonight", "body_zh": "榕荫里 23 点恢复。", "body_en": "Back at 23:00."}


def announcement_text(**values: Any) -> AnnouncementText:
    return AnnouncementText(**{**WORDS, **values})


def posting_text(**values: Any) -> PostingText:
    own = {"title_zh": "津贴名单公示", "title_en": "List of allowances", "body_zh": "王*芳", "body_en": "Wang * Fang"}
    return PostingText(**{**own, "days": 5, "unit": Unit.working_day, **values})


@pytest.fixture
def make_announcement(site: Flask, make_community: Callable[..., Territory]) -> Callable[..., Announcement]:
    """`make_announcement(place, is_urgent=…, publish=True)`; without a place it makes a community."""

    def make(place: Territory | None = None, publish: bool = True, actor: Actor = WRITER, **values: Any) -> Announcement:
        home = place or make_community()
        row = operations.write_announcement(actor, home.id, None, announcement_text(**values))
        return operations.publish_announcement(actor, row.id, row.lock_version) if publish else row

    return make


@pytest.fixture
def make_posting(site: Flask, make_community: Callable[..., Territory]) -> Callable[..., Posting]:
    """`make_posting(place, days=5, unit=…, put_up=True)`; without a place it makes a community."""

    def make(place: Territory | None = None, put_up: bool = True, actor: Actor = WRITER, **values: Any) -> Posting:
        home = place or make_community()
        row = operations.draft_posting(actor, home.id, None, posting_text(**values))
        if put_up:
            operations.put_up(actor, row.id, row.lock_version)
        db.session.refresh(row)
        return row

    return make
