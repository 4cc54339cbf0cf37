"""Forms of the page that loads lists."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField

from civic.core.files import LISTS
from civic.core.web.forms import Form
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
