"""The list narrowed by the language in which offers and needs are written: in the address, kept by its links, on both lists."""

from __future__ import annotations

import re

import pytest

from civic.core.viewer import Role


@pytest.fixture
def both(two, make_listing):
    """An offer in Chinese (of `two`) and one in English."""
    return two, make_listing(two.li, title="English corner", lang="en", speaks=("en",))


def test_the_form_narrows_the_public_list(client, web, both):
    for query, seen in (("", (True, True)), ("?written=en", (False, True)), ("?written=zh", (True, False)), ("?written=fr", (True, True))):
        page = web.page(client, f"/exchange/{query}")
        assert ("教老人用手机" in page, "English corner" in page) == seen, query
    page = web.page(client, "/exchange/?written=en")
    assert '<label for="look-written">Written in</label>' in page
    assert re.search(r'<option value="en" selected>English</option>', page)
    assert '<details class="why noprint" open>' in page, "a choice that narrows the list is shown"


def test_it_is_not_the_language_of_the_page(client, web, both):
    assert '<html lang="en"' in web.page(client, "/exchange/?written=zh")


def test_the_links_of_the_list_keep_it(client, web, both):
    page = web.page(client, "/exchange/?written=en&speaks=en")
    assert re.search(r'href="/exchange/\?kind=offer&amp;speaks=en&amp;written=en"', page)
    page = web.page(client, "/exchange/?written=en&kind=need")
    assert "Nothing fits all of these" in page


def test_the_desk_finds_by_it_for_the_person_beside(web, both):
    two, _english = both
    clerk = web.enter(role=Role.clerk, territory=two.place)
    page = web.page(clerk, f"/desk/exchange/people/{two.wang.uid}/find?written=en")
    assert ("教老人用手机" in page, "English corner" in page) == (False, True)
