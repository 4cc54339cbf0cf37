"""What residents and visitors see: lists without names, a listing, writing, and an exchange from the answer to the rating."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from civic.core import clock, files
from civic.core.db import db
from civic.core.files import StoredFile
from civic.core.viewer import NOBODY
from civic.exchange import operations, queries, shown
from civic.exchange.entries import sources
from civic.exchange.models import Category, Dispute, ExchangeState, ListingKind, ListingState, Place, Rating
from civic.exchange.operations import Proposal
from civic.exchange.queries import Act
from civic.points import operations as points
from civic.points import queries as wallets
from civic.points import statement
from civic.points.models import Reason
from tests.support.client import hidden_fields
from tests.support.exchange import HELPER, REQUESTER, frozen_wallet, later, listing_text, told
from tests.support.points import RULER, adopt

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def of(row) -> str:
    return f"/exchange/agreements/{row.uid}"


def write(client, uid: str, **values):
    day = clock.today().isoformat()
    typed = {"meet_at": day, "meet_time": "15:00", "minutes": "120", "words": "", **values}
    return client.submit(f"/exchange/listings/{uid}/respond", typed)


# ---- reading ----------------------------------------------------------------------------------------------------------------
def test_visitors_read_the_list_without_names(client, two, web):
    visitors = web.page(client, "/exchange/")
    assert "教老人用手机" in visitors
    assert "李" not in visitors
    assert "李*英" in web.page(web.wang, "/exchange/")
    one = web.page(client, f"/exchange/listings/{two.listing.uid}")
    assert "1 point" in one
    assert "李" not in one
    assert "李*英" in web.page(web.wang, f"/exchange/listings/{two.listing.uid}")


def test_a_list_takes_the_same_statements_however_long_it_is(web, two, make_listing, count_queries):
    web.page(web.wang, "/exchange/")
    with count_queries() as few:
        web.page(web.wang, "/exchange/")
    for number in range(6):
        make_listing(two.li, title=f"教{number}")
    web.page(web.wang, "/exchange/")  # what every page reads anew after a change
    with count_queries() as many:
        web.page(web.wang, "/exchange/")
    assert len(many) == len(few)


def test_the_list_is_narrowed_by_kind_category_place_language_and_words(client, web, two, make_listing):
    make_listing(two.wang, kind=ListingKind.need, category=Category.home, place=Place.requesters, title="装灯泡", speaks=("hak",))
    seen = {
        "": (True, True), "?kind=need": (False, True), "?category=home": (False, True), "?place_kind=station": (True, False),
        "?speaks=hak": (False, True), "?q=灯泡": (False, True), "?kind=nonsense&page=x": (True, True), "?q=没有这个": (False, False),
    }  # fmt: skip
    for query, wanted in seen.items():
        text = web.page(client, f"/exchange/{query}")
        assert ("教老人用手机" in text, "装灯泡" in text) == wanted, query


def test_a_long_list_has_pages(client, web, two, make_listing):
    for number in range(20):
        make_listing(two.wang if number < 12 else two.li, title=f"教第{number}课")
    first = web.page(client, "/exchange/")
    assert "Entries 1 to 20 of 21." in first
    assert "教老人用手机" not in first
    assert "教老人用手机" in web.page(client, "/exchange/?page=2")


def test_what_is_over_is_told_so_to_strangers_and_shown_to_its_owner(client, web, two):
    operations.pause_listing(HELPER, two.listing.id, two.li.id)
    address = f"/exchange/listings/{two.listing.uid}"
    assert "no longer open" in web.page(client, address, 410)
    assert "no longer open" in web.page(web.wang, address, 410)
    assert "Show it again" in web.page(web.li, address)
    web.page(client, "/exchange/listings/nothing", 404)


def test_her_own_words_are_escaped_and_marked_with_their_language(client, web, two, make_listing):
    row = make_listing(two.li, title="<b>课</b>", text="<script>x</script>")
    text = web.page(client, f"/exchange/listings/{row.uid}")
    assert '<span lang="zh-CN">&lt;b&gt;课&lt;/b&gt;</span>' in text
    assert "<script>x" not in text


def test_the_home_page_shows_the_newest_and_what_waits(client, web, two):
    assert "教老人用手机" in web.page(client, "/")
    two.propose()
    assert "1 exchange waits for you" in web.page(web.li, "/")
    assert "waits for you" not in web.page(web.wang, "/")


def test_the_elder_home_has_a_door_to_it(site):
    with site.test_request_context("/"):
        doors = [door.href for door in site.extensions["civic"].registry.ask("elder_doors", NOBODY)]
    assert "/exchange/" in [href for href in doors if href not in {"/pigeons/", "/kites/"}][:5]  # as many as the page shows


# ---- writing ----------------------------------------------------------------------------------------------------------------
def test_a_need_is_written_changed_paused_and_ended(web, two):
    typed = {"kind": "need", "title": "装灯泡", "category": "home", "place": "requesters", "minutes": "30", "when_text": "上午"}
    answer = web.wang.submit(
        "/exchange/new", {**typed, "lang": "zh", "until_on": (clock.today() + timedelta(days=9)).isoformat()}, status=303
    )
    address = answer.headers["Location"]
    (row,) = queries.listings_of(two.wang.id)
    assert (row.kind, row.title, row.minutes, row.place, row.channel) == (ListingKind.need, "装灯泡", 30, Place.requesters, "web")
    kept = {
        "title": "装两个灯泡",
        "category": "home",
        "place": "requesters",
        "minutes": "60",
        "lang": "zh",
        "until_on": row.until_on.isoformat(),
    }
    web.wang.submit(f"{address}/edit", kept, status=303)
    for verb, state in (("pause", ListingState.paused), ("resume", ListingState.open), ("end", ListingState.ended)):
        web.wang.submit(f"{address}/{verb}", page=address, status=303)
        db.session.expire_all()
        assert queries.listing_by_uid(row.uid).state is state
    assert queries.listing_by_uid(row.uid).title == "装两个灯泡"


def test_wrong_input_is_told_in_words_and_keeps_what_was_typed(web):
    web.wang.set_cookie("civic_lang", "en")
    answer = web.wang.submit("/exchange/new", {"title": "", "text": "灯泡", "until_on": "2020-01-01"}, status=422).get_data(as_text=True)
    assert "Fill this in." in answer
    assert "Choose one." in answer
    assert "灯泡" in answer
    typed = {"kind": "need", "title": "灯", "category": "home", "place": "station", "minutes": "60", "lang": "zh", "until_on": "2020-01-01"}
    assert "Choose a last day from" in web.wang.submit("/exchange/new", typed, status=422).get_data(as_text=True)


def test_a_change_meanwhile_is_shown_beside(web, two):
    address = f"/exchange/listings/{two.listing.uid}/edit"
    old = str(two.listing.lock_version)
    web.li.set_cookie("civic_lang", "en")
    kept = {
        "title": "我的",
        "category": "phone",
        "place": "station",
        "minutes": "60",
        "lang": "zh",
        "until_on": two.listing.until_on.isoformat(),
    }
    web.li.submit(address, {**kept, "title": "先改的"}, status=303)
    text = web.li.submit(address, {**kept, "base": old}, status=409).get_data(as_text=True)
    assert "先改的" in text
    assert "我的" in text


def test_who_is_not_verified_reads_how_to_become_so(web, two, make_person, enter):
    chen = enter(make_person("陈静", birth="1970-01-02"), verified=False)
    for address in ("/exchange/new", f"/exchange/listings/{two.listing.uid}/respond"):
        assert "First show who you are" in web.page(chen, address)
    nobody = enter()
    assert "First show who you are" in web.page(nobody, "/exchange/mine")
    web.page(chen, f"/exchange/listings/{two.listing.uid}/edit", 404)


# ---- an exchange ------------------------------------------------------------------------------------------------------------
def test_from_the_answer_to_the_rating(web, two, make_station):
    make_station(two.place)
    answer = write(web.wang, two.listing.uid, words="周五可以吗？")
    (row,) = [line.exchange for line in queries.exchanges_of(two.wang.id)]
    assert answer.headers["Location"] == of(row)
    assert row.station_id is not None
    assert "Now 李秀英 has to answer" in web.page(web.wang, of(row))
    page = web.page(web.li, of(row))
    assert "王芳 proposes" in page
    assert "周五可以吗？" in page
    web.li.submit(f"{of(row)}/accept", page=of(row), status=303)
    assert web.fresh(row).state is ExchangeState.agreed
    assert two.numbers == (8_00, 6_00, 0)
    assert "2 points of yours are held" in web.page(web.wang, of(row))
    web.li.submit(f"{of(row)}/deliver", {"minutes": "90"}, status=303)
    assert "says that it was done: 1 hour 30 minutes" in web.page(web.wang, of(row))
    web.wang.submit(f"{of(row)}/confirm", page=of(row), status=303)
    assert (web.fresh(row).state, two.numbers) == (ExchangeState.confirmed, (6_50, 6_50, 1_50))
    assert "You used 1.5 points" in web.page(web.wang, of(row))
    web.wang.submit(f"{of(row)}/rate", {"stars": "5", "words": "很耐心"}, status=303)
    web.li.submit(f"{of(row)}/rate", {"stars": "4"}, status=303)
    assert sorted(rating.stars for rating in db.session.query(Rating)) == [4, 5]
    assert "很耐心" in web.page(web.li, of(row))
    assert "5.0 of 5 stars, 1 rating" in web.page(web.wang, "/exchange/")


def test_too_short_a_time_brings_the_helper_nothing_and_her_page_says_so(web, two):
    row = two.deliver(20)
    web.page(web.wang, of(row))
    web.wang.submit(f"{of(row)}/confirm", page=of(row), status=303)
    assert "so short a time moves no points" in web.page(web.wang, of(row))
    assert (web.fresh(row).state, two.numbers) == (ExchangeState.confirmed, (8_00, 8_00, 0))
    assert "less than 30 minutes bring no points" in web.page(web.li, of(row))


def helped_for_an_hour(web, two) -> str:
    row = two.deliver(60)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert two.numbers[0] == 7_00
    return web.page(web.li, of(row))


@pytest.mark.parametrize(("counted", "came", "sentence"), [
    (480, 0, "other hours of that day had already reached the most"), (450, 50, "You got points for it"), (0, 1_00, "You got points for it"),
])  # fmt: skip
def test_what_the_day_had_left_is_what_the_helper_reads(web, two, counted, came, sentence):
    if counted:
        points.earn(RULER, "hours:1", 1, two.li.id, counted, clock.today(), "visit", "leader")
    before = two.numbers[2]
    assert sentence in helped_for_an_hour(web, two)
    assert two.numbers[2] - before == came


def test_what_went_to_the_care_pool_is_not_said_to_be_hers(web, two, programme):
    adopt(programme.id, "2026-2", clock.today(), cap=50)
    page = helped_for_an_hour(web, two)
    assert ("You got points for it" in page, two.numbers[2]) == (True, 50)
    other = operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(title="陪聊天"))
    row = operations.respond(REQUESTER, other.id, two.wang.id, Proposal(60, two.meet_at))
    operations.accept(HELPER, row.id, two.li.id)
    operations.deliver(HELPER, row.id, two.li.id, 60)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert "its points went to the care pool" in web.page(web.li, of(row))
    assert two.numbers[2] == 50


def test_another_time_a_word_and_a_no(web, two):
    row = two.propose()
    day = (clock.today() + timedelta(days=4)).isoformat()
    web.li.submit(f"{of(row)}/retime", {"meet_at": day, "meet_time": "09:30", "minutes": "60", "words": "早上好些"}, status=303)
    assert "for 1 hour. Say yes or no" in web.page(web.wang, of(row))
    web.wang.submit(f"{of(row)}/say", {"words": "那天要看医生"}, page=of(row), status=303)
    assert "那天要看医生" in web.page(web.li, of(row))
    web.wang.submit(f"{of(row)}/decline", {"words": "改天吧"}, status=303)
    assert web.fresh(row).state is ExchangeState.declined
    assert "It did not come about." in web.page(web.li, of(row))


def test_before_the_day_nothing_can_be_reported_and_the_page_says_from_when(web, two):
    row = two.agree(meet_at=clock.now() + timedelta(days=3))
    assert "From Sat 28 Nov 2026 on you can report here" in web.page(web.li, of(row))
    assert "/deliver" not in web.page(web.li, of(row))


def test_calling_it_off_gives_the_points_back(web, two):
    row = two.agree()
    web.wang.submit(f"{of(row)}/cancel", {"words": ""}, status=303)
    assert (web.fresh(row).state, two.numbers) == (ExchangeState.cancelled, (8_00, 8_00, 0))
    assert "are free again" in web.page(web.wang, of(row))


def test_a_dispute_with_a_paper_and_its_answer(web, two, client):
    row = two.deliver()
    evidence = {"words": "只来了一小时", "files": (io.BytesIO(PDF), "便条.pdf")}
    web.wang.submit(f"{of(row)}/dispute", evidence, content_type="multipart/form-data", status=303)
    dispute = db.session.query(Dispute).one()
    (stored,) = db.session.query(StoredFile).filter_by(owner_kind=queries.DISPUTE_FILE, owner_id=dispute.id)
    assert files.read(stored.sha256) == PDF
    assert "只来了一小时" in web.page(web.li, of(row))
    web.li.get(f"/files/{stored.sha256}", status=200)
    client.get(f"/files/{stored.sha256}", check=False, status=404)
    web.li.submit(f"{of(row)}/answer", {"words": "我等了很久"}, status=303)
    assert "A social worker listens to both and decides by" in web.page(web.wang, of(row))


def test_a_wrong_file_is_told_and_nothing_is_opened(web, two):
    row = two.deliver()
    wrong = {"words": "只来了一小时", "files": (io.BytesIO(b"MZ nothing"), "a.exe")}
    text = web.wang.submit(f"{of(row)}/dispute", wrong, content_type="multipart/form-data", status=422).get_data(as_text=True)
    assert "只来了一小时" in text
    assert db.session.query(Dispute).count() == 0
    web.wang.submit(f"{of(row)}/dispute", {"words": ""}, status=422)


def test_too_few_points_are_told_in_words(web, two):
    row = two.propose(minutes=480)
    other = operations.write_listing(HELPER, two.li.id, two.place.id, listing_text(title="陪聊天"))
    operations.accept(HELPER, operations.respond(REQUESTER, other.id, two.wang.id, Proposal(60, two.meet_at)).id, two.li.id)
    web.li.set_cookie("civic_lang", "en")
    text = web.li.submit(f"{of(row)}/accept", page=of(row), status=422).get_data(as_text=True)
    assert "This cannot be done yet" in text
    assert web.fresh(row).state is ExchangeState.proposed


def test_who_read_another_time_does_not_agree_to_this_one(web, two):
    row = two.propose()
    read = str(row.lock_version)
    operations.retime(REQUESTER, row.id, two.wang.id, clock.now() + timedelta(days=5))
    web.li.submit(f"{of(row)}/accept", {"base": read}, page=of(row), status=409)
    assert web.fresh(row).state is ExchangeState.proposed


def test_a_second_click_does_nothing_and_says_so(web, two):
    row = two.deliver()
    fields = hidden_fields(web.wang.get(of(row)).get_data(as_text=True), f"{of(row)}/confirm")
    for _click in range(2):
        web.wang.post(f"{of(row)}/confirm", data=fields, status=303)
    assert two.numbers == (6_00, 6_00, 2_00)
    assert len(told(two.li)) == 4  # proposed, agreed, delivered, confirmed


def test_an_act_that_is_no_longer_possible_leads_back(web, two):
    row = two.propose()
    web.page(web.wang, of(row))  # in English from now on: the sentence is made when it happens
    assert web.wang.get(f"{of(row)}/accept", status=303).headers["Location"] == of(row)
    assert "That is no longer possible" in web.page(web.wang, of(row))


def test_silence_confirms_before_the_page_is_read(web, two):
    row = two.deliver()
    with later(days=8):  # the sign-in of today is over by then
        assert "You used 2 points" in web.page(web.enter(two.wang, verified=False), of(row))
        assert web.fresh(row).state is ExchangeState.confirmed


def test_a_frozen_wallet_pays_later_and_the_page_says_so(web, two):
    row = two.deliver()
    frozen_wallet(two.wallet)
    web.wang.submit(f"{of(row)}/confirm", page=of(row), status=303)
    assert web.fresh(row).state is ExchangeState.delivered
    assert "It counts as done. The points move as soon as" in web.page(web.wang, of(row))


def test_nobody_else_sees_it(web, two, make_person, client):
    row = two.agree()
    chen = web.enter(make_person("陈静", birth="1970-01-02"))
    for address in (of(row), f"{of(row)}/cancel"):
        web.page(chen, address, 404)
        assert "/account/sign-in" in client.get(address).headers["Location"]
    assert "教老人用手机" in web.page(web.wang, "/exchange/mine")
    assert "agreements" not in web.page(chen, "/exchange/mine")


@pytest.mark.parametrize("stage", ["propose", "agree", "deliver"])
def test_every_act_has_its_page(web, two, stage):
    row = getattr(two, stage)()
    for client, person in ((web.wang, two.wang), (web.li, two.li)):
        view = queries.exchange_view(web.fresh(row), person.id)
        for act in view.acts:
            web.page(client, f"{of(row)}/{act.value}")
        assert set(shown.acts_of(view)) == set(view.acts) - {Act.say}


def test_mine_lists_what_waits_what_is_hers_and_what_fits(web, two, make_listing):
    two.propose()
    make_listing(two.wang, kind=ListingKind.need, category=Category.home, title="装灯泡", actor=REQUESTER)
    mine = web.page(web.li, "/exchange/mine")
    assert mine.index("Waits for you") < mine.index("My offers and needs") < mine.index("For you") < mine.index("装灯泡")
    assert "李*英" not in mine


def test_the_statement_of_points_leads_to_the_exchange(web, two):
    row = two.deliver()
    operations.confirm(REQUESTER, row.id, two.wang.id)
    text = web.page(web.wang, "/points/statement")
    assert f'href="{of(row)}"' in text
    assert "A neighbour&#39;s help: 教老人用手机" in text
    assert Reason.exchange in {line.reason for line in _lines(two)}
    with web.wang.application.test_request_context("/"):
        assert sources(["x", str(row.id), "9" * 30]).keys() == {str(row.id)}
        assert sources([str(row.id)])[str(row.id)].href == ""


def _lines(two):
    return statement.page(wallets.mine(two.wang.id).own).lines


def test_who_did_what_is_read_as_words_in_both_languages(web, two):
    """In English a space stands between the name and what she did, in Chinese none."""
    row = two.propose()
    assert "<b>You</b> proposed it" in web.page(web.wang, f"/exchange/agreements/{row.uid}")
    assert "<b>王芳</b> proposed it" in web.page(web.li, f"/exchange/agreements/{row.uid}")
    web.li.set_cookie("civic_lang", "zh")
    assert "<b>王芳</b>提出" in web.li.get(f"/exchange/agreements/{row.uid}", status=200).get_data(as_text=True)
