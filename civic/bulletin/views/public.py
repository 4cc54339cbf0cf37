"""Reading: the board of a place, one announcement, one posting, paper for the real board, QR, the feed."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlencode

import segno
from flask import Blueprint, Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, pgettext
from flask_babel import gettext as _

from civic.bulletin import feed, labels, marks, queries, shown
from civic.bulletin.fresh import also_shows
from civic.bulletin.models import Announcement, AnnouncementKind, AnnouncementState, Posting
from civic.bulletin.queries import PER_PAGE, Asked
from civic.core import clock, spans
from civic.core.i18n import format_day, lang, plain
from civic.core.richtext import first_words
from civic.core.web import limits
from civic.core.web.access import place_path, public
from civic.core.web.context import site_address
from civic.core.web.pagecache import reading
from civic.territory import queries as places

bp = Blueprint("bulletin", __name__, url_prefix="/bulletin")
ARGS = ("show", "kind", "page")
SHOWS = ("", "announcements", "postings", "archive")


def _asked() -> tuple[Asked, int]:
    show, kind, page = (request.args.get(name, "") for name in ARGS)
    show = show if show in SHOWS else ""
    kind = kind if kind in set(AnnouncementKind) and show in {"", "announcements"} else ""
    number = int(page) if page.isdecimal() and len(page) < 7 else 1
    return Asked(queries.board_path(place_path()), "announcements" if kind else show, kind), max(1, number)


def _link(show: str = "", kind: str = "", page: int = 1) -> str:
    kept = {"show": show, "kind": kind, "page": str(page) if page > 1 else ""}
    chosen = {name: value for name, value in kept.items() if value}
    return url_for("bulletin.index") + (f"?{urlencode(chosen)}" if chosen else "")


@bp.get("/")
@public
@limits.per_minute(240)
def index() -> str:
    """The board of the chosen community, else of the district."""
    asked, page = _asked()
    reading(queries.TOPIC, "territory", "features", args=ARGS, fresh_until=queries.next_change(asked.path))
    found, total = queries.lines(asked, page)
    return render_template(
        "bulletin/index.html",
        asked=asked,
        rows=[shown.row_of(line) for line in found],
        filters=_filters(asked),
        kinds=_kinds(asked),
        page=_pages(asked, page, total),
        feed_href=feed.address(asked.path, lang()),
    )


def _filters(asked: Asked) -> list[dict[str, Any]]:
    by_kind, posted = queries.counts(asked.path)
    news = sum(by_kind.values())
    entries = [
        ("", pgettext("board", "All that hangs"), news + posted, ""),
        ("announcements", pgettext("board", "Announcements"), news, "doc"),
        ("postings", pgettext("board", "Postings"), posted, "list"),
        ("archive", pgettext("board", "Archive"), None, "history"),
    ]
    return [
        {"label": label, "href": _link(show), "is_current": asked.show == show, "count": count, "icon": icon}
        for show, label, count, icon in entries
    ]


def _kinds(asked: Asked) -> list[dict[str, Any]]:
    """Kinds of announcements, where there are several."""
    if asked.show != "announcements":
        return []
    by_kind, _posted = queries.counts(asked.path)
    entries: list[dict[str, Any]] = [
        {"label": pgettext("board", "All kinds"), "href": _link("announcements"), "is_current": not asked.kind, "count": None}
    ]
    for kind, label in labels.KIND.items():
        if by_kind.get(kind) or asked.kind == kind:
            href = _link("announcements", kind.value)
            is_current = asked.kind == kind
            entries.append({"label": label, "href": href, "is_current": is_current, "count": by_kind.get(kind, 0), "icon": marks.KIND_ICON[kind]})  # fmt: skip
    return entries


def _pages(asked: Asked, page: int, total: int) -> dict[str, str]:
    if total <= PER_PAGE:
        return {}
    last = min(total, page * PER_PAGE)
    return {
        "told": _("Entries %(first)s to %(last)s of %(total)s.", first=min(total, (page - 1) * PER_PAGE + 1), last=last, total=total),
        "first_href": _link(asked.show, asked.kind) if page > 1 else "",
        "next_href": _link(asked.show, asked.kind, page + 1) if last < total else "",
    }


def announcement_row(uid: str) -> Announcement:
    """404 for one that is not there, or not yet."""
    row = queries.announcement_by_uid(uid)
    if row is None:
        abort(404)
    return row


@bp.get("/announcements/<uid>")
@public
def announcement(uid: str) -> ResponseReturnValue:
    """One announcement; a withdrawn one says so, with 410."""
    row = announcement_row(uid)
    if row.state is AnnouncementState.withdrawn:
        return render_template("bulletin/withdrawn.html", row=row), 410
    reading(queries.TOPIC, "territory", "features", fresh_until=row.until_at if row.until_at and row.until_at > clock.now() else None)
    address = site_address(url_for(".announcement", uid=uid))
    return render_template(
        "bulletin/announcement.html",
        row=row,
        labels=labels,
        marks=marks,
        words=shown.words(row.html),
        note=shown.language_note(row),
        when=shown.when(row),
        is_over=row.until_at is not None and row.until_at <= clock.now(),
        lead=first_words(plain(row.body), 140),
        address=address,
        canonical=address,
        group_lines=[plain(row.title), f"{plain(row.territory.name)} · {shown.when(row)}"],
    )


def posting_row(number: str) -> Posting:
    """404 for one that was never put up."""
    row = queries.posting_by_number(number)
    if row is None:
        abort(404)
    return row


@bp.get("/postings/<number>")
@public
def posting(number: str) -> str:
    """One posting: its text, its clock and why, answers, history, proof."""
    reading(queries.TOPIC, "territory", "workdays", "features")
    row = posting_row(number)
    view = queries.posting_view(row)
    address = site_address(url_for(".posting", number=number))
    counted = spans.deadline(row.days, row.unit, view.run.put_up_on) if view.run else None
    return render_template(
        "bulletin/posting.html",
        row=row,
        view=view,
        labels=labels,
        marks=marks,
        words=shown.words(row.html),
        note=shown.language_note(row),
        counted=counted,
        run_words=shown.run_words(view.run) if view.run else "",
        days=spans.amount_words(row.days, row.unit),
        lead=first_words(plain(row.body), 140),
        address=address,
        canonical=address,
        group_lines=[
            plain(row.title),
            _("Posting %(number)s, objections until %(day)s", number=row.number, day=format_day(view.run.until_on))
            if view.run
            else row.number,
        ],
    )


def _qr(path: str) -> Response:
    buffer = io.BytesIO()
    code = segno.make(site_address(path), error="m")
    code.save(buffer, kind="svg", border=2, svgclass=None, lineclass=None, omitsize=True, xmldecl=False)
    response = Response(buffer.getvalue(), mimetype="image/svg+xml")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@bp.get("/announcements/<uid>/qr.svg")
@public
def announcement_qr(uid: str) -> Response:
    announcement_row(uid)
    return _qr(url_for(".announcement", uid=uid))


@bp.get("/postings/<number>/qr.svg")
@public
def posting_qr(number: str) -> Response:
    posting_row(number)
    return _qr(url_for(".posting", number=number))


@bp.get("/feed.atom")
@public
@limits.per_minute(120)
def atom() -> ResponseReturnValue:
    """The feed of the chosen community, else of the district."""
    reading(queries.TOPIC, "territory", args=("language",))
    return _feed(queries.board_path(place_path()))


@bp.get("/feed/<code>.atom")
@public
@limits.per_minute(120)
def atom_of(code: str) -> ResponseReturnValue:
    """The feed of a place, for readers that keep no cookie.  language: zh or en."""
    path = places.any_path(code)
    if path is None:
        abort(404)
    reading(queries.TOPIC, "territory", args=("language",))
    return _feed(path)


def _feed(path: str) -> ResponseReturnValue:
    """Announcements and postings of a place as an Atom feed (RFC 4287)."""
    also_shows(until=queries.next_change(path))
    language = request.args.get("language", "")
    with force_locale(language if language in {"zh", "en"} else lang()):
        body = feed.atom(path)
    response = Response(body, mimetype="application/atom+xml")
    response.add_etag(weak=True)
    return response.make_conditional(request)
