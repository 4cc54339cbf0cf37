"""A resident's pages of points: what is there, every line in words, files to take away, giving, and nobody else's wallet."""

from __future__ import annotations

import csv
import io
import re
import zlib
from datetime import date

import pytest
from flask_babel import force_locale

from civic.accounts.models import Account
from civic.core import clock, fonts
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.registry import Link, Module
from civic.exchange.models import Category
from civic.people import operations as people
from civic.people.models import HouseholdRelation, Membership
from civic.points import labels, operations, queries, seeds, statement
from civic.points.errors import NotEnoughPoints
from civic.points.models import Reason, WalletKind
from civic.points.operations import proposals
from civic.points.operations.desk import close_wallet
from civic.points.operations.donations import Way, give
from civic.points.statement import files, shown
from civic.points.statement.paper import MISSING, Paper
from tests.conftest import NOW
from tests.points.test_statement import CLERK, DAY, filled, grant, later, ticking, told, view
from tests.support.people import COLLEAGUE
from tests.support.points import adopt, free, summed


@pytest.fixture
def resident(programme, make_person, make_account, make_wallet, client, sign_in):
    """`resident(points, name=…)`: (person, id of her wallet), signed in at `client`."""

    def make(points: int = 10_00, name: str = "何敏华", **more):
        person = make_person(name, **more)
        account = make_account(name=name)
        with atomic():
            db.session.get_one(Account, account.id).person_id = person.id
        wallet_id = make_wallet(person=person)
        if points:
            grant(wallet_id, points)
        sign_in(client, account)
        return person, wallet_id

    return make


def page(client, address: str, status: int = 200, lang: str = "en") -> str:
    client.set_cookie("civic_lang", lang)
    return re.sub(r"\s+", " ", client.get(address, status=status).get_data(as_text=True))


def english(wallet_id: int) -> list[shown.Shown]:
    with force_locale("en"):
        return shown.shown(told(wallet_id).lines)


# ---- words ------------------------------------------------------------------------------------------------------------------
def test_a_line_says_how_it_was_computed(site, programme, make_person):
    person = make_person()
    operations.earn(CLERK, "hours:17", 1, person.id, 140, date(2026, 11, 22), "first_aid", "system")
    wallet_id = queries.mine(person.id).own.id
    (line,) = english(wallet_id)
    assert (line.title, line.amount, line.after) == ("Points for service: first-aid post", "+2.00", "2.00")
    assert line.notes == (
        "2.0 h × 1.00, first-aid post, rule 2026-1",
        "Served 2 h 20 min; time is rounded down to 30 minutes.",
        "Service on Sun 22 Nov 2026",
    )


def test_a_line_says_why_it_flowed_over_was_corrected_and_recovered(site, programme, make_person):
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=4_00)
    person = make_person()
    for number in (1, 2):
        operations.earn(CLERK, f"hours:{number}", 1, person.id, 180, clock.today(), "other", "system")
    wallet_id = queries.mine(person.id).own.id
    operations.donate(CLERK, wallet_id, 3_00)
    operations.earn(CLERK, "hours:1", 2, person.id, 0, clock.today(), "other", "system")
    operations.earn(CLERK, "hours:3", 1, person.id, 180, clock.today(), "other", "system")
    notes = {line.title: line.notes for line in english(wallet_id)[:-1]}
    assert notes["Paid what was due"] == ("2.00 points had been taken back when they were already used; this pays them.", "By rule 2026-2")
    assert notes["Correction of hours: other help"][0] == "The hours were put right: now 0.0 h count."
    assert notes["Given away"] == ("To the care pool, for neighbours in need.", "By rule 2026-2")
    over = english(wallet_id)[-2]
    assert (over.amount, over.notes[-1]) == ("+1.00", "2.00 more points went to the care pool: a wallet keeps at most 4.")


def test_hours_above_the_days_most_say_so(site, programme, make_person):
    person = make_person()
    operations.earn(CLERK, "hours:1", 1, person.id, 600, clock.today(), "other", "system")
    (line,) = english(queries.mine(person.id).own.id)
    assert line.notes[:2] == (
        "8.0 h × 1.00, other help, rule 2026-1",
        "Served 10.0 h; the rest is above the most that earns points in a day.",
    )


