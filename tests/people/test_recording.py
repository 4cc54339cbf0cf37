"""Recording people: what may be typed, what is refused with a sentence, and that nothing is lost on the way."""

import json
import secrets
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.people import checks, operations, queries, records
from civic.people.errors import (
    BadBirthday,
    BadMail,
    BadNumber,
    BadPhone,
    HouseholdEnded,
    NameMissing,
    NameTooLong,
    NumberAgainstBirthday,
    PersonChanged,
    SamePerson,
    ZeroedNumber,
)
from civic.people.models import (
    Contact,
    ContactKind,
    Document,
    DocumentKind,
    HomeRelation,
    Household,
    HouseholdRelation,
    NameKey,
    Person,
    PersonHome,
    PersonSource,
)
from civic.people.operations import NewContact, NewDocument, NewHome, NewPerson, rows
from civic.people.operations.typed import checked_document
from civic.people.records import Record
from tests.support.people import CLERK, COLLEAGUE, phone, resident_card, resident_number

pytestmark = pytest.mark.usefixtures("site")
WOMAN = Record("王芳", birth_on="1958-03-04")


def violations() -> list[tuple[str, str]]:
    return [(v.table, v.what) for check in checks.CHECKS for v in check.run()]


def count_of(table) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table))


def test_a_person_is_recorded_with_everything_in_one_go(make_person, make_home, place):
    home = make_home(place)
    made = make_person(home=home, documents=[resident_card(checked=True)], contacts=[phone()])
    view = queries.person_view(made)
    assert (view.record.name, view.record.birth_on, view.record.sex) == ("王芳", "1958-03-04", "male")
    assert view.documents[0].masked.startswith("4401")
    assert view.documents[0].checked_at is not None
    assert view.contacts[0].masked == "138****8000"
    assert view.homes[0].address.zh == "榕荫里1号 301"
    assert [m.relation for m in view.household.members] == [HouseholdRelation.head]
    assert records.is_number(made.number)
    assert made.birth_year == 1958
    assert violations() == []


def test_nothing_that_names_her_stands_in_clear(make_person):
    number = resident_number()
    made = make_person("阿依古丽·买买提", documents=[resident_card()], contacts=[phone()], evidence="户口簿第三页")
    stored = []
    for table in db.metadata.sorted_tables:
        if table.name.startswith(("person", "household", "life", "sealed", "audit")):
            stored += [str(row) for row in db.session.execute(sa.select(table))]
    text = "\n".join(stored)
    assert str(made.id) in text
    assert [word for word in ("阿依古丽", "买买提", number, "13800138000", "户口簿") if word in text] == []


def test_a_passport_name_of_sixty_letters_is_kept_whole_and_found_by_each_word(make_person, viewer_of, make_account):
    name = "Maria Fernanda Guadalupe Concepcion de los Angeles Rodriguez"
    assert len(name) == 60
    passport = NewDocument(DocumentKind.passport, "g 1234-5678", "mex", name)
    made = make_person(name, documents=[passport])
    assert queries.person_view(made).record.name == name
    clerk = viewer_of(make_account("clerk"))
    for words in ("maria", "Guadalupe", name, name[:40], "rodri"):
        assert [row.id for row in queries.find(clerk, words).rows] == [made.id], words
    assert queries.find(clerk, "ernanda").rows == []
    assert [row.id for row in queries.find(clerk, "G12345678").rows] == [made.id]


def test_a_name_of_a_hundred_letters_fits_and_one_more_does_not(make_person):
    assert queries.person_view(make_person("N" * 100)).record.name == "N" * 100
    with pytest.raises(NameTooLong) as refusal:
        make_person("N" * 101)
    assert refusal.value.context == {"most": 100, "count": 101, "field": "name"}


