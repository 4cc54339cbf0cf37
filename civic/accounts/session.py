"""The request's side of a session: cookie and header in, Viewer out; last seen; the language of the account.

Flask-Login keeps the session's random token as the alternative id, so that ending the row signs the browser out.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from flask import Flask, Response, current_app, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy.exc import OperationalError

from civic.accounts import operations, queries
from civic.accounts.models import ConnectionAct
from civic.core import clock
from civic.core.i18n import account_language
from civic.core.viewer import NOBODY, Actor, Channel, Viewer
from civic.core.web.errors import is_api
from civic.core.web.preferences import cookies_of

log = logging.getLogger(__name__)
manager = LoginManager()
manager.session_protection = None  # type: ignore[assignment]  # the library's own way to switch it off: phones change their address; the row in user_session is what counts


class Browser(UserMixin):
    """A signed-in browser as Flask-Login sees it."""

    def __init__(self, token: str, who: queries.SignedIn) -> None:
        self.token, self.who = token, who

    def get_id(self) -> str:
        return self.token


@manager.user_loader
def _load(token: str) -> Browser | None:
    who = queries.session_of(token)
    return Browser(token, who) if who else None


def bearer() -> str:
    """The token of the Authorization header, or nothing."""
    scheme, _sep, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _who() -> queries.SignedIn | None:
    if is_api():  # cookies never authenticate the API
        token = bearer()
        return queries.token_of(token) if token else None
    user: Any = current_user
    return user.who if user.is_authenticated else None


def build_viewer() -> Viewer:
    """At most two statements: the session with its account, the grants."""
    who = _who()
    g.civic_signed_in = who
    return queries.viewer_of(who) if who else NOBODY


def acting_as(account_id: int) -> Actor:
    """The actor of a sign-in, before there is a viewer."""
    return Actor(account_id, channel=g.get("civic_channel", Channel.web), request_id=g.get("request_id", ""))


def sign_in_browser(account_id: int, *, two_step: bool) -> None:
    """Begin a session and put its token into the cookie.

    The CSRF secret stays: it is bound to this browser, and forms open in other tabs must still be sendable after signing in again.
    """
    _row, token = operations.begin_session(
        acting_as(account_id), account_id, device=device_words(request.headers.get("User-Agent", "")), two_step=two_step
    )
    who = queries.session_of(token)
    if who is None:
        raise ValueError("a session ends after it begins")
    session.permanent = True
    login_user(Browser(token, who))
    forget_viewer()
    record(account_id, ConnectionAct.sign_in)


def sign_out_browser() -> None:
    """Empty the cookie; the row was ended by an operation."""
    logout_user()
    session.clear()
    forget_viewer()


def forget_viewer() -> None:
    g.pop("civic_viewer", None)


def old_session_token() -> str:
    """The token that the cookie still holds, living or not."""
    return str(session.get("_user_id", ""))


def address() -> str:
    return request.remote_addr or ""


def port() -> int:
    """The caller's port: from the socket, or as the trusted proxy in front says in X-Real-Port."""
    behind = current_app.extensions["civic"].settings.trusted_proxies
    given = request.headers.get("X-Real-Port", "") if behind else str(request.environ.get("REMOTE_PORT", ""))
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 5 else 0


def record(account_id: int | None, act: ConnectionAct) -> None:
    operations.record_connection(account_id, act, address=address(), port=port())


BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("MiuiBrowser", "Mi Browser"),
    ("UCBrowser", "UC Browser"),
    ("MQQBrowser", "QQ Browser"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("OPR", "Opera"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def device_words(agent: str) -> str:
    """`Chrome, Android`: names that people know; empty when neither is recognised.  Order matters: Edge calls itself Chrome too."""
    found = [next((word for mark, word in marks if re.search(rf"\b{re.escape(mark)}", agent)), "") for marks in (BROWSERS, SYSTEMS)]
    return ", ".join(word for word in found if word)


def init_session(app: Flask) -> None:
    """Start hook of the module."""
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False  # or every page of a signed-in person would set a cookie
    manager.init_app(app)
    app.extensions["civic"].hooks.build_viewer = build_viewer

    @app.before_request
    def _language() -> None:
        """Language: link → account → cookie.  The link writes the cookie, signing in writes the account's choice into it."""
        if "civic_lang" not in cookies_of(request.headers.get("Cookie", "")):
            account_language()

    @app.after_request
    def _seen(response: Response) -> Response:
        """After the answer is made, because a connection of its own ends the plain reads of the request."""
        who: queries.SignedIn | None = g.get("civic_signed_in")
        if who is not None:
            try:
                if operations.note_seen(who):
                    record(who.account_id, ConnectionAct.use)
            except OperationalError:  # another writer was in the way; the next request writes it
                log.warning("last seen of session %s was not written", who.row_id)
        return response

    @app.context_processor
    def _expires() -> dict[str, Any]:
        who: queries.SignedIn | None = g.get("civic_signed_in")
        return {"session_expires_at": clock.local(who.expires_at).isoformat() if who else ""}
