"""Sessions of browsers and tokens of programs: begun, renewed, seen, ended.

The cookie or header holds 256 random bits, the row their hash; ending the row signs out.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from civic.accounts import queries
from civic.accounts.models import Account, ApiToken, UserSession
from civic.core import audit, clock, crypto
from civic.core.atomic import atomic, own_connection
from civic.core.db import db
from civic.core.viewer import Actor

STAFF_LENGTH, LENGTH = timedelta(hours=12), timedelta(days=30)
SEEN_EVERY = timedelta(minutes=10)
KEPT = timedelta(days=30)  # ended or expired rows, so that "whose form was this" can still be answered


def length_for(account_id: int) -> timedelta:
    """12 hours for people who hold a grant, 30 days otherwise."""
    return STAFF_LENGTH if queries.is_staff(account_id) else LENGTH


def begin_session(actor: Actor, account_id: int, *, device: str, two_step: bool) -> tuple[UserSession, str]:
    """A new session and the token for its cookie.  device: browser and system in words, at most 80 characters."""
    token, now = secrets.token_urlsafe(32), clock.now()
    with atomic() as tx:
        row = UserSession(
            account_id=account_id,
            token_hash=crypto.token_hash(token),
            device=device[:80],
            created_at=now,
            last_seen_at=now,
            expires_at=now + length_for(account_id),
            two_step_at=now if two_step else None,
        )
        db.session.add(row)
        db.session.flush()
        audit.record(actor, "accounts.session.begin", "user_session", row.id, account=account_id, two_step=int(two_step))
        tx.result = row
    return row, token


def renew_session(actor: Actor, session_id: int, account_id: int) -> datetime:
    """Stay signed in: the full length again from now.  Returns when it ends."""
    until = clock.now() + length_for(account_id)
    with atomic():
        db.session.execute(
            sa.update(UserSession)
            .where(UserSession.id == session_id, UserSession.ended_at.is_(None))
            .values(expires_at=until, last_seen_at=clock.now())
        )
        audit.record(actor, "accounts.session.renew", "user_session", session_id)
    return until


def mark_two_step(actor: Actor, session_id: int) -> None:
    """The person of this session has just shown her second step."""
    with atomic():
        db.session.execute(sa.update(UserSession).where(UserSession.id == session_id).values(two_step_at=clock.now()))
        audit.record(actor, "accounts.session.two_step", "user_session", session_id)


def end_session(actor: Actor, account_id: int, session_id: int) -> bool:
    """Sign a browser out.  False: it was signed out before, or is another account's."""
    with atomic() as tx:
        ended = _end(UserSession, UserSession.account_id == account_id, UserSession.id == session_id)
        if ended:
            audit.record(actor, "accounts.session.end", "user_session", session_id)
        tx.result = bool(ended)
    return bool(ended)


def end_token(actor: Actor, account_id: int, token_id: int) -> bool:
    """End a token of the API.  False: it had ended, or is another account's."""
    with atomic() as tx:
        ended = _end(ApiToken, ApiToken.account_id == account_id, ApiToken.id == token_id)
        if ended:
            audit.record(actor, "accounts.token.end", "api_token", token_id)
        tx.result = bool(ended)
    return bool(ended)


def end_all(account_id: int, *, besides: int | None = None) -> int:
    """End every session and token of an account inside the caller's transaction; `besides` is a session that stays."""
    sessions = _end(UserSession, UserSession.account_id == account_id, UserSession.id != (besides or 0))
    return len(sessions) + len(_end(ApiToken, ApiToken.account_id == account_id))


def _end(table: type[UserSession] | type[ApiToken], *which: Any) -> list[int]:
    return list(
        db.session.scalars(sa.update(table).where(table.ended_at.is_(None), *which).values(ended_at=clock.now()).returning(table.id))
    )


def begin_token(actor: Actor, account_id: int, *, label: str, two_step: bool) -> tuple[ApiToken, str]:
    """A bearer token for programs, as long as a session would be; shown once, kept as its hash."""
    token, now = secrets.token_urlsafe(32), clock.now()
    with atomic() as tx:
        row = ApiToken(
            account_id=account_id,
            token_hash=crypto.token_hash(token),
            label=label[:60],
            created_at=now,
            expires_at=now + length_for(account_id),
            two_step_at=now if two_step else None,
        )
        db.session.add(row)
        db.session.flush()
        audit.record(actor, "accounts.token.begin", "api_token", row.id, account=account_id, two_step=int(two_step))
        tx.result = row
    return row, token


def note_seen(who: queries.SignedIn) -> bool:
    """Write `last seen`, at most every 10 minutes, on its own connection.  True: this is the first time on this local day."""
    now = clock.now()
    if who.seen_at is not None and now - who.seen_at < SEEN_EVERY:
        return False
    table = UserSession.__table__ if who.kind == "session" else ApiToken.__table__
    seen = table.c.last_seen_at if who.kind == "session" else table.c.last_used_at
    due = sa.or_(seen.is_(None), seen <= now - SEEN_EVERY)
    with own_connection() as connection:  # of ten requests at the same time one writes
        written = connection.execute(
            sa.update(table).where(table.c.id == who.row_id, due).values({seen: now}).returning(table.c.id)
        ).scalar()
    return written is not None and (who.seen_at is None or clock.local(who.seen_at).date() < clock.local(now).date())


def forget_old_sessions() -> None:
    """Delete sessions and tokens that ended or expired 30 days ago."""
    before = clock.now() - KEPT
    for table in (UserSession, ApiToken):
        with atomic():
            db.session.execute(sa.delete(table).where(sa.or_(table.ended_at < before, table.expires_at < before)))


def lock_account(account_id: int) -> Account:
    """The account, locked and read anew."""
    query = sa.select(Account).where(Account.id == account_id).with_for_update(key_share=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()
