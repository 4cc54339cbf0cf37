"""Rules for programs: the verbs of the pages, with two people, versions that were read, and answers that come once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.accounts import operations as accounts
from civic.bulletin import operations as bulletin
from civic.bulletin.models import Posting
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor
from civic.points.models import Policy, PolicyState
from tests.conftest import NOW

API = "/api/v1/points"
VERSIONS = f"{API}/rules/versions"


@pytest.fixture
def heads(site, make_account, programme):
    """`heads(role, key, seen)`: the heads of a request; one account for each role, of the whole district unless a place is named."""
    people: dict[str, int] = {}
    district = programme.territory

    def make(role: str, key: str = "", seen: int | None = None, territory=district) -> dict[str, str]:
        name = f"{role} {territory.code}"
        if name not in people:
            people[name] = make_account(role, territory).id
        token = accounts.begin_token(Actor(people[name]), people[name], label="test", two_step=True)[1]
        db.session.rollback()
        named = {"If-Match": f'"{seen}"'} if seen is not None else {}
        return {"Authorization": f"Bearer {token}", "Accept-Language": "en", **named, **({"Idempotency-Key": key} if key else {})}

    return make


def drafted(client, heads, programme) -> dict:
    code = programme.code
    db.session.rollback()
    return client.post(f"{API}/programmes/{code}/versions", headers=heads("district", "draft"), status=201).json


def closed_posting(policy_id: int) -> None:
    row = db.session.execute(
        sa.select(Posting.id, Posting.lock_version).join(Policy, Policy.posting_id == Posting.id).where(Policy.id == policy_id)
    ).one()
    bulletin.close_posting(Actor(13), row.id, row.lock_version, "无异议", "No objection came in")


RATES = [
    {"service_type": "*", "hour_class": "*", "points_per_hour": "1.00"},
    {"service_type": "*", "hour_class": "backfill", "points_per_hour": "0.8"},
]


def test_from_the_draft_to_the_day_it_counts(client, heads, programme):
    made = drafted(client, heads, programme)
    assert (made["step"], made["version"], made["is_mine"], made["changes"]) == ("draft", 1, True, [])
    address = f"{VERSIONS}/{made['id']}"
    edited = client.patch(address, json={"rates": RATES, "confirm_days": 5}, headers=heads("district", "edit", 1), status=200).json
    assert edited["rates"][1] == {"service_type": "*", "hour_class": "backfill", "points_per_hour": "0.80"}
    assert (edited["confirm_days"], edited["exchange_days"], len(edited["changes"])) == (5, 14, 2)
    early = client.post(f"{address}/propose", json={"from_on": "2026-12-02"}, headers=heads("district", "p0", 2), status=422).json
    assert early["code"] == "too_early"
    proposed = client.post(f"{address}/propose", json={"from_on": "2026-12-10"}, headers=heads("district", "p1", 2), status=200).json
    assert (proposed["step"], proposed["from_on"], proposed["first_day"]) == ("proposed", "2026-12-10", "2026-12-03")
    first = client.post(f"{address}/agree", headers=heads("district", "a0", 3), status=403).json
    assert first["code"] == "second_person_needed"
    agreed = client.post(f"{address}/agree", headers=heads("admin", "a1", 3), status=200).json
    assert (agreed["step"], agreed["is_mine"], agreed["posting"] is not None) == ("posted", False, True)
    assert client.post(f"{address}/adopt", json={}, headers=heads("admin", "x0", 4), status=409).json["code"] == "posting_hangs"
    with clock.frozen(NOW + timedelta(days=8)):
        closed_posting(made["id"])
        now = client.get(address, headers=heads("admin"), status=200)
        assert (now.json["step"], now.headers["ETag"]) == ("closed", f'"{now.json["version"]}"')
        seen = now.json["version"]
        earlier = client.post(f"{address}/adopt", json={"from_on": "2026-12-09"}, headers=heads("admin", "x1", seen), status=422).json
        assert earlier["code"] == "before_announced"
        adopted = client.post(f"{address}/adopt", json={}, headers=heads("admin", "x2", seen), status=200).json
        assert (adopted["state"], adopted["from_on"]) == ("adopted", "2026-12-10")
        again = client.post(f"{address}/adopt", json={}, headers=heads("admin", "x2", seen), status=200)
        assert (again.json, again.headers["Idempotent-Replayed"]) == (adopted, "true")
        assert [v["number"] for v in client.get(f"{API}/rules", status=200).json["coming"]] == [made["number"]]


@pytest.mark.parametrize("named", [True, False], ids=["with If-Match", "without"])
def test_the_same_key_again_gets_the_first_answer(client, heads, programme, named):
    """Without If-Match the newest version is meant: the one that the first request found, not the one that it left."""
    made = drafted(client, heads, programme)
    address = f"{VERSIONS}/{made['id']}"

    def again(verb: str, body: dict, key: str, seen: int) -> None:
        sent = {"json": body, "headers": heads("district", key, seen if named else None), "status": 200}
        send = client.patch if not verb else client.post
        first, second = send(f"{address}{verb}", **sent), send(f"{address}{verb}", **sent)
        assert (second.json, second.headers["Idempotent-Replayed"]) == (first.json, "true")

    again("", {"confirm_days": 5}, "edit", 1)
    again("/propose", {"from_on": "2026-12-10"}, "propose", 2)
    again("/withdraw", {}, "withdraw", 3)


@pytest.mark.parametrize("day", ["2206-12-10", "9999-12-31", "2027-11-27"])
def test_a_year_typed_wrongly_does_not_lock_the_rules(client, heads, programme, day):
    """An adopted version stands, and no other may begin before it.  2026-11-25 and 366 days: 2027-11-26."""
    made = drafted(client, heads, programme)
    address = f"{VERSIONS}/{made['id']}"
    client.patch(address, json={"confirm_days": 5}, headers=heads("district", "e", 1), status=200)
    told = client.post(f"{address}/propose", json={"from_on": day}, headers=heads("district", "p", 2), status=422).json
    assert (told["code"], told["context"]["last"]) == ("too_late", "2027-11-26")
    client.post(f"{address}/propose", json={"from_on": "2027-11-26"}, headers=heads("district", "p2", 2), status=200)
    client.post(f"{address}/agree", headers=heads("admin", "a", 3), status=200)
    with clock.frozen(NOW + timedelta(days=8)):
        closed_posting(made["id"])
        seen = client.get(address, headers=heads("admin"), status=200).json["version"]
        late = client.post(f"{address}/adopt", json={"from_on": day}, headers=heads("admin", "x", seen), check=False).json
        assert late.get("code") == ("too_late" if day != "2027-11-27" else None), "eight days later the year ends eight days later"


@pytest.mark.parametrize(
    "body",
    [
        '{"note_en": "\\ud800"}',
        '{"note_en": "a\\u0000b"}',
        '{"\\u0000": 1}',
        '{"daily_minutes": ' + "9" * 5000 + "}",
        '{"rates": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"daily_minutes": 89.9}',
        '{"daily_minutes": "480"}',
        "[]",
        "null",
    ],
    ids=["surrogate", "nul", "nul as a name", "digits", "deep", "fraction", "text", "list", "null"],
)
def test_a_body_that_cannot_be_read_is_refused(client, heads, programme, body):
    made = drafted(client, heads, programme)
    sent = {"data": body, "content_type": "application/json", "headers": heads("district", "e", 1)}
    assert client.patch(f"{VERSIONS}/{made['id']}", **sent, status=400).json["code"] == "malformed"


def test_nobody_agrees_to_what_she_has_not_seen(client, heads, programme):
    made = drafted(client, heads, programme)
    address = f"{VERSIONS}/{made['id']}"
    client.patch(address, json={"confirm_days": 5}, headers=heads("district", "e1", 1), status=200)
    client.post(f"{address}/propose", json={"from_on": "2026-12-10"}, headers=heads("district", "p", 2), status=200)
    assert client.post(f"{address}/agree", headers=heads("admin", "a0"), status=400).json["code"] == "no_if_match"
    client.patch(address, json={"confirm_days": 6}, headers=heads("district", "e2", 3), status=200)
    stale = client.post(f"{address}/agree", headers=heads("admin", "a1", 3), status=412)
    assert (stale.json["code"], stale.json["context"]["current"]) == ("policy_changed", 4)
    again = client.post(f"{address}/agree", headers=heads("admin", "a1", 3), status=412)  # the first status again
    assert (again.json, again.headers["Idempotent-Replayed"]) == (stale.json, "true")
    assert (
        client.post(f"{address}/agree", headers=heads("admin", "a2", 4), status=409).json["code"] == "policy_step"
    )  # to be proposed again


def test_withdrawn_and_one_version_at_a_time(client, heads, programme):
    made = drafted(client, heads, programme)
    code = client.get(f"{VERSIONS}/{made['id']}", headers=heads("auditor"), status=200).json["programme"]
    second = client.post(f"{API}/programmes/{code}/versions", headers=heads("admin", "d2"), status=409).json
    assert (second["code"], second["context"]["number"]) == ("version_open", made["number"])
    assert client.post(f"{VERSIONS}/{made['id']}/withdraw", headers=heads("admin"), status=400).json["code"] == "no_idempotency_key"
    gone = client.post(f"{VERSIONS}/{made['id']}/withdraw", headers=heads("admin", "w", 1), status=200).json
    assert (gone["step"], db.session.get_one(Policy, made["id"]).state) == ("withdrawn", PolicyState.withdrawn)
    db.session.rollback()
    listed = client.get(f"{VERSIONS}?programme={code}", headers=heads("auditor"), status=200).json
    assert [row["step"] for row in listed["items"]] == ["withdrawn", "adopted"]
    client.get(f"{VERSIONS}?programme=none", headers=heads("auditor"), status=404)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"rates": RATES[1:]}, 422, "no_general_rate"),
        ({"rates": [*RATES, RATES[0]]}, 422, "rate_twice"),
        ({"rates": [{**RATES[0], "points_per_hour": "１"}]}, 422, "out_of_range"),
        ({"rates": [{**RATES[0], "points_per_hour": "-1"}]}, 422, "out_of_range"),
        ({"rates": [{**RATES[0], "points_per_hour": "101"}]}, 422, "out_of_range"),
        ({"cap": "1e5"}, 422, "wrong_amount"),
        ({"cap": "0.50"}, 422, "out_of_range"),
        ({"daily_minutes": 10**9}, 422, "out_of_range"),
        ({"daily": 480}, 400, "malformed"),
        ({"rates": []}, 400, "malformed"),
    ],
)
def test_what_no_rules_can_say(client, heads, programme, body, status, code):
    made = drafted(client, heads, programme)
    told = client.patch(f"{VERSIONS}/{made['id']}", json=body, headers=heads("district", "e", 1), status=status).json
    assert told["code"] == code
    assert client.get(f"{VERSIONS}/{made['id']}", headers=heads("district"), status=200).json["version"] == 1


def test_who_does_not_rule_the_district_changes_nothing(client, heads, programme, place, make_territory):
    made = drafted(client, heads, programme)
    address = f"{VERSIONS}/{made['id']}"
    client.get(address, headers=heads("auditor"), status=200)
    client.post(f"{address}/withdraw", headers=heads("auditor", "k"), status=403)
    client.post(f"{address}/withdraw", headers=heads("manager", "k", territory=place), status=403)
    client.post(f"{address}/withdraw", status=401)
    other = make_territory("district")
    client.patch(address, json={"nonsense": 1}, headers=heads("district", "k", 1, territory=other), status=404)
    client.get(f"{VERSIONS}/999999", headers=heads("district"), status=404)


def test_a_programme_begins_once(client, heads, make_territory):
    other = make_territory("district")
    body = {"district": other.code, "name_zh": "积分", "name_en": "Points"}
    made = client.post(f"{API}/programmes", json=body, headers=heads("district", "b", territory=other), status=201).json
    assert made == {"code": body["district"], "district": body["district"], "name": {"zh": "积分", "en": "Points"}}
    again = client.post(f"{API}/programmes", json=body, headers=heads("district", "b", territory=other), status=201)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (made, "true")
    assert (
        client.post(f"{API}/programmes", json=body, headers=heads("district", "c", territory=other), status=409).json["code"]
        == "programme_there"
    )
    client.post(f"{API}/programmes", json=body, headers=heads("district", "d"), status=403)
    first = client.post(f"{API}/programmes/{body['district']}/versions", headers=heads("district", "e", territory=other), status=201).json
    assert (first["step"], first["cap"], len(first["changes"]) > 5) == ("draft", "1500.00", True)
