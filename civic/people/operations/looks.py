"""Every look at a person is a line she can read herself; a value in clear needs a purpose and a reason in words."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from civic.core import clock, crypto, notes
from civic.core.atomic import atomic, in_transaction, own_connection
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import records
from civic.people.errors import LookNeedsReason
from civic.people.models import Contact, ContactKind, Document, Look, LookKind, Person, PersonHome

PURPOSES = ("visit", "call", "case", "check", "care", "other")
SHORTEST_REASON = 4  # signs: "回访" alone says nothing


_L, _P = Look.__table__, Person.__table__
#: one statement for all of them: thirty lines one by one held the write turn three times as long
_NOTE = sa.insert(_L).from_select(
    ["person_id", "account_id", "kind", "purpose", "at", "request_id"],
    sa.select(
        _P.c.id, *(sa.bindparam(f"its_{name}", type_=_L.c[name].type) for name in ("account_id", "kind", "purpose", "at", "request_id"))
    )
    .where(_P.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_P.c.id),
    include_defaults=False,
)


def note_look(actor: Actor, person_ids: Iterable[int], kind: LookKind, purpose: str = "", reason: str = "") -> None:
    """One line a person, in a transaction of its own; looks at oneself are noted too."""
    ids = sorted(set(person_ids))
    if actor.account_id is None or not ids:
        return
    if reason or in_transaction():  # a sealed note belongs to its line; it is written through the session
        with atomic():
            for person_id in ids:
                db.session.add(
                    Look(
                        person_id=person_id,
                        account_id=actor.account_id,
                        kind=kind,
                        purpose=purpose,
                        note_id=notes.write(reason),
                        request_id=actor.request_id,
                    )
                )
        return
    line = {"account_id": actor.account_id, "kind": kind, "purpose": purpose, "at": clock.now(), "request_id": actor.request_id}
    with own_connection() as connection:
        connection.execute(_NOTE, {"ids": ids, **{f"its_{name}": value for name, value in line.items()}})


def reveal(actor: Actor, person_id: int, kind: LookKind, purpose: str, reason: str) -> list[str]:
    """The values in clear, after the look was noted.  Raises LookNeedsReason; the attempt is noted as well, in a transaction of its own.

    Not inside an open atomic(): the refusal would erase its own line.
    """
    if purpose not in PURPOSES or len(reason.strip()) < SHORTEST_REASON:
        _note_refused(actor, person_id, kind)
        raise LookNeedsReason(field="reason")
    note_look(actor, [person_id], kind, purpose, reason.strip())
    return values_of(person_id, kind)


def _note_refused(actor: Actor, person_id: int, kind: LookKind) -> None:
    line = {"person_id": person_id, "account_id": actor.account_id, "kind": LookKind.refused, "purpose": kind.value}
    with own_connection() as connection:
        connection.execute(sa.insert(Look).values(**line, at=clock.now(), request_id=actor.request_id))


def values_of(person_id: int, kind: LookKind) -> list[str]:
    """The open values of one kind: phones, mails, document numbers, the birth day, addresses outside the district."""
    if kind in {LookKind.phone, LookKind.mail}:
        query = sa.select(Contact.sealed).where(
            Contact.person_id == person_id, Contact.kind == ContactKind(kind.value), Contact.ended_at.is_(None)
        )
        return [crypto.decrypt(sealed, records.CONTACT) for sealed in db.session.scalars(query.order_by(Contact.id))]
    if kind is LookKind.document:
        query = sa.select(Document.sealed).where(Document.person_id == person_id, Document.ended_at.is_(None)).order_by(Document.id)
        return [records.unseal_document(sealed)[0] for sealed in db.session.scalars(query)]
    if kind is LookKind.birth:
        record = records.unseal(db.session.get_one(Person, person_id).sealed)
        return [record.birth_on] if record.birth_on else []
    if kind is LookKind.address:
        query = sa.select(PersonHome.elsewhere).where(
            PersonHome.person_id == person_id, PersonHome.ended_on.is_(None), PersonHome.elsewhere != ""
        )
        return [crypto.decrypt(sealed, records.ELSEWHERE) for sealed in db.session.scalars(query.order_by(PersonHome.id))]
    raise ValueError(f"{kind} has no values of its own")
