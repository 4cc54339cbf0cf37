"""Forms of the page that loads lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import lazy_gettext as _l
from flask_babel import pgettext
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice

from civic.core.files import LISTS
from civic.core.i18n import lang
from civic.core.load.kinds import Column, Loader
from civic.core.load.labels import COLUMN_KINDS
from civic.core.web.forms import ChoiceField, Form
from civic.core.web.uploads import UploadForm


class ListsForm(UploadForm):
    """Up to five lists, CSV or XLSX."""

    accept = LISTS
    as_it_is = True

    def take_some(self) -> list[str]:
        """Addresses of the files; nothing chosen is a fault at the field."""
        found = self.take()
        if not found and not self.files.errors:
            self.files.errors = [str(_l("Choose at least one file."))]
        return list(dict.fromkeys(row.sha256 for row in found))


class BeginForm(Form):
    """Load what was checked."""

    files = HiddenField()

    def shas(self) -> list[str]:
        return [sha for sha in (self.files.data or "").split(",") if sha]


class GoOnForm(Form):
    """Go on with a load that stopped."""


class MatchForm(Form):
    """One select for each column of a list: which column of the sheet it is.  Made by `match_form`."""

    def places(self) -> dict[str, int]:
        """Column → place in the sheet, the unmatched ones left out."""
        return {
            name.removeprefix(PREFIX): int(field.data) for name, field in self._fields.items() if name.startswith(PREFIX) and field.data
        }


PREFIX = "column-"


def match_form(loader: Loader, titles: Sequence[str], guessed: Mapping[str, int]) -> MatchForm:
    """The form for one list and the titles of one sheet; filled with the guesses until it is sent."""
    choices = [SelectChoice("", pgettext("column", "none"))]
    choices += [SelectChoice(str(at), shown_title(title, at)) for at, title in enumerate(titles)]
    fields = {
        PREFIX + column.name: ChoiceField(label_of(column), choices=choices, default=str(guessed.get(column.name, "")))
        for column in loader.columns
    }
    made: MatchForm = type("MatchFormOf", (MatchForm,), fields)()
    for column in loader.columns:
        field = made[PREFIX + column.name]
        field.description = COLUMN_KINDS[column.kind] if not column.choices else ", ".join(column.choices)
        field.flags.required = not column.optional
    return made


def label_of(column: Column) -> str:
    """What offices call the column, with the list's own name; the name alone where nothing else is known."""
    return f"{column.titles[0]} ({column.name})" if column.titles and lang() == "zh" else column.name


def shown_title(title: str, at: int) -> str:
    """A title of the sheet, told from equal ones by the letter of its column."""
    letter = chr(65 + at) if at < 26 else f"{chr(64 + at // 26)}{chr(65 + at % 26)}"
    return f"{letter}: {title[:60]}" if title else letter
