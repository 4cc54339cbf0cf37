"""Proving who signs in: password, then the code of an app or a recovery code.  Tries are counted before anything is checked."""

from __future__ import annotations

import sqlalchemy as sa

from civic.accounts import passwords, queries, second_step
from civic.accounts.errors import CodeUsed, WrongCode, WrongPassword, WrongSignIn
from civic.accounts.models import Account, Identity, IdentityKind
from civic.accounts.own_errors import SeveralAccounts
from civic.core import audit, clock, crypto, tries
from civic.core.atomic import atomic, own_connection
from civic.core.db import db
from civic.core.viewer import Actor

TRIES_LOGIN, TRIES_ADDRESS, TRIES_CODE = 8, 30, 8  # in 15 minutes


def _login_subject(login: str) -> str:
    return crypto.keyed_hash(login, "login")


def _take_back(kind: str, subject: str) -> None:
    """A right try is not a wrong one: 40 colleagues behind one address may sign in at half past eight.

    One is taken off instead of clearing the count, or whoever owns one account could guess at others for ever.
    """
    table = tries.TryCount.__table__
    with own_connection() as connection:
        connection.execute(
            sa.update(table).where(table.c.kind == kind, table.c.subject == subject, table.c.count > 0).values(count=table.c.count - 1)
        )


def prove_password(login: str, password: str, address: str) -> Account:
    """The one open account to which both belong.  Raises SeveralAccounts beside what prove_passwords raises."""
    found = prove_passwords(login, password, address)
    if len(found) > 1:
        raise SeveralAccounts
    return found[0]


def prove_passwords(login: str, password: str, address: str) -> list[Account]:
    """The open accounts to which login, member number, mail or phone and password belong; several where people share an address.

    address: of the caller, only its keyed hash is kept.  Raises TooManyTries, WrongSignIn; an unknown login, a closed account
    and a wrong password take the same time and give the same answer.
    """
    subject, place = _login_subject(queries.normal_login(login)), crypto.keyed_hash(address, "address")
    tries.count_try("sign-in-address", place, TRIES_ADDRESS)
    tries.count_try("sign-in", subject, TRIES_LOGIN)
    meant, least = queries.password_candidates(login)
    unknown = [(0, 0, None)] * max(least - len(meant), 0)
    right = [(who, identity, stored) for who, identity, stored in [*meant, *unknown] if passwords.is_right(stored, password) and stored]
    if not right:
        raise WrongSignIn
    tries.forget("sign-in", subject)
    _take_back("sign-in-address", place)
    for _who, identity_id, stored in right:
        if passwords.needs_new_hash(stored):
            _renew_hash(identity_id, stored, passwords.hash_password(password))
    return [db.session.get_one(Account, who) for who, _identity, _stored in right]


def _renew_hash(identity_id: int, old: str, new: str) -> None:
    """Parameters became stronger since this hash was made."""
    with atomic():
        db.session.execute(sa.update(Identity).where(Identity.id == identity_id, Identity.secret == old).values(secret=new))


def confirm_password(account_id: int, password: str, *, field: str = "current_password") -> None:
    """Ask a signed-in person again before something weighty.  Raises TooManyTries, WrongPassword."""
    subject = crypto.keyed_hash(str(account_id), "confirm")
    tries.count_try("confirm", subject, TRIES_LOGIN)
    identity = queries.identity_of(account_id, IdentityKind.password)
    if not passwords.is_right(identity.secret if identity else None, password):
        raise WrongPassword(field=field)
    tries.forget("confirm", subject)


def prove_second_step(actor: Actor, account_id: int, code: str) -> None:
    """Accept a code of the app for a time step later than the last one used, or an unused recovery code.

    Raises TooManyTries, CodeUsed, WrongCode.
    """
    code = second_step.prepared(code)
    subject = crypto.keyed_hash(str(account_id), "second-step")
    tries.count_try("second-step", subject, TRIES_CODE)
    identity = queries.identity_of(account_id, IdentityKind.totp)
    secret = crypto.decrypt(identity.secret, "totp") if identity else ""
    step = second_step.matching_step(secret, code, clock.now()) if identity else None
    with atomic():
        if identity is not None and step is not None:
            _use_step(identity.id, step)
        else:
            _use_recovery_code(actor, account_id, code)
    tries.forget("second-step", subject)


def _use_step(identity_id: int, step: int) -> None:
    """Guarded: of two requests with the same code one finds the step used."""
    later = sa.or_(Identity.last_step.is_(None), Identity.last_step < step)
    used = db.session.execute(
        sa.update(Identity).where(Identity.id == identity_id, later).values(last_step=step, used_at=clock.now()).returning(Identity.id)
    )
    if used.scalar() is None:
        raise CodeUsed(field="code")


def _use_recovery_code(actor: Actor, account_id: int, code: str) -> None:
    hashes = crypto.keyed_hashes(code.replace("-", ""), "recovery")
    used = db.session.execute(
        sa.update(Identity)
        .where(
            Identity.account_id == account_id,
            Identity.kind == IdentityKind.recovery,
            Identity.secret.in_(hashes),
            Identity.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(Identity.id)
    ).scalar()
    if used is None:
        raise WrongCode(field="code")
    audit.record(actor, "accounts.recovery_code.use", "account", account_id, identity=used)
