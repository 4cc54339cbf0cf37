"""The list of buildings with their homes: a home that a later list leaves out is closed, not deleted."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.load.kinds import Batch, Change, Column, ColumnKind, Loader, Row, bilingual, columns
from civic.core.viewer import Actor
from civic.territory.loaders import references
from civic.territory.loaders.territories import NO_GRID, NOT_NOW
from civic.territory.models import Building, Home, Territory, TerritoryKind
from civic.territory.queries import TOPIC

CODE, DAY = ColumnKind.code, ColumnKind.day
NOT_A_GRID = _l("grid_code: %(value)s is not a grid. A building stands in a grid of a community or village.")
GRID_OVER = _l("grid_code: the grid %(value)s is not valid on %(day)s, when the building stands.")
ROOM_TWICE = _l("The home %(room)s stands twice in this building.")
ROOM_LONG = _l("The home “%(room)s” has %(count)s characters; at most %(most)s are possible.")
MOST_ROOM = 20
TEXTS = ("street_zh", "street_en", "number", "name_zh", "name_en")


def _check(batch: Batch) -> None:
    references.check_codes(batch)
    references.check_days(batch)
    wanted = {row.text("grid_code") for row in batch.rows}
    grids: dict[str, Territory] = {}
    for start in range(0, len(wanted), 500):  # SQLite takes a limited number of values in a list
        part = sorted(wanted)[start : start + 500]
        grids |= {t.code: t for t in db.session.scalars(sa.select(Territory).where(Territory.code.in_(part)))}
    coming = batch.coming("territories")
    references.check_known(batch, "grid_code", coming | set(grids))
    for row in batch.rows:
        _check_grid(batch, row, grids.get(row.text("grid_code")), is_coming=row.text("grid_code") in coming)
        _check_homes(batch, row)


def _check_grid(batch: Batch, row: Row, grid: Territory | None, *, is_coming: bool) -> None:
    """A building that is gone may stand in a grid that was valid on its last day.  What the same load says of a grid goes first."""
    code, ended, today = row.text("grid_code"), row.day("valid_to"), clock.today()
    day = ended if ended and ended < today else today
    is_grid = code not in batch.coming(NO_GRID) if is_coming else grid is None or grid.kind is TerritoryKind.grid
    if not is_grid:
        batch.reject(row, NOT_A_GRID, value=code)
    elif is_coming:
        if day == today and code in batch.coming(NOT_NOW):
            batch.reject(row, GRID_OVER, value=code, day=day)
    elif grid is not None and not grid.is_valid(day):
        batch.reject(row, GRID_OVER, value=code, day=day)


def _check_homes(batch: Batch, row: Row) -> None:
    rooms = row.parts("homes")
    for room in rooms:
        if len(room) > MOST_ROOM:
            batch.reject(row, ROOM_LONG, room=room[:MOST_ROOM], count=len(room), most=MOST_ROOM)
    for room in sorted({room for room in rooms if rooms.count(room) > 1}):
        batch.reject(row, ROOM_TWICE, room=room)


def _apply(_actor: Actor, changes: list[Change]) -> None:
    with atomic() as tx:
        rows = references.rows_of(Building, (change.row.text("code") for change in changes))
        grids = references.ids_of(Territory, (change.row.text("grid_code") for change in changes))
        for change in changes:
            code = change.row.text("code")
            if code not in rows:
                rows[code] = Building(code=code)
                db.session.add(rows[code])
            _set(rows[code], change.row, None if change.is_new else change.changed, grids)
        db.session.flush()
        listed = {rows[c.row.text("code")].id: c.row.parts("homes") for c in changes if c.is_new or "homes" in c.changed}
        write_homes(listed)
        tx.touch(TOPIC)


def _set(building: Building, row: Row, changed: frozenset[str] | None, grids: dict[str, int]) -> None:
    for name, value in references.text_of(row, TEXTS, changed).items():
        setattr(building, name, value)
    if changed is None or "grid_code" in changed:
        building.grid_id = grids[row.text("grid_code")]
    for name in ("valid_from", "valid_to"):
        if changed is None or name in changed:
            setattr(building, name, row.day(name))


def write_homes(listed: dict[int, list[str]]) -> None:
    """Make the homes of buildings those of the list (building id → rooms): open what is new or back, close what is left out.

    The last day of a home that is left out is yesterday: from today on nobody can be registered there.
    """
    standing: dict[int, dict[str, Home]] = {id_: {} for id_ in listed}
    for home in db.session.scalars(sa.select(Home).where(Home.building_id.in_(sorted(listed))).order_by(Home.id)):
        standing[home.building_id][home.room] = home
    yesterday = clock.today() - timedelta(days=1)
    new = []
    for building_id, rooms in listed.items():
        for room in rooms:
            known = standing[building_id].get(room)
            if known is None:
                new.append({"building_id": building_id, "room": room})
            else:
                known.valid_to = None
        for room, home in standing[building_id].items():
            if room not in rooms and (home.valid_to is None or home.valid_to > yesterday):
                home.valid_to = yesterday
    if new:
        db.session.execute(sa.insert(Home), new)


BUILDINGS = Loader(
    kind="buildings",
    title=_l("Buildings and homes"),
    columns=columns(
        Column("code", CODE, required=True, most=40),
        Column("grid_code", CODE, required=True, most=24),
        bilingual("street", most=100),
        Column("number", CODE, required=True, most=20),
        bilingual("name", required=False, most=100),
        Column("homes", ColumnKind.parts, most=20_000),
        Column("valid_from", DAY),
        Column("valid_to", DAY),
    ),
    key=("code",),
    order=26,
    check=_check,
    apply=_apply,
)
