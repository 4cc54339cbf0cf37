"""Law of people: whatever happens in whichever order, everybody alive is in one household, and who is verified or merged is what a plain model says.

The model is a dictionary of six facts a person; it knows neither days nor rows.  After every step the database is compared with it,
and at the end of every life the checks of `civic check` find nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from civic.core.db import db
from civic.core.errors import DomainError
from civic.people import checks, operations, queries
from civic.people.models import (
    DocumentKind,
    HomeRelation,
    Household,
    HouseholdRelation,
    Membership,
    Merge,
    MergeState,
    NameKey,
    Person,
    PersonSource,
    Verification,
)
from civic.people.operations import NewDocument, NewHome
from civic.people.records import Record
from tests.support.people import CLERK, COLLEAGUE

LONG = os.environ.get("CIVIC_TEST_LONG") == "1"
TODAY = date(2026, 11, 25)
picks = st.integers(0, 10_000)


@dataclass
class Human:
    """What the model knows.  household, place: None where she is in none; lives: the community of her home."""

    household: int | None
    place: int
    lives: int | None = None
    verified: set[int] = field(default_factory=set)
    is_dead: bool = False
    survivor: int | None = None

    @property
    def is_alive(self) -> bool:
        return not self.is_dead and self.survivor is None

    def leave(self) -> None:
        self.household = None
        self.verified = set()


def no_fault() -> None:
    assert [(v.table, v.row, v.what) for check in checks.CHECKS for v in check.run()] == []


class Lives(RuleBasedStateMachine):
    """One community life: people come, move, join, split, die, are merged, and mistakes are undone."""

    places: Any = ()
    homes: Any = ()

    def __init__(self) -> None:
        super().__init__()
        self.undo = db.session.get_bind().begin_nested()
        self.people: dict[int, Human] = {}
        self.merges: dict[int, tuple[int, int, MergeState]] = {}
        self.number = 0

    def teardown(self) -> None:
        try:
            no_fault()
        finally:
            db.session.remove()
            self.undo.rollback()

    # ---- choosing

    def some(self, pick: int, *, alive: bool = True) -> int:
        ids = [i for i, p in self.people.items() if p.is_alive] if alive else list(self.people)
        return ids[pick % len(ids)]

    def has_living(self) -> bool:
        return any(p.is_alive for p in self.people.values())

    def household_of(self, person_id: int) -> int:
        return db.session.scalars(
            sa.select(Membership.household_id).where(Membership.person_id == person_id, Membership.ended_on.is_(None))
        ).one()

    # ---- what happens

    @rule(at=st.integers(0, 1), housed=st.booleans(), into=st.none() | picks)
    def record(self, at: int, housed: bool, into: int | None) -> None:
        self.number += 1
        household = self.people[self.some(into)].household if into is not None and self.has_living() else None
        made = operations.create_person(
            CLERK,
            self.places[at],
            Record("王"),
            source=PersonSource.desk,
            documents=[NewDocument(DocumentKind.passport, f"E{self.number:07d}")],
            homes=[NewHome(HomeRelation.lives_in, self.homes[at])] if housed else [],
            household_id=household,
        )
        self.people[made.id] = Human(self.household_of(made.id), self.places[at], self.places[at] if housed else None)
        if household is not None:
            assert self.people[made.id].household == household

    @precondition(has_living)
    @rule(pick=picks, to=st.integers(0, 1))
    def move(self, pick: int, to: int) -> None:
        who = self.some(pick)
        operations.move_people(CLERK, [who], NewHome(HomeRelation.lives_in, self.homes[to]), TODAY)
        human = self.people[who]
        human.lives = human.place = self.places[to]
        human.verified &= {self.places[to]}

    @precondition(has_living)
    @rule(pick=picks)
    def move_out(self, pick: int) -> None:
        who = self.some(pick)
        operations.move_out(CLERK, [who], "遵义", TODAY)
        self.people[who].lives, self.people[who].verified = None, set()

    @precondition(has_living)
    @rule(pick=picks, other=picks)
    def join(self, pick: int, other: int) -> None:
        who, target = self.some(pick), self.people[self.some(other)].household
        is_same = self.people[who].household == target
        assert self.tried(lambda: operations.join_household(CLERK, [who], target, HouseholdRelation.other, TODAY)) == (
            "same_household" if is_same else ""
        )
        self.people[who].household = target

    @precondition(has_living)
    @rule(pick=picks)
    def split(self, pick: int) -> None:
        who = self.some(pick)
        mates = [p for p in self.people.values() if p.household == self.people[who].household]
        assert self.tried(lambda: operations.split_household(CLERK, [who], TODAY)) == ("" if len(mates) > 1 else "whole_household")
        before, self.people[who].household = self.people[who].household, self.household_of(who)
        assert (self.people[who].household != before) == (len(mates) > 1)

    @precondition(has_living)
    @rule(pick=picks)
    def verify(self, pick: int) -> None:
        who = self.some(pick)
        human = self.people[who]
        wanted = "lives_elsewhere" if human.lives is None else "already_verified" if human.lives in human.verified else ""
        document = queries.documents_of(who)[0].id
        assert self.tried(lambda: operations.verify_person(CLERK, who, document)) == wanted
        if not wanted:
            human.verified.add(human.lives)

    @precondition(has_living)
    @rule(pick=picks)
    def die(self, pick: int) -> None:
        who = self.some(pick)
        operations.record_death(CLERK, who, TODAY)
        self.people[who].leave()
        self.people[who].is_dead, self.people[who].lives = True, None

    @precondition(lambda self: self.people)
    @rule(pick=picks)
    def undo_death(self, pick: int) -> None:
        who = self.some(pick, alive=False)
        human = self.people[who]
        can = human.is_dead and human.survivor is None
        assert self.tried(lambda: operations.undo_death(CLERK, who)) == ("" if can else "not_living")
        if can:
            human.is_dead, human.household = False, self.household_of(who)

    @precondition(lambda self: len(self.people) > 1)
    @rule(one=picks, other=picks)
    def ask_merge(self, one: int, other: int) -> None:
        loser, survivor = self.some(one, alive=False), self.some(other, alive=False)
        wanted = self.why_not(loser, survivor)
        assert self.tried(lambda: operations.ask_merge(CLERK, loser, survivor, "同一人")) == wanted
        if not wanted:
            made = db.session.scalars(sa.select(Merge.id).order_by(Merge.id.desc()).limit(1)).one()
            self.merges[made] = (loser, survivor, MergeState.asked)

    def why_not(self, loser: int, survivor: int) -> str:
        if loser == survivor:
            return "same_row"
        one, other = self.people[loser], self.people[survivor]
        if one.survivor or other.survivor or one.is_dead != other.is_dead:
            return "not_living"
        waiting = [m for m in self.merges.values() if m[2] is MergeState.asked]
        if any({m[0]} & {loser, survivor} or m[1] == loser for m in waiting) or any(p.survivor == loser for p in self.people.values()):
            return "merge_open"
        return ""

    @precondition(lambda self: self.merges)
    @rule(pick=picks, approve=st.booleans())
    def decide(self, pick: int, approve: bool) -> None:
        merge = list(self.merges)[pick % len(self.merges)]
        loser, survivor, state = self.merges[merge]
        wanted = "" if state is MergeState.asked else "not_waiting"
        if not wanted and approve and self.people[loser].is_dead != self.people[survivor].is_dead:
            wanted = "not_living"
        assert self.tried(lambda: operations.decide_merge(COLLEAGUE, merge, approve)) == wanted
        if not wanted:
            self.merges[merge] = (loser, survivor, MergeState.done if approve else MergeState.refused)
            if approve:
                self.people[loser].leave()
                self.people[loser].survivor = survivor

    @precondition(lambda self: self.merges)
    @rule(pick=picks)
    def undo_merge(self, pick: int) -> None:
        merge = list(self.merges)[pick % len(self.merges)]
        loser, survivor, state = self.merges[merge]
        wanted = "" if state is MergeState.done else "not_waiting"
        assert self.tried(lambda: operations.ask_undo(CLERK, merge, "两个人")) == wanted
        if wanted:
            return
        assert self.tried(lambda: operations.undo_merge(CLERK, merge)) == "second_person"
        operations.undo_merge(COLLEAGUE, merge)
        self.merges[merge] = (loser, survivor, MergeState.undone)
        human = self.people[loser]
        human.survivor = None
        human.household = None if human.is_dead else self.household_of(loser)

    def tried(self, act: Any) -> str:
        """The code of the refusal, or ''."""
        try:
            act()
        except DomainError as refusal:
            return refusal.code
        return ""

    # ---- what must be so after every step

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        self.households_agree()
        self.rows_agree()

    def households_agree(self) -> None:
        open_ones = sa.select(Membership.person_id, Membership.household_id).where(Membership.ended_on.is_(None))
        assert dict(db.session.execute(open_ones).all()) == {i: p.household for i, p in self.people.items() if p.household}
        assert all((p.household is not None) == p.is_alive for p in self.people.values())
        living = set(db.session.scalars(sa.select(Household.id).where(Household.ended_on.is_(None))))
        assert living == {p.household for p in self.people.values() if p.household}

    def rows_agree(self) -> None:
        found: dict[int, set[int]] = {}
        query = sa.select(Verification.person_id, Verification.place_id).where(Verification.ended_at.is_(None))
        for person_id, place_id in db.session.execute(query):
            found.setdefault(person_id, set()).add(place_id)
        assert found == {i: p.verified for i, p in self.people.items() if p.verified}
        rows = db.session.execute(sa.select(Person.id, Person.merged_into_id, Person.place_id, Person.died_on)).all()
        assert {r.id: (r.merged_into_id, r.place_id, r.died_on is not None) for r in rows} == {
            i: (p.survivor, p.place, p.is_dead) for i, p in self.people.items()
        }
        assert dict(db.session.execute(sa.select(NameKey.person_id, NameKey.place_id)).all()) == {
            i: p.place for i, p in self.people.items()
        }


def test_life_events_and_merges_against_a_plain_model(site, make_community, make_home):
    communities = [make_community(), make_community()]
    Lives.places, Lives.homes = [c.id for c in communities], [make_home(c).id for c in communities]
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=400 if LONG else 50,
            stateful_step_count=60 if LONG else 25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
