"""Looks at wallets: whoever opens one looks at the people whose it is, and each of them reads that line."""

from __future__ import annotations

from collections.abc import Iterable

from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people.models import LookKind
from civic.points.models import Wallet
from civic.points.queries.holders import people_of


def note_look(actor: Actor, wallets: Iterable[Wallet], kind: LookKind = LookKind.page) -> None:
    """One line for each person who owns one of them, and for everybody who lives in a household that does; before it is shown, because it ends the read."""
    people.note_look(actor, people_of(wallets), kind)
