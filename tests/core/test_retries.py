"""Views that meet another writer run again with the same key, at most three times; other faults never do."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa
from flask import request
from sqlalchemy.exc import OperationalError

from civic.core.db import db
from civic.core.idempotency import IdempotencyKey
from civic.core.web.retries import is_conflict
from civic.core.web.uploads import UploadForm


@pytest.fixture
def met(site, client):
    """POST to the view that meets `times` conflicts of a kind; returns status and text."""
    site.config["WTF_CSRF_ENABLED"] = False
    site.extensions["pigeons-seen"] = []

    def post(times: int, word: str = "database is locked"):
        data = {"request_key": "one-key", "picture": (io.BytesIO(b"a picture"), "p.png")}
        answer = client.post(f"/pigeons/meeting/{times}/{word}", data=data, check=False)
        return answer.status_code, answer.get_data(as_text=True)

    yield post
    site.config["WTF_CSRF_ENABLED"] = True
    site.config["PROPAGATE_EXCEPTIONS"] = None


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_view_runs_again_until_it_went_through(met, site, times):
    assert met(times) == (200, str(times + 1))
    keys = db.session.scalars(sa.select(IdempotencyKey.key)).all()
    assert len(keys) == 1


def test_each_run_reads_its_file_from_the_start(met, site):
    met(2)
    assert site.extensions["pigeons-seen"] == [b"a picture"] * 3


def test_files_that_a_form_has_taken_can_be_read_again(site):
    paper = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
    data = {"files": (io.BytesIO(paper), "p.pdf")}
    with site.test_request_context("/", method="POST", data=data):
        form = UploadForm(meta={"csrf": False})
        assert [each.name for each in form.take()] == ["p.pdf"]
        for file in request.files.values():
            assert file.stream.seek(0) == 0  # as the second run does


def test_after_three_runs_it_says_so(met, site):
    site.config["PROPAGATE_EXCEPTIONS"] = False
    status, text = met(3)
    assert (status, len(site.extensions["pigeons-seen"])) == (503, 3)
    assert "database is locked" not in text
    assert db.session.scalars(sa.select(IdempotencyKey)).all() == []


def test_other_faults_are_not_tried_again(met, site):
    with pytest.raises(OperationalError):
        met(1, "disk is full")
    assert len(site.extensions["pigeons-seen"]) == 1


@pytest.mark.parametrize(("state", "again"), [("40P01", True), ("40001", True), ("55P03", True), ("57014", False), ("23505", False)])
def test_the_states_that_mean_two_writers_met(state, again):
    cause = Exception("x")
    cause.sqlstate = state
    assert is_conflict(OperationalError("", {}, cause)) is again
