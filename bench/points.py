"""Figures of points: the whole operation of the ledger beside pgbench and beside a bare loop of sqlite3 (BENCH.md, rule 6).

In-process, without HTTP, on a data folder on disk, with the durability that production has.  bench/points_inside.py is what runs.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from bench import data, server
from bench.frame import POSTGRESQL, ROUNDS, SQLITE, Counted, Figure, Run, Wanted, spread_of, tell
from bench.server import ROOT
from bench.wrk import VoidError
from tests.support import postgres

MARK = "INSIDE "
CLIENTS = 8
WORKERS = 2  # of a site: beside a process for each client, the same clients are the threads of two, as behind the server
WALLETS = 5_000
LEAST_SHARE, MOST_P99, LEAST_HOT = 0.20, 60, 300
BOOK_ROWS, BOOK_PEOPLE, CLOSE_ROWS, WALLET_LINES = 5_000_000, 125_000, 200_000, 100_000


@dataclass
class Rounds:
    """What the rounds gave: operations a second, the bound's, and each operation's milliseconds of the median round."""

    rates: list[float] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    most: float = 0.0

    def add(self, rate: float, took: list[float]) -> None:
        took.sort()
        self.rates.append(rate)
        self.p99.append(took[min(len(took) - 1, len(took) * 99 // 100)])
        self.most = max(self.most, took[-1])


def ledger_postgresql(run: Run) -> list[Figure]:
    """Eight clients on PostgreSQL: different wallets beside pgbench TPC-B, then all of them on one wallet."""
    folder = run.folder / "points-postgresql"
    folder.mkdir()
    with own_server() as running:
        running.create_database("bench_civic")
        running.create_database("bench_tpcb")
        env = server.production(folder, running.url_of("bench_civic"))
        count = prepared(env, run)
        bench = Pgbench(running)
        many, hot, workers = Rounds(), Rounds(), Rounds()
        for _ in range(ROUNDS):
            many.bounds.append(bench.rate(run.measured))
            many.add(*worked(env, run.measured, CLIENTS, 1))
            workers.bounds.append(many.bounds[-1])
            workers.add(*worked(env, run.measured, WORKERS, CLIENTS // WORKERS))
            hot.add(*worked(env, run.measured, CLIENTS, 1, hot=True))
        for rounds, name in ((many, "different wallets"), (workers, "by two workers"), (hot, "one wallet")):
            tell(f"points: PostgreSQL, {name}: {statistics.median(rounds.rates):,.0f} a second, p99 {statistics.median(rounds.p99):.1f} ms")
    words = f"{count:,} wallets of people, as many of households"
    return [
        *shared("ledger-postgresql", f"Gift from wallet to wallet on {POSTGRESQL}, {CLIENTS} clients", many, "pgbench TPC-B", words),
        *shared("ledger-postgresql-workers", f"The same clients as threads of {WORKERS} processes", workers, "pgbench TPC-B", words, judged=False),
        slowest("ledger-postgresql-p99", f"Gift on {POSTGRESQL}: slowest hundredth", many, words),
        Figure("ledger-hot", f"Gifts from one wallet on {POSTGRESQL}, {CLIENTS} clients", "operations/s", statistics.median(hot.rates),
               [{"rate": r} for r in hot.rates], spread_of(hot.rates), wanted=Wanted(at_least=LEAST_HOT), judged=statistics.median(hot.rates),
               data=words, notes=[f"p99 {statistics.median(hot.p99):.1f} ms"]),
    ]  # fmt: skip


def ledger_sqlite(run: Run) -> list[Figure]:
    """One process on SQLite beside a bare loop of the same statements."""
    folder = run.folder / "points-sqlite"
    folder.mkdir()
    env = server.production(folder)
    count = prepared(env, run)
    path = str(make_url(env["CIVIC_DATABASE_URL"]).database)
    rounds = Rounds()
    for _ in range(ROUNDS):
        rounds.bounds.append(inside(env, "bare", str(run.measured), path)["done"] / run.measured)
        rounds.add(*worked(env, run.measured, 1, 1))
    words = f"{count:,} wallets of people, as many of households"
    return [
        *shared("ledger-sqlite", f"Gift from wallet to wallet on {SQLITE}, one process", rounds, "bare loop of sqlite3", words),
        slowest("ledger-sqlite-p99", f"Gift on {SQLITE}: slowest hundredth", rounds, words, judged=False),
    ]


def books(run: Run) -> list[Figure]:
    """A ledger of millions of rows: the statement of its busiest wallet, `civic check`; a close of 200,000 rows on a site of its own."""
    folder = run.folder / "points-books"
    folder.mkdir()
    env = server.production(folder)
    rows, people = round(BOOK_ROWS * run.scale), max(300, round(BOOK_PEOPLE * run.scale))
    seeded(env, run, rows, people)
    inside(env, "lines", str(round(WALLET_LINES * run.scale)))
    told = inside(env, "statement", "500")
    words = f"{rows:,} rows of the ledger, {int(told['lines']):,} of them in the wallet"
    took = sorted(told["took"])
    found = [
        Figure("points-statement", "Balance and last 50 lines of the busiest wallet: slowest hundredth", "ms", took[len(took) * 99 // 100],
               wanted=Wanted(at_most=30), judged=took[len(took) * 99 // 100], more_is_better=False, data=words,
               notes=[f"p50 {statistics.median(took):.1f} ms, most {took[-1]:.1f} ms"])
    ]  # fmt: skip
    seconds, memory = checked(env, folder / "check.log")
    return [
        *found,
        Figure("points-check", f"`civic check` of {rows:,} rows", "s", seconds, wanted=Wanted(at_most=300), judged=seconds, more_is_better=False, data=words),
        Figure("points-check-memory", "Largest memory of that check", "MB", memory, wanted=Wanted(at_most=300), judged=memory, more_is_better=False, data=words),
        *closed(run),
    ]  # fmt: skip


def closed(run: Run) -> list[Figure]:
    folder = run.folder / "points-close"
    folder.mkdir()
    env = server.production(folder)
    rows = round(CLOSE_ROWS * run.scale)
    seeded(env, run, rows, max(300, rows // 40))
    command = [sys.executable, "-m", "bench.points_inside", "wait", "600"]
    other = subprocess.Popen(command, env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        answer(other)
        told = inside(env, "close")
    finally:
        other.kill()
        other.communicate()
    alone = f"{int(told['rows']):,} rows in one run"
    return [
        Figure("points-close", f"Daily close of {int(told['rows']):,} rows, another writer beside it", "s", told["seconds"], wanted=Wanted(at_most=30),
               judged=told["seconds"], more_is_better=False, data=alone),
        Figure("points-close-lock", "Longest hold of the write lock in that close", "ms", told["held"] * 1000, wanted=Wanted(at_most=200),
               judged=told["held"] * 1000, more_is_better=False, data=alone),
    ]  # fmt: skip


def seeded(env: dict[str, str], run: Run, rows: int, people: int) -> None:
    data.run(env, "db", "upgrade")
    data.run(env, "seed", "demo")
    size = ("--rows", f"people={people}", "--rows", f"points={rows}")
    data.run(env, "seed", "district", "--scale", "0.01", *size, "--seed", str(data.SEED), "--as-of", run.as_of)


def checked(env: dict[str, str], log: Path) -> tuple[float, float]:
    """Seconds and largest memory in MB of `civic check` in a process of its own.  Raises VoidError when it finds something."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen([server.CIVIC, "check"], env=env, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise VoidError(f"civic check: {log.read_text(errors='replace')[-1500:]}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def shared(name: str, title: str, rounds: Rounds, bound_name: str, words: str, *, judged: bool = True) -> list[Figure]:
    """The rate as a share of its bound, the median of the rounds' shares."""
    share = statistics.median(rate / bound for rate, bound in zip(rounds.rates, rounds.bounds, strict=True))
    values = [{"rate": rate, "bound": bound} for rate, bound in zip(rounds.rates, rounds.bounds, strict=True)]
    return [
        Figure(name, title, "operations/s", statistics.median(rounds.rates), values, spread_of(rounds.rates), statistics.median(rounds.bounds),
               bound_name, share, Wanted(at_least=LEAST_SHARE) if judged else None, share, data=words)
    ]  # fmt: skip


