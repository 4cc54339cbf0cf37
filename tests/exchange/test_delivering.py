"""Delivered and confirmed: the requester's points go to the sink, the helper earns anew; silence and time do the same without any job."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.jobs import ItemsFailed
from civic.exchange import operations, queries
from civic.exchange.checks import CHECKS
from civic.exchange.errors import AlreadyConfirmed, ExchangeChanged, MoreThanAgreed, OutOfRange, TooEarly, WrongMoment
from civic.exchange.models import Category, ExchangeState
from civic.exchange.operations import settling
from civic.exchange.queries import Act
from civic.people.models import Person
from civic.points import operations as points
from civic.points.models import Earning, Hold, HoldState, Reason, Transfer, TransferKind, WalletKind
from civic.points.operations import open_programme
from civic.points.operations.wallets import programme_of_person
from tests.support.exchange import HELPER, REQUESTER, bodies, frozen_wallet, later, letter, listing_text, said, told
from tests.support.points import RULER, adopt, balance, summed


def no_fault() -> None:
    assert [(v.table, v.row, v.what) for check in CHECKS for v in check.run()] == []


def test_confirmed_by_both_the_points_go_to_the_sink_and_the_helper_earns_from_issuance(two, programme):
    row = two.deliver(minutes=120)
    issued, spent = summed(programme.id, WalletKind.issuance), summed(programme.id, WalletKind.redemption)
    assert two.numbers == (8_00, 6_00, 0)
    operations.confirm(REQUESTER, row.id, two.wang.id, 120)
    assert (row.state, two.numbers) == (ExchangeState.confirmed, (6_00, 6_00, 2_00))
    assert summed(programme.id, WalletKind.redemption) - spent == 2_00
    assert summed(programme.id, WalletKind.issuance) - issued == -2_00
    no_fault()


def test_nobody_is_paid_by_the_person_served(two):
    row = two.deliver()
    operations.confirm(REQUESTER, row.id, two.wang.id)
    of_exchange = db.session.scalars(sa.select(Transfer).where(Transfer.source == f"exchange:{row.id}").order_by(Transfer.id)).all()
    assert [(t.kind, t.reason) for t in of_exchange] == [
        (TransferKind.hold, Reason.exchange), (TransferKind.void, Reason.returned), (TransferKind.hold, Reason.exchange),
        (TransferKind.post, Reason.exchange), (TransferKind.single, Reason.earned),
    ]  # fmt: skip
    assert all(t.credit_id != of_exchange[-1].credit_id for t in of_exchange[:-1])  # no row of hers reaches the helper's points
    earning = db.session.scalars(sa.select(Earning).where(Earning.source == f"exchange:{row.id}")).one()
    assert (earning.revision, earning.person_id, earning.minutes, earning.counted, earning.amount) == (1, two.li.id, 120, 120, 2_00)
    assert (earning.service_type, earning.hour_class) == ("phone", "exchange")


def test_either_may_report_it_and_the_other_confirms(two):
    row = two.agree()
    operations.deliver(REQUESTER, row.id, two.wang.id, 60)
    with pytest.raises(AlreadyConfirmed):
        operations.confirm(REQUESTER, row.id, two.wang.id)
    operations.confirm(HELPER, row.id, two.li.id)
    assert (row.state, two.numbers) == (ExchangeState.confirmed, (7_00, 7_00, 1_00))


def test_fewer_minutes_than_agreed_cost_less_and_the_rest_comes_back(two):
    row = two.deliver(minutes=100)  # of 120: 90 count
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert (row.amount, two.numbers) == (2_00, (6_50, 6_50, 1_50))
    assert db.session.get_one(Hold, row.hold_id).posted == 1_50


def test_minutes_below_the_rounding_cost_nothing_and_still_count_as_time(two):
    row = two.deliver(minutes=20)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert (row.state, two.numbers) == (ExchangeState.confirmed, (8_00, 8_00, 0))
    assert db.session.get_one(Hold, row.hold_id).state is HoldState.voided
    assert db.session.scalars(sa.select(Earning.minutes).where(Earning.source == f"exchange:{row.id}")).one() == 20
    no_fault()


def test_more_than_agreed_is_a_gift(two):
    row = two.agree()
    for minutes, refusal in ((121, MoreThanAgreed), (0, OutOfRange), (-5, OutOfRange)):
        with pytest.raises(refusal):
            operations.deliver(HELPER, row.id, two.li.id, minutes)


def test_who_reported_it_may_correct_it_until_the_other_has_answered(two):
    row = two.deliver(minutes=120)
    with later(days=3):
        operations.deliver(HELPER, row.id, two.li.id, 60)
        assert row.due_at == clock.now() + timedelta(days=7)
        with pytest.raises(ExchangeChanged):
            operations.confirm(REQUESTER, row.id, two.wang.id, 120)  # she read the old number
        with pytest.raises(WrongMoment):
            operations.deliver(REQUESTER, row.id, two.wang.id, 120)  # the other objects, she does not write over it
        operations.confirm(REQUESTER, row.id, two.wang.id, 60)
    assert two.numbers == (7_00, 7_00, 1_00)


def test_silence_of_seven_days_is_a_confirmation(two):
    row = two.deliver()
    with later(days=7, hours=1):  # they meet in two hours
        assert not operations.touch(row.id)
        assert queries.state_at(row, clock.now()) is ExchangeState.delivered
    with later(days=7, hours=2):
        assert queries.state_at(row, clock.now()) is ExchangeState.confirmed  # a list says so before anybody wrote it
        assert operations.touch(row.id)
        assert (row.state, two.numbers) == (ExchangeState.confirmed, (6_00, 6_00, 2_00))
        assert not operations.touch(row.id)


def test_months_without_any_job_change_nothing(two):
    row = two.deliver()
    with later(days=80):
        assert operations.touch_person(two.li.id)
        assert (row.state, two.numbers) == (ExchangeState.confirmed, (6_00, 6_00, 2_00))
        no_fault()


def test_the_job_does_the_same(two):
    row = two.deliver()
    with later(days=8):
        assert operations.settle_all_due() == 1
        assert operations.settle_all_due() == 0
        assert row.state is ExchangeState.confirmed


def test_after_fourteen_days_without_delivery_it_lapses_without_any_job(two):
    row = two.agree()
    with later(days=14, hours=1):
        assert not operations.touch(row.id)
    with later(days=14, hours=2):  # two hours until the meeting and fourteen days after it
        assert queries.state_at(row, clock.now()) is ExchangeState.lapsed
        with pytest.raises(WrongMoment):
            operations.deliver(HELPER, row.id, two.li.id, 120)
        assert operations.touch(row.id)
        assert (row.state, two.numbers) == (ExchangeState.lapsed, (8_00, 8_00, 0))
        no_fault()
    assert told(two.wang)[-1] == told(two.li)[-1] == letter("Time is over")


def test_it_lapses_too_when_the_points_came_back_first(two):
    row = two.agree()
    with later(days=16):
        assert points.expire(RULER, row.hold_id)  # the job of points was first
        no_fault()
        assert operations.touch(row.id)
        assert row.state is ExchangeState.lapsed


def test_reported_on_the_last_day_the_hold_outlives_the_days_of_confirmation(two):
    row = two.agree()
    with later(days=14, hours=1):
        operations.deliver(HELPER, row.id, two.li.id, 120)
        assert db.session.get_one(Hold, row.hold_id).expires_at > row.due_at
    with later(days=21):
        operations.confirm(REQUESTER, row.id, two.wang.id)
        assert two.numbers == (6_00, 6_00, 2_00)


def test_too_late_to_confirm_it_is_confirmed_already(two):
    row = two.deliver()
    with later(days=8):
        with pytest.raises(WrongMoment):
            operations.confirm(REQUESTER, row.id, two.wang.id)
        operations.touch(row.id)
        assert row.state is ExchangeState.confirmed


def test_a_frozen_wallet_pays_when_it_is_free_again(two):
    row = two.deliver()
    frozen_wallet(two.wallet)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert (row.state, two.numbers) == (ExchangeState.delivered, (8_00, 6_00, 0))
    assert queries.exchange_view(row, two.wang.id).acts == {Act.say}
    for act in (operations.confirm, operations.cancel):
        with pytest.raises(WrongMoment):
            act(REQUESTER, row.id, two.wang.id)
    for days in (100, 200):  # looked at now and then, the hold goes on
        with later(days=days):
            assert operations.settle_all_due() == 0
    points.unfreeze(RULER, two.wallet)
    assert operations.settle_all_due() == 1
    assert (row.state, two.numbers) == (ExchangeState.confirmed, (6_00, 6_00, 2_00))


def test_a_closed_wallet_of_the_helper_is_the_pools_gain(two, programme):
    row = two.deliver()
    points.close(RULER, two.li_wallet, "own_wish")
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert (row.state, two.numbers) == (ExchangeState.confirmed, (6_00, 6_00, 0))
    assert summed(programme.id, WalletKind.care_pool) == 2_00


@pytest.mark.parametrize("rate", [0, 50, 2_00])
def test_rules_that_change_meanwhile_change_neither_what_is_paid_nor_what_is_earned(two, programme, rate):
    row = two.agree(minutes=120, meet_at=clock.now() + timedelta(days=2))
    adopt(programme.id, "2026-2", clock.today() + timedelta(days=1), {("*", "*"): rate})
    with later(days=2):
        operations.deliver(HELPER, row.id, two.li.id, 60)
        operations.confirm(REQUESTER, row.id, two.wang.id)
        assert two.numbers == (7_00, 7_00, 1_00)  # both by the 1.00 an hour that they agreed
        no_fault()


def test_a_category_that_is_edited_after_the_agreement_changes_nothing(two, programme):
    adopt(programme.id, "2026-2", clock.today(), {("*", "*"): 100, ("care", "exchange"): 1000})
    row = two.agree(minutes=120)
    operations.edit_listing(HELPER, two.listing.id, two.li.id, two.listing.lock_version, listing_text(category=Category.care))
    operations.deliver(HELPER, row.id, two.li.id, 120)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert (row.category, two.numbers) == (Category.phone, (6_00, 6_00, 2_00))
    earning = db.session.scalars(sa.select(Earning).where(Earning.source == f"exchange:{row.id}")).one()
    assert (earning.service_type, earning.amount) == ("phone", 2_00)
    no_fault()


def test_nobody_agrees_to_a_category_that_was_edited_after_the_proposal(two, programme):
    adopt(programme.id, "2026-2", clock.today(), {("*", "*"): 100, ("care", "exchange"): 400})
    row = two.propose(minutes=120)
    operations.edit_listing(HELPER, two.listing.id, two.li.id, two.listing.lock_version, listing_text(category=Category.care))
    with pytest.raises(ExchangeChanged):
        operations.accept(HELPER, row.id, two.li.id)
    operations.retime(HELPER, row.id, two.li.id, two.meet_at)  # proposed anew, as it is now
    operations.accept(REQUESTER, row.id, two.wang.id)
    assert (row.category, row.amount) == (Category.care, 8_00)


def test_nobody_is_paid_before_they_have_met(two):
    row = two.agree(meet_at=clock.now() + timedelta(days=60))
    with pytest.raises(TooEarly) as refusal:
        operations.deliver(HELPER, row.id, two.li.id, 120)
    assert refusal.value.context["day"] == date(2027, 1, 24)
    assert Act.deliver not in queries.exchange_view(row, two.li.id).acts
    with later(days=59, hours=15):  # the same local day, nine hours before
        assert Act.deliver in queries.exchange_view(row, two.li.id).acts
        operations.deliver(HELPER, row.id, two.li.id, 120)
        assert row.due_at == row.meet_at + timedelta(days=7)
    with later(days=66, hours=23):
        assert not operations.touch(row.id)


def test_a_helper_who_has_moved_is_paid_in_the_programme_of_the_requester(two, programme, make_territory):
    row = two.deliver()
    elsewhere = make_territory("district", code="440199")
    community = make_territory("community", make_territory("street", elsewhere))
    other = open_programme(RULER, elsewhere.id, "X", "别区", "Elsewhere")
    adopt(other.id)
    with atomic():
        db.session.get_one(Person, two.li.id).place_id = community.id
    assert programme_of_person(two.li.id) == other.id
    issued = summed(programme.id, WalletKind.issuance)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert (row.state, two.numbers) == (ExchangeState.confirmed, (6_00, 6_00, 2_00))
    assert (summed(programme.id, WalletKind.issuance) - issued, summed(other.id, WalletKind.issuance)) == (-2_00, 0)
    no_fault()


def test_what_is_held_may_not_be_spent_twice(two):
    two.agree(minutes=480)
    assert two.numbers == (8_00, 0, 0)
    assert balance(two.wallet) == 8_00


def test_both_are_told_at_each_step_in_words_that_say_who_did_it(two):
    row = two.deliver(minutes=60)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    steps = [letter(step) for step in ("Proposed", "Agreed", "Done", "Confirmed")]
    assert (told(two.wang), told(two.li)) == (steps, steps)
    assert said("You asked %(other)s. As soon as there is an answer, you are told.", other="李秀英") in bodies(two.wang)
    assert said("%(other)s answers you. Say yes or no, or propose another time.", other="王芳") in bodies(two.li)
    spent = "%(minutes)s minutes are confirmed, and %(moved)s of your points are spent; the rest of what was held is free again."
    assert said(spent, minutes=60, moved="1") in bodies(two.wang)
    assert said("%(minutes)s minutes are confirmed, thank you. Your statement says how they were counted.", minutes=60) in bodies(two.li)
    assert f"/exchange/agreements/{row.uid}" in bodies(two.li)


def test_words_between_the_two_are_sealed_and_told(two):
    row = two.agree()
    operations.say(REQUESTER, row.id, two.wang.id, "我住三楼，没有电梯。")
    assert told(two.li)[-1] == said("A message from %(other)s", other="王芳")
    assert "我住三楼" in bodies(two.li)
    view = queries.exchange_view(row, two.li.id)
    assert [(e.verb.value, e.by.name, e.words) for e in view.events][-1] == ("said", "王芳", "我住三楼，没有电梯。")


def test_the_history_names_each_step_once(two):
    row = two.deliver()
    operations.confirm(REQUESTER, row.id, two.wang.id)
    view = queries.exchange_view(row, two.wang.id)
    assert [(e.verb.value, e.by.name if e.by else "") for e in view.events] == [
        ("proposed", "王芳"), ("agreed", "李秀英"), ("delivered", "李秀英"), ("confirmed", "王芳"), ("settled", ""),
    ]  # fmt: skip
    assert view.other.name == "李秀英"


def test_a_page_of_an_exchange_and_a_list_take_a_fixed_number_of_statements(two, count_queries, make_listing):
    row = two.agree(words="您好")
    for n in range(4):
        listing = make_listing(two.li, title=f"再教{n}")
        operations.respond(REQUESTER, listing.id, two.wang.id, operations.Proposal(60, two.meet_at, words="好"))
    wang, uid = two.wang.id, row.uid
    with count_queries() as statements:
        assert len(queries.exchanges_of(wang)) == 5
    assert len(statements) == 3
    with count_queries() as statements:
        queries.exchange_view(queries.exchange_by_uid(uid), wang)
    assert len(statements) == 7


def test_one_that_fails_does_not_stop_the_others_and_the_run_is_not_recorded_as_done(two, make_listing, monkeypatch):
    first = two.deliver(minutes=60, of=60)
    other = make_listing(two.li, title="陪聊天")
    second = operations.accept(
        HELPER, operations.respond(REQUESTER, other.id, two.wang.id, operations.Proposal(60, two.meet_at)).id, two.li.id
    )
    operations.deliver(HELPER, second.id, two.li.id, 60)
    ids, wang, tries = (first.id, second.id), two.wallet, []

    def sometimes(actor: Any, row: Any, act: Any = settling.settle_due) -> bool:
        tries.append(row.id)
        if row.id == ids[0]:
            raise OperationalError("select", {}, Exception("database is locked"))
        return bool(act(actor, row))

    with later(days=8):
        monkeypatch.setattr(settling, "settle_due", sometimes)
        with pytest.raises(ItemsFailed):
            operations.settle_all_due()
        monkeypatch.undo()
        assert tries == [ids[0]] * 3 + [ids[1]]  # two writers met: three times in all
        assert balance(wang) == 7_00
        assert operations.settle_all_due() == 1
        assert balance(wang) == 6_00
