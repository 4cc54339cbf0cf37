"""A community manager: an urgent announcement at once in one language, a posting with an objection and its answer, handing over."""

from __future__ import annotations

import io
import re
import wave

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import COMMUNITY, OpenBrowser, seen_soon
from tests.browser.people import colleague, letters
from tests.browser.server import Site, civic
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


def test_a_manager_hands_a_colleagues_work_on_and_ends_no_right(worker: OpenBrowser, desk: Site, lang: str) -> None:
    leaving = colleague(desk, f"away.{lang}", "manager")
    title = {"zh": "篮球场公示", "en": "羽毛球场公示"}[lang]
    put_up(worker(leaving, lang, fresh=True), desk, (title, f"Sports ground {lang}"))
    page = worker("manager", lang)
    page.goto(f"{desk}/desk/colleagues/")
    assert list(faults(page)) == []
    page.locator(f"main a:text-is('{leaving}')").click()
    expect(page.locator("#h-work")).to_be_visible()
    assert list(faults(page)) == []
    ((own,),) = desk.rows("SELECT uid FROM account WHERE login = 'manager'")
    page.locator("[name=colleague]").select_option(str(own))
    page.locator(GO).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    expect(page.locator("#h-work")).to_have_count(0)
    ((owner,),) = desk.rows("SELECT a.login FROM posting p JOIN account a ON a.id = p.account_id WHERE p.title_zh = ?", title)
    ended = desk.rows("SELECT g.ended_at FROM account_grant g JOIN account a ON a.id = g.account_id WHERE a.login = ?", leaving)
    assert (owner, ended) == ("manager", [(None,)])


def sound() -> dict[str, object]:
    """A third of a second of silence, as a phone records it."""
    target = io.BytesIO()
    with wave.open(target, "wb") as voice:
        voice.setnchannels(1)
        voice.setsampwidth(2)
        voice.setframerate(8000)
        voice.writeframes(bytes(2 * 2640))
    return {"name": "voice.wav", "mimeType": "audio/wav", "buffer": target.getvalue()}


def photo() -> dict[str, object]:
    target = io.BytesIO()
    Image.new("RGB", (320, 240), "#7a6").save(target, "JPEG")
    return {"name": "board.jpg", "mimeType": "image/jpeg", "buffer": target.getvalue()}


def with_file(page: Page, address: str, file: dict[str, object]) -> None:
    """Hand a file in on a page of the desk."""
    page.goto(address)
    page.locator("[name=files]").set_input_files(file)  # type: ignore[arg-type]
    page.locator(GO).click()
    expect(page.locator(".flashes .note-good")).to_be_visible()


def width_of(page: Page, selector: str) -> int:
    """How many pixels the picture really has, once it is there."""
    page.locator(selector).scroll_into_view_if_needed()
    page.wait_for_function("selector => document.querySelector(selector).naturalWidth > 0", arg=selector)
    return int(page.locator(selector).evaluate("picture => picture.naturalWidth"))


@pytest.mark.timeout(180)
def test_news_with_a_voice_a_proof_and_a_picture_reach_those_who_asked(
    worker: OpenBrowser, open_browser: OpenBrowser, desk: Site, lang: str
) -> None:
    title = {"zh": "社区食堂周一开业", "en": "社区食堂周六休息"}[lang]
    visitor, member, page = open_browser(desk, lang), worker("resident", lang), worker("manager", lang)

    # two ask for the news: one by mail, one with her account
    visitor.goto(f"{desk}/bulletin/?place={COMMUNITY}")
    visitor.goto(f"{desk}/bulletin/subscribe")
    assert list(faults(visitor)) == []
    visitor.locator("[name=mail]").fill(f"he.{lang}@example.cn")
    visitor.locator(GO).click()
    visitor.wait_for_url(re.compile("/subscribe/sent"))
    link = re.search(r"/bulletin/subscribe/[\w-]{20,}", letters(desk, "bulletin-confirm")[0]["body"])
    assert link is not None
    visitor.goto(f"{desk}{link.group()}")
    visitor.locator("main form[action$='/confirm'] button").click()
    expect(visitor.locator("main .note-good")).to_be_visible()
    member.goto(f"{desk}/bulletin/subscribe?at={COMMUNITY}")
    member.locator("main form[action*='/subscribe/mine'] .btn-go").click()
    expect(member.locator(".flashes .note-good")).to_be_visible()

    # the manager publishes, adds a voice, and proves that a posting hung
    page.goto(f"{desk}/desk/bulletin/new")
    page.locator("[name=place]").select_option(COMMUNITY)
    for name, words in {"title_zh": title, "title_en": f"Canteen {lang}", "body_zh": "欢迎。", "body_en": "Welcome."}.items():
        page.locator(f"[name={name}]").fill(words)
    page.locator(GO).click()
    page.wait_for_url(re.compile(r"/desk/bulletin/[\w-]{22}$"))
    own = page.url
    page.locator("main form[action$='/publish'] button").click()
    expect(page.locator(".flashes .note-good")).to_be_visible()
    with_file(page, f"{own}/voices", sound())
    hung = put_up(page, desk, (f"车棚公示{lang}", f"Bicycle shed {lang}"))
    with_file(page, f"{hung}/photo", photo())
    civic(desk.folder, "jobs", "run", "bulletin-news")

    # the mail leads to the page; the account finds it in the inbox, and hears it
    uid = own.rsplit("/", 1)[1]
    assert sum(f"/bulletin/announcements/{uid}" in letter["body"] for letter in letters(desk, "bulletin")) == 2
    member.goto(f"{desk}/inbox")
    assert list(faults(member)) == []
    member.locator("main a", has_text=re.compile(f"{title}|Canteen {lang}")).first.click()  # in the language she chose for messages
    member.locator("main .btn-go").click()
    member.wait_for_url(re.compile(uid))
    heard = "voice => new Promise(done => { voice.onloadedmetadata = () => done(voice.duration); voice.preload = 'auto'; voice.load(); })"
    assert 0.3 < member.locator("main audio").evaluate(heard) < 0.4

    # a visitor sees the proof, and the poster as a picture
    ((number,),) = desk.rows("SELECT number FROM posting WHERE uid = ?", hung.rsplit("/", 1)[1])
    visitor.goto(f"{desk}/bulletin/postings/{number}")
    assert list(faults(visitor)) == []
    assert width_of(visitor, ".proof img") == 320
    visitor.goto(f"{desk}/bulletin/announcements/{uid}/poster")
    assert list(faults(visitor)) == []
    assert width_of(visitor, ".poster-picture img") == 1080

    # both end it; the address is forgotten
    visitor.goto(f"{desk}{link.group()}")
    visitor.locator("main form[action$='/end'] button").click()
    expect(visitor.locator("main form[action$='/end']")).to_have_count(0)
    member.goto(f"{desk}/bulletin/subscribe?at={COMMUNITY}")
    member.locator("main form[action*='/mine/end'] button").first.click()
    expect(member.locator(".flashes .note-good")).to_be_visible()
    assert desk.rows("SELECT COUNT(*) FROM bulletin_subscription WHERE ended_at IS NULL OR sealed <> ''") == [(0,)]


def test_axe_finds_nothing_grave_on_the_pages_of_the_bulletin(worker: OpenBrowser, desk: Site, lang: str) -> None:
    page, found = worker("manager", lang), []
    for address in (*PAGES, "/bulletin/", "/bulletin/subscribe"):
        page.goto(f"{desk}{address}")
        found += faults(page)
    assert found == []
