"""Who may do what with stations and organisations: pure functions of a Viewer."""

from __future__ import annotations

from civic.core.viewer import Role, Viewer


def can_manage_station(viewer: Viewer, path: str, organisation_id: int | None = None) -> bool:
    """The community manager of the station's territory, or an administrator above it.

    path: of the station's territory.  organisation_id: the station's own; a grant bound to another organisation does not count.
    """
    return viewer.holds(Role.manager, path, organisation_id) or viewer.holds(Role.administrator, path, organisation_id)


def can_manage_organisation(viewer: Viewer, path: str) -> bool:
    """An administrator whose grant covers the organisation's territory; one without territory belongs to the whole district.

    path: of the organisation's territory, '' without one.  A grant bound to an organisation manages none.
    """
    if path:
        return viewer.holds(Role.administrator, path)
    return viewer.holds_district_wide(Role.administrator)
