"""Who may do what with the site as a whole: pure functions of a Viewer."""

from __future__ import annotations

from civic.core.viewer import Role, Viewer


def can_switch_features(viewer: Viewer, path: str) -> bool:
    """An administrator within her territory; the whole site ('') belongs to an administrator of a district."""
    if path:
        return viewer.holds(Role.administrator, path)
    return viewer.holds_district_wide(Role.administrator)
