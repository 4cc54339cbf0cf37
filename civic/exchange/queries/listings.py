"""Offers and needs as lists show them: one statement a list, names and stars of their owners beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased, contains_eager

from civic.core import clock, notes, search
from civic.core.db import db
from civic.exchange.models import LIVE, SPEECH, Category, Exchange, Listing, ListingKind, ListingState, Place
from civic.people.models import Membership, Person
from civic.people.queries import all_rows_of
from civic.territory.models import Territory

LISTINGS = "listing"  # the source in the search index
TOPIC = "exchange"  # the content version of pages that show listings
MOST_FOUND = 500
SUGGESTED = 6


@dataclass(frozen=True)
class Wanted:
    """What a reader looks for.  path: of a territory; words: what she typed; answering: only what this person could answer."""

    path: str = ""
    kind: ListingKind | None = None
    category: Category | None = None
    place: Place | None = None
    speaks: str = ""
    lang: str = ""
    words: str = ""
    answering: int | None = None


@dataclass(frozen=True)
class Page:
    """A part of a list, and how many there are."""

    rows: list[Listing]
    total: int


def is_shown(on: date | None = None) -> sa.ColumnElement[bool]:
    """Open, and its last day not over."""
    return sa.and_(Listing.state == ListingState.open, Listing.until_on >= (on or clock.today()))


def is_over(row: Listing) -> bool:
    """Its last day has passed."""
    return row.until_on < clock.today()


def _with_place() -> sa.Select[Any]:
    return sa.select(Listing).join(Listing.territory).options(contains_eager(Listing.territory))


def shown_listings(wanted: Wanted) -> sa.Select[Any]:
    """The select behind every public list, newest first; without its words."""
    query = _with_place().where(is_shown(), Territory.path.startswith(wanted.path, autoescape=True))
    for column, value in ((Listing.kind, wanted.kind), (Listing.category, wanted.category), (Listing.place, wanted.place)):
        if value is not None:
            query = query.where(column == value)
    if wanted.lang:
        query = query.where(Listing.lang == wanted.lang)
    if wanted.speaks:
        query = query.where(_names(Listing, wanted.speaks))
    if wanted.answering is not None:
        query = query.where(*_open_to(_rows_of(wanted.answering)))
    return query.order_by(Listing.created_at.desc(), Listing.id.desc())


def _rows_of(person_id: int) -> sa.Select[int]:
    """Her row and those merged into her."""
    return sa.select(Person.id).where(sa.or_(Person.id == person_id, Person.merged_into_id == person_id))


def _open_to(rows: sa.Select[int]) -> tuple[sa.ColumnElement[bool], ...]:
    """Not her own, not her household's, none that she answers already."""
    answers = sa.exists().where(Exchange.listing_id == Listing.id, Exchange.responder_id.in_(rows), Exchange.state.in_(LIVE))
    return Listing.person_id.not_in(rows), Listing.person_id.not_in(_housemates(rows)), ~answers.correlate(Listing)


def listings(wanted: Wanted, *, offset: int = 0, limit: int = 20) -> Page:
    """What is open now, newest first; with words the best first.  Two statements."""
    query = shown_listings(wanted)
    if not wanted.words.strip():
        total = db.session.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).with_only_columns(Listing.id).subquery()))
        return Page(list(db.session.scalars(query.offset(offset).limit(limit))), total or 0)
    rank = {
        found.result: place for place, found in enumerate(search.find(wanted.words, sources=[LISTINGS], territory=wanted.path, below=True))
    }
    rows: list[Listing] = list(db.session.scalars(query.where(Listing.uid.in_(list(rank)[:MOST_FOUND])))) if rank else []
    ordered = sorted(rows, key=lambda row: rank[row.uid])
    return Page(ordered[offset : offset + limit], len(ordered))


def listing_by_uid(uid: str) -> Listing | None:
    """Any listing, whatever its state: the view asks the policies."""
    found: Listing | None = db.session.scalars(_with_place().where(Listing.uid == uid)).one_or_none()
    return found


