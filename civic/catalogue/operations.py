"""Writes of the catalogue: a new version of an item, its everyday words, what a station offers, the search rows that follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from civic.catalogue import queries, signals
from civic.catalogue.errors import (
    ItemChanged,
    NoChannel,
    OnlyFollowing,
    OnSpotNeedsNoDays,
    PastDay,
    PromiseAfterLaw,
    UnknownLaws,
    UnknownMaterials,
)
from civic.catalogue.models import (
    Category,
    HandlingType,
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
)
from civic.core import audit, clock, search
from civic.core.atomic import atomic
from civic.core.db import db, locked, upsert
from civic.core.viewer import Actor
from civic.core.workdays import Unit
from civic.territory.models import Organisation, Station


@dataclass(frozen=True)
class ItemText:
    """The contents of a version: what a department writes.  Limits are whole numbers in the rule's own unit."""

    name_zh: str
    name_en: str
    category_id: int
    legal_limit: int
    limit_unit: Unit
    legal_limit_source: LimitSource
    legal_limit_text_zh: str
    legal_limit_text_en: str
    promised_limit: int
    promised_unit: Unit
    fee_zh: str
    fee_en: str
    target_group_zh: str
    target_group_en: str
    handling_type: HandlingType
    onsite_visits: int
    result_zh: str
    result_en: str
    proxy_allowed: bool
    channels: int
    is_retired: bool = False

    @classmethod
    def of(cls, version: ServiceItemVersion) -> ItemText:
        return cls(**{f.name: getattr(version, f.name) for f in fields(cls)})


@dataclass(frozen=True)
class Words:
    """Everyday words of an item by language, and its plain sentence."""

    said_zh: tuple[str, ...]
    said_en: tuple[str, ...]
    summary_zh: str = ""
    summary_en: str = ""


def edit_item(
    actor: Actor,
    item_id: int,
    base: int,
    text: ItemText,
    materials: Sequence[str],
    may_follow: str,
    laws: Sequence[str],
    words: Words,
    effective_on: date,
    note: str,
) -> ServiceItemVersion:
    """Make a new version of an item that counts from `effective_on`, and replace its everyday words at once.

    Where the item says all this already, nothing is written and the version in force on that day is returned.
    base: the `lock_version` that the editor saw.  materials: codes in order.  laws: Chinese names in order.
    Raises ItemChanged, PastDay, UnknownMaterials, UnknownLaws, OnlyFollowing, OnSpotNeedsNoDays, PromiseAfterLaw, NoChannel.
    Sends `item_version_made`.
    """
    with atomic() as tx:
        item = locked(ServiceItem, item_id)
        if item.lock_version != base:
            raise ItemChanged(current=item.lock_version)
        if effective_on < clock.today():
            raise PastDay(day=effective_on, today=clock.today(), field="effective_on")
        check_text(text)
        view = queries.item_view(item.code, effective_on)
        if view is not None and _says(view, text, materials, may_follow, laws, words):
            tx.result = view.version
            return view.version
        version = add_version(actor, item, text, materials, may_follow, laws, effective_on, note)
        replace_words(item, words)
        item.lock_version += 1
        db.session.flush()
        index_items([item.id])
        audit.record(actor, "catalogue.item.edit", "service_item", item.id, version=version.number, effective_on=effective_on.isoformat())
        signals.item_version_made.send(version, actor=actor)
        tx.touch(queries.TOPIC)
        tx.result = version
    return version


def _says(view: queries.ItemView, text: ItemText, materials: Sequence[str], may_follow: str, laws: Sequence[str], words: Words) -> bool:
    """Does an item say all this already?"""
    follows = next((paper.code for paper in view.papers if paper.may_follow), "")
    return (
        ItemText.of(view.version) == text
        and ([paper.code for paper in view.papers], follows) == (list(dict.fromkeys(materials)), may_follow)
        and [law.name.zh for law in view.laws] == list(dict.fromkeys(laws))
        and Words(tuple(view.words["zh"]), tuple(view.words["en"]), view.summary.zh, view.summary.en) == words
    )


