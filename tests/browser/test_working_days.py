"""A visitor asks which day is n working days from a day, and reads why; a mistake keeps what was typed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import Site


def count(page: Page, site: Site, start: str, days: str, unit: str = "working_day") -> None:
    page.goto(f"{site}/workdays")
    page.locator("[name=from]").fill(start)
    page.locator("[name=days]").fill(days)
    page.locator(f"[name=unit][value={unit}]").check()
    page.locator("main form button[type=submit]").click()
    page.wait_for_url(lambda url: "days=" in url)


@pytest.mark.parametrize(
    ("start", "days", "unit", "zh", "en"),
    [
        ("2026-09-30", "5", "working_day", "2026年10月13日", "13 Oct 2026"),
        ("2026-02-13", "5", "working_day", "2026年2月27日", "27 Feb 2026"),
        ("2026-09-24", "15", "calendar_day", "2026年10月9日", "9 Oct 2026"),
    ],
)
def test_the_day_it_ends_and_why(visitor: Page, public: Site, lang: str, start: str, days: str, unit: str, zh: str, en: str) -> None:
    count(visitor, public, start, days, unit)
    expect(visitor.locator("#h-end")).to_contain_text({"zh": zh, "en": en}[lang])
    if start == "2026-09-30":
        strip = visitor.locator("ol.days > li")
        assert [item.get_attribute("class") for item in strip.all()] == ["off"] * 7 + ["counted"] * 2 + ["made-up", "off", "counted", "end"]
        visitor.locator("details.why summary").click()
        expect(visitor.locator("details.why li")).to_have_count(8)
        expect(visitor.locator("details.why li").first).to_contain_text({"zh": "国庆", "en": "National Day"}[lang])


def test_a_year_without_a_decree_is_marked_provisional(visitor: Page, public: Site, lang: str) -> None:
    count(visitor, public, "2095-01-03", "5")
    expect(visitor.locator("main .note-warn")).to_contain_text({"zh": "暂", "en": "Provisional"}[lang])


def test_a_wrong_number_is_explained_at_the_field_and_at_the_top_and_kept(visitor: Page, public: Site) -> None:
    count(visitor, public, "2026-09-30", "five and a half")
    expect(visitor.locator("[name=days]")).to_have_value("five and a half")
    expect(visitor.locator("[name=from]")).to_have_value("2026-09-30")
    expect(visitor.locator("main [role=alert] a[href='#f-days']")).to_be_visible()
    expect(visitor.locator("#e-days")).to_be_visible()
    visitor.locator("main [role=alert] a[href='#f-days']").click()
    expect(visitor.locator("[name=days]")).to_be_focused()
