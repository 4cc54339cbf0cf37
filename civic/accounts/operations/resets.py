"""A forgotten password, and signing in by a code on the phone: proof of an address, then of who of those who share it one is.

Carriers give numbers to new owners: whoever is verified shows a second fact beside the code (the last four signs of a document, or
the member number); at the desk the clerk sees her instead.
"""

from __future__ import annotations

import hmac
from datetime import timedelta

from civic.accounts import passwords, queries
from civic.accounts.models import Account, Identity, IdentityKind, TicketKind
from civic.accounts.operations.accounts import store_password
from civic.accounts.operations.identities import SECURITY
from civic.accounts.operations.tickets import Opened, use_ticket
from civic.accounts.own_errors import ChooseOne, WrongFact
from civic.core import audit, clock, crypto, tries
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.messages.receivers import Receiver
from civic.core.messages.sending import send
from civic.core.viewer import Actor

FACT_TRIES, FACT_WINDOW = 5, timedelta(hours=1)
BY_PHONE = (TicketKind.sign_in_phone, TicketKind.reset_phone)


def candidates(opened: Opened) -> list[Account]:
    """The open accounts of those who may be meant, oldest first."""
    if opened.account_id is not None:
        return [each for each in [db.session.get(Account, opened.account_id)] if each is not None and each.is_open]
    if opened.person_id is not None:
        return queries.accounts_of_person(opened.person_id)
    kind, value = opened.proven[0]
    return queries.accounts_with(IdentityKind(kind), value)


def needs_fact(opened: Opened, account: Account) -> bool:
    """Does this proof need a second fact for this account?  A phone number can have got a new owner, an outside sign-in cannot."""
    by_phone = any(kind == IdentityKind.phone for kind, _value in opened.proven[:1])
    return by_phone and opened.kind in BY_PHONE and queries.is_verified(account.person_id)


def choose(opened: Opened, uid: str, fact: str) -> Account:
    """Who of them one is, the second fact shown where it is needed.  Raises ChooseOne, WrongFact, TooManyTries."""
    found = candidates(opened)
    account = found[0] if len(found) == 1 else next((each for each in found if hmac.compare_digest(each.uid, uid)), None)
    if account is None:
        raise ChooseOne(field="who")
    if needs_fact(opened, account):
        account_id, person_id = account.id, account.person_id
        subject = crypto.keyed_hash(str(account_id), "second-fact")
        tries.count_try("second-fact", subject, FACT_TRIES, FACT_WINDOW)
        if person_id is None or not queries.is_fact(person_id, fact):
            raise WrongFact(field="fact")
        tries.forget("second-fact", subject)
        account = db.session.get_one(Account, account_id)
    return account


def sign_in_with(opened: Opened, uid: str, fact: str) -> Account:
    """Use a proven phone or outside sign-in up for one of its accounts.  Raises LinkOver, ChooseOne, WrongFact, TooManyTries."""
    account = choose(opened, uid, fact)
    with atomic() as tx:
        use_ticket(opened)
        tx.result = account
    return account


def reset_password(opened: Opened, uid: str, fact: str, new: str) -> Account:
    """A new password with a link, a proven phone or a slip; every session and token ends, and she is told.

    Raises LinkOver, ChooseOne, WrongFact, TooManyTries and the refusals of passwords.
    """
    account = choose(opened, uid, fact)
    passwords.check_new(account.login, new)
    hashed = passwords.hash_password(new)
    actor = Actor(account.id)
    with atomic() as tx:
        use_ticket(opened)
        store_password(actor, account.id, hashed, must_change=False, besides=None, proven=_is_proof(opened, account))
        audit.record(actor, "accounts.password.reset", "account", account.id)
        tell(account, "accounts/password_reset")
        tx.result = account
    return account


def _is_proof(opened: Opened, account: Account) -> bool:
    """Does this way show that it is she?  A slip: a clerk saw her.  An address: when it was confirmed as hers, not merely written on a list."""
    if opened.kind is TicketKind.slip:
        return True
    kind, value = opened.proven[0]
    known = queries.own_identity(account.id, IdentityKind(kind), value)
    return known is not None and known.confirmed_at is not None


def tell(account: Account, template: str) -> None:
    """Something changed on her account: inbox, mail and, where there is no mail, text message.  Inside the transaction."""
    send(Receiver("account", account.id), SECURITY, template, href="/account/", moment=clock.now())


def confirm_by_code(account_id: int, opened: Opened) -> None:
    """A signed-in person shows a code from her own phone instead of her password."""
    with atomic() as tx:
        use_ticket(opened)
        audit.record(Actor(account_id), "accounts.account.confirm", "account", account_id)
        tx.result = account_id


def own_phone(account_id: int) -> str:
    """The first confirmed phone of an account, in clear, to send a code to; '' without one."""
    row: Identity | None = queries.identity_of(account_id, IdentityKind.phone)
    return crypto.decrypt(row.secret, "identity") if row is not None else ""
