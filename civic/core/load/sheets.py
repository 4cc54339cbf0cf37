"""Reads a workbook (.xlsx): the first visible sheet whose header fits a known list, with merged heads and cached values.

An archive that would unpack to more than 200 MB is refused before anything is unpacked.  XML is read through defusedxml, which
openpyxl takes by itself when it is installed.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from flask_babel import lazy_gettext as _l

from civic.core.load.frames import MB, Score, Table, frame
from civic.core.load.kinds import Rejected

MOST_UNPACKED = 200 * MB
MOST_RATIO = 300  # unpacked : packed; sheets of equal rows reach about 60
SMALL_ANYWAY = 4 * MB  # below this no ratio is asked
MOST_PARTS = 2000
MOST_ROWS = 200_000
MOST_COLUMNS = 500
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\b[^>]*?\bref=\"([A-Z]{1,3}\d+:[A-Z]{1,3}\d+)\"")
_OVERLAP = 200  # bytes; a mergeCell element is shorter
DAMAGED = (
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    EOFError,
    OSError,
    ParseError,
    DefusedXmlException,
)


class TooLarge(Exception):
    """A sheet with more rows or columns than a list may have."""


def read_workbook(name: str, data: bytes, score: Score) -> Table | list[Rejected]:
    """Read the sheet that fits a known list best; the first of equal ones."""
    try:
        refusal = _refusal(data)
        if refusal:
            return [Rejected(name, 0, refusal)]
        tables = list(_tables(name, data, score))
    except TooLarge:
        return [Rejected(name, 0, _too_large())]
    except DAMAGED as error:
        return [
            Rejected(
                name,
                0,
                str(_l("The workbook is damaged and cannot be read (%(what)s).")) % {"what": type(error.__cause__ or error).__name__},
            )
        ]
    if not any(table.header for table in tables):
        return [Rejected(name, 0, str(_l("No visible sheet of the workbook holds rows.")))]
    return max(tables, key=lambda table: score(table.header))


def _too_large() -> str:
    return str(_l("A sheet may have at most %(rows)s rows and %(columns)s columns; split the list.")) % {
        "rows": MOST_ROWS,
        "columns": MOST_COLUMNS,
    }


def _refusal(data: bytes) -> str:
    """Why this archive is not unpacked, or ''."""
    parts = zipfile.ZipFile(io.BytesIO(data)).infolist()
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED or (unpacked > SMALL_ANYWAY and unpacked > MOST_RATIO * len(data)):
        why = _l("The workbook would unpack to %(size)s MB, and is not opened. Save the rows alone in a new workbook, or as CSV.")
        return str(why) % {"size": f"{unpacked / MB:.0f}"}
    return ""


def _tables(name: str, data: bytes, score: Score) -> Iterator[Table]:
    from openpyxl import load_workbook  # noqa: PLC0415 - takes 14 MB, and most lists are CSV

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        sheets: list[Any] = book.worksheets
        for sheet in sheets:
            if sheet.sheet_state != "visible":
                continue
            table = _table(name, sheet, _merged(data, sheet._worksheet_path), score)
            table.epoch = book.epoch
            yield table
    finally:
        book.close()


def _table(name: str, sheet: Any, merged: dict[tuple[int, int], tuple[int, int]], score: Score) -> Table:
    """The sheet as a table; cells with a spreadsheet error (#N/A) reject their row."""
    sheet.reset_dimensions()
    lines: list[tuple[int, list[Any]]] = []
    faults: dict[int, Rejected] = {}
    origins: dict[tuple[int, int], Any] = {}
    sources = set(merged.values())
    for number, row in enumerate(sheet.iter_rows(), 1):
        if len(lines) >= MOST_ROWS or any(cell.value is not None for cell in row[MOST_COLUMNS:]):
            raise TooLarge
        cells = []
        for column, cell in enumerate(row[:MOST_COLUMNS], 1):
            value = cell.value
            if cell.data_type == "e":
                why = str(_l("Column %(column)s holds the spreadsheet error %(error)s.")) % {"column": cell.column_letter, "error": value}
                faults[number] = Rejected(name, number, why)
            at = (number, column)
            if at in sources:
                origins[at] = value
            cells.append(origins.get(merged[at]) if at in merged and value is None else value)
        _fill(cells, number, merged, origins)
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            lines.append((number, cells))
    table = frame(name, lines, "xlsx", score)
    width = len(table.header)
    table.rejected = [fault for line, fault in faults.items() if line > table.header_line]
    for line, cells in table.rows:
        if any(c not in (None, "") for c in cells[width:]) and line not in faults:
            why = str(_l("The row has %(cells)s cells, the header has %(columns)s.")) % {"cells": len(cells), "columns": width}
            faults[line] = Rejected(name, line, why)
            table.rejected.append(faults[line])
    table.rows = [(line, (cells + [None] * width)[:width]) for line, cells in table.rows if line not in faults]
    return table


def _fill(cells: list[Any], number: int, merged: dict[tuple[int, int], tuple[int, int]], origins: dict[tuple[int, int], Any]) -> None:
    """Merged cells to the right of the last written one belong to the row too."""
    while (number, len(cells) + 1) in merged:
        cells.append(origins.get(merged[number, len(cells) + 1]))


def _merged(data: bytes, path: str) -> dict[tuple[int, int], tuple[int, int]]:
    """Cell → the upper left cell of its merged range; read from the sheet's XML, which the streaming reader passes over."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    with zipfile.ZipFile(io.BytesIO(data)).open(path) as source:
        tail = b""
        while chunk := source.read(MB):
            for match in _MERGED.finditer(tail + chunk):
                _note_range(found, match.group(1).decode())
            tail = chunk[-_OVERLAP:]
    return found


def _note_range(found: dict[tuple[int, int], tuple[int, int]], reference: str) -> None:
    from openpyxl.utils.cell import range_boundaries  # noqa: PLC0415 - as in `_tables`

    left, top, right, bottom = (int(n or 0) for n in range_boundaries(reference))
    if (right - left + 1) * (bottom - top + 1) > 10_000:  # a whole sheet merged for its looks
        return
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            if (row, column) != (top, left):
                found[row, column] = (top, left)
