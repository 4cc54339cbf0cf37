"""Which tables of people hold ciphertexts and keyed hashes, and how their hashes are made again under another key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from civic.core import crypto
from civic.core.db import db
from civic.core.keys import Sealed
from civic.people import records
from civic.people.models import CareStatus, Contact, Correction, Document, MemberCard, Merge, NameKey, Person, PersonHome, Representation
from civic.people.operations.care import care_value


def renew_name_keys(rows: Sequence[Any], plains: Sequence[dict[str, str]]) -> None:
    """The keys of these names under the writing key; three statements a slice, whatever its size."""
    ids = [row.id for row in rows]
    places = dict(db.session.execute(sa.select(Person.id, Person.place_id).where(Person.id.in_(ids))).all())
    db.session.execute(sa.delete(NameKey).where(NameKey.person_id.in_(ids)))
    keys = []
    for row, plain in zip(rows, plains, strict=True):
        text = plain.get("sealed", "")
        record = records.Record(**json.loads(text)) if text else records.EMPTY
        hashes = {records.prefix_hash(prefix) for prefix in records.prefixes(record.name, record.second_name)}
        keys += [{"hash": h, "place_id": places[row.id], "person_id": row.id} for h in hashes]
    if keys:
        db.session.execute(sa.insert(NameKey), sorted(keys, key=lambda key: (key["hash"], key["place_id"], key["person_id"])))


def _contact_hash(row: Any, plain: dict[str, str]) -> dict[str, str]:
    address = plain["sealed"]
    return {"hash": crypto.keyed_hash(records.contact_value(row.kind, address), records.CONTACT)} if address else {}


def _document_hash(row: Any, plain: dict[str, str]) -> dict[str, str]:
    if not plain["sealed"]:
        return {}
    number = json.loads(plain["sealed"])["number"]
    return {"hash": crypto.keyed_hash(records.document_value(row.kind, row.country, number), records.DOCUMENT)}


def _care_hash(_row: Any, plain: dict[str, str]) -> dict[str, str]:
    person = json.loads(plain["sealed"])["person"] if plain["sealed"] else None
    return {"subject_hash": crypto.keyed_hash(care_value(person), records.CARE)} if person is not None else {}


SEALED = (
    Sealed(Person, {"sealed": records.PERSON}, also=renew_name_keys),
    Sealed(NameKey, {}, hash_columns=("hash",)),
    Sealed(Contact, {"sealed": records.CONTACT}, _contact_hash, ("hash",)),
    Sealed(Document, {"sealed": records.DOCUMENT}, _document_hash, ("hash",)),
    Sealed(PersonHome, {"elsewhere": records.ELSEWHERE}),
    Sealed(Representation, {"evidence": records.EVIDENCE}),
    Sealed(Merge, {"reason": records.EVIDENCE}),
    Sealed(Correction, {"wish": records.CORRECTION, "answer": records.CORRECTION}),
    Sealed(
        MemberCard,
        {"sealed": records.CARD},
        hash_columns=("code_hash",),
        kept_by="the four digits of cards, which nobody knows but their owners, until the digits are chosen anew or the card is replaced",
    ),
    Sealed(CareStatus, {"sealed": records.CARE}, _care_hash, ("subject_hash",)),
)
