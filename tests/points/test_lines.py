"""Every line explains itself: hours that moved nothing have one, each names its rules and leads to its cause; what is on its way is told."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.exchange import operations as exchange
from civic.points import operations, queries, seeds, statement
from civic.points.models import Reason, Transfer, Wallet, WalletKind, WalletState
from civic.points.operations import proposals
from civic.points.operations.donations import Way, give
from civic.points.operations.wallets import programme_of_person
from civic.points.queries import ruling
from civic.points.statement import Asked, Cursor, Side, files, shown
from tests.conftest import NOW
from tests.points.test_desk_of_points import enter, person, text, uid_of
from tests.points.test_pages import english, page, resident
from tests.points.test_statement import CLERK, DAY, filled, grant, later, ticking, told, view
from tests.support.exchange import HELPER, REQUESTER, make_listing, two
from tests.support.points import adopt, summed

__all__ = ["enter", "make_listing", "person", "resident", "two"]  # fixtures
TODAY = date(2026, 11, 25)
COLLEAGUE, BOSS = 77, 78


def earn(person, number: int, minutes: int, revision: int = 1, *, donate_only: bool = False, kind: str = "first_aid") -> None:
    operations.earn(CLERK, f"hours:{number}", revision, person.id, minutes, clock.today(), kind, "system", donate_only)


def wallet_of(person) -> int:
    return int(queries.mine(person.id).own.id)


def effects(wallet_id: int, asked: Asked = statement.ALL) -> list[tuple[int, int | None]]:
    return [(line.effect, line.after) for line in told(wallet_id, asked).lines]


@pytest.fixture
def full(programme, make_person):
    """Somebody whose wallet keeps 3.00 and has them, an hour ago."""
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=3_00)
    person = make_person("何敏华")
    earn(person, 1, 180)
    return person


# ---- hours that moved nothing -----------------------------------------------------------------------------------------------
def test_three_hours_for_a_full_wallet_are_a_line_that_says_where_the_points_went(site, full, programme):
    with later(hours=1):
        earn(full, 2, 180)
        line, first = english(wallet_of(full))
    assert (line.title, line.amount, line.after, first.after) == ("Points for service: first-aid post", "0.00", "3.00", "3.00")
    assert line.notes == (
        "3.0 h × 1.00, first-aid post, rule 2026-2",
        "All 3.00 points went to the care pool: this wallet was full, it keeps at most 3.",
    )
    assert summed(programme.id, WalletKind.care_pool) == 3_00


def test_hours_of_a_group_that_gives_are_a_line_of_a_wallet_that_never_had_a_point(site, programme, make_person):
    person = make_person()
    earn(person, 1, 180, donate_only=True)
    wallet_id = wallet_of(person)
    assert view(wallet_id).years == ()
    (line,) = english(wallet_id)
    assert (line.amount, line.after, line.notes) == (
        "0.00", "0.00",
        (
            "3.0 h × 1.00, first-aid post, rule 2026-1",
            "3.00 points went to the care pool: the group that served these hours gives its points to neighbours in need.",
        ),
    )  # fmt: skip
    assert statement.count(view(wallet_id)) == 1


def test_hours_for_a_closed_wallet_say_so(site, programme, make_person):
    person = make_person()
    earn(person, 1, 60)
    wallet_id = wallet_of(person)
    operations.close(CLERK, wallet_id, "own_wish")
    assert db.session.get_one(Wallet, wallet_id).state is WalletState.closed
    with later(hours=1):
        earn(person, 2, 60)
        assert english(wallet_id)[0].notes[1] == "1.00 points went to the care pool: this wallet was closed."


def test_hours_beyond_the_most_of_a_day_are_a_line(site, programme, make_person):
    person = make_person()
    earn(person, 1, 480)
    with later(hours=1):
        earn(person, 2, 180)
        earn(person, 3, 20)
        short, line, _first = english(wallet_of(person))
    assert (line.amount, line.notes) == (
        "0.00",
        (
            "0.0 h × 1.00, first-aid post, rule 2026-1",
            "Served 3.0 h; other hours of that day had already reached the most that earns points.",
        ),
    )
    assert short.notes[1] == "Served 20 min; time is rounded down to 30 minutes."


def test_a_correction_that_became_due_as_a_whole_is_a_line(site, programme, make_person):
    person = make_person()
    earn(person, 1, 180)
    wallet_id = wallet_of(person)
    operations.donate(CLERK, wallet_id, 3_00)
    with later(hours=1):
        earn(person, 1, 60, 2)
        line = english(wallet_id)[0]
    assert (line.title, line.amount, line.notes[0], line.notes[-1]) == (
        "Correction of hours: first-aid post",
        "0.00",
        "The hours were put right: now 1.0 h count.",
        "2.00 points were used already. They are due now; what comes next pays them.",
    )
    assert view(wallet_id).due == 2_00


def test_a_correction_tells_what_it_took_from_the_pool_and_what_became_due(site, full):
    """3.00 in a full wallet and 3.00 flowed over; 2.00 are used.  Both hours are set to 0: first the pool's come back, then 1.00, 2.00 are due."""
    wallet_id = wallet_of(full)
    with later(hours=1):
        earn(full, 2, 180)
    operations.donate(CLERK, wallet_id, 2_00)
    with later(hours=2):
        earn(full, 2, 0, 2)
        earn(full, 1, 0, 2)
        lines = english(wallet_id)
    by_amount = {line.amount: line.notes[-1] for line in lines if line.title.startswith("Correction")}
    assert by_amount == {
        "0.00": "3.00 points came back from the care pool, where they had gone.",
        "−1.00": "2.00 points were used already. They are due now; what comes next pays them.",
    }


