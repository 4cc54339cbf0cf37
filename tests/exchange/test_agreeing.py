"""From an answer to an agreement: who may answer whom, whose turn it is, what is held."""

from datetime import timedelta

import pytest

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.exchange import operations, queries
from civic.exchange.errors import (
    AlreadyProposed,
    ExchangeChanged,
    ListingClosed,
    MeetingOutOfRange,
    NotAParty,
    NotYourTurn,
    NoWorth,
    OutOfRange,
    OwnListing,
    SameHousehold,
    TooLittle,
    TwoDistricts,
    WrongMoment,
)
from civic.exchange.models import Category, ExchangeState, ListingKind, Place
from civic.exchange.operations import Proposal
from civic.exchange.queries import Side
from civic.exchange.queries.parties import households_of
from civic.people import operations as people
from civic.people.errors import NotLiving
from civic.people.models import HouseholdRelation
from civic.points.errors import NotEnoughPoints, WalletFrozen
from civic.points.models import Hold, HoldState, Reason
from civic.points.operations import open_programme
from tests.support.exchange import HELPER, REQUESTER, frozen_wallet, later, letter, listing_text, told
from tests.support.people import CLERK
from tests.support.points import RULER, adopt


def test_an_answer_holds_nothing_and_both_are_told(two):
    row = two.propose(words="周五下午可以吗？")
    assert (row.state, row.requester_id, row.helper_id, row.responder_id) == (
        ExchangeState.proposed, two.wang.id, two.li.id, two.wang.id,
    )  # fmt: skip
    assert two.numbers == (8_00, 8_00, 0)
    assert told(two.wang) == told(two.li) == [letter("Proposed")]


def test_of_a_need_the_owner_is_the_one_who_is_helped(two, make_listing):
    need = make_listing(two.wang, kind=ListingKind.need, title="装灯泡")
    row = operations.respond(HELPER, need.id, two.li.id, Proposal(30, two.meet_at))
    assert (row.requester_id, row.helper_id, row.responder_id) == (two.wang.id, two.li.id, two.li.id)


def test_agreed_the_requesters_points_are_held_at_the_rate_of_the_rules(two):
    row = two.agree(minutes=110)  # 1 h 50 min, rounded down to 90 minutes at 1.00
    hold = db.session.get_one(Hold, row.hold_id)
    assert (row.state, row.amount, two.numbers) == (ExchangeState.agreed, 1_50, (8_00, 6_50, 0))
    assert (hold.source, hold.reason, hold.expires_at) == (f"exchange:{row.id}", Reason.exchange, row.meet_at + timedelta(days=14))
    assert row.due_at == hold.expires_at


def test_the_rate_is_that_of_the_category(two, make_listing):
    adopt(
        db.session.get_one(Hold, two.agree().hold_id).programme_id, "2026-2", clock.today(), {("*", "*"): 100, ("escort", "exchange"): 150}
    )
    escort = make_listing(two.li, category=Category.escort)
    row = operations.respond(REQUESTER, escort.id, two.wang.id, Proposal(60, two.meet_at))
    assert operations.accept(HELPER, row.id, two.li.id).amount == 1_50


def test_too_few_minutes_or_no_rate_are_nothing_to_exchange(two, programme):
    for minutes, refusal in ((29, TooLittle), (0, OutOfRange), (481, OutOfRange)):
        with pytest.raises(refusal):
            two.propose(minutes)
    adopt(programme.id, "2026-2", clock.today(), {("*", "*"): 0})
    with pytest.raises(NoWorth):
        two.propose()


def test_somebody_with_too_few_points_cannot_agree(two):
    row = two.propose(minutes=480)
    other = operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(title="陪聊天"))
    small = operations.respond(REQUESTER, other.id, two.wang.id, Proposal(60, two.meet_at))
    operations.accept(HELPER, small.id, two.li.id)
    with pytest.raises(NotEnoughPoints) as refusal:
        operations.accept(HELPER, row.id, two.li.id)
    assert {k: refusal.value.context[k] for k in ("cost", "available")} == {"cost": 8_00, "available": 7_00}
    assert row.state is ExchangeState.proposed


