"""A whole synthetic district in bulk: Panyu's 16 towns with 174 invented communities and villages, grids, buildings, homes, stations.

The same seed and scale give the same rows.  Written in slices, one community each (about 250 buildings and 1,600 homes), with a
pause between them; a community that has buildings already is passed over, so a broken run can be begun again.
"""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from datetime import time as day_time
from typing import Any

import sqlalchemy as sa

from civic import paths
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.load.kinds import Change, Loader, Row
from civic.core.search import pinyin_of
from civic.core.viewer import Actor, Channel
from civic.territory.loaders.organisations import BODIES
from civic.territory.loaders.territories import TERRITORIES
from civic.territory.models import (
    Building,
    Home,
    Organisation,
    OrganisationKind,
    Station,
    StationHours,
    Territory,
    TerritoryKind,
)
from civic.territory.queries import TOPIC

COMMUNITIES, VILLAGES = 74, 100
GRIDS, BUILDINGS, HOMES = 3_108, 43_805, 278_917  # the whole district at scale 1
FIRST_CODE = 501  # last three digits; the demonstration's begin at 901
PAUSE = 0.005  # seconds between slices, so that other writers get their turn
ONE, TWO = "榕荷桂梅竹松柳枫莲兰菊棠槐柏杏桃樟棉蕉荔", "荫塘溪岸湾岗坪园林桥涌沙洲源泉丰安和泰兴"
STREETS = ("东街", "西街", "大街", "新村路", "一巷", "二巷", "三巷", "花园路", "市场路", "祠堂街")
STREETS_EN = (
    "East Street",
    "West Street",
    "High Street",
    "New Village Road",
    "Lane 1",
    "Lane 2",
    "Lane 3",
    "Garden Road",
    "Market Road",
    "Temple Street",
)
MORNING, AFTERNOON = (day_time(8, 30), day_time(12)), (day_time(14), day_time(17, 30))
SEEDER = Actor(None, job="seed-territory", channel=Channel.command)


@dataclass
class Plan:
    """One community or village before it is written; `rooms` holds the number of homes of each building, by grid."""

    code: str
    kind: TerritoryKind
    name_zh: str
    name_en: str
    town: str
    rooms: list[list[int]]


def district(*, scale: float, rows: Mapping[str, int], seed: int, as_of: date, progress: Callable[[str], Any]) -> dict[str, int]:
    """Write the district and say how many seconds it took.

    scale: factor of buildings and homes; communities (174) and grids (3,108) stay.  rows: `territory` sets the number of homes.
    as_of: the day on which the invented organisations begin is twelve years earlier.  Returns how many rows of each kind were planned.
    """
    began = time.monotonic()
    buildings, homes = sizes(scale, rows)
    _load_frame()
    plans = plan_district(seed, buildings, homes)
    start = as_of.replace(year=as_of.year - 12, month=1, day=1)
    _town_offices(start)
    for number, plan in enumerate(plans, 1):
        _write(plan, number, start)
        if number % 29 == 0:
            progress(f"territory: {number} of {len(plans)} communities and villages")
        time.sleep(PAUSE)
    with atomic() as tx:
        tx.touch(TOPIC)
    counts = {"communities": len(plans), "grids": GRIDS, "buildings": buildings, "homes": homes}
    words = ", ".join(f"{count} {name}" for name, count in counts.items())
    progress(f"territory: {words} in {time.monotonic() - began:.1f} s")
    return counts


def sizes(scale: float, rows: Mapping[str, int]) -> tuple[int, int]:
    """Buildings and homes for a factor, or for a number of homes that was asked for."""
    if "territory" in rows:
        scale = rows["territory"] / HOMES
    return round(BUILDINGS * scale), round(HOMES * scale)


def _load_frame() -> None:
    """The real district and its towns, and the departments and roles, from the files that come with the program."""
    towns = [row for row in _rows("panyu/territories.csv") if row.text("kind") in {"district", "town", "street"}]
    for loader, wanted in ((TERRITORIES, towns), (BODIES, _rows("catalogue/bodies.csv"))):
        model: Any = Territory if loader is TERRITORIES else Organisation
        known = set(db.session.scalars(sa.select(model.code)))
        _apply(loader, [row for row in wanted if row.text("code") not in known])


def _rows(name: str) -> list[Row]:
    with (paths.DATA / name).open(encoding="utf-8", newline="") as file:
        return [Row(name, line, values) for line, values in enumerate(csv.DictReader(file), 2)]


def _apply(loader: Loader, wanted: Sequence[Row]) -> None:
    loader.apply(SEEDER, [Change(row, True, frozenset(row.values)) for row in wanted])
    if loader.finish is not None:
        loader.finish(SEEDER)


