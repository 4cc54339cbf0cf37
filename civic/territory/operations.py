"""Writes of `territory`: stations with their hours and closures, organisations from their beginning to their successor.

Every operation bumps the topic `territory`; those of a station also `station:<code>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date

import sqlalchemy as sa

from civic.core import audit, clock
from civic.core.atomic import Transaction, atomic
from civic.core.db import db, locked
from civic.core.viewer import Actor
from civic.territory import signals
from civic.territory.errors import (
    BadCode,
    ClosureBackwards,
    ClosureOver,
    ClosureOverlaps,
    ClosureTooLong,
    ClosureWithdrawn,
    CodeTaken,
    EndsBeforeBeginning,
    NotAPhone,
    NotARole,
    OrganisationChanged,
    OrganisationEnded,
    ParentCycle,
    StationChanged,
    SuccessorCycle,
    UnknownOrganisation,
    UnknownTerritory,
)
from civic.territory.hours import Stretch, check_week
from civic.territory.models import Organisation, OrganisationKind, Station, StationClosure, StationHours, Territory
from civic.territory.queries import TOPIC, station_topic

CODE = re.compile(r"[A-Z0-9-]+")
PHONE = re.compile(r"\+?[0-9][0-9 ()-]{3,26}[0-9]")
MOST_CLOSED_DAYS = 366


# ---- stations ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StationText:
    """What people read of a station, apart from its hours."""

    name_zh: str
    name_en: str
    address_zh: str
    address_en: str
    phone: str
    kiosk_zh: str = ""
    kiosk_en: str = ""

    @classmethod
    def of(cls, station: Station) -> StationText:
        return cls(**{f.name: getattr(station, f.name) for f in fields(cls)})


def edit_station(actor: Actor, station_id: int, base: int, text: StationText) -> Station:
    """Change names, address, phone and kiosk.  base: the `lock_version` the editor saw.  Raises StationChanged, NotAPhone."""
    with atomic() as tx:
        station = _open_station(station_id, base)
        if not PHONE.fullmatch(text.phone):
            raise NotAPhone(phone=text.phone, field="phone")
        for name, value in asdict(text).items():
            setattr(station, name, value)
        _station_saved(tx, actor, station, "edit")
        tx.result = station
    return station


def set_hours(actor: Actor, station_id: int, base: int, week: Mapping[int, Iterable[Stretch]]) -> Station:
    """Replace the weekly hours.  base: the `lock_version` the editor saw; week: 1 = Monday → stretches.

    Raises StationChanged, StretchBackwards, TooManyStretches, StretchesOverlap.
    """
    with atomic() as tx:
        station = _open_station(station_id, base)
        write_week(station.id, check_week(week))
        _station_saved(tx, actor, station, "hours")
        tx.result = station
    return station


def write_week(station_id: int, week: Mapping[int, Iterable[Stretch]]) -> None:
    """Put a checked week in place of the old one; the caller holds the station's lock."""
    db.session.execute(sa.delete(StationHours).where(StationHours.station_id == station_id))
    rows = [
        {"station_id": station_id, "weekday": day, "opens": opens, "closes": closes}
        for day, stretches in week.items()
        for opens, closes in stretches
    ]
    if rows:
        db.session.execute(sa.insert(StationHours), rows)


def _open_station(station_id: int, base: int) -> Station:
    station = locked(Station, station_id)
    if station.lock_version != base:
        raise StationChanged(current=station.lock_version)
    return station


def _station_saved(tx: Transaction, actor: Actor, station: Station, verb: str) -> None:
    station.lock_version += 1
    audit.record(actor, f"territory.station.{verb}", "station", station.id, version=station.lock_version)
    tx.touch(TOPIC, station_topic(station.code))


