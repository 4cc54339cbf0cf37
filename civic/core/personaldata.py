"""Everything that is stored about a person, module by module: for her own page and her download (PIPL art. 44 to 45)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from civic.core.registry import the_registry


@dataclass(frozen=True)
class DataPart:
    """One part: a title, rows of (label, value), why it is kept and until when (whole sentences)."""

    title: Any
    rows: list[tuple[Any, Any]] = field(default_factory=list)
    why: Any = ""
    until: Any = ""
    name: str = ""  # key in the downloaded file


def everything_about(person_id: int | None, account_id: int | None) -> list[DataPart]:
    """All parts of all modules, low to high."""
    return [part for module in the_registry().modules for part in module.personal_data(person_id, account_id)]
