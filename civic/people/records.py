"""What a person's row seals, how numbers and names are made comparable, and the keyed hashes by which people are found.

One spelling for one thing: names are composed (NFC), runs of spaces become one; for the keys they are folded (NFKC), small, without
spaces and middle dots (阿依古丽·买买提 is also found without the dot).  Phones are E.164, document numbers capital letters and digits.
"""

from __future__ import annotations

import json
import re
import secrets
import unicodedata
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import phonenumbers
from stdnum.iso7064 import mod_11_10

from civic.core import crypto

PERSON, CONTACT, DOCUMENT, ELSEWHERE, EVIDENCE, CARD, CARE, CORRECTION = (
    "person",
    "contact",
    "document",
    "elsewhere",
    "evidence",
    "card",
    "care",
    "correction",
)
NAME = "person-name"
LONGEST_NAME = 100
MOST_PREFIXES = 24
KEY_LENGTH = 48  # `h1.` + key id + `.` + 36 of the 64 digits: 144 bits are enough to tell names apart


@dataclass(frozen=True)
class Record:
    """What is sealed of a person.  birth_on: ISO day, or a year alone where nobody knows the day.  sex: female, male or ''."""

    name: str
    second_name: str = ""
    birth_on: str = ""
    sex: str = ""
    nationality: str = "CHN"

    @property
    def birthday(self) -> date | None:
        return date.fromisoformat(self.birth_on) if len(self.birth_on) == 10 else None

    @property
    def birth_year(self) -> int | None:
        return int(self.birth_on[:4]) if self.birth_on else None


EMPTY = Record("")


def seal(record: Record) -> str:
    return crypto.encrypt(json.dumps(asdict(record), ensure_ascii=False), PERSON)


def unseal(sealed: str) -> Record:
    """An emptied row gives a record without a name."""
    return Record(**json.loads(crypto.decrypt(sealed, PERSON))) if sealed else EMPTY


def tidy_name(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def name_key(text: str) -> str:
    """The folded name of which prefixes are hashed."""
    return re.sub(r"[\s·•・.'’-]", "", unicodedata.normalize("NFKC", text).casefold())


def prefixes(*names: str) -> set[str]:
    """All that a name is found by: each prefix of up to 24 signs and the whole, of every name; Latin words from each word on."""
    found: set[str] = set()
    for name in names:
        words = unicodedata.normalize("NFKC", name).split()
        for start in range(len(words) if name.isascii() else min(1, len(words))):
            key = name_key(" ".join(words[start:]))
            found.update(key[:end] for end in range(1, min(len(key), MOST_PREFIXES) + 1))
            found.add(key)
    return found - {""}


def prefix_hash(prefix: str) -> str:
    return crypto.keyed_hash(prefix, NAME)[:KEY_LENGTH]


def prefix_hashes(prefix: str) -> list[str]:
    """Under every key held."""
    return [each[:KEY_LENGTH] for each in crypto.keyed_hashes(prefix, NAME)]


def normal_phone(text: str) -> str:
    """E.164 (`+8613800138000`), read as a Chinese number where no country is given; '' when it is none."""
    try:
        found = phonenumbers.parse(unicodedata.normalize("NFKC", text), "CN")
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164) if phonenumbers.is_possible_number(found) else ""


def normal_mail(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def normal_number(text: str) -> str:
    """Capital letters and digits alone."""
    return re.sub(r"[^0-9A-Z]", "", unicodedata.normalize("NFKC", text).upper())


def contact_value(kind: str, address: str) -> str:
    """What is hashed of a contact."""
    return f"{kind}|{address}"


def document_value(kind: str, country: str, number: str) -> str:
    """What is hashed of a document."""
    return f"{kind}|{country}|{number}"


def new_number() -> str:
    """Eight random digits (not counted up: a number tells nobody how many there are) and the check digit of ISO 7064 MOD 11,10."""
    digits = f"{secrets.randbelow(90_000_000) + 10_000_000}"
    return digits + str(mod_11_10.calc_check_digit(digits))


def is_number(text: str) -> bool:
    return bool(mod_11_10.is_valid(text)) and len(text) == 9


def masked_name(name: str) -> str:
    """王*芳, 王*, Wa*** Mei: enough for the right person to know herself, for the page that asks who."""
    if name.isascii():
        first, *others = name.split()
        return " ".join([first[:2] + "***", *others[-1:]]) if first else ""
    return name[:1] + "*" + (name[2:] if len(name) > 2 else "")


def masked_phone(phone: str) -> str:
    """138****8000; of a foreign number the country and the last four."""
    national = phone.removeprefix("+86")
    return f"{national[:3]}****{national[-4:]}" if phone.startswith("+86") and len(national) == 11 else f"{phone[:3]}****{phone[-4:]}"


def masked_mail(mail: str) -> str:
    name, _at, host = mail.partition("@")
    return f"{name[:1]}***@{host}"


def masked_number(number: str) -> str:
    """4401**********1234 as the research asks; a short one keeps two and two."""
    keep = 4 if len(number) > 10 else 2
    return number[:keep] + "*" * max(len(number) - 2 * keep, 2) + number[-keep:]


def masked_day(record: Record) -> Any:
    """The year alone."""
    return record.birth_year


def seal_document(number: str, name: str) -> str:
    """The number and, where it differs from the record's, the name on it."""
    return crypto.encrypt(json.dumps({"number": number, "name": name}, ensure_ascii=False), DOCUMENT)


def unseal_document(sealed: str) -> tuple[str, str]:
    """(number, name)."""
    found = json.loads(crypto.decrypt(sealed, DOCUMENT))
    return found["number"], found["name"]
