"""Recording people, correcting what is recorded, their contacts and documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from civic.core import audit, clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.viewer import Actor
from civic.people import queries, records, signals
from civic.people.errors import HouseholdEnded, NumberAgainstBirthday, PersonChanged
from civic.people.models import (
    Contact,
    ContactKind,
    Document,
    Household,
    HouseholdRelation,
    LifeEventKind,
    Membership,
    Person,
    PersonSource,
)
from civic.people.operations.locks import lock_households, lock_people, place_of_home
from civic.people.operations.rows import (
    add_contact_row,
    add_documents,
    add_home,
    add_numbered,
    new_household,
    note_event,
    refuse_known,
    write_name_keys,
)
from civic.people.operations.typed import (
    RESIDENT,
    NewContact,
    NewDocument,
    NewHome,
    NewPerson,
    birth_inside,
    checked_contact,
    checked_document,
    checked_person,
    checked_record,
)
from civic.people.records import Record


def write_person(
    actor: Actor,
    place_id: int,
    new: NewPerson,
    source: PersonSource,
    household: Household | None,
    homes: Sequence[NewHome] = (),
    on: date | None = None,
    evidence: str = "",
) -> Person:
    """The rows of one checked person inside the caller's transaction, without her documents.  Sends `person_created`."""
    person = add_numbered(
        Person,
        sealed=records.seal(new.record),
        birth_year=new.record.birth_year,
        place_id=place_id,
        lang=new.lang,
        source=source,
    )
    for home in homes:
        add_home(person, home)
    for contact in new.contacts:
        add_contact_row(person.id, contact)
    home_of = household or new_household(person.place_id)
    on = on or clock.today()
    db.session.add(Membership(household_id=home_of.id, person_id=person.id, relation=new.relation, from_on=on))
    write_name_keys(person, new.record)
    note_event(actor, LifeEventKind.created, person.id, on, household_id=home_of.id, evidence=evidence)
    db.session.flush()
    signals.person_created.send(person, actor=actor)
    if household is None:
        signals.household_changed.send(home_of, actor=actor, on=on)
    return person


def create_person(
    actor: Actor,
    place_id: int,
    record: Record,
    *,
    source: PersonSource,
    documents: Sequence[NewDocument] = (),
    contacts: Sequence[NewContact] = (),
    homes: Sequence[NewHome] = (),
    household_id: int | None = None,
    relation: HouseholdRelation = HouseholdRelation.head,
    on: date | None = None,
    lang: str = "",
    evidence: str = "",
) -> Person:
    """Record a person, alone in a new household unless one is named.

    Raises SamePerson, BadNumber, ZeroedNumber, NumberAgainstBirthday, BadPhone, BadMail, NameMissing, NameTooLong, BadBirthday,
    NoSuchHome, HouseholdEnded.  Sends `person_created`, `household_changed`.
    """
    new = checked_person(NewPerson(record, relation, tuple(documents), tuple(contacts), lang))
    with atomic() as tx:
        household = _open_household(household_id) if household_id is not None else None
        refuse_known(new.documents)
        person = write_person(actor, place_id, new, source, household, homes, on, evidence)
        add_documents(actor, [(person.id, document) for document in new.documents])
        if household is not None:
            household.lock_version += 1
            signals.household_changed.send(household, actor=actor, on=on or clock.today())
        tx.touch(queries.TOPIC)
        tx.result = person
    return person


def _open_household(household_id: int) -> Household:
    household = lock_households([household_id]).get(household_id)
    if household is None or household.ended_on is not None:
        raise HouseholdEnded
    return household


def fill_household(
    actor: Actor,
    place_id: int,
    home: NewHome | None,
    people: Sequence[NewPerson],
    *,
    source: PersonSource = PersonSource.desk,
    evidence: str = "",
) -> Household:
    """Record a whole household in one go, all of it or nothing.

    Raises what create_person raises, with `line` (from 1) in the context; ValueError without people.
    """
    if not people:
        raise ValueError("a household has members")
    checked = []
    for line, typed in enumerate(people, 1):
        try:
            checked.append(checked_person(typed))
        except DomainError as refusal:
            refusal.context["line"] = line
            raise
    with atomic() as tx:
        place = place_of_home(home.home_id) if home is not None and home.home_id is not None else place_id
        household = new_household(place)
        made = []
        for line, new in enumerate(checked, 1):
            try:
                refuse_known(new.documents)
            except DomainError as refusal:
                refusal.context["line"] = line
                raise
            made.append(write_person(actor, place, new, source, household, [home] if home is not None else [], evidence=evidence))
        add_documents(actor, [(person.id, d) for person, new in zip(made, checked, strict=True) for d in new.documents])
        signals.household_changed.send(household, actor=actor, on=clock.today())
        tx.touch(queries.TOPIC)
        tx.result = household
    return household


