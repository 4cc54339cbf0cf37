"""Timelines, looks, waiting merges and corrections, the privacy notice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from civic.core import crypto, notes
from civic.core.db import Bilingual, db
from civic.core.viewer import Viewer
from civic.people import policies, records
from civic.people.models import (
    Correction,
    CorrectionState,
    LifeEvent,
    LifeEventKind,
    Look,
    Merge,
    MergeState,
    Person,
    PrivacyNotice,
)
from civic.people.queries.rows import Row, rows_of
from civic.territory.models import Territory


@dataclass(frozen=True)
class EventView:
    """One line of the timeline; evidence in clear for those who may read the page."""

    kind: LifeEventKind
    on: date
    at: datetime
    evidence: str
    other: Row | None


def timeline(person_id: int) -> list[EventView]:
    """What was recorded of her, newest first."""
    events = events_of(person_id)
    return timeline_with(events, {row.id: row for row in rows_of(sorted(others_in(events)))})


def events_of(person_id: int) -> list[LifeEvent]:
    """The latest 200 lines, newest first."""
    query = sa.select(LifeEvent).where(LifeEvent.person_id == person_id).order_by(LifeEvent.id.desc())
    return list(db.session.scalars(query.limit(200)))


def others_in(events: Iterable[LifeEvent]) -> set[int]:
    """The other people whom these lines name."""
    return {e.other_id for e in events if e.other_id is not None}


def timeline_with(events: Sequence[LifeEvent], others: Mapping[int, Row]) -> list[EventView]:
    """The lines with what was shown as proof; others: rows of the people whom they name."""
    words = notes.read(e.note_id for e in events)
    return [EventView(e.kind, e.on, e.at, words.get(e.note_id or 0, ""), others.get(e.other_id or 0)) for e in events]


@dataclass(frozen=True)
class LookView:
    """Who looked, when, at what and why."""

    account_id: int
    kind: Any
    purpose: str
    reason: str
    at: datetime


def looks_at(person_id: int, *, limit: int = 100) -> list[LookView]:
    """The latest looks at her, newest first; for her own page, so the reasons are in clear."""
    looks = list(db.session.scalars(sa.select(Look).where(Look.person_id == person_id).order_by(Look.id.desc()).limit(limit)))
    words = notes.read(look.note_id for look in looks)
    return [LookView(look.account_id, look.kind, look.purpose, words.get(look.note_id or 0, ""), look.at) for look in looks]


def in_reach(viewer: Viewer, roles: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Territories that grants of these roles cover."""
    return sa.or_(sa.false(), *(Territory.path.startswith(path, autoescape=True) for path in viewer.territories(*roles)))


@dataclass(frozen=True)
class MergeTold:
    """What is sealed with a merge: why, first of the merge, then of its undoing; the persons of the accounts that asked."""

    words: tuple[str, ...] = ()
    asked_person: int | None = None
    undo_person: int | None = None


def told_of(merge: Merge) -> MergeTold:
    """The reasons in clear, for those who may decide; empty when they were forgotten."""
    if not merge.reason:
        return MergeTold()
    told = json.loads(crypto.decrypt(merge.reason, records.EVIDENCE))
    return MergeTold(tuple(told["words"]), told.get("asked_person"), told.get("undo_person"))


def objections_of(merge: Merge) -> list[Bilingual]:
    """Why it went to review, as the modules said it."""
    return [Bilingual(said["zh"], said["en"]) for said in json.loads(merge.objections)]


def waiting_merges(viewer: Viewer) -> list[Merge]:
    """Merges and undoings in her reach that wait for somebody else than their asker."""
    query = (
        sa.select(Merge)
        .join(Person, Person.id == Merge.survivor_id)
        .join(Territory, Territory.id == Person.place_id)
        .where(
            Merge.state.in_([MergeState.asked, MergeState.review, MergeState.undo_asked]),
            in_reach(viewer, (*policies.EDITORS, *policies.ABOVE)),
        )
        .order_by(Merge.id)
    )
    return list(db.session.scalars(query))


def open_corrections(viewer: Viewer) -> list[tuple[Correction, Row, str]]:
    """(correction, person, the wish) that wait in her reach, the one due first first."""
    query = (
        sa.select(Correction)
        .join(Person, Person.id == Correction.person_id)
        .join(Territory, Territory.id == Person.place_id)
        .where(Correction.state == CorrectionState.asked, in_reach(viewer, policies.EDITORS))
        .order_by(Correction.due_on, Correction.id)
    )
    found = list(db.session.scalars(query))
    rows = {row.id: row for row in rows_of(sorted({c.person_id for c in found}))}
    return [(c, rows[c.person_id], crypto.decrypt(c.wish, records.CORRECTION) if c.wish else "") for c in found]


def corrections_of(person_id: int) -> list[tuple[Correction, str, str]]:
    """(correction, wish, answer) of one person, newest first."""
    query = sa.select(Correction).where(Correction.person_id == person_id).order_by(Correction.id.desc())
    return [(c, _opened(c.wish), _opened(c.answer)) for c in db.session.scalars(query)]


def _opened(sealed: str) -> str:
    return crypto.decrypt(sealed, records.CORRECTION) if sealed else ""


def notice_in_force(on: date) -> PrivacyNotice | None:
    """The version of the privacy notice that counts on a day."""
    query = sa.select(PrivacyNotice).where(PrivacyNotice.from_on <= on).order_by(PrivacyNotice.version.desc())
    return db.session.scalars(query.limit(1)).one_or_none()


def notices() -> list[PrivacyNotice]:
    return list(db.session.scalars(sa.select(PrivacyNotice).order_by(PrivacyNotice.version.desc())))