def test_a_correction_that_changes_no_points_says_so(site, programme, make_person):
    person = make_person()
    earn(person, 1, 60)
    with later(hours=1):
        earn(person, 1, 80, 2)
        line = english(wallet_of(person))[0]
    assert (line.amount, line.notes[-1]) == ("0.00", "The points stay as they were.")


def test_hours_that_turn_out_to_be_a_groups_say_so_and_her_own_again_too(site, programme, make_person):
    """2.00 hers, spent 1.50; the group's: 0.50 go, 1.50 are due, 2.00 lie in the pool; hers after all: 2.00 come back and pay what is due."""
    person = make_person()
    earn(person, 1, 120)
    mine = wallet_of(person)
    operations.settle(CLERK, operations.hold(CLERK, mine, 1_50, source="order:7", until=NOW + DAY).id)
    earn(person, 1, 120, 2, donate_only=True)
    line = english(mine)[0]
    assert (line.amount, line.notes[0]) == ("−0.50", "These hours count as a group's now: 2.0 h.")
    assert "2.00 points went to the care pool: the group that served these hours gives its points to neighbours in need." in line.notes
    assert "1.50 points were used already. They are due now; what comes next pays them." in line.notes
    earn(person, 1, 120, 3)
    back = next(each for each in english(mine) if each.amount == "+2.00")
    assert "These hours no longer count as a group's: 2.00 points left the care pool, and all of them are booked anew." in back.notes


def test_they_stand_in_their_month_and_on_their_side_and_leave_the_balance_right(full):
    wallet_id = wallet_of(full)
    with clock.frozen(datetime(2026, 12, 2, 2, tzinfo=UTC)):
        earn(full, 2, 180)  # over the cap
    with clock.frozen(datetime(2026, 12, 2, 3, tzinfo=UTC)):
        operations.donate(CLERK, wallet_id, 3_00)
    with clock.frozen(datetime(2027, 1, 5, 2, tzinfo=UTC)):
        earn(full, 2, 0, 2)  # taken from the pool
        earn(full, 1, 0, 2)  # due
    with clock.frozen(datetime(2027, 2, 5, 2, tzinfo=UTC)):
        grant(wallet_id, 1_00)
        assert effects(wallet_id) == [(1_00, 1_00), (0, 0), (0, 0), (-3_00, 0), (0, 3_00), (3_00, 3_00)]
        assert effects(wallet_id, Asked(month=date(2027, 1, 1))) == [(0, 0), (0, 0)]
        assert effects(wallet_id, Asked(month=date(2026, 11, 1))) == [(3_00, 3_00)]
        assert len(effects(wallet_id, Asked(month=date(2026, 12, 1)))) == 2
        came, went = (told(wallet_id, Asked(side)).lines for side in (Side.came, Side.went))
        assert [line.effect for line in came] == [1_00, 0, 3_00]
        assert [line.effect for line in went] == [0, 0, -3_00]
        for side in Side:
            assert statement.count(view(wallet_id), Asked(side)) == len(told(wallet_id, Asked(side)).lines)
        assert statement.count(view(wallet_id), Asked(month=date(2027, 1, 1))) == 2


