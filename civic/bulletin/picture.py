"""The poster as a picture, to keep one's finger on and pass on: drawn here, 1080 pixels wide, with a QR that a phone reads.

Drawn outside `atomic()`, one at a time in a process; what was drawn is remembered, since a group opens the same one many times.
"""

from __future__ import annotations

import functools
import hashlib
import io
import re
from dataclasses import dataclass, replace

import segno
from PIL import Image, ImageDraw, ImageFont

from civic.core import fonts
from civic.core.atomic import in_transaction
from civic.core.fonts import Face, Family
from civic.core.richtext import POINT

WIDTH, LOWEST, HIGHEST = 1080, 1280, 1920  # pixels
MARGIN = 76
ADDRESS_HEIGHT = 122  # three lines at the foot: what the code is for, and its address in words
QR_SIDE = 336  # at most
MOST_TEXT = 1_200  # characters of the body that are looked at; more never fits
COLOURS = 32  # of the palette: text and a code need no more, and the file stays small
REMEMBERED = 48  # pictures, about 60 KB each
INK, MUTED, STAMP, RULE, SHEET, BAD, ON_BAD = "#1c221f", "#545a52", "#b8321d", "#d8d2c3", "#fffefb", "#84182e", "#ffffff"

OPENING, CLOSING = "（《〈「『“【〔(", "，。、；：？！）》〉」』”】〕…—·,.;:?!)％%"
#: a word of letters and digits, or one Chinese letter, with the signs that may neither end nor begin a line
TOKEN = re.compile(rf"\n|[^\S\n]+|[{re.escape(OPENING)}]*(?:[0-9A-Za-zÀ-῿’'/&@#_+-]+|[^\s])[{re.escape(CLOSING)}]*")


@dataclass(frozen=True)
class Sheet:
    """What stands on the picture, in one language.  facts: a line each; address: what the code leads to."""

    kind: str
    title: str
    body: str
    facts: tuple[str, ...]
    signed: str
    address: str
    read_on: str
    hold: str
    urgent: str = ""  # the word in the red band of an urgent one

    @property
    def etag(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:22]

    def texts(self) -> str:
        """Every letter that has to be drawn."""
        return "".join((self.kind, self.title, self.body[:MOST_TEXT], *self.facts, self.signed, self.read_on, self.hold, self.urgent))


def can_draw(sheet: Sheet, family: Family | None) -> bool:
    """Is there a font, and does it have every letter?"""
    return family is not None and family.drawable(sheet.texts()) is not None


def png(sheet: Sheet, family: Family) -> bytes:
    """The picture.  ValueError inside `atomic()`: drawing takes a tenth of a second, and a write lock would wait for it."""
    if in_transaction():
        raise ValueError("pictures are drawn before atomic()")
    return _png(sheet, family)


@functools.lru_cache(maxsize=REMEMBERED)
def _png(sheet: Sheet, family: Family) -> bytes:
    with fonts.drawing:
        drawn = _Drawing(family).draw(sheet)
    target = io.BytesIO()
    drawn.quantize(COLOURS, dither=Image.Dither.NONE).save(target, "PNG", optimize=True)
    return target.getvalue()


def code_box(height: int, side: int) -> tuple[int, int, int, int]:
    """Where the code stands on a picture of this height: left, top, right, bottom."""
    bottom = height - MARGIN // 2 - ADDRESS_HEIGHT
    return WIDTH - MARGIN - side, bottom - side, WIDTH - MARGIN, bottom


