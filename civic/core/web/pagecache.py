"""Rendered reading pages for visitors, kept in the process and answered before Flask is asked.

Key: address, declared arguments, language, mode, community.  An entry is good on its local day, while the versions of its topics
and the site's switches stand and until its `fresh_until`.  Without CIVIC_BASE_URL the host a visitor named stands in absolute links,
so it is part of the address then: nobody may store a page with a foreign host in it for others.  Unknown arguments are dropped.  Each variant is compressed once, when it is stored.
A view opts in with `reading(...)`; pages of signed-in people and forms never come here.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl, urlencode

import brotli
from flask import Flask, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import parse_etags
from werkzeug.wrappers import Response

from civic.core import clock, freshness
from civic.core.hooks import hooks
from civic.core.web.preferences import SESSION_COOKIE, SWITCHES, preferences_from

MOST_ENTRIES = 4000
MOST_BYTES = 96 * 2**20
SMALLEST_COMPRESSED = 600  # bytes; below, a header costs more than it saves
Key = tuple[str, str, str, str, str, str]


@dataclass(frozen=True)
class Reading:
    """What a view says of its page: which arguments it reads, which content it shows, until when it is true."""

    topics: tuple[str, ...]
    args: tuple[str, ...] = ()
    fresh_until: datetime | None = None


def reading(*topics: str, args: tuple[str, ...] = (), fresh_until: datetime | None = None) -> None:
    """Declare the page of this request a reading page.  Call it in the view, once its topics are known."""
    notes = request.environ.get("civic.cache")
    if notes is not None:  # the cache asks; a list, because Werkzeug hands a copy of the environ on
        notes[:] = [Reading((*topics, *hooks().frame_topics), args, fresh_until)]


@dataclass(frozen=True)
class Entry:
    """A stored page with everything that is needed to answer without thinking."""

    day: date
    versions: tuple[tuple[str, int], ...]
    frame: Any
    fresh_until: datetime | None
    etag: str
    plain: tuple[list[tuple[str, str]], bytes]
    zipped: tuple[list[tuple[str, str]], bytes]
    small: tuple[list[tuple[str, str]], bytes]
    unchanged: list[tuple[str, str]]

    @property
    def size(self) -> int:
        return len(self.plain[1]) + len(self.zipped[1]) + len(self.small[1])


class PageCache:
    """WSGI layer around the application."""

    def __init__(self, app: Flask, inner: Callable[..., Iterable[bytes]]) -> None:
        self._app, self._inner = app, inner
        self._default = app.extensions["civic"].settings.locale
        self._names_host = not app.extensions["civic"].settings.base_url
        self.is_on = not app.extensions["civic"].settings.testing  # tests read through transactions of their own
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._declared: dict[str, tuple[str, ...]] = {}
        self._bytes = 0
        self.hits = 0
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not self.is_on or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return self._inner(environ, start_response)
        cookie = environ.get("HTTP_COOKIE", "")
        if SESSION_COOKIE in cookie or "HTTP_AUTHORIZATION" in environ:
            return self._inner(environ, start_response)
        key = self._key(environ, cookie)
        try:
            newest = self._newest()
        except SQLAlchemyError:  # the database is down: the application says so in words
            return self._inner(environ, start_response)
        entry = self._entries.get(key)
        if entry is not None and is_good(entry, newest):
            self.hits += 1
            with self._lock:
                if key in self._entries:
                    self._entries.move_to_end(key)
            return self._answer(entry, environ, start_response)
        return self._render(environ, start_response, cookie, newest)

    def __len__(self) -> int:
        return len(self._entries)

    def _key(self, environ: dict[str, Any], cookie: str) -> Key:
        path, query = environ.get("PATH_INFO", "/"), environ.get("QUERY_STRING", "")
        host = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '') if self._names_host else ''}"
        if query:
            wanted = self._declared.get(path, ())
            given = parse_qsl(query, keep_blank_values=True)
            if any(name in SWITCHES for name, _ in given):
                return (host, path, query, "", "", "switch")
            query = urlencode(sorted(((n, v) for n, v in given if n in wanted), key=itemgetter(0)))
        chosen = preferences_from(cookie, environ.get("HTTP_ACCEPT_LANGUAGE", ""), self._default)
        return (host, path, query, chosen.lang, chosen.mode, chosen.place)

    def _newest(self) -> freshness.Snapshot:
        if freshness.age() > freshness.READ_EVERY:
            with self._app.app_context():
                return freshness.snapshot()
        return freshness.last()

    def _answer(self, entry: Entry, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        wanted = environ.get("HTTP_IF_NONE_MATCH")
        if wanted and (wanted == entry.etag or parse_etags(wanted).contains_weak(entry.etag.removeprefix("W/").strip('"'))):
            start_response("304 NOT MODIFIED", entry.unchanged)
            return ()
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        headers, body = entry.small if "br" in accepted else entry.zipped if "gzip" in accepted else entry.plain
        start_response("200 OK", headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    def _render(
        self, environ: dict[str, Any], start_response: Callable[..., Any], cookie: str, before: freshness.Snapshot
    ) -> Iterable[bytes]:
        """Ask Flask; keep the page when its view declared it a reading page.  before: the versions read before rendering."""
        day = clock.today()
        notes: list[Reading] = []
        asked = {**environ, "REQUEST_METHOD": "GET", "civic.cache": notes}  # HEAD too: its headers are those of the page
        response = Response.from_app(self._inner, asked)
        declared = notes[0] if notes else None
        if declared is None or response.status_code != 200 or "Set-Cookie" in response.headers:
            response.headers.setdefault("Cache-Control", "private, no-cache")
            return response(environ, start_response)
        self._declared_args(environ.get("PATH_INFO", "/"), declared.args)
        entry = make_entry(response, declared, day, before)
        self._keep(self._key(environ, cookie), entry)
        return self._answer(entry, environ, start_response)

    def _declared_args(self, path: str, args: tuple[str, ...]) -> None:
        if len(self._declared) > MOST_ENTRIES:
            with self._lock:  # both: without its declaration `?q=a` would find the page without arguments
                self._declared.clear()
                self._entries.clear()
                self._bytes = 0
        self._declared[path] = args

    def _keep(self, key: Key, entry: Entry) -> None:
        with self._lock:
            old = self._entries.pop(key, None)
            self._bytes += entry.size - (old.size if old else 0)
            self._entries[key] = entry
            while len(self._entries) > MOST_ENTRIES or self._bytes > MOST_BYTES:
                _, dropped = self._entries.popitem(last=False)
                self._bytes -= dropped.size


def is_good(entry: Entry, newest: freshness.Snapshot) -> bool:
    """Would rendering again give the same page?"""
    if entry.frame != newest.frame or any(newest.versions.get(topic, 0) != version for topic, version in entry.versions):
        return False
    now = clock.now()
    return clock.local(now).date() == entry.day and (entry.fresh_until is None or now < entry.fresh_until)


def make_entry(response: Response, declared: Reading, day: date, before: freshness.Snapshot) -> Entry:
    """Store a response with its compressed variants and ready header lists."""
    body = response.get_data()
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:22]}"'
    dropped = {"content-length", "etag", "cache-control", "vary", "content-encoding"}
    common = [(n, v) for n, v in response.headers.items() if n.lower() not in dropped]
    common += [("ETag", etag), ("Cache-Control", "no-cache"), ("Vary", "Cookie, Accept-Language, Accept-Encoding")]

    def variant(encoding: str, data: bytes) -> tuple[list[tuple[str, str]], bytes]:
        extra = [("Content-Encoding", encoding)] if encoding else []
        return [*common, *extra, ("Content-Length", str(len(data)))], data

    plain = variant("", body)
    worth = len(body) >= SMALLEST_COMPRESSED
    return Entry(
        day=day,
        versions=tuple((topic, before.versions.get(topic, 0)) for topic in declared.topics),
        frame=before.frame,
        fresh_until=declared.fresh_until,
        etag=etag,
        plain=plain,
        zipped=variant("gzip", gzip.compress(body, 6, mtime=0)) if worth else plain,
        small=variant("br", brotli.compress(body, quality=5)) if worth else plain,
        unchanged=[(n, v) for n, v in common if n.lower() != "content-type"],
    )
