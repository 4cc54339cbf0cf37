"""Who may do what with people: pure functions of a Viewer and the path of the community that keeps the row."""

from __future__ import annotations

from civic.core.viewer import Role, Viewer

FINDERS = (Role.clerk, Role.social_worker, Role.manager)
EDITORS = (Role.clerk, Role.manager)
ABOVE = (Role.town, Role.district)
NOTICE_ROLES = (Role.administrator,)


def _covers(viewer: Viewer, roles: tuple[Role, ...], path: str) -> bool:
    return any(viewer.holds(role, path, organisation) for role in roles for organisation in (None, *viewer.organisations(role)))


def can_find(viewer: Viewer) -> bool:
    """Clerks, social workers and managers look people up."""
    return viewer.has_role(*FINDERS)


def can_see(viewer: Viewer, path: str) -> bool:
    """The community that keeps the row lies in a grant of hers."""
    return _covers(viewer, FINDERS, path)


def can_edit(viewer: Viewer, path: str) -> bool:
    """Clerks and managers of the community record and correct."""
    return _covers(viewer, EDITORS, path)


def can_read_care(viewer: Viewer, path: str) -> bool:
    """Social workers of the community, each look with a reason."""
    return _covers(viewer, (Role.social_worker,), path)


def can_decide_merge(viewer: Viewer, path: str) -> bool:
    """A clerk or manager of the community, or somebody of a territory above."""
    return _covers(viewer, (*EDITORS, *ABOVE), path)


def is_above(viewer: Viewer, path: str) -> bool:
    """Holds the right in a territory above the community: town, street or district."""
    roles = (*EDITORS, *ABOVE)
    return any(s.role in roles and path.startswith(s.territory) and s.territory != path for s in viewer.scopes)


def can_publish_notice(viewer: Viewer) -> bool:
    """Administrators of a whole district, bound to no organisation."""
    return viewer.holds_district_wide(*NOTICE_ROLES)


def owns(viewer: Viewer, person_id: int) -> bool:
    """It is herself."""
    return viewer.person_id is not None and viewer.person_id == person_id
