"""Reads of the catalogue: the cards of all items in force, one item with everything needed before leaving home, its history.

The cards of the whole catalogue are read once per content version and day and filtered in memory: some hundred rows at most.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from civic.catalogue.models import (
    Audience,
    Category,
    HandlingType,
    ItemAudience,
    ItemChannel,
    ItemWord,
    Law,
    LimitSource,
    Material,
    ServiceItem,
    ServiceItemVersion,
    StationOffer,
    VersionLaw,
    VersionMaterial,
    WordKind,
    channels_of,
)
from civic.core import clock, misses, search
from civic.core.db import Bilingual, db
from civic.core.i18n import lang
from civic.core.kept import Kept
from civic.core.workdays import Unit
from civic.territory.models import Organisation, Station, Territory

TOPIC = "catalogue"
SOURCE = "service_item"


@dataclass(frozen=True)
class Card:
    """An item as a line of a list."""

    id: int
    code: str
    name: Bilingual
    summary: Bilingual
    category: str
    department: str
    audiences: frozenset[str]
    channels: tuple[ItemChannel, ...]
    legal_limit: int
    limit_unit: Unit
    legal_limit_source: LimitSource
    promised_limit: int
    promised_unit: Unit
    handling_type: HandlingType
    materials: int
    fee: Bilingual
    visits: int
    version_id: int


@dataclass(frozen=True)
class Group:
    """A group by which items are browsed: code for the address, name, how many items."""

    code: str
    name: Bilingual
    count: int = 0


@dataclass(frozen=True)
class Overview:
    """The catalogue of a day: all cards by code, and the groups."""

    cards: dict[str, Card]
    categories: tuple[Group, ...]
    departments: tuple[Group, ...]
    audiences: tuple[Group, ...]
    withheld: dict[str, frozenset[str]]  # item code → territory codes whose station does not offer it


def versions_in_force(on: date) -> sa.Subquery:
    """(item_id, version_id) of the version that counts on a day."""
    v = ServiceItemVersion
    order = sa.func.row_number().over(partition_by=v.item_id, order_by=(v.effective_on.desc(), v.number.desc()))
    ranked = sa.select(v.id, v.item_id, order.label("place")).where(v.effective_on <= on).subquery()
    return sa.select(ranked.c.item_id, ranked.c.id.label("version_id")).where(ranked.c.place == 1).subquery()


def overview(on: date | None = None) -> Overview:
    """The catalogue in force on a day (today), read again when its content or the territory's changed."""
    return _overview.get(on or clock.today())


def _read_overview(day: date) -> Overview:
    v, force = ServiceItemVersion, versions_in_force(day)
    papers = sa.select(VersionMaterial.version_id, sa.func.count().label("n")).group_by(VersionMaterial.version_id).subquery()
    rows = db.session.execute(
        sa.select(
            ServiceItem.id, ServiceItem.code, v.id.label("version_id"), v.name_zh, v.name_en, Category.slug, Organisation.code.label("department"),
            v.channels, v.legal_limit, v.limit_unit, v.legal_limit_source, v.promised_limit, v.promised_unit, v.handling_type,
            sa.func.coalesce(papers.c.n, 0).label("papers"), v.fee_zh, v.fee_en, v.onsite_visits,
        )
        .join(force, force.c.item_id == ServiceItem.id)
        .join(v, v.id == force.c.version_id)
        .join(Category, Category.id == v.category_id)
        .join(Organisation, Organisation.id == ServiceItem.department_id)
        .outerjoin(papers, papers.c.version_id == v.id)
        .where(v.is_retired.is_(False))
        .order_by(ServiceItem.code)
    ).all()  # fmt: skip
    summaries: dict[int, dict[str, str]] = defaultdict(dict)
    words = sa.select(ItemWord.item_id, ItemWord.language, ItemWord.text).where(ItemWord.kind == WordKind.summary)
    for item_id, language, text in db.session.execute(words):
        summaries[item_id][language] = text
    audience_of: dict[int, set[str]] = defaultdict(set)
    groups = sa.select(ItemAudience.item_id, Audience.code).join(Audience, Audience.id == ItemAudience.audience_id)
    for item_id, code in db.session.execute(groups):
        audience_of[item_id].add(code)
    cards = {
        r.code: Card(
            r.id, r.code, Bilingual(r.name_zh, r.name_en), Bilingual(summaries[r.id].get("zh", ""), summaries[r.id].get("en", "")),
            r.slug, r.department, frozenset(audience_of[r.id]), tuple(channels_of(r.channels)), r.legal_limit, r.limit_unit,
            r.legal_limit_source, r.promised_limit, r.promised_unit, r.handling_type, r.papers, Bilingual(r.fee_zh, r.fee_en),
            r.onsite_visits, r.version_id,
        )
        for r in rows
    }  # fmt: skip
    return Overview(cards, *_groups(cards.values()), _withheld())


