"""Results: written to `bench/results/<day>.json`, compared with the last ones on the same bound."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import machine
from bench.frame import Figure

FOLDER = Path(__file__).with_name("results")
NAME = re.compile(r"(\d{4}-\d\d-\d\d)(?:-(\d+))?\.json")
SLOWER = 1.25  # told from a quarter up


def as_json(figures: Sequence[Figure], settings: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    rows = []
    for figure in figures:
        row = asdict(figure)
        row["wanted"] = {k: v for k, v in asdict(figure.wanted).items() if v is not None} if figure.wanted else None
        row["met"] = figure.is_met
        rows.append({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
    return {"format": 1, **about, "versions": machine.versions(), "settings": settings, "figures": rows}


def write(result: dict[str, Any], day: str) -> Path:
    """Write a new file of the day: `<day>.json`, `<day>-2.json` and so on; never over an older one."""
    FOLDER.mkdir(exist_ok=True)
    number = 1
    while (path := FOLDER / f"{day}{'' if number == 1 else f'-{number}'}.json").exists():
        number += 1
    path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def earlier() -> list[dict[str, Any]]:
    """Results that lie in the folder, newest first."""
    named = [(m[1], int(m[2] or 1), path) for path in FOLDER.glob("*.json") if (m := NAME.fullmatch(path.name))]
    return [json.loads(path.read_text(encoding="utf-8")) for _, _, path in sorted(named, reverse=True)]


def slower(figures: Sequence[Figure], before: Sequence[dict[str, Any]]) -> list[str]:
    """What got worse by more than a quarter since the last results that hold the same figure on the same bound."""
    told = []
    for figure in figures:
        old = next((row for result in before for row in result["figures"] if is_same(row, figure)), None)
        if old is None:
            continue
        was, now = (old["share"], figure.share) if figure.share is not None else (old["value"], figure.value)
        factor = (was / now if figure.more_is_better else now / was) if was and now else 1.0
        if factor > SLOWER:
            what = f"{was:.1%} → {now:.1%} of {figure.bound_name}" if figure.share is not None else f"{was:,.1f} → {now:,.1f} {figure.unit}"
            told.append(f"SLOWER  {figure.name}: {what}, by {factor - 1:.0%}")
    return told


def is_same(row: dict[str, Any], figure: Figure) -> bool:
    return (row["name"], row["unit"], row["bound_name"], row["share"] is None) == (
        figure.name,
        figure.unit,
        figure.bound_name,
        figure.share is None,
    )
