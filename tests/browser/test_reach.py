"""Everybody reaches everything: keyboard alone, no script, 320 px, 400 % zoom, big fingers."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import COMMUNITY, OpenBrowser, tab_to
from tests.browser.pages import MAIN, choose
from tests.browser.server import Site

#: what sticks out to the right, by name; parts that scroll by themselves (wide tables) are allowed to be wider inside
WIDER = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = e => { for (let p = e.parentElement; p; p = p.parentElement) if (/(auto|scroll|hidden|clip)/.test(getComputedStyle(p).overflowX)) return true; return false; };
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.body.querySelectorAll('*')]
    .filter(e => { const r = e.getBoundingClientRect(); return r.width && r.right > width + 1 && !scrolls(e); })
    .slice(0, 5).map(e => e.tagName + '.' + e.className + ' ' + Math.round(e.getBoundingClientRect().right));
}"""
#: targets smaller than `least`: links inside a text are allowed (WCAG 2.5.8), so are hidden ones and what stands under a label
SMALL = """least => {
  const inText = e => {
    if (e.tagName !== 'A') return false;
    const block = e.closest('p, li, dd, td, h1, h2, h3, figcaption, summary');
    return block !== null && [...block.childNodes].some(n => n.nodeType === 3 && n.data.trim().length > 1);
  };
  return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')].filter(e => {
    const box = e.getBoundingClientRect();
    if (!box.width || !e.checkVisibility({visibilityProperty: true}) || e.classList.contains('skip')) return false;
    const label = e.labels && [...e.labels].reduce((most, l) => Math.max(most, l.getBoundingClientRect().height), 0);
    const height = Math.max(box.height, /radio|checkbox/.test(e.type || '') ? label : 0);
    return height < least - 0.5 && !inText(e);
  }).map(e => `${e.tagName} ${(e.textContent || e.name || '').trim().slice(0, 30)} ${Math.round(e.getBoundingClientRect().height)}`);
}"""


@pytest.mark.parametrize("mode", ["", "elder"])
def test_nothing_scrolls_sideways_at_320_pixels(open_browser: OpenBrowser, public: Site, lang: str, mode: str) -> None:
    page = open_browser(public, lang)
    page.set_viewport_size({"width": 320, "height": 640})
    choose(page, public, mode=mode, place=COMMUNITY)
    found = {}
    for address in MAIN:
        page.goto(f"{public}{address}")
        if wide := page.evaluate(WIDER):
            found[address] = wide
    assert found == {}


def test_nothing_scrolls_sideways_at_400_percent(open_browser: OpenBrowser, public: Site, lang: str) -> None:
    """A window of 1280 × 1024 enlarged four times shows 320 × 256 CSS pixels, each as four of the screen's."""
    page = open_browser(public, "en", viewport={"width": 320, "height": 256}, device_scale_factor=4)
    choose(page, public, lang=lang)
    for address in MAIN:
        page.goto(f"{public}{address}")
        assert page.evaluate(WIDER) == [], address
        expect(page.locator("h1")).to_be_attached()


@pytest.mark.parametrize(("mode", "least"), [("", 44), ("elder", 60)])
def test_what_one_touches_is_big_enough(open_browser: OpenBrowser, public: Site, lang: str, mode: str, least: int) -> None:
    page = open_browser(public, "zh")
    choose(page, public, mode=mode, place=COMMUNITY, lang=lang)
    found = {}
    for address in MAIN:
        page.goto(f"{public}{address}")
        if small := page.evaluate(SMALL, least):
            found[address] = small
    assert found == {}


def test_the_keyboard_alone_finds_opens_and_reads_a_service(open_browser: OpenBrowser, public: Site) -> None:
    page = open_browser(public, "en")
    page.goto(str(public))
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    tab_to(page, "main input[name=q]", 3)
    page.keyboard.type("residence permit")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q="))
    tab_to(page, "main h3 a[href$='SI-LG-004']")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("SI-LG-004"))
    tab_to(page, "details.why summary")
    outline = page.evaluate(
        "() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]; }"
    )
    assert outline[0] != "none", "the focus must be seen"
    assert outline[1] >= 2
    page.keyboard.press("Enter")
    expect(page.locator("ol.days > li").first).to_be_visible()


def test_every_stop_of_the_tab_key_is_seen_and_in_reading_order(visitor: Page, public: Site) -> None:
    visitor.goto(f"{public}/services/SI-LG-004")
    tops: list[int] = []
    seen: set[str] = set()
    for _ in range(40):
        visitor.keyboard.press("Tab")
        stop = visitor.evaluate(
            """() => { const e = document.activeElement; if (e === document.body) return null; const r = e.getBoundingClientRect(), s = getComputedStyle(e);
            return [e.outerHTML.slice(0, 120), r.width * r.height, r.top + scrollY, s.outlineStyle, e.closest('header, .skip') ? 0 : e.closest('footer') ? 2 : 1]; }"""
        )
        if stop is None or (tops and stop[4] == 0 and stop[0] in seen):
            break
        seen.add(stop[0])
        assert stop[1] > 0, f"hidden but focused: {stop[0]}"
        assert stop[3] != "none", f"no outline: {stop[0]}"
        tops.append(stop[4])
    assert tops == sorted(tops), "header, text, footer"
    assert {0, 1, 2} <= set(tops)


@pytest.mark.parametrize("words", ["jzz"])
def test_without_scripts_one_searches_and_reads_all_the_same(open_browser: OpenBrowser, public: Site, lang: str, words: str) -> None:
    page = open_browser(public, lang, java_script_enabled=False)
    page.goto(str(public))
    page.locator("main input[name=q]").fill(words)
    page.locator("main form[role=search] button").click()
    page.locator("main h3 a[href$='SI-LG-004']").first.click()
    assert urlsplit(page.url).path == "/services/SI-LG-004"
    expect(page.locator(".bring > li")).to_have_count(5)
    page.locator("details.why summary").click()
    expect(page.locator("ol.days > li").first).to_be_visible()
    for dead in ("print-page", "read-aloud"):  # buttons that would do nothing are not shown
        for each in page.locator(f"[data-behaviour={dead}]").all():
            expect(each).to_be_hidden()
    page.goto(f"{public}/workdays")
    page.locator("[name=days]").fill("7")
    page.locator("main form button").click()
    expect(page.locator("#h-end")).to_be_visible()


def test_motion_is_reduced_for_whoever_asks(open_browser: OpenBrowser, public: Site) -> None:
    page = open_browser(public, "en")
    page.emulate_media(reduced_motion="reduce")
    page.goto(str(public))
    moving = page.evaluate(
        "() => [...document.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration.split(',').some(d => parseFloat(d) > 0.001)).length"
    )
    assert moving == 0
