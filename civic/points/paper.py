"""A sheet of paper as PDF: A4, words that can be searched and copied, with the font that pictures are drawn with (civic/bulletin/fonts.py).

Each letter that occurs is drawn once, as a small black-and-white picture (a Type 3 font, 690 dots an inch at 10 points), and carries the
letter it stands for.  So rare letters of names (㙓, 𠮷) are there as soon as the machine's font has them, nothing is shipped or
installed, and 2,000 lines stay below a megabyte.  A letter that the font lacks becomes 〓, the printer's sign for a missing one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from civic.bulletin import fonts
from civic.bulletin.fonts import Face, Family
from civic.core.atomic import in_transaction

WIDTH, HEIGHT = 595, 842  # points: A4
MARGIN = 48
EM = 96  # pixels that a letter is drawn with
A_FONT = 255  # letters of one font: a code is one byte
MISSING = "〓"
GREY, BLACK = 0.33, 0.0


@dataclass
class _Letters:
    """The letters of one face that occurred, 255 a font, in the order in which they came."""

    face: Face
    name: str
    codes: dict[str, int] = field(default_factory=dict)
    widths: dict[str, float] = field(default_factory=dict)

    def code(self, letter: str) -> tuple[int, int]:
        """Number of its font and its code there, from 1."""
        number = self.codes.setdefault(letter, len(self.codes))
        return number // A_FONT, number % A_FONT + 1

    def width(self, letter: str) -> float:
        """In parts of the size."""
        if letter not in self.widths:
            self.widths[letter] = self.face.at(EM).getlength(letter) / EM
        return self.widths[letter]

    def fonts(self) -> list[list[str]]:
        every = list(self.codes)
        return [every[at : at + A_FONT] for at in range(0, len(every), A_FONT)]


class Paper:
    """Pages on which lines of words are put; (0, 0) is the upper left corner, in points.  Made outside `atomic()`: drawing takes time."""

    def __init__(self, family: Family, title: str, lang: str) -> None:
        if in_transaction():
            raise ValueError("paper is made before atomic()")
        self.title, self.lang = title, lang
        self.pages: list[list[str]] = []
        self._plain, self._bold = _Letters(family.plain, "P"), _Letters(family.bold, "B")

    def new_page(self) -> None:
        self.pages.append([])

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        letters = self._bold if bold else self._plain
        return sum(letters.width(letter) for letter in self._shown(letters, text)) * size

    def put(self, text: str, x: float, y: float, size: float, *, bold: bool = False, right: bool = False, grey: float = BLACK) -> None:
        """A line of words whose foot stands at y; right: x is where it ends."""
        letters = self._bold if bold else self._plain
        x -= self.width(text, size, bold=bold) if right else 0
        parts: list[tuple[int, list[int]]] = []
        for letter in self._shown(letters, text):
            font, code = letters.code(letter)
            if not parts or parts[-1][0] != font:
                parts.append((font, []))
            parts[-1][1].append(code)
        shown = " ".join(f"/{letters.name}{font} {size:g} Tf <{bytes(codes).hex()}> Tj" for font, codes in parts)
        self.pages[-1].append(f"BT {grey:g} g {x:.2f} {HEIGHT - y:.2f} Td {shown} ET")

    def rule(self, y: float, *, thick: float = 0.5, grey: float = 0.75) -> None:
        """A line from margin to margin."""
        self.pages[-1].append(f"{grey:g} G {thick:g} w {MARGIN} {HEIGHT - y:.2f} m {WIDTH - MARGIN} {HEIGHT - y:.2f} l S")

    def wrapped(self, text: str, wide: float, size: float, *, bold: bool = False) -> list[str]:
        """Lines of at most `wide` points: Latin words whole, Chinese anywhere but before a closing sign."""
        lines, line, letters = [], "", self._bold if bold else self._plain
        for token in _tokens(self._shown(letters, text)):
            if line and self.width(line + token.rstrip(), size, bold=bold) > wide:
                lines.append(line.rstrip())
                line = ""
            line += token if line else token.lstrip()
        return [*lines, line.rstrip()] if line.strip() or not lines else lines

    def _shown(self, letters: _Letters, text: str) -> str:
        with fonts.drawing:
            return "".join(letter if letter == " " or letters.face.draws(letter) else MISSING for letter in text)

    # ---- the file -----------------------------------------------------------------------------------------------------------
    def pdf(self) -> bytes:
        """The file, version 1.4: catalogue, pages, fonts."""
        objects: list[bytes] = [b"", b""]  # catalogue and tree of pages, filled in when their parts have numbers
        names = {}
        for letters in (self._plain, self._bold):
            for number, each in enumerate(letters.fonts()):
                names[f"{letters.name}{number}"] = _add_font(objects, letters, each)
        resources = f"<< /Font << {' '.join(f'/{name} {number} 0 R' for name, number in names.items())} >> >>"
        kids = []
        for page in self.pages:
            objects.append(_stream("\n".join(page).encode("ascii")))
            box = f"/MediaBox [0 0 {WIDTH} {HEIGHT}] /Resources {resources} /Contents {len(objects)} 0 R"
            objects.append(f"<< /Type /Page /Parent 2 0 R {box} >>".encode())
            kids.append(len(objects))
        title = f"<feff{self.title.encode('utf-16-be').hex()}>"
        objects[0] = f"<< /Type /Catalog /Pages 2 0 R /Lang ({self.lang}) /ViewerPreferences << /DisplayDocTitle true >> >>".encode()
        objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] >>".encode()
        objects.append(f"<< /Title {title} /Producer (Civic) >>".encode())
        return _file(objects)


def _tokens(text: str) -> Iterable[str]:
    """Parts between which a line may end."""
    token = ""
    for letter in text:
        is_latin = letter.isascii() and not letter.isspace()
        goes_on = bool(token) and (
            (is_latin and token[-1].isascii() and not token[-1].isspace()) or letter.isspace() or letter in "，。、；：？！）》”）%"
        )
        if not goes_on and token:
            yield token
            token = ""
        token += letter
    if token:
        yield token


def _add_font(objects: list[bytes], letters: _Letters, every: list[str]) -> int:
    """A Type 3 font of these letters; returns the number of its object."""
    procs = []
    for letter in every:
        objects.append(_stream(_drawn(letters, letter)))
        procs.append(len(objects))
    objects.append(_stream(_to_unicode(every)))
    to_unicode, named = len(objects), [f"/l{code}" for code in range(1, len(every) + 1)]
    widths = " ".join(f"{letters.width(letter) * EM:.2f}" for letter in every)
    drawn = " ".join(f"{name} {number} 0 R" for name, number in zip(named, procs, strict=True))
    objects.append(
        f"<< /Type /Font /Subtype /Type3 /FontBBox [0 {-EM} {2 * EM} {2 * EM}] /FontMatrix [{1 / EM:.8f} 0 0 {1 / EM:.8f} 0 0] "
        f"/CharProcs << {drawn} >> /Encoding << /Type /Encoding /Differences [1 {' '.join(named)}] >> "
        f"/FirstChar 1 /LastChar {len(every)} /Widths [{widths}] /Resources << >> /ToUnicode {to_unicode} 0 R >>".encode()
    )
    return len(objects)


def _drawn(letters: _Letters, letter: str) -> bytes:
    """A letter as a stencil, where ink falls; its foot stands at 0."""
    wide = letters.width(letter) * EM
    picture = Image.new("1", (3 * EM, 3 * EM))
    with fonts.drawing:
        ImageDraw.Draw(picture).text((EM, 2 * EM), letter, font=letters.face.at(EM), fill=1, anchor="ls")
    box = picture.getbbox()
    if box is None:
        return f"{wide:.2f} 0 0 0 0 0 d1".encode()
    left, top, right, bottom = box[0] - EM, 2 * EM - box[1], box[2] - EM, 2 * EM - box[3]
    size = f"{right - left} 0 0 {top - bottom} {left} {bottom} cm"
    head = f"{wide:.2f} 0 {left} {bottom} {right} {top} d1 q {size} BI /W {right - left} /H {top - bottom} /IM true /D [1 0] ID "
    return head.encode() + picture.crop(box).tobytes() + b"\nEI Q"


def _to_unicode(every: list[str]) -> bytes:
    """Which letter a code stands for, for those who search and copy."""
    rows = [f"<{code:02x}> <{letter.encode('utf-16-be').hex()}>" for code, letter in enumerate(every, 1)]
    blocks = "\n".join(
        f"{len(part)} beginbfchar\n" + "\n".join(part) + "\nendbfchar" for part in (rows[at : at + 100] for at in range(0, len(rows), 100))
    )
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapType 2 def\n/CMapName /civic def\n"
        f"1 begincodespacerange\n<00> <ff>\nendcodespacerange\n{blocks}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
    ).encode()


def _stream(data: bytes) -> bytes:
    packed = zlib.compress(data, 6)
    return f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\nendstream"


def _file(objects: list[bytes]) -> bytes:
    """Objects one after another with the table of where each begins; the last one is the document's information."""
    out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, each in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + each + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)
