"""`python -m bench.points_inside make|work|bare …`: the parts of bench/points.py that run inside the site's settings.

make COUNT: a programme, COUNT people with a wallet of a thousand points each and a household's wallet beside it, written in bulk.
work SECONDS FIRST THREADS [hot]: gives points from one person's wallet to a household's again and again, as the pages do:
locks, transfer, counters, audit line, key row with its answer.  bare SECONDS (SQLite): the statements of one such gift, in a loop of `sqlite3`.
lines COUNT: so many rows in one person's wallet, set aside and given back or spent by the operations.  statement TIMES: balance and last
fifty lines of the wallet with the most rows.  close: all rows that no close lists.  wait SECONDS: small
writes, each after a pause of 5 ms, as others do while a close runs; how long the slowest took.  Each prints one line of JSON behind MARK.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from civic.app import create_app
from civic.config import load_settings
from civic.core import clock, closes, idempotency
from civic.core.atomic import atomic
from civic.core.db import db, new_public_id
from civic.core.viewer import Actor
from civic.people.models import Household, HouseholdKind, Person, PersonSource
from civic.points import checks, operations, queries, statement
from civic.points.models import Policy, PolicyState, Rate, Transfer, Vintage, Wallet, WalletKind
from civic.territory.models import Territory, TerritoryKind

MARK = "INSIDE "
ACTOR = Actor(1)


def tell(values: dict[str, Any]) -> None:
    print(MARK + json.dumps(values), flush=True)


def make(count: int) -> None:
    """Wallets 1 … n of the programme: the giving ones of people, then as many of households."""
    with atomic():
        place = Territory(kind=TerritoryKind.district, code="440113", path="/440113/", name_zh="区", name_en="District")
        db.session.add(place)
        db.session.flush()
        place_id = place.id
    programme = operations.open_programme(ACTOR, place_id, "PY", "积分", "Points")
    with atomic():
        policy = Policy(programme_id=programme.id, number="2026-1", from_on=clock.today(), maker_id=1, checker_id=2, cap=10**9)
        policy.rates.append(Rate(service_type="*", hour_class="*", rate=100))
        db.session.add(policy)
        db.session.flush()
        policy.state = PolicyState.adopted
    with atomic():
        people = [
            {"uid": new_public_id(), "number": f"P{n:08d}", "sealed": "", "place_id": place_id, "source": PersonSource.seed}
            for n in range(count)
        ]
        homes = [{"uid": new_public_id(), "number": f"H{n:08d}", "kind": HouseholdKind.family, "place_id": place_id} for n in range(count)]
        db.session.execute(sa.insert(Person), people)
        db.session.execute(sa.insert(Household), homes)
        for kind, owner, column in ((WalletKind.member, Person, "person_id"), (WalletKind.household, Household, "household_id")):
            ids = db.session.scalars(sa.select(owner.id).order_by(owner.id)).all()
            values = [{"programme_id": programme.id, "kind": kind, column: id_, "vintage_count": 1} for id_ in ids]
            db.session.execute(sa.insert(Wallet), values)
        wallets = db.session.scalars(
            sa.select(Wallet.id).where(Wallet.kind.in_([WalletKind.member, WalletKind.household])).order_by(Wallet.id)
        ).all()
        year, common = clock.today().year, {"programme_id": programme.id, "is_counted": True, "held": 0}
        pots = [{"wallet_id": id_, "year": year, "balance": 0, **common} for id_ in wallets]
        db.session.execute(sa.insert(Vintage), pots)
    with atomic():
        fill(programme.id, policy.id)
    tell({"wallets": count, "statements": statements()})


def fill(programme_id: int, policy_id: int) -> None:
    """A thousand points in each person's wallet, by one row of the ledger each."""
    source = sa.select(Vintage.id).join(Wallet, Wallet.id == Vintage.wallet_id).where(Wallet.kind == WalletKind.issuance)
    db.session.execute(
        sa.text(
            "INSERT INTO points_transfer (programme_id, kind, reason, debit_id, credit_id, amount, policy_id, source, detail, job, channel, at) "
            "SELECT :programme, 'single', 'opening', :issuance, v.id, 10000000, :policy, 'bench', '{}', 'bench', 'command', :now "
            "FROM points_vintage v JOIN points_wallet w ON w.id = v.wallet_id WHERE w.kind = 'member'"
        ).bindparams(sa.bindparam("now", type_=db.metadata.tables["points_transfer"].c.at.type)),
        {"programme": programme_id, "policy": policy_id, "issuance": db.session.scalar(source), "now": clock.now()},
    )


