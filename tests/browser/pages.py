"""The ten main pages that every reader meets, and the ways of looking at them."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Page

from tests.browser.server import Site

MAIN = (
    "/",
    "/services/",
    "/services/?q=%E5%B1%85%E4%BD%8F%E8%AF%81",
    "/services/SI-LG-004",
    "/stations/",
    "/stations/ST-RS",
    "/workdays?from=2026-09-30&days=5",
    "/places",
    "/search?q=permit",
    "/account/sign-in",
)
#: login → pages that she works with; what test_points.py looks at is not repeated
AT_THE_DESK = {
    "resident": ("/points/closes", "/points/reports", "/points/rules", "/exchange/"),
    "handler": ("/account/", "/desk/", "/desk/items/", "/desk/items/SI-LG-004"),
    "manager": (
        "/desk/stations/",
        "/desk/stations/ST-RS",
        "/desk/stations/ST-RS/hours",
        "/desk/stations/ST-RS/closures/new",
        "/desk/offers/ST-RS",
    ),
    "admin": ("/desk/load/", "/desk/accounts/", "/desk/accounts/new", "/desk/organisations/", "/desk/searches/", "/desk/connections/"),
}
Scheme = Literal["light", "dark"]
#: name → (mode of the site, colour scheme of the device)
LOOKS: dict[str, tuple[str, Scheme]] = {
    "plain": ("", "light"),
    "elder": ("elder", "light"),
    "contrast": ("contrast", "light"),
    "dark": ("", "dark"),
    "elder-contrast-dark": ("elder-contrast", "dark"),
}


def choose(page: Page, site: Site, *, mode: str = "", lang: str = "", place: str = "") -> None:
    """Remember choices as the links do."""
    chosen = {"civic_mode": mode, "civic_lang": lang, "civic_place": place}
    page.context.add_cookies([{"name": name, "value": value, "url": site.address} for name, value in chosen.items() if value])
