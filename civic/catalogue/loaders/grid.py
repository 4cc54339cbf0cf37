"""The list of grid items."""

from __future__ import annotations

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.catalogue import queries
from civic.catalogue.loaders.references import CODE, NUMBER, PARTS, UNKNOWN, codes, id_of, known_keys, refers
from civic.catalogue.models import (
    Disclosure,
    Flow,
    GridCategory,
    GridItem,
    GridItemKind,
    GridItemVersion,
    GridLimitUnit,
    GridVersionLaw,
    Law,
)
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.load.kinds import Batch, Change, Column, Loader, bilingual, columns
from civic.core.viewer import Actor
from civic.territory.models import Organisation

BODY_COLUMNS = {
    "assigning_body_id": "assigning_body_code",
    "undertaking_body_id": "undertaking_body_code",
    "lead_department_id": "lead_department_code",
}


def _check_grid(batch: Batch) -> None:
    bodies = known_keys(batch, ("bodies", "organisations"), Organisation.code)
    rules = [(column, bodies) for column in BODY_COLUMNS.values()]
    rules += [("flow_code", known_keys(batch, ("flows",), Flow.code)), ("legal_basis", known_keys(batch, ("laws",), Law.name_zh))]
    refers(batch, rules)
    known = codes(GridCategory.name_zh)
    coming = batch.coming("categories")
    for row in batch.rows:
        prefix = row.text("code").split("-")[1] if row.text("code").count("-") == 2 else ""
        if row.text("category_zh") not in known and prefix not in coming:
            batch.reject(row, UNKNOWN, column="category_zh", value=row.text("category_zh"))
        for column in ("handle_limit", "cycle_days"):
            if (row.number(column) or 0) < 1:
                batch.reject(row, _l("%(column)s: at least 1."), column=column)


def _apply_grid(actor: Actor, changes: list[Change]) -> None:
    with atomic() as tx:
        for change in changes:
            _apply_grid_item(actor, change)
        tx.touch(queries.TOPIC)


def _apply_grid_item(actor: Actor, change: Change) -> None:
    row = change.row
    item_id = db.session.scalar(sa.select(GridItem.id).where(GridItem.code == row.text("code")))
    if item_id is None:
        item = GridItem(code=row.text("code"))
        db.session.add(item)
        db.session.flush()
        item_id = item.id
    number = (
        db.session.scalar(sa.select(sa.func.coalesce(sa.func.max(GridItemVersion.number), 0)).where(GridItemVersion.item_id == item_id))
        or 0
    )
    bodies = {field: id_of(Organisation, Organisation.code, row.text(column)) for field, column in BODY_COLUMNS.items()}
    version = GridItemVersion(
        item_id=item_id, number=number + 1, effective_on=clock.today(), name_zh=row.text("name_zh"), name_en=row.text("name_en"),
        category_id=id_of(GridCategory, GridCategory.name_zh, row.text("category_zh")), kind=GridItemKind(row.text("kind")),
        flow_id=id_of(Flow, Flow.code, row.text("flow_code")), duty_zh=row.text("grid_member_duty_zh"), duty_en=row.text("grid_member_duty_en"),
        handle_limit=row.number("handle_limit"), limit_unit=GridLimitUnit(row.text("limit_unit")), cycle_days=row.number("cycle_days"),
        disclosure=Disclosure(row.text("disclosure")), created_by_id=actor.account_id, **bodies,
    )  # fmt: skip
    db.session.add(version)
    db.session.flush()
    for place, name in enumerate(row.parts("legal_basis")):
        db.session.add(GridVersionLaw(version_id=version.id, law_id=id_of(Law, Law.name_zh, name), position=place))


GRID_ITEMS = Loader(
    kind="grid_items",
    title=_p("list", "Grid items"),
    columns=columns(
        Column("code", CODE, required=True, most=30),
        bilingual("name", most=120),
        bilingual("category", most=60),
        Column("kind", CODE, required=True, choices=tuple(GridItemKind)),
        Column("assigning_body_code", CODE, required=True),
        Column("assigning_body_zh"),
        Column("undertaking_body_code", CODE, required=True),
        Column("undertaking_body_zh"),
        Column("legal_basis", PARTS),
        Column("lead_department_code", CODE, required=True),
        Column("lead_department_zh"),
        Column("flow_code", CODE, required=True),
        bilingual("grid_member_duty", most=1000),
        Column("handle_limit", NUMBER, required=True),
        Column("limit_unit", CODE, required=True, choices=tuple(GridLimitUnit)),
        Column("cycle_days", NUMBER, required=True),
        Column("disclosure", CODE, required=True, choices=tuple(Disclosure)),
    ),
    key=("code",),
    order=41,
    check=_check_grid,
    apply=_apply_grid,
)
