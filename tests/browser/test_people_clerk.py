"""A clerk with the keyboard alone: finds, records, verifies, fills a household, records a death after seeing what follows."""

from __future__ import annotations

import re

import pytest
import segno
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenBrowser
from tests.browser.people import colleague, make_person, press, tick, write
from tests.browser.server import Site
from tests.browser.test_axe import faults
from tests.support.people import resident_number

PERSON = re.compile(r"/desk/people/[\w-]{22}$")
GO = "main form .btn-go"
PAGES = ("/desk/people/", "/desk/people/new", "/desk/people/household/new", "/desk/people/merges/", "/desk/people/corrections/")


@pytest.fixture
def clerk(worker: OpenBrowser, desk: Site, lang: str) -> Page:
    return worker(colleague(desk, "clerk", "clerk"), lang)


def record_by_keys(page: Page, site: Site, name: str, number: str) -> None:
    """From the desk to the new person's page."""
    page.goto(f"{site}/desk/")
    press(page, "main a[href='/desk/people/']")
    page.wait_for_url(re.compile("/desk/people/$"))
    press(page, "main a[href$='/people/new']")
    page.wait_for_url(re.compile("/people/new$"))
    expect(page.locator("[name=name]")).to_be_focused()
    page.keyboard.type(name)
    write(page, "document_number", number)
    tick(page, "document_checked")
    write(page, "home_words", "榕荫里 1 201")
    press(page, f"{GO}:not([name=step])")
    page.wait_for_url(PERSON)


def test_a_clerk_finds_records_and_verifies_without_a_mouse(clerk: Page, desk: Site, lang: str) -> None:
    name, order = {"zh": ("司马光华", 401), "en": ("Sima Guanghua", 403)}[lang]
    record_by_keys(clerk, desk, name, resident_number("1949-10-11", order))
    her_page = clerk.url
    expect(clerk.locator("main")).to_contain_text("1949")
    expect(clerk.locator("main")).not_to_contain_text("19491011")  # masked
    press(clerk, "main a[href$='/verify']")
    tick(clerk, "document")
    tick(clerk, "seen")
    tick(clerk, "home_right")
    press(clerk, GO)
    clerk.wait_for_url(her_page)
    expect(clerk.locator(".flashes .note-good")).to_be_visible()
    expect(clerk.locator("main .meta .tag, main .meta [class*=status]").first).to_be_visible()
    clerk.goto(f"{desk}/desk/people/")
    expect(clerk.locator("[name=words]")).to_be_focused()
    clerk.keyboard.type(name[:2])
    clerk.keyboard.press("Enter")
    clerk.wait_for_url(re.compile("asked="))
    assert name not in clerk.url
    press(clerk, f"main table a[href='{her_page.removeprefix(str(desk))}']")
    clerk.wait_for_url(her_page)


def test_the_same_person_typed_twice_leads_to_her_row(clerk: Page, desk: Site, lang: str) -> None:
    name, order = {"zh": ("上官云珠", 411), "en": ("Shangguan Yunzhu", 413)}[lang]
    number = resident_number("1952-03-01", order)
    record_by_keys(clerk, desk, name, number)
    her_page = clerk.url
    clerk.goto(f"{desk}/desk/people/new")
    expect(clerk.locator("[name=name]")).to_be_focused()
    clerk.keyboard.type(name)
    write(clerk, "document_number", number)
    press(clerk, f"{GO}:not([name=step])")
    expect(clerk.locator("main form [role=alert]")).to_be_visible()
    expect(clerk.locator("[name=name]")).to_have_value(name)  # nothing typed is lost
    if clerk.locator("[name=sure]").count():
        tick(clerk, "sure")
        press(clerk, f"{GO}:not([name=step])")
    press(clerk, f"main a[href='{her_page.removeprefix(str(desk))}']")
    clerk.wait_for_url(her_page)


def test_a_household_in_one_go_is_all_or_nothing(clerk: Page, desk: Site, lang: str) -> None:
    head, child, order = {"zh": ("尉迟敬", "尉迟小满", 421), "en": ("Yuchi Jing", "Yuchi Xiaoman", 423)}[lang]
    number = resident_number("1980-02-03", order)
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    before = desk.rows("SELECT count(*) FROM person")
    clerk.goto(f"{desk}/desk/people/household/new")
    write(clerk, "home_words", "榕荫里 1 202")
    write(clerk, "p1_name", head)
    write(clerk, "p1_document_number", wrong)
    write(clerk, "p2_name", child)
    write(clerk, "p2_birth_on", "20150607")
    press(clerk, f"{GO}:not([name=step])")
    expect(clerk.locator("main form [role=alert]")).to_be_visible()
    expect(clerk.locator("[name=p2_name]")).to_have_value(child)
    assert desk.rows("SELECT count(*) FROM person") == before
    write(clerk, "p1_document_number", number)
    press(clerk, f"{GO}:not([name=step])")
    clerk.wait_for_url(lambda url: "/household/new" not in url)
    for each in (head, child):
        expect(clerk.locator("main")).to_contain_text(each)


