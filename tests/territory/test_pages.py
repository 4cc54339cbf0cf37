"""The public pages: all stations by town, one station with what one needs before going there; the API beside them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from civic.core import clock
from civic.territory.operations import add_closure


def words(response) -> str:
    return response.get_data(as_text=True)


def test_the_list_shows_phone_and_state_of_every_station(client, make_community, make_station):
    make_station(make_community(), hours="1-5 08:30-12:00 14:00-17:30")
    make_station(make_community(), hours="")
    page = words(client.get("/stations/", status=200))
    assert "榕树社区服务站1" in page
    assert "榕树社区服务站2" in page
    assert page.count("tel:02000000112") >= 2
    assert "12:00" in page


def test_an_empty_list_says_what_will_be_here(client):
    assert 'class="empty"' in words(client.get("/stations/", status=200))


def test_both_languages_and_the_own_station_first(client, make_community, make_station):
    make_station(make_community())
    client.set_cookie("civic_place", "440113010901")
    page = words(client.get("/stations/", status=200, headers={"Accept-Language": "en"}))
    assert "Your station" in page
    assert "Open now, until 12:00" in page


def test_one_station_with_hours_closures_and_kiosk(client, make_station, actor):
    station = make_station(kiosk_zh="东门，24 小时", kiosk_en="East gate")
    add_closure(actor, station.id, date(2026, 12, 1), date(2026, 12, 3), "搬家", "Moving")
    page = words(client.get("/stations/ST-1", status=200, headers={"Accept-Language": "en"}))
    for text in (
        "Rongshu Station 1",
        "Mon–Fri",
        "08:30–12:00, 14:00–17:30",
        "Tue 1 Dec 2026 to Thu 3 Dec 2026",
        "Moving",
        "East gate",
        "020-0000 0112",
    ):
        assert text in page, text
    client.get("/stations/NO", status=404)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 25, 4, 30, tzinfo=UTC), "Opens today at 14:00"),
        (datetime(2026, 11, 25, 12, 0, tzinfo=UTC), "Opens Thu 26 Nov 2026 08:30"),
        (datetime(2026, 11, 26, 2, 0, tzinfo=UTC), "Closed today: Training"),
    ],
)
def test_a_closed_station_says_when_it_opens_and_why(client, make_station, actor, moment, text):
    station = make_station()
    if moment.day == 26:
        add_closure(actor, station.id, date(2026, 11, 26), date(2026, 11, 26), "培训", "Training")
    with clock.frozen(moment):
        assert text in words(client.get("/stations/ST-1", status=200, headers={"Accept-Language": "en"}))


def test_a_station_without_regular_hours(client, make_station):
    make_station(hours="")
    assert "No regular hours" in words(client.get("/stations/ST-1", status=200, headers={"Accept-Language": "en"}))


def test_the_list_of_many_stations_asks_few_questions(client, make_community, make_station, count_queries):
    for number in range(1, 31):
        make_station(make_community(code=f"C-{number}"))
    with count_queries() as statements:
        client.get("/stations/", status=200)
    assert len(statements) <= 25


def test_the_page_is_true_until_the_next_change(client, make_station, monkeypatch):
    from civic.territory.views import public

    declared = []
    monkeypatch.setattr(public, "reading", lambda *topics, **more: declared.append((topics, more)))
    make_station()
    for page in ("/stations/", "/stations/ST-1"):
        client.get(page, status=200)
    for topics, more in declared:
        assert set(topics) == {"territory", "workdays"}
        assert clock.local(more["fresh_until"]).isoformat() == "2026-11-25T12:00:00+08:00"
    assert len(declared) == 2


# ---- API --------------------------------------------------------------------------------------------------------------------


def test_stations_for_programs(client, make_station, actor):
    station = make_station(kiosk_zh="东门")
    add_closure(actor, station.id, date(2026, 12, 1), date(2026, 12, 3), "搬家")
    answer = client.get("/api/v1/stations/ST-1", status=200).json
    assert answer["name"] == {"zh": "榕树社区服务站1", "en": "Rongshu Station 1"}
    assert answer["territory"] == "440113010901"
    assert answer["hours"][:2] == [{"weekday": 1, "opens": "08:30", "closes": "12:00"}, {"weekday": 1, "opens": "14:00", "closes": "17:30"}]
    assert answer["closures"] == [{"from_on": "2026-12-01", "to_on": "2026-12-03", "reason": {"zh": "搬家", "en": ""}}]
    assert answer["open_now"] is True
    assert answer["next_change"] == "2026-11-25T12:00:00+08:00"
    client.get("/api/v1/stations/NO", status=404)


def test_stations_are_paged_and_filtered(client, make_community, make_station):
    for number in range(1, 4):
        make_station(make_community(code=f"C-{number}"))
    first = client.get("/api/v1/stations?limit=2", status=200).json
    assert [s["code"] for s in first["items"]] == ["ST-1", "ST-2"]
    assert first["total"] == 3
    assert [s["code"] for s in client.get(first["next"], status=200).json["items"]] == ["ST-3"]
    assert client.get("/api/v1/stations?territory=C-2", status=200).json["total"] == 1
    assert client.get("/api/v1/stations?territory=NO", status=200).json["items"] == []
    refused = client.get("/api/v1/stations?teritory=C-2", status=400)
    assert refused.json["code"] == "malformed"
    assert "teritory" in refused.json["detail"]


def test_territories_for_programs(client, make_community, make_territory):
    after = make_community(code="C-1")
    make_community(code="C-2", valid_to=date(2025, 12, 31), successor_id=after.id)
    answer = client.get("/api/v1/territories?kind=community", status=200).json
    assert [t["code"] for t in answer["items"]] == ["C-1", "C-2"]
    assert answer["items"][1] == {
        "code": "C-2",
        "kind": "community",
        "name": {"zh": "榕树社区2", "en": "Rongshu Community 2"},
        "parent": "T002",
        "valid_from": None,
        "valid_to": "2025-12-31",
        "successor": "C-1",
    }
    assert client.get("/api/v1/territories?parent=T001", status=200).json["total"] == 1
    assert client.get("/api/v1/territories", status=200).json["total"] == 4
    client.get("/api/v1/territories?kind=planet", status=400)
