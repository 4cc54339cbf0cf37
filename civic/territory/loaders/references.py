"""What the loaders share: rules for codes and dates, chains that may not run in a circle, references to rows that come later.

Rows of one list may stand in any order and are written in slices, so a parent or successor may not be there yet.  `refer` then
keeps the wish in `territory_pending_reference`, where a crash leaves it, and `settle` fulfils it after the last slice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core.db import db
from civic.core.load.kinds import Batch, Row
from civic.territory.models import Organisation, PendingReference, Territory
from civic.territory.operations import CODE

BAD_CODE = _l("The code %(value)s may only have the letters A to Z, digits and hyphens.")
UNKNOWN = _l("%(column)s: there is nothing with the code %(value)s, neither on the site nor in this load.")
ORDER = _l("The last day (valid_to, %(to)s) lies before the first (valid_from, %(start)s).")
CIRCLE = _l("%(column)s: %(value)s leads back to %(code)s itself, so the chain has no end.")
MODELS: dict[str, Any] = {"territory": Territory, "organisation": Organisation}


def check_codes(batch: Batch) -> None:
    for row in batch.rows:
        if not CODE.fullmatch(row.text("code")):
            batch.reject(row, BAD_CODE, value=row.text("code"))


def check_days(batch: Batch) -> None:
    for row in batch.rows:
        start, end = row.day("valid_from"), row.day("valid_to")
        if start and end and end < start:
            batch.reject(row, ORDER, to=end, start=start)


def check_known(batch: Batch, column: str, known: Iterable[str]) -> None:
    known = frozenset(known)
    for row in batch.rows:
        if row.text(column) and row.text(column) not in known:
            batch.reject(row, UNKNOWN, column=column, value=row.text(column))


def check_circles(batch: Batch, column: str, standing: Mapping[str, str]) -> set[str]:
    """Refuse rows whose chain of `column` comes back to them.  standing: code → code it points at, in the database.

    Returns the codes that were refused.
    """
    chain = {**standing, **{row.text("code"): row.text(column) for row in batch.rows}}
    refused = set()
    for row in batch.rows:
        code = row.text("code")
        seen, each = {code}, chain.get(code, "")
        while each and each not in seen:
            seen.add(each)
            each = chain.get(each, "")
        if each == code:
            refused.add(code)
            batch.reject(row, CIRCLE, column=column, value=row.text(column), code=code)
    return refused


def codes_of(model: Any) -> set[str]:
    return set(db.session.scalars(sa.select(model.code)))


def standing_chain(model: Any, column: Any) -> dict[str, str]:
    """From each code to the code that a column points at, for all rows of the database."""
    other = sa.orm.aliased(model)
    return dict(db.session.execute(sa.select(model.code, other.code).join(other, other.id == column)).all())


def ids_of(model: Any, codes: Iterable[str]) -> dict[str, int]:
    wanted = sorted({code for code in codes if code})
    return dict(db.session.execute(sa.select(model.code, model.id).where(model.code.in_(wanted))).all())


def rows_of(model: Any, codes: Iterable[str]) -> dict[str, Any]:
    """The rows of these codes, locked in ascending order."""
    query = sa.select(model).where(model.code.in_(sorted(set(codes)))).order_by(model.id).with_for_update(key_share=True)
    return {row.code: row for row in db.session.scalars(query.execution_options(populate_existing=True))}


def refer(subject: str, row: Any, field: str, code: str, ids: Mapping[str, int]) -> None:
    """Point `row.field` at the row of a code, now or when it has come.  The row must have its id."""
    pending = PendingReference
    db.session.execute(sa.delete(pending).where(pending.subject == subject, pending.row_id == row.id, pending.field == field))
    setattr(row, field, ids.get(code))
    if code and code not in ids:
        db.session.add(pending(subject=subject, row_id=row.id, field=field, code=code))


def settle(subject: str) -> None:
    """Fulfil the references whose row has come; what is still missing stays for the next list and is named by `civic check`."""
    model = MODELS[subject]
    wishes = db.session.scalars(
        sa.select(PendingReference).where(PendingReference.subject == subject).order_by(PendingReference.row_id)
    ).all()
    ids = ids_of(model, (wish.code for wish in wishes))
    for wish in wishes:
        if wish.code in ids:
            db.session.execute(sa.update(model).where(model.id == wish.row_id).values({wish.field: ids[wish.code]}))
            db.session.delete(wish)


def text_of(row: Row, columns: Iterable[str], changed: frozenset[str] | None) -> dict[str, str]:
    """The text columns to write: all of a new row (changed None), else those that differ from the last import."""
    return {name: row.text(name) for name in columns if changed is None or name in changed}
