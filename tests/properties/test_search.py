"""Laws of search: nothing typed raises, both engines rank alike, what stands in a title is found."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from civic.core import clock, search
from civic.core.atomic import atomic
from civic.core.db import db
from tests.conftest import ENGINES, NOW

LONG = os.environ.get("CIVIC_TEST_LONG") == "1"
WORDS = [
    "居住",
    "居住证",
    "高龄",
    "津贴",
    "租房",
    "补贴",
    "㙓",
    "𠮷祥",
    "permit",
    "permits",
    "rent",
    "help",
    "old",
    "jzz",
    "juzhu",
    "A4",
    "2026",
    "的",
    "怎么",
    "1e5",
]
text = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), min_size=1, max_size=4).map(" ".join)
rows = st.lists(st.tuples(st.sampled_from("abcdef"), text, st.lists(text, max_size=2), text), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def both(built_url, tmp_path_factory):
    """The same index in a site on each engine; `fill(rows)` writes it anew, `ask(text)` asks both."""
    from civic.app import create_app
    from tests.conftest import settings_for

    apps = []
    for engine in ENGINES:
        made = create_app(settings_for(built_url(engine, f"law_search_{os.getpid()}"), tmp_path_factory.mktemp("law")))
        apps.append(made)

    def fill(found) -> None:
        for app in apps:
            with app.app_context(), atomic():
                for result in "abcdef":
                    search.drop("law", result)
                for number, (result, title, phrases, body) in enumerate(found):
                    clean = [p.replace("\x00", "") for p in (title, *phrases, body)]
                    search.put("law", result, "zh", title=clean[0], phrases=clean[1:-1], body=clean[-1], part=str(number))

    def ask(asked: str) -> list[list[search.Found]]:
        answers = []
        for app in apps:
            with app.app_context():
                answers.append(search.find(asked))
        return answers

    with clock.frozen(NOW):
        yield fill, ask
    for app in apps:
        with app.app_context():
            db.engine.dispose()


@settings(max_examples=300 if LONG else 20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, asked=st.lists(text, min_size=3, max_size=8))
def test_both_engines_find_the_same_in_the_same_order(both, rows, asked):
    fill, ask = both
    fill(rows)
    for one in [*asked, *(title for _, title, _, _ in rows)]:
        sqlite, postgresql = ask(one)
        assert sqlite == postgresql, one


def test_a_sign_that_no_library_of_this_machine_knows_is_found(both):
    """𱍋 came with Unicode 15, 㙓 and 𠮷 stand in names; 𱍊𱍋 is a pair."""
    fill, ask = both
    fill([("a", "张𱍋", [], ""), ("b", "㙓", ["𠮷祥"], ""), ("c", "𱍊𱍋", [], "")])
    for asked, found in (("𱍋", ["c", "a"]), ("张𱍋", ["a"]), ("𱍊𱍋", ["c"]), ("㙓", ["b"]), ("𠮷祥", ["b"])):
        for answer in ask(asked):
            assert sorted(each.result for each in answer) == sorted(found), asked


@settings(max_examples=200 if LONG else 20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.lists(st.sampled_from([w for w in WORDS if w not in {"的", "怎么"}]), min_size=1, max_size=3).map("".join), others=rows)
def test_a_title_typed_as_it_stands_is_found(both, title, others):
    fill, ask = both
    fill([*((r, t, p, b) for r, t, p, b in others if r != "a"), ("a", title, [], "")])
    for answer in ask(title):
        assert "a" in [f.result for f in answer], title


@given(st.text(max_size=80))
@settings(max_examples=500 if LONG else 100)
def test_words_are_normal_after_being_made_normal(typed):
    assert search.normal(search.normal(typed)) == search.normal(typed)
    assert all(token == search.normal(token) for token in search.tokens_of(typed))
