"""`create_app`: ordered steps, no logic, no queries, no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import Migrate
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

import civic.accounts.module
import civic.bulletin.module
import civic.catalogue.module
import civic.core.module
import civic.exchange.module
import civic.front.module
import civic.people.module
import civic.points.module
import civic.territory.module
from civic import paths
from civic.config import Settings, load_settings
from civic.core import clock, i18n
from civic.core.db import db, init_db
from civic.core.hooks import Hooks
from civic.core.registry import Module, Registry
from civic.core.web import access, api, assets, context, errors, forms, headers, limits, numbers, preferences, retries
from civic.core.web.pagecache import PageCache

MODULES = (
    civic.core.module.manifest,
    civic.territory.module.manifest,
    civic.people.module.manifest,
    civic.accounts.module.manifest,
    civic.catalogue.module.manifest,
    civic.bulletin.module.manifest,
    civic.points.module.manifest,
    civic.exchange.module.manifest,
    civic.front.module.manifest,
)


@dataclass
class Site:
    """What the running application knows about itself, under `app.extensions["civic"]`."""

    settings: Settings
    registry: Registry = field(default_factory=Registry)
    hooks: Hooks = field(default_factory=Hooks)
    assets: str = ""
    cache: PageCache | None = None


def create_app(settings: Settings | None = None, extra: tuple[Module, ...] = ()) -> Flask:
    """The application.  extra: further modules (the guards' test features)."""
    settings = settings or load_settings()
    app = retries.CivicFlask("civic", template_folder=str(paths.TEMPLATES), static_folder=None)
    numbers.init_numbers(app)
    site = app.extensions["civic"] = Site(settings)
    _configure(app, settings)
    clock.set_zone(settings.timezone)
    init_db(app, url=settings.database_url)
    Migrate(app, db, directory=str(paths.MIGRATIONS), render_as_batch=True, compare_type=True)
    i18n.init_i18n(app, locale=settings.locale, timezone=settings.timezone, folder=str(paths.TRANSLATIONS))
    for manifest in MODULES:
        site.registry.add(manifest())
    for module in extra:
        site.registry.add(module)
    headers.init_headers(app)
    preferences.init_preferences(app)
    limits.init_limits(app, settings)
    access.init_access(app, civic.accounts.module.ask_sign_in)
    forms.csrf.init_app(app)
    context.init_context(app)
    errors.init_errors(app)
    _mount(app, site)
    _serve_files(app, site)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key or None,
        SESSION_COOKIE_NAME=preferences.SESSION_COOKIE,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        MAX_CONTENT_LENGTH=64 * 2**20,
        MAX_FORM_MEMORY_SIZE=2 * 2**20,
        WTF_CSRF_TIME_LIMIT=None,
        TESTING=settings.testing,
        TEMPLATES_AUTO_RELOAD=settings.testing,
    )


def _mount(app: Flask, site: Site) -> None:
    """Blueprints, API resources, commands and start hooks of every module."""
    for module in site.registry.modules:
        for blueprint in module.blueprints:
            app.register_blueprint(blueprint)
        for group in module.cli:
            app.cli.add_command(group)
    api.mount(app, [resource for module in site.registry.modules for resource in module.api])
    for module in site.registry.modules:
        for hook in module.start:
            hook(app)


def _serve_files(app: Flask, site: Site) -> None:
    """Page cache around Flask, static files around both, the proxy's word about host and scheme read before all of them."""
    site.assets, folder = assets.build(Path(paths.STATIC), site.settings.data_dir / "assets")
    site.cache = PageCache(app, app.wsgi_app)
    inner: Any = site.cache
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        inner,
        root=str(folder),
        prefix=f"/static/{site.assets}/",
        max_age=31536000,
        immutable_file_test=lambda path, url: True,
        add_headers_function=lambda head, path, url: head.add_header("X-Content-Type-Options", "nosniff"),
    )
    if count := site.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_port=count)  # type: ignore[method-assign]
