"""How far long work has come: the work tells, whoever started it listens; without a listener nothing happens.

A check of millions of rows says so every few thousand; `civic check` draws a bar of it, a test or a job hears nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]  # what is worked on, done, of how many (0: nobody knows)
_listener: ContextVar[Listener | None] = ContextVar("civic_progress", default=None)


def tell(what: str, done: int, total: int = 0) -> None:
    """Say how far the work has come."""
    listener = _listener.get()
    if listener is not None:
        listener(what, done, total)


@contextlib.contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Whatever is told inside goes to this listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
