"""What a reader chose: language, mode and community, in plain cookies that only the `?lang= ?mode= ?place=` links set.

Language: link → account → cookie → Accept-Language → CIVIC_LOCALE.  Werkzeug's own `best_match` gives English for
"zh-CN, en;q=0.5"; babel's `negotiate_locale` was right in all tried cases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode

from babel.core import negotiate_locale
from flask import Flask, Response, current_app, g, redirect, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response as AnyResponse

LANGUAGES = ("zh", "en")
MODES = {"plain": "", "elder": "elder", "contrast": "contrast", "elder-contrast": "elder contrast"}  # as the cookie says it
SWITCHES = ("lang", "mode", "place")
SESSION_COOKIE = "civic_session"
YEAR = 365 * 86400
_PLACE = re.compile(r"[A-Za-z0-9-]{1,24}")


@dataclass(frozen=True)
class Preferences:
    """lang: zh or en; mode: '' or words for <html data-mode>; place: a territory code or ''."""

    lang: str
    mode: str = ""
    place: str = ""


def cookies_of(header: str) -> dict[str, str]:
    """The cookies of a request, by name; cheap, because cached pages pay for it each time."""
    found = {}
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        found[name] = value
    return found


@lru_cache(maxsize=512)
def negotiate(header: str, default: str) -> str:
    """The language for an Accept-Language header."""
    wanted = [code for code, _ in parse_accept_header(header, LanguageAccept)]
    return negotiate_locale(wanted, LANGUAGES, sep="-") or default


def preferences_from(cookie_header: str, accept_language: str, default: str) -> Preferences:
    """Preferences without an account: what the page cache and a visitor's page use."""
    cookies = cookies_of(cookie_header) if cookie_header else {}
    lang = cookies.get("civic_lang", "")
    place = cookies.get("civic_place", "")
    return Preferences(
        lang if lang in LANGUAGES else negotiate(accept_language, default),
        MODES.get(cookies.get("civic_mode", ""), ""),
        place if _PLACE.fullmatch(place) else "",
    )


def preferences() -> Preferences:
    """The preferences of this request."""
    found: Preferences | None = g.get("civic_preferences")
    if found is None:
        header = request.headers
        found = preferences_from(header.get("Cookie", ""), header.get("Accept-Language", ""), request_default())
        g.civic_preferences = found
    return found


def request_default() -> str:
    locale: str = current_app.extensions["civic"].settings.locale
    return locale


def own_path() -> str:
    """The path of this request as a link of this site.  Quoted: a backslash after the first slash would lead a browser to another host."""
    return quote(request.path, safe="/:@!$&'()*+,;=-._~")


def switch(**chosen: str) -> str:
    """The link that changes a preference and leads back to this page."""
    kept = [(k, v) for k, v in request.args.items(multi=True) if k not in SWITCHES]
    return f"{own_path()}?{urlencode(kept + list(chosen.items()))}"


def init_preferences(app: Flask) -> None:
    """Answer `?lang= ?mode= ?place=` with a cookie and a redirect to the clean address."""

    @app.before_request
    def _switch() -> AnyResponse | None:
        if request.method != "GET" or request.path.startswith(("/api/", "/static/")):
            return None
        chosen = {name: request.args[name] for name in SWITCHES if name in request.args}
        if not chosen:
            return None
        given = parse_qsl(request.query_string.decode("utf-8", "replace"), keep_blank_values=True)
        kept = [(k, v) for k, v in given if k not in chosen]
        response: AnyResponse = redirect(own_path() + (f"?{urlencode(kept)}" if kept else ""), 303)
        if chosen.get("lang") in LANGUAGES:
            remember(response, "civic_lang", chosen["lang"])
        mode = chosen.get("mode", "").replace(" ", "-")
        if mode in MODES:
            remember(response, "civic_mode", mode)
        if "place" in chosen and (_PLACE.fullmatch(chosen["place"]) or not chosen["place"]):
            remember(response, "civic_place", chosen["place"])
        response.headers["Cache-Control"] = "no-store"
        return response


def remember(response: AnyResponse | Response, name: str, value: str) -> None:
    """Keep a preference for a year; an empty value forgets it."""
    if value:
        response.set_cookie(name, value, max_age=YEAR, samesite="Lax", secure=request.is_secure, httponly=True)
    else:
        response.delete_cookie(name)
