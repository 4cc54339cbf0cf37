"""Points never move by one person's word: an account speaks for one side of an exchange, and nobody stands at the desk for her own cause."""

from __future__ import annotations

from datetime import timedelta

import pytest

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.exchange import operations
from civic.exchange.errors import InOwnCause, SpokeForOther
from civic.exchange.models import ExchangeState
from civic.exchange.operations import Proposal
from civic.exchange.queries.parties import households_of
from civic.people import operations as people
from civic.people.models import HouseholdRelation
from tests.support.exchange import HELPER, REQUESTER, later, listing_text
from tests.support.people import CLERK

DESK, COLLEAGUE = Actor(1_000_031, channel=Channel.desk), Actor(1_000_032, channel=Channel.desk)


def asked(two, actor):
    return operations.respond(actor, two.listing.id, two.wang.id, Proposal(60, two.meet_at))


def test_one_account_at_the_desk_does_not_agree_for_both(two):
    row = asked(two, DESK)
    with pytest.raises(SpokeForOther):
        operations.accept(DESK, row.id, two.li.id)
    with pytest.raises(SpokeForOther):  # nor by proposing another time for the other, and agreeing to that
        operations.retime(DESK, row.id, two.li.id, two.meet_at)
    assert (row.state, two.numbers) == (ExchangeState.proposed, (8_00, 8_00, 0))
    operations.accept(COLLEAGUE, row.id, two.li.id)
    assert row.state is ExchangeState.agreed


@pytest.mark.parametrize("channel", [Channel.desk, Channel.api, Channel.web])
def test_nor_does_it_report_for_one_and_confirm_for_the_other(two, channel):
    actor = Actor(1_000_033, channel=channel)
    row = operations.accept(HELPER, asked(two, REQUESTER).id, two.li.id)
    operations.deliver(actor, row.id, two.li.id, 60)
    with pytest.raises(SpokeForOther):
        operations.confirm(actor, row.id, two.wang.id)
    assert two.numbers == (8_00, 7_00, 0)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert two.numbers == (7_00, 7_00, 1_00)


def test_nor_agree_for_one_and_confirm_for_the_other(two):
    row = operations.accept(DESK, asked(two, REQUESTER).id, two.li.id)
    operations.deliver(HELPER, row.id, two.li.id, 60)
    with pytest.raises(SpokeForOther):
        operations.confirm(DESK, row.id, two.wang.id)
    operations.confirm(COLLEAGUE, row.id, two.wang.id)
    assert row.state is ExchangeState.confirmed


def test_nor_ask_for_one_and_report_for_the_other(two):
    row = operations.accept(COLLEAGUE, asked(two, DESK).id, two.li.id)
    with pytest.raises(SpokeForOther):
        operations.deliver(DESK, row.id, two.li.id, 60)
    operations.deliver(COLLEAGUE, row.id, two.li.id, 60)  # two accounts have spoken: silence is a word now
    with later(days=8):
        operations.touch(row.id)
    assert two.numbers == (7_00, 7_00, 1_00)


def test_calling_it_off_or_a_word_moves_nothing_and_is_free(two):
    row = operations.accept(COLLEAGUE, asked(two, DESK).id, two.li.id)
    operations.say(DESK, row.id, two.li.id, "我晚到十分钟。")
    operations.cancel(DESK, row.id, two.li.id)
    assert row.state is ExchangeState.cancelled


@pytest.fixture
def clerk_of(make_account):
    """The account of a worker who is this person, at the desk or elsewhere."""

    def make(person, channel=Channel.desk) -> Actor:
        account = make_account()
        with atomic():
            db.session.merge(account).person_id = person.id
        return Actor(account.id, channel=channel)

    return make


@pytest.mark.parametrize("channel", [Channel.desk, Channel.api, Channel.web])
def test_one_of_the_two_does_nothing_for_the_other(two, clerk_of, channel):
    wang = clerk_of(two.wang, channel)
    row = two.deliver()
    acts = (
        lambda: operations.confirm(wang, row.id, two.li.id),
        lambda: operations.deliver(wang, row.id, two.li.id, 60),
        lambda: operations.say(wang, row.id, two.li.id, "好"),
        lambda: operations.open_dispute(wang, row.id, two.li.id, "不对"),
    )
    for act in acts:
        with pytest.raises(InOwnCause):
            act()
    other = operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(title="陪聊天"))
    asked_anew = operations.respond(REQUESTER, other.id, two.wang.id, Proposal(60, two.meet_at))
    with pytest.raises(InOwnCause):
        operations.accept(wang, asked_anew.id, two.li.id)


def test_nobody_stands_at_the_desk_for_herself_or_her_household(two, clerk_of, make_person):
    own = clerk_of(two.wang)
    with pytest.raises(InOwnCause):
        operations.respond(own, two.listing.id, two.wang.id, Proposal(60, two.meet_at))
    with pytest.raises(InOwnCause):
        operations.write_listing(own, two.wang.id, two.place.id, listing_text())
    mate = make_person("王强", birth="1980-02-03")
    people.join_household(CLERK, [mate.id], households_of([two.li.id])[two.li.id], HouseholdRelation.other, clock.today())
    row, of_mate = two.propose(), clerk_of(mate)
    for act in (
        lambda: operations.accept(of_mate, row.id, two.li.id),
        lambda: operations.cancel(of_mate, row.id, two.wang.id),
        lambda: operations.pause_listing(of_mate, two.listing.id, two.li.id),
        lambda: operations.edit_listing(of_mate, two.listing.id, two.li.id, 1, listing_text()),
        lambda: operations.extend_listing(of_mate, two.listing.id, two.li.id, clock.today() + timedelta(days=9)),
    ):
        with pytest.raises(InOwnCause):
            act()


def test_who_is_nobody_of_them_acts_at_the_desk_and_everybody_acts_for_herself(two, clerk_of, make_person):
    worker = clerk_of(make_person("林姐", birth="1980-01-01"))
    row = operations.accept(worker, two.propose().id, two.li.id)
    herself = clerk_of(two.wang, Channel.web)
    operations.deliver(worker, row.id, two.li.id, 60)
    operations.confirm(herself, row.id, two.wang.id)
    assert row.state is ExchangeState.confirmed
