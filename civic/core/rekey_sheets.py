"""Recovery sheets: each data key as two halves on paper, of which one alone tells nothing.

Half A is random bytes, half B those bytes XOR the key (2-of-2, an information-theoretic share).  A half is written in Crockford's
base 32 (no I, L, O, U), sixteen characters a line in groups of four, each line with its number and two check characters, so that a
wrong letter is found on its line.  The first line names the key, the half and its length; the joined bytes must give the named key.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from html import escape

import segno

from civic.core.crypto import key_id

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
MARK = "CIVIC1"
LINE = 16  # characters of one line: 10 bytes
LOOKALIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})


class SheetError(Exception):
    """What was typed cannot be a half; the message names the line."""


@dataclass(frozen=True)
class Half:
    """One half of one key.  name: A or B."""

    key_id: str
    name: str
    body: bytes

    def head(self) -> str:
        return f"{MARK} {self.name} {self.key_id} {len(self.body)}"

    def lines(self) -> list[str]:
        """The head, then `01  ABCD EFGH JKMN PQRS  7X`."""
        text = _to_text(self.body)
        rows = [text[start : start + LINE] for start in range(0, len(text), LINE)]
        groups = [" ".join(row[at : at + 4] for at in range(0, len(row), 4)) for row in rows]
        checks = [self._check(number, row) for number, row in enumerate(rows, 1)]
        return [self.head(), *(f"{n:02}  {g}  {c}" for n, (g, c) in enumerate(zip(groups, checks, strict=True), 1))]

    def _check(self, number: int, row: str) -> str:
        return check_of(self.key_id, self.name, number, row)


def check_of(key: str, name: str, number: int, row: str) -> str:
    """Two characters, ten bits: one wrong letter of a line passes once in 1,024."""
    digest = hashlib.sha256(f"{key}|{name}|{number}|{row}".encode()).digest()
    return ALPHABET[digest[0] & 31] + ALPHABET[digest[1] & 31]


def split(key: str) -> tuple[Half, Half]:
    """Two new halves of a key; halves of two printings do not fit together."""
    secret = key.encode()
    first = os.urandom(len(secret))
    return Half(key_id(key), "A", first), Half(key_id(key), "B", _xor(first, secret))


def join(first: Half, second: Half) -> str:
    """The key.  Raises SheetError when the two are not the halves of one printing."""
    if first.key_id != second.key_id:
        raise SheetError(f"The halves belong to two keys, {first.key_id} and {second.key_id}.")
    if {first.name, second.name} != {"A", "B"}:
        raise SheetError(f"Both are half {first.name}. Half A and half B are needed.")
    if len(first.body) != len(second.body):
        raise SheetError("The halves differ in length.")
    try:
        key = _xor(first.body, second.body).decode()
    except UnicodeDecodeError:
        key = ""
    if not key or key_id(key) != first.key_id:
        raise SheetError(f"The halves do not give key {first.key_id}: they come from two printings.")
    return key


def read(text: str) -> Half:
    """A half as somebody typed or scanned it: case, spaces and empty lines do not matter.  Raises SheetError."""
    lines = [" ".join(line.upper().split()) for line in text.splitlines() if line.strip()]
    head = re.fullmatch(rf"{MARK} ([AB]) ([0-9A-F]{{8}}) (\d{{1,4}})", lines[0]) if lines else None
    if head is None:
        raise SheetError(f"The first line reads like `{MARK} A 1a2b3c4d 64`.")
    name, key, size = head[1], head[2].lower(), int(head[3])
    length = -(-size * 8 // 5)
    if len(lines) - 1 != -(-length // LINE):
        raise SheetError(f"{-(-length // LINE)} lines belong to this half; {len(lines) - 1} were typed.")
    rows = [_row(key, name, number, line) for number, line in enumerate(lines[1:], 1)]
    joined = "".join(rows)
    if len(joined) != length:
        raise SheetError(f"{length} characters belong to this half; {len(joined)} were typed.")
    return Half(key, name, _from_text(joined))


def _row(key: str, name: str, number: int, line: str) -> str:
    """The characters of one typed line without its number and check."""
    found = re.fullmatch(r"(\d{1,2}) (.+)", line)
    if found is None or int(found[1]) != number:
        raise SheetError(f"Line {number} begins with its number, {number:02}.")
    letters = found[2].replace(" ", "").replace("-", "").translate(LOOKALIKE)
    row, check = letters[:-2], letters[-2:]
    if not row or len(row) > LINE or set(letters) - set(ALPHABET) or check != check_of(key, name, number, row):
        raise SheetError(f"Line {number} does not fit its two check characters. Compare it with the sheet.")
    return row


def _to_text(body: bytes) -> str:
    return base64.b32encode(body).decode().rstrip("=").translate(str.maketrans(STANDARD, ALPHABET))


def _from_text(text: str) -> bytes:
    standard = text.translate(str.maketrans(ALPHABET, STANDARD))
    return base64.b32decode(standard + "=" * (-len(standard) % 8))


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Civic recovery sheets</title><style>'
    "@page{{size:A4;margin:20mm}}body{{font:12pt serif;color:#000;background:#fff}}section{{break-after:page;max-width:170mm;margin:auto}}"
    "pre{{font:14pt/1.7 monospace;border:1px solid #000;padding:6mm}}svg{{width:55mm;height:55mm}}p{{line-height:1.5}}"
    "</style></head><body>\n{sheets}</body></html>\n"
)
SHEET = (
    "<section><h1>Civic: half {name} of data key {key}</h1>"
    '<p>Printed on {day}. <span lang="zh-CN">数据密钥 {key} 的{name}份，与另一份分开保管，不要拍照，不要传网。</span></p>'
    "<p>One half alone tells nothing; with the other half it opens every personal field of this site. Give the two halves to two people, "
    "in two places, away from the backups. No photograph, no chat, no scan into a shared folder. After a change of keys print anew "
    "and keep this sheet as long as a backup from before that day is kept.</p>"
    "<pre>{lines}</pre><p>{picture}</p><p>The square holds the same lines. To check or to use them: <code>civic keys join</code>.</p></section>\n"
)


def html(halves: list[Half], day: str) -> str:
    """A page for each half, to be printed and handed to two people.  Every value is a letter, a digit or a sign of the alphabet."""
    sheets = ""
    for half in halves:
        text = "\n".join(half.lines())
        picture = segno.make(text, error="m").svg_inline(scale=3, border=2)
        sheets += SHEET.format(name=half.name, key=half.key_id, day=escape(day), lines=escape(text), picture=picture)
    return PAGE.format(sheets=sheets)
