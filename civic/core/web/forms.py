"""Forms: a base that trims what people type and carries the key that makes a second click harmless.

`keyed(form, to=…)` goes around the one operation of a view; `refuse(form, refusal)` shows a rule's no at its field.  A `BasedForm` is of
something that two people may edit: `beside` puts what stands now next to what the second one typed.
"""

from __future__ import annotations

import contextlib
import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

from babel import support
from flask import request
from flask_babel import lazy_gettext as _l
from flask_wtf import CSRFProtect, FlaskForm
from wtforms import Field, HiddenField, SelectField, StringField, TextAreaField
from wtforms.i18n import messages_path
from wtforms.validators import ValidationError

from civic.core import idempotency
from civic.core.db import new_public_id
from civic.core.errors import Conflict, DomainError
from civic.core.i18n import lang
from civic.core.viewer import viewer

csrf = CSRFProtect()
LONGEST_BASE = 18  # digits; more fit no version


def trimmed(value: Any) -> Any:
    """Composed characters (NFC), no spaces around; control characters and the like never reach the database."""
    if not isinstance(value, str):
        return value
    value = unicodedata.normalize("NFC", value.replace("\r\n", "\n"))
    return "".join(c for c in value if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"}).strip()


@lru_cache(maxsize=8)
def _catalogue(language: str) -> Any:
    return support.Translations.load(messages_path(), [language], domain="wtforms")


class _OwnWords:
    """What the library says of a wrong date and the like; it reads its file anew in every request, which is a fifth of a small form."""

    def gettext(self, string: str) -> str:
        return str(_catalogue(lang()).ugettext(string))

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return str(_catalogue(lang()).ungettext(singular, plural, n))


_OWN_WORDS = _OwnWords()


class Form(FlaskForm):
    """Base of all forms."""

    request_key = HiddenField(default=new_public_id)

    class Meta(FlaskForm.Meta):
        def get_translations(self, form: Any) -> Any:
            return _OWN_WORDS

        def bind_field(self, form: Any, unbound_field: Any, options: MutableMapping[str, Any]) -> Any:
            filters = [*unbound_field.kwargs.get("filters", ())]
            if issubclass(unbound_field.field_class, (StringField, TextAreaField)):
                filters.insert(0, trimmed)
            return unbound_field.bind(form=form, filters=filters, **options)

    def new_key(self) -> None:
        """A form shown again is a new request."""
        self.request_key.data = new_public_id()

    def error_list(self) -> list[tuple[str, str, str]]:
        """(field id, label, message) of every error, for the summary at the top."""
        found = [("", "", str(message)) for message in self.form_errors]
        for field in self:
            messages = field.errors if not isinstance(field.errors, dict) else [m for sub in field.errors.values() for m in sub]
            found += [(field.id, str(field.label.text), str(message)) for message in messages]
        return found


class BasedForm(Form):
    """A form of something that two people may edit: `base` is the version it was opened with."""

    base = HiddenField()

    @property
    def base_version(self) -> int:
        """0 fits no version, so a form whose field was tampered with is a conflict."""
        typed = str(self.base.data or "")
        return int(typed) if typed.isdecimal() and len(typed) <= LONGEST_BASE else 0

    def beside(self, refusal: Conflict, now: Callable[[], Mapping[str, Any]]) -> list[tuple[str, str, str]]:
        """(label, what stands now, what was typed) where they differ; the next try counts from what stands now.

        now: reads the values by field name.  It is asked only here: read before the operation, it could miss what the colleague saved,
        and the next try would write over words that nobody was shown.
        """
        stands = now()
        self.base.data = str(refusal.context["current"])
        fields = [field for name, field in self._fields.items() if name in stands and not isinstance(field, HiddenField)]
        rows = [(str(f.label.text), _shown(f, stands[f.short_name]), _shown(f, f.data)) for f in fields]
        return [row for row in rows if row[1] != row[2]]


def _shown(field: Field, value: Any) -> str:
    """A value as people read it: a choice by its words, not by its code."""
    words = {str(code): str(label) for code, label, *_ in field.iter_choices()} if isinstance(field, SelectField) else {}
    values = [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]
    return ", ".join(words.get(each, each.replace("\r\n", "\n")) for each in values)


class Length:
    """At most so many characters; the message says how many there are."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.field_flags = {"maxlength": most}

    def __call__(self, form: Any, field: Field) -> None:
        if field.data and len(field.data) > self.most:
            raise ValidationError(
                str(_l("At most %(most)s characters; there are %(count)s.")) % {"most": self.most, "count": len(field.data)}
            )


class ChoiceField(SelectField):  # type: ignore[misc]  # the library's stubs are left out (pyproject)
    """A select (its choices are `SelectChoice(value, label)`); an unknown value is refused in words."""

    def pre_validate(self, form: Any) -> None:
        if self.validate_choice and not any(str(value) == str(self.data) for value, *_ in self.iter_choices()):
            raise ValidationError(str(_l("Choose one of the entries in the list.")))


@contextlib.contextmanager
def keyed(form: Form, to: Callable[[Any], str]) -> Iterator[None]:
    """Answer this form at most once.  to: from the operation's result to the address that shows it."""

    def answer(outcome: Any) -> dict[str, Any]:
        if isinstance(outcome, DomainError):
            return {"refused": outcome.code, "message": outcome.message, "status": outcome.status}
        return {"location": to(outcome)}

    body: dict[str, list[str]] = {name: request.form.getlist(name) for name in request.form if name not in idempotency.SECRET_FIELDS}
    for name, file in request.files.items(multi=True):  # the same form with another file is another body
        body.setdefault(name, []).append(f"{file.filename} {hashlib.file_digest(file.stream, 'sha256').hexdigest()}")  # type: ignore[arg-type]
        file.stream.seek(0)
    with idempotency.keyed(
        viewer().account_id, request.endpoint or "", form.request_key.data or new_public_id(), [request.path, body], answer
    ):
        yield


def refuse(form: Form, refusal: DomainError) -> int:
    """Put a rule's no at its field (or at the top) and give the form a new key; returns the status for the answer."""
    field = form._fields.get(refusal.field or "")
    if field is not None:
        field.errors = [*field.errors, refusal.message]
    else:
        form.form_errors.append(refusal.message)
    form.new_key()
    return refusal.status
