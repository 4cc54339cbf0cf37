"""The working-day calendar in the database: yearly decrees as a list, and the calendar that everybody counts with."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Mapped, mapped_column

from civic.core.atomic import atomic
from civic.core.db import Model, db, intpk, upsert
from civic.core.kept import Kept
from civic.core.load.kinds import Batch, Change, Column, ColumnKind, Loader, Row, bilingual, columns
from civic.core.viewer import Actor
from civic.core.workdays import DayKind, DecreeDay, DecreeRow, FaultCode, WorkCalendar, check_decree

TOPIC = "workdays"


class DecreedDay(Model):
    """A holiday or make-up working day of a yearly decree."""

    __tablename__ = "decreed_day"
    id: Mapped[intpk]
    day: Mapped[date] = mapped_column(unique=True)
    kind: Mapped[DayKind]
    name_zh: Mapped[str] = mapped_column(sa.String(60))
    name_en: Mapped[str] = mapped_column(sa.String(80))
    document: Mapped[str] = mapped_column(sa.String(80), comment="number of the decree")


def rows() -> list[DecreeDay]:
    """All decreed days in order."""
    d = DecreedDay
    return [DecreeDay(*row) for row in db.session.execute(sa.select(d.day, d.kind, d.name_zh, d.name_en, d.document).order_by(d.day))]


def _build() -> WorkCalendar:
    """A year is published when its decree names its National Day: a decree also reaches into the neighbouring years."""
    days = rows()
    return WorkCalendar(days, published_years={d.day.year for d in days if d.day.month == 10 and d.kind is DayKind.holiday})


_calendar = Kept((TOPIC,), _build)


def calendar() -> WorkCalendar:
    """The calendar of all loaded decrees; built again only when one was loaded."""
    return _calendar.get()


FAULTS: dict[FaultCode, Any] = {
    FaultCode.year_out_of_range: _l("The year %(year)s is out of range: %(earliest)s to %(latest)s."),
    FaultCode.too_many_rows: _l("The decree has %(rows)s rows; a year has at most %(most)s days."),
    FaultCode.empty_name: _l("The name of the holiday is missing (%(field)s)."),
    FaultCode.other_year: _l("%(day)s does not belong to the decree for %(year)s."),
    FaultCode.same_day_twice: _l("%(day)s stands twice, first in line %(first_line)s."),
    FaultCode.make_up_on_weekday: _l("%(day)s is an ordinary weekday; a make-up working day is a Saturday or Sunday."),
    FaultCode.gap: _l("%(name_zh)s has a gap: %(missing)s day(s) missing, from %(first_missing)s to %(last_missing)s."),
    FaultCode.festival_missing: _l("The decree for this year does not name %(festival)s; a yearly decree is loaded whole."),
}


def _decree_row(row: Row) -> DecreeRow:
    day = row.day("day")
    if day is None:
        raise ValueError("checked before: a decree row has a day")
    return DecreeRow(day, DayKind(row.text("kind")), row.text("name_zh"), row.text("name_en"), row.text("document"), row.line)


def _check(batch: Batch) -> None:
    """Each decree (one document of one file) is checked whole, for the year most of its days lie in."""
    decrees: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in batch.rows:
        decrees[row.file, row.text("document")].append(row)
    for own in decrees.values():
        years = [int(row.text("day")[:4]) for row in own]
        for fault in check_decree([_decree_row(row) for row in own], max(years, key=years.count)):
            at = next((row for row in own if row.line == fault.line), own[0])
            batch.reject(at, FAULTS[fault.code], **{k: str(v) for k, v in fault.context.items()})


def _apply(_actor: Actor, changes: list[Change]) -> None:
    with atomic() as tx:
        for change in changes:
            values = {c: change.row.text(c) for c in ("kind", "name_zh", "name_en", "document")}
            statement = upsert(DecreedDay.__table__).values(day=change.row.day("day"), **values)
            db.session.execute(statement.on_conflict_do_update(index_elements=["day"], set_=values))
        tx.touch(TOPIC)


HOLIDAYS = Loader(
    kind="holidays",
    title=_l("Working-day calendar (yearly decree)"),
    columns=columns(
        Column("day", ColumnKind.day, required=True),
        Column("kind", ColumnKind.code, required=True, choices=tuple(DayKind)),
        bilingual("name", most=80),
        Column("document", required=True, most=80),
    ),
    key=("day",),
    order=10,
    check=_check,
    apply=_apply,
)
