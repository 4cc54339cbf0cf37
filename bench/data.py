"""The data that is measured: a synthetic district on the believable demo, without its mark; and how many rows that is."""

from __future__ import annotations

import subprocess
from typing import Any

import sqlalchemy as sa

from bench.server import CIVIC, ROOT

SEED = 1


class DataError(Exception):
    """A command that makes the data failed; the message holds its last lines."""


def run(env: dict[str, str], *words: str) -> None:
    ran = subprocess.run([CIVIC, *words], env=env, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode:
        raise DataError(f"civic {' '.join(words)} failed:\n{ran.stdout[-1500:]}")


def make(env: dict[str, str], scale: float, as_of: str) -> None:
    """Schema, lists, believable data, then the district; the same seed and day give the same rows."""
    run(env, "db", "upgrade")
    run(env, "seed", "demo")
    run(env, "seed", "district", "--scale", str(scale), "--seed", str(SEED), "--as-of", as_of)


def make_demo(env: dict[str, str]) -> None:
    """What `civic demo` makes, with its logins: for pages that only workers see."""
    run(env, "demo", "--no-serve")


def size(url: str) -> dict[str, int]:
    """Rows by table, empty and internal ones left out."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            names = [n for n in sa.inspect(connection).get_table_names() if not n.startswith(("search_index", "alembic"))]
            counts = {n: connection.execute(sa.select(sa.func.count()).select_from(sa.table(n))).scalar_one() for n in sorted(names)}
    finally:
        engine.dispose()
    return {name: count for name, count in counts.items() if count}


def words_of(sizes: dict[str, Any]) -> str:
    """The size in a few words: all rows and the five largest tables."""
    largest = sorted(sizes.items(), key=lambda pair: -pair[1])[:5]
    return f"{sum(sizes.values()):,} rows ({', '.join(f'{name} {count:,}' for name, count in largest)})"
