"""Service for service at the desk for programs: what a resident's program does, for the person beside somebody who works there.

The pages of `views/beside.py`: whose community the desk serves (else 404), each request that asks for her noted as a look, every act marked
"at the desk" (in the audit too, so that it counts as one there), and nobody in her own cause (403 `in_own_cause`).  Her exchanges:
`beside_exchanges.py`; what is done with a listing or in an exchange: `verbs.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort
from flask_babel import gettext as _

from civic.core.db import db
from civic.core.i18n import lang
from civic.core.viewer import Actor, Channel, actor, viewer
from civic.core.web import limits
from civic.core.web.access import staff
from civic.core.web.api import PageArgs, page_of
from civic.core.web.api_acts import IF_MATCH, ONCE, TOKEN, act_once, reached, seen, sent_version
from civic.exchange import operations, policies, queries
from civic.exchange.api.listings import (
    LISTING_PAGE,
    OWNED_PAGE,
    ListingArgs,
    ListingSchema,
    ListingWordsSchema,
    SuggestionArgs,
    act_on,
    bp,
    edited,
    part_of,
    text_of,
    with_owners,
)
from civic.exchange.models import Listing, ListingKind
from civic.exchange.queries import Wanted
from civic.exchange.queries.parties import survivors
from civic.people import operations as people
from civic.people import queries as people_queries
from civic.people.models import LookKind, Person
from civic.territory.models import Territory

HER = "/exchange/people/<person>"
DESK = policies.DESK
IN_OWN_CAUSE = "It concerns oneself or one's household (`in_own_cause`), or one spoke for the other side (`spoke_for_other`)"


class BesideListingSchema(ListingWordsSchema):
    """A listing to write down for her, in her community."""

    kind = ma.fields.Enum(ListingKind, by_value=True, required=True)


class FindArgs(ListingArgs):
    """place: code of a territory of her district; without one, the whole district."""


# ---- for whom ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Beside:
    """The person beside: the row that counts for her, and the path of her community."""

    person_id: int
    path: str

    def actor(self) -> Actor:
        """The one who acts for her; the operations ask her own cause of what comes from the desk."""
        return replace(actor(), channel=Channel.desk)


def reach(person: str) -> Beside:
    """Somebody whose community her desk serves; of others even the existence is private."""
    row_id = db.session.scalar(sa.select(Person.id).where(Person.uid == person))
    path = people_queries.path_of(row_id) if row_id is not None else ""
    if row_id is None or not policies.can_write_for(viewer(), path):
        abort(404, _("There is no such person."))
    return Beside(people_queries.survivor_of(row_id) or row_id, path)


def look(beside: Beside) -> None:
    """A line that she can read: once a request, before its act."""
    people.note_look(beside.actor(), [beside.person_id], LookKind.page)


def her_listing(person: str, uid: str) -> tuple[Beside, Listing]:
    beside, row = reach(person), queries.listing_by_uid(uid)
    if row is None or survivors([row.person_id])[row.person_id] != beside.person_id:
        abort(404, _("There is no such offer or need."))
    return beside, row


# ---- offers and needs -------------------------------------------------------------------------------------------------------
@bp.get(f"{HER}/listings")
@staff(*DESK)
@limits.per_minute(240)
@bp.arguments(PageArgs, location="query")
@bp.response(200, LISTING_PAGE)
@bp.doc(security=TOKEN)
def beside_listings(args: dict[str, Any], person: str) -> Any:
    """List her offers and needs, those that run first."""
    beside = reach(person)
    look(beside)
    return part_of(queries.listings_of(beside.person_id), args)


@bp.get(f"{HER}/suggestions")
@staff(*DESK)
@limits.per_minute(240)
@bp.arguments(SuggestionArgs, location="query")
@bp.response(200, OWNED_PAGE)
@bp.doc(security=TOKEN)
def beside_suggestions(args: dict[str, Any], person: str) -> Any:
    """List what might fit her, what fits best first."""
    beside = reach(person)
    listing_id = her_listing(person, args["listing"])[1].id if args["listing"] else None
    look(beside)
    items = with_owners(queries.suggestions(beside.person_id, lang(), listing_id=listing_id, limit=args["limit"]))
    return {"items": items, "total": len(items), "next": None}


@bp.get(f"{HER}/find")
@staff(*DESK)
@limits.per_minute(240)
@bp.arguments(FindArgs, location="query")
@bp.response(200, OWNED_PAGE)
@bp.doc(security=TOKEN)
def beside_find(args: dict[str, Any], person: str) -> Any:
    """List everything open in her district that she could answer, searched as the public list is."""
    beside = reach(person)
    path = policies.district_of(beside.path)
    if args["place"]:
        chosen = db.session.scalar(sa.select(Territory.path).where(Territory.code == args["place"]))
        if chosen is None or not chosen.startswith(path):
            abort(404, _("No community, town or district has this code."))
        path = chosen
    look(beside)
    wanted = Wanted(path, args["kind"], args["category"], args["where"], args["speaks"], args["lang"], args["q"], beside.person_id)
    found = queries.listings(wanted, offset=args["offset"], limit=args["limit"])
    return page_of(with_owners(found.rows), found.total, args)


@bp.post(f"{HER}/listings")
@staff(*DESK)
@reached(reach)
@limits.per_minute(60)
@bp.arguments(BesideListingSchema)
@bp.response(201, ListingSchema)
@bp.alt_response(403, description=IN_OWN_CAUSE)
@bp.alt_response(422, description="`no_title`, `until_out_of_range`, `too_many_listings`")
@bp.doc(security=TOKEN, parameters=[ONCE])
def beside_write(wanted: dict[str, Any], person: str) -> Any:
    """Write down an offer or a need for her; the desk vouches for her, and she is told."""
    beside = reach(person)
    look(beside)
    place_id = db.session.scalars(sa.select(Territory.id).where(Territory.path == beside.path)).one()
    text = text_of(wanted, wanted["kind"])
    write = lambda: operations.write_listing(beside.actor(), beside.person_id, place_id, text)  # noqa: E731
    return act_once(ListingSchema, lambda made: made, write, wanted, status=201, must=False)


@bp.patch(f"{HER}/listings/<uid>")
@staff(*DESK)
@reached(her_listing)
@bp.arguments(ListingWordsSchema(partial=True, unknown=ma.RAISE))
@bp.response(200, ListingSchema)
@bp.alt_response(412, description="It was changed since: `context.current` is the version now")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, ONCE])
def beside_edit(wanted: dict[str, Any], person: str, uid: str) -> Any:
    """Change hers; what is not named stays."""
    beside, row = her_listing(person, uid)
    text, base = edited(row, wanted), seen(row.lock_version)
    row_id = row.id
    look(beside)
    return act_on(
        uid, lambda: operations.edit_listing(beside.actor(), row_id, beside.person_id, base, text), {**wanted, "base": sent_version()}
    )
