"""The manifest of `exchange`."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from civic.core.registry import Module
from civic.exchange import models


def manifest() -> Module:
    return Module(name="exchange", title=_l("Service for service"), is_feature=True, start=(lambda _app: models and None,))
