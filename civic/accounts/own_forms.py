"""Shape of what people type about their own login: registering, proving an address, resetting, asking for correction."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import BooleanField, DateField, HiddenField, PasswordField, RadioField, StringField, TextAreaField
from wtforms.validators import EqualTo, Optional

from civic.accounts import passwords
from civic.accounts.forms import needed
from civic.core.web.forms import ChoiceField, Form, Length
from civic.people import labels as people_labels
from civic.people.models import RepresentationKind
from civic.territory import queries as places


class MailForm(Form):
    """A mail address that gets a link."""

    mail = StringField(_p("field", "Mail address"), [needed(_l("Type your mail address.")), Length(254)])


class PhoneForm(Form):
    """A phone that gets six digits."""

    phone = StringField(
        _p("field", "Phone number"),
        [needed(_l("Type your phone number.")), Length(40)],
        description=_l("A number of mainland China as 138 0013 8000, others with + and the country."),
    )


class SlipForm(Form):
    """The signs of a printed slip."""

    slip = StringField(
        _l("Signs on the slip"), [needed(_l("Type the signs that stand on the slip.")), Length(80)], description=_l("Seven groups of four.")
    )


class SentCodeForm(Form):
    """Six digits that came as a text message."""

    code = StringField(_l("Six digits from the text message"), [needed(_l("Type the six digits of the text message.")), Length(20)])


class WhoForm(Form):
    """Who of those who share an address one is, and a second fact where it is needed."""

    who = RadioField(_l("Who are you?"), choices=[], validate_choice=False)
    fact = StringField(
        _l("Last four signs of your document, or your member number"),
        [Length(40)],
        description=_l("Phone numbers get new owners; this shows that it is still you."),
    )

    def offer(self, people: list[tuple[str, str]], *, asks_fact: bool) -> None:
        """people: (account uid, masked name)."""
        if len(people) > 1:
            self.who.choices = people
        else:
            del self.who
        if not asks_fact:
            del self.fact

    @property
    def chosen(self) -> str:
        return (self.who.data or "") if "who" in self else ""

    @property
    def shown_fact(self) -> str:
        return (self.fact.data or "") if "fact" in self else ""


class ResetForm(WhoForm):
    """A new password, after who one is."""

    new_password = PasswordField(
        _p("field", "New password"),
        [needed(_l("Type a new password.")), Length(passwords.MOST)],
        description=_l("At least 10 characters. A short sentence is easy to remember."),
    )
    again_password = PasswordField(
        _l("New password once more"), [EqualTo("new_password", _l("The two passwords differ. Type the second one again."))]
    )


def offer_places(field: Any) -> None:
    """All communities and villages, by town."""
    field.choices = [("", _("Choose where you live"))] + [
        (place.code, f"{town.name} › {place.name}") for town in places.communities() for place in town.places
    ]


class LoginForm(Form):
    """A login of one's own, for somebody whose record a slip names."""

    display = StringField(
        _l("Name shown on this site"),
        [needed(_l("Type the name that this site shows.")), Length(100)],
        description=_l("It need not be your real name."),
    )
    login = StringField(
        _p("field", "Login"),
        [Length(100)],
        description=_l("2 to 40 letters a–z, digits, dots, hyphens, underscores. Left empty, we choose one for you."),
    )
    new_password = PasswordField(
        _p("field", "Password"), [Length(passwords.MOST)], description=_l("At least 10 characters. A short sentence is easy to remember.")
    )
    again_password = PasswordField(
        _l("Password once more"), [EqualTo("new_password", _l("The two passwords differ. Type the second one again."))]
    )
    notice = HiddenField()
    agree = BooleanField(_l("I have read the privacy notice and agree"), [needed(_l("Without your consent nothing may be stored."))])


class RegisterForm(LoginForm):
    """The same and who one is."""

    name = StringField(_l("Your real name"), [needed(_l("Give the name as it stands on your document.")), Length(300)])
    birth_on = DateField(_p("field", "Birth day"), [needed(_l("Give your birth day, as 1953-08-21."))])
    place = ChoiceField(_l("Where you live"), choices=[])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = ("name", "birth_on", "place")  # they stand first on the page, and so do their errors in its list
        for name in [each for each in self._fields if each not in own]:
            self._fields[name] = self._fields.pop(name)
        offer_places(self.place)

    def validate(self, extra_validators: Any = None) -> bool:
        is_good = super().validate(extra_validators)
        if not self.place.data and not self.place.errors:
            self.place.errors = [_("Choose one of the entries in the list.")]
            return False
        return is_good


class ChildForm(Form):
    """A child whom her guardian registers."""

    name = StringField(_l("Real name of the child"), [needed(_l("Give the name as it stands on the child’s document.")), Length(300)])
    birth_on = DateField(_l("Birth day of the child"), [needed(_l("Give the birth day, as 2015-08-21."))])
    relation = ChoiceField(_l("What you are to the child"), choices=[])
    notice = HiddenField()
    agree = BooleanField(
        _l("I have read the privacy notice and agree to it for the child"), [needed(_l("Without your consent nothing may be stored."))]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = (RepresentationKind.parent, RepresentationKind.guardian)
        self.relation.choices = [(kind.value, str(people_labels.REPRESENTATIONS[kind])) for kind in kinds]


class ConfirmForm(Form):
    """It is still she: her password."""

    current_password = PasswordField(_l("Your current password"), [needed(_l("Type your current password.")), Length(1000)])
    next = HiddenField()


class ProveForm(Form):
    """It is she, and not whoever made the first password: the password of this login and the digits of her own card."""

    current_password = PasswordField(_l("Your current password"), [needed(_l("Type your current password.")), Length(1000)])
    number = StringField(_l("Your member number"), [needed(_l("Type the member number.")), Length(40)])
    code = PasswordField(_l("Four digits of your member card"), [needed(_l("Type the four digits.")), Length(4)])
    next = HiddenField()


class ConfirmCodeForm(SentCodeForm):
    """It is still she: a code on her phone."""

    next = HiddenField()


class CorrectionForm(Form):
    """What should be put right, and for whom."""

    whom = ChoiceField(_p("field", "For whom"), choices=[])
    topic = ChoiceField(_l("What is wrong"), choices=[])
    wish = TextAreaField(
        _l("What should it say?"),
        [needed(_l("Say what should be put right.")), Length(1000)],
        description=_l("Do not write whole numbers of documents here; bring the document to the desk."),
    )

    def offer(self, people: list[tuple[str, str]]) -> None:
        """people: (uid of the person, name): herself and those for whom she speaks."""
        self.topic.choices = [(word, str(label)) for word, label in people_labels.CORRECTION_TOPICS.items()]
        self.whom.choices = people
        if len(people) == 1:
            del self.whom


class BindForm(Form):
    """Whose login this is; the digits of the card are typed by the person, so that nobody is bound to a login behind her back."""

    number = StringField(_l("Member number of this colleague"), [needed(_l("Type the member number.")), Length(40)])
    code = PasswordField(
        _l("Four digits of the member card"),
        [needed(_l("Type the four digits.")), Length(4)],
        description=_l("The colleague types them here, as at a counter."),
    )


class HandOverForm(Form):
    """Who takes over."""

    colleague = ChoiceField(_l("Who takes this work over"), choices=[], validators=[Optional()])

    def offer(self, people: list[tuple[str, str]]) -> None:
        self.colleague.choices = [("", _("Choose a colleague")), *people]