def listings_of(person_id: int) -> list[Listing]:
    """Her own, those that run first; the rows merged into her included."""
    ended = Listing.state.in_([ListingState.ended, ListingState.stopped])
    query = _with_place().where(Listing.person_id.in_(all_rows_of(person_id)))
    return list(db.session.scalars(query.order_by(ended, Listing.created_at.desc(), Listing.id.desc())))


def why_stopped(row: Listing) -> str:
    """The social worker's words, for the owner and the desk; '' when it was not stopped."""
    return notes.read([row.stopped_note_id]).get(row.stopped_note_id or 0, "")


def suggestions(person_id: int, lang: str = "", *, listing_id: int | None = None, limit: int = SUGGESTED) -> list[Listing]:
    """Listings that answer hers: the other kind, in her community, those that fit best first.

    First the same category, then whose owner speaks a language of hers, then what is written in hers, then the newest.  Where both name the
    languages they speak and share none, it stands last, and is not hidden: she may understand more than she wrote down.
    listing_id: only what answers this one of hers, and then of its category alone.  Somebody without a listing gets the newest of her
    community.  Not her own, not her household's, none that she answers already.  One statement.
    """
    rows = _rows_of(person_id)
    hers = aliased(Listing)
    open_ones = [hers.person_id.in_(rows), hers.state == ListingState.open, hers.until_on >= clock.today()]
    if listing_id is not None:
        open_ones.append(hers.id == listing_id)

    def one(*where: Any) -> sa.ColumnElement[bool]:
        return sa.exists().where(*open_ones, *where).correlate(Listing)

    fits = one(hers.kind != Listing.kind, hers.category == Listing.category)
    shares = sa.or_(Listing.lang == lang, one(hers.kind != Listing.kind, hers.lang == Listing.lang))
    talks = one(_share_speech(hers, Listing))
    cannot_talk = sa.and_(Listing.speaks != "", one(hers.speaks != ""), ~talks)
    query = _with_place().where(is_shown(), *_open_to(rows))
    if listing_id is not None:
        query = query.where(fits, one(hers.territory_id == Listing.territory_id))
    else:
        here = sa.select(Person.place_id).where(Person.id == person_id).scalar_subquery()
        query = query.where(
            sa.or_(Listing.territory_id == here, one(hers.territory_id == Listing.territory_id)),
            sa.or_(one(hers.kind != Listing.kind), ~one()),
        )
    order = (cannot_talk, fits.desc(), talks.desc(), shares.desc(), Listing.created_at.desc(), Listing.id.desc())
    return list(db.session.scalars(query.order_by(*order).limit(limit)))


def _names(listing: Any, code: str) -> sa.ColumnElement[bool]:
    """Its owner says that she speaks this language."""
    return (" " + listing.speaks + " ").contains(f" {code} ", autoescape=True)


def _share_speech(one: Any, other: Any) -> sa.ColumnElement[bool]:
    """Both name a language, the same one."""
    return sa.or_(*(sa.and_(_names(one, code), _names(other, code)) for code in SPEECH))


def _housemates(rows: Any) -> Any:
    mine, theirs = aliased(Membership), aliased(Membership)
    return (
        sa.select(theirs.person_id)
        .join(mine, mine.household_id == theirs.household_id)
        .where(mine.person_id.in_(rows), mine.ended_on.is_(None), theirs.ended_on.is_(None))
    )


def hits(uids: Sequence[str]) -> list[Listing]:
    """What the search found and is still open."""
    return list(db.session.scalars(_with_place().where(Listing.uid.in_(uids), is_shown())))


def next_change(path: str) -> date | None:
    """The day after which a list of this territory reads differently without anybody's act; None without open listings."""
    query = sa.select(sa.func.min(Listing.until_on)).join(Territory, Territory.id == Listing.territory_id)
    found: date | None = db.session.scalar(query.where(is_shown(), Territory.path.startswith(path, autoescape=True)))
    return found
