"""`civic check` names each broken invariant; every ciphertext and keyed hash of people is listed and can be made again."""

from datetime import date

import pytest
import sqlalchemy as sa

from civic.core import clock, crypto
from civic.core.db import db
from civic.core.rekey import opened
from civic.people import checks, operations, queries, sealed
from civic.people.models import (
    HomeRelation,
    Household,
    LookKind,
    Membership,
    NameKey,
    Person,
    RepresentationKind,
)
from civic.people.operations import NewHome
from tests.support.people import CLERK, phone, resident_card

pytestmark = pytest.mark.usefixtures("site")
TODAY = date(2026, 11, 25)


@pytest.fixture
def everything(make_person, make_home, place):
    """A person with a row in every table that seals something."""
    made = make_person(home=make_home(place), documents=[resident_card()], contacts=[phone()], evidence="户口簿")
    other = make_person("李强", "1985-01-01")
    operations.set_home(CLERK, made.id, NewHome(HomeRelation.registered_at, None, "贵州省遵义市"))
    operations.add_representation(CLERK, made.id, other.id, RepresentationKind.guardian, TODAY, None, "指定书")
    operations.verify_person(CLERK, made.id, queries.documents_of(made.id)[0].id)
    operations.issue_card(CLERK, made.id)
    operations.choose_code(CLERK, made.id, "2580")
    operations.set_care(CLERK, made.id, "alone", TODAY)
    row = operations.ask_correction(CLERK, made.id, "name", "改名")
    operations.answer_correction(CLERK, row.id, True, "已改")
    operations.ask_merge(CLERK, other.id, made.id, "同一人")
    operations.reveal(CLERK, made.id, LookKind.phone, "visit", "上门送米")
    return made


def violations() -> set[tuple[str, str]]:
    return {(v.table, v.what) for check in checks.CHECKS for v in check.run()}


def test_what_operations_write_has_no_fault(everything):
    assert violations() == set()


BROKEN = {
    "lives and is in no household": lambda p: sa.update(Membership).where(Membership.person_id == p.id).values(ended_on=TODAY),
    "has no member and has not ended": lambda p: sa.update(Membership).where(Membership.person_id == p.id).values(ended_on=TODAY),
    "has ended and still has members": lambda p: sa.update(Household).values(ended_on=TODAY),
    "is dead, merged or emptied and still in a household": lambda p: sa.update(Person).where(Person.id == p.id).values(died_on=TODAY),
    "is open, but its person is dead, merged or emptied": lambda p: sa.update(Person).where(Person.id == p.id).values(died_on=TODAY),
    "is open, but its person died": lambda p: sa.update(Person).where(Person.id == p.id).values(died_on=TODAY),
    "is open, but one of the two died or was emptied": lambda p: sa.update(Person).where(Person.id == p.id).values(died_on=TODAY),
    "is valid, but its person is dead, merged or emptied": lambda p: sa.update(Person).where(Person.id == p.id).values(died_on=TODAY),
    "was emptied and still has a name": lambda p: sa.update(Person).where(Person.id == p.id).values(emptied_at=clock.now()),
    "has name keys in another community than its own": lambda p: sa.update(NameKey).values(place_id=NameKey.place_id - 1),
    "has 0 name keys, its name has 2 prefixes": lambda p: sa.delete(NameKey).where(NameKey.person_id == p.id),
}


@pytest.mark.parametrize("what", BROKEN)
def test_each_fault_is_named(everything, what):
    db.session.execute(BROKEN[what](everything))
    assert what in {said for _table, said in violations()}


def test_a_chained_merge_is_named(make_person):
    first, second, third = make_person(), make_person("李强"), make_person("赵六")
    db.session.execute(sa.update(Person).where(Person.id == first.id).values(merged_into_id=second.id))
    db.session.execute(sa.update(Person).where(Person.id == second.id).values(merged_into_id=third.id))
    assert ("person", "is merged into a row that is itself merged") in violations()


def test_every_sealed_column_of_people_is_listed(everything):
    listed = {f"{s.model.__tablename__}.{c}" for s in sealed.SEALED for c in (*s.columns, *s.hash_columns)}
    found = set()
    for table in db.metadata.sorted_tables:
        if table.name.startswith(("person", "representation", "member", "care", "household", "life", "consent", "privacy")):
            for row in db.session.execute(sa.select(table)):
                found |= {f"{table.name}.{key}" for key, value in row._mapping.items() if str(value).startswith(("g1.", "h1."))}
    assert found == listed


def test_the_same_key_makes_the_same_hashes_and_a_new_key_new_ones(everything, monkeypatch):
    def hashes() -> dict[str, set[str]]:
        """What each table's own rule makes of its rows now."""
        made: dict[str, set[str]] = {}
        for each in sealed.SEALED:
            rows = list(db.session.scalars(sa.select(each.model)))
            if each.hashes is not None:
                made[each.model.__tablename__] = {h for row in rows for h in each.hashes(row, opened(each, row)).values()}
        return made

    def stored() -> dict[str, set[str]]:
        return {
            each.model.__tablename__: set(db.session.scalars(sa.select(getattr(each.model, each.hash_columns[0]))))
            for each in sealed.SEALED
            if each.hashes is not None
        }

    assert hashes() == stored()
    old = crypto.held_keys()
    monkeypatch.setattr(crypto, "held_keys", lambda: ("n" * 40, *old))
    assert all(crypto.key_of(h) == crypto.key_id("n" * 40) for found in hashes().values() for h in found)


def test_name_keys_follow_their_names_to_a_new_key(everything, monkeypatch, viewer_of, make_account):
    clerk = viewer_of(make_account("clerk"))
    before = db.session.scalar(sa.select(sa.func.count()).select_from(NameKey))
    (of_person,) = [each for each in sealed.SEALED if each.model is Person]
    rows = list(db.session.scalars(sa.select(Person)))
    plains = [opened(of_person, row) for row in rows]
    old = crypto.held_keys()
    monkeypatch.setattr(crypto, "held_keys", lambda: ("n" * 40, *old))
    assert [row.id for row in queries.find(clerk, "王").rows] == [everything.id]  # while the rotation runs
    of_person.also(rows, plains)
    assert {crypto.key_of(h) for h in db.session.scalars(sa.select(NameKey.hash))} == {crypto.key_id("n" * 40)}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(NameKey)) == before
    assert [row.id for row in queries.find(clerk, "王芳").rows] == [everything.id]
