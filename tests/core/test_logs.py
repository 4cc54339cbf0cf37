"""The operator's log: JSON or text, one line an event, the request's id, errors with their trace in the same line."""

from __future__ import annotations

import json
import logging
import traceback

import pytest
import sqlalchemy as sa
from flask import g
from sqlalchemy.exc import DBAPIError

from civic.core.db import db
from civic.core.logs import init_logs

VALUES = {"name": "王小芳 13800138000"}  # here, because a traceback repeats the lines of the code


@pytest.fixture(autouse=True)
def _restore():
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = before, level


def test_json_is_one_object_a_line_with_the_requests_id(site, capsys):
    init_logs("json")
    with site.test_request_context("/"):
        g.request_id = "abc123"
        logging.getLogger("civic.x").warning("job %s failed", "audit-seal")
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            logging.getLogger("civic.x").exception("broken")
    first, second = (json.loads(line) for line in capsys.readouterr().err.strip().split("\n"))
    assert (first["event"], first["level"], first["request"]) == ("job audit-seal failed", "warning", "abc123")
    assert "ZeroDivisionError" in second["exception"]


def test_text_is_for_people(capsys):
    init_logs("text")
    logging.getLogger("civic.x").info("ready")
    assert "ready" in capsys.readouterr().err


def test_an_error_of_the_database_never_repeats_the_values_of_its_statement(app):
    """Names, phones and hashes are the values of most statements, and an unexpected error is logged with its whole text."""
    with app.app_context():
        for statement in (
            "SELECT :name FROM no_such_table",
            "INSERT INTO account (login, name) VALUES (:name, :name)",
            "INSERT INTO site_mark (name, value) VALUES (:name, ''), (:name, '')",
        ):
            with pytest.raises(DBAPIError) as error:
                db.session.execute(sa.text(statement), VALUES)
            db.session.rollback()
            told = "".join(traceback.format_exception(error.value))
            assert "王小芳" not in told
            assert "13800138000" not in told
            assert "SQL parameters hidden" in told
