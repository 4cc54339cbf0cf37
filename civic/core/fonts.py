"""A font with Chinese letters for pictures and papers that are made here: the one of CIVIC_PDF_FONT, else what the machine has.

Nothing is downloaded and none is shipped.  Where there is no such font, they are not offered: little boxes help nobody.
"""

from __future__ import annotations

import functools
import threading
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from PIL import ImageFont

#: where systems keep Noto Sans CJK, which has rare letters of names too (㙓, 𠮷): Debian, Fedora, Arch
PLACES = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
)
NEEDED = "公示社区年月日"  # a font without these has no Chinese
NO_LETTER = "\U0010fffe"  # is in no font, so it shows what the font draws for what it lacks
LETTERS = ("L", "N", "M")  # Unicode categories that may not be left out of a text
FACES = 10  # faces of a collection that are looked at
BASIC = ImageFont.Layout.BASIC
drawing = threading.RLock()  # one FreeType face is not for two threads at once


@dataclass(frozen=True)
class Face:
    """One face of a font file.  index: its place in a collection."""

    path: str
    index: int = 0

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """size: pixels."""
        return _at(self.path, self.index, size)

    def draws(self, letter: str) -> bool:
        """Has it a form of its own for this letter?"""
        return _draws(self.path, self.index, letter)


@dataclass(frozen=True)
class Family:
    """The face for running text and the one for titles; the same where the bold one is not installed."""

    plain: Face
    bold: Face

    def drawable(self, text: str) -> str | None:
        """The text without pictographs and the like that the font lacks; None where a letter or digit would be lost."""
        kept = []
        with drawing:
            for letter in text:
                if letter.isspace() or (self.plain.draws(letter) and self.bold.draws(letter)):
                    kept.append(letter)
                elif unicodedata.category(letter)[0] in LETTERS and not unicodedata.name(letter, "").startswith("VARIATION SELECTOR"):
                    return None
        return "".join(kept)


@functools.lru_cache(maxsize=64)
def _at(path: str, index: int, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, index=index, layout_engine=BASIC)


@functools.lru_cache(maxsize=20_000)
def _draws(path: str, index: int, letter: str) -> bool:
    font = _at(path, index, 32)
    return _form(font, letter) != _form(font, NO_LETTER)


def _form(font: ImageFont.FreeTypeFont, letter: str) -> tuple[object, ...]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask), font.getlength(letter)


@functools.lru_cache(maxsize=8)
def family(setting: str = "") -> Family | None:
    """The fonts to draw with.  setting: CIVIC_PDF_FONT; a file that is no font with Chinese letters counts as none, and nothing else is taken."""
    for place in [setting] if setting else PLACES:
        plain = _chinese(place)
        if plain is not None:
            bold = _chinese(place.replace("-Regular", "-Bold")) if "-Regular" in place else None
            return Family(plain, bold or plain)
    return None


def _chinese(path: str) -> Face | None:
    """The simplified Chinese face of a file, else its first one with Chinese letters."""
    faces = [face for face in _faces(path) if all(face.draws(letter) for letter in NEEDED)]
    named = [face for face in faces if " SC" in (face.at(32).getname()[0] or "")]
    return next(iter([*named, *faces]), None)


def _faces(path: str) -> list[Face]:
    found: list[Face] = []
    while path and Path(path).is_file() and len(found) < FACES:
        try:
            _at(path, len(found), 32)
        except OSError:  # no font, or the collection has no further face
            break
        found.append(Face(path, len(found)))
    return found
