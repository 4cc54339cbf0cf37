"""The rule for new passwords, changing one's own, the first one on a slip."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from civic.accounts import operations, passwords, queries
from civic.accounts.errors import AccountIsClosed, PasswordIsCommon, PasswordIsLogin, PasswordTooShort, WrongPassword
from civic.accounts.models import Identity, IdentityKind, UserSession
from civic.core.db import db
from civic.core.errors import TooManyTries
from tests.accounts.test_signing_in import type_in
from tests.conftest import NOW
from tests.support.accounts import PASSWORD

NEW = "a warm stone at noon"


def test_spaces_at_the_ends_do_not_make_a_common_password_good():
    with pytest.raises(PasswordIsCommon):
        passwords.check_new("aling", " 0123456789 ")


@pytest.mark.parametrize(
    "password", ["二十四桥明月夜玉人何处", "aaaa bbbb cc", "correct horse", "x" * 199 + "y", "😀😀😀😀😀😀😀😀😀a", NEW]
)
def test_any_ten_characters_will_do(password):
    passwords.check_new("aling", password)


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("123456789", PasswordTooShort),
        ("ａｂｃｄ", PasswordTooShort),
        ("ALING-WINDOW", PasswordIsLogin),
        ("Password123", PasswordIsCommon),
        ("１２３４５６７８９０", PasswordIsCommon),
        ("aaaaaaaaaaaa", PasswordIsCommon),
    ],
)
def test_short_common_and_own_login_are_refused(password, refusal):
    with pytest.raises(refusal):
        passwords.check_new("aling-window", password)


def test_the_common_list_holds_nothing_that_length_refuses_anyway():
    assert all(len(each) >= passwords.LEAST and each == each.lower() for each in passwords.COMMON)


def test_full_width_letters_and_half_width_letters_are_one_password(site):
    hashed = passwords.hash_password("ｎｉｎｅ green")
    assert passwords.is_right(hashed, "nine green ")
    assert not passwords.is_right(hashed, "nine greem")
    assert not passwords.is_right(None, "nine green")
    assert not passwords.is_right("damaged", "nine green")


def test_the_real_parameters_are_those_of_the_rule():
    real = passwords._REAL
    assert (real.time_cost, real.memory_cost, real.parallelism, real.type.name) == (2, 19456, 1, "ID")


def test_at_most_two_hashings_run_at_once(app, monkeypatch):
    running, most, lock = 0, 0, threading.Lock()
    pause = threading.Event()

    class Slow:
        def hash(self, _password: str) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            pause.wait(0.05)
            with lock:
                running -= 1
            return "hashed"

    monkeypatch.setattr(passwords, "_CHEAP", Slow())

    def work() -> None:
        with app.app_context():
            passwords.hash_password("nine green banyans")
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_stronger_parameters_renew_the_hash_at_the_next_sign_in(site, make_account, monkeypatch):
    from argon2 import PasswordHasher

    make_account(login="aling")
    before = db.session.scalars(sa.select(Identity.secret)).one()
    monkeypatch.setattr(passwords, "_CHEAP", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    operations.prove_password("aling", PASSWORD, "127.0.0.1")
    after = db.session.scalars(sa.select(Identity.secret)).one()
    assert before != after
    assert passwords.is_right(after, PASSWORD)


def test_changing_the_password_ends_the_other_sessions_and_the_tokens(client, make_account, sign_in, as_actor):
    account = make_account(login="aling")
    account_id = account.id
    sign_in(client, account)
    other = client.application.test_client()
    sign_in(other, account)
    _row, token = operations.begin_token(as_actor(account), account_id, label="API", two_step=False)
    typed = {"current_password": PASSWORD, "new_password": NEW, "again_password": NEW}
    client.submit("/account/password", typed, status=303)
    assert client.get("/account/").status_code == 200
    other.get("/account/", status=303)
    client.get("/api/v1/account", headers={"Authorization": f"Bearer {token}"}, status=401)
    fresh = client.application.test_client()
    type_in(fresh, "aling", PASSWORD, status=401)
    type_in(fresh, "aling", NEW)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"current_password": "not this one"}, "This is not your current password."),
        ({"again_password": "another"}, "The two passwords differ."),
        ({"new_password": "short", "again_password": "short"}, "at least 10 characters; this one has 5"),
        ({"new_password": "x" * 10_000, "again_password": "x" * 10_000}, "At most 200 characters; there are 10000."),
        ({"new_password": "", "again_password": ""}, "Type a new password."),
    ],
)
def test_a_refused_change_says_why_at_the_field(client, make_account, sign_in, typed, words):
    sign_in(client, make_account())
    fields = {"current_password": PASSWORD, "new_password": NEW, "again_password": NEW, **typed}
    page = client.submit("/account/password", fields, status=422, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert words in page


def test_guessing_the_current_password_is_counted(site, make_account):
    account_id = make_account().id
    for _try in range(8):
        with pytest.raises(WrongPassword):
            operations.confirm_password(account_id, "not this one")
    with pytest.raises(TooManyTries):
        operations.confirm_password(account_id, PASSWORD)


def test_a_first_password_must_be_changed_at_the_door(client, make_account, as_actor):
    account = make_account(login="aling")
    account_id = account.id
    first = operations.issue_password(as_actor(account), account_id, forget_app=True)
    assert len(first) == 14
    assert type_in(client, "aling", first, next="/account/password").location == "/account/first-password?next=/account/password"
    client.get("/account/", status=303)
    door = "/account/first-password"
    client.submit(door, {"new_password": "short", "again_password": "short"}, status=422)
    answer = client.submit(door, {"new_password": NEW, "again_password": NEW}, page=f"{door}?next=/account/password", status=303)
    assert answer.location == "/account/password"
    db.session.expire_all()
    assert not queries.account_by_login("aling").must_change_password
    client.post(door, data={}, check=False)
    type_in(client.application.test_client(), "aling", first, status=401)


def test_a_closed_account_gets_no_password(site, make_account, as_actor):
    account = make_account()
    actor, account_id = as_actor(account), account.id
    operations.close_account(actor, account_id)
    with pytest.raises(AccountIsClosed):
        operations.issue_password(actor, account_id, forget_app=False)
    with pytest.raises(AccountIsClosed):
        operations.close_account(actor, account_id)


def test_a_lost_phone_is_forgotten_with_its_codes(site, make_account, app_of, as_actor):
    account = make_account()
    app_of(account)
    account_id = account.id
    operations.issue_password(as_actor(account), account_id, forget_app=True)
    assert queries.identity_of(account_id, IdentityKind.totp) is None


def test_ended_sessions_are_dropped_after_thirty_days(site, make_account, sign_in, client):
    from datetime import timedelta

    from civic.core import clock

    sign_in(client, make_account())
    with clock.frozen(NOW + timedelta(days=30)):
        operations.forget_old_sessions()
        assert db.session.scalar(sa.select(sa.func.count()).select_from(UserSession)) == 1
    with clock.frozen(NOW + timedelta(days=31)):
        operations.forget_old_sessions()
        assert db.session.scalar(sa.select(sa.func.count()).select_from(UserSession)) == 0