def add_closure(actor: Actor, station_id: int, from_on: date, to_on: date, reason_zh: str, reason_en: str = "") -> StationClosure:
    """Announce days on which the station is closed; both days count.

    Raises ClosureBackwards, ClosureOver, ClosureTooLong (more than 366 days), ClosureOverlaps.  Sends `station_closure_added`.
    """
    with atomic() as tx:
        station = locked(Station, station_id)
        _check_days(from_on, to_on)
        c = StationClosure
        other = db.session.execute(
            sa.select(c.from_on, c.to_on)
            .where(c.station_id == station_id, c.withdrawn_at.is_(None), c.from_on <= to_on, c.to_on >= from_on)
            .order_by(c.from_on)
            .limit(1)
        ).first()
        if other:
            raise ClosureOverlaps(from_on=other.from_on, to_on=other.to_on, field="from_on")
        closure = StationClosure(station_id=station_id, from_on=from_on, to_on=to_on, reason_zh=reason_zh, reason_en=reason_en)
        db.session.add(closure)
        db.session.flush()
        days = {"from_on": from_on.isoformat(), "to_on": to_on.isoformat()}
        audit.record(actor, "territory.closure.add", "station_closure", closure.id, station_id=station_id, **days)
        signals.station_closure_added.send(closure, actor=actor)
        tx.touch(TOPIC, station_topic(station.code))
        tx.result = closure
    return closure


def _check_days(from_on: date, to_on: date) -> None:
    if to_on < from_on:
        raise ClosureBackwards(from_on=from_on, to_on=to_on, field="to_on")
    if to_on < clock.today():
        raise ClosureOver(to_on=to_on, field="to_on")
    days = (to_on - from_on).days + 1
    if days > MOST_CLOSED_DAYS:
        raise ClosureTooLong(days=days, most=MOST_CLOSED_DAYS, field="to_on")


def withdraw_closure(actor: Actor, closure_id: int) -> StationClosure:
    """Take an announced closure back.  Raises ClosureWithdrawn, ClosureOver.  Sends `station_closure_withdrawn`."""
    with atomic() as tx:
        closure = locked(StationClosure, closure_id)
        if closure.withdrawn_at is not None:
            raise ClosureWithdrawn
        if closure.to_on < clock.today():
            raise ClosureOver(to_on=closure.to_on)
        closure.withdrawn_at = clock.now()
        audit.record(actor, "territory.closure.withdraw", "station_closure", closure.id, station_id=closure.station_id)
        signals.station_closure_withdrawn.send(closure, actor=actor)
        tx.touch(TOPIC, station_topic(closure.station.code))
        tx.result = closure
    return closure


# ---- organisations ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OrganisationText:
    """What the desk's form says of an organisation; others are named by their codes, '' = none."""

    kind: OrganisationKind
    name_zh: str
    name_en: str
    parent_code: str = ""
    territory_code: str = ""
    role_code: str = ""
    valid_from: date | None = None


def create_organisation(actor: Actor, code: str, text: OrganisationText) -> Organisation:
    """Add an organisation.  Raises BadCode, CodeTaken, UnknownOrganisation, UnknownTerritory, NotARole."""
    with atomic() as tx:
        if not CODE.fullmatch(code):
            raise BadCode(value=code, field="code")
        organisation = Organisation(code=code)
        _write(organisation, text)
        try:
            with db.session.begin_nested():
                db.session.add(organisation)
        except sa.exc.IntegrityError:  # asked by trying: two administrators may send the same code at once
            raise CodeTaken(value=code, field="code") from None
        _organisation_saved(tx, actor, organisation, "create")
        tx.result = organisation
    return organisation


def edit_organisation(actor: Actor, organisation_id: int, base: int, text: OrganisationText) -> Organisation:
    """Change everything but the code and the end.  base: the `lock_version` the editor saw.

    Raises OrganisationChanged, ParentCycle, EndsBeforeBeginning, UnknownOrganisation, UnknownTerritory, NotARole.
    """
    with atomic() as tx:
        organisation = _open_organisation(organisation_id, base)
        if organisation.valid_to and text.valid_from and organisation.valid_to < text.valid_from:
            raise EndsBeforeBeginning(last_on=organisation.valid_to, first_on=text.valid_from, field="valid_from")
        _write(organisation, text)
        if stands_above(organisation.id, organisation.parent_id, lambda o: o.parent_id):
            raise ParentCycle(value=text.parent_code, field="parent_code")
        organisation.lock_version += 1
        _organisation_saved(tx, actor, organisation, "edit")
        tx.result = organisation
    return organisation


