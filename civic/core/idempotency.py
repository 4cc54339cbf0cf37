"""Keys that make a repeated request harmless: the first answer is stored in the same transaction as what it did.

The web layer opens `keyed(...)` around one operation.  The outermost `atomic()` enters the key with its answer as one of its last
rows.  Where the key is known, all that the block did is undone and `Replayed` gives the stored answer, or `KeyReused` (409) refuses another
body.  So a repeat does the work in vain and is told at the end; the first try, which is nearly every one, writes the row once.  A block that
fails asks too: what was done before may be why it fails now.  A refusal is stored by a transaction of its own after the block is undone.
Rows are kept for 30 days; ledger sources are unique for ever and do not depend on this.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from civic.core import clock, crypto
from civic.core.built import Built
from civic.core.db import Model, intpk, timestamp
from civic.core.errors import KeyReused

KEPT = timedelta(days=30)
PURPOSE = "idempotency"
SECRET_FIELDS = {"csrf_token", "request_key"}  # differ each time the same form is shown
LONGEST_KEY = 100  # characters; the key comes from outside, a longer one is kept as its hash


class IdempotencyKey(Model):
    """One request that was answered: `answer` is encrypted with the data key, because it may repeat personal words."""

    __tablename__ = "idempotency_key"
    __table_args__ = (sa.UniqueConstraint("account_id", "route", "key"),)
    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(comment="0 = a visitor")
    route: Mapped[str] = mapped_column(sa.String(120))
    key: Mapped[str] = mapped_column(sa.String(LONGEST_KEY))
    body_hash: Mapped[str] = mapped_column(sa.String(64))
    answer: Mapped[str | None] = mapped_column(sa.Text, comment="encrypted JSON")
    created_at: Mapped[timestamp] = mapped_column(index=True)


@dataclass(frozen=True)
class Key:
    """An opened key: whose, for which route, over which body, and how to say the answer."""

    account_id: int
    route: str
    key: str
    body_hash: str
    answer: Callable[[Any], dict[str, Any]]


class Replayed(Exception):
    """The request was answered before; only the application's error handler catches this."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("replayed")
        self.answer = answer


_open: ContextVar[Key | None] = ContextVar("civic_idempotency", default=None)
_used: ContextVar[bool] = ContextVar("civic_idempotency_used", default=False)


@contextlib.contextmanager
def keyed(account_id: int | None, route: str, key: str, body: Any, answer: Callable[[Any], dict[str, Any]]) -> Iterator[None]:
    """Let the one outermost `atomic()` inside be answered at most once.

    answer: turns the operation's result, or its DomainError, into plain JSON that the web layer can send again.
    """
    if len(key) > LONGEST_KEY:
        key = hashlib.sha256(key.encode()).hexdigest()
    token = _open.set(Key(account_id or 0, route, key, body_hash(body), answer))
    used = _used.set(False)
    try:
        yield
    finally:
        _open.reset(token)
        _used.reset(used)


@contextlib.contextmanager
def cleared() -> Iterator[None]:
    """No key is open in here: effects after the commit may open an `atomic()` of their own."""
    token = _open.set(None)
    try:
        yield
    finally:
        _open.reset(token)


def body_hash(body: Any) -> str:
    """SHA-256 of a body without what changes from showing to showing (CSRF token, key)."""
    if isinstance(body, dict):
        body = {k: v for k, v in body.items() if k not in SECRET_FIELDS}
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def take() -> Key | None:
    """The key for this outermost transaction.  A second one under the same key is a mistake of the code."""
    key = _open.get()
    if key is None:
        return None
    if _used.get():
        raise ValueError("one outermost atomic() per key")
    _used.set(True)
    return key


_K = IdempotencyKey.__table__
_NAMED: dict[str, Any] = {name: sa.bindparam(f"key_{name}") for name in ("account_id", "route", "key")}
_ENTER = {
    dialect.__name__.rpartition(".")[2]: dialect.insert(_K)
    .values({name: sa.bindparam(f"key_{name}") for name in ("account_id", "route", "key", "body_hash", "answer", "created_at")})
    .on_conflict_do_nothing()
    .returning(_K.c.id)
    for dialect in (sqlite, postgresql)
}
_KNOWN = Built(sa.select(_K.c.body_hash, _K.c.answer).where(*(_K.c[name] == value for name, value in _NAMED.items())))


@cache
def _entering(dialect: str, line: Any = None) -> Built:
    """The key's row alone, or in one statement with another row (PostgreSQL).  Made once for each; a process knows two or three."""
    statement = _ENTER[dialect]
    return Built(statement if line is None else statement.add_cte(line.cte("line")))


def answered(key: Key, outcome: Any) -> str:
    """The outcome of a block, its result or its refusal, as it is said again: JSON, encrypted."""
    return crypto.encrypt(json.dumps(key.answer(outcome), ensure_ascii=False), PURPOSE)


def enter(connection: sa.Connection, key: Key, answer: str, line: Any = None, values: Mapping[str, Any] | None = None) -> None:
    """Insert the key with its answer.  Raises Replayed or KeyReused where the key is known.

    line, values: an insert with its values that goes along in the same statement; PostgreSQL alone can do that.
    """
    row = {**_names(key), "key_body_hash": key.body_hash, "key_created_at": clock.now(), "key_answer": answer, **(values or {})}
    if _entering(connection.dialect.name, line).scalar(connection, row) is None:
        tell_if_known(connection, key)
        raise ValueError("a key that was forgotten at this very moment")


def tell_if_known(connection: sa.Connection, key: Key) -> None:
    """Raise what the same request was answered before: Replayed, or KeyReused for another body."""
    for known in _KNOWN.rows(connection, _names(key)):
        if known.body_hash != key.body_hash:
            raise KeyReused
        raise Replayed(json.loads(crypto.decrypt(known.answer, PURPOSE)) if known.answer else {})


def _names(key: Key) -> dict[str, Any]:
    return {"key_account_id": key.account_id, "key_route": key.route, "key_key": key.key}


def forget_old(session: Any) -> int:
    """Drop keys older than 30 days; returns how many."""
    table = IdempotencyKey.__table__
    return len(session.execute(sa.delete(table).where(table.c.created_at < clock.now() - KEPT).returning(table.c.id)).all())
