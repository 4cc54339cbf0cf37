"""Two small kinds of lists for the tests of loading, written into `site_mark`; and files made in memory."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import openpyxl
from flask import Flask
from flask_babel import lazy_gettext as _l

from civic.core.atomic import atomic
from civic.core.db import db, upsert
from civic.core.load.kinds import Batch, Change, Column, ColumnKind, Loader, bilingual, columns
from civic.core.registry import Module
from civic.core.site import SiteMark
from civic.core.viewer import Actor


class Lists:
    """What the loaders did, and a switch that makes one of them fail."""

    def __init__(self) -> None:
        self.slices: list[list[str]] = []
        self.finished: list[str] = []
        self.fail_at: str = ""
        self.error: BaseException = RuntimeError("the disk is full")

    def loaders(self) -> tuple[Loader, ...]:
        place = Loader(
            kind="toy_places",
            title=_l("Site"),
            columns=columns(
                Column("code", ColumnKind.code, required=True, most=20),
                bilingual("label", most=40),
                Column("homes", ColumnKind.number),
                Column("opened_on", ColumnKind.day),
                Column("is_open", ColumnKind.flag),
                Column("near", ColumnKind.parts, optional=True),
            ),
            key=("code",),
            order=5,
            apply=self._apply,
            finish=lambda _actor: self.finished.append("toy_places"),
        )
        visit = Loader(
            kind="toy_visits",
            title=_l("Language"),
            columns=columns(Column("place_code", ColumnKind.code, required=True), Column("visitor", required=True)),
            key=("place_code", "visitor"),
            order=6,
            apply=self._apply,
            check=_places_exist,
        )
        return place, visit

    def _apply(self, _actor: Actor, changes: list[Change]) -> None:
        with atomic() as tx:
            self.slices.append([change.row.text("code") for change in changes])
            for change in changes:
                if self.fail_at and self.fail_at in change.row.values.values():
                    raise self.error
                _write(change)
            tx.touch("toys")


def _write(change: Change) -> None:
    values = change.row.values
    name = f"place {values['code']}" if "code" in values else f"visit {values['place_code']} {values['visitor']}"
    insert = upsert(SiteMark.__table__).values(name=name[:40], value="|".join(values.get(c, "") for c in sorted(values))[:200])
    db.session.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": insert.excluded.value}))


def _places_exist(batch: Batch) -> None:
    for row in batch.rows:
        if row.text("place_code") not in batch.coming("toy_places") and db.session.get(SiteMark, f"place {row.text('place_code')}") is None:
            batch.reject(row, _l("This is not possible."))


@contextlib.contextmanager
def toy_lists(app: Flask) -> Iterator[Lists]:
    """The site with the two kinds in its registry."""
    lists = Lists()
    modules = app.extensions["civic"].registry.modules
    module = Module(name="toys", title=_l("Site"), loaders=lists.loaders())
    modules.append(module)
    try:
        yield lists
    finally:
        modules.remove(module)


HEAD = "code,label_zh,label_en,homes,opened_on,is_open"


def csv(*rows: str, head: str = HEAD, encoding: str = "utf-8") -> bytes:
    return ("\n".join([head, *rows]) + "\n").encode(encoding)


def place(code: str, homes: int = 1) -> str:
    return f"{code},榕树{code},Banyan {code},{homes},2026-10-01,true"


def xlsx(rows: list[list[Any]], *, merged: tuple[str, ...] = (), hidden: list[list[Any]] | None = None) -> bytes:
    """A workbook with one visible sheet; a hidden one stands before it when asked."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for reference in merged:
        sheet.merge_cells(reference)
    if hidden is not None:
        other = book.create_sheet("old", 0)
        other.sheet_state = "hidden"
        for row in hidden:
            other.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()
