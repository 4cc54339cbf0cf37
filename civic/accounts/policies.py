"""Who may see, make, change and end accounts and grants, and who may open the connection log: pure functions of a Viewer.

A place is (territory path, organisation id or None), as grants have them.
"""

from __future__ import annotations

from collections.abc import Iterable

from civic.core.viewer import Role, Viewer

Place = tuple[str, int | None]
LOG_ROLES = (Role.administrator, Role.auditor)


def can_list(viewer: Viewer) -> bool:
    """Any administrator; what she finds there is `queries.visible_to`."""
    return viewer.has_role(Role.administrator)


def can_grant(viewer: Viewer, path: str, organisation: int | None) -> bool:
    """An administrator whose own grant covers the territory and the organisation gives and ends grants there."""
    return viewer.holds(Role.administrator, path, organisation)


def sees_ungranted(viewer: Viewer) -> bool:
    """Accounts that never held a grant belong to no territory: the district's administrator looks after them."""
    return viewer.holds_district_wide(Role.administrator)


def can_see(viewer: Viewer, held: Iterable[Place]) -> bool:
    """An administrator sees accounts that hold or held a grant in her reach."""
    places = list(held)
    return any(can_grant(viewer, *place) for place in places) if places else sees_ungranted(viewer)


def can_manage(viewer: Viewer, account_id: int, held: Iterable[Place]) -> bool:
    """Close an account or give it a new password: every grant it holds lies in her reach, and it is not her own.

    Otherwise an administrator of one community could take over an account with rights in the whole district.
    """
    places = list(held)
    if viewer.account_id == account_id:
        return False
    return all(can_grant(viewer, *place) for place in places) if places else sees_ungranted(viewer)


#: rights whose work a community manager gives on: those of her own desk, none above hers, none of administration or audit
HANDED_ON = frozenset({Role.clerk, Role.handler, Role.social_worker, Role.keeper, Role.moderator, Role.manager})


def can_hand_on(viewer: Viewer, role: Role, path: str, organisation: int | None) -> bool:
    """A community manager sees the open work of a right and gives it to a colleague where her own grant covers territory and organisation.

    She neither gives nor ends rights.
    """
    return role in HANDED_ON and viewer.holds(Role.manager, path, organisation)


def can_use_log(viewer: Viewer) -> bool:
    """Administrators and auditors of a whole district: the log knows no smaller territory."""
    return viewer.holds_district_wide(*LOG_ROLES)


def can_release(viewer: Viewer, asked_by_id: int, asked_person: int | None = None) -> bool:
    """Another person than the one who asked; where both accounts have a person, people are compared."""
    is_same = viewer.bound_to is not None and viewer.bound_to == asked_person
    return can_use_log(viewer) and viewer.account_id != asked_by_id and not is_same


def can_print_slip(viewer: Viewer, path: str) -> bool:
    """A clerk of the community that keeps the person's row hands out slips."""
    return viewer.holds(Role.clerk, path)


def can_read(viewer: Viewer, asked_by_id: int) -> bool:
    """Only the one who asked, and only while she still holds the right."""
    return can_use_log(viewer) and viewer.account_id == asked_by_id
