"""What `civic check` recomputes about people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from civic.core.db import db
from civic.core.registry import Check, Violation
from civic.people import records
from civic.people.models import (
    HomeRelation,
    Household,
    MemberCard,
    Membership,
    NameKey,
    Person,
    PersonHome,
    Representation,
    Verification,
)

ALIVE = sa.and_(Person.died_on.is_(None), Person.merged_into_id.is_(None), Person.emptied_at.is_(None))
SLICE = 2000  # persons whose names are opened at a time


def _rows(query: Any) -> Any:
    return db.session.execute(query)


def _households() -> Iterator[Violation]:
    """Each living person in exactly one, nobody else in any; a household is open as long as somebody is in it."""
    member = sa.select(Membership.person_id).where(Membership.ended_on.is_(None))
    for (id_,) in _rows(sa.select(Person.id).where(ALIVE, Person.id.not_in(member)).order_by(Person.id)):
        yield Violation("person", id_, "lives and is in no household")
    for (id_,) in _rows(sa.select(Person.id).where(sa.not_(ALIVE), Person.id.in_(member)).order_by(Person.id)):
        yield Violation("person", id_, "is dead, merged or emptied and still in a household")
    doubled = member.group_by(Membership.person_id).having(sa.func.count() > 1)
    for (id_,) in _rows(doubled):
        yield Violation("person", id_, "is in more than one household")
    filled = sa.select(Membership.household_id).where(Membership.ended_on.is_(None))
    for (id_,) in _rows(sa.select(Household.id).where(Household.ended_on.is_(None), Household.id.not_in(filled))):
        yield Violation("household", id_, "has no member and has not ended")
    for (id_,) in _rows(sa.select(Household.id).where(Household.ended_on.is_not(None), Household.id.in_(filled))):
        yield Violation("household", id_, "has ended and still has members")


def _merges() -> Iterator[Violation]:
    survivor = aliased(Person)
    query = sa.select(Person.id).join(survivor, survivor.id == Person.merged_into_id).where(survivor.merged_into_id.is_not(None))
    for (id_,) in _rows(query.order_by(Person.id)):
        yield Violation("person", id_, "is merged into a row that is itself merged")


def _name_keys() -> Iterator[Violation]:
    """As many keys as the name has prefixes, all of them beside the place of record."""
    wrong = sa.select(NameKey.person_id).join(Person, Person.id == NameKey.person_id).where(NameKey.place_id != Person.place_id).distinct()
    for (id_,) in _rows(wrong):
        yield Violation("person", id_, "has name keys in another community than its own")
    after = 0
    while True:
        number = sa.func.count(NameKey.hash)
        query = sa.select(Person.id, Person.sealed, number).outerjoin(NameKey, NameKey.person_id == Person.id)
        rows = _rows(query.where(Person.id > after).group_by(Person.id, Person.sealed).order_by(Person.id).limit(SLICE)).all()
        if not rows:
            return
        for id_, sealed, found in rows:
            record = records.unseal(sealed)
            wanted = len(records.prefixes(record.name, record.second_name))
            if found != wanted:
                yield Violation("person", id_, f"has {found} name keys, its name has {wanted} prefixes")
        after = rows[-1].id


def _verifications() -> Iterator[Violation]:
    query = sa.select(Verification.id).join(Person, Person.id == Verification.person_id)
    for (id_,) in _rows(query.where(sa.not_(ALIVE), Verification.ended_at.is_(None)).order_by(Verification.id)):
        yield Violation("person_verification", id_, "is open, but its person is dead, merged or emptied")


def _homes() -> Iterator[Violation]:
    living = sa.select(PersonHome.person_id).where(PersonHome.relation == HomeRelation.lives_in, PersonHome.ended_on.is_(None))
    for (id_,) in _rows(living.group_by(PersonHome.person_id).having(sa.func.count() > 1)):
        yield Violation("person", id_, "lives in more than one home")
    dead = sa.select(PersonHome.id).join(Person, Person.id == PersonHome.person_id)
    for (id_,) in _rows(dead.where(Person.died_on.is_not(None), PersonHome.ended_on.is_(None))):
        yield Violation("person_home", id_, "is open, but its person died")


def _cards() -> Iterator[Violation]:
    query = sa.select(MemberCard.id).join(Person, Person.id == MemberCard.person_id)
    for (id_,) in _rows(query.where(sa.not_(ALIVE), MemberCard.ended_at.is_(None)).order_by(MemberCard.id)):
        yield Violation("member_card", id_, "is valid, but its person is dead, merged or emptied")


def _representations() -> Iterator[Violation]:
    for side in (Representation.represented_id, Representation.representative_id):
        query = sa.select(Representation.id).join(Person, Person.id == side).where(Representation.ended_on.is_(None))
        for (id_,) in _rows(query.where(sa.or_(Person.died_on.is_not(None), Person.emptied_at.is_not(None)))):
            yield Violation("representation", id_, "is open, but one of the two died or was emptied")


def _emptied() -> Iterator[Violation]:
    for (id_,) in _rows(sa.select(Person.id).where(Person.emptied_at.is_not(None), Person.sealed != "")):
        yield Violation("person", id_, "was emptied and still has a name")


CHECKS = (
    Check("people: one household each", _households),
    Check("people: merges are not chained", _merges),
    Check("people: keys of names", _name_keys),
    Check("people: verified and living", _verifications),
    Check("people: one home to live in", _homes),
    Check("people: cards of the living", _cards),
    Check("people: representatives live", _representations),
    Check("people: emptied rows are empty", _emptied),
)
