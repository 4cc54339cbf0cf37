"""Reads of people.  Nothing here shows a value in clear without the caller having logged the look (operations.looks)."""

from __future__ import annotations

import sqlalchemy as sa

from civic.core.db import db
from civic.people.models import Person, Verification
from civic.territory.models import Territory

TOPIC = "people"


def survivor_of(person_id: int | None) -> int | None:
    """The row that counts for a human: of a merged row its survivor (a survivor is never itself merged)."""
    if person_id is None:
        return None
    return db.session.scalar(sa.select(sa.func.coalesce(Person.merged_into_id, Person.id)).where(Person.id == person_id))


def verified_in(person_id: int | None) -> frozenset[str]:
    """Paths of the communities in which somebody is verified; one statement for her and the rows merged into her."""
    if person_id is None:
        return frozenset()
    query = (
        sa.select(Territory.path)
        .join(Verification, Verification.place_id == Territory.id)
        .join(Person, Person.id == Verification.person_id)
        .where(sa.or_(Person.id == person_id, Person.merged_into_id == person_id), Verification.ended_at.is_(None))
    )
    return frozenset(db.session.scalars(query))
