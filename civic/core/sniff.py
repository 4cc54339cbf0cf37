"""What a file is, by its first bytes and never by its name: a program renamed to `.csv` is still a program."""

from __future__ import annotations

import enum
import io
import zipfile
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

LOOKED_AT = 8192  # bytes in which a text has no NUL
UTF16 = (b"\xff\xfe", b"\xfe\xff")


class FileKind(enum.StrEnum):
    """Kinds of files that the site can name."""

    empty = "empty"
    text = "text"
    xlsx = "xlsx"
    jpeg = "jpeg"
    png = "png"
    webp = "webp"
    pdf = "pdf"
    gif = "gif"
    program = "program"
    old_office = "old-office"
    new_office = "new-office"
    archive = "archive"
    unknown = "unknown"


NAMES: dict[FileKind, Any] = {
    FileKind.empty: _l("an empty file"),
    FileKind.text: lazy_pgettext("file", "a text"),
    FileKind.xlsx: _l("a workbook (.xlsx)"),
    FileKind.jpeg: _l("a JPEG picture"),
    FileKind.png: _l("a PNG picture"),
    FileKind.webp: _l("a WebP picture"),
    FileKind.pdf: _l("a PDF document"),
    FileKind.gif: _l("a GIF picture"),
    FileKind.program: lazy_pgettext("file", "a program"),
    FileKind.old_office: _l("an old (.xls, .doc) or password-protected Office file"),
    FileKind.new_office: _l("an Office or OpenDocument file that is not a workbook (.xlsx)"),
    FileKind.archive: _l("a packed archive"),
    FileKind.unknown: _l("a file of an unknown kind"),
}
MIMES: dict[FileKind, str] = {
    FileKind.text: "text/csv",
    FileKind.xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.jpeg: "image/jpeg",
    FileKind.png: "image/png",
    FileKind.webp: "image/webp",
    FileKind.pdf: "application/pdf",
}
SIGNATURES: tuple[tuple[bytes, FileKind], ...] = (
    (b"\xff\xd8\xff", FileKind.jpeg),
    (b"\x89PNG\r\n\x1a\n", FileKind.png),
    (b"%PDF-", FileKind.pdf),
    (b"GIF87a", FileKind.gif),
    (b"GIF89a", FileKind.gif),
    (b"\x7fELF", FileKind.program),
    (b"\xcf\xfa\xed\xfe", FileKind.program),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind.old_office),
    (b"Rar!\x1a\x07", FileKind.archive),
    (b"7z\xbc\xaf\x27\x1c", FileKind.archive),
    (b"\x1f\x8b\x08", FileKind.archive),
    (b"BZh", FileKind.archive),
    (b"\xfd7zXZ\x00", FileKind.archive),
)


def kind_of(data: bytes) -> FileKind:
    """Name the kind of a whole file."""
    if not data:
        return FileKind.empty
    for signature, kind in SIGNATURES:
        if data.startswith(signature):
            return kind
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return FileKind.webp
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(data)
    head = data[:LOOKED_AT]
    if data.startswith(UTF16):
        return FileKind.text
    if b"\0" not in head:
        return FileKind.text
    return FileKind.program if data.startswith(b"MZ") else FileKind.unknown


def _zip_kind(data: bytes) -> FileKind:
    """Office files are archives that say inside what they are."""
    try:
        names = set(zipfile.ZipFile(io.BytesIO(data)).namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return FileKind.archive
    if "xl/workbook.xml" in names:
        return FileKind.xlsx
    if "[Content_Types].xml" in names or "mimetype" in names:
        return FileKind.new_office
    return FileKind.archive
