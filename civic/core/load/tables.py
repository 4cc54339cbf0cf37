"""Reads a list by what it is: CSV (texts.py) or a workbook (sheets.py).  Anything else is refused in words that name it."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.load.frames import MB, Score, Table
from civic.core.load.kinds import Rejected
from civic.core.load.sheets import read_workbook
from civic.core.load.texts import read_csv
from civic.core.sniff import NAMES, FileKind, kind_of

COMMAND_LIMIT = 64 * MB  # a file of the command; the page takes files.MOST_BYTES


def read_table(name: str, data: bytes, score: Score = len, *, most: int = COMMAND_LIMIT) -> Table | list[Rejected]:
    """Read a file.  score: finds the header among the first rows.  most: bytes.  A list means that nothing could be read."""
    if len(data) > most:
        return [Rejected(name, 0, str(_l("The file has %(size)s MB; at most %(most)s MB are possible.")) % size_words(len(data), most))]
    kind = kind_of(data)
    if kind is FileKind.text:
        return read_csv(name, data, score)
    if kind is FileKind.xlsx:
        return read_workbook(name, data, score)
    return [Rejected(name, 0, str(_l("This is %(what)s. A list comes as CSV or as a workbook (.xlsx).")) % {"what": NAMES[kind]})]


def size_words(size: int, most: int) -> dict[str, str]:
    """Sizes in megabytes for a sentence with `size` and `most`."""
    return {"size": f"{size / MB:.1f}", "most": f"{most / MB:.0f}"}
