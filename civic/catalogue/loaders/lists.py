"""Lists that the items refer to: grid categories, standard flows, materials, laws."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.catalogue import queries
from civic.catalogue.loaders.references import CODE, FLAG, NUMBER, simple
from civic.catalogue.models import (
    Flow,
    GridCategory,
    Law,
    Material,
    ServiceItem,
)
from civic.catalogue.operations import index_items
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.load.kinds import Batch, Column, Loader, Row, bilingual, columns
from civic.core.viewer import Actor


def _reindex_all(_actor: Actor) -> None:
    """Names of materials or audiences stand in the search rows of items."""
    with atomic() as tx:
        index_items(list(db.session.scalars(sa.select(ServiceItem.id).order_by(ServiceItem.id))))
        tx.touch(queries.TOPIC)


CATEGORIES = Loader(
    kind="categories",
    title=_l("Categories of grid items"),
    columns=columns(
        Column("code", CODE, required=True, most=8), bilingual("name", most=60), Column("expected_count", NUMBER, required=True)
    ),
    key=("code",),
    order=30,
    apply=simple(
        GridCategory,
        "code",
        lambda r: {
            "code": r.text("code"),
            "name_zh": r.text("name_zh"),
            "name_en": r.text("name_en"),
            "expected_count": r.number("expected_count"),
        },
    ),
)


def _check_flows(batch: Batch) -> None:
    for row in batch.rows:
        if row.text("steps_zh").count("→") != row.text("steps_en").count("→"):
            batch.reject(row, _l("The flow has another number of steps in Chinese than in English."))


FLOWS = Loader(
    kind="flows",
    title=_p("list", "Standard flows"),
    columns=columns(
        Column("code", CODE, required=True, most=8), bilingual("name", most=60), bilingual("steps", most=2000), Column("items", NUMBER)
    ),
    key=("code",),
    order=31,
    check=_check_flows,
    apply=simple(Flow, "code", lambda r: {c: r.text(c) for c in ("code", "name_zh", "name_en", "steps_zh", "steps_en")}),
)
MATERIALS = Loader(
    kind="materials",
    title=_p("list", "Materials"),
    columns=columns(Column("code", CODE, required=True, most=20), bilingual("name", most=200)),
    key=("code",),
    order=32,
    apply=simple(Material, "code", lambda r: {c: r.text(c) for c in ("code", "name_zh", "name_en")}),
    finish=_reindex_all,
)


def _law_values(row: Row) -> dict[str, Any]:
    same = {c: row.text(c) for c in ("name_zh", "level_zh", "level_en", "note_zh", "note_en")}
    return {**same, "name_en": row.text("law_en"), "is_checked": row.flag("checked_in_source")}


LAWS = Loader(
    kind="laws",
    title=_l("Laws and rules"),
    columns=columns(
        Column("name_zh", required=True, most=200),
        Column("law_en", required=True, most=300),
        bilingual("level", most=100),
        Column("used_by_items", NUMBER),
        Column("checked_in_source", FLAG, required=True),
        bilingual("note", required=False, most=1000),
    ),
    key=("name_zh",),
    order=33,
    apply=simple(Law, "name_zh", _law_values),
)

ALL = (CATEGORIES, FLOWS, MATERIALS, LAWS)
