"""Hints, monthly reports and files for auditors by API: the rights, looks and lines of the audit of the pages."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date

import pytest
import sqlalchemy as sa

from civic.accounts import operations as accounts
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people.models import Look
from civic.points.models import Hint, HintKind, HintState, Transfer, Wallet
from civic.points.operations.reports import make_report
from tests.support.closes import CLERK, closed, earned

API = "/api/v1/points"
OCTOBER = date(2026, 10, 1)


@pytest.fixture
def heads(site, make_account, place, programme):
    """`heads(role, key)`: one account for each role of the community, and of the whole district where `whole` is said."""
    people: dict[str, int] = {}
    district = programme.territory

    def make(role: str, key: str = "", *, whole: bool = False, territory=None) -> dict[str, str]:
        where = territory or (district if whole else place)
        name = f"{role} {where.code}"
        if name not in people:
            people[name] = make_account(role, where).id
        token = accounts.begin_token(Actor(people[name]), people[name], label="test", two_step=True)[1]
        return {"Authorization": f"Bearer {token}", "Accept-Language": "en", **({"Idempotency-Key": key} if key else {})}

    return make


# ---- hints ------------------------------------------------------------------------------------------------------------------
@pytest.fixture
def hint(place, make_person, make_wallet):
    """(public id of a hint, person, public id of her wallet): somebody who earned far more than usual."""
    wang = make_person()
    wallet = make_wallet(1_00, wang)
    numbers = {
        "wallets": [wallet], "monday": "2026-11-16", "earned": 32_00, "usual": 4_00, "weeks": [4_00, 0], "times": 3, "above": 20_00,
    }  # fmt: skip
    with atomic():
        row = Hint(territory_id=place.id, kind=HintKind.sudden, subject=f"wallet:{wallet}:2026-W47", detail=json.dumps(numbers))
        db.session.add(row)
    return row.uid, wang.id, db.session.get_one(Wallet, wallet).uid


def test_a_hint_is_listed_read_and_looked_at_once(client, heads, hint):
    uid, person, wallet = hint
    listed = client.get(f"{API}/hints", headers=heads("social-worker"), status=200).json
    assert [(each["uid"], each["earned"], each["usual"], each["weeks"]) for each in listed["items"]] == [
        (uid, "32.00", "4.00", ["4.00", "0.00"])
    ]
    address = f"{API}/hints/{uid}"
    told = client.get(address, headers=heads("social-worker"), status=200).json
    assert (told["wallets"], told["words"], told["paid"]) == ([{"name": "王芳", "uid": wallet}], "", [])
    assert any("32 points" in sentence for sentence in told["sentences"])
    assert [(look.person_id, look.kind.value) for look in db.session.scalars(sa.select(Look).order_by(Look.id))] == [
        (person, "found"), (person, "page"),
    ]  # fmt: skip
    body = {"words": "水灾值班"}
    assert client.post(f"{address}/look", json=body, headers=heads("social-worker"), status=400).json["code"] == "no_idempotency_key"
    done = client.post(f"{address}/look", json=body, headers=heads("social-worker", "k"), status=200).json
    again = client.post(f"{address}/look", json=body, headers=heads("social-worker", "k"), status=200)
    assert (done["state"], done["words"]) == ("looked_at", "水灾值班")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (done, "true")
    late = client.post(f"{address}/look", json=body, headers=heads("manager", "k"), status=409)
    assert late.json["code"] == "already_looked_at"
    assert client.get(f"{API}/hints", headers=heads("manager"), status=200).json["total"] == 0
    assert client.get(f"{API}/hints?show=looked_at", headers=heads("auditor"), status=200).json["items"][0]["words"] == "水灾值班"


def test_who_sees_hints_and_who_closes_them(client, heads, hint, make_community):
    uid, elsewhere = hint[0], make_community()
    address = f"{API}/hints/{uid}"
    client.get(address, headers=heads("manager", territory=elsewhere), status=404)
    assert client.get(f"{API}/hints", headers=heads("manager", territory=elsewhere), status=200).json["total"] == 0
    for body in ({"words": "x"}, {}):
        client.post(f"{address}/look", json=body, headers=heads("manager", "k", territory=elsewhere), status=404)
    client.post(f"{address}/look", json={"words": " "}, headers=heads("manager", "k"), status=400)
    client.get(address, headers=heads("auditor"), status=200)
    client.post(f"{address}/look", json={"words": "x"}, headers=heads("auditor", "k"), status=403)
    client.get(address, headers=heads("clerk"), status=403)
    client.get(address, status=401)
    client.post(f"{address}/look", json={"words": "x"}, status=401)
    assert db.session.scalars(sa.select(Hint.state)).one() is HintState.open


def test_a_hint_about_her_own_household_is_a_colleagues(client, hint, make_account, place):
    uid, person, _wallet = hint
    account = make_account("manager", place)
    with atomic():
        db.session.merge(account).person_id = person
    token = accounts.begin_token(Actor(account.id), account.id, label="test", two_step=True)[1]
    heads = {"Authorization": f"Bearer {token}"}
    assert client.get(f"{API}/hints", headers=heads, status=200).json["total"] == 0
    client.get(f"{API}/hints/{uid}", headers=heads, status=404)
    client.post(f"{API}/hints/{uid}/look", json={"words": "x"}, headers={**heads, "Idempotency-Key": "k"}, status=404)


# ---- monthly reports --------------------------------------------------------------------------------------------------------
@pytest.fixture
def october(programme, make_person):
    """October closed, with an hour in it; no report yet."""
    earned(programme, make_person(), date(2026, 10, 12), 60, "hours:1")
    closed(date(2026, 10, 31))
    return programme


def test_a_report_is_made_read_and_signed(client, heads, october):
    address = f"{API}/programmes/{october.code}/reports"
    (month,) = client.get(address, headers=heads("district", whole=True), status=200).json["items"]
    assert (month["month"], month["made_at"], month["signatures"]) == ("2026-10", None, 0)
    client.get(f"{API}/reports/2026-10", status=404)
    make = f"{address}/2026-10/make"
    assert client.post(make, headers=heads("admin", whole=True), status=400).json["code"] == "no_idempotency_key"
    made = client.post(make, headers=heads("admin", "k", whole=True), status=200).json
    again = client.post(make, headers=heads("admin", "k", whole=True), status=200)
    assert (made["month"], made["sums"]["issued"], made["end"]["outstanding"], made["signed_on"]) == ("2026-10", "1.00", "1.00", [])
    assert (again.json, again.headers["Idempotent-Replayed"]) == (made, "true")
    assert made["people"]["earned"] is None, "one person is fewer than five"
    lines = f"{made['kind']}\n{made['from_on']}\n{made['to_on']}\n{made['formula']}\n{made['content_text']}"
    assert hashlib.sha256(lines.encode()).hexdigest() == made["hash"]
    signed = client.post(f"{address}/2026-10/sign", headers=heads("district", "s", whole=True), status=200).json
    assert signed["signed_on"] == [clock.today().isoformat()]
    twice = client.post(f"{address}/2026-10/sign", headers=heads("district", "t", whole=True), status=409)
    assert twice.json["code"] == "signed_already"
    (month,) = client.get(address, headers=heads("district", whole=True), status=200).json["items"]
    assert (month["hash"], month["signatures"], month["is_signed_by_me"]) == (made["hash"], 1, True)
    public = client.get(f"{API}/reports/2026-10", status=200)
    assert (public.json, public.json["signed_on"]) == (signed, signed["signed_on"])
    client.get(f"{API}/reports/2026-10", headers={"If-None-Match": public.headers["ETag"]}, status=304)
    listed = client.get(f"{API}/reports?programme={october.code}", status=200)
    assert [(each["month"], each["hash"]) for each in listed.json["items"]] == [("2026-10", made["hash"])]
    client.get(f"{API}/reports?programme={october.code}", headers={"If-None-Match": listed.headers["ETag"]}, status=304)


def test_a_month_that_is_not_closed_waits(client, heads, programme, make_person):
    code = programme.code
    earned(programme, make_person(), date(2026, 10, 12), 60, "hours:1")
    closed(date(2026, 10, 30))
    address = f"{API}/programmes/{code}/reports"
    refused = client.post(f"{address}/2026-10/make", headers=heads("district", "k", whole=True), status=409)
    assert refused.json["code"] == "month_not_closed"
    for month in ("2026-11", "2026-13", "october"):  # this one is not over; two that are none
        client.post(f"{address}/{month}/make", headers=heads("district", f"k{month}", whole=True), status=404)
    client.post(f"{address}/2026-10/sign", headers=heads("district", "s", whole=True), status=404)


def test_who_makes_and_signs(client, heads, october, make_community):
    make_report(CLERK, october.id, OCTOBER)
    address = f"{API}/programmes/{october.code}/reports"
    for verb in ("make", "sign"):
        client.post(
            f"{address}/2026-10/{verb}", headers=heads("district", verb), status=404
        )  # of a community: the rules are not hers to read
        client.post(f"{address}/2026-10/{verb}", headers=heads("auditor", verb, whole=True), status=403)
        client.post(f"{address}/2026-10/{verb}", headers=heads("manager", verb), status=403)
        client.post(f"{address}/2026-10/{verb}", status=401)
    client.post(f"{address}/2026-10/sign", headers=heads("admin", "a", whole=True), status=403)
    client.get(address, headers=heads("auditor"), status=200)
    client.get(address, headers=heads("district"), status=404)
    client.get(f"{API}/programmes/XX/reports", headers=heads("district", whole=True), status=404)
    client.get(address, status=401)
    client.get(f"{API}/reports?programme=XX", status=404)


# ---- files for auditors -----------------------------------------------------------------------------------------------------
def wish(**values: str) -> dict[str, str]:
    return {"programme": "PY", "what": "transfers", "since": "2026-11-01", "until": "2026-12-01", **values}


def test_the_ledger_as_a_file_with_its_line_in_the_audit(client, heads, make_wallet, programme):
    number = programme.id
    make_wallet(5_00)
    answer = client.post(f"{API}/exports", json=wish(), headers=heads("auditor", whole=True), status=200)
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("text/csv", "no-store")
    assert answer.headers["Content-Disposition"].endswith("points-transfers-PY-2026-11-01-2026-12-01.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["id"] for row in rows] == [str(i) for i in db.session.scalars(sa.select(Transfer.id).order_by(Transfer.id))]
    assert "王" not in answer.text
    line = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.verb == "points.exported")).one()
    assert (line.subject_id, line.channel, json.loads(line.context)["what"]) == (number, "api", "transfers")
    for what in ("closes", "proposals", "rules"):
        assert client.post(f"{API}/exports", json=wish(what=what), headers=heads("auditor", whole=True), status=200).text.startswith(
            "\ufeff"
        )


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"until": "2026-11-01"}, 400),
        ({"since": "1999-01-01"}, 400),
        ({"what": "everything"}, 400),
        ({"since": ""}, 400),
        ({"programme": "XX"}, 404),
    ],
)
def test_a_wish_that_makes_no_file_leaves_no_line(client, heads, wrong, status):
    client.post(f"{API}/exports", json=wish(**wrong), headers=heads("auditor", whole=True), status=status)
    assert db.session.scalar(sa.select(sa.func.count()).where(AuditEvent.verb == "points.exported")) == 0


def test_who_gets_files(client, heads):
    client.post(f"{API}/exports", json=wish(), headers=heads("auditor"), status=404)  # of a community alone
    client.post(f"{API}/exports", json=wish(), headers=heads("district", whole=True), status=403)
    client.post(f"{API}/exports", json=wish(), status=401)


def test_the_document_describes_them(client):
    found = client.get("/api/v1/openapi.json", status=200).json["paths"]
    for path in (
        "/hints/{uid}/look",
        "/programmes/{code}/reports/{month}/make",
        "/programmes/{code}/reports/{month}/sign",
        "/people/{uid}/wallets",
    ):
        post = found[f"{API}{path}"]["post"]
        assert [p["required"] for p in post["parameters"] if p.get("name") == "Idempotency-Key"] == [True], path
        assert (bool(post["summary"]), post["security"]) == (True, [{"token": []}])
    assert list(found[f"{API}/exports"]["post"]["responses"]["200"]["content"]) == ["text/csv"]
