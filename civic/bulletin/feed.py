"""The Atom feed of a board (RFC 4287): the newest announcements and postings in force, in the language that is set."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree as Tree

import sqlalchemy as sa
from flask import url_for
from flask_babel import gettext as _

from civic.bulletin import queries
from civic.bulletin.models import Announcement
from civic.core import clock
from civic.core.db import Bilingual, db
from civic.core.i18n import lang, plain
from civic.core.web.context import site_address
from civic.territory.models import Territory

ATOM = "http://www.w3.org/2005/Atom"
MOST = 30


def address(path: str, language: str = "") -> str:
    """Where the feed of a territory is, for every reader alike; of the district before one is loaded."""
    code = path.strip("/").split("/")[-1]
    return url_for("bulletin.atom_of", code=code, language=language or None) if code else url_for("bulletin.atom")


def atom(path: str) -> bytes:
    """The feed of the territory at this path."""
    place = db.session.scalars(sa.select(Territory).where(Territory.path == path)).one_or_none()
    name = plain(place.name) if place else "Civic"
    root = Tree.Element("feed", {"xmlns": ATOM, "xml:lang": "zh-CN" if lang() == "zh" else "en"})
    _text(root, "title", _("News and postings: %(place)s", place=name))
    _text(root, "id", site_address(address(path)))
    Tree.SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": site_address(address(path, lang()))})
    Tree.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": site_address(url_for("bulletin.index"))})
    author = Tree.SubElement(root, "author")
    _text(author, "name", name)
    entries = sorted((_entry_of(row) for row in _rows(path)), key=lambda each: each[0], reverse=True)[:MOST]
    _text(
        root, "updated", _moment(max((updated for updated, _entry in entries), default=datetime.fromisoformat("2000-01-01T00:00:00+00:00")))
    )
    root.extend(entry for _updated, entry in entries)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + Tree.tostring(root, encoding="utf-8")


def _rows(path: str) -> list[object]:
    news = db.session.scalars(queries.in_force(path).limit(MOST))
    return [*news, *db.session.scalars(queries.postings_shown(path).limit(MOST))]


def _entry_of(row: object) -> tuple[datetime, Tree.Element]:
    """(when it was last changed, the entry)."""
    entry = Tree.Element("entry")
    title: Bilingual = row.title  # type: ignore[attr-defined]
    html: Bilingual = row.html  # type: ignore[attr-defined]
    if isinstance(row, Announcement):
        began, href = row.from_at, url_for("bulletin.announcement", uid=row.uid)
        updated = max(began, row.changed_at or began)
    else:
        run = row.runs[-1]  # type: ignore[attr-defined]
        began = clock.day_bounds(run.put_up_on)[0]
        href, updated = url_for("bulletin.posting", number=row.number), run.ended_at or began  # type: ignore[attr-defined]
    _text(entry, "title", plain(title))
    _text(entry, "id", site_address(href))
    Tree.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": site_address(href)})
    _text(entry, "published", _moment(began))
    _text(entry, "updated", _moment(updated))
    content = Tree.SubElement(entry, "content", {"type": "html", "xml:lang": "zh-CN" if html.language_shown(lang()) == "zh" else "en"})
    content.text = html.in_language(lang())
    return updated, entry


def _text(parent: Tree.Element, name: str, words: str) -> None:
    Tree.SubElement(parent, name).text = words


def _moment(moment: datetime) -> str:
    return clock.local(moment).isoformat(timespec="seconds")
