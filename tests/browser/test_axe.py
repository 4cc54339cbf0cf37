"""axe finds nothing serious or critical on the main pages, whatever a reader chose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import OpenBrowser
from tests.browser.pages import AT_THE_DESK, LOOKS, MAIN, choose
from tests.browser.server import Site

GRAVE = {"serious", "critical"}
OPTIONS = {"resultTypes": ["violations"]}


def faults(page: Page, only: str = "") -> Iterator[str]:
    """What axe holds against the page: rule, how grave, first place.  only: a group of rules, `cat.color`."""
    options = {**OPTIONS, "runOnly": {"type": "tag", "values": [only]}} if only else OPTIONS
    for found in Axe().run(page, options=options).response["violations"]:
        if found["impact"] in GRAVE:
            first = found["nodes"][0]
            yield f"{page.url}: {found['id']} ({found['impact']}) {len(found['nodes'])}×: {first['target']} {first['failureSummary'][:300]}"


def looked_at(page: Page, site: Site, addresses: tuple[str, ...], only: str = "") -> list[str]:
    found: list[str] = []
    for address in addresses:
        page.goto(f"{site}{address}")
        for each in page.locator("details").all():
            each.evaluate("e => { e.open = true; }")
        found += faults(page, only)
    return found


@pytest.mark.parametrize("look", list(LOOKS)[:4])
def test_axe_finds_nothing_grave(open_browser: OpenBrowser, public: Site, look: str) -> None:
    mode, scheme = LOOKS[look]
    lang = "en" if look in {"elder", "dark"} else "zh"
    page = open_browser(public, lang)
    page.emulate_media(color_scheme=scheme)
    choose(page, public, mode=mode, place="440113010901" if look != "plain" else "")
    # other colours change nothing but what is said of colours; all rules in all looks are the long test's
    assert looked_at(page, public, MAIN, "" if look in {"plain", "elder"} else "cat.color") == []


@pytest.mark.parametrize("login", ["resident", "handler", "manager", "admin"])
def test_axe_finds_nothing_grave_at_the_desk(worker: OpenBrowser, desk: Site, login: str) -> None:
    page = worker(login, {"admin": "en"}.get(login, "zh"))
    assert looked_at(page, desk, AT_THE_DESK[login]) == []


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("look", list(LOOKS))
@pytest.mark.parametrize("place", ["", "440113010901"], ids=["nowhere", "at-home"])
def test_axe_finds_nothing_grave_anywhere(open_browser: OpenBrowser, public: Site, lang: str, look: str, place: str) -> None:
    """axe on the ten main pages: every mode, light and dark, both languages, phone and desk, with and without a community."""
    mode, scheme = LOOKS[look]
    for device in ("zh", "en"):
        page = open_browser(public, device)
        page.emulate_media(color_scheme=scheme)
        choose(page, public, mode=mode, place=place, lang=lang)
        assert looked_at(page, public, MAIN) == []


def test_axe_would_find_something(visitor: Page, public: Site) -> None:
    visitor.goto(f"{public}/about")
    visitor.evaluate("() => { document.querySelector('main').innerHTML = '<img><button></button>'; }")
    assert {fault.split(": ")[1].split(" ")[0] for fault in faults(visitor)} >= {"button-name"}
