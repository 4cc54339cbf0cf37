"""What people type: an offer or a need, an answer to one, an act in an exchange; and the social worker's reasons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import DateField, HiddenField, RadioField, SelectChoice, SelectMultipleField, StringField, TextAreaField, TimeField
from wtforms.validators import DataRequired, InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from civic.core import clock
from civic.core.i18n import lang
from civic.core.web.forms import BasedForm, ChoiceField, Form, Length
from civic.core.web.uploads import UploadForm
from civic.exchange import labels
from civic.exchange.models import Category, Listing, ListingKind, Place
from civic.exchange.operations import LONGEST_DAYS, MOST_MINUTES, ListingText, Proposal
from civic.exchange.shown import long_words, worth_words
from civic.points.models import Policy

SHOWN_DAYS = 60  # a new listing stands so long unless somebody says otherwise
LONGEST_WORDS = 1000
STEP = 30  # minutes, where no rules say otherwise
USUAL = 60
STARS = ("5", "4", "3", "2", "1")
KIND_WORDS: dict[ListingKind, Any] = {
    ListingKind.offer: _l("I offer help"),
    ListingKind.need: _l("I need help"),
}
STAR_WORDS: dict[str, Any] = {
    "5": _l("5 stars: very good"),
    "4": _l("4 stars: good"),
    "3": _l("3 stars: all right"),
    "2": _l("2 stars: not so good"),
    "1": _l("1 star: bad"),
}
NEEDED = DataRequired(_l("Fill this in."))
CHOOSE = InputRequired(_l("Choose one."))


def _choices(words: dict[Any, Any]) -> Any:
    return lambda: [SelectChoice(member.value, str(label)) for member, label in words.items()]


def lengths(policy: Policy | None, most: int = MOST_MINUTES) -> list[int]:
    """Minutes to choose from: steps of the rules up to four hours, then whole hours; at most `most`, which is always among them."""
    step = policy.rounding if policy else STEP
    found = [m for m in range(step, most + 1, step) if m <= 240 or m % 60 == 0]
    return found if most in found or most >= MOST_MINUTES else [*found, most]


class ListingForm(BasedForm):
    """An offer or a need.  The kind is asked for a new one alone."""

    kind = RadioField(_l("What is it?"), [CHOOSE], choices=lambda: [SelectChoice(k.value, str(w)) for k, w in KIND_WORDS.items()])
    title = StringField(_l("In a few words"), [NEEDED, Length(80)], description=_l("For example: show how to pay with a phone"))
    category = ChoiceField(_p("listing", "Kind of help"), choices=_choices(labels.CATEGORY))
    minutes = ChoiceField(_l("How long does it usually take?"))
    place = RadioField(_l("Where would it be?"), [CHOOSE], choices=_choices(labels.PLACE), default=Place.station.value)
    when_text = StringField(
        _l("When does it suit you?"), [Length(120)], description=_l("For example: Tuesday and Thursday after four o'clock")
    )
    text = TextAreaField(
        _l("More about it"), [Length(LONGEST_WORDS)], description=_l("Everybody can read this: no phone number, no address, no names.")
    )
    speaks = SelectMultipleField(
        _l("Which languages can we talk in?"), widget=ListWidget(), option_widget=CheckboxInput(),
        choices=lambda: [SelectChoice(code, str(word)) for code, word in labels.SPEAKS.items()],
    )  # fmt: skip
    lang = RadioField(_l("In which language did you write?"), [CHOOSE], choices=[SelectChoice("zh", "中文"), SelectChoice("en", "English")])
    until_on = DateField(_l("Last day on which it stands here"), [InputRequired(_l("Choose a day."))])

    def begin(self, kind: str) -> None:
        """What a new one begins with."""
        self.kind.data = kind if kind in set(ListingKind) else None
        self.minutes.data, self.lang.data = str(USUAL), lang()
        self.until_on.data = clock.today() + timedelta(days=SHOWN_DAYS)

    def offer(self, policy: Policy | None, row: Listing | None = None) -> None:
        """Lengths by the rules, the one that stands always among them."""
        known = {*lengths(policy), *([row.minutes] if row else [])}
        self.minutes.choices = [SelectChoice(str(m), long_words(m)) for m in sorted(known)]
        self.until_on.description = _("At most %(days)s days from now; you can extend it as often as you like.", days=LONGEST_DAYS)
        if row is not None:
            del self.kind

    def fill(self, row: Listing) -> None:
        for name, value in self.stands(row).items():
            self[name].data = value
        self.base.data = str(row.lock_version)

    @staticmethod
    def stands(row: Listing) -> dict[str, Any]:
        """What stands now, by field."""
        same = {name: getattr(row, name) for name in ("title", "text", "when_text", "lang", "until_on")}
        codes = {"category": row.category.value, "place": row.place.value, "minutes": str(row.minutes), "speaks": row.speaks.split()}
        return {**same, **codes}

    def listing(self, kind: ListingKind | None = None) -> ListingText:
        """Raises KeyError for nothing a validated form holds."""
        return ListingText(
            kind=kind or ListingKind(self.kind.data), category=Category(self.category.data), title=self.title.data or "",
            until_on=self.until_on.data, minutes=int(self.minutes.data), text=self.text.data or "", lang=self.lang.data or "zh",
            speaks=tuple(self.speaks.data or ()), place=Place(self.place.data), when_text=self.when_text.data or "",
        )  # fmt: skip


class TimeForm(BasedForm):
    """When and how long.  Fields named as the refusals of the operations name them."""

    meet_at = DateField(_p("exchange", "Day"), [InputRequired(_l("Choose a day."))])
    meet_time = TimeField(_p("exchange", "Time"), [InputRequired(_l("Choose a time."))])
    minutes = ChoiceField(_l("For how long?"))

    def offer(self, policy: Policy | None, category: Category) -> None:
        """Lengths with what each is worth."""
        self.minutes.choices = [SelectChoice(str(m), worth_words(policy, category, m)) for m in lengths(policy)]

    def begin(self, minutes: int, meet_at: datetime | None = None) -> None:
        local = clock.local(meet_at) if meet_at else None
        self.meet_at.data, self.meet_time.data = (local.date(), local.time().replace(second=0, microsecond=0)) if local else (None, None)
        known = [int(choice.value) for choice in self.minutes.choices]
        self.minutes.data = str(max((m for m in known if m <= minutes), default=known[0]))

    @property
    def moment(self) -> datetime:
        """What was typed is the local time."""
        return datetime.combine(self.meet_at.data, self.meet_time.data, tzinfo=clock.zone())


class RespondForm(TimeForm):
    """An answer to a listing.  is_there: it takes place at the station anyway."""

    is_there = False
    station = RadioField(_l("Where do you meet?"), [CHOOSE])
    words = TextAreaField(_l("A few words to the other person"), [Length(LONGEST_WORDS)])

    def stations(self, name: str, place: Place, *, suggested: bool) -> None:
        """The station first where strangers should meet; where it would be there anyway, or there is none, nothing is to choose."""
        self.is_there = bool(name) and place is Place.station
        if not name or self.is_there:
            del self.station
            return
        self.station.choices = [
            SelectChoice("yes", _("First at the station: %(name)s", name=name)),
            SelectChoice("no", str(labels.PLACE[place])),
        ]
        if self.station.data is None:
            self.station.data = "yes" if suggested else "no"

    def proposal(self) -> Proposal:
        at_station = self.is_there or ("station" in self._fields and self.station.data == "yes")
        return Proposal(int(self.minutes.data), self.moment, self.words.data or "", at_station)


class RetimeForm(TimeForm):
    """Another time."""

    words = TextAreaField(_l("A few words to the other person"), [Length(LONGEST_WORDS)])


class SureForm(BasedForm):
    """One press.  base: the version that was read; minutes: those that were read."""

    minutes = HiddenField()


class PlainForm(Form):
    """One press that needs no version."""


class WordsForm(Form):
    """Words that may be left out."""

    words = TextAreaField(_l("A few words to the other person"), [Length(LONGEST_WORDS)])


class SayForm(Form):
    """Words that are the act."""

    words = TextAreaField(_l("Write to the other person"), [NEEDED, Length(LONGEST_WORDS)])


class DeliverForm(Form):
    """How long it took."""

    minutes = ChoiceField(_l("How long did it take?"))
    words = TextAreaField(_l("A few words to the other person"), [Length(LONGEST_WORDS)])

    def offer(self, known: Iterable[int]) -> None:
        self.minutes.choices = [SelectChoice(str(m), long_words(m)) for m in known]


class DisputeForm(UploadForm):
    """What was different, with a picture or paper."""

    words = TextAreaField(
        _l("What was different?"), [NEEDED, Length(LONGEST_WORDS)], description=_l("The other person and the social worker read it.")
    )


class AnswerForm(UploadForm):
    """How the other one saw it."""

    words = TextAreaField(
        _l("How was it, as you saw it?"), [NEEDED, Length(LONGEST_WORDS)], description=_l("The other person and the social worker read it.")
    )


class RateForm(Form):
    """Stars and words."""

    stars = RadioField(_l("How was it?"), [CHOOSE], choices=lambda: [SelectChoice(value, str(STAR_WORDS[value])) for value in STARS])
    words = TextAreaField(
        _l("A few words, if you like"), [Length(LONGEST_WORDS)], description=_l("Only the two of you and social workers read them.")
    )


class StopForm(Form):
    """Why a social worker stops something."""

    why = TextAreaField(_l("Why do you stop it?"), [NEEDED, Length(LONGEST_WORDS)], description=_l("Those whom it concerns read this."))


class DecideForm(Form):
    """How many minutes count, and why."""

    minutes = ChoiceField(_l("How much of it counts?"))
    words = TextAreaField(_p("dispute", "Your reason"), [NEEDED, Length(LONGEST_WORDS)], description=_l("Both read it."))

    def offer(self, policy: Policy | None, category: Category, most: int) -> None:
        """most: minutes that can be decided, 0 where nothing can be paid now."""
        self.minutes.choices = [
            SelectChoice("0", _("Nothing: all points go back")),
            *(SelectChoice(str(m), worth_words(policy, category, m)) for m in (lengths(policy, most) if most else ())),
        ]
