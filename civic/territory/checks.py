"""Invariants of `territory` that `civic check` recomputes, each in one read of the tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from civic.core.db import db
from civic.core.registry import Check, Violation
from civic.territory.models import (
    BELOW,
    PLACES,
    Building,
    Organisation,
    OrganisationKind,
    PendingReference,
    Station,
    Territory,
    TerritoryKind,
)


def _paths() -> Iterator[Violation]:
    parent = sa.orm.aliased(Territory)
    columns = (Territory.id, Territory.code, Territory.kind, Territory.path, parent.path, parent.kind)
    for id_, code, kind, path, above, above_kind in db.session.execute(
        sa.select(*columns).outerjoin(parent, parent.id == Territory.parent_id)
    ):
        expected = f"{above or '/'}{code}/"
        if path != expected:
            yield Violation("territory", id_, f"path is {path}, from its parent it would be {expected}")
        if kind not in BELOW[above_kind]:
            yield Violation("territory", id_, f"a {kind.value} stands below {above_kind.value if above_kind else 'nothing'}")


def _buildings() -> Iterator[Violation]:
    query = (
        sa.select(Building.id, Territory.code).join(Territory, Territory.id == Building.grid_id).where(Territory.kind != TerritoryKind.grid)
    )
    for id_, code in db.session.execute(query):
        yield Violation("building", id_, f"stands in {code}, which is no grid")


def _stations() -> Iterator[Violation]:
    query = sa.select(Station.id, Territory.code).join(Territory, Territory.id == Station.territory_id).where(Territory.kind.not_in(PLACES))
    for id_, code in db.session.execute(query):
        yield Violation("station", id_, f"belongs to {code}, which is neither community nor village")


def _roles() -> Iterator[Violation]:
    role = sa.orm.aliased(Organisation)
    query = sa.select(Organisation.id, role.code).join(role, role.id == Organisation.role_id).where(role.kind != OrganisationKind.role)
    for id_, code in db.session.execute(query):
        yield Violation("organisation", id_, f"holds {code}, which is no role")


def _circles(model: Any, field: str) -> Callable[[], Iterator[Violation]]:
    """Rows whose chain of parents or successors comes back to them."""

    def run() -> Iterator[Violation]:
        chain: dict[int, int | None] = dict(db.session.execute(sa.select(model.id, getattr(model, field)).order_by(model.id)).all())
        for start, above in chain.items():
            seen, each = {start}, above
            while each is not None and each not in seen:
                seen.add(each)
                each = chain.get(each)
            if each == start:
                yield Violation(model.__tablename__, start, f"its {field} leads back to itself")

    return run


def _pending() -> Iterator[Violation]:
    for row in db.session.scalars(sa.select(PendingReference).order_by(PendingReference.id)):
        yield Violation(row.subject, row.row_id, f"{row.field} waits for {row.code}, which never came")


CHECKS = (
    Check("territory: paths and levels", _paths),
    Check("territory: circles of parents", _circles(Territory, "parent_id")),
    Check("territory: circles of successors", _circles(Territory, "successor_id")),
    Check("buildings stand in grids", _buildings),
    Check("stations belong to communities", _stations),
    Check("organisations: circles of parents", _circles(Organisation, "parent_id")),
    Check("organisations: circles of successors", _circles(Organisation, "successor_id")),
    Check("organisations hold roles", _roles),
    Check("references of lists", _pending),
)
