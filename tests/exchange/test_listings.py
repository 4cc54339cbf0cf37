"""Offers and needs: written in one's own words, changed, paused, prolonged, ended, stopped."""

from datetime import timedelta

import pytest

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.exchange import operations, queries
from civic.exchange.errors import (
    InOwnCause,
    ListingChanged,
    ListingClosed,
    NotAParty,
    NothingSaid,
    NoTitle,
    OutOfRange,
    TooManyListings,
    UntilOutOfRange,
)
from civic.exchange.models import ExchangeState, ListingKind, ListingState
from civic.exchange.queries import Wanted
from tests.support.exchange import HELPER, WORKER, bodies, later, letter, listing_text, told

DAY = timedelta(days=1)


def shown(place) -> list[str]:
    return [row.title for row in queries.listings(Wanted(path=place.path)).rows]


def found(words, place) -> list[str]:
    return [row.title for row in queries.listings(Wanted(path=place.path, words=words)).rows]


def test_what_is_written_is_shown_and_found_at_once(two):
    assert shown(two.place) == found("手机", two.place) == found("挂号", two.place) == ["教老人用手机"]
    assert two.listing.state is ListingState.open


def test_a_listing_needs_a_title_and_a_length(two):
    for refusal, values in ((NoTitle, {"title": "  "}), (OutOfRange, {"minutes": 0}), (OutOfRange, {"minutes": 481})):
        with pytest.raises(refusal) as told_why:
            operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(**values))
        assert told_why.value.field in values


def test_it_is_shown_180_days_at_most(two):
    today = clock.today()
    operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(until_on=today + 180 * DAY))
    for day in (today + 181 * DAY, today - DAY):
        with pytest.raises(UntilOutOfRange):
            operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(until_on=day))


def test_after_its_last_day_it_is_over_without_any_job_and_can_be_prolonged(two):
    with later(days=31):
        assert queries.is_over(two.listing)
        assert shown(two.place) == found("手机", two.place) == []
        assert operations.drop_over() == 1
        assert operations.drop_over() == 0
        operations.extend_listing(HELPER, two.listing.id, two.li.id, clock.today() + 10 * DAY)
        assert shown(two.place) == found("手机", two.place) == ["教老人用手机"]


def test_paused_it_is_neither_shown_nor_answered_and_comes_back(two):
    operations.pause_listing(HELPER, two.listing.id, two.li.id)
    assert shown(two.place) == found("手机", two.place) == []
    with pytest.raises(ListingClosed):
        two.propose()
    operations.resume_listing(HELPER, two.listing.id, two.li.id)
    assert shown(two.place) == found("手机", two.place) == ["教老人用手机"]


def test_resumed_after_its_last_day_it_needs_a_new_one(two):
    operations.pause_listing(HELPER, two.listing.id, two.li.id)
    with later(days=40):
        with pytest.raises(UntilOutOfRange):
            operations.resume_listing(HELPER, two.listing.id, two.li.id)
        assert operations.resume_listing(HELPER, two.listing.id, two.li.id, clock.today()).state is ListingState.open


def test_edited_with_an_old_version_it_is_a_conflict(two):
    base = two.listing.lock_version
    operations.edit_listing(HELPER, two.listing.id, two.li.id, base, listing_text(title="教视频通话"))
    assert found("视频通话", two.place) == ["教视频通话"]
    assert found("教老人", two.place) == []
    with pytest.raises(ListingChanged) as refusal:
        operations.edit_listing(HELPER, two.listing.id, two.li.id, base, listing_text(title="别的"))
    assert refusal.value.context == {"current": base + 1}


def test_an_offer_does_not_become_a_need(two):
    changed = operations.edit_listing(HELPER, two.listing.id, two.li.id, two.listing.lock_version, listing_text(kind=ListingKind.need))
    assert changed.kind is ListingKind.offer


def test_ended_it_declines_what_waits_and_leaves_what_was_agreed(two, make_person, make_wallet):
    agreed, waiting = two.agree(), two.propose
    chen = make_person("陈静", birth="1970-01-02")
    make_wallet(8_00, chen)
    proposed = operations.respond(Actor(21), two.listing.id, chen.id, operations.Proposal(60, two.meet_at))
    operations.end_listing(HELPER, two.listing.id, two.li.id)
    assert (agreed.state, proposed.state) == (ExchangeState.agreed, ExchangeState.declined)
    assert told(chen) == [letter("Proposed"), letter("No longer open")]
    assert shown(two.place) == found("手机", two.place) == []
    with pytest.raises(ListingClosed):
        operations.end_listing(HELPER, two.listing.id, two.li.id)
    with pytest.raises(ListingClosed):
        waiting()


def test_only_its_owner_changes_it(two):
    for act in (operations.pause_listing, operations.end_listing):
        with pytest.raises(NotAParty):
            act(HELPER, two.listing.id, two.wang.id)


