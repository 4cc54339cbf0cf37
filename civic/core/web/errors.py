"""Answers to what goes wrong: a page in plain words with the next step, or problem+json (RFC 9457) for the API."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime
from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, g, jsonify, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from jinja2 import Template
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.i18n import lang
from civic.core.idempotency import Replayed
from civic.core.web.context import static
from civic.core.web.preferences import preferences

log = logging.getLogger(__name__)
TITLES = {
    400: _l("The request cannot be read"),
    401: _l("This needs a token"),
    403: _l("This is not allowed to you"),
    404: _l("There is nothing at this address"),
    405: _l("This address does not take such requests"),
    409: _l("This clashes with what stands here now"),
    412: _l("It was changed since you read it"),
    413: _l("This is too large"),
    415: _l("This kind of content is not taken here"),
    422: _l("A rule says no"),
    429: _l("Too many tries in a short time"),
    500: _l("Something broke on our side"),
    503: _l("The site is resting for a moment"),
}


def problem(status: int, code: str, detail: str, context: dict[str, Any] | None = None) -> Response:
    """`application/problem+json`: title in the reader's language, a stable code word, the numbers in context."""
    title = str(TITLES[status]) if status in TITLES else HTTPStatus(status).phrase
    response: Response = jsonify(
        type="about:blank", title=title, status=status, detail=detail, code=code, context=plain_values(context or {})
    )
    response.status_code = status
    response.headers["Content-Type"] = "application/problem+json"
    return response


def plain_values(context: dict[str, Any]) -> dict[str, Any]:
    """What a refusal may tell a program: numbers, words, days, moments; a row that a page shows beside them is left out."""
    kinds = (str, int, float, type(None), dict, list, tuple)
    return {k: v.isoformat() if isinstance(v, date | datetime) else v for k, v in context.items() if isinstance(v, (*kinds, date))}


def is_api() -> bool:
    return request.path.startswith("/api/")


def error_page(status: int, **values: Any) -> Response:
    """The page for a status; `errors/refused.html` speaks for those that have none of their own."""
    names: list[str | Template] = [f"errors/{status}.html", "errors/refused.html"]
    values = {"status": status, "request_id": g.get("request_id", ""), **values}
    return current_app.make_response((render_template(names, **values), status))


def broken_page(status: int) -> Response:
    """The page for a broken site: drawn without viewer, community and navigation, because asking for them may be what fails."""
    chosen = preferences()
    words = {"lang": lang(), "html_lang": "zh-CN" if lang() == "zh" else "en", "mode": chosen.mode, "static": static}
    template = current_app.jinja_env.get_template(f"errors/{status}.html")
    return current_app.make_response((template.render(words, request_id=g.get("request_id", "")), status))


def replayed(replay: Replayed) -> Any:
    """The first answer again."""
    answer = replay.answer
    if "body" in answer:
        response = Response(answer["body"], answer["status"], answer["headers"])
        response.headers["Idempotent-Replayed"] = "true"
        return response
    if "location" in answer:
        return redirect(answer["location"], 303)
    return error_page(answer.get("status", 422), description=answer.get("message", ""))


def refused(refusal: DomainError) -> Response:
    """A rule's no, where the view did not show it itself."""
    minutes = refusal.context.get("minutes") if refusal.status == 429 else None
    if is_api():
        response = problem(refusal.status, refusal.code, refusal.message, refusal.context)
    else:
        response = error_page(refusal.status, description=refusal.message, retry_after=minutes)
    if minutes:
        response.headers["Retry-After"] = str(minutes * 60)
    return response


def form_too_old(_error: CSRFError) -> Response:
    words = _("This form was open for a long time or was opened in another window. Go back, open it again and send it once more.")
    return error_page(400, description=words)


def http_error(error: HTTPException) -> Any:
    """What Werkzeug and the limits refuse, with the headers that belong to it (Allow, Retry-After)."""
    status = error.code or 500
    if error.response is not None or status < 400:
        return error
    seconds = error.limit.limit.get_expiry() if isinstance(error, RateLimitExceeded) else None
    if is_api():
        response = problem(status, (error.name or "error").lower().replace(" ", "_"), error.description or "")
    else:
        response = error_page(status, retry_after=seconds and -(-seconds // 60))
    kept: Mapping[str, str] = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After", "WWW-Authenticate"}}
    response.headers.update(kept)
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def broken(error: Exception) -> Any:
    """What nobody foresaw: 503 when the database is away or stays locked after every retry, else 500."""
    db.session.rollback()
    log.error("request %s failed", g.get("request_id", ""), exc_info=error)
    propagate = current_app.config["PROPAGATE_EXCEPTIONS"]
    if current_app.testing if propagate is None else propagate:
        raise error
    status = 503 if isinstance(error, OperationalError) else 500
    if is_api():
        response = problem(status, "internal" if status == 500 else "unavailable", _("Something broke on our side. Nothing was saved."))
    else:
        response = broken_page(status)
    if status == 503:
        response.headers["Retry-After"] = "30"
    return response


def init_errors(app: Flask) -> None:
    app.register_error_handler(Replayed, replayed)
    app.register_error_handler(DomainError, refused)
    app.register_error_handler(CSRFError, form_too_old)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, broken)
