"""What goes wrong is said in words, in the reader's language, on a page or as problem+json; and the headers of every answer."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound, RequestEntityTooLarge, UnsupportedMediaType

from civic.core.errors import Conflict, DomainError, NotAllowed, TooManyTries
from civic.core.web import errors
from tests.support.client import check_page
from tests.support.features import LoftFull


@pytest.fixture
def unguarded(site):
    """Errors become pages, as in production."""
    site.config["PROPAGATE_EXCEPTIONS"] = False
    yield site
    site.config["PROPAGATE_EXCEPTIONS"] = None


def has_chinese(text: str) -> bool:
    return any("\u4e00" <= c <= "\u9fff" for c in text)


def head_of(answer) -> str:
    return answer.get_data(as_text=True).split("<h1>")[1].split("</h1>")[0]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "error",
    [
        BadRequest(),
        NotAllowed(),
        NotFound(),
        MethodNotAllowed(["GET"]),
        RequestEntityTooLarge(),
        UnsupportedMediaType(),
        Conflict(),
        LoftFull(room=3),
        TooManyTries(minutes=7),
    ],
    ids=lambda error: str(getattr(error, "code", "")),
)
def test_every_refusal_has_a_page_in_both_languages(site, error, lang):
    headers = {"Cookie": f"civic_lang={lang}"}
    with site.test_request_context("/pigeons/", headers=headers):
        answer = site.make_response(site.handle_user_exception(error))
    check_page(answer.get_data(as_text=True), str(error))
    assert answer.status_code == (error.status if isinstance(error, DomainError) else error.code)
    assert has_chinese(head_of(answer)) is (lang == "zh")


def test_a_missing_page_says_so(client):
    assert client.get("/no-such-page", status=404).mimetype == "text/html"


def test_a_wrong_method_names_the_right_ones(client):
    answer = client.put("/pigeons/", status=405)
    assert "GET" in answer.headers["Allow"]


def test_a_refusal_shows_its_own_sentence(client):
    assert "3" in client.get("/pigeons/refused", status=422).get_data(as_text=True)


def test_a_lock_out_says_how_long_in_words_and_for_programs(client):
    answer = client.get("/pigeons/tired", status=429)
    assert answer.headers["Retry-After"] == "420"
    assert "7" in answer.get_data(as_text=True)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_broken_page_tells_a_number_and_no_secret(unguarded, client, lang, caplog):
    client.set_cookie("civic_lang", lang)
    text = client.get("/pigeons/broken", status=500).get_data(as_text=True)
    assert "secret" not in text
    assert "Traceback" not in text
    number = caplog.records[-1].getMessage().split()[1]
    assert number in text
    assert "ZeroDivisionError" in caplog.text


def test_a_broken_page_needs_neither_viewer_nor_community(unguarded, client, monkeypatch):
    def down(*_):
        raise RuntimeError("the database is away")

    monkeypatch.setattr("civic.core.web.context.viewer", down)
    monkeypatch.setattr("civic.core.web.context.place_path", down)
    client.get("/pigeons/broken", status=500)


def test_in_tests_a_fault_is_raised_and_not_drawn(client):
    with pytest.raises(ZeroDivisionError):
        client.get("/pigeons/broken")


# ---- problem+json ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("PUT", "/api/v1/pigeons", 405, "method_not_allowed"),
        ("GET", "/api/v1/pigeons/refused", 422, "loft_full"),
    ],
)
def test_the_api_answers_with_a_problem(client, method, path, status, code):
    answer = client.open(path, method=method, status=status)
    assert answer.mimetype == "application/problem+json"
    told = answer.get_json()
    assert (told["status"], told["code"], told["type"]) == (status, code, "about:blank")
    assert {"title", "detail", "context"} <= told.keys()


def test_a_problem_has_its_title_in_the_readers_language_and_only_plain_values(client):
    told = client.get("/api/v1/pigeons/refused", headers={"Accept-Language": "zh"}).get_json()
    assert has_chinese(told["title"])
    assert told["context"] == {"room": 3}
    assert client.get("/api/v1/pigeons/refused", headers={"Accept-Language": "en"}).get_json()["title"] == "A rule says no"


def test_a_body_over_the_limit_of_the_api_is_refused_with_the_number(client):
    answer = client.post("/api/v1/pigeons", data=b"x" * (2**20 + 1), status=400)
    assert answer.get_json()["context"] == {"most": 2**20}


def test_public_reads_of_the_api_allow_any_origin_and_set_no_cookie(client):
    answer = client.get("/api/v1/pigeons", status=200)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers


def test_a_title_stands_for_every_status_that_pages_answer_with():
    assert {400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 503} <= errors.TITLES.keys()


# ---- headers ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path",
    [
        "/pigeons/",
        "/pigeons/board",
        "/no-such-page",
        "/pigeons/refused",
        "/api/v1/pigeons",
        "/api/v1/nothing",
        "/api/v1/openapi.json",
        "/pigeons/board?lang=en",
    ],
)
def test_every_answer_carries_the_policies(client, path):
    head = client.get(path).headers
    policy = head["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (head["X-Content-Type-Options"], head["Referrer-Policy"]) == ("nosniff", "same-origin")
    assert head["Cache-Control"] in {"private, no-cache", "no-store"}
    assert "Strict-Transport-Security" not in head


def test_over_https_browsers_are_told_to_stay_there(client):
    assert "max-age" in client.get("/pigeons/", base_url="https://localhost").headers["Strict-Transport-Security"]


def test_a_broken_answer_carries_the_policies_too(unguarded, client):
    assert "default-src 'none'" in client.get("/pigeons/broken", status=500).headers["Content-Security-Policy"]


def test_long_pages_are_compressed_for_who_can_read_it(client):
    plain = client.get("/pigeons/board")
    packed = client.get("/pigeons/board", headers={"Accept-Encoding": "gzip"}, check=False)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(plain.data) / 5
    assert "Content-Encoding" not in client.get("/pigeons/", headers={"Accept-Encoding": "gzip"}).headers


def test_static_files_are_not_sniffed_and_kept_for_a_year(client, site):
    with client.get(f"/static/{site.extensions['civic'].assets}/css/site.css", status=200) as answer:
        head = answer.headers
    assert head["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in head["Cache-Control"]
