"""The manifest of `bulletin`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from flask_babel import pgettext

from civic.bulletin import api, api_postings, banner, open_work, operations, policies, queries, seeds, shown
from civic.bulletin.fresh import also_shows
from civic.bulletin.models import (
    Announcement,
    AnnouncementState,
    BoardPhoto,
    Objection,
    ObjectionState,
    Posting,
    PostingRun,
    PostingState,
    Subscription,
    Voice,
)
from civic.bulletin.operations.announcements import VOICE_FILE
from civic.bulletin.operations.postings import PHOTO_FILE
from civic.bulletin.operations.subscriptions import SUBSCRIBER, SUBSCRIPTION, opened
from civic.bulletin.views import announcements, part, posters, postings, public
from civic.core import clock, crypto, search
from civic.core.db import db
from civic.core.keys import Sealed
from civic.core.messages.models import MessageChannel
from civic.core.messages.receivers import Contact, Topic
from civic.core.registry import Card, Check, Hit, Job, Link, Module, Queue, SearchSource, Seed, Violation
from civic.core.viewer import Viewer
from civic.core.web.access import place_path

_PAGES = (api_postings, posters)  # imported for their routes
NEWEST = 4  # lines of the home page's card


def _navigation(_viewer: Viewer) -> list[Link]:
    return [Link(_("News and postings"), url_for("bulletin.index"), "bell", position=20)]


def _door(_viewer: Viewer) -> list[Link]:
    return [Link(pgettext("page", "News"), url_for("bulletin.index"), "bell", _("Water off, clinic hours, what is posted"), position=20)]


def _home(_viewer: Viewer) -> list[Card]:
    """The newest announcements and the postings that take objections."""
    path = queries.board_path(place_path())
    also_shows(queries.TOPIC, "workdays", until=queries.next_change(path))
    news = [shown.row_of(queries.line_of(row)) for row in queries.newest(path, NEWEST)]
    posted = [shown.row_of(queries.line_of(row)) for row in queries.running_postings(path, NEWEST)]
    more = Link(_("All news and postings"), url_for("bulletin.index"))
    cards = [Card(pgettext("home", "News"), "bulletin/home_rows.html", {"rows": news}, more, 10)] if news else []
    if posted:
        more = Link(pgettext("bulletin", "All postings"), url_for("bulletin.index", show="postings"))
        cards.append(Card(pgettext("home", "Posted now"), "bulletin/home_rows.html", {"rows": posted}, more, 12))
    return cards


def _actions(viewer: Viewer) -> list[Link]:
    if not policies.can_write_somewhere(viewer):
        return []
    return [
        Link(_p("page", "Announcements"), url_for("bulletin_desk.index"), "bell", _l("Write, publish, correct, withdraw"), 20),
        Link(_p("page", "Postings"), url_for("posting_desk.index"), "list", _l("Put up, take down, answer objections, close"), 21),
    ]


def _queues(viewer: Viewer) -> list[Queue]:
    if not policies.can_write_somewhere(viewer):
        return []
    objections, missing, ended = (
        db.session.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).with_only_columns(ident).subquery())) or 0
        for query, ident in (
            (queries.open_objections(viewer), Objection.id),
            (queries.to_translate(viewer), Announcement.id),
            (queries.to_close(viewer), Posting.id),
        )
    )
    return [
        Queue(_l("Objections without an answer"), url_for("posting_desk.objections"), objections, position=20),
        Queue(_l("Languages missing or outdated"), url_for("bulletin_desk.translations"), missing, position=30),
        Queue(_l("Postings that wait for their outcome"), url_for("posting_desk.index", state="ended"), ended, position=25),
    ]


def _announcement_hits(found: Sequence[search.Found]) -> dict[str, Hit]:
    query = queries.in_force_everywhere().where(Announcement.uid.in_([f.result for f in found]))
    return {
        row.uid: Hit(row.title, queries.line_of(row).lead, url_for("bulletin.announcement", uid=row.uid), shown.when(row))
        for row in db.session.scalars(query)
    }


def _posting_hits(found: Sequence[search.Found]) -> dict[str, Hit]:
    query = sa.select(Posting).where(Posting.number.in_([f.result for f in found]), Posting.state != PostingState.draft)
    return {
        row.number: Hit(
            row.title,
            queries.line_of(row).lead,
            url_for("bulletin.posting", number=row.number),
            shown.run_words(row.runs[-1]) if row.runs else row.number,
        )
        for row in db.session.scalars(query)
    }


def _subscribers(ids: Sequence[int]) -> dict[int, Contact]:
    """Where those who subscribed by mail are reached; confirmed and not ended."""
    query = sa.select(Subscription).where(
        Subscription.id.in_(ids),
        Subscription.receiver_kind == SUBSCRIBER,
        Subscription.confirmed_at.is_not(None),
        Subscription.ended_at.is_(None),
    )
    return {row.id: Contact(lang=row.lang, mail=opened(row)["mail"]) for row in db.session.scalars(query)}


def _subscription_hashes(row: Any, plain: dict[str, str]) -> dict[str, str]:
    return {"hash": crypto.keyed_hash(json.loads(plain["sealed"])["mail"], SUBSCRIPTION)} if plain.get("sealed") else {"hash": row.hash}


SEALED = (
    Sealed(Objection, {"sealed": queries.OBJECTION}),
    Sealed(Subscription, {"sealed": SUBSCRIPTION}, _subscription_hashes, ("hash",)),
)


def _voice_policy(viewer: Viewer, stored: Any) -> bool:
    """What hangs can be heard by everybody, a draft's by those who write for its territory."""
    row = db.session.scalars(
        sa.select(Announcement).join(Voice, Voice.announcement_id == Announcement.id).where(Voice.id == stored.owner_id)
    ).one_or_none()
    if row is None:
        return False
    hangs = row.state is AnnouncementState.published and row.from_at <= clock.now()
    return hangs or policies.can_write(viewer, row.territory.path, row.organisation_id)


