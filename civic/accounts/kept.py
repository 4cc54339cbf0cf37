"""A form whose session ended while somebody typed: its fields travel encrypted through the sign-in pages and are offered again.

The blob is bound to its address and, where the old cookie tells it, to the account.  Only forms of this site are kept: after
a post from elsewhere the page would offer a stranger's words as one's own (the session cookie is SameSite=Lax, so such a post
always looks like an ended session).  Passwords and codes are left out; files cannot be kept, and the page says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import request
from flask_wtf.csrf import validate_csrf
from wtforms.validators import ValidationError

from civic.accounts import queries
from civic.accounts.session import old_session_token
from civic.core import clock, crypto

MOST_BYTES = 200 * 1024
LASTS = 24 * 3600  # seconds
PURPOSE = "kept-form"
NEVER_KEPT = ("password", "csrf_token", "otp", "code", "sealed", "kept")


@dataclass(frozen=True)
class Kept:
    """What was typed, where it goes, and whose it is (None: anybody's)."""

    path: str
    fields: list[tuple[str, str]]
    account_id: int | None
    had_files: bool

    def shown(self) -> list[tuple[str, str]]:
        """Name and text of what people typed themselves, without keys and empty fields."""
        hidden = {"request_key", "base"}
        return [(name.replace("_", " ").replace("-", " "), value) for name, value in self.fields if value.strip() and name not in hidden]


def is_own_form() -> bool:
    """Was the form shown by this site?  Its token fits the browser's cookie, or the browser says that it comes from here."""
    try:
        validate_csrf(request.form.get("csrf_token") or request.headers.get("X-CSRFToken"))
    except ValidationError:
        origin = request.headers.get("Origin") or request.headers.get("Referer") or ""
        return bool(origin) and urlsplit(origin).netloc == request.host
    return True


def seal() -> str:
    """The blob of this request's form; empty when it is too large to keep."""
    pairs = [(name, value) for name, value in request.form.items(multi=True) if not _is_secret(name)]
    if sum(len(name.encode()) + len(value.encode()) for name, value in pairs) > MOST_BYTES:
        return ""
    token = old_session_token()
    account_id = queries.account_of_session(token) if token else None
    path = request.full_path.rstrip("?")
    files = any(each.filename for each in request.files.values())
    text = json.dumps(
        {"path": path, "fields": pairs, "account": account_id, "files": files, "at": int(clock.now().timestamp())}, ensure_ascii=False
    )
    return crypto.encrypt(text, PURPOSE)


def _is_secret(name: str) -> bool:
    return name in NEVER_KEPT or "password" in name


def unseal(blob: str | None) -> Kept | None:
    """None: nothing was kept, it was altered, or it is older than a day."""
    if not blob:
        return None
    try:
        read = json.loads(crypto.decrypt(blob, PURPOSE))
    except (crypto.UnknownKey, ValueError):
        return None
    if clock.now().timestamp() - read["at"] > LASTS:
        return None
    return Kept(read["path"], [(name, value) for name, value in read["fields"]], read["account"], read["files"])


def local_path(wanted: str | None) -> str:
    """`wanted` when it is an address of this site, else the empty string: two slashes, slash and backslash, or a scheme lead away."""
    if not wanted or not wanted.isprintable():
        return ""
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or not wanted.startswith("/") or wanted[1:2] in {"/", "\\"}:
        return ""
    return wanted
