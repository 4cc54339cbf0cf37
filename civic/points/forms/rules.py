"""Forms of the rules and of what needs two people: amounts in points, long times in hours, as people say them."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import BooleanField, DateField, Field, IntegerField, RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError
from wtforms.widgets import TextInput

from civic.core.errors import DomainError
from civic.core.web.forms import BasedForm, ChoiceField, Form, Length
from civic.points import amounts, labels
from civic.points.operations.desk import CLOSE_WHY, FREEZE_WHY
from civic.points.versions import ANY, HOUR, RuleText

NEEDED = DataRequired(_l("Fill this in."))
NUMBER = InputRequired(_l("Give a whole number."))
ROWS = 12  # rates that one version may have beside the general one
SPARE = 3  # empty rows shown behind those that are filled
_RATE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")


class PointsField(StringField):
    """An amount of points as people type it; `amount` is in hundredths."""

    amount: int = 0

    def pre_validate(self, form: Any) -> None:
        if self.data:
            try:
                self.amount = amounts.parse(self.data)
            except DomainError as refusal:
                raise ValidationError(refusal.message) from refusal


class RateField(StringField):
    """Points an hour, 0 included; `rate` is in hundredths, None for an empty field."""

    rate: int | None = None

    def pre_validate(self, form: Any) -> None:
        self.rate = None
        typed = unicodedata.normalize("NFKC", self.data or "").strip()
        if not typed:
            return
        if not _RATE.fullmatch(typed):
            raise ValidationError(str(_l("Give points an hour with at most two places, for example 0.8.")))
        whole, _dot, places = typed.partition(".")
        self.rate = int(whole) * 100 + int(places.ljust(2, "0") or "0")


class WholeField(IntegerField):
    """A whole number; full-width digits are read as people type them."""

    widget = TextInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = unicodedata.normalize("NFKC", valuelist[0]).strip() if valuelist else ""
        if not typed:
            self.data = None
            return
        if not re.fullmatch(r"[0-9]{1,9}", typed):
            self.data = None
            raise ValueError(str(_l("Give a whole number.")))
        self.data = int(typed)


class HoursField(StringField):
    """Hours, halves and quarters too; `minutes` is what the rules keep."""

    minutes: int = 0

    def pre_validate(self, form: Any) -> None:
        typed = unicodedata.normalize("NFKC", self.data or "").strip()
        if typed and not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,2})?", typed):
            raise ValidationError(str(_l("Give hours as a number, for example 7.5.")))
        self.minutes = int(Decimal(typed or 0) * HOUR)


def _as_hours(minutes: int) -> str:
    return f"{minutes / HOUR:.2f}".rstrip("0").rstrip(".")


class RulesForm(BasedForm):
    """A version of the rules.  Rows of rates: r0 is the general one, r1 … speak of a service or of a way of recording."""

    r0_rate = RateField(_l("Points for an hour where no other row fits"), [DataRequired(_l("Fill this in."))])
    rounding = WholeField(_l("Minutes are rounded down to steps of so many minutes"), [NUMBER])
    daily = HoursField(_l("Hours of one day that bring points, at most"), [InputRequired(_l("Fill this in."))])
    threshold = HoursField(
        _l("Hours of service before points can be spent; 0 = from the first point on"), [InputRequired(_l("Fill this in."))]
    )
    cap = PointsField(_l("Points that a wallet keeps, at most"), [NEEDED])
    expiry_years = WholeField(_l("Years until points expire; 0 = they do not"), [NUMBER])
    exchange_days = WholeField(_l("Days that points of an exchange stay held after the agreed day"), [NUMBER])
    confirm_days = WholeField(_l("Days without an answer after which help counts as confirmed"), [NUMBER])
    group_donates = BooleanField(_l("Volunteers from outside groups give their points to the care pool"))
    note_zh = TextAreaField(_l("Why it changes, in Chinese"), [Length(1000)])
    note_en = TextAreaField(_l("Why it changes, in English"), [Length(1000)])

    def offer(self) -> None:
        """Choices of the rows, what is known and what stands in a row already."""
        for number in range(1, ROWS + 1):
            for part, words in (("type", labels.SERVICES), ("class", labels.CLASSES)):
                field = self[f"r{number}_{part}"]
                known = [(code, str(label)) for code, label in words.items()]
                if field.data and field.data not in words:
                    known.append((field.data, field.data))
                field.choices = known

    def rows(self) -> list[tuple[Field, Field, Field]]:
        """Rows that are shown: those with something in them, and a few empty ones."""
        every = [(self[f"r{n}_type"], self[f"r{n}_class"], self[f"r{n}_rate"]) for n in range(1, ROWS + 1)]
        last = max((i for i, row in enumerate(every, 1) if row[2].data or row[2].errors), default=0)
        return every[: last + SPARE]

    def fill(self, text: RuleText) -> None:
        rates = text.by_key()
        self.r0_rate.data = amounts.short(rates.pop((ANY, ANY), 0))
        for number, ((service, hours), rate) in enumerate(sorted(rates.items())[:ROWS], 1):
            row = (self[f"r{number}_type"], self[f"r{number}_class"], self[f"r{number}_rate"])
            row[0].data, row[1].data, row[2].data = service, hours, amounts.short(rate)
        self.rounding.data, self.cap.data, self.expiry_years.data = text.rounding, amounts.short(text.cap), text.expiry_years
        self.daily.data, self.threshold.data = _as_hours(text.daily), _as_hours(text.threshold)
        self.exchange_days.data, self.confirm_days.data = text.exchange_days, text.confirm_days
        self.group_donates.data, self.note_zh.data, self.note_en.data = text.group_donates, text.note_zh, text.note_en

    def text(self) -> RuleText:
        """What was typed; asked after validation."""
        rates = [(ANY, ANY, self.r0_rate.rate or 0)]
        for number in range(1, ROWS + 1):
            rate = self[f"r{number}_rate"].rate
            if rate is not None:
                rates.append((self[f"r{number}_type"].data or ANY, self[f"r{number}_class"].data or ANY, rate))
        return RuleText(
            rates=tuple(rates), rounding=self.rounding.data or 0, daily=self.daily.minutes, threshold=self.threshold.minutes,
            cap=self.cap.amount, expiry_years=self.expiry_years.data or 0, exchange_days=self.exchange_days.data or 0,
            confirm_days=self.confirm_days.data or 0, group_donates=bool(self.group_donates.data),
            note_zh=self.note_zh.data or "", note_en=self.note_en.data or "",
        )  # fmt: skip


for _number in range(1, ROWS + 1):
    setattr(RulesForm, f"r{_number}_type", ChoiceField(_p("rate", "Service"), default=ANY))
    setattr(RulesForm, f"r{_number}_class", ChoiceField(_p("rate", "Recorded how"), default=ANY))
    setattr(RulesForm, f"r{_number}_rate", RateField(_l("Points for an hour")))


class StepForm(BasedForm):
    """An act on a version as it was seen: agree, withdraw."""


class DayForm(BasedForm):
    """Propose or adopt: the day from which it counts."""

    from_on = DateField(_l("First day on which it counts"), [InputRequired(_l("Give a day."))])


class BeginForm(Form):
    """A programme of points for a district that has none."""

    district = ChoiceField(_p("territory", "District"))
    name_zh = StringField(_l("Name of the points in Chinese"), [NEEDED, Length(60)])
    name_en = StringField(_l("Name of the points in English"), [NEEDED, Length(80)])


class EmptyForm(Form):
    """One press."""


class WishForm(Form):
    """A grant or an opening for a wallet."""

    kind = RadioField(_l("Where the points come from"), [InputRequired(_l("Choose one."))])
    amount = PointsField(_p("points", "Points"), [NEEDED])
    why = TextAreaField(_l("Why; only those who decide read it"), [NEEDED, Length(1000)])

    def offer(self) -> None:
        self.kind.choices = [
            ("pool", str(_l("From the care pool: donated points, and what flowed over"))),
            ("issued", str(_l("Newly issued: for service that is in no book"))),
            ("opening", str(_l("Brought along: from a stamp card or an old list, before the community began here"))),
        ]


class ReverseForm(Form):
    """A row back, wholly or in part."""

    amount = PointsField(_p("points", "Points"), [NEEDED])
    why = TextAreaField(_l("Why; only those who decide read it"), [NEEDED, Length(1000)])


class AnswerForm(Form):
    """The decision, with words where they help."""

    answer = TextAreaField(_l("What you want to say about it"), [Optional(), Length(1000)])


class FreezeForm(Form):
    """Why a wallet is frozen: a word that its page shows."""

    why = RadioField(_l("Why the wallet is frozen"), [InputRequired(_l("Choose one."))])

    def offer(self) -> None:
        self.why.choices = [(word, str(labels.WHY[word])) for word in FREEZE_WHY]


class CloseForm(Form):
    """Why a wallet is closed, and where what is left goes."""

    why = RadioField(_l("Why the wallet is closed"), [InputRequired(_l("Choose one."))])
    to = RadioField(_l("Where the points go, as the owner chose"), [InputRequired(_l("Choose one."))])

    def offer(self, *, with_household: bool) -> None:
        self.why.choices = [(word, str(labels.WHY[word])) for word in CLOSE_WHY]
        household = [("household", str(_l("To the wallet of the household")))] if with_household else []
        self.to.choices = [*household, ("pool", str(_l("To the care pool, for households in need")))]
