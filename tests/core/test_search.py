"""Search without a segmenter: short Chinese words, rare characters, initials, English endings; nothing typed can break it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from civic.core import search
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.search import SearchRow


@pytest.fixture
def index(site):
    """A few matters, each with a title, what people say, a body."""
    with atomic():
        search.put("item", "permit", "zh", title="居住证办理", phrases=["暂住证", "居住证"], body="流动人口在番禺居住半年以上可以办理")
        search.put(
            "item",
            "permit",
            "en",
            title="Residence permit",
            phrases=["residence permits", "temporary permit"],
            body="For people who live here.",
        )
        search.put("item", "old-age", "zh", title="高龄津贴申领", phrases=["老人金", "敬老金"], body="年满八十周岁的老人每月领取津贴")
        search.put(
            "item", "old-age", "en", title="Old-age allowance", phrases=["money for old people"], body="Paid each month from eighty."
        )
        search.put("item", "rent", "zh", title="公共租赁住房租金补贴", phrases=["租房补贴"], body="住房困难家庭")
        search.put("item", "rent", "en", title="Rent subsidy", phrases=["help with rent"], body="For families without a home of their own.")
        search.put("item", "rare", "zh", title="㙓头村祠堂", phrases=["𠮷祥活动"], body="村里的事")
        search.put("place", "garden", "zh", title="居民花园", body="花", territory="/440113/C1/")
    return site


def found(text: str, **more) -> list[str]:
    return [f.result for f in search.find(text, **more)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("居住证", "permit"),
        ("高龄", "old-age"),
        ("津贴", "old-age"),
        ("老人金", "old-age"),
        ("租房", "rent"),
        ("residence permit", "permit"),
        ("Residence Permits", "permit"),
        ("help with rent", "rent"),
        ("subsidies", "rent"),
        ("allowances", "old-age"),
        ("jzz", "permit"),
        ("JZZ", "permit"),
        ("juzhuzheng", "permit"),
        ("ｊｚｚ", "permit"),
        ("Ｒｅｎｔ", "rent"),
        ("我想办理居住证", "permit"),
        ("how do I get a residence permit", "permit"),
        ("㙓", "rare"),
        ("𠮷", "rare"),
        ("𠮷祥", "rare"),
        ("㙓头", "rare"),
    ],
)
def test_the_wanted_matter_comes_first(index, typed, first):
    assert found(typed)[:1] == [first]


@pytest.mark.parametrize("typed", ["", " ", "。", "!!!", "the", "xyzzy", "犀牛", "\x00", "🀄", "qq"])
def test_what_is_nowhere_finds_nothing(index, typed):
    assert found(typed) == []


@pytest.mark.parametrize(
    "mark", [*"\"'*():-+^~{}[]\\/%_;&|!<>@$?#", " OR ", " AND ", " NOT ", " NEAR/3 ", "''", '""', "\x00", "\n", "\u202e", "--", "/*"]
)
def test_signs_of_the_engines_are_only_signs(index, mark):
    for text in (mark, f"居住证{mark}", f"{mark}居住证", f"居{mark}住", f"permit{mark}", f"{mark}permit{mark}rent"):
        search.find(text)
    assert found(f"permit{mark}")[:1] == ["permit"]


def test_a_sentence_longer_than_the_limit_still_finds(index):
    assert found("居住证" + "，请问应该去哪里" * 30)[:1] == ["permit"]


def test_a_result_stands_once_with_its_best_row(index):
    assert found("permit").count("permit") == 1


def test_the_phrase_that_matched_is_told(index):
    assert search.find("老人金")[0].phrase == "老人金"


def test_rows_of_another_community_are_left_out(index):
    assert found("花园") == []
    assert found("花园", territory="/440113/C2/") == []
    assert found("花园", territory="/440113/C1/") == ["garden"]


def test_only_the_sources_asked_for(index):
    assert found("居", sources=["place"], territory="/440113/C1/") == ["garden"]


def test_a_row_written_again_replaces_the_old_text(index):
    with atomic():
        search.put("item", "rent", "zh", title="住房补贴", phrases=["房补"], body="")
    assert found("租赁") == []
    assert found("房补") == ["rent"]
    assert db.session.scalar(sa.select(sa.func.count()).where(SearchRow.result == "rent", SearchRow.lang == "zh")) == 1


def test_a_dropped_result_is_found_no_more(index):
    with atomic():
        search.drop("item", "rent")
    assert found("rent") == found("租房") == []


def test_an_undone_operation_leaves_the_index_as_it_was(index):
    with pytest.raises(ZeroDivisionError), atomic():
        search.put("item", "new", "zh", title="犀牛", body="")
        raise ZeroDivisionError
    assert found("犀牛") == []


def test_a_weak_row_before_a_strong_one_of_the_same_matter_does_not_win(index):
    """A matter whose first candidate scores nothing: its other row decides, and nothing breaks."""
    with atomic():
        search.put("item", "mixed", "zh", title="甲", body="一二 三四 五六 七八", part="a")
        search.put("item", "mixed", "zh", title="一二三四五六七八", body="", part="b")
    assert found("一二三四五六七八")[:1] == ["mixed"]


# ---- tokens ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("permits", "permit"),
        ("subsidies", "subsidy"),
        ("boxes", "box"),
        ("address", "address"),
        ("housing", "hous"),
        ("house", "hous"),
        ("allowances", "allowanc"),
        ("allowance", "allowanc"),
        ("applied", "apply"),
        ("fees", "fee"),
        ("fee", "fee"),
        ("bus", "bus"),
        ("registered", "register"),
        ("gas", "gas"),
    ],
)
def test_english_endings(word, stem):
    assert search.stem(word) == stem


def test_chinese_runs_become_single_characters_and_pairs():
    assert search.tokens_of("居住证 A4") == ["居", "住", "证", "居住", "住证", "a4"]
    assert search.query_tokens("居住证") == ["居住", "住证"]
    assert search.query_tokens("请问居住证怎么办理") == ["居住", "住证"]
    assert search.query_tokens("请问") == ["请问"]


def test_initials_and_pinyin():
    assert (search.initials_of("居住证"), search.pinyin_of("居住证"), search.initials_of("abc")) == ("jzz", "juzhuzheng", "")
