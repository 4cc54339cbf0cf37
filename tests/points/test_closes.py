"""The closes of points for everybody: sums from the rows, the page, the file, the API, and a program that trusts none of them."""

from __future__ import annotations

import ast
import copy
import json
import os
import re
import subprocess
import sys
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from civic import paths
from civic.core import clock
from civic.core.atomic import atomic
from civic.core.closes import Close, CloseBlocked, close_yesterday
from civic.core.db import db
from civic.points import checks, operations
from civic.points.models import Vintage
from civic.points.totals import FLOWS
from tests.support.closes import CLERK, closed, earned, noon_of, served, spent

OCTOBER = date(2026, 10, 5)
SCRIPT = paths.VERIFY / "closes.py"


@pytest.fixture
def history(programme, make_person):
    """Three days: two people earn, one of them spends, gives away, sets aside."""
    one, other = make_person(), make_person("李强", "1985-01-01")
    wallet = earned(programme, one, OCTOBER, 240, "hours:1")
    earned(programme, other, OCTOBER, 60, "hours:2")
    spent(wallet, OCTOBER + timedelta(days=1), 1_50, "order:1")
    with noon_of(OCTOBER + timedelta(days=1)):
        operations.donate(CLERK, wallet, 50, to_wallet_id=None)
        operations.hold(CLERK, wallet, 25, source="order:2", until=clock.now() + timedelta(days=60))
    return programme


def sums(close: Close, part: str) -> dict[str, int]:
    return json.loads(close.totals)["programmes"]["PY"][part]


def test_the_sums_come_from_the_rows_and_add_up(history):
    first, second, third = closed(OCTOBER + timedelta(days=2))
    assert (first.row_count, second.row_count, third.row_count) == (2, 4, 0)
    assert sums(first, "day") == {**dict.fromkeys(FLOWS, 0), "issued": 5_00}
    assert sums(second, "day") == {**dict.fromkeys(FLOWS, 0), "spent": 1_50, "donated": 50}
    since = sums(third, "since")
    assert (since["outstanding"], since["pool"], since["held"]) == (3_50, 50, 25)
    assert since["outstanding"] == db.session.scalar(sa.select(sa.func.sum(Vintage.balance)))
    assert list(checks.CHECKS[-1].run()) == []


def test_what_a_hold_set_aside_is_gone_when_it_ends(history):
    closed(OCTOBER + timedelta(days=2))
    with noon_of(OCTOBER + timedelta(days=3)):
        (id_,) = db.session.scalars(sa.text("SELECT id FROM points_hold WHERE state = 'open'"))
        operations.settle(CLERK, id_, 10)  # of 25
    (made,) = closed(OCTOBER + timedelta(days=3))
    assert (sums(made, "since")["held"], sums(made, "day")["spent"], made.row_count) == (0, 10, 1)


def test_a_counter_without_a_row_blocks_the_close(history):
    sqlite = db.session.get_bind().dialect.name == "sqlite"
    with atomic():
        if not sqlite:
            db.session.execute(sa.text("DROP TRIGGER points_vintage_by_rows ON points_vintage"))
        db.session.execute(sa.text("UPDATE points_vintage SET balance = balance + 1 WHERE balance = 100"))
    with pytest.raises(CloseBlocked, match="balance is 101, its rows make 100"):
        close_yesterday(checks.BOOK)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Close)) == 0


@pytest.mark.parametrize("verb", ["UPDATE points_transfer SET amount = amount + 1", "DELETE FROM points_transfer", "REPLACE"])
def test_rows_of_the_ledger_refuse_every_change(history, verb):
    if verb == "REPLACE":
        sqlite = db.session.get_bind().dialect.name == "sqlite"
        verb = "REPLACE INTO points_transfer SELECT * FROM points_transfer" if sqlite else "TRUNCATE points_transfer CASCADE"
    with pytest.raises(DBAPIError, match="append-only"), atomic():
        db.session.execute(sa.text(verb))


