"""Who may do what in service for service: pure functions of a Viewer and the path of the community."""

from __future__ import annotations

from collections.abc import Collection

from civic.core.viewer import Role, Viewer

DESK = (Role.clerk, Role.social_worker, Role.manager)
WATCHERS = (Role.social_worker,)


def _covers(viewer: Viewer, roles: tuple[Role, ...], path: str) -> bool:
    return any(viewer.holds(role, path, organisation) for role in roles for organisation in (None, *viewer.organisations(role)))


def can_write(viewer: Viewer, path: str) -> bool:
    """Offer and ask for oneself: verified residents of the community."""
    return viewer.person_id is not None and path in viewer.verified_in


def can_write_for(viewer: Viewer, path: str) -> bool:
    """Offer, ask and answer for somebody at the desk, whom the desk vouches for: clerks, social workers, managers of the community."""
    return _covers(viewer, DESK, path)


def can_respond(viewer: Viewer, path: str) -> bool:
    """Answer a listing: residents verified in any community of its district."""
    return viewer.person_id is not None and any(place.startswith(district_of(path)) for place in viewer.verified_in)


def district_of(path: str) -> str:
    """The path of the district that a place lies in: in it people may answer each other."""
    return "/".join(path.split("/")[:2]) + "/"


def can_see_owner(viewer: Viewer, path: str) -> bool:
    """Whose listing it is: those who may answer it, and the desk.  Everybody else reads the listing alone."""
    return can_respond(viewer, path) or can_write_for(viewer, path) or can_watch(viewer, path)


def owns(viewer: Viewer, person_id: int) -> bool:
    """It is herself; for listings the survivor of the row that wrote it."""
    return viewer.person_id is not None and viewer.person_id == person_id


def is_party(viewer: Viewer, people: Collection[int]) -> bool:
    """One of the two.  people: requester and helper, survivors of merged rows."""
    return viewer.person_id is not None and viewer.person_id in people


def can_watch(viewer: Viewer, path: str) -> bool:
    """Social workers see every exchange of their communities, with its words."""
    return _covers(viewer, WATCHERS, path)


def can_see(viewer: Viewer, path: str, people: Collection[int]) -> bool:
    """An exchange, its words and its evidence: the two, and social workers of its community."""
    return is_party(viewer, people) or can_watch(viewer, path)


def can_act_for(viewer: Viewer, path: str, person_path: str) -> bool:
    """Agree, confirm and so on for the person beside one at the desk: the desk covers the exchange's community or that of the person."""
    return can_write_for(viewer, path) or can_write_for(viewer, person_path)


def can_stop(viewer: Viewer, path: str) -> bool:
    """Stop a listing or an exchange: social workers of the community (not in their own cause, which the operation checks)."""
    return can_watch(viewer, path)


def can_decide(viewer: Viewer, path: str) -> bool:
    """Decide a dispute: social workers of the community (not in their own cause, which the operation checks)."""
    return can_watch(viewer, path)


def watches_somewhere(viewer: Viewer) -> bool:
    return viewer.has_role(*WATCHERS)


def serves_somewhere(viewer: Viewer) -> bool:
    return viewer.has_role(*DESK)
