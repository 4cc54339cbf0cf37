"""Reading: what neighbours offer and need, and one of these; whose it is, those read who may answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_pgettext as _p
from flask_babel import pgettext

from civic.core.viewer import viewer
from civic.core.web import limits
from civic.core.web.access import place_path, public
from civic.core.web.pagecache import reading
from civic.exchange import labels, policies, queries, shown
from civic.exchange.forms import PlainForm
from civic.exchange.models import LIVE, Category, Listing, ListingKind, ListingState, Place
from civic.exchange.queries import Wanted
from civic.exchange.queries.parties import survivors

bp = Blueprint("exchange", __name__, url_prefix="/exchange")
ARGS = ("kind", "category", "place_kind", "speaks", "q", "page")
PER_PAGE = 20
KINDS: dict[ListingKind, Any] = {ListingKind.offer: _p("listings", "Offers"), ListingKind.need: _p("listings", "Needs")}


def _one_of(kind: Any, value: str) -> Any:
    return kind(value) if value in set(kind) else None


def _asked() -> tuple[Wanted, int]:
    args = {name: request.args.get(name, "").strip()[:80] for name in ARGS}
    page = int(args["page"]) if args["page"].isdecimal() and len(args["page"]) < 6 else 1
    wanted = Wanted(
        path=place_path(), kind=_one_of(ListingKind, args["kind"]), category=_one_of(Category, args["category"]),
        place=_one_of(Place, args["place_kind"]), speaks=args["speaks"] if args["speaks"] in labels.SPEAKS else "", words=args["q"],
    )  # fmt: skip
    return wanted, max(1, page)


def _link(wanted: Wanted, page: int = 1, **changes: str) -> str:
    now = {
        "kind": wanted.kind or "", "category": wanted.category or "", "place_kind": wanted.place or "", "speaks": wanted.speaks,
        "q": wanted.words, "page": str(page) if page > 1 else "", **changes,
    }  # fmt: skip
    kept = {name: str(value) for name, value in now.items() if value}
    return url_for("exchange.index") + (f"?{urlencode(kept)}" if kept else "")


@bp.get("/")
@public
@limits.per_minute(240)
def index() -> str:
    """What stands in the chosen community, else in the district, the newest first."""
    reading(queries.TOPIC, "territory", "features", args=ARGS)
    wanted, page = _asked()
    found = queries.listings(wanted, offset=(page - 1) * PER_PAGE, limit=PER_PAGE)
    entries = [("", pgettext("listing", "All")), *((kind.value, label) for kind, label in KINDS.items())]
    return render_template(
        "exchange/index.html",
        wanted=wanted,
        rows=shown.listings_shown(found.rows, with_owners=all(policies.can_see_owner(viewer(), row.territory.path) for row in found.rows)),
        total=found.total,
        kinds=[
            {"label": label, "href": _link(wanted, kind=kind), "is_current": (wanted.kind or "") == kind, "count": None}
            for kind, label in entries
        ],
        labels=labels,
        is_narrowed=any([wanted.kind, wanted.category, wanted.place, wanted.speaks, wanted.words]),
        page=_pages(wanted, page, found.total),
    )


def _pages(wanted: Wanted, page: int, total: int) -> dict[str, str]:
    if total <= PER_PAGE:
        return {}
    last = min(total, page * PER_PAGE)
    return {
        "told": _("Entries %(first)s to %(last)s of %(total)s.", first=min(total, (page - 1) * PER_PAGE + 1), last=last, total=total),
        "first_href": _link(wanted) if page > 1 else "",
        "next_href": _link(wanted, page + 1) if last < total else "",
    }


def row_of(uid: str) -> Listing:
    row = queries.listing_by_uid(uid)
    if row is None:
        abort(404)
    return row


@bp.get("/listings/<uid>")
@public
@limits.per_minute(240)
def listing(uid: str) -> ResponseReturnValue:
    """One offer or need.  What is no longer open is told with 410, but not to its owner, the desk and those who exchange over it."""
    row, who = row_of(uid), viewer()
    path, is_open = row.territory.path, row.state is ListingState.open and not queries.is_over(row)
    is_own = who.person_id is not None and survivors([row.person_id])[row.person_id] == who.person_id
    mine = _exchange_about(row) if who.person_id is not None and not is_own else None
    if not (is_open or is_own or mine or policies.can_write_for(who, path)):
        return render_template("exchange/gone.html", row=row), 410
    if is_open:
        reading(queries.TOPIC, "territory", "features")
    sees_owner = policies.can_see_owner(who, path)
    return render_template(
        "exchange/listing.html",
        row=row,
        seen=shown.listings_shown([row], with_owners=sees_owner)[0],
        sees_owner=sees_owner,
        is_own=is_own,
        is_open=is_open,
        mine=mine,
        labels=labels,
        shown=shown,
        text=shown.own_words(row.text, row.lang),
        when=shown.own_words(row.when_text, row.lang),
        worth=_worth(row),
        why=queries.why_stopped(row) if row.stopped_note_id and (is_own or policies.can_watch(who, path)) else "",
        press_form=PlainForm(formdata=None) if is_own else None,
        fitting=shown.listings_shown(queries.suggestions(who.person_id, listing_id=row.id), with_owners=True)
        if is_own and is_open and who.person_id
        else [],
        can_stop=policies.can_stop(who, path) and row.state in (ListingState.open, ListingState.paused),
        over=queries.is_over(row),
    )


def _worth(row: Listing) -> str:
    found = queries.rules_at(row.territory_id)
    return shown.points_words(found.worth(row.category, row.minutes)) if found else ""


def _exchange_about(row: Listing) -> Any:
    """The running exchange of the reader about this listing."""
    person_id = viewer().person_id or 0
    found = [each for each in queries.exchanges_of(person_id, live=True) if each.exchange.listing_id == row.id]
    return next((each for each in found if each.state in LIVE), None)