# ---- the plan ---------------------------------------------------------------------------------------------------------------


def plan_district(seed: int, buildings: int, homes: int) -> list[Plan]:
    """Communities with their grids, buildings and homes; the totals are exact.

    A street has 5 communities and 4 villages, a town 4 and 10: 74 and 100 together.
    """
    chance = random.Random(f"territory:{seed}")
    towns = [row for row in _rows("panyu/territories.csv") if row.text("kind") in {"town", "street"}]
    names = chance.sample([one + two for one in ONE for two in TWO], COMMUNITIES + VILLAGES)
    plans = []
    for town in towns:
        counts = (5, 4) if town.text("kind") == "street" else (4, 10)
        kinds = [TerritoryKind.community] * counts[0] + [TerritoryKind.village] * counts[1]
        for number, kind in enumerate(kinds):
            name, is_village = names.pop(), kind is TerritoryKind.village
            english = f"{pinyin_of(name).capitalize()} {'Village' if is_village else 'Community'}"
            code = f"{town.text('code')}{FIRST_CODE + number}"
            plans.append(Plan(code, kind, name + ("村" if is_village else "社区"), english, town.text("code"), []))
    grids = share(GRIDS, [1.0] * len(plans), chance)
    in_grids = share(buildings, [chance.uniform(0.5, 1.5) for _ in range(GRIDS)], chance)
    weights = _weights(plans, grids, in_grids, chance)
    spread = iter(share(homes, weights, chance))
    each_grid = iter(in_grids)
    for plan, count in zip(plans, grids, strict=True):
        plan.rooms = [[next(spread) for _ in range(next(each_grid))] for _ in range(count)]
    return plans


def _weights(plans: list[Plan], grids: list[int], in_grids: list[int], chance: random.Random) -> list[float]:
    """Village houses hold one to three homes, blocks of a community six to thirty."""
    weights: list[float] = []
    each_grid = iter(in_grids)
    for plan, count in zip(plans, grids, strict=True):
        sizes = (1, 1, 1, 2, 3) if plan.kind is TerritoryKind.village else (6, 8, 12, 12, 18, 24, 30)
        for _ in range(count):
            weights += [float(chance.choice(sizes)) for _ in range(next(each_grid))]
    return weights


def share(total: int, weights: Sequence[float], chance: random.Random) -> list[int]:
    """Whole numbers in proportion to the weights that add up to the total; what is left over goes to chosen places."""
    if not weights:
        return []
    factor = total / sum(weights)
    found = [int(weight * factor) for weight in weights]
    places = list(range(len(found)))
    chance.shuffle(places)
    for place in places[: total - sum(found)]:
        found[place] += 1
    return found


def rooms(count: int) -> Iterator[str]:
    """Door numbers: `1` for a house of one home, else floors of two, from six homes on of four: 101, 102, 201 …"""
    if count == 1:
        yield "1"
        return
    wide = 2 if count < 6 else 4
    yield from (f"{number // wide + 1}{number % wide + 1:02d}" for number in range(count))


# ---- writing ----------------------------------------------------------------------------------------------------------------


def _town_offices(start: date) -> None:
    """An office for every town that has none, holding the role of the public service office."""
    with atomic():
        role = db.session.scalar(sa.select(Organisation.id).where(Organisation.code == "B-T-GFB"))
        known = set(db.session.scalars(sa.select(Organisation.code)))
        kinds = (TerritoryKind.town, TerritoryKind.street)
        towns = db.session.scalars(sa.select(Territory).where(Territory.kind.in_(kinds)).order_by(Territory.code)).all()
        offices = [
            {
                "code": f"O-{town.code}-GFB",
                "kind": OrganisationKind.town_office,
                "name_zh": f"{town.name_zh}公共服务办公室",
                "name_en": f"{town.name_en} Public Service Office",
                "territory_id": town.id,
                "role_id": role,
                "valid_from": start,
            }
            for town in towns
            if f"O-{town.code}-GFB" not in known
        ]
        if offices:
            db.session.execute(sa.insert(Organisation), offices)


def _write(plan: Plan, number: int, start: date) -> None:
    """One community with everything in it, in one transaction."""
    with atomic():
        if db.session.scalar(sa.select(Territory.id).where(Territory.code == plan.code)) is not None:
            return
        town = db.session.execute(sa.select(Territory.id, Territory.path).where(Territory.code == plan.town)).one()
        path = f"{town.path}{plan.code}/"
        place = _insert_territories([(plan.code, plan.kind, plan.name_zh, plan.name_en, town.id, path)], start)[plan.code]
        codes = [f"{plan.code}{n:02d}" for n in range(1, len(plan.rooms) + 1)]
        grids = _insert_territories(
            [(c, TerritoryKind.grid, f"第{n}网格", f"Grid {n}", place, f"{path}{c}/") for n, c in enumerate(codes, 1)], start
        )  # fmt: skip
        _write_buildings(plan, [grids[code] for code in codes], start)
        _write_station(plan, number, place, start)


