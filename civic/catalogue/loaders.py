"""The catalogue's lists: grid categories, flows, materials, laws, service items, grid items, audiences, everyday words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.catalogue import queries
from civic.catalogue.errors import OnlyFollowing
from civic.catalogue.models import (
    Audience,
    Category,
    Disclosure,
    Flow,
    GridCategory,
    GridItem,
    GridItemKind,
    GridItemVersion,
    GridLimitUnit,
    GridVersionLaw,
    HandlingType,
    ItemAudience,
    ItemChannel,
    ItemWord,
    Law,
    LimitSource,
    Material,
    ServiceItem,
    ServiceItemVersion,
    WordKind,
    channel_bits,
)
from civic.catalogue.operations import ItemText, add_version, check_text, index_items, lock_item
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db, upsert
from civic.core.errors import DomainError
from civic.core.load.kinds import Batch, Change, Column, ColumnKind, Loader, Row, bilingual, columns
from civic.core.viewer import Actor
from civic.core.workdays import Unit
from civic.territory.models import Organisation

CODE, NUMBER, FLAG, PARTS = ColumnKind.code, ColumnKind.number, ColumnKind.flag, ColumnKind.parts
UNKNOWN = _l("%(column)s: %(value)s is in no list that is loaded or comes with this load.")
MOST_AUDIENCES = 8


def _codes(column: Any) -> set[str]:
    return set(db.session.scalars(sa.select(column)))


def _known(batch: Batch, kinds: Sequence[str], column: Any) -> set[str]:
    """What a row may refer to: rows of the database and of the same load."""
    return _codes(column).union(*(batch.coming(kind) for kind in kinds))


def _refers(batch: Batch, rules: Iterable[tuple[str, set[str]]]) -> None:
    """Refuse rows that name something unknown; a column may hold several names."""
    for column, known in rules:
        for row in batch.rows:
            for value in row.parts(column):
                if value not in known:
                    batch.reject(row, UNKNOWN, column=column, value=value)


def _simple(model: Any, key: str, values: Callable[[Row], dict[str, Any]]) -> Callable[[Actor, list[Change]], None]:
    """A writer for lists whose rows are one table row each."""

    def apply(_actor: Actor, changes: list[Change]) -> None:
        with atomic() as tx:
            for change in changes:
                full = values(change.row)
                changed = {k: v for k, v in full.items() if change.is_new or k in change.changed or k not in change.row.values}
                statement = upsert(model.__table__).values(**full)
                db.session.execute(statement.on_conflict_do_update(index_elements=[key], set_=changed or {key: full[key]}))
            tx.touch(queries.TOPIC)

    return apply


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
    apply=_simple(
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
    title=_l("Standard flows"),
    columns=columns(
        Column("code", CODE, required=True, most=8), bilingual("name", most=60), bilingual("steps", most=2000), Column("items", NUMBER)
    ),
    key=("code",),
    order=31,
    check=_check_flows,
    apply=_simple(Flow, "code", lambda r: {c: r.text(c) for c in ("code", "name_zh", "name_en", "steps_zh", "steps_en")}),
)
MATERIALS = Loader(
    kind="materials",
    title=_l("Materials"),
    columns=columns(Column("code", CODE, required=True, most=20), bilingual("name", most=200)),
    key=("code",),
    order=32,
    apply=_simple(Material, "code", lambda r: {c: r.text(c) for c in ("code", "name_zh", "name_en")}),
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
    apply=_simple(Law, "name_zh", _law_values),
)


# ---- service items ----------------------------------------------------------------------------------------------------------
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
    known = _known(batch, ("bodies", "organisations"), Organisation.code)
    materials, laws = _known(batch, ("materials",), Material.code), _known(batch, ("laws",), Law.name_zh)
    _refers(batch, (("department_code", known), ("materials", materials), ("tolerable_materials", materials), ("legal_basis", laws)))
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
    item = lock_item(item_id)
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
    title=_l("Service items"),
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


# ---- grid items -------------------------------------------------------------------------------------------------------------
BODY_COLUMNS = {
    "assigning_body_id": "assigning_body_code",
    "undertaking_body_id": "undertaking_body_code",
    "lead_department_id": "lead_department_code",
}


def _check_grid(batch: Batch) -> None:
    bodies = _known(batch, ("bodies", "organisations"), Organisation.code)
    rules = [(column, bodies) for column in BODY_COLUMNS.values()]
    rules += [("flow_code", _known(batch, ("flows",), Flow.code)), ("legal_basis", _known(batch, ("laws",), Law.name_zh))]
    _refers(batch, rules)
    known = _codes(GridCategory.name_zh)
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
    bodies = {field: _one(Organisation, Organisation.code, row.text(column)) for field, column in BODY_COLUMNS.items()}
    version = GridItemVersion(
        item_id=item_id, number=number + 1, effective_on=clock.today(), name_zh=row.text("name_zh"), name_en=row.text("name_en"),
        category_id=_one(GridCategory, GridCategory.name_zh, row.text("category_zh")), kind=GridItemKind(row.text("kind")),
        flow_id=_one(Flow, Flow.code, row.text("flow_code")), duty_zh=row.text("grid_member_duty_zh"), duty_en=row.text("grid_member_duty_en"),
        handle_limit=row.number("handle_limit"), limit_unit=GridLimitUnit(row.text("limit_unit")), cycle_days=row.number("cycle_days"),
        disclosure=Disclosure(row.text("disclosure")), created_by_id=actor.account_id, **bodies,
    )  # fmt: skip
    db.session.add(version)
    db.session.flush()
    for place, name in enumerate(row.parts("legal_basis")):
        db.session.add(GridVersionLaw(version_id=version.id, law_id=_one(Law, Law.name_zh, name), position=place))


def _one(model: Any, column: Any, value: str) -> int:
    found: int = db.session.execute(sa.select(model.id).where(column == value)).scalar_one()
    return found


GRID_ITEMS = Loader(
    kind="grid_items",
    title=_l("Grid items"),
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


# ---- words and audiences ----------------------------------------------------------------------------------------------------
def _check_audiences(batch: Batch) -> None:
    total = len(_codes(Audience.code) | {row.text("code") for row in batch.rows})
    if total > MOST_AUDIENCES:
        batch.reject(
            batch.rows[-1], _l("There would be %(total)s groups; at most %(most)s fit on one screen."), total=total, most=MOST_AUDIENCES
        )


AUDIENCES = Loader(
    kind="audiences",
    title=_l("Groups of people"),
    columns=columns(Column("code", CODE, required=True, most=30), bilingual("name", most=60), Column("position", NUMBER, required=True)),
    key=("code",),
    order=42,
    check=_check_audiences,
    apply=_simple(Audience, "code", lambda r: {**{c: r.text(c) for c in ("code", "name_zh", "name_en")}, "position": r.number("position")}),
)


def _check_item_column(column: str) -> Callable[[Batch], None]:
    def check(batch: Batch) -> None:
        _refers(batch, ((column, _known(batch, ("service_items",), ServiceItem.code)),))
        if column == "item_code":
            _refers(batch, (("audience_code", _known(batch, ("audiences",), Audience.code)),))

    return check


def _apply_words(_actor: Actor, changes: list[Change]) -> None:
    with atomic() as tx:
        items = dict(
            db.session.execute(
                sa.select(ServiceItem.code, ServiceItem.id).where(ServiceItem.code.in_({c.row.text("code") for c in changes}))
            ).all()
        )
        for change in changes:
            row, kind = change.row, WordKind(change.row.text("kind"))
            item_id = items[row.text("code")]
            if kind is WordKind.summary:  # one plain sentence for each language
                db.session.execute(
                    sa.delete(ItemWord).where(ItemWord.item_id == item_id, ItemWord.language == row.text("language"), ItemWord.kind == kind)
                )
            values = {"kind": kind, "position": row.line}
            statement = upsert(ItemWord.__table__).values(item_id=item_id, language=row.text("language"), text=row.text("text"), **values)
            db.session.execute(statement.on_conflict_do_update(index_elements=["item_id", "language", "text"], set_=values))
        index_items(sorted(set(items.values())))
        tx.touch(queries.TOPIC)


ITEM_WORDS = Loader(
    kind="item_words",
    title=_l("Everyday words of service items"),
    columns=columns(
        Column("code", CODE, required=True, most=30),
        Column("kind", CODE, required=True, choices=tuple(WordKind)),
        Column("language", CODE, required=True, choices=("zh", "en")),
        Column("text", required=True, most=120),
    ),
    key=("code", "language", "text"),
    order=43,
    check=_check_item_column("code"),
    apply=_apply_words,
)


def _apply_groups(_actor: Actor, changes: list[Change]) -> None:
    with atomic() as tx:
        for change in changes:
            pair = {
                "item_id": _one(ServiceItem, ServiceItem.code, change.row.text("item_code")),
                "audience_id": _one(Audience, Audience.code, change.row.text("audience_code")),
            }
            db.session.execute(upsert(ItemAudience.__table__).values(**pair).on_conflict_do_nothing())
        tx.touch(queries.TOPIC)


ITEM_AUDIENCES = Loader(
    kind="item_audiences",
    title=_l("Which item is for whom"),
    columns=columns(Column("item_code", CODE, required=True, most=30), Column("audience_code", CODE, required=True, most=30)),
    key=("item_code", "audience_code"),
    order=44,
    check=_check_item_column("item_code"),
    apply=_apply_groups,
)

ALL = (CATEGORIES, FLOWS, MATERIALS, LAWS, SERVICE_ITEMS, GRID_ITEMS, AUDIENCES, ITEM_WORDS, ITEM_AUDIENCES)
