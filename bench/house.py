"""Figures of the house: SQL statements a page, bytes of a first visit, memory after load."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from posixpath import join, normpath

from bench import data, server
from bench.frame import SQLITE, Counted, Figure, Run, Wanted, kept_alive
from bench.server import ROOT, Process
from bench.wrk import BROWSER, Answer, VoidError, fetch

MARK = "COUNTED "  # begins the line in which bench/inside.py answers
MOST_STATEMENTS = 25
MOST_KILOBYTES = 60
AS_BROWSER = tuple(BROWSER.items())
FIRST_PAGES = ("/", "/services/SI-LG-004")  # the front door, and a link from a chat
HREF = re.compile(
    r'<link[^>]+rel="(?:stylesheet|icon|modulepreload|manifest)"[^>]*href="([^"]+)"|<link[^>]+href="([^"]+)"[^>]*rel="(?:stylesheet|icon)"'
)
SCRIPT = re.compile(r'<script[^>]+src="([^"]+)"')
USE = re.compile(r'<use href="([^"#]+)')
BEHAVIOUR = re.compile(r'data-behaviour="([^"]+)"')
CSS_URL = re.compile(r"url\(\s*[\"']?([^\"')]+)")
IMPORT = re.compile(r"""(?:^|\n)\s*(?:import|export)[^;'"]*['"](\.[^'"]+)['"]""")


# ---- statements ---------------------------------------------------------------------------------------------------------------
def statements(run: Run) -> list[Figure]:
    """Count in a process of its own, on the demo alone and on the demo with the district: rows must make no difference."""
    found = []
    for scale in (0.0, run.scale):
        folder = run.folder / f"demo-{scale:g}"
        folder.mkdir()
        env = server.production(folder)
        data.make_demo(env)
        if scale:
            data.run(env, "seed", "district", "--scale", str(scale), "--seed", str(data.SEED), "--as-of", run.as_of)
        run.sizes[SQLITE] = data.size(env["CIVIC_DATABASE_URL"])
        counts = count_statements(env)
        worst = max(counts, key=lambda c: c["cold"])
        pages = [f"{c['page']}: {c['cold']} in a fresh process, {c['warm']} afterwards" for c in counts]
        name, title = ("statements", "demo") if not scale else ("statements-district", "demo and district")
        found.append(
            Figure(
                name, f"SQL statements on the worst of {len(counts)} pages, {title}", "statements", worst["cold"],
                [{"cold": c["cold"], "warm": c["warm"]} for c in counts], wanted=Wanted(at_most=MOST_STATEMENTS), judged=worst["cold"],
                more_is_better=False, data=run.size_words(SQLITE), notes=[f"worst: {worst['page']}", *pages],
            )
        )  # fmt: skip
    return found


def count_statements(env: dict[str, str]) -> list[dict[str, int]]:
    ran = subprocess.run([sys.executable, "-m", "bench.inside"], env=env, cwd=ROOT, check=False, capture_output=True, text=True)
    lines = [line for line in ran.stdout.splitlines() if line.startswith(MARK)]
    if ran.returncode or not lines:
        raise VoidError(f"counting statements failed: {ran.stderr[-1500:]}")
    counts: list[dict[str, int]] = json.loads(lines[-1].removeprefix(MARK))
    return counts


# ---- first visit --------------------------------------------------------------------------------------------------------------
def first_visit(run: Run) -> list[Figure]:
    """What a browser with an empty cache fetches, heads included: page, style sheets, scripts and what they import, icons."""
    found = []
    for page in FIRST_PAGES:
        parts = parts_of(run.sites[SQLITE], page)
        total = sum(parts.values()) / 1000
        name = "first-visit" if page == "/" else "first-visit-item"
        notes = [f"{path}: {size:,} bytes" for path, size in sorted(parts.items(), key=lambda pair: -pair[1])]
        found.append(
            Figure(
                name, f"First visit to {page}: page, styles, scripts, icons, brotli, heads included", "kB", total, wanted=Wanted(at_most=MOST_KILOBYTES),
                judged=total, more_is_better=False, data=run.size_words(SQLITE), notes=notes,
            )
        )  # fmt: skip
    return found


def parts_of(site: Process, page: str) -> dict[str, int]:
    """Every address of a first visit with its size on the wire."""
    sizes: dict[str, int] = {}
    text = _take(site, page, sizes)
    waiting = [a or b for a, b in HREF.findall(text)] + SCRIPT.findall(text) + USE.findall(text)
    scripts = [s for s in SCRIPT.findall(text) if s.endswith("/main.js")]
    behaviours = {name for names in BEHAVIOUR.findall(text) for name in names.split()}
    waiting += [join(s.rsplit("/", 1)[0], "behaviours", f"{name}.js") for s in scripts for name in sorted(behaviours)]
    while waiting:
        path = normpath(waiting.pop().split("#")[0].split("?")[0])
        if path in sizes or not path.startswith("/"):
            continue
        text = _take(site, path, sizes)
        links = CSS_URL.findall(text) if path.endswith(".css") else IMPORT.findall(text) if path.endswith(".js") else []
        waiting += [link if link.startswith("/") else join(path.rsplit("/", 1)[0], link) for link in links if not link.startswith("data:")]
    if not any(path.endswith(".css") for path in sizes) or not any(path.endswith(".js") for path in sizes):
        raise VoidError(f"{page} names no style sheet or no script: {sorted(sizes)}")
    return sizes


def _take(site: Process, path: str, sizes: dict[str, int]) -> str:
    """Fetch as a browser does and note the size; return the text, fetched again without compression."""
    answer: Answer = fetch(site.address, path, AS_BROWSER)
    if answer.status != 200:
        raise VoidError(f"{path}: {answer.status}")
    sizes[path] = kept_alive(answer)
    return fetch(site.address, path, (("Accept-Language", "zh-CN"), ("Accept-Encoding", "identity"))).body.decode("utf-8", "replace")


# ---- memory -------------------------------------------------------------------------------------------------------------------
def memory(run: Run) -> list[Figure]:
    """Proportional set size of all server processes; it speaks after load, so it runs when the site has been pressed."""
    parts = run.sites[SQLITE].memory()
    notes = [f"server with {server.WORKERS} workers {parts['server']:.0f} MiB, scheduler {parts['scheduler']:.0f} MiB"]
    title = "Memory of the server, its workers and the scheduler (PSS)"
    return [Figure("memory", title, "MiB", sum(parts.values()), more_is_better=False, data=run.size_words(SQLITE), notes=notes)]


BENCHMARKS = (
    Counted("first-visit", "Bytes of a first visit", first_visit, after_load=True),
    Counted("memory", "Memory after load", memory, after_load=True),
    Counted("statements", "SQL statements of the main pages", statements),
)
