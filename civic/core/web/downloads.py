"""Stored files over the web: `/files/<sha256>`, opened by the policy of the module whose row owns the file.

Where no policy says yes the answer is 404: whether a file exists is private.  Pictures are shown, everything else is a download.
"""

from __future__ import annotations

import io

import sqlalchemy as sa
from flask import Blueprint, abort, send_file
from flask.typing import ResponseReturnValue

from civic.core import files
from civic.core.db import db
from civic.core.files import StoredFile
from civic.core.registry import the_registry
from civic.core.viewer import Viewer, viewer
from civic.core.web.access import public

bp = Blueprint("files", __name__, url_prefix="/files")
SHOWN = {"image/jpeg", "image/png", "image/webp"}


def may_open(who: Viewer, row: StoredFile) -> bool:
    """The owning module decides; a file nobody took over yet is opened by the account that handed it in."""
    if not row.owner_kind:
        return who.is_signed_in and row.account_id == who.account_id
    policies = [module.file_policy[row.owner_kind] for module in the_registry().modules if row.owner_kind in module.file_policy]
    return any(policy(who, row) for policy in policies)


@bp.get("/<sha>")
@public
def download(sha: str) -> ResponseReturnValue:
    rows = db.session.scalars(sa.select(StoredFile).where(StoredFile.sha256 == sha).order_by(StoredFile.id))
    row = next((row for row in rows if may_open(viewer(), row)), None)
    if row is None:
        abort(404)
    try:
        data = io.BytesIO(files.read(row.sha256))  # at most 10 MB
    except files.FileGone:
        abort(404)
    response = send_file(data, row.mime, as_attachment=row.mime not in SHOWN, download_name=row.name, conditional=True, etag=row.sha256)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-cache"
    return response
