"""What the API of points, and of features that move points, shares: fields, keys, versions, and one verb of one row.

A verb has one shape: the row is loaded before the body is read (`reached`), the operation runs at most once under its key, and what comes back is
how the row stands then (`act_once`).  The same key gives the first answer again, its status included.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import marshmallow as ma
from flask import abort, request
from flask_babel import lazy_gettext as _l

from civic.core import clock, idempotency
from civic.core.errors import Conflict, DomainError
from civic.core.viewer import viewer
from civic.core.web.errors import problem
from civic.points import amounts

F = TypeVar("F", bound=Callable[..., Any])
TOKEN: list[dict[str, list[str]]] = [{"token": []}]
POINTS = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$", "example": "12.50"}
KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "description": "Once per act: the same key and body again give the first answer; another body under it is 409",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "the version that the program saw; when somebody changed it since, the answer is 412 with the current one",
}


class NoKey(DomainError):
    """A POST that moves points came without a key."""

    code, status = "no_idempotency_key", 400
    sentence = _l("Send an Idempotency-Key with what moves points, so that a repeated request moves them once.")


# ---- fields -----------------------------------------------------------------------------------------------------------------
class Points(ma.fields.Field[Any]):
    """Hundredths as "12.50"."""

    def __init__(self, **more: Any) -> None:
        super().__init__(metadata=POINTS, required=True, **more)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else amounts.text(value)


class Moment(ma.fields.Field[Any]):
    """RFC 3339 with the offset of this place."""

    def __init__(self, **more: Any) -> None:
        super().__init__(metadata={"type": ["string", "null"], "format": "date-time"}, **more)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return clock.local(value).isoformat(timespec="seconds") if value else None


# ---- the row and its version ------------------------------------------------------------------------------------------------
def reached(load: Callable[..., Any]) -> Callable[[F], F]:
    """Ask for the row before the body is read: who may not reach it learns nothing from what is wrong with her body.

    load: takes the parts of the address that it names.
    """
    asks = inspect.signature(load).parameters

    def around(view: F) -> F:
        @functools.wraps(view)
        def first(*args: Any, **parts: Any) -> Any:
            load(**{name: value for name, value in parts.items() if name in asks})
            return view(*args, **parts)

        return first  # type: ignore[return-value]

    return around


def seen(newest: int) -> int:
    """The version that the program saw (`If-Match`), else the newest; -1 for something that is no version."""
    sent = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if not sent or sent == "*":
        return newest
    return int(sent) if sent.isascii() and sent.isdecimal() and len(sent) < 10 else -1


def status_of(refusal: DomainError) -> int:
    """412 where the program named the version that it saw, and somebody was quicker."""
    return 412 if isinstance(refusal, Conflict) and request.headers.get("If-Match") else refusal.status


# ---- once -------------------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def once(body: Any, said: Callable[[Any], Any], status: int = 201, *, must: bool = True) -> Iterator[None]:
    """Answer at most once.  said: from the result to the body of the answer; must: without a key not at all.  Raises NoKey."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if must and not key:
        raise NoKey

    def answer(outcome: Any) -> dict[str, Any]:
        if isinstance(outcome, DomainError):
            told = problem(status_of(outcome), outcome.code, outcome.message, outcome.context)
            headers = {"Content-Type": "application/problem+json"}
            return {"status": told.status_code, "body": told.get_data(as_text=True), "headers": headers}
        return {"status": status, "body": json.dumps(said(outcome), ensure_ascii=False), "headers": {"Content-Type": "application/json"}}

    with contextlib.ExitStack() as opened:
        if key:
            opened.enter_context(idempotency.keyed(viewer().account_id, request.endpoint or "", key, [request.path, body], answer))
        try:
            yield
        except Conflict as refusal:
            abort(problem(status_of(refusal), refusal.code, refusal.message, refusal.context))


def act_once(
    schema: type[ma.Schema],
    state: Callable[[Any], Any],
    act: Callable[[], Any],
    body: Any = None,
    *,
    status: int = 200,
    must: bool = True,
) -> Any:
    """Do one verb at most once, and tell how things stand then.

    state: from what the act returned to what the schema tells, for the answer that is kept and for this one.  Raises NoKey, and what the act raises.
    """
    with once({} if body is None else body, lambda outcome: schema().dump(state(outcome)), status, must=must):
        outcome = act()
    return state(outcome)
