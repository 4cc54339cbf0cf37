"""The desk of points for programs: the same verbs, the same refusals, once per key."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from civic.accounts import operations as accounts
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import queries as people
from civic.people.models import Look, Membership
from civic.points import operations
from civic.points.models import Proposal, Transfer, Wallet
from tests.support.points import balance


@pytest.fixture
def heads(site, make_account, place):
    """`heads(role, key)`: the head of a request of somebody with this role in the community; one account for each role."""
    tokens: dict[str, str] = {}

    def make(role: str, key: str = "", territory=place) -> dict[str, str]:
        name = f"{role} {territory.id}"
        if name not in tokens:
            account = make_account(role, territory)
            tokens[name] = accounts.begin_token(Actor(account.id), account.id, label="test", two_step=True)[1]
        db.session.rollback()
        return {"Authorization": f"Bearer {tokens[name]}", **({"Idempotency-Key": key} if key else {})}

    return make


@pytest.fixture
def wallet(make_wallet):
    """(id, public id) of a wallet with 8 points."""
    wallet_id = make_wallet(8_00)
    found = (wallet_id, db.session.scalars(sa.select(Wallet.uid).where(Wallet.id == wallet_id)).one())
    db.session.rollback()
    return found


def left_in(wallet_id: int) -> int:
    found = balance(wallet_id)
    db.session.rollback()
    return found


def count() -> int:
    found = db.session.scalar(sa.select(sa.func.count()).select_from(Proposal))
    db.session.rollback()
    return int(found or 0)


WISH = {"kind": "issued", "amount": "12.50", "why": "old card"}


def test_asked_and_decided(client, heads, wallet):
    wallet_id, uid = wallet
    made = client.post(f"/api/v1/points/wallets/{uid}/proposals", json=WISH, headers=heads("social-worker", "k1"), status=201).json
    assert (made["kind"], made["state"], made["amount"], made["wallet"], made["is_mine"]) == ("grant", "waiting", "12.50", uid, True)
    listed = client.get("/api/v1/points/proposals", headers=heads("manager"), status=200).json
    assert [(row["uid"], row["is_mine"]) for row in listed["items"]] == [(made["uid"], False)]
    address = f"/api/v1/points/proposals/{made['uid']}"
    mine = client.post(f"{address}/approve", json={}, headers=heads("social-worker", "k2"), status=403)
    assert mine.json["code"] == "second_person_needed"
    done = client.post(f"{address}/approve", json={"answer": "seen"}, headers=heads("manager", "k3"), status=200).json
    assert (done["state"], left_in(wallet_id)) == ("done", 20_50)
    again = client.post(f"{address}/approve", json={"answer": "seen"}, headers=heads("manager", "k3"), status=200)
    assert (again.json, again.headers["Idempotent-Replayed"], left_in(wallet_id)) == (done, "true", 20_50)
    late = client.post(f"{address}/refuse", json={}, headers=heads("manager", "k4"), status=409)
    assert late.json["code"] == "already_decided"
    assert client.get("/api/v1/points/proposals?show=decided", headers=heads("auditor"), status=200).json["total"] == 1


def test_a_key_is_needed_and_means_one_body(client, heads, wallet):
    address = f"/api/v1/points/wallets/{wallet[1]}/proposals"
    assert client.post(address, json=WISH, headers=heads("manager"), status=400).json["code"] == "no_idempotency_key"
    first = client.post(address, json=WISH, headers=heads("manager", "k1"), status=201).json
    assert client.post(address, json=WISH, headers=heads("manager", "k1"), status=201).json == first
    assert client.post(address, json={**WISH, "amount": "13"}, headers=heads("manager", "k1"), status=409).json["code"] == "key_reused"
    assert count() == 1


@pytest.mark.parametrize("amount", ["0", "-1", "1e3", "12.345", "１０", 12.5, True, "NaN", "99999999999999"])
def test_amounts_that_are_none(client, heads, wallet, amount):
    body = {**WISH, "amount": amount}
    answer = client.post(f"/api/v1/points/wallets/{wallet[1]}/proposals", json=body, headers=heads("manager", "k"), status=422)
    assert answer.json["code"] == "wrong_amount"
    assert count() == 0


@pytest.mark.parametrize("body", [{**WISH, "why": " "}, {**WISH, "kind": "gift"}, {"kind": "pool"}, {**WISH, "more": 1}])
def test_a_body_that_is_wrong_is_told(client, heads, wallet, body):
    address = f"/api/v1/points/wallets/{wallet[1]}/proposals"
    assert client.post(address, json=body, headers=heads("manager", "k"), status=400).json["code"] == "malformed"


def test_a_row_is_reversed_in_part(client, heads, wallet):
    row = db.session.scalars(sa.select(Transfer.id)).one()
    db.session.rollback()
    body = {"amount": "3.00", "why": "twice"}
    made = client.post(f"/api/v1/points/rows/{row}/reversal", json=body, headers=heads("manager", "k1"), status=201).json
    assert (made["kind"], made["row"], made["amount"]) == ("reversal", row, "3.00")
    client.post(f"/api/v1/points/proposals/{made['uid']}/approve", json={}, headers=heads("social-worker", "k2"), status=200)
    assert left_in(wallet[0]) == 5_00
    again = client.post(f"/api/v1/points/rows/{row}/reversal", json={"why": "again"}, headers=heads("manager", "k3"), status=409)
    assert again.json["code"] == "not_reversible"


def looks() -> list[int]:
    """Whom somebody looked at, line by line."""
    found = list(db.session.scalars(sa.select(Look.person_id).order_by(Look.id)))
    db.session.rollback()
    return found


def test_reading_a_households_wallet_is_a_look_at_each_who_lives_there(client, heads, programme, make_wallet, make_person):
    person, son = make_person(), make_person("王小山", "1990-01-02")
    wallet_id, number, other = make_wallet(8_00, person), person.id, son.id
    with atomic():
        row = db.session.scalars(sa.select(Membership).where(Membership.person_id == other)).one()
        row.household_id = household = people.household_of(number).id
        shared = operations.wallet_of_household(programme.id, household)
    (row_id,) = operations.donate(Actor(901), wallet_id, 5_00, shared)
    uid = db.session.scalars(sa.select(Wallet.uid).where(Wallet.id == shared)).one()
    db.session.rollback()
    client.get(f"/api/v1/points/wallets/{uid}", headers=heads("manager"), status=200)
    assert looks() == [number, other]
    client.get(f"/api/v1/points/wallets/by-number/{shared}", headers=heads("auditor"), status=200)
    assert looks() == [number, other] * 2
    address = f"/api/v1/points/rows/{row_id}/reversal"
    made = client.post(address, json={"why": "twice"}, headers=heads("manager", "k1"), status=201).json
    assert looks() == [number, other] * 3
    client.get(f"/api/v1/points/proposals/{made['uid']}", headers=heads("social-worker"), status=200)
    assert looks() == [number, other] * 4
    client.get("/api/v1/points/proposals", headers=heads("social-worker"), status=200)
    assert looks() == [number, other] * 5


def test_taken_back(client, heads, wallet):
    made = client.post(f"/api/v1/points/wallets/{wallet[1]}/proposals", json=WISH, headers=heads("manager", "k1"), status=201).json
    address = f"/api/v1/points/proposals/{made['uid']}"
    assert client.post(f"{address}/withdraw", headers=heads("social-worker", "k2"), status=403).json["code"] == "not_yours"
    assert client.post(f"{address}/withdraw", headers=heads("manager", "k3"), status=200).json["state"] == "withdrawn"
    assert client.get(address, headers=heads("auditor"), status=200).json["state"] == "withdrawn"


def test_frozen_opened_closed(client, heads, wallet):
    address = f"/api/v1/points/wallets/{wallet[1]}"
    assert client.get(address, headers=heads("auditor"), status=200).json["balance"] == "8.00"
    client.post(f"{address}/freeze", json={"why": "because"}, headers=heads("manager", "k1"), status=400)
    frozen = client.post(f"{address}/freeze", json={"why": "lost"}, headers=heads("manager", "k2"), status=200).json
    assert frozen == {"uid": wallet[1], "state": "frozen"}
    assert client.post(f"{address}/unfreeze", headers=heads("manager", "k3"), status=200).json["state"] == "open"
    body = {"why": "own_wish", "to": "pool"}
    assert client.post(f"{address}/close", json=body, headers=heads("manager", "k4"), status=200).json["state"] == "closed"
    assert client.post(f"{address}/close", json=body, headers=heads("manager", "k5"), status=409).json["code"] == "wallet_closed"
    assert left_in(wallet[0]) == 0


def test_another_community_learns_nothing_whatever_its_body(client, heads, wallet, make_community):
    elsewhere = make_community()
    for path, body in (("proposals", WISH), ("proposals", {}), ("freeze", {}), ("close", {})):
        client.post(f"/api/v1/points/wallets/{wallet[1]}/{path}", json=body, headers=heads("manager", "k", elsewhere), status=404)
    client.get(f"/api/v1/points/wallets/{wallet[1]}", headers=heads("manager", "", elsewhere), status=404)
    client.get(f"/api/v1/points/wallets/{wallet[1]}", headers=heads("clerk"), status=403)
    client.get(f"/api/v1/points/wallets/{wallet[1]}", status=401)
