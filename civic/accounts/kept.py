"""A form whose session ended while somebody typed: its fields travel encrypted through the sign-in pages and are offered again.

The blob is bound to its address and, where the old cookie tells it, to the account.  Only forms of this site are kept: after
a post from elsewhere the page would offer a stranger's words as one's own (the session cookie is SameSite=Lax, so such a post
always looks like an ended session).  Passwords and codes are left out; files cannot be kept, and the page says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import request
from flask_wtf.csrf import validate_csrf
from wtforms import HiddenField
from wtforms.fields.core import UnboundField
from wtforms.validators import ValidationError

from civic.accounts import queries
from civic.accounts.session import old_session_token
from civic.core import clock, crypto
from civic.core.web.forms import Form

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
        """Label and text of what people typed themselves, without hidden and empty fields."""
        declared = _fields_of({name for name, _ in self.fields})
        found = []
        for name, value in self.fields:
            field = declared.get(name)
            is_hidden = name == "request_key" or (field is not None and issubclass(field.field_class, HiddenField))
            if value.strip() and not is_hidden:
                found.append((_label(field) or name.replace("_", " ").replace("-", " "), value))
        return found


def _fields_of(names: set[str]) -> dict[str, Any]:
    """The declared fields of the form that these names come from: of all forms the one that shares most and has fewest others.

    The view that knows its form has not run, and the page that showed it is another request; labels make the page readable.
    """
    best: dict[str, Any] = {}
    for form in _forms(Form):
        declared = {name: field for name in dir(form) if isinstance(field := getattr(form, name), UnboundField)}
        if (len(names & declared.keys()), -len(declared)) > (len(names & best.keys()), -len(best)):
            best = declared
    return best


def _forms(base: type[Form]) -> Iterator[type[Form]]:
    for form in base.__subclasses__():
        yield form
        yield from _forms(form)


def _label(field: Any) -> str:
    return str(field.kwargs.get("label") or (field.args[0] if field.args else "")) if field is not None else ""


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
    """None: nothing was kept, it was altered, it is older than a day, or it leads away from this site."""
    if not blob:
        return None
    try:
        read = json.loads(crypto.decrypt(blob, PURPOSE))
    except (crypto.UnknownKey, ValueError):
        return None
    if clock.now().timestamp() - read["at"] > LASTS or not local_path(read["path"]):
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
