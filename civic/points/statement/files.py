"""The statement to take away: a CSV that spreadsheets open as it is, and a PDF to print or hand in."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import pgettext

from civic.core import clock
from civic.core.fonts import Family
from civic.core.i18n import format_day, format_moment, lang, plain
from civic.points import amounts, statement
from civic.points.queries import WalletView
from civic.points.statement import shown
from civic.points.statement.paper import GREY, HEIGHT, MARGIN, WIDTH, Paper
from civic.points.statement.shown import Shown

BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for GB18030
MOST_ROWS, MOST_PRINTED = 20_000, 2_000  # the newest lines; who has more chooses a month
_making = threading.Lock()
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Head:
    """Whose statement it is and of which time."""

    owner: str
    wallet: WalletView
    month: date | None = None

    @property
    def period(self) -> str:
        return month_words(self.month) if self.month else _("From the beginning until today")


def month_words(month: date) -> str:
    """2026年11月, November 2026."""
    names = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
    return f"{month.year}年{month.month}月" if lang() == "zh" else f"{names[month.month - 1]} {month.year}"


def text_cell(value: Any) -> str:
    """Text that begins no formula, whatever somebody typed into a title."""
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def as_csv(rows: Iterable[Shown]) -> str:
    """Numbers are numbers, so that a column can be summed; everything else is text."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(
        [
            pgettext("statement", "Day"), pgettext("statement", "Time"), pgettext("statement", "What"), _("How it is computed"),
            pgettext("statement", "Points"), _("Free after it"), pgettext("statement", "Line"),
        ]
    )  # fmt: skip
    for row in rows:
        local = clock.local(row.at)
        amount = row.amount.replace("−", "-").removeprefix("+")
        writer.writerow(
            [f"{local:%Y-%m-%d}", f"{local:%H:%M}", text_cell(row.title), text_cell(" ".join(row.notes)), amount, row.after, row.anchor]
        )
    return BOM + target.getvalue()


def rows_of(head: Head, most: int) -> list[Shown]:
    """All lines of the period in words, the newest first."""
    return shown.shown(list(statement.every(head.wallet, statement.Asked(month=head.month), most)))


def as_pdf(head: Head, rows: Sequence[Shown], family: Family) -> bytes:
    """One after another: while a file is made both faces of the font lie in memory, about 170 MB."""
    with _making:
        return Printed(head, rows, family).pdf()


# ---- paper ----------------------------------------------------------------------------------------------------------------
DATE, WHAT, POINTS, AFTER = MARGIN, MARGIN + 96, WIDTH - MARGIN - 70, WIDTH - MARGIN  # where columns begin; numbers end there
WIDE = POINTS - WHAT - 66
BODY, SMALL, LEADING = 9.5, 8, 13
FOOT = HEIGHT - 54


class Printed:
    """The statement on A4 sheets."""

    def __init__(self, head: Head, rows: Sequence[Shown], family: Family) -> None:
        self.head, self.rows = head, rows
        self.paper = Paper(family, f"{self.title} {head.owner}", "zh-CN" if lang() == "zh" else "en")
        self.y = 0.0

    @property
    def title(self) -> str:
        return _("Statement of points")

    def pdf(self) -> bytes:
        self._first_page()
        for row in self.rows:
            self._row(row)
        if not self.rows:
            self._say(_("No points moved in this time."), BODY)
        if len(self.rows) == MOST_PRINTED:
            self._say(_("The newest %(count)s lines stand here. Choose a month for older ones.", count=MOST_PRINTED), BODY)
        self.y += 8
        for sentence in (
            _("A line that is written is never changed; what was wrong is put right by another line."),
            _("Every night the book is closed and its check value published, so that nobody can change it later."),
        ):
            self._say(sentence, SMALL, grey=GREY)
        self._feet()
        return self.paper.pdf()

    def _first_page(self) -> None:
        wallet, paper = self.head.wallet, self.paper
        paper.new_page()
        self.y = 70
        paper.put(self.title, MARGIN, self.y, 20, bold=True)
        self.y += 26
        paper.put(self.head.owner, MARGIN, self.y, 12)
        for text in (f"{plain(wallet.programme)} · {self.head.period}", _("As of %(moment)s", moment=format_moment(clock.now()))):
            self.y += 16
            paper.put(text, MARGIN, self.y, BODY, grey=GREY)
        self.y += 30
        figures = [(pgettext("points", "Free"), wallet.free), (pgettext("points", "Set aside"), wallet.held), (pgettext("points", "Due"), wallet.due)]  # fmt: skip
        for number, (word, amount) in enumerate(figure for figure in figures if figure[1] or figure[0] == figures[0][0]):
            paper.put(word, MARGIN + number * 130, self.y, SMALL, grey=GREY)
            paper.put(amounts.text(amount), MARGIN + number * 130, self.y + 20, 16, bold=True)
        self.y += 46
        self._heads()

    def _heads(self) -> None:
        paper = self.paper
        paper.put(pgettext("statement", "Day"), DATE, self.y, SMALL, grey=GREY)
        paper.put(_("What, and how it is computed"), WHAT, self.y, SMALL, grey=GREY)
        paper.put(pgettext("statement", "Points"), POINTS, self.y, SMALL, right=True, grey=GREY)
        paper.put(_("Free after it"), AFTER, self.y, SMALL, right=True, grey=GREY)
        self.y += 5
        paper.rule(self.y, thick=1, grey=0)
        self.y += LEADING

    def _room(self, tall: float) -> None:
        if self.y + tall > FOOT:
            self.paper.new_page()
            self.y = 60
            self._heads()

    def _row(self, row: Shown) -> None:
        paper = self.paper
        title = paper.wrapped(row.title, WIDE, BODY, bold=True)
        notes = [line for note in row.notes for line in paper.wrapped(note, WIDE, SMALL)]
        self._room(len(title) * LEADING + len(notes) * 11 + 4)
        paper.put(row.day, DATE, self.y, SMALL)
        paper.put(row.amount, POINTS, self.y, BODY, bold=not row.is_quiet, right=True)
        paper.put(row.after, AFTER, self.y, BODY, right=True)
        for line in title:
            paper.put(line, WHAT, self.y, BODY, bold=True)
            self.y += LEADING
        for line in notes:
            paper.put(line, WHAT, self.y - 1, SMALL, grey=GREY)
            self.y += 11
        self.y -= 4
        paper.rule(self.y)
        self.y += LEADING

    def _say(self, text: str, size: float, grey: float = 0.0) -> None:
        for line in self.paper.wrapped(text, WIDTH - 2 * MARGIN, size):
            self._room(LEADING)
            self.paper.put(line, MARGIN, self.y, size, grey=grey)
            self.y += LEADING

    def _feet(self) -> None:
        """Written last, when it is known how many sheets there are."""
        pages, count = self.paper.pages, len(self.paper.pages)
        for number in range(1, count + 1):
            self.paper.pages = [pages[number - 1]]
            self.paper.put(_("Sheet %(number)s of %(count)s", number=number, count=count), WIDTH - MARGIN, HEIGHT - 32, SMALL, right=True, grey=GREY)  # fmt: skip
            self.paper.put(f"{self.title} · {self.head.owner} · {format_day(clock.today())}", MARGIN, HEIGHT - 32, SMALL, grey=GREY)
        self.paper.pages = pages
