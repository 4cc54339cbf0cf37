"""`python -m bench [NAME…] [--all] [--list] [--quick] [--scale F] [--as-of DAY]`: measure, write, compare.

Exit codes: 0 measured, 1 a figure misses what is wanted or a benchmark is void, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from bench import catalogue, house, machine, page, people, points, results, server, wrk
from bench.data import DataError
from bench.frame import ROUNDS, Benchmark, Figure, measure, tell
from bench.wrk import VoidError

MODULES = (catalogue, house, people, points)
BENCHMARKS: dict[str, Benchmark] = {b.name: b for module in MODULES for b in module.BENCHMARKS}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py bench", description="Speed, measured beside its bounds; see bench/README.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which benchmarks; none: all")
    parser.add_argument("--all", action="store_true", help="all benchmarks, as without a name")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and end")
    parser.add_argument("--quick", action="store_true", help="1 s and 2 s instead of 5 s and 15 s, to try out; writes no results")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the district (1 = a whole one)")
    parser.add_argument(
        "--as-of", default=datetime.now().astimezone().date().isoformat(), metavar="DAY", help="the day on which the data ends (today)"
    )
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in BENCHMARKS]
    if unknown or (given.names and given.all):
        parser.error(f"no benchmark is called {', '.join(unknown)}; --list names them" if unknown else "names or --all, not both")
    return given


def main() -> int:
    given = arguments()
    if given.list:
        for benchmark in BENCHMARKS.values():
            tell(f"{benchmark.name:20} {benchmark.title}")
        return 0
    wrk.ensure()
    where, began = machine.machine(), datetime.now(UTC)
    if where["load_before"] > machine.BUSY:
        tell(f"The machine is busy (load {where['load_before']}): shares of a bound hold, milliseconds say little.")
    if given.quick:
        tell("QUICK: only to see that it works; these are no results.")
    chosen = [BENCHMARKS[name] for name in given.names] or list(BENCHMARKS.values())
    try:
        figures = measure(chosen, scale=given.scale, as_of=given.as_of, quick=given.quick)
    except (VoidError, DataError) as fault:
        tell(f"VOID  {fault}")
        return 1
    missing = [b.name for b in chosen if not any(f.name == b.name for f in figures)]
    report(figures, given, {"date": began.isoformat(timespec="seconds"), "machine": where, **machine.commit()})
    if missing:
        tell(f"Void, hence without a figure: {', '.join(missing)}.")
    return 1 if missing or any(f.is_met is False for f in figures) else 0


def report(figures: list[Figure], given: argparse.Namespace, about: dict[str, object]) -> None:
    """Compare, then write, unless it was only tried out."""
    for line in results.slower(figures, results.earlier()):
        tell(line)
    if given.quick or not figures:
        return
    settings = {
        "scale": given.scale, "as_of": given.as_of, "seed": 1, "workers": server.WORKERS, "threads_of_wrk": 1,
        "warm_up": wrk.WARM_UP, "measured": wrk.MEASURED, "rounds": ROUNDS, "limits_factor": server.LIMITS,
        "sqlite": "WAL, synchronous=FULL", "postgresql": "the tests' own server, fsync off",
    }  # fmt: skip
    result = results.as_json(figures, settings, about)
    path = results.write(result, str(about["date"])[:10])
    path.with_suffix(".html").write_text(page.page_of(result), encoding="utf-8")
    tell(f"Written: {path.relative_to(server.ROOT)} and the page beside it.")


if __name__ == "__main__":
    sys.exit(main())
