"""Recovery sheets: two halves give the key, one tells nothing, a wrong letter is found on its line."""

from __future__ import annotations

import re
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from civic.commands.keys import keys_group
from civic.core import crypto, rekey_sheets
from civic.core.rekey_sheets import Half, SheetError, join, read, split

KEY = "Zq3-" * 16


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x9FFF, exclude_categories=["Cs"]), min_size=1, max_size=90))
def test_what_was_printed_and_typed_gives_the_key(key):
    first, second = split(key)
    assert join(read("\n".join(first.lines())), read("\n".join(second.lines()).lower())) == key


def test_one_half_alone_tells_nothing():
    """Half A is random; half B is the key XOR it, so every key of that length fits a half equally well."""
    first, second = split(KEY)
    other = bytes(b ^ k for b, k in zip(second.body, ("x" * len(KEY)).encode(), strict=True))
    assert bytes(a ^ b for a, b in zip(other, second.body, strict=True)).decode() == "x" * len(KEY)
    assert split(KEY)[0].body != first.body
    assert KEY.encode() not in first.body + second.body


def test_a_sheet_is_easy_to_type():
    first, _second = split(KEY)
    head, *lines = first.lines()
    assert head == f"CIVIC1 A {crypto.key_id(KEY)} {len(KEY)}"
    assert all(re.fullmatch(r"\d\d  ([0-9A-Z]{1,4} ?)+  [0-9A-Z]{2}", line) for line in lines)
    assert not set("".join(lines)) & set("ILOU")
    typed = "\n\n".join(
        line.replace("0", "O").replace("1", "l").replace(" ", "   ") if n else head for n, line in enumerate([head, *lines])
    )
    fixed = re.sub(r"(?m)^([Ol\d]{2})", lambda m: m[1].replace("O", "0").replace("l", "1"), typed)  # line numbers are digits
    assert read(fixed) == first


def test_a_wrong_letter_is_named_by_its_line():
    first, _second = split(KEY)
    lines = first.lines()
    third = lines[3]
    wrong = third[:4] + ("A" if third[4] != "A" else "B") + third[5:]
    with pytest.raises(SheetError, match="Line 3 does not fit"):
        read("\n".join([*lines[:3], wrong, *lines[4:]]))
    with pytest.raises(SheetError, match="Line 3 begins with its number"):
        read("\n".join([*lines[:3], lines[4], lines[3], *lines[5:]]))
    with pytest.raises(SheetError, match=r"lines belong to this half; \d+ were typed"):
        read("\n".join(lines[:-1]))
    for text in ("", "hello", "CIVIC1 C 12345678 3"):
        with pytest.raises(SheetError, match="first line"):
            read(text)


def test_halves_that_do_not_belong_together_are_told_apart():
    first, second = split(KEY)
    third, fourth = split(KEY)
    with pytest.raises(SheetError, match="two printings"):
        join(first, fourth)
    with pytest.raises(SheetError, match="Both are half A"):
        join(first, third)
    with pytest.raises(SheetError, match="two keys"):
        join(first, split("y" * 64)[1])
    with pytest.raises(SheetError, match="length"):
        join(first, Half(second.key_id, "B", second.body[:-1]))


def run(site, *arguments: str, typed: str = ""):
    return site.test_cli_runner().invoke(keys_group, list(arguments), input=typed)


def test_print_and_join_on_the_command_line(site):
    printed = run(site, "print").output
    halves = re.findall(r"(?m)^CIVIC1 .*\n(?:\d\d .*\n)+", printed)
    assert len(halves) == 2
    assert "d" * 40 not in printed
    answer = run(site, "join", typed="\n".join(halves) + "\n")
    assert answer.exit_code == 0
    assert f"The halves give key {crypto.fingerprints()[0]}. This site holds it." in answer.output
    assert "d" * 40 not in answer.output
    assert "d" * 40 in run(site, "join", "--reveal", typed="\n".join(halves)).output
    wrong = run(site, "join", typed=halves[0] + "\n" + halves[0])
    assert (wrong.exit_code, "Both are half A" in wrong.output) == (1, True)


def test_the_file_to_print_is_for_its_owner_alone_and_has_a_square_for_each_half(site, tmp_path):
    file = tmp_path / "sheets.html"
    assert run(site, "print", "--html", str(file)).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    page = file.read_text("utf-8")
    assert (page.count("<svg"), page.count("<section>"), "d" * 40 in page, "://" in page.replace("http://www.w3.org", "")) == (
        2,
        2,
        False,
        False,
    )
    texts = re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)
    files = [tmp_path / name for name in ("a", "b")]
    for each, text in zip(files, texts, strict=True):
        each.write_text(text)
    assert run(site, "join", "--file", str(files[0]), "--file", str(files[1])).exit_code == 0
    again = run(site, "print", "--html", str(file))
    assert (again.exit_code, "exists already" in again.output) == (2, True)


def test_a_line_of_the_alphabet_goes_there_and_back():
    body = bytes(range(256))
    assert rekey_sheets._from_text(rekey_sheets._to_text(body)) == body
