"""The second step: codes of an app by time (RFC 6238, 30 seconds, 6 digits) and single-use recovery codes."""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from datetime import datetime

import pyotp
import segno

from civic.accounts.passwords import CLEAR

STEP = 30  # seconds
RECOVERY_CODES = 10
#: one step before and after: the phone's clock may be 30 seconds off (RFC 6238, 5.2)
DRIFT = (0, -1, 1)


def new_secret() -> str:
    """160 random bits in base32 (RFC 4226 asks for at least 128)."""
    return pyotp.random_base32(32)


def prepared(code: str) -> str:
    """What people type, without spaces and in half-width digits: `１２３ 456` → `123456`."""
    return "".join(unicodedata.normalize("NFKC", code).lower().split())


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, or None."""
    current = int(now.timestamp()) // STEP
    generator = pyotp.TOTP(secret)
    for drift in DRIFT:
        wanted = generator.generate_otp(current + drift)
        if hmac.compare_digest(wanted.encode(), code.encode()):
            return current + drift
    return None


def address(secret: str, login: str, site: str) -> str:
    """The `otpauth:` address that the app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=site)


def picture(address_: str) -> str:
    """The QR as a `data:` address of an SVG; the page has no inline style."""
    return segno.make(address_, error="m").svg_data_uri(scale=4, border=2)


def new_recovery_codes() -> list[str]:
    """Ten codes `k7mt3-xpa9w`, 49 random bits each."""
    return ["-".join("".join(secrets.choice(CLEAR) for _ in range(5)) for _ in range(2)) for _ in range(RECOVERY_CODES)]


def grouped(secret: str) -> str:
    """The secret in groups of four, for typing it in by hand."""
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
