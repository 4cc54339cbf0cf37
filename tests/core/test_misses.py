"""Words searched in vain: words and counts, never people; written once a second, and nothing breaks on strange ones."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock, misses
from civic.core.db import db
from civic.core.misses import SearchMiss


def kept() -> list[tuple[str, int]]:
    return [tuple(row) for row in db.session.execute(sa.select(SearchMiss.words, SearchMiss.count).order_by(SearchMiss.words))]


def test_words_searched_in_vain_are_counted_by_month(site):
    for text in ("宠物 登记", "宠物  登记 ", "ＰＥＴ"):
        misses.count_miss(text, "zh")
    assert kept() == [("pet", 1), ("宠物 登记", 2)]
    assert db.session.scalar(sa.select(SearchMiss.month)) == date(2026, 11, 1)


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "１３８００１３８０００",
        "+86 (138) 00138000",
        "44010119900101123X",
        "no 12345",
        "wang@example.org",
        "a",
        "",
        " ",
    ],
)
def test_numbers_addresses_and_single_letters_are_not_kept(site, text):
    misses.count_miss(text, "zh")
    assert kept() == []


@pytest.mark.parametrize("text", ["2026 年", "12345"[:4] + " 号", "粤A1234"])
def test_short_numbers_are_words(site, text):
    misses.count_miss(text, "zh")
    assert len(kept()) == 1


@pytest.mark.parametrize("text", ["宠物\x00登记", "x" * 5000, "㙓𠮷" * 100, "🀄🀄", "a\u202eb", "ﷺ" * 60])
def test_strange_words_break_nothing(site, text):
    misses.count_miss(text, "zh")
    assert all(len(words) <= 60 and "\x00" not in words for words, _ in kept())


def test_old_words_are_forgotten(site):
    misses.count_miss("宠物", "zh")
    with clock.frozen(clock.now() + timedelta(days=700)):
        misses.forget_old()
        assert len(kept()) == 1
    with clock.frozen(clock.now() + timedelta(days=800)):
        misses.forget_old()
    assert kept() == []


def test_a_process_gathers_counts_and_writes_them_together(live_app):
    with live_app.app_context():
        for _ in range(3):
            misses.count_miss("宠物登记", "zh")
        assert kept() == []
        misses.write_gathered(live_app)
        db.session.rollback()
        assert kept() == [("宠物登记", 3)]
        misses.write_gathered(live_app)
        assert kept() == [("宠物登记", 3)]
