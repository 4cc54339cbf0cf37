"""Stored reading pages: answered without SQL, fresh within a second, never another reader's, never more than there is room for."""

from __future__ import annotations

import gzip
from datetime import timedelta

import brotli
import pytest
import sqlalchemy as sa

from civic.app import create_app
from civic.core import clock, freshness
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.site import FeatureSwitch, SiteMark
from civic.core.viewer import Viewer
from civic.core.web import pagecache
from tests.conftest import ENGINES, NOW, settings_for
from tests.support import features
from tests.support.client import CheckingClient
from tests.support.features import KEEPER, land

BOARD = "/pigeons/board"


@pytest.fixture(scope="module", params=ENGINES)
def built(request, built_url, tmp_path_factory):
    """One site on each engine with the cache on, as in production, and the test features."""
    made = create_app(
        settings_for(built_url(request.param, f"cache_{request.param}"), tmp_path_factory.mktemp("cache")), extra=features.modules()
    )
    made.test_client_class = CheckingClient
    made.extensions["civic"].cache.is_on = True
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def seconds(monkeypatch):
    """The clock by which a process counts its second; `seconds(2)` goes on."""
    now = [1000.0]
    monkeypatch.setattr(freshness.time, "monotonic", lambda: now[0])

    def go_on(by: float) -> None:
        now[0] += by

    return go_on


@pytest.fixture
def cached(built, seconds):
    """The site, empty of rows and of stored pages, with the clock at NOW."""
    with built.app_context(), atomic():
        for table in ("feature_switch", "content_version", "site_mark"):
            db.session.execute(sa.text(f"DELETE FROM {table}"))
    cache = built.extensions["civic"].cache
    with cache._lock:
        cache._entries.clear()
        cache._declared.clear()
        cache._bytes = 0
    for name in ("pigeons-drawn", "pigeons-until"):
        built.extensions.pop(name, None)
    freshness.forget()
    with clock.frozen(NOW):
        yield built
    freshness.forget()


@pytest.fixture
def reader(cached):
    """A visitor."""
    return cached.test_client()


def drawn(app) -> int:
    return app.extensions.get("pigeons-drawn", 0)


def write(app, name: str) -> None:
    with app.app_context():
        land(KEEPER, name)


def test_the_second_visitor_gets_the_stored_page_without_any_sql(cached, reader, seconds):
    first = reader.get(BOARD, status=200)
    statements = []
    listen = lambda *arguments: statements.append(arguments[2])  # noqa: E731
    with cached.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", listen)
    try:
        again = cached.test_client().get(BOARD, status=200)
    finally:
        sa.event.remove(engine, "before_cursor_execute", listen)
    assert (again.data, drawn(cached), statements) == (first.data, 1, [])


def test_a_change_of_its_topic_is_seen_after_a_second(cached, reader, seconds):
    reader.get(BOARD)
    write(cached, "rock")
    assert "rock" not in reader.get(BOARD).get_data(as_text=True)
    seconds(1.01)
    assert "pigeon:rock" in reader.get(BOARD).get_data(as_text=True)
    assert drawn(cached) == 2


def test_a_change_of_another_topic_draws_nothing_again(cached, reader, seconds):
    reader.get(BOARD)
    with cached.app_context(), atomic() as tx:
        tx.touch("kites")
    seconds(1.01)
    reader.get(BOARD)
    assert drawn(cached) == 1


def test_a_refused_change_draws_nothing_again(cached, reader, seconds):
    reader.get(BOARD)
    with pytest.raises(features.SkyFull):
        write(cached, "eagle")
    seconds(1.01)
    reader.get(BOARD)
    assert drawn(cached) == 1


def test_a_page_drawn_while_its_content_changes_is_drawn_again(cached, reader, seconds, monkeypatch):
    """The change comes after the versions were read and before the page is: its label must be the older version."""
    real = features.marks

    def late(kind: str) -> list[str]:
        found = real(kind)
        monkeypatch.setattr(features, "marks", real)
        db.session.rollback()
        with atomic() as tx:
            db.session.add(SiteMark(name="pigeon:late", value="1"))
            tx.touch("pigeons")
        return found

    monkeypatch.setattr(features, "marks", late)
    assert "late" not in reader.get(BOARD).get_data(as_text=True)
    seconds(1.01)
    assert "late" in reader.get(BOARD).get_data(as_text=True)


def test_the_next_day_the_page_is_drawn_again(cached, reader):
    reader.get(BOARD)
    with clock.frozen(clock.day_bounds(clock.today())[1] - timedelta(seconds=1)):
        reader.get(BOARD)
    assert drawn(cached) == 1
    with clock.frozen(clock.day_bounds(clock.today())[1]):
        reader.get(BOARD)
    assert drawn(cached) == 2