def test_a_frozen_wallet_cannot_agree_as_requester_but_can_help(two, make_listing):
    frozen_wallet(two.wallet)
    row = two.propose()
    with pytest.raises(WalletFrozen):
        operations.accept(HELPER, row.id, two.li.id)
    offer = make_listing(two.wang, title="包饺子")
    helped = operations.respond(HELPER, offer.id, two.li.id, Proposal(60, two.meet_at))
    with pytest.raises(NotEnoughPoints):  # Li has none; Wang's frozen wallet is not asked
        operations.accept(REQUESTER, helped.id, two.wang.id)


def test_nobody_answers_herself_or_her_household(two):
    with pytest.raises(OwnListing):
        operations.respond(HELPER, two.listing.id, two.li.id, Proposal(60, two.meet_at))
    household = people_household(two.li)
    people.join_household(CLERK, [two.wang.id], household, HouseholdRelation.other, clock.today())
    with pytest.raises(SameHousehold):
        two.propose()


def people_household(person) -> int:
    return households_of([person.id])[person.id]


def test_a_household_that_was_joined_meanwhile_is_seen_when_agreeing(two):
    row = two.propose()
    people.join_household(CLERK, [two.wang.id], people_household(two.li), HouseholdRelation.other, clock.today())
    with pytest.raises(SameHousehold):
        operations.accept(HELPER, row.id, two.li.id)


def test_one_running_answer_a_listing(two):
    row = two.propose()
    with pytest.raises(AlreadyProposed):
        two.propose()
    operations.decline(HELPER, row.id, two.li.id, "这周没空")
    assert two.propose().state is ExchangeState.proposed


def test_an_answer_whose_time_is_over_is_no_obstacle_even_if_nobody_wrote_it(two):
    first = two.propose()
    with later(days=3):
        assert two.propose().state is ExchangeState.proposed
        assert first.state is ExchangeState.lapsed


def test_they_meet_in_the_next_ninety_days(two):
    for span in (timedelta(minutes=-1), timedelta(0), timedelta(days=90, seconds=1)):
        with pytest.raises(MeetingOutOfRange):
            two.propose(meet_at=clock.now() + span)
    two.propose(meet_at=clock.now() + timedelta(days=90))


def test_who_proposed_waits_and_the_other_answers(two):
    row = two.propose()
    with pytest.raises(NotYourTurn):
        operations.accept(REQUESTER, row.id, two.wang.id)
    with pytest.raises(NotYourTurn):
        operations.decline(REQUESTER, row.id, two.wang.id)
    operations.retime(HELPER, row.id, two.li.id, clock.now() + timedelta(days=3), "周六行吗？")
    assert queries.exchanges_of(two.wang.id)[0].turn is Side.requester
    with pytest.raises(NotYourTurn):
        operations.accept(HELPER, row.id, two.li.id)
    assert operations.accept(REQUESTER, row.id, two.wang.id).state is ExchangeState.agreed


def test_nobody_agrees_to_another_time_than_she_read(two):
    row = two.propose()
    seen = row.lock_version
    operations.retime(REQUESTER, row.id, two.wang.id, clock.now() + timedelta(days=5))
    with pytest.raises(ExchangeChanged) as refusal:
        operations.accept(HELPER, row.id, two.li.id, base=seen)
    assert operations.accept(HELPER, row.id, two.li.id, base=refusal.value.context["current"]).due_at == row.meet_at + timedelta(days=14)


def test_another_time_can_be_proposed_before_the_agreement_alone(two):
    row = two.agree()
    with pytest.raises(WrongMoment):
        operations.retime(REQUESTER, row.id, two.wang.id, clock.now() + timedelta(days=5))


