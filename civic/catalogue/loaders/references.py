"""What the catalogue’s lists share: looking up what a row refers to, writing rows that are one table row each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.catalogue import queries
from civic.core.atomic import atomic
from civic.core.db import db, upsert
from civic.core.load.kinds import Batch, Change, ColumnKind, Row
from civic.core.viewer import Actor

CODE, NUMBER, FLAG, PARTS = ColumnKind.code, ColumnKind.number, ColumnKind.flag, ColumnKind.parts
UNKNOWN = _l("%(column)s: %(value)s is in no list that is loaded or comes with this load.")


def codes(column: Any) -> set[str]:
    return set(db.session.scalars(sa.select(column)))


def known_keys(batch: Batch, kinds: Sequence[str], column: Any) -> set[str]:
    """What a row may refer to: rows of the database and of the same load."""
    return codes(column).union(*(batch.coming(kind) for kind in kinds))


def refers(batch: Batch, rules: Iterable[tuple[str, set[str]]]) -> None:
    """Refuse rows that name something unknown; a column may hold several names."""
    for column, known in rules:
        for row in batch.rows:
            for value in row.parts(column):
                if value not in known:
                    batch.reject(row, UNKNOWN, column=column, value=value)


def simple(model: Any, key: str, values: Callable[[Row], dict[str, Any]]) -> Callable[[Actor, list[Change]], None]:
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


def id_of(model: Any, column: Any, value: str) -> int:
    found: int = db.session.execute(sa.select(model.id).where(column == value)).scalar_one()
    return found
