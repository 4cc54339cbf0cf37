"""What `civic check` finds of exchanges whose points did not move by their terms."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor, Channel
from civic.exchange import operations
from civic.exchange.checks import CHECKS
from civic.exchange.models import Dispute, Exchange, ExchangeEvent
from civic.points import operations as points
from civic.points.models import Earning, Hold
from tests.exchange.test_life import merged
from tests.support.exchange import REQUESTER, WORKER
from tests.support.people import CLERK


def found() -> list[str]:
    db.session.flush()
    return [v.what for check in CHECKS for v in check.run()]


def confirmed(two) -> Exchange:
    row = two.deliver(minutes=100)
    operations.confirm(REQUESTER, row.id, two.wang.id)
    assert found() == []
    return row


def write(table, row_id: int, **values) -> None:
    """Behind the back of the operations; undone with the test."""
    db.session.execute(sa.update(table).where(table.id == row_id).values(**values))


def test_more_or_less_than_the_minutes_are_worth(two):
    row = confirmed(two)
    write(Exchange, row.id, delivered_minutes=30)
    assert found() == ["cost 150, by its terms it costs 50", "was not earned by its terms"]


def test_another_category_than_the_one_that_was_agreed(two):
    row = confirmed(two)
    write(Exchange, row.id, category="care")
    assert found() == ["was not earned by its terms"]


def test_somebody_else_paid(two, make_person, make_wallet):
    row = confirmed(two)
    write(Hold, row.hold_id, wallet_id=make_wallet(0, make_person("陈静", birth="1970-01-02")))
    assert found() == ["was not paid by its requester"]


def test_somebody_else_earned(two, make_person):
    row = confirmed(two)
    chen = make_person("陈静", birth="1970-01-02")
    write(Exchange, row.id, helper_id=chen.id)
    assert found() == ["was not earned by its helper"]


def test_earned_twice(two):
    row = confirmed(two)
    points.earn(CLERK, f"exchange:{row.id}", 2, two.li.id, 100, operations.settling.service_day(row), "phone", "exchange")
    assert found() == ["was earned more than once"]


def test_paid_and_not_earned(two):
    row = two.deliver()
    points.settle(CLERK, row.hold_id)
    assert "is not confirmed, but its points were spent" in found()
    write(Exchange, row.id, state="confirmed")
    assert found() == ["was paid, but its helper earned nothing"]


def test_decided_for_nothing_but_earned(two):
    row = two.deliver()
    operations.open_dispute(REQUESTER, row.id, two.wang.id, "没来。")
    operations.decide_dispute(WORKER, row.id, 0, "没有来。")
    assert found() == []
    points.earn(CLERK, f"exchange:{row.id}", 1, two.li.id, 60, operations.settling.service_day(row), "phone", "exchange")
    assert db.session.scalars(sa.select(Earning).where(Earning.source == f"exchange:{row.id}")).one()
    assert found() == ["is worth nothing, but was earned"]


def test_stopped_by_somebody_who_had_spoken_for_one_of_the_two(two, make_account):
    """Stopping a disputed one decides it for nothing; a death that ends it decides nothing, whoever records it."""
    clerk = make_account()
    row = two.deliver()
    operations.open_dispute(Actor(clerk.id, channel=Channel.desk), row.id, two.wang.id, "没来。")
    operations.stop(WORKER, row.id, "吵起来了。")
    assert found() == []
    dispute = db.session.scalars(sa.select(Dispute).where(Dispute.exchange_id == row.id)).one()
    write(Dispute, dispute.id, decided_by_id=clerk.id)
    assert found() == []  # as of a death that she recorded
    with atomic():
        db.session.add(ExchangeEvent(exchange_id=row.id, verb="said", person_id=two.wang.id, account_id=WORKER.account_id, channel="desk"))
    write(Dispute, dispute.id, decided_by_id=WORKER.account_id)
    assert found() == ["was decided by somebody who had spoken for one of the two"]


def test_decided_by_somebody_who_had_spoken_for_one_of_the_two(two, make_account, make_person):
    lin, logins = make_person("林姐", birth="1980-01-01"), [make_account(), make_account(), make_account()]
    with atomic():
        for login in logins[:2]:
            db.session.merge(login).person_id = lin.id
    row = two.deliver()
    operations.open_dispute(Actor(logins[0].id, channel=Channel.desk), row.id, two.wang.id, "没来。")
    dispute = operations.decide_dispute(WORKER, row.id, 60, "一小时。")
    operations.rate(Actor(logins[2].id, channel=Channel.desk), row.id, two.wang.id, 5)
    assert found() == []
    for login, count in zip(logins, (1, 1, 0), strict=True):  # herself, another login of hers, somebody who rated for one afterwards
        write(Dispute, dispute.id, decided_by_id=login.id)
        assert found() == ["was decided by somebody who had spoken for one of the two"] * count


@pytest.mark.parametrize("who", ["wang", "li"])
def test_a_merge_afterwards_is_no_fault(two, make_person, who):
    confirmed(two)
    kept = make_person("王芳") if who == "wang" else make_person("李秀英", birth="1963-05-06")
    merged(getattr(two, who), kept)
    assert found() == []


def held_until(row: Exchange, moment) -> None:
    write(Hold, row.hold_id, expires_at=moment)


def test_the_points_of_an_agreement_are_held_until_its_own_time_to_lapse(two):
    row = two.agree()
    assert found() == []
    held_until(row, row.due_at + timedelta(hours=1))
    assert found() == ["is agreed; its points are held until 2026-12-09T05:00:00+00:00, not until its time to lapse"]
    write(Exchange, row.id, due_at=row.due_at + timedelta(hours=1))
    assert len(found()) == 1  # meeting and rules say otherwise


def test_what_was_delivered_is_held_beyond_the_days_of_the_silent_one(two):
    row = two.deliver()
    assert found() == []
    held_until(row, row.due_at + timedelta(days=29))
    assert [what.partition(";")[0] for what in found()] == ["is delivered"]


def test_a_dispute_is_held_beyond_its_ten_working_days(two):
    row = two.deliver()
    operations.open_dispute(REQUESTER, row.id, two.wang.id, "没来。")
    assert found() == []
    held_until(row, clock.now() + timedelta(days=40))
    assert [what.partition(";")[0] for what in found()] == ["is disputed"]
