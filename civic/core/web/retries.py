"""A block cannot run again after a database conflict, so the view does: at most three times, with the same key.

Retried: deadlock (40P01), serialisation failure (40001), lock timeout (55P03), SQLite's "database is locked".
"""

from __future__ import annotations

import random
import time
from typing import Any

from flask import Flask, g, has_request_context, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import FileStorage

from civic.core.db import db

MOST_RUNS = 3
SQLSTATES = {"40P01", "40001", "55P03"}
SAFE = {"GET", "HEAD", "OPTIONS"}


def is_conflict(error: OperationalError) -> bool:
    """Two writers met; nothing of this one was kept."""
    state = getattr(error.orig, "sqlstate", None)
    return state in SQLSTATES or "database is locked" in str(error.orig)


class CivicFlask(Flask):
    """Flask whose unsafe views run again when the database says that two writers met."""

    def url_for(self, /, endpoint: str, **values: Any) -> str:
        """The address of a page without arguments is made once: a page names forty of them, 9 µs each."""
        if not has_request_context() or any(value is not None for value in values.values()):
            return super().url_for(endpoint, **values)
        near = (request.blueprint or "") if endpoint.startswith(".") else ""
        key = (request.environ.get("SCRIPT_NAME", ""), near, endpoint)
        known: dict[tuple[str, str, str], str] = self.extensions.setdefault("civic_addresses", {})
        if key not in known:
            known[key] = super().url_for(endpoint)
        return known[key]

    def dispatch_request(self) -> ResponseReturnValue:
        if request.method in SAFE:
            return super().dispatch_request()
        try:
            return self._until_it_went_through()
        finally:
            for file in _uploads():
                file.close()

    def _until_it_went_through(self) -> ResponseReturnValue:
        for run in range(1, MOST_RUNS + 1):
            try:
                return super().dispatch_request()
            except OperationalError as error:
                db.session.rollback()
                if run == MOST_RUNS or not is_conflict(error):
                    raise
                g.pop("civic_viewer", None)
                for file in _uploads():
                    file.stream.seek(0)  # the first run has read it to the end
                time.sleep(random.uniform(0.01, 0.05) * run)  # noqa: S311 - so that the two do not meet again
        raise AssertionError("unreachable")


def _uploads() -> list[FileStorage]:
    """Every file of the request, as far as anybody asked for them: asking here would read a body that the view wants itself."""
    files = request.__dict__.get("files")
    return [file for each in files.listvalues() for file in each] if files else []
