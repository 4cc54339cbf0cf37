"""The list of service items: a new item with its first version, or a further version of what changed."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from civic.catalogue import queries
from civic.catalogue.errors import OnlyFollowing
from civic.catalogue.loaders.references import CODE, FLAG, NUMBER, PARTS, known_keys, refers
from civic.catalogue.models import (
    Category,
    HandlingType,
    ItemChannel,
    Law,
    LimitSource,
    Material,
    ServiceItem,
    ServiceItemVersion,
    channel_bits,
)
from civic.catalogue.operations import ItemText, add_version, check_text, index_items
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db, locked
from civic.core.errors import DomainError
from civic.core.load.kinds import Batch, Change, Column, Loader, Row, bilingual, columns
from civic.core.viewer import Actor
from civic.core.workdays import Unit
from civic.territory.models import Organisation


def _text_of(row: Row, category_id: int) -> ItemText:
    words: dict[str, Any] = {c: row.text(c) for c in TEXT_COLUMNS}
    return ItemText(
        **words,
        category_id=category_id,
        legal_limit=row.number("legal_limit") or 0,
        limit_unit=Unit(row.text("limit_unit")),
        legal_limit_source=LimitSource(row.text("legal_limit_source")),
        promised_limit=row.number("promised_limit") or 0,
        promised_unit=Unit(row.text("promised_unit")),
        handling_type=HandlingType(row.text("handling_type")),
        onsite_visits=row.number("onsite_visits") or 0,
        proxy_allowed=row.flag("proxy_allowed"),
        channels=channel_bits([ItemChannel(c) for c in row.parts("channel")]),
    )


TEXT_COLUMNS = (
    "name_zh",
    "name_en",
    "legal_limit_text_zh",
    "legal_limit_text_en",
    "fee_zh",
    "fee_en",
    "target_group_zh",
    "target_group_en",
    "result_zh",
    "result_en",
)
#: fields of a version that follow from one column of the list
FROM_COLUMN = {"category_id": "category_zh", "channels": "channel"}


def _check_items(batch: Batch) -> None:
    known = known_keys(batch, ("bodies", "organisations"), Organisation.code)
    materials, laws = known_keys(batch, ("materials",), Material.code), known_keys(batch, ("laws",), Law.name_zh)
    refers(batch, (("department_code", known), ("materials", materials), ("tolerable_materials", materials), ("legal_basis", laws)))
    for row in batch.rows:
        strange = [c for c in row.parts("channel") if c not in set(ItemChannel)]
        if strange:
            batch.reject(row, _l("channel: %(value)s is not one of %(known)s."), value=", ".join(strange), known=", ".join(ItemChannel))
            continue
        if (row.number("legal_limit") or 0) < 1:
            batch.reject(row, _l("legal_limit: at least 1."))
        try:
            check_text(_text_of(row, 0))
            follow = row.text("tolerable_materials")
            if follow and follow not in row.parts("materials"):
                raise OnlyFollowing(material=follow)
        except DomainError as refusal:
            batch.reject(row, refusal.message)


def _category_id(row: Row) -> int:
    """The subject group of a row, made when it is new; its place is that of its first appearance."""
    found = db.session.scalar(sa.select(Category.id).where(Category.name_zh == row.text("category_zh")))
    if found is not None:
        return found
    slug = re.sub(r"[^a-z0-9]+", "-", row.text("category_en").lower()).strip("-") or f"group-{row.line}"
    taken = db.session.scalar(sa.select(sa.func.count()).select_from(Category).where(Category.slug == slug))
    position = db.session.scalar(sa.select(sa.func.count()).select_from(Category)) or 0
    category = Category(
        name_zh=row.text("category_zh"), name_en=row.text("category_en"), slug=f"{slug}-{position}" if taken else slug, position=position
    )
    db.session.add(category)
    db.session.flush()
    return category.id


def _apply_items(actor: Actor, changes: list[Change]) -> None:
    with atomic() as tx:
        touched = [_apply_item(actor, change) for change in sorted(changes, key=lambda c: c.row.text("code"))]
        db.session.flush()
        index_items(touched)
        tx.touch(queries.TOPIC)


def _apply_item(actor: Actor, change: Change) -> int:
    """A new item with its first version, or a further version in which only the changed columns differ."""
    row = change.row
    department = db.session.scalar(sa.select(Organisation.id).where(Organisation.code == row.text("department_code")))
    if department is None:
        raise ValueError(f"checked before: {row.text('department_code')} exists")
    wanted = _text_of(row, _category_id(row))
    materials, laws, follow = row.parts("materials"), row.parts("legal_basis"), row.text("tolerable_materials")
    item_id = db.session.scalar(sa.select(ServiceItem.id).where(ServiceItem.code == row.text("code")))
    if item_id is None:
        item = ServiceItem(code=row.text("code"), department_id=department)
        db.session.add(item)
        db.session.flush()
        add_version(actor, item, wanted, materials, follow, laws, clock.today(), "")
        return item.id
    item = locked(ServiceItem, item_id)
    if "department_code" in change.changed:
        item.department_id = department
    now = db.session.get(ServiceItemVersion, _version_now(item.id))
    if now is not None:
        kept = ItemText.of(now)
        wanted = ItemText(**{f: getattr(wanted if _changed(f, change) else kept, f) for f in ItemText.__dataclass_fields__})
        if "materials" not in change.changed and "tolerable_materials" not in change.changed:
            papers = queries.papers_of(now.id)
            materials, follow = [p.code for p in papers], next((p.code for p in papers if p.may_follow), "")
        if "legal_basis" not in change.changed:
            laws = [law.name.zh for law in queries.laws_of(now.id)]
    add_version(actor, item, wanted, materials, follow, laws, clock.today(), "")
    item.lock_version += 1
    return item.id


def _changed(field: str, change: Change) -> bool:
    return FROM_COLUMN.get(field, field) in change.changed or change.is_new


def _version_now(item_id: int) -> int | None:
    force = queries.versions_in_force(clock.today())
    return db.session.scalar(sa.select(force.c.version_id).where(force.c.item_id == item_id))


SERVICE_ITEMS = Loader(
    kind="service_items",
    title=_p("list", "Service items"),
    columns=columns(
        Column("code", CODE, required=True, most=30),
        bilingual("name", most=120),
        Column("department_code", CODE, required=True, most=40),
        bilingual("department", most=120),
        bilingual("category", most=60),
        Column("legal_basis", PARTS),
        Column("legal_limit", NUMBER, required=True),
        Column("limit_unit", CODE, required=True, choices=tuple(Unit)),
        Column("legal_limit_source", CODE, required=True, choices=tuple(LimitSource)),
        bilingual("legal_limit_text"),
        Column("promised_limit", NUMBER, required=True),
        Column("promised_unit", CODE, required=True, choices=tuple(Unit)),
        Column("materials", PARTS, required=True),
        Column("tolerable_materials", CODE),
        Column("channel", PARTS, required=True),
        bilingual("fee", most=200),
        bilingual("target_group"),
        Column("handling_type", CODE, required=True, choices=tuple(HandlingType)),
        Column("onsite_visits", NUMBER, required=True),
        bilingual("result", most=200),
        Column("proxy_allowed", FLAG, required=True),
    ),
    key=("code",),
    order=40,
    check=_check_items,
    apply=_apply_items,
)
