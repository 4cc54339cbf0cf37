"""Every look leaves a line; a value in clear has a reason; a closed account's person is restricted, then emptied."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from civic.core import clock
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.notes import SealedNote
from civic.core.viewer import Actor, Role, Scope, Viewer
from civic.people import checks, mydata, operations, policies, queries
from civic.people.errors import AccountStillOpen, LookNeedsReason, StillNeeded
from civic.people.models import (
    CareStatus,
    Contact,
    Document,
    Look,
    LookKind,
    MemberCard,
    NameKey,
    Person,
    PersonHome,
    RepresentationKind,
)
from tests.support.people import CLERK, COLLEAGUE, phone, resident_card, resident_number

pytestmark = pytest.mark.usefixtures("site")
TODAY = date(2026, 11, 25)


def violations() -> list[tuple[str, str]]:
    return [(v.table, v.what) for check in checks.CHECKS for v in check.run()]


def count_of(table) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table))


# ---- looks


@pytest.mark.parametrize(("purpose", "reason"), [("", "回访电话通知"), ("visit", ""), ("visit", "  看 "), ("gossip", "想知道邻居")])
def test_looking_up_a_neighbour_without_reason_is_refused_and_noted(make_person, purpose, reason):
    made = make_person(contacts=[phone()])
    with pytest.raises(LookNeedsReason):
        operations.reveal(CLERK, made.id, LookKind.phone, purpose, reason)
    (look,) = queries.looks_at(made.id)
    assert (look.kind, look.purpose, look.account_id) == (LookKind.refused, "phone", 1)


def test_looks_at_many_people_are_one_statement_and_one_line_each(make_person):
    ids = [make_person().id for _ in range(3)]
    seen: list[str] = []
    sa.event.listen(db.session.get_bind(), "before_cursor_execute", lambda *args: seen.append(args[2]))
    operations.note_look(CLERK, [*reversed(ids), ids[0]], LookKind.found, "visit")
    operations.note_look(CLERK, [], LookKind.found)
    assert len([each for each in seen if "person_look" in each]) == 1
    lines = db.session.execute(sa.select(Look.person_id, Look.kind, Look.purpose, Look.account_id, Look.note_id).order_by(Look.id)).all()
    assert lines == [(person_id, LookKind.found, "visit", 1, None) for person_id in sorted(ids)]
    with atomic():
        operations.note_look(CLERK, ids[:1], LookKind.page)
    assert count_of(Look) == 4


@pytest.mark.parametrize(
    ("kind", "shown"),
    [(LookKind.phone, ["+8613800138000"]), (LookKind.document, [resident_number()]), (LookKind.birth, ["1958-03-04"]), (LookKind.mail, [])],
)
def test_with_a_reason_the_value_is_shown_and_the_person_reads_the_reason(make_person, kind, shown):
    made = make_person(contacts=[phone()], documents=[resident_card()])
    assert operations.reveal(CLERK, made.id, kind, "visit", "上门送米，先打电话") == shown
    (look,) = queries.looks_at(made.id)
    assert (look.kind, look.purpose, look.reason) == (kind, "visit", "上门送米，先打电话")
    assert "送米" not in str(db.session.execute(sa.select(SealedNote.sealed)).all())


def test_a_list_that_was_shown_leaves_one_line_a_person(make_person):
    people = [make_person(), make_person("李强")]
    operations.note_look(CLERK, [p.id for p in people], LookKind.found)
    operations.note_look(Actor(None, job="x"), [p.id for p in people], LookKind.found)
    assert sorted(db.session.scalars(sa.select(Look.person_id))) == [p.id for p in people]


def test_names_are_found_in_the_own_territory_and_phones_in_the_district(make_person, make_community, place):
    made = make_person(contacts=[phone()])
    here, there = Viewer(1, scopes=(Scope(Role.clerk, place.path),)), Viewer(1, scopes=(Scope(Role.clerk, make_community().path),))
    assert [len(queries.find(v, "王").rows) for v in (here, there, Viewer(1))] == [1, 0, 0]
    assert [len(queries.find(v, "13800138000").rows) for v in (here, there, Viewer(1))] == [1, 1, 0]
    assert [policies.can_see(v, place.path) for v in (here, there)] == [True, False]
    assert queries.find(here, "王").rows[0].uid == made.uid


def test_a_list_of_thirty_takes_as_many_statements_as_one_of_three(make_person, make_home, place, count_queries):
    home = make_home(place)
    viewer = Viewer(1, scopes=(Scope(Role.clerk, place.path),))
    counts = []
    for number in range(31):
        make_person(f"王{number:02d}", home=home, contacts=[phone(f"138001380{number:02d}")])
        if number in {2, 30}:
            with count_queries() as statements:
                found = queries.find(viewer, "王")
            counts.append(len(statements))
    assert (len(found.rows), found.is_cut, counts) == (30, True, [3, 3])


def test_the_page_of_a_person_takes_a_fixed_number_of_statements(make_person, make_home, place, count_queries):
    made = make_person(home=make_home(place), documents=[resident_card()], contacts=[phone()])
    with count_queries() as statements:
        queries.person_view(made)
    alone = len(statements)
    household = queries.household_of(made.id).id
    for number in range(5):
        other = make_person(f"王{number}", household_id=household, contacts=[phone(f"1380013801{number}")])
        operations.add_representation(CLERK, other.id, made.id, RepresentationKind.proxy, TODAY)
    with count_queries() as statements:
        queries.person_view(made)
    assert (alone, len(statements)) == (8, 8)  # the rows of everybody are read at once


# ---- closing


@pytest.fixture
def closed(make_person, make_home, place):
    """A person with everything, whose account was closed forty days ago."""
    made = make_person(home=make_home(place), documents=[resident_card()], contacts=[phone(confirmed=True)], evidence="户口簿")
    operations.verify_person(CLERK, made.id, queries.documents_of(made.id)[0].id)
    operations.choose_code(CLERK, made.id, "2580")
    operations.set_care(CLERK, made.id, "alone", TODAY)
    operations.reveal(CLERK, made.id, LookKind.phone, "visit", "上门送米，先打电话")
    operations.restrict_person(CLERK, made.id)
    return made


def test_a_restricted_person_gets_no_message_and_is_not_verified(closed):
    assert mydata.contacts([closed.id]) == {}
    assert queries.verified_in(closed.id) == frozenset()
    assert violations() == []


def test_a_row_in_use_is_not_emptied(make_person):
    with pytest.raises(AccountStillOpen):
        operations.empty_person(CLERK, make_person().id)


def test_what_is_open_keeps_a_row_and_is_listed(closed, make_person, answering):
    correction = operations.ask_correction(CLERK, closed.id, "name", "改名")
    operations.ask_merge(CLERK, closed.id, make_person("王方").id, "同一人")
    answering()
    with force_locale("en"):
        assert [str(work.title) for work in operations.what_keeps(closed.id)] == [
            "1 merge waits for a decision",
            "1 correction waits for an answer",
            "2 hours",
        ]
    with pytest.raises(StillNeeded) as refusal:
        operations.empty_person(CLERK, closed.id)
    assert refusal.value.context == {"count": 3}
    assert db.session.get(Person, closed.id).emptied_at is None
    operations.answer_correction(CLERK, correction.id, False, "不改")


def test_an_emptied_row_keeps_ids_alone(closed):
    operations.empty_person(CLERK, closed.id)
    row = db.session.get(Person, closed.id)
    assert (row.sealed, row.birth_year, row.emptied_at is not None) == ("", None, True)
    assert [count_of(t) for t in (Contact, Document, NameKey, PersonHome, CareStatus)] == [0] * 5
    assert set(db.session.scalars(sa.select(SealedNote.sealed))) == {""}
    assert [(c.sealed, c.code_hash) for c in db.session.scalars(sa.select(MemberCard))] == [("", "")]
    assert (queries.household_of(closed.id), mydata.personal_data(closed.id, None)) == (None, [])
    assert violations() == []


def test_the_job_waits_thirty_days_and_for_what_is_open(closed, make_person):
    make_person("李强")
    assert operations.empty_restricted() == 0
    with clock.frozen(clock.now() + timedelta(days=31)):
        correction = operations.ask_correction(CLERK, closed.id, "name", "改名")
        assert operations.empty_restricted() == 0
        operations.answer_correction(COLLEAGUE, correction.id, False, "不改")
        assert (operations.empty_restricted(), operations.empty_restricted()) == (1, 0)


def test_the_dead_are_kept_three_years(make_person):
    made = make_person()
    operations.record_death(CLERK, made.id, TODAY)
    with clock.frozen(clock.now() + timedelta(days=3 * 365)):
        assert operations.empty_restricted() == 0
    with clock.frozen(clock.now() + timedelta(days=3 * 365 + 2)):
        assert operations.empty_restricted() == 1
    assert violations() == []


# ---- my data


def test_she_reads_everything_that_stands_about_her(closed, site):
    with site.test_request_context("/"):
        parts = {part.name: part.rows for part in mydata.personal_data(closed.id, None)}
    said = str([[(str(label), str(value)) for label, value in rows] for rows in parts.values()])
    for value in ("王芳", "1958-03-04", resident_number(), "+8613800138000", "榕荫里", "户口簿", "送米", closed.number):
        assert value in said, value
    assert {"person", "documents", "contacts", "homes", "household", "trust", "care", "events", "looks"} <= set(parts)