def check_text(text: ItemText) -> None:
    """Rules that hold for every version, typed or loaded."""
    if text.handling_type is HandlingType.on_spot and text.promised_limit:
        raise OnSpotNeedsNoDays(days=text.promised_limit, field="promised_limit")
    if text.promised_unit is text.limit_unit and text.promised_limit > text.legal_limit:
        raise PromiseAfterLaw(promised=text.promised_limit, legal=text.legal_limit, field="promised_limit")
    if not text.channels:
        raise NoChannel(field="channels")


def add_version(
    actor: Actor,
    item: ServiceItem,
    text: ItemText,
    materials: Sequence[str],
    may_follow: str,
    laws: Sequence[str],
    effective_on: date,
    note: str,
) -> ServiceItemVersion:
    """Insert the next version with its materials and laws; the caller holds the item's lock."""
    papers = _ids(Material.code, Material.id, materials)
    unknown = [code for code in materials if code not in papers]
    if unknown:
        raise UnknownMaterials(codes=", ".join(unknown), field="materials")
    sources = _ids(Law.name_zh, Law.id, laws)
    missing = [name for name in laws if name not in sources]
    if missing:
        raise UnknownLaws(names="、".join(missing), field="laws")
    if may_follow and may_follow not in materials:
        raise OnlyFollowing(material=may_follow, field="may_follow")
    number = (db.session.scalar(sa.select(sa.func.max(ServiceItemVersion.number)).where(ServiceItemVersion.item_id == item.id)) or 0) + 1
    version = ServiceItemVersion(
        item_id=item.id, number=number, effective_on=effective_on, note=note, created_by_id=actor.account_id, **asdict(text)
    )
    db.session.add(version)
    db.session.flush()
    for place, code in enumerate(dict.fromkeys(materials)):
        db.session.add(VersionMaterial(version_id=version.id, material_id=papers[code], position=place, may_follow=code == may_follow))
    for place, name in enumerate(dict.fromkeys(laws)):
        db.session.add(VersionLaw(version_id=version.id, law_id=sources[name], position=place))
    return version


def _ids(key: Any, value: Any, wanted: Iterable[str]) -> dict[str, int]:
    return dict(db.session.execute(sa.select(key, value).where(key.in_(list(wanted)))).all())


def replace_words(item: ServiceItem, words: Words) -> None:
    """Everyday words as the editor leaves them; kinds of words that stay are kept, new ones are `said`."""
    present = {(w.language, w.text): w for w in db.session.scalars(sa.select(ItemWord).where(ItemWord.item_id == item.id))}
    wanted: dict[tuple[str, str], tuple[WordKind | None, int]] = {}
    for language, said, summary in (("zh", words.said_zh, words.summary_zh), ("en", words.said_en, words.summary_en)):
        wanted |= {(language, text): (None, place) for place, text in enumerate(said)}
        if summary:
            wanted[language, summary] = (WordKind.summary, 0)
    for key, word in present.items():
        if key not in wanted or (wanted[key][0] is WordKind.summary) != (word.kind is WordKind.summary):
            db.session.delete(word)
    db.session.flush()
    for (language, text), (kind, place) in wanted.items():
        kept = present.get((language, text))
        if kept is not None and (kind is WordKind.summary) == (kept.kind is WordKind.summary):
            kept.position = place
        else:
            db.session.add(ItemWord(item_id=item.id, language=language, text=text, kind=kind or WordKind.said, position=place))