def pairs() -> list[tuple[int, int]]:
    """(giving wallet, receiving wallet) that belong together."""
    query = sa.select(Wallet.id).order_by(Wallet.id)
    givers = db.session.scalars(query.where(Wallet.kind == WalletKind.member)).all()
    takers = db.session.scalars(query.where(Wallet.kind == WalletKind.household)).all()
    return list(zip(givers, takers, strict=True))


def give(pair: tuple[int, int], key: str) -> None:
    """One gift under a key, its answer stored as the API stores it."""
    body = {"to": pair[1], "amount": "0.01"}
    with idempotency.keyed(1, "points.donate", key, body, lambda ids: {"status": 201, "body": {"rows": ids}}):
        operations.donate(ACTOR, pair[0], 1, pair[1])


def statements() -> list[str]:
    """The SQL of one gift, in order."""
    return [statement for statement, _values in recorded()]


def recorded() -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        seen.append((statement, values))

    chosen = pairs()[0]
    give(chosen, new_public_id())
    sa.event.listen(db.engine, "before_cursor_execute", note)
    give(chosen, new_public_id())
    sa.event.remove(db.engine, "before_cursor_execute", note)
    return seen


def work(app: Flask, seconds: float, first: int, threads: int, *, is_hot: bool) -> None:
    """Give in each of so many threads until the time is over; tells how long each gift took, in milliseconds."""
    with app.app_context():
        chosen = pairs()
    chosen = chosen[:1] if is_hot else chosen
    ready, begins, took = threading.Barrier(threads + 1), threading.Event(), list[float]()

    def client(number: int) -> None:
        picked = random.Random(f"{first}-{number}")
        with app.app_context():
            for at in range(50):  # connections, prepared statements and compiled caches are warm before the clock starts
                give(picked.choice(chosen), f"warm-{first}-{number}-{at}-{new_public_id()}")
            ready.wait()
            begins.wait()
            end = time.perf_counter() + seconds
            while (began := time.perf_counter()) < end:
                give(picked.choice(chosen), new_public_id())
                took.append((time.perf_counter() - began) * 1000)

    many = [threading.Thread(target=client, args=(number,)) for number in range(threads)]
    for each in many:
        each.start()
    ready.wait()
    tell({"ready": True})
    sys.stdin.readline()
    begins.set()
    for each in many:
        each.join()
    tell({"took": [round(each, 2) for each in took]})


def bare(seconds: float, path: str) -> None:
    """The statements of one gift in a bare loop of `sqlite3`: the same texts and values, but for key and wallets."""
    told = [(statement, values) for statement, values in recorded() if not statement.startswith("BEGIN")]
    db.session.remove()
    db.engine.dispose()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL", "cache_size=-16000"):
        connection.execute(f"PRAGMA {pragma}")
    keys = [
        value
        for statement, values in told
        if statement.startswith("INSERT INTO idempotency_key")
        for value in values
        if len(str(value)) == 22
    ]
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        key = new_public_id()
        connection.execute("BEGIN IMMEDIATE")
        for sql, values in told:
            cursor = connection.execute(sql, tuple(key if value in keys else value for value in values))
            if cursor.description is not None:
                cursor.fetchall()
        connection.execute("COMMIT")
        done += 1
    tell({"done": done})


