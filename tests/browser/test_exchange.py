"""Service for service by two people on two phones: the offer, the answer, the agreement, the confirmation, the rating.

One reads Chinese, the other English, and then the other way round; both are residents of the demonstration, of two households.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from civic.core import clock
from tests.browser.conftest import COMMUNITY, OpenBrowser, sign_in
from tests.browser.pages import choose
from tests.browser.server import Site
from tests.browser.test_axe import faults

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
TITLE = {"zh": "教您包粽子", "en": "Making rice dumplings together"}  # in the language of who offers it
HELD = {"zh": re.compile("您的 1.*已预留"), "en": re.compile("1 point of yours are held")}
USED = {"zh": re.compile("您用了 1"), "en": re.compile("You used 1 point")}
STARS = {"zh": re.compile("5 星"), "en": re.compile("5 stars")}


def phone(open_browser: OpenBrowser, site: Site, lang: str, login: str) -> Page:
    """A phone of 360 px, signed in, with the community chosen."""
    page = open_browser(site, lang, **PHONE)
    choose(page, site, lang=lang, place=COMMUNITY)
    sign_in(page, site, login)
    return page


def go(page: Page) -> None:
    """Press the one green button of the form."""
    page.locator("main form .btn-go").last.click()
    expect(page.locator(".flashes .note-good")).to_be_visible()


def looked_at(page: Page) -> None:
    """Each page once: nothing for axe to object to, and nothing wider than the phone."""
    assert list(faults(page)) == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, page.url


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("offers", "asks"), [("zh", "en"), ("en", "zh")])
def test_an_exchange_from_the_offer_to_the_rating_on_two_phones(open_browser: OpenBrowser, desk: Site, offers: str, asks: str) -> None:
    helper, asker = phone(open_browser, desk, offers, "resident"), phone(open_browser, desk, asks, "resident2")
    title = TITLE[offers]

    helper.goto(f"{desk}/exchange/new?kind=offer")
    helper.locator("[name=title]").fill(title)
    helper.locator("[name=category]").select_option("lessons")
    looked_at(helper)
    go(helper)
    listing = helper.url
    looked_at(helper)

    asker.goto(f"{desk}/exchange/?kind=offer")
    looked_at(asker)
    asker.get_by_role("link", name=title).click()
    looked_at(asker)
    asker.locator("main a[href$='/respond']").click()
    asker.locator("[name=meet_at]").fill(clock.today().isoformat())
    asker.locator("[name=meet_time]").fill("23:59")
    asker.locator("[name=minutes]").select_option("60")
    asker.locator("[name=words]").fill("I bring the leaves.")
    looked_at(asker)
    go(asker)
    agreement = asker.url
    looked_at(asker)

    choose(helper, desk, lang=offers, mode="elder")
    helper.goto(f"{desk}/exchange/mine")
    looked_at(helper)
    helper.get_by_role("link", name=title).first.click()
    helper.wait_for_url(agreement)
    expect(helper.locator("main")).to_contain_text("I bring the leaves.")
    assert float(helper.locator("main p").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 24
    looked_at(helper)
    helper.locator("main form[action$='/accept'] button").click()
    expect(helper.locator(".flashes .note-good")).to_be_visible()

    asker.reload()
    expect(asker.locator("main")).to_contain_text(HELD[asks])
    asker.locator("#words").fill("See you at the station.")
    asker.locator("main form[action$='/say'] button").click()
    expect(asker.locator("main ol.rows")).to_contain_text("See you at the station.")

    helper.goto(f"{agreement}/deliver")
    looked_at(helper)
    go(helper)

    asker.goto(agreement)
    asker.locator("main form[action$='/confirm'] button").click()
    expect(asker.locator("main")).to_contain_text(USED[asks])
    asker.goto(f"{agreement}/rate")
    looked_at(asker)
    asker.locator("[name=stars][value='5']").check()
    asker.locator("[name=words]").fill("Very patient.")
    go(asker)

    helper.goto(agreement)
    expect(helper.locator("main")).to_contain_text("Very patient.")
    helper.goto(f"{desk}/points/statement")
    expect(helper.locator("main a", has_text=title)).to_have_attribute("href", re.compile(r"/exchange/agreements/"))
    asker.goto(listing)
    expect(asker.locator("main .facts")).to_contain_text(STARS[asks])


def test_the_desk_of_exchanges_is_clean_for_axe(worker: OpenBrowser, desk: Site) -> None:
    """The demonstration's dispute, the lists, and the page of the person beside."""
    page = worker("social-worker", "en")
    page.goto(f"{desk}/desk/exchange/")
    dispute = page.locator("main a[href*='/desk/exchange/disputes/']").first.get_attribute("href")
    agreement = page.locator("main table a[href*='/desk/exchange/agreements/']").first.get_attribute("href")
    ((person,),) = desk.rows("SELECT uid FROM person WHERE id = (SELECT person_id FROM account WHERE login = 'resident')")
    beside = f"/desk/exchange/people/{person}"
    found = list(faults(page))
    for address in (dispute, agreement, f"{agreement}/stop", "/desk/exchange/listings", f"{beside}/", f"{beside}/new"):
        page.goto(f"{desk}{address}")
        found += faults(page)
    assert found == []
