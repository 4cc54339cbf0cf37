"""A resident and her points: what is there and why, every line to take away, giving some to the care pool; nothing axe finds grave."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenBrowser
from tests.browser.pages import choose
from tests.browser.server import Site
from tests.browser.test_axe import faults

PAGES = ("/points/", "/points/statement", "/points/statement?show=came", "/points/forecast", "/points/donate")


def shown_free(page: Page) -> int:
    """Hundredths, from the big number."""
    return round(float(page.locator(".figures .main b").inner_text()) * 100)


@pytest.fixture
def resident(worker: OpenBrowser, lang: str) -> Page:
    """zh: an old phone with large letters; en: a desk."""
    return worker("resident", lang)


@pytest.mark.timeout(120)
def test_she_reads_where_her_points_came_from_and_takes_the_statement_along(resident: Page, desk: Site, lang: str) -> None:
    page, mode = resident, "elder" if lang == "zh" else ""
    choose(page, desk, mode=mode, lang=lang)
    page.goto(f"{desk}/")
    page.locator("main a[href='/points/'], .nav a[href='/points/']").first.click()
    expect(page.locator("h1")).to_have_text(re.compile("我的积分|My points"))
    page.locator("main .btn-go").click()
    lines = page.locator("tbody tr")
    expect(lines.nth(5)).to_be_visible()
    expect(lines.locator("th small").filter(has_text=re.compile(r"\d\.\d (小时|h) × \d\.\d\d")).first).to_be_visible()
    free = lines.first.locator("td.n").last.inner_text()
    for ending, begins in (("csv", b"\xef\xbb\xbf"), ("pdf", b"%PDF-1.")):
        with page.expect_download() as download:
            page.locator(f"main a[href*='/points/statement.{ending}']").click()
        data = download.value.path().read_bytes()
        assert data.startswith(begins), ending
        assert download.value.suggested_filename.endswith(f".{ending}")
        assert ending != "csv" or free in data.decode("utf-8-sig").splitlines()[1]
    page.locator("[name=month]").select_option(index=3)
    page.locator("main form button[type=submit]").click()
    expect(page).to_have_url(re.compile(r"month=\d{4}-\d\d"))
    found = []
    for address in PAGES:
        page.goto(f"{desk}{address}")
        found += faults(page)
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{address} scrolls sideways by {wide} px"
        if mode == "elder":
            assert float(page.locator("main p").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 24, address
    assert found == []


@pytest.mark.timeout(120)
def test_she_gives_points_to_the_care_pool_once(resident: Page, desk: Site, lang: str) -> None:
    page = resident
    choose(page, desk, mode="elder" if lang == "zh" else "", lang=lang)
    page.goto(f"{desk}/points/")
    free = shown_free(page)
    page.locator("main a[href='/points/donate']").click()
    page.locator("[name=amount]").fill("9999999")
    page.locator("main form .btn-go").click()
    expect(page.locator("#amount-error")).to_be_visible()
    page.locator("[name=amount]").fill("０．５")
    page.locator("main form .btn-go").click()
    expect(page.locator("h1")).to_contain_text("0.50")
    assert list(faults(page)) == []
    sent = {each.get_attribute("name"): each.input_value() for each in page.locator("main form input").all()}
    page.locator("main form .btn-go").click()
    page.wait_for_url(re.compile(r"/points/donations/\d+"))
    expect(page.locator("main .facts")).to_contain_text("0.50")
    assert list(faults(page)) == []
    again = page.context.request.post(f"{desk}/points/donate", form=sent)  # a bad network sends it twice: the same receipt
    assert again.url == page.url
    page.locator("main .btn-go").click()
    assert shown_free(page) == free - 50
    expect(page.locator("tbody tr").first).to_contain_text("0.50")


def test_a_visitor_reads_how_points_come_about(open_browser: OpenBrowser, public: Site, lang: str) -> None:
    page = open_browser(public, lang)
    choose(page, public, mode="elder" if lang == "zh" else "", lang=lang)
    page.goto(f"{public}/points/")
    expect(page.locator("main li")).to_have_count(3)
    assert list(faults(page)) == []
    page.locator("main a[href='/points/rules']").click()
    expect(page.locator("h1")).to_be_visible()
