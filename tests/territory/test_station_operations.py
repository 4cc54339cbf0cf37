"""A station's details, hours and closures: what is saved, what is refused, what the audit and the topics say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest
import sqlalchemy as sa

from civic.core.atomic import ContentVersion
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.territory import signals
from civic.territory.desk import closures_of, week_of
from civic.territory.errors import (
    ClosureBackwards,
    ClosureOver,
    ClosureOverlaps,
    ClosureTooLong,
    ClosureWithdrawn,
    NotAPhone,
    StationChanged,
    StretchBackwards,
)
from civic.territory.models import Station
from civic.territory.operations import StationText, add_closure, edit_station, set_hours, withdraw_closure
from civic.territory.queries import station as view_of


def versions() -> dict[str, int]:
    return dict(db.session.execute(sa.select(ContentVersion.topic, ContentVersion.version)).all())


def verbs() -> list[str]:
    return list(db.session.scalars(sa.select(AuditEvent.verb).order_by(AuditEvent.id)))


def test_details_are_saved_with_audit_and_topics(make_station, actor):
    station = make_station()
    text = replace(StationText.of(station), phone="+86 20 8888 1234", kiosk_zh="东门")
    edit_station(actor, station.id, 1, text)
    db.session.expire_all()
    saved = db.session.get(Station, station.id)
    assert (saved.phone, saved.kiosk_zh, saved.lock_version) == ("+86 20 8888 1234", "东门", 2)
    assert verbs() == ["territory.station.edit"]
    assert versions()["territory"] == 5  # district, street, community and station were made before
    assert versions()["station:ST-1"] == 2


def test_of_two_editors_the_second_is_told(make_station, actor):
    station = make_station()
    text = StationText.of(station)
    edit_station(actor, station.id, 1, replace(text, phone="020-1111 1111"))
    with pytest.raises(StationChanged) as refusal:
        edit_station(actor, station.id, 1, replace(text, phone="020-2222 2222"))
    assert refusal.value.context == {"current": 2}
    with pytest.raises(StationChanged):
        set_hours(actor, station.id, 1, {})
    assert db.session.scalar(sa.select(Station.phone)) == "020-1111 1111"


@pytest.mark.parametrize("phone", ["call me", "12", "020-8888 1234 ext", "+", "0" * 30])
def test_what_is_no_telephone_is_refused_at_its_field(make_station, actor, phone):
    station = make_station()
    with pytest.raises(NotAPhone) as refusal:
        edit_station(actor, station.id, 1, replace(StationText.of(station), phone=phone))
    assert refusal.value.field == "phone"
    assert phone in refusal.value.message


def test_hours_are_replaced_as_a_whole(make_station, actor):
    station = make_station()
    set_hours(actor, station.id, 1, {1: [(time(14), time(16)), (time(9), time(12))], 2: []})
    assert week_of(station.id) == {1: ((time(9), time(12)), (time(14), time(16)))}
    assert verbs() == ["territory.station.hours"]
    set_hours(actor, station.id, 2, {})
    assert week_of(station.id) == {}


def test_hours_that_no_station_can_keep_leave_the_old_ones(make_station, actor):
    station = make_station()
    with pytest.raises(StretchBackwards):
        set_hours(actor, station.id, 1, {1: [(time(12), time(9))]})
    assert len(week_of(station.id)) == 5
    assert db.session.scalar(sa.select(Station.lock_version)) == 1


def test_a_closure_is_announced_heard_and_withdrawn(make_station, actor):
    station, heard = make_station(), []
    hear = signals.station_closure_added.connect(lambda closure, **_: heard.append(closure.from_on))
    hear_too = signals.station_closure_withdrawn.connect(lambda _closure, **_: heard.append("back"))
    closure = add_closure(actor, station.id, date(2026, 11, 25), date(2026, 11, 26), "搬家", "Moving")
    assert heard == [date(2026, 11, 25)]
    assert not view_of("ST-1").open_now
    withdraw_closure(actor, closure.id)
    assert heard[1] == "back"
    assert hear
    assert hear_too
    assert view_of("ST-1").closures == ()
    assert view_of("ST-1").open_now
    assert [c.withdrawn_at is not None for c in closures_of(station.id)] == [True]
    assert verbs() == ["territory.closure.add", "territory.closure.withdraw"]
    with pytest.raises(ClosureWithdrawn):
        withdraw_closure(actor, closure.id)


@pytest.mark.parametrize(
    ("first", "last", "refusal", "field"),
    [
        ("2026-12-02", "2026-12-01", ClosureBackwards, "to_on"),
        ("2026-11-20", "2026-11-24", ClosureOver, "to_on"),
        ("2026-12-01", "2027-12-02", ClosureTooLong, "to_on"),
        ("2026-12-05", "2026-12-08", ClosureOverlaps, "from_on"),
    ],
)
def test_days_that_make_no_sense_are_refused(make_station, actor, first, last, refusal, field):
    station = make_station()
    add_closure(actor, station.id, date(2026, 12, 7), date(2026, 12, 9), "培训")
    with pytest.raises(refusal) as caught:
        add_closure(actor, station.id, date.fromisoformat(first), date.fromisoformat(last), "盘点")
    assert caught.value.field == field
    assert len(closures_of(station.id)) == 1


def test_366_days_and_days_beside_another_closure_are_possible(make_station, actor):
    station = make_station()
    add_closure(actor, station.id, date(2026, 12, 7), date(2026, 12, 9), "培训")
    add_closure(actor, station.id, date(2026, 12, 10), date(2027, 12, 10), "改建")
    assert len(view_of("ST-1").closures) == 2


def test_what_is_over_cannot_be_withdrawn(make_station, actor):
    from datetime import UTC, datetime

    from civic.core import clock

    station = make_station()
    closure = add_closure(actor, station.id, date(2026, 11, 25), date(2026, 11, 25), "停电")
    with clock.frozen(datetime(2026, 11, 27, tzinfo=UTC)), pytest.raises(ClosureOver):
        withdraw_closure(actor, closure.id)
