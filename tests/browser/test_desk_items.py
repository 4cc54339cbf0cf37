"""A department's handler edits a service: new version, everyday words, two editors, slips of the hand, an ended session."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenBrowser, in_days, seen_soon, sign_in
from tests.browser.server import Site

SAVE = "main form[method=post] button.btn-go[type=submit]"
#: every test has services of its own, so that none waits for another
MINE = {
    "word": {"zh": "SI-LG-001", "en": "SI-LG-002"},
    "later": {"zh": "SI-LG-003", "en": "SI-LG-011"},
    "wrong": {"zh": "SI-LG-005", "en": "SI-LG-005"},
    "both": {"zh": "SI-LG-006", "en": "SI-LG-007"},
    "twice": {"zh": "SI-LG-008", "en": "SI-LG-009"},
    "ended": {"zh": "SI-LG-010", "en": "SI-LG-012"},
}


def versions(site: Site, code: str) -> int:
    statement = "SELECT count(*) FROM service_item_version v JOIN service_item i ON i.id = v.item_id WHERE i.code = ?"
    return int(str(site.rows(statement, code)[0][0]))


def open_form(page: Page, site: Site, code: str) -> None:
    page.goto(f"{site}/desk/items/")
    page.locator(f"main h3 a[href='/desk/items/{code}']").click()
    expect(page.locator("[name=name_zh]")).to_be_visible()


def save(page: Page) -> None:
    page.locator(SAVE).click()


def test_an_everyday_word_that_a_handler_adds_is_found_at_once(
    worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str
) -> None:
    code, word = MINE["word"][lang], {"zh": "琉璃簿子", "en": "bluepaper"}[lang]
    visitor = open_browser(desk, lang)
    visitor.goto(f"{desk}/services/?q={word}")
    assert visitor.locator("main .rows-side h3 a").count() == 0
    page = worker("handler", lang)
    open_form(page, desk, code)
    field = page.locator(f"[name=words_{lang}]")
    field.fill(field.input_value() + f"\n{word}\n𠮷㙓🏠")
    page.locator("[name=note]").fill("said at the window")
    before = versions(desk, code)
    save(page)
    expect(page.locator(".flashes .note-good")).to_be_visible()
    assert versions(desk, code) == before + 1
    seen_soon(visitor, f"main h3 a[href='/services/{code}']")


def test_a_version_for_a_later_day_leaves_today_as_it_is(worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str) -> None:
    code = MINE["later"][lang]
    page = worker("handler", lang)
    open_form(page, desk, code)
    old = page.locator("[name=name_en]").input_value()
    page.locator("[name=name_en]").fill("A name for next year")
    day, words = in_days(40)
    page.locator("[name=effective_on]").fill(day)
    save(page)
    expect(page.locator(".flashes")).to_contain_text(words[lang])
    visitor = open_browser(desk, "en")
    visitor.goto(f"{desk}/services/{code}")
    expect(visitor.locator("h1")).to_have_text(old)
    seen_soon(visitor, f"main .note:has-text('{words['en']}')")


def test_wrong_input_is_told_at_the_field_and_at_the_top_and_everything_typed_stays(worker: OpenBrowser, desk: Site, lang: str) -> None:
    code = MINE["wrong"][lang]
    page = worker("handler", lang)
    open_form(page, desk, code)
    typed = {"name_zh": "", "name_en": "x" * 161, "promised_limit": "many", "materials": "M-999", "note": "kept 㙓𠮷"}
    for name, text in typed.items():
        page.locator(f"[name={name}]").evaluate("(field, text) => { field.removeAttribute('maxlength'); field.value = text; }", text)
    before = versions(desk, code)
    save(page)
    top = page.locator("main form [role=alert]")
    expect(top).to_be_focused()
    for name in ("name_zh", "name_en", "promised_limit"):
        expect(page.locator(f"[name={name}]")).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"#{name}-error")).to_be_visible()
        expect(top.locator(f"a[href='#{name}']")).to_be_visible()
    for name, text in typed.items():
        expect(page.locator(f"[name={name}]")).to_have_value(text)
    top.locator("a[href='#promised_limit']").click()
    expect(page.locator("[name=promised_limit]")).to_be_focused()
    assert versions(desk, code) == before
    page.locator("[name=name_zh]").fill("名称")
    page.locator("[name=name_en]").fill("Name")
    page.locator("[name=promised_limit]").fill("3")
    save(page)
    expect(page.locator("main form [role=alert]")).to_contain_text("M-999")  # a paper that no list knows
    assert versions(desk, code) == before


def test_of_two_editors_the_second_is_told_and_sees_both(worker: OpenBrowser, desk: Site, lang: str) -> None:
    code = MINE["both"][lang]
    first, second = worker("handler", lang), worker("admin", lang)
    open_form(first, desk, code)
    second.goto(f"{desk}/desk/items/{code}")
    first.locator("[name=fee_en]").fill("Two yuan, says the first")
    second.locator("[name=fee_en]").fill("Five yuan, says the second")
    save(first)
    expect(first.locator(".flashes .note-good")).to_be_visible()
    save(second)
    told = second.locator("main table.table")
    expect(told).to_contain_text("Two yuan, says the first")
    expect(told).to_contain_text("Five yuan, says the second")
    expect(second.locator("[name=fee_en]")).to_have_value("Five yuan, says the second")
    save(second)
    expect(second.locator(".flashes .note-good")).to_be_visible()
    second.goto(f"{desk}/services/{code}")
    expect(second.locator("main")).to_contain_text({"zh": "", "en": "Five yuan, says the second"}[lang])


def test_a_double_click_saves_once_and_the_back_button_shows_what_stands_now(worker: OpenBrowser, desk: Site, lang: str) -> None:
    code = MINE["twice"][lang]
    page = worker("handler", lang)
    open_form(page, desk, code)
    before = versions(desk, code)
    page.locator("[name=fee_en]").fill("Free, clicked twice")
    sent = page.locator("main form[method=post]").evaluate("form => new URLSearchParams(new FormData(form)).toString()")
    sent = sent.replace("%0D%0A", "%0A").replace("%0A", "%0D%0A")  # as a browser sends the lines of a text
    page.locator(SAVE).dblclick()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    assert versions(desk, code) == before + 1
    page.go_back()
    expect(page.locator("[name=fee_en]")).to_have_value("Free, clicked twice")
    again = page.request.post(
        f"{desk}/desk/items/{code}",
        data=sent,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Referer": page.url},
        max_redirects=0,
    )
    assert (again.status, again.headers.get("location")) == (303, f"/desk/items/{code}"), "the same form sent again gets the same answer"
    assert versions(desk, code) == before + 1


def test_a_double_click_without_scripts_saves_once(worker: OpenBrowser, desk: Site) -> None:
    page = worker("handler", "en", java_script_enabled=False)
    open_form(page, desk, "SI-LG-004")
    before = versions(desk, "SI-LG-004")
    page.locator("[name=result_en]").fill("Saved once")  # without a change there would be no version at all
    page.locator(SAVE).click(click_count=2, no_wait_after=True)
    expect(page.locator(".flashes .note-good, main h1").first).to_be_visible()
    page.wait_for_timeout(500)
    assert versions(desk, "SI-LG-004") == before + 1


def test_a_session_that_ended_in_the_middle_of_a_form_loses_nothing(worker: OpenBrowser, desk: Site, lang: str) -> None:
    code = MINE["ended"][lang]
    page = worker("handler", lang, fresh=True)
    open_form(page, desk, code)
    page.locator("[name=result_en]").fill("A slip that survives the night")
    desk.rows("UPDATE user_session SET expires_at = '2020-01-01 00:00:00' WHERE id = (SELECT max(id) FROM user_session)")
    before = versions(desk, code)
    save(page)
    expect(page.locator("[name=password]")).to_be_visible()
    assert versions(desk, code) == before
    sign_in_again(page, desk)
    expect(page.locator("main")).to_contain_text("A slip that survives the night")
    page.locator("main form button.btn-go").click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    assert versions(desk, code) == before + 1
    expect(page).to_have_url(re.compile(f"/desk/items/{code}$"))
    expect(page.locator("[name=result_en]")).to_have_value("A slip that survives the night")


def sign_in_again(page: Page, site: Site) -> None:
    page.locator("[name=login]").fill("handler")
    page.locator("[name=password]").fill("civic-demo")
    page.locator("main form button.btn-go").click()
    expect(page.locator("[name=password]")).to_have_count(0)


def test_a_handler_reaches_only_the_services_of_the_own_department(worker: OpenBrowser, desk: Site) -> None:
    page = worker("handler", "en")
    for address, status in (("/desk/items/SI-MZ-001", 403), ("/desk/accounts/", 403), ("/desk/offers/ST-RS", 403)):
        answer = page.goto(f"{desk}{address}")
        assert answer is not None
        assert answer.status == status, address
    expect(page.locator("h1")).to_be_visible()


def test_a_visitor_at_a_desk_page_signs_in_and_arrives_there(open_browser: OpenBrowser, desk: Site, lang: str) -> None:
    page = open_browser(desk, lang)
    page.goto(f"{desk}/desk/items/")
    expect(page).to_have_url(re.compile("/account/sign-in"))
    sign_in(page, desk, "handler")
    expect(page).to_have_url(f"{desk}/desk/items/")
    page.goto(f"{desk}/account/")
    page.locator("main form[action*='sign-out'] button").click()
    expect(page).to_have_url(re.compile("signed-out"))
    page.goto(f"{desk}/desk/")
    expect(page).to_have_url(re.compile("/account/sign-in"))


def test_a_wrong_password_is_told_and_the_login_stays(open_browser: OpenBrowser, desk: Site, lang: str) -> None:
    page = open_browser(desk, lang)
    page.goto(f"{desk}/account/sign-in")
    page.locator("[name=login]").fill("nobody-here")
    page.locator("[name=password]").fill("not-this-one")
    page.locator("main form button.btn-go").click()
    expect(page.locator("main [role=alert]")).to_be_visible()
    expect(page.locator("[name=login]")).to_have_value("nobody-here")
    expect(page.locator("[name=password]")).to_have_value("")
