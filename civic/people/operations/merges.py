"""Two rows for one human: merging and undoing each take two people; what a module cannot answer for goes to review.

Rows are never re-pointed: the loser names its survivor, and undoing empties that name again.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale

from civic.core import audit, clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.openwork import Happening
from civic.core.viewer import Actor
from civic.people import queries, records, signals
from civic.people.errors import MergeOpen, NeedsReview, NotLiving, NotWaiting, SameRow, SecondPerson
from civic.people.models import (
    HouseholdRelation,
    LifeEventKind,
    MemberCard,
    Membership,
    Merge,
    MergeState,
    Person,
    VerificationEnd,
)
from civic.people.operations.lives import consequences
from civic.people.operations.locks import (
    end_empty_households,
    end_verifications,
    lock_households,
    lock_rows,
    open_memberships,
)
from civic.people.operations.rows import new_household, note_event

OPEN = (MergeState.asked, MergeState.review, MergeState.done, MergeState.undo_asked)


def objections_to(loser_id: int, survivor_id: int) -> list[dict[str, str]]:
    """What modules cannot answer for, in both languages: the deciders may read another one than the asker."""
    found: dict[str, list[str]] = {}
    for lang in ("zh", "en"):
        with force_locale(lang):
            said = [c for c in consequences(Happening.merge, [loser_id], survivor_id) if c.objects]
            found[lang] = [str(c.follows or c.title) for c in said]
    return [{"zh": zh, "en": en} for zh, en in zip(found["zh"], found["en"], strict=True)]


def ask_merge(actor: Actor, loser_id: int, survivor_id: int, reason: str, *, asked_person_id: int | None = None) -> Merge:
    """Say that two rows are one human; a second person decides.  A module that objects sends it to review by the territory above.

    asked_person_id: whose account asks; kept with the reason, so that her second login cannot decide.
    Raises SameRow, MergeOpen (a row waits in another merge, was merged, or others were merged into the loser), NotLiving.
    """
    if loser_id == survivor_id:
        raise SameRow
    if actor.account_id is None:
        raise ValueError("a person asks for a merge")
    with atomic() as tx:
        _lock_mergeable(loser_id, survivor_id)
        _refuse_busy(loser_id, survivor_id)
        objections = objections_to(loser_id, survivor_id)
        merge = Merge(
            loser_id=loser_id,
            survivor_id=survivor_id,
            state=MergeState.review if objections else MergeState.asked,
            reason=_seal_reason({"words": [reason], "asked_person": asked_person_id}),
            objections=json.dumps(objections, ensure_ascii=False),
            asked_by_id=actor.account_id,
        )
        db.session.add(merge)
        db.session.flush()
        audit.record(actor, "people.merge.ask", "person_merge", merge.id, loser=loser_id, survivor=survivor_id)
        tx.touch(queries.TOPIC)
        tx.result = merge
    return merge


def _lock_mergeable(loser_id: int, survivor_id: int) -> dict[int, Person]:
    """Both alive, or both recorded as dead: a death is recorded first, or it would be lost with the loser.  Raises NotLiving."""
    found = {p.id: p for p in lock_rows([loser_id, survivor_id])}
    if any(p.merged_into_id is not None or p.emptied_at is not None for p in found.values()):
        raise NotLiving
    if (found[loser_id].died_on is None) != (found[survivor_id].died_on is None):
        raise NotLiving
    return found


def _refuse_busy(loser_id: int, survivor_id: int) -> None:
    both = [loser_id, survivor_id]
    other_way = sa.and_(Merge.survivor_id == loser_id, Merge.state != MergeState.done)
    busy = sa.select(Merge.id).where(sa.or_(Merge.loser_id.in_(both), other_way), Merge.state.in_(OPEN))
    followers = sa.select(Person.id).where(Person.merged_into_id == loser_id)
    if db.session.scalar(busy.limit(1)) is not None or db.session.scalar(followers.limit(1)) is not None:
        raise MergeOpen


def _seal_reason(told: dict[str, Any]) -> str:
    return crypto.encrypt(json.dumps(told, ensure_ascii=False), records.EVIDENCE)


def _waiting(merge_id: int, *states: MergeState) -> Merge:
    merge = db.session.get_one(Merge, merge_id, with_for_update={"key_share": True}, populate_existing=True)
    if merge.state not in states:
        raise NotWaiting
    return merge


def _refuse_first(actor: Actor, merge: Merge, first_account: int | None, first_person: int | None, decider_person_id: int | None) -> None:
    """Raises SecondPerson for the asker, her other login, and the very person whose rows these are."""
    if actor.account_id is None or actor.account_id == first_account:
        raise SecondPerson
    if decider_person_id is not None and decider_person_id in {first_person, merge.loser_id, merge.survivor_id}:
        raise SecondPerson


def decide_merge(actor: Actor, merge_id: int, approve: bool, *, decider_person_id: int | None = None, from_above: bool = False) -> Merge:
    """A second person approves or refuses.  Look at the state of what comes back: a module may have come to object since.

    decider_person_id: whose account decides.  from_above: her right reaches above the community (policies.is_above); needed to
    approve in review.  Raises SecondPerson, NeedsReview, NotWaiting, NotLiving.  Sends `verification_ended`, `household_changed`,
    `persons_merged`.
    """
    with atomic() as tx:
        tx.result = merge = _decide(actor, merge_id, approve, decider_person_id, from_above)
        tx.touch(queries.TOPIC)
    return merge


def _decide(actor: Actor, merge_id: int, approve: bool, decider_person_id: int | None, from_above: bool) -> Merge:
    found = db.session.get_one(Merge, merge_id)
    households = lock_households(m.household_id for m in open_memberships([found.loser_id]).values())
    people = {p.id: p for p in lock_rows([found.loser_id, found.survivor_id])}
    merge = _waiting(merge_id, MergeState.asked, MergeState.review)
    _refuse_first(actor, merge, merge.asked_by_id, queries.told_of(merge).asked_person, decider_person_id)
    if approve and merge.state is MergeState.asked and (objections := objections_to(merge.loser_id, merge.survivor_id)):
        merge.state, merge.objections = MergeState.review, json.dumps(objections, ensure_ascii=False)
        if not from_above:
            merge.lock_version += 1
            audit.record(actor, "people.merge.review", "person_merge", merge.id)
            return merge
    if approve and merge.state is MergeState.review and not from_above:
        raise NeedsReview
    merge.decided_by_id, merge.decided_at = actor.account_id, clock.now()
    merge.lock_version += 1
    merge.state = MergeState.done if approve else MergeState.refused
    if approve:
        _lock_mergeable(merge.loser_id, merge.survivor_id)  # raises NotLiving when one of them closed meanwhile
        _fold(actor, people[merge.loser_id], merge)
        end_empty_households(actor, list(households.values()), clock.today())
        signals.persons_merged.send(merge, actor=actor)
    audit.record(actor, "people.merge.decide", "person_merge", merge.id, approved=int(approve))
    return merge


def _fold(actor: Actor, loser: Person, merge: Merge) -> None:
    """The loser names its survivor; what must not count twice ends: verification, card, place in a household."""
    loser.merged_into_id = merge.survivor_id
    loser.lock_version += 1
    end_verifications(actor, loser, VerificationEnd.merged)
    open_card = sa.update(MemberCard).where(MemberCard.person_id == loser.id, MemberCard.ended_at.is_(None))
    db.session.execute(open_card.values(ended_at=clock.now()))
    for membership in open_memberships([loser.id]).values():
        membership.ended_on = max(clock.today(), membership.from_on)
    note_event(actor, LifeEventKind.merged, loser.id, clock.today(), other_id=merge.survivor_id)


def ask_undo(actor: Actor, merge_id: int, reason: str, *, asked_person_id: int | None = None) -> Merge:
    """Say that a merge was wrong; a second person undoes it.  Raises NotWaiting."""
    with atomic() as tx:
        merge = _waiting(merge_id, MergeState.done)
        merge.state, merge.undo_asked_by_id, merge.undo_asked_at = MergeState.undo_asked, actor.account_id, clock.now()
        told = queries.told_of(merge)
        words = [*told.words, reason]
        merge.reason = _seal_reason({"words": words, "asked_person": told.asked_person, "undo_person": asked_person_id})
        merge.lock_version += 1
        audit.record(actor, "people.merge.ask_undo", "person_merge", merge.id)
        tx.result = merge
    return merge


def undo_merge(actor: Actor, merge_id: int, *, decider_person_id: int | None = None) -> Merge:
    """The two rows count as two again; the one set free begins alone in a household of her own.

    Verification and card are given anew at the desk: nobody can say for whom of the two they were.
    Raises SecondPerson, NotWaiting.  Sends `household_changed`, `merge_undone`.
    """
    with atomic() as tx:
        found = db.session.get_one(Merge, merge_id)
        people = {p.id: p for p in lock_rows([found.loser_id, found.survivor_id])}
        merge = _waiting(merge_id, MergeState.undo_asked)
        _refuse_first(actor, merge, merge.undo_asked_by_id, queries.told_of(merge).undo_person, decider_person_id)
        loser = people[merge.loser_id]
        loser.merged_into_id = None
        loser.lock_version += 1
        if loser.is_alive:
            household = new_household(loser.place_id)
            row = Membership(household_id=household.id, person_id=loser.id, relation=HouseholdRelation.head, from_on=clock.today())
            db.session.add(row)
            db.session.flush()
            signals.household_changed.send(household, actor=actor, on=clock.today())
        merge.state, merge.undone_by_id, merge.undone_at = MergeState.undone, actor.account_id, clock.now()
        merge.lock_version += 1
        note_event(actor, LifeEventKind.unmerged, loser.id, clock.today(), other_id=merge.survivor_id)
        signals.merge_undone.send(merge, actor=actor)
        tx.touch(queries.TOPIC)
        tx.result = merge
    return merge
