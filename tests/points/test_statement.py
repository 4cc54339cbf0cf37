"""The statement: one line for one thing, the newest first, in pages by index; the points behind a line are what was free after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.points import operations, queries, statement
from civic.points.models import Earning, Reason, TransferKind, Wallet, WalletKind
from civic.points.operations.books import open_book
from civic.points.operations.ledger import Line, write
from civic.points.statement import Asked, HoldEnd, Side
from tests.conftest import NOW
from tests.support.points import RULER, adopt, free

CLERK = Actor(3)
DAY = timedelta(days=1)


def view(wallet_id: int) -> queries.WalletView:
    return queries.views(queries.by_id(wallet_id))[0]


def told(wallet_id: int, asked: Asked = statement.ALL, limit: int = statement.PER_PAGE) -> statement.Page:
    return statement.page(view(wallet_id), asked, limit)


@contextmanager
def later(**more: float) -> Iterator[datetime]:
    """A while after NOW."""
    moment = NOW + timedelta(**more)
    with clock.frozen(moment):
        yield moment


def test_points_that_were_earned_are_a_line_with_what_explains_it(programme, make_person):
    person = make_person()
    operations.earn(CLERK, "hours:17", 1, person.id, 140, date(2026, 11, 22), "first_aid", "system")
    wallet_id = queries.mine(person.id).own.id
    (line,) = told(wallet_id).lines
    assert (line.reason, line.sign, line.amount, line.effect, line.after) == (Reason.earned, 1, 2_00, 2_00, 2_00)
    assert (line.policy, line.rounding, line.source, line.other) == ("2026-1", 30, "hours:17", WalletKind.issuance)
    assert line.detail == {
        "minutes": 140, "counted": 120, "rate": 100, "type": "first_aid", "class": "system", "on": "2026-11-22", "revision": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("act", "end", "effect"),
    [
        (lambda _held: None, HoldEnd.live, -3_00),
        (lambda held: operations.settle(CLERK, held.id), HoldEnd.spent, -3_00),
        (lambda held: operations.settle(CLERK, held.id, 2_00), HoldEnd.partly, -2_00),
        (lambda held: operations.void(CLERK, held.id), HoldEnd.returned, 0),
    ],
)
def test_a_hold_and_its_end_are_one_line(make_wallet, act, end, effect):
    wallet_id = filled(make_wallet, 10_00)
    held = operations.hold(CLERK, wallet_id, 3_00, source="order:9", until=NOW + DAY)
    with later(hours=1):
        act(held)
        line, earned = told(wallet_id).lines
        assert (line.hold.end, line.effect, line.amount, line.after) == (end, effect, 3_00, 10_00 + effect)
        assert earned.after == 10_00
        assert view(wallet_id).free == 10_00 + effect


def test_a_hold_whose_time_is_over_counts_as_given_back_before_anybody_wrote_it_down(make_wallet):
    wallet_id = filled(make_wallet, 10_00)
    held = operations.hold(CLERK, wallet_id, 3_00, source="order:9", until=NOW + DAY)
    with later(days=2):
        for _before_and_after_the_job in range(2):
            seen = view(wallet_id)
            assert (seen.balance, seen.held, seen.free) == (10_00, 0, 10_00)
            line = told(wallet_id).lines[0]
            assert (line.hold.end, line.effect, line.after) == (HoldEnd.lapsed, 0, 10_00)
            operations.expire(CLERK, held.id)


def test_a_hold_that_was_prolonged_says_so_and_goes_on_in_the_next_line(make_wallet):
    wallet_id = filled(make_wallet, 10_00)
    held = operations.hold(CLERK, wallet_id, 3_00, source="exchange:4", until=NOW + DAY, reason=Reason.exchange)
    operations.renew(CLERK, held.id, NOW + 9 * DAY)
    newest, first, _earned = told(wallet_id).lines
    assert (newest.hold.end, newest.effect, first.hold.end, first.effect) == (HoldEnd.live, -3_00, HoldEnd.prolonged, 0)


def filled(make_wallet, amount: int) -> int:
    """A wallet with so many hundredths, above what a day's hours bring."""
    wallet_id = int(make_wallet())
    grant(wallet_id, amount)
    return wallet_id


@contextmanager
def ticking() -> Iterator[None]:
    """Each reading of the clock is a microsecond later, as in life."""
    before = clock.now
    start = before()
    moments = (start + timedelta(microseconds=n) for n in range(1, 10_000))
    clock.now = lambda: next(moments)
    try:
        yield
    finally:
        clock.now = before


def of_three_years(make_wallet) -> int:
    """9 points: 3 of each of three years."""
    wallet_id = make_wallet()
    with ticking():
        for year in (2024, 2025, 2026):
            grant(wallet_id, 3_00, year)
    return int(wallet_id)


