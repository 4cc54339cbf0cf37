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
    base_url: str = ""
    locale: str = "zh"
    timezone: str = "Asia/Shanghai"
    trusted_proxies: int = 0
    limits_factor: float = 1.0
    redis_url: str = ""
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
    if url.startswith("sqlite") and _sqlite_folder(url) == data_dir:
        for key, value in dotenv_values(data_dir / "keys.env").items():
            if value is not None:
                values.setdefault(key, value)
    return Settings(
        database_url=url,
        data_dir=data_dir,
        secret_key=values.get("CIVIC_SECRET_KEY", ""),
        data_keys=tuple(k.strip() for k in values.get("CIVIC_DATA_KEY", "").split(",") if k.strip()),
        base_url=values.get("CIVIC_BASE_URL", "").rstrip("/"),
        locale=_one_of(values, "CIVIC_LOCALE", "zh", ("zh", "en")),
        timezone=_zone(values.get("CIVIC_TIMEZONE") or "Asia/Shanghai"),
        trusted_proxies=int(_number(values, "CIVIC_TRUSTED_PROXIES", "0")),
        limits_factor=_number(values, "CIVIC_LIMITS", "1"),
        redis_url=values.get("CIVIC_REDIS_URL", ""),
        metrics_token=values.get("CIVIC_METRICS_TOKEN", ""),
        log_format=_one_of(values, "CIVIC_LOG_FORMAT", "text", ("text", "json")),
        testing=testing,
    )


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
