"""Stored files: what is taken, what is refused, who opens it, what survives a form and what is cleared away."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import struct
import zlib
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import request
from PIL import Image
from werkzeug.datastructures import FileStorage

from civic.core import clock, files, pictures
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.files import FileGone, FileKindRefused, FileTooLarge, StoredFile, adopt, kept, read, release, remove_orphans, store
from civic.core.i18n import speaking
from civic.core.registry import Module
from civic.core.sniff import FileKind, kind_of
from civic.core.viewer import Role, Scope, Viewer
from civic.core.web import downloads
from civic.core.web.uploads import UploadForm

ADMIN = Viewer(account_id=7, scopes=(Scope(Role.administrator, "/"),))


@pytest.fixture(autouse=True)
def _english(site):
    with speaking("en"):
        yield


def picture(kind: str, size: tuple[int, int] = (30, 20), mode: str = "RGB", **more) -> bytes:
    target = io.BytesIO()
    Image.new(mode, size, 120).save(target, kind, **more)
    return target.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """Only the head of a PNG: enough to be asked how large it is."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IDAT" + b"\0" * 8


def rows() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(StoredFile)) or 0


def test_the_content_is_kept_once_under_its_hash():
    one, two = (store(b"a,b\n1,2\n", name, account_id=7, accept=files.LISTS) for name in ("C:\\lists\\one.csv", "../two.csv"))
    assert one.sha256 == two.sha256 == hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert (one.name, two.name, one.mime, rows()) == ("one.csv", "two.csv", "text/csv", 2)
    assert read(one.sha256) == b"a,b\n1,2\n"
    assert files.path_of(one.sha256).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("data", "what"), [(b"MZ\x90\0", "a program"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old"), (b"", "an empty file")]
)
def test_a_file_of_another_kind_is_refused_whatever_its_name(data, what):
    with pytest.raises(FileKindRefused) as refusal:
        store(data, "photo.jpg", account_id=7)
    assert what in refusal.value.message
    assert rows() == 0


def test_a_file_above_ten_megabytes_is_refused_with_its_size():
    with pytest.raises(FileTooLarge) as refusal:
        store(b"%PDF-" + b"x" * 20 * 2**20, "plan.pdf", account_id=7)
    assert "20.0 MB; at most 10 MB" in refusal.value.message


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("WEBP", "RGB")]
)
def test_pictures_are_written_anew_without_metadata(kind, mode):
    exif = Image.Exif()
    exif[0x010E] = "SECRET PLACE"
    exif[0x0112] = 6 if kind == "JPEG" else 1  # turned by 90 degrees
    row = store(picture(kind, mode=mode, exif=exif), "p", account_id=7)
    data = read(row.sha256)
    assert b"SECRET" not in data
    with Image.open(io.BytesIO(data)) as found:
        assert found.format == kind
        assert found.size == ((20, 30) if kind == "JPEG" else (30, 20))
        assert not found.getexif()


def test_an_original_stays_as_it_is():
    data = picture("JPEG", comment=b"taken at noon")
    assert read(store(data, "p.jpg", account_id=7, as_it_is=True).sha256) == data


def test_a_large_jpeg_is_decoded_at_reduced_scale(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 10_000)
    with Image.open(io.BytesIO(pictures.rewritten(picture("JPEG", (400, 300)), "p"))) as found:
        assert found.size == (100, 75)
    with pytest.raises(pictures.PictureTooLarge):
        pictures.rewritten(picture("JPEG", (1600, 1200)), "p")


def test_other_formats_above_40_megapixels_are_refused_with_the_numbers():
    with pytest.raises(pictures.PictureTooLarge) as refusal:
        store(png_of_size(20_000, 10_000), "wall.png", account_id=7)
    assert "20000 × 10000" in refusal.value.message
    assert "200 megapixels; at most 40" in refusal.value.message


def test_a_damaged_picture_is_refused():
    with pytest.raises(pictures.PictureDamaged):
        store(picture("PNG")[:60], "p.png", account_id=7)
    with pytest.raises(pictures.PictureDamaged):
        store(b"\xff\xd8\xffgarbage", "p.jpg", account_id=7)


def test_files_are_never_stored_inside_a_transaction():
    with atomic(), pytest.raises(ValueError, match="before atomic"):
        store(b"a", "a.csv", account_id=7, accept=files.LISTS)
    with pytest.raises(ValueError, match="operation"):
        adopt("0" * 64, 7, "thing", 1)


def test_a_file_belongs_to_whoever_handed_it_in_until_an_operation_takes_it():
    row = store(b"a,b", "a.csv", account_id=7, accept=files.LISTS)
    with pytest.raises(FileGone):
        kept(row.sha256, 8)
    with pytest.raises(FileGone):
        kept(row.sha256, None)
    with atomic():
        adopt(row.sha256, 7, "thing", 5)
    with pytest.raises(FileGone):
        kept(row.sha256, 7)
    with atomic():
        release("thing", 5)
    assert rows() == 0


def test_a_visitors_file_is_kept_for_visitors():
    row = store(b"a,b", "a.csv", account_id=None, accept=files.LISTS)
    assert kept(row.sha256, None).id == row.id


def test_addresses_that_are_no_hash_never_reach_the_disk():
    for sha in ("../../etc/passwd", "A" * 64, ""):
        with pytest.raises(FileGone):
            read(sha)
    with pytest.raises(FileGone):
        read("0" * 64)


