"""The frame that every benchmark stands in: what is served and pressed in rounds beside the bound, and what is counted.

A module of benchmarks is a file that lists `BENCHMARKS`; `bench/__main__.py` names the files.  Rules: see README.md.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import data, server, wrk
from bench.hello import BODY
from bench.server import Process
from bench.wrk import Load, Sample, VoidError
from tests.support import postgres

ROUNDS = 3
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@dataclass(frozen=True)
class Wanted:
    """What must hold: at least this much (a share of the bound) or at most this much."""

    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass
class Figure:
    """One result.  value: the median in `unit`; judged: what `wanted` speaks about, the share of the bound where there is one."""

    name: str
    title: str
    unit: str
    value: float
    rounds: list[dict[str, float]] = field(default_factory=list)
    spread: float = 0.0  # (largest - smallest) / median of the rounds
    bound: float | None = None
    bound_name: str = ""
    share: float | None = None
    wanted: Wanted | None = None
    judged: float | None = None
    more_is_better: bool = True
    data: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def is_met(self) -> bool | None:
        return None if self.wanted is None or self.judged is None else self.wanted.is_met(self.judged)


@dataclass(frozen=True)
class Served:
    """An address pressed with wrk.  prepare: gives the load, having checked the answers; check: raises when they are wrong.

    share: least share of hello's rate; most_p99: milliseconds.  cached: answers of the page cache so far; read around each round,
    it tells which part of the load the cache answered.
    """

    name: str
    title: str
    prepare: Callable[[Process], Load]
    check: Callable[[Process], float]  # mean bytes of an answer, 0 where they differ; raises VoidError
    engine: str = SQLITE
    share: float | None = None
    most_p99: float | None = None
    cached: Callable[[Process], int] | None = None


@dataclass(frozen=True)
class Counted:
    """Something that is counted, not pressed.  after_load: it wants the site that has just been pressed."""

    name: str
    title: str
    measure: Callable[[Run], list[Figure]]
    after_load: bool = False


Benchmark = Served | Counted


@dataclass
class Run:
    """One run of the program: how long, on which data, and what is up."""

    scale: float
    as_of: str
    quick: bool
    folder: Path
    hello: Process | None = None
    sites: dict[str, Process] = field(default_factory=dict)
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def warm_up(self) -> int:
        return wrk.QUICK_WARM_UP if self.quick else wrk.WARM_UP

    @property
    def measured(self) -> int:
        return wrk.QUICK_MEASURED if self.quick else wrk.MEASURED

    def size_words(self, engine: str) -> str:
        return f"{engine}, scale {self.scale:g}: {data.words_of(self.sizes[engine])}"


def tell(words: str) -> None:
    print(words, flush=True)


def measure(chosen: Sequence[Benchmark], *, scale: float, as_of: str, quick: bool) -> list[Figure]:
    """Run the chosen benchmarks.  A benchmark that is void is told and left out of the figures; the others go on."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="civic-bench-", dir=disk_folder()) as folder:
        run = Run(scale, as_of, quick, Path(folder))
        for engine in (SQLITE, POSTGRESQL):
            served = [b for b in chosen if isinstance(b, Served) and b.engine == engine]
            after = [b for b in chosen if isinstance(b, Counted) and b.after_load] if engine == SQLITE else []
            if served or after:
                with site_on(run, engine), server.hello(run.folder) as run.hello:
                    found += pressed(run, served, engine)
                    for each in after:
                        found += counted(run, each)
        for benchmark in chosen:
            if isinstance(benchmark, Counted) and not benchmark.after_load:
                found += counted(run, benchmark)
    return found


def disk_folder() -> Path:
    """Where the data lies: on disk, not in memory, as in production.  /var/tmp outlives a reboot, so it is never a memory disk."""
    return Path("/var/tmp")  # noqa: S108 - a folder of our own, made by mkdtemp with mode 0700, inside it


@contextlib.contextmanager
def site_on(run: Run, engine: str) -> Iterator[None]:
    """Make the data and serve it; PostgreSQL is one of the tests' own, without fsync: for reading it makes no difference."""
    with contextlib.ExitStack() as stack:
        url = ""
        if engine == POSTGRESQL:
            url = stack.enter_context(postgres.running()).create_database("civic_bench")
        folder = run.folder / engine.lower()
        folder.mkdir()
        env = server.production(folder, url)
        began = time.monotonic()
        tell(f"{engine}: making the data, scale {run.scale:g} …")
        data.make(env, run.scale, run.as_of)
        run.sizes[engine] = data.size(env["CIVIC_DATABASE_URL"])
        tell(f"{engine}: {data.words_of(run.sizes[engine])}, made in {time.monotonic() - began:.1f} s")
        run.sites[engine] = stack.enter_context(server.site(env, run.folder / f"{engine.lower()}.log"))
        yield


def counted(run: Run, benchmark: Counted) -> list[Figure]:
    tell(f"{benchmark.name}: counting …")
    try:
        figures = benchmark.measure(run)
    except (VoidError, data.DataError) as fault:
        tell(f"VOID  {benchmark.name}: {fault}")
        return []
    tell_all(figures)
    return figures


