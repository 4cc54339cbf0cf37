"""Shape of what people type in accounts."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import BooleanField, DateField, HiddenField, PasswordField, StringField, TextAreaField
from wtforms.validators import EqualTo, InputRequired, Optional

from civic.accounts import labels, passwords
from civic.core.viewer import Role
from civic.core.web.forms import ChoiceField, Form, Length


def needed(message: Any) -> InputRequired:
    return InputRequired(message)


class SignInForm(Form):
    """Login and password; where one was going, and what was typed there, travel along."""

    login = StringField(_p("field", "Login"), [needed(_l("Type your login.")), Length(100)])
    password = PasswordField(_p("field", "Password"), [needed(_l("Type your password.")), Length(1000)])
    next = HiddenField()
    kept = HiddenField()


class StageForm(Form):
    """A page between the password and the session: it carries on where one was going."""

    next = HiddenField()
    kept = HiddenField()


class CodeForm(StageForm):
    """The code of the second step."""

    code = StringField(_l("Six digits, or a recovery code"), [needed(_l("Type the six digits that the app shows.")), Length(40)])


class EnrolForm(StageForm):
    """sealed: the new secret, encrypted, until a code proves that the app has it."""

    sealed = HiddenField()
    current_password = PasswordField(_l("Your current password"), [Length(1000)])
    code = StringField(_l("Six digits that the app shows"), [needed(_l("Type the six digits that the app shows.")), Length(40)])


class NewPasswordForm(StageForm):
    """A password of one's own, typed twice."""

    new_password = PasswordField(
        _p("field", "New password"),
        [needed(_l("Type a new password.")), Length(passwords.MOST)],
        description=_l("At least 10 characters. A short sentence is easy to remember."),
    )
    again_password = PasswordField(
        _l("New password once more"), [EqualTo("new_password", _l("The two passwords differ. Type the second one again."))]
    )


class ChangePasswordForm(NewPasswordForm):
    """The same, after showing the current one."""

    current_password = PasswordField(_l("Your current password"), [needed(_l("Type your current password.")), Length(1000)])


class LanguageForm(Form):
    """The language in which an account reads."""

    lang = ChoiceField(_l("Language of this account"), choices=[])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lang.choices = [(value, str(label)) for value, label in labels.LANGUAGE.items()]


class ActForm(Form):
    """A button."""


class GrantForm(Form):
    """Role, where, for whom, from when to when."""

    role = ChoiceField(_p("field", "Role"), choices=[])
    territory = ChoiceField(_p("field", "Territory"), choices=[])
    organisation = ChoiceField(
        _p("field", "Organisation"),
        choices=[],
        description=_l("A handler speaks for one department. Leave it open where the role is not bound to one."),
    )
    from_on = DateField(_p("field", "First day"), [needed(_l("Choose the first day."))])
    to_on = DateField(_p("field", "Last day"), [Optional()], description=_l("Empty: until somebody ends it."))

    def offer(self, territories: list[tuple[str, str]], organisations: list[tuple[str, str]]) -> None:
        """The choices that this administrator has."""
        self.role.choices = [("", _("Choose a role")), *((role.value, str(labels.ROLE[role])) for role in Role)]
        self.territory.choices = [("", _("Choose a territory")), *territories]
        self.organisation.choices = [("", _("Not bound to an organisation")), *organisations]

    def validate(self, extra_validators: Any = None) -> bool:
        is_good = super().validate(extra_validators)
        for field in (self.role, self.territory):
            if not field.data and not field.errors:
                field.errors = [_("Choose one of the entries in the list.")]
                is_good = False
        return is_good


class NewAccountForm(GrantForm):
    """A login with its first right."""

    login = StringField(
        _p("field", "Login"),
        [needed(_l("Type a login.")), Length(100)],
        description=_l("2 to 40 letters a–z, digits, dots, hyphens, underscores."),
    )
    name = StringField(
        _l("Name that colleagues see"),
        [needed(_l("Type the name that colleagues see.")), Length(100)],
        description=_l("For example: 窗口 阿玲, or Aling at the window."),
    )


class IssueForm(Form):
    """A new one-time password."""

    forget_app = BooleanField(_l("The phone is lost: set up the second step anew"))


class OpeningForm(Form):
    """Asking to read the connection log."""

    document = StringField(
        _l("Number of the document"), [needed(_l("Type the number of the document that asks for the records.")), Length(80)]
    )
    reason = TextAreaField(_p("field", "Reason"), [needed(_l("Say why the records are needed.")), Length(300)])
    from_on = DateField(_p("field", "First day"), [needed(_l("Choose the first day."))])
    to_on = DateField(_p("field", "Last day"), [needed(_l("Choose the last day, at most 31 days in all."))])
    login = StringField(_l("Only this login"), [Optional(), Length(100)], description=_l("Empty: all logins."))