def end_organisation(actor: Actor, organisation_id: int, base: int, last_on: date, successor_code: str = "") -> Organisation:
    """Give an organisation its last day and, where another takes over, its successor.

    Raises OrganisationChanged, OrganisationEnded, EndsBeforeBeginning, UnknownOrganisation, SuccessorCycle.  Sends `organisation_ended`.
    """
    with atomic() as tx:
        organisation = _open_organisation(organisation_id, base)
        if organisation.valid_to is not None and organisation.valid_to < clock.today():
            raise OrganisationEnded(last_on=organisation.valid_to)
        if organisation.valid_from and last_on < organisation.valid_from:
            raise EndsBeforeBeginning(last_on=last_on, first_on=organisation.valid_from, field="last_on")
        successor = _organisation(successor_code, "successor_code") if successor_code else None
        if successor and stands_above(organisation.id, successor.id, lambda o: o.successor_id):
            raise SuccessorCycle(value=successor_code, field="successor_code")
        organisation.valid_to, organisation.successor_id = last_on, successor.id if successor else None
        organisation.lock_version += 1
        signals.organisation_ended.send(organisation, actor=actor)
        _organisation_saved(tx, actor, organisation, "end")
        tx.result = organisation
    return organisation


def _open_organisation(organisation_id: int, base: int) -> Organisation:
    """Lock an organisation for a change of its place in the tree.

    The row with the smallest id stands for the whole tree and is locked first: two editors who each put one below the other
    would otherwise both pass the test for circles.
    """
    first = db.session.scalar(sa.select(sa.func.min(Organisation.id)))
    if first is not None and first != organisation_id:
        locked(Organisation, first)
    organisation = locked(Organisation, organisation_id)
    if organisation.lock_version != base:
        raise OrganisationChanged(current=organisation.lock_version)
    return organisation


def _write(organisation: Organisation, text: OrganisationText) -> None:
    role = _organisation(text.role_code, "role_code") if text.role_code else None
    if role is not None and role.kind is not OrganisationKind.role:
        raise NotARole(value=text.role_code, field="role_code")
    territory_id = None
    if text.territory_code:
        territory_id = db.session.scalar(sa.select(Territory.id).where(Territory.code == text.territory_code))
        if territory_id is None:
            raise UnknownTerritory(value=text.territory_code, field="territory_code")
    parent = _organisation(text.parent_code, "parent_code") if text.parent_code else None
    organisation.kind, organisation.name_zh, organisation.name_en = text.kind, text.name_zh, text.name_en
    organisation.parent_id = parent.id if parent else None
    organisation.territory_id, organisation.role_id, organisation.valid_from = territory_id, role.id if role else None, text.valid_from


def _organisation(code: str, field: str) -> Organisation:
    found = db.session.scalars(sa.select(Organisation).where(Organisation.code == code)).one_or_none()
    if found is None:
        raise UnknownOrganisation(value=code, field=field)
    return found


def stands_above(id_: int, start: int | None, step: Callable[[Organisation], int | None]) -> bool:
    """Does the chain that begins at `start` come to `id_`?  step: from a row to the next of the chain."""
    seen: set[int] = set()
    while start is not None and start not in seen:
        if start == id_:
            return True
        seen.add(start)
        each = db.session.get(Organisation, start, populate_existing=True)
        start = step(each) if each is not None else None
    return False


def _organisation_saved(tx: Transaction, actor: Actor, organisation: Organisation, verb: str) -> None:
    audit.record(actor, f"territory.organisation.{verb}", "organisation", organisation.id, version=organisation.lock_version)
    tx.touch(TOPIC)