def offer_items(actor: Actor, station: Station, offered: set[int], shown: set[int]) -> int:
    """Say which of the shown items a station offers; items not shown keep what they had.  Returns how many changed.

    Sends `station_offer_changed` for each.
    """
    with atomic() as tx:
        withheld = queries.withheld_items(station.id)
        changed = sorted(i for i in shown if (i in withheld) == (i in offered))
        for item_id in changed:
            values = {"is_offered": item_id in offered, "changed_at": clock.now()}
            statement = upsert(StationOffer.__table__).values(station_id=station.id, item_id=item_id, **values)
            offer_id = db.session.execute(
                statement.on_conflict_do_update(index_elements=["station_id", "item_id"], set_=values).returning(StationOffer.id)
            ).scalar_one()
            audit.record(actor, "catalogue.offer.change", "station", station.id, item=item_id, is_offered=item_id in offered)
            signals.station_offer_changed.send(db.session.get_one(StationOffer, offer_id), actor=actor)
        if changed:
            tx.touch(queries.TOPIC)
        tx.result = len(changed)
    return len(changed)


def index_items(item_ids: Sequence[int], on: date | None = None) -> None:
    """Write the search rows of items as they read today; call it inside the operation that changed them."""
    day = on or clock.today()
    force = queries.versions_in_force(day)
    v = ServiceItemVersion
    rows = db.session.execute(
        sa.select(ServiceItem.id, ServiceItem.code, v, Category, Organisation)
        .outerjoin(force, force.c.item_id == ServiceItem.id)
        .outerjoin(v, v.id == force.c.version_id)
        .outerjoin(Category, Category.id == v.category_id)
        .join(Organisation, Organisation.id == ServiceItem.department_id)
        .where(ServiceItem.id.in_(item_ids))
    ).all()
    words = _words_of(item_ids)
    papers = _paper_names([row[2].id for row in rows if row[2] is not None])
    for item_id, code, version, category, department in rows:
        if version is None or version.is_retired:
            search.drop(queries.SOURCE, code)
            continue
        for lang in ("zh", "en"):
            own = words.get((item_id, lang), [])
            body = [
                version.target_group.in_language(lang), version.result.in_language(lang), category.name.in_language(lang),
                department.name.in_language(lang), *(t for k, t in own if k is WordKind.summary), *papers.get((version.id, lang), ()), code,
            ]  # fmt: skip
            said = [t for k, t in own if k is not WordKind.summary]
            search.put(queries.SOURCE, code, lang, title=version.name.in_language(lang), phrases=said, body="\n".join(body))


def _words_of(item_ids: Sequence[int]) -> dict[tuple[int, str], list[tuple[WordKind, str]]]:
    found: dict[tuple[int, str], list[tuple[WordKind, str]]] = {}
    query = sa.select(ItemWord.item_id, ItemWord.language, ItemWord.kind, ItemWord.text).where(ItemWord.item_id.in_(item_ids))
    for item_id, language, kind, text in db.session.execute(query.order_by(ItemWord.position, ItemWord.id)):
        found.setdefault((item_id, language), []).append((kind, text))
    return found


def _paper_names(version_ids: Sequence[int]) -> dict[tuple[int, str], list[str]]:
    found: dict[tuple[int, str], list[str]] = {}
    query = sa.select(VersionMaterial.version_id, Material.name_zh, Material.name_en).join(
        Material, Material.id == VersionMaterial.material_id
    )
    for version_id, zh, en in db.session.execute(
        query.where(VersionMaterial.version_id.in_(version_ids)).order_by(VersionMaterial.position)
    ):
        found.setdefault((version_id, "zh"), []).append(zh)
        found.setdefault((version_id, "en"), []).append(en)
    return found


def follow_versions() -> int:
    """Timed job: index items whose version began today or yesterday, so that search finds what the page says."""
    today = clock.today()
    due = list(
        db.session.scalars(
            sa.select(ServiceItemVersion.item_id)
            .where(ServiceItemVersion.effective_on.between(today - timedelta(days=1), today))
            .distinct()
        )
    )
    if due:
        with atomic() as tx:
            index_items(sorted(due))
            tx.touch(queries.TOPIC)
    return len(due)
