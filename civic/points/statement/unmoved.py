"""Hours that moved nothing in the wallet of whoever served: earnings without a row of her own.

The wallet was full or closed or her group gives, so that everything went to the care pool; the day had reached its most; a correction took
back what was spent already, so that all of it became due.  She served, so the statement has a line for it (lines.py).
The newest come first, by moment, because such an earning has no place among the ids of the ledger.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from civic.core.db import db
from civic.points.models import Earning, Policy, Reason, Transfer, Vintage

_E, _T, _P, _V = Earning.__table__, Transfer.__table__, Policy.__table__, Vintage.__table__


class Earner(Protocol):
    """A wallet: who earned into it, in which programme."""

    @property
    def id(self) -> int: ...
    @property
    def person_id(self) -> int | None: ...
    @property
    def programme_id(self) -> int: ...


@dataclass(frozen=True)
class Wish:
    """Which of them.  is_down: those that took (True), those that gave (False), all (None); row, earning: only what lies below (0: from the top)."""

    is_down: bool | None = None
    moments: tuple[datetime, datetime] | None = None
    row: int = 0
    earning: int = 0


def count(wallet: Earner, wish: Wish) -> int:
    """How many there are; a household earns nothing."""
    if wallet.person_id is None:
        return 0
    return db.session.scalar(_counted(wish.is_down, wish.moments is not None), _values(wallet, wish)) or 0


def newest(wallet: Earner, wish: Wish, limit: int, floor: datetime | None = None) -> Sequence[Any]:
    """The newest of them, none older than `floor`: one statement."""
    if wallet.person_id is None:
        return ()
    values = _values(wallet, wish) | ({"floor": floor} if floor is not None else {})
    query = _built(wish.is_down, wish.moments is not None, wish.row > 0, wish.earning > 0, floor is not None, limit)
    return db.session.execute(query, values).all()


def _values(wallet: Earner, wish: Wish) -> dict[str, Any]:
    found: dict[str, Any] = {"person": wallet.person_id, "programme": wallet.programme_id, "wallet": wallet.id}
    if wish.moments is not None:
        found["since"], found["until"] = wish.moments
    return found | {"row": wish.row, "earning": wish.earning}


def _moment(name: str) -> Any:
    return sa.bindparam(name, type_=_E.c.at.type)


def _before(name: str = "amount") -> Any:
    """What the revision before had earned, hundredths, or another column of it; none for a first one."""
    earlier = sa.alias(_E)
    query = sa.select(earlier.c[name]).where(earlier.c.source == _E.c.source, earlier.c.revision < _E.c.revision)
    return query.order_by(earlier.c.revision.desc()).limit(1).correlate(_E).scalar_subquery()


def _less() -> Any:
    """Hundredths of the revision before that went back (operations/earning.py `taken_back`); none for a first one."""
    before = _before()
    return sa.case((_before("is_donated") != _E.c.is_donated, before), (_E.c.amount < before, before - _E.c.amount), else_=0)


def _which(query: Any, is_down: bool | None, has_month: bool) -> Any:
    """Hers, without a row in her wallet.  The row is asked for one by one through the index of sources: joined, PostgreSQL would read the ledger."""
    hers = sa.select(_V.c.id).where(_V.c.wallet_id == sa.bindparam("wallet"))
    own = sa.or_(_T.c.reason == Reason.earned, sa.and_(_T.c.reason == Reason.corrected, _T.c.debit_id.in_(hers)))
    row = sa.select(sa.literal(1)).where(_T.c.source == _E.c.source, _T.c.earning_id == _E.c.id, own).limit(1)
    query = query.where(
        _E.c.person_id == sa.bindparam("person"),
        _E.c.programme_id == sa.bindparam("programme"),
        row.correlate(_E).scalar_subquery().is_(None),
    )
    if is_down is not None:
        took = _less() > 0
        query = query.where(took if is_down else sa.not_(took))
    if has_month:
        query = query.where(_E.c.at >= _moment("since"), _E.c.at < _moment("until"))
    return query


@functools.lru_cache(maxsize=16)
def _counted(is_down: bool | None, has_month: bool) -> Any:
    return _which(sa.select(sa.func.count(_E.c.id)), is_down, has_month)


@functools.lru_cache(maxsize=256)
def _built(is_down: bool | None, has_month: bool, has_row: bool, has_earning: bool, has_floor: bool, limit: int) -> Any:
    query = sa.select(
        _E.c.id, _E.c.source, _E.c.revision, _E.c.minutes, _E.c.counted, _E.c.rate, _E.c.service_type, _E.c.hour_class, _E.c.on,
        _E.c.amount, _E.c.at, _P.c.number, _P.c.rounding, _P.c.cap, _before().label("before"), _less().label("less"),
    ).join(_P, _P.c.id == _E.c.policy_id)  # fmt: skip
    query = _which(query, is_down, has_month)
    if has_earning:
        last = sa.alias(_E)
        at = sa.select(last.c.at).where(last.c.id == sa.bindparam("earning")).scalar_subquery()
        query = query.where(sa.or_(_E.c.at < at, sa.and_(_E.c.at == at, _E.c.id < sa.bindparam("earning"))))
    elif has_row:
        query = query.where(_E.c.at < sa.func.coalesce(_at_of(sa.bindparam("row")), _at_of(sa.bindparam("row") - 1)))
    if has_floor:
        query = query.where(_E.c.at >= _moment("floor"))
    return query.order_by(_E.c.at.desc(), _E.c.id.desc()).limit(limit)


def _at_of(row_id: Any) -> Any:
    """The row where the page before ended; a link to a line begins its page one above the line's row."""
    return sa.select(_T.c.at).where(_T.c.id == row_id).scalar_subquery()


