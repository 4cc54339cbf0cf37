"""What hangs on the board of a place: announcements in force and postings of the place and of what lies above it, and the archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from civic.bulletin.models import Announcement, AnnouncementKind, AnnouncementState, Posting, PostingState
from civic.bulletin.queries.topics import URGENT
from civic.core import clock
from civic.core.db import Bilingual, db
from civic.core.kept import Kept
from civic.core.prepared import ask
from civic.core.richtext import first_words
from civic.territory.models import Territory, TerritoryKind
from civic.territory.queries import ancestors

PER_PAGE = 20
SHOWN = (PostingState.posted, PostingState.removed, PostingState.ended)


@dataclass(frozen=True)
class Asked:
    """What a reader asks of the board.  path: of her place; show: '' (all), announcements, postings or archive; kind: of announcement."""

    path: str
    show: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Line:
    """An announcement or posting as a line of a list.  is_posting tells which; code is its uid or number."""

    is_posting: bool
    code: str
    title: Bilingual
    lead: Bilingual
    place: Bilingual
    at: datetime
    row: Any


_T, _A = Territory.__table__, Announcement.__table__
_DISTRICT = sa.select(_T.c.path).where(_T.c.kind == TerritoryKind.district).order_by(_T.c.code).limit(1)


def board_path(chosen: str) -> str:
    """The path whose board is read: of the chosen place, else of the district; '' before one is loaded."""
    return chosen or ask(_DISTRICT).scalar() or ""


def in_force(path: str, at: datetime | None = None) -> sa.Select[Any]:
    """Announcements that hang for a place at a moment (now): its own and those of the territories above it."""
    return in_force_everywhere(at).where(Territory.path.in_(ancestors(path)))


def in_force_everywhere(at: datetime | None = None) -> sa.Select[Any]:
    """Announcements that hang somewhere, urgent ones first, then the newest."""
    return _in_force_at(at or clock.now())


def _in_force_at(now: Any) -> sa.Select[Any]:
    return (
        sa.select(Announcement)
        .join(Announcement.territory)
        .where(
            Announcement.state == AnnouncementState.published,
            Announcement.from_at <= now,
            sa.or_(Announcement.until_at.is_(None), Announcement.until_at > now),
        )
        .options(joinedload(Announcement.territory))
        .order_by(Announcement.is_urgent.desc(), Announcement.from_at.desc(), Announcement.id.desc())
    )


def postings_shown(path: str) -> sa.Select[Any]:
    """Postings of a place and of the territories above it that are not closed: up, taken down early, or waiting for their outcome."""
    return _postings(ancestors(path)).where(Posting.state.in_(SHOWN))


def _postings(above: Any) -> sa.Select[Any]:
    return (
        sa.select(Posting)
        .join(Posting.territory)
        .where(Territory.path.in_(above))
        .options(joinedload(Posting.territory), selectinload(Posting.runs))
        .order_by(Posting.number.desc())
    )


_NOW: Any = sa.bindparam("now", type_=_A.c.from_at.type)
_PATHS: Any = sa.bindparam("above", expanding=True)
_MOST: Any = sa.bindparam("most", type_=sa.Integer)
_NEWEST = _in_force_at(_NOW).where(Territory.path.in_(_PATHS)).limit(_MOST)
_RUNNING = _postings(_PATHS).where(Posting.state == PostingState.posted).limit(_MOST)


def newest(path: str, limit: int) -> Sequence[Announcement]:
    """The first of those in force, for the home page; `in_force` makes its statement anew, which costs more than reading four rows."""
    return db.session.scalars(_NEWEST, {"now": clock.now(), "above": ancestors(path), "most": limit}).all()


def running_postings(path: str, limit: int) -> Sequence[Posting]:
    return db.session.scalars(_RUNNING, {"above": ancestors(path), "most": limit}).all()


def archive(path: str, page: int) -> tuple[list[Line], int]:
    """What is over, newest end first: announcements whose time has passed, postings closed.  (lines, how many there are)."""
    now, above = clock.now(), ancestors(path)
    over = (
        sa.select(sa.literal(0).label("kind"), Announcement.id.label("id"), Announcement.until_at.label("at"))
        .join(Announcement.territory)
        .where(Territory.path.in_(above), Announcement.state == AnnouncementState.published, Announcement.until_at <= now)
    )
    closed = (
        sa.select(sa.literal(1).label("kind"), Posting.id.label("id"), Posting.closed_at.label("at"))
        .join(Posting.territory)
        .where(Territory.path.in_(above), Posting.state == PostingState.closed)
    )
    both = sa.union_all(over, closed).subquery()
    total = db.session.scalar(sa.select(sa.func.count()).select_from(both)) or 0
    rows = db.session.execute(
        sa.select(both.c.kind, both.c.id)
        .order_by(both.c.at.desc(), both.c.kind, both.c.id.desc())
        .limit(PER_PAGE)
        .offset((page - 1) * PER_PAGE)
    ).all()
    news = _by_id(sa.select(Announcement).options(joinedload(Announcement.territory)), Announcement, [i for k, i in rows if not k])
    posted = _by_id(
        sa.select(Posting).options(joinedload(Posting.territory), selectinload(Posting.runs)), Posting, [i for k, i in rows if k]
    )
    return [line_of(posted[i] if kind else news[i]) for kind, i in rows], total


def _by_id(select: sa.Select[Any], model: Any, ids: Sequence[int]) -> dict[int, Any]:
    return {row.id: row for row in db.session.scalars(select.where(model.id.in_(ids)))} if ids else {}


def lines(asked: Asked, page: int) -> tuple[list[Line], int]:
    """The lines of one page of the board and how many there are; announcements come before postings."""
    if asked.show == "archive":
        return archive(asked.path, page)
    queries = []
    if asked.show != "postings":
        news = in_force(asked.path)
        queries.append(news.where(Announcement.kind == asked.kind) if asked.kind else news)
    if asked.show != "announcements":
        queries.append(postings_shown(asked.path))
    found: list[Line] = []
    total, skip = 0, (page - 1) * PER_PAGE
    for query in queries:
        count = count_of(query)
        begin, left = max(0, skip - total), PER_PAGE - len(found)
        if left and begin < count:
            found += [line_of(row) for row in db.session.scalars(query.limit(left).offset(begin))]
        total += count
    return found, total


def count_of(query: sa.Select[Any]) -> int:
    counted = query.options().order_by(None).with_only_columns(sa.func.count(), maintain_column_froms=True)
    return db.session.scalar(counted) or 0


def counts(path: str) -> tuple[dict[AnnouncementKind, int], int]:
    """How many announcements of each kind are in force, how many postings are shown."""
    kinds = in_force(path).order_by(None).with_only_columns(Announcement.kind, sa.func.count(), maintain_column_froms=True)
    by_kind: dict[AnnouncementKind, int] = dict(db.session.execute(kinds.group_by(Announcement.kind)).all())
    return by_kind, count_of(postings_shown(path))


def line_of(row: Announcement | Posting) -> Line:
    lead = Bilingual(first_words(row.body_zh, 60), first_words(row.body_en, 120))
    if isinstance(row, Posting):
        return Line(True, row.number, row.title, lead, row.territory.name, row.created_at, row)
    return Line(False, row.uid, row.title, lead, row.territory.name, row.from_at, row)


def announcement_by_uid(uid: str) -> Announcement | None:
    """A published or withdrawn announcement that has begun, with its place and voices."""
    query = (
        sa.select(Announcement)
        .where(Announcement.uid == uid, Announcement.state != AnnouncementState.draft, Announcement.from_at <= clock.now())
        .options(joinedload(Announcement.territory), joinedload(Announcement.organisation), selectinload(Announcement.voices))
    )
    return db.session.scalars(query).one_or_none()


_CHANGES = (
    sa.select(_A.c.from_at, _A.c.until_at)
    .join_from(_A, _T, _T.c.id == _A.c.territory_id)
    .where(_T.c.path.in_(_PATHS), _A.c.state == AnnouncementState.published, sa.or_(_A.c.from_at > _NOW, _A.c.until_at > _NOW))
)


def next_change(path: str) -> datetime | None:
    """The next moment at which an announcement for this place begins or ends: until then its board stays as it is."""
    now = clock.now()
    return min((m for row in ask(_CHANGES, now=now, above=ancestors(path)) for m in row if m is not None and m > now), default=None)


# ---- the urgent banner: asked for by the frame of every page ------------------------------------------------------------------


@dataclass(frozen=True)
class Urgent:
    """One urgent announcement as the banner shows it."""

    uid: str
    title: Bilingual
    path: str
    from_at: datetime
    until_at: datetime | None


def _read_urgent() -> tuple[Urgent, ...]:
    """All that are urgent and not over; a handful at most, read once per content version."""
    a = Announcement
    query = (
        sa.select(a.uid, a.title_zh, a.title_en, Territory.path, a.from_at, a.until_at)
        .join(a.territory)
        .where(a.state == AnnouncementState.published, a.is_urgent, sa.or_(a.until_at.is_(None), a.until_at > clock.now()))
        .order_by(a.from_at.desc(), a.id.desc())
    )
    rows = db.session.execute(query)
    return tuple(Urgent(uid, Bilingual(zh, en), path, from_at, until_at) for uid, zh, en, path, from_at, until_at in rows)


_URGENT: Kept[tuple[Urgent, ...]] = Kept((URGENT,), _read_urgent)


def urgent_here(path: str) -> tuple[list[Urgent], datetime | None]:
    """(the urgent announcements for a place now, when that changes).  path '': no place chosen, those of a whole district alone."""
    now = clock.now()
    mine = [u for u in _URGENT.get() if (path.startswith(u.path) if path else u.path.count("/") == 2)]
    shown = [u for u in mine if u.from_at <= now and (u.until_at is None or now < u.until_at)]
    moments = [m for u in mine for m in (u.from_at, u.until_at) if m is not None and m > now]
    return shown, min(moments, default=None)
