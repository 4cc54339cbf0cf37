"""The manifest of `points`."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.registry import Module
from civic.points import operations


def manifest() -> Module:
    return Module(name="points", title=_l("Points"), start=(lambda _app: operations and None,))
