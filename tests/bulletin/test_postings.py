"""Postings: numbers, the clock, taking down early, objections, closing, work that is handed over."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from civic.bulletin import operations, queries
from civic.bulletin.errors import AlreadyAnswered, ContactNeeded, NotPostedNow, OpenObjections, RemovedEarly, StillPosted
from civic.bulletin.models import Objection, PostingEvent, PostingState
from civic.bulletin.open_work import open_work, personal_data
from civic.core import clock, numbers
from civic.core.db import db
from civic.core.openwork import Subject
from civic.core.viewer import Actor
from civic.core.workdays import Unit
from tests.support.bulletin import WRITER, posting_text


def later(days: int):
    return clock.frozen(clock.now() + timedelta(days=days))


def verbs(row):
    return list(db.session.scalars(sa.select(PostingEvent.verb).where(PostingEvent.posting_id == row.id).order_by(PostingEvent.id)))


def test_numbers_of_a_day_follow_each_other_and_carry_a_check_digit(make_posting):
    first, second, draft = make_posting(), make_posting(), make_posting(put_up=False)
    assert first.number.startswith("G20261125-00001-")
    assert second.number.startswith("G20261125-00002-")
    assert numbers.is_number(first.number)
    assert draft.number.startswith("-")


def test_the_days_count_from_the_day_after(make_posting):
    """Put up on Wednesday 25 November 2026: five working days end on Wednesday 2 December."""
    assert make_posting(days=5).runs[-1].until_on == date(2026, 12, 2)


def test_calendar_days_that_end_on_a_day_off_end_on_the_next_working_day(make_posting):
    """Three calendar days from Wednesday end on Saturday 28, so on Monday 30 November."""
    run = make_posting(days=3, unit=Unit.calendar_day).runs[-1]
    assert run.until_on == date(2026, 11, 30)


def test_taken_down_a_day_early_says_what_follows_and_starts_again(make_posting):
    row = make_posting(days=5)
    with later(7):  # 2 December, its last day: that day is not over
        with pytest.raises(RemovedEarly) as refusal:
            operations.take_down(WRITER, row.id, "")
        assert refusal.value.context["until"] == date(2026, 12, 2)
        assert "5" in refusal.value.message
        db.session.refresh(row)
        assert row.state is PostingState.posted
        operations.take_down(WRITER, row.id, "公告栏维修")
        db.session.refresh(row)
        run = operations.put_up(WRITER, row.id, row.lock_version)
    assert run.put_up_on == date(2026, 12, 2)
    assert run.until_on == date(2026, 12, 9)
    assert verbs(row) == ["put_up", "removed", "again"]


def test_it_ends_the_day_after_its_last_day_and_closes_with_both_outcomes(make_posting):
    row = make_posting(days=5)
    with later(7):
        assert operations.end_due_postings() == 0
        with pytest.raises(StillPosted):
            operations.close_posting(WRITER, row.id, row.lock_version, "无异议", "None")
    with later(8):
        assert operations.end_due_postings() == 1
        assert operations.end_due_postings() == 0
        db.session.refresh(row)
        operations.close_posting(WRITER, row.id, row.lock_version, "无异议", "None")
    db.session.refresh(row)
    assert row.state is PostingState.closed
    assert verbs(row) == ["put_up", "ended", "closed"]


def test_an_open_objection_keeps_it_from_closing(make_posting):
    row = make_posting(days=1)
    said = operations.object_to(WRITER, row.id, "漏了一户", name="何", contact="020-1")
    with later(3):
        with pytest.raises(OpenObjections) as refusal:
            operations.close_posting(WRITER, row.id, row.lock_version, "好", "Good")
        assert refusal.value.context["count"] == 1
        operations.answer_objection(WRITER, said.id, "已补上", "Added")
        with pytest.raises(AlreadyAnswered):
            operations.answer_objection(WRITER, said.id, "再补", "Again")
        db.session.refresh(row)
        operations.close_posting(WRITER, row.id, row.lock_version, "好", "Good")
        with pytest.raises(NotPostedNow):
            operations.object_to(WRITER, row.id, "太晚", name="何", contact="020-1")


def test_who_objects_is_sealed_and_needs_a_way_to_be_answered(make_posting):
    row = make_posting()
    with pytest.raises(ContactNeeded):
        operations.object_to(WRITER, row.id, "不对", name="何小姐")
    said = operations.object_to(WRITER, row.id, "不对", name="何小姐", contact="he@example.cn")
    stored = str(db.session.execute(sa.text("SELECT * FROM posting_objection")).mappings().one())
    assert "何小姐" not in stored
    assert "example.cn" not in stored
    assert queries.objection_words(said) == {"text": "不对", "name": "何小姐", "contact": "he@example.cn"}


def test_words_are_forgotten_a_year_after_closing(make_posting):
    row = make_posting(days=1)
    said = operations.object_to(WRITER, row.id, "不对", name="何", contact="1")
    operations.answer_objection(WRITER, said.id, "好", "Good")
    with later(3):
        db.session.refresh(row)
        operations.close_posting(WRITER, row.id, row.lock_version, "好", "Good")
    with later(360):
        assert operations.forget_objections() == 0
    with later(370):
        assert operations.forget_objections() == 1
    db.session.expire_all()
    assert db.session.get_one(Objection, said.id).sealed == ""


def test_a_module_that_asks_twice_for_the_same_thing_gets_one_posting(make_community):
    place = make_community()
    first = operations.post(WRITER, "roll:17", place.id, posting_text())
    second = operations.post(WRITER, "roll:17", place.id, posting_text())
    assert first.id == second.id
    assert first.state is PostingState.posted


def test_what_a_leaving_manager_leaves_open_is_handed_over(make_community, make_account, make_posting, make_announcement):
    place = make_community()
    leaving, staying = make_account(role="manager", territory=place), make_account(role="manager", territory=place)
    me = Actor(leaving.id)
    posting, draft = make_posting(place, actor=me), make_announcement(place, publish=False, actor=me)
    operations.object_to(WRITER, posting.id, "不对", name="何", contact="1")
    found = open_work(Subject("grant", leaving.grants[0].id))
    assert [work.count for work in found] == [1, 1, 1]
    for work in found:
        work.hand_over(me, staying.id)
    db.session.expire_all()
    assert (posting.account_id, draft.account_id) == (staying.id, staying.id)
    assert open_work(Subject("grant", leaving.grants[0].id)) == []


def test_nothing_is_stored_of_somebody_who_did_nothing(site):
    assert list(personal_data(None, None)) == []
