"""The list of people: what is refused, what a second load and a changed column do, and that no cell leaks."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from civic.accounts.loaders import STAFF
from civic.core import crypto, files
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.i18n import speaking
from civic.core.load import runs
from civic.core.load.engine import Report, plan_load
from civic.core.load.models import LoadRow, LoadRun, LoadRunRow, LoadState
from civic.core.load.runs import queue_load, run_load, work
from civic.core.load.sealed import SEALED, key_hashes, opened, value_hashes
from civic.core.registry import Module
from civic.core.viewer import Actor, Channel, Role
from civic.people import operations, records
from civic.people.loaders import PEOPLE
from civic.people.models import (
    Contact,
    Document,
    HomeRelation,
    Household,
    HouseholdRelation,
    LifeEvent,
    LifeEventKind,
    Membership,
    NameKey,
    Person,
    PersonHome,
)
from civic.territory.models import Building, Home, TerritoryKind

COMMAND = Actor(None, job="test", channel=Channel.command)
HEAD = "ref,household,relation,name,birth,sex,document,country,number,phone,building,room,registered_elsewhere,died_on"
CHEN = "1,H1,head,陈志强,1975-03-04,male,resident_card,CHN,440113197503049019,13800138000,B-1,101,,"
MEI = "2,H1,spouse,李美玲,1977-05-06,female,resident_card,CHN,44011319770506900X,13800138000,B-1,101,,"
SMITH = "3,H2,head,Jonas Weber,1980-01-02,male,passport,DEU,C01X0006H,+4915112345678,B-1,102,,"
WORKER = "4,H3,head,王伟,1990-07-08,male,resident_card,CHN,440113199007089010,,B-1,102,湖南省衡阳市,"
BABY = "5,H1,child,陈子轩,2026-11-20,male,,,,,B-1,101,,"
SECRETS = ("陈志强", "李美玲", "Weber", "440113197503049019", "13800138000", "1975-03-04", "衡阳")


@contextlib.contextmanager
def registered(app, *loaders):
    """The site with these lists, unless its modules have them already."""
    modules = app.extensions["civic"].registry.modules
    kinds = {known.kind for module in modules for known in module.loaders}
    missing = tuple(loader for loader in loaders if loader.kind not in kinds)
    module = Module(name="lists-under-test", title="", loaders=missing)
    modules.append(module)
    try:
        yield
    finally:
        modules.remove(module)


@pytest.fixture
def village(site, make_territory, make_community, monkeypatch):
    """A building B-1 with three homes in a community, B-2 in another one."""
    monkeypatch.setattr(runs, "PAUSE", 0)
    with registered(site, PEOPLE), speaking("en"):
        places = [make_community(), make_community()]
        for number, place in enumerate(places, 1):
            grid = make_territory(TerritoryKind.grid, place)
            with atomic():
                building = Building(code=f"B-{number}", grid_id=grid.id, street_zh="街", street_en="Street", number="1")
                db.session.add(building)
                db.session.flush()
                db.session.add_all(Home(building_id=building.id, room=room) for room in ("101", "102", "201"))
                db.session.add(Home(building_id=building.id, room="009", valid_to=date(2026, 1, 1)))
        yield places


def people_csv(*rows: str, head: str = HEAD) -> list[tuple[str, bytes]]:
    return [("people.csv", ("\n".join([head, *rows]) + "\n").encode())]


def load(*rows: str, actor: Actor = COMMAND) -> Report:
    plan = plan_load(people_csv(*rows), actor=actor)
    return run_load(actor, plan)


def loaded(*rows: str) -> None:
    report = load(*rows)
    assert not report.rejected, [str(r.why) for r in report.rejected]


def why(*rows: str, actor: Actor = COMMAND) -> list[tuple[int, str]]:
    return [(r.line, str(r.why)) for r in plan_load(people_csv(*rows), actor=actor).rejected]


def person(name: str) -> Person:
    (found,) = [p for p in people() if records.unseal(p.sealed).name == name]
    return found


def people() -> list[Person]:
    return list(db.session.scalars(sa.select(Person).order_by(Person.id).execution_options(populate_existing=True)))


def rows_of(model, **values):
    return list(db.session.scalars(sa.select(model).filter_by(**values).order_by(model.id).execution_options(populate_existing=True)))


# ---- new rows ---------------------------------------------------------------------------------------------------------------


def test_a_list_makes_people_households_homes_documents_and_keys(village):
    loaded(CHEN, MEI, SMITH, WORKER, BABY)
    chen = person("陈志强")
    assert records.unseal(chen.sealed) == records.Record("陈志强", "", "1975-03-04", "male", "CHN")
    assert (chen.birth_year, chen.place_id, chen.source) == (1975, village[0].id, "list")
    assert records.is_number(chen.number)
    members = rows_of(Membership, household_id=rows_of(Membership, person_id=chen.id)[0].household_id)
    assert [m.relation for m in members] == [HouseholdRelation.head, HouseholdRelation.spouse, HouseholdRelation.child]
    assert len(rows_of(Household)) == 3
    assert [h.relation for h in rows_of(PersonHome, person_id=person("王伟").id)] == [HomeRelation.lives_in, HomeRelation.registered_at]
    assert rows_of(Contact, person_id=chen.id)[0].hash == rows_of(Contact, person_id=person("李美玲").id)[0].hash
    assert records.unseal(person("Jonas Weber").sealed).nationality == "DEU"
    assert len(rows_of(Document)) == 4
    assert db.session.scalar(sa.select(NameKey.person_id).where(NameKey.hash == records.prefix_hash("陈志"))) == chen.id
    assert [e.kind for e in rows_of(LifeEvent, person_id=chen.id)] == [LifeEventKind.created]


def test_words_of_offices_are_understood(village):
    loaded(
        CHEN.replace(",head,", ",户主,")
        .replace(",male,", ",男,")
        .replace(",resident_card,", ",身份证,")
        .replace("1975-03-04", "1975年3月4日")
    )
    assert records.unseal(people()[0].sealed).sex == "male"


def test_a_row_of_somebody_who_died_is_closed_everywhere(village):
    loaded(CHEN + "2026-10-01", MEI, WORKER + "2026-09-09")
    chen = person("陈志强")
    assert chen.died_on == date(2026, 10, 1)
    assert [m.ended_on for m in rows_of(Membership, person_id=chen.id)] == [date(2026, 10, 1)]
    assert {h.ended_on for h in rows_of(PersonHome, person_id=chen.id)} == {date(2026, 10, 1)}
    ended = {h.id: h.ended_on for h in rows_of(Household)}
    assert sorted(filter(None, ended.values())) == [date(2026, 9, 9)]  # the worker's, who lived alone


# ---- again ------------------------------------------------------------------------------------------------------------------


def test_a_second_load_changes_nothing_and_leaves_no_run(village):
    loaded(CHEN, MEI, BABY)
    before, lines = [(p.id, p.lock_version) for p in people()], len(rows_of(LifeEvent))
    report = load(CHEN, MEI, BABY)
    count = report.kinds["people"]
    assert (count.added, count.changed, count.unchanged) == (0, 0, 3)
    assert [(p.id, p.lock_version) for p in people()] == before
    assert len(rows_of(LifeEvent)) == lines
    assert len(rows_of(LoadRun)) == 1


def test_a_changed_phone_changes_only_the_phone_and_the_daughters_stays(village):
    loaded(CHEN, MEI)
    chen, mei = person("陈志强"), person("李美玲")
    with atomic():
        chen.lang = "en"  # a correction on the site
    loaded(CHEN.replace("13800138000", "13900139000"), MEI)
    old, new = rows_of(Contact, person_id=chen.id)
    assert old.ended_at is not None
    assert new.ended_at is None
    assert [c.ended_at for c in rows_of(Contact, person_id=mei.id)] == [None]
    assert person("陈志强").lang == "en"
    assert person("陈志强").lock_version == 1


def test_a_corrected_name_survives_a_changed_sex(village):
    loaded(CHEN)
    chen = person("陈志强")
    operations.correct_person(COMMAND, chen.id, chen.lock_version, records.Record("陈志刚", "", "1975-03-04", "male"))
    loaded(CHEN.replace(",male,", ",female,"))
    assert records.unseal(people()[0].sealed) == records.Record("陈志刚", "", "1975-03-04", "female")


def test_a_changed_room_is_a_move_and_a_changed_household_joins(village):
    loaded(CHEN, MEI, WORKER)
    loaded(CHEN, MEI, WORKER.replace(",H3,head,", ",H1,other,").replace("B-1,102", "B-2,101"))
    wang = person("王伟")
    assert wang.place_id == village[1].id
    first, second = rows_of(Membership, person_id=wang.id)
    assert first.ended_on is not None
    assert second.household_id == rows_of(Membership, person_id=person("陈志强").id)[0].household_id
    lives = [h for h in rows_of(PersonHome, person_id=wang.id) if h.relation is HomeRelation.lives_in]
    assert [h.ended_on is None for h in lives] == [False, True]
    assert {k.place_id for k in db.session.scalars(sa.select(NameKey).where(NameKey.person_id == wang.id))} == {village[1].id}


def test_a_new_number_ends_the_old_document_and_a_death_is_recorded(village):
    loaded(CHEN, MEI)
    loaded(CHEN.replace("440113197503049019", "440113197503049035"), MEI + "2026-11-01")
    old, new = rows_of(Document, person_id=person("陈志强").id)
    assert (old.ended_at is None, new.ended_at is None) == (False, True)
    assert person("李美玲").died_on == date(2026, 11, 1)
    loaded(CHEN.replace("440113197503049019", "440113197503049035"), MEI)
    assert person("李美玲").died_on is None


def test_later_lists_find_the_household_of_earlier_ones(village):
    loaded(CHEN)
    loaded(MEI)
    assert len({m.household_id for m in rows_of(Membership)}) == 1


# ---- refused ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (CHEN.replace("9019", "9018"), "number: This number cannot be right"),
        (CHEN.replace("440113197503049019", "440113197503049000"), "number: The end of this number has been turned into zeros"),
        (CHEN.replace("440113197503049019", "4.40113E+17"), "a spreadsheet has zeroed its end"),
        (CHEN.replace("1975-03-04", "1975-03-05"), "number: The number on the card tells another birth day"),
        (CHEN.replace("13800138000", "138"), "phone: This is not a telephone number"),
        (CHEN.replace("B-1,101", "B-9,101"), "building, room: there is no such home"),
        (CHEN.replace("B-1,101", "B-1,999"), "building, room: there is no such home"),
        (CHEN.replace("B-1,101", "B-1,009"), "this home is closed"),
        (CHEN.replace("B-1,101", ","), "names no home"),
        (CHEN + "2027-01-01", "has not come yet"),
        (CHEN + "1970-01-01", "before the birth"),
        (CHEN.replace("1975-03-04", "never"), "birth needs a day such as"),
        (CHEN.replace(",male,", ",tall,"), "sex can be female, male."),
        (CHEN.replace("陈志强", "长" * 101), "at most 100 characters; this one has 101"),
    ],
)
def test_what_cannot_be_is_told_by_line_and_column_without_the_cell(village, row, words):
    found = why(MEI, row)
    assert [line for line, _ in found] == [3]
    assert words in found[0][1]
    for cell in row.split(","):
        assert len(cell) < 5 or cell not in found[0][1]


def test_a_passport_with_a_name_of_sixty_letters_is_taken(village):
    name = "Maria Aparecida da Conceicao Albuquerque de Oliveira e Souza"
    assert len(name) == 60
    loaded(SMITH.replace("Jonas Weber", name))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(NameKey)) >= 24


def test_one_document_twice_names_the_first_line_and_one_known_is_refused(village):
    twice = MEI.replace("44011319770506900X", "440113197503049019").replace("1977-05-06", "1975-03-04")
    assert why(CHEN, twice) == [(3, "The document of this row stands twice: first in people.csv, line 2.")]
    loaded(CHEN)
    ((line, words),) = why(CHEN.replace("1,H1", "77,H9").replace("陈志强", "陈志刚"))
    assert line == 2
    assert "recorded already" in words


def test_equal_name_and_birth_without_a_document_is_asked_at_the_desk(village):
    homonym = BABY.replace("5,H1", "6,H2")
    ((line, words),) = why(BABY, homonym)
    assert line == 3
    assert "line 2" in words
    assert "may be the same person" in words
    loaded(BABY)
    ((line, words),) = why(homonym)
    assert "may be the same person" in words
    other = CHEN.replace("1,H1", "9,H9").replace("440113197503049019", "440113197503049035")
    loaded(CHEN)
    assert why(other) == []  # two documents tell them apart
    assert why(BABY) == []  # the row itself


def test_a_row_twice_and_two_heads_are_named(village):
    assert why(CHEN, CHEN)[0][1] == "The same ref stands twice: first in people.csv, line 2."
    assert why(CHEN, MEI.replace("spouse", "head")) == [(3, "This household has a head already: people.csv, line 2.")]


def test_a_manager_loads_only_her_community(village, make_account, site):
    account = make_account(role=Role.manager, territory=village[0])
    actor = Actor(account.id)
    with registered(site, STAFF):
        assert why(CHEN, actor=actor) == []
        assert why(CHEN.replace("B-1", "B-2"), actor=actor) == [(2, "The home lies outside the territory that you look after.")]
        loaded(CHEN.replace("B-1", "B-2"))
        assert [line for line, _ in why(CHEN, actor=actor)] == [2]  # somebody else's person cannot be moved over
        assert [line for line, _ in why(MEI, actor=Actor(make_account().id))] == [2]


# ---- nothing in clear -------------------------------------------------------------------------------------------------------


def everything_kept() -> str:
    tables = (LoadRow, LoadRun, LoadRunRow)
    return "\n".join(str(tuple(row)) for table in tables for row in db.session.execute(sa.select(table.__table__)))


def test_what_loading_remembers_holds_no_value_in_clear(village, monkeypatch):
    def stop(*_):
        raise RuntimeError(CHEN)

    monkeypatch.setattr("civic.people.loaders.people.write_people", stop)
    with pytest.raises(Exception, match="load_stopped") as stopped:
        load(CHEN, MEI, WORKER)
    assert not any(secret in everything_kept() + str(stopped.value) for secret in SECRETS)
    assert len(rows_of(LoadRunRow)) == 3
    assert rows_of(LoadRun)[0].problem == "people.csv:2, RuntimeError"
    monkeypatch.undo()
    runs.resume_open()
    assert len(people()) == 3
    assert rows_of(LoadRunRow) == []
    assert not any(secret in everything_kept() for secret in SECRETS)
    assert all(row.key.startswith("h1.") and row.values.startswith("g1.") for row in rows_of(LoadRow))


def test_files_go_when_the_load_ends_and_reports_quote_nothing(village, make_account, site):
    account = make_account(role=Role.administrator, territory=village[0])
    with registered(site, STAFF):
        data = people_csv(CHEN, MEI)[0][1]
        sha = files.store(data, "people.csv", account_id=account.id, accept=files.LISTS, as_it_is=True).sha256
        run = queue_load(Actor(account.id), [sha])
        assert files.path_of(sha).is_file()
        os.utime(files.path_of(sha), (1, 1))
        work(run)
        assert rows_of(LoadRun)[0].state == LoadState.done
        assert not files.path_of(sha).exists()
        assert json.loads(rows_of(LoadRun)[0].report)["kinds"]["people"]["added"] == 2


def test_a_row_remembered_under_an_old_key_is_known_and_moves_to_the_new_one(village, site, monkeypatch):
    loaded(CHEN)
    parts = site.extensions["civic"]
    monkeypatch.setattr(parts, "settings", replace(parts.settings, data_keys=("n" * 40, *parts.settings.data_keys)))
    assert load(CHEN).kinds["people"].unchanged == 1
    loaded(CHEN.replace("13800138000", "13900139000"))
    kept = list(rows_of(LoadRow, kind="people"))
    assert len(kept) == 1
    assert kept[0].key.split(".")[1] == crypto.fingerprints()[0]


def test_rows_are_sealed_anew_by_what_core_exports(village):
    loaded(CHEN)
    (row,) = rows_of(LoadRow, kind="people")
    for_rows, _for_run_rows = SEALED
    plain = json.dumps(opened(row.values), ensure_ascii=False)
    assert for_rows.hashes is not None
    assert for_rows.hashes(row, {"values": plain}) == {
        "key": key_hashes("people", "1")[0],
        "hash": value_hashes("people", opened(row.values)[1])[0],
    }
    assert for_rows.hashes(row, {"values": ""}) == {}
