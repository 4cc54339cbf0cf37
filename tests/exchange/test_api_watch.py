"""Social workers by API: what waits, one exchange with its dispute and papers, listings; their communities alone, every look noted.
Residents: their own listings, what might fit, a new last day, the dispute of their own."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Role
from civic.exchange import operations
from civic.exchange.models import Dispute, ListingKind
from civic.people.models import Look
from tests.support.exchange import HELPER, REQUESTER

API = "/api/v1/exchange"
DESK = f"{API}/desk"
PAPER = b"%PDF-1.4\n%%EOF\n"


@pytest.fixture
def social(two, token_of):
    return token_of(role=Role.social_worker, territory=two.place)


@pytest.fixture
def disputed(client, two, token_of):
    """(uid, heads of the one who objected): a dispute with a paper, handed in by API."""
    uid, wang = two.deliver().uid, token_of(two.wang)
    papers = {"words": "只来了一小时", "files": [(io.BytesIO(PAPER), "记录.pdf")]}
    client.post(f"{API}/exchanges/{uid}/dispute", data=papers, content_type="multipart/form-data", headers=wang, status=200)
    return uid, wang


def looked_at() -> set[int]:
    return set(db.session.scalars(sa.select(Look.person_id)))


# ---- social workers ---------------------------------------------------------------------------------------------------------
def test_what_waits_is_listed_read_and_decided(client, two, social, disputed):
    uid, _wang = disputed
    (waits,) = client.get(f"{DESK}/disputes", headers=social, status=200).json["items"]
    assert (waits["exchange"]["uid"], waits["exchange"]["side"], waits["is_late"]) == (uid, None, False)
    told = client.get(f"{DESK}/exchanges/{uid}", headers=social, status=200).json
    said = told["dispute"]
    assert (told["state"], said["by"], said["words"], said["unpayable"]) == ("disputed", "王芳", "只来了一小时", None)
    assert [event["verb"] for event in told["history"]] == ["proposed", "agreed", "delivered", "disputed"]
    key = {**social, "Idempotency-Key": "k"}
    done = client.post(f"{API}/exchanges/{uid}/decide", json={"minutes": 60, "words": "一小时"}, headers=key, status=200).json
    assert (done["dispute"]["decided_minutes"], done["dispute"]["decision"]) == (60, "一小时")
    assert client.get(f"{DESK}/disputes", headers=social, status=200).json == {"items": [], "total": 0, "next": None}


def test_late_ones_stand_first_and_pages_are_counted(client, two, social, disputed, make_listing):
    uid = disputed[0]
    other = make_listing(two.li, title="陪散步")
    young = operations.respond(REQUESTER, other.id, two.wang.id, operations.Proposal(60, two.meet_at))
    operations.accept(HELPER, young.id, two.li.id)
    operations.deliver(HELPER, young.id, two.li.id, 60)
    operations.open_dispute(REQUESTER, young.id, two.wang.id, "没来")
    with atomic():
        db.session.query(Dispute).filter(Dispute.exchange_id == young.id).one().answer_by_on = clock.today() - timedelta(days=1)
    first = client.get(f"{DESK}/disputes?limit=1", headers=social, status=200).json
    assert ([each["exchange"]["uid"] for each in first["items"]], first["total"]) == ([young.uid], 2)
    assert first["items"][0]["is_late"] is True
    second = client.get(first["next"], headers=social, status=200).json
    assert ([each["exchange"]["uid"] for each in second["items"]], second["next"]) == ([uid], None)


def test_exchanges_by_state_and_listings_with_their_owners(client, two, social):
    row = two.agree()
    uid = row.uid
    for query, count in (("", 1), ("?state=agreed", 1), ("?state=disputed", 0), ("?state=confirmed", 0)):
        assert client.get(f"{DESK}/exchanges{query}", headers=social, status=200).json["total"] == count, query
    client.get(f"{DESK}/exchanges?state=gone", headers=social, status=400)
    (item,) = client.get(f"{DESK}/listings?state=open", headers=social, status=200).json["items"]
    assert (item["listing"]["uid"], item["owner"]) == (two.listing.uid, "李*英")
    assert client.get(f"{DESK}/listings?state=stopped", headers=social, status=200).json["total"] == 0
    operations.cancel(REQUESTER, row.id, two.wang.id)
    assert client.get(f"{DESK}/exchanges", headers=social, status=200).json["total"] == 0
    assert client.get(f"{DESK}/exchanges?state=cancelled", headers=social, status=200).json["items"][0]["uid"] == uid


def test_every_look_is_noted_for_both(client, two, social):
    uid, both = two.agree().uid, {two.wang.id, two.li.id}
    client.get(f"{DESK}/exchanges", headers=social, status=200)
    assert looked_at() == both
    client.get(f"{DESK}/exchanges/{uid}", headers=social, status=200)
    assert sorted(db.session.scalars(sa.select(Look.kind))) == ["found", "found", "page", "page"]


def test_a_look_is_noted_before_she_decides_or_stops(client, two, social, disputed):
    """What comes back names the two and has their words, as what she reads has."""
    uid, both = disputed[0], {(two.wang.id, "page"), (two.li.id, "page")}

    def looks() -> list[tuple[int, str]]:
        found = [(look.person_id, look.kind.value) for look in db.session.scalars(sa.select(Look).order_by(Look.id))]
        db.session.rollback()  # what was read here would else enclose the next request, and undo it
        return found

    heads = {**social, "Idempotency-Key": "decide"}
    client.post(f"{API}/exchanges/{uid}/decide", json={"minutes": 500}, headers=heads, status=400)
    assert looks() == [], "nothing was read"
    client.post(f"{API}/exchanges/{uid}/decide", json={"minutes": 60, "words": "一小时"}, headers=heads, status=200)
    assert (len(looks()), set(looks())) == (2, both)
    row = two.agree()
    operations.say(REQUESTER, row.id, two.wang.id, "门牌三号")
    address, heads = f"{API}/exchanges/{row.uid}/stop", {**social, "Idempotency-Key": "stop"}
    assert "门牌三号" in str(client.post(address, json={"why": "停"}, headers=heads, status=200).json)
    assert (len(looks()), set(looks())) == (4, both)


def test_who_objected_for_one_of_them_does_not_decide(client, two, social, token_of):
    uid = two.deliver().uid
    client.post(f"{API}/people/{two.wang.uid}/exchanges/{uid}/dispute", json={"words": "没来"}, headers=social, status=200)
    for verb, body in (("decide", {"minutes": 60, "words": "一小时"}), ("stop", {"why": "停"})):
        heads = {**social, "Idempotency-Key": verb}
        assert client.post(f"{API}/exchanges/{uid}/{verb}", json=body, headers=heads, status=403).json["code"] == "spoke_for_one"
    colleague = {**token_of(role=Role.social_worker, territory=two.place), "Idempotency-Key": "k"}
    client.post(f"{API}/exchanges/{uid}/decide", json={"minutes": 60, "words": "一小时"}, headers=colleague, status=200)
    assert two.numbers == (7_00, 7_00, 1_00)


def test_another_community_sees_nothing(client, two, disputed, token_of, make_community):
    elsewhere = token_of(role=Role.social_worker, territory=make_community())
    client.get(f"{DESK}/exchanges/{disputed[0]}", headers=elsewhere, status=404)
    for name in ("disputes", "exchanges", "listings"):
        assert client.get(f"{DESK}/{name}", headers=elsewhere, status=200).json["total"] == 0, name
    assert looked_at() == set()


def test_clerks_see_listings_alone_residents_and_visitors_nothing(client, two, disputed, token_of):
    uid, wang = disputed
    clerk = token_of(role=Role.clerk, territory=two.place)
    assert client.get(f"{DESK}/listings", headers=clerk, status=200).json["total"] == 1
    for path in ("disputes", "exchanges", f"exchanges/{uid}"):
        for heads, status in ((clerk, 403), (wang, 403), ({}, 401)):
            client.get(f"{DESK}/{path}", headers=heads, status=status)


# ---- papers -----------------------------------------------------------------------------------------------------------------
def test_a_paper_is_read_by_the_two_and_by_their_social_worker(client, two, social, disputed, token_of, make_community, make_person):
    uid, wang = disputed
    (paper,) = client.get(f"{API}/exchanges/{uid}", headers=wang, status=200).json["dispute"]["files"]
    assert (paper["name"], paper["mime"]) == ("记录.pdf", "application/pdf")
    for heads in (wang, token_of(two.li)):
        assert client.get(paper["href"], headers=heads, status=200).data.startswith(b"%PDF")
    assert looked_at() == set(), "one's own is no look"
    answer = client.get(paper["href"], headers=social, status=200)
    assert (answer.mimetype, "attachment" in answer.headers["Content-Disposition"]) == ("application/pdf", True)
    assert looked_at() == {two.wang.id, two.li.id}
    others = (
        token_of(role=Role.social_worker, territory=make_community()), token_of(role=Role.clerk, territory=two.place),
        token_of(make_person("陈静", birth="1970-01-02")),
    )  # fmt: skip
    for heads in others:
        client.get(paper["href"], headers=heads, status=404)
    client.get(f"{API}/exchanges/{uid}/files/{'0' * 64}", headers=wang, status=404)
    client.get(paper["href"], status=401)


# ---- residents --------------------------------------------------------------------------------------------------------------
def test_the_two_read_the_dispute_and_what_they_gave_each_other(client, two, disputed, token_of):
    uid, wang = disputed
    li = token_of(two.li)
    told = client.post(f"{API}/exchanges/{uid}/answer", json={"words": "等了很久"}, headers=li, status=200).json["dispute"]
    assert (told["words"], told["answer"], told["decision"], told["decided_at"]) == ("只来了一小时", "等了很久", "", None)
    assert client.get(f"{API}/exchanges/{uid}", headers=wang, status=200).json["dispute"]["answer"] == "等了很久"


def test_ones_own_listings_whatever_their_state(client, two, token_of):
    li = token_of(two.li)
    operations.pause_listing(HELPER, two.listing.id, two.li.id)
    (item,) = client.get(f"{API}/own-listings", headers=li, status=200).json["items"]
    assert (item["uid"], item["state"]) == (two.listing.uid, "paused")
    assert client.get(f"{API}/own-listings", headers=token_of(two.wang), status=200).json["items"] == []
    client.get(f"{API}/own-listings", status=401)


def test_what_might_fit_with_a_masked_name(client, two, token_of, make_listing, make_person):
    wang = token_of(two.wang)
    need = make_listing(two.wang, kind=ListingKind.need, title="学用手机")
    (item,) = client.get(f"{API}/suggestions", headers=wang, status=200).json["items"]
    assert (item["listing"]["uid"], item["owner"]) == (two.listing.uid, "李*英")
    assert client.get(f"{API}/suggestions?listing={need.uid}", headers=wang, status=200).json["total"] == 1
    client.get(f"{API}/suggestions?listing={two.listing.uid}", headers=wang, status=404)
    unknown = token_of(make_person("陈静", birth="1970-01-02"), verified=False)
    assert client.get(f"{API}/suggestions", headers=unknown, status=200).json["items"] == [], "nobody answers before she is verified"
    client.get(f"{API}/suggestions", status=401)


def test_a_listing_gets_a_new_last_day(client, two, token_of):
    li, address = token_of(two.li), f"{API}/listings/{two.listing.uid}/extend"
    day = (clock.today() + timedelta(days=120)).isoformat()
    heads = {**li, "Idempotency-Key": "k"}
    first = client.post(address, json={"until_on": day}, headers=heads, status=200)
    again = client.post(address, json={"until_on": day}, headers=heads, status=200)
    assert (first.json["until_on"], first.json["version"]) == (day, 2)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    far = (clock.today() + timedelta(days=181)).isoformat()
    assert client.post(address, json={"until_on": far}, headers=li, status=422).json["code"] == "until_out_of_range"
    client.post(address, json={}, headers=li, status=400)
    client.post(address, json={"until_on": day}, headers=token_of(two.wang), status=404)
    client.post(address, json={"until_on": day}, status=401)


def test_the_document_describes_what_is_new(client):
    found = client.get("/api/v1/openapi.json", status=200).json["paths"]
    paths = {path.removeprefix(API) for path in found if path.startswith(API)}
    assert {"/suggestions", "/own-listings", "/listings/{uid}/extend", "/desk/disputes", "/desk/exchanges/{uid}"} <= paths
    beside = {path for path in paths if path.startswith("/people/{person}/")}
    assert len(beside) == 20
    for verb in ("accept", "cancel", "deliver", "confirm"):
        post = found[f"{API}/people/{{person}}/exchanges/{{uid}}/{verb}"]["post"]
        assert [p["required"] for p in post["parameters"] if p.get("name") == "Idempotency-Key"] == [True], verb
    for path in (*beside, "/suggestions", "/desk/disputes", "/exchanges/{uid}/files/{sha}"):
        for verb, told in found[f"{API}{path}"].items():
            assert verb == "parameters" or (told["summary"] and told["security"] == [{"token": []}]), path
