"""One cell: from what stands in a file to the normalised text that loaders see, or a sentence that says why not.

Texts are composed (NFC) and trimmed; codes, numbers, days and flags are also folded (NFKC), so full-width digits count.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from typing import Any

from flask_babel import lazy_gettext as _l

from civic.core.load.frames import WINDOWS_EPOCH
from civic.core.load.kinds import Column, ColumnKind

MOST_DIGITS = 15  # a spreadsheet keeps 15 digits and turns the rest into zeros
FLAGS = {"true": "true", "yes": "true", "1": "true", "是": "true", "false": "false", "no": "false", "0": "false", "否": "false"}
DAYS = (
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]0?0:00(?::00)?)?"),
    re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})"),
    re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})"),
    re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日"),
    re.compile(r"(\d{4})(\d{2})(\d{2})"),
)
ROUNDED = re.compile(r"-?\d(\.\d+)?[Ee]\+\d+")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # categories Cc and Cs
CONTROL_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # a text may have line breaks and tabs
FOLDED = {ColumnKind.code, ColumnKind.number, ColumnKind.day, ColumnKind.flag}


class BadCell(Exception):
    """A cell that cannot be taken; `why` is a whole lazy sentence, `numbers` fill its places.

    mute: the same without the cell's text, for lists about people; needed wherever `why` quotes it.
    """

    def __init__(self, why: Any, *, mute: Any = None, **numbers: Any) -> None:
        super().__init__(type(self).__name__)
        self.why, self.mute, self.numbers = why, mute or why, numbers

    def sentence(self, *, quoting: bool = True) -> str:
        words = str(self.why if quoting else self.mute)
        return words % self.numbers if self.numbers else words


def clean(value: Any, column: Column, epoch: datetime = WINDOWS_EPOCH) -> str:
    """The normalised text of a cell, '' when it is empty.

    value: text of a CSV, or text, number, day or truth value of a workbook.  epoch: day 0 of the workbook's serial days.
    Raises BadCell.
    """
    text = _folded(_as_text(value, column, epoch), column)
    if column.words:
        text = _meant(text, column)
    if not text:
        if column.required:
            raise BadCell(_l("The column %(column)s is empty."), column=column.name)
        return ""
    text = READERS.get(column.kind, _as_it_is)(text, column)
    if len(text) > column.most:
        raise BadCell(
            _l("The column %(column)s has %(count)s characters; at most %(most)s are possible."),
            column=column.name,
            count=len(text),
            most=column.most,
        )
    _one_of(text, column)
    return text


def _as_text(value: Any, column: Column, epoch: datetime) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_as_text(value, column, epoch)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() or column.kind is ColumnKind.day else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return str(value)


def _number_as_text(value: int | float, column: Column, epoch: datetime) -> str:
    if abs(value) >= 10**MOST_DIGITS:
        raise _damaged(column)
    if column.kind is ColumnKind.day and 0 < value < 3_000_000:  # a serial day; 20261001 has eight digits
        from openpyxl.utils.datetime import from_excel  # noqa: PLC0415 - a workbook was read, so it is there already

        try:
            found = from_excel(value, epoch)
        except (ValueError, OverflowError):
            found = None
        if isinstance(found, datetime):
            return found.date().isoformat()
    return str(int(value)) if value == int(value) else repr(value)


def _damaged(column: Column) -> BadCell:
    return BadCell(
        _l(
            "The column %(column)s holds a number of more than 15 digits, and a spreadsheet has zeroed its end. Format the column as text and type it again."
        ),
        column=column.name,
    )


def _folded(text: str, column: Column) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC" if column.kind in FOLDED else "NFC", text.replace("\ufeff", ""))
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    found = (CONTROL_IN_TEXT if column.kind is ColumnKind.text else CONTROL).search(text)
    if found:
        code = f"{ord(found.group()):04X}"
        raise BadCell(_l("The column %(column)s holds a control character (U+%(code)s)."), column=column.name, code=code)
    if "\ufffd" in text:
        raise BadCell(_l("The column %(column)s holds a character that was damaged before (U+FFFD)."), column=column.name)
    return text


def _as_it_is(text: str, _column: Column) -> str:
    return text


def _code(text: str, column: Column) -> str:
    if ROUNDED.fullmatch(text):
        raise _damaged(column)
    return text


def _number(text: str, column: Column) -> str:
    if ROUNDED.fullmatch(text) or len(re.sub(r"\D", "", text.split(".", 1)[0])) > MOST_DIGITS:
        raise _damaged(column)
    if not re.fullmatch(r"-?[0-9]+(\.0+)?", text):
        raise BadCell(
            _l("The column %(column)s needs a whole number; “%(text)s” is none."),
            mute=_l("The column %(column)s needs a whole number."),
            column=column.name,
            text=text[:40],
        )
    return str(int(text.split(".", 1)[0]))


def _day(text: str, column: Column) -> str:
    for pattern in DAYS:
        found = pattern.fullmatch(text)
        if found:
            try:
                return date(*map(int, found.groups())).isoformat()
            except ValueError:
                break
    raise BadCell(
        _l("The column %(column)s needs a day such as 2026-10-01; “%(text)s” is none."),
        mute=_l("The column %(column)s needs a day such as 2026-10-01."),
        column=column.name,
        text=text[:40],
    )


def _flag(text: str, column: Column) -> str:
    found = FLAGS.get(text.casefold())
    if found is None:
        raise BadCell(
            _l("The column %(column)s needs true or false; “%(text)s” is neither."),
            mute=_l("The column %(column)s needs true or false."),
            column=column.name,
            text=text[:40],
        )
    return found


def _parts(text: str, _column: Column) -> str:
    return ";".join(part for part in (p.strip() for p in text.replace("；", ";").split(";")) if part)


READERS = {ColumnKind.code: _code, ColumnKind.number: _number, ColumnKind.day: _day, ColumnKind.flag: _flag, ColumnKind.parts: _parts}


def _meant(text: str, column: Column) -> str:
    """The choice behind a word that offices use."""
    words = dict(column.words)
    if column.kind is ColumnKind.parts:
        return ";".join(words.get(part, part) for part in text.split(";"))
    return words.get(text, text)


def _one_of(text: str, column: Column) -> None:
    if not column.choices:
        return
    for part in text.split(";") if column.kind is ColumnKind.parts else [text]:
        if part not in column.choices:
            raise BadCell(
                _l("The column %(column)s can be %(choices)s; “%(text)s” is none of them."),
                mute=_l("The column %(column)s can be %(choices)s."),
                column=column.name,
                choices=", ".join(column.choices),
                text=part[:40],
            )
