"""The lists of bodies (departments, their lines, roles) and of organisations: both fill the table of organisations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.load.kinds import Batch, Change, Column, ColumnKind, Loader, Row, bilingual, columns
from civic.core.viewer import Actor
from civic.territory.loaders import references
from civic.territory.models import Organisation, OrganisationKind, Territory
from civic.territory.queries import TOPIC

CODE, DAY = ColumnKind.code, ColumnKind.day
LINE = "B-DEPT-"
NO_ROLE = "bodies: no role"
NOT_A_ROLE = _l("role_code: %(value)s is an organisation and not a role that somebody holds.")
Setter = Callable[[Organisation, Row, frozenset[str] | None], None]


def body_kind(code: str, level: str) -> OrganisationKind:
    """A district row is a department, a `B-DEPT-` row a line of one; town, village and other rows are roles held in each territory."""
    if level != "district":
        return OrganisationKind.role
    return OrganisationKind.line if code.startswith(LINE) else OrganisationKind.department


def _check_parents(batch: Batch) -> None:
    known = (
        references.codes_of(Organisation)
        | batch.coming("bodies")
        | batch.coming("organisations")
        | {row.text("code") for row in batch.rows}
    )
    references.check_known(batch, "parent_code", known)
    references.check_circles(batch, "parent_code", references.standing_chain(Organisation, Organisation.parent_id))
    if any("successor_code" in row.values for row in batch.rows):
        references.check_known(batch, "successor_code", known)
        references.check_circles(batch, "successor_code", references.standing_chain(Organisation, Organisation.successor_id))


def _check_bodies(batch: Batch) -> None:
    batch.keys[NO_ROLE] = {row.text("code") for row in batch.rows if row.text("level") == "district"}
    references.check_codes(batch)
    _check_parents(batch)


def _check_organisations(batch: Batch) -> None:
    references.check_codes(batch)
    references.check_days(batch)
    _check_parents(batch)
    references.check_known(batch, "territory_code", references.codes_of(Territory) | batch.coming("territories"))
    standing = dict(db.session.execute(sa.select(Organisation.code, Organisation.kind)).all())
    references.check_known(batch, "role_code", set(standing) | batch.coming("bodies"))
    for row in batch.rows:
        kind = standing.get(row.text("role_code"))
        if row.text("role_code") in batch.coming(NO_ROLE) or (kind is not None and kind is not OrganisationKind.role):
            batch.reject(row, NOT_A_ROLE, value=row.text("role_code"))


def _writer(set_own: Setter, *, fields: tuple[tuple[str, str], ...]) -> Callable[[Actor, list[Change]], None]:
    """A writer of organisations.  fields: columns that name other organisations, with the field they fill."""

    def apply(_actor: Actor, changes: list[Change]) -> None:
        with atomic() as tx:
            rows = references.rows_of(Organisation, (change.row.text("code") for change in changes))
            for change in changes:
                code = change.row.text("code")
                if code in rows:
                    rows[code].lock_version += 1  # whoever has its form open is told
                else:
                    rows[code] = Organisation(code=code)
                    db.session.add(rows[code])
                changed = None if change.is_new else change.changed
                for name, value in references.text_of(change.row, ("name_zh", "name_en"), changed).items():
                    setattr(rows[code], name, value)
                set_own(rows[code], change.row, changed)
            db.session.flush()
            ids = references.ids_of(Organisation, (change.row.text(column) for change in changes for column, _ in fields))
            for change in changes:
                for column, field in fields:
                    if change.is_new or column in change.changed:
                        references.refer("organisation", rows[change.row.text("code")], field, change.row.text(column), ids)
            db.session.flush()
            tx.touch(TOPIC)

    return apply


def _finish(_actor: Actor) -> None:
    with atomic() as tx:
        references.settle("organisation")
        tx.touch(TOPIC)


def _set_body(body: Organisation, row: Row, changed: frozenset[str] | None) -> None:
    if changed is None or "level" in changed:
        body.kind = body_kind(row.text("code"), row.text("level"))


def _set_organisation(organisation: Organisation, row: Row, changed: frozenset[str] | None) -> None:
    values: dict[str, Any] = {"valid_from": row.day("valid_from"), "valid_to": row.day("valid_to")}
    for name, value in values.items():
        if changed is None or name in changed:
            setattr(organisation, name, value)
    if changed is None or "kind" in changed:
        organisation.kind = OrganisationKind(row.text("kind"))
    if changed is None or "territory_code" in changed:
        organisation.territory_id = references.ids_of(Territory, [row.text("territory_code")]).get(row.text("territory_code"))


BODIES = Loader(
    kind="bodies",
    title=_l("Departments and roles"),
    columns=columns(
        Column("code", CODE, required=True, most=40),
        bilingual("name", most=120),
        Column("parent_code", CODE, most=40),
        Column("level", CODE, required=True, choices=("district", "town", "village", "other")),
    ),
    key=("code",),
    order=22,
    check=_check_bodies,
    apply=_writer(_set_body, fields=(("parent_code", "parent_id"),)),
    finish=_finish,
)
ORGANISATIONS = Loader(
    kind="organisations",
    title=_l("Offices, committees, stations, companies and associations"),
    columns=columns(
        Column("code", CODE, required=True, most=40),
        bilingual("name", most=120),
        Column("kind", CODE, required=True, choices=tuple(k for k in OrganisationKind if k is not OrganisationKind.role)),
        Column("parent_code", CODE, most=40),
        Column("territory_code", CODE, most=24),
        Column("role_code", CODE, most=40),
        Column("valid_from", DAY),
        Column("valid_to", DAY),
        Column("successor_code", CODE, most=40),
    ),
    key=("code",),
    order=24,
    check=_check_organisations,
    apply=_writer(_set_organisation, fields=(("parent_code", "parent_id"), ("role_code", "role_id"), ("successor_code", "successor_id"))),
    finish=_finish,
)
