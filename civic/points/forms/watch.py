"""Forms of hints and of the auditors' exports."""

from __future__ import annotations

from datetime import date, timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import DateField, RadioField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from civic.core import clock
from civic.core.web.forms import ChoiceField, Form, Length

NEEDED = DataRequired(_l("Fill this in."))
LONGEST = 3_660  # days of one file


class LookedForm(Form):
    """What was found when somebody looked."""

    words = TextAreaField(
        _l("What you found"),
        [NEEDED, Length(1000)],
        description=_l("For example: flood duty, confirmed by the team leader. It is stored encrypted; auditors read it too."),
    )


class ExportForm(Form):
    """A file of ids and numbers.  `until` is the first day that is left out."""

    programme = ChoiceField(_p("points", "Programme"))
    what = RadioField(_l("What the file holds"), [InputRequired(_l("Choose one."))])
    since = DateField(_l("First day in the file"), [InputRequired(_l("Choose a day."))])
    until = DateField(_l("First day no longer in the file"), [InputRequired(_l("Choose a day."))])

    def validate(self, extra_validators: object = None) -> bool:
        fits = bool(super().validate(extra_validators))
        since, until = self.since.data, self.until.data
        if since and until and not timedelta(0) < until - since <= timedelta(days=LONGEST):
            self.until.errors = [*self.until.errors, _("This day comes after the first one, by ten years at most.")]
            return False
        return fits

    def begin(self) -> None:
        """The month before this one, as auditors ask for it."""
        first = clock.today().replace(day=1)
        before = first - timedelta(days=1)
        self.since.data, self.until.data = date(before.year, before.month, 1), first
