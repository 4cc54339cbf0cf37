"""Forms of `territory`: a station's details, its week, a closure; an organisation and its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import DateField, StringField, TimeField
from wtforms.validators import DataRequired, InputRequired, Optional

from civic.core.i18n import weekday
from civic.core.web.forms import BasedForm, ChoiceField, Form, Length
from civic.territory.errors import StretchIncomplete
from civic.territory.hours import MOST_STRETCHES, Stretch, Week
from civic.territory.labels import ORGANISATION_KIND
from civic.territory.models import OrganisationKind
from civic.territory.operations import OrganisationText, StationText

NEEDED = DataRequired(_l("Fill this in."))


def _text(label: Any, most: int, *, needed: bool = True, description: Any = "") -> StringField:
    return StringField(label, [NEEDED if needed else Optional(), Length(most)], description=description)


def _day(label: Any, *, needed: bool = False, description: Any = "") -> DateField:
    return DateField(label, [InputRequired(_l("Choose a day.")) if needed else Optional()], description=description)


class StationForm(BasedForm):
    """Names, address, telephone and kiosk of a station."""

    name_zh = _text(_l("Name in Chinese"), 100)
    name_en = _text(_l("Name in English"), 100)
    address_zh = _text(_l("Address in Chinese"), 200)
    address_en = _text(_l("Address in English"), 200)
    phone = _text(_p("field", "Telephone"), 30, description=_l("Digits with spaces or hyphens, like 020-8888 1234."))
    kiosk_zh = _text(_l("Kiosk in Chinese"), 200, needed=False, description=_l("Where it stands and when it can be used."))
    kiosk_en = _text(_l("Kiosk in English"), 200, needed=False)

    def text(self) -> StationText:
        return StationText(**{name: self[name].data or "" for name in StationText.__dataclass_fields__})

    def fill(self, text: StationText) -> None:
        for name in StationText.__dataclass_fields__:
            self[name].data = getattr(text, name)


def _time_name(day: int, number: int, which: str) -> str:
    return f"d{day}_{number}_{which}"


class _HoursForm(BasedForm):
    """A row per weekday with two stretches; empty = closed.  The 28 fields are added below."""

    def rows(self) -> list[tuple[str, list[tuple[Any, Any]]]]:
        """(weekday, its stretches as pairs of fields) from Monday to Sunday."""
        return [
            (weekday(day), [(self[_time_name(day, n, "opens")], self[_time_name(day, n, "closes")]) for n in range(MOST_STRETCHES)])
            for day in range(1, 8)
        ]

    def week(self) -> dict[int, list[Stretch]]:
        """The hours as typed.  Raises StretchIncomplete."""
        found: dict[int, list[Stretch]] = {}
        for day in range(1, 8):
            for number in range(MOST_STRETCHES):
                opens: time | None = self[_time_name(day, number, "opens")].data
                closes: time | None = self[_time_name(day, number, "closes")].data
                if opens is not None and closes is not None:
                    found.setdefault(day, []).append((opens, closes))
                elif opens is not None or closes is not None:
                    missing = "closes" if closes is None else "opens"
                    raise StretchIncomplete(day=weekday(day), field=_time_name(day, number, missing))
        return found

    def fill(self, week: Week) -> None:
        for day, stretches in week.items():
            for number, (opens, closes) in enumerate(stretches):
                self[_time_name(day, number, "opens")].data = opens
                self[_time_name(day, number, "closes")].data = closes


def _hour_fields() -> dict[str, TimeField]:
    names = {
        ("opens", 0): _p("form", "Opens"),
        ("closes", 0): _p("form", "Closes"),
        ("opens", 1): _p("form", "Opens again"),
        ("closes", 1): _p("form", "Closes again"),
    }
    return {
        _time_name(day, number, which): TimeField(label, [Optional()]) for day in range(1, 8) for (which, number), label in names.items()
    }


HoursForm: type[_HoursForm] = type("HoursForm", (_HoursForm,), _hour_fields())


class ClosureForm(Form):
    """Days on which a station is closed."""

    from_on = _day(_l("First day closed"), needed=True)
    to_on = _day(_l("Last day closed"), needed=True, description=_l("The same day again, if it is only one."))
    reason_zh = _text(_l("Reason in Chinese"), 200, description=_l("People read it, for example: moving, water damage, training day."))
    reason_en = _text(_l("Reason in English"), 200, needed=False)


class WithdrawForm(Form):
    """One press takes a closure back."""


class OrganisationForm(BasedForm):
    """An organisation; others are named by their codes."""

    kind = ChoiceField(_l("What it is"))
    name_zh = _text(_l("Name in Chinese"), 120)
    name_en = _text(_l("Name in English"), 120)
    territory_code = _text(_l("Code of its territory"), 24, needed=False, description=_l("The town, community or village it is there for."))
    parent_code = _text(_l("Code of the organisation above it"), 40, needed=False)
    role_code = ChoiceField(_l("Role that it holds there"))
    valid_from = _day(_p("form", "First day"))

    def offer(self, roles: list[tuple[str, str]]) -> None:
        """roles: (code, name) of all roles."""
        self.kind.choices = [(k.value, str(label)) for k, label in ORGANISATION_KIND.items()]
        self.role_code.choices = [("", str(_p("form", "None"))), *roles]

    def text(self) -> OrganisationText:
        names = ("name_zh", "name_en", "territory_code", "parent_code", "role_code")
        return OrganisationText(OrganisationKind(self.kind.data), valid_from=self.valid_from.data, **{n: self[n].data or "" for n in names})

    def fill(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self[name].data = value


class NewOrganisationForm(OrganisationForm):
    """The same with a code, which is never changed afterwards."""

    code = _text(_p("field", "Code"), 40, description=_l("Letters A to Z, digits and hyphens. It cannot be changed later."))


class EndForm(BasedForm):
    """The last day of an organisation, and who takes over."""

    last_on = _day(_p("form", "Last day"), needed=True)
    successor_code = _text(_l("Code of the organisation that takes over"), 40, needed=False)
