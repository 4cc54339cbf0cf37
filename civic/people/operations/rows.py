"""The rows of a person: keys of her name, documents, contacts, homes, households, the lines of what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from civic.core import audit, clock, crypto, notes
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import records
from civic.people.errors import NoSuchHome, SamePerson
from civic.people.models import (
    Contact,
    Document,
    HomeRelation,
    Household,
    HouseholdKind,
    LifeEvent,
    LifeEventKind,
    NameKey,
    Person,
    PersonHome,
)
from civic.people.operations.locks import place_of_home
from civic.people.operations.typed import NewContact, NewDocument, NewHome
from civic.people.records import Record

DRAWS = 8
Numbered = TypeVar("Numbered", Person, Household)
LIVING = (HomeRelation.lives_in, HomeRelation.collective)  # where she really is; the other ties do not move her


def refuse_known(documents: Iterable[NewDocument]) -> None:
    """Raises SamePerson when an open document of this number exists under any key held; it names the row that counts now."""
    for new in documents:
        value = records.document_value(new.kind, new.country, new.number)
        own, kept = sa.orm.aliased(Person), sa.orm.aliased(Person)
        query = sa.select(kept.uid).join(own, kept.id == sa.func.coalesce(own.merged_into_id, own.id))
        query = query.join(Document, Document.person_id == own.id)
        query = query.where(Document.hash.in_(crypto.keyed_hashes(value, records.DOCUMENT)), Document.ended_at.is_(None))
        uid = db.session.scalar(query.limit(1))
        if uid is not None:
            raise SamePerson(person=uid, field="document_number")


def write_name_keys(person: Person, record: Record) -> None:
    """Replace the keys by which she is found."""
    db.session.execute(sa.delete(NameKey).where(NameKey.person_id == person.id))
    hashes = sorted({records.prefix_hash(prefix) for prefix in records.prefixes(record.name, record.second_name)})
    if hashes:
        db.session.execute(sa.insert(NameKey), [{"hash": h, "place_id": person.place_id, "person_id": person.id} for h in hashes])


def note_event(
    actor: Actor,
    kind: LifeEventKind,
    person_id: int,
    on: date,
    *,
    other_id: int | None = None,
    household_id: int | None = None,
    evidence: str = "",
) -> None:
    """The line of the life event and of the audit; what was shown as proof goes into a sealed note."""
    event = LifeEvent(
        kind=kind,
        person_id=person_id,
        other_id=other_id,
        household_id=household_id,
        on=on,
        account_id=actor.account_id,
        note_id=notes.write(evidence),
    )
    db.session.add(event)
    audit.record(actor, f"people.{kind.value}", "person", person_id, other=other_id, household=household_id)


def add_documents(actor: Actor, wanted: Sequence[tuple[int, NewDocument]]) -> list[Document]:
    """Documents of (person id, document), in the order of their hashes, so that two writers of the same ones meet and do not block.

    Raises SamePerson: the unique index decides between two clerks who typed one number at the same moment.
    """
    made = sorted(((_document_row(actor, person_id, new), new) for person_id, new in wanted), key=lambda pair: pair[0].hash)
    for row, new in made:
        try:
            with db.session.begin_nested():
                db.session.add(row)
                db.session.flush()
        except IntegrityError:
            refuse_known([new])
            raise SamePerson(person="", field="document_number") from None
    return [row for row, _new in made]


def _document_row(actor: Actor, person_id: int, new: NewDocument) -> Document:
    value = records.document_value(new.kind, new.country, new.number)
    return Document(
        person_id=person_id,
        kind=new.kind,
        country=new.country,
        sealed=records.seal_document(new.number, new.name),
        hash=crypto.keyed_hash(value, records.DOCUMENT),
        valid_to=new.valid_to,
        checked_at=clock.now() if new.checked else None,
        checked_by_id=actor.account_id if new.checked else None,
    )


def add_contact_row(person_id: int, new: NewContact) -> Contact:
    row = Contact(
        person_id=person_id,
        kind=new.kind,
        sealed=crypto.encrypt(new.address, records.CONTACT),
        hash=crypto.keyed_hash(records.contact_value(new.kind, new.address), records.CONTACT),
        confirmed_at=clock.now() if new.confirmed else None,
    )
    db.session.add(row)
    return row


def add_home(person: Person, home: NewHome) -> PersonHome:
    """A dated relation to a home, or to a place in words.  Where she lives also says which community keeps her row.  Raises NoSuchHome."""
    words = home.elsewhere.strip()
    if home.home_id is not None:
        place = place_of_home(home.home_id)
        if home.relation in LIVING:
            person.place_id = place
    elif not words:
        raise NoSuchHome(field="home")
    row = PersonHome(
        person_id=person.id,
        relation=home.relation,
        home_id=home.home_id,
        elsewhere="" if home.home_id is not None else crypto.encrypt(words, records.ELSEWHERE),
        from_on=home.from_on or clock.today(),
    )
    db.session.add(row)
    return row


def add_numbered(model: type[Numbered], **values: Any) -> Numbered:
    """Insert a row under a number that no other row has: of 90 million numbers 260,000 are taken, so one draw in 350 meets one.

    The unique index decides, also between two clerks; only the savepoint of this row is undone.
    """
    for _draw in range(DRAWS):
        row = model(number=records.new_number(), **values)
        try:
            with db.session.begin_nested():
                db.session.add(row)
                db.session.flush()
        except IntegrityError:
            if db.session.scalar(sa.select(model.id).where(model.number == row.number)) is None:
                raise  # something else is wrong with the row
        else:
            return row
    raise RuntimeError(f"no free number for {model.__tablename__} in {DRAWS} draws")


def new_household(place_id: int, kind: HouseholdKind = HouseholdKind.family) -> Household:
    return add_numbered(Household, kind=kind, place_id=place_id)
