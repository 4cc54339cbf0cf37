"""A community manager sets hours and a closure and takes a service off the station's list; visitors see it within two seconds."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import STATION, OpenBrowser, in_days, seen_soon
from tests.browser.server import Site

SAVE = "main form[method=post] button.btn-go[type=submit]"


def test_new_opening_hours_are_read_by_visitors_within_two_seconds(
    worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str
) -> None:
    opens, told = {"zh": ("09:15", "09:15"), "en": ("08:45", "08:45")}[lang]
    visitor = open_browser(desk, lang)
    visitor.goto(f"{desk}/stations/{STATION}")
    page = worker("manager", lang)
    page.goto(f"{desk}/desk/")
    page.locator("main a[href*='/desk/stations']").first.click()
    page.locator("main a[href*='/desk/stations/ST-RS']").first.click()
    page.locator("main a[href$='/hours']").click()
    page.locator("[name=d2_0_opens]").fill(opens)
    page.locator(SAVE).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    seen_soon(visitor, f"main:has-text('{told}')")


def test_half_a_stretch_of_hours_is_refused_at_its_field(worker: OpenBrowser, desk: Site, lang: str) -> None:
    page = worker("manager", lang)
    page.goto(f"{desk}/desk/stations/{STATION}/hours")
    page.locator("[name=d6_0_opens]").fill("10:00")
    page.locator(SAVE).click()
    expect(page.locator("main form [role=alert]")).to_be_visible()
    expect(page.locator("#d6_0_closes-error")).to_be_visible()
    expect(page.locator("[name=d6_0_opens]")).to_have_value("10:00")


def test_a_closure_is_announced_and_can_be_withdrawn(worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str) -> None:
    reason = {"zh": "水管坏了", "en": "Burst pipe"}[lang]
    visitor = open_browser(desk, lang)
    visitor.goto(f"{desk}/stations/{STATION}")
    page = worker("manager", lang)
    page.goto(f"{desk}/desk/stations/{STATION}")
    page.locator("main a[href$='/closures/new']").click()
    day, _words = in_days({"zh": 60, "en": 90}[lang])
    page.locator("[name=from_on]").fill(day)
    page.locator("[name=to_on]").fill("2026-01-01")
    page.locator("[name=reason_zh]").fill("水管坏了")
    page.locator("[name=reason_en]").fill("Burst pipe")
    page.locator(SAVE).click()
    expect(page.locator("main form [role=alert]")).to_be_visible()  # it would end before it begins
    expect(page.locator("[name=reason_zh]")).to_have_value("水管坏了")
    page.locator("[name=to_on]").fill(day)
    page.locator(SAVE).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    seen_soon(visitor, f"main .note:has-text('{reason}')")
    page.locator("main form[action*='/withdraw'] button").first.click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    seen_soon(visitor, f"main:not(:has-text('{reason}'))")


def test_a_service_taken_off_the_list_is_told_to_visitors_within_two_seconds(
    worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str
) -> None:
    code = {"zh": "SI-CL-001", "en": "SI-CL-002"}[lang]
    (item,) = desk.rows("SELECT id FROM service_item WHERE code = ?", code)[0]
    visitor = open_browser(desk, lang)
    visitor.goto(f"{desk}/services/{code}?place=440113010901")
    expect(visitor.locator("main .note-warn")).to_have_count(0)
    page = worker("manager", lang)
    page.goto(f"{desk}/desk/offers/{STATION}")
    page.locator(f"#offer-{item}").uncheck()
    page.locator(SAVE).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    seen_soon(visitor, "main .note-warn")
    visitor.goto(f"{desk}/services/?department=B-DEPT-CL&station=440113010901")
    assert visitor.locator(f"main a[href='/services/{code}']").count() == 0
    page.locator(f"#offer-{item}").check()
    page.locator(SAVE).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    visitor.goto(f"{desk}/services/{code}")
    seen_soon(visitor, "main:not(:has(.note-warn))")


def test_a_second_manager_of_the_same_station_is_told_and_sees_both(worker: OpenBrowser, desk: Site, lang: str) -> None:
    first, second = worker("manager", lang), worker("admin", lang)
    for page in (first, second):
        page.goto(f"{desk}/desk/stations/{STATION}/edit")
    kiosk = {"zh": "一号机", "en": "Machine one"}[lang]
    first.locator("[name=kiosk_en]").fill(kiosk)
    second.locator("[name=kiosk_en]").fill("Machine two")
    first.locator(SAVE).click()
    expect(first).to_have_url(re.compile(f"/desk/stations/{STATION}$"))
    second.locator(SAVE).click()
    expect(second.locator("main")).to_contain_text(kiosk)
    expect(second.locator("[name=kiosk_en]")).to_have_value("Machine two")
