"""The JSON API of one's own account."""

from __future__ import annotations

import pytest

from civic.accounts import operations
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.messages.models import MessageChannel
from civic.core.messages.receivers import Receiver
from civic.core.messages.sending import send, send_to_address
from civic.people.models import Person

ROOT = "/api/v1/account"


@pytest.fixture
def me(make_resident_account, as_actor):
    """(account, headers with its token)."""
    account = make_resident_account(verified=True, login="xiuying")
    _row, token = operations.begin_token(as_actor(account), account.id, label="API", two_step=False)
    return account, {"Authorization": f"Bearer {token}"}


def test_who_one_is(client, me):
    account, headers = me
    read = client.get(ROOT, headers=headers, status=200).get_json()
    assert read["person_number"] == db.session.get_one(Person, account.person_id).number
    assert [place["name"]["zh"] for place in read["verified_in"]] == ["榕树社区"]
    changed = client.patch(ROOT, json={"name": "秀英", "lang": "en"}, headers=headers, status=200).get_json()
    assert (changed["name"], changed["lang"], changed["login"]) == ("秀英", "en", "xiuying")
    client.patch(ROOT, json={"login": "other"}, headers=headers, status=400)
    client.patch(ROOT, json={"lang": "fr"}, headers=headers, status=400)


@pytest.mark.parametrize("path", ["", "/sessions", "/data", "/messages"])
def test_nothing_without_a_token(client, path, make_resident_account, sign_in):
    sign_in(client, make_resident_account())  # a cookie is none
    client.get(ROOT + path, status=401)


def test_sessions_are_listed_and_ended(client, me, make_resident_account, sign_in):
    account, headers = me
    browser, stranger = client.application.test_client(), client.application.test_client()
    sign_in(browser, account)
    sign_in(stranger, make_resident_account())
    read = client.get(f"{ROOT}/sessions", headers=headers, status=200).get_json()
    assert (read["total"], read["next"], read["items"][0]["device"]) == (1, None, "Firefox, Linux")
    client.delete(f"{ROOT}/sessions/{read['items'][0]['id'] + 1}", headers=headers, status=404)
    client.delete(f"{ROOT}/sessions/{read['items'][0]['id']}", headers=headers, status=204)
    assert browser.get("/account/").status_code == 303
    assert stranger.get("/account/").status_code == 200


def test_everything_stored(client, me):
    _account, headers = me
    read = client.get(f"{ROOT}/data", headers=headers, status=200).get_json()
    assert {"login", "devices", "rights", "connections"} <= {part["name"] for part in read["parts"]}


def test_ones_own_messages_and_no_codes(client, me, make_resident_account):
    account, headers = me
    other = make_resident_account()
    with atomic():
        for whose in (account.id, other.id):
            send(Receiver("account", whose), operations.SECURITY, "accounts/address_added", moment=account.created_at)
        send_to_address(MessageChannel.text, "+8613800138000", operations.TOPIC, "accounts/sign_in_code", known=1, code="123456")
    read = client.get(f"{ROOT}/messages", headers=headers, status=200).get_json()
    assert read["total"] == 1
    assert read["items"][0]["topic"] == "security"
    assert read["items"][0]["subject"]


def test_asking_for_a_correction(client, me):
    _account, headers = me
    read = client.post(f"{ROOT}/corrections", json={"topic": "name", "wish": "瑛"}, headers=headers, status=201).get_json()
    assert (read["state"], read["due_on"]) == ("asked", "2026-12-16")
    client.post(f"{ROOT}/corrections", json={"topic": "soup", "wish": "x"}, headers=headers, status=400)
