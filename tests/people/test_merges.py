"""Two rows for one human: two people merge, two people undo, a module that objects sends it above; nothing is re-pointed."""

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor, Role, Scope, Viewer
from civic.people import checks, mydata, operations, policies, queries
from civic.people.errors import MergeOpen, NeedsReview, NotLiving, NotWaiting, SamePerson, SameRow, SecondPerson
from civic.people.models import Merge, MergeState, Person, Verification, VerificationEnd
from tests.support.people import CLERK, COLLEAGUE, phone, resident_card

pytestmark = pytest.mark.usefixtures("site")


def violations() -> list[tuple[str, str]]:
    return [(v.table, v.what) for check in checks.CHECKS for v in check.run()]


@pytest.fixture
def two(make_person, make_home, place):
    """(the row with card and verification, the row of last week)."""
    loser = make_person(home=make_home(place), documents=[resident_card(checked=True)], contacts=[phone(confirmed=True)])
    operations.verify_person(CLERK, loser.id, queries.documents_of(loser.id)[0].id)
    operations.issue_card(CLERK, loser.id)
    return loser, make_person("王方")


def merged(loser, survivor) -> Merge:
    merge = operations.ask_merge(CLERK, loser.id, survivor.id, "同一身份证")
    return operations.decide_merge(COLLEAGUE, merge.id, True)


def test_a_merge_names_the_survivor_and_ends_what_must_not_count_twice(two):
    loser, survivor = two
    merge = merged(loser, survivor)
    assert merge.state is MergeState.done
    assert queries.survivor_of(loser.id) == queries.survivor_of(survivor.id) == survivor.id
    assert queries.all_rows_of(survivor.id) == sorted([loser.id, survivor.id])
    assert db.session.scalars(sa.select(Verification.end)).one() is VerificationEnd.merged
    assert queries.open_card(loser.id) is None
    assert queries.household_of(loser.id) is None
    assert queries.told_of(merge).words == ("同一身份证",)
    assert violations() == []


def test_her_document_then_opens_the_survivor_and_messages_reach_her_by_either_row(two, make_person):
    loser, survivor = two
    merged(loser, survivor)
    with pytest.raises(SamePerson) as refusal:
        make_person("王芳", documents=[resident_card()])
    assert refusal.value.context["person"] == survivor.uid
    reached = mydata.contacts([loser.id, survivor.id])
    assert {(r.phone, r.name) for r in reached.values()} == {("+8613800138000", "王方")}


def test_the_one_who_asked_does_not_decide_nor_does_her_other_login(two):
    loser, survivor = two
    merge = operations.ask_merge(CLERK, loser.id, survivor.id, "同一人", asked_person_id=77)
    for decider, person in ((CLERK, None), (COLLEAGUE, 77), (COLLEAGUE, loser.id), (COLLEAGUE, survivor.id)):
        with pytest.raises(SecondPerson):
            operations.decide_merge(decider, merge.id, True, decider_person_id=person)
    assert queries.survivor_of(loser.id) == loser.id
    operations.decide_merge(COLLEAGUE, merge.id, True, decider_person_id=78)
    assert queries.survivor_of(loser.id) == survivor.id


def test_a_refused_merge_changes_nothing_and_may_be_asked_again(two):
    loser, survivor = two
    merge = operations.ask_merge(CLERK, loser.id, survivor.id, "同名")
    assert operations.decide_merge(COLLEAGUE, merge.id, False).state is MergeState.refused
    assert queries.household_of(loser.id) is not None
    with pytest.raises(NotWaiting):
        operations.decide_merge(COLLEAGUE, merge.id, True)
    assert operations.ask_merge(CLERK, survivor.id, loser.id, "反了").state is MergeState.asked


def test_a_merge_to_which_a_module_objects_goes_to_review_by_the_territory_above(two, answering):
    asked = answering(objects=True, sentence="The hours overlap.")
    loser, survivor = two
    merge = operations.ask_merge(CLERK, loser.id, survivor.id, "同一人")
    assert merge.state is MergeState.review
    assert {said.zh for said in queries.objections_of(merge)} == {"The hours overlap."}
    assert (asked[0].id, asked[0].other_id) == (loser.id, survivor.id)
    with pytest.raises(NeedsReview):
        operations.decide_merge(COLLEAGUE, merge.id, True)
    assert db.session.get(Merge, merge.id).state is MergeState.review
    assert operations.decide_merge(COLLEAGUE, merge.id, True, from_above=True).state is MergeState.done


