"""Both languages are whole: every sentence has its Chinese, every enum its words, short words say where they stand."""

from __future__ import annotations

import enum
import importlib
import importlib.util
import re
import subprocess
import sys

import polib
import pytest
from flask_babel import force_locale

from civic import paths
from tests.support.tree import ROOT, python

KEYWORDS = "_l _p:1c,2 lazy_gettext ngettext:1,2 lazy_ngettext:1,2 pgettext:1c,2 lazy_pgettext:1c,2 npgettext:1c,2,3 lazy_npgettext:1c,2,3"
CATALOGUE = paths.TRANSLATIONS / "zh" / "LC_MESSAGES" / "messages.po"
PLACEHOLDER = re.compile(r"%\([a-z_]+\)[a-z]|\{[a-z_]*\}")
HAN = re.compile(r"[\u3400-\u9fff]")
LEAST_WORDS = 3  # ARCHITECTURE: words under three words carry a message context
#: examples of what somebody types in Chinese may stand in an English sentence
EXAMPLE = re.compile(r"For example|Example", re.IGNORECASE)
#: enums that people never read: they choose code, not words
UNSEEN = {"Channel", "TicketKind", "ColumnKind", "FaultCode", "Reason", "Unit", "DayKind"}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory) -> polib.POFile:
    """Every message of code and templates, as `dev.py i18n` finds them."""
    target = tmp_path_factory.mktemp("i18n") / "messages.pot"
    options = [part for word in KEYWORDS.split() for part in ("-k", word)]
    command = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract", "-F", "babel.cfg", *options, "-o", str(target), "."]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return polib.pofile(str(target))


@pytest.fixture(scope="module")
def translated() -> dict[tuple[str | None, str], polib.POEntry]:
    return {(entry.msgctxt, entry.msgid): entry for entry in polib.pofile(str(CATALOGUE)) if not entry.obsolete}


def where(entry: polib.POEntry) -> str:
    return f"{entry.msgctxt + ': ' if entry.msgctxt else ''}{entry.msgid!r} ({', '.join(name for name, _ in entry.occurrences[:2])})"


def words_of(entry: polib.POEntry) -> list[str]:
    return [entry.msgstr] if not entry.msgid_plural else list(entry.msgstr_plural.values())


def test_every_sentence_has_its_chinese(extracted, translated):
    missing = [where(e) for e in extracted if not (found := translated.get((e.msgctxt, e.msgid))) or not all(words_of(found))]
    assert missing == []


def test_nothing_is_only_guessed(translated):
    assert [where(e) for e in translated.values() if e.fuzzy] == []


def test_nothing_is_translated_that_nobody_says(extracted, translated):
    said = {(e.msgctxt, e.msgid) for e in extracted}
    assert [where(e) for key, e in translated.items() if key not in said] == []


def test_the_places_for_numbers_are_the_same(translated):
    wrong = []
    for entry in translated.values():
        wanted = set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        wrong += [f"{where(entry)} → {text!r}" for text in words_of(entry) if set(PLACEHOLDER.findall(text)) != wanted]
    assert wrong == []


def test_the_chinese_is_chinese(translated):
    wrong = [
        where(e)
        for e in translated.values()
        for text in words_of(e)
        if not HAN.search(text) and re.search(r"[A-Za-z]{3}", re.sub(PLACEHOLDER, "", text)) and text == e.msgid
    ]
    assert wrong == []


def test_short_words_say_where_they_stand(extracted):
    """One or two words mean different things in different places; three, a named value beside them or a whole sentence explain themselves."""
    short = [
        where(e)
        for e in extracted
        if e.msgctxt is None and len(e.msgid.split()) < LEAST_WORDS and not PLACEHOLDER.search(e.msgid) and e.msgid[-1:] not in ".?!…"
    ]
    assert short == []


def test_message_ids_are_english(extracted):
    assert [where(e) for e in extracted if HAN.search(e.msgid) and not EXAMPLE.search(e.msgid)] == []


def label_modules() -> list[str]:
    return [name.removesuffix(".py").replace("/", ".") for name, _ in python("civic") if name.endswith("/labels.py")]


def enums_with_labels() -> dict[type[enum.Enum], list[tuple[str, dict]]]:
    """Each enum that some labels.py speaks of, with its dictionaries of words."""
    found: dict[type[enum.Enum], list[tuple[str, dict]]] = {}
    for module in label_modules():
        for name, value in vars(importlib.import_module(module)).items():
            if isinstance(value, dict) and value and all(isinstance(key, enum.Enum) for key in value):
                found.setdefault(type(next(iter(value))), []).append((f"{module}.{name}", value))
    return found


def test_every_member_of_a_labelled_enum_has_words_in_both_languages(site):
    wrong = []
    for kind, tables in enums_with_labels().items():
        for name, words in tables:
            wrong += [f"{name}: {member} has none" for member in kind if member not in words]
            if name.endswith("_ICON"):
                continue
            spoken = {}
            for lang in ("zh", "en"):
                with site.test_request_context("/"), force_locale(lang):
                    spoken[lang] = {member: str(text) for member, text in words.items()}
            wrong += [f"{name}: {m} says {text!r} in Chinese" for m, text in spoken["zh"].items() if not HAN.search(text)]
            wrong += [f"{name}: {m} says {text!r} in English" for m, text in spoken["en"].items() if HAN.search(text) or not text]
    assert wrong == []


def test_every_enum_of_a_models_file_has_words():
    """Where a module has labels.py, no enum of its tables is left out."""
    labelled = {kind.__name__ for kind in enums_with_labels()}
    wrong = []
    for module in label_modules():
        name = module.rsplit(".", 1)[0] + ".models"
        if importlib.util.find_spec(name) is None:  # front has words for core's enums and no tables of its own
            continue
        models = importlib.import_module(name)
        wrong += [
            f"{models.__name__}.{n}"
            for n, k in vars(models).items()
            if isinstance(k, type) and issubclass(k, enum.Enum) and k.__module__.startswith("civic.") and n not in labelled | UNSEEN
        ]
    assert wrong == []
