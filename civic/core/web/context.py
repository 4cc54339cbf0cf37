"""What every template may use: preferences, viewer, navigation from the registry, the chosen community, addresses of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Flask, current_app, request
from flask_babel import gettext as _

from civic.core import clock, freshness, i18n
from civic.core.hooks import hooks
from civic.core.registry import Link, the_registry
from civic.core.viewer import viewer
from civic.core.web.access import place_path
from civic.core.web.preferences import preferences, switch


@dataclass(frozen=True)
class ShownLink:
    """A link of a navigation that knows whether it leads to where the reader is."""

    label: Any
    href: str
    icon: str
    hint: Any
    is_current: bool


def shown(link: Link) -> ShownLink:
    return ShownLink(link.label, link.href, link.icon, link.hint, request.path.startswith(link.href))


class Later(Sequence[Any]):
    """A list that is made when the template first looks at it: a page of the desk has another navigation, and few show the elder doors."""

    def __init__(self, make: Callable[[], Sequence[Any]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Sequence[Any]:
        return self._make()

    def __getitem__(self, at: Any) -> Any:
        return self._made[at]

    def __len__(self) -> int:
        return len(self._made)


def _site_name() -> str:
    """`番禺区街坊`, `Panyu District neighbourhoods`; `Civic` before a district is loaded."""
    district = hooks().district()
    return _("%(district)s neighbourhoods", district=i18n.plain(district)) if district else "Civic"


def static(path: str) -> str:
    """The address of a static file, with the hash of all of them in it."""
    return f"/static/{current_app.extensions['civic'].assets}/{path}"


def site_address(path: str = "") -> str:
    """An absolute address for links that leave the page (QR, chat, feed)."""
    base: str = current_app.extensions["civic"].settings.base_url or request.url_root.rstrip("/")
    return base + path


def init_context(app: Flask) -> None:
    app.jinja_env.filters.update(i18n.FILTERS)
    app.jinja_env.globals.update(static=static, site_address=site_address, join_words=i18n.join_words, hotline=None)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def _context() -> dict[str, Any]:
        chosen, who, path = preferences(), viewer(), place_path()
        registry, lang = the_registry(), i18n.lang()
        return {
            "lang": lang,
            "html_lang": "zh-CN" if lang == "zh" else "en",
            "mode": chosen.mode,
            "place": hooks().place(chosen.place) if chosen.place else None,
            "places": hooks().nearby(chosen.place),
            "switch": switch,
            "viewer": who,
            "navigation": Later(lambda: [shown(link) for link in registry.ask("navigation", who, path)]),
            "elder_doors": Later(lambda: registry.ask("elder_doors", who, path)),
            "desk_navigation": Later(lambda: [shown(link) for link in registry.ask("desk_actions", who, path)] if who.works else []),
            "site_name": _site_name(),
            "base_url": site_address(),
            "canonical": site_address(request.path),
            "session_expires_at": who.extras.get("expires_at", ""),
            "is_demo": freshness.is_demo(),
            "here": request.path,
            "today": clock.today(),
        }
