"""Verification, cards with four digits, consent, corrections, care that no column tells."""

import json
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.errors import TooManyTries
from civic.people import operations, queries
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
from civic.people.models import CareStatus, Consent, Correction, DocumentKind, MemberCard, RepresentationKind
from civic.people.operations import NewDocument
from tests.support.people import CLERK, resident_card

pytestmark = pytest.mark.usefixtures("site")
TODAY = date(2026, 11, 25)


# ---- verification


def test_verifying_reads_the_document_and_where_she_lives(make_person, make_home, place):
    made = make_person(home=make_home(place), documents=[resident_card()])
    row = operations.verify_person(CLERK, made.id, queries.documents_of(made.id)[0].id)
    assert (row.place_id, row.home_id) == (place.id, queries_home(made))
    assert queries.verified_in(made.id) == frozenset({place.path})
    assert queries.documents_of(made.id)[0].checked_at is not None
    with pytest.raises(AlreadyVerified):
        operations.verify_person(CLERK, made.id, queries.documents_of(made.id)[0].id)
    operations.end_verification(CLERK, made.id, "证件有误")
    assert queries.verified_in(made.id) == frozenset()


def queries_home(person) -> int:
    from civic.people.models import PersonHome

    return db.session.scalars(sa.select(PersonHome.home_id).where(PersonHome.person_id == person.id)).one()


def test_without_a_home_here_she_is_not_verified(make_person):
    made = make_person(documents=[resident_card()])
    with pytest.raises(LivesElsewhere):
        operations.verify_person(CLERK, made.id, queries.documents_of(made.id)[0].id)


def test_a_document_of_somebody_else_ended_or_run_out_verifies_nobody(make_person, make_home, place):
    made = make_person(home=make_home(place), documents=[resident_card()])
    other = make_person("李强", "1985-01-01", documents=[NewDocument(DocumentKind.passport, "E1234567")])
    old = operations.add_document(CLERK, made.id, NewDocument(DocumentKind.passport, "E7654321", valid_to=date(2026, 11, 24)))
    mine = queries.documents_of(made.id)[0].id
    operations.end_document(CLERK, mine)
    for document_id in (mine, old.id, queries.documents_of(other.id)[0].id, 999):
        with pytest.raises(NoDocumentSeen):
            operations.verify_person(CLERK, made.id, document_id)


# ---- cards


def test_a_new_card_ends_the_old_one(make_person, viewer_of, make_account):
    made = make_person()
    _first, old = operations.issue_card(CLERK, made.id)
    _second, new = operations.issue_card(CLERK, made.id)
    clerk = viewer_of(make_account("clerk"))
    assert queries.find(clerk, f"https://example.org/card/{old}").rows == []
    assert [row.id for row in queries.find(clerk, f"https://example.org/card/{new}").rows] == [made.id]
    assert [row.id for row in queries.find(clerk, made.number).rows] == [made.id]


@pytest.mark.parametrize("code", ["", "123", "12345", "1111", "1234", "8765", "12a4", "１２３５"])
def test_a_code_that_everybody_guesses_is_refused(make_person, code):
    with pytest.raises(BadCode):
        operations.choose_code(CLERK, make_person().id, code)


def test_a_card_counts_with_its_code_and_five_tries_an_hour(make_person):
    made = make_person()
    operations.issue_card(CLERK, made.id)
    with pytest.raises(WrongCard):
        operations.prove_card(made.number, "")  # no code chosen: the card does not count alone
    operations.choose_code(CLERK, made.id, "2580")
    assert operations.prove_card(made.number, "2580") == made.id
    for _each in range(5):
        with pytest.raises(WrongCard):
            operations.prove_card(made.number, "2581")
    with pytest.raises(TooManyTries):
        operations.prove_card(made.number, "2580")
    with clock.frozen(clock.now() + timedelta(minutes=61)):
        assert operations.prove_card(made.number, "2580") == made.id


def test_an_unknown_number_and_an_ended_card_say_the_same(make_person):
    made = make_person()
    operations.choose_code(CLERK, made.id, "2580")
    with pytest.raises(WrongCard):
        operations.prove_card("123456785", "2580")
    operations.record_death(CLERK, made.id, TODAY)
    with pytest.raises(WrongCard):
        operations.prove_card(made.number, "2580")


# ---- consent