# ---- page, file, API --------------------------------------------------------------------------------------------------------


def test_the_page_shows_a_month_and_how_to_check_it(history, client, count_queries):
    client.get("/points/closes", status=200)
    closed(date(2026, 11, 23))
    with count_queries() as statements:
        page = client.get("/points/closes", status=200).get_data(as_text=True)
    assert len(statements) <= 12
    assert "/verify/closes.py" in page
    assert "/points/closes.json" in page
    assert page.count("<tr>") == 1 + 23  # November, the newest month
    october = client.get("/points/closes?month=2026-10", status=200).get_data(as_text=True)
    assert "1.5" in october
    newest = db.session.scalars(sa.select(Close).order_by(Close.number.desc())).first()
    assert newest.hash in page
    client.get("/points/closes?month=2026-13", status=404)


def test_a_day_that_is_missing_is_told(history, client):
    closed(date(2026, 11, 20))
    client.set_cookie("civic_lang", "en")
    assert "The close of Sat 21 Nov 2026 is missing" in client.get("/points/closes", status=200).get_data(as_text=True)
    closed(date(2026, 11, 24))
    assert "is missing" not in client.get("/points/closes", status=200).get_data(as_text=True)


def test_no_row_and_no_wallet_is_ever_public(history, client):
    closed(OCTOBER + timedelta(days=2))
    told = client.get("/points/closes.json").get_data(as_text=True) + client.get("/api/v1/points/closes").get_data(as_text=True)
    for word in ("order:", "hours:", "wallet", "source", "debit", "person"):
        assert word not in told


def test_the_file_has_a_mark_and_is_not_sent_twice(history, client):
    closed(OCTOBER + timedelta(days=2))
    answer = client.get("/points/closes.json", status=200)
    assert [item["number"] for item in answer.json["items"]] == [1, 2, 3]
    assert answer.json["items"][1]["totals"]["PY"]["day"]["spent"] == "1.50"
    client.get("/points/closes.json", status=304, headers={"If-None-Match": answer.headers["ETag"]})
    closed(OCTOBER + timedelta(days=3))
    client.get("/points/closes.json", status=200, headers={"If-None-Match": answer.headers["ETag"]})


def test_the_api_gives_pages_in_either_order(history, client):
    closed(OCTOBER + timedelta(days=4))
    first = client.get("/api/v1/points/closes?limit=2", status=200)
    assert ([i["number"] for i in first.json["items"]], first.json["total"]) == ([1, 2], 5)
    following = client.get(first.json["next"], status=200).json
    assert [i["number"] for i in following["items"]] == [3, 4]
    newest = client.get("/api/v1/points/closes?limit=2&order=newest", status=200).json
    assert [i["number"] for i in newest["items"]] == [5, 4]
    client.get("/api/v1/points/closes?limit=2", status=304, headers={"If-None-Match": first.headers["ETag"]})
    client.get("/api/v1/points/closes?order=best", status=400)


# ---- the program of a stranger ----------------------------------------------------------------------------------------------


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "no_proxy": "127.0.0.1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, timeout=60, check=False)


@pytest.fixture
def chain(history, client):
    closed(OCTOBER + timedelta(days=4))
    return client.get("/points/closes.json", status=200).json


def checked(tmp_path, chain, older=None) -> subprocess.CompletedProcess[str]:
    (tmp_path / "chain.json").write_text(json.dumps(chain), encoding="utf-8")
    (tmp_path / "older.json").write_text(json.dumps(older), encoding="utf-8")
    return run_script(str(tmp_path / "chain.json"), *(["--since", str(tmp_path / "older.json")] if older else []))


def test_the_program_finds_an_honest_chain_in_order(chain, tmp_path):
    result = checked(tmp_path, chain)
    assert (result.returncode, result.stderr) == (0, "")
    assert "5 closes, 6 rows 2026-10-05 to 2026-10-09" in result.stdout
    assert "PY since the beginning: corrected 0.00" in result.stdout
    assert result.stdout.endswith(f"OK, last hash {chain['items'][-1]['hash']}\n")


