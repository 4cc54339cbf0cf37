"""Accounts: made with a first password, given a new one, a second step, a language, and closed.  Hashing comes before `atomic()`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlalchemy as sa

from civic.accounts import passwords, queries, second_step, signals
from civic.accounts.errors import AccountIsClosed, BadLogin, LoginTaken, WrongCode
from civic.accounts.models import Account, Grant, Identity, IdentityKind
from civic.accounts.operations.grants import NewGrant, add_grant, close_grant, refuse_open_work
from civic.accounts.operations.identities import SECURITY
from civic.accounts.operations.sessions import end_all, lock_account
from civic.accounts.operations.sign_in import confirm_password
from civic.accounts.queries import normal_login
from civic.core import audit, clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db, new_public_id, upsert
from civic.core.messages.receivers import Contact, Receiver, contacts_of
from civic.core.messages.sending import send
from civic.core.viewer import Actor
from civic.people import operations as people

LOGIN = re.compile(r"[a-z][a-z0-9._-]{1,39}")


def create_account(actor: Actor, login: str, name: str, password: str, *, must_change: bool, grants: Sequence[NewGrant] = ()) -> Account:
    """Make a login with its first password and grants.  must_change: somebody else set the password.

    Raises BadLogin, LoginTaken, PasswordTooShort, PasswordIsLogin, PasswordIsCommon, DaysInWrongOrder, GrantInThePast.
    Sends `grant_given` for each grant.
    """
    login = normal_login(login)
    if not LOGIN.fullmatch(login):
        raise BadLogin(field="login")
    passwords.check_new(login, password)
    for wanted in grants:
        wanted.check()
    hashed = passwords.hash_password(password)
    with atomic() as tx:
        account_id = add_account(login, name, must_change=must_change)
        if account_id is None:
            raise LoginTaken(login=login, field="login")
        since = None if must_change else clock.now()
        db.session.add(Identity(account_id=account_id, kind=IdentityKind.password, secret=hashed, confirmed_at=since))
        audit.record(actor, "accounts.account.create", "account", account_id)
        for wanted in grants:
            add_grant(actor, account_id, wanted)
        db.session.flush()
        account = db.session.get_one(Account, account_id)
        tx.result = account
    return account


def add_account(login: str, name: str, *, must_change: bool, lang: str = "", person_id: int | None = None) -> int | None:
    """Insert the row inside the caller's transaction; None: somebody has this login, perhaps since a moment ago."""
    table = Account.__table__
    values = {
        "uid": new_public_id(),
        "login": login,
        "name": name or login,
        "lang": lang,
        "created_at": clock.now(),
        "must_change_password": must_change,
        "person_id": person_id,
    }
    found: int | None = db.session.execute(
        upsert(table).values(**values).on_conflict_do_nothing(index_elements=["login"]).returning(table.c.id)
    ).scalar()
    return found


def change_password(actor: Actor, account_id: int, current: str, new: str, *, session_id: int | None) -> None:
    """A signed-in person changes her password; her other sessions and all tokens end.

    Raises TooManyTries, WrongPassword, PasswordTooShort, PasswordIsLogin, PasswordIsCommon.
    """
    confirm_password(account_id, current)
    set_own_password(actor, account_id, new, session_id=session_id)


def set_own_password(actor: Actor, account_id: int, new: str, *, session_id: int | None) -> None:
    """Replace the password by one that the person chose herself.  session_id: the session that stays."""
    passwords.check_new(db.session.get_one(Account, account_id).login, new)
    store_password(actor, account_id, passwords.hash_password(new), must_change=False, besides=session_id)


def issue_password(actor: Actor, account_id: int, *, forget_app: bool) -> str:
    """A new one-time password on a printed slip; all sessions and tokens end, the person must choose her own at sign-in.

    Whoever printed it could sign in first: she is told, and what the site holds about her as a person stays closed to this login until
    she has shown that it is she (`binding.prove_person`).  forget_app: the phone is lost, the second step is set up anew.
    Raises AccountIsClosed.  Returns the password, kept nowhere.
    """
    password = passwords.one_time_password()
    hashed = passwords.hash_password(password)
    with atomic() as tx:
        store_password(actor, account_id, hashed, must_change=True, besides=None, proven=False)
        if forget_app:
            forget_second_step(actor, account_id)
        _tell_of_issue(account_id)
        tx.result = account_id
    return password


