"""How often one may ask: by account when signed in, by address only for sign-in, tokens, search and the like.

Whoever tries one door many times is stopped by the lock-out table (core/tries.py); this only keeps floods away.
"""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, request
from flask_limiter import Limiter
from limits.storage import MemoryStorage

from civic.config import Settings
from civic.core.viewer import viewer

SWEEP_EVERY = 10.0  # seconds


class SweptMemory(MemoryStorage):
    """Counts in this process; what is over is swept by the request that comes first after ten seconds.

    The library starts a thread for that with nearly every request and waits until it runs: among four threads that work, 3 ms.
    """

    STORAGE_SCHEME = ["civic-memory"]
    _swept_at = 0.0

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 - the library's private name
        now = time.monotonic()
        if now - self._swept_at > SWEEP_EVERY:
            self._swept_at = now
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]


def who() -> str:
    """Account or address."""
    found = viewer()
    return f"account:{found.account_id}" if found.is_signed_in else address()


def address() -> str:
    return f"address:{request.remote_addr or ''}"


limiter = Limiter(key_func=who, headers_enabled=False)
_factor = 1.0


def per_minute(count: int) -> Any:
    """A limit for a view, counted by account or address; CIVIC_LIMITS multiplies it."""
    return limiter.limit(lambda: f"{max(1, round(count * _factor))} per minute")


def init_limits(app: Flask, settings: Settings) -> None:
    global _factor
    _factor = settings.limits_factor
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url or "civic-memory://"
    app.config["RATELIMIT_ENABLED"] = not settings.testing or settings.limits_factor != 1.0
    limiter.init_app(app)
