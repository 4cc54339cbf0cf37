"""Browsers and running sites for the journeys: one demonstration is made once, read by visitors, copied for whoever changes something.

Every page that a test opens is watched: a console error or a request to another host fails the test.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from civic.core import clock
from civic.core.web.preferences import SESSION_COOKIE
from tests.browser.server import PASSWORD, Site, copy_of, make_demo, serving
from tests.support import chromium

#: each journey once Chinese on a phone, once English at a desk
LOOKS: dict[str, dict[str, Any]] = {
    "zh": {"viewport": {"width": 360, "height": 740}, "locale": "zh-CN", "has_touch": True, "is_mobile": True, "device_scale_factor": 2},
    "en": {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"},
}
#: cookies of those who signed in at this worker's desk
SIGNED_IN: dict[str, Any] = {}
COMMUNITY, STATION = "440113010901", "ST-RS"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Watch:
    """What a page must not do."""

    hosts: set[str]
    faults: list[str] = field(default_factory=list)
    documents: set[str] = field(default_factory=set)

    def page(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("request", self._asked)
        page.on("response", self._answered)

    def _answered(self, answer: Response) -> None:
        if answer.request.is_navigation_request() and answer.status >= 400:
            self.documents.add(answer.url)
        elif answer.status >= 400:
            self.faults.append(f"{answer.url}: {answer.status}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc not in self.hosts:
            self.faults.append(f"{request.frame.url} asks another host: {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        if message.text.startswith("Failed to load resource"):  # its status is judged in _answered
            return
        self.faults.append(f"{message.location.get('url', '')}: {message.text}")


OpenBrowser = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as player:
        started = chromium.launch(player)
        yield started
        started.close()


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One demonstration for all workers of a run; nobody serves it, everybody takes a copy."""
    worker = tmp_path_factory.getbasetemp()
    shared = worker.parent if worker.name.startswith("popen-") else worker
    folder = shared / "browser-demo"
    with (shared / "browser-demo.turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        done = shared / "browser-demo.done"
        if not done.exists():
            make_demo(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def public(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site that visitors read; no test changes it."""
    with serving(copy_of(demo_folder, tmp_path_factory.mktemp("public") / "data"), workers=1) as site:
        yield site


@pytest.fixture(scope="session")
def desk(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site that staff change, with two processes, so that what one writes the other has to notice."""
    with serving(copy_of(demo_folder, tmp_path_factory.mktemp("desk") / "data")) as site:
        yield site


@dataclass
class Device:
    """A context with its one page, used again by the next test: a new one costs Chromium half a second on two cores."""

    page: Page
    watch: Watch

    def clean(self, lang: str) -> None:
        """Nothing of the last person is left but cached files, which a shared phone keeps too."""
        context = self.page.context
        context.clear_cookies()
        context.clear_permissions()
        if self.page.url.startswith("http"):
            self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        self.page.set_viewport_size(LOOKS[lang]["viewport"])
        self.page.emulate_media(media="null", color_scheme="light", reduced_motion="no-preference")
        self.watch.faults.clear()


def new_device(browser: Browser, site: Site, lang: str, **options: Any) -> Device:
    context = browser.new_context(**{**LOOKS[lang], **options})
    context.set_default_timeout(10_000)
    watch = Watch({urlsplit(site.address).netloc})
    context.on("page", watch.page)
    return Device(context.new_page(), watch)


@pytest.fixture(scope="session")
def idle() -> dict[tuple[str, str], list[Device]]:
    """Devices that nobody holds, by site and language."""
    return {}


@pytest.fixture
def open_browser(browser: Browser, idle: dict[tuple[str, str], list[Device]]) -> Iterator[OpenBrowser]:
    """open_browser(site, lang="zh", **Playwright's context options) → a page of a new person's browser, watched."""
    held: list[tuple[tuple[str, str] | None, Device]] = []

    def make(site: Site, lang: str = "zh", **options: Any) -> Page:
        key = None if options else (site.address, lang)
        if key and idle.get(key):
            device = idle[key].pop()
            device.clean(lang)
        else:
            device = new_device(browser, site, lang, **options)
        held.append((key, device))
        return device.page

    yield make
    faults = [fault for _, device in held for fault in device.watch.faults]
    for key, device in held:
        if key and not faults:
            idle.setdefault(key, []).append(device)
        else:
            device.page.context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture(params=list(LOOKS))
def lang(request: pytest.FixtureRequest) -> str:
    """zh: a phone; en: a desk."""
    return str(request.param)


@pytest.fixture
def visitor(open_browser: OpenBrowser, public: Site, lang: str) -> Page:
    """Somebody without an account, in the language and at the device of `lang`."""
    return open_browser(public, lang)


@pytest.fixture
def worker(open_browser: OpenBrowser, desk: Site) -> OpenBrowser:
    """worker("handler", "zh") → the page of somebody signed in at the desk; fresh: with a session of its own."""

    def make(login: str, lang: str = "en", *, fresh: bool = False, **options: object) -> Page:
        if fresh or login not in SIGNED_IN:
            page = open_browser(desk, lang, **options)
            sign_in(page, desk, login)
            if not fresh:  # hashing a password takes half a second by intention: once for each login is enough
                SIGNED_IN[login] = [cookie for cookie in page.context.cookies() if cookie["name"] == SESSION_COOKIE]
            return page
        page = open_browser(desk, lang, **options)
        page.context.add_cookies(SIGNED_IN[login])
        return page

    return make


def sign_in(page: Page, site: Site, login: str, password: str = PASSWORD) -> None:
    """Go through the sign-in form."""
    if "/account/sign-in" not in page.url:
        page.goto(f"{site}/account/sign-in")
    page.locator("[name=login]").fill(login)
    page.locator("[name=password]").fill(password)
    page.locator("main form[action*=sign-in] button[type=submit]").click()
    page.wait_for_url(lambda url: "/account/sign-in" not in url)


def in_days(count: int) -> tuple[str, dict[str, str]]:
    """A day from today on: as a form takes it, and how a page of each language writes it."""
    day = clock.today() + timedelta(days=count)
    return day.isoformat(), {"zh": f"{day.year}年{day.month}月{day.day}日", "en": f"{day.day} {day:%b} {day.year}"}


def seen_soon(page: Page, selector: str, within: float = 2.0) -> None:
    """Load the page again until it shows the element; fails when that takes longer than `within` seconds."""
    end = time.monotonic() + within
    while True:
        late = time.monotonic() >= end
        page.reload()
        if page.locator(selector).count():
            return
        time.sleep(0.1)
        assert not late, f"{page.url} does not show {selector} within {within} s"


def tab_to(page: Page, selector: str, most: int = 60) -> int:
    """Press Tab until the element has the focus; returns how often.  Fails when it is never reached."""
    for count in range(1, most + 1):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement !== null && document.activeElement.matches(selector)", selector):
            return count
    raise AssertionError(f"{selector} is not reached by {most} tabs on {page.url}")
