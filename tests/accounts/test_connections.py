"""The connection log: sealed, kept 190 days, opened by two people, each look recorded."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from civic.accounts import operations
from civic.accounts.errors import AlreadyReleased, DaysInWrongOrder, NoSuchLogin, NotReadable, SamePerson, SpanInFuture, SpanTooLong
from civic.accounts.models import ConnectionAct, ConnectionLook, ConnectionOpening, ConnectionRecord
from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.viewer import Role
from tests.accounts.test_signing_in import type_in
from tests.conftest import NOW

LOG = "/desk/connections/"
TODAY = date(2026, 11, 25)
ENGLISH = {"Accept-Language": "en"}


def records():
    db.session.expire_all()
    rows = db.session.scalars(sa.select(ConnectionRecord).order_by(ConnectionRecord.id)).all()
    return [json.loads(crypto.decrypt(row.sealed, "connection")) for row in rows]


def acts() -> list[tuple[str, int | None]]:
    return [(each["act"], each["account"]) for each in records()]


@pytest.fixture
def two(make_account):
    return make_account(role=Role.auditor, name="Huang"), make_account(role=Role.administrator, name="Chen")


def ask(actor, login="", first=TODAY - timedelta(days=3), last=TODAY):
    return operations.ask_opening(actor, "穗公 2026-113", "Letter of the police", first, last, login)


def test_signing_in_and_out_and_failing_is_recorded_sealed(client, make_account):
    account = make_account(login="aling")
    account_id = account.id
    environ = {"REMOTE_ADDR": "203.0.113.9", "REMOTE_PORT": "51234"}
    type_in(client, "nobody", status=401)
    type_in(client, "aling", "wrong password", status=401)
    page = client.get("/account/sign-in").get_data(as_text=True)
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    client.post(
        "/account/sign-in",
        data={"csrf_token": token, "login": "aling", "password": "nine green banyans"},
        environ_overrides=environ,
        status=303,
    )
    client.submit("/account/sign-out", page="/account/", status=303)
    assert acts() == [("failed-sign-in", None), ("failed-sign-in", account_id), ("sign-in", account_id), ("sign-out", account_id)]
    line = records()[2]
    assert (line["address"], line["port"], line["at"]) == ("203.0.113.9", 51234, NOW.isoformat())
    raw = db.session.scalars(sa.select(ConnectionRecord.sealed)).all()
    assert not any("203.0.113.9" in sealed for sealed in raw)


def test_a_session_is_recorded_once_a_day(client, make_account, sign_in):
    account = make_account()
    account_id = account.id
    sign_in(client, account)
    for hours in (1, 2, 20, 21):
        with clock.frozen(NOW + timedelta(hours=hours)):
            with atomic():
                db.session.execute(
                    sa.text("UPDATE user_session SET expires_at = :until"), {"until": (NOW + timedelta(days=9)).replace(tzinfo=None)}
                )
            client.get("/account/", status=200)
    assert acts() == [("use", account_id)]  # 10:00 + 20 h is tomorrow


def test_a_record_inside_a_transaction_is_a_mistake_of_the_code(site):
    with atomic(), pytest.raises(ValueError, match="before atomic"):
        operations.record_connection(None, ConnectionAct.use, address="", port=0)


def test_the_day_after_190_days_is_dropped_and_no_younger_one(site):
    for days in (0, 180, 190, 191, 400):
        with clock.frozen(NOW - timedelta(days=days)):
            operations.record_connection(None, ConnectionAct.use, address="", port=0)
    assert operations.forget_old_connections() == 2
    kept = db.session.scalars(sa.select(ConnectionRecord.on).order_by(ConnectionRecord.on)).all()
    assert [(TODAY - day).days for day in kept] == [190, 180, 0]
    assert operations.forget_old_connections() == 0


def test_one_asks_another_releases_the_first_reads_for_a_day(site, two, as_actor):
    asker, second = (as_actor(each) for each in two)
    login = two[1].login
    operations.record_connection(second.account_id, ConnectionAct.sign_in, address="203.0.113.9", port=5)
    operations.record_connection(asker.account_id, ConnectionAct.sign_in, address="203.0.113.8", port=6)
    with clock.frozen(NOW - timedelta(days=4)):
        operations.record_connection(second.account_id, ConnectionAct.use, address="203.0.113.7", port=7)
    opening_id = ask(asker, login.upper()).id
    with pytest.raises(NotReadable):
        operations.look_into(asker, opening_id)
    with pytest.raises(SamePerson):
        operations.release_opening(asker, opening_id)
    operations.release_opening(second, opening_id)
    with pytest.raises(AlreadyReleased):
        operations.release_opening(second, opening_id)
    with pytest.raises(NotReadable):
        operations.look_into(second, opening_id)
    seen = operations.look_into(asker, opening_id)
    assert [(line.login, line.address, line.port, line.act) for line in seen.lines] == [(login, "203.0.113.9", 5, ConnectionAct.sign_in)]
    look = db.session.scalars(sa.select(ConnectionLook)).one()
    assert (look.account_id, look.count, seen.total) == (asker.account_id, 1, 1)
    with clock.frozen(NOW + timedelta(hours=23, minutes=59)):
        operations.look_into(asker, opening_id)
    with clock.frozen(NOW + timedelta(hours=24)), pytest.raises(NotReadable):
        operations.look_into(asker, opening_id)
    verbs = [v for v in db.session.scalars(sa.select(AuditEvent.verb).order_by(AuditEvent.id)) if "connections" in v]
    assert verbs == [f"accounts.connections.{verb}" for verb in ("ask", "release", "look", "look")]


def test_nothing_is_decrypted_before_the_release(site, two, as_actor, monkeypatch):
    asker = as_actor(two[0])
    operations.record_connection(None, ConnectionAct.use, address="", port=0)
    opening_id = ask(asker).id
    opened: list[str] = []
    monkeypatch.setattr(crypto, "decrypt", lambda *call: opened.append(call))
    with pytest.raises(NotReadable):
        operations.look_into(asker, opening_id)
    assert opened == []


def test_all_logins_newest_first_and_at_most_a_thousand(site, two, as_actor, monkeypatch):
    asker, second = (as_actor(each) for each in two)
    for minutes in (3, 1, 2):
        with clock.frozen(NOW - timedelta(minutes=minutes)):
            operations.record_connection(None, ConnectionAct.failed_sign_in, address="203.0.113.9", port=minutes)
    opening_id = ask(asker).id
    operations.release_opening(second, opening_id)
    monkeypatch.setattr("civic.accounts.operations.connections.MOST_LINES", 2)
    seen = operations.look_into(asker, opening_id)
    assert ([line.port for line in seen.lines], seen.total) == ([1, 2], 3)


@pytest.mark.parametrize(
    ("first", "last", "login", "refusal"),
    [
        (TODAY, TODAY - timedelta(days=1), "", DaysInWrongOrder),
        (TODAY, TODAY + timedelta(days=1), "", SpanInFuture),
        (TODAY - timedelta(days=31), TODAY, "", SpanTooLong),
        (TODAY, TODAY, "nobody", NoSuchLogin),
    ],
)
def test_what_cannot_be_asked(site, two, as_actor, first, last, login, refusal):
    with pytest.raises(refusal):
        ask(as_actor(two[0]), login, first, last)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ConnectionOpening)) == 0


def test_the_table_itself_wants_two_people(site, two, as_actor):
    opening_id = ask(as_actor(two[0])).id
    with pytest.raises(sa.exc.IntegrityError), atomic():
        db.session.execute(sa.update(ConnectionOpening).where(ConnectionOpening.id == opening_id).values(released_by_id=two[0].id))


def test_looks_cannot_be_changed_or_erased(site, two, as_actor):
    asker, second = (as_actor(each) for each in two)
    opening_id = ask(asker).id
    operations.release_opening(second, opening_id)
    operations.look_into(asker, opening_id)
    for statement in (sa.update(ConnectionLook).values(count=0), sa.delete(ConnectionLook)):
        with pytest.raises(sa.exc.DatabaseError), atomic():
            db.session.execute(statement)


def test_the_pages_from_asking_to_reading(client, two, sign_in):
    asker, second = two
    colleague = client.application.test_client()
    sign_in(client, asker)
    sign_in(colleague, second)
    fields = {"document": "穗公 2026-113", "reason": "信函 😀", "from_on": "2026-10-25", "to_on": "2026-11-25", "login": ""}
    text = client.submit(LOG, fields, status=422, headers=ENGLISH).get_data(as_text=True)
    assert "at most 31 days at once; these are 32" in text
    assert "信函 😀" in text
    client.submit(LOG, {**fields, "document": ""}, status=422)
    client.submit(LOG, {**fields, "from_on": "2026-10-26"}, status=303)
    opening_id = db.session.scalars(sa.select(ConnectionOpening.id)).one()
    db.session.commit()  # an open read here would undo what the requests below save
    assert "Waits for a second person" in client.get(LOG, status=200, headers=ENGLISH).get_data(as_text=True)
    client.submit(f"{LOG}{opening_id}/release", page=LOG, status=403)
    client.submit(f"{LOG}{opening_id}/look", page=LOG, status=303)  # told: not released yet
    for _click in range(2):
        colleague.submit(f"{LOG}{opening_id}/release", page=LOG, status=303)
    colleague.submit(f"{LOG}{opening_id}/look", page=LOG, status=403)
    assert "Read it now" in client.get(LOG, status=200, headers=ENGLISH).get_data(as_text=True)
    page = client.submit(f"{LOG}{opening_id}/look", page=LOG, status=200, headers=ENGLISH)
    assert page.headers["Cache-Control"] == "no-store"
    operations.record_connection(asker.id, ConnectionAct.sign_in, address="203.0.113.9", port=0)
    operations.record_connection(None, ConnectionAct.failed_sign_in, address="203.0.113.8", port=9)
    text = client.submit(f"{LOG}{opening_id}/look", page=LOG, status=200, headers=ENGLISH).get_data(as_text=True)
    assert "203.0.113.9" in text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ConnectionLook)) == 2
    client.submit(f"{LOG}99/look", page=LOG, status=404)


def test_other_roles_and_smaller_territories_stay_outside(client, make_account, sign_in):
    sign_in(client, make_account(role=Role.district))
    client.get(LOG, status=403)


def test_a_waiting_opening_stands_in_the_queue_of_the_others(site, two, as_actor, viewer_of):
    from civic.accounts.module import manifest

    queues = manifest().desk_queues
    with site.test_request_context("/"):
        assert not queues(viewer_of(two[1]))
        ask(as_actor(two[0]))
        assert [queue.count for queue in queues(viewer_of(two[1]))] == [1]
        assert not queues(viewer_of(two[0]))


def test_the_port_behind_a_proxy_is_what_the_proxy_says(site, monkeypatch):
    from dataclasses import replace

    from civic.accounts import session

    here = {"environ_base": {"REMOTE_PORT": "40000"}, "headers": {"X-Real-Port": "51234"}}
    with site.test_request_context("/", **here):
        assert session.port() == 40000
        known = site.extensions["civic"]
        monkeypatch.setattr(known, "settings", replace(known.settings, trusted_proxies=1))
        assert session.port() == 51234
    with site.test_request_context("/", headers={"X-Real-Port": "１２３"}):
        assert session.port() == 0
