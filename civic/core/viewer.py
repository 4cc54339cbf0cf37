"""Who acts and who looks: frozen plain values, so that operations and policies are the same for page, API, job and test.

`Actor` is the first argument of every operation, `Viewer` of every policy and of `visible_to`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from flask import g, has_request_context

from civic.core.hooks import hooks


class Role(enum.StrEnum):
    """Roles that a grant can give.  Rights are role x territory x organisation, each within from-to."""

    clerk = "clerk"
    handler = "handler"
    social_worker = "social-worker"
    keeper = "keeper"
    moderator = "moderator"
    manager = "manager"
    town = "town"
    district = "district"
    administrator = "admin"
    auditor = "auditor"


class Channel(enum.StrEnum):
    """The way by which an act came in."""

    web = "web"
    api = "api"
    desk = "desk"
    job = "job"
    command = "command"


@dataclass(frozen=True)
class Actor:
    """Who is responsible for a write: an account or a named job, and how it came in."""

    account_id: int | None
    job: str = ""
    channel: Channel = Channel.web
    acting_for: int | None = None
    request_id: str = ""

    def __post_init__(self) -> None:
        if self.account_id is None and not self.job:
            raise ValueError("an actor is an account or a named job")


@dataclass(frozen=True)
class Scope:
    """One grant as a policy sees it.

    territory: path of codes `/440113/440113004/`, covering everything below it.
    organisations: ids the grant speaks for (with their lines); empty = not bound to an organisation.
    """

    role: Role
    territory: str
    organisations: frozenset[int] = frozenset()

    @property
    def is_district_wide(self) -> bool:
        """Reaches a whole district (`/440113/`) and is bound to no organisation."""
        return self.territory.count("/") == 2 and not self.organisations

    def covers(self, path: str, organisation: int | None = None) -> bool:
        if not path.startswith(self.territory):
            return False
        return not self.organisations or organisation in self.organisations


@dataclass(frozen=True)
class Viewer:
    """The person at the other end of a request, or nobody in particular.

    person_id: whose own things may be shown and used.  unproven_id: whose login it is, where the password was begun by somebody else and she
    has not shown yet that it is she; then person_id is none.
    """

    account_id: int | None = None
    person_id: int | None = None
    name: str = ""
    scopes: tuple[Scope, ...] = ()
    verified_in: frozenset[str] = frozenset()
    is_two_step: bool = False
    session_id: int | None = None
    unproven_id: int | None = None
    extras: dict[str, str] = field(default_factory=dict, compare=False, hash=False)

    @property
    def is_signed_in(self) -> bool:
        return self.account_id is not None

    @property
    def works(self) -> bool:
        """Holds any grant, so the desk is for her."""
        return bool(self.scopes)

    @property
    def bound_to(self) -> int | None:
        """Whose login it is, proven or not: for rules that want a second person."""
        return self.person_id if self.person_id is not None else self.unproven_id

    @property
    def waits_for_proof(self) -> bool:
        """The login is a person's, but whoever signed in has not yet shown to be that person."""
        return self.person_id is None and self.unproven_id is not None

    def has_role(self, *roles: Role) -> bool:
        return any(scope.role in roles for scope in self.scopes)

    def holds(self, role: Role, path: str, organisation: int | None = None) -> bool:
        """Does a grant of this role cover the territory path and the organisation?"""
        for scope in self.scopes:  # noqa: SIM110 - the desk asks it of 174 stations, and a generator costs as much as the question
            if scope.role is role and scope.covers(path, organisation):
                return True
        return False

    def holds_district_wide(self, *roles: Role) -> bool:
        """Does a grant of one of these roles reach a whole district, bound to no organisation?"""
        return any(scope.role in roles and scope.is_district_wide for scope in self.scopes)

    def organisations(self, role: Role) -> frozenset[int]:
        """The organisations that her grants of this role speak for."""
        return frozenset().union(*(scope.organisations for scope in self.scopes if scope.role is role))

    def territories(self, *roles: Role) -> tuple[str, ...]:
        """The paths her grants of these roles reach, shortest first."""
        return tuple(sorted({scope.territory for scope in self.scopes if scope.role in roles}, key=len))


NOBODY = Viewer()


def viewer() -> Viewer:
    """The viewer of this request, built once."""
    if not has_request_context():
        return NOBODY
    found: Viewer | None = g.get("civic_viewer")
    if found is None:
        build = hooks().build_viewer
        found = g.civic_viewer = build() if build else NOBODY
    return found


def actor(channel: Channel = Channel.web) -> Actor:
    """The signed-in viewer as the one responsible for a write.  Raises ValueError for visitors."""
    return Actor(viewer().account_id, channel=g.get("civic_channel", channel), request_id=g.get("request_id", ""))
