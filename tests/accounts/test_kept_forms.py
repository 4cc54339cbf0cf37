"""A session that ended while somebody was filling in a form: what was typed is kept, and goes where it was meant to go."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa

from civic.accounts import kept
from civic.accounts.models import Account, ConnectionOpening, UserSession
from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.idempotency import IdempotencyKey
from civic.core.viewer import Role
from tests.accounts.test_signing_in import DOOR, type_in
from tests.conftest import NOW
from tests.support.accounts import PASSWORD

ASK = "/desk/connections/"
REASON = "Police letter, 㙓 𠮷 😀\n第二行"


def end_sessions() -> None:
    with atomic():
        db.session.execute(sa.update(UserSession).values(ended_at=NOW))


def hidden(page: str) -> dict[str, str]:
    found = {}
    for tag in re.findall(r'<input\b[^>]*type="hidden"[^>]*>', page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        found[name.group(1)] = unescape(value.group(1)) if value else ""
    return found


def typed(page: str, **more: str) -> dict[str, str]:
    fields = {"document": "穗公 2026-113", "reason": REASON, "from_on": "2026-11-01", "to_on": "2026-11-20", "login": ""}
    return {**hidden(page), **fields, **more}


@pytest.fixture
def auditor(make_account):
    return make_account(role=Role.auditor, name="Auditor Huang")


@pytest.fixture
def interrupted(client, auditor, sign_in, app_of):
    """A form is open, the session ends, the form is sent: the page that comes, the key of the form, the app."""
    app = app_of(auditor)
    sign_in(client, auditor)
    form = typed(client.get(ASK, status=200).get_data(as_text=True))
    end_sessions()
    page = client.post(ASK, data=form, status=401, headers={"Accept-Language": "en"}).get_data(as_text=True)
    return page, form["request_key"], app


def test_the_whole_way_through_both_steps_back_to_the_form(client, auditor, interrupted):
    page, key, app = interrupted
    assert "What you typed is kept: sign in, then send it." in page
    assert "Police letter" not in page  # sealed
    english = {"Accept-Language": "en"}
    step = client.post(DOOR, data={**hidden(page), "login": auditor.login, "password": "wrong password"}, status=401, headers=english)
    step = client.post(
        DOOR, data={**hidden(step.get_data(as_text=True)), "login": auditor.login, "password": PASSWORD}, status=200, headers=english
    )
    text = step.get_data(as_text=True)
    assert "Open the app with your codes" in text
    text = client.post("/account/second-step", data={**hidden(text), "code": "000000"}, status=401).get_data(as_text=True)
    again = client.post("/account/second-step", data={**hidden(text), "code": app.at(NOW)}, status=200, headers=english)
    text = again.get_data(as_text=True)
    assert again.headers["Cache-Control"] == "no-store"
    assert "You are signed in again" in text
    assert "What you typed was kept." in text
    assert "穗公 2026-113" in text
    assert "<dt>Number of the document</dt>" in text  # the form's own label, in the reader's language
    assert f'<form class="stack-wide" method="post" action="{ASK}"' in text
    fields = hidden(text)
    assert fields["request_key"] == key
    assert fields["reason"] == REASON
    assert client.post(ASK, data=fields, status=303).location == ASK
    assert client.post(ASK, data=fields, status=303).location == ASK  # a double click
    opening = db.session.scalars(sa.select(ConnectionOpening)).one()
    assert (opening.reason, opening.asked_by_id) == (REASON, auditor.id)
    assert db.session.scalars(sa.select(IdempotencyKey.key)).all() == [key]


def test_setting_up_the_second_step_and_a_new_password_carry_the_form_too(client, make_account, sign_in):
    import pyotp

    account = make_account(role=Role.auditor)
    sign_in(client, account)
    form = typed(client.get(ASK, status=200).get_data(as_text=True))
    with atomic():
        db.session.execute(sa.update(UserSession).values(ended_at=NOW))
        db.session.execute(sa.update(Account).values(must_change_password=True))
    page = client.post(ASK, data=form, status=401).get_data(as_text=True)
    page = client.post(DOOR, data={**hidden(page), "login": account.login, "password": PASSWORD}, status=200).get_data(as_text=True)
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page).group(1).replace(" ", "")
    page = client.post("/account/second-step/set-up", data={**hidden(page), "code": pyotp.TOTP(secret).at(NOW)}, status=200).get_data(
        as_text=True
    )
    page = client.post("/account/sign-in/go-on", data=hidden(page), status=200).get_data(as_text=True)
    new = {"new_password": "another long sentence", "again_password": "another long sentence"}
    page = client.post("/account/first-password", data={**hidden(page), **new}, status=200).get_data(as_text=True)
    assert hidden(page)["request_key"] == form["request_key"]
    client.post(ASK, data=hidden(page), status=303)


def test_another_account_neither_sees_nor_sends_what_was_typed(client, interrupted, make_account):
    page, _key, _app = interrupted
    other = make_account(login="bohai")
    answer = client.post(
        DOOR, data={**hidden(page), "login": other.login, "password": PASSWORD}, status=200, headers={"Accept-Language": "en"}
    )
    text = answer.get_data(as_text=True)
    assert "belongs to another account" in text
    assert "穗公" not in text
    assert "request_key" not in text


def test_without_the_old_cookie_whoever_signs_in_goes_on(client, auditor, make_account):
    form = {"document": "N 1", "request_key": "k" * 22}
    page = client.post(ASK, data=form, status=401, headers={"Origin": "http://localhost"}).get_data(as_text=True)
    account = make_account(login="bohai")
    text = client.post(DOOR, data={**hidden(page), "login": account.login, "password": PASSWORD}, status=200).get_data(as_text=True)
    assert hidden(text)["document"] == "N 1"


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Referer": "https://evil.example/x"}, {"Origin": "null"}])
def test_a_form_from_elsewhere_is_not_kept(client, site, headers):
    answer = client.post(ASK, data={"document": "a stranger's words"}, status=303, headers=headers)
    assert answer.location == DOOR


def test_more_than_200_kilobytes_are_not_kept_and_the_page_says_so(client, auditor, sign_in):
    sign_in(client, auditor)
    form = typed(client.get(ASK).get_data(as_text=True), reason="字" * 70_000)
    end_sessions()
    page = client.post(ASK, data=form, status=401, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "too long to keep here (more than 200 KB)" in page
    assert hidden(page)["kept"] == ""


def test_files_and_passwords_are_not_kept_and_the_page_says_so_of_files(client, auditor, sign_in):
    sign_in(client, auditor)
    form = typed(client.get(ASK).get_data(as_text=True), current_password="secret of mine")
    end_sessions()
    form["paper"] = (io.BytesIO(b"x"), "paper.pdf")
    page = client.post(ASK, data=form, status=401, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "Files cannot be kept." in page
    read = json.loads(crypto.decrypt(hidden(page)["kept"], "kept-form"))
    assert {"csrf_token", "current_password", "paper"}.isdisjoint(name for name, _ in read["fields"])
    assert read["account"] == auditor.id


def test_an_altered_or_old_blob_is_as_if_nothing_was_kept(site, client, interrupted, make_account):
    page, _key, _app = interrupted
    blob = hidden(page)["kept"]
    assert kept.unseal(blob).path == ASK
    assert kept.unseal("") is None
    assert kept.unseal("not a blob") is None
    away = {"path": "//evil.example/", "fields": [], "account": None, "files": False, "at": int(NOW.timestamp())}
    assert kept.unseal(crypto.encrypt(json.dumps(away), "kept-form")) is None
    assert kept.unseal(blob[:-4] + "AAAA") is None
    with clock.frozen(NOW + timedelta(hours=25)):
        assert kept.unseal(blob) is None
    account = make_account(login="bohai")
    assert type_in(client, account.login, kept="g1.00000000.AAAA").location == "/account/"


def test_pages_and_programs_get_their_own_answer_at_the_door(client, site):
    assert client.get(ASK + "?x=1", status=303).location == f"{DOOR}?next={ASK}?x%3D1"
    answer = client.get("/api/v1/account", status=401)
    assert answer.json["code"] == "sign_in_needed"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_fields_of_an_unknown_form_are_shown_by_their_names_and_hidden_ones_not(site):
    with site.test_request_context("/", headers={"Accept-Language": "en"}):
        assert kept.Kept("/x", [("wall_colour", "red"), ("request_key", "k"), ("empty", " ")], None, False).shown() == [
            ("wall colour", "red")
        ]
        typed = [("login", "aling"), ("name", "阿玲"), ("role", "clerk"), ("territory", "440113"), ("next", "/secret")]
        assert kept.Kept("/x", typed, None, False).shown()[1] == ("Name that colleagues see", "阿玲")
        sign_in = kept.Kept("/x", [("login", "aling"), ("password", "?"), ("next", "/x"), ("kept", "b")], None, False)
        assert sign_in.shown() == [("Login", "aling"), ("Password", "?")]