def test_a_month_of_such_hours_alone_knows_what_was_free(full):
    """Newer and older lines around it: 3.00 in November, hours in December, 1.00 given in January."""
    wallet_id = wallet_of(full)
    with clock.frozen(datetime(2026, 12, 2, 2, tzinfo=UTC)):
        earn(full, 2, 180)
        earn(full, 3, 180)
    with clock.frozen(datetime(2027, 1, 5, 2, tzinfo=UTC)):
        operations.donate(CLERK, wallet_id, 1_00)
        december = Asked(month=date(2026, 12, 1))
        assert effects(wallet_id, december) == [(0, 3_00), (0, 3_00)]
        first = told(wallet_id, december, 1)
        assert effects(wallet_id, Asked(month=date(2026, 12, 1), before=first.before)) == [(0, 3_00)]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 50])
@pytest.mark.parametrize("is_backwards", [False, True])
def test_pages_join_without_a_gap_even_where_the_clock_ran_back(full, limit, is_backwards):
    wallet_id = wallet_of(full)
    for number in range(6):
        with clock.frozen(NOW + timedelta(hours=(6 - number) if is_backwards else number + 1)):
            earn(full, 10 + number, 60)
            held = operations.hold(CLERK, wallet_id, 1_00, source=f"order:{number}", until=NOW + 9 * DAY)
            operations.void(CLERK, held.id)
            earn(full, 20 + number, 60)
    with later(days=1):
        whole = told(wallet_id).lines
        assert len(whole) == statement.count(view(wallet_id)) == len({line.id for line in whole}) == 1 + 18
        seen, asked = [], Asked()
        while True:
            found = told(wallet_id, asked, limit)
            assert len(found.lines) <= limit
            seen += found.lines
            if found.before is None:
                break
            assert Cursor.read(str(found.before)) == found.before
            asked = Asked(before=found.before)
        assert [(x.id, x.after) for x in seen] == [(x.id, x.after) for x in whole]
        assert [x.id for x in statement.every(view(wallet_id))] == [x.id for x in whole]


def test_a_file_names_such_a_line_by_its_hours(site, full):
    with later(hours=1):
        earn(full, 2, 180)
        with force_locale("en"):
            rows = files.rows_of(files.Head("何敏华", view(wallet_of(full))), files.MOST_ROWS)
            table = list(csv.reader(io.StringIO(files.as_csv(rows).removeprefix(files.BOM))))
    assert [row[4] for row in table[1:]] == ["0.00", "3.00"]
    assert re.fullmatch(r"h\d+", table[1][6])
    assert "All 3.00 points went to the care pool" in table[1][3]
    assert all("rule 2026-2" in row[3] for row in table[1:])


def test_a_page_of_fifty_costs_what_a_page_of_five_does(client, resident, programme, count_queries):
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=20_00)
    person, wallet_id = resident(19_00)
    counts = []

    def more(rounds: range) -> None:
        with ticking():
            for number in rounds:
                earn(person, number, 30)
                operations.donate(CLERK, wallet_id, 10)
                held = operations.hold(CLERK, wallet_id, 1, source=f"goods:{number}", until=clock.now() + DAY)
                operations.settle(CLERK, held.id)
                earn(person, number, 0, 2)

    more(range(2))
    page(client, "/points/statement")
    for rounds in (range(2, 3), range(3, 18)):
        more(rounds)
        with count_queries() as seen:
            text = page(client, "/points/statement")
        counts.append((len(seen), text.count('<tr id="line-')))
    assert counts[0][0] == counts[1][0], counts
    assert counts[0][1] < 20 < counts[1][1] == 50, counts


# ---- every line names its rules and leads to its cause ----------------------------------------------------------------------
def test_every_line_names_the_version_of_the_rules(site, programme, make_person, make_wallet):
    person = make_person()
    wallet_id = filled(make_wallet, 50_00)
    earn(person, 1, 180)
    mine = wallet_of(person)
    operations.donate(CLERK, mine, 2_00)
    earn(person, 1, 0, 2)
    earn(person, 2, 180)
    operations.void(CLERK, operations.hold(CLERK, wallet_id, 1_00, source="goods:7", until=NOW + DAY).id)
    operations.settle(CLERK, operations.hold(CLERK, wallet_id, 1_00, source="order:7", until=NOW + DAY).id)
    proposals.grant(CLERK, wallet_id, 1_00, source="care_grant:1", from_pool=False)
    operations.close(CLERK, wallet_id, "own_wish")  # its points move on
    lines = [*english(wallet_id), *english(mine)]
    assert len(lines) >= 8
    for line in lines:
        assert len([note for note in line.notes if isinstance(note, shown.Ruled) and "2026-1" in note]) == 1, line
        assert ("/points/rules#rules-2026-1" in [href for _note, href in line.told]) is True


def test_the_page_links_the_rule_and_the_rules_page_has_its_place(client, resident, programme):
    person, _wallet_id = resident()
    earn(person, 1, 120)
    text = page(client, "/points/statement")
    assert '<a href="/points/rules#rules-2026-1">2.0 h × 1.00, first-aid post, rule 2026-1</a>' in text
    assert 'id="rules-2026-1"' in page(client, "/points/rules")


