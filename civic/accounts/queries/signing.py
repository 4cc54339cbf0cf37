"""Who signs in, what she may do today, where she is signed in."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from civic.accounts.models import Account, ApiToken, Grant, Identity, IdentityKind, UserSession
from civic.core import clock, crypto, freshness
from civic.core.db import db
from civic.core.prepared import ask
from civic.core.viewer import Role, Scope, Viewer
from civic.people import queries as people
from civic.territory.models import Organisation, OrganisationKind, Territory


def normal_login(text: str) -> str:
    """Full-width letters become half-width (NFKC), capitals small, spaces around go."""
    return unicodedata.normalize("NFKC", text).strip().lower()


@dataclass(frozen=True)
class SignedIn:
    """A living session or token with its account: all that a request needs to know of them."""

    kind: str  # session or token
    row_id: int
    account_id: int
    name: str
    lang: str
    seen_at: datetime | None
    expires_at: datetime
    is_two_step: bool
    person_id: int | None = None
    waits: bool = False  # the password was begun by somebody else, and she has not shown yet that it is hers now


_A, _G, _I, _O, _T = Account.__table__, Grant.__table__, Identity.__table__, Organisation.__table__, Territory.__table__
#: a password without the moment of a proof; part of the statement that reads the session
_WAITS = sa.exists().where(_I.c.account_id == _A.c.id, _I.c.kind == IdentityKind.password, _I.c.confirmed_at.is_(None)).label("waits")


def waits_for_proof(account_id: int) -> bool:
    """The login is bound to a person, and its password was begun by somebody else: her own data stay closed (operations/binding.py)."""
    return bool(db.session.scalar(sa.select(sa.and_(Account.person_id.is_not(None), _WAITS)).where(Account.id == account_id)))


def _living(table: sa.Table, seen: sa.Column[Any]) -> sa.Select[Any]:
    """A session or token that has not ended, of an account that is open."""
    c = table.c
    return (
        sa.select(c.id, _A.c.id.label("account_id"), _A.c.name, _A.c.lang, seen, c.expires_at, c.two_step_at, _A.c.person_id, _WAITS)
        .join_from(table, _A, _A.c.id == c.account_id)
        .where(c.token_hash == sa.bindparam("hashed"), c.ended_at.is_(None), c.expires_at > sa.bindparam("now"), _A.c.closed_at.is_(None))
    )


_SESSION = _living(UserSession.__table__, UserSession.__table__.c.last_seen_at)
_TOKEN = _living(ApiToken.__table__, ApiToken.__table__.c.last_used_at)


def _signed_in(kind: str, statement: sa.Select[Any], token: str) -> SignedIn | None:
    row = ask(statement, hashed=crypto.token_hash(token), now=clock.now()).one_or_none()
    if row is None:
        return None
    row_id, account_id, name, lang, seen_at, expires_at, two_step_at, person_id, waits = row
    return SignedIn(kind, row_id, account_id, name, lang, seen_at, expires_at, two_step_at is not None, person_id, bool(waits))


def session_of(token: str) -> SignedIn | None:
    """The living session of a cookie's token."""
    return _signed_in("session", _SESSION, token)


def token_of(token: str) -> SignedIn | None:
    """The living API token of an Authorization header."""
    return _signed_in("token", _TOKEN, token)


def account_of_session(token: str) -> int | None:
    """Whose session this was, ended or not: for forms that outlive it."""
    return db.session.scalar(sa.select(UserSession.account_id).where(UserSession.token_hash == crypto.token_hash(token)))


def valid_on(on: date | sa.BindParameter[date]) -> sa.ColumnElement[bool]:
    """Does a grant hold on this day?"""
    return sa.and_(_G.c.ended_at.is_(None), _G.c.from_on <= on, sa.or_(_G.c.to_on.is_(None), _G.c.to_on >= on))


_LINE = _O.alias("line")
_SCOPES = (
    sa.select(_G.c.id, _G.c.role, _T.c.path, _G.c.organisation_id, _LINE.c.id.label("line_id"))
    .join_from(_G, _T, _T.c.id == _G.c.territory_id)
    .outerjoin(_LINE, sa.and_(_LINE.c.parent_id == _G.c.organisation_id, _LINE.c.kind == OrganisationKind.line))
    .where(_G.c.account_id == sa.bindparam("account"), valid_on(sa.bindparam("day")))
    .order_by(_G.c.id, _LINE.c.id)
)


