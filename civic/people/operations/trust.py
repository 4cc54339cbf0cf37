"""Verification, member cards, consent, and corrections asked for."""

from __future__ import annotations

import re
import secrets
from datetime import date, timedelta

import sqlalchemy as sa

from civic.core import audit, clock, crypto, decrees, tries, workdays
from civic.core.atomic import atomic
from civic.core.db import db, new_public_id
from civic.core.messages.receivers import Receiver
from civic.core.messages.sending import send
from civic.core.viewer import Actor
from civic.people import queries, records
from civic.people.errors import (
    AlreadyVerified,
    BadCode,
    LivesElsewhere,
    NeedsGuardian,
    NoDocumentSeen,
    NoticeTooEarly,
    NotWaiting,
    OldNotice,
    WrongCard,
)
from civic.people.models import (
    Consent,
    Correction,
    CorrectionState,
    Document,
    HomeRelation,
    LifeEventKind,
    MemberCard,
    Person,
    PersonHome,
    PrivacyNotice,
    Representation,
    Verification,
    VerificationEnd,
)
from civic.people.operations.locks import end_verifications, lock_people, lock_rows
from civic.people.operations.rows import note_event
from civic.territory.models import Building, Home, Territory

TOPIC = "people"  # of messages
ANSWER_WITHIN = 15  # working days: PIPL art. 50 asks for a timely answer; fifteen is the house's own limit
CHILD_UNDER = 14  # years, PIPL art. 31
CARD_TRIES, CARD_WINDOW = 5, timedelta(hours=1)  # wrong codes for one number


# ---- verification ---------------------------------------------------------------------------------------------------------


def verify_person(actor: Actor, person_id: int, document_id: int, evidence: str = "") -> Verification:
    """The clerk holds the document and knows where she lives: she speaks as a resident of that community.

    Reads: an open document that has not run out, and an open lives-in of this district.  Raises NoDocumentSeen, LivesElsewhere,
    AlreadyVerified, NotLiving.
    """
    with atomic() as tx:
        (person,) = lock_people([person_id])
        document = db.session.get(Document, document_id, populate_existing=True)
        today = clock.today()
        if document is None or document.person_id != person_id or document.ended_at is not None:
            raise NoDocumentSeen(field="document")
        if document.valid_to is not None and document.valid_to < today:
            raise NoDocumentSeen(field="document")
        home = _home_of(person_id)
        if home is None:
            raise LivesElsewhere
        home_id, place_id = home
        known = sa.select(Verification.id).where(
            Verification.person_id == person_id, Verification.place_id == place_id, Verification.ended_at.is_(None)
        )
        if db.session.scalar(known) is not None:
            raise AlreadyVerified
        document.checked_at, document.checked_by_id = clock.now(), actor.account_id
        row = Verification(
            person_id=person_id, place_id=place_id, document_id=document_id, home_id=home_id, at=clock.now(), account_id=actor.account_id
        )
        db.session.add(row)
        person.lock_version += 1
        note_event(actor, LifeEventKind.verified, person_id, today, evidence=evidence)
        db.session.flush()
        tx.touch(queries.TOPIC)
        tx.result = row
    return row


def _home_of(person_id: int) -> tuple[int, int] | None:
    """(home, community) of the open lives-in."""
    query = (
        sa.select(Home.id, Territory.parent_id)
        .join(PersonHome, PersonHome.home_id == Home.id)
        .join(Building, Building.id == Home.building_id)
        .join(Territory, Territory.id == Building.grid_id)
        .where(
            PersonHome.person_id == person_id,
            PersonHome.relation.in_([HomeRelation.lives_in, HomeRelation.collective]),
            PersonHome.ended_on.is_(None),
        )
    )
    row = db.session.execute(query.limit(1)).one_or_none()
    return (row[0], row[1]) if row is not None and row[1] is not None else None


def end_verification(actor: Actor, person_id: int, evidence: str = "") -> None:
    """It was given by mistake."""
    with atomic() as tx:
        (person,) = lock_rows([person_id])
        end_verifications(actor, person, VerificationEnd.withdrawn)
        note_event(actor, LifeEventKind.verification_end, person_id, clock.today(), evidence=evidence)
        tx.touch(queries.TOPIC)


# ---- the member card ------------------------------------------------------------------------------------------------------


def issue_card(actor: Actor, person_id: int) -> tuple[MemberCard, str]:
    """A new card and the token of its QR; the old card dies at this moment."""
    token = new_public_id()
    with atomic() as tx:
        lock_people([person_id])
        db.session.execute(
            sa.update(MemberCard).where(MemberCard.person_id == person_id, MemberCard.ended_at.is_(None)).values(ended_at=clock.now())
        )
        card = MemberCard(
            person_id=person_id,
            token_hash=crypto.token_hash(token),
            sealed=crypto.encrypt(token, records.CARD),
            issued_by_id=actor.account_id,
        )
        db.session.add(card)
        db.session.flush()
        audit.record(actor, "people.card.issue", "person", person_id, card=card.id)
        tx.result = card
    return card, token


