"""Acting by API for the person beside: the same verbs at the desk, marked so, noted as a look, never in one's own cause, once per key."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.accounts import operations as accounts
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor, Channel, Role
from civic.exchange import operations, queries
from civic.exchange.models import Exchange, ExchangeEvent, Listing, ListingKind, ListingState
from civic.people.models import Look, LookKind
from tests.support.exchange import HELPER, REQUESTER, later, told
from tests.support.exchange_web import bind

API = "/api/v1/exchange"
VERBS = ("accept", "decline", "move", "cancel", "deliver", "confirm", "dispute", "answer", "say", "rate")
MOVES = {"cancel": {}, "deliver": {"minutes": 60}, "confirm": {}}


def keyed(heads: dict[str, str], key: str = "k1") -> dict[str, str]:
    return {**heads, "Idempotency-Key": key}


def day(count: int) -> str:
    return (clock.today() + timedelta(days=count)).isoformat()


@pytest.fixture
def clerk(two, token_of):
    return token_of(role=Role.clerk, territory=two.place)


@pytest.fixture
def colleague(two, token_of):
    return token_of(role=Role.clerk, territory=two.place)


def beside(person) -> str:
    return f"{API}/people/{person.uid}"


def need(**values: object) -> dict[str, object]:
    return {"kind": "need", "category": "home", "title": "装灯泡", "where": "requesters", "until_on": day(30), **values}


def answer_of(two) -> dict[str, object]:
    return {"listing": two.listing.uid, "minutes": 120, "meet_at": clock.local(two.meet_at).isoformat()}


def looks() -> list[tuple[int, str]]:
    return [(look.person_id, look.kind.value) for look in db.session.scalars(sa.select(Look).order_by(Look.id))]


# ---- offers and needs -------------------------------------------------------------------------------------------------------
def test_a_need_is_written_changed_prolonged_and_ended_for_her(client, two, clerk):
    wang, address = two.wang.id, beside(two.wang)
    made = client.post(f"{address}/listings", json=need(), headers=keyed(clerk), status=201).json
    assert client.post(f"{address}/listings", json=need(), headers=keyed(clerk), status=201).json == made
    row = db.session.scalars(sa.select(Listing).where(Listing.uid == made["uid"])).one()
    assert (row.person_id, row.channel, row.kind) == (wang, Channel.desk, ListingKind.need)
    assert len(told(two.wang)) == 1, "she is told what the desk wrote for her"
    hers = f"{address}/listings/{made['uid']}"
    changed = client.patch(hers, json={"title": "装两个灯泡"}, headers={**clerk, "If-Match": '"1"'}, status=200).json
    assert (changed["title"], changed["where"], changed["version"]) == ("装两个灯泡", "requesters", 2)
    stale = client.patch(hers, json={"title": "旧的"}, headers={**clerk, "If-Match": '"1"'}, status=412).json
    assert (stale["code"], stale["context"]["current"]) == ("listing_changed", 2)
    assert client.post(f"{hers}/extend", json={"until_on": day(90)}, headers=clerk, status=200).json["until_on"] == day(90)
    assert client.post(f"{hers}/extend", json={"until_on": day(181)}, headers=clerk, status=422).json["code"] == "until_out_of_range"
    for verb, state in (("pause", "paused"), ("resume", "open"), ("end", "ended")):
        assert client.post(f"{hers}/{verb}", json={}, headers=clerk, status=200).json["state"] == state
    assert client.post(f"{hers}/extend", json={"until_on": day(90)}, headers=clerk, status=409).json["code"] == "listing_closed"
    listed = client.get(f"{address}/listings", headers=clerk, status=200).json
    assert [(each["uid"], each["state"]) for each in listed["items"]] == [(made["uid"], "ended")]


def test_the_same_change_again_gives_the_first_answer(client, two, clerk):
    hers = f"{beside(two.li)}/listings/{two.listing.uid}"
    first = client.patch(hers, json={"title": "教微信"}, headers=keyed(clerk), status=200)
    again = client.patch(hers, json={"title": "教微信"}, headers=keyed(clerk), status=200)
    assert (again.json, again.headers["Idempotent-Replayed"], first.json["version"]) == (first.json, "true", 2)


def test_what_might_fit_her_and_everything_she_could_answer(client, two, clerk, make_listing):
    make_listing(two.wang, kind=ListingKind.need, title="学用手机")
    offer, place, address = two.listing.uid, two.place.code, beside(two.wang)
    (fits,) = client.get(f"{address}/suggestions", headers=clerk, status=200).json["items"]
    assert (fits["listing"]["uid"], fits["owner"], fits["stars"]["count"]) == (offer, "李*英", 0)
    for query, count in (("", 1), ("kind=need", 0), ("q=手机", 1), ("lang=en", 0), (f"place={place}", 1)):
        found = client.get(f"{address}/find?{query}", headers=clerk, status=200).json
        assert found["total"] == count, query  # her own never
    client.get(f"{address}/find?place=none", headers=clerk, status=404)
    client.get(f"{address}/find?colour=red", headers=clerk, status=400)


def test_anothers_listing_is_not_hers(client, two, clerk):
    li, address = two.listing.uid, beside(two.wang)
    client.patch(f"{address}/listings/{li}", json={"title": "x"}, headers=clerk, status=404)
    for verb in ("pause", "resume", "extend", "end"):
        client.post(f"{address}/listings/{li}/{verb}", json={}, headers=clerk, status=404)
    assert db.session.get_one(Listing, two.listing.id, populate_existing=True).state is ListingState.open


# ---- exchanges --------------------------------------------------------------------------------------------------------------
def test_two_at_the_desk_from_the_answer_to_the_rating(client, two, clerk, colleague):
    wang, li = beside(two.wang), beside(two.li)
    made = client.post(f"{wang}/exchanges", json=answer_of(two), headers=keyed(clerk), status=201).json
    assert (made["state"], made["side"], made["acts"]) == ("proposed", "requester", ["retime", "cancel", "say"])
    uid = made["uid"]
    for_li = f"{li}/exchanges/{uid}"
    assert client.get(for_li, headers=colleague, status=200).json["side"] == "helper"
    same = client.post(f"{for_li}/accept", headers=keyed(clerk, "same"), status=403).json
    assert same["code"] == "spoke_for_other", "who proposed for one does not agree for the other"
    assert client.post(f"{for_li}/accept", headers=colleague, status=400).json["code"] == "no_idempotency_key"
    agreed = client.post(f"{for_li}/accept", headers=keyed(colleague), status=200).json
    again = client.post(f"{for_li}/accept", headers=keyed(colleague), status=200)
    assert (agreed["state"], agreed["held"]) == ("agreed", "2.00")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (agreed, "true")
    client.post(f"{for_li}/deliver", json={"minutes": 90}, headers=keyed(colleague, "d"), status=200)
    done = client.post(f"{wang}/exchanges/{uid}/confirm", json={"minutes": 90}, headers=keyed(clerk, "c"), status=200).json
    assert (done["state"], two.numbers) == ("confirmed", (6_50, 6_50, 1_50))
    rated = client.post(f"{wang}/exchanges/{uid}/rate", json={"stars": 5, "words": "很耐心"}, headers=clerk, status=200).json
    assert [(each["stars"], each["words"]) for each in rated["ratings"]] == [(5, "")], "a clerk does not read the words"
    marks = set(db.session.scalars(sa.select(ExchangeEvent.channel).where(ExchangeEvent.verb != "settled")))
    assert marks == {"desk"}
    listed = client.get(f"{wang}/exchanges?live=false", headers=clerk, status=200).json
    assert [(each["uid"], each["side"]) for each in listed["items"]] == [(uid, "requester")]


def test_a_clerk_acts_and_reads_no_words_a_social_worker_reads_them(client, two, clerk, token_of):
    social = token_of(role=Role.social_worker, territory=two.place)
    row = two.deliver()
    operations.say(HELPER, row.id, two.li.id, "悄悄话")
    uid, wang, li = row.uid, beside(two.wang), beside(two.li)
    papers = {"words": "只来了一小时", "files": [(io.BytesIO(b"%PDF-1.4\n%%EOF\n"), "a.pdf")]}
    heads = keyed(clerk)
    made = client.post(f"{wang}/exchanges/{uid}/dispute", data=papers, content_type="multipart/form-data", headers=heads, status=200)
    assert made.json["state"] == "disputed"
    client.post(f"{li}/exchanges/{uid}/answer", json={"words": "等了很久"}, headers=clerk, status=200)
    seen = client.get(f"{wang}/exchanges/{uid}", headers=clerk, status=200).json
    assert {event["words"] for event in seen["history"]} == {""}
    assert (seen["dispute"]["words"], seen["dispute"]["answer"], seen["dispute"]["files"]) == ("", "", [])
    whole = client.get(f"{wang}/exchanges/{uid}", headers=social, status=200).json
    assert "悄悄话" in {event["words"] for event in whole["history"]}
    assert (whole["dispute"]["words"], whole["dispute"]["answer"], len(whole["dispute"]["files"])) == ("只来了一小时", "等了很久", 1)
    client.get(whole["dispute"]["files"][0]["href"], headers=clerk, status=404)


def test_declined_moved_called_off(client, two, clerk):
    row = two.propose()
    uid, li = row.uid, beside(two.li)
    other_time = {"meet_at": clock.local(clock.now() + timedelta(days=4)).isoformat()}
    assert client.post(f"{li}/exchanges/{uid}/move", json=other_time, headers=clerk, status=200).json["acts"] == ["retime", "cancel", "say"]
    assert client.post(f"{li}/exchanges/{uid}/decline", json={}, headers=clerk, status=409).json["code"] == "not_your_turn"
    assert client.post(f"{li}/exchanges/{uid}/cancel", json={}, headers=keyed(clerk), status=200).json["state"] == "cancelled"
    assert client.post(f"{li}/exchanges/{uid}/say", json={"words": "再见"}, headers=clerk, status=409).json["code"] == "wrong_moment"


def test_what_moves_points_wants_a_key(client, two, clerk):
    uid, wang = two.agree().uid, beside(two.wang)
    for verb, body in MOVES.items():
        told_ = client.post(f"{wang}/exchanges/{uid}/{verb}", json=body, headers=clerk, status=400).json
        assert told_["code"] == "no_idempotency_key", verb
    assert client.post(f"{wang}/exchanges/{uid}/accept", headers=clerk, status=400).json["code"] == "no_idempotency_key"


def test_too_few_points_are_told_as_on_the_page(client, two, clerk, make_person, make_wallet):
    poor = make_person("陈静", birth="1970-01-02")
    make_wallet(1_00, poor)
    row = operations.respond(REQUESTER, two.listing.id, poor.id, operations.Proposal(120, two.meet_at))
    uid, li = row.uid, beside(two.li)
    assert client.post(f"{li}/exchanges/{uid}/accept", headers=keyed(clerk), status=422).json["code"] == "not_enough_points"


# ---- who may ----------------------------------------------------------------------------------------------------------------
def test_another_community_learns_nothing_whatever_the_body(client, two, token_of, make_community):
    uid, listing = two.agree().uid, two.listing.uid
    elsewhere, address = token_of(role=Role.clerk, territory=make_community()), beside(two.wang)
    for path in ("listings", "suggestions", "find", "exchanges", f"exchanges/{uid}"):
        client.get(f"{address}/{path}", headers=elsewhere, status=404)
    for path in ("listings", "exchanges", f"listings/{listing}/extend", *(f"exchanges/{uid}/{verb}" for verb in VERBS)):
        client.post(f"{address}/{path}", json={}, headers=keyed(elsewhere, path), status=404)
    client.patch(f"{address}/listings/{listing}", json={}, headers=elsewhere, status=404)
    client.get(f"{API}/people/nobody/exchanges", headers=elsewhere, status=404)
    assert looks() == []


def test_residents_and_visitors_stand_at_no_desk(client, two, token_of):
    uid, wang, address = two.agree().uid, token_of(two.wang), beside(two.wang)
    for heads, status in ((wang, 403), ({}, 401)):
        client.get(f"{address}/exchanges/{uid}", headers=heads, status=status)
        client.post(f"{address}/exchanges/{uid}/accept", headers=keyed(heads), status=status)
        client.post(f"{address}/listings", json=need(), headers=heads, status=status)


def test_an_exchange_of_others_is_not_hers(client, two, clerk, make_person):
    uid, chen = two.agree().uid, beside(make_person("陈静", birth="1970-01-02"))
    client.get(f"{chen}/exchanges/{uid}", headers=clerk, status=404)
    for verb in VERBS:
        client.post(f"{chen}/exchanges/{uid}/{verb}", json={}, headers=keyed(clerk, verb), status=404)


def test_nobody_stands_at_the_desk_in_her_own_cause(client, two, make_account):
    account = make_account(role=Role.clerk, territory=two.place)
    bind(account, two.li)
    _row, token = accounts.begin_token(Actor(account.id), account.id, label="test", two_step=True)
    uid, li, wang = two.propose().uid, beside(two.li), beside(two.wang)
    heads = {"Authorization": f"Bearer {token}"}
    for address in (f"{li}/exchanges/{uid}", f"{wang}/exchanges/{uid}"):
        assert client.post(f"{address}/say", json={"words": "好"}, headers=heads, status=403).json["code"] == "in_own_cause", address
    assert client.post(f"{li}/listings", json=need(), headers=heads, status=403).json["code"] == "in_own_cause"
    assert client.post(f"{wang}/exchanges", json=answer_of(two), headers=heads, status=403).json["code"] == "in_own_cause"
    assert client.post(f"{API}/exchanges/{uid}/accept", headers=keyed(heads), status=200).json["state"] == "agreed", "her own, as herself"


def test_each_request_that_asks_for_her_is_one_look(client, two, clerk):
    wang, row = two.wang.id, two.agree()
    uid, address = row.uid, beside(two.wang)
    client.get(f"{address}/exchanges/{uid}", headers=clerk, status=200)
    client.post(f"{address}/exchanges/{uid}/say", json={"words": "好"}, headers=clerk, status=200)
    assert looks() == [(wang, LookKind.page.value)] * 2


def test_due_is_settled_before_her_exchanges_are_read(client, two, token_of):
    row = two.deliver()
    uid, address = row.uid, beside(two.wang)
    with later(days=8):
        clerk = token_of(role=Role.clerk, territory=two.place)
        assert client.get(f"{address}/exchanges/{uid}", headers=clerk, status=200).json["state"] == "confirmed"
    assert queries.exchange_by_uid(uid) is not None
    assert db.session.get_one(Exchange, row.id, populate_existing=True).ended_at is not None


def test_a_person_whose_row_was_given_up_is_served_as_the_one_who_remains(client, two, clerk, make_person):
    old = make_person("王芳", birth="1958-03-04")
    with atomic():
        db.session.merge(old).merged_into_id = two.wang.id
    uid, address = two.agree().uid, beside(old)
    assert client.get(f"{address}/exchanges/{uid}", headers=clerk, status=200).json["side"] == "requester"
