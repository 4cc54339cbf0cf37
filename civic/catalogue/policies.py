"""Who may do what with the catalogue: pure functions of a Viewer."""

from __future__ import annotations

from civic.core.viewer import Role, Viewer


def can_edit_item(viewer: Viewer, department_id: int) -> bool:
    """A handler whose grant speaks for the item's department; an administrator of the whole district, not of one community in it."""
    if viewer.holds_district_wide(Role.administrator):
        return True
    return department_id in viewer.organisations(Role.handler)


def can_edit_some_item(viewer: Viewer) -> bool:
    """The door to the list of items that she may edit."""
    return viewer.has_role(Role.handler) or viewer.holds_district_wide(Role.administrator)


def can_choose_offers(viewer: Viewer, station_path: str) -> bool:
    """The community manager of the station's territory says what the station offers."""
    return viewer.holds(Role.manager, station_path) or viewer.holds(Role.administrator, station_path)


def can_read_misses(viewer: Viewer) -> bool:
    """Words searched in vain: administrators."""
    return viewer.has_role(Role.administrator)
