"""Forms of the desk of people: find, record, correct, show in clear, verify, cards, corrections, merges, the privacy notice.

Forms of life events are in `event_forms`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from wtforms import BooleanField, DateField, HiddenField, PasswordField, RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, EqualTo, InputRequired, Optional, ValidationError

from civic.core.db import Bilingual
from civic.core.i18n import plain
from civic.core.web.forms import ChoiceField, Form, Length
from civic.people import labels, queries, records
from civic.people.models import ContactKind, DocumentKind, HomeRelation, HouseholdRelation
from civic.people.operations import NewContact, NewDocument, NewHome, NewPerson
from civic.people.records import Record

NEEDED = DataRequired(_l("Fill this in."))
MOST_ROWS = 8  # people of one household on one page
FEWEST_WORDS = 4


def words(label: Any, most: int, *, needed: bool = False, description: Any = "", **more: Any) -> StringField:
    return StringField(label, [NEEDED if needed else Optional(), Length(most)], description=description, **more)


def day(label: Any, *, needed: bool = False, description: Any = "") -> DateField:
    return DateField(label, [InputRequired(_l("Choose a day.")) if needed else Optional()], description=description)


def evidence() -> StringField:
    return words(_l("What was shown as proof"), 300, description=_l("For example the certificate and its number. It is stored encrypted."))


def choices(table: Any, *, empty: Any = None) -> list[tuple[str, str]]:
    begin = [("", str(empty))] if empty is not None else []
    return begin + [(each.value, str(label)) for each, label in table.items()]


def birth_words(text: str) -> str:
    """`19580304`, `1958-3-4`, `1958年3月4日` → `1958-03-04`; `1958` stays; anything else stays and is refused as no day."""
    found = re.fullmatch(r"(\d{4})\D*(?:(\d{1,2})\D+(\d{1,2})\D*|(\d{2})(\d{2}))?", text)
    if found is None:
        return text
    year, month, on = found[1], found[2] or found[4], found[3] or found[5]
    return f"{year}-{int(month):02d}-{int(on):02d}" if month else year


class FindForm(Form):
    """One field for everything a person is found by."""

    words = words(
        _l("Name, phone, card or document number"), 100, needed=True, description=_l("The link of a scanned member card works too.")
    )


class HomeChoice(Form):
    """A home by words of its street, number and room; where several fit, they are listed to choose from."""

    home_words = words(_l("Street, building and room"), 60, description=_l("For example: 榕荫里 3 201"))
    home = RadioField(_p("people", "Which home"), validate_choice=False, choices=[])

    def offer_homes(self, place_ids: Sequence[int]) -> None:
        """Look the words up; a single home that fits is chosen at once."""
        typed = self.home_words.data or ""
        found = queries.homes_like(place_ids, typed) if typed else []
        self.home.choices = [(str(home_id), plain(address)) for home_id, address in found]
        known = {value for value, _label in self.home.choices}
        if self.home.data not in known:
            self.home.data = next(iter(known)) if len(known) == 1 else None

    def home_error(self, *, needed: bool) -> bool:
        """Say what is wrong with the choice; True when something is."""
        if self.home_words.data and not self.home.choices:
            self.home_words.errors = [_("No home has these words. Write the street, the number and the room, with spaces between.")]
        elif self.home_words.data and not self.home.data:
            self.home.errors = [_("Several homes fit. Choose one of them.")]
        elif needed and not self.home_words.data:
            self.home_words.errors = [_("Say which home.")]
        else:
            return False
        return True

    @property
    def home_id(self) -> int | None:
        return int(self.home.data) if self.home.data else None


class RecordFields(Form):
    """What a person's record holds."""

    name = words(_p("person", "Name"), 100, needed=True, description=_l("As it stands on the document, in any script."))
    second_name = words(
        _p("people", "Second name"), 100, description=_l("For example a name in Latin letters, or the name everybody uses.")
    )
    birth_on = words(_l("Day of birth"), 20, description=_l("19580304, or the year alone where nobody knows the day."))
    sex = ChoiceField(_p("person", "Sex"))
    nationality = words(_p("person", "Nationality"), 3, description=_l("Three letters: CHN, USA, NGA."), default="CHN")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sex.choices = [("", str(_p("sex", "not said"))), ("female", str(_p("sex", "female"))), ("male", str(_p("sex", "male")))]

    def validate_nationality(self, field: StringField) -> None:
        if field.data and not re.fullmatch(r"[A-Za-z]{3}", field.data):
            raise ValidationError(_("Three letters, as on a passport: CHN, USA, NGA."))

    def record(self) -> Record:
        return Record(
            self.name.data or "",
            self.second_name.data or "",
            birth_words(self.birth_on.data or ""),
            self.sex.data or "",
            (self.nationality.data or "CHN").upper(),
        )


