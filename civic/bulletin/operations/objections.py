"""Objections to a posting and their public answers.  Who objects is sealed; numbers 1, 2, … are given under the posting's lock."""

from __future__ import annotations

import json
from datetime import timedelta

import sqlalchemy as sa

from civic.bulletin import signals
from civic.bulletin.errors import AlreadyAnswered, ContactNeeded, LanguageMissing, NotPostedNow
from civic.bulletin.models import Objection, ObjectionState, Posting, PostingState
from civic.bulletin.operations.postings import lock_posting, note_event, open_run, settle
from civic.bulletin.queries.desk import OBJECTION
from civic.bulletin.queries.topics import TOPIC
from civic.core import audit, clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.messages.receivers import Receiver
from civic.core.messages.sending import send
from civic.core.viewer import Actor

KEPT = timedelta(days=365)  # after the posting is closed; then name, contact and words are forgotten
SLICE = 200


def object_to(actor: Actor, posting_id: int, text: str, *, person_id: int | None = None, name: str = "", contact: str = "") -> Objection:
    """Take in an objection while the posting is up, its last day included.

    person_id: who signed in; without one, name and contact are needed.  Raises NotPostedNow, ContactNeeded.  Sends `objection_received`.
    """
    if person_id is None and not (name and contact):
        raise ContactNeeded(field="contact" if name else "name")
    sealed = crypto.encrypt(json.dumps({"text": text, "name": name, "contact": contact}, ensure_ascii=False), OBJECTION)
    with atomic() as tx:
        row = lock_posting(posting_id)
        run = open_run(row.id)
        if row.state is not PostingState.posted or run is None or run.until_on < clock.today():
            raise NotPostedNow
        last = db.session.scalar(sa.select(sa.func.max(Objection.number)).where(Objection.posting_id == row.id)) or 0
        objection = Objection(posting_id=row.id, number=last + 1, person_id=person_id, channel=actor.channel.value, sealed=sealed)
        db.session.add(objection)
        db.session.flush()
        note_event(actor if actor.account_id and actor.channel.value == "desk" else _NOBODY, row.id, "objected")
        audit.record(actor, "bulletin.objection.take", "posting_objection", objection.id, posting=row.id, number=objection.number)
        signals.objection_received.send(objection, actor=actor)
        tx.touch(TOPIC)
        tx.result = objection
    return objection


_NOBODY = Actor(None, job="objection")  # the public history never names the account of one who objects


def answer_objection(actor: Actor, objection_id: int, answer_zh: str, answer_en: str) -> Objection:
    """Answer one, in public; the words may name nobody.  A person who signed in gets a message.

    Raises AlreadyAnswered, LanguageMissing.
    """
    with atomic() as tx:
        posting_id: int = db.session.scalars(sa.select(Objection.posting_id).where(Objection.id == objection_id)).one()
        row = lock_posting(posting_id)
        query = sa.select(Objection).where(Objection.id == objection_id)
        objection = db.session.scalars(query.execution_options(populate_existing=True)).one()
        if objection.state is ObjectionState.answered:
            raise AlreadyAnswered
        if not answer_zh or not answer_en:
            raise LanguageMissing(field="answer_en" if answer_zh else "answer_zh")
        objection.answer_zh, objection.answer_en = answer_zh, answer_en
        objection.state, objection.answered_at, objection.answered_by_id = ObjectionState.answered, clock.now(), actor.account_id
        settle(actor, row, clock.today())
        note_event(actor, row.id, "answered")
        if objection.person_id is not None:
            href = f"/bulletin/postings/{row.number}"
            send(Receiver("person", objection.person_id), "bulletin-answer", "bulletin/answer", href=href, row=row, objection=objection)
        audit.record(actor, "bulletin.objection.answer", "posting_objection", objection.id, posting=row.id)
        tx.touch(TOPIC)
        tx.result = objection
    return objection


def forget_objections() -> int:
    """The job: a year after a posting was closed, name, contact and words of its objections are forgotten.  Returns how many."""
    before, done = clock.now() - KEPT, 0
    old = (
        sa.select(Objection.id)
        .join(Posting, Posting.id == Objection.posting_id)
        .where(Posting.closed_at.is_not(None), Posting.closed_at < before, Objection.sealed != "")
        .order_by(Objection.id)
        .limit(SLICE)
    )
    while ids := list(db.session.scalars(old)):
        with atomic():
            db.session.execute(sa.update(Objection).where(Objection.id.in_(ids)).values(sealed=""))
        done += len(ids)
    return done
