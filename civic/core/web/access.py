"""Who may open which route: every view says it with a mark, one gate asks, and a view without a mark is refused.

`@public` everybody; `@signed_in` any account; `@staff(role, …)` an account with one of these grants.  What a viewer may do with
one row is asked by `authorize(policy, viewer(), row)` in the view; where existence is private, `hidden` answers 404 instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask, abort, current_app, request
from werkzeug.wrappers import Response

from civic.core.db import db
from civic.core.errors import NotAllowed
from civic.core.hooks import hooks
from civic.core.registry import the_registry
from civic.core.viewer import Role, Viewer, viewer
from civic.core.web.preferences import preferences

F = TypeVar("F", bound=Callable[..., Any])
Policy = Callable[..., bool]


@dataclass(frozen=True)
class Access:
    """The mark of a view."""

    kind: str
    roles: tuple[Role, ...] = ()


def _mark(view: F, access: Access) -> F:
    view.civic_access = access  # type: ignore[attr-defined]
    return view


def public(view: F) -> F:
    return _mark(view, Access("public"))


def signed_in(view: F) -> F:
    return _mark(view, Access("signed_in"))


def staff(*roles: Role) -> Callable[[F], F]:
    return lambda view: _mark(view, Access("staff", roles))


def access_of(view: Callable[..., Any]) -> Access | None:
    found: Access | None = getattr(view, "civic_access", None)
    return found


def authorize(policy: Policy, who: Viewer, *about: Any) -> None:
    """Ask a policy.  Raises NotAllowed (403)."""
    if not policy(who, *about):
        raise NotAllowed


def hidden(policy: Policy, who: Viewer, *about: Any) -> None:
    """Ask a policy where even the existence is private: 404."""
    if not policy(who, *about):
        abort(404)


def get_or_404(select: sa.Select[Any]) -> Any:
    """The one object of a select, or 404."""
    found = db.session.scalars(select).one_or_none()
    if found is None:
        abort(404)
    return found


def init_access(app: Flask, ask_sign_in: Callable[[], Response]) -> None:
    """The gate before every view.  ask_sign_in: what a visitor gets at a door that needs an account."""

    @app.before_request
    def _gate() -> Response | None:
        if "\0" in request.path:  # no text that PostgreSQL keeps has this sign, so nothing is called so
            abort(404)
        if b"%00" in request.query_string:
            abort(400)
        if request.endpoint is None:
            return None
        module = the_registry().module_of(request.blueprint)
        if module is not None and the_registry().is_off(module, place_path()):
            abort(404)
        access = access_of(current_app.view_functions[request.endpoint])
        if access is None:
            raise NotAllowed
        if access.kind == "public":
            return None
        who = viewer()
        if not who.is_signed_in:
            return ask_sign_in()
        if access.kind == "staff" and not who.has_role(*access.roles):
            raise NotAllowed
        return None


def place_path() -> str:
    """The path of the community the reader chose, '' without one."""
    code = preferences().place
    return hooks().path_of(code) if code else ""
