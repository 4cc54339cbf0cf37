"""Forms of life events: each is shown, then what follows from it, then confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import DateField, RadioField, SelectMultipleField
from wtforms.validators import InputRequired, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from civic.core import clock
from civic.core.web.forms import ChoiceField, Form
from civic.people import labels
from civic.people.errors import DayToCome
from civic.people.forms import DocumentFields, HomeChoice, RecordFields, choices, day, evidence, is_number, words
from civic.people.models import HomeRelation, RepresentationKind
from civic.people.queries import HouseholdView


class WhoField(SelectMultipleField):
    """Several people, each with a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def not_to_come(_form: Any, field: DateField) -> None:
    """An event is recorded when it has happened."""
    if field.data and field.data > clock.today():
        raise ValidationError(DayToCome(day=field.data).message)


def when(label: Any) -> DateField:
    return DateField(label, [InputRequired(_l("Choose a day.")), not_to_come], default=clock.today)


class EventForm(Form):
    """What every event has: when, and what was shown as proof."""

    on = when(_l("On which day"))
    evidence = evidence()


class GroupForm(EventForm):
    """An event of several members of one household."""

    who = WhoField(_p("event", "Who"), validate_choice=False)

    def offer(self, household: HouseholdView | None, uid: str) -> None:
        members = [m.person for m in household.members] if household else []
        self.who.choices = [(row.uid, f"{row.name} ({row.birth_year or '?'})") for row in members]
        if self.who.data is None or (not self.is_submitted()):
            self.who.data = [uid]

    def validate_who(self, field: WhoField) -> None:
        known = {uid for uid, _label in field.choices}
        if not field.data or not set(field.data) <= known:
            raise ValidationError(_("Tick those whom it concerns."))


class BirthForm(RecordFields, DocumentFields):
    """A child of the person on the page."""

    birth_on = words(_l("Day of birth"), 20, needed=True, description=_l("For example: 20261103."))
    evidence = evidence()

    def validate_birth_on(self, field: Any) -> None:
        if len(self.record().birth_on) != 10:
            raise ValidationError(_("A birth has a day: 20261103."))


class DeathForm(EventForm):
    """A death."""

    on = when(_l("Day of death"))


class MoveForm(GroupForm, HomeChoice):
    """Members of a household move to another home of this district."""

    on = when(_l("They live there since"))


class MoveOutForm(GroupForm):
    """They leave the district."""

    on = when(_l("They left on"))
    elsewhere = words(_p("people", "Where to"), 100, description=_l("Province, city and district are enough. It is stored encrypted."))


class JoinForm(GroupForm):
    """They become members of another household."""

    household = words(_l("Number of the household"), 20, needed=True, description=_l("Nine digits, from the household's page."))
    relation = ChoiceField(_l("What they are there"))
    on = when(_l("They belong to it since"))

    def offer(self, household: HouseholdView | None, uid: str) -> None:
        super().offer(household, uid)
        self.relation.choices = choices(labels.RELATIONS)

    def validate_household(self, field: Any) -> None:
        if field.data and not is_number(field.data):
            raise ValidationError(_("This is no household number: one digit must be wrong."))


class SplitForm(GroupForm):
    """They leave as a household of their own."""

    on = when(_l("They are on their own since"))


class RepresentationForm(EventForm):
    """Somebody who may speak for the person on the page."""

    kind = RadioField(_p("representation", "Kind"), validators=[InputRequired(_p("people", "Choose one."))], choices=[])
    other = words(
        _l("Member number of the one who speaks for her"), 20, needed=True, description=_l("Nine digits, from her card or her page.")
    )
    on = when(_p("people", "Counts from"))
    until_on = day(_l("Last day, if one was agreed"))

    def offer(self) -> None:
        self.kind.choices = choices({k: labels.REPRESENTATIONS[k] for k in RepresentationKind})

    def validate_other(self, field: Any) -> None:
        if field.data and not is_number(field.data):
            raise ValidationError(_("This is no member number: one digit must be wrong."))

    def validate_until_on(self, field: Any) -> None:
        if field.data and self.on.data and field.data < self.on.data:
            raise ValidationError(_("The last day is before the first."))


class EndForm(EventForm):
    """Something no longer holds."""

    on = when(_l("It ended on"))


class PlainForm(Form):
    """An undoing: only what was shown as proof."""

    evidence = evidence()


class TieForm(HomeChoice):
    """Another tie to a home: registered at, owns, rents."""

    relation = ChoiceField(_l("What ties her to it"))
    elsewhere = words(_l("Or a place outside this district"), 100, description=_l("Province, city and district. It is stored encrypted."))
    on = when(_p("form", "Since"))

    def offer(self) -> None:
        self.relation.choices = choices({r: labels.HOMES[r] for r in (HomeRelation.registered_at, HomeRelation.owns, HomeRelation.rents)})


class CareForm(Form):
    """Care that begins; only social workers, the grant and the quota code read it."""

    kind = ChoiceField(_p("care", "Kind"))
    since = when(_p("form", "Since"))
    note = words(_p("care", "Note"), 200, description=_l("It is stored encrypted."))

    def offer(self) -> None:
        self.kind.choices = [(name, str(label)) for name, label in labels.CARE.items()]


class CareEndForm(Form):
    """Care that ends."""

    kind = ChoiceField(_p("care", "Kind"))
    to = when(_p("form", "Last day"))

    def offer(self, kinds: Sequence[str]) -> None:
        self.kind.choices = [(name, str(labels.CARE[name])) for name in kinds]
