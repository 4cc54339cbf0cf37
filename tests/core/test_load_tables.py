"""Reading lists: encodings, delimiters, quotes, ragged rows, workbooks with merged heads and serial days, and what is no list."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time

import pytest
from openpyxl.utils.datetime import MAC_EPOCH

from civic.core.load import sheets
from civic.core.load.cells import BadCell, clean
from civic.core.load.frames import Table
from civic.core.load.kinds import Column, ColumnKind
from civic.core.load.tables import read_table
from tests.support.lists import csv, xlsx

DAY = datetime(2026, 10, 1)  # noqa: DTZ001 - days of a workbook have no zone

KNOWN = {"code", "name_zh", "name_en", "from_on"}
HEAD = "code,name_zh,name_en"


def score(names) -> float:
    return len(KNOWN & set(names))


def table(data: bytes, name: str = "list.csv") -> Table:
    found = read_table(name, data, score)
    assert isinstance(found, Table), found
    return found


def refusal(data: bytes, name: str = "list.csv", **more) -> str:
    found = read_table(name, data, score, **more)
    assert isinstance(found, list)
    assert [(r.file, r.line) for r in found] == [(name, 0)]
    return str(found[0].why)


@pytest.fixture(autouse=True)
def _words(site):
    """Sentences need the site's language."""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_list_is_read_in_the_encodings_that_offices_use(encoding):
    found = table(csv("01,居住证与㙓𠮷,Permit", "02,高龄津贴,Allowance", head=HEAD, encoding=encoding))
    assert found.header == ["code", "name_zh", "name_en"]
    assert found.rows == [(2, ["01", "居住证与㙓𠮷", "Permit"]), (3, ["02", "高龄津贴", "Allowance"])]
    assert found.rejected == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_comma_semicolon_and_tab_are_told_apart(delimiter):
    data = f'code{delimiter}name_zh{delimiter}name_en\n1{delimiter}"甲,乙;丙\t丁"{delimiter}x\n'.encode()
    assert table(data).rows == [(2, ["1", "甲,乙;丙\t丁", "x"])]


def test_broken_bytes_are_named_by_line_and_the_other_lines_are_read():
    good = csv("1,甲,a", "2,乙,b", "3,丙,c", head=HEAD)
    found = table(good.replace("乙".encode(), b"\xe4\xb9"))
    assert [r.line for r in found.rejected] == [3]
    assert [line for line, _ in found.rows] == [2, 4]


def test_broken_bytes_in_gb18030_are_named_by_line():
    found = table(csv("1,甲乙丙,a", "2,乙丙丁,b", head=HEAD, encoding="gb18030").replace("乙丙丁".encode("gb18030"), b"\xd2\xd2\xff\xff"))
    assert found.encoding == "gb18030"
    assert [r.line for r in found.rejected] == [3]


def test_broken_utf_16_is_named_by_line():
    data = csv("1,甲,a", head=HEAD, encoding="utf-16") + b"\x00\xd8"
    assert [r.line for r in table(data).rejected] == [3]


def test_a_quote_that_never_closes_is_named_by_the_line_where_it_opens():
    found = table(csv("1,甲,a", '2,"乙,b', "3,丙,c", head=HEAD))
    assert [r.line for r in found.rejected] == [3]


def test_text_after_a_closed_quote_is_refused_by_line():
    assert [r.line for r in table(csv('1,"甲"乙,a', head=HEAD)).rejected] == [2]


def test_rows_with_too_few_or_too_many_cells_are_named_by_line():
    found = table(csv("1,甲,a", "2,乙", "3,丙,c,more", "4,丁,d,,", head=HEAD))
    assert [r.line for r in found.rejected] == [3, 4]
    assert [cells for _, cells in found.rows] == [["1", "甲", "a"], ["4", "丁", "d"]]


def test_lines_are_counted_over_cells_with_line_breaks_and_empty_rows():
    assert [line for line, _ in table(csv('1,"甲\n乙",a', "", ",,", "2,丙,b", head=HEAD)).rows] == [2, 6]