def _tell_of_issue(account_id: int) -> None:
    """To the addresses of the login; of a login without any, to the confirmed ones on the record of its person."""
    receivers = [Receiver("account", account_id)]
    contact = contacts_of("account", [account_id]).get(account_id, Contact())
    person_id = queries.person_of(account_id)
    if person_id is not None and not contact.mail and not contact.phone:
        receivers.append(Receiver("person", person_id))
    for receiver in receivers:
        send(receiver, SECURITY, "accounts/password_issued", href="/account/", moment=clock.now())


def store_password(
    actor: Actor, account_id: int, hashed: str, *, must_change: bool, besides: int | None, proven: bool | None = None
) -> None:
    """Replace the password's hash; sessions (but `besides`) and tokens end.  Raises AccountIsClosed.

    proven: does it take the person to set it?  None: it is as much hers as the one before.
    """
    with atomic() as tx:
        account = lock_account(account_id)
        if not account.is_open:
            raise AccountIsClosed
        old = queries.identity_of(account_id, IdentityKind.password)
        is_hers = (old is None or old.confirmed_at is not None) if proven is None else proven
        db.session.execute(sa.delete(Identity).where(Identity.account_id == account_id, Identity.kind == IdentityKind.password))
        since = clock.now() if is_hers else None
        db.session.add(Identity(account_id=account_id, kind=IdentityKind.password, secret=hashed, confirmed_at=since))
        account.must_change_password = must_change
        ended = end_all(account_id, besides=besides)
        audit.record(actor, "accounts.password.set", "account", account_id, must_change=int(must_change), ended=ended)
        tx.result = account_id


def enrol_second_step(actor: Actor, account_id: int, secret: str, code: str) -> list[str]:
    """Take an app as the second step once it shows the right code; an older app and its recovery codes stop working.

    Returns the new recovery codes, which are shown once.  Raises WrongCode.
    """
    step = second_step.matching_step(secret, second_step.prepared(code), clock.now())
    if step is None:
        raise WrongCode(field="code")
    codes = second_step.new_recovery_codes()
    now = clock.now()
    with atomic() as tx:
        lock_account(account_id)
        _drop_second_step(account_id)
        sealed = crypto.encrypt(secret, "totp")
        db.session.add(
            Identity(account_id=account_id, kind=IdentityKind.totp, secret=sealed, confirmed_at=now, last_step=step, used_at=now)
        )
        for each in codes:
            hashed = crypto.keyed_hash(each.replace("-", ""), "recovery")
            db.session.add(Identity(account_id=account_id, kind=IdentityKind.recovery, secret=hashed, confirmed_at=now))
        audit.record(actor, "accounts.second_step.enrol", "account", account_id)
        tx.result = account_id
    return codes


def forget_second_step(actor: Actor, account_id: int) -> None:
    """Drop the app and the recovery codes: the next sign-in asks to set up a new one."""
    with atomic():
        _drop_second_step(account_id)
        audit.record(actor, "accounts.second_step.forget", "account", account_id)


def _drop_second_step(account_id: int) -> None:
    kinds = [IdentityKind.totp, IdentityKind.recovery]
    db.session.execute(sa.delete(Identity).where(Identity.account_id == account_id, Identity.kind.in_(kinds)))


def change_account(actor: Actor, account_id: int, *, name: str | None = None, lang: str | None = None) -> None:
    """Another shown name or language (empty: as the device says); None leaves it.

    A chosen language is the one in which the person of the login is written to as well, once she has proved that she is it.
    """
    with atomic():
        if lang and not queries.waits_for_proof(account_id) and (person_id := queries.person_of(account_id)) is not None:
            people.choose_language(actor, person_id, lang)
        account = lock_account(account_id)
        if name is not None:
            account.name = name
        if lang is not None:
            account.lang = lang
        audit.record(actor, "accounts.account.change", "account", account_id)


def close_account(actor: Actor, account_id: int) -> Account:
    """End a login for good: its sessions, tokens and grants end with it.

    Raises AccountIsClosed, StillOpen (a right with open work is ended, and handed over, before).  Sends `grant_ended` for each living
    grant, then `account_closed`.
    """
    with atomic() as tx:
        account = lock_account(account_id)
        if not account.is_open:
            raise AccountIsClosed
        account.closed_at = clock.now()
        ended = end_all(account_id)
        query = sa.select(Grant).where(Grant.account_id == account_id, Grant.ended_at.is_(None)).order_by(Grant.id)
        grants = db.session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)).all()
        refuse_open_work([grant for grant in grants if not grant.is_over(clock.today())])
        for grant in grants:
            close_grant(actor, grant)
        audit.record(actor, "accounts.account.close", "account", account_id, ended=ended)
        signals.account_closed.send(account, actor=actor)
        tx.result = account
    return account
