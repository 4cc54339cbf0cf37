"""What follows for points is said before an event happens, as whole sentences with their numbers; and what speaks against a merge."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask_babel import force_locale

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.openwork import Happening, OpenWork, Subject, open_work
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people import queries
from civic.people.models import HouseholdRelation, MergeState
from civic.points import operations
from civic.points.operations.proposals import propose_grant
from tests.support.people import CLERK, COLLEAGUE

DESK = Actor(7)
TODAY = date(2026, 11, 25)


def soon(days: int = 14):
    return clock.now() + timedelta(days=days)


def said(person, happening=Happening.listing, other=None, kind="person") -> dict[str, str]:
    """title → what follows, of points alone, in English."""
    with force_locale("en"):
        return {str(w.title): str(w.follows) for w in works(person, happening, other, kind)}


def works(person, happening, other=None, kind="person") -> list[OpenWork]:
    return [w for w in open_work(Subject(kind, person.id, happening, other.id if other else None)) if not isinstance(w.title, tuple)]


def together(*members) -> None:
    people.join_household(CLERK, [m.id for m in members[1:]], queries.household_of(members[0].id).id, HouseholdRelation.other, TODAY)


def test_without_points_nothing_is_said(make_person, make_wallet):
    wang = make_person()
    make_wallet(person=wang)
    assert [said(wang, happening) for happening in Happening if happening is not Happening.unmerge] == [{}] * (len(Happening) - 1)


def test_a_death_says_where_the_points_go_and_that_holds_end(make_person, make_wallet):
    wang, li = make_person(), make_person("李强")
    operations.hold(DESK, make_wallet(6_50, wang), 2_00, source="order:1", until=soon())
    assert said(wang, Happening.death) == {
        "Points in the wallet: 6.5": "Nobody else lives in the household, so they go to the care pool.",
        "1 hold on points": "They end at once and the points come back; what they were held for ends too.",
    }
    together(li, wang)
    assert said(wang, Happening.death)["Points in the wallet: 6.5"] == "They go to the wallet of the household, year by year."


def test_a_frozen_wallet_says_that_it_waits(make_person, make_wallet):
    wang = make_person()
    operations.freeze(DESK, make_wallet(5_00, wang), "suspicion")
    assert "frozen" in said(wang, Happening.death)["Points in the wallet: 5"]


def test_holds_keep_the_data_of_a_closed_account_and_points_alone_do_not(make_person, make_wallet):
    wang = make_person()
    held = operations.hold(DESK, make_wallet(5_00, wang), 2_00, source="order:1", until=soon())
    assert "30 days" in said(wang, Happening.close_account)["Points in the wallet: 5"]
    people.restrict_person(CLERK, wang.id)
    assert list(said(wang, Happening.close_account)) == ["1 hold on points"]
    assert [str(work.title) for work in people.what_keeps(wang.id)] != []
    operations.void(DESK, held.id)
    assert people.what_keeps(wang.id) == []


def test_who_moves_out_is_promised_what_she_can_do_from_elsewhere(make_person, make_wallet):
    wang = make_person()
    make_wallet(5_00, wang)
    assert said(wang, Happening.move_out) == {"Points in the wallet: 5": "They stay in the wallet and can be donated from elsewhere too."}


def test_a_proposal_that_waits_is_open_work(make_person, make_wallet):
    wang = make_person()
    propose_grant(DESK, make_wallet(person=wang), 5_00, "住院")
    assert said(wang) == {"1 proposal about the wallet waits for a decision": "A second person decides."}
    assert said(wang, Happening.close_account) != {}


def test_two_ordinary_rows_may_be_merged(make_person, make_wallet):
    loser, survivor = make_person(), make_person("王方")
    make_wallet(5_00, loser)
    make_wallet(2_00, survivor)
    assert [w.objects for w in works(loser, Happening.merge, survivor)] == [False]
    assert people.ask_merge(CLERK, loser.id, survivor.id, "同一人").state is MergeState.asked


@pytest.mark.parametrize("frozen", [0, 1])
def test_a_frozen_wallet_speaks_against_a_merge(make_person, make_wallet, frozen):
    pair = make_person(), make_person("王方")
    wallets = [make_wallet(5_00, person) for person in pair]
    operations.freeze(DESK, wallets[frozen], "suspicion")
    with force_locale("en"):
        assert "A frozen wallet" in [str(w.title) for w in works(pair[0], Happening.merge, pair[1]) if w.objects]
    assert people.ask_merge(CLERK, pair[0].id, pair[1].id, "同一人").state is MergeState.review


def test_who_paid_herself_as_two_rows_goes_to_review(make_person, make_wallet):
    loser, survivor = make_person(), make_person("王方")
    held = operations.hold(DESK, make_wallet(5_00, loser), 2_00, source="exchange:7", until=soon())
    assert not any(w.objects for w in works(loser, Happening.merge, survivor))
    operations.settle(DESK, held.id)
    operations.earn(DESK, "exchange:7", 1, survivor.id, 120, TODAY, "company", "exchange")
    assert (
        "For 1 service both rows stand in the book: one human would have served, or paid, herself."
        in said(loser, Happening.merge, survivor).values()
    )
    assert people.ask_merge(CLERK, loser.id, survivor.id, "同一人").state is MergeState.review


def test_a_closed_wallet_of_the_row_that_stays_speaks_against_it(make_person, make_wallet):
    loser, survivor = make_person(), make_person("王方")
    make_wallet(5_00, loser)
    operations.close(DESK, make_wallet(person=survivor), "own_wish")
    assert any(w.objects for w in works(loser, Happening.merge, survivor))


def test_undoing_says_how_much_is_still_there(make_person, make_wallet):
    loser, survivor = make_person(), make_person("王方")
    make_wallet(5_00, loser)
    hers = make_wallet(person=survivor)
    people.decide_merge(COLLEAGUE, people.ask_merge(CLERK, loser.id, survivor.id, "同一人").id, True)
    operations.settle(DESK, operations.hold(DESK, hers, 2_00, source="order:1", until=soon()).id)
    assert said(loser, Happening.unmerge, survivor) == {
        "Points that the merge moved: 5": "3 of them are still there and come back. What was spent meanwhile is asked from nobody."
    }


def test_a_household_that_ends_says_where_its_points_go(programme, make_person, make_wallet):
    wang = make_person()
    household = queries.household_of(wang.id)
    with atomic():
        ours = operations.wallet_of_household(programme.id, household.id)
    operations.donate(DESK, make_wallet(5_00, wang), 2_00, ours)
    title = "Points in the household's wallet: 2"
    assert said(household, Happening.joined, kind="household") == {title: "They go to the wallet of the household that is joined."}
    assert said(household, Happening.death, kind="household") == {title: "Nobody is left in the household, so they go to the care pool."}
