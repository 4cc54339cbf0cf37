"""Whose login an account is, and whether whoever signs in is that person.

A password that somebody else began (a printed first password) proves nobody: its `confirmed_at` is empty, and stays so when whoever signed
in chose another one.  As long as it is, this login shows and changes nothing of its person; rights and second-person rules go on.
It ends when she types the password together with the digits of her card, or sets a new password with an address that was confirmed as
hers, or with a slip from a clerk who saw her.
"""

from __future__ import annotations

import sqlalchemy as sa

from civic.accounts import queries
from civic.accounts.errors import WrongPassword
from civic.accounts.models import Account, Identity, IdentityKind
from civic.accounts.operations.sessions import lock_account
from civic.accounts.operations.sign_in import confirm_password
from civic.accounts.own_errors import ProofNeeded
from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people import queries as people_queries
from civic.people import records
from civic.people.errors import WrongCard


def bind_person(actor: Actor, account_id: int, person_id: int) -> None:
    """Whose login this is, proved by her card and its digits at the desk: second-person rules then compare people."""
    with atomic():
        db.session.execute(sa.update(Account).where(Account.id == account_id).values(person_id=person_id))
        audit.record(actor, "accounts.account.bind", "account", account_id, person=person_id)


def refuse_unproven(account_id: int) -> None:
    """Raises ProofNeeded where whoever signed in may not be the person of the login."""
    if queries.waits_for_proof(account_id):
        raise ProofNeeded


def prove_person(actor: Actor, account_id: int, password: str, number: str, code: str) -> None:
    """She types the password of this login and the digits of her own card: both are hers, and her own pages open.

    Phones and outside sign-ins that were added before, when it may not have been she, go.  Never inside `atomic()`.
    Raises TooManyTries, WrongPassword, WrongCard.
    """
    began = queries.identity_of(account_id, IdentityKind.password)
    password_id = began.id if began is not None else 0
    confirm_password(account_id, password)
    shown = people_queries.survivor_of(people.prove_card(records.normal_number(number), code))
    with atomic() as tx:
        lock_account(account_id)
        if shown is None or shown != queries.person_of(account_id):
            raise WrongCard
        proven = sa.update(Identity).where(Identity.id == password_id).values(confirmed_at=clock.now())
        if db.session.scalar(proven.returning(Identity.id)) is None:  # another one was issued this moment
            raise WrongPassword(field="current_password")
        strange = sa.delete(Identity).where(
            Identity.account_id == account_id,
            Identity.kind.in_([IdentityKind.phone, IdentityKind.oidc]),
            Identity.confirmed_at.is_(None),
        )
        gone = len(db.session.scalars(strange.returning(Identity.id)).all())
        audit.record(actor, "accounts.account.prove", "account", account_id, removed=gone)
        tx.result = account_id
