"""What a person, household or grant leaves open in the modules, and what an event does to it: shown before it happens.

A module answers through `Module.open_work`; it never refuses an event, but it may object to a merge, which then goes to review.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from civic.core.registry import the_registry
from civic.core.viewer import Actor


class Happening(enum.StrEnum):
    """What is about to happen; `listing` only asks what is open."""

    listing = "listing"
    death = "death"
    move = "move"
    move_out = "move-out"
    joined = "join"
    split_off = "split"
    guardianship = "guardianship"
    merge = "merge"
    unmerge = "unmerge"
    close_account = "close-account"
    hand_over = "hand-over"


@dataclass(frozen=True)
class Subject:
    """Whom it concerns.  kind: person, household or grant; other_id: the survivor of a merge, the new household, …"""

    kind: str
    id: int
    happening: Happening = Happening.listing
    other_id: int | None = None


@dataclass(frozen=True)
class OpenWork:
    """One kind of open work.

    title: what is open ("2 cases").  follows: a whole sentence that says what the event does to it.  objects: the module cannot
    answer for a merge (hours that overlap, quotas used twice): it goes to review.  hand_over(actor, account): gives the work of a
    grant to a colleague's account, inside the caller's transaction.
    """

    title: Any
    follows: Any = ""
    count: int = 1
    href: str = ""
    objects: bool = False
    hand_over: Callable[[Actor, int], None] | None = None


def open_work(subject: Subject) -> list[OpenWork]:
    """The answers of all modules, those of features that are off too: their data stays."""
    return [work for module in the_registry().modules for work in module.open_work(subject)]
