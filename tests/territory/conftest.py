"""A viewer with grants, put in the place of the one that the session would make: these tests are about territories, not sign-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from civic.core.viewer import Actor, Role, Scope, Viewer


@pytest.fixture
def signed_in_as(site: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Viewer]:
    """`signed_in_as(Role.manager, path)`: every request of this test is hers."""

    def sign_in(role: Role, path: str, organisations: frozenset[int] = frozenset()) -> Viewer:
        viewer = Viewer(account_id=7, name="阿玲", scopes=(Scope(role, path, organisations),))
        monkeypatch.setattr(site.extensions["civic"].hooks, "build_viewer", lambda: viewer)
        return viewer

    return sign_in


@pytest.fixture
def actor() -> Actor:
    return Actor(7)
