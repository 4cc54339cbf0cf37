"""What social workers see and stop, who may do what, and which listings are suggested to whom."""

from datetime import timedelta

import pytest

from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Role, Scope, Viewer
from civic.exchange import labels, operations, policies, queries
from civic.exchange.errors import NothingSaid, WrongMoment
from civic.exchange.models import SPEECH, Category, ExchangeState, ListingKind
from civic.exchange.operations import Proposal
from civic.exchange.queries.parties import households_of
from civic.people import operations as people
from civic.people.models import HouseholdRelation
from civic.points.models import Hold, HoldState
from tests.support.exchange import HELPER, REQUESTER, WORKER, bodies, later, letter, listing_text, told
from tests.support.people import CLERK

HERE, THERE = "/440113/440113009/440113009001/", "/440113/440113009/440113009002/"
RESIDENT = Viewer(1, person_id=7, verified_in=frozenset({HERE}))
NEIGHBOUR = Viewer(2, person_id=8, verified_in=frozenset({THERE}))
STRANGER = Viewer(3, person_id=9, verified_in=frozenset({"/440199/1/2/"}))
UNVERIFIED = Viewer(4, person_id=10)
SOCIAL = Viewer(5, scopes=(Scope(Role.social_worker, HERE),))
SOCIAL_THERE = Viewer(6, scopes=(Scope(Role.social_worker, THERE),))
CLERK_HERE = Viewer(7, scopes=(Scope(Role.clerk, HERE, frozenset({3})),))
MANAGER = Viewer(8, scopes=(Scope(Role.manager, "/440113/440113009/"),))
AUDITOR = Viewer(9, scopes=(Scope(Role.auditor, "/440113/"),))
EVERYBODY = (RESIDENT, NEIGHBOUR, STRANGER, UNVERIFIED, SOCIAL, SOCIAL_THERE, CLERK_HERE, MANAGER, AUDITOR, Viewer())


@pytest.mark.parametrize(
    ("may", "those"),
    [
        (policies.can_write, [RESIDENT]),
        (policies.can_write_for, [SOCIAL, CLERK_HERE, MANAGER]),
        (policies.can_respond, [RESIDENT, NEIGHBOUR]),
        (policies.can_see_owner, [RESIDENT, NEIGHBOUR, SOCIAL, CLERK_HERE, MANAGER]),
        (policies.can_watch, [SOCIAL]),
        (policies.can_stop, [SOCIAL]),
        (policies.can_decide, [SOCIAL]),
    ],
)
def test_who_may(may, those):
    assert [viewer for viewer in EVERYBODY if may(viewer, HERE)] == those


def test_an_exchange_is_seen_by_the_two_and_social_workers():
    assert [viewer for viewer in EVERYBODY if policies.can_see(viewer, HERE, {7, 9})] == [RESIDENT, STRANGER, SOCIAL]
    assert [viewer for viewer in EVERYBODY if policies.can_act_for(viewer, THERE, HERE)] == [SOCIAL, SOCIAL_THERE, CLERK_HERE, MANAGER]
    assert [viewer for viewer in EVERYBODY if policies.owns(viewer, 7)] == [RESIDENT]


def worker_at(path) -> Viewer:
    return Viewer(13, scopes=(Scope(Role.social_worker, path),))


def test_she_sees_every_exchange_of_her_communities_and_no_other(two):
    row = two.agree()
    (seen,) = queries.exchanges_at(worker_at(two.place.path))
    assert (seen.exchange.id, seen.requester.name, seen.helper.name, seen.side) == (row.id, "王芳", "李秀英", None)
    assert queries.exchanges_at(worker_at("/other/")) == queries.exchanges_at(Viewer()) == []
    assert queries.exchanges_at(worker_at(two.place.path), state=ExchangeState.delivered) == []
    assert [listing.title for listing in queries.listings_at(worker_at(two.place.path))] == ["教老人用手机"]
    assert queries.listings_at(Viewer()) == []


@pytest.mark.parametrize("stage", ["propose", "agree", "deliver"])
def test_she_stops_any_exchange_and_both_are_told_why(two, stage):
    row = getattr(two, stage)()
    with pytest.raises(NothingSaid):
        operations.stop(WORKER, row.id, "")
    operations.stop(WORKER, row.id, "有人投诉收费。")
    assert (row.state, two.numbers) == (ExchangeState.cancelled, (8_00, 8_00, 0))
    assert told(two.wang)[-1] == told(two.li)[-1] == letter("Stopped")
    assert "有人投诉收费。" in bodies(two.wang)
    assert "有人投诉收费。" in bodies(two.li)
    if row.hold_id:
        assert db.session.get_one(Hold, row.hold_id).state is HoldState.voided
    with pytest.raises(WrongMoment):
        operations.stop(WORKER, row.id, "再停一次。")


def test_what_is_confirmed_is_not_stopped(two):
    row = two.deliver()
    operations.confirm(REQUESTER, row.id, two.wang.id)
    with pytest.raises(WrongMoment):
        operations.stop(WORKER, row.id, "太晚。")
    late = two.deliver()
    with later(days=8), pytest.raises(WrongMoment):
        operations.stop(WORKER, late.id, "太晚。")


# ---- suggestions ------------------------------------------------------------------------------------------------------------
def titles(person, **values) -> list[str]:
    return [row.title for row in queries.suggestions(person.id, "zh", **values)]


