"""Words searched in vain: words and counts, never people; written once a second, and nothing breaks on strange ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock, misses
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.misses import SearchMiss


def kept() -> list[tuple[str, int]]:
    """The words that stand in clear."""
    query = sa.select(SearchMiss.words, SearchMiss.count).where(misses.in_clear()).order_by(SearchMiss.words, SearchMiss.count)
    return [tuple(row) for row in db.session.execute(query)]


def counted() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(SearchMiss))


def on_days(text: str, *days: int, lang: str = "zh") -> None:
    """Searched in vain on these days of November 2026."""
    for day in days:
        with clock.frozen(datetime(2026, 11, day, 2, tzinfo=UTC)):
            misses.count_miss(text, lang)


def test_words_that_came_on_three_days_are_counted_by_month(site):
    for text in ("宠物 登记", "宠物  登记 ", "ＰＥＴ", "ｐet "):
        on_days(text, 2, 3, 20)
    assert kept() == [("pet", 6), ("宠物 登记", 6)]
    assert set(db.session.scalars(sa.select(SearchMiss.month))) == {date(2026, 11, 1)}
    assert counted() == 2  # the hashes are gone
    on_days("宠物 登记", 25)
    assert kept() == [("pet", 6), ("宠物 登记", 7)]


def test_the_name_that_one_person_types_again_and_again_is_not_kept(site):
    for _ in range(40):
        on_days("王小芳", 2, 3)
    assert kept() == []
    for words in db.session.scalars(sa.select(SearchMiss.words)):
        assert "王" not in words
        assert len(words) <= 60
    assert counted() == 2


def test_days_of_two_months_and_of_two_languages_are_not_added_up(site):
    on_days("宠物登记", 29, 30)
    on_days("宠物登记", 28, lang="en")
    with clock.frozen(datetime(2026, 12, 1, 2, tzinfo=UTC)):
        misses.count_miss("宠物登记", "zh")
    assert kept() == []


def test_words_known_from_an_earlier_month_are_counted_at_once(site):
    on_days("宠物登记", 2, 3, 4)
    with clock.frozen(datetime(2026, 12, 1, 2, tzinfo=UTC)):
        misses.count_miss("宠物登记", "zh")
        assert kept() == [("宠物登记", 1), ("宠物登记", 3)]
        misses.forget_old()
        assert kept() == [("宠物登记", 1), ("宠物登记", 3)]


def test_days_under_an_older_key_count(site, monkeypatch):
    on_days("宠物登记", 2, 3)
    monkeypatch.setattr(site.extensions["civic"], "settings", replace(site.extensions["civic"].settings, data_keys=("e" * 40, "d" * 40)))
    on_days("宠物登记", 4)
    assert kept() == [("宠物登记", 3)]
    assert counted() == 1


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
        "一三八零零一三八零零零",
        "h1.8a9a206c.3277ad",
        "wang@example.org",
        "a",
        "",
        " ",
    ],
)
def test_numbers_addresses_and_single_letters_are_not_kept(site, text):
    on_days(text, 2, 3, 4)
    assert counted() == 0


@pytest.mark.parametrize("text", ["2026 年", "1234 号", "粤A1234", "一二三四五"])
def test_short_numbers_are_words(site, text):
    on_days(text, 2, 3, 4)
    assert len(kept()) == 1


@pytest.mark.parametrize("text", ["宠物\x00登记", "x" * 5000, "㙓𠮷" * 100, "🀄🀄", "a\u202eb", "ﷺ" * 60])
def test_strange_words_break_nothing(site, text):
    on_days(text, 2, 3, 4)
    assert all(len(words) <= 60 and "\x00" not in words for words, _ in kept())


def test_old_words_are_forgotten(site):
    on_days("宠物", 2, 3, 4)
    with clock.frozen(clock.now() + timedelta(days=700)):
        misses.forget_old()
        assert len(kept()) == 1
    with clock.frozen(clock.now() + timedelta(days=800)):
        misses.forget_old()
    assert kept() == []


def test_hashes_are_gone_when_their_month_is_over(site):
    on_days("王小芳", 2, 3)
    with clock.frozen(datetime(2026, 11, 30, 2, tzinfo=UTC)):
        misses.forget_old()
        assert counted() == 2
    with clock.frozen(datetime(2026, 12, 1, 2, tzinfo=UTC)):
        misses.forget_old()
        assert counted() == 0


def test_words_that_an_earlier_program_kept_too_soon_go(site):
    with atomic():
        db.session.add_all(
            [SearchMiss(month=date(2026, 11, 1), lang="zh", words=words, count=count) for words, count in (("王小芳", 2), ("宠物", 3))]
        )
    misses.forget_old()
    assert kept() == [("宠物", 3)]


def test_a_process_gathers_counts_and_writes_them_together(live_app):
    with live_app.app_context():
        for _ in range(3):
            misses.count_miss("宠物登记", "zh")
        assert counted() == 0
        misses.write_gathered(live_app)
        db.session.rollback()
        assert db.session.scalars(sa.select(SearchMiss.count)).all() == [3]
        misses.write_gathered(live_app)
        assert counted() == 1