def grant(wallet_id: int, amount: int, year: int = 2026, times: int = 1) -> None:
    with atomic():
        book = open_book([wallet_id])
        pot = book.pot_of_year(book.wallets[wallet_id], year)
        line = Line(TransferKind.single, Reason.granted, book.system[WalletKind.issuance], pot.id, amount)
        for number in range(times):
            write(RULER, book, f"test:{number}", [line])


def test_what_one_act_took_from_several_years_is_one_line(make_wallet):
    wallet_id = of_three_years(make_wallet)
    operations.donate(CLERK, wallet_id, 7_00)
    held = operations.hold(CLERK, wallet_id, 2_00, source="order:9", until=NOW + DAY)
    operations.settle(CLERK, held.id, 1_00)
    spent, donated, *_grants = told(wallet_id).lines
    assert (donated.amount, donated.effect, donated.other) == (7_00, -7_00, WalletKind.care_pool)
    assert donated.years == ((2024, 3_00), (2025, 3_00), (2026, 1_00))
    assert (spent.amount, spent.effect, spent.hold.spent, spent.after) == (2_00, -1_00, 1_00, 1_00)


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_join_without_a_gap_and_never_cut_a_line(make_wallet, limit):
    """Lines of several rows lie across the places where a page could end."""
    wallet_id = of_three_years(make_wallet)
    with ticking():
        for number in range(4):
            operations.donate(CLERK, wallet_id, 1_00)
            held = operations.hold(CLERK, wallet_id, 4_00, source=f"order:{number}", until=NOW + DAY)
            operations.void(CLERK, held.id)
    whole = told(wallet_id)
    assert whole.before is None
    assert len(whole.lines) == statement.count(view(wallet_id)) == 3 + 8
    seen, asked = [], Asked()
    while True:
        found = told(wallet_id, asked, limit)
        assert len(found.lines) <= limit
        seen += found.lines
        if found.before is None:
            break
        asked = Asked(before=found.before)
    assert [(line.id, line.amount, line.after) for line in seen] == [(line.id, line.amount, line.after) for line in whole.lines]
    assert seen[-1].after == seen[-1].effect
    assert list(statement.every(view(wallet_id))) == list(whole.lines)


def test_a_file_is_read_in_slices_with_the_same_points_behind_each_line(make_wallet, monkeypatch):
    wallet_id = of_three_years(make_wallet)
    with ticking():
        for _number in range(5):
            operations.donate(CLERK, wallet_id, 1_00)
    whole = told(wallet_id).lines
    monkeypatch.setattr(statement.lines, "SLICE", 2)
    assert [(x.id, x.after) for x in statement.every(view(wallet_id))] == [(x.id, x.after) for x in whole]
    assert len(list(statement.every(view(wallet_id), most=3))) == 3


def test_a_month_ends_at_local_midnight(make_wallet):
    """16:00 UTC is the next day here."""
    wallet_id = make_wallet()
    for moment in (datetime(2026, 10, 31, 15, 59, tzinfo=UTC), datetime(2026, 10, 31, 16, 0, tzinfo=UTC), datetime(2026, 11, 30, 15, 59, tzinfo=UTC), datetime(2026, 11, 30, 16, 0, tzinfo=UTC)):  # fmt: skip
        with clock.frozen(moment):
            grant(wallet_id, 1_00)
    november = told(wallet_id, Asked(month=date(2026, 11, 1)))
    assert [line.after for line in november.lines] == [3_00, 2_00]
    assert [line.after for line in told(wallet_id, Asked(month=date(2026, 12, 1))).lines] == [4_00]
    assert told(wallet_id, Asked(month=date(2025, 12, 1))).lines == ()


def test_one_side_alone_says_nothing_of_what_was_free(make_wallet):
    wallet_id = filled(make_wallet, 5_00)
    operations.donate(CLERK, wallet_id, 2_00)
    (came,), (went,) = told(wallet_id, Asked(Side.came)).lines, told(wallet_id, Asked(Side.went)).lines
    assert (came.effect, came.after, went.effect, went.after) == (5_00, None, -2_00, None)
    assert statement.count(view(wallet_id), Asked(Side.went)) == 1


def test_a_full_wallet_says_what_flowed_over(programme, make_person):
    adopt(programme.id, "2026-2", date(2026, 2, 1), cap=4_00)
    person = make_person()
    for number, minutes in ((1, 180), (2, 180)):
        operations.earn(CLERK, f"hours:{number}", 1, person.id, minutes, date(2026, 11, 22), "other", "system")
    wallet = queries.mine(person.id).own
    assert [(x.amount, x.went.pool, x.cap) for x in told(wallet.id).lines] == [(1_00, 2_00, 4_00), (3_00, 0, 4_00)]