def test_a_page_that_is_true_until_a_moment_is_drawn_again_then(cached, reader):
    cached.extensions["pigeons-until"] = clock.now() + timedelta(minutes=5)
    reader.get("/pigeons/closing")
    with clock.frozen(clock.now() + timedelta(minutes=5, seconds=-1)):
        reader.get("/pigeons/closing")
    assert drawn(cached) == 1
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        reader.get("/pigeons/closing")
    assert drawn(cached) == 2


def test_unknown_arguments_are_dropped_and_known_ones_are_part_of_the_address(cached, reader):
    reader.get(BOARD)
    for query in ("?utm_source=x", "?fbclid=1&utm=2", "?flocks=a"):
        reader.get(BOARD + query)
    assert drawn(cached) == 1
    assert "<p>a zh" in reader.get(f"{BOARD}?flock=a").get_data(as_text=True)
    assert "<p>b zh" in reader.get(f"{BOARD}?flock=b&x=1").get_data(as_text=True)
    assert "<p>a zh" in reader.get(f"{BOARD}?x=1&flock=a").get_data(as_text=True)
    assert drawn(cached) == 3


def test_the_order_of_two_values_of_one_argument_matters(reader):
    assert "<p>a zh" in reader.get(f"{BOARD}?flock=a&flock=b").get_data(as_text=True)
    assert "<p>b zh" in reader.get(f"{BOARD}?flock=b&flock=a").get_data(as_text=True)


def test_language_mode_and_community_have_their_own_pages(cached):
    for header, cookies in (
        ({}, {}),
        ({"Accept-Language": "en"}, {}),
        ({}, {"civic_lang": "en"}),
        ({}, {"civic_mode": "elder"}),
        ({}, {"civic_place": "C1"}),
    ):
        client = cached.test_client()
        for name, value in cookies.items():
            client.set_cookie(name, value)
        for _ in range(2):
            text = client.get(BOARD, headers=header, status=200).get_data(as_text=True)
        assert (" en " in text) is (header != {} or "civic_lang" in cookies)
        assert (" elder<" in text) is ("civic_mode" in cookies)
    assert drawn(cached) == 4  # the browser's English and the cookie's are the same page


def test_a_switch_is_never_stored_nor_swallowed(cached, reader):
    reader.get(BOARD)
    for query in ("?lang=en", "?mode=elder", "?place=C1", "?place=", "?lang"):
        for _ in range(2):
            assert reader.get(BOARD + query, status=303).headers["Location"] == BOARD
    assert "Max-Age=0" in reader.get(f"{BOARD}?place=").headers["Set-Cookie"]


def test_validators_and_the_short_answer(cached, reader):
    first = reader.get(BOARD)
    assert first.headers["Cache-Control"] == "no-cache"
    assert {"Cookie", "Accept-Language", "Accept-Encoding"} == set(first.headers["Vary"].split(", "))
    for condition in (first.headers["ETag"], f'"x", {first.headers["ETag"]}', "*"):
        again = reader.get(BOARD, headers={"If-None-Match": condition}, status=304)
        assert (again.data, again.headers["ETag"]) == (b"", first.headers["ETag"])
        assert "default-src" in again.headers["Content-Security-Policy"]
    reader.get(BOARD, headers={"If-None-Match": '"other"'}, status=200)
    assert drawn(cached) == 1


def test_the_validator_changes_with_the_content(cached, reader, seconds):
    first = reader.get(BOARD).headers["ETag"]
    write(cached, "rock")
    seconds(1.01)
    assert reader.get(BOARD, headers={"If-None-Match": first}, status=200).headers["ETag"] != first


def test_the_packed_variants_hold_the_same_page(cached, reader):
    for first in (True, False):  # drawn for this request, then stored
        for accepted, unpack in (("gzip, deflate, br", brotli.decompress), ("gzip", gzip.decompress), ("", bytes)):
            answer = reader.get(BOARD, headers={"Accept-Encoding": accepted}, check=False)
            assert answer.headers.get("Content-Encoding", "") == {"": "", "gzip": "gzip"}.get(accepted, "br"), first
            assert unpack(answer.data).startswith(b"<!doctype html>")
            assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert drawn(cached) == 1