def test_an_objection_that_came_since_it_was_asked_counts_too(two, answering):
    loser, survivor = two
    merge = operations.ask_merge(CLERK, loser.id, survivor.id, "同一人")
    answering(objects=True)
    assert operations.decide_merge(COLLEAGUE, merge.id, True).state is MergeState.review
    assert queries.survivor_of(loser.id) == loser.id
    assert operations.decide_merge(COLLEAGUE, merge.id, False).state is MergeState.refused  # to refuse needs nobody above


def test_work_without_objection_holds_nothing_up(two, answering):
    answering(objects=False)
    assert operations.ask_merge(CLERK, two[0].id, two[1].id, "同一人").state is MergeState.asked


def test_undoing_takes_two_people_and_sets_the_row_free(two):
    loser, survivor = two
    merge = merged(loser, survivor)
    operations.ask_undo(COLLEAGUE, merge.id, "是两姐妹", asked_person_id=78)
    for decider, person in ((COLLEAGUE, None), (CLERK, 78)):
        with pytest.raises(SecondPerson):
            operations.undo_merge(decider, merge.id, decider_person_id=person)
    operations.undo_merge(CLERK, merge.id)
    assert queries.survivor_of(loser.id) == loser.id
    assert queries.household_of(loser.id).id != queries.household_of(survivor.id).id
    assert queries.told_of(db.session.get(Merge, merge.id)).words == ("同一身份证", "是两姐妹")
    assert violations() == []
    with pytest.raises(NotWaiting):
        operations.undo_merge(CLERK, merge.id)


def test_merges_are_never_chained_nor_crossed(two, make_person):
    loser, survivor = two
    third = make_person("王 芳芳")
    with pytest.raises(SameRow):
        operations.ask_merge(CLERK, loser.id, loser.id, "")
    operations.ask_merge(CLERK, loser.id, survivor.id, "同一人")
    for pair in ((survivor, loser), (loser, third), (survivor, third), (third, loser)):
        with pytest.raises(MergeOpen):
            operations.ask_merge(CLERK, pair[0].id, pair[1].id, "")
    operations.decide_merge(COLLEAGUE, db.session.scalars(sa.select(Merge.id)).one(), True)
    with pytest.raises(MergeOpen):  # it carries another row: merge the third into it instead
        operations.ask_merge(CLERK, survivor.id, third.id, "")
    assert merged(third, survivor).state is MergeState.done
    assert violations() == []


def test_a_living_row_is_not_merged_with_one_of_the_dead(two):
    loser, survivor = two
    merge = operations.ask_merge(CLERK, loser.id, survivor.id, "同一人")
    operations.record_death(CLERK, loser.id, clock.today())
    with pytest.raises(NotLiving):
        operations.decide_merge(COLLEAGUE, merge.id, True)
    operations.record_death(CLERK, survivor.id, clock.today())
    assert operations.decide_merge(COLLEAGUE, merge.id, True).state is MergeState.done
    assert violations() == []


def test_waiting_merges_are_seen_where_the_row_is_kept(two, place, make_community):
    operations.ask_merge(CLERK, two[0].id, two[1].id, "同一人")
    here = Viewer(1, scopes=(Scope(Role.clerk, place.path),))
    there = Viewer(1, scopes=(Scope(Role.clerk, make_community().path),))
    above = Viewer(1, scopes=(Scope(Role.district, "/" + place.path.split("/")[1] + "/"),))
    assert [len(queries.waiting_merges(v)) for v in (here, there, above)] == [1, 0, 1]
    assert [policies.is_above(v, place.path) for v in (here, there, above)] == [False, False, True]


def test_a_job_cannot_ask(two):
    with pytest.raises(ValueError, match="a person asks"):
        operations.ask_merge(Actor(None, job="x"), two[0].id, two[1].id, "")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Person).where(Person.merged_into_id.is_not(None))) == 0
