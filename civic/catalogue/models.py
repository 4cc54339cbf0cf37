"""Tables of the catalogue: service items and their versions, materials, laws, everyday words, audiences; grid items, flows.

An item is its code and department; everything that people read stands in a version with an effective date.  The version in
force on a day is the one with the latest `effective_on` not after it, of these the highest number.
"""

from __future__ import annotations

import enum
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, composite, mapped_column, relationship

from civic.core.db import Bilingual, Model, enum_type, intpk, timestamp
from civic.core.workdays import Unit
from civic.territory.models import Organisation, Station


class LimitSource(enum.StrEnum):
    """statute: number and unit stand in the rule; reference: a placeholder until the department confirms one."""

    statute = "statute"
    reference = "reference"


class HandlingType(enum.StrEnum):
    """on_spot 即办件: done while you wait; within_limit 承诺件."""

    on_spot = "on_spot"
    within_limit = "within_limit"


class ItemChannel(enum.StrEnum):
    """Ways to hand a matter in."""

    counter = "counter"
    online = "online"
    kiosk = "kiosk"
    home_visit = "home_visit"
    phone = "phone"


class WordKind(enum.StrEnum):
    """said: what people call it; old: a former name; short: an abbreviation; summary: one plain sentence when one needs it."""

    said = "said"
    old = "old"
    short = "short"
    summary = "summary"


class Category(Model):
    """A subject group of service items; the list of items names it by its Chinese name."""

    __tablename__ = "service_category"
    id: Mapped[intpk]
    name_zh: Mapped[str] = mapped_column(sa.String(60), unique=True)
    name_en: Mapped[str] = mapped_column(sa.String(80))
    slug: Mapped[str] = mapped_column(sa.String(60), unique=True, comment="for addresses")
    position: Mapped[int]
    name: Mapped[Bilingual] = composite("name_zh", "name_en")


class Audience(Model):
    """A group of people by whom items can be browsed; at most eight, so that they fit on one screen."""

    __tablename__ = "audience"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(30), unique=True)
    name_zh: Mapped[str] = mapped_column(sa.String(60))
    name_en: Mapped[str] = mapped_column(sa.String(80))
    position: Mapped[int]
    name: Mapped[Bilingual] = composite("name_zh", "name_en")


class Law(Model):
    """A law or rule by its name 《…》."""

    __tablename__ = "legal_source"
    id: Mapped[intpk]
    name_zh: Mapped[str] = mapped_column(sa.String(200), unique=True)
    name_en: Mapped[str] = mapped_column(sa.String(300), comment="for information; not always an official translation")
    level_zh: Mapped[str] = mapped_column(sa.String(100))
    level_en: Mapped[str] = mapped_column(sa.String(100))
    is_checked: Mapped[bool] = mapped_column(comment="the name was compared with a published text")
    note_zh: Mapped[str] = mapped_column(sa.Text, default="")
    note_en: Mapped[str] = mapped_column(sa.Text, default="")
    name: Mapped[Bilingual] = composite("name_zh", "name_en")
    level: Mapped[Bilingual] = composite("level_zh", "level_en")
    note: Mapped[Bilingual] = composite("note_zh", "note_en")


class Material(Model):
    """A paper that is asked for; a code stands for one wording."""

    __tablename__ = "material"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(20), unique=True)
    name_zh: Mapped[str] = mapped_column(sa.String(200))
    name_en: Mapped[str] = mapped_column(sa.String(300))
    name: Mapped[Bilingual] = composite("name_zh", "name_en")


class ServiceItem(Model):
    """A service matter 服务事项.  `lock_version` counts edits, so that the second of two editors is told."""

    __tablename__ = "service_item"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(30), unique=True)
    department_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"), index=True)
    lock_version: Mapped[int] = mapped_column(default=1)
    department: Mapped[Organisation] = relationship()
    versions: Mapped[list[ServiceItemVersion]] = relationship(back_populates="item", order_by="ServiceItemVersion.number")
    words: Mapped[list[ItemWord]] = relationship(back_populates="item", order_by="ItemWord.position, ItemWord.id")


