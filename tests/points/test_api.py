"""One's own points for programs: wallet, statement, donations with a key; amounts are decimal strings and nothing else."""

from __future__ import annotations

import pytest

from civic.accounts import operations as accounts
from civic.accounts.models import Account
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.points import operations, queries
from civic.points.models import WalletKind
from civic.points.operations.donations import Way, give
from tests.conftest import NOW
from tests.points.test_statement import CLERK, DAY, grant, ticking
from tests.support.points import free, summed

API = "/api/v1/points"


@pytest.fixture
def program(make_person, make_account, make_wallet, programme):
    """`program(points)`: (person, id of her wallet, heads of a request with her token)."""

    def make(points: int = 10_00, **more):
        person, account = make_person(**more), make_account()
        with atomic():
            db.session.get_one(Account, account.id).person_id = person.id
        wallet_id = make_wallet(person=person)
        if points:
            grant(wallet_id, points)
        _row, token = accounts.begin_token(Actor(account.id), account.id, label="test", two_step=True)
        db.session.rollback()
        return person, wallet_id, {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    return make


def keyed(heads: dict[str, str], key: str = "k1") -> dict[str, str]:
    return {**heads, "Idempotency-Key": key}


def test_a_wallet_says_what_is_there_in_decimal_strings(client, program):
    person, wallet_id, heads = program(0)
    grant(wallet_id, 2_50, 2025)
    grant(wallet_id, 4_00, 2026)
    operations.hold(CLERK, wallet_id, 3_00, source="order:9", until=NOW + DAY)
    give(CLERK, person.id, Way.household, 1_00)
    told = client.get(f"{API}/wallet", headers=heads, status=200).json
    assert [told[name] for name in ("kind", "state", "balance", "held", "free", "due", "rules")] == [
        "member", "open", "5.50", "3.00", "2.50", "0.00", "2026-1",
    ]  # fmt: skip
    assert told["years"] == [{"year": 2025, "balance": "2.50", "last_on": None}, {"year": 2026, "balance": "3.00", "last_on": None}]
    assert told["holds"] == [{"amount": "3.00", "source": "order:9", "until": "2026-11-26T10:00:00+08:00"}]
    assert (told["household"]["kind"], told["household"]["free"]) == ("household", "1.00")
    assert (told["uid"], client.get(f"{API}/wallet", status=401).json["code"]) == (queries.mine(person.id).own.uid, "sign_in_needed")


def test_before_the_first_points_a_wallet_is_empty(client, make_account):
    account = make_account()
    _row, token = accounts.begin_token(Actor(account.id), account.id, label="test", two_step=True)
    db.session.rollback()
    heads = {"Authorization": f"Bearer {token}"}
    told = client.get(f"{API}/wallet", headers=heads, status=200).json
    assert (told["uid"], told["balance"], told["years"], told["household"]) == (None, "0.00", [], None)
    assert client.get(f"{API}/statement", headers=heads, status=200).json == {"items": [], "total": 0, "next": None}
    client.get(f"{API}/statement?wallet=household", headers=heads, status=404)
    refused = client.post(f"{API}/donations", json={"amount": "1.00"}, headers=keyed(heads), status=422)
    assert refused.json["code"] == "not_enough_points"


def test_the_statement_is_paged_by_next(client, program):
    _person, wallet_id, heads = program()
    with ticking():
        for number in range(5):
            operations.hold(CLERK, wallet_id, 1_00, source=f"order:{number}", until=NOW + DAY)
    told = client.get(f"{API}/statement?limit=4", headers=heads, status=200).json
    assert (len(told["items"]), told["total"]) == (4, 6)
    first = told["items"][0]
    assert (first["reason"], first["source"], first["amount"], first["effect"], first["after"]) == (
        "spent",
        "order:4",
        "1.00",
        "-1.00",
        "5.00",
    )
    assert (first["hold"]["end"], first["rules"], first["title"], first["href"]) == ("live", "2026-1", "Set aside", None)
    said = "1.00 points are set aside until Thu 26 Nov 2026 10:00; what is not used comes back."
    assert first["explanation"] == [said, "By rule 2026-1"]
    rest = client.get(told["next"], headers=heads, status=200).json
    assert ([line["after"] for line in rest["items"]], rest["next"]) == (["9.00", "10.00"], None)
    came = client.get(f"{API}/statement?show=came&month=2026-11", headers=heads, status=200).json
    assert ([line["effect"] for line in came["items"]], came["items"][0]["after"], came["total"]) == (["10.00"], None, 1)
    for odd in ("?limit=0", "?limit=8.9", "?limit=101", "?month=2026-13", "?before=x", "?show=all", "?wallet=12", "?unknown=1"):
        client.get(f"{API}/statement{odd}", headers=heads, status=400)


def test_a_donation_is_booked_once_for_one_key(client, program, programme):
    _person, wallet_id, heads = program()
    first = client.post(f"{API}/donations", json={"amount": "2.50"}, headers=keyed(heads), status=201)
    again = client.post(f"{API}/donations", json={"amount": "2.50"}, headers=keyed(heads), status=201)
    assert again.json == first.json
    assert (again.headers["Idempotent-Replayed"], "Idempotent-Replayed" in first.headers) == ("true", False)
    assert (first.json["amount"], first.json["free"]) == ("2.50", "7.50")
    other = client.post(f"{API}/donations", json={"amount": "2.51"}, headers=keyed(heads), status=409)
    assert other.json["code"] == "key_reused"
    assert (free(wallet_id), summed(programme.id, WalletKind.care_pool)) == (7_50, 2_50)
    assert client.post(f"{API}/donations", json={"amount": "1"}, headers=heads, status=400).json["code"] == "no_idempotency_key"


def test_a_no_stays_a_no_under_its_key(client, program):
    _person, wallet_id, heads = program(1_00)
    refused = client.post(f"{API}/donations", json={"amount": "2"}, headers=keyed(heads), status=422)
    assert (refused.json["code"], refused.json["context"]["available"]) == ("not_enough_points", 1_00)
    grant(wallet_id, 5_00)
    again = client.post(f"{API}/donations", json={"amount": "2"}, headers=keyed(heads), status=422)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert free(wallet_id) == 6_00
    client.post(f"{API}/donations", json={"amount": "2"}, headers=keyed(heads, "k2"), status=201)


@pytest.mark.parametrize(
    "amount", ["0", "0.00", "-1", "+1", "1e18", "1000000000000000000", "NaN", "Infinity", "１０", "1.234", "1,5", " 1", "", 12.5, 10, None, True, [], {}]
)  # fmt: skip
def test_only_a_decimal_string_above_nothing_is_an_amount(client, program, amount):
    _person, wallet_id, heads = program()
    refused = client.post(f"{API}/donations", json={"amount": amount}, headers=keyed(heads), check=False)
    assert (refused.status_code, refused.json["code"]) in {(422, "wrong_amount"), (400, "malformed")}
    assert (refused.json["code"] == "wrong_amount") is (amount is not None)
    assert free(wallet_id) == 10_00


def test_a_number_that_is_none_is_refused_before_it_is_read(client, program):
    """JSON knows no NaN, Python's reader does."""
    _person, wallet_id, heads = program()
    head = {**keyed(heads), "Content-Type": "application/json"}
    for body in ('{"amount": NaN}', '{"amount": 1e18}', '{"amount": 1e999}'):
        assert client.post(f"{API}/donations", data=body, headers=head).status_code in {400, 422}, body
    assert free(wallet_id) == 10_00


def test_gifts_go_to_the_pool_or_ones_own_household_and_nowhere_else(client, program):
    person, wallet_id, heads = program()
    client.post(f"{API}/donations", json={"amount": "4", "to": "household"}, headers=keyed(heads, "a"), status=201)
    client.post(f"{API}/donations", json={"amount": "1", "from": "household"}, headers=keyed(heads, "b"), status=201)
    assert (free(wallet_id), queries.mine(person.id).household.free) == (6_00, 3_00)
    client.post(f"{API}/donations", json={"amount": "1", "from": "household", "to": "household"}, headers=keyed(heads, "c"), status=400)
    for body in ({"amount": "1", "to": "17"}, {"amount": "1", "to_wallet": 17}, {"amount": "1", "from": "other"}):
        client.post(f"{API}/donations", json=body, headers=keyed(heads, "d"), status=400)


def test_a_wallet_of_another_district_is_read_and_gives_in_its_own(client, program, programme, next_door, make_wallet):
    person, wallet_id, heads = program(8_00)
    with atomic():
        other = operations.wallet_of_person(next_door.id, person.id)
    grant(other, 3_00)
    foreign = make_wallet(5_00)
    uid, foreign_uid = (queries.views(queries.by_id(each))[0].uid for each in (other, foreign))
    db.session.rollback()
    told = client.get(f"{API}/wallet", headers=heads, status=200).json
    assert (told["free"], told["programme"]["en"]) == ("8.00", "Panyu volunteer points")
    assert [(each["uid"], each["free"], each["programme"]["en"]) for each in told["others"]] == [(uid, "3.00", "Points next door")]
    lines = client.get(f"{API}/statement?wallet={uid}", headers=heads, status=200).json
    assert [line["effect"] for line in lines["items"]] == ["3.00"]
    client.get(f"{API}/statement?wallet={foreign_uid}", headers=heads, status=404)
    made = client.post(f"{API}/donations", json={"amount": "1.00", "wallet": uid}, headers=keyed(heads, "a"), status=201).json
    assert made["free"] == "2.00"
    assert [summed(each.id, WalletKind.care_pool) for each in (programme, next_door)] == [0, 1_00]
    for number, body in enumerate(({"wallet": foreign_uid}, {"wallet": uid, "from": "household"}, {"wallet": "nobody"})):
        client.post(f"{API}/donations", json={"amount": "1", **body}, headers=keyed(heads, f"b{number}"), status=404)
    assert (free(wallet_id), free(other), free(foreign)) == (8_00, 2_00, 5_00)


def test_a_child_gives_its_own_points_and_never_the_households(client, program):
    _person, wallet_id, heads = program(birth="2012-05-06")
    refused = client.post(f"{API}/donations", json={"amount": "1", "to": "household"}, headers=keyed(heads, "a"), status=422)
    assert refused.json["code"] == "no_household"
    client.post(f"{API}/donations", json={"amount": "1"}, headers=keyed(heads, "b"), status=201)
    assert free(wallet_id) == 9_00


def test_a_frozen_wallet_is_a_conflict(client, program):
    _person, wallet_id, heads = program()
    operations.freeze(CLERK, wallet_id, "suspicion")
    assert client.post(f"{API}/donations", json={"amount": "1"}, headers=keyed(heads), status=409).json["code"] == "wallet_frozen"
    assert client.get(f"{API}/wallet", headers=heads, status=200).json["state"] == "frozen"