@pytest.mark.parametrize(
    ("act", "amount", "words"),
    [
        (lambda _held: None, "−3.00", "3.00 points are set aside until Thu 26 Nov 2026 10:00; what is not used comes back."),
        (lambda held: operations.settle(CLERK, held.id), "−3.00", "Set aside on this day and used on Wed 25 Nov."),
        (lambda held: operations.settle(CLERK, held.id, 2_00), "−2.00", "3.00 points were set aside; 2.00 were used on Wed 25 Nov, 1.00 came back."),
        (lambda held: operations.void(CLERK, held.id), "0.00", "3.00 points were set aside and came back on Wed 25 Nov."),
    ],
)  # fmt: skip
def test_a_hold_is_told_in_one_sentence(site, make_wallet, act, amount, words):
    wallet_id = filled(make_wallet, 10_00)
    held = operations.hold(CLERK, wallet_id, 3_00, source="order:9", until=NOW + DAY)
    with later(hours=1):
        act(held)
        line = english(wallet_id)[0]
    assert (line.amount, line.notes) == (amount, (words, "By rule 2026-1"))


def test_a_cause_is_named_and_linked_by_the_module_that_registered_it(site, make_wallet, monkeypatch):
    asked = []

    def orders(ids):
        asked.append(list(ids))
        return {id_: Link(f"Rice <{id_}>", f"/market/orders/{id_}") for id_ in ids if id_ != "8"}

    modules = site.extensions["civic"].registry.modules
    monkeypatch.setattr(site.extensions["civic"].registry, "modules", [*modules, Module("shelf", "Shelf", sources={"order": orders})])
    wallet_id = filled(make_wallet, 10_00)
    for number in (7, 8, 9):
        operations.hold(CLERK, wallet_id, 1_00, source=f"order:{number}", until=NOW + DAY)
    with site.test_request_context("/"):
        lines = english(wallet_id)
        held = shown.holds(view(wallet_id).holds)
    assert [(line.title, line.href) for line in lines[:3]] == [
        ("Set aside: Rice <9>", "/market/orders/9"), ("Set aside", ""), ("Set aside: Rice <7>", "/market/orders/7"),
    ]  # fmt: skip
    assert [each.href for each in held] == ["/market/orders/7", "", "/market/orders/9"]
    assert asked[0] == ["7", "8", "9"], "asked once for all of a kind"


def test_every_reason_has_words_for_the_sides_on_which_it_can_stand():
    both = {Reason.corrected, Reason.donated, Reason.reversed, Reason.moved}
    ends = {Reason.returned, Reason.lapsed}
    assert set(shown.CAME) | set(shown.WENT) | ends == set(Reason)
    assert set(shown.CAME) & set(shown.WENT) == both


# ---- pages ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_visitor_and_somebody_without_points_read_how_they_come_about(client, programme, make_person, make_account, sign_in, lang):
    assert "/account/sign-in" in page(client, "/points/", lang=lang)
    account = make_account()
    sign_in(client, account)
    assert "/points/rules" in page(client, "/points/", lang=lang)
    person = make_person()
    with atomic():
        db.session.get_one(Account, account.id).person_id = person.id
    for address in ("/points/", "/points/statement", "/points/forecast", "/points/donate"):
        assert "/points/rules" in page(client, address, lang=lang), address
    page(client, "/points/statement.csv", 404, lang)


def test_without_a_programme_the_page_is_the_same(client, make_resident_account, sign_in):
    sign_in(client, make_resident_account())
    assert "You have no points yet" in page(client, "/points/")


def test_the_first_page_shows_what_is_free_held_expiring_and_due(client, resident, programme):
    adopt(programme.id, "2026-2", date(2026, 2, 1), expiry_years=2)
    person, wallet_id = resident(0)
    grant(wallet_id, 2_00, 2025)
    grant(wallet_id, 4_50, 2026)
    operations.hold(CLERK, wallet_id, 3_00, source="order:9", until=NOW + DAY)
    text = page(client, "/points/")
    for told_there in ("<b>3.50</b> points", "<b>3.00</b> points", "the first until Thu 26 Nov", "<b>2.00</b> points", "Points of 2025, until Fri 31 Dec 2027"):  # fmt: skip
        assert told_there in text, told_there
    assert "Due" not in text
    forecast = page(client, "/points/forecast")
    for told_there in ("3.00 points until Thu 26 Nov 2026 10:00", "Fri 31 Dec 2027", "Sun 31 Dec 2028"):
        assert told_there in forecast, told_there
    assert person.id


