"""The server is killed under load, again and again: what was acknowledged is in the ledger exactly once, and no check finds anything."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from civic import paths
from civic.accounts.models import Account, Grant
from civic.accounts.operations import begin_token
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db, new_public_id
from civic.core.viewer import Actor, Role
from civic.exchange import operations as exchange
from civic.exchange.models import Exchange
from civic.people import operations as people
from civic.people.models import PersonSource, Verification
from civic.people.records import Record
from civic.points import operations
from civic.points.models import Earning, Hold, HoldState, Reason, Transfer, TransferKind
from civic.territory.models import Territory, TerritoryKind
from tests.browser.server import free_port
from tests.support.exchange import listing_text
from tests.support.people import CLERK
from tests.support.points import RULER, adopt

KILLS = int(os.environ.get("CIVIC_TEST_KILLS", "50"))
GIVERS, PAIRS = 2, 2
SENT_AGAIN = 300  # of the requests that were answered
#: minutes that two neighbours agree on, and those that were delivered; an hour is a point
AGREED, DELIVERED = 10, 6
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


# ---- what the clients do ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Ask:
    """A request of somebody's program.  begins: something new, so before it one may stop."""

    token: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    begins: bool = False


Answer = dict[str, Any]
Story = Generator[Ask, Answer, None]


def gifts(token: str) -> Story:
    while True:
        yield Ask(token, "points/donations", {"amount": "0.01"}, begins=True)


def exchanges(wang: str, li: str, worker: str, listing: str) -> Story:
    """Wang asks and Li helps: delivered and confirmed; called off, which gives the held points back; decided after an objection."""
    for end in cycle(("confirmed", "cancelled", "decided")):
        meet_at = (clock.now() + timedelta(seconds=30)).isoformat()
        made = yield Ask(wang, "exchange/exchanges", {"listing": listing, "minutes": AGREED, "meet_at": meet_at}, begins=True)
        at = f"exchange/exchanges/{made['uid']}"
        yield Ask(li, f"{at}/accept")
        if end == "cancelled":
            yield Ask(wang, f"{at}/cancel")
            continue
        yield Ask(li, f"{at}/deliver", {"minutes": DELIVERED})
        if end == "decided":
            yield Ask(wang, f"{at}/dispute", {"words": "没有这么久"})
            yield Ask(worker, f"{at}/decide", {"minutes": DELIVERED, "words": "问过双方"})
        else:
            yield Ask(wang, f"{at}/confirm", {"minutes": DELIVERED})


