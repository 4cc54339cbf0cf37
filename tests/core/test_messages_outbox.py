"""The outbox: what leaves, when, in which form, and what happens when the other side does not want it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock, crypto
from civic.core.atomic import atomic
from civic.core.db import db
from civic.core.messages import outbox
from civic.core.messages.models import ChannelChoice, Delivery, DeliveryState, MessageChannel
from civic.core.messages.receivers import Contact
from tests.support.smtp import MailServer, free_port


def deliveries() -> list[Delivery]:
    return list(db.session.scalars(sa.select(Delivery).order_by(Delivery.id).execution_options(populate_existing=True)))


def later(**delta: int):
    return clock.frozen(clock.now() + timedelta(**delta))


def test_a_mail_leaves_with_what_a_mail_needs(school, mail_server):
    school.set(mail_url=mail_server.url)
    message = school.write(words="请准时\n带笔", href="/services/")
    assert outbox.deliver() == 1
    (mail,) = mail_server.mails
    (delivery,) = deliveries()
    assert mail["Subject"] == "下周的课改到周三，请带好作业本"
    assert mail["Message-ID"] == f"<{delivery.mail_id}@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "zh-CN"
    assert mail["To"] == "mei@example.org"
    assert mail["From"].addresses[0].addr_spec == "civic@example.org"
    assert mail["List-Unsubscribe"].startswith(f"<http://127.0.0.1:8000/inbox/leave/{message.uid}")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, page = (mail.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
    assert "请准时\n带笔" in text
    assert "http://127.0.0.1:8000/services/" in text
    assert "请准时<br>带笔" in page
    assert '<a href="http://127.0.0.1:8000/services/"' in page
    assert (delivery.state, delivery.tries, delivery.repeats, delivery.ended_at) == (DeliveryState.sent, 1, 0, clock.now())


def test_the_words_of_a_person_stay_words_in_the_html_part(school, mail_server):
    school.set(mail_url=mail_server.url)
    school.write(words="<script>alert(1)</script>")
    outbox.deliver()
    page = mail_server.mails[0].get_body(("html",)).get_content()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_code_has_no_link_that_switches_it_off(school, mail_server, gateway):
    school.set(mail_url=mail_server.url, sms_url=gateway.url)
    school.write(on="code", template="pupils/code", code="482913")
    assert outbox.deliver() == 2
    assert mail_server.mails[0]["List-Unsubscribe"] is None
    (body,) = gateway.asked
    by_text = next(d for d in deliveries() if d.channel is MessageChannel.text)
    assert body == {"id": by_text.mail_id, "to": "+8613800138000", "text": "验证码 482913"}


def test_codes_and_urgent_news_leave_before_what_went_to_many(school, mail_server):
    school.set(mail_url=mail_server.url)
    for _n in range(3):
        school.write()
    school.pupils[1] = Contact("en", "mei@example.org")
    school.write(on="code", template="pupils/code", code="482913")
    outbox.deliver()
    assert mail_server.mails[0]["Subject"] == "482913"


def test_without_an_address_of_a_server_everything_stays_queued(school):
    school.write()
    assert outbox.deliver() == 0
    assert [d.state for d in deliveries()] == [DeliveryState.queued]
    assert deliveries()[0].tries == 0


def test_nothing_is_lost_while_the_server_is_down(school):
    port = free_port()
    school.set(mail_url=f"smtp://127.0.0.1:{port}")
    for _n in range(3):
        school.write()
    for hour in range(60):
        with later(hours=hour):
            assert outbox.deliver() == 0
    assert {(d.state, d.tries) for d in deliveries()} == {(DeliveryState.queued, 0)}
    assert deliveries()[0].problem == "ConnectionRefusedError"
    server = MailServer(port)
    server.start()
    try:
        with later(hours=61):
            assert outbox.deliver() == 3
    finally:
        server.stop()
    assert {(d.state, d.tries, d.problem) for d in deliveries()} == {(DeliveryState.sent, 1, "")}


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")  # the test's server stays on loopback
def test_a_login_that_is_refused_keeps_the_mails(school):
    server = MailServer(free_port(), login=("civic", "right"))
    server.start()
    try:
        school.set(mail_url=f"smtp://civic:wrong@127.0.0.1:{server.port}")
        school.write()
        assert outbox.deliver() == 0
        assert deliveries()[0].problem == "SMTP 535 at the login"
        school.set(mail_url=f"smtp://civic:right@127.0.0.1:{server.port}")
        with later(minutes=1):
            assert outbox.deliver() == 1
    finally:
        server.stop()


def test_trouble_is_tried_again_after_1_5_30_minutes_2_and_12_hours_and_then_fails(school, mail_server):
    school.set(mail_url=mail_server.url)
    mail_server.answers["mei@example.org"] = "451 try later"
    school.write()
    start, passed = clock.now(), 0
    for wait in (1, 5, 30, 120, 720):
        with clock.frozen(start + timedelta(minutes=passed)):
            outbox.deliver()
            assert deliveries()[0].next_at == clock.now() + timedelta(minutes=wait)
        with clock.frozen(start + timedelta(minutes=passed + wait - 0.5)):
            outbox.deliver()
        passed += wait
        assert deliveries()[0].state is DeliveryState.queued
    with clock.frozen(start + timedelta(minutes=passed)):
        outbox.deliver()
    (delivery,) = deliveries()
    assert (delivery.state, delivery.tries, delivery.problem) == (DeliveryState.failed, 6, "SMTP 451")


def test_a_no_for_ever_fails_at_once_and_does_not_stop_the_others(school, mail_server):
    school.set(mail_url=mail_server.url)
    school.pupils[2] = Contact("zh", "gone@example.org")
    mail_server.answers["gone@example.org"] = "550 no such user gone@example.org"
    school.write(pupil=2)
    school.write()
    assert outbox.deliver() == 1
    assert [(d.state, d.problem) for d in deliveries()] == [(DeliveryState.failed, "SMTP 550"), (DeliveryState.sent, "")]


@pytest.mark.parametrize("address", ["no address", "a@b\nBcc: c@d", "two@at@example.org"])
def test_an_address_that_is_none_fails_alone(school, mail_server, address):
    school.set(mail_url=mail_server.url)
    school.pupils[1] = Contact("zh", address)
    school.write()
    outbox.deliver()
    assert [(d.state, d.problem) for d in deliveries()] == [(DeliveryState.failed, "no mail address")]
    assert mail_server.mails == []


@pytest.mark.parametrize(
    ("status", "state", "tries"),
    [
        (200, DeliveryState.sent, 1),
        (400, DeliveryState.failed, 1),
        (422, DeliveryState.failed, 1),
        (401, DeliveryState.queued, 0),
        (302, DeliveryState.queued, 0),
        (429, DeliveryState.queued, 1),
        (503, DeliveryState.queued, 1),
    ],
)
def test_what_the_gateway_answers(school, gateway, status, state, tries):
    school.set(sms_url=gateway.url)
    gateway.status = status
    school.write_to("+8613800138000", MessageChannel.text)
    outbox.deliver()
    (delivery,) = deliveries()
    assert (delivery.state, delivery.tries) == (state, tries)
    assert delivery.problem == ("" if status == 200 else f"HTTP {status}")


def test_a_gateway_that_is_not_there_costs_no_try(school):
    school.set(sms_url=f"http://127.0.0.1:{free_port()}/send")
    school.write_to("+8613800138000", MessageChannel.text)
    outbox.deliver()
    assert [(d.state, d.tries, d.problem) for d in deliveries()] == [(DeliveryState.queued, 0, "NewConnectionError")]


def test_the_address_is_looked_up_when_the_message_leaves(school, mail_server):
    school.set(mail_url=mail_server.url)
    school.write()
    school.pupils[1] = Contact("zh", "new@example.org")
    outbox.deliver()
    assert mail_server.mails[0]["To"] == "new@example.org"


def test_a_receiver_who_is_gone_gets_nothing(school, mail_server):
    school.set(mail_url=mail_server.url)
    school.write()
    school.pupils.clear()
    assert outbox.deliver() == 0
    assert [d.state for d in deliveries()] == [DeliveryState.dropped]


def test_who_switched_the_topic_off_meanwhile_gets_nothing(school, mail_server):
    school.set(mail_url=mail_server.url)
    school.write()
    with atomic():
        db.session.add(ChannelChoice(receiver_kind="pupil", receiver_id=1, topic="lesson", channels="text"))
    assert outbox.deliver() == 0
    assert [d.state for d in deliveries()] == [DeliveryState.dropped]


def test_an_address_of_nobody_is_kept_sealed_and_forgotten_when_it_was_used(school, mail_server):
    school.set(mail_url=mail_server.url)
    delivery = school.write_to("new@example.org")
    assert crypto.decrypt(delivery.address, "address") == "new@example.org"
    outbox.deliver()
    assert mail_server.mails[0]["To"] == "new@example.org"
    assert deliveries()[0].address == ""


def test_broken_off_once_it_leaves_again_under_its_id_and_twice_it_has_failed(school, mail_server):
    school.set(mail_url=mail_server.url)
    school.write()
    now = clock.now()
    (before,) = deliveries()
    assert outbox._claim(before.id).tries == 1  # and the process dies
    with clock.frozen(now + timedelta(minutes=9)):
        assert outbox.deliver() == 0
    mail_server.answers["mei@example.org"] = "451 try later"
    with clock.frozen(now + timedelta(minutes=11)):
        outbox.deliver()
        assert (deliveries()[0].repeats, deliveries()[0].state) == (1, DeliveryState.queued)
    with clock.frozen(now + timedelta(minutes=60)):
        outbox._claim(before.id)  # it dies again
    with clock.frozen(now + timedelta(minutes=75)):
        assert outbox.deliver() == 0
    assert [(d.state, d.problem) for d in deliveries()] == [(DeliveryState.failed, "broken off twice")]


def test_two_schedulers_do_not_send_one_delivery_twice(school, mail_server):
    school.set(mail_url=mail_server.url)
    school.write()
    (delivery,) = deliveries()
    assert outbox._claim(delivery.id) is not None
    assert outbox._claim(delivery.id) is None
    assert outbox.deliver() == 0


def test_a_key_that_is_missing_stops_one_message_and_not_the_rest(school, mail_server):
    school.set(mail_url=mail_server.url)
    first = school.write()
    school.write()
    with atomic():
        db.session.execute(sa.text("UPDATE message SET sealed = 'g1.00000000.AAAA' WHERE id = :id"), {"id": first.id})
    assert outbox.deliver() == 1
    assert [(d.state, d.problem) for d in deliveries()] == [(DeliveryState.queued, "UnknownKey"), (DeliveryState.sent, "")]


def test_one_connection_carries_many_mails_and_a_closed_one_is_opened_again(school, mail_server):
    school.set(mail_url=mail_server.url)
    for _n in range(45):
        school.write()
    assert outbox.deliver() == 45
    assert len({mail["Message-ID"] for mail in mail_server.mails}) == 45
    assert outbox.counts() == {"sent": 45}


def test_a_written_message_does_not_need_a_request(school):
    """A job writes outside any request; the frame of pages is not asked for its navigation."""
    assert school.write().topic == "lesson"
