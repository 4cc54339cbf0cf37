"""Reads of points: whose wallets, what is in them; holders, proposals, hints and reports each in a file of their own."""

from civic.points.queries.wallets import (
    NO_PROGRAMME,
    TOPIC,
    Gift,
    Held,
    Mine,
    Rules,
    WalletView,
    Year,
    by_id,
    free_of,
    gift,
    household_number,
    is_grown_up,
    mine,
    views,
)

__all__ = [
    "NO_PROGRAMME",
    "TOPIC",
    "Gift",
    "Held",
    "Mine",
    "Rules",
    "WalletView",
    "Year",
    "by_id",
    "free_of",
    "gift",
    "household_number",
    "is_grown_up",
    "mine",
    "views",
]