@pytest.mark.parametrize(
    ("number", "refusal"),
    [
        ("440113195803040000", ZeroedNumber),
        ("440113195803042000", ZeroedNumber),
        (resident_number()[:-1] + ("1" if resident_number()[-1] != "1" else "2"), BadNumber),
        ("44011319580304", BadNumber),
        ("4.40113E+17", BadNumber),
        ("", BadNumber),
        (resident_number("1958-13-04"), BadNumber),
        (resident_number("2030-01-01"), BadNumber),
        (resident_number(place="940113"), BadNumber),
        (resident_number("1958-03-05"), NumberAgainstBirthday),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_its_own_sentence(make_person, number, refusal):
    before = count_of(Person)
    with pytest.raises(refusal) as said:
        make_person(documents=[NewDocument(DocumentKind.resident_card, number)])
    assert said.value.field == "document_number"
    assert not number or (number not in said.value.message and number not in str(said.value.context))
    assert count_of(Person) == before


def test_a_true_number_that_ends_in_zeros_needs_the_card_in_hand():
    number = next(
        n for order in range(0, 1000, 100) for day in range(1, 29) if (n := resident_number(f"1958-03-{day:02d}", order)).endswith("000")
    )
    birth = Record("王芳")
    with pytest.raises(ZeroedNumber):
        checked_document(NewDocument(DocumentKind.resident_card, number), birth)
    assert checked_document(NewDocument(DocumentKind.resident_card, number, checked=True), birth).number == number


@pytest.mark.parametrize(
    ("kind", "number", "is_right"),
    [
        (DocumentKind.hmt_permit, resident_number(place="810000"), True),
        (DocumentKind.hmt_permit, resident_number(), False),
        (DocumentKind.permanent_card, resident_number(place="911156"), True),
        (DocumentKind.permanent_card, resident_number(place="911156")[:-1] + "Y", True),  # letters: the card of before 2023
        (DocumentKind.home_return_permit, "H01234567", True),
        (DocumentKind.passport, "E1234", True),
        (DocumentKind.passport, "E123", False),
        (DocumentKind.passport, "E" * 21, False),
    ],
)
def test_other_documents_have_their_own_rules(kind, number, is_right):
    try:
        checked_document(NewDocument(kind, number), Record("Ana"))
    except BadNumber:
        assert not is_right
    else:
        assert is_right


def test_full_width_digits_and_a_small_x_are_understood():
    number = next(n for order in range(100) if (n := resident_number(order=order)).endswith("X"))
    typed = number.lower().translate({ord("0") + d: 0xFF10 + d for d in range(10)})
    assert checked_document(NewDocument(DocumentKind.resident_card, typed), WOMAN).number == number


@pytest.mark.parametrize(
    ("record", "refusal"),
    [
        (Record("  "), NameMissing),
        (Record("王芳", birth_on="2030-01-01"), BadBirthday),
        (Record("王芳", birth_on="1889-12-31"), BadBirthday),
        (Record("王芳", birth_on="1958-02-30"), BadBirthday),
        (Record("王芳", birth_on="58"), BadBirthday),
        (Record("王芳", "N" * 101), NameTooLong),
    ],
)
def test_a_record_that_cannot_be_is_refused(place, record, refusal):
    with pytest.raises(refusal):
        operations.create_person(CLERK, place.id, record, source=PersonSource.desk)


@pytest.mark.parametrize("address", ["", "12", "138001380", "hello"])
def test_what_is_no_telephone_number_is_refused(make_person, address):
    with pytest.raises(BadPhone):
        make_person(contacts=[phone(address)])


@pytest.mark.parametrize("address", ["", "wang", "wang@", "a b@c.cn", "x" * 65 + "@a.cn"])
def test_what_is_no_mail_address_is_refused(make_person, address):
    with pytest.raises(BadMail):
        make_person(contacts=[NewContact(ContactKind.mail, address)])


def test_the_same_document_opens_the_row_that_is_there(make_person):
    first = make_person(documents=[resident_card()])
    with pytest.raises(SamePerson) as refusal:
        make_person("王 芳", documents=[resident_card()])
    assert refusal.value.context["person"] == first.uid
    assert count_of(Person) == 1
    operations.end_document(CLERK, db.session.scalars(sa.select(Document.id)).one())
    make_person(documents=[resident_card()])  # the first was typed on the wrong row and ended


def test_homonyms_are_two_people_and_both_are_shown(make_person, make_home, place, viewer_of, make_account):
    home = make_home(place)
    older, younger = make_person(birth="1958-03-04", home=home), make_person(birth="1990-01-01", contacts=[phone("13900139000")])
    rows = queries.find(viewer_of(make_account("clerk")), "王芳").rows
    assert [(r.id, r.birth_year, r.masked_phone) for r in rows] == [(older.id, 1958, ""), (younger.id, 1990, "139****9000")]
    assert rows[0].grid is not None
    assert rows[1].grid is None
    assert [r.id for r in queries.similar(Record("王 芳", birth_on="1958"), [place.id])] == [older.id]


def test_a_phone_may_be_shared_and_ends_on_one_row_alone(make_person, viewer_of, make_account):
    mother, daughter = make_person("王秀英", contacts=[phone()]), make_person("李芳", "1985-05-05", contacts=[phone("+86 138 0013 8000")])
    clerk = viewer_of(make_account("clerk"))
    assert {row.id for row in queries.find(clerk, "13800138000").rows} == {mother.id, daughter.id}
    mine = db.session.scalars(sa.select(Contact).where(Contact.person_id == mother.id)).one()
    operations.end_contact(COLLEAGUE, mine.id)
    assert [row.id for row in queries.find(clerk, "138 0013 8000").rows] == [daughter.id]


def test_confirming_a_contact_that_is_there_makes_no_second_one(make_person):
    made = make_person(contacts=[phone()])
    row = operations.confirm_contact(CLERK, made.id, ContactKind.phone, "138-0013-8000")
    assert row.confirmed_at is not None
    assert count_of(Contact) == 1


def test_a_household_is_filled_in_one_go_or_not_at_all(make_home, place):
    home = NewHome(HomeRelation.lives_in, make_home(place).id)
    father = NewPerson(Record("李强", birth_on="1985-01-01"), HouseholdRelation.head, (resident_card("1985-01-01"),))
    child = NewPerson(Record("李小明", birth_on="2015-06-01"), HouseholdRelation.child)
    wrong = NewPerson(Record("李奶奶", birth_on="1950-06-01"), HouseholdRelation.parent, (resident_card("1950-06-02"),))
    with pytest.raises(NumberAgainstBirthday) as refusal:
        operations.fill_household(CLERK, place.id, home, [father, child, wrong])
    assert refusal.value.context["line"] == 3
    with pytest.raises(SamePerson):
        operations.fill_household(CLERK, place.id, home, [father, father])
    assert (count_of(Person), count_of(Household), count_of(NameKey)) == (0, 0, 0)
    made = operations.fill_household(CLERK, place.id, home, [father, child])
    assert [m.person.name for m in queries.household_view(made.id).members] == ["李强", "李小明"]
    assert count_of(PersonHome) == 2
    assert violations() == []


def test_one_joins_a_household_when_recorded_but_not_one_that_ended(make_person):
    first = make_person()
    household = queries.household_of(first.id)
    make_person("李强", household_id=household.id, relation=HouseholdRelation.spouse)
    assert len(queries.household_view(household.id).members) == 2
    lone = queries.household_of(make_person("赵六").id)
    operations.join_household(CLERK, [lone.members[0].person.id], household.id, HouseholdRelation.other, date(2026, 11, 25))
    with pytest.raises(HouseholdEnded):
        make_person("钱七", household_id=lone.id)


def test_a_correction_moves_the_keys_and_meets_a_colleagues(make_person, viewer_of, make_account):
    made = make_person("王方")
    base = made.lock_version
    operations.correct_person(CLERK, made.id, base, Record("王芳", "Fang", "1958-03-04"), "身份证")
    clerk = viewer_of(make_account("clerk"))
    assert [len(queries.find(clerk, words).rows) for words in ("王方", "王芳", "fang")] == [0, 1, 1]
    with pytest.raises(PersonChanged):
        operations.correct_person(COLLEAGUE, made.id, base, Record("王方"))
    assert queries.person_view(made).record.name == "王芳"
    assert violations() == []


def test_a_birthday_is_not_corrected_against_the_card_on_record(make_person):
    made = make_person(documents=[resident_card()])
    with pytest.raises(NumberAgainstBirthday):
        operations.correct_person(CLERK, made.id, made.lock_version, Record("王芳", birth_on="1959-03-04"))


def test_the_audit_holds_ids_and_numbers_alone(make_person):
    made = make_person(documents=[resident_card()], contacts=[phone()])
    operations.correct_person(CLERK, made.id, made.lock_version, Record("王芬", birth_on="1958-03-04"), "窗口看了身份证")
    contexts = [json.loads(text) for text in db.session.scalars(sa.select(AuditEvent.context))]
    values = [value for context in contexts for value in context.values()]
    assert values
    assert all(value is None or isinstance(value, int) for value in values)


# ---- numbers


@pytest.fixture
def drawn(monkeypatch):
    """The next draws of chance: `drawn("10000000", …)`, afterwards chance again.  Counts how many of them were taken."""
    real, left = secrets.randbelow, []

    def below(most):
        return left.pop(0) - 10_000_000 if left and most == 90_000_000 else real(most)

    monkeypatch.setattr(records.secrets, "randbelow", below)

    def draw(*digits):
        left[:] = [int(each) for each in digits]
        return left

    return draw


def test_a_number_that_somebody_has_is_drawn_again(place, drawn):
    one = operations.create_person(CLERK, place.id, WOMAN, source=PersonSource.desk)
    taken, household = one.number[:8], queries.household_of(one.id).number[:8]
    left = drawn(taken, taken, "12345678", household, "87654321")
    other = operations.create_person(CLERK, place.id, Record("李强"), source=PersonSource.desk)
    assert left == []
    assert other.number[:8] == "12345678"
    assert queries.household_of(other.id).number[:8] == "87654321"
    assert violations() == []


def test_chance_that_fails_eight_times_leaves_nothing_behind(place, drawn):
    one = operations.create_person(CLERK, place.id, WOMAN, source=PersonSource.desk)
    drawn(*[one.number[:8]] * 8)
    with pytest.raises(RuntimeError):
        operations.create_person(CLERK, place.id, Record("李强"), source=PersonSource.desk)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 1


def test_another_fault_of_a_row_is_not_taken_for_a_number(place):
    with pytest.raises(IntegrityError), atomic():
        rows.add_numbered(Person, sealed="", place_id=place.id + 999, source=PersonSource.desk)
        db.session.execute(sa.text("SELECT 1"))
