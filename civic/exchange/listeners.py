"""What service for service hears of people and points, inside their transactions.  Listings are locked before exchanges, as everywhere."""

from __future__ import annotations

from typing import Any

from civic.core.viewer import Actor
from civic.exchange import operations
from civic.exchange.models import ExchangeState
from civic.people import signals as people
from civic.people.models import Merge, Person
from civic.people.queries import all_rows_of
from civic.points import signals as points
from civic.points.models import Hold


def start(_app: Any) -> None:
    """Begin to listen; a second application of the same process hears nothing twice."""
    people.person_died.connect(_died)
    people.persons_merged.connect(_merged)
    people.person_moved.connect(_moved)
    people.verification_ended.connect(_unverified)
    people.person_restricted.connect(_restricted)
    people.person_emptied.connect(_emptied)
    points.life_ends.connect(_life_ends)
    points.rows_merge.connect(_rows_merge)
    points.hold_ended_by_life.connect(_hold_ended)


def _died(sender: Person, *, actor: Actor, **_more: Any) -> None:
    """Her listings come down, her exchanges end and the others are told."""
    operations.end_listings(actor, all_rows_of(sender.id))
    operations.end_exchanges(actor, all_rows_of(sender.id))


def _life_ends(_sender: Any, *, actor: Actor, person_ids: list[int], wallet_ids: list[int], **_more: Any) -> None:
    """Points are about to lock what she leaves.  Whoever hears of a death first, exchanges are locked before any wallet."""
    operations.end_listings(actor, person_ids)
    operations.end_exchanges(actor, person_ids, wallet_ids=wallet_ids)


def _rows_merge(_sender: Any, *, actor: Actor, loser_id: int, survivor_id: int, wallet_ids: list[int], **_more: Any) -> None:
    """The same of two rows that are one: whoever hears of a merge first, listings and exchanges are locked before any wallet."""
    operations.end_listings(actor, [loser_id])
    operations.end_own_exchanges(actor, all_rows_of(survivor_id), wallet_ids=wallet_ids)


def _emptied(sender: Person, *, actor: Actor, **_more: Any) -> None:
    """Her name is gone, and so are the words of her offers and needs."""
    operations.empty_listings(actor, all_rows_of(sender.id))


def _merged(sender: Merge, *, actor: Actor, **_more: Any) -> None:
    """The row that is given up has no listings any more; nobody exchanges with herself."""
    operations.end_listings(actor, [sender.loser_id])
    operations.end_own_exchanges(actor, all_rows_of(sender.survivor_id))


def _moved(sender: Person, *, actor: Actor, out: bool, **_more: Any) -> None:
    """Out of the district: nothing is offered here any more.  What was agreed can still be kept or cancelled."""
    if out:
        operations.end_listings(actor, all_rows_of(sender.id))


def _unverified(sender: Person, *, actor: Actor, place_id: int, **_more: Any) -> None:
    """What she offered as a resident of the community comes down; what the desk vouched for stays."""
    operations.end_listings(actor, all_rows_of(sender.id), place_id, keep_desk=True)


def _restricted(sender: Person, *, actor: Actor, **_more: Any) -> None:
    """Her account was closed: nothing new begins, what was agreed goes on."""
    operations.end_listings(actor, all_rows_of(sender.id))
    operations.end_exchanges(actor, all_rows_of(sender.id), [ExchangeState.proposed])


def _hold_ended(sender: Hold, *, actor: Actor, **_more: Any) -> None:
    """Points heard of the death or merge first and gave back what was held."""
    operations.end_exchange_of_hold(actor, sender.id)
