"""Tables to take away: CSV that spreadsheets open as text, and workbooks whose cells are no formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from flask import Response

BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for GB18030
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA = ("=", "+", "-", "@")


def as_csv(name: str, rows: Sequence[Sequence[Any]]) -> Response:
    """UTF-8 with its mark; words that would begin a formula are quoted, numbers stay numbers."""
    target = io.StringIO()
    csv.writer(target).writerows(
        [f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell for cell in row] for row in rows
    )
    return _download(name, BOM + target.getvalue(), "text/csv")


def as_workbook(name: str, rows: Sequence[Sequence[Any]], *, widths: Sequence[int] = ()) -> Response:
    """An XLSX with the first row held in place; text stays text.  widths: of the first columns, in characters."""
    import openpyxl  # noqa: PLC0415 - 5 MB, and most workers and commands make no workbook

    book = openpyxl.Workbook()
    sheet: Any = book.active
    for number, row in enumerate(rows, 1):
        sheet.append(list(row))
        for cell in sheet[number]:
            if isinstance(cell.value, str):
                cell.data_type = "s"
    for letter, width in zip("ABCDEFGH", widths, strict=False):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    target = io.BytesIO()
    book.save(target)
    return _download(name, target.getvalue(), WORKBOOK)


def _download(name: str, body: str | bytes, kind: str) -> Response:
    response = Response(body, mimetype=kind)
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response