def _photo_policy(_viewer: Viewer, stored: Any) -> bool:
    """A board that hung in public."""
    return db.session.get(BoardPhoto, stored.owner_id) is not None


def _clocks() -> Iterator[Violation]:
    """A posting that hangs has one open run, no other has any; objections are numbered without a gap; nothing is closed with an open one."""
    runs = sa.select(sa.func.count()).where(PostingRun.posting_id == Posting.id, PostingRun.ended_at.is_(None)).scalar_subquery()
    for row_id, state, count in db.session.execute(sa.select(Posting.id, Posting.state, runs)):
        if count != (1 if state is PostingState.posted else 0):
            yield Violation("posting", row_id, f"is {state.value} with {count} open runs")
    o = Objection
    gaps = sa.select(o.posting_id).group_by(o.posting_id).having(sa.func.count() != sa.func.max(o.number))
    for row_id in db.session.scalars(gaps):
        yield Violation("posting", row_id, "the numbers of its objections have a gap")
    waiting = (
        sa.select(o.id)
        .join(Posting, Posting.id == o.posting_id)
        .where(Posting.state == PostingState.closed, o.state == ObjectionState.open)
    )
    for row_id in db.session.scalars(waiting):
        yield Violation("posting_objection", row_id, "is open though its posting is closed")


def manifest() -> Module:
    return Module(
        name="bulletin",
        title=_l("News and postings"),
        blueprints=(public.bp, part.bp, announcements.bp, postings.bp),
        api=(api.bp,),
        jobs=(
            Job("bulletin-news", operations.send_news, minutes=1),
            Job("posting-clock", operations.end_due_postings, minutes=10),
        ),
        roles=policies.EDITORS,
        navigation=_navigation,
        elder_doors=_door,
        home_cards=_home,
        desk_queues=_queues,
        desk_actions=_actions,
        search_sources=(
            SearchSource(queries.ANNOUNCEMENTS, _p("page", "Announcements"), _announcement_hits),
            SearchSource(queries.POSTINGS, _p("page", "Postings"), _posting_hits),
        ),
        file_policy={VOICE_FILE: _voice_policy, PHOTO_FILE: _photo_policy},
        checks=(Check("posting clocks", _clocks),),
        seeds=(Seed("demo", seeds.demo, 60),),
        retention=(
            Job("bulletin-objections", operations.forget_objections, at="03:20"),
            Job("bulletin-subscriptions", operations.drop_unconfirmed, at="03:25"),
        ),
        sealed=SEALED,
        receivers={SUBSCRIBER: _subscribers},
        message_topics=(
            Topic("bulletin", _l("News and postings of my community"), (MessageChannel.mail,)),
            Topic("bulletin-answer", _l("Answers to my objections"), (MessageChannel.mail,)),
            Topic("bulletin-confirm", _l("Confirming a mail address"), (MessageChannel.mail,), is_fixed=True, keeps_inbox=False),
        ),
        open_work=open_work.open_work,
        personal_data=open_work.personal_data,
        start=(banner.start,),
    )
