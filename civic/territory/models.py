"""Tables of territories, buildings and homes, organisations, stations."""

from __future__ import annotations

import enum
from datetime import date, time

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, composite, mapped_column, relationship

from civic.core.db import Bilingual, Model, intpk, timestamp


class TerritoryKind(enum.StrEnum):
    """Levels of the tree.  A town or street holds communities and villages, these hold grids."""

    district = "district"
    town = "town"
    street = "street"
    community = "community"
    village = "village"
    grid = "grid"


#: what may stand directly below what
BELOW = {
    None: {TerritoryKind.district},
    TerritoryKind.district: {TerritoryKind.town, TerritoryKind.street},
    TerritoryKind.town: {TerritoryKind.community, TerritoryKind.village},
    TerritoryKind.street: {TerritoryKind.community, TerritoryKind.village},
    TerritoryKind.community: {TerritoryKind.grid},
    TerritoryKind.village: {TerritoryKind.grid},
    TerritoryKind.grid: set(),
}
PLACES = (TerritoryKind.community, TerritoryKind.village)


class Territory(Model):
    """A piece of the district.  `path` is the codes from the district down, `/440113/440113004/`, so that rights are a prefix."""

    __tablename__ = "territory"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(24), unique=True)
    kind: Mapped[TerritoryKind]
    name_zh: Mapped[str] = mapped_column(sa.String(100))
    name_en: Mapped[str] = mapped_column(sa.String(100))
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("territory.id"), index=True)
    path: Mapped[str] = mapped_column(sa.String(200), index=True)
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None] = mapped_column(comment="last day")
    successor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("territory.id"))
    polygon: Mapped[str | None] = mapped_column(sa.Text, comment="GeoJSON Polygon, CGCS2000 degrees")
    name: Mapped[Bilingual] = composite("name_zh", "name_en")
    parent: Mapped[Territory | None] = relationship(foreign_keys=[parent_id], remote_side="Territory.id")
    successor: Mapped[Territory | None] = relationship(foreign_keys=[successor_id], remote_side="Territory.id")

    def is_valid(self, on: date) -> bool:
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


class Building(Model):
    """A building under its standard address code; it belongs to the grid in which it stands now."""

    __tablename__ = "building"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(40), unique=True, comment="standard address code")
    grid_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), index=True)
    street_zh: Mapped[str] = mapped_column(sa.String(100))
    street_en: Mapped[str] = mapped_column(sa.String(100))
    number: Mapped[str] = mapped_column(sa.String(20))
    name_zh: Mapped[str] = mapped_column(sa.String(100), default="")
    name_en: Mapped[str] = mapped_column(sa.String(100), default="")
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    street: Mapped[Bilingual] = composite("street_zh", "street_en")
    name: Mapped[Bilingual] = composite("name_zh", "name_en")
    grid: Mapped[Territory] = relationship()
    homes: Mapped[list[Home]] = relationship(back_populates="building")


class Home(Model):
    """A dwelling in a building: the room number on its door."""

    __tablename__ = "home"
    __table_args__ = (sa.UniqueConstraint("building_id", "room"),)
    id: Mapped[intpk]
    building_id: Mapped[int] = mapped_column(sa.ForeignKey("building.id"))
    room: Mapped[str] = mapped_column(sa.String(20))
    valid_to: Mapped[date | None] = mapped_column(comment="last day; a home that a later list leaves out is closed, not deleted")
    building: Mapped[Building] = relationship(back_populates="homes")


class OrganisationKind(enum.StrEnum):
    """What an organisation is.  `role` rows stand for whoever holds that role in the territory of the matter (属地)."""

    department = "department"
    line = "line"
    town_office = "town_office"
    residents_committee = "residents_committee"
    villagers_committee = "villagers_committee"
    supervision_committee = "supervision_committee"
    station = "station"
    agency = "agency"
    company = "company"
    charity = "charity"
    association = "association"
    role = "role"


