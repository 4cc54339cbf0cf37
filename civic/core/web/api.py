"""The JSON API's common parts: one OpenAPI 3.1 document, problem+json, paging, ETags, bearer tokens only.

Resources live in their modules (`<module>/api.py`); `mount` puts them under `/api/v1` and documents them.  A body over the
limit, an unknown field or parameter is a 400 that names it.  Public reads set no cookie and allow any origin.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import flask_swagger_ui
import marshmallow as ma
import sqlalchemy as sa
from flask import Blueprint, Flask, Response, abort, g, make_response, render_template, request, send_from_directory, url_for
from flask_smorest import Api
from flask_smorest.blueprint import Blueprint as SmorestBlueprint
from flask_smorest.error_handler import ErrorSchema
from webargs.flaskparser import FlaskParser

from civic.core import clock
from civic.core.db import Bilingual, db
from civic.core.viewer import Channel
from civic.core.web.access import public
from civic.core.web.errors import problem
from civic.core.web.forms import csrf

PREFIX = "/api/v1"
MOST_BODY = 2**20  # bytes of JSON; what comes as a form with files has the pages' limit
UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
SWAGGER = Path(flask_swagger_ui.__file__).parent / "dist"
SHOWN = {"swagger-ui.css", "swagger-ui-bundle.js"}


class Parser(FlaskParser):
    """Arguments of the API: unknown ones are refused, and every fault is a 400 with its name."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {"json": ma.RAISE, "query": ma.RAISE, "path": ma.RAISE, "headers": ma.EXCLUDE, "form": ma.RAISE}

    def load_json(self, req: Any, schema: Any) -> Any:
        """The body; what Python's reader gives up on (5,000 digits, lists a thousand deep) is as wrong as any other fault."""
        try:
            return _writable(super().load_json(req, schema))
        except (ValueError, RecursionError):
            abort(problem(400, "malformed", "body: it cannot be read", {}))

    def load_form(self, req: Any, schema: Any) -> Any:
        form = super().load_form(req, schema)
        _writable([value for values in req.form.lists() for value in values[1]])
        return form

    def handle_error(
        self, error: ma.ValidationError, req: Any, schema: Any, *, error_status_code: int | None, error_headers: Any
    ) -> NoReturn:
        faults = {
            name: messages
            for part in error.messages_dict.values()
            for name, messages in (part.items() if isinstance(part, dict) else [("body", part)])
        }
        abort(problem(400, "malformed", "; ".join(f"{name}: {' '.join(map(str, m))}" for name, m in faults.items()), {"fields": faults}))


def _writable(body: Any) -> Any:
    """The body as it is; aborts with 400 where a text cannot be kept: PostgreSQL refuses U+0000, and a lone surrogate is no character."""
    left = [body]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str) and UNWRITABLE.search(value):
            abort(problem(400, "malformed", "body: it holds a sign that cannot be kept", {}))
    return body


class ApiBlueprint(SmorestBlueprint):
    """A module's resources."""

    ARGUMENTS_PARSER = Parser()


class CivicApi(Api):
    """Errors stay ours: core/web/errors.py answers for pages and API alike."""

    ERROR_SCHEMA = ErrorSchema

    def _register_error_handlers(self) -> None:
        return None


class BilingualField(ma.fields.Field[Any]):
    """`{"zh": "…", "en": "…"}`"""

    def _serialize(self, value: Bilingual | None, attr: Any, obj: Any, **kwargs: Any) -> dict[str, str] | None:
        return None if value is None else {"zh": value.zh, "en": value.en}


class Moment(ma.fields.Field[Any]):
    """RFC 3339 with the offset of this place."""

    def __init__(self, *, is_always: bool = False, **more: Any) -> None:
        super().__init__(dump_only=True, metadata={"type": "string" if is_always else ["string", "null"], "format": "date-time"}, **more)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return clock.local(value).isoformat(timespec="seconds") if value else None


class BilingualSchema(ma.Schema):
    """An official text in both languages; an empty string is a missing translation."""

    zh = ma.fields.String(required=True)
    en = ma.fields.String(required=True)


class PageArgs(ma.Schema):
    """Paging of every list."""

    limit = ma.fields.Integer(load_default=20, validate=ma.validate.Range(1, 100))
    offset = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, 1_000_000))


def page_schema(item: type[ma.Schema]) -> type[ma.Schema]:
    """The frame of a list: `{"items": […], "total": n, "next": url|null}`."""
    return ma.Schema.from_dict(
        {
            "items": ma.fields.List(ma.fields.Nested(item), required=True),
            "total": ma.fields.Integer(required=True),
            "next": ma.fields.Url(allow_none=True, required=True, relative=True),
        },
        name=f"{item.__name__.removesuffix('Schema')}Page",
    )


def page_of(items: list[Any], total: int, args: dict[str, Any]) -> dict[str, Any]:
    """One page with the link to the next one."""
    after = args["offset"] + args["limit"]
    following = None
    if after < total:
        kept = {k: v for k, v in request.args.items() if k != "offset"}
        following = url_for(request.endpoint or "", **{**(request.view_args or {}), **kept, "offset": after})
    return {"items": items, "total": total, "next": following}


def paged(select: sa.Select[Any], args: dict[str, Any]) -> tuple[list[Any], int]:
    """The rows of one page and the number of all."""
    total = db.session.scalar(sa.select(sa.func.count()).select_from(select.order_by(None).subquery())) or 0
    return list(db.session.execute(select.limit(args["limit"]).offset(args["offset"])).all()), total


def etag_of(*parts: Any) -> str:
    return f'"{hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()[:22]}"'


def unless_known(mark: str, body: Callable[[], Any]) -> Any:
    """304 for who has this `ETag` already, else the body, made only then, with it."""
    if request.headers.get("If-None-Match") == mark:
        unchanged = make_response("", 304)
        unchanged.headers["ETag"] = mark
        return unchanged
    return body(), 200, {"ETag": mark}


def mount(app: Flask, resources: list[SmorestBlueprint]) -> None:
    """Put all resources under /api/v1 with one document and one readable page."""
    app.config.update(
        API_TITLE="Civic",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": "Everything that the pages offer, for programs. Bearer tokens only; public reads need none."},
            "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        },
    )
    spec = CivicApi(app)
    for resource in resources:
        spec.register_blueprint(resource, url_prefix=PREFIX)
        csrf.exempt(resource)
    document = app.view_functions["api-docs.openapi_json"]

    @public
    def openapi_json() -> Any:
        return document()

    app.view_functions["api-docs.openapi_json"] = openapi_json
    app.register_blueprint(docs)

    @app.before_request
    def _frame() -> Response | None:
        if not request.path.startswith(PREFIX):
            return None
        g.civic_channel = Channel.api
        if (request.content_length or 0) > MOST_BODY and request.mimetype != "multipart/form-data":
            return make_response(problem(400, "too_large", f"body: at most {MOST_BODY} bytes", {"most": MOST_BODY}))
        return None

    @app.after_request
    def _origin(response: Response) -> Response:
        if request.path.startswith(PREFIX) and request.method in {"GET", "HEAD", "OPTIONS"}:
            response.headers["Access-Control-Allow-Origin"] = "*"
        return response


docs = Blueprint("docs", __name__, url_prefix=PREFIX)


@docs.get("/docs")
@public
def page() -> str:
    return render_template("api/docs.html")


@docs.get("/docs/<name>")
@public
def part(name: str) -> Response:
    """Swagger UI's own two files, from its wheel."""
    if name not in SHOWN:
        abort(404)
    return send_from_directory(SWAGGER, name, max_age=86400)
