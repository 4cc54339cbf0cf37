"""Wallets that are open though their owner is gone: they were frozen then, or hours were approved late."""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa

from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.jobs import run_each
from civic.core.viewer import Actor
from civic.people.models import Household, Person
from civic.points.models import Wallet, WalletState
from civic.points.operations.lives import after_death, after_emptying, after_household_end, after_merge

JOB = Actor(None, job="points-left")


def settle_left() -> int:
    """The job of the night: each gets its heir as the event itself would have given it.  Returns how many."""
    gone = sa.or_(Person.died_on.is_not(None), Person.emptied_at.is_not(None), Person.merged_into_id.is_not(None))
    left = sa.select(Person).join(Wallet, Wallet.person_id == Person.id).where(Wallet.state == WalletState.open, gone).order_by(Person.id)
    ended = sa.select(Household.id).join(Wallet, Wallet.household_id == Household.id)
    ended = ended.where(Wallet.state == WalletState.open, Household.ended_on.is_not(None)).order_by(Household.id)
    due = {f"person:{id_}": partial(_settle_person, id_) for id_ in db.session.scalars(left.with_only_columns(Person.id))}
    due |= {f"household:{id_}": partial(_settle_household, id_) for id_ in db.session.scalars(ended)}
    return len(run_each("points-left", list(due), lambda name: due[name]()))


def _settle_person(person_id: int) -> None:
    with atomic():
        person = db.session.get_one(Person, person_id, with_for_update={"key_share": True}, populate_existing=True)
        if person.merged_into_id is not None:
            after_merge(JOB, person.id, person.merged_into_id)
        elif person.died_on is not None:
            after_death(JOB, person.id)
        elif person.emptied_at is not None:
            after_emptying(JOB, person.id)


def _settle_household(household_id: int) -> None:
    with atomic():
        after_household_end(JOB, household_id)
