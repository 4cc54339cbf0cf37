"""The two neighbours with accounts, browsers and tokens of their own, and somebody at the desk."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from civic.accounts import operations as accounts
from civic.accounts.models import Account
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.exchange.models import Exchange
from civic.people.models import Person, Verification
from tests.support.client import CheckingClient
from tests.support.exchange import Two


@dataclass
class Web:
    """Wang and Li, each at a browser, both verified."""

    two: Two
    wang: Any
    li: Any
    enter: Callable[..., Any]

    def page(self, client: Any, address: str, status: int = 200) -> str:
        """A page in English, its white space joined."""
        client.set_cookie("civic_lang", "en")
        client.set_cookie("civic_place", self.two.place.code)
        return re.sub(r"\s+", " ", client.get(address, status=status).get_data(as_text=True))

    def fresh(self, row: Exchange) -> Exchange:
        db.session.expire_all()
        return db.session.get_one(Exchange, row.id)


def bind(account: Account, person: Person, *, verified: bool = True) -> None:
    with atomic():
        db.session.get_one(Account, account.id).person_id = person.id
        if verified:
            db.session.add(Verification(person_id=person.id, place_id=person.place_id))


@pytest.fixture
def enter(site: Any, make_account: Any, sign_in: Any) -> Callable[..., Any]:
    """`enter(person, verified=False)`, `enter(role=…, territory=…)`: a new browser, signed in."""

    def make(person: Person | None = None, *, verified: bool = True, **grant: Any) -> CheckingClient:
        account = make_account(**grant)
        if person is not None:
            bind(account, person, verified=verified)
        client: CheckingClient = site.test_client()
        sign_in(client, account)
        return client

    return make


@pytest.fixture
def web(two: Two, enter: Any) -> Web:
    return Web(two, enter(two.wang), enter(two.li), enter)


@pytest.fixture
def token_of(make_account: Any) -> Callable[..., dict[str, str]]:
    """`token_of(person)`, `token_of(role=…, territory=…)`: heads of a request of her program."""

    def make(person: Person | None = None, *, verified: bool = True, **grant: Any) -> dict[str, str]:
        account = make_account(**grant)
        if person is not None:
            bind(account, person, verified=verified)
        _row, token = accounts.begin_token(Actor(account.id), account.id, label="test", two_step=True)
        db.session.rollback()
        return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    return make
