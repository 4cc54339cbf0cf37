"""Disputes: words and evidence, the points held meanwhile, an answer, a decision by a social worker who is neither."""

from datetime import date, timedelta

import pytest

from civic.core import clock, files
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor, Channel, Role, Scope, Viewer
from civic.exchange import evidence, operations, queries
from civic.exchange.checks import CHECKS
from civic.exchange.errors import AlreadyAnswered, InOwnCause, NotAParty, NothingSaid, OutOfRange, SpokeForOne, WrongMoment
from civic.exchange.models import ExchangeState
from civic.exchange.queries import Unpayable
from civic.exchange.queries.parties import households_of
from civic.people import operations as people
from civic.people.models import HouseholdRelation
from civic.points import operations as points
from civic.points.errors import HoldEnded, WalletFrozen
from civic.points.models import Hold
from tests.support.exchange import HELPER, REQUESTER, WORKER, bodies, frozen_wallet, later, letter, told
from tests.support.people import CLERK
from tests.support.points import RULER

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def disputed(two, minutes=120):
    row = two.deliver(minutes)
    operations.open_dispute(REQUESTER, row.id, two.wang.id, "她只来了半个小时。")
    return row


def worker_at(two) -> Viewer:
    return Viewer(WORKER.account_id, scopes=(Scope(Role.social_worker, two.place.path),))


def test_the_points_stay_held_for_as_long_as_it_takes(two):
    row = disputed(two)
    assert (row.state, row.due_at, two.numbers) == (ExchangeState.disputed, None, (8_00, 6_00, 0))
    for days in (30, 110, 210, 320):  # the job runs now and then
        with later(days=days):
            operations.settle_all_due()
            assert (row.state, two.numbers) == (ExchangeState.disputed, (8_00, 6_00, 0))
            assert db.session.get_one(Hold, row.hold_id).expires_at > clock.now()
    with later(days=320):
        operations.decide_dispute(WORKER, row.id, 60, "一小时。")
    assert two.numbers == (7_00, 7_00, 1_00)


def test_silence_confirms_nothing_while_it_is_disputed(two):
    row = disputed(two)
    with later(days=30):
        assert not operations.touch(row.id)
        assert row.state is ExchangeState.disputed
        with pytest.raises(WrongMoment):
            operations.confirm(REQUESTER, row.id, two.wang.id)


def test_a_social_worker_decides_in_ten_working_days(two, holidays):
    row = disputed(two)  # on Wednesday 25 November
    assert queries.exchange_view(row, two.wang.id).dispute.row.answer_by_on == date(2026, 12, 9)


@pytest.mark.parametrize(("minutes", "left", "earned"), [(120, 6_00, 2_00), (45, 7_50, 50), (0, 8_00, 0)])
def test_what_she_decides_is_paid_in_part_or_not_at_all(two, minutes, left, earned):
    row = disputed(two)
    operations.decide_dispute(WORKER, row.id, minutes, "听了两边的话。")
    assert (row.state, two.numbers) == (ExchangeState.settled, (left, left, earned))
    assert told(two.wang)[-1] == told(two.li)[-1] == letter("Decided")
    assert "听了两边的话。" in bodies(two.wang)
    assert "听了两边的话。" in bodies(two.li)
    assert [v for check in CHECKS for v in check.run()] == []
    with pytest.raises(WrongMoment):
        operations.decide_dispute(WORKER, row.id, minutes, "再来一次。")


def test_more_than_what_was_said_but_not_more_than_what_was_agreed(two):
    row = disputed(two, minutes=60)
    with pytest.raises(OutOfRange):
        operations.decide_dispute(WORKER, row.id, 121, "太多。")
    operations.decide_dispute(WORKER, row.id, 120, "两小时。")
    assert two.numbers == (6_00, 6_00, 2_00)


def test_the_other_answers_once(two):
    row = disputed(two)
    with pytest.raises(WrongMoment):
        operations.answer_dispute(REQUESTER, row.id, two.wang.id, "我还想说。")
    operations.answer_dispute(HELPER, row.id, two.li.id, "我来了两个小时。")
    with pytest.raises(AlreadyAnswered):
        operations.answer_dispute(HELPER, row.id, two.li.id, "真的。")
    dispute = queries.exchange_view(row, two.li.id).dispute
    assert (dispute.words, dispute.answer, dispute.by.name) == ("她只来了半个小时。", "我来了两个小时。", "王芳")


