"""Who did what to which row: insert-only lines with ids, never personal values, and a chain of seals over them.

`record` adds a line to the caller's transaction, which writes them at its end.  Once a minute a job seals the lines written since: a chain per line
would queue every write behind one tail.  `check` recomputes and names each changed or missing line and the unsealed tail.
Seal hash = SHA-256(previous seal hash + the items' hashes in order); item hash = SHA-256 of the canonical line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from civic.core import clock
from civic.core.appendonly import APPEND_ONLY
from civic.core.atomic import atomic, insert_last
from civic.core.db import Model, db, intpk, moment, timestamp
from civic.core.viewer import Actor

SLICE = 2000  # lines sealed in one transaction: about 60 ms of the write lock
SEALS = 500  # seals checked at a time: a night's worth, some megabytes
LATEST = 10_000  # ids below the newest sealed one that may still be committed


class AuditEvent(Model):
    """One act: the account or job, the verb, the row it concerns, numbers that explain it."""

    __tablename__ = "audit_event"
    __table_args__ = (sa.Index("ix_audit_event_subject", "subject_kind", "subject_id"), APPEND_ONLY)
    id: Mapped[intpk]
    at: Mapped[timestamp]
    account_id: Mapped[int | None] = mapped_column(comment="no foreign key: a line outlives everything it names")
    job: Mapped[str] = mapped_column(sa.String(40), default="")
    channel: Mapped[str] = mapped_column(sa.String(16))
    acting_for: Mapped[int | None]
    request_id: Mapped[str] = mapped_column(sa.String(32), default="")
    verb: Mapped[str] = mapped_column(sa.String(60))
    subject_kind: Mapped[str] = mapped_column(sa.String(40))
    subject_id: Mapped[int]
    context: Mapped[str] = mapped_column(sa.Text, default="{}", comment="sorted JSON: ids and numbers")


_LINE = (
    "at", "account_id", "job", "channel", "acting_for", "request_id", "verb", "subject_kind", "subject_id", "context",
)  # fmt: skip
_INSERT = sa.insert(AuditEvent.__table__).values({name: sa.bindparam(name) for name in _LINE}).inline()  # nobody asks for the id


class AuditSeal(Model):
    """A link of the chain over the lines listed in audit_seal_item."""

    __tablename__ = "audit_seal"
    __table_args__ = (sa.UniqueConstraint("previous_hash"), APPEND_ONLY)  # a chain has no fork, whoever runs at the same time
    id: Mapped[intpk]
    sealed_at: Mapped[moment]
    count: Mapped[int]
    previous_hash: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64))


class AuditSealItem(Model):
    """The hash of one sealed line."""

    __tablename__ = "audit_seal_item"
    __table_args__ = (APPEND_ONLY,)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="= audit_event.id")
    seal_id: Mapped[int] = mapped_column(sa.ForeignKey("audit_seal.id"), index=True)
    hash: Mapped[str] = mapped_column(sa.String(64))


def record(actor: Actor, verb: str, subject_kind: str, subject_id: int, **context: Any) -> None:
    """Add one line to the open transaction.  context: ids and numbers only, never names, phones or free text."""
    insert_last(
        _INSERT,
        {
            "at": clock.now(), "account_id": actor.account_id, "job": actor.job, "channel": actor.channel.value, "acting_for": actor.acting_for,
            "request_id": actor.request_id, "verb": verb, "subject_kind": subject_kind, "subject_id": subject_id,
            "context": json.dumps(context, sort_keys=True, ensure_ascii=False, default=str),
        },
    )  # fmt: skip


def _line_hash(row: Any) -> str:
    """SHA-256 of a line in canonical form: sorted JSON, integers, UTC microseconds, equal on both databases."""
    fields = {
        name: getattr(row, name)
        for name in ("id", "account_id", "job", "channel", "acting_for", "request_id", "verb", "subject_kind", "subject_id", "context")
    }
    fields["at"] = round(row.at.timestamp() * 1_000_000)
    return hashlib.sha256(json.dumps(fields, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _chain(previous: str, hashes: list[str]) -> str:
    return hashlib.sha256((previous + "".join(hashes)).encode()).hexdigest()


def _unsealed(columns: Any, since: int) -> Any:
    """Lines with an id above `since` that no seal lists yet."""
    return columns.outerjoin(AuditSealItem, AuditSealItem.id == AuditEvent.id).where(AuditSealItem.id.is_(None), AuditEvent.id > since)


def _window() -> int:
    """Where to begin looking for unsealed lines: ids are given before the commit, so a few may lie below the newest sealed one."""
    return (db.session.scalar(sa.select(sa.func.max(AuditSealItem.id))) or 0) - LATEST


def seal(*, since: int | None = None) -> int:
    """Seal the lines written since the last seal, in slices; returns how many.

    since: look at ids above this one (0 = all, as once a night); by default from 10,000 below the newest sealed line.
    """
    since, done = _window() if since is None else since, 0
    while True:
        unsealed = _unsealed(sa.select(AuditEvent.__table__), since).order_by(AuditEvent.id).limit(SLICE)
        rows = db.session.execute(unsealed).all()  # read before the lock is taken
        if not rows:
            return done
        with atomic():
            previous = db.session.scalar(sa.select(AuditSeal.hash).order_by(AuditSeal.id.desc()).limit(1)) or ""
            taken = set(db.session.scalars(sa.select(AuditSealItem.id).where(AuditSealItem.id.in_([r.id for r in rows]))))
            hashes = {row.id: _line_hash(row) for row in rows if row.id not in taken}
            if hashes:
                link = AuditSeal(
                    sealed_at=clock.now(), count=len(hashes), previous_hash=previous, hash=_chain(previous, list(hashes.values()))
                )
                db.session.add(link)
                db.session.flush()
                db.session.execute(sa.insert(AuditSealItem), [{"id": i, "seal_id": link.id, "hash": h} for i, h in hashes.items()])
        done += len(hashes)
        if len(rows) < SLICE:
            return done


def seal_all() -> int:
    """Once a night: every line, however late its commit came."""
    return seal(since=0)


def check() -> Iterator[tuple[str, int, str]]:
    """Name each violation as (table, id, what): a line changed or missing, a seal that does not follow its predecessor."""
    previous, after = "", 0
    while links := db.session.execute(sa.select(AuditSeal.__table__).where(AuditSeal.id > after).order_by(AuditSeal.id).limit(SEALS)).all():
        items = _items_of(links[0].id, links[-1].id)
        for link in links:
            rows = items.get(link.id, [])
            for row in rows:
                if row.id is None:
                    yield "audit_event", row.item, "sealed line is missing"
                elif _line_hash(row) != row.sealed:
                    yield "audit_event", row.item, "line was changed after it was sealed"
            is_whole = len(rows) == link._mapping["count"] and _chain(previous, [r.sealed for r in rows]) == link.hash
            if link.previous_hash != previous or not is_whole:
                yield "audit_seal", link.id, "seal does not follow from its lines and its predecessor"
            previous = link.hash
        after = links[-1].id


def _items_of(first: int, last: int) -> dict[int, list[Any]]:
    """The sealed lines of a run of seals, by seal."""
    query = (
        sa.select(AuditSealItem.seal_id, AuditSealItem.id.label("item"), AuditSealItem.hash.label("sealed"), AuditEvent.__table__)
        .outerjoin(AuditEvent, AuditEvent.id == AuditSealItem.id)
        .where(AuditSealItem.seal_id.between(first, last))
        .order_by(AuditSealItem.seal_id, AuditSealItem.id)
    )
    found: dict[int, list[Any]] = {}
    for row in db.session.execute(query):
        found.setdefault(row.seal_id, []).append(row)
    return found


def unsealed_tail() -> tuple[int, datetime | None]:
    """How many lines are not sealed yet, and since when."""
    count, since = db.session.execute(_unsealed(sa.select(sa.func.count(AuditEvent.id), sa.func.min(AuditEvent.at)), _window())).one()
    return count, since
