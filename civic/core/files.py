"""Files that people hand in: kept once per content under `<data>/files/ab/cdef…`, named by their SHA-256.

The bytes are on the disk before anything in the database points at them.  A file that no operation took over (`adopt`) within
24 hours is removed by a job, so an upload survives a form that is shown again.  Pictures are decoded and written anew, which
drops place, camera and hidden content; what a file is, its bytes say, never its name.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Mapped, mapped_column

from civic.core import clock, pictures
from civic.core.atomic import atomic, in_transaction, own_connection
from civic.core.db import Model, db, intpk, timestamp
from civic.core.errors import DomainError
from civic.core.i18n import join_words
from civic.core.sniff import MIMES, NAMES, FileKind, kind_of

MB = 2**20
MOST_BYTES = 10 * MB
MOST_FILES = 5  # a form
ORPHANED = timedelta(hours=24)
LISTS = frozenset({FileKind.text, FileKind.xlsx})
PICTURES = frozenset({FileKind.jpeg, FileKind.png, FileKind.webp})
PAPERS = PICTURES | {FileKind.pdf}
_SHA = re.compile(r"[0-9a-f]{64}")


class StoredFile(Model):
    """One upload: its content by hash, what it is, and the row that owns it (none yet: the form may still be open).

    The same content handed in twice is two rows and one file on the disk.
    """

    __tablename__ = "stored_file"
    __table_args__ = (sa.Index("ix_stored_file_owner", "owner_kind", "owner_id"),)
    id: Mapped[intpk]
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    size: Mapped[int] = mapped_column(comment="bytes as stored")
    mime: Mapped[str] = mapped_column(sa.String(100))
    name: Mapped[str] = mapped_column(sa.String(200), comment="as the person's device named it")
    account_id: Mapped[int | None] = mapped_column(comment="who handed it in; none = a visitor")
    owner_kind: Mapped[str] = mapped_column(sa.String(40), default="")
    owner_id: Mapped[int | None]
    created_at: Mapped[timestamp] = mapped_column(index=True)


class FileTooLarge(DomainError):
    """A file is above the limit: `size` and `most` in MB."""

    code, status = "file_too_large", 422
    sentence = _l("“%(name)s” has %(size)s MB; at most %(most)s MB a file are possible.")


class FileKindRefused(DomainError):
    """The bytes are of a kind that is not taken here."""

    code, status = "file_kind_refused", 422
    sentence = _l("“%(name)s” is %(what)s. Possible here: %(possible)s.")


class TooManyFiles(DomainError):
    """More files than a form takes."""

    code, status = "too_many_files", 422
    sentence = _l("There are %(count)s files; at most %(most)s at once are possible.")


class FileGone(DomainError):
    """The content is no longer kept, or was never handed in by this person."""

    code, status = "file_gone", 422
    sentence = _l("A file that was handed in before is no longer kept. Choose it again.")


def store(
    data: bytes,
    name: str,
    *,
    account_id: int | None,
    accept: Collection[FileKind] = PAPERS,
    most: int = MOST_BYTES,
    as_it_is: bool = False,
) -> StoredFile:
    """Keep an upload until an operation takes it over.  as_it_is: an original, byte for byte, for files that stay private.

    Raises FileTooLarge, FileKindRefused, pictures.PictureTooLarge, pictures.PictureDamaged; ValueError inside `atomic()`, because
    image work and disk writes must not hold the site's only write lock.
    """
    if in_transaction():
        raise ValueError("files are stored before atomic()")
    shown = shown_name(name)
    if len(data) > most:
        raise FileTooLarge(name=shown, size=f"{len(data) / MB:.1f}", most=f"{most / MB:.0f}")
    kind = kind_of(data)
    if kind not in accept:
        possible = join_words([str(NAMES[k]) for k in FileKind if k in accept])
        raise FileKindRefused(name=shown, what=NAMES[kind], possible=possible)
    if kind in PICTURES and not as_it_is:
        data = pictures.rewritten(data, shown)
    sha = _write(data)
    with own_connection() as connection:  # a form's key belongs to its operation, not to this
        values = {"sha256": sha, "size": len(data), "mime": MIMES[kind], "name": shown, "account_id": account_id, "created_at": clock.now()}
        row_id = connection.execute(sa.insert(StoredFile.__table__).values(owner_kind="", **values).returning(StoredFile.id)).scalar_one()
    return db.session.get_one(StoredFile, row_id)


def kept(sha: str, account_id: int | None) -> StoredFile:
    """A file that this person handed in and nothing took over yet.  Raises FileGone."""
    mine = StoredFile.account_id == account_id if account_id is not None else StoredFile.account_id.is_(None)
    query = sa.select(StoredFile).where(StoredFile.sha256 == sha, mine, StoredFile.owner_kind == "").order_by(StoredFile.id).limit(1)
    found = db.session.scalars(query).first()
    if found is None or not path_of(found.sha256).is_file():
        raise FileGone
    return found


def adopt(sha: str, account_id: int | None, owner_kind: str, owner_id: int) -> StoredFile:
    """Inside `atomic()`: make a handed-in file part of a row.  Raises FileGone."""
    if not in_transaction():
        raise ValueError("adopt belongs into the operation's atomic()")
    row = kept(sha, account_id)
    row.owner_kind, row.owner_id = owner_kind, owner_id
    db.session.flush()
    return row


def release(owner_kind: str, owner_id: int) -> None:
    """Inside `atomic()`: the row lets go of its files; the job removes them from the disk."""
    db.session.execute(sa.delete(StoredFile).where(StoredFile.owner_kind == owner_kind, StoredFile.owner_id == owner_id))


def read(sha: str) -> bytes:
    """The bytes of a stored file.  Raises FileGone."""
    try:
        return path_of(sha).read_bytes()
    except FileNotFoundError:
        raise FileGone from None


def folder() -> Path:
    found: Path = current_app.extensions["civic"].settings.data_dir / "files"
    return found


def path_of(sha: str) -> Path:
    if not _SHA.fullmatch(sha):
        raise FileGone
    return folder() / sha[:2] / sha[2:]


def shown_name(name: str) -> str:
    """The last part of a device's path, without control characters, at most 200 characters."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    return "".join(c for c in last if unicodedata.category(c)[0] != "C").strip()[-200:] or "file"


