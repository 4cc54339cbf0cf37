"""Figures of the catalogue: item page, item list, unchanged pages, search in new words and in common words, the API's list."""

from __future__ import annotations

import csv
import json
import random
import time
from collections.abc import Callable
from functools import cache
from urllib.parse import quote

from bench.frame import POSTGRESQL, SQLITE, Served, kept_alive
from bench.server import ROOT, WORKERS, Process
from bench.wrk import BROWSER, Answer, Load, VoidError, fetch

LISTS = ROOT / "data" / "catalogue"
Headers = tuple[tuple[str, str], ...]
AS_BROWSER: Headers = tuple(BROWSER.items())
BARE: Headers = (("Accept-Language", "zh-CN"),)  # no compression asked for
IN_VAIN = 20  # every twentieth question finds nothing, and each of those is counted by a write
COMMON = 300  # phrases that most people use
SAMPLES = 12  # questions whose answers are read before and after
ZH_FORMS = (
    "{}", "{}怎么办理", "我想办{}", "{}需要什么", "办{}去哪里", "{}要多久", "请问{}", "{} 材料", "{} 电话", "帮我办{}", "{}可以网上办吗", "老人{}",
    "小孩{}", "{} 社区", "外地人{}", "{} 免费吗",
)  # fmt: skip
EN_FORMS = ("{}", "how to get {}", "where {}", "{} papers", "I need {}", "{} office", "{} cost", "apply for {}", "my {}", "{} phone")


@cache
def codes() -> tuple[str, ...]:
    with (LISTS / "service_items.csv").open(encoding="utf-8-sig") as file:
        return tuple(row["code"] for row in csv.DictReader(file))


@cache
def phrases(lang: str) -> tuple[tuple[str, str], ...]:
    """Everyday words of the list: phrase and the code of an item that it leads to."""
    with (LISTS / "item_words.csv").open(encoding="utf-8-sig") as file:
        rows = [(row["text"], row["code"]) for row in csv.DictReader(file) if row["kind"] == "said" and row["language"] == lang]
    return tuple(dict(rows).items())


def questions() -> list[str]:
    """All forms of all phrases in a fixed, mixed order, none twice, every twentieth one in vain."""
    found = [form.format(text) for text, _ in phrases("zh") for form in ZH_FORMS]
    found += [form.format(text) for text, _ in phrases("en") for form in EN_FORMS]
    found = list(dict.fromkeys(found))
    chance = random.Random(3)
    chance.shuffle(found)
    letters = "bcdfghjkvwxz"
    return [q if i % IN_VAIN else "".join(chance.choices(letters, k=9)) for i, q in enumerate(found)]


def common_questions() -> list[str]:
    """Phrases as they come in a day: few often, many seldom (the n-th most common one in proportion to 1/n)."""
    chance = random.Random(4)
    words = [text for text, _ in (*phrases("zh"), *phrases("en"))]
    chosen = chance.sample(words, min(COMMON, len(words)))
    return chance.choices(chosen, [1 / (rank + 1) for rank in range(len(chosen))], k=20_000)


def quoted(text: str) -> str:
    return quote(text, safe="")


# ---- checks -------------------------------------------------------------------------------------------------------------------
def page(site: Process, path: str, headers: Headers, holds: str) -> Answer:
    """Fetch a page; its text must hold something.  Raises VoidError."""
    plain = fetch(site.address, path, BARE)
    if plain.status != 200 or holds not in plain.body.decode() or "</html>" not in plain.body.decode():
        raise VoidError(f"{path}: {plain.status}, {len(plain.body)} bytes, without {holds!r}")
    answer = fetch(site.address, path, headers)
    if answer.status != 200:
        raise VoidError(f"{path}: {answer.status}")
    return answer


def item_size(headers: Headers) -> Callable[[Process], float]:
    def check(site: Process) -> float:
        found = [kept_alive(page(site, f"/services/{code}", headers, code)) for code in codes()]
        return sum(found) / len(found)

    return check


def item_load(headers: Headers) -> Callable[[Process], Load]:
    return lambda _site: Load(tuple(f"/services/{code}" for code in codes()), headers)


def list_size(site: Process) -> float:
    return kept_alive(page(site, "/services/", AS_BROWSER, codes()[0]))


