"""The second step: forced for every role, codes that work once, recovery codes, lost phones, the demonstration."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pyotp
import pytest
import sqlalchemy as sa

from civic.accounts import operations, queries, second_step
from civic.accounts.errors import CodeUsed, WrongCode
from civic.accounts.models import Account, Identity, IdentityKind, UserSession
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError, TooManyTries
from civic.core.site import SiteMark
from civic.core.viewer import Actor, Role
from tests.accounts.test_signing_in import type_in
from tests.conftest import NOW

SET_UP, STEP = "/account/second-step/set-up", "/account/second-step"


def code_at(app: pyotp.TOTP, moment) -> str:
    return app.at(moment)


def hidden_secret(page: str) -> str:
    return re.search(r"<code>([A-Z2-7 ]+)</code>", page).group(1).replace(" ", "")


@pytest.mark.parametrize("role", list(Role))
def test_every_role_sets_up_the_second_step_before_anything_else(client, make_account, role):
    account = make_account(role=role)
    answer = type_in(client, account.login)
    assert answer.location == SET_UP
    client.get("/account/", status=303)  # still outside
    assert db.session.scalar(sa.select(sa.func.count()).select_from(UserSession)) == 0


def test_setting_up_shows_ten_codes_once_and_then_lets_in(client, make_account):
    account = make_account(role=Role.clerk)
    type_in(client, account.login, next="/account/password")
    page = client.get(f"{SET_UP}?next=/account/password", status=200)
    text = page.get_data(as_text=True)
    assert 'src="data:image/svg+xml' in text
    assert page.headers["Cache-Control"] == "no-store"
    secret = hidden_secret(text)
    sealed = re.search(r'name="sealed"[^>]*value="([^"]+)"', text).group(1)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text).group(1)
    typed = {"sealed": sealed, "csrf_token": token, "next": "/account/password"}
    refused = client.post(SET_UP, data={**typed, "code": "000000"}, status=401).get_data(as_text=True)
    assert hidden_secret(refused) == secret  # the picture stays the same
    done = client.post(SET_UP, data={**typed, "code": code_at(pyotp.TOTP(secret), NOW)}, status=200).get_data(as_text=True)
    codes = re.findall(r"<code>([a-z2-9]{5}-[a-z2-9]{5})</code>", done)
    assert len(codes) == 10
    client.get("/account/", status=303)
    answer = client.post("/account/sign-in/go-on", data={"csrf_token": token, "next": "/account/password"}, status=303)
    assert answer.location == "/account/password"
    assert client.get("/account/").status_code == 200
    assert queries.identity_of(account.id, IdentityKind.totp).secret.startswith("g1.")
    stored = db.session.scalars(sa.select(Identity.secret).where(Identity.kind == IdentityKind.recovery)).all()
    assert not set(codes) & set(stored)
    assert all(secret.startswith("h1.") for secret in stored)


def test_a_code_lets_in_once_and_the_message_says_when_the_next_one_comes(client, make_account, app_of):
    account = make_account(role=Role.clerk)
    app = app_of(account)
    assert type_in(client, account.login).location == STEP
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in code_at(app, NOW))
    answer = client.submit(STEP, {"code": f" {full_width[:3]} {full_width[3:]}"}, status=303)
    assert answer.location == "/account/"
    assert db.session.scalars(sa.select(UserSession)).one().two_step_at == NOW
    again = client.application.test_client()
    type_in(again, account.login)
    page = again.submit(STEP, {"code": code_at(app, NOW)}, status=401, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "Wait for the next one, at most 30 seconds" in page
    with clock.frozen(NOW + timedelta(seconds=30)):
        again.submit(STEP, {"code": code_at(app, NOW + timedelta(seconds=30))}, status=303)


def test_a_phone_may_be_one_step_off_and_not_two(site, make_account, app_of, as_actor):
    account = make_account()
    app = app_of(account)
    account_id, actor = account.id, as_actor(account)
    for seconds, is_good in ((-60, False), (-30, True), (0, True), (30, True), (60, False)):
        code = code_at(app, NOW + timedelta(seconds=seconds))
        if is_good:
            operations.prove_second_step(actor, account_id, code)
        else:
            with pytest.raises(WrongCode):
                operations.prove_second_step(actor, account_id, code)
    with pytest.raises(CodeUsed):  # an older step never comes back
        operations.prove_second_step(actor, account_id, code_at(app, NOW))


def test_a_recovery_code_works_once(client, make_account, as_actor):
    account = make_account(role=Role.clerk)
    account_id = account.id
    secret = second_step.new_secret()
    codes = operations.enrol_second_step(as_actor(account), account_id, secret, pyotp.TOTP(secret).at(NOW))
    type_in(client, account.login)
    client.submit(STEP, {"code": codes[3].upper()}, status=303)
    again = client.application.test_client()
    type_in(again, account.login)
    again.submit(STEP, {"code": codes[3]}, status=401)
    again.submit(STEP, {"code": codes[4].replace("-", "")}, status=303)
    assert queries.recovery_codes_left(account_id) == 8


def test_the_ninth_wrong_code_locks_the_second_step(site, make_account, app_of, as_actor):
    account = make_account()
    app = app_of(account)
    account_id, actor = account.id, as_actor(account)
    for _try in range(8):
        with pytest.raises(WrongCode):
            operations.prove_second_step(actor, account_id, "000000")
    with pytest.raises(TooManyTries):
        operations.prove_second_step(actor, account_id, code_at(app, NOW))


def test_ten_minutes_after_the_password_one_begins_again(client, make_account, app_of):
    account = make_account()
    app_of(account)
    type_in(client, account.login)
    with clock.frozen(NOW + timedelta(minutes=11)):
        page = client.get(STEP, status=401, headers={"Accept-Language": "en"}).get_data(as_text=True)
        assert "Sign in again from the start" in page
    for path in (STEP, SET_UP, "/account/first-password"):
        client.application.test_client().get(path, status=401)


def test_a_new_password_meanwhile_undoes_a_sign_in_under_way(client, make_account, app_of, as_actor):
    account = make_account()
    app = app_of(account)
    account_id, login = account.id, account.login
    type_in(client, login)
    page = client.get(STEP).get_data(as_text=True)
    operations.issue_password(as_actor(account), account_id, forget_app=False)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page).group(1)
    client.post(STEP, data={"csrf_token": token, "code": code_at(app, NOW)}, status=401)


def test_in_a_demonstration_the_second_step_is_not_asked(client, make_account):
    db.session.add(SiteMark(name="demo", value="yes"))
    db.session.commit()
    account = make_account(role=Role.clerk)
    assert type_in(client, account.login).location == "/account/"
    assert client.get("/account/").status_code == 200


def test_grants_count_only_after_the_second_step(client, make_account, sign_in):
    account = make_account(role=Role.administrator)
    sign_in(client, account, two_step=False)
    client.get("/desk/accounts/", status=403)
    page = client.get("/account/", status=200, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "They count once you have set up the second step." in page
    shown = client.get(SET_UP, status=200).get_data(as_text=True)
    code = pyotp.TOTP(hidden_secret(shown)).at(NOW)
    sealed = re.search(r'name="sealed"[^>]*value="([^"]+)"', shown).group(1)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown).group(1)
    typed = {"sealed": sealed, "csrf_token": token, "code": code}
    client.post(SET_UP, data={**typed, "current_password": "wrong one"}, status=422)
    client.post(SET_UP, data={**typed, "current_password": "nine green banyans"}, status=200)
    client.get("/desk/accounts/", status=200)


def test_a_foreign_or_missing_secret_begins_the_setting_up_anew(client, make_account):
    account = make_account(role=Role.clerk)
    type_in(client, account.login)
    for sealed in ("", "g1.00000000.AAAA"):
        assert client.submit(SET_UP, {"sealed": sealed, "code": "123456"}, status=303).location == SET_UP


def test_pages_of_other_stages_lead_to_the_right_one(client, make_account, app_of):
    account = make_account(role=Role.clerk)
    type_in(client, account.login)
    assert client.get(STEP, status=303).location == SET_UP
    assert client.get("/account/first-password", status=303).location == SET_UP
    other = make_account()
    app_of(other)
    fresh = client.application.test_client()
    type_in(fresh, other.login)
    assert fresh.get(SET_UP, status=303).location == STEP


def test_of_two_requests_with_the_same_code_one_gets_in(live_app):
    with live_app.app_context():
        actor = Actor(None, job="test")
        account_id = operations.create_account(actor, "aling", "", "nine green banyans", must_change=False).id
        secret = second_step.new_secret()
        with clock.frozen(NOW):
            operations.enrol_second_step(actor, account_id, secret, pyotp.TOTP(secret).at(NOW))
    results: list[str] = []
    gate = threading.Barrier(2)

    def enter() -> None:
        with live_app.app_context():
            gate.wait()
            try:
                operations.prove_second_step(Actor(account_id), account_id, pyotp.TOTP(secret).at(NOW + timedelta(seconds=30)))
                results.append("in")
            except DomainError as refusal:
                results.append(refusal.code)
            db.session.remove()

    with clock.frozen(NOW + timedelta(seconds=30)):
        threads = [threading.Thread(target=enter) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == ["code_used", "in"]


def test_hashing_inside_a_transaction_is_a_mistake_of_the_code(site):
    from civic.accounts import passwords

    with atomic(), pytest.raises(ValueError, match="before atomic"):
        passwords.hash_password("nine green banyans")
    with atomic(), pytest.raises(ValueError, match="before atomic"):
        passwords.is_right(None, "nine green banyans")


def test_closed_accounts_have_no_way_on(site, make_account):
    account = make_account()
    account_id = account.id
    with atomic():
        db.session.execute(sa.update(Account).values(closed_at=NOW))
    db.session.expire_all()
    assert queries.sign_in_needs(account_id) is None


def test_going_back_and_double_clicks_between_the_stages(client, make_account, app_of, as_actor):
    """The back button shows an old page; sending it again leads on, never to a broken page."""
    go_on, first = "/account/sign-in/go-on", "/account/first-password"
    account = make_account()
    app = app_of(account)
    type_in(client, account.login)
    page = client.get(STEP).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page).group(1)
    client.post(STEP, data={"csrf_token": token, "code": ""}, status=422)
    client.post(STEP, data={"csrf_token": token, "code": app.at(NOW)}, status=303)
    assert client.post(STEP, data={"csrf_token": token, "code": app.at(NOW)}, status=303).location == "/account/"
    assert client.post(go_on, data={"csrf_token": token}, status=303).location == "/account/"
    assert client.post(first, data={"csrf_token": token}, status=303).location == "/account/"
    assert client.get("/account/signed-out", status=303).location == "/account/"
    fresh = client.application.test_client()
    for path in (STEP, SET_UP, first, go_on):
        fresh.submit(path, page="/account/sign-in", status=401)