def correct_person(actor: Actor, person_id: int, base: int, record: Record, evidence: str = "") -> Person:
    """Put right what is recorded of a person.

    base: the lock_version that the editor saw.  Raises PersonChanged, NumberAgainstBirthday (a resident number on record tells
    another day: end that document first), and what checked_record raises.
    """
    record = checked_record(record)
    with atomic() as tx:
        (person,) = lock_people([person_id])
        if person.lock_version != base:
            raise PersonChanged(current=person.lock_version)
        _check_birthday_against_documents(person.id, record)
        person.sealed, person.birth_year = records.seal(record), record.birth_year
        person.lock_version += 1
        write_name_keys(person, record)
        note_event(actor, LifeEventKind.corrected, person.id, clock.today(), evidence=evidence)
        tx.touch(queries.TOPIC)
        tx.result = person
    return person


def _check_birthday_against_documents(person_id: int, record: Record) -> None:
    query = sa.select(Document.sealed).where(Document.person_id == person_id, Document.kind.in_(RESIDENT), Document.ended_at.is_(None))
    for sealed in db.session.scalars(query):
        number, _name = records.unseal_document(sealed)
        if record.birth_on and not birth_inside(number).startswith(record.birth_on):
            raise NumberAgainstBirthday(field="birth_on")


def choose_language(actor: Actor, person_id: int, lang: str) -> None:
    """The language in which she is written to: zh, en or '' (the site's own)."""
    if lang not in {"", "zh", "en"}:
        raise ValueError(f"no such language: {lang}")
    with atomic():
        (person,) = lock_people([person_id])
        person.lang = lang
        audit.record(actor, "people.language", "person", person_id)


# ---- contacts and documents -----------------------------------------------------------------------------------------------


def add_contact(actor: Actor, person_id: int, new: NewContact) -> Contact:
    """Add a phone or mail address; one that is there already is left (and confirmed, if this one is).

    It may stand on other people's rows too: a mother and a daughter share a phone.  Raises BadPhone, BadMail, NotLiving.
    """
    new = checked_contact(new)
    with atomic() as tx:
        lock_people([person_id])
        row = _open_contact(person_id, new.kind, new.address)
        if row is None:
            row = add_contact_row(person_id, new)
            db.session.flush()
        elif new.confirmed and row.confirmed_at is None:
            row.confirmed_at = clock.now()
        audit.record(actor, "people.contact.add", "person", person_id, contact=row.id)
        tx.result = row
    return row


def _open_contact(person_id: int, kind: ContactKind, address: str) -> Contact | None:
    hashes = crypto.keyed_hashes(records.contact_value(kind, address), records.CONTACT)
    query = sa.select(Contact).where(Contact.person_id == person_id, Contact.hash.in_(hashes), Contact.ended_at.is_(None))
    return db.session.scalars(query.order_by(Contact.id).limit(1)).one_or_none()


def confirm_contact(actor: Actor, person_id: int, kind: ContactKind, address: str) -> Contact:
    """She read a code or link sent there.  Sends `contact_confirmed`."""
    with atomic() as tx:
        row = add_contact(actor, person_id, NewContact(kind, address, confirmed=True))
        person = db.session.get_one(Person, person_id)
        signals.contact_confirmed.send(person, actor=actor, kind=kind)
        tx.result = row
    return row


def end_contact(actor: Actor, contact_id: int) -> None:
    """It no longer reaches her: the number belongs to somebody else now.  Other people's rows keep it."""
    with atomic():
        row = db.session.get_one(Contact, contact_id, with_for_update={"key_share": True}, populate_existing=True)
        if row.ended_at is None:
            row.ended_at = clock.now()
            audit.record(actor, "people.contact.end", "person", row.person_id, contact=row.id)


def add_document(actor: Actor, person_id: int, new: NewDocument) -> Document:
    """Add an identity document.  Raises SamePerson when the number stands on another open row, and what checked_document raises."""
    with atomic() as tx:
        (person,) = lock_people([person_id])
        new = checked_document(new, records.unseal(person.sealed))
        refuse_known([new])
        (row,) = add_documents(actor, [(person_id, new)])
        audit.record(actor, "people.document.add", "person", person_id, document=row.id)
        tx.result = row
    return row


def end_document(actor: Actor, document_id: int) -> None:
    """Replaced, lost or typed wrong."""
    with atomic():
        row = db.session.get_one(Document, document_id, with_for_update={"key_share": True}, populate_existing=True)
        if row.ended_at is None:
            row.ended_at = clock.now()
            audit.record(actor, "people.document.end", "person", row.person_id, document=row.id)
