"""A sheet of paper as PDF: A4, words that can be searched and copied, in the font that pictures are drawn with (civic/core/fonts.py).

fpdf2 writes the file and puts in the outlines of those letters alone that occur, rare ones of names (㙓, 𠮷) as soon as the machine's font has
them.  A letter that the font lacks becomes 〓, the printer's sign for a missing one.  A statement costs 0.6 s of one core at best (2 to 4 s on a busy machine), most of
it for reading and subsetting both faces of Noto Sans CJK, and 170 MB while it is made; 200 lines come to about 110 kB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from civic.core import clock
from civic.core.atomic import in_transaction
from civic.core.fonts import Family

WIDTH, HEIGHT = 595, 842  # points: A4
MARGIN = 48
MISSING = "〓"
GREY, BLACK = 0.33, 0.0
CLOSING = "，。、；：？！）》”）%"  # may not begin a line
FACE, EM = "civic", 100


class Paper:
    """Pages on which lines of words are put; (0, 0) is the upper left corner, in points.  Made outside `atomic()`: drawing takes time.

    What is put on a page is drawn by `pdf()`, so that feet can be put on earlier pages when it is known how many there are.
    """

    def __init__(self, family: Family, title: str, lang: str) -> None:
        if in_transaction():
            raise ValueError("paper is made before atomic()")
        from fpdf import FPDF, ViewerPreferences  # noqa: PLC0415 - 19 MB with fontTools, and most workers and commands make no sheet

        self._file = FPDF(unit="pt", format=(WIDTH, HEIGHT))
        self._file.set_auto_page_break(auto=False)
        self._file.set_title(title)
        self._file.set_lang(lang)
        self._file.set_producer("Civic")
        self._file.set_creation_date(clock.now())
        self._file.viewer_preferences = ViewerPreferences(display_doc_title=True)
        for style, face in (("", family.plain), ("B", family.bold)):
            self._file.add_font(FACE, style, face.path, collection_font_number=face.index)
        self.pages: list[list[Callable[[], None]]] = []
        self._parts: dict[tuple[str, bool], float] = {}

    def new_page(self) -> None:
        self.pages.append([])

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """In points."""
        return sum(self._part(letter, bold) for letter in text) * size

    def _part(self, letter: str, bold: bool) -> float:
        """How wide a letter is, in parts of the size; there is no kerning.  Asked once each: lines are measured word by word."""
        if (letter, bold) not in self._parts:
            self._file.set_font(FACE, "B" if bold else "", EM)
            self._parts[letter, bold] = self._file.get_string_width(self._shown(letter)) / EM
        return self._parts[letter, bold]

    def put(self, text: str, x: float, y: float, size: float, *, bold: bool = False, right: bool = False, grey: float = BLACK) -> None:
        """A line of words whose foot stands at y; right: x is where it ends.  On the newest page."""

        def draw() -> None:
            wide = self.width(text, size, bold=bold)
            self._file.set_font(FACE, "B" if bold else "", size)
            self._file.set_text_color(round(grey * 255))
            self._file.text(x - wide if right else x, y, self._shown(text))

        self.pages[-1].append(draw)

    def rule(self, y: float, *, thick: float = 0.5, grey: float = 0.75) -> None:
        """A line from margin to margin."""

        def draw() -> None:
            self._file.set_draw_color(round(grey * 255))
            self._file.set_line_width(thick)
            self._file.line(MARGIN, y, WIDTH - MARGIN, y)

        self.pages[-1].append(draw)

    def wrapped(self, text: str, wide: float, size: float, *, bold: bool = False) -> list[str]:
        """Lines of at most `wide` points: Latin words whole, Chinese anywhere but before a closing sign (fpdf2 breaks at blanks alone)."""
        lines, line = [], ""
        for token in _tokens(text):
            if line and self.width(line + token.rstrip(), size, bold=bold) > wide:
                lines.append(line.rstrip())
                line = ""
            line += token if line else token.lstrip()
        return [*lines, line.rstrip()] if line.strip() or not lines else lines

    def _shown(self, text: str) -> str:
        """What the font lacks as a sign; both faces are of one family and have the same letters."""
        known = self._file.current_font.cmap  # type: ignore[union-attr]
        return "".join(letter if ord(letter) in known else MISSING for letter in text)

    def pdf(self) -> bytes:
        """The file.  Called once."""
        try:
            for page in self.pages:
                self._file.add_page()
                for draw in page:
                    draw()
            return bytes(self._file.output())
        finally:
            for font in self._file.fonts.values():  # fontTools reads tables when they are needed and keeps the file open
                font.ttfont.close()  # type: ignore[union-attr]


def _tokens(text: str) -> Iterable[str]:
    """Parts between which a line may end."""
    token = ""
    for letter in text:
        is_latin = letter.isascii() and not letter.isspace()
        goes_on = bool(token) and ((is_latin and token[-1].isascii() and not token[-1].isspace()) or letter.isspace() or letter in CLOSING)
        if not goes_on and token:
            yield token
            token = ""
        token += letter
    if token:
        yield token
