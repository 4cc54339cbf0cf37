"""The logins of the demonstration; only `civic demo` makes them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from civic.accounts import operations, queries
from civic.accounts.operations import NewGrant
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor, Channel, Role
from civic.territory.models import Organisation, Territory

PASSWORD = "civic-demo"  # noqa: S105 - printed by `civic demo`, which serves on loopback alone
SEED = Actor(None, job="demo", channel=Channel.command)


@dataclass(frozen=True)
class DemoLogin:
    """One login of the demonstration."""

    login: str
    name: str
    role: Role
    territory: str
    organisation: str = ""


LOGINS = (
    DemoLogin("handler", "何嘉敏 He Jiamin", Role.handler, "440113", "B-LSB"),
    DemoLogin("manager", "梁秀芳 Liang Xiufang", Role.manager, "440113010901"),
    DemoLogin("admin", "陈志远 Chen Zhiyuan", Role.administrator, "440113"),
    DemoLogin("auditor", "黄婉仪 Huang Wanyi", Role.auditor, "440113"),
)


def make_demo_logins() -> tuple[DemoLogin, ...]:
    """Make the logins that are missing; the territories and organisations are loaded before.  A second run changes nothing."""
    for each in LOGINS:
        if queries.account_by_login(each.login) is None:
            territory_id = db.session.scalars(sa.select(Territory.id).where(Territory.code == each.territory)).one()
            organisation_id = (
                db.session.scalars(sa.select(Organisation.id).where(Organisation.code == each.organisation)).one()
                if each.organisation
                else None
            )
            wanted = NewGrant(each.role, territory_id, organisation_id, clock.today())
            operations.create_account(SEED, each.login, each.name, PASSWORD, must_change=False, grants=[wanted])
    return LOGINS