def _write(data: bytes) -> str:
    """Put bytes on the disk for good: written aside, synced, renamed, folder synced.  The same content is written once."""
    sha = hashlib.sha256(data).hexdigest()
    path = path_of(sha)
    try:
        os.utime(path)  # younger than any orphan
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix="new-")
        try:
            with os.fdopen(descriptor, "wb") as target:
                target.write(data)
                target.flush()
                os.fsync(target.fileno())
            os.rename(scratch, path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise
        for made in (path.parent, path.parent.parent):  # the rename, and the folder if it is new
            _sync(made)
    return sha


def _sync(made: Path) -> None:
    descriptor = os.open(made, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_orphans() -> int:
    """The job: forget uploads that nothing took over within 24 hours, then files that no row names; returns files removed."""
    before = clock.now() - ORPHANED
    with atomic():
        db.session.execute(sa.delete(StoredFile).where(StoredFile.owner_kind == "", StoredFile.created_at < before))
    old = [path for path in folder().glob("??/*") if path.is_file() and _is_older(path, before.timestamp())]
    return sum(_remove(path, before.timestamp()) for path in old)


def _is_older(path: Path, moment: float) -> bool:
    return path.stat().st_mtime < moment


def _remove(path: Path, before: float) -> bool:
    """Take a file away unless a row names it.  Moved aside first: somebody may hand in the same content at this moment."""
    sha = path.parent.name + path.name
    if _SHA.fullmatch(sha) is None:  # left behind by a crash while writing or removing
        path.unlink(missing_ok=True)
        return True
    if _is_named(sha):
        return False
    aside = path.with_name("gone-" + path.name)
    os.rename(path, aside)
    if _is_named(sha) or not _is_older(aside, before):
        os.rename(aside, path)
        return False
    aside.unlink()
    return True


def _is_named(sha: str) -> bool:
    with atomic():  # a fresh read
        return db.session.scalar(sa.select(StoredFile.id).where(StoredFile.sha256 == sha).limit(1)) is not None