def test_consent_is_to_the_version_in_force(make_person):
    made = make_person()
    with pytest.raises(NoticeTooEarly):
        operations.publish_notice(CLERK, "旧", "old", date(2026, 11, 24))
    operations.publish_notice(CLERK, "一", "one", TODAY)
    operations.publish_notice(CLERK, "二", "two", date(2026, 12, 1))
    with pytest.raises(OldNotice) as refusal:
        operations.give_consent(CLERK, made.id, 2, made.id)
    assert refusal.value.context == {"version": 1}
    assert operations.give_consent(CLERK, made.id, 1, made.id).version == 1
    with clock.frozen(clock.now() + timedelta(days=6)), pytest.raises(OldNotice):
        operations.give_consent(CLERK, made.id, 1, made.id)


@pytest.mark.parametrize(("born", "is_child"), [("2012-11-26", True), ("2012-11-25", False), ("2012", True), ("2011", False)])
def test_under_fourteen_a_guardian_agrees(make_person, born, is_child):
    operations.publish_notice(CLERK, "一", "one", TODAY)
    child, mother, stranger = make_person("李小宝", born), make_person(), make_person("赵六")
    operations.add_representation(CLERK, child.id, mother.id, RepresentationKind.parent, TODAY)
    with pytest.raises(NeedsGuardian):
        operations.give_consent(CLERK, child.id, 1, stranger.id)
    if is_child:
        with pytest.raises(NeedsGuardian):
            operations.give_consent(CLERK, child.id, 1, child.id)
        operations.give_consent(CLERK, child.id, 1, mother.id)
    else:
        operations.give_consent(CLERK, child.id, 1, child.id)
    assert db.session.scalars(sa.select(Consent.person_id)).all() == [child.id]


# ---- corrections


def test_a_correction_is_due_in_fifteen_working_days(make_person, holidays):
    holidays({"2026-12-01": "holiday"})
    made = make_person()
    row = operations.ask_correction(CLERK, made.id, "name", "姓名应为王芬")
    assert row.due_on == date(2026, 12, 17)  # 15 working days from 25 November are 16 December; a holiday makes it the 17th
    assert queries.corrections_of(made.id)[0][1] == "姓名应为王芬"
    assert "王芬" not in db.session.scalars(sa.select(Correction.wish)).one()
    operations.answer_correction(CLERK, row.id, True, "已改")
    assert queries.corrections_of(made.id)[0][2] == "已改"
    with pytest.raises(NotWaiting):
        operations.answer_correction(CLERK, row.id, False, "不改")


# ---- care


def test_no_column_says_who_is_in_care(make_person):
    made = make_person()
    operations.set_care(CLERK, made.id, "low_income", TODAY, "低保")
    row = db.session.execute(sa.select(CareStatus.__table__)).one()
    assert set(row._fields) == {"id", "subject_hash", "sealed"}
    assert row.subject_hash.startswith("h1.")
    lines = db.session.execute(sa.select(AuditEvent).where(AuditEvent.verb.startswith("people.care"))).scalars().all()
    assert [(line.subject_kind, line.subject_id, json.loads(line.context)) for line in lines] == [("care_status", row.id, {})]


def test_care_holds_from_its_first_to_its_last_day(make_person):
    made = make_person()
    operations.set_care(CLERK, made.id, "low_income", TODAY)
    operations.end_care(CLERK, made.id, "low_income", date(2026, 11, 30))
    held = [len(operations.care_of(made.id, TODAY + timedelta(days=n))) for n in (-1, 0, 5, 6)]
    assert held == [0, 1, 1, 0]


def test_care_of_a_merged_row_is_care_of_the_survivor(make_person):
    loser, survivor = make_person(), make_person("王方")
    operations.set_care(CLERK, loser.id, "alone", TODAY)
    merge = operations.ask_merge(CLERK, loser.id, survivor.id, "同一人")
    from tests.support.people import COLLEAGUE

    operations.decide_merge(COLLEAGUE, merge.id, True)
    assert [care.kind for care in operations.care_of(survivor.id, TODAY)] == ["alone"]


def test_a_dead_persons_card_row_stays_for_the_record(make_person):
    made = make_person()
    operations.issue_card(CLERK, made.id)
    operations.record_death(CLERK, made.id, TODAY)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(MemberCard)) == 1
