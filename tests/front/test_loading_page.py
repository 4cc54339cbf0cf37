"""The desk page that loads lists: hand in, see what would happen, load once, watch, come back."""

from __future__ import annotations

import io
import re

import pytest
import sqlalchemy as sa

from civic.core import files
from civic.core.db import db
from civic.core.load import runs
from civic.core.load.lease import lease
from civic.core.load.models import LoadRun, LoadState
from civic.core.site import SiteMark
from civic.core.viewer import Role
from tests.support.lists import HEAD, csv, place, toy_lists

START = "/desk/load/"


@pytest.fixture
def lists(site, monkeypatch):
    monkeypatch.setattr(runs, "PAUSE", 0)
    with toy_lists(site) as found:
        yield found


@pytest.fixture
def admin(client, make_account, sign_in, lists):
    sign_in(client, make_account(role=Role.administrator))
    client.set_cookie("civic_lang", "en")
    return client


def marks() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(SiteMark)) or 0


def hand_in(client, *named: tuple[str, bytes], **more):
    sent = {"files": [(io.BytesIO(data), name) for name, data in named], **more}
    answer = client.submit(START, sent, content_type="multipart/form-data")
    answer.request.environ["wsgi.input"].close()  # a body above 500 kB is a file of the test client
    return answer


def checked(client, *named: tuple[str, bytes]) -> str:
    """The address of the dry run."""
    answer = hand_in(client, *named)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


def load(client, page: str):
    return client.submit(page, {}, page=page)


def test_only_administrators_open_it(client, make_account, sign_in):
    assert client.get(START).status_code == 303
    sign_in(client, make_account(role=Role.clerk))
    client.get(START, status=403)


def test_the_page_explains_each_list_and_gives_empty_templates(admin):
    text = admin.get(START, status=200).get_data(as_text=True)
    assert "kind-toy_places" in text
    assert "kind-holidays" in text
    template = admin.get("/desk/load/template/toy_places.csv", status=200)
    assert template.data.decode() == "\ufeff" + HEAD + ",near\r\n"
    assert template.headers["Content-Disposition"] == "attachment; filename=toy_places.csv"
    admin.get("/desk/load/template/unknown.csv", status=404)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_hand_in_check_load_and_look_again(admin, lang):
    admin.set_cookie("civic_lang", lang)
    page = checked(admin, ("v.csv", csv("A1,Wang", head="place_code,visitor")), ("p.csv", csv(place("A1"), place("A2"))))
    text = admin.get(page, status=200).get_data(as_text=True)
    assert "p.csv:2" in text
    assert marks() == 0
    answer = load(admin, page)
    assert answer.status_code == 303
    result = admin.get(answer.headers["Location"], status=200).get_data(as_text=True)
    assert "data-refresh" not in result
    assert marks() == 3
    history = admin.get(START, status=200).get_data(as_text=True)
    assert answer.headers["Location"] in history
    again = admin.get(checked(admin, ("p.csv", csv(place("A1"), place("A2")))), status=200).get_data(as_text=True)
    assert '<button class="btn btn-go"' not in again


def test_rejected_rows_are_listed_with_file_line_and_reason_and_come_as_a_sheet(admin):
    page = checked(admin, ("p.csv", csv(place("A1"), "A2,=1+1,,many,2026-02-30,")))
    text = admin.get(page, status=200).get_data(as_text=True)
    assert "needs a whole number" in text
    assert ">3<" in text
    assert 'name="files"' not in text
    sheet = admin.get(re.search(r'href="([^"]*check\.csv[^"]*)"', text).group(1).replace("&amp;", "&"), status=200).data.decode()
    assert sheet.startswith("\ufeffFile,Line,Why\r\np.csv,3,")
    assert marks() == 0


def test_a_double_click_loads_once(admin):
    page = checked(admin, ("p.csv", csv(place("A1"))))
    text = admin.get(page).get_data(as_text=True)
    form = {name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', text).group(1) for name in ("csrf_token", "request_key", "files")}
    first, second = admin.post(page, data=form), admin.post(page, data=form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(LoadRun)) == 1


def test_the_back_button_after_a_load_says_that_the_files_are_gone(admin):
    page = checked(admin, ("p.csv", csv(place("A1"))))
    load(admin, page)
    assert admin.get(page).status_code == 303
    assert "no longer kept" in admin.get(START).get_data(as_text=True)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("list.csv", b"MZ\x90\x00" + b"\0" * 99, "is a program"),
        ("list.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "password-protected"),
        ("list.csv", b"a," * 10 * 2**20, "20.0 MB; at most 10 MB"),
        ("list.csv", b"", "an empty file"),
    ],
)
def test_what_is_no_list_is_refused_at_the_field_and_the_top_and_good_files_stay(admin, name, data, words):
    answer = hand_in(admin, ("good.csv", csv(place("A1"))), (name, data))
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert text.count(words) == 2
    assert "good.csv" in text
    kept = re.search(r'name="kept"[^>]*value="([0-9a-f]{64})"', text).group(1)
    page = hand_in(admin, kept=kept).headers["Location"]
    assert "good.csv:2" in admin.get(page).get_data(as_text=True)