def _insert_territories(wanted: list[tuple[str, TerritoryKind, str, str, int, str]], start: date) -> dict[str, int]:
    names = ("code", "kind", "name_zh", "name_en", "parent_id", "path")
    rows = [{**dict(zip(names, values, strict=True)), "valid_from": start} for values in wanted]
    db.session.execute(sa.insert(Territory), rows)
    found = sa.select(Territory.code, Territory.id).where(Territory.code.in_([row["code"] for row in rows]))
    return dict(db.session.execute(found).all())


def _write_buildings(plan: Plan, grids: list[int], start: date) -> None:
    buildings: list[dict[str, Any]] = []
    sizes: dict[str, int] = {}
    for grid_id, counts in zip(grids, plan.rooms, strict=True):
        for count in counts:
            number = len(buildings) + 1
            street, house = (number - 1) % len(STREETS), (number - 1) // len(STREETS) + 1
            name = plan.name_zh.removesuffix("社区").removesuffix("村")
            zh, en = f"{name}{STREETS[street]}", f"{plan.name_en.rpartition(' ')[0]} {STREETS_EN[street]}"
            code = f"{plan.code}-B{number:04d}"
            sizes[code] = count
            buildings.append(
                {
                    "code": code,
                    "grid_id": grid_id,
                    "street_zh": zh,
                    "street_en": en,
                    "number": str(house),
                    "name_zh": f"{zh}{house}号",
                    "name_en": f"{house} {en}",
                    "valid_from": start,
                }
            )
    if not buildings:
        return
    db.session.execute(sa.insert(Building), buildings)
    ids = db.session.execute(sa.select(Building.code, Building.id).where(Building.grid_id.in_(grids)).order_by(Building.id)).all()
    homes = [{"building_id": id_, "room": room} for code, id_ in ids for room in rooms(sizes[code])]
    if homes:
        db.session.execute(sa.insert(Home), homes)


def _write_station(plan: Plan, number: int, place: int, start: date) -> None:
    """Committee, station organisation and station, open on working days, every third on Saturday mornings too."""
    is_village = plan.kind is TerritoryKind.village
    wanted = ("B-V-FWZ", f"O-{plan.town}-GFB")
    ids = dict(db.session.execute(sa.select(Organisation.code, Organisation.id).where(Organisation.code.in_(wanted))).all())
    kind = OrganisationKind.villagers_committee if is_village else OrganisationKind.residents_committee
    committee_zh, committee_en = ("村民委员会", "Villagers' Committee") if is_village else ("居民委员会", "Residents' Committee")
    common = {"territory_id": place, "valid_from": start}
    committee = {
        "code": f"O-{plan.code}-C",
        "kind": kind,
        "name_zh": plan.name_zh + committee_zh,
        "name_en": f"{plan.name_en} {committee_en}",
        **common,
    }
    service = {
        "code": f"O-{plan.code}-S",
        "kind": OrganisationKind.station,
        "name_zh": f"{plan.name_zh}公共服务站",
        "name_en": f"{plan.name_en} Public Service Station",
        "parent_id": ids[wanted[1]],
        "role_id": ids[wanted[0]],
        **common,
    }
    db.session.execute(sa.insert(Organisation), [{"parent_id": None, "role_id": None, **each} for each in (committee, service)])
    organisation_id = db.session.scalar(sa.select(Organisation.id).where(Organisation.code == service["code"]))
    station = Station(
        code=f"ST-{plan.code}",
        territory_id=place,
        organisation_id=organisation_id,
        name_zh=f"{plan.name_zh}公共服务站",
        name_en=f"{plan.name_en} Station",
        address_zh=f"{plan.name_zh}大街 1 号一楼",
        address_en=f"1 High Street, {plan.name_en}, ground floor",
        phone=f"020-0000 {1000 + number}",
    )
    db.session.add(station)
    db.session.flush()
    hours = [(day, *stretch) for day in range(1, 6) for stretch in (MORNING, AFTERNOON)]
    if number % 3 == 0:
        hours.append((6, day_time(9), day_time(12)))
    db.session.execute(sa.insert(StationHours), [{"station_id": station.id, "weekday": d, "opens": o, "closes": c} for d, o, c in hours])
