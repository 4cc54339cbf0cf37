"""Forms of the bulletin: an announcement or posting in both languages, acts on them, an objection, a subscription."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import BooleanField, DateField, DateTimeLocalField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from civic.bulletin import labels
from civic.bulletin.clock import LONGEST
from civic.bulletin.models import AnnouncementKind, VoiceLanguage
from civic.bulletin.operations import AnnouncementText, PostingText
from civic.core import clock
from civic.core.files import PICTURES
from civic.core.sniff import FileKind
from civic.core.web.forms import ChoiceField, Form, Length
from civic.core.web.uploads import UploadForm
from civic.core.workdays import Unit

NEEDED = DataRequired(_l("Fill this in."))
LONGEST_BODY = 8000
SOUNDS = frozenset({FileKind.mp3, FileKind.m4a, FileKind.ogg, FileKind.wav})
MOMENT = "%Y-%m-%dT%H:%M"


def _choices(words: dict[Any, Any]) -> Any:
    return lambda: [(member.value, str(label)) for member, label in words.items()]


class BothLanguages(Form):
    """Titles and texts side by side.  base: the version the writer saw; '' for a new one."""

    base = HiddenField()
    title_zh = StringField(_l("Title in Chinese"), [Length(120)])
    title_en = StringField(_l("Title in English"), [Length(160)])
    body_zh = TextAreaField(_l("Text in Chinese"), [Length(LONGEST_BODY)])
    body_en = TextAreaField(_l("Text in English"), [Length(LONGEST_BODY)])
    volunteer_zh = BooleanField(_l("A volunteer translated this into Chinese"))
    volunteer_en = BooleanField(_l("A volunteer translated this into English"))
    fits_zh = BooleanField(_l("The Chinese still says the same, though only the English was changed"))
    fits_en = BooleanField(_l("The English still says the same, though only the Chinese was changed"))

    @property
    def base_version(self) -> int:
        """0 fits no version, so a form whose field was tampered with is a conflict."""
        return int(self.base.data) if str(self.base.data or "").isdecimal() else 0

    def both(self) -> dict[str, Any]:
        words = {name: self[name].data or "" for name in ("title_zh", "title_en", "body_zh", "body_en")}
        return {**words, **{name: bool(self[name].data) for name in ("volunteer_zh", "volunteer_en", "fits_zh", "fits_en")}}


class AnnouncementForm(BothLanguages):
    """An announcement; place is asked for a new one alone."""

    place = ChoiceField(_p("bulletin", "For whom"), description=_l("It hangs in this territory and in all communities below it."))
    kind = ChoiceField(_l("What it is about"), choices=_choices(labels.KIND), default=AnnouncementKind.news.value)
    is_urgent = BooleanField(
        _l("Urgent: at once, on top of every page of this territory"),
        description=_l("May go out in one language; the other then waits for a translator. Without an end it is shown for 24 hours."),
    )
    from_at = DateTimeLocalField(
        _p("field", "From"), [Optional()], format=MOMENT, description=_l("Empty: from the moment it is published.")
    )
    until_at = DateTimeLocalField(_p("field", "Until"), [Optional()], format=MOMENT, description=_l("Empty: until it is withdrawn."))

    def text(self) -> AnnouncementText:
        return AnnouncementText(
            **self.both(),
            kind=AnnouncementKind(self.kind.data),
            is_urgent=bool(self.is_urgent.data),
            from_at=_aware(self.from_at.data),
            until_at=_aware(self.until_at.data),
        )

    def fill(self, text: AnnouncementText) -> None:
        for name in ("title_zh", "title_en", "body_zh", "body_en", "volunteer_zh", "volunteer_en", "is_urgent"):
            self[name].data = getattr(text, name)
        self.kind.data = text.kind.value
        self.from_at.data, self.until_at.data = _local(text.from_at), _local(text.until_at)


def _aware(moment: datetime | None) -> datetime | None:
    """What was typed is the site's local time."""
    return moment.replace(tzinfo=clock.zone()) if moment else None


def _local(moment: datetime | None) -> datetime | None:
    return clock.local(moment).replace(tzinfo=None, second=0, microsecond=0) if moment else None


class PostingForm(BothLanguages):
    """A posting; place is asked for a new one alone."""

    place = ChoiceField(_p("bulletin", "For whom"), description=_l("It hangs in this territory and in all communities below it."))
    days = IntegerField(
        _l("At least so many days"),
        [InputRequired(_l("Fill this in.")), NumberRange(1, LONGEST, _l("A whole number from 1 to %(most)s.") % {"most": LONGEST})],
        description=_l("Counted from the day after it is put up."),
    )
    unit = ChoiceField(_p("bulletin", "Counted in"), choices=_choices(labels.UNIT), default=Unit.working_day.value)
    basis = StringField(_l("Rule that asks for it"), [Length(300)])
    masking = StringField(
        _l("How people are named on it"), [Length(200)], description=_l("For example: 王*芳, and the last four digits of the phone.")
    )

    def text(self) -> PostingText:
        basis, masking = self.basis.data or "", self.masking.data or ""
        return PostingText(**self.both(), days=self.days.data or 1, unit=Unit(self.unit.data), basis=basis, masking=masking)

    def fill(self, text: PostingText) -> None:
        for name in ("title_zh", "title_en", "body_zh", "body_en", "volunteer_zh", "volunteer_en", "days", "basis", "masking"):
            self[name].data = getattr(text, name)
        self.unit.data = text.unit.value


class ActForm(Form):
    """One button; base is the version that was seen."""

    base = HiddenField()

    @property
    def base_version(self) -> int:
        return int(self.base.data) if str(self.base.data or "").isdecimal() else 0


class TakeDownForm(Form):
    """Taking a posting down early."""

    why = TextAreaField(_l("Why it comes down early"), [Length(300)], description=_l("One or two sentences. Everybody can read them."))


class CloseForm(ActForm):
    """The outcome in both languages."""

    outcome_zh = TextAreaField(_l("Outcome in Chinese"), [Length(2000)])
    outcome_en = TextAreaField(_l("Outcome in English"), [Length(2000)])


class AnswerForm(Form):
    """The public answer to an objection, in both languages."""

    answer_zh = TextAreaField(
        _l("Answer in Chinese"), [Length(2000)], description=_l("It is public: name nobody, not even the one who asked.")
    )
    answer_en = TextAreaField(_l("Answer in English"), [Length(2000)])


class ObjectionForm(Form):
    """What somebody says against a posting; name and contact are for the answer alone."""

    text = TextAreaField(_l("What is wrong, and why"), [NEEDED, Length(3000)])
    name = StringField(_p("bulletin", "Your name"), [Length(100)])
    contact = StringField(_l("Telephone or mail address"), [Length(120)], description=_l("So that the answer finds you. Not published."))


class SubscribeForm(Form):
    """News of a place by mail."""

    mail = StringField(_p("bulletin", "Mail address"), [NEEDED, Length(254)])
    announcements = BooleanField(_p("subscription", "Announcements"), default=True)
    postings = BooleanField(_p("subscription", "Postings"), default=True)


class VoiceForm(UploadForm):
    """A recorded voice."""

    accept = SOUNDS
    most_files = 1
    as_it_is = True

    speech = ChoiceField(_l("Language of the voice"), choices=_choices(labels.SPEECH), default=VoiceLanguage.cantonese.value)


class PhotoForm(UploadForm):
    """The photo of the board."""

    accept = PICTURES
    most_files = 1

    taken_on = DateField(_l("Day of the photo"), [InputRequired(_l("Choose a day."))])
