"""What `points` does when others say that something happened; inside their transaction, so that both succeed or neither.

Imported by the manifest, which keeps the listeners alive: blinker holds them weakly.
"""

from __future__ import annotations

from typing import Any

from flask import Flask

from civic.bulletin import signals as bulletin
from civic.bulletin.models import Posting
from civic.core.viewer import Actor
from civic.people import signals as people
from civic.people.models import Household, Merge, Person
from civic.points.operations import lives, policy

# ---- lives ----------------------------------------------------------------------------------------------------------------


@people.person_died.connect
def _person_died(sender: Person, actor: Actor, **_: Any) -> None:
    lives.after_death(actor, sender.id)


@people.death_undone.connect
def _death_undone(sender: Person, actor: Actor, **_: Any) -> None:
    lives.after_death_undone(actor, sender.id)


@people.persons_merged.connect
def _persons_merged(sender: Merge, actor: Actor, **_: Any) -> None:
    lives.after_merge(actor, sender.loser_id, sender.survivor_id)


@people.merge_undone.connect
def _merge_undone(sender: Merge, actor: Actor, **_: Any) -> None:
    lives.after_merge_undone(actor, sender.loser_id)


@people.household_changed.connect
def _household_changed(sender: Household, actor: Actor, **_: Any) -> None:
    """Who joins or leaves takes nothing along; a household that ended has a wallet without anybody."""
    if sender.ended_on is not None:
        lives.after_household_end(actor, sender.id)


@people.person_emptied.connect
def _person_emptied(sender: Person, actor: Actor, **_: Any) -> None:
    lives.after_emptying(actor, sender.id)


# ---- rules ----------------------------------------------------------------------------------------------------------------


@bulletin.posting_closed.connect
def _posting_closed(sender: Posting, actor: Actor, **_: Any) -> None:
    """The posting of a change of the rules: it can be adopted or withdrawn now."""
    policy.posting_over(actor, sender)


def start(_app: Flask) -> None:
    """Nothing to do: importing this module connected what hears; the manifest names it, so that it stays."""