# ---- where the points of hours went -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Went:
    """Beside what a line moved: where the same hours' points went; hundredths.

    pool: to the care pool, and why (`cap`, `donated`, `closed`); back: taken back from it; set_off: a reversal had taken it already;
    due: it was spent, so later points pay it.
    """

    pool: int = 0
    why: str = ""
    back: int = 0
    set_off: int = 0
    due: int = 0


NOTHING = Went()


def went(earnings: Iterable[tuple[int, str]], own: dict[int, int]) -> dict[int, Went]:
    """By earning: one statement.  earnings: (id, source); own: hundredths that its line took from the wallet."""
    wanted = list(earnings)
    if not wanted:
        return {}
    query = (
        sa.select(
            _E.c.id,
            _E.c.amount,
            _E.c.offset,
            _less().label("less"),
            _before("is_donated").label("was_given"),
            _T.c.reason,
            _T.c.amount.label("moved"),
            _T.c.detail,
        )
        .outerjoin(
            _T,
            sa.and_(_T.c.source == _E.c.source, _T.c.earning_id == _E.c.id, _T.c.reason.in_([Reason.overflow, Reason.corrected])),
        )
        .where(_E.c.source.in_({source for _id, source in wanted}), _E.c.id.in_({id_ for id_, _source in wanted}))
        .order_by(_E.c.id)
    )
    rows: dict[int, list[Any]] = {}
    for row in db.session.execute(query):
        rows.setdefault(row.id, []).append(row)
    return {id_: _went(each, own.get(id_, 0)) for id_, each in rows.items()}


def _went(rows: Sequence[Any], own: int) -> Went:
    first = rows[0]
    over = [row for row in rows if row.reason is Reason.overflow]
    taken = sum(row.moved for row in rows if row.reason is Reason.corrected)
    why = next((word for word in ("donated", "closed", "cap") if any(f'"why": "{word}"' in row.detail for row in over)), "")
    due = 0 if first.was_given else max(0, first.less - first.offset - taken)  # what the pool had is the pool's to pay
    return Went(sum(row.moved for row in over), why, taken - own, first.offset, due)
