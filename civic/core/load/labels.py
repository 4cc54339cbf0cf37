"""Words for how a cell is written and how far a load is."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from civic.core.load.kinds import ColumnKind
from civic.core.load.models import LoadState

COLUMN_KINDS: dict[ColumnKind, Any] = {
    ColumnKind.text: lazy_pgettext("cell", "text"),
    ColumnKind.code: _l("code (format the column as text)"),
    ColumnKind.number: lazy_pgettext("cell", "whole number"),
    ColumnKind.day: _l("day, such as 2026-10-01"),
    ColumnKind.flag: _l("true or false"),
    ColumnKind.parts: _l("several entries, with ; between them"),
}
LOAD_STATES: dict[LoadState, Any] = {
    LoadState.queued: _l("Waiting to begin"),
    LoadState.preparing: _l("Being prepared, nothing written yet"),
    LoadState.applying: lazy_pgettext("load", "Being written"),
    LoadState.done: lazy_pgettext("load", "Loaded"),
    LoadState.refused: _l("Refused, nothing was written"),
    LoadState.dropped: _l("Ended before anything was written"),
}