def test_nothing_chosen_is_told(admin):
    answer = hand_in(admin)
    assert answer.status_code == 422
    assert answer.get_data(as_text=True).count("Choose at least one file.") == 2


def test_files_of_somebody_else_are_not_there(admin, make_account, sign_in):
    page = checked(admin, ("p.csv", csv(place("A1"))))
    sign_in(admin, make_account(role=Role.administrator))
    assert admin.get(page).status_code == 303
    admin.get(page.replace("/check", "/check.csv"), status=404)


def test_a_row_that_no_longer_fits_when_it_is_loaded_ends_as_refused(admin, lists):
    with_places = ("v.csv", csv("A1,Wang", head="place_code,visitor"))
    admin.get(checked(admin, ("p.csv", csv(place("A1"))), with_places))
    db.session.add(SiteMark(name="place A1", value="x"))
    db.session.commit()
    page = checked(admin, with_places)
    answer_form = admin.get(page).get_data(as_text=True)
    db.session.execute(sa.delete(SiteMark))
    db.session.commit()
    form = {name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', answer_form).group(1) for name in ("csrf_token", "request_key", "files")}
    shown = admin.get(admin.post(page, data=form).headers["Location"], status=200).get_data(as_text=True)
    assert "v.csv" in shown
    assert db.session.scalars(sa.select(LoadRun.state)).one() == LoadState.refused
    assert admin.get(re.search(r'href="([^"]*errors\.csv)"', shown).group(1), status=200).data.decode().count("\r\n") == 2


def test_long_work_can_be_left_and_gone_on_with(admin, lists, monkeypatch):
    monkeypatch.setattr("civic.front.views.loading.PATIENCE", 0)
    page = checked(admin, ("p.csv", csv(*(place(f"A{n:02}") for n in range(40)))))
    where = load(admin, page).headers["Location"]
    text = admin.get(where, status=200).get_data(as_text=True)
    assert "data-refresh" in text
    assert "of 40 rows written" in text
    monkeypatch.undo()
    assert admin.submit(f"{where}/go-on", page=where).status_code == 303
    assert "40 rows were written" in admin.get(where).get_data(as_text=True)


def test_a_load_that_stops_says_where_and_that_it_goes_on(admin, lists):
    lists.fail_at = "A02"
    page = checked(admin, ("p.csv", csv(*(place(f"A{n:02}") for n in range(4)))))
    where = load(admin, page).headers["Location"]
    assert "p.csv:4, RuntimeError" in admin.get(where).get_data(as_text=True)
    lists.fail_at = ""
    runs.resume_open()
    assert marks() == 4


def test_while_another_load_runs_this_one_waits_in_line(admin):
    page = checked(admin, ("p.csv", csv(place("A1"))))
    with lease():
        where = load(admin, page).headers["Location"]
        assert "Another load is running" in admin.get(where).get_data(as_text=True)
    runs.resume_open()
    assert marks() == 1


def test_the_stored_list_is_opened_by_administrators_alone(admin, client, make_account, sign_in, monkeypatch):
    monkeypatch.setattr("civic.front.views.loading.PATIENCE", 0)
    load(admin, checked(admin, ("p.csv", csv(*(place(f"A{n:02}") for n in range(40))))))
    sha = db.session.scalars(sa.select(files.StoredFile.sha256)).one()
    assert admin.get(f"/files/{sha}", status=200).headers["Content-Disposition"].startswith("attachment")
    sign_in(client, make_account(role=Role.clerk))
    client.get(f"/files/{sha}", status=404)


def test_a_page_asks_few_questions_whatever_the_number_of_rows(admin, count_queries):
    page = checked(admin, ("p.csv", csv(*(place(f"A{n:03}") for n in range(400)))))
    with count_queries() as statements:
        admin.get(page)
    assert len(statements) <= 25
    with count_queries() as statements:
        admin.get(START)
    assert len(statements) <= 25