def test_an_empty_wallet_says_whether_points_expire(client, resident, programme):
    resident(0)
    assert "Points do not expire here" in page(client, "/points/")
    adopt(programme.id, "2026-2", date(2026, 2, 1), expiry_years=1)
    text = page(client, "/points/")
    assert "There are no points that could expire." in text
    assert "Points do not expire here" not in text


def test_a_wallet_that_was_closed_says_where_its_points_went(site, programme, make_wallet, make_person):
    first, second = make_person(), make_person("李强")
    to_pool, to_household = filled(lambda: make_wallet(person=first), 3_00), filled(lambda: make_wallet(person=second), 3_00)
    close_wallet(COLLEAGUE, to_pool, "own_wish", to_household=False)
    close_wallet(COLLEAGUE, to_household, "own_wish", to_household=True)
    line, other = english(to_pool)[0], english(to_household)[0]
    assert (line.title, line.notes[0]) == (
        "To the care pool", "This wallet was closed; its points went to the care pool, for neighbours in need.",
    )  # fmt: skip
    assert (other.title, other.notes[0]) == (
        "To another wallet", "This wallet was closed; its points went on to the one that follows it.",
    )  # fmt: skip


@pytest.mark.parametrize(("from_pool", "words"), [(True, "From the care pool; two people"), (False, "Newly issued; two people")])
def test_a_grant_names_no_office_because_town_street_and_district_decide_too(site, programme, make_wallet, from_pool, words):
    giver, wallet_id = filled(make_wallet, 3_00), make_wallet()
    operations.donate(CLERK, giver, 3_00)
    proposals.grant(CLERK, wallet_id, 2_00, source="care_grant:1", from_pool=from_pool)
    assert english(wallet_id)[0].notes[0] == f"{words} decided it."


def test_the_statement_pages_by_fifty_filters_and_keeps_its_month(client, resident):
    _person, wallet_id = resident(0)
    with ticking():
        for number in range(60):
            operations.hold(CLERK, filled_once(wallet_id), 1, source=f"order:{number}", until=NOW + DAY)
    text = page(client, "/points/statement")
    assert text.count('<tr id="line-') == 50
    following = re.search(r'href="(/points/statement\?before=\d+)" rel="next"', text)
    assert following is not None
    rest = page(client, following[1])
    assert rest.count('<tr id="line-') == 11
    assert "Came in" in text
    assert page(client, "/points/statement?show=came").count('<tr id="line-') == 1
    assert page(client, "/points/statement?month=2026-11&show=went").count('<tr id="line-') == 50
    assert "No points moved in this time" in page(client, "/points/statement?month=2026-10")
    for odd in ("?month=2026-13", "?before=x", "?before=²", "?show=all", "?before=" + "9" * 40):
        assert page(client, f"/points/statement{odd}").count('<tr id="line-') == 50, odd


def filled_once(wallet_id: int) -> int:
    if free(wallet_id) == 0:
        grant(wallet_id, 10_00)
    return wallet_id


def test_the_statement_costs_the_same_number_of_statements_for_any_number_of_lines(client, resident, count_queries):
    _person, wallet_id = resident()
    page(client, "/points/statement")
    counts = []
    for number in range(2):
        with ticking():
            for order in range(30 * number):
                operations.hold(CLERK, wallet_id, 1, source=f"order:{order}", until=NOW + DAY)
        with count_queries() as seen:
            page(client, "/points/statement")
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 25, seen


def test_nobody_opens_anothers_wallet(client, resident, make_wallet):
    foreign = view(filled(make_wallet, 5_00))
    gift = operations.donate(CLERK, foreign.id, 1_00)[0]
    resident()
    for address in ("/points/statement", "/points/statement.csv", "/points/statement.pdf", "/points/forecast"):
        page(client, f"{address}?wallet={foreign.uid}", 404)
    page(client, f"/points/donations/{gift}", 404)
    page(client, f"/points/donations/{10**25}", 404)


