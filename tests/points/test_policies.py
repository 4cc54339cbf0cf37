"""Who may do what with points: truth tables of role, place, own household and the person who asked."""

import pytest

from civic.core.viewer import NOBODY, Role, Scope, Viewer
from civic.points import policies
from civic.points.policies import Holder

HERE, STREET, DISTRICT = "/440113/440113010/440113010901/", "/440113/440113010/", "/440113/"
BESIDE, ELSEWHERE = "/440113/440113010/4401130109019/", "/440114/"
WANG, HER_SON, CLERK, STRANGER = 5, 6, 7, 8
HOLDER = Holder(HERE, frozenset({WANG}), frozenset({WANG, HER_SON}))
DESK, DECIDERS, READ = {Role.social_worker, Role.manager}, {Role.social_worker, Role.manager, Role.town, Role.district}, {Role.auditor}


def staff(role: Role, territory: str = HERE, person: int | None = CLERK, organisation: int | None = None, account: int = 1) -> Viewer:
    return Viewer(account, person, scopes=(Scope(role, territory, frozenset({organisation} if organisation else ())),))


BY_PATH = {
    policies.can_work: DESK,
    policies.can_see_at_desk: DESK | READ,
    policies.can_see_proposal: DECIDERS | READ,
    policies.can_decide_at: DECIDERS,
    policies.can_audit: READ,
    policies.can_look_at_hints: DECIDERS | READ,
    policies.can_close_hint: DECIDERS,
}
BY_HOLDER = {
    policies.can_freeze: DESK,
    policies.can_close: DESK,
    policies.can_propose: DESK,
    policies.can_see_wallet: DESK | READ,
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("policy", BY_PATH, ids=lambda policy: policy.__name__)
def test_a_role_counts_from_its_territory_down_and_nowhere_beside(policy, role):
    allowed = role in BY_PATH[policy]
    assert [policy(staff(role, territory), HERE) for territory in (HERE, STREET, DISTRICT)] == [allowed] * 3
    assert policy(staff(role, HERE, organisation=3), HERE) is allowed  # people are not divided among organisations
    assert not policy(staff(role, BESIDE), HERE)
    assert not policy(staff(role, HERE), STREET)
    assert not policy(NOBODY, HERE)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("policy", BY_HOLDER, ids=lambda policy: policy.__name__)
def test_a_wallet_at_the_desk(policy, role):
    allowed = role in BY_HOLDER[policy]
    assert policy(staff(role), HOLDER) is allowed
    assert policy(staff(role, BESIDE), HOLDER) is False
    reads = policy is policies.can_see_wallet
    assert policy(staff(role, person=HER_SON), HOLDER) is (allowed and reads)  # her son sees it in office, and touches nothing
    assert policy(staff(role, person=WANG), HOLDER) is reads


@pytest.mark.parametrize("role", Role)
def test_deciding_wants_another_person_who_does_not_live_there(role):
    allowed = role in DECIDERS
    who = staff(role)
    assert policies.can_decide(who, HOLDER, maker_id=2) is allowed
    assert policies.can_decide(who, HOLDER, maker_id=2, maker_person_id=STRANGER) is allowed
    assert policies.can_decide(who, HOLDER, maker_id=1) is False  # she asked for it
    assert policies.can_decide(who, HOLDER, maker_id=2, maker_person_id=CLERK) is False  # with her other login
    assert policies.can_decide(staff(role, person=HER_SON), HOLDER, maker_id=2) is False
    assert policies.can_decide(staff(role, BESIDE), HOLDER, maker_id=2) is False
    assert policies.can_decide(staff(role, STREET), HOLDER, maker_id=2) is allowed  # a station of two: those above
    assert policies.can_decide(staff(role, person=None), HOLDER, maker_id=2) is allowed  # an account without a person


def test_whose_login_it_is_counts_before_she_has_proven_it():
    unproven = Viewer(1, None, scopes=(Scope(Role.manager, HERE),), unproven_id=HER_SON)
    assert policies.is_own(unproven, HOLDER)
    assert not policies.can_decide(unproven, HOLDER, maker_id=2)
    assert not policies.is_other(Viewer(1, unproven_id=CLERK), 2, CLERK)
    assert not policies.can_use(Viewer(1, None, unproven_id=WANG), HOLDER)


@pytest.mark.parametrize(
    ("viewer", "uses"),
    [(Viewer(1, WANG), True), (Viewer(1, HER_SON), False), (Viewer(1, STRANGER), False), (Viewer(1), False), (NOBODY, False)],
)
def test_a_wallet_is_used_by_its_owners(viewer, uses):
    assert policies.can_use(viewer, HOLDER) is uses
    assert policies.can_see_wallet(viewer, HOLDER) is uses


def test_the_programmes_own_wallets_belong_to_nobody():
    assert not policies.can_use(Viewer(1, WANG), Holder(DISTRICT))
    assert not policies.is_own(Viewer(1, WANG), Holder(DISTRICT))


@pytest.mark.parametrize("role", Role)
def test_rules_belong_to_the_whole_district(role):
    allowed = role in {Role.district, Role.administrator}
    assert policies.can_rule(staff(role, DISTRICT), DISTRICT) is allowed
    assert policies.can_rule_somewhere(staff(role, DISTRICT)) is allowed
    for who in (staff(role, STREET), staff(role, HERE), staff(role, ELSEWHERE), staff(role, DISTRICT, organisation=3)):
        assert policies.can_rule(who, DISTRICT) is False
    assert policies.can_agree(staff(role, DISTRICT), DISTRICT, 2) is allowed
    assert policies.can_agree(staff(role, DISTRICT), DISTRICT, 1) is False
    assert policies.can_agree(staff(role, DISTRICT), DISTRICT, 2, CLERK) is False


@pytest.mark.parametrize("role", Role)
def test_drafts_of_rules_are_read_by_those_who_rule_and_by_auditors(role):
    assert policies.can_read_rules(staff(role, DISTRICT), DISTRICT) is (role in {Role.district, Role.administrator, Role.auditor})
    assert policies.can_read_rules(staff(role, HERE), DISTRICT) is (role is Role.auditor)
    assert policies.can_read_rules(staff(role, ELSEWHERE), DISTRICT) is False
    assert policies.can_read_rules(NOBODY, DISTRICT) is False
