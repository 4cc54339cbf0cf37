"""A whole site as whoever copies it would hold it: every column of every table, the database file, the data folder, the logs."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import logging
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pypinyin
import sqlalchemy as sa

from civic.core.db import db
from civic.core.logs import init_logs

HASHES = ("SHA-256 without a key", "MD5")
SHORTEST = 6  # signs of a form worth looking for: three random ones would be found in any ciphertext


def dumped() -> dict[str, str]:
    """Every table with every column as text, one line a row; on SQLite the index tables behind the search too."""
    found = {}
    with db.engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            rows = connection.execute(sa.text(f'SELECT * FROM "{name}"'))
            found[name] = "\n".join("\t".join(_text(value) for value in row) for row in rows)
    return found


def _text(value: object) -> str:
    if isinstance(value, memoryview | bytes):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def files_of(folder: Path) -> dict[str, str]:
    """Every file below a folder, names and contents; a database file tells what no table shows any more."""
    return {
        path.relative_to(folder).as_posix(): f"{path}\n" + path.read_bytes().decode("utf-8", "replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def forms_of(value: str) -> dict[str, str]:
    """A value as it stands, and in the clothes in which it could lie about: form → text.

    Hashes without a key are clothes too: whoever has the dump tries all phone numbers in minutes.
    """
    spellings = {value, unicodedata.normalize("NFKC", value), value.casefold(), value.upper(), re.sub(r"[\s·-]", "", value)}
    if value.startswith("+86"):
        national = value.removeprefix("+86")
        spellings |= {national, f"{national[:3]} {national[3:7]} {national[7:]}", f"{national[:3]}-{national[3:7]}-{national[7:]}"}
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        spellings |= {value.replace("-", ""), value.replace("-", "/"), "{}年{}月{}日".format(*map(int, value.split("-")))}
    found = {}
    for spelling in spellings:
        found[f"as {spelling}"] = spelling
        found |= _encoded(spelling)
    if re.search(r"[\u4e00-\u9fff]", value):
        found |= _spelled(value)
    return {form: text for form, text in found.items() if len(text.encode()) >= SHORTEST}


def _encoded(text: str) -> dict[str, str]:
    raw = text.encode()
    found = {
        "hexadecimal": raw.hex(),
        "URL-quoted": quote(text, safe=""),
        "form-quoted": quote_plus(text),
        "JSON": json.dumps(text)[1:-1],
        HASHES[0]: hashlib.sha256(raw).hexdigest(),
        HASHES[1]: hashlib.md5(raw, usedforsecurity=False).hexdigest(),
    }
    if len(raw) >= SHORTEST:
        for shift in range(3):  # inside a longer text the same bytes give one of three texts
            first, last = (0, 2, 3)[shift], 8 * (shift + len(raw)) // 6  # signs that the neighbours' bits have no part in
            found[f"base64 {shift}"] = base64.b64encode(b"\0" * shift + raw).decode()[first:last]
            found[f"base64url {shift}"] = found[f"base64 {shift}"].translate(str.maketrans("+/", "-_"))
    return {f"{form} of {text}": told for form, told in found.items() if told != text}


def _spelled(text: str) -> dict[str, str]:
    """Pinyin, as a search index would write it; initials alone are too short to be told from chance."""
    words = pypinyin.lazy_pinyin(text)
    return {"pinyin": "".join(words), "pinyin with spaces": " ".join(words)} if len(words) > 1 else {}


def finds(values: dict[str, str], places: dict[str, str], *, drawn: bool = False) -> list[str]:
    """What of the values lies open where: one sentence a find.  drawn: 128 random bits, which may be kept as a hash without a key."""
    found = []
    for name, value in values.items():
        for form, text in forms_of(value).items():
            if drawn and form.startswith(HASHES):
                continue
            small = text if form.startswith("base64") else text.casefold()
            found += [
                f"{name} lies open in {place}, {form}"
                for place, content in places.items()
                if small in (content if form.startswith("base64") else content.casefold())
            ]
    return sorted(set(found))


@contextlib.contextmanager
def logged() -> Iterator[dict[str, str]]:
    """Everything that the site logs inside the block, as text and as JSON, from the finest level on."""
    root, before, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    streams, handlers, told = {}, [], {}
    stderr = sys.stderr
    for form in ("text", "json"):
        sys.stderr = streams[form] = io.StringIO()
        init_logs(form)
        handlers += root.handlers
    sys.stderr = stderr
    root.handlers = [*before, *handlers]
    root.setLevel(logging.DEBUG)
    try:
        yield told
    finally:
        root.handlers = before
        root.setLevel(level)
        told |= {f"log as {form}": stream.getvalue() for form, stream in streams.items()}
