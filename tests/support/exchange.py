"""Two neighbours, their listings and exchanges, as the pages would make them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask_babel import force_locale, gettext

from civic.core import clock, crypto
from civic.core.db import db
from civic.core.messages.models import Message
from civic.core.viewer import Actor
from civic.exchange import operations
from civic.exchange.models import Category, Exchange, Listing, ListingKind
from civic.exchange.operations import ListingText, Proposal
from civic.people.models import Person
from civic.points import operations as points
from civic.territory.models import Territory
from tests.support.points import balance, free

REQUESTER, HELPER, WORKER = Actor(1_000_011), Actor(1_000_012), Actor(1_000_013)  # no account of a test has such a number


def listing_text(**values: Any) -> ListingText:
    own = {
        "kind": ListingKind.offer, "category": Category.phone, "title": "教老人用手机", "until_on": clock.today() + timedelta(days=30),
        "minutes": 60, "text": "挂号、付款、视频都可以教。",
    }  # fmt: skip
    return ListingText(**{**own, **values})


def later(**span: float) -> AbstractContextManager[None]:
    """`with later(days=15):` the clock stands so much further on."""
    return clock.frozen(clock.now() + timedelta(**span))


@dataclass
class Two:
    """Wang asks, Li helps: an offer of Li, in the community `place`."""

    place: Territory
    wang: Person
    li: Person
    wallet: int  # of Wang
    li_wallet: int
    listing: Listing

    @property
    def meet_at(self) -> datetime:
        """Later on the same day, so that it can be reported at once."""
        return clock.now() + timedelta(hours=2)

    def propose(self, minutes: int = 120, **values: Any) -> Exchange:
        proposal = Proposal(minutes, values.pop("meet_at", None) or self.meet_at, **values)
        return operations.respond(REQUESTER, self.listing.id, self.wang.id, proposal)

    def agree(self, minutes: int = 120, **values: Any) -> Exchange:
        return operations.accept(HELPER, self.propose(minutes, **values).id, self.li.id)

    def deliver(self, minutes: int = 120, of: int = 120) -> Exchange:
        return operations.deliver(HELPER, self.agree(of).id, self.li.id, minutes)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Hundredths: Wang's balance, what of it is free, Li's balance."""
        return balance(self.wallet), free(self.wallet), balance(self.li_wallet)


@pytest.fixture
def make_listing(place: Territory) -> Callable[..., Listing]:
    """`make_listing(person, kind=…, category=…, place=…)`"""

    def make(person: Person, territory: Territory = place, actor: Actor = HELPER, **values: Any) -> Listing:
        return operations.write_listing(actor, person.id, territory.id, listing_text(**values))

    return make


@pytest.fixture
def two(programme: Any, place: Territory, make_person: Any, make_wallet: Any, make_listing: Any) -> Two:
    """Wang has 8 points, Li none; Li offers an hour."""
    wang, li = make_person("王芳"), make_person("李秀英", birth="1963-05-06")
    wallet = make_wallet(8_00, wang)
    return Two(place, wang, li, wallet, make_wallet(0, li), make_listing(li))


def told(person: Person, template_topic: str = "exchange") -> list[str]:
    """Subjects of the messages to a person, in order."""
    rows = db.session.scalars(
        sa.select(Message.sealed).where(Message.receiver_id == person.id, Message.topic == template_topic).order_by(Message.id)
    )
    return [json.loads(crypto.decrypt(sealed, "message"))["subject"] for sealed in rows]


def letter(about: str, title: str = "教老人用手机") -> str:
    """The subject of a message, as the site's own language has it: `letter("Agreed")`."""
    return said(f"{about}: %(title)s", title=title)


def said(sentence: str, **values: Any) -> str:
    """A sentence of the site in its own language."""
    with force_locale("zh"):
        return gettext(sentence, **values)


def bodies(person: Person) -> str:
    """Everything that was written to a person."""
    rows = db.session.scalars(sa.select(Message.sealed).where(Message.receiver_id == person.id).order_by(Message.id))
    return "\n".join(json.loads(crypto.decrypt(sealed, "message"))["body"] for sealed in rows)


def frozen_wallet(wallet_id: int) -> None:
    points.freeze(Actor(902), wallet_id, "suspicion")