class _Pressed:
    """A served benchmark in the middle of its rounds."""

    def __init__(self, run: Run, benchmark: Served) -> None:
        self.site, self.benchmark = run.sites[benchmark.engine], benchmark
        self.bytes = benchmark.check(self.site)
        self.load = benchmark.prepare(self.site)
        self.at, self.samples, self.bounds = 0, list[Sample](), list[Sample]()
        self.sent, self.from_cache = 0, 0

    def round(self, run: Run) -> None:
        self.bounds.append(hello_rate(run, self.load))
        before = self._cached()
        for seconds in (run.warm_up, run.measured):
            sample = wrk.press(self.site.address, self.load, seconds, self.at)
            self.at += sample.requests + self.load.connections
            self.sent += sample.requests
        self.from_cache += self._cached() - before
        if self.bytes:
            wrk.same_size(sample, self.bytes)
        self.samples.append(sample)

    def _cached(self) -> int:
        return self.benchmark.cached(self.site) if self.benchmark.cached else 0

    def notes(self) -> list[str]:
        if not self.benchmark.cached:
            return []
        share = self.from_cache / max(1, self.sent)
        return [f"{self.sent:,} requests of {len(set(self.load.lines)):,} different ones; {share:.1%} came from the page cache"]


def hello_rate(run: Run, load: Load) -> Sample:
    """The bound, with the same client and the same request headers; its body is checked before and after."""
    assert run.hello is not None
    checked = check_hello(run.hello)
    bare = Load(("/",), load.headers, load.connections, load.looks)
    wrk.press(run.hello.address, bare, run.warm_up)
    sample = wrk.press(run.hello.address, bare, run.measured)
    wrk.same_size(sample, checked)
    check_hello(run.hello)
    return sample


def check_hello(hello: Process) -> int:
    """Bytes of an answer as a keep-alive client gets it.  Raises VoidError for another body."""
    answer = wrk.fetch(hello.address, "/")
    if answer.status != 200 or answer.body != BODY.encode():
        raise VoidError(f"hello answers {answer.status} {answer.body[:40]!r}")
    return kept_alive(answer)


def kept_alive(answer: wrk.Answer) -> int:
    """The size without the `connection: close` line that only the checking request causes."""
    line = f"connection: {answer.headers['connection']}\r\n" if "connection" in answer.headers else ""
    return answer.size - len(line)


def pressed(run: Run, served: list[Served], engine: str) -> list[Figure]:
    """Three rounds, in each the bound right before every benchmark."""
    standing: list[_Pressed] = []
    for benchmark in served:
        with _void(benchmark.name):
            standing.append(_Pressed(run, benchmark))
    for number in range(1, ROUNDS + 1):
        for each in list(standing):
            ok = False
            with _void(each.benchmark.name):
                each.round(run)
                ok = True
                last, bound = each.samples[-1], each.bounds[-1]
                rates = f"{last.rate:9,.0f}/s, hello {bound.rate:9,.0f}/s, {last.rate / bound.rate:6.1%}"
                tell(f"round {number}  {each.benchmark.name:22} {rates}, p99 {last.p99:.1f} ms")
            if not ok:
                standing.remove(each)
    figures = []
    for each in standing:
        with _void(each.benchmark.name):
            if each.benchmark.check(each.site) != each.bytes:
                raise VoidError("the answer changed its size during the run")
            figures += figures_of(run, each, engine)
    tell_all(figures)
    return figures


@contextlib.contextmanager
def _void(name: str) -> Iterator[None]:
    try:
        yield
    except VoidError as fault:
        tell(f"VOID  {name}: {fault}")
        print(f"{name} is void: {fault}", file=sys.stderr)


def figures_of(run: Run, each: _Pressed, engine: str) -> list[Figure]:
    """The rate as a share of hello, and the slowest hundredth where it is asked for."""
    b, samples = each.benchmark, each.samples
    rates, shares = [s.rate for s in samples], [s.rate / h.rate for s, h in zip(samples, each.bounds, strict=True)]
    rounds = [{**s.as_json(), "hello": round(h.rate, 3)} for s, h in zip(samples, each.bounds, strict=True)]
    median = statistics.median
    notes = [f"{each.load.connections} connections", *each.notes()]
    notes.append(
        f"p50 {median(s.p50 for s in samples):.1f} ms, p99 {median(s.p99 for s in samples):.1f} ms, most {max(s.max for s in samples):.1f} ms"
    )
    found = [
        Figure(
            b.name, b.title, "requests/s", median(rates), rounds, spread_of(rates), median(h.rate for h in each.bounds), "hello",
            median(shares), Wanted(at_least=b.share) if b.share else None, median(shares), data=run.size_words(engine), notes=notes,
        )
    ]  # fmt: skip
    if b.most_p99:
        slow = [s.p99 for s in samples]
        found.append(
            Figure(
                f"{b.name}-p99", f"{b.title}: slowest hundredth", "ms", median(slow), rounds, spread_of(slow), wanted=Wanted(at_most=b.most_p99),
                judged=median(slow), more_is_better=False, data=run.size_words(engine), notes=notes,
            )
        )  # fmt: skip
    return found


def spread_of(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def tell_all(figures: list[Figure]) -> None:
    """Each figure in a line, with its first notes below; all notes stand in the results."""
    for figure in figures:
        tell(line_of(figure))
        for note in figure.notes[:3]:
            tell(f"        {note}")


def line_of(figure: Figure) -> str:
    """A figure in one line."""
    parts = [f"{figure.value:,.1f} {figure.unit}"]
    if figure.share is not None:
        parts.append(f"{figure.share:.1%} of {figure.bound_name} ({figure.bound:,.0f})")
    if figure.rounds:
        parts.append(f"spread {figure.spread:.0%}")
    if figure.wanted is not None:
        parts.append(wanted_words(figure))
    return f"{'' if figure.is_met is None else 'ok    ' if figure.is_met else 'MISSED'}  {figure.name:24} {', '.join(parts)}"


def wanted_words(figure: Figure) -> str:
    wanted: Any = figure.wanted
    if figure.share is not None:
        return f"wanted at least {wanted.at_least:.0%}"
    return (
        f"wanted at most {wanted.at_most:g} {figure.unit}"
        if wanted.at_most is not None
        else f"wanted at least {wanted.at_least:g} {figure.unit}"
    )