def _groups(cards: Iterable[Card]) -> tuple[tuple[Group, ...], tuple[Group, ...], tuple[Group, ...]]:
    """Categories, departments and audiences that have items, with their numbers, in their own order."""
    cards = list(cards)
    by_category, by_department = Counter(c.category for c in cards), Counter(c.department for c in cards)
    by_audience = Counter(a for c in cards for a in c.audiences)

    def made(rows: Iterable[Any], counts: Counter[str]) -> tuple[Group, ...]:
        return tuple(Group(code, Bilingual(zh, en), counts[code]) for code, zh, en in rows if counts[code])

    categories = db.session.execute(sa.select(Category.slug, Category.name_zh, Category.name_en).order_by(Category.position, Category.id))
    departments = db.session.execute(
        sa.select(Organisation.code, Organisation.name_zh, Organisation.name_en)
        .where(Organisation.code.in_(by_department))
        .order_by(Organisation.id)
    )
    audiences = db.session.execute(sa.select(Audience.code, Audience.name_zh, Audience.name_en).order_by(Audience.position, Audience.id))
    return made(categories, by_category), made(departments, by_department), made(audiences, by_audience)


def _withheld() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    rows = db.session.execute(
        sa.select(ServiceItem.code, Territory.code)
        .join(StationOffer, StationOffer.item_id == ServiceItem.id)
        .join(Station, Station.id == StationOffer.station_id)
        .join(Territory, Territory.id == Station.territory_id)
        .where(StationOffer.is_offered.is_(False))
    )
    for item, territory in rows:
        found[item].add(territory)
    return {code: frozenset(places) for code, places in found.items()}


_overview = Kept((TOPIC, "territory"), _read_overview)


@dataclass(frozen=True)
class Asked:
    """What a reader asks of the list; empty means everything.  station: code of the community whose station should offer it."""

    q: str = ""
    department: str = ""
    category: str = ""
    audience: str = ""
    channel: str = ""
    station: str = ""

    @property
    def is_narrowed(self) -> bool:
        return any((self.q, self.department, self.category, self.audience, self.channel, self.station))


@dataclass(frozen=True)
class Answer:
    """The cards that fit, best first, and how many of them each channel has."""

    cards: list[Card]
    by_channel: dict[ItemChannel, int]
    phrases: dict[str, str]  # item code → the everyday word that matched


def matching(asked: Asked, whole: Overview) -> Answer:
    """Items for what a reader asked.  With words the order is that of relevance, else that of the list."""
    phrases: dict[str, str] = {}
    cards: Sequence[Card] = list(whole.cards.values())
    if asked.q:
        found = search.find(asked.q, sources=(SOURCE,))
        phrases = {f.result: f.phrase for f in found if f.phrase}
        cards = [whole.cards[f.result] for f in found if f.result in whole.cards]
    cards = [c for c in cards if _fits(c, asked, whole)]
    by_channel = {channel: sum(channel in c.channels for c in cards) for channel in ItemChannel}
    if asked.channel:
        cards = [c for c in cards if asked.channel in c.channels]
    return Answer(list(cards), by_channel, phrases)


def _fits(card: Card, asked: Asked, whole: Overview) -> bool:
    return (
        (not asked.department or card.department == asked.department)
        and (not asked.category or card.category == asked.category)
        and (not asked.audience or asked.audience in card.audiences)
        and (not asked.station or asked.station not in whole.withheld.get(card.code, ()))
    )


@dataclass(frozen=True)
class Paper:
    """A material of an item."""

    code: str
    name: Bilingual
    may_follow: bool


@dataclass(frozen=True)
class LawName:
    """A law of an item."""

    name: Bilingual
    level: Bilingual
    is_checked: bool


