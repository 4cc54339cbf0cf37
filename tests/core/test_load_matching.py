"""Columns matched by hand once: guesses, the page, what is remembered, and the command that then needs no asking; the error workbook."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest
import sqlalchemy as sa

from civic.core.db import db
from civic.core.i18n import speaking
from civic.core.load import mapping, runs
from civic.core.load.engine import loaders, plan_load
from civic.core.load.kinds import Column, ColumnKind, Loader, columns
from civic.core.load.models import LoadMapping
from civic.core.registry import Module
from civic.core.site import SiteMark
from civic.core.viewer import Actor, Role
from tests.support.lists import HEAD, csv, place, toy_lists, xlsx

START = "/desk/load/"
TITLES = ["地点编号", "名称", "英文名称", "户数（户）", "开放日期", "是否开放", "备注"]
SHEET = xlsx([["南涌村地点表"], TITLES, ["A1", "榕树", "Banyan", 12, "2026-10-01", "是", "=1+1"]], merged=("A1:G1",))
PLACES = {"code": 0, "label_zh": 1, "label_en": 2, "homes": 3, "opened_on": 4, "is_open": 5}
COMMAND = Actor(None, job="test")


def noting(_actor, changes):
    for change in changes:
        db.session.add(SiteMark(name=f"guest {change.row.text('ref')}", value=change.row.text("born")))


GUESTS = Loader(
    kind="toy_guests",
    title="Guests",
    columns=columns(
        Column("ref", ColumnKind.code, required=True, titles=("编号",)),
        Column("name", required=True, titles=("姓名",)),
        Column("born", ColumnKind.day, titles=("出生日期",)),
        Column("kind", optional=True, choices=("old", "new"), words=(("老", "old"),)),
    ),
    key=("ref",),
    order=7,
    apply=noting,
    personal=True,
    roles=(Role.administrator, Role.manager),
)


@pytest.fixture
def lists(site, monkeypatch):
    monkeypatch.setattr(runs, "PAUSE", 0)
    modules = site.extensions["civic"].registry.modules
    module = Module(name="guests", title="Guests", loaders=(GUESTS,))
    modules.append(module)
    with toy_lists(site) as found, speaking("en"):
        yield found
    modules.remove(module)


@pytest.fixture
def admin(client, make_account, sign_in, lists):
    sign_in(client, make_account(role=Role.administrator))
    client.set_cookie("civic_lang", "en")
    return client


def the(kind: str) -> Loader:
    return next(loader for loader in loaders() if loader.kind == kind)


def marks() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(SiteMark)) or 0


def hand_in(client, name: str, data: bytes) -> str:
    answer = client.submit(START, {"files": [(io.BytesIO(data), name)]}, content_type="multipart/form-data")
    assert answer.status_code == 303
    return answer.headers["Location"]


def link_in(text: str, part: str) -> str:
    return re.search(rf'href="([^"]*{re.escape(part)}[^"]*)"', text).group(1).replace("&amp;", "&")


# ---- guesses and memory -----------------------------------------------------------------------------------------------------


def test_titles_are_guessed_by_name_and_by_what_offices_call_them():
    assert mapping.guess(GUESTS, ["姓名", "编号", "出生日期（公历）", "手机"]) == {"ref": 1, "name": 0, "born": 2}
    assert mapping.guess(GUESTS, ["Ref.", "NAME", "Borne"]) == {"ref": 0, "name": 1, "born": 2}
    assert mapping.guess(GUESTS, ["", "apples"]) == {}


def test_a_header_is_known_again_in_spite_of_spaces_and_brackets():
    assert mapping.header_hash(["姓名", "户数（户）"]) == mapping.header_hash([" 姓 名", "户数"])
    assert mapping.header_hash(["姓名", "户数"]) != mapping.header_hash(["户数", "姓名"])


def test_what_was_matched_once_is_loaded_by_the_command_too(lists, site, tmp_path):
    (tmp_path / "list.xlsx").write_bytes(SHEET)
    run = site.test_cli_runner()
    assert run.invoke(args=["load", str(tmp_path / "list.xlsx")]).exit_code == 1
    titles = plan_load([("list.xlsx", SHEET)]).unmatched[0].header
    mapping.remember(COMMAND, titles, the("toy_places"), PLACES)
    done = run.invoke(args=["load", str(tmp_path / "list.xlsx")])
    assert done.exit_code == 0, done.output
    assert db.session.get_one(SiteMark, "place A1").value == "A1|12|true|Banyan|榕树||2026-10-01"
    assert plan_load([("other.xlsx", SHEET)]).total == 0


def test_a_mapping_without_a_needed_column_is_refused_and_a_second_one_replaces_the_first(lists):
    with pytest.raises(mapping.ColumnsMissing) as missing:
        mapping.remember(COMMAND, TITLES, the("toy_places"), {"code": 0})
    assert "label_zh" in missing.value.message
    mapping.remember(COMMAND, TITLES, the("toy_places"), PLACES)
    mapping.remember(COMMAND, TITLES, the("toy_places"), {**PLACES, "near": 6})
    (row,) = db.session.scalars(sa.select(LoadMapping)).all()
    assert '"near": 6' in row.mapping


def test_a_list_without_its_header_is_neither_remembered_nor_quoted(lists):
    data = "440113197503049019,陈志强,1975-03-04\n440113197705069001,李美玲,1977-05-06\n".encode()
    plan = plan_load([("x.csv", data)])
    assert "440113" not in " ".join(str(r.why) for r in plan.rejected)
    with pytest.raises(mapping.NoTitles):
        mapping.remember(COMMAND, plan.unmatched[0].header, GUESTS, {"ref": 0, "name": 1, "born": 2})


def test_words_of_a_column_are_read_as_its_choices(lists):
    head = "ref,name,born,kind"
    assert plan_load([("g.csv", csv("1,Mei,2000-01-01,老", head=head))]).changes["toy_guests"][0].row.text("kind") == "old"
    assert plan_load([("g.csv", csv("1,Mei,2000-01-01,young", head=head))]).rejected[0].why == "The column kind can be old, new."


# ---- the page ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_unknown_columns_are_matched_on_the_page_and_the_next_file_goes_straight_to_the_check(admin, lang):
    admin.set_cookie("civic_lang", lang)
    text = admin.get(hand_in(admin, "list.xlsx", SHEET), status=200).get_data(as_text=True)
    page = link_in(text, "/match") + "&kind=toy_places"
    shown = admin.get(page, status=200).get_data(as_text=True)
    assert "榕***" in shown
    assert "Banyan" not in shown
    sent = {f"column-{name}": str(at) for name, at in PLACES.items()}
    answer = admin.submit(page, {**sent, "column-homes": "99"}, page=page)
    assert answer.status_code == 422
    answer = admin.submit(page, {**sent, "column-homes": ""}, page=page)
    assert answer.status_code == 422
    assert "homes" in answer.get_data(as_text=True)
    answer = admin.submit(page, sent, page=page)
    assert answer.status_code == 303
    checked = admin.get(answer.headers["Location"], status=200).get_data(as_text=True)
    assert "/match" not in checked
    assert admin.submit(answer.headers["Location"], {}, page=answer.headers["Location"]).status_code == 303
    assert marks() == 1
    again = admin.get(hand_in(admin, "list2.xlsx", xlsx([TITLES, ["A2", "榕", "B", 1, None, None, None]])), status=200)
    assert "/match" not in again.get_data(as_text=True)


def test_the_form_comes_filled_with_guesses(admin):
    sheet = xlsx([["编号", "姓名", "出生日期（公历）"], ["1", "陈志强", "1975-03-04"]])
    page = link_in(admin.get(hand_in(admin, "g.xlsx", sheet)).get_data(as_text=True), "/match")
    text = admin.get(page, status=200).get_data(as_text=True)
    assert '<option value="toy_guests" selected' in text
    assert re.search(r'name="column-born".*?<option selected value="2"', text, re.DOTALL)
    assert "陈志强" not in text
    assert "1975" not in text


def test_a_place_that_is_no_unmatched_file_leads_back_to_the_check(admin):
    page = hand_in(admin, "p.csv", csv(place("A1")))
    assert admin.get(page.replace("/check", "/match")).status_code == 303


def test_the_error_workbook_holds_lines_and_reasons_as_text(admin):
    text = admin.get(hand_in(admin, "=p.csv", csv(place("A1"), "A2,=1+1,,many,2026-02-30,"))).get_data(as_text=True)
    answer = admin.get(link_in(text, "check.xlsx"), status=200)
    assert answer.headers["Content-Disposition"] == "attachment; filename=errors.xlsx"
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.data)).active.iter_rows())
    assert [cell.value for cell in rows[1][:2]] == ["=p.csv", 3]
    assert rows[1][0].data_type == "s"
    assert "needs a whole number" in rows[1][2].value


# ---- who --------------------------------------------------------------------------------------------------------------------


def test_a_manager_loads_lists_about_people_only_and_sees_only_her_own_loads(client, lists, make_account, sign_in):
    sign_in(client, make_account(role=Role.administrator))
    page = hand_in(client, "p.csv", csv(place("A1")))
    foreign = client.submit(page, {}, page=page).headers["Location"]
    sign_in(client, make_account(role=Role.manager))
    client.set_cookie("civic_lang", "en")
    text = client.get(START, status=200).get_data(as_text=True)
    assert "kind-toy_guests" in text
    assert "kind-toy_places" not in text
    assert foreign not in text
    client.get(foreign, status=404)
    client.get(f"{foreign}/errors.xlsx", status=404)
    client.get("/desk/load/template/toy_places.csv", status=404)
    page = hand_in(client, "p2.csv", csv(place("A2")))
    text = client.get(page, status=200).get_data(as_text=True)
    assert "Only an administrator loads this list." in text
    assert 'name="files"' not in text
    guests = hand_in(client, "g.csv", csv("1,Mei,2000-01-01", head="ref,name,born"))
    text = client.get(guests, status=200).get_data(as_text=True)
    token = {name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', text).group(1) for name in ("csrf_token", "request_key", "files")}
    assert "Mei" not in text
    stolen = {**token, "files": page.split("file=")[1]}
    assert client.post(page, data=stolen).status_code == 403
    assert client.post(guests, data=token).status_code == 303
    assert db.session.get_one(SiteMark, "guest 1").value == "2000-01-01"
    assert marks() == 2


def test_a_changed_row_about_a_person_shows_its_columns_and_no_cell(admin):
    page = hand_in(admin, "g.csv", csv("R-77,Mei,2000-01-01", head="ref,name,born"))
    admin.submit(page, {}, page=page)
    text = admin.get(hand_in(admin, "g.csv", csv("R-77,Mei,2000-01-02", head="ref,name,born"))).get_data(as_text=True)
    assert "R***" in text
    assert ">born<" in text
    assert "2000-01" not in text
    assert "R-77" not in text


def test_a_header_of_ours_is_never_taken_for_a_foreign_one():
    assert HEAD.startswith("code")
    from civic.core.load.recognise import Recogniser

    known = Recogniser([GUESTS])
    assert known.score(["ref", "name", "born"]) > known.score(["编号", "姓名", "出生日期"]) > known.score(["南涌村居民表"]) == 0