class DocumentFields(Form):
    """An identity document as it is typed."""

    document_kind = ChoiceField(_p("people", "Identity document"))
    document_number = words(_l("Number of the document"), 40)
    document_country = words(_p("people", "Issuing country"), 3, description=_l("Of a passport: three letters."), default="CHN")
    document_checked = BooleanField(_l("I hold the original in my hand"))

    def offer_documents(self) -> None:
        self.document_kind.choices = choices(labels.DOCUMENTS)

    def document(self) -> NewDocument:
        return NewDocument(
            DocumentKind(self.document_kind.data),
            self.document_number.data or "",
            (self.document_country.data or "CHN").upper(),
            checked=bool(self.document_checked.data),
        )


class PersonForm(RecordFields, DocumentFields, HomeChoice):
    """A new person, in the order in which a clerk asks."""

    phone = words(_p("field", "Phone"), 30, description=_l("It may be the phone of a relative: several people can share one."))
    mail = words(_p("people", "Mail address"), 200)
    relation_home = ChoiceField(_l("What ties her to this home"))
    elsewhere = words(
        _p("people", "Registered elsewhere"),
        100,
        description=_l("Province, city and district of the household register, if it is not here."),
    )
    place = ChoiceField(_l("Community that keeps the row"))
    household = words(_l("Number of the household"), 20, description=_l("Leave it empty for a household of her own."))
    relation = ChoiceField(_l("What she is in the household"))
    evidence = evidence()
    sure = BooleanField(_l("I compared them: this is another person"))

    def offer(self, places: Sequence[tuple[int, Bilingual]]) -> None:
        self.offer_documents()
        self.relation_home.choices = choices({r: labels.HOMES[r] for r in (HomeRelation.lives_in, HomeRelation.collective)})
        self.relation.choices = choices(labels.RELATIONS)
        self.place.choices = [(str(place_id), plain(name)) for place_id, name in places]

    def documents(self) -> list[NewDocument]:
        return [self.document()] if self.document_number.data else []

    def contacts(self) -> list[NewContact]:
        pairs = ((ContactKind.phone, self.phone.data), (ContactKind.mail, self.mail.data))
        return [NewContact(kind, address) for kind, address in pairs if address]

    def homes(self) -> list[NewHome]:
        here = [NewHome(HomeRelation(self.relation_home.data), self.home_id)] if self.home_id else []
        away = [NewHome(HomeRelation.registered_at, None, self.elsewhere.data)] if self.elsewhere.data else []
        return here + away


class EditForm(RecordFields):
    """Correct a record; the birth day is masked, so an empty field keeps it."""

    base = HiddenField()
    evidence = evidence()

    @property
    def base_version(self) -> int:
        return int(self.base.data) if str(self.base.data or "").isdecimal() else 0

    def kept(self, now: Record) -> Record:
        """The typed record, with what was left empty as it stands."""
        new = self.record()
        return Record(new.name, new.second_name, new.birth_on or now.birth_on, new.sex, new.nationality)


class ContactForm(Form):
    """A phone or mail address more."""

    phone = words(_p("field", "Phone"), 30)
    mail = StringField(_p("people", "Mail address"), [Length(200)])

    def validate_mail(self, field: StringField) -> None:
        if bool(field.data) == bool(self.phone.data):
            raise ValidationError(_("Write a phone or a mail address, one at a time."))

    def contact(self) -> NewContact:
        kind = ContactKind.phone if self.phone.data else ContactKind.mail
        return NewContact(kind, self.phone.data or self.mail.data or "")


class DocumentForm(DocumentFields):
    """An identity document more."""

    valid_to = day(_p("people", "Valid until"), description=_l("Leave it empty for a document for life."))

    def document(self) -> NewDocument:
        if not self.document_number.data:
            return NewDocument(DocumentKind(self.document_kind.data), "")
        new = super().document()
        return NewDocument(new.kind, new.number, new.country, "", self.valid_to.data, new.checked)


class RevealForm(Form):
    """Why a value has to be seen in clear."""

    purpose = ChoiceField(_p("people", "What for"))
    reason = StringField(_l("Reason in words"), [Length(200)], description=_l("The person can read it on her own page."))

    def offer(self) -> None:
        self.purpose.choices = [("", str(_p("purpose", "Choose")))] + [(name, str(label)) for name, label in labels.PURPOSES.items()]
        self.purpose.validate_choice = False  # the operation refuses it, and notes the attempt


def _row_fields() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for n in range(1, MOST_ROWS + 1):
        found[f"p{n}_name"] = words(_p("person", "Name"), 100)
        found[f"p{n}_relation"] = ChoiceField(_l("In the household"))
        found[f"p{n}_document_kind"] = ChoiceField(_p("people", "Identity document"))
        found[f"p{n}_document_number"] = words(_l("Number of the document"), 40)
        found[f"p{n}_birth_on"] = words(_l("Day of birth"), 20)
        found[f"p{n}_phone"] = words(_p("field", "Phone"), 30)
    return found


