"""Text messages: JSON `{"id", "to", "text"}` by HTTP POST to the gateway adapter at CIVIC_SMS_URL.

The adapter is a small program of whoever runs the site: it speaks the carrier's own protocol and drops an id that it has taken before,
so a message that was sent again after a crash reaches nobody twice.  2xx: taken.  4xx: never.  408, 425, 429, 5xx, silence: later.
"""

from __future__ import annotations

from typing import Any

from civic.config import Settings
from civic.core.messages.models import MessageChannel
from civic.core.messages.ways import Later, Letter, Refused, Unreachable

TIMEOUT = (5.0, 20.0)  # seconds to connect, and to answer
NOT_YET = {408, 425, 429}  # RFC 9110, 8470, 6585: the request may be repeated


class TextWay:
    """The gateway adapter."""

    channel = MessageChannel.text

    def __init__(self, settings: Settings) -> None:
        self._url = settings.sms_url
        import requests  # noqa: PLC0415 - takes 10 MB, and only the scheduler of a site with a gateway sends

        self._session: Any = requests.Session()

    def send(self, letter: Letter) -> None:
        import requests  # noqa: PLC0415 - as above
        from urllib3.exceptions import NewConnectionError  # noqa: PLC0415 - as above

        body = {"id": letter.id, "to": letter.to, "text": letter.short}
        try:
            answer = self._session.post(self._url, json=body, timeout=TIMEOUT, allow_redirects=False)
        except requests.ConnectTimeout:
            raise Unreachable("ConnectTimeout") from None
        except requests.ConnectionError as error:
            reason = getattr(error.args[0], "reason", None) if error.args else None
            kind = Unreachable if isinstance(reason, NewConnectionError) or isinstance(error, requests.exceptions.SSLError) else Later
            raise kind(type(reason or error).__name__) from None
        except requests.RequestException as error:
            raise Later(type(error).__name__) from None
        self._take(answer.status_code)

    @staticmethod
    def _take(status: int) -> None:
        if 200 <= status < 300:
            return
        if status == 401 or 300 <= status < 400:  # our settings: the password, the address
            raise Unreachable(f"HTTP {status}")
        if 400 <= status < 500 and status not in NOT_YET:
            raise Refused(f"HTTP {status}")
        raise Later(f"HTTP {status}")

    def close(self) -> None:
        self._session.close()
