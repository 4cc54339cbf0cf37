"""Versions of the rules: a copy is drafted, a second person agrees and posts it, it is adopted when the posting is closed; never backwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from civic.bulletin import operations as bulletin
from civic.bulletin.models import Posting, PostingState
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.viewer import Actor
from civic.points import operations, rules, signals
from civic.points.errors import (
    BeforeAnnounced,
    NoGeneralRate,
    NothingChanged,
    NotThisStep,
    OutOfRange,
    PolicyChanged,
    PostingHangs,
    RateTwice,
    SecondPersonNeeded,
    TooEarly,
    VersionOpen,
)
from civic.points.models import Policy, PolicyState
from civic.points.operations import policy
from civic.points.versions import RuleText, change_words, differences, sentences
from tests.conftest import NOW
from tests.support.points import adopt

ONE, OTHER, CLOSER = Actor(11), Actor(12), Actor(13)
TODAY = date(2026, 11, 25)
DAY = date(2026, 12, 10)  # well after 2 December, the last day of a posting put up today
LATER = NOW + timedelta(days=8)  # 3 December: the posting is over


@pytest.fixture
def drafted(programme) -> Policy:
    """Version 2026-2 as a draft that takes a fifth off hours that are entered later."""
    row = policy.draft(ONE, programme.id)
    return policy.edit(
        ONE,
        row.id,
        row.lock_version,
        replace(
            RuleText.of(row), rates=(("*", "*", 100), ("*", "backfill", 80)), note_zh="补录少一点。", note_en="Entered later brings less."
        ),
    )


def proposed(row: Policy, day: date = DAY) -> Policy:
    return policy.propose(ONE, row.id, row.lock_version, day)


def posted(row: Policy, day: date = DAY) -> Policy:
    row = proposed(row, day)
    return policy.agree(OTHER, row.id, row.lock_version)


def closed(row: Policy) -> Policy:
    """The posting hung all its days and was closed with its outcome."""
    posting = db.session.get_one(Posting, row.posting_id)
    bulletin.close_posting(CLOSER, posting.id, posting.lock_version, "无异议，通过。", "No objection, adopted.")
    return row


def test_the_draft_is_a_copy_and_the_second_of_the_year(programme):
    row = policy.draft(ONE, programme.id)
    assert (row.number, row.state, row.from_on) == ("2026-2", PolicyState.draft, None)
    assert RuleText.of(row) == RuleText()  # the defaults of a new programme
    assert (row.rounding, row.daily, row.threshold, row.cap, row.expiry_years) == (30, 480, 0, 1_500_00, 0)
    assert (row.exchange_days, row.confirm_days, row.group_donates) == (14, 7, True)


def test_a_new_year_counts_from_one_again(programme):
    with clock.frozen(NOW + timedelta(days=60)):
        assert policy.draft(ONE, programme.id).number == "2027-1"


def test_one_version_at_a_time_is_written(programme, drafted):
    with pytest.raises(VersionOpen) as refusal:
        policy.draft(OTHER, programme.id)
    assert refusal.value.context == {"number": "2026-2"}
    policy.withdraw(OTHER, drafted.id, drafted.lock_version)
    assert policy.draft(OTHER, programme.id).number == "2026-3"


def test_whoever_edits_an_old_copy_is_told(drafted):
    with pytest.raises(PolicyChanged) as refusal:
        policy.edit(OTHER, drafted.id, drafted.lock_version - 1, RuleText())
    assert refusal.value.context["current"] == drafted.lock_version


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (RuleText(rates=(("first_aid", "*", 100),)), NoGeneralRate),
        (RuleText(rates=(("*", "*", 100), ("*", "*", 90))), RateTwice),
        (RuleText(rates=(("*", "*", 100_01),)), OutOfRange),
        (RuleText(rounding=0), OutOfRange),
        (RuleText(daily=1441), OutOfRange),
        (RuleText(threshold=-60), OutOfRange),
        (RuleText(cap=0), OutOfRange),
        (RuleText(expiry_years=11), OutOfRange),
        (RuleText(exchange_days=0), OutOfRange),
        (RuleText(confirm_days=31), OutOfRange),
    ],
)
def test_a_version_that_makes_no_sense_is_refused(drafted, text, refusal):
    with pytest.raises(refusal):
        policy.edit(ONE, drafted.id, drafted.lock_version, text)


def test_rates_are_changed_taken_away_and_added(drafted):
    row = policy.edit(ONE, drafted.id, drafted.lock_version, RuleText(rates=(("*", "*", 90), ("first_aid", "*", 150))))
    db.session.expire_all()
    assert RuleText.of(db.session.get_one(Policy, row.id)).rates == (("*", "*", 90), ("first_aid", "*", 150))


def test_the_first_possible_day_is_the_one_after_the_posting(drafted):
    with pytest.raises(TooEarly) as refusal:
        proposed(drafted, date(2026, 12, 2))
    assert refusal.value.context["first"] == date(2026, 12, 3)
    assert proposed(drafted, date(2026, 12, 3)).from_on == date(2026, 12, 3)


def test_a_posting_that_ends_on_a_day_off_moves_the_first_day(drafted):
    with clock.frozen(NOW + timedelta(days=3)):  # a Saturday; seven days later is a Saturday, so Monday 7 December is the last day
        assert policy.first_day() == date(2026, 12, 8)


def test_nothing_changed_is_nothing_to_post(programme):
    row = policy.draft(ONE, programme.id)
    with pytest.raises(NothingChanged):
        proposed(row)


def test_the_one_who_proposed_does_not_agree_nor_does_her_other_login(drafted, make_resident_account, make_account):
    with pytest.raises(SecondPersonNeeded):
        row = proposed(drafted)
        policy.agree(ONE, row.id, row.lock_version)
    first = make_resident_account()
    second = make_account()
    with atomic():
        db.session.merge(second).person_id = first.person_id
    row = policy.edit(Actor(first.id), drafted.id, drafted.lock_version, replace(RuleText.of(drafted), daily=360))
    row = policy.propose(Actor(first.id), row.id, row.lock_version, DAY)
    with pytest.raises(SecondPersonNeeded):
        policy.agree(Actor(second.id), row.id, row.lock_version)
    assert policy.agree(Actor(make_account().id), row.id, row.lock_version).state is PolicyState.posted


def test_an_edit_takes_the_proposal_back(drafted):
    row = proposed(drafted)
    row = policy.edit(ONE, row.id, row.lock_version, replace(RuleText.of(row), daily=600))
    assert row.from_on is None
    with pytest.raises(NotThisStep):
        policy.agree(OTHER, row.id, row.lock_version)


def test_agreeing_to_what_was_not_seen_is_refused(drafted):
    seen = proposed(drafted).lock_version
    row = policy.edit(ONE, drafted.id, seen, replace(RuleText.of(drafted), daily=600))
    row = proposed(row)
    with pytest.raises(PolicyChanged):
        policy.agree(OTHER, row.id, seen)


def test_agreeing_too_late_is_refused_because_the_days_do_not_fit_any_more(drafted):
    row = proposed(drafted, date(2026, 12, 3))
    with clock.frozen(NOW + timedelta(days=1)), pytest.raises(TooEarly):
        policy.agree(OTHER, row.id, row.lock_version)
    assert db.session.get_one(Policy, row.id, populate_existing=True).state is PolicyState.draft
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Posting)) == 0


def test_the_posting_hangs_seven_days_and_says_what_changes(site, drafted):
    row = posted(drafted)
    posting = db.session.get_one(Posting, row.posting_id)
    assert (row.state, row.checker_id, posting.state, posting.days) == (PolicyState.posted, 12, PostingState.posted, 7)
    assert (posting.source, posting.runs[-1].until_on) == (f"points_policy:{row.id}", date(2026, 12, 2))
    assert "2026-2" in posting.title_en
    assert "Every service, entered later: no rate of its own until now, then 0.8 points an hour" in posting.body_en
    assert "Entered later brings less." in posting.body_en
    assert "补录少一点。" in posting.body_zh
    assert "instead of rules 2026-1" in posting.body_en
    assert "Thu 10 Dec 2026" in posting.body_en


def test_a_posted_version_is_not_edited_any_more(drafted):
    row = posted(drafted)
    with pytest.raises(NotThisStep):
        policy.edit(ONE, row.id, row.lock_version, RuleText())
    with pytest.raises(PostingHangs):
        policy.adopt(OTHER, row.id, row.lock_version)
    with pytest.raises(PostingHangs):
        policy.withdraw(OTHER, row.id, row.lock_version)


def test_adopted_when_the_posting_is_closed_it_counts_from_its_day_on(programme, drafted):
    row = posted(drafted)
    heard: list[Policy] = []
    with signals.policy_adopted.connected_to(lambda sender, actor: heard.append(sender)), clock.frozen(LATER):
        closed(row)
        row = policy.adopt(ONE, row.id, row.lock_version)
    assert (row.state, heard) == (PolicyState.adopted, [row])
    assert rules.in_force(programme.id, date(2026, 12, 9)).number == "2026-1"
    assert rules.in_force(programme.id, DAY).number == "2026-2"
    assert rules.rate_of(rules.in_force(programme.id, DAY), "first_aid", "backfill") == 80


def test_the_closing_of_its_posting_is_noted(drafted):
    row = posted(drafted)
    with clock.frozen(LATER):
        closed(row)
    verbs = list(
        db.session.scalars(sa.select(AuditEvent.verb).where(AuditEvent.subject_kind == "points_policy", AuditEvent.subject_id == row.id))
    )
    assert "points.policy_posting_closed" in verbs


def test_hours_of_a_day_before_are_worth_what_they_were_worth(programme, drafted, make_person):
    person = make_person()
    row = posted(drafted)
    with clock.frozen(LATER):
        closed(row)
        policy.adopt(ONE, row.id, row.lock_version)
    with clock.frozen(NOW + timedelta(days=20)):
        old = operations.earn(ONE, "hours:1", 1, person.id, 60, date(2026, 12, 9), "other", "backfill")
        new = operations.earn(ONE, "hours:2", 1, person.id, 60, DAY, "other", "backfill")
    assert [(e.amount, e.policy_id) for e in (old, new)] == [(100, rules.in_force(programme.id, TODAY).id), (80, row.id)]


def test_adopted_late_it_begins_later_and_never_backwards(drafted):
    row = posted(drafted)
    with clock.frozen(NOW + timedelta(days=20)):  # 15 December
        closed(row)
        with pytest.raises(TooEarly) as refusal:
            policy.adopt(ONE, row.id, row.lock_version)
        assert refusal.value.context["first"] == date(2026, 12, 16)
        assert policy.adopt(ONE, row.id, row.lock_version, date(2026, 12, 16)).from_on == date(2026, 12, 16)


def test_it_begins_not_before_the_day_that_was_announced(drafted):
    row = posted(drafted)
    with clock.frozen(LATER):
        closed(row)
        with pytest.raises(BeforeAnnounced):
            policy.adopt(ONE, row.id, row.lock_version, date(2026, 12, 5))


def test_a_posting_taken_down_and_put_up_again_moves_the_day(drafted):
    row = posted(drafted)
    with clock.frozen(NOW + timedelta(days=6)):
        posting = bulletin.take_down(CLOSER, row.posting_id, "看不清")
        bulletin.put_up(CLOSER, posting.id, posting.lock_version)  # 1 December: hangs until the 8th
    with clock.frozen(NOW + timedelta(days=14)):  # the 9th
        closed(row)
        assert policy.first_adoptable(db.session.get_one(Policy, row.id)) == DAY
        assert policy.adopt(ONE, row.id, row.lock_version).from_on == DAY


def test_withdrawn_after_objections_nothing_changes(programme, drafted):
    row = posted(drafted)
    with clock.frozen(LATER):
        closed(row)
        assert policy.withdraw(ONE, row.id, row.lock_version).state is PolicyState.withdrawn
        assert rules.in_force(programme.id, DAY).number == "2026-1"
        with pytest.raises(NotThisStep):
            policy.adopt(ONE, row.id, row.lock_version)


def test_withdrawn_when_the_posting_was_taken_down(drafted):
    row = posted(drafted)
    bulletin.take_down(CLOSER, row.posting_id, "内容有误")
    assert policy.withdraw(ONE, row.id, row.lock_version).state is PolicyState.withdrawn


@pytest.mark.parametrize("statement", ["UPDATE points_policy SET cap = 1", "UPDATE points_rate SET rate = 999", "DELETE FROM points_rate"])
def test_the_database_keeps_an_adopted_version_as_it_is(programme, statement):
    with pytest.raises(sa.exc.DatabaseError), db.session.begin_nested():
        db.session.execute(sa.text(statement))


def test_versions_follow_each_other(programme, drafted):
    adopt(programme.id, "2026-9", date(2027, 1, 1), daily=300)
    with pytest.raises(TooEarly) as refusal:
        proposed(drafted)
    assert refusal.value.context["first"] == date(2027, 1, 2)


def test_a_job_answers_for_nothing(programme):
    with pytest.raises(ValueError, match="a person"):
        policy.draft(Actor(None, job="x"), programme.id)


# ---- words ------------------------------------------------------------------------------------------------------------------
def test_differences_name_each_setting_once(site):
    with site.test_request_context("/"), force_locale("en"):
        old = RuleText()
        new = replace(
            old,
            rates=(("*", "*", 150), ("first_aid", "backfill", 0)),
            threshold=6000,
            cap=2_000_00,
            expiry_years=2,
            group_donates=False,
            daily=450,
        )
        assert [change_words(change) for change in differences(old, new)] == [
            "Every hour of service: 1 point an hour until now, then 1.5 points an hour",
            "First-aid post, entered later: no rate of its own until now, then 0 points an hour",
            "Hours of a day that bring points, at most: 8 hours until now, then 7.5 hours",
            "Points can be spent: from the first point on until now, then after 100 hours of service",
            "A wallet keeps at most: 1,500 points until now, then 2,000 points",
            "When points expire: never until now, then at the end of the year, 2 years after the one in which they came",
            "Points of volunteers from outside groups go: to the care pool at once until now, then to their own wallets",
        ]
        assert differences(new, new) == []
        assert len(differences(None, old)) == 9


def test_the_rules_read_in_whole_sentences_with_a_worked_number(site):
    with site.test_request_context("/"), force_locale("en"):
        said = dict(sentences(RuleText()))
    assert said["How minutes count"] == "Minutes are rounded down to 30 minutes: of 2 hours 20 minutes 2 hours count."
    assert said["How many points a wallet keeps"].startswith("At most 1,500 points.")
