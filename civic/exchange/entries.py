"""Where people come in: navigation, elder door, home page, the desk and its queue, a person's page, the statement of points."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import pgettext

from civic.bulletin.fresh import also_shows
from civic.core.db import db
from civic.core.registry import Card, Link, Queue
from civic.core.viewer import Viewer, viewer
from civic.core.web.access import place_path
from civic.exchange import addresses, policies, queries, shown
from civic.exchange.models import Exchange, Listing
from civic.people import queries as people
from civic.territory.models import Territory

POSITION = 40
NEWEST = 3
LONGEST_ID = 18  # digits; more fit no row


def navigation(_viewer: Viewer) -> list[Link]:
    return [Link(_("Service for service"), url_for("exchange.index"), "hand", position=POSITION)]


def elder_doors(_viewer: Viewer) -> list[Link]:
    return [Link(_("Help among neighbours"), url_for("exchange.index"), "hand", _("Who can help me, and whom can I help"), POSITION)]


def home_cards(who: Viewer) -> list[Card]:
    """The newest of the community, and for those who exchange how much waits for them."""
    also_shows(queries.TOPIC)
    found = list(db.session.scalars(queries.shown_listings(queries.Wanted(path=place_path())).limit(NEWEST)))
    waiting = queries.waiting_for(who.person_id) if who.person_id is not None else 0
    if not found and not waiting:
        return []
    values = {"rows": shown.listings_shown(found, with_owners=False), "waiting": waiting, "with_place": not place_path()}
    more = Link(pgettext("home", "See all"), url_for("exchange.index"))
    return [Card(pgettext("home", "Neighbours"), "exchange/home_card.html", values, more, POSITION)]


def desk_actions(who: Viewer) -> Sequence[Link]:
    if not policies.serves_somewhere(who):
        return ()
    hint = _l("Disputes, exchanges, offers and needs")
    return [Link(_l("Service for service"), url_for("exchange_desk.index"), "hand", hint, 140)]


def desk_queues(who: Viewer) -> Sequence[Queue]:
    if not policies.watches_somewhere(who):
        return ()
    count, late = queries.waiting_disputes(who)
    return [Queue(_l("Disputes between neighbours"), url_for("exchange_desk.index"), count, late, _l("Decided in ten working days"), 40)]


def person_actions(who: Viewer, person_id: int) -> Sequence[Link]:
    """On the desk's page of a person: for those who may write for her."""
    uid, path = people.uid_and_path(person_id)
    if not policies.can_write_for(who, path):
        return ()
    hint = _("Write down what she offers or needs, answer and confirm for her")
    return [Link(_("Service for service"), url_for("exchange_beside.home", person=uid), "hand", hint, 40)]


def sources(ids: Sequence[str]) -> dict[str, Link]:
    """Of exchanges that moved points: what it was, with a page for the two and for social workers."""
    wanted = [int(each) for each in ids if each.isdecimal() and len(each) <= LONGEST_ID]
    who = viewer()
    hers = set(people.all_rows_of(who.person_id)) if who.person_id is not None else set()
    query = (
        sa.select(Exchange.id, Exchange.uid, Exchange.requester_id, Exchange.helper_id, Listing.title, Territory.path)
        .join(Listing, Listing.id == Exchange.listing_id)
        .join(Territory, Territory.id == Exchange.territory_id)
        .where(Exchange.id.in_(wanted))
    )
    found = {}
    for row in db.session.execute(query):
        href = url_for("exchange_desk.show", uid=row.uid) if policies.can_watch(who, row.path) else ""
        if hers & {row.requester_id, row.helper_id}:
            href = addresses.exchange(row.uid)
        found[str(row.id)] = Link(row.title, href)
    return found
