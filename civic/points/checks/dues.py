"""What `civic check` asks of dues: what a wallet owes is what the audit says became due, less what its rows paid.

Nobody's due can be wiped out or made up by an UPDATE.  Which correction or reversal a due comes from no row tells; but all of a programme's
together must have become due as far as their rows fell short, so that no correction vanishes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from civic.core import progress
from civic.core.audit import AuditEvent
from civic.core.db import BigId, db
from civic.core.registry import Violation
from civic.points.checks.parts import less
from civic.points.models import OWNED, Earning, Proposal, ProposalKind, ProposalState, Reason, Transfer, TransferKind, Vintage, Wallet

_T, _V, _W, _E, _Q, _A = (model.__table__ for model in (Transfer, Vintage, Wallet, Earning, Proposal, AuditEvent))
BECAME, MOVED, BACK, CLOSED = "points.due", "points.due_moved", "points.due_back", "points.wallet_closed"


def dues() -> Iterator[Violation]:
    """Each wallet's due, then what became due in each programme."""
    progress.tell("dues of points", 0)
    owed, became, closed = _told()
    paid = sa.select(_V.c.wallet_id, sa.func.sum(_T.c.amount)).join(_V, _V.c.id == _T.c.debit_id).where(_T.c.reason == Reason.recovered)
    for wallet_id, amount in db.session.execute(paid.group_by(_V.c.wallet_id)):
        owed[wallet_id] -= int(amount)
    stand = {row.id: row for row in db.session.execute(sa.select(_W.c.id, _W.c.due).where(_W.c.due != 0))}
    for wallet_id in sorted({id_ for id_, amount in owed.items() if amount} | stand.keys()):
        due = stand[wallet_id].due if wallet_id in stand else 0
        if due != owed[wallet_id]:
            yield Violation("points_wallet", wallet_id, f"owes {due}; what became due less what was paid is {owed[wallet_id]}")
    yield from _short(became, closed)


def _told() -> tuple[dict[int, int], dict[int, int], set[int]]:
    """By the audit: what each wallet owes before payments, what became due there, and which wallets were ever closed."""
    owed: dict[int, int] = defaultdict(int)
    became: dict[int, int] = defaultdict(int)
    closed: set[int] = set()
    query = sa.select(_A.c.subject_id, _A.c.verb, _A.c.context).where(
        _A.c.subject_kind == "points_wallet", _A.c.verb.in_([BECAME, MOVED, BACK, CLOSED])
    )
    for wallet_id, verb, context in db.session.execute(query.execution_options(yield_per=500)):
        told: dict[str, Any] = json.loads(context)
        if verb == CLOSED:
            closed.add(wallet_id)
        elif verb == BECAME:
            owed[wallet_id] += told["amount"]
            became[wallet_id] += told["amount"]
        else:
            giver, taker = (wallet_id, told["to"]) if verb == MOVED else (told["of"], wallet_id)
            owed[giver] -= told["amount"]
            owed[taker] += told["amount"]
    return owed, became, closed


def _short(became: dict[int, int], closed: set[int]) -> Iterator[Violation]:
    """least, most: how far rows fell short.  A reversal whose rest would fall on the giver herself lets it be; only closed wallets lead there."""
    least: dict[int, int] = defaultdict(int)
    most: dict[int, int] = defaultdict(int)
    for programme_id, amount in db.session.execute(_corrections()):
        least[programme_id] += int(amount)
        most[programme_id] += int(amount)
    for row in db.session.execute(_reversals()):
        missing = row.amount - int(row.taken or 0)
        most[row.programme_id] += missing
        if row.credit_wallet not in closed or row.debit_kind not in OWNED:
            least[row.programme_id] += missing
    told: dict[int, int] = defaultdict(int)
    where = _W.c.id.in_(sa.select(_A.c.subject_id).where(_A.c.subject_kind == "points_wallet", _A.c.verb == BECAME))
    of = {row.id: row.programme_id for row in db.session.execute(sa.select(_W.c.id, _W.c.programme_id).where(where))}
    for wallet_id, amount in became.items():
        told[of.get(wallet_id, 0)] += amount
    for programme_id in sorted(told.keys() | most.keys()):
        if not least[programme_id] <= told[programme_id] <= most[programme_id]:
            what = f"corrections and reversals fell short by {most[programme_id]}, {told[programme_id]} became due"
            yield Violation("points_programme", programme_id, what)


def _corrections() -> sa.Select[Any]:
    """By programme: what revisions took off, less what reversals had taken before and what their rows took."""
    steps = sa.select(_E.c.id, _E.c.programme_id, _E.c.offset, less().label("less")).subquery("x")
    key = sa.cast(_T.c.earning_id, BigId)
    rows = (
        sa.select(key.label("id"), sa.func.sum(_T.c.amount).label("taken"))
        .where(_T.c.reason == Reason.corrected)
        .group_by(key)
        .subquery("s")
    )
    short = sa.func.sum(steps.c.less - steps.c.offset - sa.func.coalesce(rows.c.taken, 0))
    return (
        sa.select(steps.c.programme_id, short)
        .outerjoin(rows, rows.c.id == steps.c.id)
        .where(steps.c.less > 0)
        .group_by(steps.c.programme_id)
    )


def _reversals() -> sa.Select[Any]:
    """Reversals that were decided, with what their rows took."""
    source = sa.literal("proposal:") + sa.cast(_Q.c.id, sa.String)
    kinds = (TransferKind.reversal, TransferKind.single)
    taken = (
        sa.select(sa.func.sum(_T.c.amount))
        .where(_T.c.source == source, _T.c.reason == Reason.reversed, _T.c.kind.in_(kinds))
        .scalar_subquery()
    )
    first, debit, credit, giver = _T.alias("o"), _V.alias("d"), _V.alias("c"), _W.alias("g")
    return (
        sa.select(
            _Q.c.programme_id,
            _Q.c.amount,
            taken.label("taken"),
            credit.c.wallet_id.label("credit_wallet"),
            giver.c.kind.label("debit_kind"),
        )
        .join(first, first.c.id == _Q.c.transfer_id)
        .join(debit, debit.c.id == first.c.debit_id)
        .join(giver, giver.c.id == debit.c.wallet_id)
        .join(credit, credit.c.id == first.c.credit_id)
        .where(_Q.c.kind == ProposalKind.reversal, _Q.c.state == ProposalState.done)
    )
