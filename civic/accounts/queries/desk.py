"""Lists of accounts and of the connection log for the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased, joinedload, selectinload

from civic.accounts.models import Account, ConnectionLook, ConnectionOpening, Grant, UserSession
from civic.accounts.policies import HANDED_ON, sees_ungranted
from civic.accounts.queries.signing import normal_login, valid_on
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Role, Viewer
from civic.territory.models import Organisation, OrganisationKind, Territory, TerritoryKind

PAGE = 50  # accounts on a page of the list


def _in_reach(viewer: Viewer, role: Role = Role.administrator) -> sa.ColumnElement[bool]:
    """Grants that her own grants of this role cover."""
    parts = []
    for scope in viewer.scopes:
        if scope.role is role:
            place = Territory.path.startswith(scope.territory, autoescape=True)
            parts.append(sa.and_(place, Grant.organisation_id.in_(sorted(scope.organisations))) if scope.organisations else place)
    return sa.or_(sa.false(), *parts)


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
        query = query.where(sa.exists().where(Grant.account_id == Account.id, Grant.role == role, valid_on(today)))
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


def rights_handed_on(viewer: Viewer, page: int = 1) -> tuple[list[Grant], int]:
    """One page of the rights whose work this manager may give on, those that end soonest first, and the number of all.

    Whose last day has passed is there too: her work is still hers until somebody takes it.
    """
    query = (
        sa.select(Grant)
        .join(Account, Account.id == Grant.account_id)
        .join(Territory, Territory.id == Grant.territory_id)
        .where(Account.closed_at.is_(None), Grant.ended_at.is_(None), Grant.role.in_(sorted(HANDED_ON)), _in_reach(viewer, Role.manager))
    )
    total = db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    query = query.options(joinedload(Grant.account), joinedload(Grant.territory), joinedload(Grant.organisation))
    order = (Grant.to_on.is_(None), Grant.to_on, Account.name, Grant.id)
    return list(db.session.scalars(query.order_by(*order).limit(PAGE).offset((page - 1) * PAGE))), total


# ---- the connection log ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opening:
    """An opening with the names of both people and how often it was read."""

    row: ConnectionOpening
    asked_by: str
    asked_person: int | None
    released_by: str
    looks: int


def openings(limit: int = 50) -> list[Opening]:
    """The latest openings, newest first."""
    asker, releaser = aliased(Account), aliased(Account)
    looks = sa.select(sa.func.count()).where(ConnectionLook.opening_id == ConnectionOpening.id).scalar_subquery()
    query = (
        sa.select(ConnectionOpening, asker.name, asker.person_id, sa.func.coalesce(releaser.name, ""), looks)
        .join(asker, asker.id == ConnectionOpening.asked_by_id)
        .outerjoin(releaser, releaser.id == ConnectionOpening.released_by_id)
        .order_by(ConnectionOpening.id.desc())
    )
    return [Opening(*row) for row in db.session.execute(query.limit(limit))]


def waiting_openings(viewer: Viewer) -> int:
    """Openings that wait for this person to release them: those that neither this account nor another of hers asked for."""
    query = (
        sa.select(sa.func.count())
        .select_from(ConnectionOpening)
        .join(Account, Account.id == ConnectionOpening.asked_by_id)
        .where(ConnectionOpening.released_at.is_(None), ConnectionOpening.asked_by_id != viewer.account_id)
    )
    if viewer.bound_to is not None:
        query = query.where(sa.or_(Account.person_id.is_(None), Account.person_id != viewer.bound_to))
    return db.session.scalar(query) or 0
