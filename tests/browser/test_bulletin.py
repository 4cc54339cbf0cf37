"""A community manager: an urgent announcement at once in one language, a posting with an objection and its answer, handing over."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import COMMUNITY, OpenBrowser, seen_soon
from tests.browser.people import colleague
from tests.browser.server import Site
from tests.browser.test_axe import faults

GO = "main form .btn-go"
PAGES = (
    "/desk/bulletin/",
    "/desk/bulletin/new",
    "/desk/bulletin/translations",
    "/desk/postings/",
    "/desk/postings/new",
    "/desk/postings/objections",
)


def test_what_is_urgent_stands_on_every_page_at_once(worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str) -> None:
    title = {"zh": "三栋燃气泄漏，请立即离开", "en": "五栋水管爆裂，今晚停水"}[lang]
    reader = open_browser(desk, lang)
    reader.goto(f"{desk}/services/?place={COMMUNITY}")
    page = worker("manager", lang)
    page.goto(f"{desk}/desk/bulletin/new")
    page.locator("[name=place]").select_option(COMMUNITY)
    page.locator("[name=title_zh]").fill(title)
    page.locator("[name=body_zh]").fill("请听从工作人员安排。")
    page.locator(GO).click()
    page.wait_for_url(re.compile(r"/desk/bulletin/[\w-]{22}$"))
    page.locator("main form[action$='/publish'] button").click()
    expect(page.locator("main form [role=alert], main [role=alert]").first).to_be_visible()  # English is missing, and it is not urgent
    page.locator("main a[href$='/edit']").first.click()
    page.locator("[name=is_urgent]").check()
    page.locator(GO).click()
    page.locator("main form[action$='/publish'] button").click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    own = page.url
    seen_soon(reader, f".note-bad:has-text('{title}')")
    reader.locator(f".note-bad a:has-text('{title}')").click()
    expect(reader.locator("h1")).to_contain_text(title)
    assert list(faults(reader)) == []
    reader.goto(f"{desk}/workdays")
    expect(reader.locator(f".note-bad:has-text('{title}')")).to_be_visible()
    page.goto(f"{desk}/desk/bulletin/translations")
    expect(page.locator("main")).to_contain_text(title)
    page.goto(own)
    page.locator("main form[action$='/withdraw'] button").click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    seen_soon(reader, f"body:not(:has(.note-bad:has-text('{title}')))")


def put_up(page: Page, site: Site, titles: tuple[str, str]) -> str:
    """Write a posting and put it up; returns its address at the desk."""
    page.goto(f"{site}/desk/postings/new")
    page.locator("[name=place]").select_option(COMMUNITY)
    words = {
        "title_zh": titles[0],
        "title_en": titles[1],
        "body_zh": "名单贴在公示栏。",
        "body_en": "The list hangs on the board.",
        "days": "5",
    }
    for name, value in words.items():
        page.locator(f"[name={name}]").fill(value)
    page.locator(GO).click()
    page.wait_for_url(re.compile(r"/desk/postings/[\w-]{22}$"))
    address = page.url
    page.locator("main form[action$='/put-up'] button").click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    return address


def test_an_objection_is_answered_in_public_and_names_nobody(worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str) -> None:
    page, reader = worker("manager", lang), open_browser(desk, lang)
    own = put_up(page, desk, {"zh": ("加装电梯公示甲", "Lift in building A"), "en": ("加装电梯公示乙", "Lift in building B")}[lang])
    (number,) = desk.rows("SELECT number FROM posting WHERE uid = ?", own.rsplit("/", 1)[1])[0]
    reader.goto(f"{desk}/bulletin/?place={COMMUNITY}")
    reader.goto(f"{desk}/bulletin/postings/{number}")
    assert list(faults(reader)) == []
    reader.locator("main a[href$='/object']").first.click()
    reader.locator("[name=text]").fill("三楼挡光，量过没有？")
    reader.locator("[name=name]").fill("钟离权")
    reader.locator("[name=contact]").fill("13820007733")
    assert list(faults(reader)) == []
    reader.locator(GO).click()
    reader.wait_for_url(re.compile("/objections/"))
    expect(reader.locator("main")).not_to_contain_text("钟离权")
    page.goto(own)
    page.locator("main a[href*='/objections/']").first.click()
    expect(page.locator("main")).to_contain_text("钟离权")
    page.locator("[name=answer_zh]").fill("已经量过，符合规定。")
    page.locator("[name=answer_en]").fill("It was measured and fits the rule.")
    page.locator(GO).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    reader.goto(f"{desk}/bulletin/postings/{number}")
    seen_soon(reader, f"main:has-text('{ {'zh': '符合规定', 'en': 'fits the rule'}[lang] }')")
    for private in ("钟离权", "13820007733", "三楼挡光"):
        expect(reader.locator("main")).not_to_contain_text(private)


def test_taken_down_early_the_clock_begins_anew(worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str) -> None:
    page, reader = worker("manager", lang), open_browser(desk, lang)
    own = put_up(page, desk, {"zh": ("停车位公示甲", "Parking A"), "en": ("停车位公示乙", "Parking B")}[lang])
    (number,) = desk.rows("SELECT number FROM posting WHERE uid = ?", own.rsplit("/", 1)[1])[0]
    page.locator("main a[href$='/take-down']").click()
    expect(page.locator("main .note-warn:not([hidden])")).to_be_visible()
    page.locator("[name=why]").fill("名单里有一处写错")
    page.locator(GO).click()
    expect(page.locator("main form[action$='/put-up'] button")).to_be_visible()
    reader.goto(f"{desk}/bulletin/postings/{number}")
    seen_soon(reader, "main:has-text('名单里有一处写错')")
    page.locator("main form[action$='/put-up'] button").click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    assert len(desk.rows("SELECT r.id FROM posting_run r JOIN posting p ON p.id = r.posting_id WHERE p.number = ?", number)) == 2


@pytest.mark.timeout(180)
def test_the_open_work_of_a_leaving_colleague_is_shown_and_handed_over(worker: OpenBrowser, desk: Site, lang: str) -> None:
    leaving, staying = colleague(desk, f"leaving.{lang}", "manager"), colleague(desk, f"staying.{lang}", "manager")
    title = {"zh": "泳池开放公示", "en": "泳池改造公示"}[lang]
    put_up(worker(leaving, lang, fresh=True), desk, (title, f"Swimming pool {lang}"))
    ((uid, grant),) = desk.rows("SELECT a.uid, g.id FROM account a JOIN account_grant g ON g.account_id = a.id WHERE a.login = ?", leaving)
    page = worker("admin", lang)
    page.goto(f"{desk}/desk/accounts/{uid}/grants/{grant}/end")
    assert list(faults(page)) == []
    expect(page.locator("#h-work")).to_be_visible()
    page.locator(GO).click()
    expect(page.locator("main form [role=alert]")).to_be_visible()  # nothing is left without somebody
    ((other,),) = desk.rows("SELECT uid FROM account WHERE login = ?", staying)
    page.locator("[name=colleague]").select_option(str(other))
    page.locator(GO).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    ((owner,),) = desk.rows("SELECT a.login FROM posting p JOIN account a ON a.id = p.account_id WHERE p.title_zh = ?", title)
    assert owner == staying


def test_axe_finds_nothing_grave_on_the_pages_of_the_bulletin(worker: OpenBrowser, desk: Site, lang: str) -> None:
    page, found = worker("manager", lang), []
    for address in (*PAGES, "/bulletin/", "/bulletin/subscribe"):
        page.goto(f"{desk}{address}")
        found += faults(page)
    assert found == []
