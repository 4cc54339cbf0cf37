"""After an account is closed: use restricted to what still needs the person, then the row emptied."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext

from civic.core import clock, crypto, notes
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.openwork import Happening, OpenWork, Subject, open_work
from civic.core.viewer import Actor, Channel
from civic.people import queries, records, signals
from civic.people.errors import AccountStillOpen, StillNeeded
from civic.people.models import (
    CareStatus,
    Contact,
    Correction,
    CorrectionState,
    Document,
    LifeEvent,
    LifeEventKind,
    Look,
    MemberCard,
    Merge,
    MergeState,
    NameKey,
    Person,
    PersonHome,
    Representation,
    Verification,
    VerificationEnd,
)
from civic.people.operations.care import care_value
from civic.people.operations.locks import end_empty_households, end_verifications, lock_households, lock_rows, open_memberships
from civic.people.operations.rows import note_event

KEPT_AFTER = timedelta(days=30)  # time to think again, and for messages under way
KEPT_AFTER_DEATH = 3  # years: heirs may still have claims (Civil Code art. 188)


def restrict_person(actor: Actor, person_id: int) -> Person:
    """Her account was closed: no messages, no new acts; what is open goes on.  Sends `verification_ended`, `person_restricted`."""
    with atomic() as tx:
        (person,) = lock_rows([person_id])
        if person.restricted_at is None:
            person.restricted_at = clock.now()
            end_verifications(actor, person, VerificationEnd.withdrawn)
            note_event(actor, LifeEventKind.restricted, person_id, clock.today())
            signals.person_restricted.send(person, actor=actor)
        tx.touch(queries.TOPIC)
        tx.result = person
    return person


def what_keeps(person_id: int) -> list[OpenWork]:
    """Everything for which the row is still needed, ours first: shown on her page while its use is restricted."""
    merges = sa.select(sa.func.count()).where(
        sa.or_(Merge.loser_id == person_id, Merge.survivor_id == person_id),
        Merge.state.in_([MergeState.asked, MergeState.review, MergeState.undo_asked]),
    )
    corrections = sa.select(sa.func.count()).where(Correction.person_id == person_id, Correction.state == CorrectionState.asked)
    found = []
    if number := db.session.scalar(merges):
        found.append(
            OpenWork(
                ngettext("%(num)s merge waits for a decision", "%(num)s merges wait for a decision", number),
                _("It has to be decided first."),
                number,
            )
        )
    if number := db.session.scalar(corrections):
        title = ngettext("%(num)s correction waits for an answer", "%(num)s corrections wait for an answer", number)
        found.append(OpenWork(title, _("It has to be answered first."), number))
    return [*found, *open_work(Subject("person", person_id, Happening.close_account))]


def empty_person(actor: Actor, person_id: int) -> Person:
    """Name, contacts, documents, homes, care, reasons and keys are gone; the row stays for what points at it.

    Raises AccountStillOpen (neither closed nor dead nor merged), StillNeeded with what keeps it.  Sends `household_changed`,
    `person_emptied`.
    """
    with atomic() as tx:
        households = lock_households(m.household_id for m in open_memberships([person_id]).values())
        (person,) = lock_rows([person_id])
        if person.is_alive and person.restricted_at is None:
            raise AccountStillOpen
        needed = what_keeps(person_id)
        if needed:
            raise StillNeeded(count=len(needed))
        if person.emptied_at is None:
            end_verifications(actor, person, VerificationEnd.withdrawn)
            for membership in open_memberships([person_id]).values():
                membership.ended_on = max(clock.today(), membership.from_on)
            _forget(person)
            end_empty_households(actor, list(households.values()), clock.today())
            note_event(actor, LifeEventKind.emptied, person_id, clock.today())
            signals.person_emptied.send(person, actor=actor)
        tx.touch(queries.TOPIC)
        tx.result = person
    return person


def _forget(person: Person) -> None:
    mine = person.id
    run = db.session.execute
    run(sa.update(Verification).where(Verification.person_id == mine).values(document_id=None, home_id=None))
    for table in (Contact, Document, NameKey, PersonHome):
        run(sa.delete(table).where(table.person_id == mine))
    run(sa.delete(CareStatus).where(CareStatus.subject_hash.in_(crypto.keyed_hashes(care_value(mine), records.CARE))))
    run(sa.update(MemberCard).where(MemberCard.person_id == mine, MemberCard.ended_at.is_(None)).values(ended_at=clock.now()))
    run(sa.update(MemberCard).where(MemberCard.person_id == mine).values(sealed="", code_hash=""))
    run(sa.update(Correction).where(Correction.person_id == mine).values(wish="", answer=""))
    either = sa.or_(Representation.represented_id == mine, Representation.representative_id == mine)
    run(sa.update(Representation).where(either, Representation.ended_on.is_(None)).values(ended_on=_last_day()))
    run(sa.update(Representation).where(either).values(evidence=""))
    run(sa.update(Merge).where(sa.or_(Merge.loser_id == mine, Merge.survivor_id == mine)).values(reason=""))
    for line in (LifeEvent, Look):
        notes.forget(db.session.scalars(sa.select(line.note_id).where(line.person_id == mine)))
    person.sealed, person.birth_year, person.emptied_at = "", None, clock.now()
    person.lock_version += 1


def _last_day() -> sa.ColumnElement[date]:
    """Today, or the day it begins where that is still to come."""
    return sa.case((Representation.from_on > clock.today(), Representation.from_on), else_=clock.today())


def empty_restricted() -> int:
    """The job: rows restricted for thirty days, or dead for three years, that nothing needs any more; how many were emptied."""
    today = clock.today()
    long_dead = Person.died_on < date(today.year - KEPT_AFTER_DEATH, today.month, min(today.day, 28))
    due = sa.or_(Person.restricted_at < clock.now() - KEPT_AFTER, long_dead)
    actor = Actor(None, job="empty-people", channel=Channel.job)
    emptied = 0
    for person_id in list(db.session.scalars(sa.select(Person.id).where(due, Person.emptied_at.is_(None)).order_by(Person.id))):
        try:
            empty_person(actor, person_id)
        except StillNeeded:
            continue
        emptied += 1
    return emptied
