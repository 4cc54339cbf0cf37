"""An administrator loads lists with a dry run, sees words searched in vain, gives and ends a grant, keeps organisations; two open the log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from civic.core import misses
from tests.browser.conftest import OpenBrowser, sign_in
from tests.browser.server import Site

SAVE = "main form[method=post] button.btn-go[type=submit]"


def hand_in(page: Page, site: Site, *files: dict[str, object] | Path) -> None:
    page.goto(f"{site}/desk/load/")
    page.locator("main input[type=file]").set_input_files(list(files))  # type: ignore[arg-type]
    page.locator(SAVE).click()


def a_file(name: str, body: bytes, mime: str = "text/csv") -> dict[str, object]:
    return {"name": name, "mimeType": mime, "buffer": body}


def test_a_list_is_checked_first_then_loaded_and_a_second_time_changes_nothing(worker: OpenBrowser, desk: Site, lang: str) -> None:
    code = {"zh": "SI-WJ-001", "en": "SI-WJ-002"}[lang]
    word = {"zh": "头胎本本", "en": "second child slip"}[lang]
    words = f"code,kind,language,text\n{code},said,{lang},{word}\n".encode()
    page = worker("admin", lang)
    hand_in(page, desk, a_file("words.csv", words))
    expect(page).to_have_url(re.compile("/desk/load/check"))
    expect(page.locator("main .note-good")).to_be_visible()
    assert desk.rows("SELECT count(*) FROM item_word WHERE text = ?", word) == [(0,)], "a dry run writes nothing"
    page.locator(SAVE).click()
    expect(page.locator("main .note-good")).to_be_visible(timeout=15_000)
    assert desk.rows("SELECT count(*) FROM item_word WHERE text = ?", word) == [(1,)]
    hand_in(page, desk, a_file("words.csv", words))
    numbers = page.locator("main table").first.locator("tbody tr").first.locator("td")
    expect(numbers).to_have_count(4)
    assert [re.sub(r"\D", "", number) for number in numbers.all_inner_texts()] == ["0", "0", "1", "0"], "new, changed, unchanged, rejected"
    expect(page.locator(SAVE)).to_have_count(0)


BAD = {
    "renamed program": (a_file("list.csv", b"MZ\x90\x00\x03\x00\x00\x00" + bytes(range(256)) * 8), {"zh": "", "en": ""}),
    "wrong column": (a_file("stations.csv", b"kode,naam\r\nX,Y\r\n"), {"zh": "naam", "en": "naam"}),
    "decree with a gap": (
        a_file(
            "workdays.csv",
            "day,kind,name_zh,name_en,document\n2027-01-01,holiday,元旦,New Year,国办发\n2027-01-03,holiday,元旦,New Year,国办发\n".encode(),
        ),
        {"zh": "2027", "en": "2027"},
    ),
    "broken encoding": (a_file("broken.csv", b"day,kind\n2027-01-01,\xff\xfe\x81\x00\n"), {"zh": "", "en": ""}),
}


@pytest.mark.parametrize("what", list(BAD))
def test_a_bad_file_gets_a_clear_message_and_nothing_is_written(worker: OpenBrowser, desk: Site, lang: str, what: str) -> None:
    file, expected = BAD[what]
    page = worker("admin", lang)
    runs = desk.rows("SELECT count(*) FROM load_run")
    hand_in(page, desk, file)
    told = page.locator("main [role=alert]").first
    expect(told).to_be_visible()
    expect(page.locator("main")).to_contain_text(str(file["name"]))
    expect(page.locator("main")).to_contain_text(expected[lang])
    assert page.locator(f"{SAVE}:has-text('Load now'), {SAVE}:has-text('现在导入')").count() == 0
    assert desk.rows("SELECT count(*) FROM load_run") == runs


def test_a_file_of_20_megabytes_is_refused_in_words(worker: OpenBrowser, desk: Site, tmp_path: Path, lang: str) -> None:
    big = tmp_path / "big.csv"
    big.write_bytes(b"day,kind\n" + b"2027-01-01,holiday\n" * 1_110_000)
    assert big.stat().st_size > 20 * 2**20
    page = worker("admin", lang)
    hand_in(page, desk, big)
    expect(page.locator("main [role=alert], main h1").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("10 MB")
    expect(page.locator("header")).to_be_visible()


def test_gb18030_is_recognised_and_line_numbers_are_told(worker: OpenBrowser, desk: Site, lang: str) -> None:
    text = "day,kind,name_zh,name_en,document\n2026-13-45,holiday,元旦,New Year,国办发明电〔2025〕7号\n"
    page = worker("admin", lang)
    hand_in(page, desk, a_file("decree.csv", text.encode("gb18030")))
    row = page.locator("main table:has-text('decree.csv') tbody tr").first
    expect(row).to_contain_text("decree.csv")
    expect(row).to_contain_text("2")
    assert "�" not in page.locator("main").inner_text()


def test_words_of_one_day_alone_do_not_stand_there(worker: OpenBrowser, open_browser: OpenBrowser, desk: Site) -> None:
    """They could be the name of a neighbour; tests/core/test_misses.py has the words of three days."""
    searched = {"zh": "飞天证", "en": "flyingpermit"}
    for lang, word in searched.items():
        visitor = open_browser(desk, lang)
        for _ in range(2):
            visitor.goto(f"{desk}/services/?q={word}")
    page = worker("admin", "en")
    page.goto(f"{desk}/desk/searches/")
    page.wait_for_timeout((misses.WRITE_EVERY + 1) * 1000)  # gathered before it is written
    page.reload()
    for word in searched.values():
        expect(page.locator("main")).not_to_contain_text(word)


def test_a_grant_is_given_used_and_ended(worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str) -> None:
    login, name = {"zh": ("lin", "林同事"), "en": ("lim", "Colleague Lim")}[lang]
    page = worker("admin", lang)
    page.goto(f"{desk}/desk/accounts/")
    page.locator("main a[href$='/desk/accounts/new']").click()
    page.locator("[name=login]").fill(login)
    page.locator("[name=name]").fill(name)
    page.locator("[name=role]").select_option("manager")
    page.locator("[name=territory]").select_option("440113010901")
    page.locator(SAVE).click()
    password = page.locator("main code").first.inner_text().strip()
    assert len(password) >= 8
    colleague = open_browser(desk, lang)
    sign_in(colleague, desk, login, password)
    expect(colleague.locator("[name=new_password]")).to_be_visible()
    for field in ("new_password", "again_password"):
        colleague.locator(f"[name={field}]").fill("a sentence of my own 2026")
    colleague.locator(SAVE).click()
    answer = colleague.goto(f"{desk}/desk/stations/ST-RS")
    assert answer is not None
    assert answer.status == 200
    page.goto(f"{desk}/desk/accounts/?q={login}")
    page.locator(f"main tbody th a:has-text('{name}')").click()
    page.locator("main a[href*='/grants/'][href$='/end']").click()  # what is left open is shown first
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator(".flashes")).to_be_visible()
    answer = colleague.goto(f"{desk}/desk/stations/ST-RS")
    assert answer is not None
    assert answer.status == 403, "a right that was ended ends at once"


def test_an_organisation_is_added_changed_and_ended(worker: OpenBrowser, desk: Site, lang: str) -> None:
    code, name = {"zh": ("B-TEST-ZH", "街坊互助社"), "en": ("B-TEST-EN", "Neighbours Society")}[lang]
    page = worker("admin", lang)
    page.goto(f"{desk}/desk/organisations/")
    page.locator("main a[href$='/organisations/new']").click()
    page.locator("[name=code]").fill(code)
    page.locator("[name=name_zh]").fill(name)
    page.locator("[name=territory_code]").fill("no-such-place")
    page.locator("[name=name_en]").fill(name)
    page.locator(SAVE).click()
    expect(page.locator("main form [role=alert]")).to_be_visible()
    expect(page.locator("[name=territory_code]")).to_have_value("no-such-place")
    page.locator("[name=territory_code]").fill("440113010901")
    page.locator(SAVE).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    page.goto(f"{desk}/desk/organisations/?q={code}")
    page.locator("main tbody th a").first.click()
    page.locator("[name=name_en]").fill(f"{name} II")
    page.locator(SAVE).first.click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    page.goto(f"{desk}/desk/organisations/{code}/end")
    page.locator("[name=last_on]").fill("2026-12-31")
    page.locator(SAVE).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()


def test_the_connection_log_is_opened_by_two_people_and_each_look_is_counted(worker: OpenBrowser, desk: Site, lang: str) -> None:
    document = {"zh": "穗公网〔2026〕12号", "en": "GZ-2026-13"}[lang]
    admin, auditor = worker("admin", lang), worker("auditor", lang)
    auditor.goto(f"{desk}/desk/connections/")
    auditor.locator("[name=document]").fill(document)
    auditor.locator("[name=reason]").fill("A test of the house")
    auditor.locator("[name=from_on]").fill(auditor.locator("[name=to_on]").input_value())
    auditor.locator(SAVE).last.click()
    expect(auditor.locator(".flashes")).to_be_visible()
    row = f"main li:has-text('{document}')"
    expect(auditor.locator(f"{row} form")).to_have_count(0)  # nobody releases what she asked for herself
    admin.goto(f"{desk}/desk/connections/")
    admin.locator(f"{row} form[action$='/release'] button").click()
    expect(admin.locator(".flashes")).to_be_visible()
    auditor.reload()
    auditor.locator(f"{row} form[action$='/look'] button").click()
    expect(auditor.locator("main table")).to_contain_text("127.0.0.1")
    expect(auditor.locator("main table")).to_contain_text("auditor")
    auditor.goto(f"{desk}/desk/connections/")
    expect(auditor.locator(row)).to_contain_text("1")


def test_the_slash_key_goes_to_the_search_of_a_desk_list_and_j_walks_it(worker: OpenBrowser, desk: Site) -> None:
    page = worker("admin", "en")
    page.goto(f"{desk}/desk/organisations/")
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.locator("main input[type=search]").first).to_be_focused()
    page.keyboard.press("Tab")
    page.locator("h1").click()
    page.keyboard.press("j")
    expect(page.locator("main tbody tr").first.locator("a").first).to_be_focused()
