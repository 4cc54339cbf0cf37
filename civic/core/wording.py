"""How far a bilingual text is done in each language: official, by a volunteer, missing, or older than the other."""

from __future__ import annotations

import enum


class TextState(enum.StrEnum):
    """State of one language of a text.  outdated: the other language was changed since."""

    official = "official"
    volunteer = "volunteer"
    missing = "missing"
    outdated = "outdated"
