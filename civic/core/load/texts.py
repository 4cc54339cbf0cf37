"""Reads CSV in the encodings and with the delimiters that offices use; faulty lines are named, the others still looked at."""

from __future__ import annotations

import codecs
import csv
import io

from flask_babel import lazy_gettext as _l

from civic.core.load.frames import HEAD_ROWS, Score, Table, frame, header_names
from civic.core.load.kinds import Rejected

DELIMITERS = (",", ";", "\t")


def read_csv(name: str, data: bytes, score: Score) -> Table | list[Rejected]:
    """CSV: comma, semicolon or tab; quotes are strict, and each row has as many cells as the header."""
    text, encoding, rejected = decode(name, data)
    if not text.strip():
        return [Rejected(name, 0, str(_l("The file is empty.")))]
    delimiter = _delimiter(text, score)
    broken = {r.line for r in rejected}
    records: list[tuple[int, int, list[str]]] = []  # first line, last line, cells
    last = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            records.append((last + 1, reader.line_num, cells))
            last = reader.line_num
    except csv.Error:
        rejected.append(
            Rejected(
                name, last + 1, str(_l("The quotes of this row do not match: a quote opens and is not closed, or goes on after it closed."))
            )
        )
    found = frame(name, [(first, list(cells)) for first, _, cells in records], encoding, score)
    found.rejected = rejected
    spans = {first: range(first, end + 1) for first, end, _ in records}
    width = len(found.header)
    kept = []
    for line, cells in found.rows:
        if broken.intersection(spans[line]):
            continue
        if len(cells) != width and not (len(cells) > width and not any(cells[width:])):
            why = str(_l("The row has %(cells)s cells, the header has %(columns)s.")) % {"cells": len(cells), "columns": width}
            rejected.append(Rejected(name, line, why))
        else:
            kept.append((line, cells[:width]))
    found.rows = kept
    return found


def decode(name: str, data: bytes) -> tuple[str, str, list[Rejected]]:
    """Text, encoding and the lines with broken bytes: UTF-8, UTF-16 with its mark, else GB18030."""
    if data.startswith(codecs.BOM_UTF8):
        return (*_decoded(name, data[3:], "utf-8"),)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decode_utf16(name, data)
    try:
        return data.decode("utf-8"), "utf-8", []
    except UnicodeDecodeError:
        return _decoded(name, data, _likelier(data))


def _decode_utf16(name: str, data: bytes) -> tuple[str, str, list[Rejected]]:
    encoding = "utf-16-le" if data.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    try:
        return data[2:].decode(encoding), encoding, []
    except UnicodeDecodeError as error:
        before = data[2 : 2 + error.start].decode(encoding, "replace")
        return data[2:].decode(encoding, "replace"), encoding, [_broken(name, before.count("\n") + 1, encoding)]


def _likelier(data: bytes) -> str:
    """UTF-8 with a few broken lines, or GB18030?  Lines of Chinese in GB18030 are hardly ever valid UTF-8."""
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    valid = sum(_is_valid(line, "utf-8") for line in lines)
    return "utf-8" if valid * 2 >= len(lines) and valid else "gb18030"


def _is_valid(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(name: str, data: bytes, encoding: str) -> tuple[str, str, list[Rejected]]:
    """Decode line by line: in both encodings a line feed is never part of a longer character."""
    try:
        return data.decode(encoding), encoding, []
    except UnicodeDecodeError:
        lines = data.split(b"\n")
    rejected = [_broken(name, at, encoding) for at, line in enumerate(lines, 1) if not _is_valid(line, encoding)]
    return "\n".join(line.decode(encoding, "replace") for line in lines), encoding, rejected


def _broken(name: str, line: int, encoding: str) -> Rejected:
    why = _l("The line holds bytes that are no %(encoding)s text. Save the file as UTF-8 or GB18030 again.")
    return Rejected(name, line, str(why) % {"encoding": encoding.upper()})


def _delimiter(text: str, score: Score) -> str:
    """The sign between cells: the one by which a row among the first ten fits a known list best, else makes most cells."""

    def worth(delimiter: str) -> tuple[float, int]:
        reader = csv.reader(io.StringIO("\n".join(text[:65536].splitlines()[:HEAD_ROWS])), delimiter=delimiter)
        heads = [header_names(cells) for cells in reader]
        return max((score(h) for h in heads), default=0), max((len(h) for h in heads), default=0)

    return max(DELIMITERS, key=worth)
