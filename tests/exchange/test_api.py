"""Service for service for programs: listings with If-Match, an exchange from answer to rating, keys where points move, the desk's verbs."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Role
from civic.core.web import api
from civic.exchange import operations, queries
from civic.exchange.models import Exchange, ExchangeState, Listing, ListingState
from tests.support.exchange import HELPER, REQUESTER, frozen_wallet, later, listing_text

API = "/api/v1/exchange"


def keyed(heads: dict[str, str], key: str = "k1") -> dict[str, str]:
    return {**heads, "Idempotency-Key": key}


@pytest.fixture
def wang(two, token_of):
    return token_of(two.wang)


@pytest.fixture
def li(two, token_of):
    return token_of(two.li)


def days(count: int) -> str:
    return (clock.today() + timedelta(days=count)).isoformat()


def answer_of(two) -> dict[str, object]:
    return {"listing": two.listing.uid, "minutes": 120, "meet_at": clock.local(two.meet_at).isoformat(), "words": "周五？"}


# ---- listings ---------------------------------------------------------------------------------------------------------------
def test_open_listings_are_public_and_tell_no_owner(client, two):
    told = client.get(f"{API}/listings?category=phone&kind=offer", status=200)
    (item,) = told.json["items"]
    assert {name: item[name] for name in ("uid", "title", "where", "minutes", "state", "version")} == {
        "uid": two.listing.uid, "title": "教老人用手机", "where": "station", "minutes": 60, "state": "open", "version": 1,
    }  # fmt: skip
    assert "李" not in told.get_data(as_text=True)
    client.get(f"{API}/listings?category=phone&kind=offer", headers={"If-None-Match": told.headers["ETag"]}, status=304)
    for query, count in (("q=手机", 1), ("q=别的", 0), ("speaks=hak", 0), ("where=online", 0), (f"place={two.place.code}", 1)):
        assert client.get(f"{API}/listings?{query}", status=200).json["total"] == count, query
    client.get(f"{API}/listings?place=none", status=404)
    client.get(f"{API}/listings?kind=gift", status=400)


def test_one_listing_until_it_is_over(client, two, li, wang):
    address = f"{API}/listings/{two.listing.uid}"
    assert client.get(address, status=200).json["title"] == "教老人用手机"
    operations.pause_listing(HELPER, two.listing.id, two.li.id)
    client.get(address, status=404)
    client.get(address, headers=wang, status=404)
    assert client.get(address, headers=li, status=200).json["state"] == "paused"


def test_a_listing_is_written_once_and_changed_with_its_version(client, two, wang, li):
    body = {"kind": "need", "place": two.place.code, "category": "home", "title": "装灯泡", "where": "requesters", "until_on": days(30)}
    first = client.post(f"{API}/listings", json=body, headers=keyed(wang), status=201).json
    again = client.post(f"{API}/listings", json=body, headers=keyed(wang), status=201).json
    assert first == again
    assert len(queries.listings_of(two.wang.id)) == 1
    address = f"{API}/listings/{first['uid']}"
    told = client.patch(address, json={"title": "装两个灯泡"}, headers={**wang, "If-Match": '"1"'}, status=200).json
    assert (told["title"], told["where"], told["version"]) == ("装两个灯泡", "requesters", 2)
    stale = client.patch(address, json={"title": "旧的"}, headers={**wang, "If-Match": '"1"'}, status=412).json
    assert (stale["code"], stale["context"]["current"]) == ("listing_changed", 2)
    client.patch(address, json={"title": "别人的"}, headers=li, status=404)
    for verb, state in (("pause", "paused"), ("resume", "open"), ("end", "ended")):
        assert client.post(f"{address}/{verb}", json={}, headers=wang, status=200).json["state"] == state
    assert client.post(f"{address}/resume", json={}, headers=wang, status=409).json["code"] == "listing_closed"


def test_without_a_version_the_same_change_again_gives_the_first_answer(client, two, li):
    address, body = f"{API}/listings/{two.listing.uid}", {"title": "教微信"}
    first = client.patch(address, json=body, headers=keyed(li), status=200)
    again = client.patch(address, json=body, headers=keyed(li), status=200)
    assert (again.json, again.headers["Idempotent-Replayed"], first.json["version"]) == (first.json, "true", 2)
    named = client.patch(address, json=body, headers={**keyed(li), "If-Match": '"2"'}, status=409)
    assert named.json["code"] == "key_reused"


def test_a_version_that_never_was_agrees_to_nothing(client, two, li):
    row = two.propose()
    for number, wrong in enumerate(("0", "x")):
        heads = {**keyed(li, f"k{number}"), "If-Match": wrong}
        assert client.post(f"{API}/exchanges/{row.uid}/accept", headers=heads, status=412).json["code"] == "exchange_changed"


def test_minutes_and_stars_are_whole_numbers(client, two, wang, li, token_of):
    """89.9 is not 89: what is cut off silently would be another number than the program sent."""
    asked = {"listing": two.listing.uid, "meet_at": clock.local(two.meet_at).isoformat()}
    offer = {"kind": "need", "place": two.place.code, "category": "home", "title": "x", "until_on": days(30)}
    row = two.agree(120)
    address, social = f"{API}/exchanges/{row.uid}", token_of(role=Role.social_worker, territory=two.place)
    wrong = [
        (f"{API}/exchanges", asked, "minutes", wang), (f"{API}/listings", offer, "minutes", wang),
        (f"{address}/move", {"meet_at": asked["meet_at"]}, "minutes", wang), (f"{address}/deliver", {}, "minutes", li),
        (f"{address}/confirm", {}, "minutes", wang), (f"{address}/rate", {}, "stars", wang),
        (f"{address}/decide", {"words": "好"}, "minutes", social),
    ]  # fmt: skip
    for where, body, name, heads in wrong:
        for value in (4.9, "4", True):
            told = client.post(where, json={**body, name: value}, headers=keyed(heads, f"{where}{value}"), status=400).json
            assert (told["code"], list(told["context"]["fields"])) == ("malformed", [name]), where
    client.patch(f"{API}/listings/{two.listing.uid}", json={"minutes": 30.5}, headers=li, status=400)
    assert client.post(f"{address}/deliver", json={"minutes": 89}, headers=keyed(li), status=200).json["delivered_minutes"] == 89


def test_who_is_not_verified_writes_and_answers_nothing(client, two, make_person, token_of):
    chen = token_of(make_person("陈静", birth="1970-01-02"), verified=False)
    body = {"kind": "need", "place": two.place.code, "category": "home", "title": "x", "until_on": days(30)}
    client.post(f"{API}/listings", json=body, headers=chen, status=403)
    client.post(f"{API}/exchanges", json=answer_of(two), headers=chen, status=403)
    client.post(f"{API}/exchanges", json=answer_of(two), status=401)


# ---- an exchange ------------------------------------------------------------------------------------------------------------
def test_from_the_answer_to_the_rating(client, two, wang, li):
    made = client.post(f"{API}/exchanges", json=answer_of(two), headers=wang, status=201).json
    assert (made["state"], made["side"], made["held"], made["acts"]) == ("proposed", "requester", None, ["retime", "cancel", "say"])
    address = f"{API}/exchanges/{made['uid']}"
    assert client.post(f"{address}/accept", headers=li, status=400).json["code"] == "no_idempotency_key"
    told = client.post(f"{address}/accept", headers=keyed(li), status=200).json
    assert (told["state"], told["held"], told["side"]) == ("agreed", "2.00", "helper")
    assert client.post(f"{address}/accept", headers=keyed(li), status=200).json == told  # the same key, the same answer
    client.post(f"{address}/say", json={"words": "我带点心"}, headers=wang, status=200)
    client.post(f"{address}/deliver", json={"minutes": 90}, headers=keyed(li, "d"), status=200)
    assert client.post(f"{address}/confirm", json={"minutes": 60}, headers=keyed(wang, "c0"), status=409).json["code"] == "exchange_changed"
    done = client.post(f"{address}/confirm", json={"minutes": 90}, headers=keyed(wang, "c"), status=200).json
    assert (done["state"], done["held"], done["acts"]) == ("confirmed", None, ["rate"])
    assert two.numbers == (6_50, 6_50, 1_50)
    rated = client.post(f"{address}/rate", json={"stars": 5}, headers=wang, status=200).json
    assert rated["acts"] == []
    assert client.post(f"{address}/rate", json={"stars": 4}, headers=wang, status=409).json["code"] == "already_rated"
    assert [(event["verb"], event["side"]) for event in rated["history"]] == [
        ("proposed", "requester"), ("agreed", "helper"), ("said", "requester"), ("delivered", "helper"), ("confirmed", "requester"), ("settled", None),
        ("rated", "requester"),
    ]  # fmt: skip
    (line,) = client.get(f"{API}/exchanges?live=false", headers=wang, status=200).json["items"]
    assert (line["uid"], line["delivered_minutes"]) == (made["uid"], 90)
    assert client.get(f"{API}/exchanges?live=true", headers=wang, status=200).json["total"] == 0


def test_nobody_agrees_to_another_version_than_she_read(client, two, li):
    row = two.propose()
    address = f"{API}/exchanges/{row.uid}"
    operations.retime(REQUESTER, row.id, two.wang.id, clock.now() + timedelta(days=5))
    stale = client.post(f"{address}/accept", headers={**keyed(li), "If-Match": '"2"'}, status=412).json
    assert stale["code"] == "exchange_changed"
    now = str(stale["context"]["current"])
    client.post(f"{address}/accept", headers={**keyed(li, "k2"), "If-Match": now}, status=200)


def test_move_decline_cancel(client, two, wang, li):
    row = two.propose()
    address = f"{API}/exchanges/{row.uid}"
    told = client.post(
        f"{address}/move", json={"meet_at": clock.local(clock.now() + timedelta(days=4)).isoformat()}, headers=li, status=200
    ).json
    assert "accept" not in told["acts"]
    assert client.post(f"{address}/decline", json={}, headers=wang, status=200).json["state"] == "declined"
    other = two.agree()
    client.post(f"{API}/exchanges/{other.uid}/cancel", json={}, headers=wang, status=400)
    client.post(f"{API}/exchanges/{other.uid}/cancel", json={}, headers=keyed(wang), status=200)
    assert two.numbers == (8_00, 8_00, 0)


def test_an_exchange_of_others_does_not_exist(client, two, make_person, token_of):
    row, chen = two.agree(), token_of(make_person("陈静", birth="1970-01-02"))
    client.get(f"{API}/exchanges/{row.uid}", headers=chen, status=404)
    for verb in ("accept", "decline", "move", "cancel", "deliver", "confirm", "dispute", "answer", "say", "rate"):
        client.post(f"{API}/exchanges/{row.uid}/{verb}", json={}, headers=keyed(chen, verb), status=404)
    client.get(f"{API}/exchanges/{row.uid}", status=401)
    assert client.get(f"{API}/exchanges", headers=chen, status=200).json["items"] == []


def test_silence_confirms_before_a_program_reads(client, two, token_of):
    row = two.deliver()
    with later(days=8):
        assert client.get(f"{API}/exchanges/{row.uid}", headers=token_of(two.wang), status=200).json["state"] == "confirmed"


def test_a_frozen_wallet_delays_the_points(client, two, wang):
    row = two.deliver()
    frozen_wallet(two.wallet)
    told = client.post(f"{API}/exchanges/{row.uid}/confirm", json={}, headers=keyed(wang), status=200).json
    assert (told["state"], two.numbers[0]) == ("delivered", 8_00)


# ---- the desk ---------------------------------------------------------------------------------------------------------------
def test_a_dispute_is_opened_answered_and_decided(client, two, wang, li, token_of):
    row, social = two.deliver(), token_of(role=Role.social_worker, territory=two.place)
    address = f"{API}/exchanges/{row.uid}"
    assert client.post(f"{address}/dispute", json={"words": "只来了一小时"}, headers=wang, status=200).json["state"] == "disputed"
    client.post(f"{address}/answer", json={"words": "等了很久"}, headers=li, status=200)
    client.post(f"{address}/decide", json={"minutes": 60, "words": "一小时"}, headers=social, status=400)
    client.post(f"{address}/decide", json={"minutes": 60, "words": "一小时"}, headers=keyed(wang), status=403)
    told = client.post(f"{address}/decide", json={"minutes": 60, "words": "一小时"}, headers=keyed(social), status=200).json
    assert (told["state"], told["side"]) == ("settled", None)
    assert two.numbers == (7_00, 7_00, 1_00)


def paper(size: int = 0) -> bytes:
    return b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n" + b" " * size


def with_files(words: str, *files: tuple[bytes, str]) -> dict[str, object]:
    return {"data": {"words": words, "files": [(io.BytesIO(data), name) for data, name in files]}, "content_type": "multipart/form-data"}


def test_files_come_with_an_objection_and_with_its_answer(client, two, wang, li):
    row = two.deliver()
    address = f"{API}/exchanges/{row.uid}"
    sent = with_files("只来了一小时", (paper(), "记录.pdf"), (paper(1), "photo.pdf"))
    first = client.post(f"{address}/dispute", headers=keyed(wang), status=200, **sent)
    assert first.json["state"] == "disputed"
    sent = with_files("只来了一小时", (paper(), "记录.pdf"), (paper(1), "photo.pdf"))
    again = client.post(f"{address}/dispute", headers=keyed(wang), status=200, **sent)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    other = with_files("只来了一小时", (paper(2), "记录.pdf"), (paper(1), "photo.pdf"))  # another file is another body
    assert client.post(f"{address}/dispute", headers=keyed(wang), status=409, **other).json["code"] == "key_reused"
    client.post(f"{address}/answer", headers=li, status=200, **with_files("等了很久", (paper(3), "路.pdf")))
    db.session.expire_all()
    view = queries.exchange_view(db.session.get_one(Exchange, row.id), two.li.id)
    assert [each.name for each in view.dispute.files] == ["记录.pdf", "photo.pdf", "路.pdf"]
    assert (view.dispute.words, view.dispute.answer) == ("只来了一小时", "等了很久")


def test_a_form_with_files_may_be_longer_than_json(client, two, wang, monkeypatch):
    monkeypatch.setattr(api, "MOST_BODY", 400)  # a real megabyte would leave the client's own temporary file open
    address = f"{API}/exchanges/{two.deliver().uid}/dispute"
    assert client.post(address, headers=wang, status=400, json={"words": "不" * 400}).json["code"] == "too_large"
    client.post(address, headers=wang, status=200, **with_files("不对", (paper(2000), "a.pdf")))


def test_what_is_wrong_with_a_file_is_said_and_nothing_is_opened(client, two, wang):
    row = two.deliver()
    address = f"{API}/exchanges/{row.uid}/dispute"
    for files, status, code in (
        ([(b"MZ\x90\x00" + b"\x00" * 60, "a.exe")], 422, "file_kind_refused"),
        ([(paper(n), f"{n}.pdf") for n in range(6)], 422, "too_many_files"),
    ):
        assert client.post(address, headers=wang, status=status, **with_files("不对", *files)).json["code"] == code
    client.post(address, headers=wang, status=400, **with_files("", (paper(), "a.pdf")))
    strange = {"words": "不对", "file": [(io.BytesIO(paper()), "a.pdf")]}
    told = client.post(address, headers=wang, data=strange, content_type="multipart/form-data", status=400).json
    assert told["context"]["fields"] == {"file": ["Unknown field."]}
    assert queries.state_at(db.session.get_one(Exchange, row.id, populate_existing=True), clock.now()) is ExchangeState.delivered


def test_a_replayed_conflict_has_the_first_status(client, two, wang, li):
    """412 where the program named what it saw; the same again, and not 409."""
    row = two.propose()
    operations.retime(REQUESTER, row.id, two.wang.id, clock.now() + timedelta(days=5))
    heads = {**keyed(li), "If-Match": '"2"'}
    first = client.post(f"{API}/exchanges/{row.uid}/accept", headers=heads, status=412)
    again = client.post(f"{API}/exchanges/{row.uid}/accept", headers=heads, status=412)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    address = f"{API}/listings/{two.listing.uid}"
    operations.edit_listing(HELPER, two.listing.id, two.li.id, 1, listing_text(title="教微信"))
    heads = {**keyed(li, "edit"), "If-Match": '"1"'}
    first = client.patch(address, json={"title": "旧的"}, headers=heads, status=412)
    again = client.patch(address, json={"title": "旧的"}, headers=heads, status=412)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")


def test_an_exchange_and_a_listing_are_stopped(client, two, token_of, make_community):
    row, social = two.agree(), token_of(role=Role.social_worker, territory=two.place)
    elsewhere = token_of(role=Role.social_worker, territory=make_community())
    for address in (f"{API}/exchanges/{row.uid}/stop", f"{API}/listings/{two.listing.uid}/stop"):
        client.post(address, json={"why": "收钱"}, headers=keyed(elsewhere, address), status=404)
        client.post(address, json={"why": "收钱"}, headers=keyed(social, address), status=200)
    db.session.expire_all()
    assert db.session.get_one(Exchange, row.id).state is ExchangeState.cancelled
    assert db.session.get_one(Listing, two.listing.id).state is ListingState.stopped
    assert two.numbers == (8_00, 8_00, 0)


def test_the_document_describes_it(client):
    found = client.get("/api/v1/openapi.json", status=200).json
    paths = {path for path in found["paths"] if path.startswith("/api/v1/exchange/")}
    assert len(paths) == 48
    for verb in ("dispute", "answer"):
        content = found["paths"][f"/api/v1/exchange/exchanges/{{uid}}/{verb}"]["post"]["requestBody"]["content"]
        assert set(content) == {"application/json", "multipart/form-data"}
        named = content["multipart/form-data"]["schema"]["$ref"].rsplit("/", 1)[1]
        assert found["components"]["schemas"][named]["properties"]["files"]["items"] == {"type": "string", "format": "binary"}
    for verb in ("accept", "cancel", "deliver", "confirm", "decide", "stop"):
        post = found["paths"][f"/api/v1/exchange/exchanges/{{uid}}/{verb}"]["post"]
        assert [p["required"] for p in post["parameters"] if p.get("name") == "Idempotency-Key"] == [True], verb
        assert post["security"] == [{"token": []}]
        assert post["summary"]
