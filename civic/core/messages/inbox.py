"""The inbox: what was written to one human, read and marked as read by herself.  Front's pages and the accounts' API share it.

She is several receivers: her account, her person, and the persons merged into it; `Whose` names them all, so a page costs one statement.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.messages.models import Delivery, DeliveryState, Message
from civic.core.messages.receivers import Receiver, Topic
from civic.core.messages.sending import PURPOSE
from civic.core.prepared import ask
from civic.core.registry import the_registry

PAGE = 30
KEPT = timedelta(days=365)  # after she read it
CODES_KEPT = timedelta(days=7)  # codes and links
SLICE = 500  # messages emptied in one transaction
TABLE = Message.__table__


@dataclass(frozen=True)
class Whose:
    """One human as a receiver.  persons: ids, or a select of ids (her own row and those merged into it)."""

    account: int | None
    persons: Any = ()

    def condition(self) -> Any:
        found = []
        if self.account is not None:
            found.append(sa.and_(TABLE.c.receiver_kind == "account", TABLE.c.receiver_id == self.account))
        if not isinstance(self.persons, Sequence) or self.persons:
            found.append(sa.and_(TABLE.c.receiver_kind == "person", TABLE.c.receiver_id.in_(self.persons)))
        return sa.or_(sa.false(), *found)


@dataclass(frozen=True)
class Item:
    """A message as it is shown.  topic: the title, '' when its module is gone.  body: filled where one message is read."""

    uid: str
    topic: Any
    lang: str
    subject: str
    body: str
    href: str
    is_urgent: bool
    is_unread: bool
    created_at: datetime


def _topics() -> dict[str, Topic]:
    return {topic.name: topic for topic in the_registry().all_of("message_topics")}


def _shown(whose: Whose) -> Any:
    """Her messages that have a place in an inbox and were not emptied."""
    hidden = [topic.name for topic in _topics().values() if not topic.keeps_inbox]
    return sa.and_(whose.condition(), TABLE.c.sealed != "", TABLE.c.topic.not_in(hidden))


def _item(row: Any) -> Item:
    words, about = json.loads(crypto.decrypt(row.sealed, PURPOSE)), _topics().get(row.topic)
    return Item(
        row.uid,
        about.title if about else "",
        row.lang,
        words["subject"],
        words["body"],
        row.href,
        row.is_urgent,
        row.read_at is None,
        row.created_at,
    )


def listed(whose: Whose, before: str = "", limit: int = PAGE) -> tuple[list[Item], str]:
    """The newest messages, or those older than the one named; and the uid to go on from, '' at the end.  At most two statements."""
    query = sa.select(TABLE).where(_shown(whose)).order_by(TABLE.c.id.desc()).limit(limit + 1)
    if before:
        older = sa.select(TABLE.c.id).where(TABLE.c.uid == before).scalar_subquery()
        query = query.where(TABLE.c.id < older)
    rows = db.session.execute(query).all()
    return [_item(row) for row in rows[:limit]], rows[limit - 1].uid if len(rows) > limit else ""


def one(whose: Whose, uid: str) -> Item | None:
    """One of her messages, else None."""
    row = db.session.execute(sa.select(TABLE).where(_shown(whose), TABLE.c.uid == uid)).one_or_none()
    return _item(row) if row is not None else None


_UNREAD = (
    sa.select(sa.func.count())
    .select_from(TABLE)
    .where(
        TABLE.c.receiver_kind == "account", TABLE.c.receiver_id == sa.bindparam("account"), TABLE.c.sealed != "",
        TABLE.c.topic.not_in(sa.bindparam("hidden", expanding=True)), TABLE.c.read_at.is_(None),
    )
)  # fmt: skip


def unread(whose: Whose) -> int:
    """How many she has not read; one statement."""
    if whose.account is not None and whose.persons == ():
        hidden = [topic.name for topic in _topics().values() if not topic.keeps_inbox]
        result = ask(_UNREAD, account=whose.account, hidden=hidden)
    else:
        result = db.session.execute(sa.select(sa.func.count()).select_from(TABLE).where(_shown(whose), TABLE.c.read_at.is_(None)))
    found: int = result.scalar_one()
    return found


def read(whose: Whose, uid: str | None = None) -> int:
    """Mark one message, or all of them, as read; returns how many were not.  Nobody is told, hence no line in the audit."""
    wanted = sa.and_(_shown(whose), TABLE.c.read_at.is_(None), *([TABLE.c.uid == uid] if uid is not None else []))
    with atomic() as tx:
        done = db.session.execute(sa.update(TABLE).where(wanted).values(read_at=clock.now()).returning(TABLE.c.id)).all()
        tx.result = len(done)
    return len(done)


def empty_old() -> int:
    """Empty what was read more than a year ago, and codes and links after seven days; the row stays without words and addresses.

    The job `messages-retention`.  What waits in the outbox of an emptied message is dropped.  Returns how many were emptied.
    """
    now, total = clock.now(), 0
    short = [topic.name for topic in _topics().values() if not topic.keeps_inbox]
    is_old = sa.or_(
        sa.and_(TABLE.c.topic.not_in(short), TABLE.c.read_at < now - KEPT),
        sa.and_(TABLE.c.topic.in_(short), TABLE.c.created_at < now - CODES_KEPT),
    )
    while True:
        ids = list(db.session.scalars(sa.select(TABLE.c.id).where(TABLE.c.sealed != "", is_old).order_by(TABLE.c.id).limit(SLICE)))
        if not ids:
            db.session.rollback()
            return total
        _empty(ids, now)
        total += len(ids)


def _empty(ids: list[int], now: datetime) -> None:
    delivery = Delivery.__table__
    with atomic():
        db.session.execute(sa.update(TABLE).where(TABLE.c.id.in_(ids)).values(sealed="", href=""))
        of_them = delivery.c.message_id.in_(ids)
        db.session.execute(sa.update(delivery).where(of_them, delivery.c.address != "").values(address=""))
        waiting = sa.and_(of_them, delivery.c.state == DeliveryState.queued)
        db.session.execute(sa.update(delivery).where(waiting).values(state=DeliveryState.dropped, ended_at=now))


def receivers_of(whose: Whose) -> list[Receiver]:
    """Her receivers by name, the person first; `persons` must be ids here."""
    found = [Receiver("person", person) for person in whose.persons]
    return found + ([Receiver("account", whose.account)] if whose.account is not None else [])
