"""Finding an item and reading everything about it before leaving home."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import segno
from flask import Blueprint, Response, abort, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from civic.catalogue import labels, queries
from civic.catalogue.models import HandlingType, ItemChannel
from civic.catalogue.queries import Asked, Card
from civic.core import misses, spans
from civic.core.i18n import lang, plain
from civic.core.web import limits
from civic.core.web.access import public
from civic.core.web.context import site_address
from civic.core.web.pagecache import reading
from civic.core.web.preferences import preferences
from civic.territory import queries as places

bp = Blueprint("catalogue", __name__, url_prefix="/services")
ARGS = ("q", "department", "category", "audience", "channel", "station", "page")
PER_PAGE = 20
MOST_STATIONS = 8  # more are chosen by community


def asked_from_request() -> Asked:
    args = {name: request.args.get(name, "").strip()[:100] for name in ARGS if name != "page"}
    if args["channel"] not in set(ItemChannel):
        args["channel"] = ""
    return Asked(**args)


@bp.get("/")
@public
@limits.per_minute(240)
def items() -> str:
    """The list: by words, department, category, audience, channel, station."""
    asked, whole = asked_from_request(), queries.overview()
    answer = queries.matching(asked, whole)
    if asked.q and not answer.cards:
        misses.count_miss(asked.q, lang())  # not a reading page: each time counts
    else:
        reading(queries.TOPIC, "territory", "features", args=ARGS)
    page = max(1, int(request.args.get("page", "1")) if request.args.get("page", "1").isdecimal() else 1)
    shown = answer.cards[(page - 1) * PER_PAGE : page * PER_PAGE]
    return render_template(
        "catalogue/items.html",
        asked=asked,
        answer=answer,
        rows=[row_of(card, answer.phrases.get(card.code, ""), whole) for card in shown],
        heading=_heading(asked, whole, len(answer.cards)),
        channels=_channel_filters(asked, answer),
        chosen=_chosen(asked, whole),
        groups=whole,
        link=link_to,
        page=_pages(asked, page, len(answer.cards)),
        hot=queries.hot_words(),
    )


def link_to(asked: Asked | None = None, **changes: str) -> str:
    """The list's address for a narrowed question."""
    now = replace(asked or Asked(), **changes)
    kept = {name: value for name in ARGS if name != "page" and (value := getattr(now, name))}
    return url_for("catalogue.items") + (f"?{urlencode(kept)}" if kept else "")


def row_of(card: Card, phrase: str, whole: queries.Overview) -> dict[str, Any]:
    """A card with its words ready: channels, promise, papers, whether the chosen station offers it."""
    place = preferences().place
    facts = [
        ngettext("%(num)s paper", "%(num)s papers", card.materials),
        plain(card.fee),
        pgettext("item", "no visit") if card.visits == 0 else ngettext("%(num)s visit", "%(num)s visits", card.visits),
    ]
    return {
        "href": url_for("catalogue.item", code=card.code),
        "name": card.name,
        "summary": card.summary,
        "channels": [(labels.CHANNEL[c], labels.CHANNEL_ICON[c]) for c in card.channels],
        "promise": promise_words(card),
        "facts": " · ".join(facts),
        "phrase": phrase,
        "not_here": bool(place) and place in whole.withheld.get(card.code, ()),
    }


def promise_words(card: Card) -> str:
    if card.handling_type is HandlingType.on_spot:
        return str(labels.HANDLING[HandlingType.on_spot])
    return _("Done within %(amount)s", amount=spans.amount_words(card.promised_limit, card.promised_unit))


def _heading(asked: Asked, whole: queries.Overview, count: int) -> str:
    if asked.q:
        return ngettext("%(num)s service for “%(words)s”", "%(num)s services for “%(words)s”", count, words=asked.q)
    for group in (*whole.audiences, *whole.categories, *whole.departments):
        if group.code in {asked.audience, asked.category, asked.department}:
            return ngettext("%(name)s: %(num)s service", "%(name)s: %(num)s services", count, name=plain(group.name))
    return _("Services: what do you need to get done?")


