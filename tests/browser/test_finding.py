"""A visitor finds one of 78 services by words, by group, channel, department and subject, and keeps the page when the language changes."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import Site

PERMIT, OLD_AGE, RENT = "SI-LG-004", "SI-MZ-008", "SI-ZJ-002"
ROWS = "main .rows-side h3 a"
WORDS = [
    ("居住证", PERMIT), ("residence permit", PERMIT), ("jzz", PERMIT), ("老人金", OLD_AGE), ("高龄", OLD_AGE),
    ("help with rent", RENT), ("ｊｚｚ", PERMIT), ("RESIDENCE PERMIT", PERMIT),
]  # fmt: skip


def test_the_wanted_service_stands_among_the_first_three_whatever_people_call_it(visitor: Page, public: Site) -> None:
    for number, (words, code) in enumerate(WORDS):
        start = ("/", "/services/")[number % 2]
        visitor.goto(f"{public}{start}")
        visitor.locator("main input[name=q]").fill(words)
        visitor.keyboard.press("Enter")
        visitor.wait_for_url(re.compile(r"\?q="))
        links = [urlsplit(a.get_attribute("href") or "").path for a in visitor.locator("main h3 a").all()[:3]]
        assert f"/services/{code}" in links, f"{words!r} from {start}: {links}"


def test_from_the_home_page_to_the_papers_and_back_with_the_words_still_there(visitor: Page, public: Site, lang: str) -> None:
    words = {"zh": "居住证", "en": "residence permit"}[lang]
    visitor.goto(str(public))
    visitor.locator("main input[name=q]").fill(words)
    visitor.locator("main form[role=search] button").click()
    visitor.locator(f'main a[href$="/services/{PERMIT}"]').first.click()
    expect(visitor.locator("h1")).to_contain_text({"zh": "居住证", "en": "residence permit"}[lang])
    expect(visitor.locator(".bring > li")).to_have_count(5)
    visitor.go_back()
    expect(visitor.locator("main input[name=q]")).to_have_value(words)


@pytest.mark.parametrize("field", ["audience", "channel", "department", "category"])
def test_the_list_narrows_as_its_link_says_and_the_choice_can_be_taken_away(visitor: Page, public: Site, field: str) -> None:
    visitor.goto(f"{public}/services/")
    link = visitor.locator(f'main .filters a[href*="{field}="]').first
    promised = int(re.sub(r"\D", "", link.locator(".count").inner_text()))
    link.click()
    visitor.wait_for_url(re.compile(f"{field}="))
    assert 0 < promised < 78 or field == "channel"
    seen = visitor.locator(ROWS).count()
    while (onward := visitor.locator("nav.pages a[rel=next]")).count():
        address = visitor.url
        onward.click()
        expect(visitor).not_to_have_url(address)
        seen += visitor.locator(ROWS).count()
    assert seen == promised
    chosen = visitor.locator('main .filters a[aria-current="true"], main .filters a[aria-label]').first
    expect(chosen).to_be_visible()
    if field != "channel":
        visitor.locator("main .filters a[aria-label]").first.click()
        visitor.wait_for_url(lambda url: field not in url)


def test_choices_add_up(visitor: Page, public: Site) -> None:
    visitor.goto(f"{public}/services/?audience=older")
    before = visitor.locator(ROWS).count()
    visitor.locator('main .filters a[href*="channel=home_visit"]').click()
    visitor.wait_for_url(re.compile("channel=home_visit"))
    assert parse_qs(urlsplit(visitor.url).query) == {"audience": ["older"], "channel": ["home_visit"]}
    assert 0 < visitor.locator(ROWS).count() <= before


def test_words_that_nothing_has_get_a_next_step_and_never_an_empty_page(visitor: Page, public: Site) -> None:
    for address in ("/services/?q=zzzzqqq", "/search?q=zzzzqqq"):
        visitor.goto(f"{public}{address}")
        expect(visitor.locator("h1")).to_contain_text("zzzzqqq")
        expect(visitor.locator("main input[name=q]")).to_have_value("zzzzqqq")
        assert visitor.locator(ROWS).count() == 0
        expect(visitor.locator('main a[href="/services/"]').first).to_be_visible()
    visitor.goto(f"{public}/services/?q=zzzzqqq")
    assert visitor.locator('main a[href*="audience="]').count() == 8


@pytest.mark.parametrize(
    "address",
    ["/services/?q=%E5%B1%85%E4%BD%8F%E8%AF%81&channel=kiosk", "/services/SI-LG-004", "/workdays?from=2026-09-30&days=5&unit=working_day"],
)
def test_the_language_switch_stays_on_the_page_with_its_question(visitor: Page, public: Site, lang: str, address: str) -> None:
    visitor.goto(f"{public}{address}")
    assert (visitor.locator("html").get_attribute("lang") or "").startswith(lang)
    other = {"zh": "en", "en": "zh"}[lang]
    visitor.locator(f'header .tools a[hreflang^="{other}"]').click()
    expect(visitor.locator("html")).to_have_attribute("lang", re.compile(f"^{other}"))
    asked, stays = urlsplit(address), urlsplit(visitor.url)
    assert (stays.path, parse_qs(stays.query)) == (asked.path, parse_qs(asked.query))
    visitor.goto(str(public))
    expect(visitor.locator("html")).to_have_attribute("lang", re.compile(f"^{other}"))


def test_rare_characters_and_long_words_are_searched_without_a_fault(visitor: Page, public: Site) -> None:
    visitor.goto(f"{public}/services/")
    for words in ("㙓𠮷", "🏠🔑", "<script>alert(1)</script>", "%' OR 1=1 --", "字" * 100):
        visitor.locator("main input[name=q]").fill(words)
        visitor.keyboard.press("Enter")
        visitor.wait_for_url(re.compile("q="))
        expect(visitor.locator("main input[name=q]")).to_have_value(words)
        expect(visitor.locator("h1")).to_be_visible()