class Client:
    """Does one thing after the other; what nobody answered is sent again under its key."""

    def __init__(self, story: Story) -> None:
        self.story, self.ask, self.key, self.is_sent = story, next(story), new_public_id(), False
        self.said: list[tuple[Ask, str, Answer]] = []
        self.refused: list[str] = []

    def step(self, port: int) -> None:
        self.is_sent = True
        answer = self.send(port, self.ask, self.key)
        if answer is None:
            time.sleep(0.02)
            return
        self.said.append((self.ask, self.key, answer))
        self.ask, self.key, self.is_sent = self.story.send(answer), new_public_id(), False

    def send(self, port: int, ask: Ask, key: str) -> Answer | None:
        """What the site says; None when nobody knows whether it was done."""
        headers = {"Authorization": f"Bearer {ask.token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/{ask.path}", json.dumps(ask.body).encode(), headers, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server on loopback
                told: Answer = json.load(answer)
                return told
        except urllib.error.HTTPError as refusal:
            if refusal.code < 500:
                self.refused.append(f"{ask.path}: {refusal.code} {refusal.read()[:300]!r}")
            return None
        except (OSError, http.client.HTTPException, json.JSONDecodeError):  # killed before, or in the middle of its answer
            return None

    def press(self, port: int, over: threading.Event) -> None:
        while not over.is_set() and not self.refused:
            self.step(port)

    def finish(self, port: int) -> None:
        """Until nothing is open: what was sent is answered, what was begun has its end."""
        end = time.monotonic() + 120
        while self.is_sent or not self.ask.begins:
            assert not self.refused, self.refused
            assert time.monotonic() < end, f"no answer to {self.ask.path}"
            self.step(port)


# ---- the site and its server ------------------------------------------------------------------------------------------------
def environment(app: Any) -> dict[str, str]:
    settings = app.extensions["civic"].settings
    return {
        **os.environ, "CIVIC_DATABASE_URL": settings.database_url, "CIVIC_DATA_DIR": str(settings.data_dir), "CIVIC_SECRET_KEY": settings.secret_key,
        "CIVIC_DATA_KEY": ",".join(settings.data_keys), "CIVIC_LIMITS": "100000", "CIVIC_BASE_URL": "http://127.0.0.1",
    }  # fmt: skip


def token_for(login: str, person_id: int | None = None, place_id: int | None = None, role: Role | None = None) -> str:
    """A program's token of a person who is verified in the place, or of somebody who works there."""
    with atomic():
        account = Account(login=login, name="Crash", person_id=person_id)
        db.session.add(account)
        db.session.flush()
        if person_id is not None:
            db.session.add(Verification(person_id=person_id, place_id=place_id))
        elif role is not None:
            db.session.add(Grant(account_id=account.id, role=role, territory_id=place_id, from_on=clock.today()))
    return begin_token(Actor(account.id), account.id, label="crash", two_step=True)[1]


def prepared(app: Any) -> list[Client]:
    """Givers with points, and pairs of neighbours of whom one has points and the other offers her help."""
    with app.app_context():
        with atomic():
            rows = (
                ("440113", "/440113/", "district"),
                ("440113001", "/440113/440113001/", "street"),
                ("440113001901", "/440113/440113001/440113001901/", "community"),
            )
            ids: list[int] = []
            for code, path, kind in rows:
                above = ids[-1] if ids else None
                place = Territory(code=code, kind=TerritoryKind(kind), name_zh="区", name_en=kind, path=path, parent_id=above)
                db.session.add(place)
                db.session.flush()
                ids.append(place.id)
        district, _street, community = ids
        programme = operations.open_programme(RULER, district, "PY", "积分", "Points")
        adopt(programme.id, rounding=1, daily=30_000)  # minutes: all that is delivered is paid

        def somebody(name: str, hours: int = 0) -> tuple[int, str]:
            person = people.create_person(CLERK, community, Record(name), source=PersonSource.desk)
            if hours:
                operations.earn(RULER, f"first:{name}", 1, person.id, hours * 60, clock.today(), "other", "system")
            return person.id, token_for(f"crash-{person.id}", person.id, community)

        clients = [Client(gifts(somebody(f"人{number}", 240)[1])) for number in range(GIVERS)]
        worker = token_for("crash-worker", None, community, Role.social_worker)
        for number in range(PAIRS):
            (_, wang), (li_id, li) = somebody(f"王{number}", 240), somebody(f"李{number}")
            listing = exchange.write_listing(CLERK, li_id, community, listing_text())
            clients.append(Client(exchanges(wang, li, worker, listing.uid)))
        db.session.remove()
    return clients


def started(env: dict[str, str], port: int, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "civic.cli", "serve", "--port", str(port), "--workers", "2", "--no-scheduler"]
    with log.open("ab") as output:
        server = subprocess.Popen(command, env=env, cwd=paths.ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return server
        except OSError:
            time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def killed(server: subprocess.Popen[bytes]) -> None:
    os.killpg(server.pid, signal.SIGKILL)  # the group: a worker outlives a server that was killed
    server.wait()


def pressed(clients: list[Client], port: int, seconds: float, server: subprocess.Popen[bytes]) -> None:
    """All of them at once, until the server is killed."""
    over = threading.Event()
    threads = [threading.Thread(target=client.press, args=(port, over)) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    killed(server)
    over.set()
    for thread in threads:
        thread.join()


# ---- what must be there afterwards ------------------------------------------------------------------------------------------
def each_gift_once(said: list[tuple[Ask, str, Answer]]) -> None:
    told = sorted(answer["line"] for _ask, _key, answer in said if "line" in answer)
    assert told == sorted(db.session.scalars(sa.select(Transfer.id).where(Transfer.reason == Reason.donated)))
    assert len(told) > KILLS  # there was load


def each_exchange_once(said: list[tuple[Ask, str, Answer]]) -> None:
    """As it was told last; one hold, one payment and one credit for each that was paid, nothing for each that was called off."""
    told = {answer["uid"]: answer["state"] for _ask, _key, answer in said if "uid" in answer}
    assert told == {row.uid: row.state.value for row in db.session.scalars(sa.select(Exchange))}
    ends = Counter(told.values())
    paid = ends["confirmed"] + ends["settled"]
    assert set(ends) == {"confirmed", "cancelled", "settled"}
    assert sum(ends.values()) > KILLS
    moving = (TransferKind.single, TransferKind.post)
    rows = sa.select(Transfer.amount).where(Transfer.reason == Reason.exchange, Transfer.kind.in_(moving))
    assert list(db.session.scalars(rows)) == [DELIVERED * 100 // 60] * paid
    earned = sa.select(Earning.minutes).where(Earning.source.like("exchange:%"))
    assert list(db.session.scalars(earned)) == [DELIVERED] * paid
    holds = Counter(db.session.scalars(sa.select(Hold.state)))
    assert (holds[HoldState.open], holds[HoldState.expired], holds[HoldState.posted]) == (0, 0, paid)


def test_fifty_kills_lose_nothing_and_book_nothing_twice(live_app, tmp_path):
    """crash runs: the server killed with SIGKILL fifty times under gifts and exchanges on each database, what was acknowledged there once"""
    clients, env, port, chance = prepared(live_app), environment(live_app), free_port(), random.Random(50)
    log = tmp_path / "serve.log"
    for _kill in range(KILLS):
        server = started(env, port, log)
        pressed(clients, port, chance.uniform(0.05, 1.2), server)
        assert [client.refused for client in clients] == [[]] * len(clients)
    server = started(env, port, log)
    try:
        for client in clients:
            client.finish(port)
        said = [each for client in clients for each in client.said]
        for ask, key, answer in chance.sample(said, min(SENT_AGAIN, len(said))):
            assert clients[0].send(port, ask, key) == answer, ask.path
    finally:
        killed(server)
    with live_app.app_context():
        each_gift_once(said)
        each_exchange_once(said)
        db.session.remove()
    check = subprocess.run(
        [sys.executable, "-m", "civic.cli", "check"], env=env, cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, "\n".join(line for line in check.stdout.splitlines() if not line.startswith("ok"))