def slowest(name: str, title: str, rounds: Rounds, words: str, *, judged: bool = True) -> Figure:
    middle = statistics.median(rounds.p99)
    return Figure(name, title, "ms", middle, [{"p99": p} for p in rounds.p99], spread_of(rounds.p99), wanted=Wanted(at_most=MOST_P99) if judged else None,
                  judged=middle, more_is_better=False, data=words, notes=[f"most {rounds.most:.1f} ms"])  # fmt: skip


def prepared(env: dict[str, str], run: Run) -> int:
    data.run(env, "db", "upgrade")
    told = inside(env, "make", str(max(100, round(WALLETS * run.scale))))
    if not told["wallets"]:
        raise VoidError("no wallets were made")
    return int(told["wallets"])


def inside(env: dict[str, str], *words: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "bench.points_inside", *words], env=env, cwd=ROOT, check=False, capture_output=True, text=True
    )
    lines = [line for line in ran.stdout.splitlines() if line.startswith(MARK)]
    if ran.returncode or not lines:
        raise VoidError(f"points {words[0]} failed: {ran.stderr[-1500:]}")
    found: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK))
    return found


def worked(env: dict[str, str], seconds: float, processes: int, threads: int, *, hot: bool = False) -> tuple[float, list[float]]:
    """Processes of so many threads that all begin at the same moment: operations a second of them together, and how long each took."""
    command = [sys.executable, "-m", "bench.points_inside", "work", str(seconds)]
    many = [
        subprocess.Popen(
            [*command, str(n), str(threads), *(["hot"] if hot else [])],
            env=env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(processes)
    ]
    try:
        for each in many:
            answer(each)
        for each in many:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        took = [milliseconds for each in many for milliseconds in answer(each)["took"]]
    finally:
        for each in many:
            each.kill()
            each.communicate()
    return len(took) / seconds, took


def answer(process: subprocess.Popen[str]) -> dict[str, list[float]]:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(MARK):
            found: dict[str, list[float]] = json.loads(line.removeprefix(MARK))
            return found
    raise VoidError("a client of the ledger ended early")


@contextmanager
def own_server() -> Iterator[postgres.Server]:
    """A PostgreSQL as it comes, every commit on the disk."""
    running = postgres.start(durable=True)
    try:
        yield running
    finally:
        running.stop()


class Pgbench:
    """pgbench TPC-B, scale 10, prepared statements, eight clients."""

    def __init__(self, running: postgres.Server) -> None:
        url = make_url(running.url)
        self._where = ["-h", str(url.query["host"]), "-U", str(url.username)]
        self._program = next(p for p in (Path(b) / "pgbench" for b in postgres.binaries()) if p.exists())
        self._run("-i", "-s", "10", "-q")

    def _run(self, *words: str) -> str:
        ran = subprocess.run([self._program, *self._where, *words, "bench_tpcb"], check=False, capture_output=True, text=True)
        if ran.returncode:
            raise VoidError(f"pgbench failed: {ran.stderr[-800:]}")
        return ran.stdout

    def rate(self, seconds: float) -> float:
        told = self._run("-c", str(CLIENTS), "-j", "2", "-M", "prepared", "-T", str(int(seconds)))
        found = re.search(r"tps = ([0-9.]+)", told)
        if found is None:
            raise VoidError("pgbench tells no rate")
        return float(found.group(1))


BENCHMARKS = (
    Counted("points-statement", "A ledger of millions of rows: statement, check, close", books),
    Counted("ledger-postgresql", "The operation of the ledger on PostgreSQL, beside pgbench", ledger_postgresql),
    Counted("ledger-sqlite", "The operation of the ledger on SQLite, beside a bare loop", ledger_sqlite),
)
