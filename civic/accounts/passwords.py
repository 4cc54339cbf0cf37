"""Passwords: Argon2id (RFC 9106) with 19 MiB, two passes, one lane, and the rule for new ones (NIST SP 800-63B).

At most two hashings run at once in a process, or twenty sign-ins would want 400 MB; none runs inside `atomic()`, because on
SQLite that is the site's only write lock (one hashing takes about 30 ms).  Tests use cheap parameters.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app

from civic.accounts.errors import PasswordIsCommon, PasswordIsLogin, PasswordTooShort
from civic.core.atomic import in_transaction

LEAST, MOST = 10, 200  # characters
_turn = threading.BoundedSemaphore(2)
_REAL = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
#: letters and digits that nobody mistakes for each other on paper
CLEAR = "abcdefghjkmnpqrstuvwxyz23456789"
#: passwords of ten characters or more that stand in every list of leaked ones
COMMON = frozenset(
    """
    0123456789 1234567890 12345678910 123456789a 123456789q 1234567891 9876543210 0987654321 1122334455 1123581321 1029384756
    147258369a 1472583690 5201314520 1314520520 5201314521 1234554321 1233211234567 a123456789 aa123456789 abc123456789 abc1234567
    abcd123456 abcd1234567 abcdefghij abcdefghijk qwertyuiop qwertyuiop123 qwerty12345 qwerty123456 qwert12345 1q2w3e4r5t
    1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv asdfghjkl123 asdfghjkl; asdfghjkl1 zxcvbnm123
    zxcvbnm12345 zaq12wsxcde3 password12 password123 password1234 password12345 passw0rd123 p@ssw0rd123 p@ssword123 mypassword
    administrator admin12345 admin123456 admin123456789 welcome123 welcome1234 letmein123 iloveyou123 iloveyou1314 iloveyou520
    woaini1314 woaini1314520 woaini520520 woaini123456 woaiwojia1314 woshishui123 changeme123 qq123456789 wang123456 zhang123456
    li123456789 chenchen123 superman123 football123 baseball123 princess123 sunshine123 1234qwerasdf qweasdzxc123 qweasdzxc1
    """.split()  # noqa: SIM905 - a list of 90 quoted words reads worse
)


def prepared(password: str) -> str:
    """One form for full-width and half-width letters (NFKC), no spaces around: input methods add both."""
    return unicodedata.normalize("NFKC", password).strip()


def check_new(login: str, password: str) -> None:
    """At least 10 characters, not the login, not one that is tried first; no rules of composition.

    Raises PasswordTooShort, PasswordIsLogin, PasswordIsCommon.
    """
    password = prepared(password)
    if len(password) < LEAST:
        raise PasswordTooShort(least=LEAST, count=len(password), field="new_password")
    lowered = password.lower()
    if lowered == login.lower():
        raise PasswordIsLogin(field="new_password")
    if lowered in COMMON or len(set(lowered)) == 1:
        raise PasswordIsCommon(field="new_password")


def _hasher() -> PasswordHasher:
    return _CHEAP if current_app.testing else _REAL


def _refuse_inside() -> None:
    if in_transaction():
        raise ValueError("hash a password before atomic(), not inside it")


def hash_password(password: str) -> str:
    """Raises ValueError inside atomic()."""
    _refuse_inside()
    with _turn:
        return _hasher().hash(prepared(password))


@lru_cache(maxsize=2)
def _decoy(_is_testing: bool) -> str:
    return hash_password(secrets.token_hex(16))


def is_right(stored: str | None, password: str) -> bool:
    """Does the password fit?  An unknown login (`stored` is None) takes the same time: a decoy is verified instead."""
    _refuse_inside()
    decoy = _decoy(current_app.testing)
    with _turn:
        try:
            return _hasher().verify(stored or decoy, prepared(password)) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def needs_new_hash(stored: str) -> bool:
    """Was it made with other parameters than today's?"""
    return _hasher().check_needs_rehash(stored)


def one_time_password() -> str:
    """`k7mt-3xpa-9wqh`: 59 random bits that read well on a printed slip."""
    return "-".join("".join(secrets.choice(CLEAR) for _ in range(4)) for _ in range(3))