def test_a_proposal_nobody_answers_lapses_when_the_time_has_come(two):
    row = two.propose()
    with later(days=2):
        with pytest.raises(WrongMoment):
            operations.accept(HELPER, row.id, two.li.id)
        assert operations.touch(row.id)
        assert (row.state, row.hold_id) == (ExchangeState.lapsed, None)
        assert not operations.touch(row.id)
    assert told(two.li)[-1] == letter("Time is over")


@pytest.mark.parametrize("who", ["requester", "helper"])
def test_either_cancels_before_delivery_and_the_points_are_back_at_once(two, who):
    row = two.agree()
    assert two.numbers == (8_00, 6_00, 0)
    actor, person = (REQUESTER, two.wang) if who == "requester" else (HELPER, two.li)
    operations.cancel(actor, row.id, person.id, "家里有事")
    assert (row.state, two.numbers) == (ExchangeState.cancelled, (8_00, 8_00, 0))
    assert told(two.wang)[-1] == told(two.li)[-1] == letter("Cancelled")
    with pytest.raises(WrongMoment):
        operations.cancel(actor, row.id, person.id)


def test_only_the_two_act(two, make_person):
    row, chen = two.agree(), make_person("陈静", birth="1970-01-02")
    for act in (operations.cancel, operations.confirm):
        with pytest.raises(NotAParty):
            act(REQUESTER, row.id, chen.id)


def test_an_offer_that_was_stopped_is_not_agreed_to(two):
    row = two.propose()
    operations.stop_listing(REQUESTER, two.listing.id, "收费")
    with pytest.raises((WrongMoment, ListingClosed)):
        operations.accept(HELPER, row.id, two.li.id)


def test_the_dead_agree_to_nothing(two):
    people.record_death(CLERK, two.wang.id, clock.today())
    with pytest.raises(NotLiving):
        two.propose()


def test_two_districts_do_not_share_points(two, make_territory, make_person):
    elsewhere = make_territory("district", code="440199")
    street = make_territory("street", elsewhere)
    community = make_territory("community", street)
    adopt(open_programme(RULER, elsewhere.id, "X", "别区", "Elsewhere").id)
    chen = make_person("陈静", birth="1970-01-02", place=community)
    with pytest.raises(TwoDistricts):
        operations.respond(REQUESTER, two.listing.id, chen.id, Proposal(60, two.meet_at))


def test_strangers_are_sent_to_the_station_first(two, make_station):
    station = make_station(two.place)
    assert queries.suggested_station(two.wang.id, two.li.id, two.place.id).id == station.id
    row = two.propose()
    assert row.station_id == station.id
    operations.accept(HELPER, row.id, two.li.id)
    operations.confirm(REQUESTER, operations.deliver(HELPER, row.id, two.li.id, 60).id, two.wang.id)
    assert queries.suggested_station(two.wang.id, two.li.id, two.place.id) is None
    assert two.propose().station_id is None
    assert queries.station_of(two.place.id).id == station.id


def test_people_may_choose_otherwise_and_nobody_meets_online_at_a_station(two, make_station, make_listing):
    station = make_station(two.place)
    assert two.propose(at_station=False).station_id is None
    online = make_listing(two.li, place=Place.online)
    assert operations.respond(REQUESTER, online.id, two.wang.id, Proposal(60, two.meet_at)).station_id is None
    asked = make_listing(two.li, place=Place.online)
    assert operations.respond(REQUESTER, asked.id, two.wang.id, Proposal(60, two.meet_at, at_station=True)).station_id == station.id


def test_the_hold_of_a_cancelled_exchange_is_void(two):
    row = two.agree()
    operations.cancel(REQUESTER, row.id, two.wang.id)
    assert db.session.get_one(Hold, row.hold_id).state is HoldState.voided


def test_a_refused_agreement_leaves_no_wallet_half_opened(two):
    with pytest.raises(NotYourTurn), atomic():
        operations.accept(REQUESTER, two.propose().id, two.wang.id)
    assert queries.exchanges_of(two.wang.id) == []
