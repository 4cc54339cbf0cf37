"""Finding and reading an item as a visitor: filters, everyday words, what to bring, why this day, sharing and printing."""

from __future__ import annotations

import sqlalchemy as sa

from civic.catalogue.models import HandlingType
from civic.catalogue.operations import Words
from civic.core.db import db
from civic.core.misses import SearchMiss

EN = {"Accept-Language": "en"}


def text(response):
    return response.get_data(as_text=True)


def test_a_word_that_people_say_finds_the_item_and_is_shown(client, make_item):
    make_item()
    page = text(client.get("/services/?q=暂住证", status=200, headers=EN))
    assert "Guangdong residence permit: first application" in page
    assert "Also called: 暂住证" in page


def test_two_languages_stand_side_by_side(client, make_item):
    make_item()
    assert "广东省居住证申领受理" in text(client.get("/services/SI-LG-004", status=200))
    assert "Guangdong residence permit" in text(client.get("/services/SI-LG-004", headers=EN))


def test_an_item_page_says_when_it_would_be_done(client, make_item):
    """Accepted on Wednesday 25 November, 8 working days end on Monday 7 December; 15 calendar days on the 10th, later."""
    make_item()
    page = text(client.get("/services/SI-LG-004", headers=EN))
    assert "Accepted today, done by Mon 7 Dec 2026" in page
    assert "Thu 10 Dec 2026" in page


def test_a_reference_limit_says_so(client, make_item):
    make_item("SI-LG-001", legal_limit_source="reference")
    assert "not set by law" in text(client.get("/services/SI-LG-001", headers=EN))


def test_a_paper_that_may_follow_is_marked(client, make_item):
    make_item(may_follow="M-002")
    assert text(client.get("/services/SI-LG-004", headers=EN)).count("May follow later") == 1


def test_on_the_spot_needs_no_day(client, make_item):
    make_item("SI-LG-003", handling_type=HandlingType.on_spot, promised_limit=0)
    page = text(client.get("/services/SI-LG-003", headers=EN))
    assert "Done while you wait" in page
    assert "Accepted today" not in page


def test_lists_are_narrowed_by_link(client, make_item):
    make_item()
    for query in ("category=migrants", "department=B-DEPT-LG", "channel=online"):
        assert "Guangdong residence permit" in text(client.get(f"/services/?{query}", status=200, headers=EN))
    assert "No service fits all of these" in text(client.get("/services/?channel=kiosk", headers=EN))


def test_what_is_searched_in_vain_is_counted_without_a_person(client, make_item):
    make_item()
    for _ in range(2):
        client.get("/services/?q=量子计算机", status=200)
    client.get("/services/?q=13800138000", status=200)
    assert db.session.scalars(sa.select(SearchMiss.count)).all() == [2]


def test_strange_questions_are_answered_politely(client, make_item):
    make_item()
    for query in ("%22%27*():-", "x" * 10_000, "%F0%9F%A6%86", "%F0%A0%AE%B7", "NEAR(a b)", "'; DROP TABLE service_item;--"):
        client.get(f"/services/?q={query}", status=200)
    client.get("/services/?page=abc&channel=nonsense", status=200)


def test_an_unknown_item_is_a_404_with_a_search_field(client):
    assert 'name="q"' in text(client.get("/services/SI-XX-999", status=404))


def test_the_qr_of_an_item_is_a_picture_without_inline_style(client, make_item):
    make_item()
    response = client.get("/services/SI-LG-004/qr.svg", status=200)
    assert response.mimetype == "image/svg+xml"
    assert "style=" not in text(response)
    client.get("/services/SI-XX-999/qr.svg", status=404)


def test_a_shared_link_carries_title_description_and_picture(client, make_item):
    make_item()
    page = text(client.get("/services/SI-LG-004"))
    assert '<meta property="og:title" content="广东省居住证申领受理">' in page
    assert "share.png" in page
    assert "<textarea" in page


def test_lists_and_items_stay_below_25_statements(client, make_item, count_queries):
    for number in range(1, 41):
        make_item(f"SI-LG-{number:03}", words=Words((f"词{number}",), (f"word{number}",)))
    for url in ("/services/", "/services/?q=居住证", "/services/SI-LG-004", "/", "/search?q=居住证"):
        with count_queries() as statements:
            client.get(url, status=200)
        assert len(statements) <= 25, (url, len(statements))
