"""Counts of requests in this process: no thread for each, and what is over is swept all the same."""

from __future__ import annotations

import threading

from limits.storage import MemoryStorage

from civic.core.web.limits import SWEEP_EVERY, SweptMemory


def test_counting_starts_no_thread():
    assert hasattr(MemoryStorage, "_MemoryStorage__schedule_expiry"), "the library has another name for it: look at SweptMemory again"
    storage = SweptMemory()
    storage.timer.join()  # the one that the library starts when it is made
    before = set(threading.enumerate())
    assert [storage.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    assert set(threading.enumerate()) == before
    assert storage.get("a") == 3


def test_what_is_over_is_swept_by_a_later_request():
    storage = SweptMemory()
    storage.timer.join()
    storage.incr("old", 60)
    storage.expirations["old"] = 0.0  # its minute is over
    storage.incr("new", 60)
    assert "old" in storage.storage
    storage._swept_at -= 2 * SWEEP_EVERY
    storage.incr("new", 60)
    assert set(storage.storage) == {"new"}
