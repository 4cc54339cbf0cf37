"""Who may manage what, as truth tables."""

from __future__ import annotations

import pytest

from civic.core.viewer import NOBODY, Role, Scope, Viewer
from civic.territory.policies import can_manage_organisation, can_manage_station

DISTRICT, TOWN, PLACE, OTHER = "/440113/", "/440113/440113010/", "/440113/440113010/440113010901/", "/440113/440113118/"


def viewer(role: Role, path: str, organisations: frozenset[int] = frozenset()) -> Viewer:
    return Viewer(account_id=1, scopes=(Scope(role, path, organisations),))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("path", "covers"), [(DISTRICT, True), (TOWN, True), (PLACE, True), (OTHER, False), (PLACE[:-1] + "9/", False)])
@pytest.mark.parametrize(("organisations", "speaks"), [(frozenset(), True), (frozenset({5}), True), (frozenset({6}), False)])
def test_a_station_is_kept_by_its_manager_or_an_administrator(role, path, covers, organisations, speaks):
    expected = role in {Role.manager, Role.administrator} and covers and speaks
    assert can_manage_station(viewer(role, path, organisations), PLACE, 5) is expected


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    ("path", "of", "expected"),
    [
        (DISTRICT, PLACE, True),
        (TOWN, PLACE, True),
        (PLACE, PLACE, True),
        (PLACE, TOWN, False),
        (OTHER, PLACE, False),
        (DISTRICT, "", True),
        (TOWN, "", False),
    ],
)
def test_an_organisation_is_managed_by_administrators_of_its_territory(role, path, of, expected):
    assert can_manage_organisation(viewer(role, path), of) is (expected and role is Role.administrator)


@pytest.mark.parametrize("of", [PLACE, ""])
def test_a_grant_bound_to_an_organisation_manages_no_organisations(of):
    assert not can_manage_organisation(viewer(Role.administrator, DISTRICT, frozenset({5})), of)


def test_visitors_may_nothing():
    assert not can_manage_station(NOBODY, PLACE)
    assert not can_manage_organisation(NOBODY, PLACE)
    assert not can_manage_organisation(NOBODY, "")
