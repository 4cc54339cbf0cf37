"""Hints: who earns far more than usual, who only ever pays each other; ordinary people raise none, and nothing follows by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from civic.accounts.models import Account
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor, Role
from civic.people import operations as people
from civic.people.models import Look
from civic.points import operations
from civic.points.errors import AlreadyLookedAt, OwnHousehold
from civic.points.models import Hint, HintKind, HintState, Wallet, WalletState
from civic.points.operations import hints
from tests.support.people import CLERK, COLLEAGUE

DESK = Actor(7)
MONDAY = datetime(2026, 11, 23, 4, tzinfo=UTC)
numbers = count(1)


def at(days: int):
    """The clock so many days after Monday 23 November."""
    return clock.frozen(MONDAY + timedelta(days=days))


def serve(person, hours: float, days: int) -> None:
    with at(days):
        operations.earn(DESK, f"hours:{next(numbers)}", 1, person.id, int(hours * 60), clock.today(), "other", "system")


def help_with(requester, helper, hours: int = 1, days: int = 0) -> None:
    """An exchange from the agreement to both confirmations, as points see it."""
    source = f"exchange:{next(numbers)}"
    with at(days):
        with atomic():
            programme = operations.wallets.programme_of_person(requester.id)
            wallet = operations.wallet_of_person(programme, requester.id)
        held = operations.hold(DESK, wallet, hours * 100, source=source, until=clock.now() + timedelta(days=9))
        operations.settle(DESK, held.id)
        operations.earn(DESK, source, 1, helper.id, hours * 60, clock.today(), "company", "exchange")


def found(kind: HintKind) -> list[Hint]:
    return list(db.session.scalars(sa.select(Hint).where(Hint.kind == kind).order_by(Hint.id)))


@pytest.fixture
def rich(programme, make_person):
    """`rich("王芳")`: somebody with eight points from last spring."""

    def make(name: str = "王芳"):
        person = make_person(name)
        serve(person, 8, -230)
        return person

    return make


# ---- sudden earners -------------------------------------------------------------------------------------------------------
def test_a_week_far_above_ones_own_usual_is_shown_with_its_numbers(programme, make_person, make_wallet):
    wang = make_person()
    for week in range(1, 13):
        serve(wang, 4, -7 * week)
    for day in range(4):
        serve(wang, 8, day)
    with at(4):
        assert hints.run() == 1
    (hint,) = found(HintKind.sudden)
    detail = json.loads(hint.detail)
    assert (detail["earned"], detail["usual"], detail["weeks"], detail["week"]) == (32_00, 4_00, [4_00] * 12, "2026-W48")
    assert hint.subject == f"wallet:{make_wallet(person=wang)}:2026-W48"
    assert (hint.state, hint.territory_id) == (HintState.open, wang.place_id)


@pytest.mark.parametrize(
    ("usual", "this_week"),
    [(4, [8, 8, 4]), (0, [8, 8, 4]), (8, [8, 8, 8]), (20, [8, 8, 8, 8, 8])],
    ids=["twenty points, twelve would be three times", "twenty out of nothing", "exactly three times", "much every week"],
)
def test_ordinary_weeks_raise_none(programme, make_person, usual, this_week):
    wang = make_person()
    for week in range(1, 13) if usual else ():
        for day in range(0, usual, 8):
            serve(wang, min(8, usual - day), -7 * week + day // 8)
    for day, hours in enumerate(this_week):
        serve(wang, hours, day)
    with at(6):
        assert hints.run() == 0


def test_the_night_to_monday_still_looks_at_the_week_that_ended(programme, make_person):
    wang = make_person()
    for day in range(4, 7):
        serve(wang, 8, day)
    with at(7):
        assert hints.run() == 1
    with at(8):
        assert hints.run() == 0


def test_numbers_follow_until_somebody_looked_and_then_stay(programme, make_person):
    wang = make_person()
    for day in range(3):
        serve(wang, 8, day)
    with at(3):
        assert hints.run() == 1
    serve(wang, 8, 3)
    with at(4):
        assert hints.run() == 0
    db.session.expire_all()
    (hint,) = found(HintKind.sudden)
    assert json.loads(hint.detail)["earned"] == 32_00
    hints.look_at(COLLEAGUE, hint.id, "水灾值班")
    serve(wang, 8, 4)
    with at(5):
        assert hints.run() == 0
    db.session.expire_all()
    assert json.loads(found(HintKind.sudden)[0].detail)["earned"] == 32_00


# ---- rings ----------------------------------------------------------------------------------------------------------------
def test_two_who_only_pay_each_other_are_shown_with_who_paid_whom(rich, make_wallet):
    wang, li = rich(), rich("李强")
    for day in range(3):
        help_with(wang, li, days=day - 9)
    for day in range(2):
        help_with(li, wang, days=day - 5)
    with at(0):
        assert hints.run() == 1
    (hint,) = found(HintKind.ring)
    ids = sorted(make_wallet(person=p) for p in (wang, li))
    detail = json.loads(hint.detail)
    assert (detail["wallets"], detail["exchanges"], detail["to"]) == (ids, 5, "2026-11-22")
    w, l_ = make_wallet(person=wang), make_wallet(person=li)
    assert sorted(detail["paid"]) == sorted([[w, l_, 3, 3_00], [l_, w, 2, 2_00]])
    assert hint.subject == f"ring:{ids[0]}-{ids[1]}:2026-11"


def test_a_circle_of_three_is_one_too(rich):
    three = [rich(name) for name in ("王芳", "李强", "陈明")]
    for number in range(6):
        help_with(three[number % 3], three[(number + 1) % 3], days=-number - 1)
    with at(0):
        assert hints.run() == 1


def test_who_is_helped_every_week_by_the_same_neighbour_is_none(rich):
    elder, neighbour = rich(), rich("李强")
    for week in range(1, 8):
        help_with(elder, neighbour, days=-7 * week)
    with at(0):
        assert hints.run() == 0


def test_a_group_with_anybody_else_is_open_and_raises_none(rich):
    six = [rich() for _ in range(6)]
    for number in range(6):
        help_with(six[number], six[(number + 1) % 6], days=-number - 1)
    with at(0):
        assert hints.run() == 0


def test_four_exchanges_or_older_ones_raise_none(rich):
    wang, li = rich(), rich("李强")
    for day in (-90, -89, -88, -2, -1):
        help_with(wang, li, days=day - 1)
    help_with(li, wang, days=-91)
    help_with(li, wang, days=-3)
    with at(0):  # seven in all, five within the ninety days
        assert [json.loads(each.detail)["exchanges"] for each in (hints.run() and found(HintKind.ring))] == [5]
    with at(1):
        assert len(hints.rings(clock.today() - timedelta(days=1))) == 0


def test_an_exchange_that_was_given_back_or_corrected_to_nothing_does_not_count(rich):
    wang, li = rich(), rich("李强")
    for day in range(4):
        help_with(wang, li, days=day - 9)
        help_with(li, wang, days=day - 9)
    with at(0):
        last = db.session.scalars(sa.select(hints.Earning).order_by(hints.Earning.id.desc()).limit(4)).all()
        for row in last:
            operations.earn(DESK, row.source, 2, row.person_id, 0, row.on, row.service_type, row.hour_class)
        assert hints.run() == 0


def test_a_merged_row_and_its_survivor_are_one_in_a_ring(rich):
    wang, again, li = rich(), rich("王方"), rich("李强")
    for day in range(3):
        help_with(wang, li, days=day - 9)
        help_with(li, again, days=day - 9)
    with at(0):
        asked = people.ask_merge(CLERK, again.id, wang.id, "同一人")
        people.decide_merge(COLLEAGUE, asked.id, True)
        assert hints.run() == 1
        assert len(json.loads(found(HintKind.ring)[0].detail)["wallets"]) == 2


def test_a_ring_over_two_communities_belongs_to_the_territory_above(programme, make_community, make_person, rich):
    wang = rich()
    other = make_person("李强", place=make_community())
    serve(other, 8, -230)
    for day in range(3):
        help_with(wang, other, days=day - 9)
        help_with(other, wang, days=day - 9)
    with at(0):
        assert hints.run() == 1
    (hint,) = found(HintKind.ring)
    assert hint.territory_id not in {wang.place_id, other.place_id}


# ---- looking --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def hint(programme, make_person):
    wang = make_person()
    for day in range(4):
        serve(wang, 8, day)
    with at(4):
        hints.run()
    return found(HintKind.sudden)[0], wang


def test_a_hint_freezes_nothing_and_is_looked_at_once(hint):
    row, wang = hint
    assert db.session.scalar(sa.select(Wallet.state).where(Wallet.person_id == wang.id)) is WalletState.open
    done = hints.look_at(COLLEAGUE, row.id, "水灾值班")
    assert (done.state, done.looked_by_id) == (HintState.looked_at, COLLEAGUE.account_id)
    with pytest.raises(AlreadyLookedAt):
        hints.look_at(CLERK, row.id, "again")
    with pytest.raises(ValueError, match="found"):
        hints.look_at(CLERK, row.id, " ")


@pytest.fixture
def worker(make_account, place):
    return make_account(Role.social_worker, place)


def test_nobody_looks_at_a_hint_about_herself(hint, worker, sign_in, client):
    row, wang = hint
    with atomic():
        db.session.execute(sa.update(Account).where(Account.id == worker.id).values(person_id=wang.id))
    with pytest.raises(OwnHousehold):
        hints.look_at(Actor(worker.id), row.id, "alles gut")
    uid = row.uid
    sign_in(client, worker)
    assert client.get(f"/desk/points/hints/{uid}", status=404, check=False).status_code == 404
    assert uid not in client.get("/desk/points/hints/?lang=en", follow_redirects=True).text


def test_the_page_explains_and_takes_what_was_found(hint, worker, sign_in, client):
    row, wang = hint
    uid = row.uid
    sign_in(client, worker)
    client.get("/desk/?lang=en", follow_redirects=True)
    page = client.get("/desk/points/hints/")
    assert "earned 32 points in the week from Mon 23 Nov 2026" in page.text
    assert "never that somebody did wrong" in page.text
    page = client.get(f"/desk/points/hints/{uid}")
    assert "In half of the 12 weeks before it was at most 0 points a week." in page.text
    assert "more than 3 times the usual in a week, and more than 20 points above it" in page.text
    assert client.submit(f"/desk/points/hints/{uid}", data={"words": ""}).status_code == 422
    assert client.submit(f"/desk/points/hints/{uid}", data={"words": "Flood duty"}).status_code == 303
    assert "Flood duty" in client.get("/desk/points/hints/?show=looked").text
    assert db.session.scalar(sa.select(sa.func.count()).where(Look.person_id == wang.id)) >= 3


def test_the_list_asks_a_fixed_number_of_statements(programme, make_person, worker, sign_in, client, count_queries):
    for _ in range(3):
        person = make_person()
        for day in range(4):
            serve(person, 8, day)
    with at(4):
        assert hints.run() == 3
    sign_in(client, worker)
    client.get("/desk/points/hints/")
    with count_queries() as three:
        client.get("/desk/points/hints/")
    for _ in range(4):
        person = make_person()
        for day in range(4):
            serve(person, 8, day)
    with at(4):
        hints.run()
    with count_queries() as seven:
        client.get("/desk/points/hints/")
    reads = [[s for s in each if s.lstrip().startswith("SELECT")] for each in (three, seven)]
    assert len(reads[0]) == len(reads[1]) <= 25
