"""What a file is, by its first bytes and never by its name: a program renamed to `.csv` is still a program."""

from __future__ import annotations

import enum
import io
import re
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
    mp3 = "mp3"
    m4a = "m4a"
    ogg = "ogg"
    wav = "wav"
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
    FileKind.mp3: _l("an MP3 sound"),
    FileKind.m4a: _l("an M4A sound"),
    FileKind.ogg: _l("an Ogg sound"),
    FileKind.wav: _l("a WAV sound"),
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
    FileKind.mp3: "audio/mpeg",
    FileKind.m4a: "audio/mp4",
    FileKind.ogg: "audio/ogg",
    FileKind.wav: "audio/wav",
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
    sound = _sound_kind(data)
    if sound is not None:
        return sound
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(data)
    head = data[:LOOKED_AT]
    if data.startswith(UTF16):
        return FileKind.text
    if b"\0" not in head:
        return FileKind.text
    return FileKind.program if data.startswith(b"MZ") else FileKind.unknown


def _sound_kind(data: bytes) -> FileKind | None:
    """A recorded voice; a film in the same container is none.  None for everything else."""
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        return FileKind.wav
    if data.startswith(b"OggS"):
        return FileKind.ogg if b"OpusHead" in data[:256] or b"\x01vorbis" in data[:256] else FileKind.unknown
    if data[4:8] == b"ftyp":
        has_film, has_sound = (re.search(rb"hdlr.{8}" + handler, data, re.DOTALL) for handler in (b"vide", b"soun"))
        return FileKind.m4a if has_sound and not has_film else FileKind.unknown
    if data.startswith(b"ID3") and len(data) > 10:
        return FileKind.mp3
    return FileKind.mp3 if _is_mpeg_frame(data) else None


def _is_mpeg_frame(data: bytes) -> bool:
    """The head of an MPEG audio frame of layer III: eleven bits set, a version, a bit rate and a sampling rate that exist."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return False
    version, layer = data[1] >> 3 & 3, data[1] >> 1 & 3
    return version != 1 and layer == 1 and data[2] >> 4 not in {0, 15} and data[2] >> 2 & 3 != 3


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
