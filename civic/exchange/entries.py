"""Where people come in: navigation, elder door, home page, the desk and its queue, a person's page, the statement of points and its forecast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import pgettext
from sqlalchemy.orm import selectinload

from civic.bulletin.fresh import also_shows
from civic.core.db import db
from civic.core.registry import Card, Coming, Link, Queue
from civic.core.viewer import Viewer, viewer
from civic.core.web.access import place_path
from civic.exchange import addresses, policies, queries, shown
from civic.exchange.models import Dispute, Exchange, ExchangeState, Listing
from civic.exchange.queries.worth import HOUR_CLASS, Rules
from civic.people import queries as people
from civic.points import amounts
from civic.points import labels as service_labels
from civic.points.models import Policy
from civic.points.rules import rate_of
from civic.points.statement.shown import hours_words
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
    """Of exchanges that moved points: what it was and what it was worth, with a page for the two and for social workers."""
    wanted = [int(each) for each in ids if each.isdecimal() and len(each) <= LONGEST_ID]
    who = viewer()
    hers = set(people.all_rows_of(who.person_id)) if who.person_id is not None else set()
    rows = db.session.execute(_told().where(Exchange.id.in_(wanted))).all()
    rules = _rules(row.policy_id for row in rows)
    found = {}
    for row in rows:
        href = url_for("exchange_desk.show", uid=row.uid) if policies.can_watch(who, row.path) else ""
        if hers & {row.requester_id, row.helper_id}:
            href = addresses.exchange(row.uid)
        found[str(row.id)] = Link(row.title, href, hint=_price(row, rules.get(row.policy_id)))
    return found


def _told() -> Any:
    """Exchanges with what a line of points says of them."""
    return (
        sa.select(
            Exchange.id, Exchange.uid, Exchange.requester_id, Exchange.helper_id, Exchange.state, Exchange.category, Exchange.minutes,
            Exchange.delivered_minutes, Exchange.policy_id, Exchange.due_at, Listing.title, Territory.path, Dispute.decided_minutes,
        )
        .join(Listing, Listing.id == Exchange.listing_id)
        .join(Territory, Territory.id == Exchange.territory_id)
        .outerjoin(Dispute, Dispute.exchange_id == Exchange.id)
    )  # fmt: skip


def _rules(policy_ids: Iterable[int | None]) -> dict[int, Rules]:
    """The terms of the agreements, in two statements."""
    wanted = {id_ for id_ in policy_ids if id_ is not None}
    if not wanted:
        return {}
    query = sa.select(Policy).where(Policy.id.in_(wanted)).options(selectinload(Policy.rates))
    return {policy.id: Rules(policy) for policy in db.session.scalars(query)}


def _minutes(row: Any) -> int:
    """What was decided, else what was reported, else what was agreed."""
    if row.state is ExchangeState.settled:
        return row.decided_minutes or 0
    return int(row.delivered_minutes or row.minutes)


def _price(row: Any, rules: Rules | None) -> str:
    """2.0 h × 1.00, errands: by the terms of the agreement; '' before it."""
    if rules is None:
        return ""
    words = {
        "time": hours_words(rules.counted(_minutes(row))),
        "rate": amounts.text(rate_of(rules.policy, row.category.value, HOUR_CLASS)),
        "service": service_labels.inside(service_labels.service(row.category.value)),
    }
    return _("%(time)s × %(rate)s, %(service)s", **words)


def coming(person_ids: Sequence[int]) -> list[Coming]:
    """Help that she gave and that waits for the other's word, or for a decision: what it brings if all stays as it was reported."""
    waits = Exchange.state.in_([ExchangeState.delivered, ExchangeState.disputed])
    rows = db.session.execute(_told().where(Exchange.helper_id.in_(person_ids), waits).order_by(Exchange.id)).all()
    rules = _rules(row.policy_id for row in rows)
    return [
        Coming(
            Link(row.title, addresses.exchange(row.uid), hint=_price(row, rules[row.policy_id])),
            rules[row.policy_id].worth(row.category, _minutes(row)),
            row.due_at if row.state is ExchangeState.delivered else None,
        )
        for row in rows
        if row.policy_id in rules
    ]
