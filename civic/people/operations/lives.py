"""Births, deaths and who may speak for whom, and what follows from an event: shown before it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.openwork import Happening, OpenWork, Subject, open_work
from civic.core.viewer import Actor
from civic.people import queries, records, signals
from civic.people.errors import AlreadyRepresented, BeforeBirth, NotLiving, SelfRepresentation
from civic.people.models import (
    HomeRelation,
    HouseholdRelation,
    LifeEventKind,
    MemberCard,
    Membership,
    Person,
    PersonSource,
    Representation,
    RepresentationKind,
    Verification,
    VerificationEnd,
)
from civic.people.operations.homes import end_relation
from civic.people.operations.locks import (
    end_empty_households,
    end_verifications,
    has_happened,
    lock_people,
    lock_rows,
    lock_with_households,
    open_homes,
    open_memberships,
)
from civic.people.operations.persons import create_person
from civic.people.operations.rows import new_household, note_event
from civic.people.operations.typed import NewDocument, NewHome
from civic.people.records import Record


def last_day_as_minor(birthday: date) -> date:
    """The day before the 18th birthday (Civil Code art. 17); of somebody born on 29 February the 28th."""
    year = birthday.year + 18
    leap = birthday.month == 2 and birthday.day == 29
    return date(year, 2, 28) if leap else date(year, birthday.month, birthday.day) - timedelta(days=1)


def record_birth(
    actor: Actor, mother_id: int, record: Record, evidence: str = "", documents: Sequence[NewDocument] = (), lang: str = ""
) -> Person:
    """A child in its mother's (or father's) household and home, represented by that parent.

    Raises what create_person raises.  Sends `person_created`, `household_changed`.
    """
    with atomic() as tx:
        (mother,), _households = lock_with_households([mother_id])
        membership = open_memberships([mother_id])[mother_id]
        birthday = record.birthday or clock.today()
        homes = [
            NewHome(HomeRelation.lives_in, row.home_id, "", birthday)
            for row in open_homes(mother_id)
            if row.relation is HomeRelation.lives_in and row.home_id
        ]
        child = create_person(
            actor, mother.place_id, record, source=PersonSource.desk, documents=documents, homes=homes,
            household_id=membership.household_id, relation=HouseholdRelation.child, on=max(birthday, membership.from_on), lang=lang,
        )  # fmt: skip
        note_event(
            actor, LifeEventKind.birth, child.id, birthday, other_id=mother_id, household_id=membership.household_id, evidence=evidence
        )
        db.session.add(
            Representation(
                represented_id=child.id,
                representative_id=mother_id,
                kind=RepresentationKind.parent,
                from_on=birthday,
                until_on=last_day_as_minor(birthday),
                created_by_id=actor.account_id,
            )
        )
        db.session.flush()
        tx.touch(queries.TOPIC)
        tx.result = child
    return child


def record_death(actor: Actor, person_id: int, on: date, evidence: str = "") -> Person:
    """She died: verification, card and representations end, the household ends when she was its last member.

    Raises NotLiving, DayToCome, BeforeBirth.  Sends `verification_ended`, `household_changed`, `person_died`.
    """
    has_happened(on)
    with atomic() as tx:
        (person,), households = lock_with_households([person_id])
        record = records.unseal(person.sealed)
        if record.birthday is not None and on < record.birthday:
            raise BeforeBirth(day=on)
        person.died_on = on
        person.lock_version += 1
        end_verifications(actor, person, VerificationEnd.died)
        _end_cards(person_id)
        for row in _representations(person_id):
            row.ended_on = max(on, row.from_on)
        for home in open_homes(person_id):
            end_relation(home, max(on, home.from_on))
        for membership in open_memberships([person_id]).values():
            membership.ended_on = max(on, membership.from_on)
        end_empty_households(actor, list(households.values()), on)
        note_event(actor, LifeEventKind.death, person_id, on, evidence=evidence)
        signals.person_died.send(person, actor=actor, on=on)
        tx.touch(queries.TOPIC)
        tx.result = person
    return person


def undo_death(actor: Actor, person_id: int, evidence: str = "") -> Person:
    """It was recorded by mistake: she lives, alone in a new household; card, homes and verification are recorded anew at the desk.

    What ended is not guessed back: meanwhile others may have moved in.  Sends `death_undone`.
    """
    with atomic() as tx:
        (person,) = lock_rows([person_id])
        if person.died_on is None or person.merged_into_id is not None or person.emptied_at is not None:
            raise NotLiving
        person.died_on = None
        person.lock_version += 1
        household = new_household(person.place_id)
        db.session.add(Membership(household_id=household.id, person_id=person_id, relation=HouseholdRelation.head, from_on=clock.today()))
        note_event(actor, LifeEventKind.death_undone, person_id, clock.today(), household_id=household.id, evidence=evidence)
        signals.death_undone.send(person, actor=actor)
        tx.touch(queries.TOPIC)
        tx.result = person
    return person


def add_representation(
    actor: Actor,
    represented_id: int,
    representative_id: int,
    kind: RepresentationKind,
    on: date,
    until_on: date | None = None,
    evidence: str = "",
) -> Representation:
    """`representative` may speak for `represented`.  Raises SelfRepresentation, AlreadyRepresented, NotLiving."""
    if represented_id == representative_id:
        raise SelfRepresentation
    with atomic() as tx:
        lock_people([represented_id, representative_id])
        known = sa.select(Representation.id).where(
            Representation.represented_id == represented_id,
            Representation.representative_id == representative_id,
            Representation.kind == kind,
            Representation.ended_on.is_(None),
        )
        if db.session.scalar(known) is not None:
            raise AlreadyRepresented
        sealed = crypto.encrypt(evidence, records.EVIDENCE) if evidence else ""
        row = Representation(
            represented_id=represented_id, representative_id=representative_id, kind=kind, from_on=on, until_on=until_on, evidence=sealed,
            created_by_id=actor.account_id,
        )  # fmt: skip
        db.session.add(row)
        note_event(actor, LifeEventKind.guardianship, represented_id, on, other_id=representative_id)
        db.session.flush()
        tx.result = row
    return row


def end_representation(actor: Actor, representation_id: int, on: date, evidence: str = "") -> None:
    """It no longer holds from `on`."""
    has_happened(on)
    with atomic():
        row = db.session.get_one(Representation, representation_id, with_for_update={"key_share": True}, populate_existing=True)
        if row.ended_on is None:
            if on < row.from_on:
                raise BeforeBirth(day=on)
            row.ended_on = on
            note_event(actor, LifeEventKind.guardianship_end, row.represented_id, on, other_id=row.representative_id, evidence=evidence)


def _representations(person_id: int) -> list[Representation]:
    either = sa.or_(Representation.represented_id == person_id, Representation.representative_id == person_id)
    return list(db.session.scalars(sa.select(Representation).where(either, Representation.ended_on.is_(None))))


def _end_cards(person_id: int) -> None:
    db.session.execute(
        sa.update(MemberCard).where(MemberCard.person_id == person_id, MemberCard.ended_at.is_(None)).values(ended_at=clock.now())
    )


# ---- what follows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Consequence:
    """One thing that an event does: what is there, and a whole sentence about what happens to it."""

    title: Any
    follows: Any
    count: int = 1
    href: str = ""
    objects: bool = False


ENDING = {Happening.death, Happening.move, Happening.move_out, Happening.merge, Happening.close_account}


def consequences(happening: Happening, person_ids: Sequence[int], other_id: int | None = None) -> list[Consequence]:
    """Everything that follows for these people, ours first, then what the modules answer.  Reads only."""
    found = [c for person_id in person_ids for c in _own(happening, person_id)]
    if ending := len(_emptied_households(happening, person_ids)):
        follows = _("Nobody is left in it, so the household ends.")
        found.append(Consequence(pgettext("consequence", "Household"), follows, ending))
    subjects = [Subject("person", person_id, happening, other_id) for person_id in person_ids]
    subjects += [Subject("household", household_id, happening, other_id) for household_id in _emptied_households(happening, person_ids)]
    answers = [work for subject in subjects for work in open_work(subject)]
    return [*found, *(_of(work) for work in answers)]


def _of(work: OpenWork) -> Consequence:
    return Consequence(work.title, work.follows, work.count, work.href, work.objects)


def _count(table: Any, *where: Any) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0


def _own(happening: Happening, person_id: int) -> list[Consequence]:
    found: list[Consequence] = []
    if happening in ENDING and (number := _count(Verification, Verification.person_id == person_id, Verification.ended_at.is_(None))):
        title = ngettext("Verified in %(num)s community", "Verified in %(num)s communities", number)
        follows = _("Stays where she still lives; elsewhere it ends at once.") if happening is Happening.move else _("It ends at once.")
        found.append(Consequence(title, follows))
    if happening in {Happening.death, Happening.merge} and _count(
        MemberCard, MemberCard.person_id == person_id, MemberCard.ended_at.is_(None)
    ):
        found.append(Consequence(pgettext("consequence", "Member card"), _("It no longer works from this moment.")))
    if happening is Happening.death:
        if number := len(_representations(person_id)):
            found.append(
                Consequence(
                    ngettext("Speaks or is spoken for in %(num)s relation", "Speaks or is spoken for in %(num)s relations", number),
                    _("They end on the day of death."),
                )
            )
        found.append(Consequence(pgettext("consequence", "Messages"), _("No further message is sent to her.")))
    return found


LEAVING = {Happening.death, Happening.joined, Happening.merge, Happening.close_account}


def _emptied_households(happening: Happening, person_ids: Sequence[int]) -> list[int]:
    """Households that end because all of their members are among these people."""
    if happening not in LEAVING:
        return []
    leaving = Counter(m.household_id for m in open_memberships(person_ids).values())
    return [
        household_id
        for household_id, number in sorted(leaving.items())
        if _count(Membership, Membership.household_id == household_id, Membership.ended_on.is_(None)) == number
    ]


def represented_by(person_id: int, on: date) -> list[int]:
    """The people for whom somebody may speak on a day."""
    query = sa.select(Representation.represented_id).where(
        Representation.representative_id == person_id,
        Representation.from_on <= on,
        sa.or_(Representation.ended_on.is_(None), Representation.ended_on > on),
        sa.or_(Representation.until_on.is_(None), Representation.until_on >= on),
    )
    return list(db.session.scalars(query))
