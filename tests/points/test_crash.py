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
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from civic import paths
from civic.accounts.models import Account, ApiToken
from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db, new_public_id
from civic.people import operations as people
from civic.people.models import PersonSource
from civic.people.records import Record
from civic.points import operations
from civic.points.models import Reason, Transfer
from civic.territory.models import Territory, TerritoryKind
from tests.browser.server import free_port
from tests.support.people import CLERK
from tests.support.points import RULER, adopt

KILLS = int(os.environ.get("CIVIC_TEST_KILLS", "50"))
CLIENTS = 4
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@dataclass
class Sent:
    """Gifts by their key: the id of the row that the site named, or None while nobody knows."""

    answers: dict[str, int | None] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


def environment(app: Any) -> dict[str, str]:
    settings = app.extensions["civic"].settings
    return {
        **os.environ, "CIVIC_DATABASE_URL": settings.database_url, "CIVIC_DATA_DIR": str(settings.data_dir), "CIVIC_SECRET_KEY": settings.secret_key,
        "CIVIC_DATA_KEY": ",".join(settings.data_keys), "CIVIC_LIMITS": "100000", "CIVIC_BASE_URL": "http://127.0.0.1",
    }  # fmt: skip


def prepared(app: Any) -> list[str]:
    """A token for each of a few people with eight points."""
    tokens = []
    with app.app_context():
        with atomic():
            rows = (
                ("440113", "/440113/", "district"),
                ("440113001", "/440113/440113001/", "street"),
                ("440113001901", "/440113/440113001/440113001901/", "community"),
            )
            above: int | None = None
            for code, path, kind in rows:
                place = Territory(code=code, kind=TerritoryKind(kind), name_zh="区", name_en=kind, path=path, parent_id=above)
                db.session.add(place)
                db.session.flush()
                above = place.id
            ids = db.session.scalars(sa.select(Territory.id).order_by(Territory.id)).first(), above
        programme = operations.open_programme(RULER, ids[0], "PY", "积分", "Points")
        adopt(programme.id)
        for number in range(CLIENTS):
            person = people.create_person(CLERK, ids[1], Record(f"人{number}"), source=PersonSource.desk)
            for at in range(50):
                day = clock.today() - timedelta(days=at)
                if day.year == clock.today().year:
                    operations.earn(RULER, f"first:{number}-{at}", 1, person.id, 480, day, "other", "system")
            tokens.append(new_public_id())
            with atomic():
                account = Account(login=f"crash{number}", name="Crash", person_id=person.id)
                db.session.add(account)
                db.session.flush()
                hashed, until = crypto.token_hash(tokens[-1]), clock.now() + timedelta(days=1)
                db.session.add(ApiToken(account_id=account.id, label="crash", token_hash=hashed, expires_at=until))
        db.session.remove()
    return tokens


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


def give(port: int, token: str, key: str, sent: Sent) -> bool:
    """One gift of a hundredth; False when nobody knows whether it arrived."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/points/donations", json.dumps({"amount": "0.01"}).encode(), headers, method="POST"
    )
    sent.answers.setdefault(key, None)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server on loopback
            line = json.load(answer)["line"]
    except urllib.error.HTTPError as refusal:
        if refusal.code < 500:
            sent.refused.append(f"{refusal.code} {refusal.read()[:200]!r}")
        return False
    except (OSError, http.client.HTTPException):  # killed before, or in the middle of its answer
        return False
    known = sent.answers[key]
    assert known in {None, line}, "the same key was answered with another row"
    sent.answers[key] = line
    return True


def pressed(port: int, tokens: list[str], many: list[Sent], until: threading.Event) -> list[threading.Thread]:
    def client(token: str, sent: Sent) -> None:
        while not until.is_set():
            unknown = [key for key, line in sent.answers.items() if line is None]
            if not give(port, token, unknown[0] if unknown else new_public_id(), sent):
                time.sleep(0.02)

    threads = [threading.Thread(target=client, args=pair) for pair in zip(tokens, many, strict=True)]
    for thread in threads:
        thread.start()
    return threads


def killed(server: subprocess.Popen[bytes]) -> None:
    os.killpg(server.pid, signal.SIGKILL)  # the group: a worker outlives a server that was killed
    server.wait()


def test_fifty_kills_lose_nothing_and_book_nothing_twice(live_app, tmp_path):
    """crash runs: the server killed with SIGKILL fifty times under load on each database, every acknowledged gift in the ledger once"""
    tokens, env, port, chance = prepared(live_app), environment(live_app), free_port(), random.Random(50)
    many = [Sent() for _ in tokens]
    log = tmp_path / "serve.log"
    for _kill in range(KILLS):
        server, over = started(env, port, log), threading.Event()
        threads = pressed(port, tokens, many, over)
        time.sleep(chance.uniform(0.05, 1.2))
        killed(server)
        over.set()
        for thread in threads:
            thread.join()
    server = started(env, port, log)
    try:
        for token, sent in zip(tokens, many, strict=True):
            for key in [key for key, line in sent.answers.items() if line is None]:
                assert give(port, token, key, sent), sent.refused
    finally:
        killed(server)
    assert [sent.refused for sent in many] == [[]] * len(many)
    told = sorted(line for sent in many for line in sent.answers.values() if line is not None)
    assert len(told) > KILLS  # there was load
    with live_app.app_context():
        booked = sorted(db.session.scalars(sa.select(Transfer.id).where(Transfer.reason == Reason.donated)))
        db.session.remove()
    assert told == booked
    check = subprocess.run(
        [sys.executable, "-m", "civic.cli", "check"], env=env, cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, "\n".join(line for line in check.stdout.splitlines() if not line.startswith("ok"))
