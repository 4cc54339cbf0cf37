"""The monthly report: made once the month is closed, frozen, signed by the district; page, paper, tables to take away."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from civic.core import appendonly, reports
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.reports import Report, SignedAlready
from civic.core.viewer import Role, Scope, Viewer
from civic.points import operations
from civic.points.errors import MonthNotClosed
from civic.points.figures import bars, month_of, shown
from civic.points.operations.reports import make_missing, make_report, sign_report
from civic.points.queries import reporting
from tests.support.closes import CLERK, closed, earned, noon_of, spent

OCTOBER = date(2026, 10, 1)


@pytest.fixture
def history(programme, make_person):
    """September and October with six people, so that some counts are told."""
    wallets = []
    for number in range(6):
        person = make_person(f"李{'一二三四五六'[number]}", f"1980-01-0{number + 1}")
        wallets.append(earned(programme, person, date(2026, 9, 10), 120, f"hours:{number}"))
        earned(programme, person, date(2026, 10, 12), 60, f"more:{number}")
    spent(wallets[0], date(2026, 10, 13), 1_50, "order:1")
    return programme


@pytest.fixture
def october(history):
    closed(date(2026, 10, 31))
    return make_report(CLERK, history.id, OCTOBER)


def test_a_report_waits_for_the_last_day_of_its_month(history):
    closed(date(2026, 10, 30))
    with pytest.raises(MonthNotClosed):
        make_report(CLERK, history.id, OCTOBER)
    closed(date(2026, 10, 31))
    assert make_report(CLERK, history.id, OCTOBER).from_on == OCTOBER


def test_its_sums_are_those_of_the_published_closes(october):
    said = october.values
    assert (said["month"]["issued"], said["month"]["spent"]) == (6_00, 1_50)
    assert (said["begin"]["outstanding"], said["end"]["outstanding"]) == (12_00, 16_50)
    assert said["people"] == {"earned": 6, "spent": None, "exchanged": 0, "donated": 0, "granted": 0}
    assert said["history"] == [["2026-09", 12_00, 0], ["2026-10", 6_00, 1_50]]
    assert said["closes"]["last"] - said["closes"]["first"] == 30
    assert len(said["days"]) == 31
    assert october.content == json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def test_it_is_made_once_and_stays_as_it_was(october, history):
    again = make_report(CLERK, history.id, OCTOBER)
    assert (again.id, again.hash) == (october.id, october.hash)
    with pytest.raises(DBAPIError, match="append-only"), atomic():
        db.session.execute(sa.text("UPDATE report SET content = '{}'"))


def test_another_way_of_counting_is_a_revision_beside_it(october):
    period = (october.from_on, october.to_on)
    made = reports.freeze(CLERK, october.kind, october.territory_id, period, "points-2", {"other": 1})
    assert (made.revision, reports.newest(october.kind, october.territory_id, OCTOBER).id) == (2, made.id)
    assert [row.id for row in reports.listed(october.kind, october.territory_id)] == [made.id]


def test_later_corrections_stand_in_the_next_report(october, history, make_person):
    first = db.session.execute(sa.text("SELECT person_id FROM points_earning WHERE source = 'hours:0'")).scalar()
    with noon_of(date(2026, 11, 3)):
        operations.earn(CLERK, "hours:0", 2, first, 60, date(2026, 9, 10), "other", "system")
        operations.earn(CLERK, "more:0", 2, first, 120, date(2026, 10, 12), "other", "system")
    with noon_of(date(2026, 12, 2)):
        closed(date(2026, 11, 30))
        november = make_report(CLERK, history.id, date(2026, 11, 1))
    nothing = {"more": 0, "less": 0, "reversed": 0}
    assert november.values["corrections"] == {"2026-09": {**nothing, "less": 1_00}, "2026-10": {**nothing, "more": 1_00}}
    assert reports.newest(october.kind, october.territory_id, OCTOBER).hash == october.hash


def test_the_job_makes_what_is_missing_and_nothing_twice(history):
    closed(date(2026, 10, 31))
    assert make_missing() == 2
    assert make_missing() == 0
    assert sorted(row.from_on.month for row in db.session.scalars(sa.select(Report))) == [9, 10]


def test_each_account_signs_once(october):
    sign_report(CLERK, october.id)
    with pytest.raises(SignedAlready):
        sign_report(CLERK, october.id)
    assert [row.account_id for row in reports.signatures([october.id])[october.id]] == [901]


def test_a_report_that_was_changed_is_named(october):
    sqlite = db.session.get_bind().dialect.name == "sqlite"
    with atomic():
        for name in appendonly.declared("sqlite" if sqlite else "postgresql"):
            if name.startswith("report_no_"):
                db.session.execute(sa.text(f"DROP TRIGGER {name}" + ("" if sqlite else " ON report")))
        db.session.execute(sa.update(Report).values(content=october.content.replace("600", "601")))
    assert [(v.table, v.row) for v in reports.check()] == [("report", october.id)]


# ---- pages ------------------------------------------------------------------------------------------------------------------


def test_the_page_tells_the_finding_draws_it_and_gives_the_numbers(october, client):
    client.set_cookie("civic_lang", "en")
    page = client.get("/points/reports/2026-10", status=200).get_data(as_text=True)
    assert "In Oct 2026 6 points were issued and 1.5 spent; in the month before 12 and 0." in page
    assert '<svg class="chart"' in page
    assert page.count("<rect") == 4
    assert "fewer than 5" in page
    assert october.hash in page
    assert "Seal of the office" in page
    assert "not signed yet" in page
    assert "/points/reports/2026-10" in client.get("/points/reports", status=200).get_data(as_text=True)
    client.get("/points/reports/2026-10/qr.svg", status=200)
    for wrong in ("2026-08", "2026-13", "202610", "x"):
        client.get(f"/points/reports/{wrong}", status=404)


def test_the_list_of_reports_asks_few_questions(october, client, count_queries):
    with count_queries() as statements:
        client.get("/points/reports", status=200)
    assert len(statements) <= 12


def test_tables_to_take_away_say_the_same(october, client):
    client.set_cookie("civic_lang", "en")
    lines = client.get("/points/reports/2026-10.csv", status=200).get_data(as_text=True).splitlines()
    assert lines[0] == "\ufeffPart,What,Value"
    assert "Points in the month,Issued,6.0" in lines
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/points/reports/2026-10.xlsx", status=200).data)).active
    rows = [tuple(cell.value for cell in row) for row in sheet.iter_rows()]
    assert ("Points in the month", "Spent", 1.5) in rows
    assert len(rows) == len(lines)


def viewer_of(client, monkeypatch, *roles: Role, path: str = "/440113/") -> None:
    who = Viewer(account_id=901, name="Wang", scopes=tuple(Scope(role, path) for role in roles), is_two_step=True)
    monkeypatch.setattr(client.application.extensions["civic"].hooks, "build_viewer", lambda: who)


def test_at_the_desk_a_missing_report_is_made_and_the_district_signs(history, client, monkeypatch, place):
    closed(date(2026, 10, 31))
    viewer_of(client, monkeypatch, Role.district, path="/" + place.path.split("/")[1] + "/")
    desk = "/desk/points/reports/"
    page = client.get(desk, status=200).get_data(as_text=True)
    assert f"{desk}PY/2026-10/make" in page
    client.submit(f"{desk}PY/2026-10/make", page=desk, status=303)
    client.submit(f"{desk}PY/2026-10/sign", page=desk, status=303)
    assert f"{desk}PY/2026-10/sign" not in client.get(desk, status=200).get_data(as_text=True)
    (report,) = db.session.scalars(sa.select(Report))
    assert len(reports.signatures([report.id])[report.id]) == 1


def test_a_month_that_is_not_closed_is_refused_in_words(history, client, monkeypatch, place):
    closed(date(2026, 10, 30))
    viewer_of(client, monkeypatch, Role.district, path="/" + place.path.split("/")[1] + "/")
    client.set_cookie("civic_lang", "en")
    answer = client.submit("/desk/points/reports/PY/2026-10/make", page="/desk/points/reports/", status=409)
    assert "waits until the last day of the month is closed" in answer.get_data(as_text=True)


def test_an_auditor_reads_and_has_no_button(october, client, monkeypatch, place):
    viewer_of(client, monkeypatch, Role.auditor, path="/" + place.path.split("/")[1] + "/")
    assert "/sign" not in client.get("/desk/points/reports/", status=200).get_data(as_text=True)
    client.post("/desk/points/reports/PY/2026-10/sign", status=403, check=False)
    desk = client.get("/desk/?lang=en", follow_redirects=True).get_data(as_text=True)
    assert "Days of points without their close" in desk
    assert "Reports of points that nobody has signed" not in desk, "it is not hers to do"


def test_the_desk_counts_days_without_their_close_and_reports_without_a_name(october, client, monkeypatch, place):
    viewer_of(client, monkeypatch, Role.district, path="/" + place.path.split("/")[1] + "/")
    client.set_cookie("civic_lang", "en")
    page = client.get("/desk/", status=200).get_data(as_text=True)
    assert "Days of points without their close" in page
    assert "Reports of points that nobody has signed" in page


@pytest.mark.parametrize(("amount", "text"), [(0, "0"), (1_50, "1.5"), (-1_234_567_05, "-1,234,567.05"), (100_00, "100")])
def test_amounts_as_people_read_them(amount, text):
    assert shown(amount) == text


def test_bars_are_as_long_as_their_numbers(site):
    drawn = bars([["2026-09", 12_00, 0], ["2026-10", 6_00, 1_50]])
    assert [bar["width"] for row in drawn["rows"] for bar in row["bars"]] == [130, 1, 65, 16]
    assert month_of("2026-10") == OCTOBER
    assert (month_of("2026-1"), month_of("2026-10-01"), month_of("1026-10")) == (None, None, None)
    assert reporting.month_after(date(2026, 12, 1)) == date(2027, 1, 1)
    assert reporting.month_end(date(2026, 2, 1)) + timedelta(days=1) == date(2026, 3, 1)