def test_a_gift_leads_to_its_receipt(client, resident):
    person, _wallet_id = resident()
    give(CLERK, person.id, Way.pool, 2_50)
    found = re.search(r'<a href="(/points/donations/\d+)">Given away</a>', page(client, "/points/statement"))
    assert found is not None
    assert "2.50 points are given" in page(client, found[1])


def test_a_reversal_leads_to_the_line_it_takes_back_also_pages_below(client, resident, make_account):
    from civic.core.viewer import Actor

    _person, wallet_id = resident(0)
    with ticking():
        proposals.grant(CLERK, wallet_id, 8_00, source="care_grant:1", from_pool=False)
    granted = db.session.scalars(sa.select(Transfer.id).where(Transfer.reason == Reason.granted)).one()
    maker, checker = Actor(make_account(name="甲").id), Actor(make_account(name="乙").id)
    with later(minutes=5):
        asked = proposals.propose_reversal(maker, granted, "错了", 3_00)
        proposals.decide(checker, asked.id, approve=True)
        assert f'<a href="#line-{granted}">Entry taken back</a>' in page(client, "/points/statement")
    with later(minutes=9), ticking():
        for number in range(60):
            held = operations.hold(CLERK, wallet_id, 1, source=f"order:{number}", until=clock.now() + DAY)
            operations.void(CLERK, held.id)
    text = page(client, "/points/statement?before=" + str(told(wallet_id).before))
    assert f'href="#line-{granted}"' in text  # both on the second page
    (line,) = [x for x in told(wallet_id, Asked(), 61).lines if x.reason is Reason.reversed]
    with force_locale("en"):
        (words,) = shown.shown([line])  # alone on a page
    address, _hash, anchor = words.href.partition("#")
    opened = page(client, address.replace("&amp;", "&"))
    assert f'<tr id="{anchor}">' in opened
    assert opened.count("<tr id=") == 1, "the page begins with the line"


def test_lines_of_the_demonstration_say_what_was_taken_and_which_service(site, make_wallet, make_person):
    wallet_id = filled(make_wallet, 10_00)
    person = make_person()
    for number in (1, 2):
        operations.settle(CLERK, operations.hold(CLERK, wallet_id, 1_00, source=f"goods:{number}", until=NOW + DAY).id)
    operations.earn(CLERK, "past:1", 1, person.id, 60, TODAY, "patrol", "system")
    titles = [line.title for line in (*english(wallet_id)[:2], *english(wallet_of(person)))]
    assert all(re.fullmatch(r"Points used: a (bag|bottle|pack|bar|carton|towel).*", title) for title in titles[:2]), titles
    assert titles[2] == "Points for service: patrol"
    assert seeds.TYPES


# ---- an exchange, and the desk ----------------------------------------------------------------------------------------------
def test_whoever_asked_reads_minutes_and_rate_of_what_she_paid(site, two):
    made = two.deliver(90, of=120)
    line = english(two.wallet)[0]
    assert line.title == "Set aside: 教老人用手机"
    assert "1.5 h × 1.00, phones and computers, rule 2026-1" in line.notes
    exchange.confirm(REQUESTER, made.id, two.wang.id)
    line = english(two.wallet)[0]
    assert (line.amount, line.title) == ("−1.50", "A neighbour's help: 教老人用手机")
    assert "1.5 h × 1.00, phones and computers, rule 2026-1" in line.notes
    assert line.notes.count("By rule 2026-1") == 0
    assert english(two.li_wallet)[0].notes[0] == "1.5 h × 1.00, phones and computers, rule 2026-1"


def test_the_desk_reads_the_same_explanation_of_each_row(site, two):
    exchange.confirm(REQUESTER, two.deliver(120).id, two.wang.id)
    with force_locale("en"):
        (paid, *_more), _before = ruling.rows_of(two.wallet)
        (earned, *_none), _before = ruling.rows_of(two.li_wallet)
    formula = ("2.0 h × 1.00, phones and computers, rule 2026-1", "/points/rules#rules-2026-1")
    assert (paid.amount, paid.cause, formula in paid.notes) == (-2_00, "教老人用手机", True)
    assert (earned.amount, formula in earned.notes) == (2_00, True)
    assert earned.href == "", "nobody is looking"


