"""The ways out of the house: what a delivery becomes on the wire, and how an answer of the other side is to be taken.

Three answers that are no success: `Refused` (this delivery never, by this address), `Later` (try it again), `Unreachable` (the server
or our login there is the trouble, not the delivery: nothing was tried, the whole way rests until the next run).  None carries an
address or a word of the message; `str()` of it is what stands in `message_delivery.problem`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from civic.core.messages.models import MessageChannel


class Trouble(Exception):
    """A kind of error, at most 120 characters."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind[:120])


class Refused(Trouble):
    """The other side will never take this delivery."""


class Later(Trouble):
    """The other side did not take it now, or nobody knows whether it did."""


class Unreachable(Trouble):
    """No connection, or our login is refused."""


@dataclass(frozen=True)
class Letter:
    """What goes out: to is a mail address or a phone in E.164; leave: address of the page that switches the topic off, or ''."""

    id: str
    to: str
    lang: str
    subject: str
    body: str
    short: str
    leave: str = ""


class Way(Protocol):
    """One channel's connection, kept over a run of the job."""

    channel: MessageChannel

    def send(self, letter: Letter) -> None:
        """Hand it over.  Raises Refused, Later, Unreachable."""

    def close(self) -> None:
        """Say good-bye; never raises."""
