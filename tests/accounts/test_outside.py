"""An outside sign-in over real HTTP on loopback: a small provider that signs its ID tokens, and what it can get wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import RSAKey

from civic.accounts import oidc, operations, queries
from civic.accounts.models import Account, IdentityKind, TicketKind
from civic.accounts.own_errors import OidcFailed
from civic.core.db import db
from tests.conftest import NOW
from tests.support.accounts import PASSWORD

KEY, OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"}), RSAKey.generate_key(2048, {"kid": "one"})
CLIENT, SECRET = "civic", "a secret of the client"


class Provider(ThreadingHTTPServer):
    """Knows one person; `claims` changes what its token says, `key` who signs it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.codes: dict[str, dict[str, str]] = {}
        self.claims: dict[str, Any] = {}
        self.key = KEY
        self.named = self.issuer

    def go(self, address: str) -> str:
        """What the browser gets there: the query with which it comes back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        self.codes["c0de"] = asked
        return urlencode({"code": "c0de", "state": asked["state"]})


class Handler(BaseHTTPRequestHandler):
    """The four addresses of a provider."""

    server: Provider

    def do_GET(self) -> None:
        at = self.server.issuer
        about = {
            "issuer": self.server.named,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
        }
        answers = {"/.well-known/openid-configuration": about, "/keys": {"keys": [KEY.as_dict(private=False)]}}
        self._send(200 if self.path in answers else 404, answers.get(self.path, {}))

    def do_POST(self) -> None:
        body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        asked = self.server.codes.pop(body["code"][0], None)
        who = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ") or b"").decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(body["code_verifier"][0].encode()).digest()).rstrip(b"=").decode()
        is_right = (
            asked
            and who == f"{CLIENT}:{SECRET}"
            and challenge == asked["code_challenge"]
            and body["redirect_uri"][0] == asked["redirect_uri"]
        )
        if not is_right:
            self._send(400, {"error": "invalid_grant"})
            return
        now = int(NOW.timestamp())
        claims = {"iss": self.server.issuer, "aud": CLIENT, "sub": "u-77", "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, {**claims, **self.server.claims}, self.server.key)
        self._send(200, {"access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": token})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture
def provider(site):
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    civic = site.extensions["civic"]
    before = civic.settings
    civic.settings = replace(before, oidc_url=server.issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET)
    yield server
    civic.settings = before
    server.shutdown()
    thread.join()
    server.server_close()


def away_and_back(client, provider, status=303):
    away = client.get("/account/outside", status=303).location
    assert away.startswith(provider.issuer)
    return client.get(f"/account/outside/back?{provider.go(away)}", status=status)


def test_nothing_is_offered_where_none_is_set_up(client):
    assert "/account/outside" not in client.get("/account/sign-in", status=200).get_data(as_text=True)
    client.get("/account/outside", status=404)
    client.get("/account/outside/back", status=404)


def test_somebody_new_registers_with_what_the_issuer_says(client, provider, make_community, notice):
    community = make_community()
    assert "/account/outside" in client.get("/account/sign-in", status=200).get_data(as_text=True)
    provider.claims = {"email": "Xiu@example.org", "email_verified": True}
    form = away_and_back(client, provider).location
    words = {"name": "李秀英", "birth_on": "1953-08-21", "place": community.code, "display": "秀英", "agree": "y"}
    client.submit(form, words, status=303)
    account = db.session.scalars(sa.select(Account)).one()
    assert {way.kind: way.value for way in queries.ways_of(account.id)} == {
        IdentityKind.oidc: f"{provider.issuer}|u-77",
        IdentityKind.mail: "xiu@example.org",
    }
    client.submit("/account/sign-out", page="/account/", status=303)
    assert away_and_back(client, provider).location == "/account/"
    assert "秀英" in client.get("/account/", status=200).get_data(as_text=True)


def test_an_unverified_mail_address_is_not_believed(client, provider, notice):
    provider.claims = {"email": "somebody@example.org"}
    token = away_and_back(client, provider).location.rpartition("/")[2]
    assert [kind for kind, _value in operations.open_link(token, TicketKind.register_mail).proven] == ["oidc"]


def test_a_signed_in_person_links_it_once_and_takes_it_off(client, provider, make_resident_account, sign_in):
    account = make_resident_account()
    sign_in(client, account)
    assert "/account/confirm" in client.get("/account/outside", status=303).location
    client.submit("/account/confirm", {"current_password": PASSWORD}, status=303)
    assert away_and_back(client, provider).location == "/account/contacts"
    (way,) = queries.ways_of(account.id)
    db.session.rollback()
    other = client.application.test_client()
    sign_in(other, make_resident_account())
    other.submit("/account/confirm", {"current_password": PASSWORD}, status=303)
    other.get("/?lang=en", status=303)  # a refusal is told in the language of the request that met it
    away_and_back(other, provider)
    assert "outside sign-in belongs to another account" in other.get("/account/contacts", headers={"Accept-Language": "en"}).get_data(
        as_text=True
    )
    client.submit(f"/account/contacts/{way.id}/remove", page="/account/contacts", status=303)
    assert queries.ways_of(account.id) == []


@pytest.mark.parametrize(
    "claims",
    [{"aud": "another"}, {"iss": "https://elsewhere.example"}, {"nonce": "old"}, {"exp": int(NOW.timestamp()) - 61}, {"sub": None}],
    ids=["audience", "issuer", "nonce", "expired", "nobody"],
)
def test_a_token_that_does_not_fit_is_refused(client, provider, claims):
    provider.claims = claims
    away_and_back(client, provider, status=502)


def test_a_token_that_somebody_else_signed_is_refused(client, provider):
    provider.key = OTHER_KEY
    away_and_back(client, provider, status=502)


def test_an_issuer_that_names_another_is_refused(client, provider):
    provider.named = "https://elsewhere.example"
    client.get("/account/outside", status=502)


def test_another_state_or_browser_or_a_second_time_is_refused(client, provider):
    back = provider.go(client.get("/account/outside", status=303).location)
    client.get(f"/account/outside/back?{back.replace('state=', 'state=x')}", status=502)
    client.get(f"/account/outside/back?{back}", status=502)
    back = provider.go(client.get("/account/outside", status=303).location)
    client.application.test_client().get(f"/account/outside/back?{back}", status=502)


def test_nothing_goes_to_another_machine_without_tls(site):
    with pytest.raises(OidcFailed):
        oidc._safe("http://issuer.example.org/token")
    assert oidc._safe("https://issuer.example.org/token")