class ServiceItemVersion(Model):
    """What an item says from a day on.  Limits: whole numbers in the rule's own unit, never converted."""

    __tablename__ = "service_item_version"
    __table_args__ = (
        sa.UniqueConstraint("item_id", "number"),
        sa.Index("ix_service_item_version_effective", "item_id", "effective_on", "number"),
        sa.CheckConstraint("legal_limit >= 1", name="legal_limit"),
        sa.CheckConstraint("promised_limit >= 0", name="promised_limit"),
        sa.CheckConstraint("onsite_visits BETWEEN 0 AND 9", name="visits"),
        sa.CheckConstraint("handling_type <> 'on_spot' OR promised_limit = 0", name="on_spot"),
    )
    id: Mapped[intpk]
    item_id: Mapped[int] = mapped_column(sa.ForeignKey("service_item.id"))
    number: Mapped[int]
    effective_on: Mapped[date]
    is_retired: Mapped[bool] = mapped_column(default=False, comment="from its day on the item is no longer offered")
    name_zh: Mapped[str] = mapped_column(sa.String(120))
    name_en: Mapped[str] = mapped_column(sa.String(160))
    category_id: Mapped[int] = mapped_column(sa.ForeignKey("service_category.id"), index=True)
    legal_limit: Mapped[int]
    limit_unit: Mapped[Unit]
    legal_limit_source: Mapped[LimitSource]
    legal_limit_text_zh: Mapped[str] = mapped_column(sa.String(300))
    legal_limit_text_en: Mapped[str] = mapped_column(sa.String(400))
    promised_limit: Mapped[int] = mapped_column(comment="0 = finished on the spot")
    promised_unit: Mapped[Unit] = mapped_column(enum_type(Unit, "promised_unit"))
    fee_zh: Mapped[str] = mapped_column(sa.String(200))
    fee_en: Mapped[str] = mapped_column(sa.String(300))
    target_group_zh: Mapped[str] = mapped_column(sa.String(300))
    target_group_en: Mapped[str] = mapped_column(sa.String(400))
    handling_type: Mapped[HandlingType]
    onsite_visits: Mapped[int]
    result_zh: Mapped[str] = mapped_column(sa.String(200))
    result_en: Mapped[str] = mapped_column(sa.String(300))
    proxy_allowed: Mapped[bool]
    channels: Mapped[int] = mapped_column(comment="bits: 1 counter, 2 online, 4 kiosk, 8 home_visit, 16 phone")
    note: Mapped[str] = mapped_column(sa.String(300), default="", comment="why this version was made, for colleagues")
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id"))
    created_at: Mapped[timestamp]
    name: Mapped[Bilingual] = composite("name_zh", "name_en")
    legal_limit_text: Mapped[Bilingual] = composite("legal_limit_text_zh", "legal_limit_text_en")
    fee: Mapped[Bilingual] = composite("fee_zh", "fee_en")
    target_group: Mapped[Bilingual] = composite("target_group_zh", "target_group_en")
    result: Mapped[Bilingual] = composite("result_zh", "result_en")
    item: Mapped[ServiceItem] = relationship(back_populates="versions")
    category: Mapped[Category] = relationship()
    materials: Mapped[list[VersionMaterial]] = relationship(back_populates="version", order_by="VersionMaterial.position")
    laws: Mapped[list[VersionLaw]] = relationship(back_populates="version", order_by="VersionLaw.position")


CHANNEL_BITS = {channel: 1 << place for place, channel in enumerate(ItemChannel)}


def channel_bits(channels: list[ItemChannel]) -> int:
    return sum(CHANNEL_BITS[c] for c in set(channels))


def channels_of(bits: int) -> list[ItemChannel]:
    return [c for c, bit in CHANNEL_BITS.items() if bits & bit]


class VersionMaterial(Model):
    """A paper of a version; `may_follow` 容缺: it can be handed in later."""

    __tablename__ = "version_material"
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("service_item_version.id"), primary_key=True)
    material_id: Mapped[int] = mapped_column(sa.ForeignKey("material.id"), primary_key=True, index=True)
    position: Mapped[int]
    may_follow: Mapped[bool] = mapped_column(default=False)
    version: Mapped[ServiceItemVersion] = relationship(back_populates="materials")
    material: Mapped[Material] = relationship()


class VersionLaw(Model):
    """A law on which a version rests."""

    __tablename__ = "version_law"
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("service_item_version.id"), primary_key=True)
    law_id: Mapped[int] = mapped_column(sa.ForeignKey("legal_source.id"), primary_key=True, index=True)
    position: Mapped[int]
    version: Mapped[ServiceItemVersion] = relationship(back_populates="laws")
    law: Mapped[Law] = relationship()


class ItemWord(Model):
    """An everyday word for an item, or its one plain sentence."""

    __tablename__ = "item_word"
    __table_args__ = (sa.UniqueConstraint("item_id", "language", "text"),)
    id: Mapped[intpk]
    item_id: Mapped[int] = mapped_column(sa.ForeignKey("service_item.id"))
    kind: Mapped[WordKind]
    language: Mapped[str] = mapped_column(sa.String(2))
    text: Mapped[str] = mapped_column(sa.String(120))
    position: Mapped[int] = mapped_column(default=0)
    item: Mapped[ServiceItem] = relationship(back_populates="words")


