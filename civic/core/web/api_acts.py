"""Acts of the API: the headers they take, at most once under a key, and one verb of one row as its owner or the desk does it.

A verb has one shape: the row is loaded before the body is read (`reached`), the operation runs at most once under its key, and what comes back is
how the row stands then (`act_once`).  The same key gives the first answer again, its status included.  Where the same verbs are open at
several doors, to one's own program and to the desk's for the person beside, they are a table of `Verb`s and `publish` opens each door to all.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import marshmallow as ma
from flask import abort, request
from flask_babel import lazy_gettext as _l

from civic.core import idempotency
from civic.core.errors import Conflict, DomainError
from civic.core.viewer import Actor, viewer
from civic.core.web.api import ApiBlueprint
from civic.core.web.errors import problem

F = TypeVar("F", bound=Callable[..., Any])
TOKEN: list[dict[str, list[str]]] = [{"token": []}]
_KEY = {"in": "header", "name": "Idempotency-Key"}
#: must be sent: what moves points, and whatever else may on no account happen twice
KEY = {
    **_KEY,
    "required": True,
    "description": "Once per act: the same key and body again give the first answer; another body under it is 409",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
#: may be sent
ONCE = {
    **_KEY,
    "required": False,
    "description": "the same key and body get the first answer again",
    "schema": {"type": "string"},
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "the version that the program saw; when somebody changed it since, the answer is 412 with the current one",
}


class NoKey(DomainError):
    """An act that must not happen twice came without a key."""

    code, status = "no_idempotency_key", 400
    sentence = _l("Send an Idempotency-Key, so that a request that is sent again acts once.")


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


def sent_version() -> int | None:
    """The version that the program saw (`If-Match`); None where it named none, -1 for something that is no version.

    It stands under a key in the place of `seen`: the newest version would differ when the same request comes again.
    """
    sent = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if not sent or sent == "*":
        return None
    return int(sent) if sent.isascii() and sent.isdecimal() and len(sent) < 10 else -1


def seen(newest: int) -> int:
    """The version that the program saw, else the newest."""
    sent = sent_version()
    return newest if sent is None else sent


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


# ---- verbs that are open at several doors -----------------------------------------------------------------------------------
Said = Mapping[str, Any]


@dataclass(frozen=True)
class Takes:
    """What comes with a verb.  read: from the checked body ({} without a schema) to what the verb is told, and what stands for it under a key."""

    schema: type[ma.Schema] | None = None
    read: Callable[[Said], tuple[Said, Any]] = lambda body: (body, body)
    described: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[Mapping[str, Any], ...] = ()


NOTHING = Takes()


@dataclass(frozen=True)
class Verb:
    """What one may do with a row.  name: the last part of its address.

    do: for whom it is done, the row's id, the id of her whose act it is, what was sent.  summaries: by the door's name, for the document.
    must: a key must be sent.  refusals: what the document says of a status.
    """

    name: str
    takes: Takes
    do: Callable[[Actor, int, int, Said], Any]
    summaries: Mapping[str, str]
    must: bool = False
    refusals: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reached:
    """A row that somebody may act on.  by: who acts; person_id: whose act it is; told: how it stands, as she reads it."""

    row_id: int
    person_id: int
    by: Actor
    told: Callable[[], Any]
    begun: Callable[[], None] = lambda: None  # what is noted before the act


@dataclass(frozen=True)
class Door:
    """One way to the rows.  at: their address; mark: who may open it; load: from the parts of the address to the row, or 404."""

    name: str
    at: str
    mark: Callable[[Callable[..., Any]], Callable[..., Any]]
    load: Callable[..., Reached]
    schema: type[ma.Schema]
    prefix: str = ""  # of the names of its endpoints
    refusals: Mapping[int, str] = field(default_factory=dict)


def publish(bp: ApiBlueprint, verbs: Iterable[Verb], *doors: Door) -> None:
    """Open each door to every verb: `POST <at>/<name>`."""
    for door in doors:
        for verb in verbs:
            _open(bp, verb, door)


def _open(bp: ApiBlueprint, verb: Verb, door: Door) -> None:
    def view(*bodies: Any, **address: Any) -> Any:
        said, body = verb.takes.read(bodies[0] if bodies else {})
        row = door.load(**address)
        row.begun()
        return act_once(
            door.schema, lambda _done: row.told(), lambda: verb.do(row.by, row.row_id, row.person_id, said), body, must=verb.must
        )

    view.__name__, view.__doc__ = f"{door.prefix}{verb.name}", verb.summaries[door.name]
    opened: Callable[..., Any] = bp.response(200, door.schema)(view)
    for status, says in {**door.refusals, **verb.refusals}.items():
        opened = bp.alt_response(status, description=says)(opened)
    parameters = [*verb.takes.parameters, KEY if verb.must else ONCE]
    opened = bp.doc(security=TOKEN, parameters=parameters, **verb.takes.described)(opened)
    if verb.takes.schema is not None:
        opened = bp.arguments(verb.takes.schema)(opened)
    bp.post(f"{door.at}/{verb.name}")(door.mark(reached(door.load)(opened)))
