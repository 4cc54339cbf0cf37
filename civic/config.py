"""Typed settings from the environment (docs: CONTRACT of commands and settings in docs/operations.md).

Read from the process, then from `.env`, then, for SQLite in its own data folder, from a demo's `keys.env`.
Weak or missing keys are refused when they are needed, with one clear line.
"""

from __future__ import annotations

import math
import os
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

SHORTEST_KEY = 32  # characters; 32 random base64 letters carry 192 bits


class ConfigurationError(Exception):
    """A setting is missing, weak or contradictory; the message is one line for whoever starts the program."""


@dataclass(frozen=True)
class Settings:
    """Everything that the environment decides; built once, before the application."""

    database_url: str
    data_dir: Path
    secret_key: str = ""
    data_keys: tuple[str, ...] = ()
    keys_file: Path | None = None  # a demo's keys.env, when the data keys come from it: it is read again when it changes
    base_url: str = ""
    mail_url: str = ""  # smtp://, smtp+starttls:// or smtps://; empty = mail stays in the outbox
    mail_from: str = ""
    sms_url: str = ""  # the text-message gateway; empty = text messages stay in the outbox
    oidc_url: str = ""  # issuer of an outside sign-in (OpenID Connect); empty = none is offered
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    locale: str = "zh"
    timezone: str = "Asia/Shanghai"
    trusted_proxies: int = 0
    limits_factor: float = 1.0
    redis_url: str = ""
    pdf_font: str = ""  # a font file with Chinese letters, for what is drawn here; empty = the machine's Noto Sans CJK
    metrics_token: str = ""
    log_format: str = "text"
    testing: bool = False

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    def require_keys(self) -> None:
        """Refuse to work with missing or short keys.  Raises ConfigurationError."""
        if not self.secret_key:
            raise ConfigurationError("CIVIC_SECRET_KEY is not set. `civic demo` makes keys for a demonstration; a real site sets its own.")
        if len(self.secret_key) < SHORTEST_KEY:
            raise ConfigurationError(
                f"CIVIC_SECRET_KEY is too short: {len(self.secret_key)} characters, at least {SHORTEST_KEY} are needed."
            )
        if not self.data_keys:
            raise ConfigurationError("CIVIC_DATA_KEY is not set. It encrypts personal fields; keep a copy away from the backups.")
        short = [key for key in self.data_keys if len(key) < SHORTEST_KEY]
        if short:
            raise ConfigurationError(f"CIVIC_DATA_KEY holds a key of {len(short[0])} characters, at least {SHORTEST_KEY} are needed.")


def load_settings(environment: Mapping[str, str] | None = None, *, testing: bool = False) -> Settings:
    """Read the settings.  Raises ConfigurationError for values that cannot be meant."""
    values: dict[str, str] = {}
    if environment is None:
        values.update({k: v for k, v in dotenv_values(".env").items() if v is not None})
        environment = os.environ
    values.update(environment)
    data_dir = Path(values.get("CIVIC_DATA_DIR") or "var").resolve()
    url = _normal_url(values.get("CIVIC_DATABASE_URL") or f"sqlite:///{data_dir / 'civic.db'}")
    keys_file = None
    if url.startswith("sqlite") and _sqlite_folder(url) == data_dir:
        given = dotenv_values(data_dir / "keys.env")
        if "CIVIC_DATA_KEY" not in values and given.get("CIVIC_DATA_KEY"):
            keys_file = data_dir / "keys.env"
        for key, value in given.items():
            if value is not None:
                values.setdefault(key, value)
    return Settings(
        database_url=url,
        data_dir=data_dir,
        secret_key=values.get("CIVIC_SECRET_KEY", ""),
        data_keys=list_of_keys(values.get("CIVIC_DATA_KEY", "")),
        keys_file=keys_file,
        base_url=values.get("CIVIC_BASE_URL", "").rstrip("/"),
        mail_url=_url_of(values, "CIVIC_MAIL_URL", ("smtp", "smtp+starttls", "smtps")),
        mail_from=values.get("CIVIC_MAIL_FROM", ""),
        sms_url=_url_of(values, "CIVIC_SMS_URL", ("http", "https")),
        oidc_url=_url_of(values, "CIVIC_OIDC_URL", ("https", "http")).rstrip("/"),
        oidc_client_id=values.get("CIVIC_OIDC_CLIENT_ID", ""),
        oidc_client_secret=values.get("CIVIC_OIDC_CLIENT_SECRET", ""),
        locale=_one_of(values, "CIVIC_LOCALE", "zh", ("zh", "en")),
        timezone=_zone(values.get("CIVIC_TIMEZONE") or "Asia/Shanghai"),
        trusted_proxies=int(_number(values, "CIVIC_TRUSTED_PROXIES", "0")),
        limits_factor=_number(values, "CIVIC_LIMITS", "1"),
        redis_url=values.get("CIVIC_REDIS_URL", ""),
        pdf_font=values.get("CIVIC_PDF_FONT", ""),
        metrics_token=values.get("CIVIC_METRICS_TOKEN", ""),
        log_format=_one_of(values, "CIVIC_LOG_FORMAT", "text", ("text", "json")),
        testing=testing,
    )


def list_of_keys(text: str) -> tuple[str, ...]:
    """The keys of a comma-separated list, the writing one first."""
    return tuple(key.strip() for key in text.split(",") if key.strip())


def _url_of(values: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    """An address with one of the schemes, or nothing.  It may hold a password, so the refusal tells its beginning alone."""
    value = values.get(name, "").strip()
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        is_meant = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0  # a port that is no number raises
    except ValueError:
        is_meant = False
    if not is_meant:
        allowed = " or ".join(f"{scheme}://host" for scheme in schemes)
        raise ConfigurationError(
            f"{name} begins with {value.split(':', maxsplit=1)[0][:12]}:, it must read {allowed}, with a port where needed."
        )
    return value


def _normal_url(url: str) -> str:
    """`postgres://` and `postgresql://` mean psycopg 3 in every SQLAlchemy series we run on."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ConfigurationError(
            f"CIVIC_DATABASE_URL begins with {url.split(':', maxsplit=1)[0]}:, only sqlite:/// and postgresql+psycopg:// are supported."
        )
    return url


def _sqlite_folder(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///")).resolve().parent


def _one_of(values: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = values.get(name) or default
    if value not in allowed:
        raise ConfigurationError(f"{name} is {value!r}; it can be {' or '.join(allowed)}.")
    return value


def _number(values: Mapping[str, str], name: str, default: str) -> float:
    text = values.get(name) or default
    try:
        value = float(text)
    except ValueError:
        raise ConfigurationError(f"{name} is {text!r}, not a number.") from None
    if not math.isfinite(value) or value < 0:
        raise ConfigurationError(f"{name} is {text}; it is a number from zero up.")
    return value


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(f"CIVIC_TIMEZONE is {name!r}, an unknown time zone.") from None
    return name
