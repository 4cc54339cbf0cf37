"""The manifest of `people`."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.registry import Module
from civic.people import models, queries

_PAGES = (models, queries)  # imported for their tables


def manifest() -> Module:
    return Module(name="people", title=_l("People"))