def test_a_header_below_a_title_is_found():
    found = table("居住地清单,,\n二〇二六年,,\ncode,name_zh,name_en\n1,甲,a\n".encode())
    assert (found.header_line, found.rows) == (3, [(4, ["1", "甲", "a"])])


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"MZ\x90\x00" + b"\x00" * 100, "a program"),
        (b"\x7fELF\x02", "a program"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old (.xls, .doc)"),
        (b"abc\x00def", "an unknown kind"),
        (b"", "an empty file"),
    ],
)
def test_what_is_no_list_is_refused_by_what_it_is_whatever_its_name(data, what):
    from civic.core.i18n import speaking

    with speaking("en"):
        assert what in refusal(data, "renamed.csv")


def test_other_archives_and_office_files_are_named():
    from civic.core.i18n import speaking

    def packed(*names: str) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            for name in names:
                archive.writestr(name, "x")
        return target.getvalue()

    with speaking("en"):
        assert "a packed archive" in refusal(packed("a.txt"))
        assert "not a workbook" in refusal(packed("[Content_Types].xml", "word/document.xml"))
        assert "packed archive" in refusal(b"PK\x03\x04broken")
        assert "damaged" in refusal(packed("xl/workbook.xml"))


def test_a_file_above_the_limit_is_refused_with_its_size():
    assert "20.0" in refusal(b"x" * 20 * 2**20, most=10 * 2**20)


def test_only_blanks_is_an_empty_file():
    assert refusal(b"\n \n")


def test_a_workbook_with_merged_heads_serial_days_and_a_hidden_sheet():
    data = xlsx(
        [
            ["Places of the district", None, None, None],
            ["code", "name", None, "from_on"],
            [None, "name_zh", "name_en", None],
            [440113, "甲", "a", DAY],
            ["02", "乙", "b", 46296],
            ["03", "丙", None, "2026年10月1日"],
            [None, None, None, None],
            ["04", "丁", "d", None],
        ],
        merged=("A1:D1", "A2:A3", "B2:C2", "D2:D3"),
        hidden=[["code", "name_zh", "name_en", "from_on"], ["99", "x", "x", None]],
    )
    found = table(data, "list.xlsx")
    assert (found.header, found.header_line) == (["code", "name_zh", "name_en", "from_on"], 3)
    assert [line for line, _ in found.rows] == [4, 5, 6, 8]
    day, code = Column("from_on", ColumnKind.day), Column("code", ColumnKind.code)
    assert [clean(cells[3], day, found.epoch) for _, cells in found.rows] == ["2026-10-01", "2026-10-01", "2026-10-01", ""]
    assert clean(found.rows[0][1][0], code) == "440113"


def test_a_vertically_merged_cell_counts_for_each_row():
    data = xlsx([["code", "name_zh", "name_en"], ["1", "甲", "a"], ["2", None, "b"]], merged=("B2:B3",))
    assert [cells[1] for _, cells in table(data).rows] == ["甲", "甲"]


def test_of_several_sheets_the_first_that_fits_best_is_read():
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["remarks"])
    second = book.create_sheet("list")
    second.append(["code", "name_zh", "name_en"])
    second.append(["1", "甲", "=1+1"])
    target = io.BytesIO()
    book.save(target)
    assert table(target.getvalue()).rows == [(2, ["1", "甲", None])]  # nobody computed the formula: no cached value


def test_a_spreadsheet_error_and_a_stray_cell_reject_their_rows():
    data = xlsx([["code", "name_zh"], ["1", "#N/A"], ["2", "乙", None, "stray"], ["3", "丙"]])
    found = table(data)
    assert [r.line for r in found.rejected] == [2, 3]
    assert [line for line, _ in found.rows] == [4]


