"""Refusals: a rule that says no raises a DomainError with a bilingual sentence and the numbers in `context`.

A broken promise of the code itself raises ValueError instead.  Nobody ever matches the text of an error.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l

from civic.core.i18n import format_day


class DomainError(Exception):
    """A rule says no.  `code` is a stable word for programs; `message` a whole sentence in the reader's language."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422
    sentence: ClassVar[Any] = _l("This is not possible.")

    def __init__(self, **context: Any) -> None:
        super().__init__(self.code, context)
        self.context = context

    @property
    def message(self) -> str:
        """The sentence with its numbers; days read as everywhere else on the page."""
        shown = {k: format_day(v) if isinstance(v, date) else v for k, v in self.context.items()}
        return str(self.sentence) % shown if shown else str(self.sentence)

    @property
    def field(self) -> str | None:
        """The form field that the refusal belongs to, if one."""
        value = self.context.get("field")
        return value if isinstance(value, str) else None


class NotAllowed(DomainError):
    """The viewer may not do this."""

    code, status = "not_allowed", 403
    sentence = _l("You are signed in, but your role does not cover this.")


class Conflict(DomainError):
    """Somebody else was first: `current` in the context is what stands now."""

    code, status = "conflict", 409
    sentence = _l("Somebody changed this while you were working on it. Both versions are shown below.")


class KeyReused(DomainError):
    """An idempotency key came back with another body."""

    code, status = "key_reused", 409
    sentence = _l("This form was already sent with other contents. Open it again and check what was saved.")


class TooManyTries(DomainError):
    """A lock-out: `minutes` until the next try counts."""

    code, status = "too_many_tries", 429
    sentence = _l("Too many wrong tries. Wait %(minutes)s minutes, or ask at your service station.")
