"""Opening a wallet at the desk by API: for whom one serves, once per key, noted as a look; clerks for whom the desk knows to live there."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from civic.accounts import operations as accounts
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people.models import Look, Membership, Verification
from civic.points import operations
from civic.points.models import Programme, Transfer, Wallet
from tests.points.test_statement import grant
from tests.support.points import balance

API = "/api/v1/points"


@pytest.fixture
def heads(site, make_account, place):
    """`heads(role, key)`: the head of a request of somebody with this role in the community; one account for each role."""
    people: dict[str, int] = {}

    def make(role: str, key: str = "", territory=place) -> dict[str, str]:
        name = f"{role} {territory.code}"
        if name not in people:
            people[name] = make_account(role, territory).id
        token = accounts.begin_token(Actor(people[name]), people[name], label="test", two_step=True)[1]
        return {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})}

    return make


def wallets() -> list[tuple[str, bool]]:
    """(public id, is it a household's) of wallets that people own."""
    query = sa.select(Wallet.uid, Wallet.household_id.is_not(None)).where(
        sa.or_(Wallet.person_id.is_not(None), Wallet.household_id.is_not(None))
    )
    return [(uid, bool(is_household)) for uid, is_household in db.session.execute(query.order_by(Wallet.id))]


@pytest.mark.parametrize("role", ["social-worker", "manager"])
def test_a_wallet_is_opened_once_and_found_again(client, programme, make_person, heads, role):
    wang = make_person()
    number, address = wang.id, f"{API}/people/{wang.uid}/wallets"
    assert client.get(address, headers=heads(role), status=200).json == {"items": [], "total": 0, "next": None}
    assert client.post(address, json={}, headers=heads(role), status=400).json["code"] == "no_idempotency_key"
    made = client.post(address, json={}, headers=heads(role, "k1"), status=201).json
    again = client.post(address, json={}, headers=heads(role, "k1"), status=201)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (made, "true")
    assert client.post(address, json={"of": "household"}, headers=heads(role, "k1"), status=409).json["code"] == "key_reused"
    assert client.post(address, json={"of": "own"}, headers=heads(role, "k2"), status=201).json == made, "the one that is there"
    assert wallets() == [(made["uid"], False)]
    (shown,) = client.get(address, headers=heads(role), status=200).json["items"]
    assert (shown["uid"], shown["kind"], shown["balance"]) == (made["uid"], "member", "0.00")
    assert set(db.session.scalars(sa.select(Look.person_id))) == {number}


def test_a_households_wallet_needs_a_household(client, programme, make_person, heads):
    wang = make_person()
    number, address = wang.id, f"{API}/people/{wang.uid}/wallets"
    made = client.post(address, json={"of": "household"}, headers=heads("manager", "k1"), status=201).json
    assert wallets() == [(made["uid"], True)]
    assert client.get(address, headers=heads("auditor"), status=200).json["total"] == 1
    with atomic():
        db.session.execute(sa.update(Membership).where(Membership.person_id == number).values(ended_on=sa.func.current_date()))
    client.post(address, json={"of": "household"}, headers=heads("manager", "k2"), status=400)


def test_her_statement_is_read_page_by_page_and_looked_at(client, programme, make_person, make_wallet, heads, make_community):
    wang = make_person()
    number, address = wang.id, f"{API}/people/{wang.uid}/statement"
    assert client.get(address, headers=heads("clerk"), status=200).json == {"items": [], "total": 0, "next": None}
    for points in (2_00, 3_00):
        make_wallet(points, wang)
    first = client.get(f"{address}?limit=1", headers=heads("clerk"), status=200).json
    assert ([line["effect"] for line in first["items"]], first["total"]) == (["3.00"], 2)
    (second,) = client.get(first["next"], headers=heads("auditor"), status=200).json["items"]
    assert (second["effect"], second["after"], second["reason"]) == ("2.00", "2.00", "earned")
    client.get(f"{address}?wallet=household", headers=heads("clerk"), status=404)
    client.get(f"{address}?show=nonsense", headers=heads("clerk"), status=400)
    client.get(address, headers=heads("clerk", "", make_community()), status=404)
    client.get(address, headers=heads("town"), status=403)
    assert set(db.session.scalars(sa.select(Look.person_id))) == {number}


def test_a_clerk_opens_one_for_whom_the_desk_knows(client, programme, make_person, heads, place):
    wang = make_person()
    number, address = wang.id, f"{API}/people/{wang.uid}/wallets"
    client.post(address, json={}, headers=heads("clerk", "k1"), status=403)
    assert wallets() == []
    with atomic():
        db.session.add(Verification(person_id=number, place_id=place.id))
    client.post(address, json={}, headers=heads("clerk", "k2"), status=201)


def test_without_a_programme_nothing_is_opened(client, place, make_person, heads):
    address = f"{API}/people/{make_person().uid}/wallets"
    assert db.session.scalars(sa.select(Programme)).all() == []
    assert client.post(address, json={}, headers=heads("manager", "k"), status=409).json["code"] == "no_programme"


def test_another_community_and_others_learn_nothing(client, programme, make_person, heads, make_community):
    elsewhere, address = make_community(), f"{API}/people/{make_person().uid}/wallets"
    client.get(address, headers=heads("manager", "", elsewhere), status=404)
    for body in ({}, {"of": "nobody"}):
        client.post(address, json=body, headers=heads("manager", "k", elsewhere), status=404)
    client.post(address, json={"of": "nobody"}, headers=heads("manager", "k"), status=400)
    client.post(f"{API}/people/nobody/wallets", json={}, headers=heads("manager", "k2"), status=404)
    client.post(address, json={}, headers=heads("auditor", "k"), status=403)
    for method in (client.get, client.post):
        method(address, headers=heads("town"), status=403)
        method(address, status=401)
    assert db.session.scalars(sa.select(Look)).all() == []


# ---- giving for her ---------------------------------------------------------------------------------------------------------
def test_points_are_given_for_the_person_beside_once(client, programme, make_person, make_wallet, heads):
    wang = make_person()
    wallet, uid, number = make_wallet(8_00, wang), wang.uid, wang.id
    address, body = f"{API}/people/{uid}/donations", {"to": "pool", "amount": "2.50"}
    assert client.post(address, json=body, headers=heads("clerk"), status=400).json["code"] == "no_idempotency_key"
    made = client.post(address, json=body, headers=heads("clerk", "k1"), status=201).json
    again = client.post(address, json=body, headers=heads("clerk", "k1"), status=201)
    assert (made["amount"], made["free"], made["href"]) == ("2.50", "5.50", f"/desk/points/people/{uid}/donations/{made['line']}")
    assert (again.json, again.headers["Idempotent-Replayed"], balance(wallet)) == (made, "true", 5_50)
    assert client.post(address, json={"amount": "9"}, headers=heads("clerk", "k2"), status=422).json["code"] == "not_enough_points"
    assert client.post(address, json={"amount": 9}, headers=heads("clerk", "k3"), status=422).json["code"] == "wrong_amount"
    same = {"from": "household", "to": "household", "amount": "1"}
    client.post(address, json=same, headers=heads("clerk", "k4"), status=400)
    assert db.session.scalars(sa.select(Transfer.channel).where(Transfer.id == made["line"])).one() == "desk"
    assert balance(wallet) == 5_50
    assert set(db.session.scalars(sa.select(Look.person_id))) == {number}


def test_points_of_another_district_are_given_for_her(client, programme, next_door, make_person, make_wallet, heads):
    wang = make_person()
    wallet, foreign, address = make_wallet(8_00, wang), make_wallet(5_00), f"{API}/people/{wang.uid}/donations"
    with atomic():
        other = operations.wallet_of_person(next_door.id, wang.id)
    grant(other, 3_00)
    uid, foreign_uid = (db.session.scalars(sa.select(Wallet.uid).where(Wallet.id == each)).one() for each in (other, foreign))
    db.session.rollback()
    client.post(address, json={"amount": "1", "wallet": uid}, headers=heads("clerk", "k1"), status=201)
    client.post(address, json={"amount": "1", "wallet": foreign_uid}, headers=heads("clerk", "k2"), status=404)
    assert (balance(wallet), balance(other), balance(foreign)) == (8_00, 2_00, 5_00)


def test_who_gives_for_whom(client, programme, make_person, make_wallet, heads, make_community, make_account, place):
    wang = make_person()
    wallet, number, address = make_wallet(8_00, wang), wang.id, f"{API}/people/{wang.uid}/donations"
    body = {"amount": "1"}
    for wrong in (body, {}):
        client.post(address, json=wrong, headers=heads("clerk", "k", make_community()), status=404)
    client.post(address, json=body, headers=heads("auditor", "k"), status=403)
    client.post(address, json=body, status=401)
    account = make_account("clerk", place)
    with atomic():
        db.session.merge(account).person_id = number
    token = accounts.begin_token(Actor(account.id), account.id, label="test", two_step=True)[1]
    own = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
    client.post(address, json=body, headers=own, status=403)
    assert balance(wallet) == 8_00


def test_an_auditor_opens_the_wallet_that_a_file_names(client, programme, make_wallet, heads, make_community):
    wallet = make_wallet(8_00)
    address = f"{API}/wallets/by-number"
    shown = client.get(f"{address}/{wallet}", headers=heads("auditor"), status=200).json
    assert (shown["balance"], len(shown["uid"]) > 10) == ("8.00", True)
    assert len(db.session.scalars(sa.select(Look)).all()) == 1
    client.get(f"{address}/{wallet}", headers=heads("auditor", "", make_community()), status=404)
    for unknown in ("99999999", "9" * 30):
        client.get(f"{address}/{unknown}", headers=heads("auditor"), status=404)
    client.get(f"{address}/{wallet}", headers=heads("manager"), status=403)
    client.get(f"{address}/{wallet}", status=401)
