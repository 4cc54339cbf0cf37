"""Everyday words, groups of people, and which item is for whom."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.catalogue import queries
from civic.catalogue.loaders.references import CODE, NUMBER, codes, id_of, known_keys, refers, simple
from civic.catalogue.models import (
    Audience,
    ItemAudience,
    ItemWord,
    ServiceItem,
    WordKind,
)
from civic.catalogue.operations import index_items
from civic.core.atomic import atomic
from civic.core.db import db, upsert
from civic.core.load.kinds import Batch, Change, Column, Loader, bilingual, columns
from civic.core.viewer import Actor

MOST_AUDIENCES = 8


def _check_audiences(batch: Batch) -> None:
    total = len(codes(Audience.code) | {row.text("code") for row in batch.rows})
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
    apply=simple(Audience, "code", lambda r: {**{c: r.text(c) for c in ("code", "name_zh", "name_en")}, "position": r.number("position")}),
)


def _check_item_column(column: str) -> Callable[[Batch], None]:
    def check(batch: Batch) -> None:
        refers(batch, ((column, known_keys(batch, ("service_items",), ServiceItem.code)),))
        if column == "item_code":
            refers(batch, (("audience_code", known_keys(batch, ("audiences",), Audience.code)),))

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
                "item_id": id_of(ServiceItem, ServiceItem.code, change.row.text("item_code")),
                "audience_id": id_of(Audience, Audience.code, change.row.text("audience_code")),
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
