"""What a visitor chooses once stays: my community on every page, elder mode, high contrast; and nothing else is remembered."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import COMMUNITY
from tests.browser.server import Site

PHONE = "020-0000 0112"


def test_my_community_is_chosen_once_and_its_station_stands_on_every_page(visitor: Page, public: Site, lang: str) -> None:
    visitor.goto(str(public))
    visitor.locator("main a[href='/places']").first.click()
    visitor.locator(f"main a[href*='place={COMMUNITY}']").click()
    visitor.wait_for_url(lambda url: "place=" not in url)
    name = {"zh": "榕树社区", "en": "Rongshu"}[lang]
    for address in ("/", "/services/", "/services/SI-LG-004", "/stations/"):
        visitor.goto(f"{public}{address}")
        for part in ("main", "footer"):
            expect(visitor.locator(part)).to_contain_text(PHONE)
        expect(visitor.locator("header .brand")).to_contain_text(name)
    visitor.goto(f"{public}/workdays")
    expect(visitor.locator("footer")).to_contain_text(PHONE)
    numbers = {a.get_attribute("href") for a in visitor.locator("footer a[href^='tel:']").all()}
    assert len(numbers) == 1


def test_the_header_changes_the_community_on_any_page_and_it_can_be_forgotten(visitor: Page, public: Site) -> None:
    visitor.goto(f"{public}/services/?audience=older")
    visitor.locator("header details.place summary").click()
    visitor.locator(f"header details.place a[href*='place={COMMUNITY}']").click()
    expect(visitor.locator("footer")).to_contain_text(PHONE)
    assert visitor.url == f"{public}/services/?audience=older"
    visitor.goto(f"{public}/places")
    visitor.locator("main a[href$='place=']").click()
    expect(visitor.locator("footer")).not_to_contain_text(PHONE)


def test_elder_mode_is_one_click_and_remembered(visitor: Page, public: Site, lang: str) -> None:
    visitor.goto(str(public))
    visitor.locator("header .tools a[href*='mode=elder']").click()
    expect(visitor.locator("html")).to_have_attribute("data-mode", "elder")
    size = float(visitor.locator("main p").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)"))
    assert size >= 24
    assert visitor.locator("main .doors > *, main .doors a").count() >= 4
    for address in ("/services/", "/services/SI-LG-004", "/workdays"):
        visitor.goto(f"{public}{address}")
        expect(visitor.locator("html")).to_have_attribute("data-mode", "elder")
    visitor.locator("header .tools a[href*='mode=plain']").click()
    expect(visitor.locator("html")).not_to_have_attribute("data-mode", re.compile("."))


def test_elder_mode_is_found_by_the_words_people_use(visitor: Page, public: Site) -> None:
    for words in ("关怀版", "适老", "large text"):
        visitor.goto(f"{public}/search?q={words}")
        expect(visitor.locator("main a[href*='mode=elder']").first).to_be_visible()


def test_high_contrast_is_remembered_and_goes_with_elder_mode(visitor: Page, public: Site) -> None:
    visitor.goto(f"{public}/services/")
    visitor.locator("footer a[href*='mode=contrast']").click()
    expect(visitor.locator("html")).to_have_attribute("data-mode", "contrast")
    paper = visitor.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert paper in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
    visitor.locator("header .tools a[href*='mode=elder']").click()
    expect(visitor.locator("html")).to_have_attribute("data-mode", "elder contrast")
    visitor.goto(f"{public}/workdays")
    expect(visitor.locator("html")).to_have_attribute("data-mode", "elder contrast")


def test_reading_sets_no_cookie_and_choices_are_the_only_ones(visitor: Page, public: Site) -> None:
    for address in ("/", "/services/", "/services/SI-LG-004", "/stations/", "/workdays", "/search?q=a", "/about"):
        visitor.goto(f"{public}{address}")
    assert visitor.context.cookies() == []
    visitor.goto(f"{public}/?mode=elder")
    assert [cookie["name"] for cookie in visitor.context.cookies()] == ["civic_mode"]
