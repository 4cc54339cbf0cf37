"""The whole reference catalogue through `civic load`: counts, a second load, an edit that survives, a second district, search.

One database an engine for this file, loaded once. A test may be run by another process than the one before it, so each makes what it needs.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic import paths
from civic.app import create_app
from civic.catalogue import operations, queries
from civic.catalogue.models import ServiceItem
from civic.catalogue.operations import ItemText, Words
from civic.core import clock, freshness, search
from civic.core.db import db
from civic.core.load import engine, runs
from civic.core.registry import the_registry
from civic.territory.models import Station
from tests.conftest import ENGINES, settings_for
from tests.support.catalogue import TESTER


def files(*folders):
    return [(f"{folder}/{p.name}", p.read_bytes()) for folder in folders for p in sorted((paths.DATA / folder).glob("*.csv"))]


@pytest.fixture(scope="module", params=ENGINES)
def loaded(request, built_url, tmp_path_factory):
    """A site with the reference catalogue and the demo's territory, and the report of that first load."""
    app = create_app(settings_for(built_url(request.param, "reference"), tmp_path_factory.mktemp("reference")))
    freshness.forget()
    with app.app_context():
        report = runs.run_load(TESTER, engine.plan_load(files("catalogue", "panyu", "workdays")))
        freshness.forget()
        yield app, report
        db.session.remove()
        db.engine.dispose()
    freshness.forget()


def load_again(*folders):
    db.session.rollback()
    report = runs.run_load(TESTER, engine.plan_load(files(*folders)))
    freshness.forget()
    return report


def test_the_first_load_adds_78_and_176_items(loaded):
    kinds = loaded[1].kinds
    assert {name: kinds[name].added for name in ("service_items", "grid_items", "materials", "laws", "flows", "categories", "bodies")} == {
        "service_items": 78, "grid_items": 176, "materials": 157, "laws": 108, "flows": 10, "categories": 11, "bodies": 69,
    }  # fmt: skip
    assert not [row for count in kinds.values() for row in count.rejected]


def test_the_second_load_changes_nothing(loaded):
    kinds = load_again("catalogue", "panyu", "workdays").kinds
    assert (kinds["service_items"].unchanged, kinds["grid_items"].unchanged) == (78, 176)
    assert sum(count.added + count.changed for count in kinds.values()) == 0


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("居住证", "SI-LG-004"), ("高龄", "SI-MZ-008"), ("老人金", "SI-MZ-008"), ("jzz", "SI-LG-004"), ("residence permit", "SI-LG-004"),
        ("help with rent", "SI-ZJ-002"), ("租房补贴", "SI-ZJ-002"), ("小孩入学", "SI-LG-012"), ("低保", "SI-MZ-001"), ("dibao", "SI-MZ-001"),
        ("残疾证", "SI-CL-001"), ("医保", "SI-YB-001"), ("异地就医", "SI-YB-003"), ("宅基地", "SI-NY-001"), ("公租房", "SI-ZJ-001"),
        ("家庭医生", "SI-WJ-016"), ("叶酸", "SI-WJ-012"), ("养老认证", "SI-RS-003"), ("平安钟", "SI-MZ-013"),
        ("我想办居住证", "SI-LG-004"), ("怎么申请低保", "SI-MZ-001"), ("old age money", "SI-MZ-008"), ("legal aid", "SI-SF-001"), ("ＪＺＺ", "SI-LG-004"),
        ("juzhuzheng", "SI-LG-004"), ("SI-LG-004", "SI-LG-004"),
    ],
)  # fmt: skip
def test_the_wanted_item_stands_among_the_first_three(loaded, asked, code):
    assert code in [found.result for found in search.find(asked)[:3]]


def test_every_everyday_word_finds_its_item_among_the_first_three(loaded):
    rows = (line.split(",", 3) for line in (paths.DATA / "catalogue/item_words.csv").read_text().splitlines()[1:])
    missed = [
        (text, code)
        for code, kind, _, text in rows
        if kind != "summary" and code not in [f.result for f in search.find(text.strip('"'))[:3]]
    ]
    assert missed == []


def test_words_of_nobody_find_nothing(loaded):
    assert [search.find(words) for words in ("量子计算机", "zzzzqq", "helicopter")] == [[], [], []]


def test_both_engines_need_at_most_four_statements_for_the_list(loaded):
    freshness.forget()
    answer = queries.matching(queries.Asked(audience="older"), queries.overview())
    assert len(answer.cards) == 19
    assert len(queries.overview().audiences) == 8


def promise(code, days, *everyday):
    """The department's own edit on its page: another promise, and everyday words of its own."""
    item = db.session.scalars(sa.select(ServiceItem).where(ServiceItem.code == code)).one()
    view = queries.item_view(code)
    text = ItemText(**{**vars(ItemText.of(view.version)), "promised_limit": days})
    words = Words((*view.words["zh"], *everyday), tuple(view.words["en"]), view.summary.zh, view.summary.en)
    papers, laws = [p.code for p in view.papers], [law.name.zh for law in view.laws]
    follow = next((p.code for p in view.papers if p.may_follow), "")
    operations.edit_item(TESTER, item.id, item.lock_version, text, papers, follow, laws, words, clock.today(), "faster now")
    freshness.forget()


def test_an_edited_item_survives_the_third_load(loaded):
    promise("SI-LG-004", 6, "绿卡")
    kinds = load_again("catalogue").kinds
    assert (kinds["service_items"].unchanged, kinds["item_words"].changed) == (78, 0)
    assert queries.item_view("SI-LG-004").version.promised_limit == 6
    assert search.find("绿卡")[0].result == "SI-LG-004"


def test_a_changed_column_of_the_list_makes_a_version_and_leaves_the_edit_alone(loaded):
    promise("SI-LG-004", 5)
    number = queries.item_view("SI-LG-004").version.number
    name = "catalogue/service_items.csv"
    changed = dict(files("catalogue"))[name].decode().replace("SI-LG-004,广东省居住证申领受理", "SI-LG-004,广东省居住证首次申领").encode()
    db.session.rollback()
    report = runs.run_load(TESTER, engine.plan_load([(name, changed)]))
    freshness.forget()
    assert (report.kinds["service_items"].changed, report.kinds["service_items"].unchanged) == (1, 77)
    version = queries.item_view("SI-LG-004").version
    assert (version.number, version.name_zh, version.promised_limit) == (number + 1, "广东省居住证首次申领", 5)


def test_a_load_leaves_a_version_of_tomorrow_in_place(loaded):
    item = db.session.scalars(sa.select(ServiceItem).where(ServiceItem.code == "SI-LG-001")).one()
    view = queries.item_view("SI-LG-001")
    text = ItemText(**{**vars(ItemText.of(view.version)), "onsite_visits": 0})
    words = Words(tuple(view.words["zh"]), tuple(view.words["en"]), view.summary.zh, view.summary.en)
    tomorrow = clock.today() + timedelta(days=1)
    operations.edit_item(TESTER, item.id, item.lock_version, text, [p.code for p in view.papers], "M-003", [], words, tomorrow, "")
    freshness.forget()
    load_again("catalogue")
    assert queries.item_view("SI-LG-001").version.onsite_visits == 1
    assert queries.item_view("SI-LG-001", tomorrow).version.onsite_visits == 0


def test_an_invented_second_district_is_loaded_from_files_alone(loaded):
    kinds = load_again("second").kinds
    assert not [row for count in kinds.values() for row in count.rejected]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Station)) == 5


def test_nothing_is_wrong_afterwards(loaded):
    assert [v for check in the_registry().all_of("checks") for v in check.run()] == []