class Organisation(Model):
    """A department, office, committee, station, company or association: grants, handlers and hosts point at it."""

    __tablename__ = "organisation"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(40), unique=True)
    kind: Mapped[OrganisationKind]
    name_zh: Mapped[str] = mapped_column(sa.String(120))
    name_en: Mapped[str] = mapped_column(sa.String(120))
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"), index=True)
    territory_id: Mapped[int | None] = mapped_column(sa.ForeignKey("territory.id"), index=True)
    role_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"), index=True, comment="the role it holds in its territory")
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None] = mapped_column(comment="last day")
    successor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"))
    lock_version: Mapped[int] = mapped_column(default=1)
    name: Mapped[Bilingual] = composite("name_zh", "name_en")
    parent: Mapped[Organisation | None] = relationship(foreign_keys=[parent_id], remote_side="Organisation.id")
    territory: Mapped[Territory | None] = relationship()
    role: Mapped[Organisation | None] = relationship(foreign_keys=[role_id], remote_side="Organisation.id")
    successor: Mapped[Organisation | None] = relationship(foreign_keys=[successor_id], remote_side="Organisation.id")

    def is_valid(self, on: date) -> bool:
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


class Station(Model):
    """A service station 服务站 of a community or village: where it is, its phone, its kiosk."""

    __tablename__ = "station"
    id: Mapped[intpk]
    code: Mapped[str] = mapped_column(sa.String(24), unique=True)
    territory_id: Mapped[int] = mapped_column(sa.ForeignKey("territory.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisation.id"))
    name_zh: Mapped[str] = mapped_column(sa.String(100))
    name_en: Mapped[str] = mapped_column(sa.String(100))
    address_zh: Mapped[str] = mapped_column(sa.String(200))
    address_en: Mapped[str] = mapped_column(sa.String(200))
    phone: Mapped[str] = mapped_column(sa.String(30))
    kiosk_zh: Mapped[str] = mapped_column(sa.String(200), default="")
    kiosk_en: Mapped[str] = mapped_column(sa.String(200), default="")
    lock_version: Mapped[int] = mapped_column(default=1)
    name: Mapped[Bilingual] = composite("name_zh", "name_en")
    address: Mapped[Bilingual] = composite("address_zh", "address_en")
    kiosk: Mapped[Bilingual] = composite("kiosk_zh", "kiosk_en")
    territory: Mapped[Territory] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    hours: Mapped[list[StationHours]] = relationship(
        back_populates="station", order_by="StationHours.weekday, StationHours.opens", cascade="all, delete-orphan"
    )
    closures: Mapped[list[StationClosure]] = relationship(back_populates="station", order_by="StationClosure.from_on")


class StationHours(Model):
    """One stretch of one weekday in which the station is open; make-up working days follow Friday's hours."""

    __tablename__ = "station_hours"
    __table_args__ = (
        sa.UniqueConstraint("station_id", "weekday", "opens"),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday"),
        sa.CheckConstraint("opens < closes", name="order"),
    )
    id: Mapped[intpk]
    station_id: Mapped[int] = mapped_column(sa.ForeignKey("station.id"))
    weekday: Mapped[int] = mapped_column(sa.SmallInteger, comment="1 = Monday")
    opens: Mapped[time]
    closes: Mapped[time]
    station: Mapped[Station] = relationship(back_populates="hours")


class StationClosure(Model):
    """Days on which the station is closed, with the reason that people read; a withdrawn one counts no longer."""

    __tablename__ = "station_closure"
    __table_args__ = (sa.CheckConstraint("from_on <= to_on", name="order"), sa.Index("ix_station_closure_days", "station_id", "to_on"))
    id: Mapped[intpk]
    station_id: Mapped[int] = mapped_column(sa.ForeignKey("station.id"))
    from_on: Mapped[date]
    to_on: Mapped[date] = mapped_column(comment="last day")
    reason_zh: Mapped[str] = mapped_column(sa.String(200))
    reason_en: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[timestamp]
    withdrawn_at: Mapped[timestamp | None] = mapped_column(default=None)
    reason: Mapped[Bilingual] = composite("reason_zh", "reason_en")
    station: Mapped[Station] = relationship(back_populates="closures")


class PendingReference(Model):
    """A row of a list names another that comes in a later slice of the same load; the loader's `finish` resolves it and empties this table."""

    __tablename__ = "territory_pending_reference"
    __table_args__ = (sa.UniqueConstraint("subject", "row_id", "field"),)
    id: Mapped[intpk]
    subject: Mapped[str] = mapped_column(sa.String(20), comment="territory or organisation")
    row_id: Mapped[int]
    field: Mapped[str] = mapped_column(sa.String(20), comment="parent_id or successor_id")
    code: Mapped[str] = mapped_column(sa.String(40))