def scopes_of(account_id: int, on: date) -> tuple[Scope, ...]:
    """The grants of a day as policies see them; a grant for an organisation covers its lines too.  One statement."""
    found: dict[int, tuple[Role, str, set[int]]] = {}
    for grant_id, role, path, organisation, child in ask(_SCOPES, account=account_id, day=on):
        covered = found.setdefault(grant_id, (role, path, set()))[2]
        covered.update(part for part in (organisation, child) if part is not None)
    return tuple(Scope(role, path, frozenset(covered)) for role, path, covered in found.values())


def viewer_of(who: SignedIn) -> Viewer:
    """The Viewer of a session or token.

    Grants count only after the second step; in a demo database, where it is not asked, always.
    """
    counts = who.is_two_step or freshness.is_demo()
    scopes = scopes_of(who.account_id, clock.today()) if counts else ()
    bound_to = people.survivor_of(who.person_id)
    return Viewer(
        account_id=who.account_id,
        person_id=None if who.waits else bound_to,
        unproven_id=bound_to if who.waits else None,
        name=who.name,
        scopes=scopes,
        verified_in=people.verified_in(None if who.waits else bound_to),
        is_two_step=who.is_two_step,
        session_id=who.row_id if who.kind == "session" else None,
        extras={"lang": who.lang},
    )


def is_staff(account_id: int) -> bool:
    """Holds any grant today."""
    return bool(db.session.scalar(sa.select(sa.exists().where(Grant.account_id == account_id, valid_on(clock.today())))))


def account_by_login(login: str) -> Account | None:
    return db.session.scalars(sa.select(Account).where(Account.login == normal_login(login))).one_or_none()


def identity_of(account_id: int, kind: IdentityKind) -> Identity | None:
    """The latest identity of a kind: password, confirmed app, phone."""
    query = sa.select(Identity).where(Identity.account_id == account_id, Identity.kind == kind)
    return db.session.scalars(query.order_by(Identity.id.desc()).limit(1)).one_or_none()


def recovery_codes_left(account_id: int) -> int:
    query = sa.select(sa.func.count()).where(
        Identity.account_id == account_id, Identity.kind == IdentityKind.recovery, Identity.used_at.is_(None)
    )
    return db.session.scalar(query) or 0


@dataclass(frozen=True)
class Needs:
    """What a sign-in still has to pass after the password."""

    login: str
    proof: str  # changes with the password, so that a sign-in begun with the old one cannot be finished
    has_app: bool
    must_enrol: bool
    new_password: bool


def sign_in_needs(account_id: int) -> Needs | None:
    """None: the account is closed.  One without a password signs in by a code on the phone or an outside sign-in."""
    account = db.session.get(Account, account_id)
    password = identity_of(account_id, IdentityKind.password)
    if account is None or not account.is_open:
        return None
    asks = not freshness.is_demo()
    has_app = identity_of(account_id, IdentityKind.totp) is not None
    return Needs(
        login=account.login,
        proof=crypto.token_hash(password.secret if password else "")[:16],
        has_app=asks and has_app,
        must_enrol=asks and not has_app and is_staff(account_id),
        new_password=account.must_change_password,
    )


def living_sessions(account_id: int) -> list[UserSession]:
    query = sa.select(UserSession).where(
        UserSession.account_id == account_id, UserSession.ended_at.is_(None), UserSession.expires_at > clock.now()
    )
    return list(db.session.scalars(query.order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())))


def living_tokens(account_id: int) -> list[ApiToken]:
    query = sa.select(ApiToken).where(ApiToken.account_id == account_id, ApiToken.ended_at.is_(None), ApiToken.expires_at > clock.now())
    return list(db.session.scalars(query.order_by(ApiToken.id.desc())))


def grants_of(account_id: int) -> list[Grant]:
    """All grants with territory and organisation, those that count now or later first."""
    query = sa.select(Grant).where(Grant.account_id == account_id).options(joinedload(Grant.territory), joinedload(Grant.organisation))
    today = clock.today()
    return sorted(db.session.scalars(query), key=lambda grant: (grant.is_over(today), -grant.id))


def places_of(grants: Iterable[Grant]) -> list[tuple[str, int | None]]:
    """The places of the grants that count now or later; where there are none, of those that counted once."""
    today, all_of = clock.today(), list(grants)
    living = [grant for grant in all_of if not grant.is_over(today)]
    return [(grant.territory.path, grant.organisation_id) for grant in living or all_of]
