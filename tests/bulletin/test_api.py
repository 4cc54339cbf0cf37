"""The bulletin for programs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from civic.accounts import operations as accounts
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor

API = "/api/v1"


@pytest.fixture
def bearer(site):
    """The head of a request with the account's token."""

    def make(account):
        _row, token = accounts.begin_token(Actor(account.id), account.id, label="test", two_step=True)
        db.session.rollback()
        return {"Authorization": f"Bearer {token}"}

    return make


def test_lists_filter_by_place_and_carry_an_etag(client, make_community, make_announcement, make_posting):
    here, other = make_community(), make_community()
    row, posting = make_announcement(here), make_posting(here)
    make_announcement(other)
    answer = client.get(f"{API}/announcements?place={here.code}", status=200)
    assert [each["uid"] for each in answer.json["items"]] == [row.uid]
    assert answer.json["items"][0]["title"] == {"zh": "今晚停水", "en": "Water off tonight"}
    again = client.get(f"{API}/announcements?place={here.code}", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert client.get(f"{API}/announcements", status=200).json["total"] == 2
    assert client.get(f"{API}/postings?place={here.code}", status=200).json["items"][0]["number"] == posting.number
    assert client.get(f"{API}/postings/{posting.number}", status=200).json["runs"][0]["until_on"] == "2026-12-02"
    assert client.get(f"{API}/announcements/{row.uid}", status=200).json["state_en"] == "official"
    client.get(f"{API}/announcements?place=nowhere", status=404)
    client.get(f"{API}/announcements?unknown=1", status=400)


def test_an_objection_is_taken_once_for_one_key(client, make_posting):
    row = make_posting()
    url, body = f"{API}/postings/{row.number}/objections", {"text": "不对", "name": "何", "contact": "1"}
    client.post(url, json={"text": "不对"}, status=422)
    first = client.post(url, json=body, headers={"Idempotency-Key": "k1"}, status=201)
    second = client.post(url, json=body, headers={"Idempotency-Key": "k1"})
    assert (first.json["number"], second.json["number"]) == (1, 1)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert client.get(f"{API}/postings/{row.number}", status=200).json["objections"][0]["answered_at"] is None


def test_a_manager_writes_and_publishes_within_her_territory(client, make_community, make_account, bearer):
    here, other = make_community(), make_community()
    heads = bearer(make_account(role="manager", territory=here))
    body = {"place": here.code, "title_zh": "停水", "title_en": "Water off"}
    client.post(f"{API}/announcements", json=body, status=401)
    client.post(f"{API}/announcements", json={**body, "place": other.code}, headers=heads, status=403)
    made = client.post(f"{API}/announcements", json=body, headers=heads, status=201).json
    own = f"{API}/announcements/{made['uid']}"
    lost = client.post(f"{own}/publish", headers={**heads, "If-Match": '"7"'}, status=412).json
    assert (lost["code"], lost["context"]["current"]) == ("announcement_changed", made["version"])
    seen = {**heads, "If-Match": f'"{made["version"]}"', "Idempotency-Key": "p"}
    out = client.post(f"{own}/publish", headers=seen, status=200).json
    assert client.post(f"{own}/publish", headers=seen, status=200).json == out
    assert client.get(f"{API}/announcements/{made['uid']}", status=200).json["title"]["en"] == "Water off"
    client.post(f"{API}/announcements/{made['uid']}/withdraw", headers=heads, status=200)
    client.get(f"{API}/announcements/{made['uid']}", status=404)


def test_an_announcement_published_twice_under_one_key_gets_the_first_answer_again(client, make_community, make_account, bearer):
    """Without If-Match: the version that the first request found, not the one that it left."""
    here = make_community()
    heads = {**bearer(make_account(role="manager", territory=here))}
    body = {"place": here.code, "title_zh": "停水", "title_en": "Water off"}
    own = f"{API}/announcements/{client.post(f'{API}/announcements', json=body, headers=heads, status=201).json['uid']}"
    first, second = (client.post(f"{own}/publish", headers={**heads, "Idempotency-Key": "p"}, status=200) for _ in range(2))
    assert (second.json, second.headers["Idempotent-Replayed"]) == (first.json, "true")


def test_subscriptions_of_ones_own(client, make_community, make_account, bearer):
    here = make_community()
    heads = bearer(make_account())
    client.post(f"{API}/subscriptions", json={"place": here.code}, headers=heads, status=201)
    client.delete(f"{API}/subscriptions/{here.code}", headers=heads, status=204)
    client.delete(f"{API}/subscriptions/{here.code}", headers=heads, status=404)


WORDS = {"title_zh": "公示", "title_en": "Posting", "body_zh": "甲", "body_en": "A", "days": 5}


def test_a_posting_is_kept_from_draft_to_outcome(client, make_community, make_account, bearer):
    here = make_community()
    heads = bearer(make_account(role="manager", territory=here))
    made = client.post(f"{API}/postings", json={**WORDS, "place": here.code}, headers=heads, status=201).json
    assert (made["state"], made["number"], made["until_on"]) == ("draft", None, None)
    up = client.post(f"{API}/postings/{made['uid']}/put-up", headers={**heads, "If-Match": f'"{made["version"]}"'}, status=200).json
    own = f"{API}/postings/{up['number']}"
    assert (up["state"], up["until_on"]) == ("posted", "2026-12-02")
    assert [each["uid"] for each in client.get(f"{API}/postings/mine", headers=heads, status=200).json["items"]] == [made["uid"]]
    lost = client.post(f"{own}/put-up", headers={**heads, "If-Match": '"1"'}, status=412).json
    assert (lost["code"], lost["context"]["current"]) == ("posting_changed", up["version"])

    strange = bearer(make_account(role="manager", territory=make_community()))
    client.post(f"{own}/take-down", json={"nonsense": 1}, headers=strange, status=403)  # before her body is read
    first = client.post(f"{own}/take-down", json={}, headers=heads, status=422).json
    assert (first["code"], first["context"]["days"], first["context"]["until"]) == ("removed_early", 5, "2026-12-02")
    assert client.get(own, status=200).json["state"] == "posted"
    down = client.post(f"{own}/take-down", json={"why": "写错一处"}, headers=heads, status=200).json
    assert (down["state"], down["until_on"]) == ("removed", None)
    assert client.get(own, status=200).json["runs"][0]["removed_why"] == "写错一处"
    client.post(f"{own}/put-up", headers=heads, status=200)

    client.post(f"{own}/objections", json={"text": "挡光", "name": "何", "contact": "1"}, status=201)
    (words,) = client.get(f"{own}/objections", headers=heads, status=200).json["items"]
    assert (words["number"], words["text"], words["name"], words["answered_at"]) == (1, "挡光", "何", None)
    said = {"answer_zh": "量过了。", "answer_en": "It was measured."}
    client.post(f"{own}/objections/2/answer", json=said, headers=heads, status=404)
    client.post(f"{own}/objections/1/answer", json={"answer_zh": "量过了。"}, headers=heads, status=422)
    client.post(f"{own}/objections/1/answer", json=said, headers=heads, status=200)
    again = client.post(f"{own}/objections/1/answer", json=said, headers=heads, status=422).json
    assert again["code"] == "already_answered"
    assert client.get(own, status=200).json["objections"][0]["answer"] == {"zh": "量过了。", "en": "It was measured."}

    outcome = {"outcome_zh": "无变化。", "outcome_en": "Nothing changes."}
    assert client.post(f"{own}/close", json=outcome, headers=heads, status=422).json["code"] == "still_posted"
    with clock.frozen(clock.now() + timedelta(days=8)):
        heads = bearer(make_account(role="manager", territory=here))
        assert client.post(f"{own}/close", json=outcome, headers=heads, status=200).json["state"] == "closed"
        assert client.get(own, status=200).json["outcome"]["en"] == "Nothing changes."


def test_one_key_takes_a_posting_down_once(client, make_community, make_account, bearer, make_posting):
    here = make_community()
    row, heads = make_posting(here), bearer(make_account(role="manager", territory=here))
    keyed = {**heads, "Idempotency-Key": "down-1"}
    first = client.post(f"{API}/postings/{row.number}/take-down", json={"why": "错"}, headers=keyed, status=200)
    second = client.post(f"{API}/postings/{row.number}/take-down", json={"why": "错"}, headers=keyed, status=200)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.json == second.json
    client.post(f"{API}/postings/{row.number}/take-down", json={"why": "别的"}, headers=keyed, status=409)


def test_a_posting_is_kept_by_its_own_territory_alone(client, make_community, make_account, bearer, make_posting):
    here, other = make_community(), make_community()
    row = make_posting(here)
    neighbour, clerk = bearer(make_account(role="manager", territory=other)), bearer(make_account(role="clerk", territory=here))
    own = f"{API}/postings/{row.number}"
    for heads in (neighbour, clerk):
        client.post(f"{API}/postings", json={**WORDS, "place": here.code}, headers=heads, status=403)
        client.post(f"{own}/take-down", json={"why": "错"}, headers=heads, status=403)
        client.post(f"{own}/close", json={}, headers=heads, status=403)
        client.get(f"{own}/objections", headers=heads, status=403)
    client.post(f"{own}/take-down", json={"why": "错"}, status=401)
    assert client.get(f"{API}/postings/mine", headers=neighbour, status=200).json["items"] == []


def test_the_verbs_of_a_posting_are_described(client):
    paths = client.get(f"{API}/openapi.json", status=200).json["paths"]
    own = "/api/v1/postings/{number}"
    for verb in ("put-up", "take-down", "close", "objections/{objection}/answer"):
        assert paths[f"{own}/{verb}"]["post"]["security"] == [{"token": []}]
    assert any(each.get("name") == "If-Match" for each in paths[f"{own}/put-up"]["post"]["parameters"])
