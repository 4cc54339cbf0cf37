"""Homes to choose from, and who lives in them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from civic.core.db import Bilingual, db
from civic.people.models import (
    HomeRelation,
    PersonHome,
)
from civic.territory.models import Building, Home, Territory


def homes_like(place_ids: Iterable[int], words: str, *, limit: int = 20) -> list[tuple[int, Bilingual]]:
    """(home id, address) of the homes in these communities whose street, number or room the words name."""
    grid = aliased(Territory)
    query = (
        sa.select(Home.id, Home.room, Building.number, Building.street_zh, Building.street_en)
        .join(Building, Building.id == Home.building_id)
        .join(grid, grid.id == Building.grid_id)
        .where(grid.parent_id.in_(list(place_ids)), Home.valid_to.is_(None))
    )
    for word in re.split(r"[\s,，]+", words.strip())[:4]:
        like = word.rstrip("号栋室房")
        if like:
            query = query.where(
                sa.or_(
                    Building.street_zh.contains(like, autoescape=True),
                    Building.street_en.icontains(like, autoescape=True),
                    Building.number == like,
                    Home.room == like,
                )
            )
    rows = db.session.execute(query.order_by(Building.street_zh, Building.number, Home.room).limit(limit))
    return [(i, Bilingual(f"{zh}{number}号 {room}", f"{room}, {number} {en}")) for i, room, number, zh, en in rows]


def members_by_home(home_ids: Sequence[int]) -> dict[int, list[int]]:
    """Who lives in these homes now."""
    query = sa.select(PersonHome.home_id, PersonHome.person_id).where(
        PersonHome.home_id.in_(home_ids), PersonHome.relation == HomeRelation.lives_in, PersonHome.ended_on.is_(None)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for home_id, person_id in db.session.execute(query):
        if home_id is not None:
            found[home_id].append(person_id)
    return found
