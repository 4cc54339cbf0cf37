"""What `civic check` asks of the cause of a row: no point comes out of nothing, and what was decided is what was booked.

`shapes`: each reason moves points between the kinds of wallets it is for, as the kind of row it is for.  `causes`: grants, openings,
reversals and what a closed wallet left behind each have somebody who decided it: a proposal that two people made, an event in the audit, or
a decision that its module vouches for (`Module.causes`).  Gifts and what ran out as a whole: gone.py; what is spent: holds.py.

What cannot be seen: of a grant from the pool, how much fitted under the cap on that day (no more than was asked is seen); of a reversal,
that what was spent became due under just this proposal (dues.py asks it of all together); to which heir a closed wallet's points had to go.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa

from civic.core import progress
from civic.core.audit import AuditEvent
from civic.core.db import db
from civic.core.registry import Violation, the_registry
from civic.points.models import (
    COUNTED,
    OWNED,
    Proposal,
    ProposalKind,
    ProposalState,
    Reason,
    Transfer,
    TransferKind,
    Vintage,
    Wallet,
    WalletKind,
)

_T, _V, _W = Transfer.__table__, Vintage.__table__, Wallet.__table__
_D, _C, _DW, _CW = _V.alias("d"), _V.alias("c"), _W.alias("dw"), _W.alias("cw")
MANY = 500  # causes looked up at a time
BEGIN = (WalletKind.issuance, WalletKind.opening)
_K, _N = TransferKind, WalletKind
_Kinds = tuple[WalletKind, ...]
#: reason → (kinds of row, from, to, does it name an earning: yes, no, either)
_SHAPES: dict[Reason, tuple[tuple[tuple[TransferKind, ...], _Kinds, _Kinds, bool | None], ...]] = {
    Reason.earned: (((_K.single,), (_N.issuance,), OWNED, True),),
    Reason.overflow: (
        ((_K.single,), (_N.issuance,), (_N.care_pool,), None),
        ((_K.single,), (_N.opening, *OWNED), (_N.care_pool,), False),
    ),
    Reason.recovered: (((_K.single,), COUNTED, (_N.correction,), False),),
    Reason.corrected: (((_K.single,), COUNTED, (_N.correction,), True),),
    Reason.spent: (((_K.hold, _K.post), COUNTED, (_N.redemption,), False),),
    Reason.exchange: (((_K.hold, _K.post), COUNTED, (_N.redemption,), False),),
    Reason.returned: (((_K.void,), COUNTED, (_N.redemption,), False),),
    Reason.lapsed: (((_K.expire,), COUNTED, (_N.redemption,), False),),
    Reason.donated: (((_K.single,), OWNED, (_N.household, _N.care_pool), False),),
    Reason.granted: (((_K.single,), (_N.issuance, _N.care_pool), OWNED, False),),
    Reason.opening: (((_K.single,), (_N.opening,), OWNED, False),),
    Reason.reversed: (
        ((_K.reversal,), tuple(_N), tuple(_N), False),
        ((_K.single,), COUNTED, (*COUNTED, _N.correction), False),
    ),
    Reason.expired: (((_K.single,), OWNED, (_N.expiry,), False),),
    Reason.moved: (((_K.single,), OWNED, COUNTED, False),),
}  # fmt: skip


def _sides(*columns: Any) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .select_from(_T)
        .join(_D, _D.c.id == _T.c.debit_id)
        .join(_DW, _DW.c.id == _D.c.wallet_id)
        .join(_C, _C.c.id == _T.c.credit_id)
        .join(_CW, _CW.c.id == _C.c.wallet_id)
    )


def shapes() -> Iterator[Violation]:
    """One violation, with its first row, for each way of moving points that no operation has."""
    progress.tell("ways of points", 0)
    earned = _T.c.earning_id.is_not(None)
    keys = (_T.c.reason, _T.c.kind, _DW.c.kind.label("giver"), _CW.c.kind.label("taker"), earned.label("earned"))
    query = _sides(*keys, sa.func.min(_T.c.id).label("id"), sa.func.count().label("n")).group_by(
        _T.c.reason, _T.c.kind, _DW.c.kind, _CW.c.kind, earned
    )
    for row in db.session.execute(query).all():
        fits = any(
            row.kind in kinds and row.giver in givers and row.taker in takers and wants in (None, bool(row.earned))
            for kinds, givers, takers, wants in _SHAPES[row.reason]
        )
        if not fits:
            way = f"{row.reason.value}, {row.kind.value}, {row.giver.value} to {row.taker.value}"
            yield Violation("points_transfer", row.id, f"moves points as nothing does: {way} ({row.n} row(s))")


# ---- what was decided -------------------------------------------------------------------------------------------------------
_DECIDED = (Reason.granted, Reason.opening, Reason.reversed, Reason.moved, Reason.overflow, Reason.expired)


def causes() -> Iterator[Violation]:
    """Rows by their cause, some hundred causes at a time; those of an earning are compared with it elsewhere."""
    progress.tell("causes of points", 0)
    keys = (
        _T.c.source, _T.c.reason, _T.c.kind, _DW.c.id.label("from_id"), _DW.c.kind.label("giver"), _CW.c.id.label("to_id"), _CW.c.kind.label("taker"),
        _D.c.id.label("debit_id"),
    )  # fmt: skip
    query = _sides(
        *keys,
        sa.func.min(_T.c.id).label("id"),
        sa.func.max(_T.c.reverses_id).label("reverses_id"),
        sa.func.sum(_T.c.amount).label("amount"),
    )
    query = query.where(_T.c.reason.in_(_DECIDED), _T.c.earning_id.is_(None)).group_by(
        _T.c.source, _T.c.reason, _T.c.kind, _DW.c.id, _DW.c.kind, _CW.c.id, _CW.c.kind, _D.c.id
    )
    with db.session.execute(query.order_by(_T.c.source).execution_options(yield_per=MANY)) as found:
        sources = _by_source(found)
        while part := list(islice(sources, MANY)):
            groups: dict[str, dict[str, list[Any]]] = defaultdict(dict)
            for source, rows in part:
                kind, _colon, id_ = source.partition(":")
                groups[kind][id_] = rows
            for kind, of_kind in groups.items():
                yield from _KINDS.get(kind, _of_a_module(kind))(of_kind)


def _by_source(rows: Iterable[Any]) -> Iterator[tuple[str, list[Any]]]:
    source, kept = None, []
    for row in rows:
        if row.source != source and source is not None:
            yield source, kept
            kept = []
        source = row.source
        kept.append(row)
    if source is not None:
        yield source, kept


def _fault(row: Any, what: str) -> Violation:
    return Violation("points_transfer", row.id, what)


def _numbers(ids: Iterable[str]) -> list[int]:
    return [int(id_) for id_ in ids if id_.isascii() and id_.isdecimal() and len(id_) < 19]


def _total(rows: Iterable[Any], *reasons: Reason) -> int:
    return sum(int(row.amount) for row in rows if row.reason in reasons)


def _of_proposals(groups: dict[str, list[Any]]) -> Iterator[Violation]:
    known = {str(row.id): row for row in db.session.scalars(sa.select(Proposal).where(Proposal.id.in_(_numbers(groups)))).all()}
    for id_, rows in groups.items():
        proposal = known.get(id_)
        if proposal is None or proposal.state is not ProposalState.done or proposal.checker_id is None:
            yield _fault(rows[0], f"no proposal {id_} that a second person approved asks for it")
        else:
            yield from _reversal(proposal, rows) if proposal.kind is ProposalKind.reversal else _given(proposal, rows)


def _given(proposal: Proposal, rows: list[Any]) -> Iterator[Violation]:
    reason = Reason.opening if proposal.kind is ProposalKind.opening else Reason.granted
    origin = WalletKind.opening if reason is Reason.opening else WalletKind.care_pool if proposal.from_pool else WalletKind.issuance
    for row in rows:
        fits = (row.reason is reason and row.to_id == proposal.wallet_id) or (row.reason is Reason.overflow and not proposal.from_pool)
        if row.kind is not TransferKind.single or row.giver is not origin or not fits:
            yield _fault(row, f"is not what proposal {proposal.id} asked for")
    booked = _total(rows, reason, Reason.overflow)
    if booked > proposal.amount or (booked < proposal.amount and origin is not WalletKind.care_pool):
        yield _fault(rows[0], f"proposal {proposal.id} gave {booked}, decided was {proposal.amount}")


def _reversal(proposal: Proposal, rows: list[Any]) -> Iterator[Violation]:
    for row in rows:
        if row.reason is Reason.reversed and row.reverses_id in (None, proposal.transfer_id):
            continue
        if row.reason in (Reason.moved, Reason.overflow) and row.giver in OWNED:  # what came back to a closed wallet goes on
            continue
        yield _fault(row, f"is not what proposal {proposal.id} asked for")
    if (booked := _total(rows, Reason.reversed)) > proposal.amount:
        yield _fault(rows[0], f"proposal {proposal.id} took back {booked}, decided was {proposal.amount}")


def _of_wallets(groups: dict[str, list[Any]]) -> Iterator[Violation]:
    """What a closed wallet left behind, and what came back when a death or a merge was undone: the audit knows both."""
    e, ids = AuditEvent.__table__, _numbers(groups)
    lines = sa.select(e.c.subject_id, e.c.verb, e.c.context).where(
        e.c.subject_kind == "points_wallet", e.c.subject_id.in_(ids), e.c.verb.in_(["points.wallet_closed", "points.wallet_back"])
    )
    closed: set[str] = set()
    back: dict[str, int] = {}
    for subject_id, verb, context in db.session.execute(lines):
        if verb == "points.wallet_closed":
            closed.add(str(subject_id))
        else:
            back[str(subject_id)] = back.get(str(subject_id), 0) + int(json.loads(context).get("back", 0))
    for id_, rows in groups.items():
        for row in rows:
            leaves = row.reason in (Reason.moved, Reason.overflow) and str(row.from_id) == id_
            comes_back = row.reason is Reason.reversed and str(row.to_id) == id_
            if not (leaves or comes_back):
                yield _fault(row, f"is not what wallet {id_} leaves or gets back")
            elif leaves and id_ not in closed:
                yield _fault(row, f"leaves wallet {id_}, which was never closed")
        if (came := _total(rows, Reason.reversed)) != back.get(id_, 0):
            yield _fault(rows[0], f"{came} came back to wallet {id_}, undone was {back.get(id_, 0)}")


def _of_vintages(groups: dict[str, list[Any]]) -> Iterator[Violation]:
    """A year that ran out takes from itself."""
    for id_, rows in groups.items():
        for row in rows:
            if row.reason is not Reason.expired or str(row.debit_id) != id_:
                yield _fault(row, f"does not run out of vintage {id_}")


def _of_a_module(kind: str) -> Callable[[dict[str, list[Any]]], Iterator[Violation]]:
    """Grants that a module above decided; it says which decisions there are, and how much each gave."""

    def check(groups: dict[str, list[Any]]) -> Iterator[Violation]:
        decided = the_registry().decided(kind, list(groups))
        for id_, rows in groups.items():
            strange = [row for row in rows if row.reason not in (Reason.granted, Reason.overflow)]
            if id_ not in decided or strange:
                yield _fault((strange or rows)[0], f"nothing that can decide it vouches for {kind}:{id_}")
            elif (booked := _total(rows, Reason.granted, Reason.overflow)) > decided[id_]:
                yield _fault(rows[0], f"{kind}:{id_} gave {booked}, decided was {decided[id_]}")

    return check


_KINDS = {"proposal": _of_proposals, "wallet": _of_wallets, "vintage": _of_vintages}
