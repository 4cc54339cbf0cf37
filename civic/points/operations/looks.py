"""Looks at wallets: whoever opens one looks at the people whose it is, and each of them reads that line."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people.models import LookKind
from civic.people.queries import household_of
from civic.points.models import Wallet
from civic.points.queries.holders import people_of


def note_look(actor: Actor, wallets: Iterable[Wallet], kind: LookKind = LookKind.page) -> None:
    """One line for each person who owns one of them, and for everybody who lives in a household that does; before it is shown, because it ends the read."""
    people.note_look(actor, people_of(wallets), kind)


def note_look_beside(actor: Actor, person_id: int) -> None:
    """At a person's page her household's wallet stands beside her own: who lives there reads the line too."""
    household = household_of(person_id)
    theirs = db.session.scalars(sa.select(Wallet).where(Wallet.household_id == household.id)).all() if household else []
    people.note_look(actor, sorted({person_id, *people_of(theirs)}), LookKind.page)