def resealed(close: dict, **sums: int) -> dict:
    """Totals changed and the hash made to fit: a forger who knows the way."""
    import hashlib

    told = json.loads(close["totals_text"])
    told["programmes"]["PY"]["day"].update(sums)
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    lines = f"{close['previous_hash']}\n{close['rows_hash']}\n{text}"
    return {**close, "totals_text": text, "hash": "s1." + hashlib.sha256(lines.encode()).hexdigest()}


FORGED = {
    "another sum": (lambda items: items[1].update(totals_text=items[1]["totals_text"].replace("150", "151")), "hash does not follow"),
    "another count": (lambda items: items[1].update(row_count=9), "number, day or count differ"),
    "a close taken out": (lambda items: items.pop(2), "the day before it is missing"),
    "the first taken out": (lambda items: items.pop(0), "the number before it is missing"),
    "a close sealed anew": (lambda items: items.__setitem__(1, resealed(items[1], spent=9)), "does not name the close before it"),
    "sums that do not add up": (lambda items: items.__setitem__(4, resealed(items[4], spent=9)), "the day's sums do not lead"),
    "no chain": (list.clear, None),
}


@pytest.mark.parametrize("how", [how for how in FORGED if how != "no chain"])
def test_the_program_names_what_was_forged(chain, tmp_path, how):
    forge, told = FORGED[how]
    forged = copy.deepcopy(chain)
    forge(forged["items"])
    result = checked(tmp_path, forged)
    assert result.returncode == 1
    assert told in result.stdout
    assert "FAILED" in result.stdout


def test_last_nights_copy_put_back_is_shown_by_what_was_published(chain, tmp_path):
    older = copy.deepcopy(chain)
    chain["items"] = chain["items"][:3]
    assert checked(tmp_path, chain).returncode == 0  # by itself it is whole
    result = checked(tmp_path, chain, older)
    assert result.returncode == 1
    assert result.stdout.count("is missing: an older state was put back") == 2
    assert checked(tmp_path, older, chain).returncode == 0
    rewritten = copy.deepcopy(older)
    rewritten["items"][4] = resealed(older["items"][4])
    rewritten["items"][4]["hash"] = "s1." + "0" * 64
    assert "was published before and was changed" in checked(tmp_path, rewritten, older).stdout


def test_the_program_reads_a_live_site_as_file_and_in_pages(live_app, make_live_history):
    with clock.frozen(clock.now()), served(live_app) as address:
        for where in ("/points/closes.json", "/api/v1/points/closes?limit=2"):
            result = run_script(address + where)
            assert (result.returncode, result.stderr) == (0, ""), result.stdout
            assert "5 closes" in result.stdout


@pytest.fixture
def make_live_history(live_app):
    """Closes without rows are enough to be read over the net: five days of a chain."""
    from civic.core.closes import Book, close_day

    empty = Book("points", checks.BOOK.table, checks.BOOK.columns, checks.BOOK.totals)
    with live_app.app_context(), noon_of(date(2026, 10, 10)):
        from civic.core import closes

        for day in range(5, 10):
            closes._seal(empty, date(2026, 10, day))
        assert close_day(empty, date(2026, 10, 9)) == []


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 2), (["a", "b"], 2), (["a", "--than", "b"], 2), (["missing.json"], 1), (["http://127.0.0.1:9/x.json"], 1)]
)
def test_the_program_explains_itself_on_wrong_usage(arguments, code):
    result = run_script(*arguments)
    assert result.returncode == code
    assert ("python3 closes.py CHAIN" in result.stderr) is (code == 2)


def test_the_program_is_short_and_needs_python_alone():
    source = SCRIPT.read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert len(source.splitlines()) <= 80
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_the_site_hands_the_program_out(client):
    assert re.search(r"def main", client.get("/verify/closes.py", status=200).get_data(as_text=True))
