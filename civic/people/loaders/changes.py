"""Changed rows of the list: what the list changed since it was loaded last goes through the operations, the rest stays as it is.

Somebody who was merged meanwhile is the row that counts now; of a row that was emptied nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from civic.core import audit, clock, crypto
from civic.core.db import db
from civic.core.load import sealed
from civic.core.load.kinds import Change, Row
from civic.core.viewer import Actor
from civic.people import operations, records
from civic.people.loaders.bulk import Draw, write_households
from civic.people.loaders.rows import HOUSEHOLD, KIND, PERSON, Homes, contacts_of, document_of, person_of, place_of, record_of, relation_of
from civic.people.models import Contact, Document, HomeRelation, Household, Membership, Person, PersonHome
from civic.people.operations import NewHome
from civic.people.operations.typed import checked_contact, checked_document

RECORD = {"name", "second_name", "birth", "sex", "country"}
DOCUMENT = {"document", "country", "number"}
LIVES, REGISTERED = {"building", "room"}, {"registered_building", "registered_room", "registered_elsewhere"}
HOUSE = {"household", "relation"}


@dataclass(frozen=True)
class Changed:
    """One changed row: whose it is, what it says now and what it said before."""

    actor: Actor
    person_id: int
    row: Row
    before: Row
    changed: frozenset[str]
    homes: Homes


def write(actor: Actor, changes: Sequence[Change], homes: Homes) -> None:
    """Inside `atomic()`: write changed rows one after the other."""
    if not changes:
        return
    refs = [change.row.text("ref") for change in changes]
    known, last = sealed.recall(PERSON, refs), sealed.last_rows(KIND, refs)
    for change in changes:
        ref = change.row.text("ref")
        person = db.session.get_one(Person, known[ref])
        if person.merged_into_id is not None:
            person = db.session.get_one(Person, person.merged_into_id)
        if person.emptied_at is None:
            before = Row(change.row.file, change.row.line, last[ref][0])
            _write(Changed(actor, person.id, change.row, before, change.changed, homes), is_dead=person.died_on is not None)


def _write(this: Changed, *, is_dead: bool) -> None:
    if is_dead:
        if "died_on" not in this.changed or this.row.text("died_on"):
            return
        operations.undo_death(this.actor, this.person_id)
        if this.homes.lives_in(this.row):
            _lives(this)
    for columns, act in STEPS:
        if this.changed & columns:
            act(this)
    died_on = this.row.day("died_on")
    if died_on is not None and "died_on" in this.changed:
        operations.record_death(this.actor, this.person_id, died_on)


def _record(this: Changed) -> None:
    """Only the parts that the list changed: a name that the desk corrected stays when the list changed the sex."""
    person = db.session.get_one(Person, this.person_id)
    stands, listed = records.unseal(person.sealed), person_of(this.row).record
    names = {"name": "name", "second_name": "second_name", "birth": "birth_on", "sex": "sex", "country": "nationality"}
    parts: dict[str, Any] = {names[column]: getattr(listed, names[column]) for column in this.changed & RECORD}
    record = replace(stands, **parts)
    if record != stands:
        operations.correct_person(this.actor, this.person_id, person.lock_version, record)


def _language(this: Changed) -> None:
    operations.choose_language(this.actor, this.person_id, this.row.text("lang"))


def _document(this: Changed) -> None:
    """The list's new document takes the place of its old one; documents that the desk added stay."""
    old, new = _checked(this.before), _checked(this.row)
    if old is not None:
        for row in _open_documents(this.person_id, old):
            operations.end_document(this.actor, row.id)
    if new is not None and not _open_documents(this.person_id, new):
        operations.add_document(this.actor, this.person_id, new)


def _checked(row: Row) -> operations.NewDocument | None:
    document = document_of(row)
    return checked_document(document, replace(record_of(row), birth_on="")) if document is not None else None


def _open_documents(person_id: int, new: operations.NewDocument) -> list[Document]:
    hashes = crypto.keyed_hashes(records.document_value(new.kind, new.country, new.number), records.DOCUMENT)
    query = sa.select(Document).where(Document.person_id == person_id, Document.hash.in_(hashes), Document.ended_at.is_(None))
    return list(db.session.scalars(query))


