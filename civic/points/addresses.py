"""Where the pages of points stand that lines of the ledger name: for paper, messages and tests too, which no request makes."""

from __future__ import annotations


def rules(number: str) -> str:
    """What a version of the rules says, among all versions."""
    return f"/points/rules#rules-{number}"


def receipt(row_id: int) -> str:
    """Of a gift; row_id: any of its rows."""
    return f"/points/donations/{row_id}"


def line(wallet_uid: str, row_id: int) -> str:
    """The statement from that line on; row_id: its newest row."""
    return f"/points/statement?wallet={wallet_uid}&before={row_id + 1}#line-{row_id}"


def proposal(uid: str) -> str:
    return f"/desk/points/proposals/{uid}"