@dataclass(frozen=True)
class ItemView:
    """Everything that a reader needs of one item; `version` is the row in force."""

    code: str
    version: ServiceItemVersion
    category: Group
    department: Group
    summary: Bilingual
    channels: tuple[ItemChannel, ...]
    papers: tuple[Paper, ...]
    laws: tuple[LawName, ...]
    words: dict[str, list[str]]
    coming_on: date | None  # the day from which the next version counts


def item_view(code: str, on: date | None = None) -> ItemView | None:
    """One item as it stands on a day, None when there is none in force."""
    day = on or clock.today()
    force = versions_in_force(day)
    row = db.session.execute(
        sa.select(ServiceItem, ServiceItemVersion, Category, Organisation)
        .join(force, force.c.item_id == ServiceItem.id)
        .join(ServiceItemVersion, ServiceItemVersion.id == force.c.version_id)
        .join(Category, Category.id == ServiceItemVersion.category_id)
        .join(Organisation, Organisation.id == ServiceItem.department_id)
        .where(ServiceItem.code == code)
    ).one_or_none()
    if row is None:
        return None
    item, version, category, department = row
    words: dict[str, list[str]] = {"zh": [], "en": []}
    summary = {"zh": "", "en": ""}
    for word in db.session.scalars(sa.select(ItemWord).where(ItemWord.item_id == item.id).order_by(ItemWord.position, ItemWord.id)):
        if word.kind is WordKind.summary:
            summary[word.language] = word.text
        else:
            words[word.language].append(word.text)
    coming = db.session.scalar(
        sa.select(sa.func.min(ServiceItemVersion.effective_on)).where(
            ServiceItemVersion.item_id == item.id, ServiceItemVersion.effective_on > day
        )
    )
    return ItemView(
        code,
        version,
        Group(category.slug, category.name),
        Group(department.code, department.name),
        Bilingual(summary["zh"], summary["en"]),
        tuple(channels_of(version.channels)),
        papers_of(version.id),
        laws_of(version.id),
        words,
        coming,
    )


def papers_of(version_id: int) -> tuple[Paper, ...]:
    rows = db.session.execute(
        sa.select(Material.code, Material.name_zh, Material.name_en, VersionMaterial.may_follow)
        .join(VersionMaterial, VersionMaterial.material_id == Material.id)
        .where(VersionMaterial.version_id == version_id)
        .order_by(VersionMaterial.position)
    )
    return tuple(Paper(code, Bilingual(zh, en), may_follow) for code, zh, en, may_follow in rows)


def laws_of(version_id: int) -> tuple[LawName, ...]:
    rows = db.session.scalars(
        sa.select(Law)
        .join(VersionLaw, VersionLaw.law_id == Law.id)
        .where(VersionLaw.version_id == version_id)
        .order_by(VersionLaw.position)
    )
    return tuple(LawName(law.name, law.level, law.is_checked) for law in rows)


def history(item_id: int) -> Sequence[Any]:
    """The versions of an item, newest first, with who made them."""
    v = ServiceItemVersion
    query = sa.select(v.number, v.effective_on, v.created_at, v.created_by_id, v.note, v.is_retired).where(v.item_id == item_id)
    return db.session.execute(query.order_by(v.number.desc())).all()


def all_materials() -> Sequence[Any]:
    return db.session.execute(sa.select(Material.code, Material.name_zh, Material.name_en).order_by(Material.code)).all()


def all_laws() -> Sequence[str]:
    return list(db.session.scalars(sa.select(Law.name_zh).order_by(Law.name_zh)))


def all_categories() -> Sequence[Category]:
    return db.session.scalars(sa.select(Category).order_by(Category.position, Category.id)).all()


def withheld_items(station_id: int) -> set[int]:
    """Ids of the items that a station took off its list."""
    return set(
        db.session.scalars(sa.select(StationOffer.item_id).where(StationOffer.station_id == station_id, StationOffer.is_offered.is_(False)))
    )


def search_misses(limit: int = 200) -> Sequence[Any]:
    """Words searched in vain, most often first: month, language, words, count."""
    m = misses.SearchMiss
    return db.session.execute(
        sa.select(m.month, m.lang, m.words, m.count).where(misses.in_clear()).order_by(m.month.desc(), m.count.desc(), m.words).limit(limit)
    ).all()


def hot_words() -> list[str]:
    """Words that most people come with, shown below the search field."""
    return (
        ["居住证", "老人金", "租房补贴", "小孩入学"]
        if lang() == "zh"
        else ["residence permit", "old age money", "help with rent", "school place"]
    )
