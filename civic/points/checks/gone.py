"""What `civic check` asks of points that an owner gave away or whose year ran out (L14, L17): rules allow it, and the audit says the same.

No decision stands behind such rows, only what somebody said or a job of the night did, and that the audit alone repeats; so its sums are
compared by wallet.  Both are read in the order of wallets, hence one wallet at a time is in memory.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from civic.core import progress
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.registry import Violation
from civic.people.models import Membership
from civic.points.checks.earnings import merged
from civic.points.checks.parts import stream, whole
from civic.points.models import Policy, Reason, Transfer, Vintage, Wallet, WalletKind

_T, _V, _W, _P, _A, _M = (model.__table__ for model in (Transfer, Vintage, Wallet, Policy, AuditEvent, Membership))
GIVEN, RAN_OUT, NOTICED = "points.donated", "points.years_expired", "points.expiry_noticed"
LAST_NOTICE = 7  # days before the last day; operations/expiry.py sends no second notice without the first
AWAY = 0  # instead of the wallet that was given to: points that ran out


def gone() -> Iterator[Violation]:
    """Each wallet's gifts, by receiver, and what ran out of it."""
    progress.tell("gifts and expiry of points", 0)
    one = cache(merged)
    rows, lines = ((row.wallet_id, False, row) for row in stream(_rows())), ((line.wallet_id, True, line) for line in stream(_lines()))
    for wallet_id, found in groupby(merge(rows, lines, key=itemgetter(0)), key=itemgetter(0)):
        booked: list[Any] = []
        told: list[Any] = []
        for _id, is_told, each in found:
            (told if is_told else booked).append(each)
        yield from _compared(wallet_id, booked, told)
        yield from _allowed(booked, told, one)


def _rows() -> sa.Select[Any]:
    """Sums by wallet, one scan of the ledger; whose household it is goes along, and whether points run out by the rules that a row names."""
    debit, credit = whole(_T.c.debit_id).label("debit_id"), whole(_T.c.credit_id).label("credit_id")
    sums = (
        sa.select(_T.c.reason, debit, credit, _T.c.policy_id, sa.func.sum(_T.c.amount).label("amount"), sa.func.max(_T.c.id).label("id"))
        .where(_T.c.reason.in_((Reason.donated, Reason.expired)))
        .group_by(_T.c.reason, debit, credit, _T.c.policy_id)
        .subquery("s")
    )
    d, c, giver, taker = _V.alias("d"), _V.alias("c"), _W.alias("dw"), _W.alias("cw")
    is_home = sa.exists().where(_M.c.person_id == giver.c.person_id, _M.c.household_id == taker.c.household_id)
    return (
        sa.select(
            giver.c.id.label("wallet_id"), giver.c.person_id, taker.c.id.label("to_id"), taker.c.kind, taker.c.household_id, is_home.label("is_home"),
            sums.c.reason, sums.c.debit_id, sums.c.amount, sums.c.id, _P.c.expiry_years,
        )
        .select_from(sums)
        .join(d, d.c.id == sums.c.debit_id)
        .join(giver, giver.c.id == d.c.wallet_id)
        .join(c, c.c.id == sums.c.credit_id)
        .join(taker, taker.c.id == c.c.wallet_id)
        .outerjoin(_P, _P.c.id == sums.c.policy_id)
        .order_by(giver.c.id)
    )  # fmt: skip


def _lines() -> sa.Select[Any]:
    query = sa.select(_A.c.subject_id.label("wallet_id"), _A.c.verb, _A.c.context).where(_A.c.subject_kind == "points_wallet")
    return query.where(_A.c.verb.in_([GIVEN, RAN_OUT, NOTICED])).order_by(_A.c.subject_id)


def _compared(wallet_id: int, rows: list[Any], lines: list[Any]) -> Iterator[Violation]:
    """By receiver what the rows moved and what the audit says; the newest of the rows is named."""
    moved: Counter[int] = Counter()
    told: Counter[int] = Counter()
    newest: dict[int, int] = {}
    for row in rows:
        to = row.to_id if row.reason is Reason.donated else AWAY
        moved[to] += int(row.amount)
        newest[to] = max(row.id, newest.get(to, 0))
    for line in lines:
        if line.verb != NOTICED:
            said = json.loads(line.context)
            told[said["to"] if line.verb == GIVEN else AWAY] += said["amount"]
    for to in sorted(moved.keys() | told.keys()):
        if moved[to] != told[to]:
            what = f"wallet {wallet_id} gave {moved[to]} to wallet {to}" if to else f"{moved[to]} ran out of wallet {wallet_id}"
            table, id_ = ("points_transfer", newest[to]) if to in newest else ("points_wallet", wallet_id)
            yield Violation(table, id_, f"{what}, the audit says {told[to]}")


def _allowed(rows: list[Any], lines: list[Any], one: Callable[[], Callable[[int], int]]) -> Iterator[Violation]:
    """one: which row stands for a person, asked where a membership is not the giver's own."""
    noticed = {id_ for line in lines if line.verb == NOTICED for id_ in _noticed(json.loads(line.context))}
    for row in rows:
        if row.reason is Reason.expired:
            if not row.expiry_years:
                yield Violation("points_transfer", row.id, "ran out under rules by which points do not run out")
            elif row.debit_id not in noticed:
                yield Violation("points_transfer", row.id, "ran out without its two notices")
        elif row.kind is WalletKind.household and not row.is_home and not _was_member(row, one()):
            yield Violation("points_transfer", row.id, "was given to a household in which the giver never lived")


def _noticed(told: dict[str, Any]) -> Iterable[int]:
    return told["vintages"] if told["days"] == LAST_NOTICE else ()


def _was_member(row: Any, one: Callable[[int], int]) -> bool:
    """Under a row that counts or once counted as the same person."""
    members = db.session.scalars(sa.select(_M.c.person_id).where(_M.c.household_id == row.household_id))
    return row.person_id is not None and one(row.person_id) in {one(person_id) for person_id in members}
