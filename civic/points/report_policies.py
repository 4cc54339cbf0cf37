"""Who makes and signs the monthly reports: pure functions of a Viewer."""

from __future__ import annotations

from civic.core.viewer import Role, Viewer
from civic.points import policies

READERS = (*policies.RULERS, *policies.READERS)
SIGNERS = (Role.district,)


def can_read(viewer: Viewer, district: str) -> bool:
    """The desk's list: who rules the programme, auditors of anything in the district."""
    return policies.can_read_rules(viewer, district)


def can_make(viewer: Viewer, district: str) -> bool:
    """By hand, when the job did not: who rules the programme."""
    return policies.can_rule(viewer, district)


def can_sign(viewer: Viewer, district: str) -> bool:
    """The district answers for its report: a grant of this role for the whole district, bound to no organisation."""
    return any(scope.role in SIGNERS and scope.is_district_wide and scope.territory == district for scope in viewer.scopes)