def test_the_home_page_has_a_card_and_an_entry(client, resident):
    assert "/points/" in page(client, "/")
    resident(4_50)
    assert "<b>4.50</b> points" in page(client, "/")
    client.set_cookie("civic_mode", "elder")
    assert 'href="/points/"' in page(client, "/")


# ---- the household ----------------------------------------------------------------------------------------------------------
def household_of(person) -> int:
    found = queries.mine(person.id).household_id
    assert found is not None
    return found


def move_in(child, person) -> None:
    with atomic():
        row = db.session.query(Membership).filter_by(person_id=child.id).one()
        row.household_id, row.relation = household_of(person), HouseholdRelation.child


def test_grown_up_members_see_and_use_the_households_wallet_and_a_child_does_not(client, resident, make_person, programme):
    person, wallet_id = resident(6_00)
    give(CLERK, person.id, Way.household, 4_00)
    assert "4.00" in page(client, "/points/")
    household = queries.mine(person.id).household
    assert "From a member of the household." in page(client, f"/points/statement?wallet={household.uid}")
    row_id = give(CLERK, person.id, Way.household_pool, 1_00)
    assert "given" in page(client, f"/points/donations/{row_id}")
    assert (free(wallet_id), free(household.id), summed(programme.id, WalletKind.care_pool)) == (2_00, 3_00, 1_00)
    child = make_person("何小树", "2012-05-06")
    move_in(child, person)
    assert (queries.mine(child.id).household_id, queries.mine(child.id).household) == (None, None)


@pytest.mark.parametrize(
    ("born", "is_grown_up"), [("2008-11-25", True), ("2008-11-26", False), ("2008", False), ("2007", True), ("", False)]
)
def test_of_age_is_who_is_known_to_be(make_person, born, is_grown_up):
    person = make_person("何小树", born)
    assert (queries.mine(person.id).household_id is not None) is is_grown_up


# ---- giving -----------------------------------------------------------------------------------------------------------------
def test_a_gift_is_asked_once_more_given_once_and_told_on_a_receipt(client, resident, programme):
    _person, wallet_id = resident()
    typed = {"way": "pool", "amount": " １２．５０ "}
    client.set_cookie("civic_lang", "en")
    assert "12.5 points" in client.submit("/points/donate", typed, status=422).get_data(as_text=True)
    asked = client.submit("/points/donate", {**typed, "amount": "２．５"}, status=200).get_data(as_text=True)
    assert "Give 2.50 points?" in asked
    assert free(wallet_id) == 10_00
    sure = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', asked))
    for _twice in range(2):
        answer = client.post("/points/donate", data=sure, status=303)
        receipt = page(client, answer.headers["Location"])
        assert "2.50 points are given" in receipt
        assert "7.50" in receipt
    assert (free(wallet_id), summed(programme.id, WalletKind.care_pool)) == (7_50, 2_50)


@pytest.mark.parametrize("amount", ["0", "-1", "1e18", "NaN", "1.234", "", "abc", "1000000000000000000", "十", "+1"])
def test_a_wrong_amount_is_answered_in_words_at_its_field(client, resident, amount):
    _person, wallet_id = resident()
    client.set_cookie("civic_lang", "en")
    text = client.submit("/points/donate", {"way": "pool", "amount": amount, "sure": "yes"}, status=422).get_data(as_text=True)
    assert 'id="amount-error"' in text
    assert free(wallet_id) == 10_00


def test_a_frozen_wallet_gives_nothing_and_says_so(client, resident):
    _person, wallet_id = resident()
    operations.freeze(CLERK, wallet_id, "suspicion")
    client.set_cookie("civic_lang", "en")
    said = "points can be earned, not spent"
    assert said in client.submit("/points/donate", {"way": "pool", "amount": "1", "sure": "yes"}, status=409).get_data(as_text=True)
    assert said in page(client, "/points/")
    assert free(wallet_id) == 10_00


def test_a_way_that_is_not_hers_is_refused(client, resident):
    _person, wallet_id = resident(birth="2012-05-06")
    client.submit("/points/donate", {"way": "household", "amount": "1", "sure": "yes"}, status=422)
    assert free(wallet_id) == 10_00