def test_needs_are_answered_by_offers_of_the_same_category_first(two, make_listing):
    make_listing(two.wang, kind=ListingKind.need, category=Category.phone, title="不会用手机")
    with later(minutes=1):
        make_listing(two.li, category=Category.home, title="装灯泡")
    with later(minutes=2):
        make_listing(two.li, category=Category.home, title="Fixing lamps", lang="en")
    make_listing(two.li, kind=ListingKind.need, category=Category.phone, title="我也不会")
    assert titles(two.wang) == ["教老人用手机", "装灯泡", "Fixing lamps"]


def test_who_speaks_a_language_of_hers_stands_before_others_and_who_shares_none_last(two, make_listing, make_person):
    make_listing(two.wang, kind=ListingKind.need, category=Category.phone, title="不会用手机", speaks=("yue", "cmn"))
    chen = make_person("陈静", birth="1970-01-02")
    make_listing(chen, category=Category.phone, title="说粤语的", speaks=("yue",))
    make_listing(chen, category=Category.home, title="装灯泡", speaks=("cmn", "en"))
    with later(minutes=1):
        make_listing(chen, category=Category.phone, title="只说英语的", speaks=("en",))
        make_listing(chen, category=Category.home, title="没写语言的")
    # the same kind of help: a shared language, then one that says nothing; other kinds likewise; what no word is shared for stands last
    assert titles(two.wang) == ["说粤语的", "教老人用手机", "装灯泡", "没写语言的", "只说英语的"]
    make_listing(two.wang, title="学英语", speaks=("en",))  # she says elsewhere that she speaks it
    assert titles(two.wang)[:2] == ["只说英语的", "说粤语的"]


def test_who_says_nothing_of_her_languages_is_not_sorted_by_them(two, make_listing, make_person):
    make_listing(two.wang, kind=ListingKind.need, category=Category.phone, title="不会用手机")
    chen = make_person("陈静", birth="1970-01-02")
    with later(minutes=1):
        make_listing(chen, category=Category.phone, title="只说英语的", speaks=("en",))
    assert titles(two.wang) == ["只说英语的", "教老人用手机"]


def test_every_language_has_its_words():
    assert tuple(labels.SPEAKS) == SPEECH


def test_for_one_listing_only_what_answers_it(two, make_listing):
    need = make_listing(two.wang, kind=ListingKind.need, category=Category.home, title="修水龙头")
    assert titles(two.wang, listing_id=need.id) == []
    make_listing(two.li, category=Category.home, title="会修水管")
    assert titles(two.wang, listing_id=need.id) == ["会修水管"]


def test_somebody_without_a_listing_gets_the_newest_of_her_community(two, make_listing, make_person, make_community):
    with later(minutes=1):
        make_listing(two.li, kind=ListingKind.need, title="要人陪")
    assert titles(two.wang) == ["要人陪", "教老人用手机"]
    assert titles(make_person("陈静", birth="1970-01-02", place=make_community())) == []


def test_neither_her_own_nor_her_households_nor_what_she_answers_nor_what_is_over(two, make_listing, make_person):
    make_listing(two.wang, title="自己的")
    mate = make_person("王强", birth="1980-02-03")
    people.join_household(CLERK, [mate.id], households_of([two.wang.id])[two.wang.id], HouseholdRelation.child, clock.today())
    make_listing(mate, kind=ListingKind.need, title="家里的")
    need = make_listing(two.li, kind=ListingKind.need, title="要人陪")
    operations.pause_listing(HELPER, make_listing(two.li, kind=ListingKind.need, title="停了").id, two.li.id)
    assert titles(two.wang) == ["要人陪"]
    row = operations.respond(REQUESTER, need.id, two.wang.id, Proposal(60, two.meet_at))
    assert titles(two.wang) == []
    operations.cancel(REQUESTER, row.id, two.wang.id)
    assert titles(two.wang) == ["要人陪"]
    with later(days=31):
        assert titles(two.wang) == []


def test_suggestions_are_one_statement(two, make_listing, count_queries):
    for n in range(3):
        make_listing(two.li, title=f"教{n}")
    who = two.wang.id
    with count_queries() as statements:
        assert len(queries.suggestions(who, "zh", limit=3)) == 3
    assert len(statements) == 1


def test_what_is_worth_how_much_is_told_before(two):
    rules = queries.rules_at(two.place.id)
    assert [rules.worth(Category.phone, minutes) for minutes in (29, 30, 110, 120)] == [0, 50, 1_50, 2_00]
    assert rules.least == 30
    assert queries.rules_at(two.place.id, clock.today() - timedelta(days=400)) is None


def test_what_waits_for_her_is_counted(two):
    row = two.propose()
    assert (queries.waiting_for(two.li.id), queries.waiting_for(two.wang.id)) == (1, 0)
    operations.accept(HELPER, row.id, two.li.id)
    assert (queries.waiting_for(two.li.id), queries.waiting_for(two.wang.id)) == (0, 0)
    operations.deliver(HELPER, row.id, two.li.id, 60)
    assert (queries.waiting_for(two.li.id), queries.waiting_for(two.wang.id)) == (0, 1)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert (queries.waiting_for(two.li.id), queries.waiting_for(two.wang.id)) == (0, 0)


def test_search_of_the_site_shows_what_is_open_and_not_whose_it_is(two, client):
    operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(title="陪老人散步"))
    client.set_cookie("civic_place", two.place.code)
    page = client.get("/search?q=散步").get_data(as_text=True)
    assert "陪老人散步" in page
    assert "李秀英" not in page
