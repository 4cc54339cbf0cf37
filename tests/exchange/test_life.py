"""A death, a merge, a move, a closed account: listings come down, held points come back, the other is told, nothing hangs."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.openwork import Happening, Subject, open_work
from civic.core.personaldata import everything_about
from civic.core.viewer import Actor, Channel
from civic.exchange import operations, queries
from civic.exchange.checks import CHECKS
from civic.exchange.models import Dispute, ExchangeState, ListingKind, ListingState, Verb
from civic.exchange.operations import Proposal
from civic.people import operations as people
from civic.people.models import MergeState, Verification
from civic.people.queries import all_rows_of
from civic.points import operations as points
from civic.points import signals as points_signals
from civic.points.models import Hold, HoldState
from civic.points.operations import lives
from tests.support.exchange import HELPER, REQUESTER, WORKER, bodies, later, letter, listing_text, told
from tests.support.people import CLERK, COLLEAGUE
from tests.support.points import balance


def no_fault() -> None:
    assert [(v.table, v.row, v.what) for check in CHECKS for v in check.run()] == []


def merged(loser, survivor, *, from_above=False):
    merge = people.ask_merge(CLERK, loser.id, survivor.id, "同一人")
    return people.decide_merge(COLLEAGUE, merge.id, True, from_above=from_above)


@pytest.mark.parametrize("stage", ["propose", "agree", "deliver", "dispute"])
def test_the_helper_dies_the_points_come_back_and_the_other_is_told(two, stage):
    row = two.propose() if stage == "propose" else two.agree() if stage == "agree" else two.deliver()
    if stage == "dispute":
        operations.open_dispute(REQUESTER, row.id, two.wang.id, "没来。")
    letters = len(told(two.li))
    people.record_death(CLERK, two.li.id, clock.today())
    assert row.state in (ExchangeState.cancelled, ExchangeState.declined)
    assert two.numbers[:2] == (8_00, 8_00)
    assert two.listing.state is ListingState.ended
    assert told(two.wang)[-1] in (letter("Ended"), letter("No longer open"))
    assert "死" not in bodies(two.wang)
    assert len(told(two.li)) == letters  # nothing more is sent to the dead
    assert db.session.scalars(sa.select(Dispute).where(Dispute.decided_at.is_(None))).first() is None
    no_fault()


def test_the_requester_dies_and_nothing_stays_held(two):
    row = two.agree()
    people.record_death(CLERK, two.wang.id, clock.today())
    assert row.state is ExchangeState.cancelled
    assert db.session.get_one(Hold, row.hold_id).state is HoldState.voided
    assert told(two.li)[-1] == letter("Ended")
    assert [e.verb for e in queries.exchange_view(row, two.li.id).events][-1] is Verb.ended
    no_fault()


def test_points_may_hear_of_it_first(two):
    row = two.agree()
    with atomic():
        hold = points.void(CLERK, row.hold_id)
        points_signals.hold_ended_by_life.send(hold, actor=CLERK)
    assert (row.state, two.numbers) == (ExchangeState.cancelled, (8_00, 8_00, 0))
    assert told(two.wang)[-1] == told(two.li)[-1] == letter("Ended")
    with atomic():  # a hold of something else is nobody's exchange
        other = points.hold(CLERK, two.wallet, 1_00, source="order:1", until=clock.now() + timedelta(days=1))
        points_signals.hold_ended_by_life.send(points.void(CLERK, other.id), actor=CLERK)


def test_a_merge_goes_on_with_the_one_who_remains(two, make_person, make_wallet):
    row = two.agree()
    kept = make_person("李秀英", birth="1963-05-06")
    assert merged(two.li, kept).state is MergeState.done
    assert (two.listing.state, row.state) == (ListingState.ended, ExchangeState.agreed)
    assert [each.exchange.id for each in queries.exchanges_of(kept.id)] == [row.id]
    operations.deliver(HELPER, row.id, kept.id, 60)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert balance(make_wallet(0, kept)) == 1_00
    no_fault()


def test_the_one_who_is_helped_may_be_merged_too(two, make_person):
    row = two.deliver()
    kept = make_person("王芳")
    merged(two.wang, kept)
    operations.confirm(REQUESTER, row.id, kept.id)
    assert (row.state, balance(two.li_wallet)) == (ExchangeState.confirmed, 2_00)
    no_fault()


def test_two_who_exchanged_with_each_other_are_not_merged_without_a_look(two):
    row = two.agree()
    objections = [w for w in open_work(Subject("person", two.li.id, Happening.merge, two.wang.id)) if w.objects]
    assert [w.count for w in objections] == [1]
    assert people.ask_merge(CLERK, two.li.id, two.wang.id, "同一人").state is MergeState.review
    assert row.state is ExchangeState.agreed


def test_merged_after_that_look_nobody_exchanges_with_herself(two):
    row = two.agree()
    merge = people.ask_merge(CLERK, two.li.id, two.wang.id, "同一人")
    people.decide_merge(COLLEAGUE, merge.id, True, from_above=True)
    assert row.state is ExchangeState.cancelled
    no_fault()


def test_a_declined_answer_is_no_reason_to_look(two):
    operations.decline(HELPER, two.propose().id, two.li.id)
    assert merged(two.li, two.wang).state is MergeState.done


def test_no_longer_verified_there_the_listing_comes_down_what_the_desk_wrote_stays(two):
    with atomic():
        db.session.add(Verification(person_id=two.li.id, place_id=two.place.id))
    desk = Actor(31, channel=Channel.desk, acting_for=two.li.id)
    vouched = operations.write_listing(desk, two.li.id, two.place.id, listing_text(title="织毛衣"))
    people.end_verification(CLERK, two.li.id)
    assert (two.listing.state, vouched.state) == (ListingState.ended, ListingState.open)


def test_moved_out_of_the_district_everything_comes_down_and_what_was_agreed_stays(two):
    desk = Actor(31, channel=Channel.desk, acting_for=two.li.id)
    vouched = operations.write_listing(desk, two.li.id, two.place.id, listing_text(title="织毛衣"))
    row = two.agree()
    people.move_out(CLERK, [two.li.id], "贵州", clock.today())
    assert (two.listing.state, vouched.state, row.state) == (ListingState.ended, ListingState.ended, ExchangeState.agreed)


def test_a_closed_account_ends_what_has_not_begun_and_keeps_her_for_what_has(two):
    agreed = two.agree()
    need = operations.write_listing(REQUESTER, two.wang.id, two.place.id, listing_text(kind=ListingKind.need, title="装灯"))
    asked = operations.respond(HELPER, need.id, two.li.id, Proposal(60, two.meet_at))
    people.restrict_person(CLERK, two.li.id)
    assert (two.listing.state, asked.state, agreed.state) == (ListingState.ended, ExchangeState.cancelled, ExchangeState.agreed)
    assert [w.count for w in people.what_keeps(two.li.id)] == [1]
    operations.cancel(REQUESTER, agreed.id, two.wang.id)
    assert people.what_keeps(two.li.id) == []


def test_what_follows_is_shown_before_in_both_languages(two):
    two.agree()
    for happening in Happening:
        for lang in ("zh", "en"):
            with force_locale(lang):
                works = open_work(Subject("person", two.li.id, happening, two.wang.id))
                assert all(str(w.title) and str(w.follows) for w in works)
    with force_locale("en"):
        death = {str(w.title): str(w.follows) for w in open_work(Subject("person", two.li.id, Happening.death))}
    assert death["1 exchange with a neighbour"] == "They end, held points come back, and the other person is told."
    assert death["1 offer or need of her own"] == "They come down at once; answers that wait are declined."
    assert open_work(Subject("household", 1)) == []


def test_everything_stored_of_her_is_in_her_data(two):
    row = two.agree(words="请带眼镜")
    operations.deliver(HELPER, row.id, two.li.id, 60, words="教了一小时")
    operations.open_dispute(REQUESTER, row.id, two.wang.id, "没有一小时。")
    operations.answer_dispute(HELPER, row.id, two.li.id, "有。")
    operations.decide_dispute(Actor(13), row.id, 30, "半小时。")
    operations.rate(REQUESTER, row.id, two.wang.id, 2, "慢。")
    with force_locale("en"):
        hers = {part.name: part for part in everything_about(two.li.id, None)}
        his = {part.name: part for part in everything_about(two.wang.id, None)}
    assert hers["listings"].rows[0][1][0] == "教老人用手机"
    assert hers["exchanges"].rows[0][1] == ["教老人用手机", "you helped", "60 minutes", "Decided by a social worker", "2 points held"]
    assert [value for _label, value in hers["exchange_words"].rows] == ["教了一小时", "有。"]
    assert hers["ratings_received"].rows[0][1] == ["2 stars", "慢。"]
    assert "ratings_given" not in hers
    assert [value for _label, value in his["exchange_words"].rows] == ["请带眼镜", "没有一小时。"]
    assert {"ratings_given", "exchanges"} <= set(his)
    assert all(part.why and part.until for part in hers.values())


def test_an_exchange_whose_points_were_let_go_is_named_by_the_check(two):
    row = two.agree()
    points.void(CLERK, row.hold_id)  # behind its back
    assert [(v.table, v.row) for check in CHECKS for v in check.run()] == [("exchange", row.id)]
    with later(days=30):
        assert [v for check in CHECKS for v in check.run()] == []  # then its time is over anyway


# ---- words of listings ------------------------------------------------------------------------------------------------------
def words_of(listing) -> tuple[str, str, str]:
    db.session.refresh(listing)
    return listing.title, listing.text, listing.when_text


def test_words_of_a_listing_are_forgotten_a_year_after_its_end(two, make_listing):
    over = make_listing(two.wang, title="装灯泡", when_text="上午")  # never ended by anybody: shown until 25 December
    stopped = make_listing(two.li, title="收费的")
    operations.stop_listing(WORKER, stopped.id, "收费。")
    operations.end_listing(HELPER, two.listing.id, two.li.id)
    row = make_listing(two.li, title="还在的", until_on=clock.today() + timedelta(days=180))
    with later(days=365):
        assert operations.forget_listings() == 0
    with later(days=365, minutes=1):
        assert operations.forget_listings() == 2
        assert words_of(two.listing) == words_of(stopped) == (operations.EMPTIED, "", "")
        assert queries.why_stopped(stopped) == ""
        assert words_of(over)[0] == "装灯泡"
    with later(days=396):
        assert operations.forget_listings() == 1
        assert operations.forget_listings() == 0
        assert (words_of(over), over.state) == ((operations.EMPTIED, "", ""), ListingState.ended)
        assert words_of(row)[0] == "还在的"


def test_who_is_emptied_leaves_no_words_of_listings_behind(two):
    people.restrict_person(CLERK, two.li.id)
    assert words_of(two.listing)[0] == "教老人用手机"
    people.empty_person(CLERK, two.li.id)
    assert (words_of(two.listing), two.listing.state) == ((operations.EMPTIED, "", ""), ListingState.ended)


# ---- locks ------------------------------------------------------------------------------------------------------------------
def locks(statements) -> list[str]:
    """Tables that were locked row by row, in order."""
    return [found[1] for line in statements if "FOR NO KEY UPDATE" in line and (found := re.search(r"FROM (\w+)", line))]


@pytest.mark.parametrize("first", ["points", "exchange"])
def test_whoever_hears_of_a_death_first_exchanges_are_locked_before_all_wallets_at_once(two, count_queries, first):
    rows = [two.agree(minutes=60)]
    offer = operations.write_listing(REQUESTER, two.wang.id, two.place.id, listing_text(title="包饺子"))
    points.earn(CLERK, "given:li", 1, two.li.id, 60, clock.today() - timedelta(days=1), "other", "system")
    helped = operations.respond(HELPER, offer.id, two.li.id, Proposal(60, two.meet_at))
    rows.append(operations.accept(REQUESTER, helped.id, two.wang.id))
    li, rows_of_li = two.li.id, all_rows_of(two.li.id)
    is_postgres = db.engine.dialect.name == "postgresql"
    with count_queries() as statements, atomic():
        if first == "points":
            lives.after_death(CLERK, li)
        else:
            operations.end_exchanges(CLERK, rows_of_li)
    assert [row.state for row in rows] == [ExchangeState.cancelled] * 2
    if is_postgres:
        found = [table for table in locks(statements) if table in {"exchange", "points_wallet"}]
        assert "exchange" not in found[found.index("points_wallet") :]
        wallets = [line for line in statements if "FOR NO KEY UPDATE" in line and "FROM points_wallet" in line]
        assert "ORDER BY points_wallet.id" in wallets[0]  # Wang's and hers together; what follows is locked already
    no_fault()
