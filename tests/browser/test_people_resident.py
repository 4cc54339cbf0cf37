"""A resident on her own: registers by phone or mail, reads what is stored about her, asks for a correction, finds the answer."""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import COMMUNITY, OpenBrowser, sign_in
from tests.browser.pages import choose
from tests.browser.people import OWN_PASSWORD, colleague, have_notice, make_person, sent_code, sent_link
from tests.browser.server import Site
from tests.browser.test_axe import faults

PHONE, MAIL = "138 2000 7711", "meihua.lin@example.cn"
NAMES = {"zh": "林美华", "en": "Lin Meihua"}
OWN_PAGES = ("/account/", "/account/data", "/account/card", "/account/contacts", "/account/corrections", "/inbox", "/inbox/channels")


@pytest.fixture(autouse=True)
def notice(worker: OpenBrowser, desk: Site) -> None:
    have_notice(worker("admin", "zh"), desk)


def fill_in(page: Page, lang: str, login: str) -> None:
    """The form that ends every way of registering."""
    words = {"name": NAMES[lang], "birth_on": "1956-03-08", "display": "阿华", "login": login}
    for name, value in {**words, "new_password": OWN_PASSWORD, "again_password": OWN_PASSWORD}.items():
        if page.locator(f"[name={name}]").count():
            page.locator(f"[name={name}]").fill(value)
    if page.locator("[name=place]").count():
        page.locator("[name=place]").select_option(COMMUNITY)
    page.locator("[name=agree]").check()
    page.locator("main form .btn-go").click()
    expect(page.locator(".flashes .note-good")).to_be_visible()


def register(page: Page, site: Site, lang: str, login: str) -> None:
    """Chinese by phone, English by mail; signed in at its end."""
    page.goto(f"{site}/account/sign-in")
    page.locator("main a[href*='/account/register']").first.click()
    if lang == "zh":
        page.locator("[name=p-phone]").fill(PHONE)
        page.locator("main form[action$='/register/phone'] button").click()
        page.locator("[name=code]").fill("000000" if sent_code(site) != "000000" else "111111")
        page.locator("main form .btn-go").click()
        expect(page.locator("#code-error")).to_be_visible()
        page.locator("[name=code]").fill(sent_code(site))
        page.locator("main form .btn-go").click()
    else:
        page.locator("[name=m-mail]").fill(MAIL)
        page.locator("main form[action$='/register/mail'] button").click()
        page.wait_for_url(re.compile("mail-sent"))
        page.goto(f"{site}{sent_link(site, '/account/register/')}")
    fill_in(page, lang, login)


def show_that_it_is_you(page: Page) -> None:
    if "/account/confirm" in page.url:
        page.locator("[name=current_password]").fill(OWN_PASSWORD)
        page.locator("main form[action$='/confirm'] .btn-go").click()
        page.wait_for_url(lambda url: "/account/confirm" not in url)


def looked_at_by_axe(mode: str, lang: str) -> bool:
    """Each page once: large letters on the phone, plain ones at the desk; both at both under --long."""
    return os.environ.get("CIVIC_TEST_LONG") == "1" or (mode == "elder") == (lang == "zh")