def test_orphans_are_removed_after_a_day_and_owned_files_never():
    orphan = store(b"orphan", "a.csv", account_id=7, accept=files.LISTS).sha256
    owned = store(b"owned", "b.csv", account_id=7, accept=files.LISTS).sha256
    with atomic():
        adopt(owned, 7, "thing", 1)
    scratch = files.path_of(owned).with_name("new-left-behind")
    scratch.write_bytes(b"x")
    assert remove_orphans() == 0
    later = clock.now() + timedelta(hours=25)
    for path in (files.path_of(orphan), files.path_of(owned), scratch):
        os.utime(path, (clock.now().timestamp(),) * 2)
    with clock.frozen(later):
        assert remove_orphans() >= 2
    assert not files.path_of(orphan).exists()
    assert not scratch.exists()
    assert read(owned) == b"owned"


def test_a_file_handed_in_again_while_it_is_cleared_away_stays(monkeypatch):
    sha = store(b"again", "a.csv", account_id=7, accept=files.LISTS).sha256
    with atomic():
        db.session.execute(sa.delete(StoredFile))
    answers = iter([False, True])
    monkeypatch.setattr(files, "_is_named", lambda _sha: next(answers))
    assert files._remove(files.path_of(sha), clock.now().timestamp()) is False
    assert read(sha) == b"again"


@pytest.fixture
def look(site, monkeypatch):
    """GET /files/<sha> as somebody."""

    def get(sha: str, who: Viewer, **headers):
        monkeypatch.setattr(downloads, "viewer", lambda: who)
        return site.test_client().get(f"/files/{sha}", headers=headers)

    return get


def test_a_download_is_decided_by_the_policy_of_the_owning_module(site, look):
    row = store(b"%PDF-1.7 paper", "申请表.pdf", account_id=7)
    assert look(row.sha256, Viewer()).status_code == 404
    assert look(row.sha256, Viewer(account_id=8)).status_code == 404
    assert look(row.sha256, Viewer(account_id=7)).status_code == 200
    with atomic():
        adopt(row.sha256, 7, "thing", 1)
    assert look(row.sha256, ADMIN).status_code == 404  # no module speaks for it
    module = Module(
        name="things", title="", file_policy={"thing": lambda who, file: who.has_role(Role.administrator) and file.owner_id == 1}
    )
    site.extensions["civic"].registry.modules.append(module)
    try:
        found = look(row.sha256, ADMIN)
        assert (found.status_code, found.data) == (200, b"%PDF-1.7 paper")
        assert found.headers["Content-Disposition"].startswith("attachment")
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["Cache-Control"] == "private, no-cache"
        assert look(row.sha256, Viewer(account_id=7)).status_code == 404
        assert look(row.sha256, ADMIN, **{"If-None-Match": found.headers["ETag"]}).status_code == 304
    finally:
        site.extensions["civic"].registry.modules.remove(module)


def test_pictures_are_shown_and_lost_content_is_404(look):
    row = store(picture("PNG"), "p.png", account_id=7)
    assert "attachment" not in look(row.sha256, ADMIN).headers.get("Content-Disposition", "")
    files.path_of(row.sha256).unlink()
    assert look(row.sha256, ADMIN).status_code == 404


def upload(data: bytes, name: str) -> FileStorage:
    return FileStorage(io.BytesIO(data), filename=name)


@contextlib.contextmanager
def posted(site, **data):
    """A request with a form; what Werkzeug put aside for large files is closed at its end, as a server does."""
    with site.test_request_context("/", method="POST", data=data), contextlib.closing(request), request.environ["wsgi.input"]:
        yield


class Lists(UploadForm):
    accept = files.LISTS


def test_accepted_files_survive_a_form_that_is_shown_again(site, monkeypatch):
    monkeypatch.setattr("civic.core.web.uploads.viewer", lambda: ADMIN)
    sent = {"files": [upload(b"a,b\n", "a.csv"), upload(b"MZ\0", "b.csv"), upload(b"x" * (files.MOST_BYTES + 1), "c.csv")]}
    with posted(site, **sent):
        form = Lists(meta={"csrf": False})
        form.validate()
        assert [row.name for row in form.take()] == ["a.csv"]
        assert len(form.files.errors) == 2
        first = form.kept.data
    with posted(site, kept=f"{first},{'0' * 64}", files=[upload(b"c,d\n", "d.csv")]):
        form = Lists(meta={"csrf": False})
        form.validate()
        assert [row.name for row in form.take()] == ["a.csv", "d.csv"]
        assert "no longer kept" in form.files.errors[0]


def test_more_than_five_files_are_refused_with_the_number(site, monkeypatch):
    monkeypatch.setattr("civic.core.web.uploads.viewer", lambda: ADMIN)
    with posted(site, files=[upload(b"a", f"{n}.csv") for n in range(6)]):
        form = Lists(meta={"csrf": False})
        form.validate()
        assert form.take() == []
        assert form.files.errors == ["There are 6 files; at most 5 at once are possible."]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (picture("WEBP"), FileKind.webp),
        (picture("GIF", mode="L"), FileKind.gif),
        (b"PK\x05\x06" + b"\0" * 18, FileKind.archive),
        ("MZ,编号\n".encode(), FileKind.text),
        ("甲".encode("utf-16"), FileKind.text),
    ],
)
def test_kinds_are_told_by_content(data, kind):
    assert kind_of(data) is kind