def test_the_desk_of_a_wallet_lists_hours_that_moved_nothing_once_and_nothing_to_reverse_there(enter, person, programme):
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=30_00)
    numbers = iter(range(1, 1000))
    with ticking():
        for _day in range(60):
            grant_once(person, next(numbers))
            earn(person, 1000 + next(numbers), 10)
    wallet_id = wallet_of(person)
    uid = uid_of(wallet_id)
    browser = enter()
    first = text(browser.get(f"/desk/points/wallets/{uid}", status=200))
    older = re.search(r"before=(\d+)\b(?!#)", first)
    assert older is not None
    rest = text(browser.get(f"/desk/points/wallets/{uid}?before={older[1]}", status=200))
    anchors = re.findall(r'<th scope="row" id="(row-h?\d+)"', first + rest)
    assert len(anchors) == len(set(anchors)) == 120
    assert (first + rest).count("Ask to reverse it") == 60
    assert (first + rest).count("time is rounded down to 30 minutes") == 60


def grant_once(person, number: int) -> None:
    with atomic():
        wallet_id = operations.wallet_of_person(programme_of_person(person.id), person.id)
    proposals.grant(CLERK, wallet_id, 10, source=f"care_grant:{number}", from_pool=False)


def test_the_desk_reads_where_a_grant_was_decided(enter, person, make_wallet, make_account):
    from civic.core.viewer import Actor

    wallet_id = make_wallet(person=person)
    maker, checker = Actor(make_account(name="甲").id), Actor(make_account(name="乙").id)
    asked = proposals.propose_grant(maker, wallet_id, 3_00, "为了照顾", from_pool=False)
    proposals.decide(checker, asked.id, approve=True)
    proposal, uid = asked.uid, uid_of(wallet_id)
    browser = enter()
    assert f'<a href="/desk/points/proposals/{proposal}">asked for on Wed 25 Nov 2026</a>' in text(
        browser.get(f"/desk/points/wallets/{uid}", status=200)
    )
    browser.get(f"/desk/points/proposals/{proposal}", status=200)


def test_the_desk_reads_why_hours_of_a_full_wallet_went_to_the_pool(site, full, programme):
    with later(hours=1):
        earn(full, 2, 180)
    pool = db.session.scalars(sa.select(Wallet.id).where(Wallet.programme_id == programme.id, Wallet.kind == WalletKind.care_pool)).one()
    with force_locale("en"):
        (row,), _before = ruling.rows_of(pool)
    assert [note for note, _href in row.notes] == ["3.0 h × 1.00, first-aid post, rule 2026-2", "The wallet that they were for was full."]


def test_a_wallet_at_the_desk_asks_the_same_number_of_statements_for_any_number_of_rows(site, two, count_queries):
    def ask() -> int:
        db.session.rollback()
        with count_queries() as seen, force_locale("en"):
            ruling.rows_of(two.wallet)
        return len(seen)

    def helped(number: int) -> None:
        for _ in range(number):
            exchange.confirm(REQUESTER, two.deliver(30, of=30).id, two.wang.id)

    helped(1)
    few = ask()
    helped(4)
    assert ask() == few


# ---- what is on its way -----------------------------------------------------------------------------------------------------
def test_the_forecast_tells_what_waits_for_a_neighbours_word_and_how_much_fits(client, two, programme, make_account, sign_in):
    adopt(programme.id, "2026-2", TODAY, cap=1_00)
    account = make_account(name="李秀英")
    with atomic():
        db.session.get_one(type(account), account.id).person_id = two.li.id
    sign_in(client, account)
    assert "Nothing waits for a confirmation." in page(client, "/points/forecast")
    made = two.deliver(120)
    text = page(client, "/points/forecast")
    for said in (
        "2.00 points: 2.0 h × 1.00, phones and computers",
        f'href="/exchange/agreements/{made.uid}"',
        "They come as soon as your neighbour confirms, at the latest on",
        "there is room for 1.00 more",
        "Of what is on its way, 1.00 points will not fit.",
    ):
        assert said in text, said
    exchange.confirm(REQUESTER, made.id, two.wang.id)
    text = page(client, "/points/forecast")
    assert "Nothing waits for a confirmation." in text
    assert "there is room for 0.00 more" in text
    assert HELPER


def test_the_households_forecast_is_linked_where_its_wallet_stands(client, resident):
    person, _wallet_id = resident(6_00)
    give(CLERK, person.id, Way.household, 4_00)
    household = queries.mine(person.id).household
    address = f"/points/forecast?wallet={household.uid}"
    assert f'href="{address}"' in page(client, "/points/")
    assert f'href="{address}"' in page(client, f"/points/statement?wallet={household.uid}")
    text = page(client, address)
    assert "there is room for 1496.00 more" in text
    assert "What is on its way" not in text
