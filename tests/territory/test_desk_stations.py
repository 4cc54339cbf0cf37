"""A community manager at work: only her stations, forms that keep what was typed, two editors who see both."""

from __future__ import annotations

import sqlalchemy as sa

from civic.core.db import db
from civic.core.viewer import Role
from civic.territory.desk import closures_of, week_of
from civic.territory.models import Station

EN = {"Accept-Language": "en"}
DETAILS = {"name_zh": "站", "name_en": "Station", "address_zh": "街 1 号", "address_en": "1 Street", "phone": "020-1111 1111"}


def text(response) -> str:
    return response.get_data(as_text=True)


def test_a_manager_sees_her_stations_and_no_others(client, make_community, make_station, signed_in_as):
    own, other = make_community(code="C-1"), make_community(code="C-2")
    make_station(own), make_station(other)
    signed_in_as(Role.manager, own.path)
    page = text(client.get("/desk/stations/", status=200))
    assert "ST-1" in page
    assert "ST-2" not in page
    client.get("/desk/stations/ST-1", status=200)
    client.get("/desk/stations/ST-2", status=403)
    client.get("/desk/stations/NO", status=404)
    for path in ("edit", "hours", "closures/new"):
        client.get(f"/desk/stations/ST-2/{path}", status=403)
        client.get(f"/desk/stations/ST-1/{path}", status=200)


def test_others_are_turned_away(client, make_station, signed_in_as):
    make_station()
    signed_in_as(Role.clerk, "/")
    client.get("/desk/stations/", status=403)
    signed_in_as(Role.manager, "/elsewhere/")
    assert 'class="empty"' in text(client.get("/desk/stations/", status=200))


def test_details_are_saved_and_shown(client, make_station, signed_in_as):
    make_station()
    signed_in_as(Role.administrator, "/")
    answer = client.submit("/desk/stations/ST-1/edit", DETAILS, status=303)
    assert answer.location == "/desk/stations/ST-1"
    assert "020-1111 1111" in text(client.get("/desk/stations/ST-1", status=200))
    assert "020-1111 1111" in text(client.get("/stations/ST-1", status=200))


def test_a_refused_form_keeps_what_was_typed(client, make_station, signed_in_as):
    make_station()
    signed_in_as(Role.manager, "/")
    page = text(client.submit("/desk/stations/ST-1/edit", {**DETAILS, "phone": "call me"}, status=422))
    assert 'value="call me"' in page
    assert "phone-error" in page
    page = text(client.submit("/desk/stations/ST-1/edit", {**DETAILS, "name_zh": "", "name_en": "x" * 101}, status=422))
    assert "name_zh-error" in page
    assert "name_en-error" in page
    assert db.session.scalar(sa.select(Station.phone)) == "020-0000 0112"


def test_of_two_editors_the_second_sees_both_and_may_overwrite(client, make_station, signed_in_as):
    make_station()
    signed_in_as(Role.manager, "/")
    client.submit("/desk/stations/ST-1/edit", {**DETAILS, "phone": "020-1111 1111"}, status=303)
    late = {**DETAILS, "phone": "020-2222 2222", "base": "1"}
    page = text(client.submit("/desk/stations/ST-1/edit", late, status=409))
    assert "020-1111 1111" in page
    assert 'value="020-2222 2222"' in page
    assert 'name="base" type="hidden" value="2"' in page
    client.submit("/desk/stations/ST-1/edit", {**late, "base": "2"}, status=303)
    assert db.session.scalar(sa.select(Station.phone)) == "020-2222 2222"
    client.submit("/desk/stations/ST-1/edit", {**late, "base": "x"}, status=409)


def test_hours_are_a_row_for_each_weekday(client, make_station, signed_in_as):
    station = make_station(hours="1 09:00-12:00 14:00-17:00")
    signed_in_as(Role.manager, "/")
    page = text(client.get("/desk/stations/ST-1/hours", status=200, headers=EN))
    assert page.count('type="time"') == 28
    assert 'aria-label="Mon Opens"' in page
    assert 'value="09:00"' in page
    monday = {"d1_0_opens": "08:30", "d1_0_closes": "12:00"}
    client.submit("/desk/stations/ST-1/hours", monday, status=303)
    assert {day: len(stretches) for day, stretches in week_of(station.id).items()} == {1: 1}