def test_a_workbook_that_unpacks_to_too_much_is_not_opened(monkeypatch):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "x")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 201 * 2**20)
    monkeypatch.setattr("openpyxl.load_workbook", lambda *_, **__: pytest.fail("opened"))
    assert "201" in refusal(target.getvalue())


def test_a_sheet_with_too_many_rows_is_refused(monkeypatch):
    monkeypatch.setattr(sheets, "MOST_ROWS", 2)
    assert "2" in refusal(xlsx([["code"], ["1"], ["2"]]))


def test_entities_in_a_workbook_are_never_expanded():
    evil = '<!DOCTYPE x [<!ENTITY a "aaaa">]><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">&a;</workbook>'
    source, target = zipfile.ZipFile(io.BytesIO(xlsx([["code"]]))), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, evil if name == "xl/workbook.xml" else source.read(name))
    assert "EntitiesForbidden" in refusal(target.getvalue())


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (ColumnKind.text, "  e\u0301 ", "é"),
        (ColumnKind.text, "（甲）", "（甲）"),
        (ColumnKind.text, "a\r\nb", "a\nb"),
        (ColumnKind.code, "ＡＢ－０１", "AB-01"),
        (ColumnKind.code, 12.0, "12"),
        (ColumnKind.code, 1.5, "1.5"),
        (ColumnKind.text, time(9, 30), "09:30"),
        (ColumnKind.text, DAY.replace(hour=9, minute=30), "2026-10-01 09:30"),
        (ColumnKind.text, date(2026, 10, 1), "2026-10-01"),
        (ColumnKind.number, "０１２", "12"),
        (ColumnKind.number, "-3.0", "-3"),
        (ColumnKind.day, "2026-10-01", "2026-10-01"),
        (ColumnKind.day, "2026/10/1", "2026-10-01"),
        (ColumnKind.day, "2026年10月1日", "2026-10-01"),
        (ColumnKind.day, "２０２６１００１", "2026-10-01"),
        (ColumnKind.day, 20261001, "2026-10-01"),
        (ColumnKind.day, "2026-10-01 00:00:00", "2026-10-01"),
        (ColumnKind.flag, True, "true"),
        (ColumnKind.flag, "是", "true"),
        (ColumnKind.flag, "No", "false"),
        (ColumnKind.flag, 0, "false"),
        (ColumnKind.parts, " a；b ;; c", "a;b;c"),
        (ColumnKind.parts, "《条例（试行）》", "《条例（试行）》"),
        (ColumnKind.day, None, ""),
    ],
)
def test_cells_are_read_by_the_kind_of_their_column(kind, value, expected):
    assert clean(value, Column("x", kind)) == expected


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Column("x", required=True), " "),
        (Column("x", most=3), "abcd"),
        (Column("x"), "a\x07b"),
        (Column("x", ColumnKind.code), "a\nb"),
        (Column("x"), "a\ufffdb"),
        (Column("x", ColumnKind.code), 440113199001011234),
        (Column("x", ColumnKind.code), 4.4e17),
        (Column("x", ColumnKind.code), "4.40113E+17"),
        (Column("x", ColumnKind.number), "4.40113E+17"),
        (Column("x", ColumnKind.number), "1234567890123456"),
        (Column("x", ColumnKind.number), "1.5"),
        (Column("x", ColumnKind.number), "many"),
        (Column("x", ColumnKind.day), "2026-02-30"),
        (Column("x", ColumnKind.day), "soon"),
        (Column("x", ColumnKind.flag), "maybe"),
        (Column("x", choices=("a", "b")), "c"),
        (Column("x", ColumnKind.parts, choices=("a", "b")), "a;c"),
    ],
)
def test_cells_that_cannot_be_taken_say_why(column, value):
    with pytest.raises(BadCell) as fault:
        clean(value, column)
    assert "x" in fault.value.sentence()


def test_days_of_a_workbook_that_counts_from_1904():
    assert clean(44834, Column("x", ColumnKind.day), MAC_EPOCH) == "2026-10-01"