# ---- wallets of several districts -------------------------------------------------------------------------------------------
def wallet_in(programme, person) -> int:
    with atomic():
        return operations.wallet_of_person(programme.id, person.id)


def test_the_wallet_of_the_district_where_she_lives_is_hers(client, resident, programme, next_door):
    person, wallet_id = resident(8_00)
    number, other = person.id, wallet_in(next_door, person)
    found = queries.mine(number)
    assert ([each.id for each in found.wallets], queries.free_of(number)) == ([wallet_id, other], 8_00)
    db.session.rollback()
    assert "<b>8.00</b> points" in page(client, "/")
    text = page(client, "/points/")
    assert "<b>8.00</b> points" in text
    assert "Statement of a wallet in another district" in text
    assert "Points next door" in text
    client.submit("/points/donate", {"way": "pool", "amount": "1", "sure": "yes"}, status=303)
    assert (free(wallet_id), summed(programme.id, WalletKind.care_pool)) == (7_00, 1_00)


def test_without_one_where_she_lives_the_newest_is_hers(make_person, programme, next_door, make_territory):
    third = operations.open_programme(CLERK, make_territory("district", code="T8").id, "TH", "第三区积分", "Points of the third")
    adopt(third.id)
    person = make_person()
    first, second = wallet_in(next_door, person), wallet_in(third, person)
    grant(first, 2_00)
    grant(second, 3_00)
    assert ([each.id for each in queries.mine(person.id).wallets], queries.free_of(person.id)) == ([second, first], 3_00)


def test_points_of_another_district_go_to_its_own_pool(client, resident, programme, next_door):
    person, wallet_id = resident(8_00)
    other = wallet_in(next_door, person)
    grant(other, 3_00)
    uid = view(other).uid
    db.session.rollback()
    client.set_cookie("civic_lang", "en")
    address = f"/points/donate?wallet={uid}"
    assert address in page(client, "/points/")
    asking = page(client, address)
    assert "Free in your wallet: 3.00 points." in asking
    assert "From the wallet of this programme: Points next door." in asking
    fields = {"way": "pool", "amount": "1.25"}
    asked = client.submit("/points/donate", fields, page=address, status=200).get_data(as_text=True)
    assert "1.75" in asked
    sure = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', asked))
    receipt = client.post("/points/donate", data=sure, status=303).headers["Location"]
    assert "1.25 points are given" in page(client, receipt)
    assert (free(wallet_id), free(other)) == (8_00, 1_75)
    assert [summed(each.id, WalletKind.care_pool) for each in (programme, next_door)] == [0, 1_25]
    db.session.rollback()
    too_much = client.submit("/points/donate", {**fields, "amount": "2"}, page=address, status=422).get_data(as_text=True)
    assert 'id="amount-error"' in too_much, "of this wallet, though 8.00 are free in the other"
    assert "Free in your wallet: 1.75 points." in too_much


def test_nobody_gives_from_anothers_wallet(client, resident, make_wallet):
    foreign = view(filled(make_wallet, 5_00))
    person, wallet_id = resident()
    number = person.id
    db.session.rollback()
    page(client, f"/points/donate?wallet={foreign.uid}", 404)
    typed = {"way": "pool", "amount": "1", "sure": "yes", "wallet": foreign.uid}
    client.submit("/points/donate", typed, status=404)
    with pytest.raises(NotEnoughPoints):
        give(CLERK, number, Way.pool, 1_00, foreign.uid)
    assert (free(wallet_id), free(foreign.id)) == (10_00, 5_00)


@pytest.mark.parametrize("birth", ["2012-05-06", ""])
def test_who_uses_no_households_wallet_sees_her_own_alone(client, resident, make_wallet, birth):
    """A household that is none is not that of everybody whose wallet belongs to no household."""
    foreign = view(filled(make_wallet, 5_00))
    person, wallet_id = resident(birth=birth)
    assert [each.id for each in queries.mine(person.id).every] == [wallet_id]
    db.session.rollback()
    assert foreign.uid not in page(client, "/points/")
    for rest in ("statement", "statement.csv", "statement.pdf", "forecast", "donate"):
        page(client, f"/points/{rest}?wallet={foreign.uid}", 404)