def test_hours_that_are_half_given_or_overlap_are_refused_and_kept(client, make_station, signed_in_as):
    station = make_station()
    signed_in_as(Role.manager, "/")
    page = text(client.submit("/desk/stations/ST-1/hours", {"d2_0_opens": "08:30"}, status=422))
    assert "d2_0_closes-error" in page
    assert 'value="08:30"' in page
    assert "d2_0_opens-error" in text(client.submit("/desk/stations/ST-1/hours", {"d2_0_closes": "08:30"}, status=422))
    overlap = {"d2_0_opens": "08:30", "d2_0_closes": "12:00", "d2_1_opens": "11:00", "d2_1_closes": "13:00"}
    assert 'value="11:00"' in text(client.submit("/desk/stations/ST-1/hours", overlap, status=422))
    client.submit("/desk/stations/ST-1/hours", {"d2_0_opens": "half past"}, status=422)
    assert len(week_of(station.id)) == 5


def test_of_two_who_change_the_hours_the_second_sees_both(client, make_station, signed_in_as):
    station = make_station()
    signed_in_as(Role.manager, "/")
    client.submit("/desk/stations/ST-1/hours", {"d1_0_opens": "08:30", "d1_0_closes": "12:00"}, status=303)
    late = {"d3_0_opens": "10:10", "d3_0_closes": "11:11", "base": "1"}
    page = text(client.submit("/desk/stations/ST-1/hours", late, status=409))
    assert "08:30–12:00" in page
    assert 'value="10:10"' in page
    client.submit("/desk/stations/ST-1/hours", {**late, "base": "2"}, status=303)
    assert list(week_of(station.id)) == [3]
    client.submit("/desk/stations/ST-1/hours", {}, status=303)
    assert "regular" in text(client.submit("/desk/stations/ST-1/hours", late, status=409, headers=EN))


def test_a_closure_is_announced_and_withdrawn(client, make_station, signed_in_as):
    station = make_station()
    signed_in_as(Role.manager, "/")
    days = {"from_on": "2026-11-25", "to_on": "2026-11-30", "reason_zh": "搬家", "reason_en": "Moving"}
    client.submit("/desk/stations/ST-1/closures/new", days, status=303)
    assert "搬家" in text(client.get("/stations/ST-1", status=200))
    page = text(client.submit("/desk/stations/ST-1/closures/new", days, status=422))
    assert "from_on-error" in page
    page = text(client.submit("/desk/stations/ST-1/closures/new", {**days, "to_on": "soon"}, status=422))
    assert "to_on-error" in page
    closure = closures_of(station.id)[0]
    withdraw = f"/desk/stations/ST-1/closures/{closure.id}/withdraw"
    client.submit(withdraw, page="/desk/stations/ST-1", status=303)
    assert "搬家" not in text(client.get("/stations/ST-1", status=200))
    client.submit(withdraw, page="/desk/stations/ST-1/edit", status=303)  # a second time: told, not broken
    client.submit("/desk/stations/ST-1/closures/999/withdraw", page="/desk/stations/ST-1/edit", status=404)


def test_every_state_of_a_closure_is_shown(client, make_station, signed_in_as):
    from datetime import date

    from civic.core import clock
    from civic.core.atomic import atomic
    from civic.territory.models import StationClosure

    station = make_station()
    days = [(date(2026, 11, 1), date(2026, 11, 2)), (date(2026, 11, 25), date(2026, 11, 26)), (date(2026, 12, 1), date(2026, 12, 1))]
    with atomic():
        db.session.add_all(StationClosure(station_id=station.id, from_on=a, to_on=b, reason_zh="停电") for a, b in days)
        db.session.add(
            StationClosure(station_id=station.id, from_on=days[2][0], to_on=days[2][1], reason_zh="取消", withdrawn_at=clock.now())
        )
    signed_in_as(Role.manager, "/")
    page = text(client.get("/desk/stations/ST-1", status=200, headers=EN))
    for state in ("Running", "To come", "Over", "Withdrawn"):
        assert state in page
    assert page.count('/withdraw"') == 2


def test_the_same_form_sent_twice_is_answered_once(client, make_station, signed_in_as):
    station = make_station()
    signed_in_as(Role.manager, "/")
    days = {"from_on": "2026-12-01", "to_on": "2026-12-01", "reason_zh": "盘点", "request_key": "k" * 22}
    client.submit("/desk/stations/ST-1/closures/new", days, status=303)
    client.submit("/desk/stations/ST-1/closures/new", days, status=303)
    assert len(closures_of(station.id)) == 1