def test_a_correction_and_what_it_left_due_are_lines(programme, make_person):
    person = make_person()
    operations.earn(CLERK, "hours:1", 1, person.id, 180, date(2026, 11, 20), "other", "system")
    wallet = queries.mine(person.id).own
    operations.donate(CLERK, wallet.id, 2_00)
    operations.earn(CLERK, "hours:1", 2, person.id, 0, date(2026, 11, 20), "other", "system")
    assert (view(wallet.id).due, view(wallet.id).free) == (2_00, 0)
    operations.earn(CLERK, "hours:2", 1, person.id, 180, date(2026, 11, 21), "other", "system")
    recovered, earned, corrected, *_more = told(wallet.id).lines
    assert (recovered.reason, recovered.effect, recovered.detail) == (Reason.recovered, -2_00, {"due": 2_00})
    assert (earned.after, recovered.after, view(wallet.id).due) == (3_00, 1_00, 0)
    assert (corrected.reason, corrected.effect, corrected.detail["revision"]) == (Reason.corrected, -1_00, 2)


def test_a_wallet_and_its_first_page_cost_the_same_number_of_statements_whatever_their_length(make_wallet, count_queries):
    wallet_id = of_three_years(make_wallet)
    grant(wallet_id, 1_00, times=120)
    with count_queries() as seen:
        wallet = view(wallet_id)
        assert len(statement.page(wallet).lines) == statement.PER_PAGE
    assert len(seen) == 4, seen  # wallet, live holds, rows, hours that moved nothing
    with count_queries() as seen:
        below = statement.page(wallet, Asked(before=statement.page(wallet).before))
    assert len(below.lines) == statement.PER_PAGE
    assert len(seen) == 5, seen  # rows and hours of both pages, and for the second the sum of what is newer


def test_what_lies_deeper_than_can_be_summed_on_the_way_has_no_points_behind_it(make_wallet, monkeypatch):
    wallet_id = make_wallet()
    grant(wallet_id, 1_00, times=12)
    monkeypatch.setattr(statement.lines, "MOST_NEWER", 5)
    shown = told(wallet_id, limit=4)
    below = told(wallet_id, Asked(before=shown.before), 4)
    assert [line.after for line in below.lines] == [8_00, 7_00, 6_00, 5_00]
    assert [line.after for line in told(wallet_id, Asked(before=below.before), 4).lines] == [None] * 4


def hours_of_others(wallet_id: int, count: int) -> None:
    """So many hours of the one whose wallet this is, put in by hand: copies of her first."""
    person_id = db.session.scalars(sa.select(Wallet.person_id).where(Wallet.id == wallet_id)).one()
    table = Earning.__table__
    first = db.session.execute(sa.select(table).where(table.c.person_id == person_id)).mappings().one()
    same = {name: value for name, value in first.items() if name not in {"id", "source"}}
    with atomic():
        db.session.execute(sa.insert(table), [{**same, "source": f"copy:{number}"} for number in range(count)])


def plan_of(statement_text: str, parameters: object) -> str:
    """How the database reads it, as text."""
    word = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "
    rows = db.session.connection().exec_driver_sql(word + statement_text, parameters).all()
    return "\n".join(" ".join(str(value) for value in row) for row in rows)


def test_a_long_statement_is_read_by_its_two_indexes(make_wallet):
    """20,000 rows of one year: no table is read from end to end, and no more than a page is put in order."""
    wallet_id = make_wallet()
    grant(wallet_id, 1_00, times=20_000)
    hours_of_others(make_wallet(1_00), 2_000)  # so many that reading them all is not the cheapest
    if db.engine.dialect.name == "postgresql":
        db.session.execute(sa.text("ANALYZE points_transfer"))
        db.session.execute(sa.text("ANALYZE points_earning"))
    wallet, plans = view(wallet_id), []

    def note(_c: object, _cursor: object, text: str, parameters: object, *_: object) -> None:
        if "points_transfer" in text and not text.startswith("EXPLAIN"):
            plans.append((text, parameters))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert statement.page(wallet).lines[0].after == free(wallet_id) == 20_000_00
        top = statement.page(wallet)
        statement.page(wallet, Asked(before=top.before))
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)
    assert len(plans) >= 4
    for text, parameters in plans:
        plan = plan_of(text, parameters)
        of_hours = "points_earning" in text
        for index in ["earning_day", "transfer_source"] if of_hours else ["transfer_credit", "transfer_debit"]:
            assert f"ix_points_{index}" in plan, plan
        assert "Seq Scan on points_transfer" not in plan, plan
        assert "SCAN points_transfer" not in plan, plan
