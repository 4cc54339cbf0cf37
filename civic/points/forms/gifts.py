"""What a resident types: how many points, from where to where."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, RadioField, StringField
from wtforms.validators import InputRequired

from civic.core.web.forms import Form, Length

MOST_TYPED = 24  # signs of an amount


class GiftForm(Form):
    """Points to give away.  The view knows the ways; wallet: uid of the one that gives, '' for her own; sure: set on the page that asks once more."""

    way = RadioField(_l("Where shall the points go?"), [InputRequired(_l("Choose one."))])
    amount = StringField(_l("How many points?"), [InputRequired(_l("Give a number of points.")), Length(MOST_TYPED)])
    wallet = HiddenField()
    sure = HiddenField()


class DeskGiftForm(GiftForm):
    """The same for the person who stands at the desk."""

    way = RadioField(_l("Where shall her points go?"), [InputRequired(_l("Choose one."))])
