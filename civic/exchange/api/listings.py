"""Service for service for programs: offers and needs to read and to write; what might fit one's own.

The same operations and policies as the pages.  Amounts are decimal strings, times carry their offset.  What moves or holds points
(accept, cancel, deliver, confirm, decide, stop) asks for an Idempotency-Key; elsewhere it may be sent.  Exchanges: `exchanges.py`;
the verbs of an owner and of the two: `verbs.py`; what social workers see: `watch.py`; for the person beside one at the desk: `beside.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import abort
from flask_babel import gettext as _

from civic.core import clock
from civic.core.db import db
from civic.core.i18n import lang
from civic.core.viewer import actor, viewer
from civic.core.web import limits
from civic.core.web.access import authorize, public, signed_in, staff
from civic.core.web.api import ApiBlueprint, BilingualSchema, PageArgs, etag_of, page_of, page_schema, unless_known
from civic.core.web.api_acts import IF_MATCH, KEY, ONCE, TOKEN, act_once, reached, seen, sent_version
from civic.exchange import addresses, labels, operations, policies, queries
from civic.exchange.models import Category, Listing, ListingKind, ListingState, Place
from civic.exchange.operations import MOST_MINUTES, ListingText
from civic.exchange.queries import Wanted
from civic.exchange.queries.parties import Stars, survivors
from civic.people.records import masked_name
from civic.territory.models import Territory
from civic.territory.queries import any_path

bp = ApiBlueprint("api-exchange", __name__, description="Service for service: offers and needs, exchanges between neighbours")
WORDS = ma.validate.Length(max=1000)
MINUTES = ma.validate.Range(1, MOST_MINUTES)


# ---- listings ---------------------------------------------------------------------------------------------------------------
class ListingArgs(PageArgs):
    """place: code of a territory, everything below it; where: where it takes place; speaks: a language one can talk in."""

    place = ma.fields.String(load_default="", validate=ma.validate.Length(max=24))
    kind = ma.fields.Enum(ListingKind, by_value=True, load_default=None)
    category = ma.fields.Enum(Category, by_value=True, load_default=None)
    where = ma.fields.Enum(Place, by_value=True, load_default=None)
    speaks = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *labels.SPEAKS]))
    lang = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", "zh", "en"]))
    q = ma.fields.String(load_default="", validate=ma.validate.Length(max=80))


class ListingSchema(ma.Schema):
    """An offer or a need in its owner's words.  Whose it is is not told: the page shows it to those who may answer."""

    uid = ma.fields.String(required=True)
    kind = ma.fields.Enum(ListingKind, by_value=True, required=True)
    state = ma.fields.Enum(ListingState, by_value=True, required=True)
    place = ma.fields.String(attribute="territory.code", required=True, metadata={"description": "code of the community"})
    place_name = ma.fields.Nested(BilingualSchema, attribute="territory.name", required=True)
    category = ma.fields.Enum(Category, by_value=True, required=True)
    title = ma.fields.String(required=True)
    text = ma.fields.String(required=True)
    lang = ma.fields.String(required=True, metadata={"description": "language of its words: zh or en"})
    speaks = ma.fields.Function(lambda row: row.speaks.split(), metadata={"type": "array", "items": {"type": "string"}})
    where = ma.fields.Enum(Place, by_value=True, attribute="place", required=True)
    when = ma.fields.String(attribute="when_text", required=True)
    minutes = ma.fields.Integer(required=True)
    until_on = ma.fields.Date(required=True)
    version = ma.fields.Integer(attribute="lock_version", required=True, metadata={"description": "for `If-Match`"})
    href = ma.fields.Function(lambda row: addresses.listing(row.uid), metadata={"type": "string"})


class StarsSchema(ma.Schema):
    """How its owner was rated."""

    count = ma.fields.Integer(required=True)
    average = ma.fields.Float(required=True)


class OwnedListingSchema(ma.Schema):
    """A listing for those who may answer it.  owner: masked, as the page shows her."""

    listing = ma.fields.Nested(ListingSchema, required=True)
    owner = ma.fields.String(required=True)
    stars = ma.fields.Nested(StarsSchema, required=True)


#: one frame for every list of them, so that the document names it once
LISTING_PAGE, OWNED_PAGE = page_schema(ListingSchema), page_schema(OwnedListingSchema)


class SuggestionArgs(ma.Schema):
    """listing: uid of one's own, then only what answers this one."""

    listing = ma.fields.String(load_default="", validate=ma.validate.Length(max=40))
    limit = ma.fields.Integer(load_default=queries.SUGGESTED, validate=ma.validate.Range(1, 100))


