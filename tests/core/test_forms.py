"""Forms: what people type is trimmed and kept, a second click does nothing, another file under the same key is told apart."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from wtforms import DateField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice

from civic.core.errors import Conflict
from civic.core.web.forms import BasedForm, ChoiceField, Form, trimmed
from tests.support.client import hidden_fields
from tests.support.features import LandForm, marks

URL = "/pigeons/land"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  a  ", "a"),
        ("\u3000居\u3000", "居"),
        ("e\u0301", "é"),
        ("a\x00b\x07c", "abc"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("𠮷 㙓 👩‍👩‍👧 🀄", "𠮷 㙓 👩‍👩‍👧 🀄"),
        ("\ud800x", "x"),
        (None, None),
        (3, 3),
    ],
)
def test_what_people_type_is_trimmed_and_composed(typed, kept):
    assert trimmed(typed) == kept


@given(st.text())
def test_trimming_twice_is_trimming_once_and_no_control_character_stays(typed):
    once = trimmed(typed)
    assert trimmed(once) == once
    assert not [c for c in once if unicodedata.category(c) == "Cc" and c not in "\n\t"]


def test_every_text_field_of_a_form_is_trimmed(site):
    with site.test_request_context("/", method="POST", data={"name": " dove\x00 ", "words": " a\r\nb "}):
        form = LandForm()
        assert (form.name.data, form.words.data) == ("dove", "a\nb")


class NestForm(BasedForm):
    """A nest that two people may edit."""

    name = StringField("Name")
    kind = ChoiceField("Kind", choices=[SelectChoice("twig", "Of twigs"), SelectChoice("mud", "Of mud")])
    built_on = DateField("Built on")
    rooms = SelectMultipleField("Rooms", choices=[SelectChoice("a", "Attic"), SelectChoice("b", "Barn")])


@pytest.mark.parametrize(("typed", "version"), [("3", 3), ("", 0), ("x", 0), ("-1", 0), ("9" * 5000, 0), (None, 0)])
def test_a_base_that_was_tampered_with_fits_no_version(site, typed, version):
    with site.test_request_context("/"):
        assert NestForm(MultiDict({"base": typed} if typed is not None else {}), meta={"csrf": False}).base_version == version


def test_two_versions_stand_side_by_side_in_the_words_of_the_page(site):
    sent = MultiDict([("base", "1"), ("name", "Old oak"), ("kind", "mud"), ("built_on", "2026-11-25"), ("rooms", "a"), ("rooms", "b")])
    with site.test_request_context("/"):
        form = NestForm(sent, meta={"csrf": False})
        now = {"base": "2", "name": "Old oak", "kind": "twig", "built_on": None, "rooms": ["a"], "elsewhere": 1}
        assert form.beside(Conflict(current=2), lambda: now) == [
            ("Kind", "Of twigs", "Of mud"),
            ("Built on", "", "2026-11-25"),
            ("Rooms", "Attic", "Attic, Barn"),
        ]
        assert form.base_version == 2


def test_too_long_says_how_many_there_are(site):
    with site.test_request_context("/", headers={"Accept-Language": "en"}):
        form = LandForm(MultiDict({"name": "x" * 10_000}), meta={"csrf": False})
        assert not form.validate()
        assert form.name.errors == ["At most 20 characters; there are 10000."]
        assert form.name.data == "x" * 10_000
        assert ("name", "Name of the pigeon", "At most 20 characters; there are 10000.") in form.error_list()


def test_a_form_goes_through(client):
    answer = client.submit(URL, {"name": "dove"}, status=303)
    assert answer.headers["Location"] == "/pigeons/landed/dove"
    assert marks("pigeon") == ["pigeon:dove"]


def test_a_double_click_does_it_once_and_leads_to_the_same_page(client):
    fields = {**hidden_fields(client.get(URL).get_data(as_text=True)), "name": "dove"}
    answers = [client.post(URL, data=fields, status=303).headers["Location"] for _ in range(3)]
    assert answers == ["/pigeons/landed/dove"] * 3
    assert marks("pigeon") == ["pigeon:dove"]


def test_the_back_button_with_other_words_is_told(client):
    fields = hidden_fields(client.get(URL).get_data(as_text=True))
    client.post(URL, data={**fields, "name": "dove"}, status=303)
    answer = client.post(URL, data={**fields, "name": "rock"}, status=409)
    assert 'value="rock"' in answer.get_data(as_text=True)
    assert marks("pigeon") == ["pigeon:dove"]


def test_the_back_button_with_another_file_is_told(client):
    fields = hidden_fields(client.get(URL).get_data(as_text=True))
    client.post(URL, data={**fields, "name": "dove", "picture": (io.BytesIO(b"one"), "p.png")}, status=303)
    client.post(URL, data={**fields, "name": "dove", "picture": (io.BytesIO(b"one"), "p.png")}, status=303)
    client.post(URL, data={**fields, "name": "dove", "picture": (io.BytesIO(b"two"), "p.png")}, status=409)


def test_a_refusal_stands_at_its_field_keeps_what_was_typed_and_gives_a_new_key(client):
    first = hidden_fields(client.get(URL).get_data(as_text=True))
    answer = client.post(URL, data={**first, "name": "crow", "words": "two\nlines"}, status=422)
    text = answer.get_data(as_text=True)
    assert 'value="crow"' in text
    assert "two\nlines" in text
    assert re.search(r'id="name-error".*?3', text, re.DOTALL)
    second = hidden_fields(text)
    assert second["request_key"] != first["request_key"]
    client.post(URL, data={**second, "name": "dove"}, status=303)


def test_a_refusal_without_a_field_stands_at_the_top(client):
    text = client.submit(URL, {"name": "eagle"}, status=422).get_data(as_text=True)
    assert 'role="alert"' in text


def test_a_form_without_its_token_is_refused_in_words(client):
    fields = hidden_fields(client.get(URL).get_data(as_text=True))
    for data in ({"name": "dove"}, {**fields, "csrf_token": "wrong", "name": "dove"}):
        client.post(URL, data=data, status=400)
    assert marks("pigeon") == []


def test_a_key_of_any_length_or_kind_is_taken(client):
    for key in ("x" * 10_000, "\x00", "𠮷" * 200, ""):
        client.submit(URL, {"name": f"d{len(key)}", "request_key": key}, status=303)


def test_two_forms_have_two_keys(site):
    class Empty(Form):
        pass

    with site.test_request_context("/"):
        assert Empty().request_key.data != Empty().request_key.data
