"""The operator's log: JSON or text, one line an event, the request's id, errors with their trace in the same line."""

from __future__ import annotations

import json
import logging

import pytest
from flask import g

from civic.core.logs import init_logs


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
