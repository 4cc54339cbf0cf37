"""`python -m bench.people_inside`: signs a manager of the district in and prints her cookie and questions whose answers exist."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask

from bench.people import MARK
from civic.accounts.models import Account, Grant, UserSession
from civic.app import create_app
from civic.config import load_settings
from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Role
from civic.people import records
from civic.people.models import Contact, ContactKind, Person
from civic.people.views import find
from civic.territory.models import Territory, TerritoryKind

ASKED = 300  # different questions of each kind
LASTS = timedelta(hours=12)


def sign_in(app: Flask) -> tuple[int, str]:
    """A session after both steps: the account, and the cookie that a browser would carry."""
    token, now = secrets.token_urlsafe(32), clock.now()
    with atomic():
        account = Account(login=f"bench{secrets.token_hex(4)}", name="Bench")
        db.session.add(account)
        db.session.flush()
        account_id = account.id
        place = db.session.scalars(sa.select(Territory.id).where(Territory.kind == TerritoryKind.district).order_by(Territory.id)).first()
        db.session.add(Grant(account_id=account_id, role=Role.manager, territory_id=place, from_on=clock.today()))
        hashed = crypto.token_hash(token)
        db.session.add(UserSession(account_id=account_id, token_hash=hashed, last_seen_at=now, expires_at=now + LASTS, two_step_at=now))
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    value = signer.dumps({"_user_id": token, "_fresh": True, "_permanent": True})
    return account_id, f"{app.config['SESSION_COOKIE_NAME']}={value}"


def questions() -> tuple[dict[str, list[str]], int]:
    """Words by kind of question, each of somebody who is there, and how many people there are."""
    ids = list(db.session.scalars(sa.select(Person.id).order_by(Person.id)))
    chosen = random.Random(5).sample(ids, min(ASKED, len(ids)))
    rows = db.session.execute(sa.select(Person.sealed, Person.number).where(Person.id.in_(chosen)).order_by(Person.id)).all()
    names = [records.unseal(row.sealed).name[: 2 + at % 2] for at, row in enumerate(rows)]
    query = sa.select(Contact.sealed).where(Contact.person_id.in_(chosen), Contact.kind == ContactKind.phone).order_by(Contact.id)
    phones = [crypto.decrypt(sealed, records.CONTACT) for sealed in db.session.scalars(query)]
    return {"name": names, "phone": phones, "card": [row.number for row in rows]}, len(ids)


def addresses(account_id: int, words: Sequence[str]) -> list[str]:
    """Results as the page of finding names them: encrypted, for this account."""
    until = (clock.now() + LASTS).isoformat()
    asked = [json.dumps({"account": account_id, "words": each, "until": until}) for each in words]
    return [f"/desk/people/?asked={crypto.encrypt(each, find.PURPOSE)}" for each in asked]


def main() -> None:
    app = create_app(load_settings())
    with app.app_context():
        account_id, cookie = sign_in(app)
        asked, count = questions()
        told = {"cookie": cookie, "addresses": {kind: addresses(account_id, words) for kind, words in asked.items()}, "people": count}
        print(MARK + json.dumps(told))


if __name__ == "__main__":
    main()
