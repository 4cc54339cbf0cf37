"""How days, moments and official words read in each language; how often a door may be tried; parts of the API that all share."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import UTC, date, datetime

import marshmallow as ma
import pytest
import sqlalchemy as sa
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from civic.core import clock, i18n
from civic.core.atomic import atomic
from civic.core.db import Bilingual, db
from civic.core.site import SiteMark
from civic.core.viewer import Viewer
from civic.core.web import api, limits
from civic.core.web.forms import ChoiceField, Form
from tests.support.client import check_page

BOTH, CHINESE_ONLY = Bilingual("居住证", "Residence permit"), Bilingual("<居住证>", "")


@contextlib.contextmanager
def request_of(site, **more):
    """A request with an application context of its own, so that it shares no viewer and no language with the next."""
    with site.app_context(), site.test_request_context("/", **more):
        yield


@pytest.fixture
def speaking(site):
    return lambda lang: request_of(site, headers={"Accept-Language": lang})


@pytest.mark.parametrize(
    ("lang", "day", "moment", "weekday", "words"),
    [
        ("zh", "2026年3月5日（周四）", "2026年3月5日（周四）14:30", "周日", "甲、乙"),
        ("en", "Thu 5 Mar 2026", "Thu 5 Mar 2026 14:30", "Sun", "甲, 乙"),
    ],
)
def test_days_moments_and_lists(speaking, lang, day, moment, weekday, words):
    with speaking(lang):
        assert i18n.format_day(date(2026, 3, 5)) == day
        assert i18n.format_moment(datetime(2026, 3, 5, 6, 30, tzinfo=UTC)) == moment
        assert i18n.weekday(7) == weekday
        assert i18n.join_words(["甲", "乙"]) == words
        assert "2026" not in i18n.format_day(date(2026, 3, 5), year=False)


def test_official_words_fall_back_to_the_other_language_and_say_so(speaking):
    with speaking("en"):
        assert str(i18n.tr(BOTH)) == "Residence permit"
        assert str(i18n.tr(CHINESE_ONLY)) == '<span lang="zh-CN">&lt;居住证&gt;</span>'
        assert (i18n.plain(CHINESE_ONLY), str(i18n.tr(None)), i18n.plain(None)) == ("<居住证>", "", "")
    with speaking("zh"):
        assert str(i18n.tr(Bilingual("", "Only English"))) == '<span lang="en">Only English</span>'


def test_without_a_request_the_site_speaks_its_own_language(site):
    assert i18n.lang() == "zh"
    with i18n.speaking("en"):
        assert i18n.lang() == "en"


def test_a_local_day_is_a_half_open_range():
    start, end = clock.day_bounds(date(2026, 3, 5))
    assert (start, end) == (datetime(2026, 3, 4, 16, tzinfo=UTC), datetime(2026, 3, 5, 16, tzinfo=UTC))


def test_a_frozen_clock_needs_a_zone():
    with pytest.raises(ValueError, match="aware"), clock.frozen(datetime(2026, 3, 5)):  # noqa: DTZ001
        pass


def test_another_zone_moves_the_local_day():
    with clock.frozen(datetime(2026, 3, 5, 20, tzinfo=UTC)):
        assert clock.today() == date(2026, 3, 6)
        clock.set_zone("UTC")
        try:
            assert clock.today() == date(2026, 3, 5)
        finally:
            clock.set_zone("Asia/Shanghai")


# ---- limits ----------------------------------------------------------------------------------------------------------------
def test_limits_count_by_account_else_by_address(site, monkeypatch):
    with request_of(site, environ_base={"REMOTE_ADDR": "203.0.113.7"}):
        assert limits.who() == "address:203.0.113.7"
    monkeypatch.setattr(site.extensions["civic"].hooks, "build_viewer", lambda: Viewer(account_id=5))
    with request_of(site, environ_base={"REMOTE_ADDR": "203.0.113.7"}):
        assert (limits.who(), limits.address()) == ("account:5", "address:203.0.113.7")


# ---- fields ----------------------------------------------------------------------------------------------------------------
class Chosen(Form):
    which = ChoiceField("Which", choices=[SelectChoice("a", "A"), SelectChoice("2", "B")])


@pytest.mark.parametrize(("typed", "good"), [("a", True), ("2", True), ("c", False), ("", False)])
def test_a_choice_that_is_not_offered_is_refused_in_words(site, typed, good):
    with site.test_request_context("/", method="POST", data={"which": typed}, headers={"Accept-Language": "en"}):
        form = Chosen(meta={"csrf": False})
        assert form.validate() is good
        assert good or form.which.errors == ["Choose one of the entries in the list."]
    assert issubclass(ChoiceField, SelectField)


# ---- API -------------------------------------------------------------------------------------------------------------------
def test_a_list_has_its_items_its_number_and_the_way_to_the_next_page(site):
    with atomic():
        db.session.add_all([SiteMark(name=f"m{n}", value="1") for n in range(5)])
    with site.test_request_context("/api/v1/pigeons?q=x&limit=2&offset=2"):
        args = {"limit": 2, "offset": 2}
        rows, total = api.paged(sa.select(SiteMark.name).order_by(SiteMark.name), args)
        page = api.page_of([name for (name,) in rows], total, args)
    assert (page["items"], page["total"]) == (["m2", "m3"], 5)
    assert page["next"] in {"/api/v1/pigeons?q=x&limit=2&offset=4", "/api/v1/pigeons?offset=4&q=x&limit=2"}
    with site.test_request_context("/api/v1/pigeons"):
        assert api.page_of([], 4, args)["next"] is None


def test_the_validator_of_a_thing_changes_with_its_parts():
    assert api.etag_of("a", 1) == api.etag_of("a", 1) != api.etag_of("a", 2)


def test_official_words_have_both_languages_in_the_api():
    class Thing(ma.Schema):
        name = api.BilingualField()

    assert Thing().dump({"name": BOTH}) == {"name": {"zh": "居住证", "en": "Residence permit"}}
    assert Thing().dump({"name": None}) == {"name": None}


def test_the_readable_docs_are_served_from_here(client):
    check_page(client.get("/api/v1/docs", status=200).get_data(as_text=True), "docs")
    with client.get("/api/v1/docs/swagger-ui.css", status=200):
        pass
    client.get("/api/v1/docs/index.html", status=404)
    document = client.get("/api/v1/openapi.json", status=200).get_json()
    assert document["openapi"] == "3.1.0"


def test_a_viewer_is_a_plain_frozen_value():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Viewer().account_id = 3
