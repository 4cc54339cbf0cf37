"""The bulletin for programs."""

from __future__ import annotations

import pytest

from civic.accounts import operations as accounts
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
    client.post(f"{API}/announcements/{made['uid']}/publish", headers=heads, status=200)
    assert client.get(f"{API}/announcements/{made['uid']}", status=200).json["title"]["en"] == "Water off"
    client.post(f"{API}/announcements/{made['uid']}/withdraw", headers=heads, status=200)
    client.get(f"{API}/announcements/{made['uid']}", status=404)


def test_subscriptions_of_ones_own(client, make_community, make_account, bearer):
    here = make_community()
    heads = bearer(make_account())
    client.post(f"{API}/subscriptions", json={"place": here.code}, headers=heads, status=201)
    client.delete(f"{API}/subscriptions/{here.code}", headers=heads, status=204)
    client.delete(f"{API}/subscriptions/{here.code}", headers=heads, status=404)