class ListingWordsSchema(ma.Schema):
    """What a listing says."""

    category = ma.fields.Enum(Category, by_value=True, required=True)
    title = ma.fields.String(required=True, validate=ma.validate.Length(1, 80))
    text = ma.fields.String(load_default="", validate=WORDS)
    lang = ma.fields.String(load_default="zh", validate=ma.validate.OneOf(["zh", "en"]))
    speaks = ma.fields.List(ma.fields.String(validate=ma.validate.OneOf(list(labels.SPEAKS))), load_default=list)
    where = ma.fields.Enum(Place, by_value=True, load_default=Place.station)
    when = ma.fields.String(load_default="", validate=ma.validate.Length(max=120))
    minutes = ma.fields.Integer(load_default=60, strict=True, validate=MINUTES)
    until_on = ma.fields.Date(required=True)


class NewListingSchema(ListingWordsSchema):
    """A listing to write.  place: code of a community in which one is verified."""

    kind = ma.fields.Enum(ListingKind, by_value=True, required=True)
    place = ma.fields.String(required=True, validate=ma.validate.Length(max=24))


class ResumeSchema(ma.Schema):
    """until_on: a new last day, where the old one is over."""

    until_on = ma.fields.Date(load_default=None, allow_none=True)


class ExtendSchema(ma.Schema):
    """until_on: the new last day."""

    until_on = ma.fields.Date(required=True)


@bp.get("/exchange/listings")
@public
@limits.per_minute(240)
@bp.arguments(ListingArgs, location="query")
@bp.response(200, LISTING_PAGE)
def listings(args: dict[str, Any]) -> Any:
    """List what is open: the newest first, with words the best first."""
    path = any_path(args["place"]) if args["place"] else ""
    if path is None:
        abort(404, _("No community, town or district has this code."))
    wanted = Wanted(path, args["kind"], args["category"], args["where"], args["speaks"], args["lang"], args["q"])
    found = queries.listings(wanted, offset=args["offset"], limit=args["limit"])
    page = page_of(found.rows, found.total, args)
    return unless_known(etag_of([(row.uid, row.lock_version) for row in found.rows], found.total, args, clock.today()), lambda: page)


def listing_of(uid: str) -> Listing:
    row = queries.listing_by_uid(uid)
    if row is None:
        abort(404, _("There is no such offer or need."))
    return row


def _is_own(row: Listing) -> bool:
    person_id = viewer().person_id
    return person_id is not None and survivors([row.person_id])[row.person_id] == person_id


@bp.get("/exchange/listings/<uid>")
@public
@limits.per_minute(240)
@bp.response(200, ListingSchema)
def listing(uid: str) -> Any:
    """Read one; what is no longer open is 404, but not to its owner and the desk."""
    row = listing_of(uid)
    is_open = row.state is ListingState.open and not queries.is_over(row)
    if not is_open and not _is_own(row) and not policies.can_write_for(viewer(), row.territory.path):
        abort(404, _("There is no such offer or need."))
    return unless_known(etag_of(uid, row.lock_version, row.state), lambda: row)


def with_owners(rows: list[Listing]) -> list[dict[str, Any]]:
    """Listings with whose they are, for a reader who may answer them: two statements for all."""
    owners = queries.parties(row.person_id for row in rows)
    stars = queries.stars_of(party.id for party in owners.values())
    return [
        {"listing": row, "owner": masked_name(owners[row.person_id].name), "stars": stars.get(owners[row.person_id].id, Stars())}
        for row in rows
    ]


@bp.get("/exchange/own-listings")
@signed_in
@limits.per_minute(240)
@bp.arguments(PageArgs, location="query")
@bp.response(200, LISTING_PAGE)
@bp.doc(security=TOKEN)
def own_listings(args: dict[str, Any]) -> Any:
    """List one's own, those that run first, whatever their state."""
    person_id = viewer().person_id
    return part_of(queries.listings_of(person_id) if person_id is not None else [], args)


def part_of(rows: list[Any], args: dict[str, Any]) -> dict[str, Any]:
    """A page of what a few statements found whole."""
    return page_of(rows[args["offset"] : args["offset"] + args["limit"]], len(rows), args)