def code_of(address: str) -> Image.Image:
    """The QR with its quiet zone, black on white, each square a whole number of pixels."""
    code, target = segno.make(address, error="m", micro=False), io.BytesIO()
    code.save(target, kind="png", scale=QR_SIDE // code.symbol_size(border=4)[0], border=4)
    target.seek(0)
    return Image.open(target).convert("RGB")


@dataclass(frozen=True)
class Block:
    """Lines of one size.  height: pixels from line to line; cut: something was left out."""

    face: Face
    size: int
    lines: tuple[str, ...]
    height: int
    wide: int
    cut: bool = False

    @property
    def tall(self) -> int:
        """All lines; an empty one, between paragraphs, takes half."""
        return sum(self.height if line else self.height // 2 for line in self.lines)


class _Drawing:
    """One picture in the making."""

    def __init__(self, family: Family) -> None:
        self.family, self.wide = family, WIDTH - 2 * MARGIN

    def draw(self, sheet: Sheet) -> Image.Image:
        code = code_of(sheet.address)
        head = 132 if sheet.urgent else 84
        title = self._title(self._said(sheet.title))
        foot = self._foot(sheet, self.wide - code.width - 40)
        low = max(code.height, sum(block.tall + 12 for block in foot)) + 48 + ADDRESS_HEIGHT + MARGIN // 2
        top = head + 70 + title.tall + 34
        body = self._body(self._said(sheet.body), HIGHEST - top - low - 90)
        used = top + body.tall + (70 if body.cut else 0) + 40 + low
        height = min(HIGHEST, max(LOWEST, used))
        picture = Image.new("RGB", (WIDTH, height), SHEET)
        pen = ImageDraw.Draw(picture)
        self._head(pen, sheet)
        y = self._lines(pen, title, MARGIN, head + 70, INK) + 34
        y = self._lines(pen, body, MARGIN, y, INK)
        if body.cut:
            self._line(pen, (MARGIN, y + 14), self._said(sheet.read_on), self.family.bold.at(36), STAMP)
        self._low(pen, picture, sheet, foot, code, height - low)
        return picture

    def _said(self, text: str) -> str:
        return self.family.drawable(text) or ""

    def _head(self, pen: ImageDraw.ImageDraw, sheet: Sheet) -> None:
        """A dark beam and the kind; for an urgent one a red band with the word."""
        if sheet.urgent:
            pen.rectangle((0, 0, WIDTH, 112), fill=BAD)
            self._line(pen, (MARGIN, 30), self._said(sheet.urgent), self.family.bold.at(52), ON_BAD)
            said, font = self._said(sheet.kind), self.family.plain.at(40)
            self._line(pen, (WIDTH - MARGIN - round(font.getlength(said)), 38), said, font, ON_BAD)
            return
        pen.rectangle((0, 0, WIDTH, 20), fill=INK)
        self._line(pen, (MARGIN, 68), self._said(sheet.kind), self.family.bold.at(42), STAMP)

    def _title(self, text: str) -> Block:
        """As large as three lines allow, at most four lines in the smallest size."""
        for size in (92, 80, 70):
            block = self._block(self.family.bold, size, text, 1.3, self.wide)
            if len(block.lines) <= 3:
                return self._balanced(block, text)
        return self._cut(self._block(self.family.bold, 62, text, 1.3, self.wide), 4)

    def _balanced(self, block: Block, text: str) -> Block:
        """As many lines, about equally long: no last line of one letter."""
        for wide in range(self.wide - 24, self.wide // 2, -24):
            narrower = self._block(block.face, block.size, text, 1.3, wide)
            if len(narrower.lines) > len(block.lines) or any(block.face.at(block.size).getlength(line) > wide for line in narrower.lines):
                break
            block = narrower
        return replace(block, wide=self.wide)

    def _body(self, text: str, room: int) -> Block:
        """As large as the room allows; in the smallest size what does not fit is left out."""
        block = Block(self.family.plain, 42, (), 67, self.wide)
        for size in (56, 50, 46, 42):
            block = self._block(self.family.plain, size, text[:MOST_TEXT], 1.6, self.wide)
            if block.tall <= room and len(text) <= MOST_TEXT:
                return block
        tall = fit = 0
        for line in block.lines:
            tall += block.height if line else block.height // 2
            fit += tall <= room
        return self._cut(block, fit)

    def _foot(self, sheet: Sheet, wide: int) -> list[Block]:
        """Facts, and who signs."""
        said = [self._cut(self._block(self.family.plain, 38, self._said(fact), 1.4, wide), 3) for fact in sheet.facts]
        return [*said, self._cut(self._block(self.family.bold, 42, self._said(sheet.signed), 1.4, wide), 2)]

    def _low(self, pen: ImageDraw.ImageDraw, picture: Image.Image, sheet: Sheet, foot: list[Block], code: Image.Image, top: int) -> None:
        pen.rectangle((MARGIN, top, WIDTH - MARGIN, top + 4), fill=INK)
        y = top + 30
        for block in foot:
            y = self._lines(pen, block, MARGIN, y, INK) + 12
        picture.paste(code, code_box(picture.height, code.width)[:2])
        y = picture.height - MARGIN // 2 - ADDRESS_HEIGHT + 8
        address = self._cut(self._block(self.family.plain, 26, f"{self._said(sheet.hold)}\n{sheet.address}", 1.4, self.wide), 3)
        self._lines(pen, address, MARGIN, y, MUTED)

    # ---- words into lines -----------------------------------------------------------------------------------------------
    def _block(self, face: Face, size: int, text: str, spread: float, wide: int) -> Block:
        font = face.at(size)
        lines: list[str] = []
        for part in text.strip().split("\n"):
            lines += wrapped(part.rstrip(), font, wide)
        return Block(face, size, tuple(lines), round(size * spread), wide)

    def _cut(self, block: Block, most: int) -> Block:
        """The first lines alone, the last of them with an ellipsis where something is left out."""
        if len(block.lines) <= most:
            return block
        kept = list(block.lines[: max(most, 0)])
        while kept and not kept[-1]:
            kept.pop()
        if kept:
            font, line = block.face.at(block.size), kept[-1].rstrip(CLOSING + " ")
            dots = "..." if line[-1:].isascii() else "…"  # the Chinese sign stands in the middle of the line
            while line and font.getlength(line + dots) > block.wide:
                line = line.rpartition(" ")[0] if dots == "..." and " " in line else line[:-1]
            kept[-1] = line.rstrip(CLOSING + " ") + dots
        return replace(block, lines=tuple(kept), cut=True)

    def _lines(self, pen: ImageDraw.ImageDraw, block: Block, x: int, y: int, colour: str) -> int:
        for line in block.lines:
            self._line(pen, (x, y), line, block.face.at(block.size), colour)
            y += block.height if line else block.height // 2
        return y

    @staticmethod
    def _line(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, font: ImageFont.FreeTypeFont, colour: str) -> None:
        pen.text((at[0], at[1] + font.size * 0.88), text, font=font, fill=colour, anchor="ls")


def written_lines(text: str) -> str:
    """A text as people type it, its points with a dot, its paragraphs parted by one empty line."""
    lines = [POINT.sub(r"• \g<words>", line).strip() for line in text.replace("\r\n", "\n").strip().split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def wrapped(text: str, font: ImageFont.FreeTypeFont, wide: int) -> list[str]:
    """Lines of at most `wide` pixels: words stay whole where they fit, no line begins with a closing sign or ends with an opening one."""
    lines, line = [], ""
    for token in TOKEN.findall(text):
        if font.getlength((line + token).rstrip()) <= wide:
            line += token if line else token.lstrip()
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = token.lstrip()
        while font.getlength(line) > wide:  # an address, or a word longer than the line
            fits = next(count for count in range(len(line) - 1, 0, -1) if count == 1 or font.getlength(line[:count]) <= wide)
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line.rstrip()]
