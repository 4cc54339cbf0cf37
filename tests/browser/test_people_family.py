"""A family on one phone: a child is refused alone and registered by her mother, the code asks who it is, a device is signed out from afar."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import COMMUNITY, OpenBrowser
from tests.browser.people import have_notice, sent_code
from tests.browser.server import Site

GO = "main form .btn-go"
#: phone, mother, daughter, child: nobody else's in the demonstration
FAMILY = {
    "zh": ("138 2000 7741", "麦秀琼", "麦嘉欣", "麦小满"),
    "en": ("138 2000 7742", "Mak Sau King", "Mak Ka Yan", "Mak Siu Mun"),
}


@pytest.fixture
def notice(worker: OpenBrowser, desk: Site) -> None:
    have_notice(worker("admin", "zh"), desk)


def by_code(page: Page, site: Site, address: str, field: str, phone: str) -> None:
    """Ask for the six digits at this page and type them."""
    page.goto(f"{site}{address}")
    page.locator(f"[name={field}]").fill(phone)
    page.locator(f"form:has([name={field}]) {GO.removeprefix('main form ')}").click()
    page.locator("[name=code]").fill(sent_code(site))
    page.locator(GO).click()
    page.wait_for_url(lambda url: "/code/" not in url)


def register(page: Page, site: Site, phone: str, name: str, born: str, *, at_once: bool = True) -> None:
    """By phone and without a password; not at once: first empty, then with the birth day of a child, which are refused."""
    by_code(page, site, "/account/register", "p-phone", phone)
    if not at_once:
        page.locator(GO).click()  # empty: what is wrong is told in the order of the page
        expect(page.locator("main form [role=alert] li a").first).to_have_attribute("href", "#name")
    page.locator("[name=name]").fill(name)
    page.locator("[name=display]").fill(name)
    page.locator("[name=place]").select_option(COMMUNITY)
    page.locator("[name=agree]").check()
    if not at_once:
        page.locator("[name=birth_on]").fill("2015-05-04")
        page.locator(GO).click()
        expect(page.locator("#birth_on-error")).to_contain_text("14")
        expect(page.locator("[name=name]")).to_have_value(name)
        page.locator("[name=agree]").check()
    page.locator("[name=birth_on]").fill(born)
    page.locator(GO).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()


@pytest.mark.timeout(240)
def test_a_phone_of_two_and_a_child_without_one(open_browser: OpenBrowser, notice: None, desk: Site, lang: str) -> None:
    phone, mother, daughter, child = FAMILY[lang]
    first = open_browser(desk, lang)
    register(first, desk, phone, mother, "1958-03-08")
    register(open_browser(desk, lang), desk, phone, daughter, "1985-09-01", at_once=False)

    page = open_browser(desk, lang)
    by_code(page, desk, "/account/sign-in/phone", "phone", phone)
    expect(page.locator("[name=who]")).to_have_count(2)
    expect(page.locator("main")).not_to_contain_text(mother)  # each knows herself by a masked name
    page.locator(GO).click()
    expect(page.locator("main form [role=alert]")).to_be_visible()
    page.locator("[name=who]").first.check()
    page.locator(GO).click()
    page.goto(f"{desk}/account/")
    expect(page.locator("main .facts").first).to_contain_text(mother)

    page.locator("main a[href$='/account/children']").click()
    for field, words in {"name": child, "birth_on": "1990-05-04"}.items():
        page.locator(f"[name={field}]").fill(words)
    page.locator(GO).click()
    expect(page.locator("#agree-error")).to_be_visible()  # nothing is stored without her consent
    mothers_id = desk.rows("SELECT person_id FROM account WHERE name = ?", mother)[0][0]
    assert desk.rows("SELECT count(*) FROM representation WHERE representative_id = ?", mothers_id) == [(0,)]
    page.locator("[name=agree]").check()
    page.locator(GO).click()
    expect(page.locator("#birth_on-error")).to_be_visible()  # a grown-up agrees for himself
    page.locator("[name=birth_on]").fill("2015-05-04")
    page.locator(GO).click()
    expect(page.locator("main ul.rows > li")).to_have_count(1)
    expect(page.locator("main ul.rows > li")).to_contain_text(child)
    consents = "SELECT c.given_by_id FROM consent c JOIN representation r ON r.represented_id = c.person_id WHERE r.representative_id = ?"
    assert desk.rows(consents, mothers_id) == [(mothers_id,)], "the guardian agreed, not the child"

    page.goto(f"{desk}/account/")
    expect(page.locator("main form[action*='/account/sessions/'] button")).to_have_count(1)  # her own device has no button
    page.locator("main form[action*='/account/sessions/'] button").click()
    expect(page.locator("main form[action*='/account/sessions/']")).to_have_count(0)
    first.goto(f"{desk}/account/")
    first.wait_for_url(re.compile("/account/sign-in"))
