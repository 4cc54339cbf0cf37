"""Home, search, working days, my community, statements, machines' pages."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from civic.core.db import db
from civic.core.misses import SearchMiss

EN = {"Accept-Language": "en"}


def text(response):
    return response.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/", "/search", "/places", "/workdays", "/about", "/privacy", "/accessibility"])
@pytest.mark.parametrize("lang", ["zh-CN", "en-GB"])
def test_reading_pages_are_whole_in_both_languages_and_set_no_cookie(client, path, lang):
    response = client.get(path, status=200, headers={"Accept-Language": lang})
    assert f'<html lang="{"en" if lang == "en-GB" else "zh-CN"}"' in text(response)
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("mode", ["elder", "contrast", "elder contrast"])
def test_modes_are_remembered_and_lead_back_to_the_clean_address(client, mode):
    response = client.get(f"/places?mode={mode}&x=1", status=303)
    assert response.headers["Location"] == "/places?x=1"
    assert f'data-mode="{mode}"' in text(client.get("/places"))


def test_elder_mode_is_found_by_its_names(client):
    for words in ("长辈版", "关怀版", "适老"):
        assert "?mode=elder" in text(client.get(f"/search?q={words}", status=200))
    assert db.session.scalars(sa.select(SearchMiss.words)).all() == []


def test_working_days_say_the_day_and_why(client):
    page = text(client.get("/workdays?from=2026-09-30&days=5&unit=working_day", status=200, headers=EN))
    assert "It ends on" in page
    assert "Provisional" in page  # no decree is loaded in this test


@pytest.mark.parametrize(
    ("query", "words"), [("from=31.2.2026", "31.2.2026"), ("days=-1", "-1"), ("days=1e9", "1e9"), ("from=1850-01-01", "1850-01-01")]
)
def test_wrong_days_are_told_at_the_field_and_at_the_top(client, query, words):
    page = text(client.get(f"/workdays?{query}", status=200, headers=EN))
    assert page.count(words) >= 3
    assert 'aria-invalid="true"' in page


def test_full_width_digits_are_understood(client):
    assert "3 working days from" in text(client.get("/workdays?from=2026-11-25&days=３", status=200, headers=EN))


def test_machines_learn_that_the_process_lives_and_can_serve(client):
    assert text(client.get("/healthz", status=200)) == "ok\n"
    assert text(client.get("/readyz", status=200)) == "ready\n"


def test_metrics_are_for_loopback_or_the_token_alone(client):
    assert "civic_audit_unsealed" in text(client.get("/metrics", status=200))
    client.get("/metrics", status=404, environ_base={"REMOTE_ADDR": "203.0.113.9"})


def test_the_check_script_and_its_table_can_be_fetched(client):
    assert "def main" in text(client.get("/verify/due_date.py", status=200))
    assert text(client.get("/workdays.csv", status=200)).startswith("day,kind,name_zh,name_en,document")
    client.get("/verify/passwd", status=404)


def test_the_desk_is_for_people_with_an_account(client):
    response = client.get("/desk/", status=303)
    assert "/account/sign-in" in response.headers["Location"]


def test_working_days_for_programs(client):
    body = client.get("/api/v1/workdays?from=2026-11-25&days=3", status=200).get_json()
    assert body == {
        "end_on": "2026-11-30",
        "provisional": True,
        "skipped": [{"on": day, "why": {"zh": "周末", "en": "Weekend"}} for day in ("2026-11-28", "2026-11-29")],
    }
    problem = client.get("/api/v1/workdays?from=yesterday&days=3", status=400).get_json()
    assert "from" in problem["context"]["fields"]