def _chosen(asked: Asked, whole: queries.Overview) -> list[dict[str, str]]:
    """The groups that narrow the list now, each with the link that takes it away."""
    names = {g.code: plain(g.name) for g in (*whole.audiences, *whole.categories, *whole.departments)}
    found = []
    for field in ("audience", "category", "department"):
        value = getattr(asked, field)
        if value:
            found.append({"label": names.get(value, value), "href": link_to(asked, **{field: ""})})
    if asked.station:
        place = places.place(asked.station)
        found.append({"label": _("Offered at %(place)s", place=place.name if place else asked.station), "href": link_to(asked, station="")})
    return found


def _channel_filters(asked: Asked, answer: queries.Answer) -> list[dict[str, Any]]:
    total = len(answer.cards) if not asked.channel else None
    entries: list[dict[str, Any]] = [
        {"label": pgettext("filter", "All ways"), "href": link_to(asked, channel=""), "is_current": not asked.channel, "count": total}
    ]
    for channel, count in answer.by_channel.items():
        if count or asked.channel == channel:
            entries.append(
                {
                    "label": labels.CHANNEL[channel],
                    "icon": labels.CHANNEL_ICON[channel],
                    "href": link_to(asked, channel=channel.value),
                    "is_current": asked.channel == channel,
                    "count": count,
                }
            )
    return entries


def _pages(asked: Asked, page: int, total: int) -> dict[str, str]:
    if total <= PER_PAGE:
        return {}
    base = link_to(asked)
    joint = "&" if "?" in base else "?"
    last = min(total, page * PER_PAGE)
    return {
        "told": _("Services %(first)s to %(last)s of %(total)s.", first=(page - 1) * PER_PAGE + 1, last=last, total=total),
        "first_href": base if page > 1 else "",
        "next_href": f"{base}{joint}page={page + 1}" if last < total else "",
    }


@bp.get("/<code>")
@public
def item(code: str) -> str:
    """Everything needed before leaving home; prints as one A4 page."""
    view = queries.item_view(code)
    if view is None or view.version.is_retired:
        abort(404)
    offering, change_at = _stations(code)
    reading(queries.TOPIC, "workdays", "territory", "features", fresh_until=change_at)
    version = view.version
    promised = spans.deadline(version.promised_limit, version.promised_unit)
    legal = spans.deadline(version.legal_limit, version.limit_unit)
    place = preferences().place
    address = site_address(url_for(".item", code=code))
    lead = _lead(view)
    return render_template(
        "catalogue/item.html",
        view=view,
        version=version,
        labels=labels,
        promised=promised,
        legal=legal,
        due=spans.first_of(legal, promised),
        lead=lead,
        stations=offering,
        many_stations=len(offering) > MOST_STATIONS,
        not_here=bool(place) and place in queries.overview().withheld.get(code, ()),
        address=address,
        canonical=address,
        group_lines=[plain(version.name), _("%(promise)s, %(papers)s", promise=promised.amount, papers=lead)],
    )


def _stations(code: str) -> tuple[list[Any], Any]:
    """Stations that offer an item (that of the chosen community alone, if it does), and when one of them opens or closes next."""
    chosen = preferences().place
    withheld = queries.overview().withheld.get(code, frozenset())
    found = [s for s in places.stations(chosen) if s.place_code not in withheld]
    if not found and chosen:  # the reader's own station does not take it in: show who does
        found = [s for s in places.stations() if s.place_code not in withheld]
    return found, places.next_change(found)


def _lead(view: queries.ItemView) -> str:
    visits = view.version.onsite_visits
    parts = [
        _("no visit needed") if visits == 0 else ngettext("%(num)s visit", "%(num)s visits", visits),
        ngettext("%(num)s paper", "%(num)s papers", len(view.papers)),
        plain(view.version.fee),
    ]
    return ("，" if lang() == "zh" else ", ").join(parts)


@bp.get("/<code>/qr.svg")
@public
def qr(code: str) -> Response:
    """The item's address as a QR, for the printed page."""
    if code not in queries.overview().cards:
        abort(404)
    buffer = io.BytesIO()
    segno.make(site_address(url_for(".item", code=code)), error="m").save(
        buffer, kind="svg", border=2, svgclass=None, lineclass=None, omitsize=True, xmldecl=False
    )
    response = Response(buffer.getvalue(), mimetype="image/svg+xml")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
