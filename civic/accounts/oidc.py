"""An outside sign-in by OpenID Connect Core 1.0: code flow with PKCE (RFC 7636), state, nonce; the ID token is checked here.

Nothing of the outside world runs inside a transaction, and each answer waits at most five seconds.  The libraries are imported where
they are used: together they take 20 MB, and most sites, all commands and the scheduler never sign anybody in from outside.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import current_app

from civic.accounts.own_errors import OidcFailed
from civic.config import Settings
from civic.core import clock
from civic.people.records import normal_mail

TIMEOUT = 5  # seconds
LEEWAY = 60  # seconds between the two clocks
ALGORITHMS = ["RS256", "PS256", "ES256"]
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Begun:
    """What the browser keeps while it is away."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Outside:
    """Who came back.  subject: `issuer|subject`; mail: '' unless the issuer says that it verified it."""

    subject: str
    mail: str = ""


def _settings() -> Settings:
    found: Settings = current_app.extensions["civic"].settings
    return found


def _safe(url: Any) -> str:
    """Only https leaves this machine.  Raises OidcFailed."""
    parts = urlsplit(url if isinstance(url, str) else "")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise OidcFailed
    return str(url)


def _fetch(url: str) -> dict[str, Any]:
    import requests  # noqa: PLC0415 - see above

    try:
        answer = requests.get(_safe(url), timeout=TIMEOUT, allow_redirects=False)
        found = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError):
        found = None
    if not isinstance(found, dict):
        raise OidcFailed
    return found


def _discover() -> dict[str, Any]:
    """The issuer's own description.  It must name itself, or somebody else answers for it."""
    issuer = _settings().oidc_url
    found = _fetch(f"{issuer}/.well-known/openid-configuration")
    if str(found.get("issuer", "")).rstrip("/") != issuer:
        raise OidcFailed
    return found


def _client(back: str) -> Any:
    from authlib.integrations.requests_client import (  # type: ignore[import-untyped]  # noqa: PLC0415 - ships no types; see above
        OAuth2Session,
    )

    settings = _settings()
    return OAuth2Session(
        settings.oidc_client_id,
        settings.oidc_client_secret or None,
        scope="openid email",
        redirect_uri=back,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if settings.oidc_client_secret else "none",
    )


def begin(back: str) -> tuple[str, Begun]:
    """The address to go to, and what to keep.  back: our own address to return to.  Raises OidcFailed."""
    begun = Begun(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
    url, _state = _client(back).create_authorization_url(
        _safe(_discover().get("authorization_endpoint")), state=begun.state, nonce=begun.nonce, code_verifier=begun.verifier
    )
    return str(url), begun


def finish(back: str, begun: Begun, state: str, code: str) -> Outside:
    """Exchange the code and check the ID token.  Raises OidcFailed."""
    from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]  # noqa: PLC0415 - ships no types; see above
    from joserfc.errors import JoseError  # noqa: PLC0415 - see above
    from requests import RequestException  # noqa: PLC0415 - see above

    if not code or not hmac.compare_digest(begun.state.encode(), state.encode()):
        raise OidcFailed
    about = _discover()
    try:
        token = _client(back).fetch_token(
            _safe(about.get("token_endpoint")), grant_type="authorization_code", code=code, code_verifier=begun.verifier, timeout=TIMEOUT
        )
        claims = _claims(about, str(token.get("id_token", "")), begun.nonce)
    except (RequestException, AuthlibBaseError, JoseError, ValueError, TypeError, KeyError):
        raise OidcFailed from None
    mail = normal_mail(str(claims.get("email", ""))) if claims.get("email_verified") is True else ""
    return Outside(f"{_settings().oidc_url}|{claims['sub']}", mail)


def _claims(about: dict[str, Any], token: str, nonce: str) -> dict[str, Any]:
    from joserfc import jwt  # noqa: PLC0415 - see above
    from joserfc.jwk import KeySet  # noqa: PLC0415 - see above

    keys = KeySet.import_key_set(_fetch(str(about.get("jwks_uri", ""))))  # type: ignore[arg-type]  # the library checks the shape
    decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
    rules = jwt.JWTClaimsRegistry(
        now=int(clock.now().timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": about["issuer"]},
        aud={"essential": True, "value": _settings().oidc_client_id},
        sub={"essential": True},
        exp={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    rules.validate(decoded.claims)
    return dict(decoded.claims)
