"""For machines: does the process live, can it serve, how is it doing; robots and security contacts."""

from __future__ import annotations

import ipaddress
from hmac import compare_digest

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from civic import paths
from civic.core import audit, freshness, jobs
from civic.core.db import db
from civic.core.web.access import public

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def healthz() -> Response:
    """The process lives."""
    return _text("ok\n")


@bp.get("/readyz")
@public
def readyz() -> Response:
    """The database answers and its schema is the one this release expects; else 503."""
    try:
        with db.engine.connect() as connection:
            connection.execute(sa.select(1))
            revision = MigrationContext.configure(connection).get_current_revision()
    except sa.exc.SQLAlchemyError:
        return _text("database does not answer\n", 503)
    wanted = (paths.MIGRATIONS / "HEAD").read_text().split("_")[0].strip()
    if revision != wanted:
        return _text(f"schema is {revision}, this release needs {wanted}\n", 503)
    return _text("ready\n")


def _text(words: str, status: int = 200) -> Response:
    response = Response(words, status, mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/metrics")
@public
def metrics() -> Response:
    """Prometheus text, for loopback or the token alone."""
    token: str = current_app.extensions["civic"].settings.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not (token and compare_digest(given.encode(), token.encode())) and not _is_loopback(request.remote_addr or ""):
        abort(404)
    registry = CollectorRegistry()
    tail, _since = audit.unsealed_tail()
    _gauge(registry, "civic_scheduler_age_seconds", "Seconds since any job began; -1 when none ever did", jobs.scheduler_age() or -1.0)
    _gauge(registry, "civic_audit_unsealed", "Audit lines that are not sealed yet", float(tail))
    cache = current_app.extensions["civic"].cache
    _gauge(registry, "civic_page_cache_hits", "Pages answered from this worker's cache since it started", float(cache.hits))
    _gauge(registry, "civic_page_cache_entries", "Pages in this worker's cache", float(len(cache)))
    _gauge(registry, "civic_is_demo", "1 when this is a demonstration", float(freshness.is_demo()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _gauge(registry: CollectorRegistry, name: str, words: str, value: float) -> None:
    Gauge(name, words, registry=registry).set(value)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@bp.get("/robots.txt")
@public
def robots() -> Response:
    """Public pages may be indexed; desk and account are nobody's business."""
    return _text("User-agent: *\nDisallow: /desk/\nDisallow: /account/\n")
