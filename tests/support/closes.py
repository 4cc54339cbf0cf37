"""Days of points to close: an earning on a day that is over, the closes after it, a server for programs that come from outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time

from flask import Flask
from werkzeug.serving import make_server

from civic.core import clock, closes
from civic.core.atomic import atomic
from civic.core.viewer import Actor
from civic.people.models import Person
from civic.points import checks, operations
from civic.points.models import Programme

CLERK = Actor(901)


@contextmanager
def noon_of(day: date) -> Iterator[None]:
    """The clock at noon of a local day."""
    with clock.frozen(datetime.combine(day, time(12), clock.zone())):
        yield


def earned(programme: Programme, person: Person, day: date, minutes: int, source: str) -> int:
    """Points for a service on this day; the id of the wallet."""
    with noon_of(day):
        operations.earn(CLERK, source, 1, person.id, minutes, day, "other", "system")
        with atomic():
            return operations.wallet_of_person(programme.id, person.id)


def spent(wallet_id: int, day: date, amount: int, source: str) -> None:
    """Held and settled on this day."""
    with noon_of(day):
        held = operations.hold(CLERK, wallet_id, amount, source=source, until=clock.day_bounds(day)[1])
        operations.settle(CLERK, held.id, amount)


def closed(until: date) -> list[closes.Close]:
    return closes.close_day(checks.BOOK, until)


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The site on loopback; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