class ItemAudience(Model):
    """For whom an item is."""

    __tablename__ = "item_audience"
    item_id: Mapped[int] = mapped_column(sa.ForeignKey("service_item.id"), primary_key=True)
    audience_id: Mapped[int] = mapped_column(sa.ForeignKey("audience.id"), primary_key=True, index=True)


class StationOffer(Model):
    """What a station says of an item: a row with False takes it off its list; without a row it is offered."""

    __tablename__ = "station_offer"
    __table_args__ = (sa.UniqueConstraint("station_id", "item_id"),)
    id: Mapped[intpk]
    station_id: Mapped[int] = mapped_column(sa.ForeignKey("station.id"))
    item_id: Mapped[int] = mapped_column(sa.ForeignKey("service_item.id"), index=True)
    is_offered: Mapped[bool]
    changed_at: Mapped[timestamp]
    station: Mapped[Station] = relationship()


class GridCategory(Model):
    """One of the categories of grid items, with the number that the reply of 2015 gives."""

    __tablename__ = "grid_category"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(8), unique=True)
    name_zh: Mapped[str] = mapped_column(sa.String(60))
    name_en: Mapped[str] = mapped_column(sa.String(80))
    expected_count: Mapped[int]
    name: Mapped[Bilingual] = composite("name_zh", "name_en")


class Flow(Model):
    """A standard flow: its steps are separated by → in both languages."""

    __tablename__ = "flow"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(8), unique=True)
    name_zh: Mapped[str] = mapped_column(sa.String(60))
    name_en: Mapped[str] = mapped_column(sa.String(80))
    steps_zh: Mapped[str] = mapped_column(sa.Text)
    steps_en: Mapped[str] = mapped_column(sa.Text)
    name: Mapped[Bilingual] = composite("name_zh", "name_en")


class GridItemKind(enum.StrEnum):
    """event: something happens; component: a fixed facility; person_service: a visit to somebody."""

    event = "event"
    component = "component"
    person_service = "person_service"


class Disclosure(enum.StrEnum):
    """public: may stand on the map; personal: never public; restricted: named receivers only."""

    public = "public"
    personal = "personal"
    restricted = "restricted"


class GridLimitUnit(enum.StrEnum):
    """Units of a grid item's limit."""

    hour = "hour"
    working_hour = "working_hour"
    working_day = "working_day"


class GridItem(Model):
    """A grid matter 入格事项 by its code."""

    __tablename__ = "grid_item"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(30), unique=True)
    versions: Mapped[list[GridItemVersion]] = relationship(back_populates="item", order_by="GridItemVersion.number")


class GridItemVersion(Model):
    """The seven attributes of a grid matter from a day on; bodies may be roles, resolved in the territory of the matter."""

    __tablename__ = "grid_item_version"
    __table_args__ = (
        sa.UniqueConstraint("item_id", "number"),
        sa.CheckConstraint("handle_limit >= 1", name="handle_limit"),
        sa.CheckConstraint("cycle_days >= 1", name="cycle_days"),
    )
    id: Mapped[intpk]
    item_id: Mapped[int] = mapped_column(sa.ForeignKey("grid_item.id"))
    number: Mapped[int]
    effective_on: Mapped[date]
    name_zh: Mapped[str] = mapped_column(sa.String(120))
    name_en: Mapped[str] = mapped_column(sa.String(160))
    category_id: Mapped[int] = mapped_column(sa.ForeignKey("grid_category.id"), index=True)
    kind: Mapped[GridItemKind]
    assigning_body_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"))
    undertaking_body_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"))
    lead_department_id: Mapped[int] = mapped_column(sa.ForeignKey("organisation.id"))
    flow_id: Mapped[int] = mapped_column(sa.ForeignKey("flow.id"))
    duty_zh: Mapped[str] = mapped_column(sa.Text)
    duty_en: Mapped[str] = mapped_column(sa.Text)
    handle_limit: Mapped[int]
    limit_unit: Mapped[GridLimitUnit]
    cycle_days: Mapped[int]
    disclosure: Mapped[Disclosure]
    created_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("account.id"))
    created_at: Mapped[timestamp]
    name: Mapped[Bilingual] = composite("name_zh", "name_en")
    duty: Mapped[Bilingual] = composite("duty_zh", "duty_en")
    item: Mapped[GridItem] = relationship(back_populates="versions")
    laws: Mapped[list[GridVersionLaw]] = relationship(order_by="GridVersionLaw.position")


class GridVersionLaw(Model):
    """A law on which a grid matter rests."""

    __tablename__ = "grid_version_law"
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("grid_item_version.id"), primary_key=True)
    law_id: Mapped[int] = mapped_column(sa.ForeignKey("legal_source.id"), primary_key=True, index=True)
    position: Mapped[int]
    law: Mapped[Law] = relationship()
