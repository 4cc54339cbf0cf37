"""The desk: disputes to decide, late first; stopping; writing and acting for the person beside, marked and never in one's own cause."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.site import FeatureSwitch
from civic.core.viewer import Channel, Role
from civic.exchange import operations, queries
from civic.exchange.models import Category, Dispute, Exchange, ExchangeEvent, ExchangeState, Listing, ListingState
from civic.exchange.queries.parties import households_of
from civic.people import operations as people
from civic.people.models import HouseholdRelation, Look
from tests.support.exchange import HELPER, REQUESTER, bodies, frozen_wallet, later, listing_text, told
from tests.support.people import CLERK
from tests.support.points import adopt


@pytest.fixture
def social(web, two):
    """A social worker of the community."""
    return web.enter(role=Role.social_worker, territory=two.place)


@pytest.fixture
def clerk(web, two):
    return web.enter(role=Role.clerk, territory=two.place)


def beside(person) -> str:
    return f"/desk/exchange/people/{person.uid}"


def disputed(two, words="只来了一小时") -> Exchange:
    row = two.deliver()
    operations.open_dispute(REQUESTER, row.id, two.wang.id, words)
    return row


# ---- disputes ---------------------------------------------------------------------------------------------------------------
def test_a_dispute_waits_on_the_desk_and_is_decided(web, two, social):
    row = disputed(two)
    assert "Disputes between neighbours" in web.page(social, "/desk/")
    assert f"/desk/exchange/disputes/{row.uid}" in web.page(social, "/desk/exchange/")
    page = web.page(social, f"/desk/exchange/disputes/{row.uid}")
    assert "只来了一小时" in page
    assert "has not answered yet" in page
    social.submit(f"/desk/exchange/disputes/{row.uid}", {"minutes": "60", "words": ""}, status=422)
    social.submit(f"/desk/exchange/disputes/{row.uid}", {"minutes": "60", "words": "一小时算数。"}, status=303)
    assert (web.fresh(row).state, two.numbers) == (ExchangeState.settled, (7_00, 7_00, 1_00))
    assert "一小时算数。" in web.page(web.wang, f"/exchange/agreements/{row.uid}")
    assert "A social worker decided. Done: 1 hour" in web.page(web.li, f"/exchange/agreements/{row.uid}")
    assert "Your decision" not in web.page(social, f"/desk/exchange/disputes/{row.uid}")


def test_nothing_of_it_counts_gives_everything_back(web, two, social):
    row = disputed(two)
    social.submit(f"/desk/exchange/disputes/{row.uid}", {"minutes": "0", "words": "没有来。"}, status=303)
    assert (web.fresh(row).state, two.numbers) == (ExchangeState.settled, (8_00, 8_00, 0))
    assert "decided that nothing counts" in web.page(web.wang, f"/exchange/agreements/{row.uid}")


def test_late_ones_stand_first_and_say_so(web, two, social, make_listing):
    late = disputed(two)
    with atomic():
        db.session.query(Dispute).one().answer_by_on = clock.today() - timedelta(days=1)
    other = make_listing(two.li, title="陪散步")
    young = operations.respond(REQUESTER, other.id, two.wang.id, operations.Proposal(60, two.meet_at))
    operations.accept(HELPER, young.id, two.li.id)
    operations.deliver(HELPER, young.id, two.li.id, 60)
    operations.open_dispute(REQUESTER, young.id, two.wang.id, "没来")
    page = web.page(social, "/desk/exchange/")
    assert page.index(late.uid) < page.index(young.uid)
    assert page.count("Late") == 1
    assert "were over on" in web.page(social, f"/desk/exchange/disputes/{late.uid}")


def test_nobody_decides_in_her_own_cause(web, two, social, make_account, sign_in):
    row = disputed(two)
    account = make_account(role=Role.social_worker, territory=two.place)
    with atomic():
        db.session.merge(account).person_id = two.li.id
    own = web.enter()
    sign_in(own, account)
    own.set_cookie("civic_lang", "en")
    text = own.submit(f"/desk/exchange/disputes/{row.uid}", {"minutes": "0", "words": "我说了算"}, status=403).get_data(as_text=True)
    assert "A colleague has to do it." in text
    assert web.fresh(row).state is ExchangeState.disputed


def test_who_spoke_for_one_of_them_reads_why_she_does_not_decide(web, two, social):
    row = two.deliver()
    social.submit(f"{beside(two.wang)}/agreements/{row.uid}/dispute", {"words": "只来了一小时"}, status=303)
    address = f"/desk/exchange/disputes/{row.uid}"
    page = web.page(social, address)
    assert "You have spoken for one of the two in this exchange, so you cannot decide about it." in page
    assert "只来了一小时" in page
    assert "Decide so" not in page
    typed = {"minutes": "60", "words": "我决定。"}
    refused = social.submit(address, typed, page=f"/desk/exchange/agreements/{row.uid}/stop", status=403)
    assert "A colleague has to do it." in refused.get_data(as_text=True)
    assert web.fresh(row).state is ExchangeState.disputed
    colleague = web.enter(role=Role.social_worker, territory=two.place)
    assert "Decide so" in web.page(colleague, address)
    colleague.submit(address, typed, status=303)
    assert web.fresh(row).state is ExchangeState.settled


def test_a_look_at_an_exchange_is_noted_for_both(web, two, social):
    row = two.agree()
    web.page(social, f"/desk/exchange/agreements/{row.uid}")
    assert {look.person_id for look in db.session.query(Look)} == {two.wang.id, two.li.id}


def test_where_nothing_can_be_paid_only_nothing_can_be_decided(web, two, social):
    row = disputed(two)
    frozen_wallet(two.wallet)
    address = f"/desk/exchange/disputes/{row.uid}"
    page = web.page(social, address)
    assert "is frozen" in page
    assert 'value="60"' not in page
    social.submit(address, {"minutes": "60", "words": "一小时"}, status=422)
    social.submit(address, {"minutes": "0", "words": "先退回。"}, status=303)
    assert web.fresh(row).state is ExchangeState.settled


def test_what_is_offered_to_decide_is_what_is_booked(web, two, social, programme):
    """Agreed at 1.00 an hour; since then the rules give 2.00 and count whole hours, and the listing stands under another kind of help."""
    row = two.agree(110)
    operations.edit_listing(HELPER, two.listing.id, two.li.id, 1, listing_text(category=Category.care))
    adopt(programme.id, "2026-2", clock.today() + timedelta(days=1), {("*", "*"): 2_00, ("care", "*"): 3_00}, rounding=60)
    with later(days=1):
        lengths = web.page(web.enter(two.li, verified=False), f"/exchange/agreements/{row.uid}/deliver")
        assert [f'value="{minutes}"' in lengths for minutes in (30, 60, 90, 110)] == [True] * 4
        operations.deliver(HELPER, row.id, two.li.id, 110)
        operations.open_dispute(REQUESTER, row.id, two.wang.id, "不对。")
        worker, address = web.enter(role=Role.social_worker, territory=two.place), f"/desk/exchange/disputes/{row.uid}"
        page = web.page(worker, address)
        assert "1 hour 30 minutes: 1.5 points" in page
        assert "1 hour: 1 point" in page
        worker.submit(address, {"minutes": "90", "words": "一个半小时。"}, status=303)
        assert two.numbers == (6_50, 6_50, 1_50)


# ---- stopping ---------------------------------------------------------------------------------------------------------------
def test_an_exchange_is_stopped_with_a_reason(web, two, social):
    row = two.agree()
    address = f"/desk/exchange/agreements/{row.uid}"
    assert f"{address}/stop" in web.page(social, address)
    social.submit(f"{address}/stop", {"why": ""}, status=422)
    social.submit(f"{address}/stop", {"why": "有人收钱。"}, status=303)
    assert (web.fresh(row).state, two.numbers) == (ExchangeState.cancelled, (8_00, 8_00, 0))
    assert "有人收钱。" in bodies(two.wang)
    social.submit(f"{address}/stop", {"why": "再停"}, status=409)
    assert f"{address}/stop" not in web.page(social, address)


def test_a_listing_is_stopped_with_a_reason_its_owner_reads(web, two, social):
    assert "Stop it" in web.page(social, "/desk/exchange/listings")
    social.submit(f"/desk/exchange/listings/{two.listing.uid}/stop", {"why": "收费的。"}, status=303)
    db.session.expire_all()
    assert db.session.get_one(Listing, two.listing.id).state is ListingState.stopped
    assert "收费的。" in web.page(web.li, f"/exchange/listings/{two.listing.uid}")
    web.page(web.wang, f"/exchange/listings/{two.listing.uid}", 410)
    assert "Stop it" not in web.page(social, "/desk/exchange/listings")


def test_a_social_worker_of_another_community_sees_nothing(web, two, make_community):
    row, elsewhere = disputed(two), web.enter(role=Role.social_worker, territory=make_community())
    for address in (f"agreements/{row.uid}", f"agreements/{row.uid}/stop", f"disputes/{row.uid}", f"listings/{two.listing.uid}/stop"):
        web.page(elsewhere, f"/desk/exchange/{address}", 404)
    assert row.uid not in web.page(elsewhere, "/desk/exchange/")


def test_a_clerk_sees_no_exchanges_of_others_but_finds_people(web, two, clerk):
    row = two.agree()
    page = web.page(clerk, "/desk/exchange/")
    assert row.uid not in page
    assert "/desk/people/" in page
    web.page(clerk, f"/desk/exchange/agreements/{row.uid}", 403)


# ---- for the person beside --------------------------------------------------------------------------------------------------
def test_her_page_at_the_desk_leads_here(web, two, clerk):
    assert f"{beside(two.wang)}/" in web.page(clerk, f"/desk/people/{two.wang.uid}")


def test_an_offer_is_written_down_and_marked(web, two, clerk):
    typed = {"kind": "offer", "title": "讲老故事", "category": "company", "place": "helpers", "minutes": "60", "lang": "zh"}
    typed["until_on"] = (clock.today() + timedelta(days=60)).isoformat()
    clerk.submit(f"{beside(two.wang)}/new", typed, status=303)
    (row,) = queries.listings_of(two.wang.id)
    assert (row.title, row.channel, row.person_id) == ("讲老故事", Channel.desk.value, two.wang.id)
    assert len(told(two.wang)) == 1  # she is told that it was written for her
    clerk.submit(f"{beside(two.wang)}/listings/{row.uid}/edit", {**typed, "title": "讲番禺老故事"}, status=303)
    clerk.submit(f"{beside(two.wang)}/listings/{row.uid}/pause", page=f"{beside(two.wang)}/listings/{row.uid}/edit", status=303)
    db.session.expire_all()
    assert (row.title, row.state) == ("讲番禺老故事", ListingState.paused)
    web.page(clerk, f"{beside(two.li)}/listings/{row.uid}/edit", 404)


def test_the_whole_exchange_at_the_window(web, two, clerk):
    colleague, day = web.enter(role=Role.clerk, territory=two.place), clock.today().isoformat()
    answer = {"meet_at": day, "meet_time": "15:00", "minutes": "60", "words": "请慢慢讲"}
    clerk.submit(f"{beside(two.wang)}/listings/{two.listing.uid}/respond", answer, status=303)
    (line,) = queries.exchanges_of(two.wang.id)
    row, hers, his = line.exchange, f"{beside(two.wang)}/agreements/{line.exchange.uid}", f"{beside(two.li)}/agreements/{line.exchange.uid}"
    colleague.submit(f"{his}/accept", page=his, status=303)  # the clerk has spoken for her
    colleague.submit(f"{his}/deliver", {"minutes": "60"}, status=303)
    clerk.submit(f"{hers}/confirm", page=hers, status=303)
    clerk.submit(f"{hers}/rate", {"stars": "5"}, status=303)
    assert (web.fresh(row).state, two.numbers) == (ExchangeState.confirmed, (7_00, 7_00, 1_00))
    channels = {event.channel for event in db.session.query(ExchangeEvent).filter(ExchangeEvent.person_id.is_not(None))}
    assert channels == {"desk"}
    assert "at the desk" in web.page(web.wang, f"/exchange/agreements/{row.uid}")
    assert "请慢慢讲" not in web.page(clerk, hers)  # words are for the two and for social workers
    assert "请慢慢讲" in web.page(web.li, f"/exchange/agreements/{row.uid}")


def test_every_step_of_her_pages_is_there_at_the_window(web, two, clerk):
    """The desk's page offers what her own page offers, state by state."""
    colleague = web.enter(role=Role.clerk, territory=two.place)
    row = two.propose()
    hers, own = f"{beside(two.li)}/agreements/{row.uid}", f"/exchange/agreements/{row.uid}"

    def offered(browser, address: str) -> set[str]:
        page = web.page(browser, address)
        return {act.value for act in queries.Act if f'{address}/{act.value}"' in page}

    def same() -> set[str]:
        found = offered(clerk, hers)
        assert found == offered(web.li, own)
        return found

    assert same() == {"accept", "decline", "retime", "say"}
    later_day = {"meet_at": (clock.today() + timedelta(days=1)).isoformat(), "meet_time": "09:00", "minutes": "60"}
    clerk.submit(f"{hers}/retime", later_day, status=303)
    assert same() == {"retime", "cancel", "say"}
    his = f"{beside(two.wang)}/agreements/{row.uid}"
    colleague.submit(f"{his}/accept", page=his, status=303)
    clerk.submit(f"{hers}/say", {"words": "我带工具"}, page=hers, status=303)
    with later(days=1):
        clerk, colleague = (web.enter(role=Role.clerk, territory=two.place) for _each in range(2))
        colleague.submit(f"{his}/deliver", {"minutes": "60"}, status=303)
        assert offered(clerk, hers) == {"confirm", "dispute", "say"}
        paper = (io.BytesIO(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"), "收据.pdf")
        clerk.submit(f"{hers}/dispute", {"words": "只来了半小时", "files": paper}, status=303)
        assert offered(clerk, hers) == {"say"}
        colleague.submit(f"{his}/answer", {"words": "来了一小时"}, status=303)
        assert offered(colleague, his) == {"say"}
        view = queries.exchange_view(web.fresh(row), two.li.id)
        assert (view.state, view.dispute.words, view.dispute.answer) == (ExchangeState.disputed, "只来了半小时", "来了一小时")
        assert [file.name for file in view.dispute.files] == ["收据.pdf"]
        assert {event.at_desk for event in view.events if event.verb in ("disputed", "answered")} == {True}


def test_she_says_no_or_calls_it_off_at_the_window(web, two, clerk):
    row = two.propose()
    clerk.submit(f"{beside(two.li)}/agreements/{row.uid}/decline", {"words": ""}, status=303)
    assert web.fresh(row).state is ExchangeState.declined
    other = two.agree()
    clerk.submit(f"{beside(two.wang)}/agreements/{other.uid}/cancel", {"words": "病了"}, status=303)
    assert (web.fresh(other).state, two.numbers) == (ExchangeState.cancelled, (8_00, 8_00, 0))


def test_the_window_looks_through_everything_that_she_could_answer(web, two, clerk, make_listing, make_person, make_community):
    """Not only what is suggested: all that is open in her district, searched as on the public list."""
    chen = make_person("陈静", birth="1970-01-02")
    far = make_listing(chen, territory=make_community(), title="修自行车", category=Category.home)
    own = make_listing(two.wang, title="剪头发")
    mate = make_person("王强", birth="1980-02-03")
    people.join_household(CLERK, [mate.id], households_of([two.wang.id])[two.wang.id], HouseholdRelation.other, clock.today())
    of_mate = make_listing(mate, title="带孩子")
    assert f"{beside(two.wang)}/find" in web.page(clerk, f"{beside(two.wang)}/")
    address = f"{beside(two.wang)}/find"
    page = web.page(clerk, address)
    assert [uid in page for uid in (two.listing.uid, far.uid, own.uid, of_mate.uid)] == [True, True, False, False]
    assert f"{beside(two.wang)}/listings/{far.uid}/respond" in page
    for query, count in (
        ("q=手机", 1),
        ("q=别的", 0),
        ("category=home", 1),
        ("kind=need", 0),
        ("speaks=hak", 0),
        ("place_kind=station", 2),
    ):
        assert web.page(clerk, f"{address}?{query}").count("/respond") == count, query
    assert "Take one of the choices away" in web.page(clerk, f"{address}?q=别的")
    text = web.page(clerk, f"{beside(two.wang)}/listings/{two.listing.uid}/respond")
    assert "挂号、付款、视频都可以教。" in text  # what the listing says is read out at the window
    answer = {"meet_at": clock.today().isoformat(), "meet_time": "15:00", "minutes": "60", "words": ""}
    clerk.submit(f"{beside(two.wang)}/listings/{two.listing.uid}/respond", answer, status=303)
    assert two.listing.uid not in web.page(clerk, address)  # she answers it already


def test_the_list_at_the_window_is_cut_into_pages(web, two, clerk, make_listing, make_person):
    chen = make_person("陈静", birth="1970-01-02")
    for n in range(20):
        make_listing(chen, title=f"散步{n}")
    address = f"{beside(two.wang)}/find"
    page = web.page(clerk, address)
    assert page.count("/respond") == 20
    assert f"{address}?page=2" in page
    assert web.page(clerk, f"{address}?page=2").count("/respond") == 1


def test_nobody_stands_at_the_desk_for_her_own_household_or_the_other_side_of_herself(web, two, make_account, sign_in):
    row = two.propose()
    account = make_account(role=Role.clerk, territory=two.place)
    with atomic():
        db.session.merge(account).person_id = two.wang.id
    own = web.enter()
    sign_in(own, account)
    own.set_cookie("civic_lang", "en")
    address = f"{beside(two.li)}/agreements/{row.uid}"
    assert "A colleague has to do it." in own.submit(f"{address}/accept", page=address, status=403).get_data(as_text=True)
    assert web.fresh(row).state is ExchangeState.proposed
    typed = {"kind": "offer", "title": "x", "category": "home", "place": "station", "minutes": "60", "lang": "zh"}
    typed["until_on"] = (clock.today() + timedelta(days=60)).isoformat()
    own.submit(f"{beside(two.wang)}/new", typed, status=403)
    people.join_household(CLERK, [two.li.id], households_of([two.wang.id])[two.wang.id], HouseholdRelation.other, clock.today())
    own.submit(f"{beside(two.li)}/new", typed, status=403)


def test_a_clerk_of_another_community_writes_for_nobody_here(web, two, make_community):
    elsewhere = web.enter(role=Role.clerk, territory=make_community())
    row = two.agree()
    for address in ("/", "/new", f"/listings/{two.listing.uid}/edit", f"/agreements/{row.uid}", f"/agreements/{row.uid}/cancel"):
        web.page(elsewhere, f"{beside(two.li)}{address}", 404)


def test_with_the_feature_off_nothing_of_it_is_left(web, two, social, client):
    row = two.agree()
    with atomic():
        db.session.add(FeatureSwitch(feature="exchange", from_on=clock.today(), is_off=True))
    for who, address in (
        (client, "/exchange/"), (client, f"/exchange/listings/{two.listing.uid}"), (web.wang, "/exchange/mine"), (web.wang, f"/exchange/agreements/{row.uid}"),
        (social, "/desk/exchange/"), (social, f"{beside(two.wang)}/"), (client, "/api/v1/exchange/listings"),
    ):  # fmt: skip
        who.get(address, status=404)
    for who, address in ((client, "/"), (social, "/desk/"), (social, f"/desk/people/{two.wang.uid}"), (client, "/search?q=手机")):
        assert "/exchange/" not in who.get(address, status=200).get_data(as_text=True)
    with later(days=40):
        assert operations.settle_all_due() == 1  # what was agreed is still settled, nobody's points stay held
