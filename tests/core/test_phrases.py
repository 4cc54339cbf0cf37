"""Words of pages: the same as Flask-Babel and Jinja form them, in the language of the moment; statements and addresses made once."""

from __future__ import annotations

import threading

import jinja2
import pytest
import sqlalchemy as sa
from flask import url_for
from flask_babel import force_locale, get_translations, gettext
from flask_babel import pgettext as about
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from civic.core import i18n
from civic.core.db import db
from civic.core.prepared import ask
from civic.core.site import SiteMark
from civic.core.web import limits
from civic.core.web.context import Later

ASKED = """{{ _('Skip to the text') }}|{{ gettext('Search in %(place)s', place=name) }}|{{ pgettext('page', 'Desk') }}|
{{ pgettext('page', 'Inbox (%(count)s)', count=3) }}|{{ ngettext('%(num)s person found', '%(num)s people found', 1) }}|
{{ ngettext('%(num)s person found', '%(num)s people found', 7, num='seven') }}|{{ npgettext('a', '%(num)s %(context)s', '%(num)s %(context)ss', 2) }}|
{{ _('nobody has translated <this> & 100%% of that') }}|{{ pgettext('x', 'in %(context)s') }}|{% trans who=name %}for {{ who }}{% endtrans %}"""


def as_jinja_says(source: str, *, autoescape: bool, **values: str) -> str:
    """The library's own functions, which the site's replace."""
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=autoescape)  # noqa: S701 - the parameter is the test
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda s: get_translations().ugettext(s),
        ngettext=lambda s, p, n: get_translations().ungettext(s, p, n),
        newstyle=True,
        pgettext=lambda c, s: get_translations().upgettext(c, s),
        npgettext=lambda c, s, p, n: get_translations().unpgettext(c, s, p, n),
    )
    return environment.from_string(source).render(values)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("autoescape", [True, False])
def test_templates_say_what_jinja_would_say_the_second_time_too(site, lang, autoescape):
    source = ASKED if autoescape else "{% autoescape false %}" + ASKED + "{% endautoescape %}"
    with site.app_context(), site.test_request_context("/", headers={"Accept-Language": lang}):
        wanted = as_jinja_says(ASKED, autoescape=autoescape, name="<王>")
        template = site.jinja_env.from_string(source)
        assert [template.render(name="<王>"), template.render(name="<王>")] == [wanted, wanted]
        assert ("跳到正文" in wanted or "Skip to the text" not in wanted) is (lang == "zh")


def test_a_part_in_another_language_speaks_it_and_the_page_goes_on_in_its_own(site):
    with site.app_context(), site.test_request_context("/", headers={"Accept-Language": "zh"}):
        page = site.jinja_env.from_string("{{ pgettext('page', 'Desk') }}")
        before = (gettext("Skip to the text"), about("page", "Desk"), page.render(), i18n.lang())
        with force_locale("en"):
            assert (gettext("Skip to the text"), about("page", "Desk"), page.render(), i18n.lang()) == (
                "Skip to the text",
                "Desk",
                "Desk",
                "en",
            )
        assert (gettext("Skip to the text"), about("page", "Desk"), page.render(), i18n.lang()) == before
        assert before[0] != "Skip to the text"
        assert before[3] == "zh"


def test_words_outside_a_request_are_the_sites_and_outside_the_site_as_written(site):
    with site.app_context():
        assert gettext("Skip to the text") != "Skip to the text"  # the site's language is Chinese


def test_a_prepared_statement_sees_what_the_block_has_added(site):
    value = sa.select(SiteMark.__table__.c.value).where(SiteMark.__table__.c.name == sa.bindparam("name"))
    assert ask(value, name="prepared").scalar() is None
    db.session.add(SiteMark(name="prepared", value="now"))
    assert ask(value, name="prepared").scalar() == "now"
    db.session.rollback()


def test_addresses_are_those_of_the_page_they_stand_on(site):
    with site.app_context(), site.test_request_context("/desk/people/new"):
        assert [url_for(".find"), url_for(".find"), url_for(".find", asked="x")] == [
            "/desk/people/",
            "/desk/people/",
            "/desk/people/?asked=x",
        ]
        assert url_for("front.home", _external=True).startswith("http")
        assert url_for("front.home", _anchor="top") == "/#top"
    with site.app_context(), site.test_request_context("/search"):
        assert url_for(".find") == "/search"
    with site.app_context(), site.test_request_context("/", base_url="https://civic.example.org/town"):
        assert url_for("front.find") == "/town/search"


def test_a_list_is_made_when_it_is_looked_at_and_once():
    made: list[int] = []
    later = Later(lambda: made.append(1) or ["a", "b", "c"])
    assert made == []
    assert (list(later), later[:2], len(later), bool(later), made) == (["a", "b", "c"], ["a", "b"], 3, True, [1])
    assert not Later(list)


def test_limits_count_without_a_thread_and_forget_what_is_over(monkeypatch):
    counts = storage_from_string("civic-memory://")
    counts.timer.join()  # the library starts one when it is made
    threads, ask_often, limit = threading.active_count(), FixedWindowRateLimiter(counts), parse("2 per 1 second")
    moment = 1_000.5
    monkeypatch.setattr("limits.storage.memory.time.time", lambda: moment)
    monkeypatch.setattr(limits.time, "monotonic", lambda: moment)
    assert [ask_often.hit(limit, "account:1") for _ in range(3)] == [True, True, False]
    assert threading.active_count() == threads
    assert len(counts.storage) == 1
    moment += limits.SWEEP_EVERY + 1
    assert ask_often.hit(limit, "account:2")
    assert [key for key in counts.storage if "account:1" in key] == []
