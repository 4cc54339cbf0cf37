"""Reading: what neighbours offer and need, and one of these; whose it is, those read who may answer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, url_for
from flask.typing import ResponseReturnValue

from civic.core.viewer import viewer
from civic.core.web import limits
from civic.core.web.access import place_path, public
from civic.core.web.pagecache import reading
from civic.exchange import labels, policies, queries, shown
from civic.exchange.forms import PlainForm
from civic.exchange.models import LIVE, Listing, ListingState
from civic.exchange.queries.parties import survivors
from civic.exchange.views.looking import ARGS, Looking

bp = Blueprint("exchange", __name__, url_prefix="/exchange")


@bp.get("/")
@public
@limits.per_minute(240)
def index() -> str:
    """What stands in the chosen community, else in the district, the newest first."""
    reading(queries.TOPIC, "territory", "features", args=ARGS)
    look = Looking.at(url_for("exchange.index"), place_path())
    found = look.found()
    return render_template(
        "exchange/index.html",
        look=look,
        rows=shown.listings_shown(found.rows, with_owners=all(policies.can_see_owner(viewer(), row.territory.path) for row in found.rows)),
        labels=labels,
        page=look.pages(found.total),
    )


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
