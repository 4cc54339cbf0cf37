"""Two clerks at once, with real threads and real commits on both databases."""

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.errors import DomainError
from civic.people import operations
from civic.people.errors import SamePerson
from civic.people.models import Contact, Document, Household, HouseholdRelation, Membership, Person, PersonSource
from civic.people.operations import NewPerson
from civic.people.records import Record
from civic.territory.models import Territory, TerritoryKind
from tests.support.people import CLERK, COLLEAGUE, phone, resident_card

WOMAN = Record("王芳", birth_on="1958-03-04")


def count_of(table) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table))


def community(app) -> int:
    with app.app_context(), atomic() as tx:
        made = [Territory(code="440113", kind=TerritoryKind.district, name_zh="区", name_en="District", path="/440113/")]
        made.append(Territory(code="440113901", kind=TerritoryKind.community, name_zh="社区", name_en="C", path="/440113/440113901/"))
        db.session.add_all(made)
        db.session.flush()
        tx.result = made[1].id
    return tx.result


def test_two_clerks_type_the_same_person_at_once(live_app):
    place_id = community(live_app)

    def type_it(actor) -> str:
        with live_app.app_context():
            try:
                made = operations.create_person(
                    actor, place_id, WOMAN, source=PersonSource.desk, documents=[resident_card()], contacts=[phone()]
                )
            except SamePerson as refusal:
                return refusal.context["person"]
            finally:
                db.session.remove()
            return made.uid

    for _round in range(5):
        with ThreadPoolExecutor(4) as pool:
            uids = set(pool.map(type_it, [CLERK, COLLEAGUE] * 2))
        with live_app.app_context():
            assert uids == {db.session.scalars(sa.select(Person.uid)).one()}  # everybody was told the one row
            assert (count_of(Document), count_of(Membership), count_of(Household), count_of(Contact)) == (1, 1, 1, 1)
            db.session.remove()


def test_two_clerks_fill_households_with_the_same_people_in_another_order(live_app):
    place_id = community(live_app)
    family = [
        NewPerson(Record(f"李{n}", birth_on="1985-01-01"), HouseholdRelation.other, (resident_card("1985-01-01", 100 + n),))
        for n in range(6)
    ]

    def fill(people) -> str:
        with live_app.app_context():
            try:
                operations.fill_household(CLERK, place_id, None, people)
            except DomainError as refusal:
                return refusal.code
            finally:
                db.session.remove()
            return "made"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(fill, [family, family[::-1]] * 2))
    assert answers == ["made", "same_person", "same_person", "same_person"]
    with live_app.app_context():
        assert (count_of(Person), count_of(Household)) == (6, 1)
        db.session.remove()
