"""Static files: an address that changes with the contents, packed copies beside, several workers at once."""

from __future__ import annotations

import gzip
import re
import threading

import brotli
import pytest

from civic import paths
from civic.core.web import assets


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "static"
    sheets = dict.fromkeys((*assets.STYLES, *assets.APART), "d{}")
    for name, text in {
        **sheets,
        "css/tokens.css": "a{}",
        "css/base.css": "b{}",
        "css/components/lists.css": 'c{background:url("../../img/x.svg")}',
        "img/x.svg": "<svg/>",
        "js/main.js": "1;" * 900,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_the_address_changes_with_the_contents_and_only_with_them(source, tmp_path):
    first, _ = assets.build(source, tmp_path / "out")
    assert assets.build(source, tmp_path / "out")[0] == first
    (source / "js/main.js").write_text("2;")
    second, folder = assets.build(source, tmp_path / "out")
    assert second != first
    assert (folder / "js/main.js").read_text() == "2;"
    (source / "js/main.js").rename(source / "js/other.js")
    assert assets.build(source, tmp_path / "out")[0] not in {first, second}


def test_the_style_sheets_are_one_file_in_order(source):
    joined = assets.collect(source)[assets.SITE_CSS].decode()
    assert joined.index("a{}") < joined.index("b{}") < joined.index("c{")
    assert 'url("../img/x.svg")' in joined


def test_every_style_sheet_of_ours_is_joined_or_known_to_stand_apart():
    ours = {path.relative_to(paths.STATIC).as_posix() for path in paths.STATIC.rglob("*.css")}
    assert ours == {*assets.STYLES, *assets.APART}


def test_packed_copies_hold_the_same(source, tmp_path):
    _, folder = assets.build(source, tmp_path / "out")
    body = (folder / "js/main.js").read_bytes()
    assert brotli.decompress((folder / "js/main.js.br").read_bytes()) == body
    assert gzip.decompress((folder / "js/main.js.gz").read_bytes()) == body


def test_workers_that_start_together_build_the_same(source, tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(assets.build(source, tmp_path / "out"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_every_address_in_our_style_sheet_is_a_file(tmp_path):
    _, folder = assets.build(paths.STATIC, tmp_path / "out")
    for css in folder.rglob("*.css"):
        for address in re.findall(r'url\("?([^")]+)"?\)', css.read_text()):
            if not address.startswith("data:"):
                assert (css.parent / address.partition("#")[0]).resolve().is_file(), f"{css.name}: {address}"