def choose_code(actor: Actor, person_id: int, code: str) -> MemberCard:
    """The four digits that count together with the card.  Raises BadCode; without a card one is issued."""
    if not re.fullmatch(r"[0-9]{4}", code) or len(set(code)) == 1 or code in "0123456789876543210":
        raise BadCode(field="code")
    with atomic() as tx:
        lock_people([person_id])
        card = queries.open_card(person_id) or issue_card(actor, person_id)[0]
        card.code_hash = crypto.keyed_hash(f"{card.id}|{code}", records.CARD)
        audit.record(actor, "people.card.code", "person", person_id, card=card.id)
        tx.result = card
    return card


def prove_card(number: str, code: str) -> int:
    """The person of a member number and her code.  Raises WrongCard, TooManyTries (five an hour a number).  Counts before it looks."""
    subject = crypto.keyed_hash(number, records.CARD)
    tries.count_try("card", subject, CARD_TRIES, CARD_WINDOW)
    card = db.session.scalars(
        sa.select(MemberCard).join(Person, Person.id == MemberCard.person_id).where(Person.number == number, MemberCard.ended_at.is_(None))
    ).one_or_none()
    given = crypto.keyed_hashes(f"{card.id if card else 0}|{code}", records.CARD)
    if card is None or not any(secrets.compare_digest(card.code_hash, each) for each in given):
        raise WrongCard
    tries.forget("card", subject)
    return card.person_id


# ---- consent --------------------------------------------------------------------------------------------------------------


def publish_notice(actor: Actor, text_zh: str, text_en: str, from_on: date) -> PrivacyNotice:
    """A new version of the privacy notice, both languages; versions never change.  Raises NoticeTooEarly."""
    if from_on < clock.today():
        raise NoticeTooEarly(today=clock.today(), field="from_on")
    with atomic() as tx:
        version = (db.session.scalar(sa.select(sa.func.max(PrivacyNotice.version))) or 0) + 1
        notice = PrivacyNotice(version=version, text_zh=text_zh, text_en=text_en, from_on=from_on)
        db.session.add(notice)
        db.session.flush()
        audit.record(actor, "people.notice.publish", "privacy_notice", notice.id, version=version)
        tx.touch(queries.TOPIC)
        tx.result = notice
    return notice


def give_consent(actor: Actor, person_id: int, version: int, given_by_id: int) -> Consent:
    """She agreed to the version in force, or her guardian did for a child under 14.  Raises OldNotice, NeedsGuardian."""
    with atomic() as tx:
        (person,) = lock_people([person_id])
        now = queries.notice_in_force(clock.today())
        if now is None or now.version != version:
            raise OldNotice(version=now.version if now else 0)
        if given_by_id == person_id and _is_child(person):
            raise NeedsGuardian
        if given_by_id != person_id and not _represents(given_by_id, person_id):
            raise NeedsGuardian
        consent = Consent(person_id=person_id, version=version, given_by_id=given_by_id, channel=actor.channel.value)
        db.session.add(consent)
        db.session.flush()
        audit.record(actor, "people.consent", "person", person_id, version=version, given_by=given_by_id)
        tx.result = consent
    return consent


def _is_child(person: Person) -> bool:
    record = records.unseal(person.sealed)
    if record.birthday is not None:
        today, born = clock.today(), record.birthday
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < CHILD_UNDER
    return record.birth_year is not None and clock.today().year - record.birth_year <= CHILD_UNDER  # born late in that year: still 13


def _represents(representative_id: int, represented_id: int) -> bool:
    query = sa.select(Representation.id).where(
        Representation.representative_id == representative_id,
        Representation.represented_id == represented_id,
        Representation.from_on <= clock.today(),
        sa.or_(Representation.ended_on.is_(None), Representation.ended_on > clock.today()),
        sa.or_(Representation.until_on.is_(None), Representation.until_on >= clock.today()),
    )
    return db.session.scalar(query.limit(1)) is not None


# ---- corrections ----------------------------------------------------------------------------------------------------------


def ask_correction(actor: Actor, person_id: int, topic: str, wish: str) -> Correction:
    """She asks to have something put right (PIPL art. 46); answered within fifteen working days."""
    due = workdays.span(decrees.calendar(), clock.today(), ANSWER_WITHIN, workdays.Unit.working_day).end_on
    with atomic() as tx:
        row = Correction(
            person_id=person_id,
            asked_by_id=actor.account_id,
            topic=topic,
            wish=crypto.encrypt(wish, records.CORRECTION),
            due_on=due,
        )
        db.session.add(row)
        db.session.flush()
        audit.record(actor, "people.correction.ask", "person", person_id, correction=row.id)
        tx.result = row
    return row


def answer_correction(actor: Actor, correction_id: int, done: bool, answer: str) -> Correction:
    """Say what was put right, or why it stays.  Raises NotWaiting."""
    with atomic() as tx:
        row = db.session.get_one(Correction, correction_id, with_for_update={"key_share": True}, populate_existing=True)
        if row.state is not CorrectionState.asked:
            raise NotWaiting
        row.state = CorrectionState.done if done else CorrectionState.refused
        row.answer, row.answered_at, row.answered_by_id = crypto.encrypt(answer, records.CORRECTION), clock.now(), actor.account_id
        audit.record(actor, "people.correction.answer", "person", row.person_id, correction=row.id, done=int(done))
        send(Receiver("person", row.person_id), TOPIC, "people/correction", href="/account/corrections", done=done, answer=answer)
        tx.result = row
    return row
