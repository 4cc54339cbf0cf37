"""Forms with files: what was accepted once stays accepted while the form is shown again.

The hidden field `kept` carries the SHA-256 of files handed in before; `take` stores the new ones and returns all of them, so a
form with one faulty field never asks for the files a second time.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from flask_babel import lazy_pgettext
from flask_wtf.file import MultipleFileField
from werkzeug.datastructures import FileStorage
from wtforms import HiddenField
from wtforms.widgets import FileInput

from civic.core.errors import DomainError
from civic.core.files import MB, MOST_BYTES, MOST_FILES, PAPERS, FileTooLarge, StoredFile, TooManyFiles, kept, shown_name, store
from civic.core.sniff import FileKind
from civic.core.viewer import viewer
from civic.core.web.forms import Form


class UploadForm(Form):
    """A form that takes files.  `accept` and `most_files` may be narrowed by a subclass."""

    accept: Collection[FileKind] = PAPERS
    most_files = MOST_FILES
    as_it_is = False

    files = MultipleFileField(lazy_pgettext("form", "Files"), widget=FileInput(multiple=True))
    kept = HiddenField(default="")

    def take(self) -> list[StoredFile]:
        """Store the new files, find the kept ones.  Faults stand at the field; the good files are kept nevertheless."""
        given: Any = self.files.data  # None before anything was sent, whatever the library's annotations say
        uploads = [upload for upload in given or [] if isinstance(upload, FileStorage) and upload.filename]
        before = list(dict.fromkeys(filter(None, (self.kept.data or "").split(","))))
        found: list[StoredFile] = []
        faults: list[str] = []
        if len(before) + len(uploads) > self.most_files:
            faults.append(TooManyFiles(count=len(before) + len(uploads), most=self.most_files).message)
            uploads = []
        who = viewer().account_id
        for act in [*(partial(kept, sha, who) for sha in before), *(partial(self._store, upload) for upload in uploads)]:
            try:
                found.append(act())
            except DomainError as refusal:
                faults.append(refusal.message)
        self.kept.data = ",".join(dict.fromkeys(row.sha256 for row in found))
        self.files.errors = [*self.files.errors, *dict.fromkeys(faults)]
        return found

    def _store(self, upload: FileStorage) -> StoredFile:
        size = upload.stream.seek(0, 2)
        if size > MOST_BYTES:
            raise FileTooLarge(name=shown_name(upload.filename or ""), size=f"{size / MB:.1f}", most=MOST_BYTES // MB)
        upload.stream.seek(0)
        return store(
            upload.stream.read(), upload.filename or "", account_id=viewer().account_id, accept=self.accept, as_it_is=self.as_it_is
        )