def test_it_needs_words_and_comes_from_one_of_the_two(two, make_person):
    row, chen = two.deliver(), make_person("陈静", birth="1970-01-02")
    with pytest.raises(NothingSaid):
        operations.open_dispute(REQUESTER, row.id, two.wang.id, "  ")
    with pytest.raises(NotAParty):
        operations.open_dispute(REQUESTER, row.id, chen.id, "不对。")


def test_only_what_is_delivered_and_not_final_is_disputed(two):
    row = two.agree()
    with pytest.raises(WrongMoment):
        operations.open_dispute(REQUESTER, row.id, two.wang.id, "不对。")
    operations.deliver(HELPER, row.id, two.li.id, 60)
    with later(days=8), pytest.raises(WrongMoment):
        operations.open_dispute(REQUESTER, row.id, two.wang.id, "不对。")
    operations.confirm(REQUESTER, row.id, two.wang.id)
    with pytest.raises(WrongMoment):
        operations.open_dispute(REQUESTER, row.id, two.wang.id, "不对。")


def test_the_helper_may_object_too(two):
    row = two.agree()
    operations.deliver(REQUESTER, row.id, two.wang.id, 30)
    operations.open_dispute(HELPER, row.id, two.li.id, "是两个小时。")
    operations.decide_dispute(WORKER, row.id, 120, "两个小时。")
    assert two.numbers == (6_00, 6_00, 2_00)


@pytest.mark.parametrize("who", ["wang", "li"])
@pytest.mark.parametrize("is_housemate", [False, True])
def test_no_social_worker_decides_about_herself_or_her_household(two, make_account, make_person, who, is_housemate):
    row, party, account = disputed(two), getattr(two, who), make_account()
    worker = make_person("林姐", birth="1980-01-01") if is_housemate else party
    if is_housemate:
        home = households_of([party.id])[party.id]
        people.join_household(CLERK, [worker.id], home, HouseholdRelation.other, clock.today())
    with atomic():
        db.session.merge(account).person_id = worker.id
    with pytest.raises(InOwnCause):
        operations.decide_dispute(Actor(account.id), row.id, 0, "好。")
    with pytest.raises(InOwnCause):
        operations.stop(Actor(account.id), row.id, "好。")


DESK = Actor(1_000_041, channel=Channel.desk)


def dispute_at(two, **who) -> int:
    """A disputed exchange: each step by the two themselves, but for those that somebody else took for them."""
    row = operations.accept(who.get("accept", HELPER), two.propose(120).id, two.li.id)
    operations.say(who.get("say", HELPER), row.id, two.li.id, "我带工具。")
    operations.deliver(who.get("deliver", HELPER), row.id, two.li.id, 120)
    operations.open_dispute(who.get("dispute", REQUESTER), row.id, two.wang.id, "没有来。")
    operations.answer_dispute(who.get("answer", HELPER), row.id, two.li.id, "来了。")
    return row.id


@pytest.mark.parametrize("step", ["accept", "say", "deliver", "dispute", "answer"])
def test_who_spoke_for_one_of_the_two_at_the_desk_does_not_decide(two, step):
    """One account would report, object and decide: points would move by its word alone."""
    id_ = dispute_at(two, **{step: DESK})
    with pytest.raises(SpokeForOne):
        operations.decide_dispute(DESK, id_, 120, "我决定。")
    with pytest.raises(SpokeForOne):  # stopping it would decide 0 minutes
        operations.stop(DESK, id_, "停。")
    assert two.numbers == (8_00, 6_00, 0)
    operations.decide_dispute(WORKER, id_, 60, "一小时。")
    assert two.numbers == (7_00, 7_00, 1_00)


def test_nor_does_she_under_another_login_of_hers(two, make_account, make_person):
    lin, logins = make_person("林姐", birth="1980-01-01"), [make_account(), make_account(), make_account()]
    with atomic():
        for login in logins[:2]:
            db.session.merge(login).person_id = lin.id
    id_ = dispute_at(two, answer=Actor(logins[0].id, channel=Channel.desk))
    with pytest.raises(SpokeForOne):
        operations.decide_dispute(Actor(logins[1].id), id_, 120, "我决定。")
    operations.decide_dispute(Actor(logins[2].id), id_, 120, "两小时。")


def test_before_it_is_disputed_she_may_stop_what_she_helped_to_agree(two):
    row = operations.accept(DESK, two.propose().id, two.li.id)
    operations.stop(DESK, row.id, "有人收钱。")
    assert (row.state, two.numbers) == (ExchangeState.cancelled, (8_00, 8_00, 0))


