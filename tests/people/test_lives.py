"""Moves, births, deaths, households and who speaks for whom: what each does, and what is shown before it happens."""

from datetime import date

import pytest
import sqlalchemy as sa

from civic.core.db import db
from civic.core.openwork import Happening
from civic.people import checks, operations, queries, signals
from civic.people.errors import (
    AlreadyRepresented,
    BeforeBirth,
    DayToCome,
    NoSuchHome,
    NotLiving,
    SameHousehold,
    SelfRepresentation,
    WholeHousehold,
)
from civic.people.models import (
    HomeRelation,
    Household,
    HouseholdRelation,
    LifeEventKind,
    NameKey,
    PersonHome,
    Representation,
    RepresentationKind,
    Verification,
    VerificationEnd,
)
from civic.people.operations import NewHome
from civic.people.operations.lives import last_day_as_minor
from civic.people.records import Record
from tests.support.people import CLERK, resident_card

pytestmark = pytest.mark.usefixtures("site")
TODAY = date(2026, 11, 25)
TOMORROW = date(2026, 11, 26)
YESTERDAY = date(2026, 11, 24)


def violations() -> list[tuple[str, str]]:
    return [(v.table, v.what) for check in checks.CHECKS for v in check.run()]


def household_id(person) -> int:
    return queries.household_of(person.id).id


def lives_in(home) -> NewHome:
    return NewHome(HomeRelation.lives_in, home.id)


@pytest.fixture
def verified(make_person, make_home, place):
    """王芳, verified in the first community."""
    made = make_person(home=make_home(place), documents=[resident_card(checked=True)])
    operations.verify_person(CLERK, made.id, queries.documents_of(made.id)[0].id)
    return made


def open_verifications() -> int:
    return db.session.scalar(sa.select(sa.func.count()).where(Verification.ended_at.is_(None)))


def test_a_move_within_the_community_keeps_the_verification(verified, make_home, place):
    operations.move_people(CLERK, [verified.id], lives_in(make_home(place)), TODAY, "租房合同")
    assert open_verifications() == 1
    assert [(h.relation, h.ended_on) for h in queries.homes_of(verified.id)] == [
        (HomeRelation.lives_in, None),
        (HomeRelation.lives_in, TODAY),
    ]
    assert queries.timeline(verified.id)[0].evidence == "租房合同"


def test_a_move_to_another_community_ends_it_and_takes_name_keys_and_household_along(verified, make_home, make_community):
    other = make_community()
    operations.move_people(CLERK, [verified.id], lives_in(make_home(other)), TODAY)
    row = db.session.scalars(sa.select(Verification)).one()
    assert (row.end, row.ended_at is not None) == (VerificationEnd.moved, True)
    assert set(db.session.scalars(sa.select(NameKey.place_id))) == {other.id}
    assert queries.household_of(verified.id).path == other.path
    assert violations() == []


def test_of_a_household_that_is_apart_the_community_stays(make_person, make_home, make_community, place):
    head = make_person(home=make_home(place))
    child = make_person("王小明", "2001-01-01", home=make_home(place), household_id=household_id(head), relation=HouseholdRelation.child)
    other = make_community()
    operations.move_people(CLERK, [child.id], lives_in(make_home(other)), TODAY)
    assert queries.household_of(child.id).path == place.path
    operations.move_people(CLERK, [head.id], lives_in(make_home(other)), TODAY)
    assert queries.household_of(child.id).path == other.path


def test_who_left_the_district_comes_back_as_moving_in(verified, make_home, place):
    operations.move_out(CLERK, [verified.id], "贵州省遵义市", TODAY)
    assert open_verifications() == 0
    assert queries.homes_of(verified.id)[0].elsewhere
    operations.move_people(CLERK, [verified.id], lives_in(make_home(place)), TODAY)
    assert [e.kind for e in queries.timeline(verified.id)][:2] == [LifeEventKind.move_in, LifeEventKind.move_out]
    assert violations() == []


