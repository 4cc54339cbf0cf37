"""Rules of points on the site: drafted, agreed to, posted and adopted at the desk; read by everybody on a page and by programs."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from civic.bulletin import operations as bulletin
from civic.bulletin.models import Posting
from civic.core import clock
from civic.core.db import db
from civic.core.viewer import Actor
from civic.points.models import Policy, PolicyState, Programme
from civic.points.operations import policy
from tests.conftest import NOW
from tests.support.points import RULER

CLOSER = Actor(13)


def text(response) -> str:
    return re.sub(r"\s+", " ", response.get_data(as_text=True))


@pytest.fixture
def ruler(client, make_account, sign_in, programme):
    """Somebody of the district, signed in; English."""
    account = make_account("district", programme.territory)
    sign_in(client, account)
    client.set_cookie("civic_lang", "en")
    return account


@pytest.fixture
def colleague(site, make_account, sign_in, programme):
    """Another browser, of the district's administrator."""
    made = site.test_client()
    made.account = SimpleNamespace(id=make_account("admin", programme.territory).id)  # to sign in again a week later
    sign_in(made, made.account)
    made.set_cookie("civic_lang", "en")
    return made


def the_version() -> Policy:
    """The newest one as it stands; the read is ended, because this session would undo what a browser does meanwhile."""
    row = db.session.scalars(sa.select(Policy).order_by(Policy.id.desc()).options(selectinload(Policy.rates))).first()
    db.session.expunge_all()
    db.session.rollback()
    return row


def drafted(client, programme) -> int:
    code = programme.code
    db.session.rollback()
    client.submit(f"/desk/points/rules/programmes/{code}/draft", page="/desk/points/rules/", status=303)
    return the_version().id


def edited(client, version: int, **typed) -> None:
    shown = {
        "r0_rate": "1",
        "rounding": "30",
        "daily": "8",
        "threshold": "0",
        "cap": "1500",
        "expiry_years": "0",
        "exchange_days": "14",
        "confirm_days": "7",
        "group_donates": "y",
    }
    client.submit(f"/desk/points/rules/{version}/edit", {**shown, **typed}, status=303)


def act(client, version: int, name: str, status: int = 303, **typed):
    return client.submit(f"/desk/points/rules/{version}/{name}", typed, page=f"/desk/points/rules/{version}", status=status)


def closed_posting() -> None:
    posting_id = the_version().posting_id
    base = db.session.scalar(sa.select(Posting.lock_version).where(Posting.id == posting_id))
    bulletin.close_posting(CLOSER, posting_id, base, "无异议", "No objection came in")


def test_from_the_draft_to_the_day_it_counts(client, ruler, colleague, programme, sign_in):
    version = drafted(client, programme)
    assert "Nothing differs from the rules that count" in text(client.get(f"/desk/points/rules/{version}", status=200))
    edited(client, version, r1_type="*", r1_class="backfill", r1_rate="0.8", note_zh="补录少一点", note_en="Entered later brings less")
    page = text(client.get(f"/desk/points/rules/{version}", status=200))
    assert "Every service, entered later" in page
    assert "0.8 points an hour" in page
    refused = act(client, version, "propose", 422, from_on="2026-12-02")
    assert "The first possible day is Thu 3 Dec 2026" in text(refused)
    act(client, version, "propose", from_on="2026-12-10")
    assert "You proposed it, so somebody else agrees" in text(client.get(f"/desk/points/rules/{version}", status=200))
    act(colleague, version, "agree")
    assert the_version().state is PolicyState.posted
    public = text(client.get("/points/rules", status=200))
    assert "to count from Thu 10 Dec 2026 on" in public
    assert "How to object" in public or "how to object" in public
    with clock.frozen(NOW + timedelta(days=8)):
        closed_posting()
        sign_in(colleague, colleague.account)
        page = text(colleague.get(f"/desk/points/rules/{version}", status=200))
        assert "No objection came in" in page
        act(colleague, version, "adopt", from_on="2026-12-10")
    assert (the_version().state, the_version().from_on.isoformat()) == (PolicyState.adopted, "2026-12-10")
    with clock.frozen(NOW + timedelta(days=20)):
        public = text(client.get("/points/rules", status=200))
    assert "Rules 2026-2, in force since Thu 10 Dec 2026" in public


def test_the_one_who_proposed_cannot_agree_even_by_hand(client, ruler, programme):
    version = drafted(client, programme)
    edited(client, version, daily="6")
    act(client, version, "propose", from_on="2026-12-10")
    page = client.submit(f"/desk/points/rules/{version}/agree", page=f"/desk/points/rules/{version}")
    assert page.status_code == 403
    assert "Somebody else has to decide this" in text(page)


