"""The change of keys: everything that another key than the first one of CIVIC_DATA_KEY sealed is sealed and hashed anew.

Slices of rows are read and encrypted outside any lock; inside it they are compared with what was read, written, and counted in
`key_rotation`, so a run that was killed goes on after its last slice, and a row that somebody changed meanwhile is met again.
A slice grows or shrinks until its lock lasts 0.04 s (0.2 s at most), and the pause after it is as long as the lock:
whoever waits for the write turn gets it between two slices.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.keys import KeyRotation, Sealed, all_sealed
from civic.core.registry import Violation
from civic.core.rekey_check import stale, uses
from civic.core.site import SiteMark

FIRST, LEAST, MOST = 100, 10, 2000  # rows of a slice
WANTED = 0.04  # seconds of the write lock that a slice aims at: at 0.1 whoever waited behind two writers came near a quarter of a second
LONGEST = 0.2  # seconds; a slice that took longer is halved
PAUSE = 0.005  # seconds at least between two slices
PASSES = 3  # through one table: what a process without the new key wrote meanwhile is met by the next pass

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Change:
    """One row as it was read, what is to be written, and its plain texts."""

    row: Any
    values: dict[str, str]
    plain: dict[str, str]


@dataclass
class Report:
    """What a change of keys did: rows by table, rows that stay as they are and why, which key is named where."""

    key: str
    rows: dict[str, int] = field(default_factory=dict)
    left: list[Violation] = field(default_factory=list)
    used: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def unused(self) -> list[str]:
        """Keys held that nothing in the database names any more."""
        return [key for key in crypto.fingerprints() if key != self.key and key not in self.used]


def rotate(tell: Tell = lambda _table, _done, _total: None) -> Report:
    """Seal everything with the writing key.  tell(table, rows done, rows to do) after every slice.  May be run again at any time."""
    report = Report(crypto.fingerprints()[0])
    for sealed in all_sealed():
        if sealed.columns:
            _rotate_table(sealed, report, tell)
    report.used = uses()
    _mark_key(report)
    return report


def _rotate_table(sealed: Sealed, report: Report, tell: Tell) -> None:
    name = sealed.table.name
    written = 0
    for _pass in range(PASSES):
        total = _count_stale(sealed, report.key)
        report.left = [each for each in report.left if each.table != name]  # named by the last pass alone
        done = _one_pass(sealed, report, lambda n, total=total: tell(name, n, total))  # type: ignore[misc]
        written += done
        if not done or not _count_stale(sealed, report.key):
            break
    report.rows[name] = written


def _one_pass(sealed: Sealed, report: Report, tell: Callable[[int], None]) -> int:
    """Walk through a table once, from where a broken run stopped.  Returns how many rows were written."""
    after, size, done = _begin(report.key, sealed.table.name), FIRST, 0
    while rows := _read(sealed, report.key, after, size):
        changes, closed = _prepare(sealed, rows, report.key)
        after = rows[-1].id
        began = time.monotonic()
        written, clashes = _write(sealed, changes, report.key, after)
        took = time.monotonic() - began
        done += written
        report.left += closed + clashes
        tell(done)
        size = _next_size(size, took)
        time.sleep(max(PAUSE, took))
    _end(report.key, sealed.table.name)
    return done


def _next_size(size: int, took: float) -> int:
    wanted = size // 2 if took > LONGEST else int(size * min(2.0, max(0.5, WANTED / max(took, 0.001))))
    return max(LEAST, min(MOST, wanted))


def _count_stale(sealed: Sealed, key: str) -> int:
    query = sa.select(sa.func.count()).select_from(sealed.table).where(stale(sealed, key))
    found: int = db.session.execute(query).scalar_one()
    db.session.rollback()
    return found


def _columns(sealed: Sealed) -> list[Any]:
    """Every column under its attribute's name."""
    return [attribute.columns[0].label(attribute.key) for attribute in sa.inspect(sealed.model).column_attrs]


def _read(sealed: Sealed, key: str, after: int, size: int) -> list[Any]:
    """The next rows that another key sealed, without a lock and without an open transaction afterwards."""
    number = sealed.table.c.id
    query = sa.select(*_columns(sealed)).where(number > after, stale(sealed, key)).order_by(number).limit(size)
    rows = [SimpleNamespace(**row._mapping) for row in db.session.execute(query)]
    db.session.rollback()
    return rows


def _prepare(sealed: Sealed, rows: Sequence[Any], key: str) -> tuple[list[Change], list[Violation]]:
    """The new values of each row; a row whose ciphertext does not open is left as it is."""
    changes, closed = [], []
    for row in rows:
        try:
            plain = opened(sealed, row)
        except crypto.UnknownKey:
            closed.append(Violation(sealed.table.name, row.id, "does not open with any key held here"))
            continue
        values = _new_values(sealed, row, plain, key)
        if any(value != getattr(row, column) for column, value in values.items()):  # a hash without its plain text stays
            changes.append(Change(row, values, plain))
    return changes, closed


