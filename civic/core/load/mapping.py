"""Columns matched by hand once: which title of somebody's spreadsheet means which column of a list, remembered by its header.

The next file with the same titles goes straight to the check, on the page and by the command.  A title is guessed by the column's
own name and by the titles that other programs give it (姓名, 身份证号, 房号).
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core import audit, clock
from civic.core.atomic import atomic
from civic.core.db import db, upsert
from civic.core.errors import DomainError
from civic.core.load.frames import Table
from civic.core.load.kinds import Column, Loader
from civic.core.load.models import LoadMapping
from civic.core.viewer import Actor

SIMILAR = 0.75  # `birthday` and `birth_day` are one word, `name` and `names` too; `phone` and `home` are not (0.67)
MOST_DIGITS = 6
FEWEST = 2  # titles that must be known before a line counts as a header


class ColumnsMissing(DomainError):
    """Columns of the list that must be there were matched with nothing."""

    code = "columns_missing"
    sentence = _l("These columns are needed and were matched with none of your sheet: %(columns)s.")


class NoTitles(DomainError):
    """The line taken for a header holds somebody's number: its words must not be remembered."""

    code = "no_titles"
    sentence = _l(
        "The sheet has no line with column titles: its first line holds data. Write a title above each column and hand it in again."
    )


def is_data(title: str) -> bool:
    """Six digits or more are no title but a number of somebody: a list without its header."""
    return len(re.findall(r"\d", title)) >= MOST_DIGITS


def folded(title: str) -> str:
    """Titles are compared without signs, spaces and what stands in brackets: `身份证号（必填）` is 身份证号."""
    text = unicodedata.normalize("NFKC", title).casefold()
    return re.sub(r"[\W_]+", "", re.sub(r"\(.*?\)", "", text))


def header_hash(titles: Sequence[str]) -> str:
    """Names a header: SHA-256 of its folded titles in their order."""
    return hashlib.sha256(json.dumps([folded(t) for t in titles], ensure_ascii=False).encode()).hexdigest()


def guess(loader: Loader, titles: Sequence[str]) -> dict[str, int]:
    """Column → place of the title that most likely means it; each title serves once."""
    names = [folded(title) for title in titles]
    found: dict[str, int] = {}
    for least in (1.0, SIMILAR):
        for column in loader.columns:
            if column.name in found:
                continue
            best = max(
                ((_likeness(column, name), -at) for at, name in enumerate(names) if name and at not in found.values()), default=(0.0, 0)
            )
            if best[0] >= least:
                found[column.name] = -best[1]
    return found


def _likeness(column: Column, name: str) -> float:
    known = [folded(column.name), *map(folded, column.titles)]
    if name in known:
        return 1.0
    return max((SequenceMatcher(None, name, each).ratio() for each in known), default=0.0)


def known_titles(loaders: Iterable[Loader]) -> frozenset[str]:
    """Every folded title that some loader calls its own, to tell a header from a heading above it."""
    return frozenset(folded(title) for loader in loaders for column in loader.columns for title in (column.name, *column.titles))


def remembered() -> frozenset[str]:
    """The hashes of all headers that were matched by hand."""
    return frozenset(db.session.scalars(sa.select(LoadMapping.header_hash)))


def matched(table: Table, loaders: Iterable[Loader]) -> Loader | None:
    """The loader that somebody matched this header with; the table then has its columns.  None: nobody did."""
    query = sa.select(LoadMapping.kind, LoadMapping.mapping).where(LoadMapping.header_hash == header_hash(table.header))
    row = db.session.execute(query).one_or_none()
    loader = next((loader for loader in loaders if row is not None and loader.kind == row.kind), None)
    if row is None or loader is None:
        return None
    places: dict[str, int] = json.loads(row.mapping)
    if not loader.header <= set(places):
        return None  # the list has got further columns since
    table.rows = [(line, [cells[at] if at < len(cells) else None for at in places.values()]) for line, cells in table.rows]
    table.header = list(places)
    return loader


def remember(actor: Actor, titles: Sequence[str], loader: Loader, places: Mapping[str, int]) -> None:
    """Keep which title means which column.  Raises NoTitles, ColumnsMissing.  A second time for one header replaces the first."""
    if any(is_data(title) for title in titles):
        raise NoTitles
    missing = [c.name for c in loader.columns if not c.optional and c.name not in places]
    if missing:
        raise ColumnsMissing(columns=", ".join(missing))
    values = {
        "kind": loader.kind,
        "header": json.dumps(list(titles), ensure_ascii=False),
        "mapping": json.dumps({name: int(at) for name, at in places.items()}),
        "account_id": actor.account_id,
        "created_at": clock.now(),
    }
    table = LoadMapping.__table__
    with atomic() as tx:
        insert = upsert(table).values(header_hash=header_hash(titles), **values)
        kept = insert.on_conflict_do_update(index_elements=["header_hash"], set_=values).returning(table.c.id)
        row_id = db.session.execute(kept).scalar_one()
        audit.record(actor, "load_mapping", "load_mapping", row_id, columns=len(places))
        tx.result = row_id
