"""The manifest of `bulletin`."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.bulletin import models
from civic.core.registry import Module

_PAGES = (models,)  # imported for their tables


def manifest() -> Module:
    return Module(name="bulletin", title=_l("News and postings"))