def test_a_child_without_a_wallet_has_nobody_elses(client, programme, make_person, make_account, make_wallet, sign_in):
    foreign = filled(make_wallet, 5_00)
    child, account = make_person("何小树", "2012-05-06"), make_account(name="何小树")
    with atomic():
        db.session.get_one(Account, account.id).person_id = child.id
    assert queries.mine(child.id).every == ()
    with pytest.raises(NotEnoughPoints):
        give(CLERK, child.id, Way.pool, 1_00)
    sign_in(client, account)
    assert "You have no points yet" in page(client, "/points/")
    assert free(foreign) == 5_00


def test_the_household_has_a_wallet_for_each_district(client, resident, programme, next_door):
    person, _wallet_id = resident(6_00)
    other = wallet_in(next_door, person)
    grant(other, 3_00)
    give(CLERK, person.id, Way.household, 4_00)
    give(CLERK, person.id, Way.household, 2_00, view(other).uid)
    here, there = queries.mine(person.id).households
    assert (here.free, here.programme_id, there.free, there.programme_id) == (4_00, programme.id, 2_00, next_door.id)
    give(CLERK, person.id, Way.household_pool, 50, there.uid)
    assert [summed(each.id, WalletKind.care_pool) for each in (programme, next_door)] == [0, 50]
    db.session.rollback()
    text = page(client, "/points/")
    assert f"/points/statement?wallet={there.uid}" in text
    assert "Statement of the household" in page(client, f"/points/statement?wallet={there.uid}")
    assert "From my points" not in page(client, f"/points/donate?wallet={there.uid}")


# ---- files ------------------------------------------------------------------------------------------------------------------
def test_the_csv_opens_in_a_spreadsheet_and_no_cell_is_a_formula(client, resident, monkeypatch):
    _person, wallet_id = resident()
    registry = client.application.extensions["civic"].registry
    shelf = Module("shelf", "Shelf", sources={"order": lambda ids: {id_: Link("x", "/x") for id_ in ids}})
    monkeypatch.setattr(registry, "modules", [*registry.modules, shelf])
    monkeypatch.setattr(shown, "WENT", {**shown.WENT, Reason.spent: '=HYPERLINK("//x")'})
    operations.settle(CLERK, operations.hold(CLERK, wallet_id, 3_00, source="order:9", until=NOW + DAY).id)
    client.set_cookie("civic_lang", "en")
    answer = client.get("/points/statement.csv", status=200)
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Content-Disposition"] == "attachment; filename=points-2026-11-25.csv"
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert rows[0] == ["Day", "Time", "What", "How it is computed", "Points", "Free after it", "Line"]
    assert rows[1][2].startswith("'=HYPERLINK")
    assert [row[4:6] for row in rows[1:]] == [["-3.00", "7.00"], ["10.00", "10.00"]]
    assert sum(float(row[4]) for row in rows[1:]) == 7.0


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "＝1"])
def test_text_that_begins_like_a_formula_is_text(text):
    assert files.text_cell(text) == f"'{text}"


def words_in(pdf: bytes) -> str:
    """What a reader could select and copy: codes of the pages, turned into letters by each font's own table."""
    parts = {int(n): body for n, body in re.findall(rb"(?s)(\d+) 0 obj\n(.*?)\nendobj", pdf)}

    def content(body: bytes) -> bytes:
        stream = body.partition(b"stream\n")[2].rpartition(b"\nendstream")[0]
        return zlib.decompress(stream) if b"/FlateDecode" in body else stream

    tables = {}
    for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", b" ".join(parts.values())):
        rows = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]{4,})>", content(parts[int(re.search(rb"/ToUnicode (\d+)", parts[int(number)])[1])]))
        tables[name] = {int(code, 16): bytes.fromhex(letters.decode()).decode("utf-16-be") for code, letters in rows}
    found, font = [], b""
    for number in re.findall(rb"/Contents (\d+)", pdf):
        for chosen, put in re.findall(rb"(?s)BT /(F\d+) [\d.]+ Tf ET|Td \((.*?)\) Tj ET", content(parts[int(number)])):
            font = chosen or font
            codes = re.sub(rb"(?s)\\(.)", lambda escaped: {b"r": b"\r", b"n": b"\n"}.get(escaped[1], escaped[1]), put)
            found.append("".join(tables[font][int.from_bytes(codes[at : at + 2])] for at in range(0, len(codes), 2)))
    return "\n".join(filter(None, found))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_pdf_holds_every_line_as_words_also_rare_ones(client, resident, lang):
    """㙓 and 𠮷 stand in people's names."""
    _person, wallet_id = resident(name="𠮷㙓")
    with ticking():
        for number in range(70):
            operations.hold(CLERK, wallet_id, 5, source=f"order:{number}", until=NOW + DAY)
    client.set_cookie("civic_lang", lang)
    answer = client.get("/points/statement.pdf", status=200)
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-1.")
    text = words_in(answer.data)
    assert "𠮷㙓" in text
    assert text.count("−0.05") == 70
    assert "6.50" in text
    assert MISSING not in text
    assert re.search({"zh": r"2026年11月25日", "en": r"25 Nov 2026"}[lang], text)
    assert len(answer.data) < 150_000