def test_a_frozen_wallet_is_told_to_the_social_worker(two):
    row = disputed(two)
    frozen_wallet(two.wallet)
    with pytest.raises(WalletFrozen):
        operations.decide_dispute(WORKER, row.id, 60, "一小时。")
    operations.decide_dispute(WORKER, row.id, 0, "什么也没有做。")
    assert (row.state, two.numbers) == (ExchangeState.settled, (8_00, 8_00, 0))
    points.unfreeze(RULER, two.wallet)


def test_evidence_is_kept_and_opened_by_the_two_and_the_social_worker_alone(two, site):
    row = two.deliver()
    stored = files.store(PDF, "聊天记录.pdf", account_id=REQUESTER.account_id)
    dispute = operations.open_dispute(REQUESTER, row.id, two.wang.id, "看聊天记录。", [stored.sha256])
    (kept,) = queries.exchange_view(row, two.wang.id).dispute.files
    assert (kept.owner_kind, kept.owner_id) == (queries.DISPUTE_FILE, dispute.id)
    path = two.place.path
    opens = {
        Viewer(11, person_id=two.wang.id): True,
        Viewer(12, person_id=two.li.id): True,
        worker_at(two): True,
        Viewer(13, scopes=(Scope(Role.social_worker, "/other/"),)): False,
        Viewer(14, scopes=(Scope(Role.manager, path), Scope(Role.clerk, path))): False,
        Viewer(15, person_id=0, verified_in=frozenset({path})): False,
        Viewer(): False,
    }
    assert {viewer: evidence.may_open(viewer, kept) for viewer in opens} == opens


def test_the_desk_sees_what_waits_and_what_is_late(two):
    viewer = worker_at(two)
    assert queries.waiting_disputes(viewer) == (0, 0)
    row = disputed(two)
    assert queries.waiting_disputes(viewer) == (1, 0)
    assert queries.waiting_disputes(Viewer(13, scopes=(Scope(Role.social_worker, "/other/"),))) == (0, 0)
    with later(days=15):
        assert queries.waiting_disputes(viewer) == (1, 1)
        (waiting,) = queries.disputes_at(viewer)
        assert (waiting.row.exchange.id, waiting.is_late, waiting.row.helper.name) == (row.id, True, "李秀英")
    operations.decide_dispute(WORKER, row.id, 0, "好。")
    assert queries.waiting_disputes(viewer) == (0, 0)


def test_a_dispute_can_be_stopped_whole(two):
    row = disputed(two)
    operations.stop(WORKER, row.id, "两人已经和好。")
    assert (row.state, two.numbers) == (ExchangeState.cancelled, (8_00, 8_00, 0))
    assert [v for check in CHECKS for v in check.run()] == []


def test_opened_late_it_is_still_held_beyond_the_decision(two):
    row = two.deliver()
    with later(days=6, hours=23):
        dispute = operations.open_dispute(REQUESTER, row.id, two.wang.id, "她没有来。")
        held = db.session.get_one(Hold, row.hold_id).expires_at
        assert held > clock.day_bounds(dispute.answer_by_on)[1] + timedelta(days=20)


def unpayable(two, row):
    return queries.exchange_view(row, two.wang.id).dispute.unpayable


def test_the_page_says_why_nothing_but_zero_can_be_decided(two):
    row = disputed(two)
    assert unpayable(two, row) is None
    frozen_wallet(two.wallet)
    assert unpayable(two, row) is Unpayable.frozen
    points.unfreeze(RULER, two.wallet)
    with later(days=200):  # no job and no reader for more than half a year
        assert unpayable(two, row) is Unpayable.released
        assert not operations.touch(row.id)
        with pytest.raises(HoldEnded):
            operations.decide_dispute(WORKER, row.id, 60, "一小时。")
        operations.decide_dispute(WORKER, row.id, 0, "太久了。")
        assert unpayable(two, row) is None


def test_a_reader_alone_keeps_a_frozen_wallets_points_held(two):
    row = disputed(two)
    frozen_wallet(two.wallet)
    for days in (100, 195, 290):
        with later(days=days):
            operations.touch(row.id)
            assert unpayable(two, row) is Unpayable.frozen
    points.unfreeze(RULER, two.wallet)
    with later(days=291):
        operations.decide_dispute(WORKER, row.id, 60, "一小时。")
        assert two.numbers == (7_00, 7_00, 1_00)
