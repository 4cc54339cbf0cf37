"""The list of territories: code, kind, names, parent, dates, successor, polygon."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.load.kinds import Batch, Change, Column, ColumnKind, Loader, Row, bilingual, columns
from civic.core.viewer import Actor
from civic.territory.labels import TERRITORY_KIND
from civic.territory.loaders import references
from civic.territory.models import BELOW, PLACES, Territory, TerritoryKind
from civic.territory.queries import TOPIC

CODE, DAY = ColumnKind.code, ColumnKind.day
NO_PARENT = _l("A %(kind)s needs a parent (parent_code); only a district stands by itself.")
NOT_BELOW = _l("A %(kind)s may not stand below %(parent)s, which is a %(parent_kind)s.")
CHILD_BELOW = _l("%(code)s cannot become a %(kind)s: %(child)s, a %(child_kind)s, stands below it.")
BAD_POLYGON = _l("The polygon cannot be read (%(fault)s). It must be a GeoJSON Polygon with closed rings of longitude and latitude.")
NO_GRID, NO_PLACE, NOT_NOW = "territories: no grid", "territories: no place", "territories: not valid today"
SMALLEST_RING = 4  # three corners and the first again


def polygon_fault(text: str) -> str:
    """What is wrong with a GeoJSON Polygon, '' when nothing is."""
    try:
        value = json.loads(text)
    except ValueError:
        return "JSON"
    if not isinstance(value, dict) or value.get("type") != "Polygon":
        return "type"
    rings = value.get("coordinates")
    if not isinstance(rings, list) or not rings:
        return "coordinates"
    for ring in rings:
        if not isinstance(ring, list) or len(ring) < SMALLEST_RING or ring[0] != ring[-1]:
            return "ring"
        if not all(_is_point(point) for point in ring):
            return "longitude, latitude"
    return ""


def _is_point(point: Any) -> bool:
    if not isinstance(point, list) or len(point) != 2 or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in point):
        return False
    return -180 <= point[0] <= 180 and -90 <= point[1] <= 90


def _check(batch: Batch) -> None:
    _tell_others(batch)
    references.check_codes(batch)
    references.check_days(batch)
    parent = sa.orm.aliased(Territory)
    query = sa.select(Territory.code, Territory.kind, parent.code).outerjoin(parent, parent.id == Territory.parent_id)
    standing = {code: (kind, above or "") for code, kind, above in db.session.execute(query)}
    own = {row.text("code"): row for row in batch.rows}
    known = set(standing) | set(own) | batch.coming("territories")
    references.check_known(batch, "parent_code", known)
    references.check_known(batch, "successor_code", known)
    turning = references.check_circles(batch, "parent_code", {code: above for code, (_, above) in standing.items()})
    references.check_circles(batch, "successor_code", references.standing_chain(Territory, Territory.successor_id))
    kinds = {code: kind for code, (kind, _) in standing.items()} | {c: TerritoryKind(r.text("kind")) for c, r in own.items()}
    for row in batch.rows:
        if row.text("code") not in turning:
            _check_level(batch, row, kinds)
        fault = polygon_fault(row.text("polygon")) if row.text("polygon") else ""
        if fault:
            batch.reject(row, BAD_POLYGON, fault=fault)
    for code, (kind, above) in standing.items():  # children that this list does not name
        if above in own and code not in own and kind not in BELOW[kinds[above]]:
            words = {"kind": TERRITORY_KIND[kinds[above]], "child_kind": TERRITORY_KIND[kind]}
            batch.reject(own[above], CHILD_BELOW, code=above, child=code, **words)


def _tell_others(batch: Batch) -> None:
    """What rows of this list are not, for the lists that are checked after it: their codes alone would not say."""
    kinds = {row.text("code"): TerritoryKind(row.text("kind")) for row in batch.rows}
    today = clock.today().isoformat()
    batch.keys[NO_GRID] = {code for code, kind in kinds.items() if kind is not TerritoryKind.grid}
    batch.keys[NO_PLACE] = {code for code, kind in kinds.items() if kind not in PLACES}
    batch.keys[NOT_NOW] = {r.text("code") for r in batch.rows if (r.text("valid_to") or today) < today or r.text("valid_from") > today}


def _check_level(batch: Batch, row: Row, kinds: dict[str, TerritoryKind]) -> None:
    kind, above = TerritoryKind(row.text("kind")), row.text("parent_code")
    if not above:
        if kind not in BELOW[None]:
            batch.reject(row, NO_PARENT, kind=TERRITORY_KIND[kind])
    elif above in kinds and kind not in BELOW[kinds[above]]:
        batch.reject(row, NOT_BELOW, kind=TERRITORY_KIND[kind], parent=above, parent_kind=TERRITORY_KIND[kinds[above]])


def _apply(_actor: Actor, changes: list[Change]) -> None:
    with atomic() as tx:
        rows = references.rows_of(Territory, (change.row.text("code") for change in changes))
        for change in changes:
            code = change.row.text("code")
            if code not in rows:
                rows[code] = Territory(code=code, path=f"/{code}/")
                db.session.add(rows[code])
            _set(rows[code], change.row, None if change.is_new else change.changed)
        db.session.flush()
        named = [change.row.text(c) for change in changes for c in ("parent_code", "successor_code")]
        ids = references.ids_of(Territory, named)
        for change in changes:
            for column, field in (("parent_code", "parent_id"), ("successor_code", "successor_id")):
                if change.is_new or column in change.changed:
                    references.refer("territory", rows[change.row.text("code")], field, change.row.text(column), ids)
        db.session.flush()
        tx.touch(TOPIC)


def _set(territory: Territory, row: Row, changed: frozenset[str] | None) -> None:
    for name, value in references.text_of(row, ("name_zh", "name_en"), changed).items():
        setattr(territory, name, value)
    if changed is None or "kind" in changed:
        territory.kind = TerritoryKind(row.text("kind"))
    if changed is None or "polygon" in changed:
        territory.polygon = row.text("polygon") or None
    for name in ("valid_from", "valid_to"):
        if changed is None or name in changed:
            setattr(territory, name, row.day(name))


def rebuild_paths() -> int:
    """Compute every path from the parents and write those that differ; returns how many.

    The whole tree at once: a parent that changed moves all below it, and 3,300 rows take about 30 ms.
    """
    columns = (Territory.id, Territory.code, Territory.parent_id, Territory.path)
    rows = {row.id: row for row in db.session.execute(sa.select(*columns))}
    paths: dict[int, str] = {}

    def path_of(id_: int) -> str:
        if id_ not in paths:
            row = rows[id_]
            paths[id_] = f"/{row.code}/"  # while its parent is asked, so that a circle ends
            if row.parent_id is not None:
                paths[id_] = f"{path_of(row.parent_id)}{row.code}/"
        return paths[id_]

    wrong = [{"id": id_, "path": path_of(id_)} for id_, row in rows.items() if row.path != path_of(id_)]
    if wrong:
        db.session.execute(sa.update(Territory), wrong)
    return len(wrong)


def _finish(_actor: Actor) -> None:
    with atomic() as tx:
        references.settle("territory")
        db.session.flush()
        rebuild_paths()
        tx.touch(TOPIC)


TERRITORIES = Loader(
    kind="territories",
    title=_l("Districts, towns, communities, villages and grids"),
    columns=columns(
        Column("code", CODE, required=True, most=24),
        Column("kind", CODE, required=True, choices=tuple(TerritoryKind)),
        bilingual("name", most=100),
        Column("parent_code", CODE, most=24),
        Column("valid_from", DAY),
        Column("valid_to", DAY),
        Column("successor_code", CODE, most=24),
        Column("polygon", most=200_000),
    ),
    key=("code",),
    order=20,
    check=_check,
    apply=_apply,
    finish=_finish,
)