def _valid_to(this: Changed) -> None:
    if this.changed & DOCUMENT:  # the new document has it already
        return
    new = _checked(this.row)
    for row in _open_documents(this.person_id, new) if new is not None else []:
        row.valid_to = this.row.day("valid_to")
        audit.record(this.actor, "people.document.valid_to", "person", this.person_id, document=row.id)


def _contacts(this: Changed) -> None:
    old = {each.kind: checked_contact(each) for each in contacts_of(this.before)}
    new = {each.kind: checked_contact(each) for each in contacts_of(this.row)}
    for kind in sorted({*old, *new}):
        if kind.value not in this.changed:
            continue
        if kind in old:
            hashes = crypto.keyed_hashes(records.contact_value(kind, old[kind].address), records.CONTACT)
            query = sa.select(Contact.id).where(Contact.person_id == this.person_id, Contact.hash.in_(hashes), Contact.ended_at.is_(None))
            for contact_id in db.session.scalars(query).all():
                operations.end_contact(this.actor, contact_id)
        if kind in new:
            operations.add_contact(this.actor, this.person_id, new[kind])


def _lives(this: Changed) -> None:
    home = this.homes.lives_in(this.row)
    if home is not None:
        operations.move_people(this.actor, [this.person_id], NewHome(HomeRelation.lives_in, home.id), clock.today())
    else:
        operations.move_out(this.actor, [this.person_id], "", clock.today())


def _registered(this: Changed) -> None:
    tie = next((tie for tie in this.homes.ties(this.row) if tie.relation is HomeRelation.registered_at), None)
    if tie is not None:
        operations.set_home(this.actor, this.person_id, tie)
        return
    query = sa.select(PersonHome.id).where(
        PersonHome.person_id == this.person_id, PersonHome.relation == HomeRelation.registered_at, PersonHome.ended_on.is_(None)
    )
    for row_id in db.session.scalars(query).all():
        operations.end_home(this.actor, row_id, clock.today())


def _household(this: Changed) -> None:
    """Another household, or another relation in the one she is in.  A household without a number is one of her own."""
    query = sa.select(Membership).where(Membership.person_id == this.person_id, Membership.ended_on.is_(None))
    membership = db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    relation, key = relation_of(this.row), this.row.text("household")
    if "household" not in this.changed:
        target = membership.household_id if membership is not None else 0
    else:
        target = sealed.recall(HOUSEHOLD, [key]).get(key, 0) if key else 0
    if not target:
        (target,) = write_households([place_of(this.row, this.homes)], Draw())
        sealed.remember(HOUSEHOLD, {key: target} if key else {})
    if membership is not None and membership.household_id == target:
        membership.relation = relation
        audit.record(this.actor, "people.relation", "person", this.person_id, household=target)
    else:
        operations.join_household(this.actor, [this.person_id], target, relation, clock.today())


STEPS: tuple[tuple[set[str], Callable[[Changed], None]], ...] = (
    (RECORD, _record),
    (DOCUMENT, _document),
    ({"valid_to"}, _valid_to),
    ({"phone", "mail"}, _contacts),
    (LIVES, _lives),
    (REGISTERED, _registered),
    (HOUSE, _household),
    ({"lang"}, _language),
)


def settle(ids: Sequence[int]) -> None:
    """Inside `atomic()`: a household without an open membership ended on the day its last one did; one with a member has not ended."""
    living = sa.exists().where(Membership.household_id == Household.id, Membership.ended_on.is_(None))
    last = sa.select(sa.func.max(Membership.ended_on)).where(Membership.household_id == Household.id).scalar_subquery()
    chosen = sa.update(Household).where(Household.id.in_(ids)).execution_options(synchronize_session=False)
    db.session.execute(chosen.where(~living, Household.ended_on.is_(None)).values(ended_on=last))
    db.session.execute(chosen.where(living, Household.ended_on.is_not(None)).values(ended_on=None))
