"""Who may write what for which territory: pure functions of a Viewer."""

from __future__ import annotations

from civic.core.viewer import Role, Viewer

EDITORS = (Role.manager, Role.town, Role.district)


def can_write(viewer: Viewer, path: str, organisation_id: int | None = None) -> bool:
    """Community manager, town or district, each within the territory of the grant.

    path: of the territory the words are for.  organisation_id: for whom they speak; a grant bound to an organisation writes for that alone.
    """
    return any(viewer.holds(role, path, organisation_id) for role in EDITORS)


def can_write_somewhere(viewer: Viewer) -> bool:
    return viewer.has_role(*EDITORS)


def speaks_for(viewer: Viewer, path: str) -> int | None:
    """The organisation in whose name she writes there: none where a grant is bound to no organisation, else the first of the grant's."""
    scopes = [s for s in viewer.scopes if s.role in EDITORS and path.startswith(s.territory)]
    if not scopes or any(not s.organisations for s in scopes):
        return None
    return min(min(s.organisations) for s in scopes)


def can_take_objections(viewer: Viewer, path: str) -> bool:
    """At the desk, for somebody who stands there: clerks and those who write."""
    return viewer.holds(Role.clerk, path) or any(s.role in EDITORS and path.startswith(s.territory) for s in viewer.scopes)
