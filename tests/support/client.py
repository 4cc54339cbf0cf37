"""A test client that checks every page it fetches, as a careful reader and a strict browser would.

Valid HTML, one h1 that begins the title, labels on fields, ids once, headings without a gap, links and buttons with words, pictures
with a text, a token in every form that writes, nothing inline that the content policy forbids, no address of another host.
Redirects and status are asserted by the caller: `client.get(url, status=200)`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from flask.testing import FlaskClient
from tinyhtml5.parser import HTMLParser
from werkzeug.test import TestResponse


class CheckingClient(FlaskClient):
    """Opens its own application context, so that two clients never share `g`, hence the viewer and the language."""

    def open(self, *args: Any, status: int | None = None, check: bool = True, **kwargs: Any) -> TestResponse:
        kwargs.setdefault("buffered", True)  # files are closed, as a browser closes them
        with self.application.app_context():
            response = super().open(*args, **kwargs)
        if status is not None:
            assert response.status_code == status, (
                f"{response.request.path}: {response.status_code}\n{response.get_data(as_text=True)[:3000]}"
            )
        if check and response.mimetype == "text/html" and response.status_code not in {301, 302, 303, 304} and response.data:
            check_page(response.get_data(as_text=True), response.request.path)
            policy = response.headers["Content-Security-Policy"]
            assert "script-src 'self'" in policy, f"{response.request.path}: {policy}"
            assert "unsafe" not in policy, f"{response.request.path}: {policy}"
        return response

    def submit(
        self, url: str, data: dict[str, Any] | None = None, *, page: str | None = None, status: int | None = None, **kwargs: Any
    ) -> TestResponse:
        """Send a form as a browser would: fetch its page, take its hidden fields, add what was typed.

        page: the address that shows the form, when it is not the one that takes it.
        """
        shown = self.get(page or url)
        return self.post(url, data={**hidden_fields(shown.get_data(as_text=True), url), **(data or {})}, status=status, **kwargs)


def hidden_fields(text: str, action: str = "") -> dict[str, str]:
    """The hidden fields of the form that posts to `action`; of the only posting form, when none names the address."""
    document = HTMLParser(namespace_html_elements=False).parse(text)
    forms = [f for f in document.iter("form") if f.get("method", "get").lower() == "post"]
    assert forms, "the page has no form that posts"
    path = action.partition("?")[0]
    chosen = [f for f in forms if f.get("action", "").partition("?")[0] == path] or [f for f in forms if not f.get("action")] or forms
    return {i.get("name", ""): i.get("value", "") for i in chosen[0].iter("input") if i.get("type") == "hidden" and i.get("name")}


def check_page(text: str, path: str) -> None:
    """Raise AssertionError naming what is wrong with a page."""
    parser = HTMLParser()
    document = parser.parse(text)
    errors = [(position, code) for position, code, _ in parser.errors if code != "expected-doctype-but-got-end-tag"]
    assert not errors, f"{path}: not valid HTML: {errors[:5]}"
    elements = [(str(e.tag).split("}")[-1], e) for e in document.iter() if isinstance(e.tag, str)]
    _check_headings(elements, path)
    ids = [e.get("id") for _, e in elements if e.get("id")]
    double = {i for i in ids if ids.count(i) > 1}
    assert not double, f"{path}: ids stand twice: {double}"
    _check_policy(elements, path)
    _check_labels(elements, path)
    _check_names(elements, path)
    _check_tokens(elements, path)
    for name, e in elements:
        for attribute in ("aria-describedby", "aria-labelledby", "for"):
            for target in (e.get(attribute) or "").split():
                assert target in ids, f"{path}: <{name} {attribute}={target}> points at nothing"
        if name == "form":
            assert e.get("method", "get").lower() in {"get", "post"}, f"{path}: form without a method"


def _words(element: Any) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def _check_headings(elements: list[tuple[str, Any]], path: str) -> None:
    headings = [e for name, e in elements if name == "h1"]
    assert len(headings) == 1, f"{path}: {len(headings)} h1 instead of one"
    title = next((_words(e) for name, e in elements if name == "title"), "")
    assert re.sub(r"\s", "", title).startswith(re.sub(r"\s", "", _words(headings[0]))), (
        f"{path}: the title {title!r} does not begin with the h1"
    )
    levels = [int(name[1]) for name, _ in elements if re.fullmatch(r"h[1-6]", name)]
    gaps = [f"h{a} then h{b}" for a, b in pairwise(levels) if b > a + 1]
    assert not gaps, f"{path}: headings jump: {gaps}"
    html = next(e for name, e in elements if name == "html")
    assert html.get("lang"), f"{path}: no language"


def _check_policy(elements: list[tuple[str, Any]], path: str) -> None:
    for name, e in elements:
        assert name != "style", f"{path}: inline style sheet"
        assert name != "script" or (e.get("src") and not _words(e)), f"{path}: inline script"
        for attribute in e.attrib:
            assert attribute != "style", f"{path}: <{name} style=…> is against the content policy"
            assert not attribute.startswith("on"), f"{path}: <{name} {attribute}=…> is against the content policy"
        for attribute in ("src", "action"):
            value = e.get(attribute) or ""
            assert not re.match(r"(https?:)?//", value), f"{path}: {value} comes from outside"


def _check_labels(elements: list[tuple[str, Any]], path: str) -> None:
    labelled = {e.get("for") for name, e in elements if name == "label"}
    inside = {id(child) for name, e in elements if name == "label" for child in e.iter()}
    for name, e in elements:
        if name not in {"input", "select", "textarea"} or e.get("type") in {"hidden", "submit", "button"}:
            continue
        has = e.get("id") in labelled or id(e) in inside or e.get("aria-label") or e.get("aria-labelledby")
        assert has, f"{path}: <{name} name={e.get('name')}> has no label"


def _check_names(elements: list[tuple[str, Any]], path: str) -> None:
    for name, e in elements:
        said = _words(e) or e.get("aria-label") or e.get("aria-labelledby") or any(i.get("alt") for i in e.iter() if isinstance(i.tag, str))
        assert name not in {"a", "button"} or said, f"{path}: <{name} href={e.get('href')}> has no words"
        assert name != "img" or e.get("alt") is not None, f"{path}: {e.get('src')} has no text beside it"
        assert name != "th" or e.get("scope") or _words(e) == "", f"{path}: <th>{_words(e)} says of no column or row"


def _check_tokens(elements: list[tuple[str, Any]], path: str) -> None:
    for name, e in elements:
        if name != "form" or e.get("method", "get").lower() != "post":
            continue
        hidden = {str(i.get("name")) for i in e.iter() if isinstance(i.tag, str) and i.get("type") == "hidden"}
        assert any(field.endswith("csrf_token") for field in hidden), f"{path}: the form to {e.get('action') or path} has no token"
