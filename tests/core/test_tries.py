"""Wrong tries are counted before the operation begins, in a transaction of their own, and end with their window."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError, TooManyTries
from civic.core.tries import WINDOW, TryCount, count_try, forget, forget_old


def counted() -> list[int]:
    return list(db.session.scalars(sa.select(TryCount.count).order_by(TryCount.subject)))


def test_the_fifth_try_counts_and_the_sixth_is_locked_out(site):
    for _ in range(5):
        count_try("sign-in", "a", 5)
    with pytest.raises(TooManyTries) as locked:
        count_try("sign-in", "a", 5)
    assert locked.value.context == {"minutes": 15}
    assert "15" in locked.value.message


def test_the_minutes_left_are_rounded_up(site):
    count_try("sign-in", "a", 1)
    with clock.frozen(clock.now() + timedelta(minutes=12, seconds=59)), pytest.raises(TooManyTries) as locked:
        count_try("sign-in", "a", 1)
    assert locked.value.context == {"minutes": 3}


def test_a_new_window_begins_with_the_next_try_after_the_old_one(site):
    for _ in range(3):
        count_try("sign-in", "a", 3)
    with clock.frozen(clock.now() + WINDOW + timedelta(seconds=1)):
        count_try("sign-in", "a", 3)
        assert counted() == [1]


def test_trying_while_locked_does_not_prolong_the_lock(site):
    count_try("sign-in", "a", 1)
    with clock.frozen(clock.now() + WINDOW - timedelta(seconds=1)), pytest.raises(TooManyTries):
        count_try("sign-in", "a", 1)
    with clock.frozen(clock.now() + WINDOW + timedelta(seconds=1)):
        count_try("sign-in", "a", 1)


def test_subjects_and_kinds_are_counted_apart(site):
    count_try("sign-in", "a", 1)
    count_try("sign-in", "b", 1)
    count_try("track", "a", 1)


def test_a_right_try_clears_the_count(site):
    count_try("sign-in", "a", 1)
    forget("sign-in", "a")
    count_try("sign-in", "a", 1)


def test_a_count_survives_the_refusal_that_follows(site):
    count_try("sign-in", "a", 5)
    with pytest.raises(DomainError), atomic():
        raise DomainError
    assert counted() == [1]


def test_counting_inside_the_operation_is_a_mistake_of_the_code(site):
    with atomic(), pytest.raises(ValueError, match="before atomic"):
        count_try("sign-in", "a", 5)


def test_counts_of_yesterday_are_dropped(site):
    count_try("sign-in", "a", 5)
    with clock.frozen(clock.now() + timedelta(hours=23)):
        count_try("sign-in", "b", 5)
    with clock.frozen(clock.now() + timedelta(hours=25)):
        forget_old()
    assert counted() == [1]


def test_racing_tries_are_all_counted(live_app):
    def work() -> None:
        for _ in range(5):
            with live_app.app_context():
                count_try("sign-in", "a", 1000)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with live_app.app_context():
        assert counted() == [30]
