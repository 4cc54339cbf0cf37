"""Care status: sealed, no column names the person; the audit line says who wrote, not about whom."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa

from civic.core import audit, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.viewer import Actor
from civic.people import queries, records
from civic.people.models import CareStatus
from civic.people.operations.locks import lock_people, lock_rows


@dataclass(frozen=True)
class Care:
    """What is sealed of a care status.  kind: low_income, disability, alone, other; days as ISO text, `to` empty while it lasts."""

    person: int
    kind: str
    since: str
    to: str = ""
    note: str = ""


def care_value(person_id: int) -> str:
    return f"person|{person_id}"


def care_of(person_id: int, on: date) -> list[Care]:
    """Her care status on a day; for the grant and quota code, and for social workers after a logged look."""
    rows = [h for each in queries.all_rows_of(person_id) for h in crypto.keyed_hashes(care_value(each), records.CARE)]
    query = sa.select(CareStatus.sealed).where(CareStatus.subject_hash.in_(rows)).order_by(CareStatus.id)
    found = [Care(**json.loads(crypto.decrypt(sealed, records.CARE))) for sealed in db.session.scalars(query)]
    day = on.isoformat()
    return [care for care in found if care.since <= day and (not care.to or care.to >= day)]


def set_care(actor: Actor, person_id: int, kind: str, since: date, note: str = "") -> None:
    """She is in care of this kind from a day on.  The audit line says who wrote, not about whom."""
    care = Care(person_id, kind, since.isoformat(), "", note)
    with atomic():
        lock_people([person_id])
        row = CareStatus(
            subject_hash=crypto.keyed_hash(care_value(person_id), records.CARE),
            sealed=crypto.encrypt(json.dumps(asdict(care)), records.CARE),
        )
        db.session.add(row)
        db.session.flush()
        audit.record(actor, "people.care.set", "care_status", row.id)


def end_care(actor: Actor, person_id: int, kind: str, to: date) -> None:
    """Her care of this kind ends with this day."""
    with atomic():
        lock_rows([person_id])
        query = sa.select(CareStatus).where(CareStatus.subject_hash.in_(crypto.keyed_hashes(care_value(person_id), records.CARE)))
        for row in db.session.scalars(query):
            care = Care(**json.loads(crypto.decrypt(row.sealed, records.CARE)))
            if care.kind == kind and not care.to:
                row.sealed = crypto.encrypt(json.dumps({**asdict(care), "to": to.isoformat()}), records.CARE)
                audit.record(actor, "people.care.end", "care_status", row.id)
