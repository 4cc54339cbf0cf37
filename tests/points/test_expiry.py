"""Points that run out: two notices first, nothing that is held, nothing without the rules saying so; and holds whose time is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from civic.accounts.models import Account
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.jobs import ItemsFailed
from civic.core.messages.models import Message
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people.models import RepresentationKind
from civic.points import operations
from civic.points.models import Hold, HoldState, Reason, Transfer, Vintage, Wallet, WalletKind
from civic.points.operations import expiry
from tests.support.accounts import last_words
from tests.support.people import CLERK, phone
from tests.support.points import adopt, balance, free, summed

DESK = Actor(7)


def on(year: int, month: int, day: int):
    """The clock at noon of a local day."""
    return clock.frozen(datetime(year, month, day, 4, tzinfo=UTC))


def night(year: int, month: int, day: int) -> int:
    with on(year, month, day):
        return expiry.run()


def notices() -> int:
    return db.session.scalar(sa.select(sa.func.count()).where(Message.topic == expiry.TOPIC)) or 0


def noticed(wallet: int) -> int:
    return db.session.scalar(sa.select(Vintage.noticed).where(Vintage.wallet_id == wallet, Vintage.year == 2026))


@pytest.fixture
def rules(programme):
    """Points count for a year after the one in which they came."""
    return adopt(programme.id, "2026-2", date(2026, 2, 1), expiry_years=1)


@pytest.fixture
def reachable(make_person):
    return make_person(contacts=[phone(confirmed=True)])


def test_without_the_rule_nothing_ever_runs_out(programme, make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    for day in ((2027, 12, 5), (2027, 12, 26), (2028, 1, 1), (2040, 1, 1)):
        assert night(*day) == 0
    assert (balance(wallet), notices()) == (5_00, 0)
    assert expiry.expiring(wallet, date(2027, 12, 5)) == []


def test_a_year_runs_out_after_two_notices_and_the_row_says_which(programme, rules, make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    assert (night(2027, 11, 30), notices()) == (0, 0)
    assert (night(2027, 12, 1), notices()) == (1, 1)
    assert (night(2027, 12, 2), notices()) == (0, 1)  # a second run of the same days changes nothing
    assert (night(2027, 12, 24), notices()) == (1, 2)
    assert (night(2027, 12, 31), balance(wallet)) == (0, 5_00)
    assert (night(2028, 1, 1), balance(wallet)) == (1, 0)
    assert (night(2028, 1, 2), notices()) == (0, 2)
    row = db.session.scalars(sa.select(Transfer).where(Transfer.reason == Reason.expired)).one()
    assert (row.amount, row.detail, row.job) == (5_00, '{"year": 2026, "years": 1}', "points-expiry")
    assert summed(programme.id, WalletKind.expiry) == 5_00


def test_the_notice_names_the_points_and_the_day(rules, make_wallet, reachable):
    make_wallet(6_50, reachable)
    night(2027, 12, 1)
    words = last_words(expiry.TOPIC)
    assert "6.5" in words["subject"]
    assert "2027" in words["body"]
    assert "2026" in words["body"]
    assert words["href"] == "/points/"


def test_points_of_later_years_stay(rules, make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    with on(2027, 3, 1):
        operations.earn(DESK, "hours:27", 1, reachable.id, 120, clock.today(), "other", "system")
    for day in ((2027, 12, 1), (2027, 12, 24), (2028, 1, 1)):
        night(*day)
    assert balance(wallet) == 2_00


@pytest.mark.parametrize("missed", [(2027, 12, 1), (2027, 12, 24)])
def test_without_both_notices_they_stay_another_year(rules, make_wallet, reachable, missed):
    wallet = make_wallet(5_00, reachable)
    for day in ((2027, 12, 1), (2027, 12, 24)):
        if day != missed:
            night(*day)
    assert (night(2028, 1, 1), balance(wallet)) == (0, 5_00)
    assert expiry.expiring(wallet, date(2028, 1, 1))[0].last_on == date(2028, 12, 31)
    for day in ((2028, 12, 1), (2028, 12, 24), (2029, 1, 1)):
        night(*day)
    assert balance(wallet) == 0


@pytest.mark.parametrize(("first", "second"), [(9, 24), (23, 24), (1, 28), (1, 31)])
def test_a_notice_that_comes_too_late_does_not_count(rules, make_wallet, reachable, first, second):
    """Thirty days are thirty: told on the 23rd and the 24th because the job stood still, she would have had eight."""
    wallet = make_wallet(5_00, reachable)
    for day in (first, second):
        night(2027, 12, day)
    assert (night(2028, 1, 1), balance(wallet)) == (0, 5_00)


def test_one_wallet_that_fails_does_not_keep_the_others_from_their_notice(rules, make_wallet, make_person, monkeypatch):
    wallets = [make_wallet(5_00, make_person(contacts=[phone(f"1380000000{n}", confirmed=True)])) for n in range(3)]
    real = expiry.open_book

    def broken(ids):
        if list(ids) == wallets[:1]:
            raise RuntimeError("a row nobody foresaw")
        return real(ids)

    monkeypatch.setattr(expiry, "open_book", broken)
    with pytest.raises(ItemsFailed):
        night(2027, 12, 1)
    assert [noticed(wallet) for wallet in wallets] == [0, 30, 30]
    monkeypatch.undo()
    assert night(2027, 12, 2) == 1
    assert [noticed(wallet) for wallet in wallets] == [30, 30, 30]


def test_who_cannot_be_told_loses_nothing(rules, make_person, make_wallet):
    nobody = make_person()
    wallet = make_wallet(5_00, nobody)
    for day in ((2027, 12, 1), (2027, 12, 24), (2028, 1, 1)):
        assert night(*day) == 0
    assert (balance(wallet), notices()) == (5_00, 0)


def test_a_login_is_enough_because_it_shows_the_inbox(rules, make_account, make_person, make_wallet):
    person, account = make_person(), make_account()
    wallet = make_wallet(5_00, person)
    with atomic():
        db.session.execute(sa.update(Account).where(Account.id == account.id).values(person_id=person.id))
    assert night(2027, 12, 1) == 1
    assert noticed(wallet) == 30


def test_held_points_stay_while_they_are_held_and_thirty_days_after(rules, make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    with on(2027, 12, 7):
        held = operations.hold(DESK, wallet, 2_00, source="order:1", until=clock.now() + timedelta(days=90))
    for day in ((2027, 12, 8), (2027, 12, 27)):
        night(*day)
    assert (night(2028, 1, 1), balance(wallet), free(wallet)) == (1, 2_00, 0)
    with on(2028, 2, 1):
        operations.void(DESK, held.id)
    assert (night(2028, 2, 2), free(wallet)) == (0, 2_00)
    assert (night(2028, 3, 1), free(wallet)) == (0, 2_00)
    assert (night(2028, 3, 3), free(wallet)) == (1, 0)


def test_what_a_part_gives_back_has_the_same_thirty_days(rules, make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    for day in ((2027, 12, 1), (2027, 12, 24)):
        night(*day)
    with on(2027, 12, 27):
        held = operations.hold(DESK, wallet, 5_00, source="order:1", until=clock.now() + timedelta(days=90))
        operations.settle(DESK, held.id, 3_00)
    assert (night(2028, 1, 1), free(wallet)) == (0, 2_00)
    assert (night(2028, 1, 27), free(wallet)) == (1, 0)


def test_a_frozen_wallet_waits(rules, make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    night(2027, 12, 1)
    operations.freeze(DESK, wallet, "suspicion")
    for day in ((2027, 12, 24), (2028, 1, 1)):
        assert night(*day) == 0
    operations.unfreeze(DESK, wallet)
    assert (night(2028, 1, 2), balance(wallet)) == (0, 5_00)


def test_rules_that_changed_after_the_notices_are_what_counts(programme, rules, make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    for day in ((2027, 12, 1), (2027, 12, 24)):
        night(*day)
    adopt(programme.id, "2027-1", date(2027, 12, 28))
    assert (night(2028, 1, 1), balance(wallet), noticed(wallet)) == (0, 5_00, 0)


def test_what_comes_into_an_emptied_year_is_told_of_anew(rules, make_person, make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    for day in ((2027, 12, 1), (2027, 12, 24), (2028, 1, 1)):
        night(*day)
    assert noticed(wallet) == 0


def test_the_adults_of_a_household_and_the_parents_of_a_child_are_told(programme, rules, make_wallet, make_person):
    parent = make_person(contacts=[phone(confirmed=True)])
    child = make_person("王小", birth="2015-03-04")
    people.add_representation(CLERK, child.id, parent.id, RepresentationKind.parent, date(2026, 1, 1))
    make_wallet(5_00, child)
    assert night(2027, 12, 1) == 1
    told = db.session.scalars(sa.select(Message.receiver_id).where(Message.topic == expiry.TOPIC))
    assert list(told) == [parent.id]


def test_the_forecast_tells_years_days_and_what_is_held(rules, make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    operations.hold(DESK, wallet, 2_00, source="order:1", until=clock.now() + timedelta(days=9))
    assert expiry.expiring(wallet, clock.today()) == [expiry.Expiring(2026, date(2027, 12, 31), 3_00, 2_00)]


def test_the_minute_gives_back_holds_whose_time_is_over(make_wallet, reachable):
    wallet = make_wallet(5_00, reachable)
    due = operations.hold(DESK, wallet, 2_00, source="order:1", until=clock.now() + timedelta(days=1))
    later = operations.hold(DESK, wallet, 1_00, source="order:2", until=clock.now() + timedelta(days=3))
    assert expiry.end_due_holds() == 0
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert expiry.end_due_holds() == 1
        assert expiry.end_due_holds() == 0
    assert [db.session.get(Hold, h.id).state for h in (due, later)] == [HoldState.expired, HoldState.open]
    assert free(wallet) == 4_00
    assert db.session.scalar(sa.select(Wallet.state).where(Wallet.id == wallet)).value == "open"
