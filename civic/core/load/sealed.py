"""What loading remembers of lists about people: keys as keyed hashes, rows encrypted, files gone when the load ends.

The sealed text of a row is the JSON pair [key, values]: the key is made again from it when the keys of the site change.  `remember`
keeps which row of the site a line became, for loaders whose lists have numbers of their own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from civic.core import crypto, files
from civic.core.atomic import atomic
from civic.core.db import db, upsert
from civic.core.keys import Sealed
from civic.core.load.models import LoadRow, LoadRun, LoadRunRow

PURPOSE = "load_row"
ASKED = 200  # keys of one statement; each stands once for every key held
Values = dict[str, str]


def canonical(values: Values) -> str:
    return json.dumps(values, sort_keys=True, ensure_ascii=False)


def key_hashes(kind: str, key: str) -> list[str]:
    """What stands for a key, under every key held; the writing one first."""
    return crypto.keyed_hashes(f"{kind}|{key}", PURPOSE)


def value_hashes(kind: str, values: Values) -> list[str]:
    return crypto.keyed_hashes(f"{kind}|{canonical(values)}", PURPOSE)


def close(key: str, values: Values) -> str:
    return crypto.encrypt(json.dumps([key, values], sort_keys=True, ensure_ascii=False), PURPOSE)


def opened(sealed: str) -> tuple[str, Values]:
    """Key and values of a sealed row."""
    key, values = json.loads(crypto.decrypt(sealed, PURPOSE))
    return key, values


def is_sealed(text: str) -> bool:
    """Plain rows are JSON objects and begin with a brace."""
    return text.startswith("g1.")


# ---- last imported rows -----------------------------------------------------------------------------------------------------


def last_rows(kind: str, keys: Iterable[str]) -> dict[str, tuple[Values, str]]:
    """Key → values and hash of the rows that were imported last."""
    wanted, found = sorted(set(keys)), {}
    for at in range(0, len(wanted), ASKED):
        named = {hashed: key for key in wanted[at : at + ASKED] for hashed in key_hashes(kind, key)}
        query = sa.select(LoadRow.key, LoadRow.values, LoadRow.hash).where(LoadRow.kind == kind, LoadRow.key.in_(named))
        for hashed, sealed, mark in db.session.execute(query):
            found[named[hashed]] = (opened(sealed)[1], mark)
    return found


def keep_last(kind: str, rows: Mapping[str, Values], run_id: int) -> None:
    """Inside `atomic()`: these rows (by key) are the last imported ones now, under the writing key alone."""
    entries, older = [], []
    for key, values in rows.items():
        mine, *others = key_hashes(kind, key)
        older += others
        entries.append(
            {"kind": kind, "key": mine, "values_json": close(key, values), "hash": value_hashes(kind, values)[0], "run_id": run_id}
        )
    for at in range(0, len(older), ASKED):
        db.session.execute(sa.delete(LoadRow).where(LoadRow.kind == kind, LoadRow.key.in_(older[at : at + ASKED])))
    insert = upsert(LoadRow.__table__)
    taken = {name: insert.excluded[name] for name in ("values_json", "hash", "run_id")}
    if entries:
        db.session.execute(insert.on_conflict_do_update(index_elements=["kind", "key"], set_=taken), entries)


def remember(kind: str, ids: Mapping[str, int]) -> None:
    """Inside `atomic()`, in a loader's apply: which row of the site stands for a number of the list (kind `people.person`)."""
    if not ids:
        return
    run_id = db.session.scalars(sa.select(sa.func.max(LoadRun.id))).one()
    keep_last(kind, {key: {"id": str(found)} for key, found in ids.items()}, run_id)


def recall(kind: str, keys: Iterable[str]) -> dict[str, int]:
    """Number of the list → id, as `remember` kept it."""
    return {key: int(values["id"]) for key, (values, _) in last_rows(kind, keys).items()}


# ---- files ------------------------------------------------------------------------------------------------------------------


def remove_files(shas: Iterable[str]) -> None:
    """Take the files of an ended load from the disk at once, unless another row names the same content."""
    began = time.time()
    for sha in shas:
        path = files.path_of(sha)
        if not path.is_file() or path.stat().st_mtime >= began or _is_named(sha):
            continue
        aside = path.with_name("gone-" + path.name)
        os.rename(path, aside)
        if _is_named(sha) or aside.stat().st_mtime >= began:  # somebody handed the same content in at this moment
            os.rename(aside, path)
        else:
            aside.unlink()


def _is_named(sha: str) -> bool:
    with atomic():  # a fresh read
        return db.session.scalar(sa.select(files.StoredFile.id).where(files.StoredFile.sha256 == sha).limit(1)) is not None


# ---- change of keys ---------------------------------------------------------------------------------------------------------


def _row_hashes(row: Any, plain: dict[str, str]) -> dict[str, str]:
    if not plain["values"]:
        return {}
    key, values = json.loads(plain["values"])
    return {"key": key_hashes(row.kind, key)[0], "hash": value_hashes(row.kind, values)[0]}


def _run_row_hashes(row: Any, plain: dict[str, str]) -> dict[str, str]:
    return {"key": key_hashes(row.kind, json.loads(plain["values"])[0])[0]} if plain["values"] else {}


#: rows of lists that are not about people are plain JSON and hold nothing to seal again
SEALED = (
    Sealed(LoadRow, {"values": PURPOSE}, _row_hashes, ("key", "hash")),
    Sealed(LoadRunRow, {"values": PURPOSE}, _run_row_hashes, ("key",)),
)
