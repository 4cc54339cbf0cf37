"""Reads of accounts: who signs in, what she may do today, lists for the account page and the desk."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased, joinedload, selectinload

from civic.accounts.models import Account, ApiToken, ConnectionLook, ConnectionOpening, Grant, Identity, IdentityKind, UserSession
from civic.accounts.policies import sees_ungranted
from civic.core import clock, crypto, freshness
from civic.core.db import db
from civic.core.viewer import Role, Scope, Viewer
from civic.people import queries as people
from civic.territory.models import Organisation, OrganisationKind, Territory, TerritoryKind

PAGE = 50  # accounts on a page of the list


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


def _living(table: type[UserSession] | type[ApiToken], kind: str, seen: Any, token: str) -> SignedIn | None:
    now = clock.now()
    query = (
        sa.select(table.id, Account.id, Account.name, Account.lang, seen, table.expires_at, table.two_step_at, Account.person_id)
        .join(Account, Account.id == table.account_id)
        .where(table.token_hash == crypto.token_hash(token), table.ended_at.is_(None), table.expires_at > now, Account.closed_at.is_(None))
    )
    row = db.session.execute(query).one_or_none()
    if row is None:
        return None
    row_id, account_id, name, lang, seen_at, expires_at, two_step_at, person_id = row
    return SignedIn(kind, row_id, account_id, name, lang, seen_at, expires_at, two_step_at is not None, person_id)


def session_of(token: str) -> SignedIn | None:
    """The living session of a cookie's token."""
    return _living(UserSession, "session", UserSession.last_seen_at, token)


def token_of(token: str) -> SignedIn | None:
    """The living API token of an Authorization header."""
    return _living(ApiToken, "token", ApiToken.last_used_at, token)


def account_of_session(token: str) -> int | None:
    """Whose session this was, ended or not: for forms that outlive it."""
    return db.session.scalar(sa.select(UserSession.account_id).where(UserSession.token_hash == crypto.token_hash(token)))


def _valid(on: date) -> sa.ColumnElement[bool]:
    return sa.and_(Grant.ended_at.is_(None), Grant.from_on <= on, sa.or_(Grant.to_on.is_(None), Grant.to_on >= on))


def scopes_of(account_id: int, on: date) -> tuple[Scope, ...]:
    """The grants of a day as policies see them; a grant for an organisation covers its lines too.  One statement."""
    line = aliased(Organisation)
    is_line = sa.and_(line.parent_id == Grant.organisation_id, line.kind == OrganisationKind.line)
    query = (
        sa.select(Grant.id, Grant.role, Territory.path, Grant.organisation_id, line.id)
        .join(Territory, Territory.id == Grant.territory_id)
        .outerjoin(line, is_line)
        .where(Grant.account_id == account_id, _valid(on))
        .order_by(Grant.id, line.id)
    )
    found: dict[int, tuple[Role, str, set[int]]] = {}
    for grant_id, role, path, organisation, child in db.session.execute(query):
        covered = found.setdefault(grant_id, (role, path, set()))[2]
        covered.update(part for part in (organisation, child) if part is not None)
    return tuple(Scope(role, path, frozenset(covered)) for role, path, covered in found.values())


def viewer_of(who: SignedIn) -> Viewer:
    """The Viewer of a session or token.

    Grants count only after the second step; in a demo database, where it is not asked, always.
    """
    counts = who.is_two_step or freshness.is_demo()
    scopes = scopes_of(who.account_id, clock.today()) if counts else ()
    return Viewer(
        account_id=who.account_id,
        person_id=people.survivor_of(who.person_id),
        name=who.name,
        scopes=scopes,
        verified_in=people.verified_in(who.person_id),
        is_two_step=who.is_two_step,
        session_id=who.row_id if who.kind == "session" else None,
        extras={"lang": who.lang},
    )


def is_staff(account_id: int) -> bool:
    """Holds any grant today."""
    return bool(db.session.scalar(sa.select(sa.exists().where(Grant.account_id == account_id, _valid(clock.today())))))


def account_by_login(login: str) -> Account | None:
    return db.session.scalars(sa.select(Account).where(Account.login == normal_login(login))).one_or_none()


