"""The connection log: written sealed, opened by two people with a document number, each look logged, dropped after 190 days.

网络安全法 article 21 asks for logs of at least six months; 190 days keep a margin over the longest six months (184 days).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from civic.accounts.errors import AlreadyReleased, DaysInWrongOrder, NoSuchLogin, NotReadable, SamePerson, SpanInFuture, SpanTooLong
from civic.accounts.models import Account, ConnectionAct, ConnectionLook, ConnectionOpening, ConnectionRecord
from civic.accounts.queries import normal_login
from civic.core import audit, clock, crypto
from civic.core.atomic import atomic, own_connection
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import queries as people

KEPT_DAYS = 190
MOST_DAYS = 31
MOST_LINES = 1000
READABLE = timedelta(hours=24)


def record_connection(account_id: int | None, act: ConnectionAct, *, address: str, port: int) -> None:
    """Keep who came from where, sealed; on a connection of its own, after the main work and never inside `atomic()`."""
    line = {"at": clock.now().isoformat(), "account": account_id, "address": address, "port": port, "act": act.value}
    sealed = crypto.encrypt(json.dumps(line), "connection")
    with own_connection() as connection:
        connection.execute(sa.insert(ConnectionRecord.__table__).values(on_day=clock.today(), sealed=sealed))


def forget_old_connections() -> int:
    """Drop the days older than 190 days, never a younger one; returns how many records went."""
    with atomic():
        old = sa.delete(ConnectionRecord).where(ConnectionRecord.on < clock.today() - timedelta(days=KEPT_DAYS))
        return len(db.session.scalars(old.returning(ConnectionRecord.id)).all())


def ask_opening(actor: Actor, document: str, reason: str, from_on: date, to_on: date, login: str) -> ConnectionOpening:
    """Ask to read the log of some days, of one login or of all.

    Raises DaysInWrongOrder, SpanInFuture, SpanTooLong, NoSuchLogin.
    """
    days = (to_on - from_on).days + 1
    if days < 1:
        raise DaysInWrongOrder(field="to_on")
    if to_on > clock.today():
        raise SpanInFuture(field="to_on")
    if days > MOST_DAYS:
        raise SpanTooLong(most=MOST_DAYS, days=days, field="to_on")
    login = normal_login(login)
    with atomic() as tx:
        if login and _account_id(login) is None:
            raise NoSuchLogin(login=login, field="login")
        opening = ConnectionOpening(
            document=document, reason=reason, login=login, from_on=from_on, to_on=to_on, asked_by_id=actor.account_id
        )
        db.session.add(opening)
        db.session.flush()
        audit.record(actor, "accounts.connections.ask", "connection_opening", opening.id, days=days)
        tx.result = opening
    return opening


def release_opening(actor: Actor, opening_id: int) -> ConnectionOpening:
    """A second person lets the first one read for 24 hours.  Raises SamePerson, AlreadyReleased."""
    with atomic() as tx:
        opening = _lock(opening_id)
        if opening.asked_by_id == actor.account_id or _is_one_person(opening.asked_by_id, actor.account_id):
            raise SamePerson
        if opening.released_at is not None:
            raise AlreadyReleased
        opening.released_by_id, opening.released_at = actor.account_id, clock.now()
        opening.readable_until = opening.released_at + READABLE
        db.session.flush()
        audit.record(actor, "accounts.connections.release", "connection_opening", opening.id)
        tx.result = opening
    return opening


def _is_one_person(first: int, second: int | None) -> bool:
    """Two logins of one human; accounts without a person are compared as accounts."""
    query = sa.select(Account.person_id).where(Account.id.in_([first, second]))
    survivors = [people.survivor_of(person_id) for person_id in db.session.scalars(query)]
    return len(survivors) == 2 and None not in survivors and survivors[0] == survivors[1]


@dataclass(frozen=True)
class Line:
    """One connection in clear, for the one who asked."""

    at: datetime
    account_id: int | None
    login: str
    address: str
    port: int
    act: ConnectionAct


@dataclass(frozen=True)
class Seen:
    """What one look showed: at most 1,000 lines, the newest, and how many there are."""

    lines: list[Line]
    total: int


def look_into(actor: Actor, opening_id: int) -> Seen:
    """Read an opening that was released; the look is a row and an audit line before anything is returned.

    Raises NotReadable unless the actor asked for it herself and its 24 hours run.
    """
    opening = db.session.get_one(ConnectionOpening, opening_id)
    _check_readable(actor, opening)
    lines = sorted(_lines(opening), key=lambda line: line.at, reverse=True)
    with atomic() as tx:
        _check_readable(actor, _lock(opening_id))
        db.session.add(ConnectionLook(opening_id=opening_id, account_id=actor.account_id, count=min(len(lines), MOST_LINES)))
        audit.record(actor, "accounts.connections.look", "connection_opening", opening_id, count=min(len(lines), MOST_LINES))
        tx.result = opening_id
    return Seen(lines[:MOST_LINES], len(lines))


def _check_readable(actor: Actor, opening: ConnectionOpening) -> None:
    if opening.asked_by_id != actor.account_id or not opening.is_readable(clock.now()):
        raise NotReadable


def _lines(opening: ConnectionOpening) -> Iterator[Line]:
    logins: dict[int, str] = dict(db.session.execute(sa.select(Account.id, Account.login)).all())
    wanted = _account_id(opening.login) if opening.login else None
    query = sa.select(ConnectionRecord.sealed).where(ConnectionRecord.on.between(opening.from_on, opening.to_on))
    for sealed in db.session.scalars(query):
        read = json.loads(crypto.decrypt(sealed, "connection"))
        if not opening.login or read["account"] == wanted:
            at, act = datetime.fromisoformat(read["at"]), ConnectionAct(read["act"])
            yield Line(at, read["account"], logins.get(read["account"], ""), read["address"], read["port"], act)


def _account_id(login: str) -> int | None:
    return db.session.scalar(sa.select(Account.id).where(Account.login == login))


def _lock(opening_id: int) -> ConnectionOpening:
    query = sa.select(ConnectionOpening).where(ConnectionOpening.id == opening_id).with_for_update(key_share=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()