def opened(sealed: Sealed, row: Any) -> dict[str, str]:
    """The plain texts of a row by column, '' where there is no ciphertext.  Raises UnknownKey."""
    found = {}
    for column in sealed.columns:
        value = getattr(row, column) or ""
        found[column] = crypto.decrypt(value, sealed.purpose(column, row)) if value.startswith("g1.") else ""
    return found


def _new_values(sealed: Sealed, row: Any, plain: dict[str, str], key: str) -> dict[str, str]:
    values = {c: getattr(row, c) for c in (*sealed.columns, *sealed.hash_columns)}
    for column in sealed.columns:
        old = values[column] or ""
        if old.startswith("g1.") and crypto.key_of(old) != key:
            values[column] = crypto.encrypt(plain[column], sealed.purpose(column, row))
    if sealed.hashes is not None and any(plain.values()):
        for column, value in sealed.hashes(row, plain).items():
            old = values[column] or ""
            if old.startswith("h1.") and crypto.key_of(old) != key:
                values[column] = value
    return values


def _write(sealed: Sealed, changes: list[Change], key: str, after: int) -> tuple[int, list[Violation]]:
    """Write a slice and how far it reaches in one transaction.  Returns how many rows, and rows whose new hash another row has."""
    clashes: list[Violation] = []
    with atomic():
        same = list(_unchanged(sealed, changes))
        written = same
        if same:
            try:
                with db.session.begin_nested():
                    _update(sealed, same)
            except IntegrityError:
                written = [change for change in same if _update_one(sealed, change, clashes)]
        if sealed.also is not None and written:
            sealed.also([change.row for change in written], [change.plain for change in written])
        table = KeyRotation.__table__
        db.session.execute(
            sa.update(table)
            .where(table.c.key_id == key, table.c.table_name == sealed.table.name)
            .values(after_id=after, row_count=table.c.row_count + len(written))
        )
    return len(written), clashes


def _unchanged(sealed: Sealed, changes: list[Change]) -> Iterator[Change]:
    """Lock the rows in order of id; those that somebody changed since they were read wait for the next pass."""
    wanted = tuple(dict.fromkeys((*sealed.columns, *sealed.hash_columns)))  # one column may hold both
    number = sealed.table.c.id
    query = sa.select(number, *(sealed.column(c).label(f"v_{c}") for c in wanted)).where(number.in_([c.row.id for c in changes]))
    now = {row.id: row for row in db.session.execute(query.order_by(number).with_for_update(key_share=True))}
    for change in changes:
        row = now.get(change.row.id)
        if row is not None and all(getattr(row, f"v_{c}") == getattr(change.row, c) for c in wanted):
            yield change


def _update(sealed: Sealed, changes: list[Change]) -> None:
    wanted = dict.fromkeys((*sealed.columns, *sealed.hash_columns))
    statement = sa.update(sealed.table).where(sealed.table.c.id == sa.bindparam("b_id"))
    statement = statement.values({sealed.column(c): sa.bindparam(f"v_{c}") for c in wanted})
    rows = [{"b_id": change.row.id, **{f"v_{c}": change.values[c] for c in wanted}} for change in changes]
    db.session.connection().execute(statement, rows)


def _update_one(sealed: Sealed, change: Change, clashes: list[Violation]) -> bool:
    """Two rows with one value came to be under two keys (two clerks, one second, two processes): a person has to look at them."""
    try:
        with db.session.begin_nested():
            _update(sealed, [change])
    except IntegrityError:
        clashes.append(Violation(sealed.table.name, change.row.id, "another row has the same value under the new key; merge the two"))
        return False
    return True


def _begin(key: str, table: str) -> int:
    """Where this table stands; a table that was done before begins again at its first row."""
    with atomic() as tx:
        row = db.session.scalar(sa.select(KeyRotation).where(KeyRotation.key_id == key, KeyRotation.table_name == table))
        if row is None:
            row = KeyRotation(key_id=key, table_name=table, after=0, rows=0)
            db.session.add(row)
        elif row.ended_at is not None:
            row.after, row.ended_at = 0, None
        tx.result = row.after
    after: int = tx.result
    db.session.expunge_all()
    return after


def _end(key: str, table: str) -> None:
    with atomic():
        db.session.execute(
            sa.update(KeyRotation.__table__)
            .where(KeyRotation.key_id == key, KeyRotation.__table__.c.table_name == table)
            .values(ended_at=clock.now())
        )


def _mark_key(report: Report) -> None:
    """The key that `serve` insists on becomes the writing one as soon as nothing names the old one."""
    with atomic():
        mark = db.session.get(SiteMark, "key")
        if mark is None:
            db.session.add(SiteMark(name="key", value=report.key))
        elif mark.value not in report.used:
            mark.value = report.key
