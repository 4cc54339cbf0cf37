"""The rows of a wallet from the newest, as statements that two indexes answer: for each of its years and each side, merged.

They are built once for each shape, because that takes longer than the database takes to answer.  Values: `year_0`, `year_1`, … (ids of
the vintages), `before`, `since`, `until`, `newer_than`, `now`.  signs: -1 for rows in which the wallet gives, 1 for those in which it gets.
"""

from __future__ import annotations

import functools
from typing import Any

import sqlalchemy as sa

from civic.points.models import Hold, HoldState, Policy, Transfer, TransferKind, Vintage, Wallet

ENDS = (TransferKind.post, TransferKind.void, TransferKind.expire)
_T, _H, _P, _V, _W = Transfer.__table__, Hold.__table__, Policy.__table__, Vintage.__table__, Wallet.__table__
_COLUMNS = (
    _T.c.id, _T.c.kind, _T.c.reason, _T.c.amount, _T.c.hold_id, _T.c.source, _T.c.detail, _T.c.at, _T.c.channel, _T.c.earning_id,
    _T.c.policy_id, _T.c.reverses_id,
)  # fmt: skip


@functools.lru_cache(maxsize=64)
def counted(years: int, signs: tuple[int, ...], has_month: bool) -> Any:
    sides = _sides(years, signs, False, has_month, None)
    parts = [sa.select(q.c.at, q.c.kind, q.c.reason, q.c.source, q.c.hold_id, q.c.sign) for q in sides]
    return sa.select(sa.func.count()).select_from(sa.union(*parts).subquery())


def _sides(years: int, signs: tuple[int, ...], has_before: bool, has_month: bool, limit: int | None) -> list[Any]:
    """For each year and side the newest rows that begin a line, as a select of its own that an index answers."""
    found = []
    for slot in range(years):
        for own, other, sign in ((_T.c.debit_id, _T.c.credit_id, -1), (_T.c.credit_id, _T.c.debit_id, 1)):
            if sign not in signs:
                continue
            query = sa.select(*_COLUMNS, other.label("other_id"), sa.literal(sign).label("sign"), sa.literal(slot).label("slot"))
            query = _by_index(query, own, sa.bindparam(f"year_{slot}"), before=sa.bindparam("before") if has_before else None)
            if sign < 0:
                query = query.where(_T.c.kind.not_in(ENDS))
            if has_month:
                query = query.where(
                    _T.c.at >= sa.bindparam("since", type_=_T.c.at.type), _T.c.at < sa.bindparam("until", type_=_T.c.at.type)
                )
            found.append((query.limit(_at_most(limit)) if limit else query.order_by(None)).subquery())
    return found


def _at_most(rows: int) -> Any:
    """A limit that stands in the statement itself: PostgreSQL's plan for every value would expect a tenth of the ledger, and read all of it."""
    return sa.literal(rows, literal_execute=True)


def _by_index(query: Any, own: Any, vintage: Any, *, before: Any = None, newer_than: Any = None) -> Any:
    """Rows of a vintage from the newest, in the very order of the index (own, id).

    With `own = …` PostgreSQL may walk the primary key backwards instead, through the rows of everybody else, when a wallet has many.
    """
    query = query.where(own <= vintage) if before is None else query.where(sa.tuple_(own, _T.c.id) < sa.tuple_(vintage, before))
    query = query.where(own >= vintage) if newer_than is None else query.where(sa.tuple_(own, _T.c.id) > sa.tuple_(vintage, newer_than))
    return query.order_by(own.desc(), _T.c.id.desc())


@functools.lru_cache(maxsize=256)
def built(years: int, signs: tuple[int, ...], has_before: bool, has_month: bool, wanted: int) -> Any:
    """The statement of a page, built once for each shape: building it takes longer than the database takes to answer it."""
    merged = sa.union_all(*(sa.select(q) for q in _sides(years, signs, has_before, has_month, wanted))).subquery()
    return _told(sa.select(merged).order_by(merged.c.id.desc()).limit(_at_most(wanted)).subquery())


def _told(newest: Any) -> Any:
    """Rows with what explains them: how a hold ended, what was reversed, the version of the rules, whose the other side is."""
    ends, back, later = sa.alias(_T), sa.alias(_T), sa.alias(_H)
    prolonged = sa.exists().where(later.c.source == _H.c.source, later.c.sequence > _H.c.sequence).correlate(_H)
    return (
        sa.select(
            newest, ends.c.kind.label("end_kind"), ends.c.amount.label("end_amount"), ends.c.at.label("end_at"),
            _H.c.expires_at, sa.and_(_H.c.state == HoldState.voided, prolonged).label("is_prolonged"),
            back.c.at.label("back_at"), back.c.amount.label("back_amount"),
            _P.c.number, _P.c.rounding, _P.c.cap, _W.c.kind.label("other_kind"),
        )
        .join(_P, _P.c.id == newest.c.policy_id)
        .join(_V, _V.c.id == newest.c.other_id)
        .join(_W, _W.c.id == _V.c.wallet_id)
        .outerjoin(_H, _H.c.id == newest.c.hold_id)
        .outerjoin(ends, ends.c.ends_id == newest.c.id)
        .outerjoin(back, back.c.id == newest.c.reverses_id)
        .order_by(newest.c.id.desc())
    )  # fmt: skip


@functools.lru_cache(maxsize=64)
def summed(years: int, most: int) -> Any:
    parts = []
    for slot in range(years):
        for own, sign in ((_T.c.debit_id, -1), (_T.c.credit_id, 1)):
            query = sa.select(_T.c.id, _T.c.kind, _T.c.amount, _T.c.hold_id, sa.literal(sign).label("sign"))
            query = _by_index(query, own, sa.bindparam(f"year_{slot}"), newer_than=sa.bindparam("newer_than"))
            parts.append(sa.select(query.limit(_at_most(most)).subquery()))
    newer, ends, now = sa.union_all(*parts).subquery(), sa.alias(_T), sa.bindparam("now", type_=_H.c.expires_at.type)
    # asked row by row, through their indexes: joined, PostgreSQL would read both tables from end to end
    spent = sa.select(sa.case((ends.c.kind == TransferKind.post, -ends.c.amount), else_=0)).where(ends.c.ends_id == newer.c.id)
    live = sa.select(sa.case((_H.c.expires_at > now, -newer.c.amount), else_=0)).where(_H.c.id == newer.c.hold_id)
    effect = sa.case(
        (newer.c.kind.in_(ENDS), 0),
        (newer.c.kind != TransferKind.hold, newer.c.sign * newer.c.amount),
        else_=sa.func.coalesce(spent.correlate(newer).scalar_subquery(), live.correlate(newer).scalar_subquery()),
    )
    return sa.select(sa.func.coalesce(sa.func.sum(effect), 0), sa.func.count()).select_from(newer)


@functools.lru_cache(maxsize=16)
def last_before(years: int) -> Any:
    """The newest row before a moment, `since`."""
    parts = []
    for slot in range(years):
        for own in (_T.c.debit_id, _T.c.credit_id):
            query = _by_index(sa.select(_T.c.id), own, sa.bindparam(f"year_{slot}"))
            parts.append(sa.select(query.where(_T.c.at < sa.bindparam("since", type_=_T.c.at.type)).limit(_at_most(1)).subquery()))
    return sa.select(sa.func.max(sa.union_all(*parts).subquery().c.id))
