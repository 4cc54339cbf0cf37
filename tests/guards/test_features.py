"""Each feature off in turn: the site answers, nothing of the feature shows, its data and checks stay; siblings hear each other."""

from __future__ import annotations

import pytest

from civic.core import clock, search
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.site import FeatureSwitch
from civic.core.viewer import Role, Scope, Viewer
from civic.scheduler import all_jobs
from tests.support.features import KEEPER, SkyFull, land, marks

FEATURES = {"pigeons": "kites", "kites": "pigeons"}
CLERK = Viewer(account_id=1, name="Wang", scopes=(Scope(Role.manager, "/"),))


def features_of_the_site(app) -> set[str]:
    return {module.name for module in app.extensions["civic"].registry.modules if module.is_feature}


@pytest.fixture
def off(site):
    def switch(name: str) -> None:
        with atomic():
            db.session.add(FeatureSwitch(feature=name, from_on=clock.today(), is_off=True))

    return switch


def test_the_guard_knows_every_feature(site):
    """A new feature is switched off here too: its name is all that this file needs to learn."""
    assert features_of_the_site(site) >= set(FEATURES)


@pytest.mark.parametrize("name", FEATURES)
def test_with_a_feature_off_the_site_answers_and_shows_nothing_of_it(client, off, name):
    other = FEATURES[name]
    before = client.get("/", status=200).get_data(as_text=True)
    assert f'href="/{name}/"' in before
    off(name)
    for mode in ("", "elder"):
        client.set_cookie("civic_mode", mode)
        text = client.get("/", status=200).get_data(as_text=True)
        assert f'href="/{name}/"' not in text
        assert f'href="/{other}/"' in text
    client.get("/search?q=x", status=200)
    client.get(f"/{name}/", status=404)
    client.get(f"/api/v1/{name}", status=404)
    client.get(f"/{other}/", status=200)
    client.get(f"/api/v1/{other}", status=200)


@pytest.mark.parametrize("name", FEATURES)
def test_with_a_feature_off_nobody_is_asked_for_it(site, off, name):
    registry = site.extensions["civic"].registry
    off(name)
    with site.test_request_context("/"):
        for what in ("navigation", "elder_doors", "desk_actions", "desk_queues"):
            hrefs = {entry.href for entry in registry.ask(what, CLERK)}
            assert f"/{name}/" not in hrefs, what
            assert f"/{FEATURES[name]}/" in hrefs, what
        assert len(registry.ask("home_cards", CLERK)) == len([c for m in registry.active() for c in m.home_cards(CLERK)])
    assert name not in {source.name for source in registry.all_of("search_sources", only_active=True)}
    assert f"{name}-job" not in {job.name for job in all_jobs(registry)}
    assert f"{FEATURES[name]}-job" in {job.name for job in all_jobs(registry)}


def test_off_in_a_territory_is_off_in_its_search_too(site):
    registry = site.extensions["civic"].registry
    with atomic():
        db.session.add(FeatureSwitch(feature="pigeons", territory="/a/", from_on=clock.today(), is_off=True))
    for place, there in (("", True), ("/a/b/", False), ("/b/", True)):
        names = {source.name for source in registry.all_of("search_sources", only_active=True, place_path=place)}
        assert ("pigeons" in names) is there, place


@pytest.mark.parametrize("name", FEATURES)
def test_the_desk_shows_only_work_of_what_is_on(client, off, name, monkeypatch):
    monkeypatch.setattr(client.application.extensions["civic"].hooks, "build_viewer", lambda: CLERK)
    assert f'href="/{name}/"' in client.get("/desk/", status=200).get_data(as_text=True)
    off(name)
    text = client.get("/desk/", status=200).get_data(as_text=True)
    assert f'href="/{name}/"' not in text
    assert f'href="/{FEATURES[name]}/"' in text


def test_data_and_checks_of_a_feature_that_is_off_stay(site, off):
    land(KEEPER, "stray")
    off("pigeons")
    check = next(c for c in site.extensions["civic"].registry.all_of("checks") if c.name == "pigeons")
    assert [v.row for v in check.run()] == ["pigeon:stray"]


def test_what_a_feature_wrote_is_found_again_when_it_is_on(site, off):
    with atomic():
        search.put("pigeons", "dove", "zh", title="鸽子")
    off("pigeons")
    names = [s.name for s in site.extensions["civic"].registry.all_of("search_sources", only_active=True)]
    assert search.find("鸽子", sources=names) == []
    assert [f.result for f in search.find("鸽子", sources=["pigeons"])] == ["dove"]


# ---- siblings hear each other ----------------------------------------------------------------------------------------------
def test_a_sibling_hears_inside_the_transaction(site):
    land(KEEPER, "dove")
    assert (marks("pigeon"), marks("kite")) == (["pigeon:dove"], ["kite:dove"])


def test_what_a_sibling_refuses_undoes_the_cause(site):
    with pytest.raises(SkyFull):
        land(KEEPER, "eagle")
    assert (marks("pigeon"), marks("kite")) == ([], [])


def test_what_fails_after_the_sibling_undoes_the_sibling_too(site):
    with pytest.raises(ZeroDivisionError), atomic():
        land(KEEPER, "dove")
        raise ZeroDivisionError
    assert (marks("pigeon"), marks("kite")) == ([], [])
