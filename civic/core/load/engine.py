"""Plans a load: reads and checks all files and says what would be added, changed, left or refused.  Writes nothing.

`run_load` (runs.py) writes a plan.  A row is compared with the last imported one of the same key, not with what stands on the
site, so a second load changes nothing and never reverts a correction.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core import clock
from civic.core.db import db
from civic.core.load import mapping, sealed
from civic.core.load.cells import BadCell, clean
from civic.core.load.frames import Table
from civic.core.load.kinds import Batch, Change, Loader, Rejected, Row
from civic.core.load.models import LONGEST_KEY, LoadRow, LoadRun, LoadState
from civic.core.load.recognise import Recogniser
from civic.core.load.sealed import canonical
from civic.core.load.tables import COMMAND_LIMIT, read_table
from civic.core.registry import the_registry
from civic.core.viewer import Actor, Scope

UNKNOWN = "unknown"
LOOKED_UP = 500  # keys asked for at once
Files = list[tuple[str, bytes]]


@dataclass
class KindCount:
    """What a load does to one kind of list."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: list[Rejected] = field(default_factory=list)


@dataclass
class Report:
    """Counts and refusals by kind; `unknown` holds files that are no list."""

    kinds: dict[str, KindCount] = field(default_factory=dict)

    @property
    def rejected(self) -> list[Rejected]:
        return [r for count in self.kinds.values() for r in count.rejected]

    @property
    def total(self) -> int:
        """Rows to write."""
        return sum(count.added + count.changed for count in self.kinds.values())

    def as_json(self) -> dict[str, Any]:
        """The shape that CONTRACT fixes."""
        return {
            "kinds": {
                kind: {
                    "added": count.added,
                    "changed": count.changed,
                    "unchanged": count.unchanged,
                    "rejected": [{"file": r.file, "line": r.line, "why": str(r.why)} for r in count.rejected],
                }
                for kind, count in self.kinds.items()
            }
        }

    @classmethod
    def from_json(cls, text: str) -> Report:
        kinds = json.loads(text)["kinds"] if text else {}
        return cls(
            {k: KindCount(v["added"], v["changed"], v["unchanged"], [Rejected(**r) for r in v["rejected"]]) for k, v in kinds.items()}
        )


@dataclass
class Plan:
    """A checked load.  changes: rows to write, by kind in the order of writing and within a kind by key.

    state: what was loaded when it was made; a plan is made again when something was loaded since.
    unmatched: tables whose columns fit no list; somebody can match them by hand (`mapping.py`).
    """

    files: Files
    report: Report
    changes: dict[str, list[Change]]
    state: tuple[int, int]
    unmatched: list[Table] = field(default_factory=list)

    @property
    def rejected(self) -> list[Rejected]:
        return self.report.rejected

    @property
    def total(self) -> int:
        return self.report.total

    @property
    def is_current(self) -> bool:
        return self.state == loaded_state()


def loaders() -> list[Loader]:
    """All kinds of lists of this site, in the order of writing."""
    found: list[Loader] = sorted(the_registry().all_of("loaders"), key=lambda loader: (loader.order, loader.kind))
    return found


def loaded_state() -> tuple[int, int]:
    """Number of the last run and how many are done: changes whenever the last imported rows may have changed."""
    query = sa.select(sa.func.coalesce(sa.func.max(LoadRun.id), 0), sa.func.count().filter(LoadRun.state == LoadState.done))
    last, done = db.session.execute(query).one()
    return int(last), int(done)


def plan_load(files: Files, *, most: int = COMMAND_LIMIT, actor: Actor | None = None) -> Plan:
    """Read and check files in any order.  most: bytes a file.  Bad input never raises: it stands in the report.

    actor: who loads; an account reaches no further than its grants, a command (or None) everywhere.
    """
    state, files = loaded_state(), _named_apart(files)
    known = Recogniser(loaders(), mapping.remembered())
    unknown: list[Rejected] = []
    unmatched: list[Table] = []
    tables: dict[str, list[Table]] = defaultdict(list)
    for name, data in files:
        table = read_table(name, data, known.score, most=most)
        if isinstance(table, list):
            unknown += table
            continue
        loader = known.kind_of(table)
        if isinstance(loader, str):
            loader = mapping.matched(table, known.loaders) or loader
        if isinstance(loader, str):
            unknown += [Rejected(name, table.header_line, loader), *table.rejected]
            unmatched.append(table)
        else:
            tables[loader.kind].append(table)
    report, changes = _compare([loader for loader in known.loaders if loader.kind in tables], tables, reach_of(actor))
    if unknown:
        report.kinds[UNKNOWN] = KindCount(rejected=unknown)
    return Plan(files, report, changes, state, unmatched)


def reach_of(actor: Actor | None) -> tuple[Scope, ...] | None:
    """What an account may reach today; None for a command or job without one."""
    if actor is None or actor.account_id is None:
        return None
    asked = next((loader.reach for loader in loaders() if loader.reach is not None), None)
    return asked(actor.account_id, clock.today()) if asked is not None else ()


def _named_apart(files: Files) -> Files:
    """Two files of one name are told apart as `places.csv` and `places.csv (2)`: a refusal must say which one it means."""
    seen: Counter[str] = Counter()
    named = []
    for name, data in files:
        seen[name] += 1
        named.append((f"{name} ({seen[name]})" if seen[name] > 1 else name, data))
    return named


