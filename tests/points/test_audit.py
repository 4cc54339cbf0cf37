"""Auditors: everything of points to read, nothing to write, and the ledger as files of ids whose periods meet without gap or overlap."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.viewer import Actor, Role
from civic.core.web.access import access_of
from civic.points import exports, operations
from civic.points.models import Transfer
from civic.points.operations.proposals import propose_grant

DESK = Actor(7)
EXPORT, INDEX = "/desk/points/audit/export", "/desk/points/audit/"
#: pages that begin an act
ACTS = {
    "ask_close",
    "ask_freeze",
    "ask_give",
    "ask_propose",
    "ask_reverse",
    "begin",
    "new",
    "edit",
    "ask_adopt",
    "ask_take_back",
    "ask_withdraw",
}


def rows_of(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


@pytest.fixture
def auditor(make_account, programme):
    return make_account(Role.auditor, programme.territory)


@pytest.fixture
def ask(auditor, sign_in, client):
    """`ask(what, since, until)` → the answer to the form, as a signed-in auditor of the district."""
    sign_in(client, auditor)

    def get(what="transfers", since="2026-11-01", until="2026-12-01", **more):
        return client.submit(EXPORT, {"what": what, "since": since, "until": until, **more}, page=INDEX)

    return get


def test_a_file_has_every_row_of_its_days_in_the_order_of_ids_and_no_name(ask, make_person, make_wallet):
    wang = make_person("王芳")
    wallet = make_wallet(5_00, wang)
    held = operations.hold(DESK, wallet, 2_00, source="order:1", until=clock.now() + timedelta(days=9))
    operations.settle(DESK, held.id, 1_50)
    answer = ask()
    rows = rows_of(answer.text)
    assert answer.status_code == 200
    assert [row["id"] for row in rows] == [str(i) for i in db.session.scalars(sa.select(Transfer.id).order_by(Transfer.id))]
    assert [(row["kind"], row["reason"], row["points"]) for row in rows] == [
        ("single", "earned", "5.00"), ("hold", "spent", "2.00"), ("post", "spent", "1.50"),
    ]  # fmt: skip
    assert (rows[0]["credit_wallet"], rows[0]["credit_year"], rows[0]["rules"]) == (str(wallet), "2026", "2026-1")
    assert (rows[1]["hold"], rows[2]["ends"], rows[2]["account"]) == (str(held.id), rows[1]["id"], "7")
    assert "王" not in answer.text
    assert answer.headers["Content-Disposition"].endswith("points-transfers-PY-2026-11-01-2026-12-01.csv")


def test_two_periods_that_meet_hold_every_row_once(ask, make_wallet):
    midnight = datetime(2026, 11, 19, 16, tzinfo=UTC)  # 20 November begins
    for seconds in (-1, 0, 1):
        with clock.frozen(midnight + timedelta(seconds=seconds)):
            make_wallet(1_00)
    before = rows_of(ask(since="2026-11-01", until="2026-11-20").text)
    after = rows_of(ask(since="2026-11-20", until="2026-12-01").text)
    assert (len(before), len(after)) == (1, 2)
    assert before[0]["at"] == "2026-11-19T23:59:59+08:00"


def test_a_file_longer_than_a_slice_is_whole(ask, make_wallet, monkeypatch):
    monkeypatch.setattr(exports, "SLICE", 2)
    for _ in range(5):
        make_wallet(1_00)
    assert len(rows_of(ask().text)) == 5
    assert len(rows_of(ask(since="2026-12-01", until="2026-12-02").text)) == 0


def test_each_file_is_written_into_the_audit(ask, auditor, programme, make_wallet):
    number, account = programme.id, auditor.id
    ask("rules", "2026-01-01", "2027-01-01")
    line = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.verb == "points.exported")).one()
    assert (line.subject_id, line.account_id) == (number, account)
    assert line.context == '{"since": "2026-01-01", "until": "2027-01-01", "what": "rules"}'


def test_the_other_files(ask, make_wallet, make_person):
    propose_grant(DESK, make_wallet(person=make_person()), 5_00, "住院三周")
    (asked,) = rows_of(ask("proposals").text)
    assert (asked["kind"], asked["state"], asked["points"], asked["maker_account"]) == ("grant", "waiting", "5.00", "7")
    (version,) = rows_of(ask("rules").text)
    assert (version["number"], version["cap"], version["rates"]) == ("2026-1", "1500.00", "*/*=1.00")
    assert rows_of(ask("closes").text) == []
    assert "住院" not in ask("proposals").text


@pytest.mark.parametrize(
    "wrong",
    [{"until": "2026-11-01"}, {"until": "2026-10-31"}, {"since": "1999-01-01"}, {"since": ""}, {"what": "everything"}, {"programme": "XX"}],
)
def test_a_wish_that_makes_no_file_is_refused_on_the_form(ask, wrong):
    assert ask(**wrong).status_code == 422
    assert db.session.scalar(sa.select(sa.func.count()).where(AuditEvent.verb == "points.exported")) == 0


def test_an_auditor_of_a_community_opens_its_wallets_and_gets_no_file(programme, place, make_account, make_wallet, sign_in, client):
    wallet = make_wallet(1_00)
    sign_in(client, make_account(Role.auditor, place))
    assert "audit the whole district" in client.get(f"{INDEX}?lang=en", follow_redirects=True).text
    form = {"what": "transfers", "since": "2026-11-01", "until": "2026-12-01", "programme": "PY"}
    assert client.post(EXPORT, data={**form, **tokens(client)}).status_code == 422
    assert client.get(f"/desk/points/audit/wallet?id={wallet}").status_code == 303
    for unknown in ("99999999", "x", "9" * 30):
        client.get(f"/desk/points/audit/wallet?id={unknown}", status=404)


def tokens(client) -> dict[str, str]:
    from tests.support.client import hidden_fields

    return hidden_fields(client.get("/account/").text)


def test_auditors_read_every_page_of_points_at_the_desk_and_write_nowhere(site):
    """By the marks of the routes: a new page that forgets auditors fails here, and so does an act that lets them in."""
    unread, writes = set(), set()
    for rule in site.url_map.iter_rules():
        if not rule.rule.startswith("/desk/points/"):
            continue
        mark = access_of(site.view_functions[rule.endpoint])
        reads, view = Role.auditor in mark.roles, rule.endpoint.rpartition(".")[2]
        if "GET" in rule.methods and not reads and view not in ACTS:
            unread.add(rule.endpoint)
        if "POST" in rule.methods and reads and rule.endpoint != "points_audit.export":
            writes.add(rule.endpoint)
    assert (unread, writes) == (set(), set())