def tags(site: Process) -> list[str]:
    return [f"/services/{code}\t{fetch(site.address, f'/services/{code}', AS_BROWSER).headers['etag']}" for code in codes()]


def unchanged_size(site: Process) -> float:
    """Each page, asked for with its own tag, must be 304 and empty, and 200 with another tag."""
    sizes = []
    for line in tags(site):
        path, _, tag = line.partition("\t")
        answer = fetch(site.address, path, (*AS_BROWSER, ("If-None-Match", tag)))
        other = fetch(site.address, path, (*AS_BROWSER, ("If-None-Match", 'W/"another"')))
        if (answer.status, answer.body, other.status) != (304, b"", 200):
            raise VoidError(f"{path}: {answer.status} with its own tag, {other.status} with another")
        sizes.append(kept_alive(answer))
    return sum(sizes) / len(sizes)


def check_search(site: Process) -> float:
    """A sample of phrases must lead to the item that they were made for; nonsense must lead to none."""
    chosen = random.Random(5).sample([*phrases("zh"), *phrases("en")], SAMPLES)
    for text, code in chosen:
        answer = fetch(site.address, f"/search?q={quoted(text)}", BARE)
        if answer.status != 200 or f"/services/{code}" not in answer.body.decode():
            raise VoidError(f"search for {text!r}: {answer.status}, {code} is not found")
    empty = fetch(site.address, "/search?q=zxkwvbqjf", BARE)
    if empty.status != 200 or "/services/SI-" in empty.body.decode():
        raise VoidError(f"nonsense finds something, or is {empty.status}")
    return 0


def cached_answers(site: Process) -> int:
    """Answers from the page cache so far, of both workers.  Raises VoidError when the site does not come to rest."""
    for _ in range(10):
        seen = {counters(site) for _ in range(40)}  # each asking meets one worker, forty meet both
        if len(seen) <= WORKERS:
            return sum(hits for hits, _ in seen) if len(seen) == WORKERS else WORKERS * max(hits for hits, _ in seen)
        time.sleep(0.5)  # what was cut off at the end of a run is still being answered
    raise VoidError("the counters of the page cache do not come to rest: somebody else presses the site")


def counters(site: Process) -> tuple[int, int]:
    """Hits and entries of the page cache of whichever worker answers."""
    text = fetch(site.address, "/metrics").body.decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return int(float(values["civic_page_cache_hits"])), int(float(values["civic_page_cache_entries"]))


def search(name: str, title: str, asked: Callable[[], list[str]], engine: str) -> Served:
    def prepare(_site: Process) -> Load:
        return Load(tuple(f"/search?q={quoted(q)}" for q in asked()), AS_BROWSER, looks=True)

    return Served(name, title, prepare, check_search, engine, most_p99=60, cached=cached_answers)


def api_size(site: Process) -> float:
    answer = fetch(site.address, "/api/v1/services?limit=20", BARE)
    body = json.loads(answer.body) if answer.status == 200 else {}
    if body.get("total") != len(codes()) or len(body.get("items", ())) != 20:
        raise VoidError(f"/api/v1/services: {answer.status}, total {body.get('total')}")
    return kept_alive(answer)


def api_load(_site: Process) -> Load:
    return Load(("/api/v1/services?limit=20",), BARE)


BENCHMARKS = (
    Served("item", "Item page, all items in turn, as a browser asks", item_load(AS_BROWSER), item_size(AS_BROWSER), share=0.6),
    Served("item-plain", "Item page, all items in turn, not compressed", item_load(BARE), item_size(BARE), share=0.6),
    Served("list", "Item list, as a browser asks", lambda _site: Load(("/services/",), AS_BROWSER), list_size, share=0.6),
    Served("unchanged", "Item page not changed since (304)", lambda site: Load(tuple(tags(site)), AS_BROWSER), unchanged_size, share=0.7),
    Served("api-list", "API list of 20 items", api_load, api_size),
    search("search", "Search, each question new, one in twenty in vain", questions, SQLITE),
    search("search-common", "Search, common words again and again", common_questions, SQLITE),
    search("search-postgresql", "Search on PostgreSQL, each question new, one in twenty in vain", questions, POSTGRESQL),
    Served("item-postgresql", "Item page on PostgreSQL", item_load(AS_BROWSER), item_size(AS_BROWSER), POSTGRESQL, share=0.6),
)