def identity_of(account_id: int, kind: IdentityKind) -> Identity | None:
    """The password or the confirmed app of an account."""
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
    """None: the account is closed or has no password."""
    account = db.session.get(Account, account_id)
    password = identity_of(account_id, IdentityKind.password)
    if account is None or not account.is_open or password is None:
        return None
    asks = not freshness.is_demo()
    has_app = identity_of(account_id, IdentityKind.totp) is not None
    return Needs(
        login=account.login,
        proof=crypto.token_hash(password.secret)[:16],
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


# ---- the desk -------------------------------------------------------------------------------------------------------------


def _in_reach(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Grants that this administrator's own grants cover."""
    parts = []
    for scope in viewer.scopes:
        if scope.role is Role.administrator:
            place = Territory.path.startswith(scope.territory, autoescape=True)
            parts.append(sa.and_(place, Grant.organisation_id.in_(sorted(scope.organisations))) if scope.organisations else place)
    return sa.or_(*parts)


def visible_to(select: sa.Select[Any], viewer: Viewer) -> sa.Select[Any]:
    """Accounts that hold or held a grant in the administrator's reach; those without any for the district's administrator."""
    if not viewer.has_role(Role.administrator):
        return select.where(sa.false())
    granted = sa.exists().where(Grant.account_id == Account.id)
    reached = granted.where(Territory.id == Grant.territory_id, _in_reach(viewer))
    return select.where(sa.or_(reached, ~granted) if sees_ungranted(viewer) else reached)


@dataclass(frozen=True)
class Listed:
    """One row of the list: the account, its living grants, when it was seen last."""

    account: Account
    grants: list[Grant]
    seen_at: datetime | None


def list_accounts(
    viewer: Viewer, *, words: str = "", role: Role | None = None, closed: bool = False, page: int = 1
) -> tuple[list[Listed], int]:
    """One page of the accounts the viewer may see, by name, and the number of all."""
    today = clock.today()
    query = visible_to(sa.select(Account), viewer).where(Account.closed_at.is_not(None) if closed else Account.closed_at.is_(None))
    if words:
        like = normal_login(words)
        query = query.where(sa.or_(Account.login.contains(like, autoescape=True), Account.name.contains(words, autoescape=True)))
    if role is not None:
        query = query.where(sa.exists().where(Grant.account_id == Account.id, Grant.role == role, _valid(today)))
    total = db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    grants = selectinload(Account.grants)
    query = query.options(grants.joinedload(Grant.territory), grants.joinedload(Grant.organisation))
    rows = list(db.session.scalars(query.order_by(Account.name, Account.id).limit(PAGE).offset((page - 1) * PAGE)))
    ids = [account.id for account in rows]
    latest = sa.select(UserSession.account_id, sa.func.max(UserSession.last_seen_at)).where(UserSession.account_id.in_(ids))
    seen: dict[int, datetime] = dict(db.session.execute(latest.group_by(UserSession.account_id)).all())
    return [Listed(a, [g for g in a.grants if not g.is_over(today)], seen.get(a.id)) for a in rows], total


def grantable_territories(viewer: Viewer) -> list[Territory]:
    """Territories above the grid that the administrator reaches, in the order of the tree."""
    paths = viewer.territories(Role.administrator)
    if not paths:
        return []
    query = sa.select(Territory).where(
        Territory.kind != TerritoryKind.grid,
        sa.or_(*(Territory.path.startswith(path, autoescape=True) for path in paths)),
        sa.or_(Territory.valid_to.is_(None), Territory.valid_to >= clock.today()),
    )
    return list(db.session.scalars(query.order_by(Territory.path)))


def grantable_organisations(viewer: Viewer) -> list[Organisation]:
    """Organisations that a grant may speak for: all but bare roles, or her own where her grants are bound to some."""
    query = sa.select(Organisation).where(
        Organisation.kind != OrganisationKind.role, sa.or_(Organisation.valid_to.is_(None), Organisation.valid_to >= clock.today())
    )
    scopes = [scope for scope in viewer.scopes if scope.role is Role.administrator]
    if all(scope.organisations for scope in scopes):
        query = query.where(Organisation.id.in_(sorted(viewer.organisations(Role.administrator))))
    return list(db.session.scalars(query.order_by(Organisation.code)))


# ---- the connection log ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opening:
    """An opening with the names of both people and how often it was read."""

    row: ConnectionOpening
    asked_by: str
    released_by: str
    looks: int


def openings(limit: int = 50) -> list[Opening]:
    """The latest openings, newest first."""
    asker, releaser = aliased(Account), aliased(Account)
    looks = sa.select(sa.func.count()).where(ConnectionLook.opening_id == ConnectionOpening.id).scalar_subquery()
    query = (
        sa.select(ConnectionOpening, asker.name, sa.func.coalesce(releaser.name, ""), looks)
        .join(asker, asker.id == ConnectionOpening.asked_by_id)
        .outerjoin(releaser, releaser.id == ConnectionOpening.released_by_id)
        .order_by(ConnectionOpening.id.desc())
    )
    return [Opening(*row) for row in db.session.execute(query.limit(limit))]


def waiting_openings(viewer: Viewer) -> int:
    """Openings that wait for this person to release them."""
    query = sa.select(sa.func.count()).where(ConnectionOpening.released_at.is_(None), ConnectionOpening.asked_by_id != viewer.account_id)
    return db.session.scalar(query.select_from(ConnectionOpening)) or 0
