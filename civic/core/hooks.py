"""What higher modules lend to core: who the viewer is, which community a code means.  Set once, by their start hooks.

Core knows no module, but a page's frame needs a viewer and a place; so the application carries functions, not imports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import current_app

if TYPE_CHECKING:
    from civic.core.db import Bilingual


def _no_place(_code: str) -> Any:
    return None


def _no_path(_code: str) -> str:
    return ""


def _no_neighbours(_chosen: str) -> list[Any]:
    return []


def _no_district() -> Bilingual | None:
    return None


@dataclass
class Hooks:
    """build_viewer: makes the Viewer of this request (`accounts`; core/viewer.py stands above this file, hence no type).  The others are `territory`'s.

    path_of: a community's path of codes, '' for an unknown code.  place: how it is shown.  nearby: the few offered in the header.
    district: the district's name.  frame_topics: content that every page shows in its frame (the chosen station).
    """

    build_viewer: Callable[[], Any] | None = None
    path_of: Callable[[str], str] = _no_path
    place: Callable[[str], Any] = _no_place
    nearby: Callable[[str], list[Any]] = _no_neighbours
    district: Callable[[], Bilingual | None] = _no_district
    frame_topics: tuple[str, ...] = ()


def hooks() -> Hooks:
    """The hooks of the running application."""
    found: Hooks = current_app.extensions["civic"].hooks
    return found
