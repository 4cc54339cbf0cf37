"""The inbox, the choice of channels, the link in a mail, and what is emptied when."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.db import db
from civic.core.messages import choices, inbox
from civic.core.messages.models import ChannelChoice, Delivery, DeliveryState, Message, MessageChannel
from civic.core.messages.receivers import Contact, Receiver


@pytest.fixture
def reader(make_account):
    return make_account(name="梅")


@pytest.fixture
def signed(client, reader, sign_in):
    sign_in(client, reader)
    return client


def test_the_inbox_lists_newest_first_and_marks_what_is_unread(school, signed, reader):
    first = school.write(kind="account", pupil=reader.id, words="first")
    second = school.write(kind="account", pupil=reader.id, words="second", href="/services/", urgent=True)
    school.write(words="somebody else's")
    page = signed.get("/inbox?lang=en", follow_redirects=True).get_data(as_text=True)
    assert page.index(second.uid) < page.index(first.uid)
    assert page.count("Unread") == 2
    assert "2 messages are unread." in page
    assert "Inbox (2)" in page
    assert "Urgent" in page
    assert 'lang="zh-CN"' in page  # the words are Chinese, the page is English


def test_a_message_is_read_when_it_is_opened_and_leads_to_what_it_is_about(school, signed, reader):
    message = school.write(kind="account", pupil=reader.id, words="请准时 https://127.0.0.1/x <b>", href="/services/?q=1")
    page = signed.get(f"/inbox/{message.uid}").get_data(as_text=True)
    assert 'href="/services/?q=1"' in page
    assert "&lt;b&gt;" in page
    assert inbox.unread(inbox.Whose(reader.id)) == 0
    assert db.session.scalar(sa.select(Message.read_at).where(Message.id == message.id)) == clock.now()


def test_nobody_opens_anothers_message(school, signed, make_account):
    other = make_account()
    message = school.write(kind="account", pupil=other.id)
    assert signed.get(f"/inbox/{message.uid}", status=404).status_code == 404
    signed.post("/inbox/read", data={})
    assert inbox.unread(inbox.Whose(other.id)) == 1


def test_a_visitor_is_asked_to_sign_in(client):
    for path in ("/inbox", "/inbox/channels", "/inbox/abc"):
        assert client.get(path, status=303).status_code == 303


def test_all_are_marked_as_read_at_once(school, signed, reader):
    for _n in range(3):
        school.write(kind="account", pupil=reader.id)
    answer = signed.submit("/inbox/read", {}, page="/inbox")
    assert answer.status_code == 303
    assert inbox.unread(inbox.Whose(reader.id)) == 0


def test_codes_never_stand_in_the_inbox(school, signed, reader):
    message = school.write(kind="account", pupil=reader.id, on="code", template="pupils/code", code="482913")
    assert "482913" not in signed.get("/inbox").get_data(as_text=True)
    assert signed.get(f"/inbox/{message.uid}", status=404).status_code == 404


def test_a_long_inbox_has_pages(school, signed, reader):
    uids = [school.write(kind="account", pupil=reader.id).uid for _n in range(inbox.PAGE + 2)]
    first = signed.get("/inbox").get_data(as_text=True)
    assert (uids[2] in first, uids[1] in first) == (True, False)
    rows, older = inbox.listed(inbox.Whose(reader.id))
    page = signed.get(f"/inbox?before={older}").get_data(as_text=True)
    assert [f'/inbox/{uid}"' in page for uid in uids[:3]] == [True, True, False]
    assert len(rows) == inbox.PAGE


def test_what_is_shown_costs_few_statements_whatever_the_number(school, reader, count_queries):
    for _n in range(20):
        school.write(kind="account", pupil=reader.id)
    with count_queries() as seen:
        inbox.listed(inbox.Whose(reader.id, [1, 2]))
    assert len(seen) == 1
    with count_queries() as seen:
        assert inbox.unread(inbox.Whose(reader.id, [1, 2])) == 20
    assert len(seen) == 1


def test_a_person_has_the_messages_of_the_rows_merged_into_her(school, site):
    for person in (7, 8, 9):
        school.write(kind="person", pupil=person)
    assert inbox.unread(inbox.Whose(None, [7, 8])) == 2
    assert inbox.unread(inbox.Whose(3, sa.select(sa.literal(9)))) == 1
    assert inbox.unread(inbox.Whose(None)) == 0


@pytest.mark.parametrize("mode", ["plain", "elder"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_pages_stand_in_both_languages_and_large(school, signed, reader, mode, lang):
    message = school.write(kind="account", pupil=reader.id)
    signed.set_cookie("civic_lang", lang)
    signed.set_cookie("civic_mode", mode)
    for path in ("/inbox", f"/inbox/{message.uid}", "/inbox/channels", f"/inbox/leave/{choices.leave_token(message.uid)}"):
        assert signed.get(path).status_code == 200


def test_channels_are_chosen_by_subject_and_fixed_ones_are_told(school, signed, reader):
    page = signed.get("/inbox/channels?lang=en", follow_redirects=True).get_data(as_text=True)
    assert "Notices of the school" in page
    assert 'value="notice:mail"' not in page
    assert 'value="lesson:mail" checked' in page.replace("checked ", "") or "lesson:mail" in page
    answer = signed.submit("/inbox/channels", {"wanted": ["lesson:text"]})
    assert answer.status_code == 303
    kept = {row.topic: row.channels for row in db.session.scalars(sa.select(ChannelChoice).where(ChannelChoice.receiver_id == reader.id))}
    assert kept["lesson"] == "text"
    assert {"notice", "code"} & kept.keys() == set()


def test_a_box_that_does_not_exist_is_refused(school, signed, reader):
    assert signed.submit("/inbox/channels", {"wanted": ["notice:mail"]}, status=422).status_code == 422
    assert db.session.scalars(sa.select(ChannelChoice)).all() == []


def test_the_choice_decides_where_the_next_message_goes(school):
    receiver = Receiver("pupil", 1)
    from civic.core.viewer import Actor

    choices.choose(Actor(None, job="test"), [receiver], {"lesson": [MessageChannel.text]})
    message = school.write()
    assert [d.channel for d in message.deliveries] == [MessageChannel.text]
    choices.choose(Actor(None, job="test"), [receiver], {"lesson": []})
    assert school.write().deliveries == []
    assert [d.channel for d in school.write(urgent=True).deliveries] == [MessageChannel.text]
    with pytest.raises(ValueError, match="fixed"):
        choices.choose(Actor(None, job="test"), [receiver], {"notice": []})


def test_the_link_in_a_mail_ends_it_without_signing_in_after_a_press(school, client):
    path = f"/inbox/leave/{choices.leave_token(school.write().uid)}"
    page = client.get(path + "?lang=en", follow_redirects=True).get_data(as_text=True)
    assert "Lessons" in page
    assert "example.org" not in page  # the link tells nothing about the reader
    assert [d.channel for d in school.write().deliveries] == [MessageChannel.mail]  # opening it changed nothing
    db.session.rollback()  # or the reading above would stay open around the browser's work and undo it
    answer = client.submit(path, {})
    assert (answer.status_code, answer.location) == (303, path)
    assert school.write().deliveries == []
    assert "You get no more mails" in client.get(path).get_data(as_text=True)


def test_one_click_of_a_mail_program_ends_it_too(school, client):
    path = f"/inbox/leave/{choices.leave_token(school.write().uid)}"
    assert client.post(path, data={"List-Unsubscribe": "One-Click"}, check=False).status_code == 204
    assert school.write().deliveries == []


def test_a_link_that_was_made_up_or_of_a_fixed_subject_is_not_found(school, client):
    message, fixed = school.write(), school.write(on="notice")
    token = choices.leave_token(message.uid)
    flipped = token[:-1] + ("0" if token[-1] != "0" else "1")
    for wrong in (flipped, message.uid, "x", "汉" * 54, choices.leave_token(fixed.uid), choices.leave_token("A" * 22)):
        assert client.get(f"/inbox/leave/{wrong}", status=404).status_code == 404
        assert client.post(f"/inbox/leave/{wrong}", data={"List-Unsubscribe": "One-Click"}, check=False).status_code == 404


def test_a_post_without_token_and_without_one_click_changes_nothing(school, client):
    path = f"/inbox/leave/{choices.leave_token(school.write().uid)}"
    client.application.config["WTF_CSRF_ENABLED"] = True
    assert client.post(path, data={}, check=False).status_code == 422
    assert len(school.write().deliveries) == 1


def test_codes_are_emptied_after_seven_days_and_read_messages_after_a_year(school):
    school.pupils[1] = Contact("zh", "mei@example.org")
    code = school.write(on="code", template="pupils/code", code="482913")
    sent = school.write_to("new@example.org")
    old, unread = school.write(), school.write()
    inbox.read(inbox.Whose(None), old.uid)
    db.session.execute(sa.update(Message).where(Message.id == old.id).values(read_at=clock.now()))
    db.session.commit()
    start = clock.now()
    with clock.frozen(start + timedelta(days=6)):
        assert inbox.empty_old() == 0
    with clock.frozen(start + timedelta(days=8)):
        assert inbox.empty_old() == 2
        assert inbox.empty_old() == 0
    with clock.frozen(start + timedelta(days=366)):
        assert inbox.empty_old() == 1
    left = db.session.scalars(sa.select(Message.id).where(Message.sealed != "")).all()
    assert left == [unread.id]
    states = {d.message_id: (d.state, d.address) for d in db.session.scalars(sa.select(Delivery).execution_options(populate_existing=True))}
    assert states[code.id] == states[sent.message_id] == (DeliveryState.dropped, "")
    assert states[unread.id] == (DeliveryState.queued, "")
