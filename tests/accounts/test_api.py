"""Tokens of the API, and who one is."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.accounts import operations
from civic.accounts.models import Account, ApiToken, ConnectionAct
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.site import SiteMark
from civic.core.viewer import Role
from tests.accounts.test_connections import acts
from tests.conftest import NOW
from tests.support.accounts import PASSWORD

TOKENS, ME = "/api/v1/tokens", "/api/v1/account"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def get_token(client, login, status=201, **more):
    return client.post(TOKENS, json={"login": login, "password": PASSWORD, **more}, status=status)


def test_a_token_says_who_one_is_until_it_ends(client, make_account):
    account = make_account(login="aling", name="阿玲")
    account_id = account.id
    answer = get_token(client, "aling")
    assert answer.json["expires_at"] == "2026-12-25T10:00:00+08:00"
    assert "Set-Cookie" not in answer.headers
    token = answer.json["token"]
    me = client.get(ME, headers=bearer(token), status=200).json
    assert me == {"login": "aling", "name": "阿玲", "lang": "", "two_step": False, "person_number": None, "verified_in": [], "grants": []}
    assert token not in db.session.scalars(sa.select(ApiToken.token_hash)).all()
    client.delete(f"{TOKENS}/current", headers=bearer(token), status=204)
    client.get(ME, headers=bearer(token), status=401)
    assert [act for act in acts() if act[0] != "use"] == [("token", account_id), ("sign-out", account_id)]


def test_staff_need_the_code_and_get_twelve_hours(client, make_account, app_of):
    account = make_account(role=Role.manager, login="aling")
    app = app_of(account)
    assert get_token(client, "aling", 401).json["code"] == "otp_needed"
    assert get_token(client, "aling", 401, otp="000000").json["code"] == "wrong_code"
    answer = get_token(client, "aling", otp=app.at(NOW))
    assert answer.json["expires_at"] == "2026-11-25T22:00:00+08:00"
    me = client.get(ME, headers=bearer(answer.json["token"]), status=200).json
    assert me["two_step"] is True
    assert me["grants"] == [
        {
            "role": "manager",
            "territory": {"code": "440113", "name": {"zh": "番禺区", "en": "Panyu District"}},
            "organisation": None,
            "from_on": "2026-11-25",
            "to_on": None,
        }
    ]
    assert get_token(client, "aling", 401, otp=app.at(NOW)).json["code"] == "code_used"
    with clock.frozen(NOW + timedelta(hours=12)):
        client.get(ME, headers=bearer(answer.json["token"]), status=401)


def test_an_account_that_has_to_set_something_up_is_sent_to_the_site(client, make_account):
    make_account(role=Role.manager, login="aling")
    assert get_token(client, "aling", 403).json["code"] == "second_step_needed"
    with atomic():
        db.session.execute(sa.update(Account).values(must_change_password=True))
    assert get_token(client, "aling", 403).json["code"] == "new_password_needed"


def test_in_a_demonstration_no_code_is_needed(client, make_account):
    db.session.add(SiteMark(name="demo", value="yes"))
    db.session.commit()
    make_account(role=Role.manager, login="aling")
    me = client.get(ME, headers=bearer(get_token(client, "aling").json["token"]), status=200).json
    assert len(me["grants"]) == 1


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"login": "aling"}, "password"),
        ({"login": "aling", "password": PASSWORD, "colour": "red"}, "colour"),
        ({"login": 7, "password": PASSWORD}, "login"),
        ({"login": "a" * 10_000, "password": PASSWORD}, "login"),
        ([], "body"),
    ],
)
def test_a_malformed_body_is_a_400_that_names_the_field(client, site, body, names):
    answer = client.post(TOKENS, json=body, status=400)
    assert answer.mimetype == "application/problem+json"
    assert answer.json["code"] == "malformed"
    assert names in answer.json["detail"] or names == "body"


def test_wrong_sign_ins_are_counted_here_too_and_say_when_to_go_on(client, make_account):
    account_id = make_account(login="aling").id
    for _try in range(8):
        answer = client.post(TOKENS, json={"login": "aling", "password": "wrong password"}, status=401)
        assert answer.json["code"] == "wrong_sign_in"
    answer = get_token(client, "aling", 429)
    assert answer.headers["Retry-After"] == "900"
    assert answer.json["context"]["minutes"] == 15
    assert acts() == [(ConnectionAct.failed_sign_in.value, account_id)] * 8


def test_a_cookie_never_authenticates_the_api(client, make_account, sign_in):
    sign_in(client, make_account())
    client.get(ME, status=401)


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic YWxpbmc6eA==", "Bearer not-a-token", "bearer  x y"])
def test_a_broken_header_is_a_401(client, site, header):
    client.get(ME, headers={"Authorization": header}, status=401)


def test_a_token_stands_on_the_account_page_and_ends_there(client, make_account, sign_in, as_actor):
    account = make_account()
    row, token = operations.begin_token(as_actor(account), account.id, label="API", two_step=False)
    token_id = row.id
    db.session.expire_all()
    sign_in(client, account)
    client.get(ME, headers=bearer(token), status=200)
    for _click in range(2):
        client.submit(f"/account/tokens/{token_id}/end", page="/account/", status=303)
    client.get(ME, headers=bearer(token), status=401)


def test_another_browser_is_signed_out_from_the_account_page(client, make_account, sign_in):
    account = make_account()
    sign_in(client, account)
    other = client.application.test_client()
    sign_in(other, account)
    from civic.accounts import queries

    db.session.expire_all()
    others = [row.id for row in queries.living_sessions(account.id)]
    url = f"/account/sessions/{min(others) if len(others) < 2 else sorted(others)[1]}/end"
    for _click in range(2):
        client.submit(url, page="/account/", status=303)
    other.get("/account/", status=303)
