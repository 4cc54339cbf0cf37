"""An administrator switches a feature off for the site or a village, from a day; data stays, pages vanish."""

from __future__ import annotations

from datetime import timedelta

import pytest

from civic.core import clock, features
from civic.core.errors import DomainError
from civic.core.registry import the_registry
from civic.core.viewer import Role, Scope, Viewer
from civic.front.policies import can_switch_features
from tests.support.catalogue import TESTER

EN = {"Accept-Language": "en"}


def pigeons():
    return next(m for m in the_registry().modules if m.name == "pigeons")


def test_off_for_the_site_and_on_again(client, make_account, sign_in):
    client.get("/pigeons/", status=200)
    boss = client.application.test_client()
    sign_in(boss, make_account(role=Role.administrator))
    boss.submit("/desk/features/", {"feature": "pigeons", "to": "off", "from_on": "2026-11-25"}, status=303)
    client.get("/pigeons/", status=404)
    boss.submit("/desk/features/", {"feature": "pigeons", "to": "on", "from_on": "2026-11-25"}, status=303)
    client.get("/pigeons/", status=200)
    assert "2026" in boss.get("/desk/features/", status=200).get_data(as_text=True)


def test_off_for_one_community_alone(client, make_community):
    here, there = make_community(), make_community()
    features.switch_feature(TESTER, pigeons(), here.path, clock.today(), is_off=True)
    client.get(f"/?place={here.code}", status=303)
    client.get("/pigeons/", status=404)
    client.get(f"/?place={there.code}", status=303)
    client.get("/pigeons/", status=200)


def test_a_switch_of_tomorrow_waits(client):
    features.switch_feature(TESTER, pigeons(), "", clock.today() + timedelta(days=1), is_off=True)
    client.get("/pigeons/", status=200)
    with clock.frozen(clock.now() + timedelta(days=1)):
        client.get("/pigeons/", status=404)


def test_the_house_itself_and_the_past_stay_as_they_are(site):
    house = next(m for m in the_registry().modules if m.name == "catalogue")
    with pytest.raises(DomainError) as refusal:
        features.switch_feature(TESTER, house, "", clock.today(), is_off=True)
    assert refusal.value.code == "no_feature"
    with pytest.raises(DomainError) as refusal:
        features.switch_feature(TESTER, pigeons(), "", clock.today() - timedelta(days=1), is_off=True)
    assert refusal.value.code == "switch_in_the_past"


def test_an_unknown_territory_is_told_at_its_field(client, make_account, sign_in):
    sign_in(client, make_account(role=Role.administrator))
    page = client.submit(
        "/desk/features/", {"feature": "pigeons", "to": "off", "territory": "NOWHERE", "from_on": "2026-11-25"}, status=422, headers=EN
    )
    assert "No territory has the code NOWHERE" in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("territory", "organisations", "path", "allowed"),
    [
        ("/440113/", frozenset(), "", True), ("/440113/440113010/", frozenset(), "", False), ("/440113/", frozenset({1}), "", False),
        ("/440113/440113010/", frozenset(), "/440113/440113010/1/", True), ("/440113/440113010/", frozenset(), "/440113/9/", False),
    ],
)  # fmt: skip
def test_who_may_switch(territory, organisations, path, allowed):
    assert can_switch_features(Viewer(1, scopes=(Scope(Role.administrator, territory, organisations),)), path) is allowed
    assert not can_switch_features(Viewer(1, scopes=(Scope(Role.manager, territory, organisations),)), path)