@bp.get("/exchange/suggestions")
@signed_in
@limits.per_minute(240)
@bp.arguments(SuggestionArgs, location="query")
@bp.response(200, OWNED_PAGE)
@bp.doc(security=TOKEN)
def suggestions(args: dict[str, Any]) -> Any:
    """List what answers one's own offers and needs, what fits best first; those that one may answer."""
    who = viewer()
    listing_id = own_listing(args["listing"])[0].id if args["listing"] else None
    if who.person_id is None:
        return {"items": [], "total": 0, "next": None}
    rows = queries.suggestions(who.person_id, lang(), listing_id=listing_id, limit=args["limit"])
    items = with_owners([row for row in rows if policies.can_see_owner(who, row.territory.path)])
    return {"items": items, "total": len(items), "next": None}


def text_of(wanted: dict[str, Any], kind: ListingKind) -> ListingText:
    """The words of a listing that was checked by its schema."""
    same = ("category", "title", "text", "lang", "minutes", "until_on")
    more = {"speaks": tuple(wanted["speaks"]), "place": wanted["where"], "when_text": wanted["when"]}
    return ListingText(kind=kind, **{name: wanted[name] for name in same}, **more)


@bp.post("/exchange/listings")
@signed_in
@limits.per_minute(30)
@bp.arguments(NewListingSchema)
@bp.response(201, ListingSchema)
@bp.alt_response(403, description="Not verified in this community")
@bp.alt_response(422, description="`no_title`, `until_out_of_range`, `too_many_listings`")
@bp.doc(security=TOKEN, parameters=[ONCE])
def write(wanted: dict[str, Any]) -> Any:
    """Put up an offer or a need of one's own."""
    place = db.session.scalars(sa.select(Territory).where(Territory.code == wanted["place"])).one_or_none()
    if place is None:
        abort(404, _("No community, town or district has this code."))
    who = viewer()
    authorize(policies.can_write, who, place.path)

    def put_up() -> Listing:
        return operations.write_listing(actor(), who.person_id or 0, place.id, text_of(wanted, wanted["kind"]))

    return act_once(ListingSchema, lambda made: made, put_up, wanted, status=201, must=False)


def own_listing(uid: str) -> tuple[Listing, int]:
    row = listing_of(uid)
    if not _is_own(row):
        abort(404, _("There is no such offer or need."))
    return row, viewer().person_id or 0


@bp.patch("/exchange/listings/<uid>")
@signed_in
@reached(own_listing)
@bp.arguments(ListingWordsSchema(partial=True, unknown=ma.RAISE))
@bp.response(200, ListingSchema)
@bp.alt_response(412, description="It was changed since: `context.current` is the version now")
@bp.doc(security=TOKEN, parameters=[IF_MATCH, ONCE])
def edit(wanted: dict[str, Any], uid: str) -> Any:
    """Change one's own listing; what is not named stays."""
    row, person_id = own_listing(uid)
    row_id, text, base = row.id, edited(row, wanted), seen(row.lock_version)
    return act_on(uid, lambda: operations.edit_listing(actor(), row_id, person_id, base, text), {**wanted, "base": sent_version()})


def edited(row: Listing, wanted: dict[str, Any]) -> ListingText:
    """What stands, with what was named in its place."""
    stands = {
        "category": row.category, "title": row.title, "text": row.text, "lang": row.lang, "speaks": row.speaks.split(), "where": row.place,
        "when": row.when_text, "minutes": row.minutes, "until_on": row.until_on,
    }  # fmt: skip
    return text_of({**stands, **wanted}, row.kind)


def act_on(uid: str, act: Callable[[], Any], body: Any = None, *, must: bool = False) -> Any:
    """One verb of a listing, and how it stands then."""
    return act_once(ListingSchema, lambda _done: queries.listing_by_uid(uid), act, body, must=must)


class WhySchema(ma.Schema):
    """What both read."""

    why = ma.fields.String(required=True, validate=ma.validate.Length(1, 1000))


def _watched_listing(uid: str) -> Listing:
    row = queries.listing_by_uid(uid)
    if row is None or not policies.can_stop(viewer(), row.territory.path):
        abort(404, _("There is no such offer or need."))
    return row


@bp.post("/exchange/listings/<uid>/stop")
@staff(*policies.WATCHERS)
@reached(_watched_listing)
@bp.arguments(WhySchema)
@bp.response(200, ListingSchema)
@bp.alt_response(403, description="It is one's own or one's household's (`in_own_cause`)")
@bp.doc(security=TOKEN, parameters=[KEY])
def stop_listing(wanted: dict[str, Any], uid: str) -> Any:
    """Take an offer or a need down; its owner reads why, unanswered proposals about it are declined."""
    row_id = _watched_listing(uid).id
    return act_on(uid, lambda: operations.stop_listing(actor(), row_id, wanted["why"]), wanted, must=True)
