"""Who may what with accounts, grants and the connection log: truth tables."""

from __future__ import annotations

import itertools

import pytest

from civic.accounts import policies
from civic.core.viewer import Role, Scope, Viewer

DISTRICT, STREET, PLACE, OTHER = "/440113/", "/440113/440113010/", "/440113/440113010/440113010901/", "/440114/"


def holding(*scopes: Scope, account_id: int = 1) -> Viewer:
    return Viewer(account_id=account_id, scopes=scopes, is_two_step=True)


@pytest.mark.parametrize("role", list(Role))
def test_only_administrators_list_and_grant(role):
    viewer = holding(Scope(role, DISTRICT))
    is_admin = role is Role.administrator
    assert policies.can_list(viewer) is is_admin
    assert policies.can_grant(viewer, PLACE, None) is is_admin
    assert policies.sees_ungranted(viewer) is is_admin
    assert policies.can_see(viewer, [(PLACE, None)]) is is_admin
    assert policies.can_use_log(viewer) is (role in {Role.administrator, Role.auditor})


def test_the_cube_of_giving_territory_by_organisation():
    reach = {(own, wanted): wanted.startswith(own) for own, wanted in itertools.product((DISTRICT, STREET, PLACE, OTHER), repeat=2)}
    assert reach[STREET, PLACE]
    assert not reach[PLACE, STREET]
    for (own, wanted), reaches in reach.items():
        for mine, theirs in itertools.product((frozenset(), frozenset({7, 8})), (None, 7, 9)):
            viewer = holding(Scope(Role.administrator, own, mine))
            speaks = not mine or theirs in mine
            assert policies.can_grant(viewer, wanted, theirs) is (reaches and speaks), (own, wanted, mine, theirs)


def test_a_visitor_may_nothing():
    nobody = Viewer()
    assert not policies.can_list(nobody)
    assert not policies.can_grant(nobody, PLACE, None)
    assert not policies.can_see(nobody, [])
    assert not policies.can_manage(nobody, 2, [])
    assert not policies.can_use_log(nobody)


@pytest.mark.parametrize(
    ("own", "held", "sees", "manages"),
    [
        (DISTRICT, [(PLACE, None)], True, True),
        (DISTRICT, [], True, True),
        (PLACE, [], False, False),
        (PLACE, [(PLACE, None)], True, True),
        (PLACE, [(PLACE, None), (DISTRICT, None)], True, False),
        (PLACE, [(DISTRICT, None)], False, False),
        (OTHER, [(PLACE, 7)], False, False),
    ],
)
def test_managing_needs_reach_over_every_grant(own, held, sees, manages):
    viewer = holding(Scope(Role.administrator, own))
    assert policies.can_see(viewer, held) is sees
    assert policies.can_manage(viewer, 2, held) is manages
    assert policies.can_manage(viewer, 1, held) is False  # her own account


@pytest.mark.parametrize(
    ("scope", "uses"),
    [
        (Scope(Role.auditor, DISTRICT), True),
        (Scope(Role.administrator, DISTRICT), True),
        (Scope(Role.auditor, STREET), False),
        (Scope(Role.administrator, DISTRICT, frozenset({7})), False),
        (Scope(Role.district, DISTRICT), False),
    ],
)
def test_the_log_belongs_to_the_district_and_to_two_people(scope, uses):
    viewer = holding(scope)
    assert policies.can_use_log(viewer) is uses
    assert policies.can_release(viewer, 2) is uses
    assert policies.can_release(viewer, 1) is False
    assert policies.can_read(viewer, 1) is uses
    assert policies.can_read(viewer, 2) is False
