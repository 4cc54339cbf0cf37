"""The page of a merge says what its undoing brings back, before anybody asks for it and before the second person does it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from civic.core import clock
from civic.core.viewer import Actor
from civic.people import operations as people
from civic.people.models import MergeState
from civic.points import operations
from tests.support.people import CLERK, COLLEAGUE
from tests.support.points import balance

DESK = Actor(7)
HEAD = {"en": "This follows when it is undone", "zh": "撤销后会这样"}
SAID = {
    "en": "Points that the merge moved: 5 3 of them are still there and come back. What was spent meanwhile is asked from nobody.",
    "zh": "合并时转出 5 分",
}


def read(browser, uid: str, lang: str) -> str:
    browser.set_cookie("civic_lang", lang)
    page = browser.get(f"/desk/people/merges/{uid}", status=200).get_data(as_text=True)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


@pytest.fixture
def spent_by_both(make_person, make_wallet):
    """Two rows, 5.00 of the one that is merged, 2.00 of them spent as one; the merge waits for its second person."""
    loser, survivor = make_person(), make_person("王方")
    wallet, hers = make_wallet(5_00, loser), make_wallet(person=survivor)
    merge = people.ask_merge(CLERK, loser.id, survivor.id, "同一人")

    def fold() -> None:
        people.decide_merge(COLLEAGUE, merge.id, True)
        held = operations.hold(DESK, hers, 2_00, source="order:1", until=clock.now() + timedelta(days=14))
        operations.settle(DESK, held.id)

    return merge, fold, wallet, hers


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_comes_back_is_said_where_it_is_undone(spent_by_both, client, sign_in, make_account, place, lang):
    merge, fold, wallet, hers = spent_by_both
    uid, merge_id = merge.uid, merge.id
    sign_in(client, make_account("clerk", place))
    assert HEAD[lang] not in read(client, uid, lang)  # nothing was merged yet
    fold()
    page = read(client, uid, lang)
    assert HEAD[lang] in page
    assert SAID[lang] in page
    people.ask_undo(CLERK, merge_id, "两个人")
    assert SAID[lang] in read(client, uid, lang)  # the second person reads it too
    assert people.undo_merge(COLLEAGUE, merge_id).state is MergeState.undone
    assert (balance(wallet), balance(hers)) == (3_00, 0)  # as was said
    assert HEAD[lang] not in read(client, uid, lang)


def test_nothing_is_said_where_nothing_was_moved(client, sign_in, make_account, place, make_person):
    loser, survivor = make_person(), make_person("王方")
    merge = people.ask_merge(CLERK, loser.id, survivor.id, "同一人")
    people.decide_merge(COLLEAGUE, merge.id, True)
    uid = merge.uid
    sign_in(client, make_account("clerk", place))
    assert HEAD["en"] not in read(client, uid, "en")
