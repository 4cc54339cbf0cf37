"""Words of the request's language, looked up without asking anew which language that is.

Flask-Babel asks for the application, its own state and the language, and writes the language's name out, at every word: 6 µs, and a page
has a hundred of them.  Here the catalogue stays with the request until its language changes (a mail in another one), and words of a
template that take no values are formed once a process.
"""

from __future__ import annotations

from typing import Any

from babel.support import NullTranslations
from flask import Flask, g
from flask_babel import Babel, Domain, get_locale
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

MOST_KEPT = 20_000  # phrases a language; a site has 4,000
Catalogue = Any  # babel.support.Translations


def _state() -> Any:
    """What Flask-Babel keeps of this request; None before it has asked, and outside an application."""
    try:
        return g._get_current_object().__dict__.get("_flask_babel")
    except RuntimeError:
        return None


def current() -> Any:
    """The language of this request or job as Babel knows it; None outside an application."""
    return getattr(_state(), "babel_locale", None) or get_locale()


class Phrases(Domain):
    """The site's catalogue."""

    def get_translations(self) -> Catalogue:
        state = _state()
        here = getattr(state, "babel_locale", None) or get_locale()
        if here is None:
            return NullTranslations()
        state = state or _state()
        known = getattr(state, "civic_phrases", None)
        if known is None or known[0] is not here:
            known = state.civic_phrases = (here, super().get_translations())  # type: ignore[no-untyped-call]
        return known[1]


class Phrase(Markup):
    """Words of the catalogue, which translators write and the guards read: markup as they stand; what is put into them is escaped."""


class House(Babel):
    """Flask-Babel with our catalogue."""

    domain_instance = Phrases()  # type: ignore[no-untyped-call]  # the library's name; there it is made from BABEL_DOMAIN, which stays `messages`


def _told(context: EvalContext, catalogue: Catalogue, about: str | None, message: str, values: dict[str, Any]) -> str:
    """A phrase as `jinja2.ext.i18n` forms it: always a format, safe where values are escaped."""
    if values or not context.autoescape or type(message) is not str:
        found = catalogue.ugettext(message) if about is None else catalogue.upgettext(about, message)
        return _formed(context, found, values if about is None else {"context": about, **values})
    kept: dict[tuple[str | None, str], Phrase] = catalogue.__dict__.setdefault("civic_kept", {})
    phrase = kept.get((about, message))
    if phrase is None:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        found = catalogue.ugettext(message) if about is None else catalogue.upgettext(about, message)
        phrase = kept[about, message] = Phrase(found) % ({} if about is None else {"context": about})
    return phrase


def _formed(context: EvalContext, found: str, values: dict[str, Any]) -> str:
    return (Phrase(found) if context.autoescape else found) % values


@pass_eval_context
def _gettext(_context: EvalContext, _message: str, **values: Any) -> str:
    return _told(_context, House.domain_instance.get_translations(), None, _message, values)


@pass_eval_context
def _pgettext(_context: EvalContext, _about: str, _message: str, **values: Any) -> str:
    return _told(_context, House.domain_instance.get_translations(), _about, _message, values)


@pass_eval_context
def _ngettext(_context: EvalContext, _one: str, _many: str, _count: int, **values: Any) -> str:
    found = House.domain_instance.get_translations().ungettext(_one, _many, _count)
    return _formed(_context, found, {"num": _count, **values})


@pass_eval_context
def _npgettext(_context: EvalContext, _about: str, _one: str, _many: str, _count: int, **values: Any) -> str:
    found = House.domain_instance.get_translations().unpgettext(_about, _one, _many, _count)
    return _formed(_context, found, {"context": _about, "num": _count, **values})


def init_phrases(app: Flask) -> None:
    """After Babel: its templates' functions give way to ours."""
    app.jinja_env.globals.update(_=_gettext, gettext=_gettext, pgettext=_pgettext, ngettext=_ngettext, npgettext=_npgettext)