def test_head_is_the_page_without_its_body(cached, reader):
    for _ in range(2):
        head = reader.head(BOARD, status=200)
        assert head.data == b""
    page = reader.get(BOARD)
    assert (head.headers["ETag"], head.headers["Content-Length"]) == (page.headers["ETag"], page.headers["Content-Length"])
    assert drawn(cached) == 1


def test_reading_pages_set_no_cookie(cached, reader):
    for _ in range(2):
        assert "Set-Cookie" not in reader.get(BOARD).headers


def test_a_page_that_sets_a_cookie_is_not_stored(cached, reader):
    for _ in range(2):
        answer = reader.get("/pigeons/closing?cookie=1", status=200)
        assert "Set-Cookie" in answer.headers
        assert answer.headers["Cache-Control"] == "private, no-cache"
    assert drawn(cached) == 2


def test_a_refusal_after_the_declaration_is_not_stored(cached, reader):
    for _ in range(2):
        answer = reader.get("/pigeons/closing?gone=1", status=422)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "ETag" not in answer.headers
    assert len(cached.extensions["civic"].cache) == 0


def test_other_pages_are_not_stored(cached, reader):
    reader.get("/pigeons/")
    reader.get("/pigeons/land")
    assert len(cached.extensions["civic"].cache) == 0


def test_signed_in_readers_and_programs_never_meet_the_store(cached, reader, monkeypatch):
    reader.get(BOARD)
    monkeypatch.setattr(cached.extensions["civic"].hooks, "build_viewer", lambda: Viewer(account_id=1, name="Wang"))
    for headers in ({"Cookie": "civic_session=x"}, {"Authorization": "Bearer x"}):
        answer = cached.test_client(use_cookies=False).get(BOARD, headers=headers, status=200)
        assert answer.headers["Cache-Control"] == "private, no-cache"
    assert drawn(cached) == 3
    assert len(cached.extensions["civic"].cache) == 1


def test_a_feature_switched_off_takes_its_stored_pages_along(cached, reader, seconds):
    reader.get(BOARD)
    with cached.app_context(), atomic():
        db.session.add(FeatureSwitch(feature="pigeons", from_on=clock.today(), is_off=True))
    seconds(1.01)
    reader.get(BOARD, status=404)


def test_marking_the_site_a_demonstration_draws_everything_again(cached, reader, seconds):
    reader.get(BOARD)
    with cached.app_context(), atomic():
        db.session.add(SiteMark(name="demo", value="yes"))
    seconds(1.01)
    reader.get(BOARD)
    assert drawn(cached) == 2


def test_a_foreign_host_has_a_page_of_its_own(cached, reader):
    """Without CIVIC_BASE_URL the host stands in absolute links: nobody may plant one in the page of the others."""
    reader.get(BOARD, headers={"Host": "evil.example"})
    reader.get(BOARD)
    reader.get(BOARD, base_url="https://localhost")
    assert drawn(cached) == 3


def test_there_is_room_for_so_many_and_the_one_asked_for_last_stays(cached, reader, monkeypatch):
    monkeypatch.setattr(pagecache, "MOST_ENTRIES", 3)
    for flock in "abc":
        reader.get(f"{BOARD}?flock={flock}")
    reader.get(f"{BOARD}?flock=a")
    reader.get(f"{BOARD}?flock=d")  # b goes, which nobody asked for the longest
    assert (drawn(cached), len(cached.extensions["civic"].cache)) == (4, 3)
    reader.get(f"{BOARD}?flock=a")
    assert drawn(cached) == 4
    reader.get(f"{BOARD}?flock=b")
    assert drawn(cached) == 5


def test_there_is_room_for_so_many_bytes(cached, reader, monkeypatch):
    reader.get(BOARD)
    cache = cached.extensions["civic"].cache
    monkeypatch.setattr(pagecache, "MOST_BYTES", cache._bytes * 2)
    for flock in "abcdefgh":
        reader.get(f"{BOARD}?flock={flock}")
    assert len(cache) <= 2
    assert cache._bytes == sum(entry.size for entry in cache._entries.values())


def test_the_database_away_is_said_in_words(cached, reader, seconds, monkeypatch):
    reader.get(BOARD)
    seconds(2)

    def away(_connection):
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(freshness, "_read", away)
    cached.config["PROPAGATE_EXCEPTIONS"] = False
    try:
        assert reader.get(BOARD, status=503).headers["Retry-After"] == "30"
    finally:
        cached.config["PROPAGATE_EXCEPTIONS"] = None


def test_tests_go_round_it(live_app):
    assert not live_app.extensions["civic"].cache.is_on
    client = live_app.test_client()
    assert client.get(BOARD, status=200).headers["Cache-Control"] == "private, no-cache"