def test_what_follows_from_a_death_is_shown_before_it_happens(clerk: Page, desk: Site, lang: str) -> None:
    name, order = {"zh": ("夏侯渊明", 431), "en": ("Xiahou Yuanming", 433)}[lang]
    record_by_keys(clerk, desk, name, resident_number("1931-08-09", order))
    her_page = clerk.url
    press(clerk, "main a[href$='/card']")
    press(clerk, "main form[action$='/card'] button, main form .btn-go")
    clerk.goto(her_page)
    press(clerk, "main a[href$='/death']")
    press(clerk, GO)
    expect(clerk.locator("#h-follows")).to_be_visible()
    assert clerk.locator("main ul.rows > li").count() >= 1, "her card dies, and the page says so"
    (died,) = desk.rows("SELECT died_on FROM person WHERE uid = ?", her_page.rsplit("/", 1)[1])[0]
    assert died is None, "nothing has happened yet"
    press(clerk, "main button[value=do]")
    clerk.wait_for_url(her_page)
    (died,) = desk.rows("SELECT died_on FROM person WHERE uid = ?", her_page.rsplit("/", 1)[1])[0]
    assert died is not None
    assert clerk.locator("main a[href$='/death']").count() == 0
    press(clerk, "main a[href$='/undo-death']")
    press(clerk, GO)
    if clerk.locator("main button[value=do]").count():
        press(clerk, "main button[value=do]")
    clerk.wait_for_url(her_page)
    expect(clerk.locator("main a[href$='/death']")).to_have_count(1)


def test_a_printed_card_is_replaced_when_it_is_lost(clerk: Page, desk: Site, open_browser: OpenBrowser, lang: str) -> None:
    """On paper: name, number, picture, address, and nothing else of the page; the picture is the address; the old card dies at once."""
    name = {"zh": "令狐佩瑶", "en": "Linghu Pui Yiu"}[lang]
    her_page = make_person(clerk, desk, name)
    clerk.goto(f"{her_page}/card")
    clerk.locator("main form[action$='/card'] button").click()
    clerk.emulate_media(media="print")
    expect(clerk.locator("main .member-card")).to_contain_text(name)
    expect(clerk.locator("main .member-card .number")).to_have_text(
        str(desk.rows("SELECT number FROM person WHERE uid = ?", her_page.rsplit("/", 1)[1])[0][0])
    )
    for button in clerk.locator("button, main a").all():
        expect(button).to_be_hidden()
    box = clerk.locator("main .member-card img").bounding_box()
    card = clerk.locator("main .member-card").bounding_box()
    assert box is not None
    assert card is not None
    assert (round(card["width"] * 25.4 / 96, 1), round(card["height"] * 25.4 / 96)) == (85.6, 54), "a purse takes a card of this size"
    assert min(box["width"], box["height"]) * 25.4 / 96 >= 20, "a phone reads a code of 2 cm"
    first = clerk.locator("main .member-card .qr p").inner_text().strip()
    assert clerk.locator("main .member-card img").get_attribute("src") == segno.make(first, error="m").svg_data_uri(scale=4, border=2)
    clerk.emulate_media(media="null")
    finder = open_browser(desk, lang)
    finder.goto(first)
    expect(finder.locator("main .tag-good")).to_be_visible()
    expect(finder.locator("main")).not_to_contain_text(name)
    clerk.locator("main form[action$='/card'] button").click()
    second = clerk.locator("main .member-card .qr p").inner_text().strip()
    assert second != first
    assert finder.goto(first).status == 404  # type: ignore[union-attr]
    assert finder.goto(second).status == 200  # type: ignore[union-attr]


def test_two_rows_are_merged_by_two_people(clerk: Page, worker: OpenBrowser, desk: Site, lang: str) -> None:
    name = {"zh": "独孤信之", "en": "Dugu Xinzhi"}[lang]
    one = make_person(clerk, desk, name)
    clerk.goto(f"{desk}/desk/people/new")
    for field, words in {"name": name, "birth_on": "1957-06-02"}.items():
        clerk.locator(f"[name={field}]").fill(words)
    clerk.locator(f"{GO}:not([name=step])").last.click()
    expect(clerk.locator("[name=sure]")).to_be_visible()  # an equal name and year is shown before a second row is made
    clerk.locator("[name=sure]").check()
    clerk.locator(f"{GO}:not([name=step])").last.click()
    clerk.wait_for_url(PERSON)
    two, number = clerk.url, desk.rows("SELECT number FROM person WHERE uid = ?", clerk.url.rsplit("/", 1)[1])[0][0]
    clerk.goto(f"{one}/merge")
    clerk.locator("[name=other]").fill(str(number))
    clerk.locator(GO).click()
    clerk.locator("[name=survivor]").first.check()
    clerk.locator("[name=reason]").fill("同一个人登记了两次")
    clerk.locator(GO).click()
    clerk.locator("main button[value=do]").click()
    clerk.wait_for_url(re.compile("/merges/"))
    merge = clerk.url
    assert clerk.locator("main form[action$='/approve']").count() == 0, "who asked does not decide"
    other = worker(colleague(desk, "clerk2", "clerk"), "en")
    other.goto(merge)
    other.locator("main form[action$='/approve'] button").click()
    expect(other.locator(".flashes .note-good")).to_be_visible()
    clerk.goto(two)
    expect(clerk.locator(f"main a[href='{one.removeprefix(str(desk))}']").first).to_be_visible()


def test_axe_finds_nothing_grave_on_the_pages_of_people(clerk: Page, desk: Site, lang: str) -> None:
    her_page = make_person(clerk, desk, {"zh": "长孙无忌", "en": "Zhangsun Wuji"}[lang], phone="13820007799")
    own = [her_page.removeprefix(str(desk)) + end for end in ("", "/edit", "/verify", "/card", "/death", "/move", "/birth", "/show/phone")]
    found = []
    for address in (*PAGES, *own):
        clerk.goto(f"{desk}{address}")
        found += faults(clerk)
    assert found == []
