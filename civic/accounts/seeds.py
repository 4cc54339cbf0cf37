"""The logins of the demonstration; only `civic demo` makes them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from civic.accounts import operations, queries
from civic.accounts.operations import NewGrant
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor, Channel, Role
from civic.people.models import Person, Verification
from civic.territory.models import Organisation, Territory

PASSWORD = "civic-demo"  # noqa: S105 - printed by `civic demo`, which serves on loopback alone
SEED = Actor(None, job="demo", channel=Channel.command)


@dataclass(frozen=True)
class DemoLogin:
    """One login of the demonstration."""

    login: str
    name: str
    role: Role | None
    territory: str
    organisation: str = ""
    resident: int = 0  # whose login it is: the first, second … verified resident of the community


LOGINS = (
    DemoLogin("resident", "居民一 Resident", None, "440113010901", resident=1),
    DemoLogin("resident2", "居民二 Neighbour", None, "440113010901", resident=3),
    DemoLogin("clerk", "阿玲 A Ling, window", Role.clerk, "440113010901"),
    DemoLogin("social-worker", "欧阳静 Ouyang Jing", Role.social_worker, "440113010901"),
    DemoLogin("town", "区少华 Ou Shaohua", Role.town, "440113010"),
    DemoLogin("district", "麦伟明 Mai Weiming", Role.district, "440113"),
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
            wanted = [NewGrant(each.role, territory_id, organisation_id, clock.today())] if each.role else []
            made = operations.create_account(SEED, each.login, each.name, PASSWORD, must_change=False, grants=wanted)
            person = _resident(territory_id, each.resident)
            if person is not None:
                operations.bind_person(SEED, made.id, person)
    return LOGINS


def _resident(territory_id: int, place: int) -> int | None:
    """The first, second … verified grown-up resident; None where the people were not seeded."""
    if not place:
        return None
    query = (
        sa.select(Person.id)
        .join(Verification, Verification.person_id == Person.id)
        .where(Verification.place_id == territory_id, Verification.ended_at.is_(None), Person.birth_year < clock.today().year - 18)
    )
    return db.session.scalar(query.order_by(Person.id).offset(place - 1).limit(1))
