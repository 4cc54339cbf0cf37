"""Language, mode and community: negotiated, remembered in plain cookies, changed by links that lead back to the clean address."""

from __future__ import annotations

import pytest

from civic.core.web.preferences import negotiate, preferences_from

BOARD = "/pigeons/board"


# The six cases that were tried with werkzeug's best_match (two of them wrong) and with negotiate_locale (all right).
@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("zh-CN, en;q=0.5", "zh"),
        ("en-GB, zh;q=0.5", "en"),
        ("zh-Hans-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.3", "en"),
        ("ja-JP,ja;q=0.9", "zh"),
    ],
)
def test_the_language_a_browser_asks_for(header, lang):
    assert negotiate(header, "zh") == lang


@pytest.mark.parametrize("header", ["", "*", ";;;q=", "q=1", "zz-ZZ", "en" * 3000])
def test_a_header_that_says_nothing_gets_the_language_of_the_site(header):
    assert negotiate(header, "en") == "en"
    assert negotiate(header, "zh") == "zh"


def test_the_cookie_wins_over_the_browser():
    assert preferences_from("civic_lang=en", "zh-CN", "zh").lang == "en"


@pytest.mark.parametrize("cookie", ["civic_lang=fr", "civic_lang=", "civic_lang", "civic_lang=en%3B", "civic_lang=EN"])
def test_a_cookie_nobody_set_is_ignored(cookie):
    assert preferences_from(cookie, "", "zh").lang == "zh"


@pytest.mark.parametrize("cookie", ["civic_mode=loud", "civic_mode=", "civic_mode=elder%20contrast", 'civic_mode="><script>'])
def test_an_unknown_mode_is_the_plain_one(cookie):
    assert preferences_from(cookie, "", "zh").mode == ""


@pytest.mark.parametrize("place", ["../etc", "a b", "x" * 25, "<b>", "", "榕树"])
def test_a_place_is_a_code_or_nothing(place):
    assert preferences_from(f"civic_place={place}", "", "zh").place == ""


def cookie(answer, name: str) -> str:
    return next((line for line in answer.headers.getlist("Set-Cookie") if line.startswith(f"{name}=")), "")


@pytest.mark.parametrize(
    ("name", "value"), [("lang", "en"), ("lang", "zh"), ("mode", "elder"), ("mode", "contrast"), ("mode", "plain"), ("place", "440113-C1")]
)
def test_a_link_remembers_and_leads_back_to_the_clean_address(client, name, value):
    answer = client.get(f"{BOARD}?{name}={value}", status=303)
    assert answer.headers["Location"] == BOARD
    assert answer.headers["Cache-Control"] == "no-store"
    line = cookie(answer, f"civic_{name}")
    assert line.startswith(f"civic_{name}={value};")
    assert "SameSite=Lax" in line


def test_the_other_arguments_stay(client):
    answer = client.get(f"{BOARD}?flock=%E9%B8%BD&lang=en&empty=&flock=b%26c", status=303)
    assert answer.headers["Location"] == f"{BOARD}?flock=%E9%B8%BD&empty=&flock=b%26c"


def test_several_switches_at_once(client):
    answer = client.get(f"{BOARD}?lang=en&mode=elder&place=C1", status=303)
    assert len(answer.headers.getlist("Set-Cookie")) == 3


@pytest.mark.parametrize("query", ["lang=fr", "mode=loud", "place=../x", "lang="])
def test_an_invalid_value_is_not_remembered(client, query):
    answer = client.get(f"{BOARD}?{query}", status=303)
    assert answer.headers.getlist("Set-Cookie") == []
    assert answer.headers["Location"] == BOARD


def test_an_empty_place_forgets_it(client):
    client.get(f"{BOARD}?place=C1", status=303)
    line = cookie(client.get(f"{BOARD}?place=", status=303), "civic_place")
    assert "Max-Age=0" in line


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/%2Fevil.example/", "/%5Cevil.example/", "/\\evil.example/", "///evil.example", "/%09/evil.example"]
)
def test_no_link_leads_to_another_host(client, path):
    answer = client.get(f"{path}?lang=en", check=False)
    location = answer.headers.get("Location", "/")
    assert location.startswith(("/", "http://localhost/"))
    assert not location.startswith(("//", "/\\", "/\t"))
    assert "\\" not in location


def test_a_path_with_a_question_mark_in_it_stays_a_path(client):
    answer = client.get("/pigeons/landed/a%3Fb%23c?lang=en", status=303)
    assert answer.headers["Location"] == "/pigeons/landed/a%3Fb%23c"


def test_pages_speak_the_chosen_language(client):
    assert ">  en" not in client.get(BOARD, status=200).get_data(as_text=True)
    client.get(f"{BOARD}?lang=en", status=303)
    assert " en " in client.get(BOARD, status=200).get_data(as_text=True)


def test_two_clients_do_not_share_a_language(site):
    english, chinese = site.test_client(), site.test_client()
    english.get(f"{BOARD}?lang=en", status=303)
    assert " en " in english.get(BOARD).get_data(as_text=True)
    assert " zh " in chinese.get(BOARD).get_data(as_text=True)


def test_only_get_switches(client):
    client.application.config["WTF_CSRF_ENABLED"] = False
    try:
        answer = client.post("/pigeons/land?lang=en", data={"name": "dove"}, check=False)
    finally:
        client.application.config["WTF_CSRF_ENABLED"] = True
    assert cookie(answer, "civic_lang") == ""
