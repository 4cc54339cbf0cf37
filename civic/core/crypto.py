"""Encryption and keyed hashes of fields: every result carries algorithm and key id, so that keys can be rotated.

The first key of CIVIC_DATA_KEY writes, every key reads.  AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce,
purpose as associated data; HMAC-SHA256 (RFC 2104) for look-ups; sub-keys by HKDF (RFC 5869).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from dotenv import dotenv_values
from flask import current_app

from civic.config import Settings, list_of_keys


class UnknownKey(Exception):
    """A ciphertext names a key that this site does not hold, or was altered."""


def held_keys() -> tuple[str, ...]:
    """The keys of this process, the writing one first.  Raises UnknownKey when there are none."""
    settings: Settings = current_app.extensions["civic"].settings
    keys = _keys_of_file(settings.keys_file) if settings.keys_file else settings.data_keys
    if not keys:
        raise UnknownKey("CIVIC_DATA_KEY is not set")
    return keys


def _keys_of_file(path: Path) -> tuple[str, ...]:
    """The keys of a demo's file as it stands now: `civic keys rotate` writes a new one into it while the site runs.

    One `stat` a call (1.5 µs); the file is replaced as a whole, so a half-written one is never read.
    """
    found = path.stat()
    return _read_keys(path, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=4)
def _read_keys(path: Path, _changed: int, _file: int) -> tuple[str, ...]:
    return list_of_keys(dotenv_values(path).get("CIVIC_DATA_KEY") or "")


def key_of(sealed: str) -> str:
    """The key id that a ciphertext or keyed hash names; '' for anything else."""
    algorithm, named, _body = (*sealed.split(".", 2), "", "")[:3]
    return named if algorithm in {"g1", "h1"} else ""


@lru_cache(maxsize=256)
def _derive(key: str, use: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=b"civic", info=use.encode()).derive(key.encode())


@lru_cache(maxsize=16)
def key_id(key: str) -> str:
    """Eight hexadecimal digits that name a key without telling it."""
    return hashlib.sha256(_derive(key, "fingerprint")).hexdigest()[:8]


def fingerprints() -> list[str]:
    """Ids of the keys held here, the writing one first."""
    return [key_id(key) for key in held_keys()]


def encrypt(text: str, purpose: str) -> str:
    """`g1.<key id>.<nonce+ciphertext, base64>`; purpose binds it to its use."""
    key = held_keys()[0]
    nonce = os.urandom(12)
    sealed = AESGCM(_derive(key, "field")).encrypt(nonce, text.encode(), purpose.encode())
    return f"g1.{key_id(key)}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def decrypt(sealed: str, purpose: str) -> str:
    """The text again.  Raises UnknownKey for a foreign key, another purpose or a changed byte."""
    algorithm, wanted, body = (*sealed.split(".", 2), "", "")[:3]
    for key in held_keys():
        if algorithm == "g1" and key_id(key) == wanted:
            try:
                raw = base64.b64decode(body, altchars=b"-_", validate=True)
                return AESGCM(_derive(key, "field")).decrypt(raw[:12], raw[12:], purpose.encode()).decode()
            except (InvalidTag, ValueError):  # ValueError: no base64, or too short for a nonce
                raise UnknownKey("the text was altered or sealed for another purpose") from None
    raise UnknownKey(f"key {wanted} is not held here")


def keyed_hash(value: str, purpose: str) -> str:
    """`h1.<key id>.<hex>` under the writing key: equal values are found, nobody can count through them without the key."""
    return _hash_with(held_keys()[0], value, purpose)


def keyed_hashes(value: str, purpose: str) -> list[str]:
    """The hash under every key held, for look-ups while a rotation runs."""
    return [_hash_with(key, value, purpose) for key in held_keys()]


def _hash_with(key: str, value: str, purpose: str) -> str:
    digest = hmac.new(_derive(key, f"hash:{purpose}"), value.encode(), hashlib.sha256).hexdigest()
    return f"h1.{key_id(key)}.{digest}"


def token_hash(token: str) -> str:
    """SHA-256 of a random token: it has 128 bits or more, so no key is needed (nothing to guess)."""
    return hashlib.sha256(token.encode()).hexdigest()
