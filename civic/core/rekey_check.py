"""Which key is named where, and which ciphertexts do not open: what `civic check` and a change of keys ask."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from civic.core import crypto
from civic.core.db import db
from civic.core.keys import Sealed, all_sealed
from civic.core.registry import Violation

SLICE = 1000  # rows read at once: 1,000 people are about 1 MB


def stale(sealed: Sealed, key: str) -> Any:
    """Does a row hold something that another key made and that can be made anew?"""
    found = [_of_another(sealed.column(c), "g1", key) for c in sealed.columns]
    if sealed.hashes is not None:
        found += [_of_another(sealed.column(c), "h1", key) for c in sealed.hash_columns]
    return sa.or_(*found)


def _of_another(column: Any, algorithm: str, key: str) -> Any:
    return sa.and_(column.like(f"{algorithm}.%"), column.not_like(f"{algorithm}.{key}.%"))


def uses() -> dict[str, dict[str, int]]:
    """Key id → `table.column` → values that name it."""
    found: dict[str, dict[str, int]] = {}
    for sealed in all_sealed():
        for algorithm, attributes in (("g1", tuple(sealed.columns)), ("h1", sealed.hash_columns)):
            for attribute in attributes:
                column = sealed.column(attribute)
                key = sa.func.substr(column, 4, 8)
                query = sa.select(key, sa.func.count()).where(column.like(f"{algorithm}.%")).group_by(key)
                for named, count in db.session.execute(query).all():
                    of_key = found.setdefault(named, {})
                    place = f"{sealed.table.name}.{column.name}"
                    of_key[place] = of_key.get(place, 0) + count
    db.session.rollback()
    return found


def work_left(key: str) -> bool:
    """Is there anything that another key sealed and that can be sealed anew?"""
    tables = [s for s in all_sealed() if s.columns]
    found = any(db.session.execute(sa.select(sa.literal(1)).select_from(s.table).where(stale(s, key)).limit(1)).first() for s in tables)
    db.session.rollback()
    return found


def kept_by() -> dict[str, str]:
    """`table.column` → when values that cannot be made anew are gone."""
    return {f"{s.table.name}.{s.column(c).name}": s.kept_by for s in all_sealed() if s.kept_by for c in s.hash_columns}


def unopened() -> Iterator[Violation]:
    """Rows whose ciphertext does not open, whose keyed hash does not fit their plain text, and hashes under a key not held."""
    for sealed in all_sealed():
        if sealed.columns:
            yield from _unopened_in(sealed)
    held = set(crypto.fingerprints())
    for key, places in uses().items():
        if key not in held:
            yield from (Violation(place, key, f"{count} values name a key that is not held here") for place, count in places.items())


def _unopened_in(sealed: Sealed) -> Iterator[Violation]:
    after, number = 0, sealed.table.c.id
    wanted = [attribute.columns[0].label(attribute.key) for attribute in sa.inspect(sealed.model).column_attrs]
    while rows := db.session.execute(sa.select(*wanted).where(number > after).order_by(number).limit(SLICE)).all():
        db.session.rollback()
        for each in rows:
            row = SimpleNamespace(**each._mapping)
            after = row.id
            yield from (Violation(sealed.table.name, row.id, what) for what in _faults(sealed, row))


def _faults(sealed: Sealed, row: Any) -> Iterator[str]:
    plain = {}
    for attribute in sealed.columns:
        value = getattr(row, attribute) or ""
        try:
            plain[attribute] = crypto.decrypt(value, sealed.purpose(attribute, row)) if value.startswith("g1.") else ""
        except crypto.UnknownKey:
            yield f"{sealed.column(attribute).name} does not open"
            return
    if sealed.hashes is None or not any(plain.values()):
        return
    key = crypto.fingerprints()[0]
    for attribute, wanted in sealed.hashes(row, plain).items():
        value = getattr(row, attribute) or ""
        if value.startswith("h1.") and crypto.key_of(value) == key and value != wanted:
            yield f"{sealed.column(attribute).name} does not fit the sealed text"
