"""The project's own files, as the guards read them."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: what programs make, and what belongs to a machine (.gitignore says the same)
NOT_OURS = {".git", ".venv", ".venv.part", "var", "node_modules", "__pycache__", "build", "dist", "htmlcov"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that is ours, made ones left out."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in NOT_OURS and not f.endswith(("_cache", ".egg-info")) and f != ".hypothesis")
        found += [
            Path(folder) / name
            for name in sorted(names)
            if not name.endswith((".pyc", ".mo", ".pot")) and name not in {".coverage", ".env"}
        ]
    return tuple(found)


def python(*folders: str) -> Iterator[tuple[str, Path]]:
    """Python files below the folders (all when none is named), with their path from the root."""
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix == ".py" and (not folders or name.startswith(tuple(f"{folder}/" for folder in folders))):
            yield name, path


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports: `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
