"""A visitor reads everything needed before leaving home, prints it on one A4 page and passes it on in a chat."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import COMMUNITY, OpenBrowser
from tests.browser.server import Site

PERMIT = "SI-LG-004"
PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")
#: the five that need most paper, by the height of the printed page in both languages
LONGEST = ("SI-WJ-004", "SI-LG-004", "SI-MZ-001", "SI-MZ-015", "SI-MZ-012")
A4 = {"format": "A4", "print_background": True, "prefer_css_page_size": True}


def pages_of(pdf: bytes) -> int:
    found = len(PAGE.findall(pdf))
    assert found, "not a PDF whose pages can be counted"
    return found


def all_codes(site: Site) -> list[str]:
    codes = [str(row[0]) for row in site.rows("SELECT code FROM service_item ORDER BY code")]
    assert len(codes) == 78
    return codes


def printed(page: Page, site: Site, code: str) -> int:
    """Open a service, see its QR, print it; returns the number of pages."""
    page.goto(f"{site}/services/{code}")
    loaded = page.locator("img[src$='qr.svg']").evaluate("image => image.complete && image.naturalWidth > 0")
    assert loaded, f"{code}: the QR was not there when the page was printed"
    return pages_of(page.pdf(**A4))  # type: ignore[arg-type]


def test_everything_stands_on_the_page_before_one_leaves_home(visitor: Page, public: Site, lang: str) -> None:
    visitor.goto(f"{public}/services/{PERMIT}")
    text = visitor.locator("main").inner_text()
    for word in {
        "zh": ("8", "工作日", "15", "自然日", "居民身份证", "可以后补", "居住登记连续满半年", "不收费", "《居住证暂行条例》", "020-0000 0112", "08:30–12:00"),
        "en": ("8", "working days", "15", "calendar days", "Resident identity card", "May follow later", "six months", "Free of charge",
               "Interim Regulations on Residence Permits", "020-0000 0112", "08:30–12:00"),
    }[lang]:  # fmt: skip
        assert word in text, f"{word} is not on the page"
    phone = visitor.locator("main a[href^='tel:']").first
    expect(phone).to_be_visible()
    assert re.fullmatch(r"tel:\+?[\d-]+", phone.get_attribute("href") or "")


def test_the_promised_day_says_why_with_every_day_on_the_strip(visitor: Page, public: Site) -> None:
    visitor.goto(f"{public}/services/{PERMIT}")
    why = visitor.locator("details.why")
    strip = why.locator("ol.days > li")
    expect(strip.first).to_be_hidden()
    why.locator("summary").click()
    expect(strip.first).to_be_visible()
    assert why.locator("ol.days > li.counted, ol.days > li.made-up").count() == 7, "eight working days: seven counted and the last"
    expect(why.locator("ol.days > li.end")).to_have_count(1)
    why.locator("a[href*='/workdays']").click()
    expect(visitor.locator("[name=days]")).to_have_value("8")


def test_a_reference_limit_says_that_it_is_one(visitor: Page, public: Site, lang: str) -> None:
    (code,) = public.rows(
        "SELECT i.code FROM service_item i JOIN service_item_version v ON v.item_id = i.id WHERE v.legal_limit_source = 'reference' LIMIT 1"
    )[0]
    visitor.goto(f"{public}/services/{code}")
    expect(visitor.locator("main")).to_contain_text({"zh": "参考", "en": "Reference limit"}[lang])


@pytest.mark.parametrize("place", ["", COMMUNITY], ids=["nowhere", "at-home"])
def test_a_service_prints_as_one_a4_page_with_its_qr(visitor: Page, public: Site, place: str) -> None:
    visitor.goto(f"{public}/?place={place}")
    codes = LONGEST if place else LONGEST[:2]  # the chosen station's lines make the page longest
    found = {code: printed(visitor, public, code) for code in codes}
    assert set(found.values()) == {1}, found


def test_elder_letters_print_on_two_pages_at_most(visitor: Page, public: Site) -> None:
    visitor.goto(f"{public}/?mode=elder")
    found = {code: printed(visitor, public, code) for code in LONGEST[:2]}
    assert max(found.values()) <= 2, found


def test_the_printed_page_shows_the_address_and_leaves_out_what_one_clicks(visitor: Page, public: Site) -> None:
    visitor.goto(f"{public}/services/{PERMIT}")
    visitor.emulate_media(media="print")
    expect(visitor.locator("img[src$='qr.svg']")).to_be_visible()
    assert f"/services/{PERMIT}" in visitor.locator("main").inner_text()
    for gone in ("nav.nav", ".tools", "form.find", "[data-behaviour=print-page]"):
        for each in visitor.locator(gone).all():
            expect(each).to_be_hidden()


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", ["", COMMUNITY], ids=["nowhere", "at-home"])
def test_all_78_services_print_as_one_a4_page(visitor: Page, public: Site, place: str) -> None:
    """Every one of the 78 services prints as one A4 page: both languages, with and without a community chosen."""
    visitor.goto(f"{public}/?place={place}")
    found = {code: printed(visitor, public, code) for code in all_codes(public)}
    assert {code: n for code, n in found.items() if n != 1} == {}


@pytest.mark.parametrize("address", ["/", "/services/", f"/services/{PERMIT}", "/stations/", "/workdays"])
def test_a_shared_link_carries_title_description_and_a_picture(visitor: Page, public: Site, address: str) -> None:
    visitor.goto(f"{public}{address}")

    def meta(name: str) -> str:
        return visitor.locator(f"meta[property='{name}'], meta[name='{name}']").first.get_attribute("content") or ""

    assert meta("og:title")
    assert meta("og:title") in visitor.title()
    assert len(meta("og:description")) > 8
    assert meta("description") == meta("og:description")
    picture = visitor.request.get(meta("og:image"))
    assert picture.ok
    assert picture.headers["content-type"] == "image/png"
    if address == f"/services/{PERMIT}":
        assert urlsplit(meta("og:url")).path == address


def test_copy_for_the_group_gives_two_lines_and_a_link(open_browser: OpenBrowser, public: Site, lang: str) -> None:
    page = open_browser(public, lang)
    context: BrowserContext = page.context
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=public.address)
    page.goto(f"{public}/services/{PERMIT}")
    page.evaluate("() => { delete Navigator.prototype.share; }")  # a phone opens its own sheet; the copy is what every device has
    page.locator("[data-behaviour=copy-for-group], [data-behaviour=copy-for-group] button").last.click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).length > 0")
    lines = page.evaluate("() => navigator.clipboard.readText()").strip().splitlines()
    assert len(lines) == 3
    assert lines[-1] == f"{public}/services/{PERMIT}"
    assert page.request.get(lines[-1]).status == 200
