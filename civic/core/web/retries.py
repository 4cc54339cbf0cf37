"""A block cannot run again after a database conflict, so the view does: at most three times, with the same key.

Retried: deadlock (40P01), serialisation failure (40001), lock timeout (55P03), SQLite's "database is locked".
"""

from __future__ import annotations

import random
import time

from flask import Flask, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError

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

    def dispatch_request(self) -> ResponseReturnValue:
        if request.method in SAFE:
            return super().dispatch_request()
        for run in range(1, MOST_RUNS + 1):
            try:
                return super().dispatch_request()
            except OperationalError as error:
                db.session.rollback()
                if run == MOST_RUNS or not is_conflict(error):
                    raise
                g.pop("civic_viewer", None)
                for file in request.files.values():
                    file.stream.seek(0)  # the first run has read it to the end
                time.sleep(random.uniform(0.01, 0.05) * run)  # noqa: S311 - so that the two do not meet again
        raise AssertionError("unreachable")