class _HouseholdForm(HomeChoice):
    """Up to eight people of one household; empty rows are ignored.  Their fields are added below."""

    place = ChoiceField(_l("Community that keeps the row"))
    evidence = evidence()
    sure = BooleanField(_l("I compared them: these are other people"))

    def offer(self, places: Sequence[tuple[int, Bilingual]]) -> None:
        self.place.choices = [(str(place_id), plain(name)) for place_id, name in places]
        for n in range(1, MOST_ROWS + 1):
            self[f"p{n}_relation"].choices = choices(labels.RELATIONS)
            self[f"p{n}_document_kind"].choices = choices(labels.DOCUMENTS)
            if self[f"p{n}_relation"].data is None:
                self[f"p{n}_relation"].data = (HouseholdRelation.head if n == 1 else HouseholdRelation.child).value

    def rows(self) -> list[list[Any]]:
        """The fields of each row, in the order of the keyboard."""
        return [[self[f"p{n}_{name}"] for name in ROW_NAMES] for n in range(1, MOST_ROWS + 1)]

    def filled(self) -> list[int]:
        """The rows in which something was typed."""
        typed = ("name", "document_number", "birth_on", "phone")
        return [n for n in range(1, MOST_ROWS + 1) if any(self[f"p{n}_{name}"].data for name in typed)]

    def people(self) -> list[NewPerson]:
        return [self._person(n) for n in self.filled()]

    def _person(self, n: int) -> NewPerson:
        number, phone = self[f"p{n}_document_number"].data, self[f"p{n}_phone"].data
        kind = DocumentKind(self[f"p{n}_document_kind"].data)
        return NewPerson(
            Record(self[f"p{n}_name"].data or "", birth_on=birth_words(self[f"p{n}_birth_on"].data or "")),
            HouseholdRelation(self[f"p{n}_relation"].data),
            (NewDocument(kind, number),) if number else (),
            (NewContact(ContactKind.phone, phone),) if phone else (),
        )


ROW_NAMES = ("name", "relation", "document_kind", "document_number", "birth_on", "phone")
HouseholdForm: type[_HouseholdForm] = type("HouseholdForm", (_HouseholdForm,), _row_fields())


class VerifyForm(Form):
    """What the clerk has seen of somebody who becomes verified."""

    document = RadioField(_l("Document that you hold in your hand"), validate_choice=False, choices=[])
    seen = BooleanField(_l("It is the original, and the picture is hers"), [InputRequired(_l("Hold the original beside the face first."))])
    home_right = BooleanField(_l("Household and home above are right"), [InputRequired(_l("Put household and home right first."))])
    evidence = evidence()

    def validate_document(self, field: RadioField) -> None:
        if str(field.data) not in {value for value, _label in field.choices}:
            raise ValidationError(_("Choose the document that you hold."))


class CodeForm(Form):
    """Four digits that she types herself."""

    code = PasswordField(_p("people", "Four digits"), [NEEDED])
    again = PasswordField(_l("The same digits again"), [EqualTo("code", _l("The two do not match. Type both again."))])


class WishForm(Form):
    """What somebody asks to have put right."""

    topic = ChoiceField(_l("What is wrong"))
    wish = TextAreaField(_l("What it should be"), [NEEDED, Length(600)])

    def offer(self) -> None:
        self.topic.choices = [(name, str(label)) for name, label in labels.CORRECTION_TOPICS.items()]


class AnswerForm(Form):
    """The answer to a wish."""

    state = RadioField(_p("correction", "Answer"), validators=[InputRequired(_l("Choose one of the two."))], choices=[])
    answer = TextAreaField(_l("Answer in words"), [NEEDED, Length(600)], description=_l("She reads it in her inbox and on her own page."))


class OtherForm(Form):
    """The other row of a merge."""

    other = words(_l("Member number of the other row"), 20, needed=True, description=_l("Nine digits, from the other row's page."))


class MergeForm(Form):
    """Which of two rows stays, and why they are one human."""

    survivor = RadioField(_l("Which row stays"), validators=[InputRequired(_l("Choose one of the two."))], choices=[])
    reason = StringField(
        _l("Why they are the same person"), [NEEDED, Length(300)], description=_l("The second person reads it. It is stored encrypted.")
    )

    def validate_reason(self, field: StringField) -> None:
        if len(field.data or "") < FEWEST_WORDS:
            raise ValidationError(_("Say in a few words how you know."))


class DecideForm(Form):
    """One press: approve or refuse."""


class UndoForm(Form):
    """Why a merge was wrong."""

    reason = StringField(_l("Why it was wrong"), [NEEDED, Length(300)])


class NoticeForm(Form):
    """A new version of the privacy notice."""

    from_on = day(_p("people", "Counts from"), needed=True)
    text_zh = TextAreaField(_l("Text in Chinese"), [NEEDED, Length(20_000)], description=_l("An empty line begins a new paragraph."))
    text_en = TextAreaField(_l("Text in English"), [NEEDED, Length(20_000)])


def is_number(text: str) -> bool:
    """Is it a member or household number with its check digit?"""
    return records.is_number(records.normal_number(text))
