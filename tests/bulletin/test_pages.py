"""Pages of the bulletin as a visitor, a resident and a community manager see them."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa
from PIL import Image

from civic.bulletin import operations
from civic.bulletin.models import Announcement, BoardPhoto, Objection, Posting, Subscription
from civic.core import clock, crypto
from civic.core.db import db
from civic.core.messages.models import Message
from tests.support.bulletin import WRITER

ATOM = "{http://www.w3.org/2005/Atom}"
PLACE = "440113010901"


@pytest.fixture
def place(make_community):
    return make_community()


@pytest.fixture
def at_home(client, place):
    """A visitor who has chosen the community."""
    client.set_cookie("civic_place", place.code)
    return client


@pytest.fixture
def manager(client, make_account, sign_in, place):
    account = make_account(role="manager", territory=place)
    sign_in(client, account)
    return account


def text(response) -> str:
    return response.get_data(as_text=True)


def test_the_board_shows_the_chosen_community_and_filters(at_home, place, make_announcement, make_posting, make_community):
    make_announcement(place)
    posting = make_posting(place)
    make_announcement(make_community(), title_zh="别处的事", title_en="Elsewhere")
    page = text(at_home.get("/bulletin/", status=200))
    assert "今晚停水" in page
    assert "津贴名单公示" in page
    assert "别处的事" not in page
    assert "津贴名单公示" not in text(at_home.get("/bulletin/?show=announcements", status=200))
    assert "今晚停水" not in text(at_home.get("/bulletin/?show=postings", status=200))
    at_home.get("/bulletin/?show=archive", status=200)
    at_home.get("/bulletin/?kind=clinic&page=2", status=200)
    assert "2026年12月2日" in text(at_home.get(f"/bulletin/postings/{posting.number}", status=200))


def test_an_announcement_can_be_read_printed_and_shared(client, make_announcement):
    row = make_announcement(body_zh="<script>alert(1)</script>\n\n- 带桶\n- https://example.cn/a?b=1&c=2")
    page = text(client.get(f"/bulletin/announcements/{row.uid}", status=200))
    assert "<script>alert" not in page
    assert "<li>带桶</li>" in page
    assert 'property="og:title" content="今晚停水"' in page
    client.get(f"/bulletin/announcements/{row.uid}/poster", status=200)
    assert client.get(f"/bulletin/announcements/{row.uid}/qr.svg", status=200).mimetype == "image/svg+xml"
    operations.withdraw_announcement(WRITER, row.id)
    assert "今晚停水" not in text(client.get(f"/bulletin/announcements/{row.uid}", status=410))


def test_a_draft_and_one_that_has_not_begun_are_not_there(client, make_announcement, make_posting):
    draft, coming = make_announcement(publish=False), make_announcement(from_at=clock.now() + timedelta(days=1))
    client.get(f"/bulletin/announcements/{draft.uid}", status=404)
    client.get(f"/bulletin/announcements/{coming.uid}", status=404)
    client.get(f"/bulletin/postings/{make_posting(put_up=False).number}", status=404)


def test_an_urgent_one_stands_on_every_page_of_its_territory(at_home, place, make_announcement, make_community):
    make_announcement(place, is_urgent=True, title_zh="水管爆裂")
    assert "水管爆裂" in text(at_home.get("/about", status=200))
    at_home.set_cookie("civic_place", make_community().code)
    assert "水管爆裂" not in text(at_home.get("/about", status=200))


def test_home_search_and_elder_mode_know_it(at_home, place, make_announcement, make_posting):
    make_announcement(place)
    make_posting(place)
    home = text(at_home.get("/", status=200))
    assert "今晚停水" in home
    assert "津贴名单公示" in home
    assert "今晚停水" in text(at_home.get("/search?q=停水", status=200))
    at_home.set_cookie("civic_mode", "elder")
    assert "/bulletin/" in text(at_home.get("/", status=200))
    at_home.get("/bulletin/", status=200)


def test_the_feed_is_atom_with_an_etag(client, place, make_announcement, make_posting):
    make_announcement(place)
    make_posting(place)
    answer = client.get(f"/bulletin/feed/{place.code}.atom?language=en", status=200)
    root = ElementTree.fromstring(answer.data)  # noqa: S314 - our own answer
    assert root.tag == f"{ATOM}feed"
    assert {e.findtext(f"{ATOM}title") for e in root.iter(f"{ATOM}entry")} == {"Water off tonight", "List of allowances"}
    for part in ("id", "title", "updated", "author"):
        assert root.find(f"{ATOM}{part}") is not None
    assert all(e.find(f"{ATOM}id") is not None and e.find(f"{ATOM}updated") is not None for e in root.iter(f"{ATOM}entry"))
    again = client.get(f"/bulletin/feed/{place.code}.atom?language=en", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    client.get("/bulletin/feed/nowhere.atom", status=404)


def test_a_visitor_objects_and_gets_a_receipt(client, make_posting):
    row = make_posting()
    url = f"/bulletin/postings/{row.number}/object"
    refused = client.submit(url, {"text": "漏了一户"}, status=422)
    assert "不公开" in text(refused) or "Neither is published" in text(refused)
    sent = client.submit(url, {"text": "漏了一户", "name": "何小姐", "contact": "020-0000 0188"}, status=303)
    assert "何小姐" not in text(client.get(sent.headers["Location"], status=200))
    page = text(client.get(f"/bulletin/postings/{row.number}", status=200))
    assert "漏了一户" not in page
    assert "何小姐" not in page
    assert db.session.scalars(sa.select(Objection.number)).all() == [1]


def test_somebody_signed_in_subscribes_by_one_click_and_ends_it(client, place, make_account, sign_in, make_announcement):
    code = place.code
    sign_in(client, make_account())
    client.set_cookie("civic_place", code)
    client.submit(f"/bulletin/subscribe/mine?at={code}", page="/bulletin/", status=303)
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        make_announcement(place)
        assert operations.send_news() == 1
        assert operations.send_news() == 0
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Message).where(Message.topic == "bulletin")) == 1
    db.session.rollback()  # ends the reads: an open savepoint here would later undo what the browser does
    client.get("/bulletin/subscribe", status=200)
    client.submit(f"/bulletin/subscribe/mine/end?at={code}", page="/bulletin/subscribe", status=303)
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        make_announcement(place)
        assert operations.send_news() == 0


def test_a_mail_address_is_confirmed_by_link_and_forgotten_by_link(client, place, make_announcement):
    client.set_cookie("civic_place", place.code)
    client.submit("/bulletin/subscribe", {"mail": "no address"}, status=422)
    wanted = {"mail": "He@Example.cn", "announcements": "y", "postings": "y"}
    client.submit(f"/bulletin/subscribe?at={place.code}", wanted, page="/bulletin/subscribe", status=303)
    client.get("/bulletin/subscribe/sent", status=200)
    row = db.session.scalars(sa.select(Subscription)).one()
    stored = str(db.session.execute(sa.text("SELECT * FROM bulletin_subscription")).mappings().one()).lower()
    assert "he@example.cn" not in stored
    make_announcement(place)
    assert operations.send_news() == 0  # nobody pressed the button yet
    token = json.loads(crypto.decrypt(row.sealed, "subscription"))["token"]
    db.session.rollback()
    client.submit(f"/bulletin/subscribe/{token}/confirm", page=f"/bulletin/subscribe/{token}", status=303)
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        make_announcement(place)
        assert operations.send_news() == 1
    db.session.rollback()
    ended = client.submit(f"/bulletin/subscribe/{token}/end", page=f"/bulletin/subscribe/{token}", status=200)
    assert ended.status_code == 200
    db.session.refresh(row)
    assert (row.sealed, row.hash) == ("", "")
    client.get(f"/bulletin/subscribe/{token}", status=404)


def test_a_manager_writes_publishes_corrects_and_withdraws(client, manager, place):
    made = client.submit("/desk/bulletin/new", {"place": place.code, "kind": "clinic", "title_zh": "坐诊", "body_zh": "周三"}, status=303)
    shown = made.headers["Location"]
    refused = client.submit(f"{shown}/publish", page=shown, status=422)
    assert "坐诊" in text(refused)
    more = {"kind": "clinic", "title_zh": "坐诊", "body_zh": "周三", "title_en": "Doctor", "body_en": "Wednesday"}
    client.submit(f"{shown}/edit", more, status=303)
    client.submit(f"{shown}/publish", page=shown, status=303)
    row = db.session.scalars(sa.select(Announcement)).one()
    client.submit(f"{shown}/edit", {**more, "body_en": "Thursday"}, status=303)
    assert "更正" in (page := text(client.get(f"/bulletin/announcements/{row.uid}", status=200))) or "orrected" in page
    client.get("/desk/bulletin/translations", status=200)
    for state in ("", "draft", "published", "over", "withdrawn"):
        client.get(f"/desk/bulletin/?state={state}", status=200)
    client.submit(f"{shown}/withdraw", page=shown, status=303)
    client.get(f"/bulletin/announcements/{row.uid}", status=410)


def test_of_two_writers_the_second_sees_both(client, manager, place, make_announcement):
    row = make_announcement(place, publish=False)
    url = f"/desk/bulletin/{row.uid}/edit"
    fields = re.search(r'name="base"[^>]*value="(\d+)"', text(client.get(url, status=200)))
    operations.correct_announcement(WRITER, row.id, int(fields[1]), operations.AnnouncementText("别人写的", "Other", "甲", "A"))
    answer = client.submit(url, {"kind": "news", "title_zh": "我写的", "title_en": "Mine", "base": fields[1]}, status=409)
    assert "别人写的" in text(answer)
    assert "我写的" in text(answer)


def test_a_voice_is_heard_and_a_renamed_program_is_not(client, manager, place, make_announcement):
    row = make_announcement(place)
    url = f"/desk/bulletin/{row.uid}/voices"
    wave = b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\0" * 40
    client.submit(url, {"speech": "yue", "files": (io.BytesIO(b"MZ" + b"\0" * 90), "voice.mp3")}, status=422)
    client.submit(url, {"speech": "yue", "files": (io.BytesIO(wave), "voice.wav")}, status=303)
    page = text(client.get(f"/bulletin/announcements/{row.uid}", status=200))
    address = re.search(r'<audio controls[^>]* src="([^"]+)"', page)[1]
    heard = client.get(address, headers={"Range": "bytes=0-3"}, status=206)
    assert (heard.data, heard.mimetype) == (b"RIFF", "audio/wav")


def test_a_manager_keeps_a_posting(client, manager, place):
    words = {
        "place": place.code,
        "title_zh": "公示",
        "title_en": "Posting",
        "body_zh": "甲",
        "body_en": "A",
        "days": "5",
        "unit": "working_day",
    }
    shown = client.submit("/desk/postings/new", words, status=303).headers["Location"]
    client.submit(f"{shown}/put-up", page=shown, status=303)
    row = db.session.scalars(sa.select(Posting)).one()
    picture = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Camera of the committee"
    Image.new("RGB", (40, 30)).save(picture, "JPEG", exif=exif)
    assert b"Camera" in picture.getvalue()
    client.submit(f"{shown}/photo", {"taken_on": "2026-11-25", "files": (io.BytesIO(picture.getvalue()), "board.jpg")}, status=303)
    photo = db.session.scalars(sa.select(BoardPhoto)).one()
    assert b"Camera" not in client.get(f"/files/{photo.sha256}", status=200).data
    desk = client.submit(f"/desk/postings/at-the-desk/{row.number}", {"text": "不对", "name": "何", "contact": "1"}, status=303)
    client.get(desk.headers["Location"], status=200)
    said = db.session.scalars(sa.select(Objection)).one()
    assert said.channel == "desk"
    assert "不对" in text(client.get(f"{shown}/objections/{said.uid}", status=200))
    client.get("/desk/postings/objections", status=200)
    client.submit(f"{shown}/objections/{said.uid}", {"answer_zh": "好", "answer_en": "Good"}, status=303)
    answer = client.submit(f"{shown}/take-down", {"why": ""}, status=422)
    assert "2026年12月2日" in text(answer)
    client.submit(f"{shown}/take-down", {"why": "维修"}, status=303)
    assert "维修" in text(client.get(f"/bulletin/postings/{row.number}", status=200))
    client.get(f"/bulletin/postings/{row.number}/poster", status=200)
    client.submit(f"{shown}/put-up", page=shown, status=303)
    client.submit(f"{shown}/close", {"outcome_zh": "好", "outcome_en": "Good"}, status=422)
    client.get("/desk/postings/", status=200)
    client.get("/desk/", status=200)


def test_a_manager_of_another_community_reads_and_writes_nothing_here(client, manager, make_community, make_announcement, make_posting):
    other = make_community()
    row, posting = make_announcement(other), make_posting(other)
    client.get(f"/desk/bulletin/{row.uid}", status=403)
    client.get(f"/desk/postings/{posting.uid}", status=403)
    client.submit("/desk/bulletin/new", {"place": other.code, "title_zh": "甲", "kind": "news"}, status=422)
    assert row.title_zh not in text(client.get("/desk/bulletin/", status=200))


def test_the_pages_speak_english_too(at_home, place, make_announcement, make_posting):
    at_home.set_cookie("civic_lang", "en")
    row, posting = make_announcement(place, is_urgent=True), make_posting(place)
    for address in ("/bulletin/", f"/bulletin/announcements/{row.uid}", f"/bulletin/postings/{posting.number}", "/bulletin/subscribe"):
        at_home.get(address, status=200)
