"""The list of stations with their opening hours."""

from __future__ import annotations

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.core.load.kinds import Batch, Change, Column, ColumnKind, Loader, Row, bilingual, columns
from civic.core.viewer import Actor
from civic.territory.hours import parse_hours
from civic.territory.loaders import references
from civic.territory.loaders.territories import NO_PLACE
from civic.territory.models import PLACES, Organisation, Station, Territory
from civic.territory.operations import PHONE, write_week
from civic.territory.queries import TOPIC, station_topic

CODE = ColumnKind.code
NOT_A_PLACE = _l("territory_code: %(value)s is neither a community nor a village. A station belongs to one of them.")
NOT_A_PHONE = _l("%(phone)s is not a telephone number. Write digits with spaces or hyphens, like 020-8888 1234.")
TEXTS = ("name_zh", "name_en", "address_zh", "address_en", "phone", "kiosk_zh", "kiosk_en")


def _check(batch: Batch) -> None:
    references.check_codes(batch)
    kinds = dict(db.session.execute(sa.select(Territory.code, Territory.kind)).all())
    references.check_known(batch, "territory_code", set(kinds) | batch.coming("territories"))
    known = references.codes_of(Organisation) | batch.coming("organisations") | batch.coming("bodies")
    references.check_known(batch, "organisation_code", known)
    for row in batch.rows:
        kind = kinds.get(row.text("territory_code"))
        if row.text("territory_code") in batch.coming(NO_PLACE) or (kind is not None and kind not in PLACES):
            batch.reject(row, NOT_A_PLACE, value=row.text("territory_code"))
        if not PHONE.fullmatch(row.text("phone")):
            batch.reject(row, NOT_A_PHONE, phone=row.text("phone"))
        try:
            parse_hours(row.text("hours"))
        except DomainError as refusal:
            batch.reject(row, refusal.message)


def _apply(_actor: Actor, changes: list[Change]) -> None:
    with atomic() as tx:
        rows = references.rows_of(Station, (change.row.text("code") for change in changes))
        territories = references.ids_of(Territory, (change.row.text("territory_code") for change in changes))
        organisations = references.ids_of(Organisation, (change.row.text("organisation_code") for change in changes))
        for change in changes:
            code = change.row.text("code")
            if code in rows:
                rows[code].lock_version += 1  # whoever has its form open is told
            else:
                rows[code] = Station(code=code)
                db.session.add(rows[code])
            _set(rows[code], change.row, None if change.is_new else change.changed, territories, organisations)
            tx.touch(station_topic(code))
        db.session.flush()
        for change in changes:
            if change.is_new or "hours" in change.changed:
                write_week(rows[change.row.text("code")].id, parse_hours(change.row.text("hours")))
        tx.touch(TOPIC)


def _set(station: Station, row: Row, changed: frozenset[str] | None, territories: dict[str, int], organisations: dict[str, int]) -> None:
    for name, value in references.text_of(row, TEXTS, changed).items():
        setattr(station, name, value)
    if changed is None or "territory_code" in changed:
        station.territory_id = territories[row.text("territory_code")]
    if changed is None or "organisation_code" in changed:
        station.organisation_id = organisations.get(row.text("organisation_code"))


STATIONS = Loader(
    kind="stations",
    title=_l("Stations and their opening hours"),
    columns=columns(
        Column("code", CODE, required=True, most=24),
        Column("territory_code", CODE, required=True, most=24),
        Column("organisation_code", CODE, most=40),
        bilingual("name", most=100),
        bilingual("address", most=200),
        Column("phone", CODE, required=True, most=30),
        Column("hours", CODE, most=400),
        bilingual("kiosk", required=False, most=200),
    ),
    key=("code",),
    order=28,
    check=_check,
    apply=_apply,
)
