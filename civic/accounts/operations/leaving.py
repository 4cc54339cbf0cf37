"""Closing one's own account."""

from __future__ import annotations

import sqlalchemy as sa

from civic.accounts import queries
from civic.accounts.models import Account
from civic.accounts.operations.accounts import close_account
from civic.accounts.operations.binding import refuse_unproven
from civic.accounts.own_errors import RightsHeld
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people import queries as people_queries


def leave(actor: Actor, account_id: int) -> Account:
    """Close one's own account: login, sessions and tokens end; the person's use is restricted when she has no other account.

    Raises ProofNeeded, RightsHeld (rights are ended at the desk, with their work), AccountIsClosed.
    """
    with atomic() as tx:
        refuse_unproven(account_id)
        if queries.is_staff(account_id):
            raise RightsHeld
        account = close_account(actor, account_id)
        person_id = people_queries.survivor_of(account.person_id)
        if person_id is not None and not _others(person_id, account_id):
            people.restrict_person(actor, person_id)
        tx.result = account
    return account


def _others(person_id: int, account_id: int) -> bool:
    rows = people_queries.all_rows_of(person_id)
    query = sa.select(sa.exists().where(Account.person_id.in_(rows), Account.id != account_id, Account.closed_at.is_(None)))
    return bool(db.session.scalar(query))