def _compare(
    wanted: list[Loader], tables: dict[str, list[Table]], scopes: tuple[Scope, ...] | None
) -> tuple[Report, dict[str, list[Change]]]:
    batches = {loader.kind: _batch(loader, tables[loader.kind]) for loader in wanted}
    keys = {
        kind: {loader.key_of(row) for row in batch.rows} | broken
        for loader in wanted
        for kind, (batch, broken) in [(loader.kind, batches[loader.kind])]
    }
    report, changes = Report(), {}
    for loader in wanted:
        batch = batches[loader.kind][0]
        batch.keys, batch.scopes, batch.others = keys, scopes, {kind: other for kind, (other, _) in batches.items() if kind != loader.kind}
        loader.check(batch)
        refused = {(r.file, r.line) for r in batch.rejected}
        rows = [row for row in batch.rows if (row.file, row.line) not in refused]
        found, unchanged = compared(loader, rows, {table.name: frozenset(table.header) for table in tables[loader.kind]})
        new = sum(change.is_new for change in found)
        ordered = sorted(batch.rejected, key=lambda r: (r.file, r.line))
        report.kinds[loader.kind] = KindCount(new, len(found) - new, unchanged, ordered)
        changes[loader.kind] = found
    return report, changes


def _batch(loader: Loader, tables: list[Table]) -> tuple[Batch, set[str]]:
    """The readable rows of one kind, and the keys of rows that were refused (so that they are not reported as missing too)."""
    batch = Batch(loader.kind, [])
    seen: dict[str, Row] = {}
    broken: set[str] = set()
    for table in tables:
        batch.rejected += table.rejected
        for line, cells in table.rows:
            row, faults = _row(loader, table, line, cells)
            key = loader.key_of(row)
            if faults:
                batch.rejected.append(Rejected(table.name, line, " ".join(faults)))
                broken.add(key)
            elif key in seen:
                first = seen[key]
                if loader.personal:
                    why = _l("The same %(columns)s stands twice: first in %(file)s, line %(line)s.")
                    batch.reject(row, why, columns=", ".join(loader.key), file=first.file, line=first.line)
                else:
                    why = _l("“%(key)s” stands twice: first in %(file)s, line %(line)s.")
                    batch.reject(row, why, key=key, file=first.file, line=first.line)
            elif len(key) > LONGEST_KEY:
                batch.reject(
                    row,
                    _l("What identifies the row has %(count)s characters; at most %(most)s are possible."),
                    count=len(key),
                    most=LONGEST_KEY,
                )
            else:
                seen[key] = row
                batch.rows.append(row)
        table.rows = []  # the raw cells are not needed twice: of 10,000 people they take 15 MB
    return batch, broken


def _row(loader: Loader, table: Table, line: int, cells: list[Any]) -> tuple[Row, list[str]]:
    """A row with all columns of its kind, '' where the file has none."""
    values = {column.name: "" for column in loader.columns}
    faults = []
    where = {name: at for at, name in enumerate(table.header) if name}
    for column in loader.columns:
        if column.name not in where:
            continue
        try:
            values[column.name] = clean(cells[where[column.name]], column, table.epoch)
        except BadCell as fault:
            faults.append(fault.sentence(quoting=not loader.personal))
    if not faults and not any(values[name] for name in loader.key):
        faults.append(str(_l("What identifies the row is empty (%(columns)s).")) % {"columns": ", ".join(loader.key)})
    return Row(table.name, line, values), faults


def compared(loader: Loader, rows: list[Row], present: dict[str, frozenset[str]]) -> tuple[list[Change], int]:
    """Rows that differ from the last import, by key, and how many do not.  present: columns of each file.

    A column that a file leaves out keeps its last imported value.
    """
    by_key = {loader.key_of(row): row for row in rows}
    every = frozenset(column.name for column in loader.columns)  # one for all new rows: one each would take 22 MB of 10,000 people
    changes, unchanged = [], 0
    for keys in _slices(sorted(by_key)):
        last = _last_rows(loader, keys)
        for key in keys:
            row = by_key[key]
            if key not in last:
                changes.append(Change(row, True, every))
                continue
            before, mark = last[key]
            if mark in _marks(loader, row.values):
                unchanged += 1
                continue
            given = present[row.file]
            values = {name: value if name in given else before.get(name, "") for name, value in row.values.items()}
            changed = frozenset(name for name, value in values.items() if value != before.get(name, ""))
            if changed:
                changes.append(Change(Row(row.file, row.line, values), False, changed))
            else:
                unchanged += 1
    return changes, unchanged


def _last_rows(loader: Loader, keys: list[str]) -> dict[str, tuple[dict[str, str], str]]:
    """Key → values and hash of the rows that were imported last."""
    if loader.personal:
        return sealed.last_rows(loader.kind, keys)
    query = sa.select(LoadRow.key, LoadRow.values, LoadRow.hash).where(LoadRow.kind == loader.kind, LoadRow.key.in_(keys))
    return {key: (json.loads(values), mark) for key, values, mark in db.session.execute(query)}


def _marks(loader: Loader, values: dict[str, str]) -> list[str]:
    """The hashes under which this row may have been remembered."""
    return sealed.value_hashes(loader.kind, values) if loader.personal else [hash_of(canonical(values))]


def _slices(keys: list[str]) -> Iterable[list[str]]:
    return (keys[at : at + LOOKED_UP] for at in range(0, len(keys), LOOKED_UP))


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