def test_twenty_at_a_time(two):
    for _n in range(19):
        operations.write_listing(HELPER, two.li.id, two.place.id, listing_text())
    with pytest.raises(TooManyListings):
        operations.write_listing(HELPER, two.li.id, two.place.id, listing_text())
    operations.end_listing(HELPER, two.listing.id, two.li.id)
    operations.write_listing(HELPER, two.li.id, two.place.id, listing_text())


@pytest.mark.parametrize("how", ["extend", "resume", "edit"])
def test_what_was_over_comes_back_only_as_one_of_the_twenty(two, how):
    """Twenty new ones run, so the one that is over stays so until one of them has ended."""
    old, li = two.listing, two.li.id
    if how == "resume":
        operations.pause_listing(HELPER, old.id, li)
    acts = {
        "extend": lambda: operations.extend_listing(HELPER, old.id, li, clock.today() + 30 * DAY),
        "resume": lambda: operations.resume_listing(HELPER, old.id, li, clock.today() + 30 * DAY),
        "edit": lambda: operations.edit_listing(HELPER, old.id, li, old.lock_version, listing_text()),
    }
    with later(days=31):
        new = [operations.write_listing(HELPER, li, two.place.id, listing_text()) for _n in range(20)]
        with pytest.raises(TooManyListings):
            acts[how]()
        operations.extend_listing(HELPER, new[0].id, li, clock.today() + 60 * DAY)  # what runs is one of them already
        operations.pause_listing(HELPER, new[1].id, li)
        operations.resume_listing(HELPER, new[1].id, li)
        operations.end_listing(HELPER, new[2].id, li)
        assert queries.is_over(old)
        acts[how]()
        assert len(shown(two.place)) == 20


def test_a_social_worker_stops_it_with_a_reason_that_its_owner_reads(two):
    with pytest.raises(NothingSaid):
        operations.stop_listing(WORKER, two.listing.id, " ")
    stopped = operations.stop_listing(WORKER, two.listing.id, "这是收费服务。")
    assert (stopped.state, queries.why_stopped(stopped)) == (ListingState.stopped, "这是收费服务。")
    assert told(two.li)[-1] == letter("Taken down")
    assert "这是收费服务。" in bodies(two.li)
    assert shown(two.place) == found("手机", two.place) == []
    with pytest.raises(ListingClosed):
        operations.resume_listing(HELPER, two.listing.id, two.li.id)


def test_nobody_stops_her_own(two, make_account):
    account = make_account()
    with atomic():
        db.session.merge(account).person_id = two.li.id
    with pytest.raises(InOwnCause):
        operations.stop_listing(Actor(account.id), two.listing.id, "不需要了。")


def test_the_desk_writes_for_somebody_without_a_phone_who_is_told(two):
    desk = Actor(31, channel=Channel.desk, acting_for=two.wang.id)
    row = operations.write_listing(desk, two.wang.id, two.place.id, listing_text(kind=ListingKind.need, title="陪我去医院"))
    assert (row.channel, row.account_id, row.person_id) == ("desk", 31, two.wang.id)
    assert told(two.wang) == [letter("Written down for you", "陪我去医院")]


def test_her_own_list_shows_what_runs_first(two):
    second = operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(title="织毛衣"))
    operations.end_listing(HELPER, second.id, two.li.id)
    assert [row.title for row in queries.listings_of(two.li.id)] == ["教老人用手机", "织毛衣"]
    assert queries.listings_of(two.wang.id) == []


def test_filters_take_kind_category_place_language_and_what_is_spoken(two):
    for wanted in ({"kind": ListingKind.offer}, {"category": two.listing.category}, {"lang": "zh"}, {"place": two.listing.place}):
        assert queries.listings(Wanted(path=two.place.path, **wanted)).total == 1
    for wanted in ({"kind": ListingKind.need}, {"lang": "en"}, {"speaks": "yue"}, {"path": "/other/"}):
        assert queries.listings(Wanted(**{"path": two.place.path, **wanted})).total == 0
    operations.edit_listing(HELPER, two.listing.id, two.li.id, two.listing.lock_version, listing_text(speaks=("cmn", "yue")))
    assert queries.listings(Wanted(path=two.place.path, speaks="yue")).total == 1
    with pytest.raises(ValueError, match="language"):
        operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(speaks=("klingon",)))


def test_a_list_is_two_statements_whatever_its_length(two, count_queries):
    for _n in range(5):
        operations.write_listing(HELPER, two.li.id, two.place.id, listing_text())
    path = two.place.path
    with count_queries() as statements:
        page = queries.listings(Wanted(path=path), limit=4)
        assert [row.territory.name.zh for row in page.rows] == ["榕树社区"] * 4
    assert (page.total, len(statements)) == (6, 2)
