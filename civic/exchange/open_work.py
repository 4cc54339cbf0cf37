"""What a person leaves open in service for service, and everything that is stored of her there."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from civic.core import notes
from civic.core.db import db
from civic.core.i18n import format_day, format_moment
from civic.core.openwork import Happening, OpenWork, Subject
from civic.core.personaldata import DataPart
from civic.exchange import labels, operations
from civic.exchange.models import LIVE, Dispute, Exchange, ExchangeEvent, Listing, ListingState, Rating, Verb
from civic.people.queries import all_rows_of
from civic.points.amounts import short

Rows = list[tuple[object, object]]


# ---- what is open -----------------------------------------------------------------------------------------------------------
def open_work(subject: Subject) -> Sequence[OpenWork]:
    if subject.kind != "person":
        return ()
    rows = all_rows_of(subject.id)
    return [*_exchanges(subject, rows), *_listings(subject, rows), *_with_herself(subject)]


def _count(table: type[Listing] | type[Exchange], *where: sa.ColumnElement[bool]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0


def _exchanges(subject: Subject, rows: list[int]) -> list[OpenWork]:
    count = _count(Exchange, sa.or_(Exchange.requester_id.in_(rows), Exchange.helper_id.in_(rows)), Exchange.state.in_(LIVE))
    if not count:
        return []
    follows = _("What was agreed goes on; either of the two can cancel it.")
    if subject.happening is Happening.death:
        follows = _("They end, held points come back, and the other person is told.")
    elif subject.happening is Happening.merge:
        follows = _("They go on for the person who remains.")
    elif subject.happening is Happening.close_account:
        follows = _("Proposals end at once. What was agreed has to be finished or cancelled first.")
    title = ngettext("%(num)s exchange with a neighbour", "%(num)s exchanges with neighbours", count)
    return [OpenWork(title, follows, count, "/desk/exchange/")]


def _listings(subject: Subject, rows: list[int]) -> list[OpenWork]:
    count = _count(Listing, Listing.person_id.in_(rows), Listing.state.in_([ListingState.open, ListingState.paused]))
    if not count:
        return []
    follows = _("They stay as they are.")
    if subject.happening in {Happening.death, Happening.move_out, Happening.merge, Happening.close_account}:
        follows = _("They come down at once; answers that wait are declined.")
    elif subject.happening is Happening.move:
        follows = _("Those in a community in which she is no longer verified come down.")
    return [OpenWork(ngettext("%(num)s offer or need of her own", "%(num)s offers and needs of her own", count), follows, count)]


def _with_herself(subject: Subject) -> list[OpenWork]:
    """Two rows that helped each other for points are hardly one human: a person looks before they are merged."""
    if subject.happening is not Happening.merge or subject.other_id is None:
        return []
    count = operations.both_in_one(subject.id, subject.other_id)
    if not count:
        return []
    title = ngettext("%(num)s exchange between the two", "%(num)s exchanges between the two", count)
    follows = _("The two have exchanged help with each other for points. Somebody has to look whether they are really one person.")
    return [OpenWork(title, follows, count, objects=True)]


# ---- what is stored -----------------------------------------------------------------------------------------------------------
def personal_data(person_id: int | None, _account_id: int | None) -> Sequence[DataPart]:
    """Her listings, exchanges with her words, ratings given and received."""
    if person_id is None:
        return []
    rows = all_rows_of(person_id)
    here = _("Numbers and days stay as long as points do; words are forgotten one year after the end.")
    found = [
        DataPart(_("Offers and needs of yours"), _own_listings(rows), _("So that neighbours find them."), here, "listings"),
        DataPart(_("Exchanges with neighbours"), _own_exchanges(rows), _("So that points can be explained."), here, "exchanges"),
        DataPart(_("What you wrote in exchanges"), _own_words(rows), _("So that disputes can be decided."), here, "exchange_words"),
        DataPart(_("How you rated others"), _ratings(Rating.by_person_id.in_(rows)), _("So that neighbours know."), here, "ratings_given"),
        DataPart(
            _("How others rated you"), _ratings(Rating.about_person_id.in_(rows)), _("So that neighbours know."), here, "ratings_received"
        ),
    ]
    return [part for part in found if part.rows]


def _own_listings(rows: list[int]) -> Rows:
    query = sa.select(Listing).where(Listing.person_id.in_(rows)).order_by(Listing.id)
    found: Rows = []
    for row in db.session.scalars(query):
        label = f"{labels.KIND[row.kind]} · {format_day(row.until_on)} · {labels.LISTING[row.state]}"
        found.append((label, [each for each in (row.title, row.text, row.when_text) if each]))
    return found


def _own_exchanges(rows: list[int]) -> Rows:
    e = Exchange
    query = (
        sa.select(e, Listing.title).join(Listing, Listing.id == e.listing_id).where(sa.or_(e.requester_id.in_(rows), e.helper_id.in_(rows)))
    )
    found: Rows = []
    for row, title in db.session.execute(query.order_by(e.id)):
        helped = pgettext("exchange", "you helped") if row.helper_id in rows else pgettext("exchange", "you were helped")
        minutes = _("%(minutes)s minutes", minutes=row.delivered_minutes or row.minutes)
        held = _("%(points)s points held", points=short(row.amount)) if row.amount else ""
        value = [title, helped, minutes, str(labels.STATE[row.state]), *([held] if held else [])]
        found.append((format_moment(row.meet_at), value))
    return found


def _own_words(rows: list[int]) -> Rows:
    lines = db.session.execute(
        sa.select(ExchangeEvent.at, ExchangeEvent.verb, ExchangeEvent.note_id)
        .where(ExchangeEvent.person_id.in_(rows), ExchangeEvent.note_id.is_not(None))
        .order_by(ExchangeEvent.id)
    ).all()
    disputes = db.session.scalars(
        sa.select(Dispute).join(Exchange, Exchange.id == Dispute.exchange_id).where(
            sa.or_(Exchange.requester_id.in_(rows), Exchange.helper_id.in_(rows))
        ).order_by(Dispute.id)
    ).all()  # fmt: skip
    said = [(line.at, Verb(line.verb), line.note_id) for line in lines]
    for dispute in disputes:
        hers = dispute.by_person_id in rows
        said.append((dispute.opened_at, Verb.disputed if hers else Verb.answered, dispute.note_id if hers else dispute.answer_note_id))
    words = notes.read(note for _at, _verb, note in said)
    return [(f"{format_moment(at)} · {labels.VERB[verb]}", words[note]) for at, verb, note in said if words.get(note or 0)]


def _ratings(whose: sa.ColumnElement[bool]) -> Rows:
    ratings = list(db.session.scalars(sa.select(Rating).where(whose).order_by(Rating.id)))
    words = notes.read(rating.note_id for rating in ratings)
    found: Rows = []
    for rating in ratings:
        stars = ngettext("%(num)s star", "%(num)s stars", rating.stars)
        found.append((format_moment(rating.at), [each for each in (stars, words.get(rating.note_id or 0, "")) if each]))
    return found
