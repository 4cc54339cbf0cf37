"""Ways to prove oneself beside the password: mail, phone, outside sign-in; added after a proof, removed at any time but the last."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa

from civic.accounts import queries
from civic.accounts.models import Account, Identity, IdentityKind
from civic.accounts.operations.sessions import lock_account
from civic.accounts.operations.tickets import Opened, use_ticket
from civic.accounts.own_errors import AddressThere, LastWayIn, LinkOver, OidcTaken, ProofNeeded
from civic.core import audit, clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db, is_sqlite
from civic.core.messages.receivers import Receiver
from civic.core.messages.sending import send
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people import records
from civic.people.models import Contact, ContactKind

PURPOSE = "identity"
SECURITY = "security"  # topic: something changed on the account
CONTACTS = {IdentityKind.mail: ContactKind.mail, IdentityKind.phone: ContactKind.phone}


def add_identity(account_id: int, kind: IdentityKind, value: str, *, is_hers: bool = True) -> Identity:
    """Insert the row; the caller has proven it and holds the account's lock.

    is_hers: False where whoever proved it may not be the person of the login: it is then no proof of her later.
    """
    row = Identity(
        account_id=account_id,
        kind=kind,
        secret=crypto.encrypt(value, PURPOSE),
        hash=crypto.keyed_hash(queries.identity_value(kind, value), PURPOSE),
        confirmed_at=clock.now() if is_hers else None,
    )
    db.session.add(row)
    db.session.flush()
    return row


def confirm_address(actor: Actor, account_id: int, opened: Opened) -> None:
    """Put the address that a link or code has proven on the account, and on the record of its person.

    Raises LinkOver, ProofNeeded, AddressThere.
    """
    if opened.account_id != account_id:
        raise LinkOver
    with atomic() as tx:
        use_ticket(opened)
        account = lock_account(account_id)
        is_hers = _is_hers(account)
        for name, value in opened.proven:
            kind = IdentityKind(name)
            if queries.own_identity(account_id, kind, value) is not None:
                raise AddressThere
            row = add_identity(account_id, kind, value, is_hers=is_hers)
            audit.record(actor, "accounts.identity.add", "account", account_id, identity=row.id)
        if account.person_id is not None:
            note_contacts(actor, account.person_id, opened.proven)
        _tell(account_id)
        tx.result = account


def _is_hers(account: Account) -> bool:
    """Was the password begun by its owner?  Raises ProofNeeded where the login is a person's and it was not."""
    password = queries.identity_of(account.id, IdentityKind.password)
    is_hers = password is None or password.confirmed_at is not None
    if not is_hers and account.person_id is not None:
        raise ProofNeeded
    return is_hers


def note_contacts(actor: Actor, person_id: int, proven: Iterable[tuple[str, str]]) -> None:
    """The person's record learns what she has confirmed."""
    for name, value in proven:
        kind = CONTACTS.get(IdentityKind(name))
        if kind is not None:
            people.add_contact(actor, person_id, people.NewContact(kind, value, confirmed=True))


def remove_identity(actor: Actor, account_id: int, identity_id: int) -> None:
    """Take a mail address, phone or outside sign-in off the account and end the contact on her record.

    Raises ProofNeeded, LastWayIn.
    """
    with atomic() as tx:
        account = lock_account(account_id)
        _is_hers(account)
        rows = list(db.session.scalars(sa.select(Identity).where(Identity.account_id == account_id)))
        row = next((each for each in rows if each.id == identity_id and each.kind in queries.OWN), None)
        if row is None:
            return
        ways = [each for each in rows if each.id != identity_id and each.kind in queries.WAYS_IN]
        if not ways:
            raise LastWayIn
        _end_contact(actor, account, row)
        db.session.delete(row)
        audit.record(actor, "accounts.identity.remove", "account", account_id, identity=identity_id)
        tx.result = account


def _end_contact(actor: Actor, account: Account, row: Identity) -> None:
    kind = CONTACTS.get(row.kind)
    if kind is None or account.person_id is None:
        return
    value = crypto.decrypt(row.secret, PURPOSE)
    hashes = crypto.keyed_hashes(records.contact_value(kind, value), records.CONTACT)
    query = sa.select(Contact.id).where(Contact.person_id == account.person_id, Contact.hash.in_(hashes), Contact.ended_at.is_(None))
    for contact_id in list(db.session.scalars(query)):
        people.end_contact(actor, contact_id)


def link_oidc(actor: Actor, account_id: int, subject: str) -> None:
    """subject: `issuer|subject`.  Raises ProofNeeded, OidcTaken, AddressThere."""
    with atomic() as tx:
        is_hers = _is_hers(lock_account(account_id))
        if queries.own_identity(account_id, IdentityKind.oidc, subject) is not None:
            raise AddressThere
        claim_oidc(subject)
        row = add_identity(account_id, IdentityKind.oidc, subject, is_hers=is_hers)
        audit.record(actor, "accounts.identity.add", "account", account_id, identity=row.id)
        _tell(account_id)
        tx.result = row


def claim_oidc(subject: str) -> None:
    """Inside `atomic()`: until its end nobody else can add this outside sign-in.  Raises OidcTaken when an account has it.

    No row stands for a subject that nobody has yet, and phones and mails may be shared, so no unique index can decide.  SQLite's write turn
    lets one writer in; PostgreSQL takes a lock on the subject's own number, which ends with the transaction.
    """
    if not is_sqlite():
        number = int.from_bytes(hashlib.sha256(f"oidc|{subject}".encode()).digest()[:8], "big", signed=True)
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))
    if queries.accounts_with(IdentityKind.oidc, subject):
        raise OidcTaken


def _tell(account_id: int) -> None:
    """Something that signs in was added: she hears of it on every channel that she has."""
    send(Receiver("account", account_id), SECURITY, "accounts/address_added", href="/account/contacts", moment=clock.now())
