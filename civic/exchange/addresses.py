"""Where the pages of listings and exchanges stand: for links in messages and results, which no request makes."""

from __future__ import annotations


def listing(uid: str) -> str:
    return f"/exchange/listings/{uid}"


def exchange(uid: str) -> str:
    return f"/exchange/agreements/{uid}"


def dispute(uid: str) -> str:
    """At the desk; uid: of the exchange."""
    return f"/desk/exchange/disputes/{uid}"
