"""Signing in and out: password, tries, sessions, where one was going."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.accounts import queries
from civic.accounts.models import Account, UserSession
from civic.core import clock
from civic.core.db import db
from civic.core.site import SiteMark
from civic.core.tries import TryCount
from civic.core.viewer import Role
from tests.conftest import NOW
from tests.support.accounts import PASSWORD

DOOR = "/account/sign-in"


def type_in(client, login, password=PASSWORD, status=303, page=DOOR, headers=None, **more):
    return client.submit(DOOR, {"login": login, "password": password, **more}, page=page, status=status, headers=headers)


def is_signed_in(client) -> bool:
    return client.get("/account/").status_code == 200


def test_an_account_without_grants_signs_in_with_a_password(client, make_account):
    account = make_account(login="aling")
    answer = type_in(client, "aling")
    assert answer.location == "/account/"
    page = client.get("/account/", status=200, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "My account" in page
    row = db.session.scalars(sa.select(UserSession)).one()
    assert row.account_id == account.id
    assert row.expires_at == NOW + timedelta(days=30)


def test_full_width_capitals_and_spaces_in_the_login_are_understood(client, make_account):
    make_account(login="aling")
    type_in(client, "  ＡＬＩＮＧ ")
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("login", "password"),
    [("aling", "wrong password"), ("nobody", PASSWORD), ("😀" * 30, "😀" * 30), ("closed", PASSWORD), ("aling", "x" * 1000)],
)
def test_a_wrong_login_and_a_wrong_password_get_the_same_answer(client, make_account, login, password):
    make_account(login="aling")
    make_account(login="closed")
    db.session.execute(sa.update(Account).where(Account.login == "closed").values(closed_at=NOW))
    db.session.commit()
    page = type_in(client, login, password, status=401, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "Login and password do not belong together. Check both and try again" in page
    assert not is_signed_in(client)


def test_an_unknown_login_costs_one_verification_like_a_known_one(site, make_account, monkeypatch):
    from civic.accounts import operations, passwords
    from civic.accounts.errors import WrongSignIn

    make_account(login="aling")
    calls = []
    real = passwords._hasher().__class__.verify
    monkeypatch.setattr(passwords._hasher().__class__, "verify", lambda self, *a: (calls.append(a[0][:20]), real(self, *a))[1])
    for login in ("aling", "nobody"):
        with pytest.raises(WrongSignIn):
            operations.prove_password(login, "not this one", "127.0.0.1")
    assert len(calls) == 2
    assert calls[0] == calls[1]  # the same parameters


def test_ten_thousand_characters_are_refused_at_the_field_and_the_login_stays(client):
    page = type_in(client, "aling", "x" * 10_000, status=422, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "At most 1000 characters; there are 10000." in page
    assert 'value="aling"' in page
    page = type_in(client, "a" * 10_000, status=422, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "At most 100 characters" in page


def test_an_empty_form_says_what_to_type(client):
    page = type_in(client, "", "", status=422, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "Type your login." in page
    assert "Type your password." in page


def test_the_ninth_wrong_try_locks_the_login_and_not_the_others(client, make_account):
    make_account(login="aling")
    make_account(login="bohai")
    for _try in range(8):
        type_in(client, "aling", "wrong password", status=401)
    answer = type_in(client, "aling", status=429, headers={"Accept-Language": "en"})
    assert "Wait 15 minutes" in answer.get_data(as_text=True)
    assert answer.headers["Retry-After"] == "900"
    type_in(client, "bohai")
    with clock.frozen(NOW + timedelta(minutes=16)):
        client.post("/account/sign-out", data={}, check=False)
        type_in(site_client(client), "aling")


def site_client(client):
    return client.application.test_client()


def test_right_tries_from_one_address_do_not_lock_the_office_out(client, make_account):
    make_account(login="aling")
    for _colleague in range(32):
        type_in(site_client(client), "aling")


def test_wrong_tries_from_one_address_lock_it(client):
    for number in range(30):
        type_in(client, f"guess{number}", "wrong password", status=401)
    type_in(client, "guess99", "wrong password", status=429)
    assert {row.kind for row in db.session.scalars(sa.select(TryCount))} == {"sign-in", "sign-in-address"}


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil", "/a\nb"])
def test_the_way_on_never_leaves_the_site(client, make_account, wanted):
    make_account(login="aling")
    assert type_in(client, "aling", next=wanted).location == "/account/"


def test_the_way_on_leads_back_to_where_one_wanted_to_go(client, make_account):
    make_account(login="aling")
    answer = client.get("/account/password?from=mail", status=303)
    assert answer.location == "/account/sign-in?next=/account/password?from%3Dmail"
    page = client.get(answer.location).get_data(as_text=True)
    assert 'value="/account/password?from=mail"' in page
    assert type_in(client, "aling", page=answer.location).location == "/account/password?from=mail"
    assert client.get(DOOR, status=303).location == "/account/"  # the back button


def test_signing_out_ends_the_row_and_empties_the_cookie(client, make_account, sign_in):
    sign_in(client, make_account())
    answer = client.submit("/account/sign-out", page="/account/", status=303)
    assert answer.location == "/account/signed-out"
    client.get("/account/signed-out", status=200)
    assert not is_signed_in(client)
    db.session.expire_all()
    assert db.session.scalars(sa.select(UserSession)).one().ended_at == NOW


def test_a_stolen_cookie_is_worthless_once_the_row_has_ended(client, make_account, sign_in):
    token = sign_in(client, make_account())
    thief = site_client(client)
    with thief.session_transaction() as cookie:
        cookie["_user_id"] = token
    assert is_signed_in(thief)
    client.submit("/account/sign-out", page="/account/", status=303)
    assert not is_signed_in(thief)


def test_staff_stay_twelve_hours_and_can_stay_longer_by_a_button(client, make_account, sign_in):
    account = make_account(role=Role.clerk)
    db.session.add(SiteMark(name="demo", value="yes"))
    db.session.commit()
    type_in(client, account.login)
    assert db.session.scalars(sa.select(UserSession)).one().expires_at == NOW + timedelta(hours=12)
    with clock.frozen(NOW + timedelta(hours=11)):
        page = client.get("/account/", status=200).get_data(as_text=True)
        token = page.split('name="csrf_token" value="')[1].split('"')[0]
        assert 'data-expires-at="2026-11-25T22:00:00+08:00"' in page
        answer = client.post("/account/renew", headers={"X-CSRFToken": token, "Accept": "application/json"}, status=200)
        assert answer.json == {"expires_at": "2026-11-26T09:00:00+08:00"}
    with clock.frozen(NOW + timedelta(hours=22)):
        assert is_signed_in(client)
    with clock.frozen(NOW + timedelta(hours=24)):
        assert not is_signed_in(client)
        answer = client.post("/account/renew", headers={"Accept": "application/json"}, status=401)
        assert answer.json["code"] == "sign_in_needed"


def test_last_seen_is_written_at_most_every_ten_minutes(client, make_account, sign_in):
    sign_in(client, make_account())

    def seen():
        db.session.expire_all()
        return db.session.scalars(sa.select(UserSession)).one().last_seen_at

    with clock.frozen(NOW + timedelta(minutes=9)):
        client.get("/account/", status=200)
        assert seen() == NOW
    later = NOW + timedelta(minutes=10)
    with clock.frozen(later):
        client.get("/account/", status=200)
        assert seen() == later


def test_a_signed_in_request_asks_at_most_three_times_who_it_is(client, make_account, sign_in, count_queries):
    sign_in(client, make_account(role=Role.clerk))
    with count_queries() as statements:
        client.get("/account/signed-out", status=303)
    about = [s for s in statements if "user_session" in s or "account_grant" in s]
    assert len(about) == 2


def test_the_device_is_told_in_words():
    from civic.accounts.session import device_words

    chrome = "Mozilla/5.0 (Linux; Android 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36"
    assert device_words(chrome) == "Chrome, Android"
    assert device_words(chrome + " MicroMessenger/8.0.47") == "WeChat, Android"
    assert device_words("Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/130.0") == "Firefox, Windows"
    assert device_words("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0") == "Edge, Windows"
    assert device_words("curl/8") == ""


def test_the_language_of_the_account_wins_over_the_device_and_a_link_over_both(client, make_account, sign_in):
    account = make_account()
    sign_in(client, account)
    assert 'lang="zh-CN"' in client.get("/account/").get_data(as_text=True)
    client.submit("/account/language", {"lang": "en"}, page="/account/", status=303)
    assert '<html lang="en"' in client.get("/account/").get_data(as_text=True)
    fresh = site_client(client)
    db.session.expire_all()
    sign_in(fresh, queries.account_by_login(account.login))
    assert '<html lang="en"' in fresh.get("/account/").get_data(as_text=True)
    fresh.get("/account/?lang=zh", status=303)
    assert '<html lang="zh-CN"' in fresh.get("/account/").get_data(as_text=True)
    client.submit("/account/language", {"lang": "fr"}, page="/account/", status=422)