def fill_one(count: int) -> None:
    """The wallet of a person with points, which is used again and again: two rows each time; every tenth is spent, the rest given back."""
    query = sa.select(Wallet.id, sa.func.sum(Vintage.balance)).join(Vintage, Vintage.wallet_id == Wallet.id)
    query = query.where(Wallet.kind == WalletKind.member).group_by(Wallet.id).order_by(sa.func.sum(Vintage.balance).desc())
    wallet_id, balance = db.session.execute(query.limit(1)).one()
    if balance < count // 20:
        raise ValueError("too few points for so many rows")
    for first in range(0, count // 2, 500):
        with atomic():
            for number in range(first, min(first + 500, count // 2)):
                held = operations.hold(ACTOR, wallet_id, 1, source=f"bench:{number}", until=clock.now() + timedelta(hours=1))
                (operations.void if number % 10 else operations.settle)(ACTOR, held.id)
        db.session.expunge_all()
    tell({"wallet": wallet_id})


def read_statement(times: int) -> None:
    """What the page of the wallet reads, in milliseconds a time; the statements' caches are warm."""
    rows = sa.select(Transfer.debit_id, sa.func.count().label("n")).group_by(Transfer.debit_id).subquery()
    busiest = sa.select(Vintage.id, Wallet.person_id).join(rows, rows.c.debit_id == Vintage.id).join(Wallet, Wallet.id == Vintage.wallet_id)
    pot, person_id = db.session.execute(busiest.where(Wallet.kind == WalletKind.member).order_by(rows.c.n.desc()).limit(1)).one()
    if person_id is None:
        raise ValueError("no wallet of a person")
    lines = db.session.scalar(sa.select(sa.func.count()).where(sa.or_(Transfer.credit_id == pot, Transfer.debit_id == pot)))
    took = []
    for _ in range(times + 20):
        began = time.perf_counter()
        wallet = queries.mine(person_id).own
        if wallet is None:
            raise ValueError("no wallet")
        page = statement.page(wallet, statement.ALL, 50)
        took.append((time.perf_counter() - began) * 1000)
        db.session.rollback()
        if len(page.lines) != 50:
            raise ValueError("the statement is not full")
    tell({"lines": lines, "took": [round(each, 2) for each in took[20:]]})


def close() -> None:
    """Tomorrow's: the demonstration has closed its year, so all rows that were loaded after it are of the next close.

    Tells as well for how long the longest slice held the write lock, from its BEGIN until the connection is given back.
    """
    since, held = list[float](), [0.0]

    def began_to_write(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("civic_write"):
            since.append(time.perf_counter())

    def gave_back(_connection: Any, _record: Any) -> None:
        if since:
            held.append(time.perf_counter() - since.pop())

    sa.event.listen(db.engine, "begin", began_to_write)
    sa.event.listen(db.engine, "checkin", gave_back)
    with clock.frozen(clock.now() + timedelta(days=1)):
        began, made = time.perf_counter(), closes.close_yesterday(checks.BOOK)
    if not made or not made[-1].row_count:
        raise ValueError("nothing was closed")
    tell({"rows": sum(each.row_count for each in made), "seconds": time.perf_counter() - began, "held": max(held)})


def wait(seconds: float) -> None:
    took, end = [], time.perf_counter() + seconds
    tell({"ready": True})
    while time.perf_counter() < end:
        began = time.perf_counter()
        with atomic():
            db.session.execute(sa.update(Territory).values(code=Territory.code).where(Territory.id == 1))
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(0.005)
    tell({"took": [round(each, 2) for each in took]})


def main(app: Flask, words: list[str]) -> None:
    if words[0] == "work":
        seconds, first, threads, *rest = words[1:]
        work(app, float(seconds), int(first), int(threads), is_hot=rest == ["hot"])
        return
    with app.app_context():
        match words:
            case ["make", count]:
                make(int(count))
            case ["bare", seconds, path]:
                bare(float(seconds), path)
            case ["lines", count]:
                fill_one(int(count))
            case ["statement", times]:
                read_statement(int(times))
            case ["close"]:
                close()
            case ["wait", seconds]:
                wait(float(seconds))


if __name__ == "__main__":
    main(create_app(load_settings()), sys.argv[1:])
