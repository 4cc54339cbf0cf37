"""A scheduler that is killed between sending and noting it: the message leaves once more under the same id, and it is counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
import sqlalchemy as sa

from civic.core import clock
from civic.core.db import db
from civic.core.messages import outbox
from civic.core.messages.models import Delivery, DeliveryState, MessageChannel


def environment(app, **more: str) -> dict[str, str]:
    settings = app.extensions["civic"].settings
    return {
        **os.environ,
        "CIVIC_DATABASE_URL": settings.database_url,
        "CIVIC_DATA_DIR": str(settings.data_dir),
        "CIVIC_SECRET_KEY": settings.secret_key,
        "CIVIC_DATA_KEY": ",".join(settings.data_keys),
        "CIVIC_MAIL_FROM": "civic@example.org",
        **more,
    }


def the_delivery() -> Delivery:
    found = db.session.scalars(sa.select(Delivery).execution_options(populate_existing=True)).one()
    db.session.rollback()
    return found


def kill_while(entered, environ: dict[str, str]) -> None:
    """Run the job in a process of its own and kill it when the other side has the message and has not answered yet."""
    command = [sys.executable, "-m", "civic.cli", "jobs", "run", "messages-deliver"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert entered.wait(60), process.communicate(timeout=5)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("channel", [MessageChannel.mail, MessageChannel.text])
def test_a_killed_scheduler_sends_once_more_under_the_same_id(live_school, mail_server, gateway, channel):
    address = "mei@example.org" if channel is MessageChannel.mail else "+8613800138000"
    delivery = live_school.write_to(address, channel)
    mail_id = delivery.mail_id
    servers = {"CIVIC_MAIL_URL": mail_server.url, "CIVIC_SMS_URL": gateway.url}
    gateway.wait = mail_server.wait = 30
    kill_while(mail_server.entered if channel is MessageChannel.mail else gateway.entered, environment(live_school.site, **servers))
    gateway.wait = mail_server.wait = 0
    left = the_delivery()
    assert (left.state, left.tries, left.repeats) == (DeliveryState.sending, 1, 0)

    live_school.set(mail_url=mail_server.url, sms_url=gateway.url)
    assert outbox.deliver() == 0  # ten minutes have not passed: it may still be on its way
    with clock.frozen(clock.now() + timedelta(minutes=11)):
        assert outbox.deliver() == 1
        assert outbox.deliver() == 0
    sent = the_delivery()
    assert (sent.state, sent.tries, sent.repeats, sent.mail_id) == (DeliveryState.sent, 2, 1, mail_id)
    if channel is MessageChannel.mail:
        assert [mail["Message-ID"] for mail in mail_server.mails] == [f"<{mail_id}@example.org>"] * 2
    else:
        assert [body["id"] for body in gateway.asked] == [mail_id] * 2
        assert list(gateway.taken) == [mail_id]  # whoever takes an id once reaches the phone once


def test_a_process_sends_what_waits_and_records_its_run(live_school, mail_server):
    live_school.write_to("mei@example.org")
    command = [sys.executable, "-m", "civic.cli", "jobs", "run", "messages-deliver"]
    environ = environment(live_school.site, CIVIC_MAIL_URL=mail_server.url)
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=60)
    assert the_delivery().state is DeliveryState.sent
    assert len(mail_server.mails) == 1
