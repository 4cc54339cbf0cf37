"""What service for service tells others, inside the transaction: a listener that fails undoes the cause."""

from __future__ import annotations

from blinker import signal

exchange_agreed = signal("exchange.exchange_agreed")
"""Two neighbours agreed and points are held. sender: Exchange; actor: Actor. Sent before the commit."""

exchange_settled = signal("exchange.exchange_settled")
"""Points moved for delivered help. sender: Exchange; actor: Actor; minutes: int, those that counted. Sent before the commit."""

exchange_ended = signal("exchange.exchange_ended")
"""It ended without points: cancelled, stopped, lapsed, decided with 0. sender: Exchange; actor: Actor. Sent before the commit."""
