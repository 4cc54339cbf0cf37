"""Giving and ending grants.  Who may is asked by the view (policies.can_grant); here stands what holds at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from civic.accounts import queries, signals
from civic.accounts.errors import AccountIsClosed, DaysInWrongOrder, GrantInThePast, GrantIsOver, GrantOverlaps
from civic.accounts.models import Grant
from civic.accounts.operations.sessions import lock_account
from civic.accounts.own_errors import NothingOpen, StillOpen, WrongColleague
from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.openwork import Happening, OpenWork, Subject, open_work
from civic.core.viewer import Actor, Role


@dataclass(frozen=True)
class NewGrant:
    """Role x territory x organisation (None: not bound to one), from a day to a last day (None: until ended)."""

    role: Role
    territory_id: int
    organisation_id: int | None
    from_on: date
    to_on: date | None = None

    def check(self) -> None:
        if self.to_on is not None and self.to_on < self.from_on:
            raise DaysInWrongOrder(field="to_on")
        if self.to_on is not None and self.to_on < clock.today():
            raise GrantInThePast(day=self.to_on, field="to_on")


def give_grant(actor: Actor, account_id: int, wanted: NewGrant) -> Grant:
    """Give a right.  Raises DaysInWrongOrder, GrantInThePast, AccountIsClosed, GrantOverlaps.  Sends `grant_given`."""
    wanted.check()
    with atomic() as tx:
        if not lock_account(account_id).is_open:
            raise AccountIsClosed
        if _overlapping(account_id, wanted):
            raise GrantOverlaps
        grant = add_grant(actor, account_id, wanted)
        tx.result = grant
    return grant


def add_grant(actor: Actor, account_id: int, wanted: NewGrant) -> Grant:
    """Insert the row with its audit line and signal; the caller holds the account's lock."""
    grant = Grant(
        account_id=account_id,
        role=wanted.role,
        territory_id=wanted.territory_id,
        organisation_id=wanted.organisation_id,
        from_on=wanted.from_on,
        to_on=wanted.to_on,
        given_by_id=actor.account_id,
    )
    db.session.add(grant)
    db.session.flush()
    audit.record(
        actor,
        "accounts.grant.give",
        "account_grant",
        grant.id,
        account=account_id,
        role=wanted.role.value,
        territory=wanted.territory_id,
        organisation=wanted.organisation_id,
    )
    signals.grant_given.send(grant, actor=actor)
    return grant


def _overlapping(account_id: int, wanted: NewGrant) -> bool:
    same = [Grant.account_id == account_id, Grant.role == wanted.role, Grant.territory_id == wanted.territory_id, Grant.ended_at.is_(None)]
    same.append(Grant.organisation_id.is_(None) if wanted.organisation_id is None else Grant.organisation_id == wanted.organisation_id)
    same.append(sa.or_(Grant.to_on.is_(None), Grant.to_on >= wanted.from_on))
    if wanted.to_on is not None:
        same.append(Grant.from_on <= wanted.to_on)
    return bool(db.session.scalar(sa.select(sa.exists().where(*same))))


def end_grant(actor: Actor, grant_id: int, *, colleague_id: int | None = None) -> Grant:
    """End a right at once; its open work goes to a colleague who holds the same role here.

    Raises GrantIsOver, StillOpen (nobody named, or work that cannot be handed over), WrongColleague.  Sends `grant_ended`.
    """
    with atomic() as tx:
        grant = _locked(grant_id)
        if grant.is_over(clock.today()):
            raise GrantIsOver
        hand_over(actor, grant, colleague_id)
        close_grant(actor, grant)
        tx.result = grant
    return grant


def _locked(grant_id: int) -> Grant:
    query = sa.select(Grant).where(Grant.id == grant_id).with_for_update(key_share=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def hand_on(actor: Actor, grant_id: int, colleague_id: int | None) -> Grant:
    """Give the open work of a right to a colleague; the right itself stays.  One whose last day has passed still leaves its work.

    Raises GrantIsOver (ended by somebody, which handed the work over), StillOpen (work that cannot be handed over), WrongColleague,
    NothingOpen.
    """
    with atomic() as tx:
        grant = _locked(grant_id)
        if grant.ended_at is not None:
            raise GrantIsOver
        if colleague_id is None:
            raise WrongColleague(field="colleague")
        if not work_of(grant.id):
            raise NothingOpen
        hand_over(actor, grant, colleague_id)
        tx.result = grant
    return grant


def work_of(grant_id: int) -> list[OpenWork]:
    """What lies open under a right."""
    return open_work(Subject("grant", grant_id, Happening.hand_over))


def hand_over(actor: Actor, grant: Grant, colleague_id: int | None) -> None:
    """Give the open work of a right to a colleague, inside the caller's transaction.  Raises StillOpen, WrongColleague."""
    left = work_of(grant.id)
    if not left:
        return
    if colleague_id is None or any(work.hand_over is None for work in left):
        raise StillOpen(count=len(left))
    if colleague_id not in {each.id for each in queries.colleagues(grant)}:
        raise WrongColleague(field="colleague")
    for work in left:
        if work.hand_over is not None:
            work.hand_over(actor, colleague_id)
    audit.record(actor, "accounts.grant.hand_over", "account_grant", grant.id, to=colleague_id, kinds=len(left))


def refuse_open_work(grants: Sequence[Grant]) -> None:
    """Raises StillOpen when any of these rights has open work."""
    count = sum(len(work_of(grant.id)) for grant in grants)
    if count:
        raise StillOpen(count=count)


def close_grant(actor: Actor, grant: Grant) -> None:
    """Write the end with its audit line and signal; the caller holds the row's lock."""
    grant.ended_at = clock.now()
    db.session.flush()
    audit.record(actor, "accounts.grant.end", "account_grant", grant.id, account=grant.account_id)
    signals.grant_ended.send(grant, actor=actor)