def test_a_registration_elsewhere_is_no_residence_and_moves_nobody(verified, make_home, make_community, place):
    operations.set_home(CLERK, verified.id, NewHome(HomeRelation.registered_at, None, "贵州省遵义市"))
    operations.set_home(CLERK, verified.id, NewHome(HomeRelation.owns, make_home(make_community()).id))
    operations.set_home(CLERK, verified.id, NewHome(HomeRelation.registered_at, make_home(make_community()).id))
    assert (open_verifications(), queries.path_of(verified.id)) == (1, place.path)
    registered = sa.select(sa.func.count()).where(PersonHome.relation == HomeRelation.registered_at, PersonHome.ended_on.is_(None))
    assert db.session.scalar(registered) == 1


def test_ending_the_home_she_lives_in_ends_the_verification(verified):
    operations.end_home(CLERK, queries.homes_of(verified.id)[0].id, TODAY)
    assert open_verifications() == 0


@pytest.mark.parametrize(("on", "refusal"), [(TOMORROW, DayToCome), (YESTERDAY, BeforeBirth)])
def test_a_day_that_cannot_be_is_refused_and_nothing_moves(verified, make_home, place, on, refusal):
    with pytest.raises(refusal):
        operations.move_people(CLERK, [verified.id], lives_in(make_home(place)), on)
    assert [h.ended_on for h in queries.homes_of(verified.id)] == [None]


def test_a_home_that_does_not_exist_is_refused(verified):
    with pytest.raises(NoSuchHome):
        operations.move_people(CLERK, [verified.id], NewHome(HomeRelation.lives_in, 999), TODAY)
    with pytest.raises(NoSuchHome):
        operations.set_home(CLERK, verified.id, NewHome(HomeRelation.registered_at, None, "  "))


def test_joining_empties_the_household_that_was_left(make_person):
    wife, husband = make_person(), make_person("李强")
    left = household_id(wife)
    operations.join_household(CLERK, [wife.id], household_id(husband), HouseholdRelation.spouse, TODAY, "结婚证")
    assert db.session.get(Household, left).ended_on == TODAY
    assert len(queries.household_of(wife.id).members) == 2
    with pytest.raises(SameHousehold):
        operations.join_household(CLERK, [wife.id], household_id(husband), HouseholdRelation.spouse, TODAY)
    assert violations() == []


def test_splitting_leaves_somebody_behind(make_person):
    head = make_person()
    child = make_person("王小明", "2001-01-01", household_id=household_id(head), relation=HouseholdRelation.child)
    with pytest.raises(WholeHousehold):
        operations.split_household(CLERK, [head.id, child.id], TODAY)
    made = operations.split_household(CLERK, [child.id], TODAY)
    assert [m.relation for m in queries.household_view(made.id).members] == [HouseholdRelation.head]
    assert household_id(head) != household_id(child)
    assert violations() == []


def test_a_child_is_born_into_household_and_home_of_its_mother_who_speaks_for_it(verified):
    child = operations.record_birth(CLERK, verified.id, Record("李小宝", birth_on="2026-11-20"), "出生医学证明")
    assert household_id(child) == household_id(verified)
    assert queries.homes_of(child.id)[0].address == queries.homes_of(verified.id)[0].address
    (said,) = queries.representations_of(child.id)
    assert (said.kind, said.other.id, said.until_on) == (RepresentationKind.parent, verified.id, date(2044, 11, 19))
    assert operations.represented_by(verified.id, date(2044, 11, 19)) == [child.id]
    assert operations.represented_by(verified.id, date(2044, 11, 20)) == []
    assert LifeEventKind.birth in [e.kind for e in queries.timeline(child.id)]
    assert violations() == []


@pytest.mark.parametrize(("born", "last"), [("2008-11-26", "2026-11-25"), ("2008-02-29", "2026-02-28"), ("2008-03-01", "2026-02-28")])
def test_the_last_day_as_a_minor_is_the_eve_of_the_eighteenth_birthday(born, last):
    assert last_day_as_minor(date.fromisoformat(born)).isoformat() == last


