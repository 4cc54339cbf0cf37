"""Places and stations as the header shows them; who holds a role; the lines of a department."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from civic.core.atomic import atomic
from civic.core.db import db
from civic.territory import queries
from civic.territory.models import Organisation, Territory


def test_a_place_knows_its_town_and_its_station(make_community, make_station):
    make_station(make_community())
    place = queries.place("440113010901")
    assert (place.name, place.parent_name, place.station.code) == ("榕树社区", "第2区域", "ST-1")
    assert place.station.tel == "02000000112"
    assert place.station.hours == "周一至周五 08:30–12:00、14:00–17:30"
    assert (place.station.open_now, place.station.open_until, place.station.address) == (True, "12:00", "榕荫里 18 号一楼")
    assert queries.path_of("440113010901") == place.path == "/T001/T002/440113010901/"
    assert queries.place("nowhere") is None
    assert queries.path_of("T001") == ""


def test_the_header_asks_the_database_nothing_while_nothing_changes(make_station, count_queries, site):
    make_station()
    queries.place("440113010901")
    with count_queries() as statements:
        assert queries.place("440113010901") is not None
    assert not [s for s in statements if "FROM station" in s or "FROM territory" in s]


def test_a_change_is_seen_at_once(make_station, actor):
    from dataclasses import replace

    from civic.territory.operations import StationText, edit_station

    station = make_station()
    assert queries.station("ST-1").phone == "020-0000 0112"
    edit_station(actor, station.id, 1, replace(StationText.of(station), phone="020-1111 1111"))
    assert queries.station("ST-1").phone == "020-1111 1111"


def test_the_whole_is_read_with_one_query_per_relation(make_community, make_station, count_queries):
    for number in range(1, 7):
        make_station(make_community(code=f"C-{number}"))
    queries._OVERVIEW._entry = None
    with count_queries() as statements:
        assert len(queries.stations()) == 6
    assert len([s for s in statements if "content_version" not in s]) <= 6, statements


def test_places_that_ended_lead_to_their_successor_and_are_not_offered(make_community):
    after = make_community(code="C-NEW")
    between = make_community(code="C-MID", valid_to=date(2026, 1, 1), successor_id=after.id)
    make_community(code="C-OLD", valid_to=date(2025, 1, 1), successor_id=between.id)
    make_community(code="C-GONE", valid_to=date(2025, 1, 1))
    make_community(code="C-SOON", valid_from=date(2027, 1, 1))
    assert queries.place("C-OLD").code == "C-NEW"
    assert queries.place("C-GONE") is None
    assert [p.code for town in queries.communities() for p in town.places] == ["C-NEW"]


def test_a_circle_of_successors_does_not_hang_the_header(make_community):
    one = make_community(code="C-1", valid_to=date(2025, 1, 1))
    two = make_community(code="C-2", valid_to=date(2025, 1, 1), successor_id=one.id)
    with atomic() as tx:
        db.session.execute(sa.update(Territory).where(Territory.id == one.id).values(successor_id=two.id))
        tx.touch(queries.TOPIC)
    assert queries.place("C-1") is None


def test_few_communities_are_all_offered_and_many_only_beside_the_chosen_one(make_territory, make_community):
    near, far = make_territory("street"), make_territory("street")
    for number in range(1, 6):
        make_community(near, code=f"N-{number}")
    assert [p.code for p in queries.nearby()] == ["N-1", "N-2", "N-3", "N-4", "N-5"]
    for number in range(1, 6):
        make_community(far, code=f"F-{number}")
    assert queries.nearby() == []
    assert [p.code for p in queries.nearby("N-3")] == ["N-3", "N-1", "N-2", "N-4", "N-5"]
    assert [town.name for town in queries.communities()] == [near.name_zh, far.name_zh]
    assert queries.district().zh == "第1区域"


def test_without_anything_loaded_nothing_breaks(site):
    assert queries.communities() == ()
    assert queries.stations() == []
    assert queries.nearby("X") == []
    assert queries.district() is None
    assert queries.next_change([]) is None


def test_stations_are_listed_within_a_territory(make_community, make_station, make_territory):
    street, other = make_territory("street", code="S-1"), make_territory("street", code="S-2")
    make_station(make_community(street, code="C-1"))
    make_station(make_community(other, code="C-2"))
    assert [v.code for v in queries.stations()] == ["ST-1", "ST-2"]
    assert [v.code for v in queries.stations("S-2")] == ["ST-2"]
    assert [v.code for v in queries.stations("C-1")] == ["ST-1"]
    assert queries.stations("S") == []


@pytest.fixture
def tree(make_territory, make_community, make_organisation):
    """A community below a street, and the role that is held in both."""
    street = make_territory("street")
    place = make_community(street)
    return street, place, make_organisation("role", code="B-T-WJB")


def test_the_nearest_territory_holds_the_role(tree, make_organisation):
    street, place, role = tree
    above = make_organisation("town_office", territory=street, role=role)
    assert queries.resolve_role(role, place.path, date(2026, 1, 1)) is above
    own = make_organisation("agency", territory=place, role=role)
    assert queries.resolve_role(role, place.path, date(2026, 1, 1)) is own
    assert queries.resolve_role(role, street.path, date(2026, 1, 1)) is above
    assert queries.resolve_role(role, "/elsewhere/", date(2026, 1, 1)) is None
    assert queries.resolve_role(role, "", date(2026, 1, 1)) is None


def test_a_holder_that_ended_hands_over_to_its_successors(tree, make_organisation):
    street, place, role = tree
    new = make_organisation("town_office", territory=street, valid_from=date(2015, 1, 1))
    old = make_organisation("town_office", territory=street, role=role, valid_to=date(2014, 12, 31), successor=new)
    assert queries.resolve_role(role, place.path, date(2014, 12, 31)) is old
    assert queries.resolve_role(role, place.path, date(2015, 1, 1)) is new


def test_of_two_holders_the_one_that_began_last_counts(tree, make_organisation):
    street, _, role = tree
    make_organisation("agency", territory=street, role=role, code="O-A")
    late = make_organisation("agency", territory=street, role=role, code="O-B", valid_from=date(2020, 1, 1))
    make_organisation("agency", territory=street, role=role, code="O-C", valid_from=date(2030, 1, 1))
    assert queries.resolve_role(role, street.path, date(2026, 1, 1)) is late


def test_a_department_stands_for_itself_and_a_circle_for_nobody(make_organisation):
    department = make_organisation()
    assert queries.resolve_role(department, "/x/", date(2026, 1, 1)) is department
    one = make_organisation(valid_to=date(2020, 1, 1))
    two = make_organisation(valid_to=date(2020, 1, 1), successor=one)
    with atomic():
        db.session.execute(sa.update(Organisation).where(Organisation.id == one.id).values(successor_id=two.id))
    db.session.expire_all()
    assert queries.resolve_role(one, "/x/", date(2026, 1, 1)) is None


def test_a_grant_for_a_department_covers_its_lines_and_nothing_else(make_organisation):
    department = make_organisation()
    line = make_organisation("line", parent=department)
    below = make_organisation("line", parent=line)
    make_organisation("department", parent=department)
    assert queries.lines_of(department.id) == {department.id, line.id, below.id}
    assert queries.lines_of(below.id) == {below.id}
