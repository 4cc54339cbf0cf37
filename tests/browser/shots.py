"""Pictures of the main pages: python -m tests.browser.shots [names].  They go to var/shots; docs/img/home.png is made anew with `home`.

name: a page (`home`), a picture (`item-phone-zh`) or how pages are looked at (`phone-zh`); without names all are made.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from civic import paths
from tests.browser.server import PASSWORD, Site, make_demo, serving
from tests.support import chromium

FOLDER = paths.ROOT / "var" / "shots"
README = paths.ROOT / "docs" / "img" / "home.png"
README_BYTES = 250_000
COMMUNITY = "440113010901"
#: name → (address, who is signed in)
PAGES: dict[str, tuple[str, str]] = {
    "home": ("/", ""),
    "services": ("/services/", ""),
    "found": ("/services/?q={words}", ""),
    "nothing": ("/services/?q=qqqq", ""),
    "item": ("/services/SI-LG-004", ""),
    "item-long": ("/services/SI-MZ-001", ""),
    "stations": ("/stations/", ""),
    "station": ("/stations/ST-RS", ""),
    "places": ("/places", ""),
    "workdays": ("/workdays?from=2026-09-30&days=5", ""),
    "search": ("/search?q={words}", ""),
    "sign-in": ("/account/sign-in", ""),
    "about": ("/about", ""),
    "accessibility": ("/accessibility", ""),
    "account": ("/account/", "handler"),
    "desk": ("/desk/", "handler"),
    "desk-items": ("/desk/items/", "handler"),
    "desk-edit": ("/desk/items/SI-LG-004", "handler"),
    "desk-station": ("/desk/stations/ST-RS", "manager"),
    "desk-hours": ("/desk/stations/ST-RS/hours", "manager"),
    "desk-offers": ("/desk/offers/ST-RS", "manager"),
    "desk-admin": ("/desk/", "admin"),
    "desk-accounts": ("/desk/accounts/", "admin"),
    "desk-load": ("/desk/load/", "admin"),
    "desk-organisations": ("/desk/organisations/", "admin"),
    "desk-searches": ("/desk/searches/", "admin"),
    "points": ("/points/", "resident"),
    "statement": ("/points/statement", "resident"),
    "closes": ("/points/closes", ""),
    "reports": ("/points/reports", ""),
    "rules": ("/points/rules", ""),
    "exchange": ("/exchange/", "resident"),
    "desk-connections": ("/desk/connections/", "auditor"),
}
WORDS = {"zh": "居住证", "en": "residence permit"}


@dataclass(frozen=True)
class Look:
    """How a page is looked at: name, width, height, mode cookie, dark, with a community chosen."""

    name: str
    width: int
    height: int
    mode: str = ""
    dark: bool = False
    place: bool = True


LOOKS = (
    Look("phone", 360, 740),
    Look("desk", 1280, 800),
    Look("phone-elder", 360, 740, mode="elder"),
    Look("phone-contrast", 360, 740, mode="contrast"),
    Look("desk-dark", 1280, 800, dark=True),
    Look("phone-new", 360, 740, place=False),
)


def context_for(browser: Browser, site: Site, look: Look, lang: str) -> BrowserContext:
    """A browser of somebody who chose all this before."""
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.dark else "light",
        locale={"zh": "zh-CN", "en": "en-GB"}[lang],
    )
    chosen = {"civic_lang": lang, "civic_mode": look.mode, "civic_place": COMMUNITY if look.place else ""}
    context.add_cookies([{"name": name, "value": value, "url": site.address} for name, value in chosen.items() if value])
    return context


def sign_in(page: Page, site: Site, login: str) -> None:
    page.goto(f"{site}/account/sign-in")
    page.locator("[name=login]").fill(login)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(lambda url: "sign-in" not in url)


def wanted(names: list[str]) -> Iterator[tuple[Look, str, str]]:
    for look in LOOKS:
        for lang in ("zh", "en"):
            for name in PAGES:
                picture = f"{name}-{look.name}-{lang}"
                if not names or any(each == name or picture == each or picture.endswith(f"-{each}") for each in names):
                    yield look, lang, name


def make(browser: Browser, site: Site, names: list[str]) -> list[Path]:
    """All pictures asked for, each page from top to bottom."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    contexts: dict[tuple[str, str, str], Page] = {}
    for look, lang, name in wanted(names):
        address, login = PAGES[name]
        key = (look.name, lang, login)
        if key not in contexts:
            contexts[key] = context_for(browser, site, look, lang).new_page()
            if login:
                sign_in(contexts[key], site, login)
        page = contexts[key]
        page.goto(site.address + address.format(words=WORDS[lang]))
        path = FOLDER / f"{name}-{look.name}-{lang}.png"
        page.screenshot(path=path, full_page=True)
        made.append(path)
    for page in contexts.values():
        page.context.close()
    return made


def make_readme_picture(browser: Browser, site: Site) -> Path:
    """The home page as a neighbour sees it, in few colours: at most README_BYTES."""
    context = context_for(browser, site, Look("readme", 1280, 860), "zh")
    page = context.new_page()
    page.goto(site.address)
    README.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=README)
    context.close()
    Image.open(README).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(README, optimize=True)
    assert README.stat().st_size < README_BYTES, f"{README} has {README.stat().st_size} bytes"
    return README


def main(names: list[str]) -> int:
    with (
        tempfile.TemporaryDirectory(prefix="civic-shots-") as folder,
        serving(make_demo(Path(folder) / "data")) as site,
        sync_playwright() as player,
    ):
        browser = chromium.launch(player)
        made = make(browser, site, names)
        if not names or "home" in names:
            made.append(make_readme_picture(browser, site))
        browser.close()
    if not made:
        sys.stderr.write(f"No page is called {' or '.join(names)}: {' '.join(PAGES)}\n")
        return 2
    sys.stdout.writelines(f"{path.relative_to(paths.ROOT)}\n" for path in made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
