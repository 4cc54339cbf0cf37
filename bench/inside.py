"""`python -m bench.inside`: counts the SQL statements of the main pages inside a process, with the page cache off.

Each page is asked for in a fresh copy of the process that has read nothing yet (cold: the catalogue's cards, places and the
calendar are read too) and once more in the same copy (warm: what a process keeps is kept, the page is rendered again).
"""

from __future__ import annotations

import json
import multiprocessing
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import BuildError

from bench.house import MARK
from civic.app import create_app
from civic.commands.demo import PASSWORD
from civic.config import load_settings
from civic.core.db import db
from tests.support.client import hidden_fields

ITEM = "SI-LG-004"
PAGES: tuple[tuple[str, str, dict[str, Any], str], ...] = (  # login, endpoint, arguments, cookies
    ("", "front.home", {}, ""),
    ("", "front.home", {}, "civic_mode=elder"),
    ("", "front.home", {}, "civic_place=440113010901"),
    ("", "catalogue.items", {}, ""),
    ("", "catalogue.items", {"q": "居住证"}, ""),
    ("", "catalogue.item", {"code": ITEM}, ""),
    ("", "catalogue.item", {"code": ITEM}, "civic_place=440113010901"),
    ("", "front.find", {"q": "老人金"}, ""),
    ("", "front.find", {"q": "zxkwvbqjf"}, ""),
    ("", "front.places_page", {}, ""),
    ("", "territory.stations", {}, ""),
    ("", "front.workdays", {"from": "2026-09-30", "days": 5}, ""),
    ("admin", "front_desk.desk", {}, ""),
    ("admin", "accounts_desk.index", {}, ""),
    ("admin", "accounts.home", {}, ""),
    ("admin", "front.home", {}, ""),
    ("handler", "catalogue_desk.items", {}, ""),
    ("handler", "catalogue_desk.edit", {"code": ITEM}, ""),
    ("manager", "front_desk.desk", {}, ""),
)


def count(app: Flask, login: str, path: str, cookies: str) -> dict[str, Any]:
    """Statements of one page, cold and warm."""
    seen: list[str] = []
    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: seen.append(statement))
    client = app.test_client()
    for cookie in filter(None, cookies.split("; ")):
        name, _, value = cookie.partition("=")
        client.set_cookie(name, value)
    if login:
        sign_in(app, login, client)
    found: dict[str, Any] = {"page": f"{path}{f' ({cookies})' if cookies else ''}{f' as {login}' if login else ''}"}
    for when in ("cold", "warm"):
        seen.clear()
        with app.app_context():
            answer = client.get(path)
        assert answer.status_code == 200, f"{path} as {login or 'visitor'}: {answer.status_code}"
        assert b"</html>" in answer.data, path
        found[when] = sum(1 for s in seen if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")))
    return found


def sign_in(app: Flask, login: str, client: Any) -> None:
    with app.app_context():
        shown = client.get("/account/sign-in", base_url="https://localhost")
        fields = {**hidden_fields(shown.get_data(as_text=True)), "login": login, "password": PASSWORD}
        answer = client.post(
            "/account/sign-in", data=fields, base_url="https://localhost", headers={"Referer": "https://localhost/account/sign-in"}
        )
    assert answer.status_code in {302, 303}, f"signing in as {login}: {answer.status_code}"


def make() -> Flask:
    """The application as production has it, except that no page comes from the cache."""
    app = create_app(load_settings())
    app.config.update(SERVER_NAME=None, SESSION_COOKIE_SECURE=False)
    site = app.extensions["civic"]
    assert site.cache is not None
    site.cache.is_on = False
    return app


def addresses(app: Flask) -> list[tuple[str, str, str]]:
    """Login, path, cookies of every page.  Raises BuildError for a page that is not there."""
    found = []
    with app.test_request_context():
        for login, endpoint, arguments, cookies in PAGES:
            try:
                found.append((login, app.url_for(endpoint, **arguments), cookies))
            except BuildError as fault:
                raise SystemExit(f"The page {endpoint} is not there: {fault}") from None
    return found


def main() -> None:
    app = make()
    pages = addresses(app)
    context = multiprocessing.get_context("fork")  # a copy of a process that has opened no connection yet
    with context.Pool(1, initializer=_keep, initargs=(app,), maxtasksperchild=1) as pool:
        counts = pool.starmap(_count_one, pages, chunksize=1)
    print(MARK + json.dumps(counts))


_app: list[Flask] = []


def _keep(app: Flask) -> None:
    _app.append(app)


def _count_one(login: str, path: str, cookies: str) -> dict[str, Any]:
    return count(_app[0], login, path, cookies)


if __name__ == "__main__":
    main()
