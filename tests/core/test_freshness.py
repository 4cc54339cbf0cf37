"""What is off and what changed: features off for the site, for a territory, from a day on; versions of content."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from civic.core import clock, freshness
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.registry import Module, Registry
from civic.core.site import FeatureSwitch, SiteMark
from civic.core.viewer import NOBODY


def switch(feature: str, territory: str = "", from_on: date | None = None, is_off: bool = True) -> None:
    with atomic():
        db.session.add(FeatureSwitch(feature=feature, territory=territory, from_on=from_on or clock.today(), is_off=is_off))


@pytest.fixture
def is_off(site):
    registry = site.extensions["civic"].registry
    by_name = {module.name: module for module in registry.modules}
    return lambda name, path="": registry.is_off(by_name[name], path)


def test_nothing_is_off_at_first(is_off):
    assert not is_off("pigeons")


def test_off_for_the_site_is_off_everywhere(is_off):
    switch("pigeons")
    assert is_off("pigeons")
    assert is_off("pigeons", "/440113/440113004/")
    assert not is_off("kites")


def test_off_for_a_territory_is_off_there_and_below(is_off):
    switch("pigeons", "/440113/440113004/")
    assert is_off("pigeons", "/440113/440113004/")
    assert is_off("pigeons", "/440113/440113004/C1/")
    assert not is_off("pigeons", "/440113/440113005/")
    assert not is_off("pigeons", "/440113/4401130041/")
    assert not is_off("pigeons")


def test_off_begins_on_its_day(is_off):
    switch("pigeons", from_on=clock.today() + timedelta(days=1))
    assert not is_off("pigeons")
    with clock.frozen(clock.day_bounds(clock.today())[1]):
        assert is_off("pigeons")


def test_a_later_switch_puts_it_on_again(is_off):
    switch("pigeons", from_on=clock.today() - timedelta(days=2))
    switch("pigeons", from_on=clock.today(), is_off=False)
    assert not is_off("pigeons")


def test_what_is_no_feature_cannot_be_off(is_off):
    switch("core")
    assert not is_off("core")


def test_the_registry_leaves_out_what_is_off_but_keeps_its_checks(site):
    registry = site.extensions["civic"].registry
    switch("pigeons")
    assert "pigeons-job" not in {job.name for job in registry.all_of("jobs", only_active=True)}
    assert {"pigeons", "kites"} <= {check.name for check in registry.all_of("checks")}
    with site.test_request_context("/"):
        assert [link.href for link in registry.ask("navigation", NOBODY) if link.href in {"/pigeons/", "/kites/"}] == ["/kites/"]


def test_a_module_is_registered_once():
    registry = Registry()
    registry.add(Module("a", "A"))
    with pytest.raises(ValueError, match="twice"):
        registry.add(Module("a", "A"))


def test_the_demonstration_mark(site):
    assert not freshness.is_demo()
    with atomic():
        db.session.add(SiteMark(name="demo", value="yes"))
    assert freshness.is_demo()


def test_a_request_sees_one_state_from_beginning_to_end(site):
    with site.test_request_context("/"):
        assert freshness.version_of("pigeons") == 0
        with atomic() as tx:
            tx.touch("pigeons")
        assert freshness.version_of("pigeons") == 0
    assert freshness.version_of("pigeons") == 1


def test_versions_are_read_at_most_once_a_second(live_app, monkeypatch):
    seconds = [1000.0]
    monkeypatch.setattr(freshness.time, "monotonic", lambda: seconds[0])
    with live_app.app_context():
        assert freshness.version_of("pigeons") == 0
        with atomic() as tx:
            tx.touch("pigeons")
        assert freshness.version_of("pigeons") == 0
        seconds[0] += freshness.READ_EVERY + 0.01
        assert freshness.version_of("pigeons") == 1
