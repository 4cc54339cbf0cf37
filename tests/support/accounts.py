"""Builders of `accounts` for the tests: fixtures that return a function which commits what it makes."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from civic.accounts import passwords, queries
from civic.accounts.models import Account, Grant, Identity, IdentityKind, UserSession
from civic.accounts.operations.identities import add_identity
from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.messages.models import Message
from civic.core.viewer import Actor, Role, Viewer
from civic.people import operations as people
from civic.people.models import DocumentKind, PersonSource, PrivacyNotice, Verification
from civic.people.records import Record
from civic.territory.models import Organisation, Territory, TerritoryKind

PASSWORD = "nine green banyans"
DISTRICT = "440113"
SEED = Actor(None, job="test")


def the_territory(wanted: Territory | str | None) -> Territory:
    """The territory meant: a row, a code, or by default the district, which is made when it is missing."""
    if isinstance(wanted, Territory):
        return wanted
    found = db.session.scalars(sa.select(Territory).where(Territory.code == (wanted or DISTRICT))).one_or_none()
    if found is not None:
        return found
    if wanted not in {None, DISTRICT}:
        raise ValueError(f"no territory {wanted}; make it first")
    with atomic():
        made = Territory(code=DISTRICT, kind=TerritoryKind.district, name_zh="番禺区", name_en="Panyu District", path=f"/{DISTRICT}/")
        db.session.add(made)
    return made


def the_organisation(wanted: Organisation | str | None) -> Organisation | None:
    """The organisation meant: a row, a code, or none."""
    if wanted is None or isinstance(wanted, Organisation):
        return wanted
    return db.session.scalars(sa.select(Organisation).where(Organisation.code == wanted)).one()


@pytest.fixture
def make_account(site: Flask) -> Callable[..., Account]:
    """`make_account(role=Role.manager, territory=…, organisation=…)`: an open account with PASSWORD; without a role no grant."""

    def make(
        role: Role | None = None,
        territory: Territory | str | None = None,
        organisation: Organisation | str | None = None,
        login: str = "",
        name: str = "",
        password: str = PASSWORD,
    ) -> Account:
        login = login or f"u{secrets.token_hex(5)}"
        place = the_territory(territory) if role else None
        whose = the_organisation(organisation)
        hashed = passwords.hash_password(password)
        with atomic():
            account = Account(login=login, name=name or login)
            db.session.add(account)
            db.session.flush()
            db.session.add(Identity(account_id=account.id, kind=IdentityKind.password, secret=hashed, confirmed_at=clock.now()))
            if role is not None and place is not None:
                grant = Grant(account_id=account.id, role=role, territory_id=place.id, from_on=clock.today())
                grant.organisation_id = whose.id if whose else None
                db.session.add(grant)
        return account

    return make


@pytest.fixture
def as_actor() -> Callable[[Account], Actor]:
    """The account as the first argument of operations."""
    return lambda account: Actor(account.id)


@pytest.fixture
def viewer_of(site: Flask) -> Callable[[Account], Viewer]:
    """The Viewer that the account would be after both steps."""

    def build(account: Account) -> Viewer:
        now = clock.now()
        return queries.viewer_of(
            queries.SignedIn("session", 0, account.id, account.name, account.lang, now, now + timedelta(hours=1), True)
        )

    return build


@pytest.fixture
def sign_in() -> Callable[..., str]:
    """`sign_in(client, account)` signs a browser in without hashing; returns the cookie's token."""

    def enter(client: FlaskClient, account: Account, *, two_step: bool = True) -> str:
        token, now = secrets.token_urlsafe(32), clock.now()
        with atomic():
            db.session.add(
                UserSession(
                    account_id=account.id,
                    token_hash=crypto.token_hash(token),
                    device="Firefox, Linux",
                    last_seen_at=now,
                    expires_at=now + timedelta(hours=12),
                    two_step_at=now if two_step else None,
                )
            )
        with client.session_transaction() as cookie:
            cookie.clear()
            cookie["_user_id"], cookie["_fresh"], cookie.permanent = token, True, True
        return token

    return enter


@pytest.fixture
def app_of(site: Flask) -> Callable[[Account], Any]:
    """`app_of(account)` gives the account a second step and returns its pyotp generator."""
    import pyotp

    from civic.accounts import second_step

    def enrol(account: Account) -> pyotp.TOTP:
        secret = second_step.new_secret()
        with atomic():
            db.session.add(
                Identity(account_id=account.id, kind=IdentityKind.totp, secret=crypto.encrypt(secret, "totp"), confirmed_at=clock.now())
            )
        return pyotp.TOTP(secret)

    return enrol


@pytest.fixture
def notice(site: Flask) -> PrivacyNotice:
    """The privacy notice in force, version 1."""
    return people.publish_notice(SEED, "我们只记录办事需要的内容。", "We keep only what your matters need.", clock.today())


@pytest.fixture
def make_resident_account(
    site: Flask, make_account: Callable[..., Account], make_community: Callable[..., Territory]
) -> Callable[..., Account]:
    """`make_resident_account(mail=…, phone=…, name=…, number=…, verified=True)`: an account with its person; the addresses are proven."""

    def make(
        mail: str = "",
        phone: str = "",
        name: str = "李秀英",
        *,
        born: str = "1953-08-21",
        document: str = "",
        verified: bool = False,
        community: Territory | None = None,
        **account_values: Any,
    ) -> Account:
        place = community or make_community()
        person = people.create_person(SEED, place.id, Record(name, birth_on=born), source=PersonSource.self)
        if document:
            people.add_document(SEED, person.id, people.NewDocument(DocumentKind.passport, document))
        account = make_account(name=name, **account_values)
        with atomic():
            db.session.merge(account).person_id = person.id
            if verified:
                db.session.add(Verification(person_id=person.id, place_id=place.id))
            for kind, value in ((IdentityKind.mail, mail), (IdentityKind.phone, phone)):
                if value:
                    add_identity(account.id, kind, value)
        return db.session.get_one(Account, account.id)

    return make


def last_words(template_topic: str = "account") -> dict[str, str]:
    """Subject, body and text of the newest message on a topic."""
    row = db.session.scalars(sa.select(Message).where(Message.topic == template_topic).order_by(Message.id.desc())).first()
    if row is None:
        raise ValueError("no message was written")
    found = json.loads(crypto.decrypt(row.sealed, "message"))
    link = re.search(r"(?m)^(?:https?://[^/\s]+)?(/\S+)$", found["body"])  # a link that works once stands in the sealed words alone
    found["href"] = row.href or (link.group(1) if link else "")
    db.session.rollback()  # a read left open would undo what the browser does meanwhile, once this session rolls back
    return found


def last_code() -> str:
    """The six digits of the newest text message."""
    found = re.search(r"\b\d{6}\b", last_words()["subject"])
    if found is None:
        raise ValueError("no code was sent")
    return found.group()
