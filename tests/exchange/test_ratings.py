"""Ratings: once each, after points have moved; a number for everybody, words for the two and social workers."""

import pytest

from civic.core import clock, notes
from civic.core.atomic import atomic
from civic.core.viewer import Actor, Channel
from civic.exchange import operations, queries
from civic.exchange.errors import AlreadyRated, NotAParty, OutOfRange, SpokeForOther, WrongMoment
from civic.exchange.models import Verb
from civic.exchange.queries import Act, Stars
from civic.people import operations as people
from tests.support.exchange import HELPER, REQUESTER, WORKER, bodies, later, letter, said, told
from tests.support.people import CLERK, COLLEAGUE

SAID = "%(other)s gave %(stars)s of 5 stars for what you did for each other."


def finished(two, minutes=120):
    row = two.deliver(minutes)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    return row


def test_each_rates_the_other_once(two):
    row = finished(two)
    operations.rate(REQUESTER, row.id, two.wang.id, 5, "很有耐心。")
    operations.rate(HELPER, row.id, two.li.id, 4)
    for actor, person in ((REQUESTER, two.wang), (HELPER, two.li)):
        with pytest.raises(AlreadyRated):
            operations.rate(actor, row.id, person.id, 1)
    assert queries.stars_of([two.wang.id, two.li.id]) == {two.wang.id: Stars(1, 4.0), two.li.id: Stars(1, 5.0)}
    view = queries.exchange_view(row, two.li.id)
    assert [(r.by.name, r.about.name, r.stars, r.words) for r in view.ratings] == [
        ("王芳", "李秀英", 5, "很有耐心。"), ("李秀英", "王芳", 4, ""),
    ]  # fmt: skip
    assert view.acts == frozenset()


def test_the_one_who_was_rated_is_told_and_nobody_else(two):
    row = finished(two)
    before = len(told(two.wang)), len(told(two.li))
    operations.rate(REQUESTER, row.id, two.wang.id, 4, "很有耐心。")
    assert (len(told(two.wang)), len(told(two.li))) == (before[0], before[1] + 1)
    assert told(two.li)[-1] == letter("How it was")
    last = bodies(two.li)[bodies(two.li).rindex(said(SAID, other="王芳", stars=4)) :]
    assert "很有耐心。" in last
    with pytest.raises(AlreadyRated):
        operations.rate(REQUESTER, row.id, two.wang.id, 4, "很有耐心。")
    assert len(told(two.li)) == before[1] + 1


def test_she_reads_it_in_her_own_language(two):
    row = finished(two)
    with atomic():
        two.li.lang = "en"
    operations.rate(REQUESTER, row.id, two.wang.id, 5)
    assert told(two.li)[-1] == "How it was: 教老人用手机"
    assert "王芳 gave 5 of 5 stars" in bodies(two.li)


def test_a_rating_at_the_desk_is_told_too_and_the_dead_get_none(two):
    row = finished(two)
    clerk = Actor(1_000_014, channel=Channel.desk, acting_for=two.wang.id)
    operations.rate(clerk, row.id, two.wang.id, 3)
    assert told(two.li)[-1] == letter("How it was")
    people.record_death(CLERK, two.wang.id, clock.today())
    before = len(told(two.wang))
    operations.rate(HELPER, row.id, two.li.id, 5)
    assert len(told(two.wang)) == before


def test_one_clerk_rates_for_one_of_the_two_alone(two):
    """Who wrote down what one of them thought does not say what the other thinks; a colleague does."""
    row = finished(two)
    first, second = (Actor(n, channel=Channel.desk, acting_for=None) for n in (1_000_014, 1_000_015))
    operations.rate(first, row.id, two.wang.id, 3)
    with pytest.raises(SpokeForOther):
        operations.rate(first, row.id, two.li.id, 5)
    operations.rate(second, row.id, two.li.id, 5)
    rated = [(e.by.name, e.verb) for e in queries.exchange_view(row, two.li.id).events if e.verb is Verb.rated]
    assert rated == [("王芳", Verb.rated), ("李秀英", Verb.rated)]


def test_one_to_five_stars(two):
    row = finished(two)
    for stars in (0, 6, -1):
        with pytest.raises(OutOfRange):
            operations.rate(REQUESTER, row.id, two.wang.id, stars)


def test_not_before_the_end_and_not_without_help(two, make_person):
    row = two.agree()
    with pytest.raises(WrongMoment):
        operations.rate(REQUESTER, row.id, two.wang.id, 5)
    operations.cancel(REQUESTER, row.id, two.wang.id)
    with pytest.raises(WrongMoment):
        operations.rate(REQUESTER, row.id, two.wang.id, 5)
    with pytest.raises(NotAParty):
        operations.rate(REQUESTER, row.id, make_person("陈静", birth="1970-01-02").id, 5)


def test_silence_and_a_decision_are_ends_too(two):
    row = two.deliver()
    with later(days=8):
        operations.rate(REQUESTER, row.id, two.wang.id, 3)  # the act itself settles what is due
    other = two.deliver()
    operations.open_dispute(REQUESTER, other.id, two.wang.id, "没来。")
    operations.decide_dispute(WORKER, other.id, 60, "一小时。")
    assert queries.exchange_view(other, two.wang.id).acts == {Act.rate}
    operations.rate(REQUESTER, other.id, two.wang.id, 2)
    assert queries.stars_of([two.li.id]) == {two.li.id: Stars(2, 2.5)}


def test_merged_rows_are_one_person_with_one_rating_an_exchange(two, make_person):
    row = finished(two)
    operations.rate(HELPER, row.id, two.li.id, 4)
    kept = make_person("王芳")
    people.decide_merge(COLLEAGUE, people.ask_merge(CLERK, two.wang.id, kept.id, "同一人").id, True)
    assert queries.stars_of([kept.id]) == {kept.id: Stars(1, 4.0)}
    operations.rate(REQUESTER, row.id, kept.id, 5)
    with pytest.raises(AlreadyRated):
        operations.rate(REQUESTER, row.id, kept.id, 5)


def test_words_and_evidence_are_forgotten_a_year_after_the_end_numbers_stay(two):
    row = two.agree(words="请带眼镜")
    operations.deliver(HELPER, row.id, two.li.id, 60)
    operations.open_dispute(REQUESTER, row.id, two.wang.id, "她没有来。")
    operations.answer_dispute(HELPER, row.id, two.li.id, "来了。")
    operations.decide_dispute(WORKER, row.id, 30, "半小时。")
    operations.rate(REQUESTER, row.id, two.wang.id, 1, "迟到。")
    with later(days=364):
        assert operations.forget_words() == 0
    with later(days=366):
        assert operations.forget_words() == 1
        assert operations.forget_words() == 0
    view = queries.exchange_view(row, two.wang.id)
    assert {e.words for e in view.events} == {""}
    assert (view.dispute.words, view.dispute.answer, view.dispute.decision, view.ratings[0].words) == ("", "", "", "")
    assert (view.ratings[0].stars, view.dispute.row.decided_minutes) == (1, 30)
    assert set(notes.read([view.dispute.row.note_id]).values()) == {""}
    assert clock.now() < row.ended_at.replace(year=row.ended_at.year + 1)
