"""What was typed of a person, a document, a contact, a home, and whether it can be so: no reads, no writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from stdnum.iso7064 import mod_11_2

from civic.core import clock
from civic.people import records
from civic.people.errors import BadBirthday, BadMail, BadNumber, BadPhone, NameMissing, NameTooLong, NumberAgainstBirthday, ZeroedNumber
from civic.people.models import ContactKind, DocumentKind, HomeRelation, HouseholdRelation
from civic.people.records import Record

FIRST_DAY = date(1890, 1, 1)  # nobody alive is older; a typed 1820 is a slip
_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}")
_CUT_MOBILE = re.compile(r"\+861[3-9](\d{0,8}|\d{10,})")  # a mobile number of mainland China has eleven digits
LONGEST_MAIL = 254  # RFC 5321
RESIDENT = frozenset({DocumentKind.resident_card, DocumentKind.hmt_permit})
#: how a number begins: provinces 11 to 65; residence permits 81 (Hong Kong), 82 (Macao), 83 (Taiwan); permanent cards from 2023 on 9
FIRST_DIGITS = {
    DocumentKind.resident_card: ("1", "2", "3", "4", "5", "6"),
    DocumentKind.hmt_permit: ("810000", "820000", "830000"),
    DocumentKind.permanent_card: ("9",),
}


@dataclass(frozen=True)
class NewDocument:
    """An identity document as it was typed.  checked: the clerk holds the original."""

    kind: DocumentKind
    number: str
    country: str = "CHN"
    name: str = ""
    valid_to: date | None = None
    checked: bool = False


@dataclass(frozen=True)
class NewContact:
    """A phone or mail address as it was typed."""

    kind: ContactKind
    address: str
    confirmed: bool = False


@dataclass(frozen=True)
class NewHome:
    """A home by its id, or a place outside this district in words."""

    relation: HomeRelation
    home_id: int | None = None
    elsewhere: str = ""
    from_on: date | None = None


@dataclass(frozen=True)
class NewPerson:
    """One line of a household that is recorded in one go."""

    record: Record
    relation: HouseholdRelation
    documents: tuple[NewDocument, ...] = ()
    contacts: tuple[NewContact, ...] = ()
    lang: str = ""


def checked_record(record: Record) -> Record:
    """The record with tidy names.  Raises NameMissing, NameTooLong, BadBirthday."""
    name, second = records.tidy_name(record.name), records.tidy_name(record.second_name)
    if not name:
        raise NameMissing(field="name")
    for field, words in (("name", name), ("second_name", second)):
        if len(words) > records.LONGEST_NAME:
            raise NameTooLong(most=records.LONGEST_NAME, count=len(words), field=field)
    if record.birth_on and not _is_possible(record.birth_on):
        raise BadBirthday(first=FIRST_DAY, today=clock.today(), field="birth_on")
    return replace(record, name=name, second_name=second)


def _is_possible(text: str) -> bool:
    try:
        day = date.fromisoformat(text if len(text) == 10 else f"{text}-01-01")
    except ValueError:
        return False
    return FIRST_DAY <= day <= clock.today()


def checked_document(new: NewDocument, record: Record) -> NewDocument:
    """The document with a tidy number.  Raises BadNumber, ZeroedNumber, NumberAgainstBirthday, NameTooLong.

    Resident numbers: 6 digits of a place, the birth day, 3 digits, a check digit by ISO 7064 MOD 11-2 (GB 11643-1999).  A number
    that ends in 000 is one that a spreadsheet cut to 15 digits, unless the check digit fits and the original is held: about one
    true number in 1,100 ends so (100 orders, 11 check digits), but one zeroed number in 11 has a fitting check digit too.
    """
    number, name = records.normal_number(new.number), records.tidy_name(new.name)
    if len(name) > records.LONGEST_NAME:
        raise NameTooLong(most=records.LONGEST_NAME, count=len(name), field="document_name")
    if new.kind in RESIDENT or (new.kind is DocumentKind.permanent_card and number.isdigit()):
        _check_resident_number(number, new, record)
        return replace(new, number=number, name=name, country="CHN")
    if not 5 <= len(number) <= 20:
        raise BadNumber(field="document_number")
    return replace(new, number=number, name=name, country=(new.country or "CHN").upper()[:3])


def _check_resident_number(number: str, new: NewDocument, record: Record) -> None:
    fits = bool(re.fullmatch(r"\d{17}[\dX]", number)) and bool(mod_11_2.is_valid(number))
    if re.fullmatch(r"\d{15}000", number) and not (fits and new.checked):
        raise ZeroedNumber(field="document_number")
    if not fits or not number.startswith(FIRST_DIGITS[new.kind]):
        raise BadNumber(field="document_number")
    inside = birth_inside(number)
    if not _is_possible(inside):
        raise BadNumber(field="document_number")
    if record.birth_on and not inside.startswith(record.birth_on):
        raise NumberAgainstBirthday(field="document_number")


def birth_inside(number: str) -> str:
    """`440113195803042712` → `1958-03-04`."""
    return f"{number[6:10]}-{number[10:12]}-{number[12:14]}"


def checked_contact(new: NewContact) -> NewContact:
    """The contact in its one spelling.  Raises BadPhone, BadMail."""
    if new.kind is ContactKind.phone:
        address = records.normal_phone(new.address)
        if not address or _CUT_MOBILE.fullmatch(address):
            raise BadPhone(field="phone")
    else:
        address = records.normal_mail(new.address)
        if not _MAIL.fullmatch(address) or len(address) > LONGEST_MAIL:
            raise BadMail(field="mail")
    return replace(new, address=address)


def birth_from(documents: Iterable[NewDocument], record: Record) -> Record:
    """A resident number tells the birth day and the sex that nobody typed."""
    for document in documents:
        if document.kind in RESIDENT:
            sex = record.sex or ("male" if int(document.number[16]) % 2 else "female")
            return replace(record, birth_on=birth_inside(document.number), sex=sex)
    return record


def checked_person(new: NewPerson) -> NewPerson:
    """One line of a household, all of it checked, the birth day taken from the number."""
    record = checked_record(new.record)
    documents = tuple(checked_document(d, record) for d in new.documents)
    return replace(new, record=birth_from(documents, record), documents=documents, contacts=tuple(checked_contact(c) for c in new.contacts))
