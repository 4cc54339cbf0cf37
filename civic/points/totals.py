"""The sums of a close of points, from the rows it lists and the totals of the close before: never from a wallet's counter.

Each programme has `day` (this close) and `since` (all closes so far), hundredths of a point:
issued, returned   came into wallets or the care pool; returned: by the reversal of a row that had taken them out
spent, expired, corrected, reversed   went out; reversed: by the reversal of a row that had brought them in
overflow, granted, donated   of these sums or between wallets, for their own sake: to the care pool over a cap; by a decision; by an owner
outstanding, pool, held (in `since` alone)   what stands in all wallets and the care pool; the pool's part; what open holds set aside
So outstanding = issued + returned - spent - expired - corrected - reversed, which everybody can check.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from civic.core.closes import Book, CloseItem
from civic.core.db import db
from civic.points.models import COUNTED, Programme, Reason, Transfer, TransferKind, Vintage, Wallet, WalletKind

BOOK = "points"
FLOWS = ("issued", "returned", "spent", "expired", "corrected", "reversed", "overflow", "granted", "donated")
STANDS = ("outstanding", "pool", "held")
MOVING = (TransferKind.single, TransferKind.post, TransferKind.reversal)
ENDING = (TransferKind.post, TransferKind.void, TransferKind.expire)
#: where points go when they leave wallets and pool; anything else is a correction
OUT = {WalletKind.redemption: "spent", WalletKind.expiry: "expired"}
#: counted beside the direction, by the reason of the row
BESIDE = {Reason.overflow: "overflow", Reason.granted: "granted", Reason.donated: "donated"}
_T, _I, _V, _W, _P = Transfer.__table__, CloseItem.__table__, Vintage.__table__, Wallet.__table__, Programme.__table__


def of_close(number: int, before: dict[str, Any] | None) -> dict[str, Any]:
    """The totals of a close: `{"programmes": {code: {"day": …, "since": …}}}`.  before: those of the close before it."""
    known = before["programmes"] if before is not None else {}
    sums: dict[str, dict[str, int]] = {code: _nothing() for code in known}
    for row in db.session.execute(_groups(number)):
        _add(sums.setdefault(row.code, _nothing()), row)
    found = {}
    for code, day in sums.items():
        earlier = known.get(code, {}).get("since", {})
        since = {name: earlier.get(name, 0) + day[name] for name in (*FLOWS, *STANDS)}
        found[code] = {"day": {name: day[name] for name in FLOWS}, "since": since}
    return {"programmes": found}


def _nothing() -> dict[str, int]:
    return dict.fromkeys((*FLOWS, *STANDS), 0)


def _groups(number: int) -> sa.Select[Any]:
    """Rows of a close by programme, both sides, kind and reason: some dozen groups.  ended: what the ended holds' rows had set aside."""
    debit, credit, held = _V.alias("d"), _V.alias("c"), _T.alias("h")
    giver, taker = _W.alias("dw"), _W.alias("cw")
    keys = (_P.c.code, _T.c.kind, _T.c.reason, giver.c.kind.label("giver"), taker.c.kind.label("taker"))
    return (
        sa.select(*keys, sa.func.sum(_T.c.amount).label("amount"), sa.func.sum(held.c.amount).label("ended"))
        .select_from(_I)
        .join(_T, _T.c.id == _I.c.row_id)
        .join(_P, _P.c.id == _T.c.programme_id)
        .join(debit, debit.c.id == _T.c.debit_id)
        .join(giver, giver.c.id == debit.c.wallet_id)
        .join(credit, credit.c.id == _T.c.credit_id)
        .join(taker, taker.c.id == credit.c.wallet_id)
        .outerjoin(held, held.c.id == _T.c.ends_id)
        .where(_I.c.book == BOOK, _I.c.number == number)
        .group_by(*keys)
    )


def _add(sums: dict[str, int], row: Any) -> None:
    amount = int(row.amount)
    if row.kind is TransferKind.hold:
        sums["held"] += amount
    if row.kind in ENDING:
        sums["held"] -= int(row.ended)
    if row.kind not in MOVING:
        return
    from_wallet, to_wallet = row.giver in COUNTED, row.taker in COUNTED
    is_reversal = row.kind is TransferKind.reversal
    if to_wallet and not from_wallet:
        sums["returned" if is_reversal else "issued"] += amount
    elif from_wallet and not to_wallet:
        sums["reversed" if is_reversal else OUT.get(row.taker, "corrected")] += amount
    sums["outstanding"] += amount * (to_wallet - from_wallet)
    sums["pool"] += amount * ((row.taker is WalletKind.care_pool) - (row.giver is WalletKind.care_pool))
    if row.reason in BESIDE and not is_reversal:
        sums[BESIDE[row.reason]] += amount


#: What a row says in its canonical form.  Fixed for ever: another list would fit no hash that was published.
COLUMNS = (
    "account_id", "amount", "at", "channel", "credit_id", "debit_id", "detail", "earning_id", "ends_id", "hold_id", "id", "job", "kind",
    "policy_id", "programme_id", "reason", "reverses_id", "source",
)  # fmt: skip


def book(faults: Any) -> Book:
    """The book of points.  faults: counters that differ from their rows (civic/points/checks/ledger.py)."""
    return Book(BOOK, _T, COLUMNS, of_close, faults)
