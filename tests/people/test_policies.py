"""Who may do what with people: truth tables of role, territory and organisation."""

import pytest

from civic.core.viewer import NOBODY, Role, Scope, Viewer
from civic.people import policies

HERE, STREET, DISTRICT, BESIDE = "/440113/440113010/440113010901/", "/440113/440113010/", "/440113/", "/440113/440113010/4401130109019/"
TABLE = {
    policies.can_see: {Role.clerk, Role.social_worker, Role.manager},
    policies.can_edit: {Role.clerk, Role.manager},
    policies.can_read_care: {Role.social_worker},
    policies.can_decide_merge: {Role.clerk, Role.manager, Role.town, Role.district},
}


@pytest.mark.parametrize("policy", TABLE, ids=lambda policy: policy.__name__)
@pytest.mark.parametrize("role", Role)
def test_a_role_counts_from_its_territory_down_and_nowhere_beside(policy, role):
    allowed = role in TABLE[policy]
    for territory in (HERE, STREET, DISTRICT):
        assert policy(Viewer(1, scopes=(Scope(role, territory),)), HERE) is allowed, territory
    assert policy(Viewer(1, scopes=(Scope(role, HERE),)), BESIDE) is False
    assert policy(Viewer(1, scopes=(Scope(role, HERE),)), STREET) is False
    assert policy(Viewer(1, scopes=(Scope(role, HERE, frozenset({7})),)), HERE) is allowed  # speaks for a station in this community
    assert policy(NOBODY, HERE) is False


@pytest.mark.parametrize(("territory", "is_above"), [(HERE, False), (STREET, True), (DISTRICT, True), (BESIDE, False)])
def test_above_is_a_territory_that_holds_the_community_and_more(territory, is_above):
    assert policies.is_above(Viewer(1, scopes=(Scope(Role.manager, territory),)), HERE) is is_above
    assert policies.is_above(Viewer(1, scopes=(Scope(Role.keeper, territory),)), HERE) is False


def test_finding_needs_a_role_that_works_with_people():
    assert {role for role in Role if policies.can_find(Viewer(1, scopes=(Scope(role, HERE),)))} == TABLE[policies.can_see]


def test_the_privacy_notice_is_of_the_whole_district():
    may = [policies.can_publish_notice(Viewer(1, scopes=(Scope(Role.administrator, t),))) for t in (DISTRICT, STREET)]
    assert may == [True, False]


def test_one_owns_oneself_alone():
    assert [policies.owns(v, 5) for v in (Viewer(1, 5), Viewer(1, 6), Viewer(1), NOBODY)] == [True, False, False, False]
