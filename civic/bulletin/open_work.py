"""What a leaving colleague or a person leaves open here, and everything that is stored of a person."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext, pgettext

from civic.accounts.models import Grant
from civic.bulletin import operations
from civic.bulletin.models import Announcement, AnnouncementState, Objection, ObjectionState, Posting, PostingState, Subscription
from civic.bulletin.policies import EDITORS
from civic.bulletin.queries import objection_words
from civic.core.db import db
from civic.core.i18n import format_moment
from civic.core.openwork import Happening, OpenWork, Subject
from civic.core.personaldata import DataPart
from civic.core.viewer import Actor
from civic.people.queries import all_rows_of
from civic.territory.models import Territory
from civic.territory.queries import lines_of

RUNNING = (PostingState.draft, PostingState.posted, PostingState.removed, PostingState.ended)


def open_work(subject: Subject) -> Sequence[OpenWork]:
    if subject.kind == "grant":
        return _of_grant(subject)
    return _of_person(subject) if subject.kind == "person" else ()


def _of_grant(subject: Subject) -> list[OpenWork]:
    """Drafts, postings that are not closed and their open objections, of that account in that territory and organisation."""
    grant = db.session.get(Grant, subject.id)
    if grant is None or grant.role not in EDITORS:
        return []
    path = db.session.scalars(sa.select(Territory.path).where(Territory.id == grant.territory_id)).one()
    news, posted = _rows_of(grant, path)
    if not news and not posted:
        return []
    open_ids = sa.select(sa.func.count()).where(Objection.posting_id.in_(posted), Objection.state == ObjectionState.open)
    waiting = db.session.scalar(open_ids) or 0 if posted else 0
    give = partial(_give, news, posted)
    found = []
    follows = _("Nothing ends by itself: postings go on hanging. A colleague takes them over.")
    if news:
        title = ngettext("%(num)s announcement in draft", "%(num)s announcements in draft", len(news))
        found.append(OpenWork(title, follows, len(news), "/desk/bulletin/?state=draft", hand_over=give))
    if posted:
        title = ngettext("%(num)s posting that is not closed", "%(num)s postings that are not closed", len(posted))
        found.append(OpenWork(title, follows, len(posted), "/desk/postings/", hand_over=give))
    if waiting:
        title = ngettext("%(num)s objection without an answer", "%(num)s objections without an answer", waiting)
        found.append(OpenWork(title, _("They go with their posting."), waiting, "/desk/postings/objections", hand_over=give))
    return found


def _rows_of(grant: Grant, path: str) -> tuple[list[int], list[int]]:
    inside = sa.select(Territory.id).where(Territory.path.startswith(path, autoescape=True))
    a, p = Announcement, Posting
    news = sa.select(a.id).where(a.account_id == grant.account_id, a.territory_id.in_(inside), a.state == AnnouncementState.draft)
    posted = sa.select(p.id).where(p.account_id == grant.account_id, p.territory_id.in_(inside), p.state.in_(RUNNING))
    if grant.organisation_id is not None:  # a right that is bound to an organisation covers its rows alone
        covered = lines_of(grant.organisation_id)
        news, posted = news.where(a.organisation_id.in_(covered)), posted.where(p.organisation_id.in_(covered))
    return list(db.session.scalars(news.order_by(a.id))), list(db.session.scalars(posted.order_by(p.id)))


def _give(news: list[int], posted: list[int], actor: Actor, account_id: int) -> None:
    """Both kinds at once; a second call changes nothing."""
    operations.hand_over(actor, news, posted, account_id)


def _of_person(subject: Subject) -> list[OpenWork]:
    mine = Objection.person_id.in_(all_rows_of(subject.id))
    count = db.session.scalar(sa.select(sa.func.count()).where(mine, Objection.state == ObjectionState.open)) or 0
    if not count:
        return []
    follows = _("The objection stays and is answered in public.")
    if subject.happening is Happening.death:
        follows = _("The objection stays and is answered in public; no message is sent.")
    elif subject.happening is Happening.merge:
        follows = _("The objection stays under its number; the person who remains gets the answer.")
    return [OpenWork(ngettext("%(num)s open objection to a posting", "%(num)s open objections to postings", count), follows, count)]


def personal_data(person_id: int | None, account_id: int | None) -> Sequence[DataPart]:
    """Objections with their words, and subscriptions."""
    ids = all_rows_of(person_id) if person_id is not None else []
    found = [_objections(ids), _subscriptions(ids, account_id)]
    return [part for part in found if part.rows]


def _objections(ids: list[int]) -> DataPart:
    query = sa.select(Objection, Posting.number).join(Posting, Posting.id == Objection.posting_id).where(Objection.person_id.in_(ids))
    rows: list[tuple[object, object]] = []
    for objection, number in db.session.execute(query.order_by(Objection.id)) if ids else ():
        words = objection_words(objection)
        label = _("Objection %(number)s to posting %(posting)s, %(moment)s", number=objection.number, posting=number, moment=format_moment(objection.at))  # fmt: skip
        rows.append(
            (
                label,
                [value for value in (words["text"], words["name"], words["contact"]) if value] or [pgettext("bulletin", "Words forgotten")],
            )
        )
    return DataPart(
        _("Objections to postings"),
        rows,
        _("So that the objection can be answered."),
        _("Words, name and contact are forgotten one year after the posting was closed."),
        "objections",
    )


def _subscriptions(ids: list[int], account_id: int | None) -> DataPart:
    s = Subscription
    hers = sa.or_(
        sa.and_(s.receiver_kind == "person", s.receiver_id.in_(ids)), sa.and_(s.receiver_kind == "account", s.receiver_id == account_id)
    )
    query = sa.select(s, Territory).join(Territory, Territory.id == s.territory_id).where(hers).order_by(s.id)
    rows: list[tuple[object, object]] = []
    for row, place in db.session.execute(query):
        ended = format_moment(row.ended_at) if row.ended_at else pgettext("subscription", "running")
        rows.append((place.name, f"{format_moment(row.created_at)} – {ended}"))
    why = _("So that news of the place is sent.")
    return DataPart(_("Subscriptions to news"), rows, why, _("Until one year after it was ended."), "subscriptions")
