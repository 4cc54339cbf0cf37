"""Figures of people: find by name, phone and card, the home page signed in, an import of 10,000 people, a change of keys.

A site of its own with the district's people; a manager of the whole district is signed in once.  bench/people_inside.py runs inside the
site's settings: it makes her session and the encrypted addresses of the results that the pressing asks for.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import data, server, wrk
from bench.frame import ROUNDS, SQLITE, Counted, Figure, Run, Wanted, spread_of, tell
from bench.server import CIVIC, ROOT, Process
from bench.wrk import BROWSER, Load, Sample, VoidError, fetch
from civic.people.invented import building_rows, people_rows

MARK = "INSIDE "  # begins the line in which bench/people_inside.py answers
IMPORTED = 10_000
MOST_FIND, MOST_HOME, MOST_ROTATING = 80, 80, 250  # milliseconds, slowest hundredth
MOST_IMPORT, MOST_MEMORY = 60, 200  # seconds, MB
HELD = 60  # the smallest number of people on which a run says anything


@dataclass(frozen=True)
class Inside:
    """What the inner part answers: her cookie, and addresses of results by kind of question."""

    cookie: str
    addresses: dict[str, list[str]]
    people: int

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (*BROWSER.items(), ("Cookie", self.cookie))


def people(run: Run) -> list[Figure]:
    """The import, then finding and the home page, on a site of its own."""
    folder, env = made(run, "people")
    found = imported(run, env)
    run.sizes[SQLITE] = data.size(env["CIVIC_DATABASE_URL"])
    with server.site(env, folder / "serve.log") as site:
        found += pressed(run, site, ask_inside(env))
    return found


def rotation(run: Run) -> list[Figure]:
    """The change of keys, on a site of its own: a void there takes no other figure along."""
    folder, env = made(run, "rotation")
    run.sizes[SQLITE] = data.size(env["CIVIC_DATABASE_URL"])
    return rotated(run, env, folder)


def made(run: Run, name: str) -> tuple[Path, dict[str, str]]:
    folder = run.folder / name
    folder.mkdir()
    env = server.production(folder)
    data.make(env, run.scale, run.as_of)
    return folder, env


# ---- pages ------------------------------------------------------------------------------------------------------------------


def pressed(run: Run, site: Process, inside: Inside) -> list[Figure]:
    """Finding by each kind of question, and the home page of somebody who is signed in."""
    loads = {f"people-{kind}": Load(tuple(lines), inside.headers, looks=True) for kind, lines in inside.addresses.items()}
    loads["people-home"] = Load(("/",), inside.headers, looks=True)
    for name, load in loads.items():
        check(site, load, name)
    samples: dict[str, list[Sample]] = {name: [] for name in loads}
    for _ in range(ROUNDS):
        for name, load in loads.items():
            wrk.press(site.address, load, run.warm_up)
            samples[name].append(wrk.press(site.address, load, run.measured))
    for name, load in loads.items():
        check(site, load, name)
    figures = [
        slowest(run, name, f"{TITLES[name]}: slowest hundredth, {loads[name].connections} clients", taken, MOST[name])
        for name, taken in samples.items()
    ]
    worst = max((f for f in figures if f.name != "people-home"), key=lambda f: f.value)
    return [_named(worst, "people", "Finding a person, the slowest of three ways: slowest hundredth"), *figures]


TITLES = {
    "people-name": "Find by the beginning of a name",
    "people-phone": "Find by phone",
    "people-card": "Find by the number of the card",
    "people-home": "Home page signed in",
}
MOST = {name: MOST_HOME if name == "people-home" else MOST_FIND for name in TITLES}


def _named(figure: Figure, name: str, title: str) -> Figure:
    return Figure(
        name, title, figure.unit, figure.value, figure.rounds, figure.spread, wanted=figure.wanted, judged=figure.judged,
        more_is_better=False, data=figure.data, notes=[f"worst: {figure.name}", *figure.notes],
    )  # fmt: skip


def check(site: Process, load: Load, name: str) -> None:
    """The first and the last question are answered with a page; a search also shows a person.  Raises VoidError."""
    for line in (load.lines[0], load.lines[-1]):
        answer = fetch(site.address, line, (("Accept-Language", "zh-CN"), ("Accept-Encoding", "identity"), load.headers[-1]))
        if answer.status != 200 or b"</html>" not in answer.body or (name != "people-home" and b"/desk/people/" not in answer.body):
            raise VoidError(f"{name}: {line[:60]} answers {answer.status}")
        if name != "people-home" and answer.body.count(b'href="/desk/people/') < 2:
            raise VoidError(f"{name}: nobody was found")


def slowest(run: Run, name: str, title: str, samples: Sequence[Sample], most: float) -> Figure:
    p99 = [s.p99 for s in samples]
    middle = statistics.median(p99)
    rates = statistics.median(s.rate for s in samples)
    notes = [
        f"p50 {statistics.median(s.p50 for s in samples):.1f} ms, most {max(s.max for s in samples):.1f} ms, {rates:,.0f} answers a second"
    ]
    return Figure(
        name, title, "ms", middle, [s.as_json() for s in samples], spread_of(p99), wanted=Wanted(at_most=most), judged=middle,
        more_is_better=False, data=run.size_words(SQLITE), notes=notes,
    )  # fmt: skip


# ---- import -----------------------------------------------------------------------------------------------------------------


def imported(run: Run, env: dict[str, str]) -> list[Figure]:
    """`civic load` of 10,000 people into the village, in a process of its own; its largest memory is asked of the system."""
    folder = run.folder / "lists"
    folder.mkdir()
    count = IMPORTED if run.scale >= 0.5 else max(HELD, round(IMPORTED * run.scale))
    write(folder / "buildings.csv", list(building_rows()))
    write(folder / "people.csv", list(people_rows(count, seed=99, prefix="BENCH")))
    data.run(env, "load", str(folder / "buildings.csv"))
    began = time.monotonic()
    with (folder / "load.log").open("wb") as log:
        process = subprocess.Popen([CIVIC, "load", str(folder / "people.csv")], env=env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took, memory = time.monotonic() - began, usage.ru_maxrss / 1024
    if process.returncode:
        raise VoidError(f"civic load failed: {(folder / 'load.log').read_text(errors='replace')[-1500:]}")
    run.sizes.setdefault(SQLITE, data.size(env["CIVIC_DATABASE_URL"]))
    words = run.size_words(SQLITE)
    return [
        Figure("people-import", f"Import of {count:,} people by `civic load`", "s", took, wanted=Wanted(at_most=MOST_IMPORT), judged=took,
               more_is_better=False, data=words, notes=[f"{count / took:,.0f} people a second, the start of the program included"]),
        Figure("people-import-memory", f"Largest memory of the import of {count:,} people", "MB", memory, wanted=Wanted(at_most=MOST_MEMORY),
               judged=memory, more_is_better=False, data=words),
    ]  # fmt: skip


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


# ---- keys -------------------------------------------------------------------------------------------------------------------


def rotated(run: Run, env: dict[str, str], folder: Path) -> list[Figure]:
    """Everything sealed anew with another key while the site is pressed."""
    both = {**env, "CIVIC_DATA_KEY": f"{secrets.token_urlsafe(48)},{env['CIVIC_DATA_KEY']}"}
    inside = ask_inside(both)
    load = Load(("/", *inside.addresses["name"][:50], *inside.addresses["phone"][:50]), inside.headers, looks=True)
    samples: list[Sample] = []
    with server.site(both, folder / "rotate-serve.log") as site:
        check(site, Load(tuple(inside.addresses["name"][:1]), inside.headers), "people-name")
        wrk.press(site.address, load, run.warm_up)
        began = time.monotonic()
        with (folder / "rotate.log").open("wb") as log:
            process = subprocess.Popen([CIVIC, "keys", "rotate"], env=both, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
            try:
                while process.poll() is None:
                    samples.append(wrk.press(site.address, load, 2))
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait()
        took = time.monotonic() - began
    if process.returncode or not samples:
        raise VoidError(f"civic keys rotate ended with {process.returncode}: {(folder / 'rotate.log').read_text(errors='replace')[-1500:]}")
    tell(f"people: keys changed in {took:.1f} s")
    under = slowest(run, "people-rotation-p99", "Pages while the keys change: slowest hundredth", samples, MOST_ROTATING)
    title = f"Change of keys of {inside.people:,} people, while the site is pressed"
    speed = inside.people / took
    return [Figure("people-rotation", title, "people/s", speed, data=run.size_words(SQLITE), notes=[f"{took:.1f} s"]), under]


# ---- inside the site's settings ---------------------------------------------------------------------------------------------


def ask_inside(env: dict[str, str]) -> Inside:
    ran = subprocess.run([sys.executable, "-m", "bench.people_inside"], env=env, cwd=ROOT, check=False, capture_output=True, text=True)
    lines = [line for line in ran.stdout.splitlines() if line.startswith(MARK)]
    if ran.returncode or not lines:
        raise VoidError(f"signing in failed: {ran.stderr[-1500:]}")
    told = json.loads(lines[-1].removeprefix(MARK))
    if told["people"] < HELD:
        raise VoidError(f"there are only {told['people']} people: the district has none")
    return Inside(**told)


BENCHMARKS = (
    Counted("people", "Finding people, their import, the home page signed in", people),
    Counted("people-rotation", "The change of keys, while the site is pressed", rotation),
)
