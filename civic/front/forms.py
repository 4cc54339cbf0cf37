"""Forms of the site's own desk pages."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import DateField, RadioField, SelectChoice, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from civic.core.web.forms import ChoiceField, Form, Length

NEEDED = InputRequired(_l("This cannot be empty."))


class SwitchForm(Form):
    """Switch a feature off or on, for the site or one territory, from a day."""

    feature = ChoiceField(_l("Which feature?"))
    territory = StringField(_l("Code of the territory (empty: everywhere)"), validators=[Optional(), Length(24)])
    from_on = DateField(_p("form", "Counts from"), validators=[NEEDED])
    to = RadioField(
        _l("What shall it be?"),
        choices=[SelectChoice("off", _l("Off: its pages vanish, its data stays")), SelectChoice("on", _p("feature", "On again"))],
        default="off",
    )


class ChannelsForm(Form):
    """Channels by subject.  wanted: `topic:channel` of every box that is ticked; the view knows the boxes."""

    wanted = SelectMultipleField(_l("How do you want to hear of it?"), widget=ListWidget(), option_widget=CheckboxInput())


class LeaveForm(Form):
    """No more mail on one subject."""
