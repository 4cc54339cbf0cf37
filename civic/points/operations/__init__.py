"""Writes of points: the only way in which the ledger changes."""

from civic.points.operations.earning import earn
from civic.points.operations.giving import donate
from civic.points.operations.holds import expire, hold, renew, settle, void
from civic.points.operations.wallets import close, freeze, open_programme, unfreeze, wallet_of_household, wallet_of_person

__all__ = [
    "close",
    "donate",
    "earn",
    "expire",
    "freeze",
    "hold",
    "open_programme",
    "renew",
    "settle",
    "unfreeze",
    "void",
    "wallet_of_household",
    "wallet_of_person",
]
