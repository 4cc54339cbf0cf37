"""Reads of the desk: what one may write for, the lists, what waits for a translation, an answer, an outcome."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from civic.bulletin.models import Announcement, AnnouncementState, Objection, ObjectionState, Posting, PostingState
from civic.bulletin.policies import EDITORS
from civic.core import clock, crypto
from civic.core.db import Bilingual, db
from civic.core.viewer import Viewer
from civic.core.wording import TextState
from civic.territory.models import Territory, TerritoryKind

UNFINISHED = (TextState.missing, TextState.outdated)
OBJECTION = "objection"


def _mine(viewer: Viewer, organisation: Any) -> Any:
    """Condition on the joined territory and the row's organisation: what the viewer's grants cover."""
    found = [
        sa.and_(Territory.path.startswith(s.territory, autoescape=True), *([organisation.in_(s.organisations)] if s.organisations else ()))
        for s in viewer.scopes
        if s.role in EDITORS
    ]
    return sa.or_(sa.false(), *found)


def visible_announcements(viewer: Viewer) -> sa.Select[Any]:
    return sa.select(Announcement).join(Announcement.territory).where(_mine(viewer, Announcement.organisation_id))


def visible_postings(viewer: Viewer) -> sa.Select[Any]:
    return sa.select(Posting).join(Posting.territory).where(_mine(viewer, Posting.organisation_id))


def places_of(viewer: Viewer) -> list[tuple[str, Bilingual]]:
    """(code, name) of the territories she may write for, her own first: no grids, and only those that stand today."""
    paths = viewer.territories(*EDITORS)
    inside = sa.or_(sa.false(), *(Territory.path.startswith(path, autoescape=True) for path in paths))
    stands = sa.or_(Territory.valid_to.is_(None), Territory.valid_to >= clock.today())
    query = sa.select(Territory.code, Territory.name_zh, Territory.name_en).where(inside, stands, Territory.kind != TerritoryKind.grid)
    return [(code, Bilingual(zh, en)) for code, zh, en in db.session.execute(query.order_by(Territory.path))]


def desk_announcements(viewer: Viewer, state: str) -> sa.Select[Any]:
    """Newest first.  state: draft, published, over or withdrawn; '' = all that is not over."""
    now = clock.now()
    over = sa.and_(Announcement.state == AnnouncementState.published, Announcement.until_at.is_not(None), Announcement.until_at <= now)
    query = visible_announcements(viewer).options(joinedload(Announcement.territory))
    if state == "over":
        query = query.where(over)
    else:
        query = query.where(sa.or_(Announcement.until_at.is_(None), sa.not_(over)))
        query = query.where(Announcement.state == state) if state else query.where(Announcement.state != AnnouncementState.withdrawn)
    return query.order_by(Announcement.id.desc())


def desk_postings(viewer: Viewer, state: str) -> sa.Select[Any]:
    """Newest first; '' = all that are not closed."""
    query = visible_postings(viewer).options(joinedload(Posting.territory), selectinload(Posting.runs))
    query = query.where(Posting.state == state) if state else query.where(Posting.state != PostingState.closed)
    return query.order_by(Posting.id.desc())


def to_translate(viewer: Viewer) -> sa.Select[Any]:
    """Announcements that are out and lack a language or have one that is older than the other; urgent ones first."""
    unfinished = sa.or_(Announcement.state_zh.in_(UNFINISHED), Announcement.state_en.in_(UNFINISHED))
    hangs = sa.and_(
        Announcement.state == AnnouncementState.published,
        sa.or_(Announcement.until_at.is_(None), Announcement.until_at > clock.now()),
    )
    query = visible_announcements(viewer).where(unfinished, hangs).options(joinedload(Announcement.territory))
    return query.order_by(Announcement.is_urgent.desc(), Announcement.id)


def open_objections(viewer: Viewer) -> sa.Select[Any]:
    """(objection, posting) without an answer, oldest first."""
    query: Any = sa.select(Objection, Posting).join(Posting, Posting.id == Objection.posting_id).join(Posting.territory)
    return query.where(_mine(viewer, Posting.organisation_id), Objection.state == ObjectionState.open).order_by(Objection.at, Objection.id)


def to_close(viewer: Viewer) -> sa.Select[Any]:
    """Postings whose period is over and that have no outcome yet."""
    return desk_postings(viewer, PostingState.ended.value)


def objections_of(posting_id: int) -> Sequence[Objection]:
    return db.session.scalars(sa.select(Objection).where(Objection.posting_id == posting_id).order_by(Objection.number)).all()


def objection_words(objection: Objection) -> dict[str, str]:
    """text, name, contact: for those who answer and for the one who objected; empty when they were forgotten."""
    if not objection.sealed:
        return {"text": "", "name": "", "contact": ""}
    found: dict[str, str] = json.loads(crypto.decrypt(objection.sealed, OBJECTION))
    return found