@pytest.mark.timeout(240)
def test_a_resident_registers_and_sees_everything_that_is_stored(open_browser: OpenBrowser, desk: Site, lang: str) -> None:
    page, login = open_browser(desk, lang), f"meihua.{lang}"
    register(page, desk, lang, login)
    page.goto(f"{desk}/account/data")
    show_that_it_is_you(page)
    expect(page.locator("main")).to_contain_text(NAMES[lang])
    with page.expect_download() as download:
        page.locator("main a[href$='/account/data.json']").click()
    assert NAMES[lang] in download.value.path().read_text(encoding="utf-8")
    page.goto(f"{desk}/account/")
    page.locator("main a[href$='/account/card']").click()
    page.locator("main form[action$='/account/card'] button").click()
    expect(page.locator("main img[src^='data:image']")).to_be_visible()
    found = []
    for mode in ("", "elder"):
        choose(page, desk, mode=mode)
        for address in OWN_PAGES:
            page.goto(f"{desk}{address}")
            if looked_at_by_axe(mode, lang):
                found += faults(page)
            if mode == "elder":
                assert float(page.locator("main p").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 24, address
    assert found == []
    page.goto(f"{desk}/account/?mode=plain")
    page.locator("main form[action$='/sign-out'] button").click()
    sign_in(page, desk, login, OWN_PASSWORD)
    page.goto(f"{desk}/account/")
    expect(page.locator("main")).to_contain_text(login)


@pytest.mark.timeout(240)
def test_who_looked_and_what_was_answered_stands_on_her_own_page(
    open_browser: OpenBrowser, worker: OpenBrowser, desk: Site, lang: str
) -> None:
    """The clerk opens her page and one number with a reason; she asks for a correction and finds the answer in her inbox."""
    clerk = worker(colleague(desk, "clerk", "clerk"), "en", fresh=True)
    name, login = {"zh": "方静仪", "en": "Fong Jing Yi"}[lang], f"jingyi.{lang}"
    her_page = make_person(clerk, desk, name, phone={"zh": "13820007721", "en": "13820007722"}[lang])
    slip = slip_of(clerk, her_page)
    page = open_browser(desk, lang)
    register_with_slip(page, desk, slip, login)
    page.goto(f"{desk}/account/corrections")
    page.locator("[name=topic]").select_option("name")
    page.locator("[name=wish]").fill("第二个字应是“婧”")
    page.locator("main form .btn-go").click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    clerk.goto(f"{her_page}/show/phone")
    clerk.locator("[name=purpose]").select_option("call")
    clerk.locator("main form .btn-go").click()
    expect(clerk.locator("main form [role=alert]")).to_be_visible()  # no reason, nothing shown
    expect(clerk.locator("main")).not_to_contain_text("0007722" if lang == "en" else "0007721")
    clerk.locator("[name=reason]").fill("回电话问名字怎么写")
    clerk.locator("main form .btn-go").click()
    expect(clerk.locator("main")).to_contain_text("20007722" if lang == "en" else "20007721")
    clerk.goto(her_page)
    clerk.locator("main a[href*='/desk/people/corrections/']").first.click()
    clerk.locator("[name=state]").first.check()
    clerk.locator("[name=answer]").fill("已经改好")
    clerk.locator("main form .btn-go").click()
    expect(clerk.locator(".flashes .note-good")).to_be_visible()
    page.goto(f"{desk}/account/data")
    show_that_it_is_you(page)
    for told in ("回电话问名字怎么写", "已经改好", "第二个字应是"):
        expect(page.locator("main")).to_contain_text(told)
    looks = page.locator("section[aria-labelledby=h-looks] li")
    asked = looks.filter(has_text="回电话问名字怎么写")
    expect(asked).to_have_count(1)
    expect(asked.locator("b")).to_have_text(re.compile("榕树社区|Rongshu"))  # by which right
    assert looks.count() > 1, "opening her page was a look too"
    page.goto(f"{desk}/inbox")
    page.locator("main h2 a").first.click()
    expect(page.locator("main")).to_contain_text("已经改好")


def slip_of(clerk: Page, her_page: str) -> str:
    """The signs of a slip that the clerk prints for the person of this page."""
    clerk.goto(her_page)
    clerk.locator("main a[href*='/desk/account-slips/new']").click()
    clerk.locator("main form .btn-go").click()
    return clerk.locator("main code").inner_text()


def register_with_slip(page: Page, site: Site, slip: str, login: str) -> None:
    page.goto(f"{site}/account/register")
    page.locator("[name=s-slip]").fill(slip.upper())
    page.locator("main form[action$='/register/slip'] button").click()
    fill_in(page, "zh", login)


@pytest.mark.timeout(180)
def test_without_mail_and_phone_a_slip_from_the_desk_opens_an_account(
    open_browser: OpenBrowser, worker: OpenBrowser, desk: Site, lang: str
) -> None:
    clerk = worker(colleague(desk, "clerk", "clerk"), "zh", fresh=True)
    name = {"zh": "关婉冰", "en": "Kwan Yuen Bing"}[lang]
    slip = slip_of(clerk, make_person(clerk, desk, name))
    clerk.emulate_media(media="print")
    expect(clerk.locator("main .noprint").first).to_be_hidden()
    expect(clerk.locator("main code")).to_be_visible()
    expect(clerk.locator("main img")).to_be_visible()
    clerk.emulate_media(media="null")
    assert list(faults(clerk)) == []
    page = open_browser(desk, lang)
    register_with_slip(page, desk, slip, f"bing.{lang}")
    page.goto(f"{desk}/account/data")
    show_that_it_is_you(page)
    expect(page.locator("main")).to_contain_text(name)
    other = open_browser(desk, "en")
    other.goto(f"{desk}/account/register")
    other.locator("[name=s-slip]").fill(slip)
    other.locator("main form[action$='/register/slip'] button").click()
    expect(other.locator("main form [role=alert]")).to_be_visible()  # it works once