def test_a_death_ends_what_needs_the_living_and_says_so_before(verified, make_person, answering):
    asked = answering(sentence="The sign-ups end.")
    operations.issue_card(CLERK, verified.id)
    operations.add_representation(CLERK, make_person("王奶奶", "1930-01-01").id, verified.id, RepresentationKind.proxy, TODAY)
    follows = operations.consequences(Happening.death, [verified.id])
    assert [(str(c.title), str(c.follows)) for c in follows][-1] == ("2 hours", "The sign-ups end.")
    assert len(follows) == 7  # household, verification, card, representation, messages; person and household of the module
    assert [(s.kind, s.happening) for s in asked] == [("person", Happening.death), ("household", Happening.death)]
    household = household_id(verified)
    operations.record_death(CLERK, verified.id, YESTERDAY, "死亡证明")
    assert db.session.scalars(sa.select(Verification.end)).one() is VerificationEnd.died
    assert db.session.get(Household, household).ended_on is not None
    assert db.session.scalars(sa.select(Representation.ended_on)).one() == TODAY  # it began today: a day before would be out of order
    assert queries.open_card(verified.id) is None
    assert [h.ended_on for h in queries.homes_of(verified.id)] == [TODAY]
    assert violations() == []
    for act in (
        lambda: operations.record_death(CLERK, verified.id, TODAY),
        lambda: operations.issue_card(CLERK, verified.id),
        lambda: operations.move_out(CLERK, [verified.id], "遵义", TODAY),
    ):
        with pytest.raises(NotLiving):
            act()


def test_a_death_before_the_birth_or_to_come_is_refused(make_person):
    made = make_person(birth="2020-05-05")
    with pytest.raises(BeforeBirth):
        operations.record_death(CLERK, made.id, date(2020, 5, 4))
    with pytest.raises(DayToCome):
        operations.record_death(CLERK, made.id, TOMORROW)


def test_a_death_recorded_by_mistake_is_undone_into_a_household_of_her_own(verified):
    before = household_id(verified)
    operations.record_death(CLERK, verified.id, TODAY)
    operations.undo_death(CLERK, verified.id, "弄错了人")
    assert household_id(verified) != before
    assert open_verifications() == 0  # verified anew at the desk
    assert [row.id for row in queries.rows_of([verified.id]) if row.died_on is None] == [verified.id]
    assert violations() == []
    with pytest.raises(NotLiving):
        operations.undo_death(CLERK, verified.id)


def test_nobody_represents_herself_or_twice(make_person):
    old, young = make_person(birth="1930-01-01"), make_person("李芳", "1985-05-05")
    with pytest.raises(SelfRepresentation):
        operations.add_representation(CLERK, old.id, old.id, RepresentationKind.proxy, TODAY)
    row = operations.add_representation(CLERK, old.id, young.id, RepresentationKind.guardian, TODAY, None, "居委会指定书")
    with pytest.raises(AlreadyRepresented):
        operations.add_representation(CLERK, old.id, young.id, RepresentationKind.guardian, TODAY)
    with pytest.raises(BeforeBirth):
        operations.end_representation(CLERK, row.id, YESTERDAY)
    assert operations.represented_by(young.id, TODAY) == [old.id]
    operations.end_representation(CLERK, row.id, TODAY)
    assert operations.represented_by(young.id, TODAY) == []


def test_what_fails_in_a_listener_undoes_the_event(verified):
    def refuse(_person, **_more):
        raise NotLiving

    signals.person_died.connect(refuse)
    try:
        with pytest.raises(NotLiving):
            operations.record_death(CLERK, verified.id, TODAY)
    finally:
        signals.person_died.disconnect(refuse)
    assert (open_verifications(), len(queries.household_of(verified.id).members)) == (1, 1)
    assert [h.ended_on for h in queries.homes_of(verified.id)] == [None]
