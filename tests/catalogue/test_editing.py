"""A department edits its own items as new versions; two editors are told of each other; history is never rewritten."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.catalogue import operations, queries
from civic.catalogue.errors import (
    ItemChanged,
    NoChannel,
    OnlyFollowing,
    OnSpotNeedsNoDays,
    PastDay,
    PromiseAfterLaw,
    UnknownLaws,
    UnknownMaterials,
)
from civic.catalogue.models import HandlingType, ItemWord, ServiceItemVersion, WordKind
from civic.catalogue.operations import Words
from civic.core import clock, search
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.workdays import Unit
from tests.support.catalogue import TESTER, text_of

WORDS = Words(("居住证",), ("residence permit",), "住满半年", "Half a year")


def edit(item, *, base=1, on=None, materials=("M-001",), may_follow="", laws=(), words=WORDS, **changes):
    changes.setdefault(
        "category_id", db.session.scalar(sa.select(ServiceItemVersion.category_id).where(ServiceItemVersion.item_id == item.id))
    )
    return operations.edit_item(TESTER, item.id, base, text_of(**changes), materials, may_follow, laws, words, on or clock.today(), "why")


def test_a_new_version_counts_from_its_day_and_the_old_one_stays(make_item):
    item = make_item()
    tomorrow = clock.today() + timedelta(days=1)
    made = edit(item, on=tomorrow, promised_limit=5)
    assert made.number == 2
    assert queries.item_view(item.code).version.promised_limit == 8
    assert queries.item_view(item.code, tomorrow).version.promised_limit == 5
    assert queries.item_view(item.code).coming_on == tomorrow


def test_of_two_versions_of_one_day_the_later_number_counts(make_item):
    item = make_item()
    edit(item, promised_limit=5)
    edit(item, base=2, promised_limit=4)
    assert queries.item_view(item.code).version.promised_limit == 4
    assert [row.number for row in queries.history(item.id)] == [3, 2, 1]


def test_the_second_of_two_editors_is_told(make_item):
    item = make_item()
    edit(item, promised_limit=5)
    with pytest.raises(ItemChanged) as refusal:
        edit(item, promised_limit=3)
    assert refusal.value.context == {"current": 2}
    assert queries.item_view(item.code).version.promised_limit == 5


def test_saying_the_same_again_writes_nothing(make_item):
    item = make_item(materials=("M-001",), words=WORDS)
    made = edit(item, promised_limit=5)
    again = edit(item, base=2, promised_limit=5)
    assert (again.number, len(queries.history(item.id)), item.lock_version) == (made.number, 2, 2)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(AuditEvent).where(AuditEvent.verb == "catalogue.item.edit")) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"promised_limit": 5},
        {"materials": ("M-002", "M-001")},
        {"may_follow": "M-001"},
        {"words": Words(("居住证",), (), "住满半年", "Half a year")},
        {"is_retired": True},
    ],
)
def test_whatever_differs_makes_a_version(make_item, changes):
    item = make_item(words=WORDS)
    edit(item, **{"materials": ("M-001", "M-002"), **changes})
    assert len(queries.history(item.id)) == 2


def test_what_another_version_says_by_then_counts(make_item):
    item = make_item(materials=("M-001",), words=WORDS)
    tomorrow = clock.today() + timedelta(days=1)
    edit(item, on=tomorrow, promised_limit=5)
    assert edit(item, base=2).number == 1  # says today what it says today
    assert edit(item, base=2, on=tomorrow).number == 3  # takes back what would count from tomorrow


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"on": "yesterday"}, PastDay),
        ({"materials": ("M-404",)}, UnknownMaterials),
        ({"laws": ("《没有的法》",)}, UnknownLaws),
        ({"may_follow": "M-002"}, OnlyFollowing),
        ({"handling_type": HandlingType.on_spot, "promised_limit": 3}, OnSpotNeedsNoDays),
        ({"promised_unit": Unit.calendar_day, "promised_limit": 16}, PromiseAfterLaw),
        ({"channels": 0}, NoChannel),
    ],
)
def test_a_refusal_leaves_everything_as_it_was(make_item, changes, error):
    item = make_item(materials=("M-001",))
    if changes.get("on") == "yesterday":
        changes = {"on": clock.today() - timedelta(days=1)}
    with pytest.raises(error) as refusal:
        edit(item, **changes)
    assert str(refusal.value.message)
    assert len(queries.history(item.id)) == 1


def test_a_promise_in_working_days_may_be_shorter_than_more_calendar_days(make_item):
    assert edit(make_item(), promised_limit=15, promised_unit=Unit.working_day).promised_limit == 15


def test_everyday_words_count_at_once_and_keep_their_kind(make_item):
    item = make_item(words=Words(("居住证", "旧词"), ("permit",), "一句话", ""))
    with atomic():
        db.session.execute(sa.update(ItemWord).where(ItemWord.text == "居住证").values(kind=WordKind.old))
    edit(item, words=Words(("居住证", "绿卡"), (), "另一句话", "One sentence"))
    kinds = dict(db.session.execute(sa.select(ItemWord.text, ItemWord.kind)).all())
    assert kinds == {"居住证": WordKind.old, "绿卡": WordKind.said, "另一句话": WordKind.summary, "One sentence": WordKind.summary}
    assert [f.result for f in search.find("绿卡")] == [item.code]
    assert search.find("旧词") == []


def test_a_retired_item_leaves_list_and_search(make_item):
    item = make_item()
    edit(item, is_retired=True)
    assert item.code not in queries.overview().cards
    assert search.find("居住证") == []


def test_a_version_of_tomorrow_reaches_search_on_its_day(make_item):
    item = make_item()
    edit(item, on=clock.today() + timedelta(days=1), name_zh="新名字登记", words=Words((), ()))
    assert search.find("新名字") == []
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert operations.follow_versions() == 1
        assert [f.result for f in search.find("新名字")] == [item.code]


def test_an_edit_is_recorded_with_numbers_only(make_item):
    item = make_item()
    edit(item)
    line = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.verb == "catalogue.item.edit")).one()
    assert (line.subject_id, line.context) == (item.id, '{"effective_on": "2026-11-25", "version": 2}')