def test_the_pdf_is_whole_by_its_own_table(client, resident):
    resident()
    data = client.get("/points/statement.pdf", status=200).data
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", data)[1])
    assert data[start:].startswith(b"xref\n0 ")
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n ", data[start:]), 1):
        assert data[int(offset) :].startswith(b"%d 0 obj" % number)


def test_a_letter_that_no_font_has_is_shown_as_missing(site):
    family = fonts.family()
    assert family is not None
    paper = Paper(family, "x", "en")
    paper.new_page()
    paper.put("a\U0010fffd", 50, 50, 10)
    assert paper.wrapped("王芳 walks, slowly。", 60, 10) == ["王芳 walks,", "slowly。"]
    assert words_in(paper.pdf()) == f"a{MISSING}"


def test_a_line_has_the_size_and_weight_it_was_put_with(site):
    paper = Paper(fonts.family(), "x", "en")
    paper.new_page()
    paper.put("甲", 50, 50, 20, bold=True)
    paper.put("乙", 50, 80, 8)
    paper.put("丙", 500, 80, 8, right=True)
    content = b"".join(
        zlib.decompress(each) for each in re.findall(rb"(?s)/FlateDecode\n/Length \d+\n>>\nstream\n(.*?)\nendstream", paper.pdf())[:1]
    )
    assert re.findall(rb"BT /(F\d) ([\d.]+) Tf ET|BT ([\d.]+) \S+ Td", content) == [
        (b"F2", b"20.00", b""), (b"", b"", b"50.00"), (b"F1", b"8.00", b""), (b"", b"", b"50.00"), (b"F1", b"8.00", b""), (b"", b"", b"492.00"),
    ]  # fmt: skip


def test_every_kind_of_service_that_is_written_has_words(site):
    """Also those of exchanges, whose categories are the kinds that rates speak of."""
    assert {each.value for each in Category} | set(seeds.TYPES) <= set(labels.SERVICES)


def test_paper_is_not_made_while_others_wait_for_the_database(site):
    family = fonts.family()
    with atomic(), pytest.raises(ValueError, match="atomic"):
        Paper(family, "x", "en")


def test_a_file_holds_the_newest_lines_alone_when_there_are_too_many(make_wallet):
    wallet_id = make_wallet()
    with ticking():
        for _number in range(6):
            grant(wallet_id, 1_00)
    assert [line.after for line in statement.every(view(wallet_id), most=4)] == [6_00, 5_00, 4_00, 3_00]


def test_merged_rows_keep_their_statement(resident, client, make_person, programme, make_wallet):
    """The survivor sees the wallet of the row that was merged into hers."""
    person, _wallet_id = resident(3_00)
    other = make_person("何敏华")
    old = make_wallet(person=other)
    grant(old, 2_00)
    merge = people.ask_merge(CLERK, other.id, person.id, "twice the same")
    people.decide_merge(COLLEAGUE, merge.id, True)
    uid = view(old).uid
    assert uid in page(client, "/points/")
    assert "To another wallet" in page(client, f"/points/statement?wallet={uid}")
    assert queries.mine(person.id).own.free == 5_00