def test_two_who_edit_see_both(client, ruler, colleague, programme):
    version = drafted(client, programme)
    from tests.support.client import hidden_fields

    old = hidden_fields(client.get(f"/desk/points/rules/{version}/edit").get_data(as_text=True))
    edited(colleague, version, daily="6")
    typed = {
        "r0_rate": "1",
        "rounding": "30",
        "daily": "7",
        "threshold": "0",
        "cap": "1500",
        "expiry_years": "0",
        "exchange_days": "14",
        "confirm_days": "7",
    }
    page = client.post(f"/desk/points/rules/{version}/edit", data={**old, **typed}, status=409)
    assert "Somebody saved this while you were typing" in text(page)
    assert 'value="7"' in text(page)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("r0_rate", "1.234", "at most two places"),
        ("r1_rate", "x", "at most two places"),
        ("r1_rate", "101", "from 0 to 100"),
        ("daily", "25", "from 30 to 1440"),
        ("daily", "acht", "Give hours as a number"),
        ("cap", "1e9", "Give a number of points above 0"),
        ("rounding", "-5", "Give a whole number"),
        ("confirm_days", "31", "from 1 to 30"),
    ],
)
def test_what_is_typed_wrong_is_told_at_its_field(client, ruler, programme, field, typed, said):
    version = drafted(client, programme)
    shown = {
        "r0_rate": "1",
        "rounding": "30",
        "daily": "8",
        "threshold": "0",
        "cap": "1500",
        "expiry_years": "0",
        "exchange_days": "14",
        "confirm_days": "7",
    }
    page = client.submit(f"/desk/points/rules/{version}/edit", {**shown, "r1_class": "backfill", field: typed}, status=422)
    assert said in text(page)


def test_full_width_digits_are_read(client, ruler, programme):
    version = drafted(client, programme)
    edited(client, version, r0_rate="１．５", rounding="１５", daily="７．５", cap="２０００")
    row = the_version()
    assert (row.rates[0].rate, row.rounding, row.daily, row.cap) == (150, 15, 450, 2_000_00)


def test_rules_are_not_for_a_community(client, make_account, sign_in, programme, place):
    for role in ("manager", "social-worker", "town"):
        sign_in(client, make_account(role, place))
        client.get("/desk/points/rules/", status=403)
    auditor = make_account("auditor", place)
    sign_in(client, auditor)
    client.get("/desk/points/rules/", status=200)
    version = policy.draft(RULER, programme.id)
    client.get(f"/desk/points/rules/{version.id}", status=200)
    client.get(f"/desk/points/rules/{version.id}/edit", status=403)


def test_a_district_without_points_begins_its_programme(client, make_account, make_territory, sign_in):
    district = make_territory("district", code="440199", name_zh="新区", name_en="New District")
    sign_in(client, make_account("district", district))
    client.set_cookie("civic_lang", "en")
    page = text(client.get("/points/rules", status=200))
    assert "No rules of points yet" in page
    client.submit(
        "/desk/points/rules/begin",
        {"district": "440199", "name_zh": "新区积分", "name_en": "New points"},
        page="/desk/points/rules/",
        status=303,
    )
    made = db.session.scalars(sa.select(Programme).where(Programme.code == "440199")).one()
    db.session.expunge_all()
    db.session.rollback()
    version = drafted(client, made)
    page = text(client.get(f"/desk/points/rules/{version}", status=200))
    assert "What the first rules say" in page
    assert "1 point an hour" in page


def test_the_desk_counts_what_waits(client, ruler, colleague, programme):
    version = drafted(client, programme)
    edited(client, version, daily="6")
    assert "Rules of points that wait" not in text(client.get("/desk/", status=200))
    act(client, version, "propose", from_on="2026-12-10")
    assert "Rules of points that wait" in text(colleague.get("/desk/", status=200))


def test_the_page_says_why_there_is_no_threshold(client, programme):
    client.set_cookie("civic_lang", "en")
    page = text(client.get("/points/rules", status=200))
    assert "Elsewhere 100 hours of service are asked for" in page
    assert "of 2 hours 20 minutes 2 hours count" in page
    assert "At most 1,500 points" in page


def test_the_public_page_asks_little_of_the_database(client, programme, count_queries):
    client.get("/points/rules", status=200)
    with count_queries() as statements:
        client.get("/points/rules", status=200)
    assert len(statements) <= 12, statements


def test_programs_read_the_rules(client, ruler, colleague, programme, place):
    here = place.code
    version = drafted(client, programme)
    edited(client, version, r1_type="first_aid", r1_class="*", r1_rate="1.25", daily="6")
    act(client, version, "propose", from_on="2026-12-10")
    answer = client.get("/api/v1/points/rules", status=200)
    assert answer.json["coming"] == []  # a draft is nobody's business yet
    act(colleague, version, "agree")
    answer = client.get(f"/api/v1/points/rules?place={here}", status=200)
    body = answer.json
    assert body["programme"]["name"] == {"zh": "番禺志愿积分", "en": "Panyu volunteer points"}
    assert (body["in_force"]["number"], body["in_force"]["cap"], body["in_force"]["threshold_minutes"]) == ("2026-1", "1500.00", 0)
    (coming,) = body["coming"]
    assert (coming["number"], coming["state"], coming["from_on"]) == ("2026-2", "posted", "2026-12-10")
    assert {"service_type": "first_aid", "hour_class": "*", "points_per_hour": "1.25"} in coming["rates"]
    assert coming["changes"][-1]["after"]["en"] == "6 hours"
    assert coming["posting"] == db.session.get_one(Posting, the_version().posting_id).number
    client.get("/api/v1/points/rules", headers={"If-None-Match": client.get("/api/v1/points/rules").headers["ETag"]}, status=304)
    client.get("/api/v1/points/rules?place=nowhere", status=404)
